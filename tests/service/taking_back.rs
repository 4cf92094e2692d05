//! Booked make-ups that cannot be held any more, or need not: taken back at once, and those concerned are told. And when one
//! may be booked at all.

use std::process::Command;

use bellwether::domain::batch::Batch;
use bellwether::domain::id::{CalendarId, EducatorId, RecordId as _};
use bellwether::domain::log::{MissReason, Said};
use bellwether::domain::mail::Letter;
use bellwether::domain::records::{Availability, Calendar, Educator, License, Service, Term};
use bellwether::domain::session::Meeting;
use bellwether::domain::time::Date;
use bellwether::store::{self, Statement, StoreError, Tx, import, mail, makeup, schedules};
use serde_json::json;

use crate::access::house::{House, logged};
use crate::carrying::{house, says, september, services, sessions, time_off, week, writes};
use crate::fresh::{on_both, on_both_at, on_postgres_at, waiting};
use crate::make_ups::{AFTER, at, book, publish, section};

/// What may befall a booked make-up of September 8.
const WAYS: [&str; 6] = [
    "the service ends",
    "the educator is away",
    "the educator leaves",
    "the school is closed",
    "its school gets a calendar of its own",
    "its school's own calendar goes",
];

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
        "the school is closed" => close_district(house, tx).await,
        "its school gets a calendar of its own" => {
            let own = with_closed(house, tx, &[8]).await;
            store::insert(tx, own).await.expect("is kept");
        }
        "its school's own calendar goes" => {
            let own = with_closed(house, tx, &[]).await;
            let own = store::insert(tx, own).await.expect("is kept");
            close_district(house, tx).await;
            assert_eq!(
                makeup::to_come(tx, house.own.parsed("terms")).await.expect("lists").len(),
                1,
                "its own goes before"
            );
            store::delete::<Calendar>(tx, own.id, None).await.expect("is deleted");
        }
        other => panic!("{other}"),
    }
}

/// The district is closed on September 8.
async fn close_district(house: &House, tx: &mut Tx) {
    let calendar = store::get::<Calendar>(tx, house.own.parsed("calendars")).await.expect("is there");
    let mut body = calendar.body;
    body.closed.push(september(8));
    store::update(tx, calendar.id, None, body).await.expect("is changed");
}

/// The district's calendar as one of the house's school, closed on these days of September.
async fn with_closed(house: &House, tx: &mut Tx, closed: &[u32]) -> Calendar {
    let calendar = store::get::<Calendar>(tx, house.own.parsed("calendars")).await.expect("is there");
    let closed = closed.iter().map(|day| september(*day)).collect();
    Calendar { school_id: Some(house.own.parsed("schools")), closed, ..calendar.body }
}

#[tokio::test]
async fn a_make_up_that_cannot_be_held_any_more_is_taken_back_at_once_and_those_concerned_are_told() {
    for what in WAYS {
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
async fn licenses_and_hours_that_are_replaced_in_steps_take_nothing_back_before_the_next_schedule() {
    on_both(async |db| {
        let house = house(db).await;
        let made = book(&house, september(8), "09:30").await.expect("is booked");
        let mut tx = writes(&house, "2026-09-02T12:00:00Z").await;
        let id: EducatorId = house.own.parsed("educators");
        for license in store::children::<License>(&mut tx, "educator_id", id).await.expect("lists") {
            store::delete::<License>(&mut tx, license.id, None).await.expect("is deleted");
        }
        for hours in store::children::<Availability>(&mut tx, "educator_id", id).await.expect("lists") {
            store::delete::<Availability>(&mut tx, hours.id, None).await.expect("is deleted");
        }
        // Changes of every kind that is looked at, none of which is why it cannot be held.
        let educator = store::get::<Educator>(&mut tx, id).await.expect("is there");
        let body = Educator { max_minutes_per_day: 400, ..educator.body };
        store::update(&mut tx, id, None, body).await.expect("is changed");
        let service = store::get::<Service>(&mut tx, house.own.parsed("services")).await.expect("is there");
        let body = Service { last_on: Some(september(8)), ..service.body };
        store::update(&mut tx, service.id, None, body).await.expect("is changed");
        store::insert(&mut tx, time_off(&house, 9)).await.expect("is kept");
        let own = with_closed(&house, &mut tx, &[9]).await;
        store::insert(&mut tx, own).await.expect("is kept");
        assert_eq!(makeup::find(&mut tx, made.session_id).await.expect("stays"), made);
        tx.commit().await.expect("commits");
        publish(&house, "2026-09-02T13:00:00Z", Vec::new()).await;
        let mut tx = house.db.read().await.expect("reads");
        assert!(makeup::find(&mut tx, made.session_id).await.is_err(), "the next schedule looks at them");
    })
    .await;
}

#[tokio::test]
async fn a_batch_takes_back_what_it_leaves_no_room_for_and_not_what_it_replaces_in_steps() {
    on_both(async |db| {
        let house = house(db).await;
        let made = book(&house, september(8), "09:30").await.expect("is booked");
        let mut tx = writes(&house, "2026-09-02T12:00:00Z").await;
        let first = store::get::<Calendar>(&mut tx, house.own.parsed("calendars")).await.expect("is there");
        let called =
            |name: &str| Calendar { source: Some("sis".into()), source_id: Some(name.into()), ..first.body.clone() };
        store::update(&mut tx, first.id, None, called("one")).await.expect("is changed");
        let batch = |id: CalendarId, calendar: Calendar| Batch { calendars: vec![(id, calendar)], ..Batch::default() };
        // Another calendar of the district: the former one goes first.
        let id = CalendarId::fresh();
        let told = import::keep(&mut tx, "sis", batch(id, called("two"))).await.expect("is kept");
        assert_eq!((told["calendar"].created, told["calendar"].deleted), (1, 1));
        assert_eq!(makeup::find(&mut tx, made.session_id).await.expect("stays"), made);
        let closed = Calendar { closed: vec![september(8)], ..called("two") };
        import::keep(&mut tx, "sis", batch(id, closed)).await.expect("is kept");
        assert!(makeup::find(&mut tx, made.session_id).await.is_err());
        tx.commit().await.expect("commits");
    })
    .await;
}

#[tokio::test]
async fn another_address_is_told_what_stands_while_a_publication_is_under_way() {
    on_postgres_at(async |db, _| {
        let house = house(db).await;
        let (now, term) = ("2026-09-02T12:00:00Z", house.own.parsed("terms"));
        let id: EducatorId = house.own.parsed("educators");
        let moves = async |address: &str| {
            let mut tx = writes(&house, now).await;
            tx.execute(&Statement::both("SET LOCAL lock_timeout = '20s'"), &[]).await.expect("is set");
            let educator = store::get::<Educator>(&mut tx, id).await.expect("is there");
            let body = Educator { email: Some(address.into()), ..educator.body };
            store::update(&mut tx, id, None, body).await.expect("is changed");
            tx.commit().await.expect("commits");
        };
        moves("a@b.example").await;
        let mut tx = writes(&house, now).await;
        mail::announce(&mut tx, term, &[id].into(), std::time::Duration::ZERO).await.expect("is owed");
        tx.commit().await.expect("commits");
        let mut publisher = writes(&house, now).await;
        schedules::lock(&mut publisher, term).await.expect("is locked");
        moves("c@d.example").await;
        mail::announce(&mut publisher, term, &[id].into(), std::time::Duration::ZERO).await.expect("is owed");
        publisher.commit().await.expect("commits");
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

#[tokio::test]
async fn a_change_of_what_a_make_up_rests_on_waits_for_no_publication() {
    for what in WAYS {
        on_postgres_at(async |db, _| {
            let house = house(db).await;
            let made = book(&house, september(8), "09:30").await.expect("is booked");
            let mut publisher = writes(&house, "2026-09-02T12:00:00Z").await;
            schedules::lock(&mut publisher, house.own.parsed("terms")).await.expect("is locked");
            let mut tx = writes(&house, "2026-09-02T12:00:00Z").await;
            // Whoever waits is refused, and the test does not hang.
            tx.execute(&Statement::both("SET LOCAL lock_timeout = '20s'"), &[]).await.expect("is set");
            befall(&house, &mut tx, what).await;
            assert!(makeup::find(&mut tx, made.session_id).await.is_err(), "{what}");
            tx.commit().await.expect("commits");
            publisher.rollback().await.expect("is undone");
        })
        .await;
    }
}

#[tokio::test]
async fn who_books_while_what_it_rests_on_changes_knows_of_it_or_is_found() {
    for first_books in [true, false] {
        on_postgres_at(async |db, _| {
            let house = house(db).await;
            let entry = logged(&house.db, &house.own, &Said::missed(MissReason::ProviderAbsent)).await;
            let books = async |tx: &mut Tx| {
                makeup::lock(tx).await.expect("is locked");
                makeup::book(tx, &entry, september(8), "09:30".parse().expect("a clock")).await
            };
            let mut one = writes(&house, AFTER).await;
            let mut two = writes(&house, AFTER).await;
            if first_books {
                books(&mut one).await.expect("is booked");
            } else {
                store::insert(&mut one, time_off(&house, 8)).await.expect("is kept");
            }
            let lets_go = async {
                while waiting(&house.db).await == 0 {
                    tokio::task::yield_now().await;
                }
                one.commit().await.expect("commits");
            };
            let other = async {
                if first_books {
                    store::insert(&mut two, time_off(&house, 8)).await.expect("is kept");
                } else {
                    assert!(matches!(books(&mut two).await, Err(StoreError::Invalid(_))), "the educator is away");
                }
                two.commit().await.expect("commits");
            };
            tokio::join!(lets_go, other);
            let mut tx = writes(&house, AFTER).await;
            assert_eq!(makeup::to_come(&mut tx, house.own.parsed("terms")).await.expect("lists"), []);
        })
        .await;
    }
}

#[tokio::test]
async fn what_one_transaction_takes_back_is_one_notice() {
    on_both(async |db| {
        let house = house(db).await;
        book(&house, september(8), "09:30").await.expect("is booked");
        publish(&house, "2026-09-02T12:00:00Z", services(&house, [10])).await;
        let all = sessions(&house).await;
        let other = all.iter().find(|session| session.meeting.held_on == september(10)).expect("is published");
        let entry = says(&house, "2026-09-03T20:00:00Z", other.id, Said::missed(MissReason::Technical)).await;
        let mut tx = writes(&house, "2026-09-03T21:00:00Z").await;
        let clock = "09:30".parse().expect("a clock");
        makeup::book(&mut tx, &entry.expect("is logged"), september(15), clock).await.expect("is booked");
        tx.commit().await.expect("commits");
        let mut tx = writes(&house, "2026-09-03T22:00:00Z").await;
        tx.mail_hold = Some(std::time::Duration::ZERO);
        for day in [8, 15] {
            store::insert(&mut tx, time_off(&house, day)).await.expect("is kept");
        }
        tx.commit().await.expect("commits");
        let mut tx = writes(&house, "2026-09-03T23:00:00Z").await;
        let due = mail::claim(&mut tx, std::time::Duration::from_secs(9)).await.expect("reads").expect("a mail");
        let Some(Letter::Notice(notice)) = due.letter else { panic!("{due:?}") };
        assert_eq!((notice.subject.as_str(), notice.facts.len()), ("2 make-up sessions were taken back", 2));
        for (day, (when, why)) in ["Sep 8", "Sep 15"].iter().zip(&notice.facts) {
            assert!(when.contains(day) && why == "the educator is away", "{:?}", notice.facts);
        }
        assert!(mail::claim(&mut tx, std::time::Duration::from_secs(9)).await.expect("reads").is_none(), "no other");
    })
    .await;
}

#[tokio::test]
async fn the_only_calendar_stays_as_long_as_something_is_booked_by_it() {
    on_both(async |db| {
        let house = house(db).await;
        let made = book(&house, september(8), "09:30").await.expect("is booked");
        let id: CalendarId = house.own.parsed("calendars");
        let mut tx = writes(&house, "2026-09-02T12:00:00Z").await;
        let refused = store::delete::<Calendar>(&mut tx, id, None).await.expect_err("is refused");
        let told = "a make-up session is booked by this calendar, and there is no other; \
                    change it, add another first, or cancel what is booked";
        assert!(matches!(&refused, StoreError::Needed(text) if text == told), "{refused}");
        assert_eq!(makeup::find(&mut tx, made.session_id).await.expect("stays"), made);
        // Its school has one of its own: nothing rests on the district's any more.
        let own = with_closed(&house, &mut tx, &[]).await;
        store::insert(&mut tx, own).await.expect("is kept");
        store::delete::<Calendar>(&mut tx, id, None).await.expect("is deleted");
        assert_eq!(makeup::find(&mut tx, made.session_id).await.expect("stays"), made);
        let own = store::every::<Calendar>(&mut tx).await.expect("lists");
        let own = own.iter().find(|calendar| calendar.body.school_id.is_some()).expect("its own");
        assert!(matches!(store::delete::<Calendar>(&mut tx, own.id, None).await, Err(StoreError::Needed(_))));
        makeup::cancel(&mut tx, &made, "a test").await.expect("is cancelled");
        store::delete::<Calendar>(&mut tx, own.id, None).await.expect("is deleted");
    })
    .await;
}

#[tokio::test]
async fn an_import_from_the_command_line_tells_those_concerned_as_well() {
    on_both_at(async |db, url| {
        let house = house(db).await;
        let entry = logged(&house.db, &house.own, &Said::missed(MissReason::ProviderAbsent)).await;
        // The program has its own clock: the term moves to where that comes late.
        let (first_on, last_on) = (Date::ymd(2060, 8, 9), Date::ymd(2060, 12, 17));
        let now = "2060-09-01T20:00:00Z";
        let mut tx = writes(&house, now).await;
        let term = store::get::<Term>(&mut tx, house.own.parsed("terms")).await.expect("is there");
        store::update(&mut tx, term.id, None, Term { first_on, last_on, ..term.body }).await.expect("is changed");
        let calendar = store::get::<Calendar>(&mut tx, house.own.parsed("calendars")).await.expect("is there");
        let body = Calendar { first_on, last_on, ..calendar.body };
        store::update(&mut tx, calendar.id, None, body).await.expect("is changed");
        let id: EducatorId = house.own.parsed("educators");
        for license in store::children::<License>(&mut tx, "educator_id", id).await.expect("lists") {
            let body = License { expires_on: last_on, ..license.body };
            store::update(&mut tx, license.id, None, body).await.expect("is changed");
        }
        let educator = store::get::<Educator>(&mut tx, id).await.expect("is there");
        let origin = (Some("sis".into()), Some("ana".into()));
        let body = Educator { email: Some("a@b.example".into()), source: origin.0, source_id: origin.1, ..educator.body };
        store::update(&mut tx, id, None, body).await.expect("is changed");
        let on = Date::ymd(2060, 9, 8);
        let made = makeup::book(&mut tx, &entry, on, "09:30".parse().expect("a clock")).await.expect("is booked");
        tx.commit().await.expect("commits");

        let dir = tempfile::TempDir::new().expect("a directory");
        let file = dir.path().join("problem.json");
        let away = json!({"id": "ana", "tz": "America/Phoenix", "max_minutes_per_week": 1500, "licenses": [], "availability": [], "time_off": [{"first": on, "last": on}]});
        let problem =
            json!({"format": "staffing-problem/1", "term": {"first": first_on, "last": last_on}, "educators": [away]});
        std::fs::write(&file, problem.to_string()).expect("is written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
        command.args(["import", "problem"]).arg(&file).args(["--source", "sis", "--db", &url]);
        command.env("BELLWETHER_MAIL_URL", format!("folder:{}", dir.path().display()));
        command.env("BELLWETHER_MAIL_FROM", "office@vendor.example");
        let done = command.output().expect("the program starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

        let mut tx = house.db.read().await.expect("reads");
        assert!(makeup::find(&mut tx, made.session_id).await.is_err());
        let owed = mail::list(&mut tx, Some("queued"), None, 9).await.expect("lists");
        let digests = owed.iter().filter(|one| one.kind == "digest").count();
        assert_eq!((digests, owed.len()), (1, 2), "its educator and special education: {owed:?}");
    })
    .await;
}
