//! Workers killed while they send: nothing is lost, and what comes twice is the same mail.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bellwether::domain::actor::Role;
use bellwether::domain::mail::Notice;
use bellwether::jobs::queue;
use bellwether::store::Db;
use bellwether::store::mail::{self, Recipient};

use super::{Sink, Taken, tell};
use crate::fresh::on_both_at;
use crate::people::person;

fn worker(url: &str, sink: &Sink) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    command.args(["work", "--db", url]).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("BELLWETHER_MAIL_URL", sink.url()).env("BELLWETHER_MAIL_FROM", "office@vendor.example");
    command.spawn().expect("a worker starts")
}

async fn owe(db: &Db, mails: usize) {
    let (account, _) = person(db, Role::Coordinator, &[], None).await;
    let mut tx = db.write("test").await.expect("writes");
    for n in 0..mails {
        let notice = Notice { subject: format!("Notice {n}"), text: Vec::new(), facts: Vec::new(), link: None };
        mail::notify(&mut tx, Recipient::Account(account.id), notice).await.expect("is owed");
    }
    tx.commit().await.expect("commits");
    // A change that is undone owes nobody anything.
    let mut undone = db.write("test").await.expect("writes");
    let notice = Notice { subject: "Undone".into(), text: Vec::new(), facts: Vec::new(), link: None };
    mail::notify(&mut undone, Recipient::Account(account.id), notice).await.expect("is owed");
    undone.rollback().await.expect("is undone");
}

async fn queued(db: &Db) -> usize {
    let mut tx = db.read().await.expect("reads");
    mail::list(&mut tx, Some("queued"), None, 1).await.expect("lists").len()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(8);
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// `BELLWETHER_LETTERS=10000 BELLWETHER_KILLS=100` is the whole of it. (`script/test` takes away all settings of mail,
/// which begin with `BELLWETHER_MAIL`.)
fn size() -> (usize, usize) {
    let read = |name: &str, usual: usize| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    (read("BELLWETHER_LETTERS", 200), read("BELLWETHER_KILLS", 5))
}

#[tokio::test]
async fn killed_workers_lose_no_mail_and_repeat_at_most_one_each() {
    let (mails, kills) = size();
    on_both_at(async |db, url| {
        queue::migrate(&db).await.expect("the job tables are made");
        owe(&db, mails).await;
        let sink = Sink::start();
        let mut hand = worker(&url, &sink);
        for kill in 1..=kills {
            // The moment after a mail was taken, and before the worker can have noted it: the worst one.
            let wanted = mails * kill / (kills + 1);
            until("mails are taken", async || sink.taken().len() >= wanted).await;
            hand.kill().expect("SIGKILL");
            hand.wait().expect("it is dead");
            hand = worker(&url, &sink);
        }
        until("every mail is noted", async || queued(&db).await == 0).await;
        hand.kill().expect("SIGKILL");
        hand.wait().expect("it is dead");

        let mut seen: BTreeMap<String, Vec<Taken>> = BTreeMap::new();
        for taken in sink.taken() {
            seen.entry(taken.message_id.clone()).or_default().push(taken);
        }
        let all: usize = seen.values().map(Vec::len).sum();
        tell(&format!("{mails} mails, {kills} kills: {} arrived, {} of them again", seen.len(), all - seen.len()));
        assert_eq!(seen.len(), mails, "each arrived, under one Message-ID, and the undone one did not");
        assert!(all - seen.len() <= kills, "{} came twice", all - seen.len());
        assert!(seen.values().all(|same| same.iter().all(|one| one == &same[0])), "the same bytes each time");
    })
    .await;
}
