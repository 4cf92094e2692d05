//! A published term in feeds, read by two independent iCalendar libraries (icalendar for Python, calcard for Rust): an
//! Arizona educator teaches in New York.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use bellwether::api::State;
use bellwether::domain::run::RunState;
use bellwether::domain::time::{self, Date, Tz};
use bellwether::engine::problem::{self, Problem};
use bellwether::store::Db;
use bellwether::store::sessions::Listed;
use calcard::icalendar::{ICalendar, ICalendarProperty, ICalendarValue};
use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fresh::on_both;
use crate::runs::{AtWork, ana, ask, asked, office_of, own, published, text, until};

/// October to April of the school year whose November a feed still shows.
fn school_year() -> (Date, Date) {
    let today = time::now().date_naive();
    let year = if today.month() <= 3 { today.year() - 1 } else { today.year() };
    (Date::ymd(year, 10, 1), Date::ymd(year + 1, 4, 30))
}

/// Algebra at one o'clock in New York on Mondays and Wednesdays; its one educator sits in Phoenix.
fn problem(first: Date, last: Date) -> Problem {
    checked(&document(first, last))
}

fn checked(document: &Value) -> Problem {
    problem::read(document.to_string().as_bytes()).unwrap_or_else(|issues| panic!("{issues:?}"))
}

fn document(first: Date, last: Date) -> Value {
    let days = ["mon", "tue", "wed", "thu", "fri"];
    let closed: Vec<Date> =
        [Date::ymd(first.year(), 11, 25)].into_iter().filter(|day| (first..=last).contains(day)).collect();
    json!({
        "format": "staffing-problem/1", "name": "two clocks", "term": {"first": first, "last": last},
        "districts": [{"id": "ny", "name": "Hudson Falls", "state": "NY", "tz": "America/New_York", "calendar": {
            "first": first, "last": last, "closed": closed, "bell_schedule": {"default": "regular"}}}],
        "schools": [{"id": "hs", "district": "ny", "name": "Hudson High School", "bell_schedules": [
            {"id": "regular", "periods": [{"id": "P6", "start": "13:00", "end": "13:45"}]}]}],
        "courses": [{"id": "alg", "name": "Algebra I", "areas": ["mathematics"]}],
        "sections": [{"id": "s1", "school": "hs", "course": "alg", "grades": ["09"],
            "meets": [{"period": "P6", "days": ["mon", "wed"]}]}],
        "services": [],
        "educators": [{"id": "e1", "tz": "America/Phoenix", "clearances": ["NY"], "max_minutes_per_week": 1200,
            "licenses": [{"state": "NY", "area": "mathematics", "grades": ["09"], "issued": "2020-07-01", "expires": "2060-06-30"}],
            "availability": [{"days": days, "start": "10:00", "end": "11:45"}]}],
    })
}

/// The same, and a school in Arizona with a service on Tuesdays and a class on Thursdays, which somebody in Denver takes.
fn two_states(first: Date, last: Date) -> Problem {
    let mut all = document(first, last);
    let mut add = |to: &str, row: Value| all[to].as_array_mut().expect("a list").push(row);
    add(
        "districts",
        json!({"id": "az", "name": "Mesa; \\\"Unified\\\", AZ", "state": "AZ", "tz": "America/Phoenix", "calendar": {
        "first": first, "last": last, "bell_schedule": {"default": "regular"}}}),
    );
    add(
        "schools",
        json!({"id": "es", "district": "az", "name": "Niños, Elementary", "bell_schedules": [
        {"id": "regular", "periods": [{"id": "P1", "start": "08:00", "end": "08:45"}]}]}),
    );
    add(
        "sections",
        json!({"id": "s2", "school": "es", "course": "alg", "grades": ["09"], "meets": [{"period": "P1", "days": ["thu"]}]}),
    );
    add(
        "services",
        json!({"id": "i1", "student": "st", "school": "es", "service": "speech-language", "areas": ["speech-language-pathology"],
        "grade": "03", "minutes": 30, "times": 1, "per": "week", "windows": [{"days": ["tue"], "start": "09:00", "end": "11:00"}]}),
    );
    let license = |area: &str, grade: &str| json!({"state": "AZ", "area": area, "grades": [grade], "issued": "2020-07-01", "expires": "2060-06-30"});
    add(
        "educators",
        json!({"id": "e2", "tz": "America/Denver", "clearances": ["AZ"], "max_minutes_per_week": 1200,
        "licenses": [license("mathematics", "09"), license("speech-language-pathology", "03")],
        "availability": [{"days": ["tue", "thu"], "start": "07:00", "end": "14:00"}]}),
    );
    checked(&all)
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Event {
    uid: String,
    title: String,
    place: String,
    starts: String,
    ends: String,
    /// On the clock of Phoenix.
    local: String,
}

/// A feed as both libraries read it, in the order of the starts.
fn read(feed: &str) -> Vec<Event> {
    let sorted = |mut events: Vec<Event>| {
        events.sort_by(|one, other| (&one.starts, &one.uid).cmp(&(&other.starts, &other.uid)));
        events
    };
    let events = sorted(by_icalendar(feed));
    assert_eq!(events, sorted(by_calcard(feed)), "one library reads what the other does");
    events
}

fn by_calcard(feed: &str) -> Vec<Event> {
    let read = ICalendar::parse(feed).expect("a calendar");
    let held = read.expand_dates(calcard::common::timezone::Tz::Floating, 100_000);
    assert!(held.errors.is_empty(), "{:?}", held.errors);
    let events = held.events.into_iter().map(|event| {
        let event = event.try_into_date_time().expect("it ends");
        let one = &read.components[usize::try_from(event.comp_id).expect("few")];
        let text = |property| {
            let value = one.property(property).and_then(|entry| entry.values.first());
            value.and_then(ICalendarValue::as_text).expect("a text").to_owned()
        };
        Event {
            uid: text(&ICalendarProperty::Uid),
            title: text(&ICalendarProperty::Summary),
            place: text(&ICalendarProperty::Location),
            starts: told(event.start.to_utc()),
            ends: told(event.end.to_utc()),
            local: event.start.with_timezone(&Tz::America__Phoenix).format("%Y-%m-%d %H:%M").to_string(),
        }
    });
    events.collect()
}

fn told(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%MZ").to_string()
}

fn by_icalendar(feed: &str) -> Vec<Event> {
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("feed.ics");
    std::fs::write(&file, feed).expect("writes");
    let python = std::env::var("BELLWETHER_PYTHON").unwrap_or_else(|_| {
        format!("{}/.venv/bin/python", std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| ".".into()))
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/service/feed_reader.py");
    let output = std::process::Command::new(&python).arg(script).arg(&file).arg("America/Phoenix").output();
    let output = output.unwrap_or_else(|error| panic!("{python}: {error}; script/test sets BELLWETHER_PYTHON"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the reader says what it read")
}

/// Sundays at which US clocks move: the first of November, the second of March.
fn changes(first: Date) -> (Date, Date) {
    let year = first.year();
    let sunday = |month, nth: u8| {
        let sundays = (1..=31).map(|day| Date::ymd(if month > 6 { year } else { year + 1 }, month, day));
        sundays.filter(|date| date.format("%a").to_string() == "Sun").nth(usize::from(nth - 1)).expect("a Sunday")
    };
    (sunday(11, 1), sunday(3, 2))
}

/// An office where this problem is solved and published, and the sessions of it.
async fn opened(db: &Db, problem: &Problem) -> (State, Vec<Listed>) {
    let (state, term) = office_of(db, problem).await;
    let worker = AtWork::start(db, own(), 1);
    let run = asked(&state, term).await;
    assert_eq!(until(&state, run, |run| run.state.is_final()).await.state, RunState::Succeeded);
    worker.stop().await;
    state.publish(&ana(), run).await.expect("is published");

    (state, published(db).await)
}

/// What calendar programs read of a feed made at this address.
async fn feed(state: &State, owner: &str) -> Vec<Event> {
    let made = text(ask(state, &format!("/api/v1/{owner}/feeds"), "POST").await).await;
    let made: Value = serde_json::from_str(&made).expect("json");
    let feed = ask(state, made["path"].as_str().expect("a path"), "GET").await;
    assert_eq!(feed.status(), StatusCode::OK);
    read(&text(feed).await)
}

/// The same of the one educator of this problem.
async fn subscribed(db: &Db, problem: &Problem) -> (Vec<Listed>, Vec<Event>) {
    let (state, sessions) = opened(db, problem).await;
    let educator = sessions[0].session.meeting.educator_id;
    let events = feed(&state, &format!("educators/{educator}")).await;
    (sessions, events)
}

#[tokio::test]
async fn in_the_last_month_of_a_school_year_its_first_day_is_still_in_the_feed() {
    on_both(async |db| {
        let today = Date(time::now().date_naive());
        let (first, last) = (today.plus_days(-330), today.plus_days(20));
        let (sessions, events) = subscribed(&db, &problem(first, last)).await;
        let held: Vec<String> = sessions.iter().map(|row| told(row.session.meeting.starts_at)).collect();
        assert!(held[0] < first.plus_days(7).to_string(), "the first week has its sessions: {}", held[0]);
        assert_eq!(events.into_iter().map(|event| event.starts).collect::<Vec<_>>(), held);
    })
    .await;
}

#[tokio::test]
async fn an_arizona_educator_of_a_new_york_class_reads_every_meeting_at_its_instant() {
    on_both(async |db| {
        let (first, last) = school_year();
        let (sessions, events) = subscribed(&db, &problem(first, last)).await;

        // Every Monday and Wednesday but the closed day, reckoned here from the calendar alone.
        let (autumn, spring) = changes(first);
        let all = (0..).map(|n| first.plus_days(n)).take_while(|date| *date <= last);
        let held: Vec<Date> = all
            .filter(|date| ["Mon", "Wed"].contains(&date.format("%a").to_string().as_str()))
            .filter(|date| date.format("%m-%d").to_string() != "11-25")
            .collect();
        assert_eq!(events.len(), held.len());
        assert_eq!(events.len(), sessions.len());
        for (event, date) in events.iter().zip(&held) {
            let winter = *date >= autumn && *date < spring;
            let (utc, phoenix) = if winter { (18, 11) } else { (17, 10) };
            assert_eq!(event.starts, format!("{date}T{utc}:00Z"));
            assert_eq!(event.ends, format!("{date}T{utc}:45Z"));
            assert_eq!(event.local, format!("{date} {phoenix}:00"));
            assert_eq!((event.title.as_str(), event.place.as_str()), ("Algebra I", "Hudson High School"));
        }
        for month in ["-11-", "-03-", "-04-"] {
            let expected = held.iter().filter(|date| date.to_string().contains(month)).count();
            assert!(expected >= 8, "the term has its months");
            assert_eq!(events.iter().filter(|event| event.starts.contains(month)).count(), expected);
        }
        // The rows hold the same instants, and no two events share a UID.
        let mut instants: Vec<DateTime<Utc>> = sessions.iter().map(|row| row.session.meeting.starts_at).collect();
        instants.sort_unstable();
        assert!(instants.iter().all(|at| at.minute() == 0));
        let rows: Vec<String> = instants.into_iter().map(told).collect();
        assert_eq!(rows, events.iter().map(|event| event.starts.clone()).collect::<Vec<_>>());
        let uids: std::collections::BTreeSet<&str> = events.iter().map(|event| event.uid.as_str()).collect();
        assert_eq!(uids.len(), events.len());
    })
    .await;
}

#[tokio::test]
async fn every_feed_of_a_published_schedule_says_in_two_libraries_what_is_published() {
    on_both(async |db| {
        let (first, last) = school_year();
        let (state, sessions) = opened(&db, &two_states(first, last)).await;
        let mut owners: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for listed in &sessions {
            let meeting = &listed.session.meeting;
            let owned = [
                format!("educators/{}", meeting.educator_id),
                format!("schools/{}", meeting.school_id),
                format!("districts/{}", meeting.district_id),
            ];
            for owner in owned {
                owners.entry(owner).or_default().push(Event {
                    uid: format!("{}@bellwether", listed.session.id),
                    title: listed.course_name.clone().unwrap_or_else(|| "Service session".into()),
                    place: listed.school_name.clone(),
                    starts: told(meeting.starts_at),
                    ends: told(meeting.ends_at),
                    local: meeting.starts_at.with_timezone(&Tz::America__Phoenix).format("%Y-%m-%d %H:%M").to_string(),
                });
            }
        }
        assert_eq!(owners.len(), 6, "two of each: {:?}", owners.keys());
        assert!(sessions.iter().any(|listed| listed.course_name.is_none()), "the service is served");
        for (owner, mut expected) in owners {
            expected.sort_by(|one, other| (&one.starts, &one.uid).cmp(&(&other.starts, &other.uid)));
            assert_eq!(feed(&state, &owner).await, expected, "{owner}");
        }
    })
    .await;
}
