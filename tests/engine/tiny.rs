//! A hand-made problem of ten school days in which every figure can be reckoned in the head.

use bellwether::engine::outcome::{self, Schedule, Verdict};
use bellwether::engine::problem::{self, Problem};
use bellwether::engine::verify::verify;
use serde_json::{Value, json};

/// Two sections of fifty minutes, three services of thirty, two educators who may do it all. In
/// [`schedule`] the first educator has 530 minutes a week, 130 of them on Monday, ten minutes apart.
pub fn problem() -> Value {
    let educator = |id: &str| {
        json!({
            "id": id, "tz": "America/New_York", "clearances": ["NY"],
            "licenses": [
                {"state": "NY", "area": "math", "grades": ["09"], "issued": "2026-09-14", "expires": "2026-09-25"},
                {"state": "NY", "area": "slp", "grades": ["03", "06"], "issued": "2026-09-14", "expires": "2026-09-25"},
            ],
            "availability": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "08:00", "end": "11:00"}],
            "max_minutes_per_week": 600, "pay_cents_per_minute": 2, "activation_cents": 100, "prep_cents": 30,
        })
    };
    let service = |id: &str, student: &str, kind: &str, grade: &str| {
        json!({
            "id": id, "student": student, "school": "sc", "service": kind, "areas": ["slp"], "grade": grade,
            "minutes": 30, "times": 1, "per": "week", "max_group": 2,
            "windows": [{"days": ["mon", "wed"], "start": "10:00", "end": "11:00"}],
        })
    };
    json!({
        "format": "staffing-problem/1", "name": "tiny", "grid_minutes": 1,
        "term": {"first": "2026-09-14", "last": "2026-09-25"},
        "weights": {"unserved_cents_per_minute": 10, "change_cents": 5000},
        "districts": [{"id": "d", "name": "D", "state": "NY", "tz": "America/New_York", "calendar": {
            "first": "2026-09-14", "last": "2026-09-25", "bell_schedule": {"default": "regular"}}}],
        "schools": [{"id": "sc", "district": "d", "name": "S", "bell_schedules": [{"id": "regular", "periods": [
            {"id": "P1", "start": "08:00", "end": "08:50"}, {"id": "P2", "start": "09:00", "end": "09:50"}]}]}],
        "courses": [{"id": "alg", "areas": ["math"]}, {"id": "geo", "areas": ["math"]}],
        "sections": [
            {"id": "s1", "school": "sc", "course": "alg", "grades": ["09"], "meets": [{"period": "P1"}], "bundle": "b"},
            {"id": "s2", "school": "sc", "course": "geo", "grades": ["09"], "meets": [{"period": "P2"}], "bundle": "b"},
        ],
        "services": [
            service("v1", "st1", "speech", "03"), service("v2", "st2", "speech", "06"), service("v3", "st1", "voice", "03"),
        ],
        "educators": [educator("e1"), educator("e2")],
        "incumbents": [{"need": "s1", "educator": "e1"}], "pins": [{"need": "s1", "educator": "e1"}],
        "vetoes": [], "together": [{"id": "t", "needs": ["v1", "v3"], "cents": 70}],
    })
}

/// Both sections and the group of v1 and v2 with e1; v3 right after v1 with e2.
pub fn schedule() -> Value {
    let session = |service: &str, educator: &str, start: &str| json!({"service": service, "educator": educator, "sessions": [{"day": "mon", "start": start, "weeks": null}]});
    json!({
        "format": "staffing-schedule/1",
        "sections": [{"section": "s1", "educator": "e1"}, {"section": "s2", "educator": "e1"}],
        "services": [session("v1", "e1", "10:00"), session("v2", "e1", "10:00"), session("v3", "e2", "10:30")],
    })
}

/// Put a value at a JSON pointer whose parent exists.
pub fn set(document: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer below the root");
    match document.pointer_mut(parent).expect("the parent exists") {
        Value::Array(items) if name == "-" => items.push(value),
        Value::Array(items) => items[name.parse::<usize>().expect("an index")] = value,
        parent => parent[name] = value,
    }
}

pub fn read_problem(document: &Value) -> Problem {
    problem::read(document.to_string().as_bytes()).expect("a good problem")
}

pub fn read_schedule(document: &Value) -> Schedule {
    outcome::read(document.to_string().as_bytes()).expect("a well-formed schedule")
}

pub fn judge(problem: &Value, schedule: &Value) -> Verdict {
    verify(&read_problem(problem), &read_schedule(schedule))
}

/// The codes of the broken rules, each once.
pub fn codes(verdict: &Verdict) -> Vec<&str> {
    let mut codes: Vec<&str> = verdict.violations.iter().map(|row| row.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}
