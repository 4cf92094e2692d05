//! A problem small enough to read: one district in Arizona, four weeks, one educator who can do everything.

use bellwether::engine::outcome::{Limits, Outcome};
use bellwether::engine::problem::Problem;
use bellwether::engine::{Quiet, plan};
use serde_json::{Value, json};

/// Sections of five periods a week (`s1` P1, `s2` P2), services of two sessions a week (`i1`, `i2`).
pub const OWED: (i64, i64) = (20 * 50, 8 * 30);

/// Nothing to teach yet.
pub fn base() -> Value {
    json!({
        "format": "staffing-problem/1",
        "term": {"first": "2026-09-07", "last": "2026-10-02"},
        "districts": [{"id": "d1", "state": "AZ", "tz": "America/Phoenix", "calendar": {
            "first": "2026-08-10", "last": "2026-12-18", "bell_schedule": {"default": "regular"}}}],
        "schools": [{"id": "q1", "district": "d1", "bell_schedules": [{"id": "regular", "periods": [
            {"id": "P1", "start": "09:00", "end": "09:50"},
            {"id": "P2", "start": "10:00", "end": "10:50"}]}]}],
        "courses": [{"id": "algebra", "areas": ["mathematics"]}, {"id": "geometry", "areas": ["mathematics"]}],
        "sections": [],
        "services": [],
        "educators": [educator("e1")],
    })
}

pub fn educator(id: &str) -> Value {
    let license = |area: &str| json!({"state": "AZ", "area": area, "grades": ["07"], "issued": "2020-07-01", "expires": "2030-06-30"});
    json!({
        "id": id,
        "tz": "America/Phoenix",
        "licenses": [license("mathematics"), license("speech")],
        "clearances": ["AZ"],
        "availability": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "08:00", "end": "16:00"}],
        "max_minutes_per_week": 1500,
    })
}

pub fn section(id: &str, course: &str, period: &str, priority: i64) -> Value {
    json!({"id": id, "school": "q1", "course": course, "grades": ["07"], "priority": priority, "meets": [{"period": period}]})
}

/// Half an hour twice a week on Monday or Tuesday at `start`, and at no other time.
pub fn service(id: &str, start: &str, end: &str, priority: i64) -> Value {
    json!({"id": id, "student": format!("pupil-{id}"), "school": "q1", "service": "speech", "areas": ["speech"],
        "grade": "07", "minutes": 30, "times": 2, "per": "week", "priority": priority,
        "windows": [{"days": ["mon", "tue"], "start": start, "end": end}]})
}

pub fn add(problem: &mut Value, list: &str, row: Value) {
    match problem[list].as_array_mut() {
        Some(rows) => rows.push(row),
        None => problem[list] = json!([row]),
    }
}

pub fn read(problem: &Value) -> Problem {
    serde_json::from_value(problem.clone()).expect("a tiny problem reads")
}

pub fn solve(problem: &Problem) -> Outcome {
    let limits = Limits { nodes: Some(200), threads: 1, ..Limits::default() };
    plan(problem, &limits, None, &Quiet).expect("every tiny problem has an outcome")
}
