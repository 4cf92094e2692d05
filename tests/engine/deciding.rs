//! What people decide before the engine does: cautions that speak against a decision, and locks that cannot be kept.

use std::collections::BTreeSet;

use bellwether::engine::candidates::{Candidate, candidates};
use bellwether::engine::locks::{Broken, broken};
use bellwether::engine::outcome::{Limits, Schedule, SectionAssignment};
use bellwether::engine::problem::Problem;
use bellwether::engine::rule::Caution;
use bellwether::engine::{Quiet, Refusal, plan};
use serde_json::{Value, json};

use crate::small::{add, base, educator, read, section, service};

/// Educators `e1` and `e2` who can do everything; `s1` and `s2` at once, `s3` an hour later, `i1` on two mornings.
fn problem() -> Value {
    let mut problem = base();
    add(&mut problem, "educators", educator("e2"));
    for (id, period) in [("s1", "P1"), ("s2", "P1"), ("s3", "P2")] {
        add(&mut problem, "sections", section(id, "algebra", period, 1));
    }
    add(&mut problem, "services", service("i1", "11:00", "12:00", 1));
    problem
}

fn taught(rows: &[(&str, &str)]) -> Schedule {
    let row = |(section, educator): &(&str, &str)| SectionAssignment {
        section: (*section).into(),
        educator: (*educator).into(),
    };
    Schedule { sections: rows.iter().map(row).collect(), ..Schedule::default() }
}

/// What speaks against giving a need to `e1`.
fn cautions(problem: &Problem, schedule: &Schedule, need: &str) -> Vec<(String, String)> {
    let found = candidates(problem, schedule, need).expect("the need is there");
    let one = found.into_iter().find(|candidate| candidate.educator == "e1").expect("everybody is listed");
    let Candidate { warnings, refused, .. } = one;
    assert_eq!(refused, None, "no rule forbids it");
    warnings.into_iter().map(|warning| (warning.code, warning.said)).collect()
}

#[test]
fn every_caution_is_said_in_its_case_and_none_where_nothing_speaks_against_it() {
    let nothing = Schedule::default();
    for need in ["s1", "i1"] {
        assert_eq!(cautions(&read(&problem()), &nothing, need), [], "{need}");
    }
    let e1 = |field: &str, value: Value| {
        let mut problem = problem();
        problem["educators"][0][field] = value;
        problem
    };
    let mut taken = problem();
    add(&mut taken, "incumbents", json!({"need": "s1", "educator": "e2"}));
    let mut together = problem();
    add(&mut together, "together", json!({"id": "t", "needs": ["s1", "s3"], "cents": 500}));
    let mut license = problem();
    license["educators"][0]["licenses"][0]["expires"] = json!("2026-10-10");
    let away = json!([{"first": "2026-09-14", "last": "2026-09-15"}]);
    let mondays = json!([{"days": ["mon"], "start": "08:00", "end": "16:00"}]);
    // `s2` has nobody else either: e2 may not teach at the school.
    let mut alone = problem();
    add(&mut alone, "vetoes", json!({"educator": "e2", "school": "q1"}));
    let cases = [
        (Caution::Displaces, alone, taught(&[("s2", "e1")]), "s1", "another need would be left to nobody"),
        (Caution::Takes, taken, nothing.clone(), "s1", "somebody else serves it"),
        (Caution::Away, e1("time_off", away), nothing.clone(), "s1", "100 minutes of it"),
        (Caution::Expires, license, nothing.clone(), "s1", "October 10, 2026, 8 days after"),
        (Caution::Full, e1("max_minutes_per_week", json!(275)), nothing.clone(), "s1", "250 of 275 minutes"),
        (Caution::Splits, together, taught(&[("s3", "e2")]), "s1", "somebody else serves a need"),
        (Caution::Fewer, e1("availability", mondays), nothing, "i1", "1 of 2 sessions"),
    ];
    let mut seen = BTreeSet::new();
    for (caution, problem, schedule, need, said) in cases {
        let found = cautions(&read(&problem), &schedule, need);
        let [(code, text)] = found.as_slice() else { panic!("{}: {found:?}", caution.title()) };
        assert_eq!(code, caution.code(), "{found:?}");
        assert!(text.contains(said), "{found:?}");
        seen.insert(caution);
    }
    assert_eq!(seen.len(), Caution::ALL.len(), "a caution has no case");
}

#[test]
fn a_caution_begins_at_its_limit_and_not_one_day_or_minute_before() {
    let mut problem = problem();
    problem["educators"][0]["licenses"][0]["expires"] = json!("2026-11-01"); // thirty days after the last meeting
    problem["educators"][0]["max_minutes_per_week"] = json!(278); // 250 of them are less than nine tenths
    assert_eq!(cautions(&read(&problem), &Schedule::default(), "s1"), []);
    problem["educators"][0]["licenses"][0]["expires"] = json!("2026-10-31");
    problem["educators"][0]["max_minutes_per_week"] = json!(277);
    let found = cautions(&read(&problem), &Schedule::default(), "s1");
    assert_eq!(found.iter().map(|one| one.0.as_str()).collect::<Vec<_>>(), ["W04", "W05"]);
}

#[test]
fn a_lock_is_weighed_against_everybody_else_and_holds_for_other_needs() {
    let mut problem = problem();
    pinned(&mut problem, &[("s1", "e2"), ("i1", "e2")]);
    let free = {
        let mut problem = problem.clone();
        pinned(&mut problem, &[]);
        read(&problem)
    };
    let schedule = taught(&[("s1", "e2")]);
    for need in ["s1", "i1"] {
        let of = |problem: &Problem| candidates(problem, &schedule, need).expect("the need is there");
        let found = of(&read(&problem));
        assert!(found.iter().all(|one| one.refused.is_none() && one.marginal_cents.is_some()), "{need}: {found:?}");
        assert_eq!(found, of(&free), "{need}: what it costs is what it costs without the lock");
    }
    // A lock of another need gives no place to this one.
    pinned(&mut problem, &[("s2", "e1")]);
    let found = candidates(&read(&problem), &taught(&[("s2", "e1")]), "s1").expect("the need is there");
    let e1 = found.into_iter().find(|one| one.educator == "e1").expect("everybody is listed");
    assert_eq!(e1.refused.map(|refused| refused.rule).as_deref(), Some("H06"));
}

fn pinned(problem: &mut Value, pins: &[(&str, &str)]) {
    problem["pins"] = pins.iter().map(|(need, educator)| json!({"need": need, "educator": educator})).collect();
}

#[test]
fn a_lock_that_no_schedule_can_keep_is_told_with_its_rule_and_what_stands_beside_it() {
    let mut problem = problem();
    pinned(&mut problem, &[("s1", "e1"), ("s3", "e1"), ("i1", "e1")]);
    assert_eq!(broken(&read(&problem)), [], "these can be kept");

    // Two at one hour.
    pinned(&mut problem, &[("s1", "e1"), ("s2", "e1")]);
    let found = broken(&read(&problem));
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.pin, one.need.as_str(), one.rule.as_str()), (1, "s2", "H06"));
    assert_eq!(one.beside.as_deref(), Some("s1"));
    // The same is what the engine refuses to begin with.
    let limits = Limits { nodes: Some(200), threads: 1, ..Limits::default() };
    let Err(Refusal::Impossible(issues)) = plan(&read(&problem), &limits, None, &Quiet) else {
        panic!("the pins cannot be kept")
    };
    assert!(issues.iter().any(|issue| *issue == one.issue()), "{issues:?}");
    assert!(issues.iter().all(|issue| issue.code == "P080"), "{issues:?}");

    // Each alone, against a static rule.
    let clear = |field: &str, value: Value, need: &str| {
        let mut problem = self::problem();
        problem["educators"][0][field] = value;
        pinned(&mut problem, &[(need, "e1")]);
        let problem = read(&problem);
        let Err(Refusal::Impossible(issues)) = plan(&problem, &limits, None, &Quiet) else {
            panic!("{field} is not enough")
        };
        let found = broken(&problem);
        assert_eq!(issues, found.iter().map(Broken::issue).collect::<Vec<_>>());
        (found[0].rule.clone(), found[0].why.clone())
    };
    for (field, value, need, rule, why) in [
        ("licenses", json!([]), "s1", "H01", "no license in the school's state"),
        ("clearances", json!([]), "s1", "H02", "no clearance"),
        ("availability", json!([{"days": ["sat"], "start": "08:00", "end": "16:00"}]), "i1", "H05", "not available"),
        ("max_minutes_per_week", json!(249), "s1", "H07", "limits"),
    ] {
        let found = clear(field, value, need);
        assert_eq!(found.0, rule, "{field}: {found:?}");
        assert!(found.1.contains(why), "{field}: {found:?}");
    }
}
