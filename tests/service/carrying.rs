//! What a change leaves of what was held, logged or booked: publications in mid-week and in mid-day, absences that are
//! reported late, amended entries, services that end.

use bellwether::domain::actor::{Actor, Verb};
use bellwether::domain::id::{EducatorId, SchoolId, ServiceId, SessionId, StudentId};
use bellwether::domain::log::{LogEntry, MissReason, Outcome, Said};
use bellwether::domain::records::{Service, Term, TimeOff};
use bellwether::domain::run::RunSettings;
use bellwether::domain::session::{Meeting, Purpose, Session, SessionStatus, SessionStudent};
use bellwether::domain::time::{Clock, Date, Tz, instant, to_utc};
use bellwether::store::absences::{self, Report};
use bellwether::store::runs::{self, NewRun};
use bellwether::store::schedules::{self, Publication};
use bellwether::store::sessions::{self, Visible, Wanted};
use bellwether::store::{self, Db, StoreError, Tx, log, makeup};
use serde_json::{Value, json};

use crate::access::house::{House, logged};
use crate::fresh::on_both;
use crate::make_ups::{self, at, book, held, publish, section};

/// As that of the make-ups, with an educator who is there from Monday to Friday, as the student is.
pub async fn house(db: Db) -> House {
    let house = make_ups::house(db).await;
    let hours = json!({"educator_id": house.own.id("educators"), "days": ["mon", "tue", "wed", "thu", "fri"], "start": "08:00", "end": "16:00"});
    assert_eq!(house.people[0].post("/api/v1/availability", &hours).await.status.as_u16(), 201);
    let mut tx = house.db.write("test").await.expect("writes");
    let service = store::get::<Service>(&mut tx, house.own.parsed("services")).await.expect("is there");
    let windows = json!([{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "11:00"}]);
    let body = Service { windows: serde_json::from_value(windows).expect("windows"), ..service.body };
    store::update(&mut tx, service.id, None, body).await.expect("is changed");
    tx.commit().await.expect("commits");
    house
}

pub fn september(day: u32) -> Date {
    Date::ymd(2026, 9, day)
}

/// Half an hour of the house's service.
pub fn service(house: &House, on: Date, starts: &str) -> Meeting {
    let side = &house.own;
    let (tz, starts) = (Tz::America__Phoenix, starts.parse::<Clock>().expect("a clock"));
    let from = to_utc(tz, on, starts.minutes());
    let educator: EducatorId = side.parsed("educators");
    let (service_id, student_id) = (side.parsed::<ServiceId>("services"), side.parsed::<StudentId>("students"));
    Meeting {
        key: format!("service/{educator}/{on}/{starts}"),
        educator_id: educator,
        school_id: side.parsed::<SchoolId>("schools"),
        district_id: side.parsed("districts"),
        purpose: Purpose::Service("speech".into()),
        students: vec![SessionStudent { service_id, student_id, due: true }],
        held_on: on,
        starts,
        ends: Clock::from_minutes(starts.minutes() + 30).expect("a clock"),
        tz,
        starts_at: instant(from),
        ends_at: instant(from + 30),
        minutes: 30,
        status: SessionStatus::Planned,
    }
}

pub fn services<const N: usize>(house: &House, days: [u32; N]) -> Vec<Meeting> {
    days.map(|day| service(house, september(day), "10:00")).to_vec()
}

pub async fn sessions(house: &House) -> Vec<Session> {
    let wanted = Wanted {
        from: at("2026-09-02T00:00:00Z"),
        to: at("2027-01-01T00:00:00Z"),
        educator_id: None,
        school_id: Some(house.own.parsed("schools")),
        district_id: None,
    };
    let mut tx = house.db.read().await.expect("reads");
    let listed = sessions::list(&mut tx, &Visible::ALL, wanted, None, 100).await.expect("lists");
    listed.into_iter().map(|listed| listed.session).collect()
}

/// The days of September on which the house's student is served after the first of it.
pub async fn served(house: &House) -> Vec<u32> {
    let serves = |session: &&Session| session.meeting.served().next().is_some();
    let found = sessions(house).await;
    found.iter().filter(serves).map(|session| chrono::Datelike::day(&*session.meeting.held_on)).collect()
}

/// The ledger's line of a week as it stands on a day.
pub async fn week(house: &House, on: &str, monday: &str) -> Value {
    let answer = house.people[1].get(&format!("/api/v1/minutes?on={on}")).await;
    let items = answer.body.as_array().unwrap_or_else(|| panic!("{answer:?}"));
    let of = |item: &&Value| item["service_ids"][0] == house.own.id("services");
    let ledger = &items.iter().find(of).expect("the service's ledger")["ledger"];
    let periods = ledger["periods"].as_array().expect("periods");
    periods.iter().find(|period| period["period"] == format!("week {monday}")).expect("the week").clone()
}

pub async fn writes(house: &House, now: &str) -> Tx {
    let mut tx = house.db.write("test").await.expect("writes");
    tx.at = at(now);
    tx
}

/// Says this of a session of the house's service at this instant.
pub async fn says(house: &House, now: &str, session: SessionId, said: Said) -> Result<LogEntry, StoreError> {
    let mut tx = writes(house, now).await;
    let session = log::session(&mut tx, &Actor::program("test"), Verb::Write, session).await?;
    let entries = log::write(&mut tx, &session, &[(house.own.parsed("services"), said)]).await?;
    tx.commit().await?;
    Ok(entries.into_iter().next().expect("an entry"))
}

#[tokio::test]
async fn a_make_up_that_is_logged_before_it_begins_gives_way_as_others_do() {
    on_both(async |db| {
        let house = house(db).await;
        let made = book(&house, september(8), "09:30").await.expect("is booked");
        let missed = Said::missed(MissReason::StudentAbsent);
        says(&house, "2026-09-02T12:00:00Z", made.session_id, missed).await.expect("is known ahead");
        publish(&house, "2026-09-02T13:00:00Z", vec![section(&house, september(8), "08:00")]).await;
        assert!(held(&house).await.contains(&("2026-09-08".into(), true)), "nobody needs its time");
        let done = publish(&house, "2026-09-02T14:00:00Z", vec![section(&house, september(8), "10:00")]).await;
        assert!(done.touched.contains(&made.educator_id));
        assert!(held(&house).await.iter().all(|(_, makes_up)| !makes_up));
        let now = week(&house, "2026-09-03", "2026-08-31").await;
        assert_eq!([&now["to_make_up"], &now["booked"], &now["delivered"]], [30, 0, 0], "{now}");
        book(&house, september(15), "09:30").await.expect("is booked again");
    })
    .await;
}

#[tokio::test]
async fn what_was_held_this_week_is_not_planned_again_for_later_in_it() {
    on_both(async |db| {
        let house = house(db).await;
        publish(&house, "2026-09-02T12:00:00Z", services(&house, [15, 22, 29])).await;
        // On Wednesday the service moves from Tuesdays to Thursdays.
        publish(&house, "2026-09-16T12:00:00Z", services(&house, [17, 24])).await;
        assert_eq!(served(&house).await, [15, 24]);
        let again = publish(&house, "2026-09-16T13:00:00Z", services(&house, [17, 24])).await;
        assert_eq!((again.tally.added, again.tally.changed, again.tally.removed), (0, 0, 0), "{again:?}");
        let now = week(&house, "2026-09-16", "2026-09-14").await;
        assert_eq!([&now["scheduled"], &now["unscheduled"], &now["beyond"]["scheduled"]], [30, 0, 0], "{now}");
        // Twice a week from now on: the second one of this week is still to be held.
        publish(&house, "2026-09-16T14:00:00Z", services(&house, [15, 18, 22, 25])).await;
        assert_eq!(served(&house).await, [15, 18, 22, 25]);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_said_to_have_been_held_before_the_first_publication_unless_it_is_brought_in() {
    for (history, days) in [(false, vec![22, 29]), (true, vec![8, 15, 22, 29])] {
        on_both(async |db| {
            let house = house(db).await;
            // In the other term of the house's district nothing was published yet.
            let mut tx = writes(&house, "2026-09-16T12:00:00Z").await;
            let term = store::get::<Term>(&mut tx, house.own.parsed("terms")).await.expect("is there").body;
            let term_id = store::insert(&mut tx, Term { name: "Another".into(), ..term }).await.expect("is kept").id;
            let districts = vec![house.own.parsed("districts")];
            let settings = RunSettings { history, ..RunSettings::default() };
            let new = NewRun { term_id, districts: districts.clone(), settings, problem: "{}".into() };
            let run_id = runs::create(&mut tx, new).await.expect("a run");
            let (problem_sha256, schedule, cost) = (String::new(), "{}".into(), json!({}));
            let (assigned, meetings) = (Vec::new(), services(&house, [8, 15, 22, 29]));
            let new = Publication { term_id, run_id, districts, problem_sha256, schedule, cost, assigned, meetings };
            let done = schedules::publish(&mut tx, new).await.expect("is published");
            assert_eq!(done.tally.added, days.len(), "{done:?}");
            tx.commit().await.expect("commits");
            assert_eq!(served(&house).await, days, "{history}");
        })
        .await;
    }
}

#[tokio::test]
async fn what_was_not_yet_held_this_week_does_not_vanish_with_the_day_it_moves_to() {
    on_both(async |db| {
        let house = house(db).await;
        let done = publish(&house, "2026-09-02T12:00:00Z", services(&house, [17, 24])).await;
        assert_eq!(done.tally.added, 2);
        let kept = sessions(&house).await.remove(0);
        // On Wednesday the service moves from Thursdays to Tuesdays: this week's is held on Thursday all the same.
        publish(&house, "2026-09-16T12:00:00Z", services(&house, [15, 22])).await;
        assert_eq!(served(&house).await, [17, 22]);
        assert_eq!(sessions(&house).await.remove(0), kept, "as it was");
        publish(&house, "2026-09-16T13:00:00Z", services(&house, [15, 22])).await;
        assert_eq!(served(&house).await, [17, 22]);
        let now = week(&house, "2026-09-16", "2026-09-14").await;
        assert_eq!([&now["scheduled"], &now["unscheduled"], &now["beyond"]["scheduled"]], [30, 0, 0], "{now}");
        // Where somebody needs its time, or the educator is away by then, it cannot stay.
        let mut others = services(&house, [15, 22]);
        others.push(section(&house, september(17), "10:10"));
        publish(&house, "2026-09-16T14:00:00Z", others).await;
        assert_eq!(served(&house).await, [22]);
        let now = week(&house, "2026-09-16", "2026-09-14").await;
        assert_eq!([&now["scheduled"], &now["unscheduled"]], [0, 30], "{now}");
    })
    .await;
}

#[tokio::test]
async fn who_is_away_by_then_keeps_no_session_of_the_week() {
    on_both(async |db| {
        let house = house(db).await;
        publish(&house, "2026-09-02T12:00:00Z", services(&house, [17, 24])).await;
        let mut tx = writes(&house, "2026-09-15T12:00:00Z").await;
        store::insert(&mut tx, time_off(&house, 17)).await.expect("is kept");
        tx.commit().await.expect("commits");
        publish(&house, "2026-09-16T12:00:00Z", services(&house, [15, 22])).await;
        assert_eq!(served(&house).await, [22]);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_logged_ahead_is_accounted_for_wherever_the_service_moves() {
    on_both(async |db| {
        let house = house(db).await;
        publish(&house, "2026-09-02T12:00:00Z", services(&house, [17, 24])).await;
        let first = sessions(&house).await[0].id;
        says(&house, "2026-09-14T12:00:00Z", first, Said::missed(MissReason::Closure)).await.expect("is known ahead");
        publish(&house, "2026-09-14T13:00:00Z", services(&house, [18, 25])).await;
        assert_eq!(served(&house).await, [25], "what is missed is for a make-up");
        let now = week(&house, "2026-09-14", "2026-09-14").await;
        assert_eq!([&now["missed"]["closure"], &now["scheduled"], &now["beyond"]["scheduled"]], [30, 0, 0], "{now}");
    })
    .await;
}

#[tokio::test]
async fn a_begun_period_that_rings_later_by_now_is_not_held_twice() {
    on_both(async |db| {
        let house = house(db).await;
        publish(&house, "2026-09-02T12:00:00Z", vec![section(&house, september(14), "08:00")]).await;
        // At noon the bells of that day change.
        let done = publish(&house, "2026-09-14T19:00:00Z", vec![section(&house, september(14), "14:00")]).await;
        assert_eq!((done.tally.added, done.tally.changed, done.tally.unchanged), (0, 0, 2 + 1), "{done:?}");
        let found = sessions(&house).await;
        assert_eq!((found.len(), found[0].meeting.starts.to_string()), (1, "08:00".into()));
    })
    .await;
}

#[tokio::test]
async fn an_absence_reported_late_leaves_what_was_over_and_logs_what_nobody_held() {
    on_both(async |db| {
        let house = house(db).await;
        let (coordinator, service) = (&house.people[1], house.own.id("services"));
        publish(&house, "2026-09-02T12:00:00Z", services(&house, [15, 17])).await;
        let before = sessions(&house).await;
        says(&house, "2026-09-17T20:00:00Z", before[1].id, Said::delivered()).await.expect("is logged");
        let path = format!("/api/v1/educators/{}/absences", house.own.id("educators"));
        let away = json!({"term_id": house.own.id("terms"), "first_on": "2026-09-14", "last_on": "2026-09-18"});
        let plan = coordinator.post(&path, &away).await;
        assert_eq!(plan.body["duties"], json!([]), "nobody can stand in by now: {plan:?}");
        assert_eq!(plan.body["missed"][0]["session_id"], json!(before[0].id), "{plan:?}");
        assert_eq!(plan.body["missed"].as_array().map(Vec::len), Some(1), "{plan:?}");
        let approve = format!("/api/v1/absences/{}/approve", plan.body["absence"]["id"].as_str().expect("an id"));
        assert_eq!(coordinator.post(&approve, &json!({})).await.status.as_u16(), 200);
        assert_eq!(sessions(&house).await, before, "no session moves that is over");
        let log = coordinator.get(&format!("/api/v1/sessions/{}/log", before[0].id)).await;
        let entry = &log.body[0];
        assert_eq!(
            [&entry["outcome"], &entry["reason"], &entry["educator_id"], &entry["service_id"]],
            [&json!("missed"), &json!("provider_absent"), &json!(house.own.id("educators")), &json!(service)]
        );
        let log = coordinator.get(&format!("/api/v1/sessions/{}/log", before[1].id)).await;
        assert_eq!(
            (&log.body[0]["outcome"], &log.body[0]["version"]),
            (&json!("delivered"), &json!(1)),
            "as it was said"
        );
    })
    .await;
}

#[tokio::test]
async fn who_takes_a_session_that_nobody_held_serves_those_who_are_owed_it() {
    on_both(async |db| {
        let house = house(db).await;
        // The days off were known when the schedule was published, and who stands in is decided later.
        let mut nobody = service(&house, september(15), "10:00");
        nobody.status = SessionStatus::Uncovered;
        publish(&house, "2026-09-02T12:00:00Z", vec![nobody]).await;
        let id = sessions(&house).await[0].id;
        let mut tx = writes(&house, "2026-09-03T12:00:00Z").await;
        let (educator_id, on) = (house.own.parsed("educators"), september(15));
        let report = Report {
            term_id: house.own.parsed("terms"),
            educator_id,
            first_on: on,
            last_on: on,
            reason: String::new(),
        };
        let absence = absences::report(&mut tx, &report).await.expect("is kept");
        let by: EducatorId = house.foreign.parsed("educators");
        assert!(absences::approve(&mut tx, absence, &[(id, Some(by))]).await.expect("is decided"));
        tx.commit().await.expect("commits");
        let taken = sessions(&house).await.remove(0);
        assert_eq!((taken.meeting.educator_id, taken.meeting.status), (by, SessionStatus::Planned));
        assert_eq!(served(&house).await, [15]);
        let now = week(&house, "2026-09-03", "2026-09-14").await;
        assert_eq!([&now["scheduled"], &now["unscheduled"]], [30, 0], "{now}");
    })
    .await;
}

#[tokio::test]
async fn an_amended_entry_is_about_the_session_as_it_is_by_then() {
    on_both(async |db| {
        let house = house(db).await;
        publish(&house, "2026-09-02T12:00:00Z", services(&house, [15])).await;
        let id = sessions(&house).await[0].id;
        let first = says(&house, "2026-09-03T12:00:00Z", id, Said::missed(MissReason::SchoolActivity)).await;
        let first = first.expect("is known ahead");
        // Somebody else takes it, and for longer.
        let other: EducatorId = house.foreign.parsed("educators");
        let mut moved = service(&house, september(15), "10:00");
        moved.key = format!("{}/other", moved.key);
        (moved.educator_id, moved.minutes) = (other, 40);
        moved.ends = Clock::from_minutes(moved.starts.minutes() + 40).expect("a clock");
        moved.ends_at = moved.starts_at + chrono::TimeDelta::minutes(40);
        publish(&house, "2026-09-04T12:00:00Z", vec![moved]).await;
        assert_eq!(sessions(&house).await[0].id, id, "it is still that session");
        let amended = says(&house, "2026-09-15T20:00:00Z", id, Said::delivered()).await.expect("is amended");
        assert_eq!((amended.id, amended.version, amended.outcome), (first.id, 2, Outcome::Delivered));
        assert_eq!((amended.educator_id, amended.planned_minutes, amended.delivered_minutes), (other, 40, 40));
        let history = house.people[1].get(&format!("/api/v1/service-log/{}/history", first.id)).await;
        let said = |n: usize, what: &str| history.body["changes"][n]["after"][what].clone();
        assert_eq!([said(0, "educator_id"), said(0, "planned_minutes")], [json!(first.educator_id), json!(30)]);
        assert_eq!([said(1, "educator_id"), said(1, "planned_minutes")], [json!(other), json!(40)]);
    })
    .await;
}

#[tokio::test]
async fn a_session_of_another_line_makes_nothing_up() {
    on_both(async |db| {
        let house = house(db).await;
        let entry = logged(&house.db, &house.own, &Said::missed(MissReason::ProviderAbsent)).await;
        let (line, student) = (house.own.id("service-lines"), house.own.id("students"));
        let of_line = house.people[3].get(&format!("/api/v1/services?line_id={line}")).await;
        let ids: Vec<ServiceId> = of_line.body["items"]
            .as_array()
            .expect("services")
            .iter()
            .map(|service| service["id"].as_str().expect("an id").parse().expect("an id"))
            .collect();
        let mut meetings = Vec::new();
        for (n, id) in ids.iter().enumerate() {
            let mut meeting = service(&house, september(9 + u32::try_from(n).expect("few")), "09:00");
            meeting.students[0].service_id = *id;
            meetings.push(meeting);
        }
        publish(&house, "2026-09-02T12:00:00Z", meetings).await;
        let extra = |makes_up: Value| {
            json!({"educator_id": house.own.id("educators"), "held_on": "2026-09-11", "starts": "13:00", "ends": "13:30", "makes_up": makes_up})
        };
        let path = |id: ServiceId| format!("/api/v1/services/{id}/log");
        let refused = house.people[4].post(&path(ids[0]), &extra(json!(entry.id))).await;
        let issue = &refused.refused(422, "bad_fields")[0];
        assert_eq!(issue["pointer"], "/makes_up");
        assert!(issue["message"].as_str().is_some_and(|text| text.contains("another service line; ")), "{issue}");
        let found = sessions(&house).await;
        let refused = {
            let mut tx = writes(&house, "2026-09-12T12:00:00Z").await;
            let session = log::session(&mut tx, &Actor::program("test"), Verb::Write, found[0].id).await.expect("is there");
            let said = Said { makes_up: Some(entry.id), ..Said::delivered() };
            log::write(&mut tx, &session, &[(ids[0], said)]).await.expect_err("is refused")
        };
        assert!(matches!(&refused, StoreError::Invalid(why) if why[0].pointer == "/entries/0/makes_up"), "{refused}");
        // The services of one line make up for each other.
        let missed = {
            let mut tx = writes(&house, "2026-09-12T12:00:00Z").await;
            let session = log::session(&mut tx, &Actor::program("test"), Verb::Write, found[0].id).await.expect("is there");
            let entries = log::write(&mut tx, &session, &[(ids[0], Said::missed(MissReason::Technical))]).await;
            tx.commit().await.expect("commits");
            entries.expect("is logged").remove(0)
        };
        let made = house.people[4].post(&path(ids[1]), &extra(json!(missed.id))).await;
        assert_eq!(made.status.as_u16(), 201, "{made:?}");
        let mut tx = house.db.read().await.expect("reads");
        assert_eq!(makeup::open_minutes(&mut tx, &missed).await.expect("reads"), 0);
        assert_eq!(makeup::open_minutes(&mut tx, &entry).await.expect("reads"), 50, "of {student}, as before");
    })
    .await;
}

pub fn time_off(house: &House, day: u32) -> TimeOff {
    let (first_on, last_on) = (september(day), september(day));
    TimeOff { educator_id: house.own.parsed("educators"), first_on, last_on, source: None, source_id: None }
}

#[tokio::test]
async fn a_past_session_that_nobody_held_is_named_as_one_to_log() {
    on_both(async |db| {
        let house = house(db).await;
        let mut nobody = service(&house, september(15), "10:00");
        nobody.status = SessionStatus::Uncovered;
        publish(&house, "2026-09-02T12:00:00Z", vec![nobody, service(&house, september(22), "10:00")]).await;
        let ahead = week(&house, "2026-09-15", "2026-09-14").await;
        assert_eq!([&ahead["unscheduled"], &ahead["unheld"]], [30, 0], "{ahead}");
        let past = week(&house, "2026-09-16", "2026-09-14").await;
        assert_eq!([&past["unscheduled"], &past["unheld"], &past["scheduled"]], [30, 30, 0], "{past}");
        let page = house.people[3].get(&format!("/students/{}/minutes", house.own.id("students"))).await;
        for part in ["To log", "Tue, Sep 15, 10:00–10:30 AM MST", "nobody held it", "Tue, Sep 22, 10:00–10:30 AM MST"]
        {
            assert!(page.text.contains(part), "{part} is not in {}", page.text);
        }
        let export = async |format: &str| {
            let path = format!("/api/v1/students/{}/fidelity", house.own.id("students"));
            house.people[3].post(&path, &json!({"format": format, "purpose": "the team meets"})).await.text
        };
        let csv = export("csv").await;
        assert!(csv.contains("2026-09-15 10:00-10:30 (nobody held it)"), "{csv}");
        let pdf = export("pdf").await;
        assert!(pdf.contains("To be logged") && pdf.contains("2026-09-15  10:00-10:30"), "is not in the document");
        // Logged as what it was, it is missed and nothing else.
        let id = sessions(&house).await[0].id;
        says(&house, "2026-09-16T12:00:00Z", id, Said::missed(MissReason::ProviderAbsent)).await.expect("is logged");
        let now = week(&house, "2026-09-16", "2026-09-14").await;
        assert_eq!([&now["missed"]["provider_absent"], &now["unheld"], &now["unscheduled"]], [30, 0, 0], "{now}");
    })
    .await;
}
