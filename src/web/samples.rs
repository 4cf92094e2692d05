//! Made-up values for the tests of pages.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::domain::actor::Actor;
use crate::domain::id::{RecordId as _, RunId, TermId};
use crate::domain::run::{Run, RunSettings, RunState};
use crate::domain::time::Date;
use crate::engine::outcome::{Cost, Counts, NearestFix, Report, Status, Unserved, WaterfallStep};
use crate::store::directory::TermNumbers;

pub fn actor() -> Actor {
    Actor::program("Ana <i>Lopez</i>")
}

pub fn now() -> DateTime<Utc> {
    "2026-11-24T15:00:00Z".parse().expect("an instant")
}

pub fn term() -> TermNumbers {
    TermNumbers {
        id: TermId::fresh(),
        name: "Fall <b>2026</b>".into(),
        first_on: Date::ymd(2026, 8, 10),
        last_on: Date::ymd(2026, 12, 18),
        districts: 4,
        sections: 1200,
        services: 150,
        educators: 60,
    }
}

pub fn run(state: RunState, status: Option<&str>) -> Run {
    Run {
        id: RunId::fresh(),
        term_id: TermId::fresh(),
        district_ids: Vec::new(),
        state,
        settings: RunSettings::default(),
        engine_version: "0.1.0".into(),
        problem_sha256: String::new(),
        created_by: "local".into(),
        created_at: now() - TimeDelta::seconds(95),
        started_at: Some(now() - TimeDelta::seconds(90)),
        ended_at: state.is_final().then(now),
        attempt: 1,
        failures: 0,
        cancel_asked: false,
        last_event: 3,
        progress: Some(json!({ "t": 90.0, "incumbent": 1_234_567, "bound": 1_229_629, "gap": 0.004 })),
        schedule_sha256: Some(String::new()),
        status: status.map(Into::into),
        cause: None,
        schedule_id: None,
    }
}

pub fn step(filter: &str, remaining: usize) -> WaterfallStep {
    WaterfallStep { filter: filter.into(), rule: "H01".into(), remaining }
}

pub fn unserved(need: &str, waterfall: Vec<WaterfallStep>) -> Unserved {
    Unserved {
        need: need.into(),
        minutes_owed: 900,
        minutes_served: 300,
        waterfall,
        reason: "nobody is licensed <for> it".into(),
        nearest: Some(NearestFix {
            educator: "e1".into(),
            rule: "H01".into(),
            change: "add a license row".into(),
            minutes_gained: 600,
            confirmed: "re-checked against the schedule".into(),
        }),
        nearest_tried: 1,
    }
}

pub fn report(status: Status, gap: f64) -> Report {
    Report {
        status,
        objective: 1_234_567,
        bound: 1_229_629,
        gap,
        bound_from: "linear relaxation".into(),
        cost: Cost { unserved: 1_000_000, pay: 234_567, ..Cost::default() }.summed(),
        unstaffable: 60_000,
        counts: Counts {
            sections: 12,
            sections_served: 11,
            services: 5,
            services_served: 3,
            services_partly_served: 1,
            educators: 9,
            educators_used: 6,
            minutes_owed: 9000,
            minutes_served: 8100,
            ..Counts::default()
        },
        unserved: vec![
            unserved("n1", vec![step("state", 4), step("area", 0)]),
            unserved("n2", vec![step("state", 4), step("area", 2), step("conflicts", 0)]),
        ],
        violations: Vec::new(),
        seconds: 90.0,
        peak_rss_bytes: 0,
    }
}
