//! Booked make-ups that cannot be held any more, or need not: taken back at once, and those concerned are told. And when one
//! may be booked at all.

use bellwether::domain::id::RecordId as _;
use bellwether::domain::log::{MissReason, Said};
use bellwether::domain::records::{Calendar, Educator, Service};
use bellwether::domain::session::Meeting;
use bellwether::store::{self, StoreError, Tx, mail, makeup};

use crate::access::house::{House, logged};
use crate::carrying::{house, says, september, time_off, week, writes};
use crate::fresh::on_both;
use crate::make_ups::{AFTER, at, book, publish, section};

/// What may befall a booked make-up of September 8.
async fn befall(house: &House, tx: &mut Tx, what: &str) {
    let ended = |service: Service| Service { last_on: Some(september(7)), ..service };
    match what {
        "the service ends" => {
            let service = store::get::<Service>(tx, house.own.parsed("services")).await.expect("is there");
            store::update(tx, service.id, None, ended(service.body)).await.expect("is changed");
        }
        "the educator is away" => drop(store::insert(tx, time_off(house, 8)).await.expect("is kept")),
        "the educator leaves" => {
            let educator = store::get::<Educator>(tx, house.own.parsed("educators")).await.expect("is there");
            let body = Educator { active: false, ..educator.body };
            store::update(tx, educator.id, None, body).await.expect("is changed");
        }
        "the school is closed" => {
            let calendar = store::get::<Calendar>(tx, house.own.parsed("calendars")).await.expect("is there");
            let mut body = calendar.body;
            body.closed.push(september(8));
            store::update(tx, calendar.id, None, body).await.expect("is changed");
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_make_up_that_cannot_be_held_any_more_is_taken_back_at_once_and_those_concerned_are_told() {
    for what in ["the service ends", "the educator is away", "the educator leaves", "the school is closed"] {
        on_both(async |db| {
            let house = house(db).await;
            let made = book(&house, september(8), "09:30").await.expect("is booked");
            let mut tx = writes(&house, "2026-09-02T12:00:00Z").await;
            let educator = store::get::<Educator>(&mut tx, made.educator_id).await.expect("is there");
            let body = Educator { email: Some("a@b.example".into()), ..educator.body };
            store::update(&mut tx, educator.id, None, body).await.expect("is changed");
            tx.mail_hold = Some(std::time::Duration::ZERO);
            befall(&house, &mut tx, what).await;
            assert!(
                makeup::find(&mut tx, made.session_id).await.is_err(),
                "{what}: it is gone in the same transaction"
            );
            tx.commit().await.expect("commits");
            let mut tx = house.db.read().await.expect("reads");
            let owed = mail::list(&mut tx, Some("queued"), None, 9).await.expect("lists");
            let (educator, office): (Vec<_>, Vec<_>) = owed.iter().partition(|one| one.kind == "digest");
            assert_eq!((educator.len(), office.len()), (1, 1), "{what}: its educator and special education: {owed:?}");
            let trail =
                store::audit::list(&mut tx, Some(("session", made.session_id.uuid())), None, 9).await.expect("lists");
            assert_eq!(trail.last().expect("a line").action, "cancel", "{what}");
        })
        .await;
    }
}

#[tokio::test]
async fn what_changes_nothing_of_a_make_up_leaves_it() {
    on_both(async |db| {
        let house = house(db).await;
        let made = book(&house, september(8), "09:30").await.expect("is booked");
        let mut tx = writes(&house, "2026-09-02T12:00:00Z").await;
        let service = store::get::<Service>(&mut tx, house.own.parsed("services")).await.expect("is there");
        let body = Service { last_on: Some(september(8)), ..service.body };
        store::update(&mut tx, service.id, None, body).await.expect("is changed");
        store::insert(&mut tx, time_off(&house, 9)).await.expect("is kept");
        assert_eq!(makeup::find(&mut tx, made.session_id).await.expect("stays"), made);
        // What has begun is for the log.
        tx.at = at("2026-09-08T16:40:00Z");
        befall(&house, &mut tx, "the service ends").await;
        assert!(makeup::find(&mut tx, made.session_id).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn an_entry_amended_to_lack_nothing_takes_back_what_was_booked_for_it() {
    on_both(async |db| {
        let house = house(db).await;
        let made = book(&house, september(8), "09:30").await.expect("is booked");
        let session = house.own.parsed("service-sessions");
        says(&house, "2026-09-02T12:00:00Z", session, Said::delivered()).await.expect("is amended");
        let mut tx = house.db.read().await.expect("reads");
        assert!(makeup::find(&mut tx, made.session_id).await.is_err());
        drop(tx);
        let now = week(&house, "2026-09-02", "2026-08-31").await;
        assert_eq!([&now["delivered"], &now["booked"], &now["beyond"]["scheduled"]], [30, 0, 0], "{now}");
    })
    .await;
}

#[tokio::test]
async fn a_make_up_keeps_the_educators_limits_of_week_and_day() {
    for (week, day, free) in
        [(150, 1440, [false, true]), (149, 1440, [false, false]), (1500, 99, [false, true]), (1500, 100, [true, true])]
    {
        on_both(async |db| {
            let house = house(db).await;
            let mut tx = writes(&house, AFTER).await;
            let educator = store::get::<Educator>(&mut tx, house.own.parsed("educators")).await.expect("is there");
            let body = Educator { max_minutes_per_week: week, max_minutes_per_day: day, ..educator.body };
            store::update(&mut tx, educator.id, None, body).await.expect("is changed");
            tx.commit().await.expect("commits");
            // 110 minutes in the week of the eighth, 50 of them on the day; 100 in the week after it.
            let mut all: Vec<Meeting> = [8, 10].map(|on| section(&house, september(on), "13:00")).to_vec();
            if day == 1440 {
                all.push(section(&house, september(11), "13:00"));
            }
            all.extend([16, 17].map(|on| section(&house, september(on), "13:00")));
            publish(&house, AFTER, all).await;
            let told = format!("{week} a week, {day} a day");
            for (on, free) in [(8, free[0]), (15, free[1])] {
                let booked = book(&house, september(on), "09:30").await;
                match booked {
                    Ok(made) => {
                        assert!(free, "{told}: {on}");
                        let mut tx = writes(&house, AFTER).await;
                        makeup::cancel(&mut tx, &made, "a test").await.expect("is cancelled");
                        tx.commit().await.expect("commits");
                    }
                    Err(StoreError::Invalid(why)) => {
                        assert!(!free && why[0].message.contains("of at most"), "{told}: {on}: {why:?}");
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            let entry = logged(&house.db, &house.own, &Said::missed(MissReason::ProviderAbsent)).await;
            let mut tx = house.db.read().await.expect("reads");
            let found = makeup::proposals(&mut tx, &entry, at(AFTER), 40).await.expect("proposals");
            assert_eq!(found.iter().any(|slot| slot.held_on == september(8)), free[0], "{told}");
        })
        .await;
    }
}
