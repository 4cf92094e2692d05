//! Golden vectors 1, 2, 3, 11, 17 and 19 of the domain research, §6, through `verify`.

use std::collections::BTreeMap;

use bellwether::domain::time::Weekday;
use serde_json::{Value, json};

use crate::tiny::{self, codes, judge, set};

fn with_term(problem: &mut Value, first: &str, last: &str) {
    for at in ["/term", "/districts/0/calendar"] {
        set(problem, &format!("{at}/first"), json!(first));
        set(problem, &format!("{at}/last"), json!(last));
    }
    for educator in problem["educators"].as_array_mut().expect("educators") {
        for license in educator["licenses"].as_array_mut().expect("licenses") {
            license["issued"] = json!("2020-07-01");
            license["expires"] = json!("2030-06-30");
        }
    }
}

#[test]
fn vector_1_an_arizona_class_at_eleven_meets_a_new_york_class_at_one_in_winter_only() {
    for (first, last, broken) in [
        ("2026-08-17", "2026-10-30", vec![]),
        ("2026-11-02", "2027-03-12", vec!["H06"]),
        ("2027-03-15", "2027-05-28", vec![]),
        ("2026-08-17", "2027-05-28", vec!["H06"]),
    ] {
        let mut problem = tiny::problem();
        with_term(&mut problem, first, last);
        let mut desert = problem["districts"][0].clone();
        (desert["id"], desert["tz"]) = (json!("az"), json!("America/Phoenix"));
        set(&mut problem, "/districts/-", desert);
        let bells =
            |start: &str, end: &str| json!([{"id": "regular", "periods": [{"id": "P1", "start": start, "end": end}]}]);
        set(&mut problem, "/schools/0/bell_schedules", bells("13:00", "13:45"));
        set(
            &mut problem,
            "/schools/-",
            json!({"id": "az-school", "district": "az", "bell_schedules": bells("11:00", "11:45")}),
        );
        set(&mut problem, "/sections/1/meets/0/period", json!("P1"));
        set(&mut problem, "/sections/1/school", json!("az-school"));
        set(&mut problem, "/educators/0/tz", json!("America/Phoenix"));
        set(&mut problem, "/educators/0/availability/0/end", json!("12:00"));
        let sections = tiny::schedule()["sections"].clone();
        let verdict = judge(&problem, &json!({"format": "staffing-schedule/1", "sections": sections}));
        assert_eq!(codes(&verdict), broken, "{first} to {last}: {:?}", verdict.violations);
    }
}

/// The calendar of §3c.8: 42 weeks, 180 days; Monday 34, Tuesday 37, Wednesday 36, Thursday 37, Friday 36.
fn uneven_year() -> Value {
    let week = |monday: &str| {
        let monday: bellwether::domain::time::Date = monday.parse().expect("a date");
        (0..5).map(move |day| monday.plus_days(day).to_string())
    };
    let mut closed: Vec<String> =
        ["2026-12-21", "2026-12-28", "2027-02-15", "2027-04-05"].into_iter().flat_map(week).collect();
    let single = [
        "2026-09-07",
        "2026-10-12",
        "2026-11-03",
        "2026-11-11",
        "2026-11-25",
        "2026-11-26",
        "2026-11-27",
        "2027-01-18",
        "2027-03-26",
        "2027-05-31",
    ];
    closed.extend(single.map(String::from));
    let mut problem = tiny::problem();
    with_term(&mut problem, "2026-08-24", "2027-06-11");
    set(&mut problem, "/districts/0/calendar/closed", json!(closed));
    set(&mut problem, "/weights/unserved_cents_per_minute", json!(1));
    set(&mut problem, "/services/0/windows/0/days", json!(["mon", "tue", "wed", "thu", "fri"]));
    for list in ["/sections", "/incumbents", "/pins", "/together"] {
        set(&mut problem, list, json!([]));
    }
    let first = problem["services"][0].clone();
    set(&mut problem, "/services", json!([first]));
    problem
}

#[test]
fn vectors_2_and_3_a_year_of_mondays_falls_sixty_minutes_short_and_one_of_tuesdays_does_not() {
    let document = uneven_year();
    let problem = tiny::read_problem(&document);
    let days = problem.districts[0].calendar.instructional_days(problem.term);
    let mut of_weekday: BTreeMap<Weekday, usize> = BTreeMap::new();
    days.iter().for_each(|day| *of_weekday.entry(day.date.weekday()).or_default() += 1);
    assert_eq!((days.len(), of_weekday.into_values().collect::<Vec<_>>()), (180, vec![34, 37, 36, 37, 36]));

    let of_month = |month: &str| days.iter().filter(|day| day.date.to_string().starts_with(month)).count();
    assert_eq!(["2026-09", "2026-10", "2026-11", "2026-12"].map(of_month), [21, 21, 16, 14]);

    let served_on = |day: &str| {
        let row = json!({"service": "v1", "educator": "e1", "sessions": [{"day": day, "start": "10:00"}]});
        let verdict = judge(&document, &json!({"format": "staffing-schedule/1", "services": [row]}));
        assert!(verdict.valid, "{:?}", verdict.violations);
        assert_eq!(verdict.cost.pay % 60, 0, "30 minutes at 2 cents");
        verdict.cost.pay / 2
    };
    let yearly = 36 * 30;
    assert_eq!((served_on("mon"), served_on("tue")), (1020, 1110));
    assert_eq!((yearly - served_on("mon"), yearly - served_on("tue")), (60, -30));
}

#[test]
fn vector_11_a_license_that_ends_on_30_june_serves_through_30_june_and_not_1_july() {
    for (last, broken) in [("2027-06-30", vec![]), ("2027-07-01", vec!["H01"]), ("2027-07-08", vec!["H01"])] {
        let mut problem = tiny::problem();
        with_term(&mut problem, "2027-06-14", "2027-07-16");
        set(&mut problem, "/districts/0/state", json!("IN"));
        set(&mut problem, "/educators/0/clearances", json!(["IN"]));
        let license =
            json!({"state": "IN", "area": "slp", "grades": ["03"], "issued": "2020-07-01", "expires": "2027-06-30"});
        set(&mut problem, "/educators/0/licenses", json!([license]));
        set(&mut problem, "/services/0/last", json!(last));
        set(&mut problem, "/pins", json!([]));
        let services = tiny::schedule()["services"][0].clone();
        let verdict = judge(&problem, &json!({"format": "staffing-schedule/1", "services": [services]}));
        assert_eq!(codes(&verdict), broken, "through {last}");
    }
}

#[test]
fn vector_17_a_school_keeps_its_own_zone_and_not_that_of_its_district() {
    // Olive Elementary ran on Central time inside an Eastern county: 08:00 there is 09:00 in New York.
    for (zone, broken) in [(json!("America/Chicago"), vec![]), (json!(null), vec!["H05"])] {
        let mut problem = tiny::problem();
        set(&mut problem, "/districts/0/tz", json!("America/Indiana/Indianapolis"));
        set(&mut problem, "/schools/0/tz", zone);
        let window = json!([{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "10:50"}]);
        set(&mut problem, "/educators/0/availability", window);
        let sections = tiny::schedule()["sections"].clone();
        let verdict = judge(&problem, &json!({"format": "staffing-schedule/1", "sections": sections}));
        assert_eq!(codes(&verdict), broken);
    }
}

#[test]
fn vector_19_an_early_release_takes_its_last_period_and_the_minutes_of_it_away() {
    let unserved = |calls: Value| {
        let mut problem = tiny::problem();
        let early = json!({"id": "early", "periods": [{"id": "P1", "start": "08:00", "end": "08:30"}]});
        set(&mut problem, "/schools/0/bell_schedules/-", early);
        set(&mut problem, "/districts/0/calendar/bell_schedule", calls);
        set(&mut problem, "/pins", json!([]));
        set(&mut problem, "/incumbents", json!([]));
        set(&mut problem, "/services", json!([]));
        set(&mut problem, "/together", json!([]));
        judge(&problem, &json!({"format": "staffing-schedule/1"})).cost.unserved / 10
    };
    assert_eq!(unserved(json!({"default": "regular"})), 10 * (50 + 50));
    assert_eq!(unserved(json!({"default": "regular", "dates": {"2026-09-16": "early"}})), 10 * 50 - 20 + 9 * 50);
    assert_eq!(unserved(json!({"default": "regular", "weekdays": {"wed": "early"}})), 10 * 50 - 40 + 8 * 50);
}
