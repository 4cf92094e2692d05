//! What an educator is told in the end: what stands, whatever became of the mails before, and in order.

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether::domain::mail::Notice;
use bellwether::store::mail::{self, Ending, Kept, Recipient};
use bellwether::store::{Db, Statement};

use super::office::{Office, calendars, line};
use super::{Read, deliver, mailroom};
use crate::fresh::{on_both, on_postgres_at, waiting};

/// One invitation: how it is meant, which it is of all that was said of its run, and when the run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    method: String,
    sequence: i64,
    begins: String,
}

/// What these mails say to an address, by the UID of the run and in the order in which they came.
fn said(mails: &[Read], to: &str) -> BTreeMap<String, Vec<Said>> {
    let mut said: BTreeMap<String, Vec<Said>> = BTreeMap::new();
    for text in mails.iter().filter(|mail| mail.headers["to"].contains(to)).flat_map(calendars) {
        let one = Said {
            method: line(text, "METHOD:").to_owned(),
            sequence: line(text, "SEQUENCE:").parse().expect("a number"),
            begins: line(text, "DTSTART;TZID=America/New_York:").to_owned(),
        };
        said.entry(line(text, "UID:").to_owned()).or_default().push(one);
    }
    said
}

/// The same without the UIDs, by the begin of the last.
fn brief(said: BTreeMap<String, Vec<Said>>) -> Vec<String> {
    let one = |said: &Said| format!("{} {} {}", said.method, said.sequence, &said.begins[9..13]);
    let mut brief: Vec<String> = said.values().map(|all| all.iter().map(one).collect::<Vec<_>>().join(", ")).collect();
    brief.sort_by_key(|text| text[text.len() - 4..].to_owned());
    brief
}

async fn digests(db: &Db) -> Vec<Kept> {
    let mut kept = mail::list(&mut db.read().await.expect("reads"), None, None, 100).await.expect("lists");
    kept.retain(|mail| mail.kind == "digest");
    kept.reverse();
    kept
}

/// Makes what waits for another try due now.
async fn hurry(db: &Db) {
    let mut tx = db.write("test").await.expect("writes");
    let hurry = Statement::both("UPDATE mail SET due_at = created_at WHERE state = 'queued'");
    tx.execute(&hurry, &[]).await.expect("executes");
    tx.commit().await.expect("commits");
}

async fn again(db: &Db, mail: &Kept) {
    let mut tx = db.write("test").await.expect("writes");
    mail::revive(&mut tx, mail.id).await.expect("is tried again");
    tx.commit().await.expect("commits");
}

/// On SQLite there is one writer, so that the two never meet.
#[tokio::test]
async fn a_digest_that_could_leave_while_a_publication_is_written_tells_what_that_changes() {
    on_postgres_at(async |db, _| {
        let mut office = Office::open(db).await;
        office.publish(office.both("13:00")).await;
        let mut tx = office.august().await;
        office.write(&mut tx, office.both("14:00")).await;
        // Everything is written but the end of it.
        let meanwhile = office.arrived().await;
        tx.commit().await.expect("commits");
        let after = office.arrived().await;
        let all = [meanwhile, after].concat();
        let runs = said(&all, "ana@");
        let last: Vec<&str> = runs.values().map(|all| &all[all.len() - 1].begins[9..]).collect();
        assert!(last.contains(&"140000") && last.contains(&"160000"), "{runs:?}");
        assert_eq!(said(&all, "bo@").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_publication_that_meets_a_digest_in_hand_owes_another() {
    on_postgres_at(async |db, _| {
        let mut office = Office::open(db).await;
        office.publish(office.both("13:00")).await;
        office.arrived().await;
        office.publish(office.both("14:00")).await;
        let mut taking = office.db.write("test").await.expect("writes");
        let due = mail::claim(&mut taking, Duration::from_mins(1)).await.expect("looks").expect("is due");
        // Its letter is being written from the meetings of before.
        let mut tx = office.august().await;
        let publish = async {
            office.write(&mut tx, office.both("15:00")).await;
            tx.commit().await.expect("commits");
        };
        let end = async {
            // Until the publisher waits for this mail, or has given up waiting.
            let count = async || {
                let statement = Statement::both("SELECT COUNT(*) AS n FROM schedule");
                let mut tx = office.db.read().await.expect("reads");
                tx.row(&statement, &[]).await.expect("counts").expect("a row").get::<i64>("n").expect("a number")
            };
            let before = count().await;
            while waiting(&office.db).await == 0 && count().await == before {
                tokio::task::yield_now().await;
            }
            mail::end(&mut taking, &due, Ending::Dropped, None).await.expect("ends");
            taking.commit().await.expect("commits");
        };
        tokio::join!(publish, end);
        let after = office.arrived().await;
        assert_eq!(brief(said(&after, "ana@")), ["REQUEST 1 1500"]);
    })
    .await;
}

#[tokio::test]
async fn whoever_turned_digests_off_and_on_again_is_told_what_stands() {
    on_both(async |db| {
        let mut office = Office::open(db).await;
        office.publish(office.both("13:00")).await;
        let first = said(&office.arrived().await, "ana@");
        let mut tx = office.db.write("test").await.expect("writes");
        mail::refuse(&mut tx, "Ana@a.example", true, "asked so").await.expect("is refused");
        tx.commit().await.expect("commits");
        office.publish(office.both("14:00")).await;
        assert_eq!(office.arrived().await.len(), 0);
        let states: Vec<String> = digests(&office.db).await.into_iter().map(|mail| mail.state).collect();
        assert_eq!(states, ["sent", "sent", "dropped"]);

        let mut tx = office.august().await;
        assert!(mail::lift(&mut tx, "ana@a.example").await.expect("is lifted"));
        tx.commit().await.expect("commits");
        let told = office.arrived().await;
        assert_eq!(brief(said(&told, "ana@")), ["REQUEST 1 1400"], "what changed meanwhile, and nothing else");
        assert!(said(&told, "ana@").keys().all(|uid| first.contains_key(uid)));
        assert!(told[0].parts[0].text.contains("moved to Wed, Sep 2, 2:00–2:45 PM EDT"), "{}", told[0].parts[0].text);
        // Off and on with nothing between: nothing to say.
        for on in [false, true] {
            let mut tx = office.august().await;
            if on {
                mail::lift(&mut tx, "ana@a.example").await.expect("is lifted");
            } else {
                mail::refuse(&mut tx, "ana@a.example", true, "asked so").await.expect("is refused");
            }
            tx.commit().await.expect("commits");
        }
        assert_eq!(office.arrived().await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_new_address_is_told_everything_whether_or_not_the_old_one_was() {
    on_both(async |db| {
        let mut office = Office::open(db).await;
        office.of_ana(|ana| ana.email = Some("gone@a.example".into())).await;
        office.publish(office.both("13:00")).await;
        assert_eq!(said(&office.arrived().await, "gone@").len(), 0, "there is no such mailbox");
        office.publish(office.both("14:00")).await;
        assert_eq!(said(&office.arrived().await, "gone@").len(), 0, "it gets no more");

        office.of_ana(|ana| ana.email = Some("ana@a.example".into())).await;
        let told = office.arrived().await;
        assert_eq!(brief(said(&told, "ana@")), ["REQUEST 1 1400", "REQUEST 1 1600"]);
        assert!(told[0].parts[0].text.contains("here is your schedule for Fall."), "{}", told[0].parts[0].text);

        // All was told; another mailbox knows nothing of it, the same one in other letters does.
        office.of_ana(|ana| ana.email = Some("Ana@A.example".into())).await;
        assert_eq!(office.arrived().await.len(), 0);
        office.of_ana(|ana| ana.email = Some("celine@a.example".into())).await;
        let told = said(&office.arrived().await, "celine@");
        assert_eq!(brief(told), ["REQUEST 2 1400", "REQUEST 2 1600"]);
        // Who has left is told no more than what is taken away.
        office.of_ana(|ana| ana.active = false).await;
        office.of_ana(|ana| ana.email = Some("dora@a.example".into())).await;
        assert_eq!(office.arrived().await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_digest_sent_again_says_what_stands_now() {
    on_both(async |db| {
        let mut office = Office::open(db).await;
        office.of_ana(|ana| ana.email = Some("picky@a.example".into())).await;
        office.publish(office.both("13:00")).await;
        assert_eq!(said(&office.arrived().await, "picky@").len(), 0);
        let failed =
            digests(&office.db).await.into_iter().find(|mail| mail.state == "failed").expect("one was refused");
        // It is sent again after a change that owed nobody a mail yet.
        office.publish(office.both("14:00")).await;
        again(&office.db, &failed).await;
        let told = office.arrived().await;
        assert_eq!(brief(said(&told, "picky@")), ["REQUEST 1 1400", "REQUEST 1 1600"], "never told, so all of it");
        assert_eq!(told.len(), 1, "in one mail");
        assert!(!told[0].headers["message-id"].contains(&failed.id.to_string()), "another mail than the refused one");
        let now = digests(&office.db).await.into_iter().find(|mail| mail.id == failed.id).expect("is kept");
        assert_eq!(now.state, "dropped");
        assert!(now.cause.as_deref().is_some_and(|cause| cause.contains("newer mail")), "{now:?}");

        // Once more, when all of it is told: nothing old goes out.
        again(&office.db, &failed).await;
        assert_eq!(office.arrived().await.len(), 0);
        // Without an address there is nothing to try.
        office.of_ana(|ana| ana.email = None).await;
        let mut tx = office.db.write("test").await.expect("writes");
        let refused = mail::revive(&mut tx, failed.id).await.expect_err("there is no address");
        assert!(format!("{refused:?}").contains("add one"), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_digest_that_waits_for_another_try_is_not_overtaken() {
    on_both(async |db| {
        let mut office = Office::open(db).await;
        office.of_ana(|ana| ana.email = Some("full@a.example".into())).await;
        office.publish(office.both("13:00")).await;
        office.arrived().await;
        office.publish(office.both("14:00")).await;
        assert_eq!(office.arrived().await.len(), 0);
        let states = || async {
            let of_ana = digests(&office.db).await.into_iter().filter(|mail| mail.state == "queued");
            of_ana.map(|mail| mail.attempts).collect::<Vec<_>>()
        };
        assert_eq!(states().await, [1, 0], "the second waits behind the first");
        for _ in 0..2 {
            hurry(&office.db).await;
            deliver(&mailroom(&office.db, &office.sink)).await;
        }
        let told = office.arrived().await;
        assert_eq!(brief(said(&told, "full@")), ["REQUEST 0 1300, REQUEST 1 1400", "REQUEST 0 1600"]);
    })
    .await;
}

#[tokio::test]
async fn a_digest_that_came_back_is_told_again() {
    on_both(async |db| {
        let mut office = Office::open(db).await;
        office.publish(office.both("13:00")).await;
        office.arrived().await;
        let of_ana =
            digests(&office.db).await.into_iter().find(|mail| mail.address.as_deref() == Some("ana@a.example"));
        let sent = of_ana.expect("it was sent");
        let mut tx = office.august().await;
        let came_back = mail::bounced(&mut tx, &sent.id.to_string(), &["ana@a.example".into()], false, "full").await;
        assert!(came_back.expect("is noted").is_some_and(|bounced| bounced.failed && !bounced.refused));
        tx.commit().await.expect("commits");
        again(&office.db, &sent).await;
        let told = office.arrived().await;
        assert_eq!(brief(said(&told, "ana@")), ["REQUEST 1 1300", "REQUEST 1 1600"]);
    })
    .await;
}

#[tokio::test]
async fn who_is_active_no_more_is_told_that_the_meetings_are_taken_away_and_nothing_else() {
    on_both(async |db| {
        let mut office = Office::open(db).await;
        office.publish(office.both("13:00")).await;
        office.arrived().await;
        office.of_ana(|ana| ana.active = false).await;
        office
            .publish(office.both("13:00").into_iter().filter(|meeting| meeting.educator_id != office.ana()).collect())
            .await;
        let notice = Notice { subject: "An offer".into(), text: Vec::new(), facts: Vec::new(), link: None };
        let mut tx = office.db.write("test").await.expect("writes");
        mail::notify(&mut tx, Recipient::Educator(office.ana()), notice).await.expect("is owed");
        tx.commit().await.expect("commits");
        let told = office.arrived().await;
        assert_eq!(brief(said(&told, "ana@")), ["CANCEL 1 1300", "CANCEL 1 1600"]);
        assert_eq!(told.len(), 1, "the offer is not sent");
    })
    .await;
}
