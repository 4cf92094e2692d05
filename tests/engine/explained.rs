//! Explanations of what is unserved: each step of the waterfall, each kind of nearest fix, and that a fix
//! told to a person really serves the need when the problem is solved again.

use bellwether::engine::outcome::{Outcome, Unserved};
use bellwether::engine::verify::verify;
use serde_json::{Value, json};

use crate::shared::generate;
use crate::small::{OWED, add, base, educator, read, section, service, solve};

fn find<'o>(outcome: &'o Outcome, need: &str) -> Option<&'o Unserved> {
    outcome.report.unserved.iter().find(|row| row.need == need)
}

fn remaining(row: &Unserved) -> Vec<usize> {
    row.waterfall.iter().map(|step| step.remaining).collect()
}

/// What is expected of `need` before, and that `fix` serves it.
struct Case {
    problem: Value,
    need: &'static str,
    /// Educators left after each of the ten filters.
    waterfall: [usize; 10],
    reason: &'static str,
    change: &'static str,
    rule: &'static str,
    gained: i64,
}

impl Case {
    /// Solves, compares, applies the fix, and solves again.
    #[track_caller]
    fn holds(self, fix: impl FnOnce(&mut Value)) {
        let outcome = solve(&read(&self.problem));
        let row = find(&outcome, self.need).expect("the need is unserved");
        assert_eq!(remaining(row), self.waterfall, "{}", row.reason);
        assert!(row.reason.contains(self.reason), "{}", row.reason);
        assert!(!row.reason.contains("pupil"), "a student is named: {}", row.reason);
        let nearest = row.nearest.as_ref().expect("one change would serve it");
        assert_eq!((nearest.change.as_str(), nearest.rule.as_str()), (self.change, self.rule));
        assert_eq!(nearest.minutes_gained, self.gained);
        let mut problem = self.problem;
        fix(&mut problem);
        let again = solve(&read(&problem));
        assert!(find(&again, self.need).is_none(), "still unserved: {:?}", find(&again, self.need));
    }
}

/// Two sections, `s2` dearer than `s1`, so that `s1` gives way.
fn rivals() -> Value {
    let mut problem = base();
    add(&mut problem, "sections", section("s1", "algebra", "P1", 1));
    add(&mut problem, "sections", section("s2", "geometry", "P2", 5));
    problem
}

fn one_section() -> Value {
    let mut problem = base();
    add(&mut problem, "sections", section("s1", "algebra", "P1", 1));
    problem
}

fn one_service() -> Value {
    let mut problem = base();
    add(&mut problem, "services", service("i1", "09:00", "10:00", 1));
    problem
}

fn edited(mut problem: Value, edit: impl FnOnce(&mut Value)) -> Value {
    edit(&mut problem);
    problem
}

#[test]
fn nobody_licensed_in_the_state_or_area_is_told_with_counts_and_no_fix() {
    let away = edited(one_section(), |p| p["educators"][0]["licenses"][0]["state"] = json!("CA"));
    let nobody = edited(away, |p| p["educators"][0]["licenses"][1]["state"] = json!("CA"));
    let outcome = solve(&read(&nobody));
    let row = find(&outcome, "s1").expect("unserved");
    assert_eq!(remaining(row), [0; 10]);
    assert_eq!(row.reason, "none of the 1 educators is licensed in AZ");
    assert_eq!((row.nearest.as_ref(), row.nearest_tried), (None, 0));

    let artist = edited(one_section(), |p| p["educators"][0]["licenses"][0]["area"] = json!("art"));
    let outcome = solve(&read(&artist));
    let row = find(&outcome, "s1").expect("unserved");
    assert_eq!(remaining(row), [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(row.reason, "1 educator is licensed in AZ, but none for mathematics");
    assert_eq!(row.nearest, None);
}

#[test]
fn a_missing_grade_is_added_to_the_license() {
    let problem = edited(one_section(), |p| p["educators"][0]["licenses"][0]["grades"] = json!(["08"]));
    let case = Case {
        problem,
        need: "s1",
        waterfall: [1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        reason: "1 educator is licensed for mathematics in AZ, but none for grade 07",
        change: "add grade 07 to the AZ license of e1 for mathematics",
        rule: "H01",
        gained: OWED.0,
    };
    case.holds(|p| add(&mut p["educators"][0]["licenses"][0], "grades", json!("07")));
}

#[test]
fn a_license_that_ends_mid_term_is_renewed() {
    let problem = edited(one_section(), |p| p["educators"][0]["licenses"][0]["expires"] = json!("2026-09-15"));
    let case = Case {
        problem,
        need: "s1",
        waterfall: [1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
        reason: "but none from 2026-09-07 through 2026-10-02",
        change: "renew the AZ license of e1 for mathematics, which ends 2026-09-15, until 2026-10-02",
        rule: "H01",
        gained: OWED.0,
    };
    case.holds(|p| p["educators"][0]["licenses"][0]["expires"] = json!("2026-10-02"));
}

#[test]
fn a_clearance_is_added_in_the_state() {
    let case = Case {
        problem: edited(one_service(), |p| p["educators"][0]["clearances"] = json!([])),
        need: "i1",
        waterfall: [1, 1, 1, 1, 0, 0, 0, 0, 0, 0],
        reason: "1 educator is licensed for speech in AZ, but none is cleared there",
        change: "clear e1 in AZ",
        rule: "H02",
        gained: OWED.1,
    };
    case.holds(|p| p["educators"][0]["clearances"] = json!(["AZ"]));
}

#[test]
fn a_language_is_added() {
    let case = Case {
        problem: edited(one_section(), |p| p["sections"][0]["languages"] = json!(["spanish"])),
        need: "s1",
        waterfall: [1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
        reason: "cleared there, but none has spanish",
        change: "add spanish to the languages of e1, if they have it",
        rule: "H03",
        gained: OWED.0,
    };
    case.holds(|p| p["educators"][0]["languages"] = json!(["spanish"]));
}

#[test]
fn a_veto_is_lifted() {
    let case = Case {
        problem: edited(one_section(), |p| add(p, "vetoes", json!({"educator": "e1", "school": "q1"}))),
        need: "s1",
        waterfall: [1, 1, 1, 1, 1, 1, 0, 0, 0, 0],
        reason: "but every one is vetoed at q1",
        change: "lift the veto between e1 and q1",
        rule: "H04",
        gained: OWED.0,
    };
    case.holds(|p| p["vetoes"] = json!([]));
}

#[test]
fn availability_is_widened_on_the_educators_own_clock() {
    let window =
        |start: &str, end: &str| json!({"days": ["mon", "tue", "wed", "thu", "fri"], "start": start, "end": end});
    let abroad = edited(one_section(), |p| {
        p["educators"][0]["tz"] = json!("America/New_York");
        p["educators"][0]["availability"] = json!([window("08:00", "12:00")]);
    });
    let case = Case {
        problem: abroad,
        need: "s1",
        waterfall: [1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
        reason: "but none is available at all of its meetings",
        change: "widen the availability of e1 to mon, tue, wed, thu, fri 12:00–12:50 (America/New_York)",
        rule: "H05",
        gained: OWED.0,
    };
    case.holds(|p| add(&mut p["educators"][0], "availability", window("12:00", "12:50")));
}

#[test]
fn a_limit_below_the_need_itself_is_raised() {
    let weekly = Case {
        problem: edited(one_section(), |p| p["educators"][0]["max_minutes_per_week"] = json!(249)),
        need: "s1",
        waterfall: [1, 1, 1, 1, 1, 1, 1, 1, 0, 0],
        reason: "none could carry it even with nothing else to do",
        change: "raise the weekly limit of e1 from 249 to 250 minutes",
        rule: "H07",
        gained: OWED.0,
    };
    weekly.holds(|p| p["educators"][0]["max_minutes_per_week"] = json!(250));
    let daily = Case {
        problem: edited(one_service(), |p| p["educators"][0]["max_minutes_per_day"] = json!(29)),
        need: "i1",
        waterfall: [1, 1, 1, 1, 1, 1, 1, 1, 0, 0],
        reason: "none could carry it",
        change: "raise the daily limit of e1 from 29 to 30 minutes",
        rule: "H08",
        gained: OWED.1,
    };
    daily.holds(|p| p["educators"][0]["max_minutes_per_day"] = json!(30));
}

#[test]
fn limits_used_up_by_other_work_are_raised_by_as_much_as_is_needed() {
    let limits = [
        ("max_preps", 1, 2, "raise max_preps of e1 from 1 to 2", "H09", "1 is at the limit of preps or sections"),
        ("max_sections", 1, 2, "raise max_sections of e1 from 1 to 2", "H09", "1 is at the limit of preps or sections"),
        (
            "max_minutes_per_week",
            400,
            500,
            "raise the weekly limit of e1 from 400 to 500 minutes",
            "H07",
            "1 is at the weekly limit",
        ),
        (
            "max_minutes_per_day",
            90,
            100,
            "raise the daily limit of e1 from 90 to 100 minutes",
            "H08",
            "1 is at the daily limit",
        ),
        ("buffer_minutes", 15, 10, "shorten the buffer of e1 from 15 to 10 minutes", "H06", "1 is busy at its times"),
    ];
    for (field, tight, wide, change, rule, reason) in limits {
        let problem = edited(rivals(), |p| p["educators"][0][field] = json!(tight));
        let waterfall = [1, 1, 1, 1, 1, 1, 1, 1, 1, 0];
        let case = Case { problem, need: "s1", waterfall, reason, change, rule, gained: OWED.0 };
        case.holds(|p| p["educators"][0][field] = json!(wide));
    }
}

#[test]
fn a_full_caseload_is_raised_by_one_student() {
    let problem = edited(one_service(), |p| {
        add(p, "services", service("i2", "11:00", "12:00", 5));
        p["educators"][0]["max_students"] = json!(1);
    });
    let case = Case {
        problem,
        need: "i1",
        waterfall: [1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
        reason: "1 is at the caseload limit",
        change: "raise max_students of e1 from 1 to 2",
        rule: "H10",
        gained: OWED.1,
    };
    case.holds(|p| p["educators"][0]["max_students"] = json!(2));
}

#[test]
fn work_that_is_in_the_way_is_taken_away_where_more_minutes_are_won_than_lost() {
    let mondays = |mut section: Value| {
        section["meets"][0]["days"] = json!(["mon"]);
        section
    };
    let problem = edited(one_section(), |p| add(p, "sections", mondays(section("s2", "algebra", "P1", 9))));
    let case = Case {
        problem,
        need: "s1",
        waterfall: [1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
        reason: "1 educator is qualified and available, but as things stand 1 is busy at its times",
        change: "take section s2 away from e1, which leaves its 200 minutes unserved",
        rule: "H06",
        gained: OWED.0 - 200,
    };
    case.holds(|p| _ = p["sections"].as_array_mut().expect("a list").pop());

    let tight = |id: &str, priority| service(id, "09:00", "09:30", priority);
    let once = |mut service: Value| {
        service["windows"][0]["days"] = json!(["mon"]);
        service
    };
    let problem = edited(base(), |p| {
        add(p, "services", once(tight("i1", 9)));
        p["services"][0]["times"] = json!(1);
        let mut long = service("i2", "09:00", "10:00", 1);
        long["minutes"] = json!(60);
        add(p, "services", once(long));
        p["services"][1]["times"] = json!(1);
    });
    let case = Case {
        problem,
        need: "i2",
        waterfall: [1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
        reason: "1 is busy at its times",
        change: "take service i1 away from e1, which leaves its 120 minutes unserved",
        rule: "H06",
        gained: 4 * 60 - 120,
    };
    case.holds(|p| _ = p["services"].as_array_mut().expect("a list").remove(0));
}

#[test]
fn two_changes_at_once_are_not_a_nearest_fix() {
    let problem = edited(one_section(), |p| {
        p["educators"][0]["clearances"] = json!([]);
        p["educators"][0]["max_minutes_per_week"] = json!(100);
    });
    let outcome = solve(&read(&problem));
    let row = find(&outcome, "s1").expect("unserved");
    assert_eq!((row.nearest.as_ref(), row.nearest_tried), (None, 1));
    assert!(row.reason.contains("none is cleared there"), "{}", row.reason);
}

#[test]
fn a_bundle_is_explained_as_a_whole() {
    let problem = edited(rivals(), |p| {
        p["sections"][0]["bundle"] = json!("b1");
        p["sections"][1]["bundle"] = json!("b1");
        p["educators"][0]["max_sections"] = json!(1);
    });
    for need in ["s1", "s2"] {
        let case = Case {
            problem: problem.clone(),
            need,
            waterfall: [1, 1, 1, 1, 1, 1, 1, 1, 0, 0],
            reason: "bundle b1 (2 sections) moves as a whole, to one educator or to none: 1 educator is qualified",
            change: "raise max_sections of e1 from 1 to 2",
            rule: "H09",
            gained: 2 * OWED.0,
        };
        case.holds(|p| p["educators"][0]["max_sections"] = json!(2));
    }
}

#[test]
fn a_service_that_found_one_slot_of_two_says_so() {
    let mondays = |days: Value| json!([{"days": days, "start": "08:00", "end": "16:00"}]);
    let case = Case {
        problem: edited(one_service(), |p| p["educators"][0]["availability"] = mondays(json!(["mon"]))),
        need: "i1",
        waterfall: [1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
        reason: "served by e1, but 1 of 2 sessions found no slot",
        change: "widen the availability of e1 to tue 09:00–09:30 (America/Phoenix)",
        rule: "H05",
        gained: OWED.1 / 2,
    };
    case.holds(|p| p["educators"][0]["availability"] = mondays(json!(["mon", "tue"])));
}

#[test]
fn time_off_is_told_with_its_dates() {
    let problem = edited(one_section(), |p| {
        p["educators"][0]["time_off"] = json!([{"first": "2026-09-14", "last": "2026-09-15"}]);
    });
    let outcome = solve(&read(&problem));
    let row = find(&outcome, "s1").expect("partly served");
    assert_eq!((row.minutes_owed, row.minutes_served), (1000, 900));
    assert!(row.reason.contains("100 minutes fall on the time off of e1 (2026-09-14 to 2026-09-15)"), "{}", row.reason);
    assert_eq!(row.waterfall[9].remaining, 0);
}

#[test]
fn a_need_that_costs_more_than_it_saves_is_told_with_the_amounts() {
    let problem = edited(one_section(), |p| p["educators"][0]["activation_cents"] = json!(2_000_000));
    let outcome = solve(&read(&problem));
    let row = find(&outcome, "s1").expect("unserved");
    assert_eq!(remaining(row), [1; 10]);
    assert_eq!(
        row.reason,
        "1 educator is free for it, but it costs more than it saves: \
         the cheapest, e1, would add $20000.00 to save $10000.00 (1000 minutes)"
    );
    assert_eq!(row.nearest, None);
}

#[test]
fn the_educator_who_got_furthest_is_the_nearest() {
    let problem = edited(one_section(), |p| {
        p["educators"][0]["clearances"] = json!([]);
        let mut tired = educator("e2");
        tired["max_minutes_per_week"] = json!(240);
        add(p, "educators", tired);
        let mut stranger = educator("e3");
        stranger["licenses"] = json!([]);
        add(p, "educators", stranger);
    });
    let case = Case {
        problem,
        need: "s1",
        waterfall: [2, 2, 2, 2, 1, 1, 1, 1, 0, 0],
        reason: "1 educator is qualified for mathematics in AZ and available",
        change: "raise the weekly limit of e2 from 240 to 250 minutes",
        rule: "H07",
        gained: OWED.0,
    };
    case.holds(|p| p["educators"][1]["max_minutes_per_week"] = json!(250));
}

#[test]
fn on_generated_problems_every_unserved_need_is_explained_and_the_minutes_are_those_of_verify() {
    for seed in 1..=6 {
        let problem = generate(3, 20, 20, 10, seed);
        let outcome = solve(&problem);
        let rows = &outcome.report.unserved;
        let weight = |need: &str| {
            let section = problem.sections.iter().find(|s| s.id == need).map(|s| s.priority);
            let service = problem.services.iter().find(|s| s.id == need).map(|s| s.priority);
            section.or(service).expect("a need of the problem") * problem.weights.unserved_cents_per_minute
        };
        let cents: i64 = rows.iter().map(|row| weight(&row.need) * (row.minutes_owed - row.minutes_served)).sum();
        assert_eq!(cents, verify(&problem, &outcome.schedule).cost.unserved, "seed {seed}");
        for row in rows {
            assert_eq!(row.waterfall.len(), 10);
            let counts = remaining(row);
            assert!(counts[0] <= problem.educators.len(), "{row:?}");
            assert!(counts.is_sorted_by(|before, after| before >= after), "{row:?}");
            assert!(!row.reason.is_empty());
            assert!(problem.services.iter().all(|s| !row.reason.contains(&s.student)), "{}", row.reason);
            if let Some(fix) = &row.nearest {
                assert!(fix.minutes_gained > 0, "{row:?}");
            }
        }
        assert_eq!(solve(&problem), outcome, "seed {seed}: told twice, told the same");
    }
}
