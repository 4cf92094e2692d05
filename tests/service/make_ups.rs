//! Make-up sessions: booked in one call where everybody is free, kept over publications, logged and counted against what
//! they make up, and gone when cancelled or in the way.

use bellwether::api::State;
use bellwether::config::Settings;
use bellwether::domain::actor::Actor;
use bellwether::domain::id::{DistrictId, EducatorId, SchoolId, SectionId, TermId};
use bellwether::domain::log::{MissReason, Said};
use bellwether::domain::run::RunSettings;
use bellwether::domain::session::{Meeting, Purpose, SessionStatus};
use bellwether::domain::time::{Date, Tz, instant, to_utc};
use bellwether::store::makeup::{self, Booking};
use bellwether::store::schedules;
use bellwether::store::sessions::{self, Visible, Wanted};
use bellwether::store::{Db, StoreError, giving_way, minutes};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::access::house::{House, logged};
use crate::fresh::on_both;
use crate::runs::written;

pub fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("an instant").to_utc()
}

/// Afternoon of the day on which the house's session of a service was held.
pub const AFTER: &str = "2026-09-01T20:00:00Z";

/// A house whose educator is free and licensed on Tuesdays.
pub async fn house(db: Db) -> House {
    let house = House::build(db).await;
    let educator = house.own.id("educators");
    for (kind, body) in [
        ("availability", json!({"educator_id": educator, "days": ["tue"], "start": "09:30", "end": "16:00"})),
        (
            "licenses",
            json!({"educator_id": educator, "state": "AZ", "area": "slp", "grades": ["03"], "issued_on": "2024-07-01", "expires_on": "2026-12-20"}),
        ),
    ] {
        let answer = house.people[0].post(&format!("/api/v1/{kind}"), &body).await;
        assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
    }
    house
}

/// Books the missed session of the house for this Tuesday at this time, on its afternoon.
pub async fn book(house: &House, on: Date, starts: &str) -> Result<Booking, StoreError> {
    let entry = logged(&house.db, &house.own, &Said::missed(MissReason::ProviderAbsent)).await;
    let mut tx = house.db.write("test").await.expect("writes");
    tx.at = at(AFTER);
    let booking = makeup::book(&mut tx, &entry, on, starts.parse().expect("a clock")).await?;
    tx.commit().await.expect("commits");
    Ok(booking)
}

async fn week(house: &House) -> Value {
    let answer = house.people[1].get("/api/v1/minutes?on=2026-09-02").await;
    let items = answer.body.as_array().unwrap_or_else(|| panic!("{answer:?}"));
    let of = |item: &&Value| item["service_ids"][0] == house.own.id("services");
    let ledger = &items.iter().find(of).expect("the service's ledger")["ledger"];
    let periods = ledger["periods"].as_array().expect("periods");
    periods.iter().find(|period| period["period"] == "week 2026-08-31").expect("the week").clone()
}

pub fn section(house: &House, on: Date, starts: &str) -> Meeting {
    let side = &house.own;
    let (tz, starts) = (Tz::America__Phoenix, starts.parse::<bellwether::domain::time::Clock>().expect("a clock"));
    let from = to_utc(tz, on, starts.minutes());
    let section: SectionId = side.parsed("sections");
    Meeting {
        key: format!("section/{section}/{on}/P1"),
        educator_id: side.parsed::<EducatorId>("educators"),
        school_id: side.parsed::<SchoolId>("schools"),
        district_id: side.parsed::<DistrictId>("districts"),
        purpose: Purpose::Section(section),
        students: Vec::new(),
        held_on: on,
        starts,
        ends: bellwether::domain::time::Clock::from_minutes(starts.minutes() + 50).expect("a clock"),
        tz,
        starts_at: instant(from),
        ends_at: instant(from + 50),
        minutes: 50,
        status: SessionStatus::Planned,
    }
}

/// Publishes these meetings for the house's own district at this instant.
pub async fn publish(house: &House, now: &str, meetings: Vec<Meeting>) -> schedules::Done {
    let (term_id, districts): (TermId, Vec<DistrictId>) =
        (house.own.parsed("terms"), vec![house.own.parsed("districts")]);
    let mut tx = house.db.write("test").await.expect("writes");
    tx.at = at(now);
    let done = written(&mut tx, term_id, districts, RunSettings::default(), "{}".into(), meetings)
        .await
        .expect("is published");
    tx.commit().await.expect("commits");
    done
}

/// Sessions of the house's educator: their days, and whether they make something up.
pub async fn held(house: &House) -> Vec<(String, bool)> {
    let wanted = Wanted {
        from: at("2026-08-01T00:00:00Z"),
        to: at("2027-01-01T00:00:00Z"),
        educator_id: Some(house.own.parsed("educators")),
        school_id: None,
        district_id: None,
    };
    let mut tx = house.db.read().await.expect("reads");
    let listed = sessions::list(&mut tx, &Visible::ALL, wanted, None, 100).await.expect("lists");
    let told = |l: &sessions::Listed| (l.session.meeting.held_on.to_string(), l.session.makes_up.is_some());
    listed.iter().map(told).collect()
}

#[tokio::test]
async fn a_booked_make_up_is_a_session_that_counts_against_what_was_missed_and_only_once() {
    on_both(async |db| {
        let house = house(db).await;
        let made = book(&house, Date::ymd(2026, 9, 8), "09:30").await.expect("is booked");
        assert_eq!((made.minutes, made.ends.to_string()), (50, "10:20".into()));
        let now = week(&house).await;
        // 50 were missed where 30 were owed: 30 of the booked ones count for the week, the others beyond it.
        let told = [&now["owed"], &now["scheduled"], &now["booked"], &now["to_make_up"], &now["beyond"]["scheduled"]];
        assert_eq!(told, [30, 30, 30, 0, 20], "{now}");
        assert_eq!((&now["missed"], &now["beyond"]["missed"]), (&json!({}), &json!(0)), "{now}");

        // Nothing is left to book, and what is booked is a session for whoever may see it.
        let refused = book(&house, Date::ymd(2026, 9, 15), "09:30").await.expect_err("is refused");
        assert!(matches!(&refused, StoreError::Invalid(why) if why[0].message.contains("is booked")), "{refused}");
        let path = format!("/api/v1/make-ups/{}", made.session_id);
        let shown = house.people[4].get(&path).await;
        assert_eq!(shown.body["makes_up"], json!(made.makes_up), "{shown:?}");
        let listed = house.people[4].get("/api/v1/sessions?from=2026-09-08T00:00:00Z&to=2026-09-09T00:00:00Z").await;
        assert_eq!(listed.body["items"][0]["makes_up"], json!(made.makes_up), "{listed:?}");
        let feed = house.people[4].post(&format!("/api/v1/educators/{}/feeds", house.own.id("educators")), &json!({})).await;
        let feed = house.people[4].get(feed.body["path"].as_str().unwrap_or_else(|| panic!("{feed:?}"))).await;
        let text = feed.text;
        assert!(text.contains("SUMMARY:Make-up session") && text.contains(&made.session_id.to_string()), "{text}");

        // Logged as others, it gives what was missed; saying what else it makes up is refused.
        let log = format!("/api/v1/sessions/{}/log", made.session_id);
        let other = json!({"entries": [{"service_id": house.own.id("services"), "outcome": "delivered", "makes_up": bellwether::domain::id::fresh()}]});
        let answer = house.people[4].send("PUT", &log, &[], &other).await;
        assert_eq!(answer.refused(422, "bad_fields")[0]["pointer"], "/entries/0/makes_up", "{answer:?}");
        let said = json!({"entries": [{"service_id": house.own.id("services"), "outcome": "delivered"}]});
        let entry = house.people[4].send("PUT", &log, &[], &said).await;
        assert_eq!((&entry.body[0]["makes_up"], &entry.body[0]["delivered_minutes"]), (&json!(made.makes_up), &json!(50)), "{entry:?}");
        let now = week(&house).await;
        assert_eq!([&now["delivered"], &now["made_up"], &now["booked"], &now["beyond"]["delivered"]], [30, 30, 0, 20], "{now}");
        let answer = house.people[1].raw("DELETE", &path, &[], axum::body::Body::empty()).await;
        assert_eq!(answer.status.as_u16(), 422, "what is logged is not cancelled: {answer:?}");
    })
    .await;
}

#[tokio::test]
async fn a_make_up_that_was_missed_itself_leaves_the_first_miss_to_be_made_up_and_adds_none() {
    on_both(async |db| {
        let house = house(db).await;
        let made = book(&house, Date::ymd(2026, 9, 8), "09:30").await.expect("is booked");
        let said =
            json!({"entries": [{"service_id": house.own.id("services"), "outcome": "missed", "reason": "technical"}]});
        let entry = house.people[4].send("PUT", &format!("/api/v1/sessions/{}/log", made.session_id), &[], &said).await;
        assert_eq!(entry.status.as_u16(), 200, "{entry:?}");
        let now = week(&house).await;
        assert_eq!([&now["missed"]["provider_absent"], &now["to_make_up"], &now["booked"]], [30, 30, 0], "{now}");
        assert_eq!(now["missed"].as_object().map(serde_json::Map::len), Some(1), "{now}");
        book(&house, Date::ymd(2026, 9, 15), "09:30").await.expect("is booked once more");
    })
    .await;
}

#[tokio::test]
async fn a_time_that_does_not_suit_everybody_is_refused() {
    on_both(async |db| {
        let house = house(db).await;
        // A Wednesday; before she begins; beyond the window; off the grid; while she is off; yesterday.
        for (on, starts) in [
            (Date::ymd(2026, 9, 9), "09:30"),
            (Date::ymd(2026, 9, 8), "09:00"),
            (Date::ymd(2026, 9, 8), "10:30"),
            (Date::ymd(2026, 9, 8), "09:37"),
            (Date::ymd(2026, 10, 6), "09:30"),
            (Date::ymd(2026, 9, 1), "09:30"),
        ] {
            let refused = book(&house, on, starts).await.expect_err("is refused");
            assert!(
                matches!(&refused, StoreError::Invalid(why) if why[0].pointer == "/starts"),
                "{on} {starts}: {refused}"
            );
        }
        // A time taken between the look and the booking: the database itself refuses a second session of anybody.
        publish(&house, "2026-09-01T21:00:00Z", vec![section(&house, Date::ymd(2026, 9, 15), "09:40")]).await;
        let refused = book(&house, Date::ymd(2026, 9, 15), "09:30").await.expect_err("is refused");
        assert!(matches!(&refused, StoreError::Invalid(_)), "{refused}");
        let entry = logged(&house.db, &house.own, &Said::missed(MissReason::ProviderAbsent)).await;
        let made = book(&house, Date::ymd(2026, 9, 8), "09:30").await.expect("is booked");
        let slot = bellwether::domain::makeup::Slot {
            educator_id: made.educator_id,
            held_on: Date::ymd(2026, 9, 15),
            starts: "09:30".parse().expect("a clock"),
            ends: "10:20".parse().expect("a clock"),
            tz: Tz::America__Phoenix,
            starts_at: at("2026-09-15T16:30:00Z"),
        };
        let mut tx = house.db.write("test").await.expect("writes");
        let refused = makeup::keep(&mut tx, &entry, &slot).await.expect_err("is refused");
        assert!(matches!(refused, StoreError::Overlap(_)), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_publication_leaves_make_ups_where_they_are_and_cancels_one_whose_time_it_takes() {
    on_both(async |db| {
        let house = house(db).await;
        let made = book(&house, Date::ymd(2026, 9, 8), "09:30").await.expect("is booked");
        let both = |starts: &str| {
            vec![section(&house, Date::ymd(2026, 9, 8), starts), section(&house, Date::ymd(2026, 9, 15), "08:00")]
        };
        let done = publish(&house, "2026-09-02T12:00:00Z", both("08:00")).await;
        assert_eq!(
            (done.tally.added, done.tally.removed),
            (2, 0),
            "what was held on the first of September stays: {done:?}"
        );
        let kept: Vec<_> = [
            ("2026-09-01", false),
            ("2026-09-01", false),
            ("2026-09-08", false),
            ("2026-09-08", true),
            ("2026-09-15", false),
        ]
        .map(|(on, makes_up)| (on.to_owned(), makes_up))
        .to_vec();
        assert_eq!(held(&house).await, kept);
        assert_eq!(week(&house).await["booked"], 30);

        // A section at ten on that day: the make-up gives way, its educator is told, the minutes are to be made up.
        let mut tx = house.db.read().await.expect("reads");
        tx.at = at("2026-09-03T12:00:00Z");
        let way = giving_way::to_schedule(&mut tx, house.own.parsed("terms"), &both("10:00")).await;
        let way: Vec<_> = way.expect("is known before").iter().map(|(one, _)| one.session_id).collect();
        assert_eq!(way, [made.session_id]);
        drop(tx);
        let done = publish(&house, "2026-09-03T12:00:00Z", both("10:00")).await;
        assert!(done.touched.contains(&made.educator_id));
        assert!(held(&house).await.iter().all(|(_, makes_up)| !makes_up));
        let now = week(&house).await;
        assert_eq!([&now["booked"], &now["to_make_up"], &now["scheduled"]], [0, 30, 0], "{now}");
    })
    .await;
}

#[tokio::test]
async fn what_has_begun_stays_as_it_was_held_whatever_is_published_later() {
    on_both(async |db| {
        let house = house(db).await;
        let days =
            |days: [u32; 3], starts: &str| days.map(|day| section(&house, Date::ymd(2026, 9, day), starts)).to_vec();
        publish(&house, "2026-09-02T12:00:00Z", days([7, 14, 21], "08:00")).await;
        // On the 14th, while its session runs: it and the one before stay, the next ones move to Thursday.
        let done = publish(&house, "2026-09-14T15:10:00Z", days([10, 17, 24], "08:00")).await;
        assert_eq!((done.tally.added, done.tally.changed, done.tally.removed), (2, 0, 1), "{done:?}");
        let found: Vec<String> = held(&house).await.into_iter().map(|(on, _)| on).collect();
        assert_eq!(found, ["2026-09-01", "2026-09-01", "2026-09-07", "2026-09-14", "2026-09-17", "2026-09-24"]);
        // A schedule that would have her elsewhere before the running one ends leaves that day alone.
        let done = publish(&house, "2026-09-14T15:20:00Z", days([14, 17, 24], "08:30")).await;
        assert_eq!((done.tally.added, done.tally.changed, done.tally.removed), (0, 2, 0), "{done:?}");
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_make_up_is_to_be_made_up_again_as_is_one_that_an_absence_reported_late_shows_was_not_held() {
    on_both(async |db| {
        let house = house(db).await;
        let made = book(&house, Date::ymd(2026, 9, 8), "09:30").await.expect("is booked");
        let mut tx = house.db.write("test").await.expect("writes");
        tx.at = at("2026-09-02T12:00:00Z");
        let booking = makeup::find(&mut tx, made.session_id).await.expect("is there");
        makeup::cancel(&mut tx, &booking, "asked for").await.expect("is cancelled");
        tx.commit().await.expect("commits");
        assert_eq!(week(&house).await["to_make_up"], 30);

        let made = book(&house, Date::ymd(2026, 9, 15), "09:30").await.expect("is booked again");
        let away = json!({"term_id": house.own.id("terms"), "first_on": "2026-09-15", "last_on": "2026-09-15"});
        let path = format!("/api/v1/educators/{}/absences", house.own.id("educators"));
        let plan = house.people[1].post(&path, &away).await;
        assert_eq!(plan.body["duties"], json!([]), "nobody stands in for a make-up: {plan:?}");
        assert_eq!(plan.body["missed"][0]["session_id"], json!(made.session_id), "{plan:?}");
        let approve = format!("/api/v1/absences/{}/approve", plan.body["absence"]["id"].as_str().expect("an id"));
        let decided = house.people[1].post(&approve, &json!({})).await;
        assert_eq!(decided.status.as_u16(), 200, "{decided:?}");
        let now = week(&house).await;
        assert_eq!([&now["booked"], &now["to_make_up"]], [0, 30], "{now}");
        let shown = house.people[1].get(&format!("/api/v1/make-ups/{}", made.session_id)).await;
        assert_eq!([&shown.body["status"], &shown.body["logged"]], [&json!("planned"), &json!(true)], "{shown:?}");
    })
    .await;
}

#[tokio::test]
async fn ledgers_that_are_kept_in_memory_know_of_a_booking_and_of_its_end_at_once() {
    on_both(async |db| {
        let house = house(db).await;
        let state = State::new(house.db.clone(), Settings::default());
        let booked = async || {
            let wanted = minutes::Wanted { student: Some(house.own.parsed("students")), ..minutes::Wanted::default() };
            let found = state.ledgers(&Actor::program("test"), wanted, Date::ymd(2026, 9, 2)).await.expect("ledgers");
            found.iter().map(|account| account.ledger.total.booked).sum::<i64>()
        };
        logged(&house.db, &house.own, &Said::missed(MissReason::ProviderAbsent)).await;
        assert_eq!(booked().await, 0);
        let made = book(&house, Date::ymd(2026, 9, 8), "09:30").await.expect("is booked");
        assert_eq!((booked().await, booked().await), (30, 30), "read from the store, and then as it is kept");
        let mut tx = house.db.write("test").await.expect("writes");
        tx.at = at("2026-09-02T12:00:00Z");
        makeup::cancel(&mut tx, &made, "asked for").await.expect("is cancelled");
        tx.commit().await.expect("commits");
        assert_eq!(booked().await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_next_bell_is_the_next_beginning_or_end_of_a_session_of_the_term() {
    on_both(async |db| {
        let house = house(db).await;
        publish(&house, "2026-09-02T12:00:00Z", vec![section(&house, Date::ymd(2026, 9, 14), "08:00")]).await;
        let mut tx = house.db.read().await.expect("reads");
        for (now, bell) in [
            ("2026-09-14T14:59:00Z", Some("2026-09-14T15:00:00Z")),
            ("2026-09-14T15:00:00Z", Some("2026-09-14T15:50:00Z")),
            ("2026-09-14T15:50:00Z", None),
        ] {
            tx.at = at(now);
            assert_eq!(
                sessions::next_bell(&mut tx, house.own.parsed("terms")).await.expect("reads"),
                bell.map(at),
                "{now}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_student_who_is_destroyed_leaves_no_make_up_behind() {
    on_both(async |db| {
        let house = house(db).await;
        book(&house, Date::ymd(2026, 9, 8), "09:30").await.expect("is booked");
        let path = format!("/api/v1/students/{}/purge", house.own.id("students"));
        let answer = house.people[3].post(&path, &json!({"purpose": "a test"})).await;
        assert!(answer.status.is_success(), "{answer:?}");
        assert!(held(&house).await.iter().all(|(_, makes_up)| !makes_up));
        assert_eq!(held(&house).await.len(), 1, "the section alone");
        let mut tx = house.db.read().await.expect("reads");
        let wanted = minutes::Wanted { student: Some(house.own.parsed("students")), ..minutes::Wanted::default() };
        assert!(minutes::subjects(&mut tx, &Actor::program("test"), wanted).await.expect("reads").is_empty());
    })
    .await;
}
