//! Bounds that prices prove, of problems too large for the oracle whose optimum is known by how they were made.

use bellwether::engine::outcome::{Limits, Progress, Status};
use bellwether::engine::problem::{self, Problem};
use bellwether::engine::verify::verify;
use bellwether::engine::{Watch, plan};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};

use crate::shared::generate;

/// Remembers the highest bound that was told of.
struct Highest(AtomicI64);

impl Watch for Highest {
    fn seconds_left(&self) -> f64 {
        f64::INFINITY
    }
    fn should_stop(&self) -> bool {
        false
    }
    fn on_progress(&self, progress: Progress<'_>) {
        self.0.fetch_max(progress.bound.unwrap_or(i64::MIN), Ordering::Relaxed);
    }
}

fn educator(id: &str, pay: i64) -> Value {
    let license = |area: &str| json!({"state": "TX", "area": area, "grades": ["09"], "issued": "2020-01-01", "expires": "2030-01-01"});
    json!({"id": id, "tz": "America/Chicago", "licenses": [license("math"), license("sped")], "clearances": ["TX"],
        "availability": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "07:00", "end": "18:00"}],
        "max_minutes_per_week": 1500, "max_minutes_per_day": 155, "buffer_minutes": 0, "pay_cents_per_minute": pay})
}

/// In every one of some places, an educator whose day has room for three sections of 50 minutes, but not for one of 60 in
/// place of one of 50: which meets three days a week, and would be worth more a day. Somebody else could take the one, or
/// another at the same time.
fn rivals(places: usize) -> Problem {
    let period = |id: &str, start: &str, end: &str| json!({"id": id, "start": start, "end": end});
    let bells = json!([{"id": "regular", "periods": [period("pa", "09:00", "10:00"), period("pb", "09:00", "09:50"),
        period("pz", "09:00", "09:45"), period("pc", "10:15", "11:05"), period("pd", "11:15", "12:05")]}]);
    let (mut schools, mut sections, mut educators) = (Vec::new(), Vec::new(), Vec::new());
    let (mut vetoes, mut pins) = (Vec::new(), Vec::new());
    for place in 0..places {
        for school in ["A", "B", "C"] {
            let id = format!("{school}{place}");
            for other in 0..places {
                for (person, home) in [("e", ["A", "B"]), ("f", ["B", "C"])] {
                    if other != place || !home.contains(&school) {
                        vetoes.push(json!({"educator": format!("{person}{other}"), "school": id}));
                    }
                }
            }
            schools.push(json!({"id": id, "district": "d", "name": school, "bell_schedules": bells}));
        }
        for (section, school, period) in
            [("a", "A", "pa"), ("b", "B", "pb"), ("c", "A", "pc"), ("d", "A", "pd"), ("z", "C", "pz")]
        {
            let meets = if section == "a" {
                json!({"period": period, "days": ["mon", "wed", "fri"]})
            } else {
                json!({"period": period})
            };
            sections
                .push(json!({"id": format!("{section}{place}"), "school": format!("{school}{place}"), "course": "m",
                "grades": ["09"], "meets": [meets]}));
        }
        pins.push(json!({"need": format!("c{place}"), "educator": format!("e{place}")}));
        educators.push(educator(&format!("e{place}"), 1));
        educators.push(educator(&format!("f{place}"), 0));
    }
    // One student whom everybody could serve makes one part of all this.
    let windows = json!([{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "13:00", "end": "18:00"}]);
    let service = json!({"id": "s", "student": "st", "school": "D", "service": "x", "areas": ["sped"], "grade": "09",
        "minutes": 15, "times": 1, "per": "week", "windows": windows});
    schools.push(json!({"id": "D", "district": "d", "name": "D", "bell_schedules": bells}));
    let calendar =
        json!({"first": "2026-09-07", "last": "2026-10-02", "closed": [], "bell_schedule": {"default": "regular"}});
    let text = json!({"format": "staffing-problem/1", "name": "rivals", "term": {"first": "2026-09-07", "last": "2026-10-02"},
        "grid_minutes": 15, "weights": {"unserved_cents_per_minute": 1000, "change_cents": 0},
        "districts": [{"id": "d", "name": "D", "state": "TX", "tz": "America/Chicago", "calendar": calendar}],
        "schools": schools, "courses": [{"id": "m", "name": "Math", "areas": ["math"]}], "sections": sections,
        "services": [service], "educators": educators, "vetoes": vetoes, "together": [], "pins": pins, "incumbents": []});
    problem::read(text.to_string().as_bytes()).expect("good input")
}

#[test]
fn no_bound_is_above_the_optimum_where_a_dearer_section_is_too_much_for_one_day() {
    let problem = rivals(40);
    let highest = Highest(AtomicI64::new(i64::MIN));
    let limits = Limits { nodes: Some(1_000), threads: 1, ..Limits::default() };
    let report = plan(&problem, &limits, None, &highest).expect("an outcome").report;
    assert_eq!(report.status, Status::Optimal);
    let bound = highest.0.into_inner();
    assert!(bound <= report.objective, "a bound of {bound} above a schedule of {}", report.objective);
}

#[test]
fn where_every_section_is_pinned_the_services_are_still_planned() {
    let mut problem = rivals(1);
    let pin = |need: &str, educator: &str| problem::Pair { need: need.into(), educator: educator.into() };
    problem.pins = vec![pin("c0", "e0"), pin("z0", "f0")];
    let service = problem.services[0].clone();
    for n in 0..12 {
        problem.services.push(problem::Service { id: format!("t{n}"), student: format!("u{n}"), ..service.clone() });
    }
    let limits = Limits { nodes: Some(1_000), threads: 1, ..Limits::default() };
    let outcome = plan(&problem, &limits, None, &Highest(AtomicI64::new(0))).expect("an outcome");
    assert!(verify(&problem, &outcome.schedule).valid);
    assert_eq!(outcome.report.counts.services_served, 13);
}

#[test]
fn no_bound_is_above_the_optimum_of_generated_problems() {
    // Mostly sections, and services alone, of which some students have more than there is room for.
    for (seed, sections, services) in (1..=4).flat_map(|seed| [(seed, 60, 10), (seed, 0, 70)]) {
        let problem = generate(5, sections, services, 20, seed);
        let highest = Highest(AtomicI64::new(i64::MIN));
        let limits = Limits { threads: 1, ..Limits::default() };
        let report = plan(&problem, &limits, None, &highest).expect("an outcome").report;
        assert_eq!(report.status, Status::Optimal, "seed {seed}");
        let bound = highest.0.into_inner();
        assert!(bound <= report.objective, "seed {seed}: a bound of {bound} above a schedule of {}", report.objective);
    }
}
