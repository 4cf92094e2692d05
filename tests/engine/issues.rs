//! Input checks: every code has a bad case that yields it alone, at its place; good problems have no issue.

use bellwether::cli;
use bellwether::engine::problem;
use bellwether::engine::rule::{Flaw, Issue};
use serde_json::{Value, json};

use crate::shared;
use crate::tiny::{self, set};

fn issues(text: &str) -> Vec<Issue> {
    problem::read(text.as_bytes()).err().unwrap_or_default()
}

fn told(issues: &[Issue]) -> Vec<(&str, &str)> {
    issues.iter().map(|issue| (issue.code.as_str(), issue.pointer.as_str())).collect()
}

/// The flaw, the place at which it is told, and the change to the tiny problem that brings it about.
fn table() -> Vec<(Flaw, &'static str, &'static str, Value)> {
    let calendar = "/districts/0/calendar";
    let twice = |kind: &str| tiny::problem()[kind][0].clone();
    let row = |need: &str, educator: &str| json!({"need": need, "educator": educator});
    vec![
        (Flaw::Format, "/format", "/format", json!("staffing-problem/2")),
        (Flaw::UnknownField, "/sections/0/meets/0/room", "/sections/0/meets/0/room", json!("12")),
        (Flaw::UnknownField, "/a~1b~0c", "/a/b~c", json!(1)),
        (Flaw::MissingField, "/educators/0/tz", "/educators/0", without("/educators/0", "tz")),
        (
            Flaw::MissingField,
            "/services/0/windows/0/end",
            "/services/0/windows/0",
            without("/services/0/windows/0", "end"),
        ),
        (Flaw::WrongType, "/services/0/minutes", "/services/0/minutes", json!(30.5)),
        (Flaw::WrongType, "/services/0/minutes", "/services/0/minutes", json!("30")),
        (Flaw::WrongType, "/schools/0/name", "/schools/0/name", json!(["S"])),
        (Flaw::WrongType, "/grid_minutes", "/grid_minutes", json!(null)),
        (Flaw::Nul, "/schools/0/name", "/schools/0/name", json!("a\u{0}b")),
        (Flaw::BadDate, "/term/last", "/term/last", json!("2026-02-30")),
        (
            Flaw::BadDate,
            "/districts/0/calendar/bell_schedule/dates/soon",
            "/districts/0/calendar/bell_schedule/dates",
            json!({"soon": "regular"}),
        ),
        (Flaw::BadClock, "/services/0/windows/0/start", "/services/0/windows/0/start", json!("8:00")),
        (Flaw::BadZone, "/educators/1/tz", "/educators/1/tz", json!("US/Springfield")),
        (
            Flaw::BadWeekday,
            "/educators/1/availability/0/days/1",
            "/educators/1/availability/0/days",
            json!(["mon", "Tuesday"]),
        ),
        (Flaw::BadGrade, "/sections/1/grades/0", "/sections/1/grades", json!(["9"])),
        (Flaw::BadPer, "/services/1/per", "/services/1/per", json!("year")),
        (Flaw::EmptyId, "/courses/2/id", "/courses/-", json!({"id": "", "areas": ["art"]})),
        (Flaw::DuplicateId, "/sections/2/id", "/sections/-", twice("sections")),
        (Flaw::DuplicateId, "/services/1/id", "/services/1/id", json!("s1")),
        (Flaw::DuplicateId, "/educators/2/id", "/educators/-", twice("educators")),
        (Flaw::Dangling, "/sections/0/course", "/sections/0/course", json!("art")),
        (Flaw::Dangling, "/pins/1/educator", "/pins/-", row("v3", "e9")),
        (Flaw::Dangling, "/vetoes/0/school", "/vetoes/-", json!({"educator": "e2", "school": "x"})),
        (Flaw::Dangling, "/together/0/needs/1", "/together/0/needs/1", json!("v9")),
        (
            Flaw::Dangling,
            "/districts/0/calendar/bell_schedule/weekdays/wed",
            "/districts/0/calendar/bell_schedule/weekdays",
            json!({"wed": "late"}),
        ),
        (
            Flaw::InvertedDates,
            "/sections/0/last",
            "/sections/0",
            with("/sections/0", json!({"first": "2026-09-16", "last": "2026-09-15"})),
        ),
        (
            Flaw::InvertedDates,
            "/educators/0/licenses/0/expires",
            "/educators/0/licenses/0/expires",
            json!("2026-09-13"),
        ),
        (Flaw::FarDate, "/educators/0/licenses/0/expires", "/educators/0/licenses/0/expires", json!("9999-12-31")),
        (Flaw::LongTerm, "/term/last", "/term/last", json!("2028-11-22")),
        (
            Flaw::OutsideTerm,
            "/districts/0/calendar/last",
            calendar,
            with(calendar, json!({"first": "2025-09-01", "last": "2026-06-12"})),
        ),
        (Flaw::InvertedClocks, "/educators/0/availability/0/end", "/educators/0/availability/0/end", json!("08:00")),
        (
            Flaw::StartAtMidnight,
            "/educators/0/availability/0/start",
            "/educators/0/availability/0/start",
            json!("24:00"),
        ),
        (Flaw::Number, "/educators/0/buffer_minutes", "/educators/0/buffer_minutes", json!(-1)),
        (Flaw::Number, "/grid_minutes", "/grid_minutes", json!(0)),
        (Flaw::Number, "/weights/change_cents", "/weights/change_cents", json!(1_000_000_001)),
        (Flaw::EmptyList, "/sections/0/meets", "/sections/0/meets", json!([])),
        (Flaw::EmptyList, "/services/0/windows", "/services/0/windows", json!([])),
        (Flaw::Repeated, "/services/0/windows/0/days/1", "/services/0/windows/0/days", json!(["mon", "mon"])),
        (Flaw::UnknownPeriod, "/sections/0/meets/0/period", "/sections/0/meets/0/period", json!("P9")),
        (Flaw::UnknownDay, "/services/0/windows/0/days/1", "/services/0/windows/0/days", json!(["mon", "A"])),
        (Flaw::NoCycle, "/sections/0/meets/0/cycle_days/0", "/sections/0/meets/0/cycle_days", json!(["A"])),
        (Flaw::NoCycle, "/services/0/per", "/services/0/per", json!("cycle")),
        (Flaw::CycleLabel, "/districts/0/calendar/cycle/1", "/districts/0/calendar/cycle", json!(["A", "fri"])),
        (Flaw::Times, "/services/0/times", "/services/0/times", json!(8)),
        (Flaw::Times, "/services/0/times", "/services/0", with("/services/0", json!({"per": "month", "times": 5}))),
        (Flaw::Times, "/services/0/times", "/services/0/times", json!(0)),
        (Flaw::ShortWindows, "/services/0/windows", "/services/0/minutes", json!(61)),
        (Flaw::SecondRow, "/incumbents/1/need", "/incumbents/-", row("s1", "e2")),
        (Flaw::VetoedPin, "/pins/0/educator", "/vetoes/-", json!({"educator": "e1", "school": "sc"})),
        (Flaw::SplitPins, "/pins/1/educator", "/pins/-", row("s2", "e2")),
    ]
}

fn without(pointer: &str, field: &str) -> Value {
    let mut part = tiny::problem().pointer(pointer).expect("it exists").clone();
    part.as_object_mut().expect("an object").remove(field);
    part
}

fn with(pointer: &str, fields: Value) -> Value {
    let mut part = tiny::problem().pointer(pointer).expect("it exists").clone();
    let Value::Object(fields) = fields else { unreachable!("fields are an object") };
    part.as_object_mut().expect("an object").extend(fields);
    part
}

#[test]
fn every_flaw_is_told_alone_at_its_place() {
    for (flaw, pointer, at, value) in table() {
        let mut problem = tiny::problem();
        if at == "/a/b~c" {
            problem["a/b~c"] = value;
        } else {
            set(&mut problem, at, value);
        }
        let issues = issues(&problem.to_string());
        assert_eq!(told(&issues), [(flaw.code(), pointer)], "{issues:#?}");
        assert_eq!(issues[0].action, flaw.remedy());
        assert!(!issues[0].cause.is_empty());
    }
}

#[test]
fn text_that_is_not_json_is_one_issue_with_line_and_column() {
    for text in ["", "{\n  \"format\": }", "[1, 2", "\u{feff}{}", "{} {}", &"[".repeat(10_000)] {
        let issues = issues(text);
        assert_eq!(told(&issues), [(Flaw::Json.code(), "")], "{text:.40}");
        assert!(issues[0].cause.contains("line") && issues[0].cause.contains("column"), "{}", issues[0].cause);
    }
}

#[test]
fn costs_that_could_add_up_beyond_exact_sums_are_refused() {
    let mut problem = tiny::problem();
    set(&mut problem, "/weights/unserved_cents_per_minute", json!(1_000_000_000));
    assert_eq!(told(&issues(&problem.to_string())), []);
    set(&mut problem, "/sections/0/priority", json!(1000));
    assert_eq!(told(&issues(&problem.to_string())), [(Flaw::HugeTotal.code(), "/weights")]);
}

#[test]
fn a_field_given_twice_is_told() {
    let text = tiny::problem().to_string().replace(r#""period":"P1""#, r#""period":"P2","period":"P1""#);
    assert_eq!(told(&issues(&text)), [(Flaw::DuplicateKey.code(), "/sections/0/meets/0/period")]);
    let twice = r#""bell_schedule":{"weekdays":{"mon":"regular","mon":"regular"},"#;
    let text = tiny::problem().to_string().replace(r#""bell_schedule":{"#, twice);
    assert_eq!(told(&issues(&text)), [(Flaw::DuplicateKey.code(), "/districts/0/calendar/bell_schedule/weekdays/mon")]);
}

#[test]
fn files_that_cannot_be_read_or_written_are_bad_input() {
    let nowhere = std::path::PathBuf::from("/nonexistent/problem.json");
    let failures = [cli::read_input(&nowhere).map(|_| ()), cli::write_json(&1, Some(&nowhere))];
    for (failure, flaw) in failures.into_iter().zip([Flaw::Unreadable, Flaw::Unwritable]) {
        let Err(cli::Failure::BadInput(issues)) = failure else { panic!("{flaw:?} is bad input") };
        assert_eq!(told(&issues), [(flaw.code(), "")]);
    }
}

#[test]
fn every_flaw_of_the_catalogue_has_a_case() {
    // These have tests of their own, here or with the engine and the store.
    let elsewhere = [
        Flaw::Json,
        Flaw::DuplicateKey,
        Flaw::Unreadable,
        Flaw::Unwritable,
        Flaw::HugeTotal,
        Flaw::ImpossiblePin,
        Flaw::UnknownNeed,
        Flaw::BrokenSchedule,
        Flaw::Refused,
    ];
    for flaw in Flaw::ALL.iter().filter(|flaw| !elsewhere.contains(flaw)) {
        assert!(table().iter().any(|row| row.0 == *flaw), "{} has no case", flaw.code());
    }
}

#[test]
fn one_reading_tells_faults_of_form_and_of_sense_together() {
    let mut problem = tiny::problem();
    set(&mut problem, "/sections/0/grades", json!("09"));
    set(&mut problem, "/sections/1/course", json!("art"));
    set(&mut problem, "/services/0/times", json!(9));
    set(&mut problem, "/services/1/minutes", json!(1.5));
    set(&mut problem, "/educators/1/tz", json!("Mars/Base"));
    set(&mut problem, "/colour", json!("blue"));
    let mut found: Vec<_> = issues(&problem.to_string()).into_iter().map(|issue| issue.pointer).collect();
    found.sort();
    let expected = [
        "/colour",
        "/educators/1/tz",
        "/sections/0/grades",
        "/sections/1/course",
        "/services/0/times",
        "/services/1/minutes",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_schedule_that_is_not_the_format_is_bad_input_and_a_report_beside_it_is_passed_over() {
    let read = |schedule: &Value| bellwether::engine::outcome::read(schedule.to_string().as_bytes());
    let mut schedule = tiny::schedule();
    set(&mut schedule, "/report", json!({"objective": 1}));
    assert!(read(&schedule).is_ok());
    for (at, value, flaw) in [
        ("/format", json!("staffing-problem/1"), Flaw::Format),
        ("/sections/0/educator", json!(7), Flaw::WrongType),
        ("/services/0/sessions/0/start", json!("25:00"), Flaw::BadClock),
        ("/services/0/sessions/0/room", json!("12"), Flaw::UnknownField),
    ] {
        let mut schedule = tiny::schedule();
        set(&mut schedule, at, value);
        assert_eq!(told(&read(&schedule).expect_err("it is malformed")), [(flaw.code(), at)]);
    }
}

#[test]
fn what_the_generator_and_the_published_instances_hold_is_accepted() {
    for (districts, sections, services, educators) in [(1, 0, 0, 0), (2, 10, 10, 5), (4, 30, 30, 12), (8, 120, 150, 60)]
    {
        for seed in 1..=3 {
            shared::generate(districts, sections, services, educators, seed);
        }
    }
    let folder = shared::folder().join("bench/data/smptsp");
    for name in ["data_1_23_40_66.dat.gz", "data_10_51_111_66.dat.gz"] {
        let path = folder.join(name);
        let problem = shared::python("smptsp.py", &[path.to_str().expect("UTF-8")]);
        assert_eq!(told(&issues(&String::from_utf8(problem).expect("UTF-8"))), [], "{name}");
    }
}
