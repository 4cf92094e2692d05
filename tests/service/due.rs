//! What of a session is anybody's: who is due in it whoever holds it, whose period has had it, and what its educator can hold
//! beside it.

use bellwether::args;
use bellwether::domain::actor::{Actor, Verb};
use bellwether::domain::id::{EducatorId, ServiceId, StudentId};
use bellwether::domain::log::Said;
use bellwether::domain::need::Per;
use bellwether::domain::records::{Educator, Service, Student};
use bellwether::domain::session::{Meeting, SessionStatus, SessionStudent};
use bellwether::domain::time::Date;
use bellwether::store::absences::{self, Absence, Report};
use bellwether::store::withdrawals::{self, Returning};
use bellwether::store::{self, Statement, Tx, log};
use serde_json::json;

use crate::access::house::House;
use crate::carrying::{house, says, september, served, service, services, sessions, writes};
use crate::fresh::on_both;
use crate::make_ups::{publish, section};

/// Another student of the house's school with a service like the house's.
async fn another(house: &House) -> (ServiceId, StudentId) {
    let mut tx = writes(house, "2026-09-02T12:00:00Z").await;
    let student = store::get::<Student>(&mut tx, house.own.parsed("students")).await.expect("is there").body;
    let student = store::insert(&mut tx, Student { key: "k-another".into(), ..student }).await.expect("is kept").id;
    let service = store::get::<Service>(&mut tx, house.own.parsed("services")).await.expect("is there").body;
    let service = store::insert(&mut tx, Service { student_id: student, ..service }).await.expect("is kept").id;
    tx.commit().await.expect("commits");
    (service, student)
}

/// Half an hour of the house's service with another student, who is not due in it.
async fn group(house: &House, on: Date) -> Meeting {
    let (service_id, student_id) = another(house).await;
    let mut meeting = service(house, on, "10:00");
    meeting.students.push(SessionStudent { service_id, student_id, due: false });
    meeting.students.sort_unstable();
    meeting
}

/// Somebody who is away on a day of September.
async fn away(house: &House, tx: &mut Tx, on: Date) -> Absence {
    let (term_id, educator_id) = (house.own.parsed("terms"), house.own.parsed("educators"));
    let report = Report { term_id, educator_id, first_on: on, last_on: on, reason: String::new() };
    let id = absences::report(tx, &report).await.expect("is kept");
    absences::get(tx, id).await.expect("is there")
}

#[tokio::test]
async fn a_session_taken_over_or_given_back_serves_those_who_were_due_and_nobody_else() {
    on_both(async |db| {
        let house = house(db).await;
        let planned = group(&house, september(17)).await;
        publish(&house, "2026-09-02T12:00:00Z", vec![planned]).await;
        let before = sessions(&house).await.remove(0);
        let due: ServiceId = house.own.parsed("services");
        let serves = async |tx: &mut Tx| -> Vec<ServiceId> {
            let serves = Statement::both("SELECT service_id FROM session_student WHERE session_id = $1 AND serves");
            let rows = tx.rows(&serves, args![before.id]).await.expect("reads");
            rows.iter().map(|row| row.id("service_id").expect("an id")).collect()
        };
        for by in [None, Some(house.foreign.parsed::<EducatorId>("educators"))] {
            let mut tx = writes(&house, "2026-09-03T12:00:00Z").await;
            assert_eq!(serves(&mut tx).await, [due]);
            let absence = away(&house, &mut tx, september(17)).await;
            assert!(absences::approve(&mut tx, absence.id, &[(before.id, None)]).await.expect("is decided"));
            assert_eq!(serves(&mut tx).await, []);
            let seen = log::session(&mut tx, &Actor::program("test"), Verb::Write, before.id).await.expect("is there");
            assert_eq!(seen.due(), [due], "of the other nothing is to be said");
            if by.is_some() {
                let absence = away(&house, &mut tx, september(17)).await;
                assert!(absences::approve(&mut tx, absence.id, &[(before.id, by)]).await.expect("is decided"));
                assert_eq!(serves(&mut tx).await, [due]);
            }
            let Meeting { key, district_id, held_on, starts_at, .. } = before.meeting.clone();
            let back = Returning { session_id: before.id, key, district_id, held_on, starts_at, from: by, of: None };
            assert!(withdrawals::withdraw(&mut tx, &absence, &[back]).await.expect("is taken back"));
            assert_eq!(serves(&mut tx).await, [due]);
            tx.commit().await.expect("commits");
            assert_eq!(sessions(&house).await.remove(0).meeting, before.meeting);
        }
    })
    .await;
}

#[tokio::test]
async fn whose_service_has_ended_since_is_not_served_by_who_takes_over() {
    on_both(async |db| {
        let house = house(db).await;
        publish(&house, "2026-09-02T12:00:00Z", vec![service(&house, september(17), "10:00")]).await;
        let session = sessions(&house).await.remove(0).id;
        let mut tx = writes(&house, "2026-09-03T12:00:00Z").await;
        let absence = away(&house, &mut tx, september(17)).await;
        assert!(absences::approve(&mut tx, absence.id, &[(session, None)]).await.expect("is decided"));
        let ended = Statement::both("UPDATE service SET last_on = $1");
        tx.execute(&ended, args![september(10)]).await.expect("is written");
        let absence = away(&house, &mut tx, september(17)).await;
        let by = house.foreign.parsed::<EducatorId>("educators");
        assert!(absences::approve(&mut tx, absence.id, &[(session, Some(by))]).await.expect("is decided"));
        let serves = Statement::both("SELECT service_id FROM session_student WHERE session_id = $1 AND serves");
        assert_eq!(tx.rows(&serves, args![session]).await.expect("reads").len(), 0);
    })
    .await;
}

#[tokio::test]
async fn of_an_absence_only_sessions_are_named_as_missed_in_which_somebody_was_due() {
    on_both(async |db| {
        let house = house(db).await;
        let mut nobody = service(&house, september(15), "10:00");
        (nobody.status, nobody.students[0].due) = (SessionStatus::Uncovered, false);
        publish(&house, "2026-09-02T12:00:00Z", vec![nobody, group(&house, september(17)).await]).await;
        let held = sessions(&house).await[1].id;
        says(&house, "2026-09-17T20:00:00Z", held, Said::delivered()).await.expect("is logged");
        let path = format!("/api/v1/educators/{}/absences", house.own.id("educators"));
        let away = json!({"term_id": house.own.id("terms"), "first_on": "2026-09-14", "last_on": "2026-09-18"});
        let plan = house.people[1].post(&path, &away).await;
        assert_eq!(plan.status.as_u16(), 201, "{plan:?}");
        assert_eq!(plan.body["missed"], json!([]), "{plan:?}");
    })
    .await;
}

async fn sets(house: &House, key: &str, value: &str) {
    let body = json!({"district_id": house.own.id("districts"), "key": key, "value": value, "effective_on": "2026-07-01",
        "standing": "district_policy", "citation": "board"});
    let answer = house.people[0].post("/api/v1/policies", &body).await;
    assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
}

#[tokio::test]
async fn a_week_begins_where_the_policy_has_it_begin() {
    for (key, value, days) in [
        ("week_start", "mon", vec![15, 24]),
        // From Thursday to Wednesday: this week has had its session, and the next one is to have its own.
        ("week_start", "thu", vec![15, 17, 24]),
    ] {
        on_both(async |db| {
            let house = house(db).await;
            sets(&house, key, value).await;
            publish(&house, "2026-09-02T12:00:00Z", services(&house, [15, 22, 29])).await;
            publish(&house, "2026-09-16T12:00:00Z", services(&house, [17, 24])).await;
            assert_eq!(served(&house).await, days, "{key} {value}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_month_begins_where_the_policy_has_it_begin() {
    for (value, days) in [("calendar", vec![]), ("anchored", vec![22])] {
        on_both(async |db| {
            let house = house(db).await;
            sets(&house, "period_anchor", value).await;
            let mut tx = writes(&house, "2026-09-02T12:00:00Z").await;
            let service = store::get::<Service>(&mut tx, house.own.parsed("services")).await.expect("is there");
            // September has had its session on the first; what is counted from the fifteenth to the fourteenth has not.
            let body = Service { per: Per::Month, first_on: Some(Date::ymd(2026, 8, 15)), ..service.body };
            store::update(&mut tx, service.id, None, body).await.expect("is changed");
            tx.commit().await.expect("commits");
            publish(&house, "2026-09-16T12:00:00Z", services(&house, [22])).await;
            assert_eq!(served(&house).await, days, "{value}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_session_kept_at_its_former_time_leaves_the_educator_within_their_limits() {
    for (week, day, buffer, section_at, kept) in [
        (130, 1440, 0, "13:00", true),
        (129, 1440, 0, "13:00", false),
        (1500, 80, 0, "13:00", true),
        (1500, 79, 0, "13:00", false),
        (1500, 1440, 15, "10:45", true),
        (1500, 1440, 16, "10:45", false),
    ] {
        on_both(async |db| {
            let house = house(db).await;
            publish(&house, "2026-09-02T12:00:00Z", services(&house, [17, 24])).await;
            let mut tx = writes(&house, "2026-09-15T12:00:00Z").await;
            let educator = store::get::<Educator>(&mut tx, house.own.parsed("educators")).await.expect("is there");
            let (max_minutes_per_week, max_minutes_per_day, buffer_minutes) = (week, day, buffer);
            let body = Educator { max_minutes_per_week, max_minutes_per_day, buffer_minutes, ..educator.body };
            store::update(&mut tx, educator.id, None, body).await.expect("is changed");
            tx.commit().await.expect("commits");
            // On Wednesday the service moves from Thursdays to Tuesdays, beside two periods of that week.
            let mut all = services(&house, [15, 22]);
            all.extend([17, 18].map(|on| section(&house, september(on), section_at)));
            publish(&house, "2026-09-16T12:00:00Z", all).await;
            let days = if kept { vec![17, 22] } else { vec![22] };
            assert_eq!(served(&house).await, days, "{week} a week, {day} a day, {buffer} between");
        })
        .await;
    }
}
