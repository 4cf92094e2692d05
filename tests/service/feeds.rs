//! A published term in a feed, read by an independent iCalendar library: an Arizona educator teaches in New York.

use axum::http::StatusCode;
use bellwether::domain::run::RunState;
use bellwether::domain::time::{self, Date};
use bellwether::engine::problem::{self, Problem};
use bellwether::store::Db;
use bellwether::store::sessions::Listed;
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
    let days = ["mon", "tue", "wed", "thu", "fri"];
    let closed: Vec<Date> =
        [Date::ymd(first.year(), 11, 25)].into_iter().filter(|day| (first..=last).contains(day)).collect();
    let document = json!({
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
    });
    problem::read(document.to_string().as_bytes()).unwrap_or_else(|issues| panic!("{issues:?}"))
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

fn read(feed: &str) -> Vec<Event> {
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

/// The sessions of this problem, solved and published, and what a calendar program reads of its educator's feed.
async fn subscribed(db: &Db, problem: &Problem) -> (Vec<Listed>, Vec<Event>) {
    let (state, term) = office_of(db, problem).await;
    let worker = AtWork::start(db, own(), 1);
    let run = asked(&state, term).await;
    assert_eq!(until(&state, run, |run| run.state.is_final()).await.state, RunState::Succeeded);
    worker.stop().await;
    state.publish(&ana(), run).await.expect("is published");

    let sessions = published(db).await;
    let educator = sessions[0].session.meeting.educator_id;
    let made = text(ask(&state, &format!("/api/v1/educators/{educator}/feeds"), "POST").await).await;
    let made: Value = serde_json::from_str(&made).expect("json");
    let feed = ask(&state, made["path"].as_str().expect("a path"), "GET").await;
    assert_eq!(feed.status(), StatusCode::OK);
    (sessions, read(&text(feed).await))
}

#[tokio::test]
async fn in_the_last_month_of_a_school_year_its_first_day_is_still_in_the_feed() {
    on_both(async |db| {
        let today = Date(time::now().date_naive());
        let (first, last) = (today.plus_days(-330), today.plus_days(20));
        let (sessions, events) = subscribed(&db, &problem(first, last)).await;
        let told = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%MZ").to_string();
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
        let told: Vec<String> = instants.iter().map(|at| at.format("%Y-%m-%dT%H:%MZ").to_string()).collect();
        assert_eq!(told, events.iter().map(|event| event.starts.clone()).collect::<Vec<_>>());
        let uids: std::collections::BTreeSet<&str> = events.iter().map(|event| event.uid.as_str()).collect();
        assert_eq!(uids.len(), events.len());
    })
    .await;
}
