//! Workers killed while they send: nothing is lost, and what comes twice is the same mail.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bellwether::domain::actor::Role;
use bellwether::domain::id::{EducatorId, SectionId};
use bellwether::domain::mail::Notice;
use bellwether::domain::records::{Educator, Section};
use bellwether::domain::session::Meeting;
use bellwether::domain::time::Clock;
use bellwether::jobs::queue;
use bellwether::store::mail::{self, Recipient};
use bellwether::store::{self, Db, told};

use super::office::{Office, calendars, id, line};
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

/// What arrived, by Message-ID: at most one came twice for each kill, and that was the same mail.
fn by_id(sink: &Sink, kills: usize) -> BTreeMap<String, Vec<Taken>> {
    let mut seen: BTreeMap<String, Vec<Taken>> = BTreeMap::new();
    for taken in sink.taken() {
        seen.entry(taken.message_id.clone()).or_default().push(taken);
    }
    let all: usize = seen.values().map(Vec::len).sum();
    tell(&format!("{kills} kills: {} arrived, {} of them again", seen.len(), all - seen.len()));
    assert!(all - seen.len() <= kills, "{} came twice", all - seen.len());
    assert!(seen.values().all(|same| same.iter().all(|one| one == &same[0])), "the same bytes each time");
    seen
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

        let seen = by_id(&sink, kills);
        assert_eq!(seen.len(), mails, "each arrived, under one Message-ID, and the undone one did not");
    })
    .await;
}

/// Educators whose meetings change while workers are killed.
const TAUGHT: usize = 8;

/// An educator with a mail address and a section, like Ana and hers.
async fn colleague(office: &Office, n: usize) -> (EducatorId, SectionId) {
    let mut tx = office.db.write("test").await.expect("writes");
    let ana = store::get::<Educator>(&mut tx, office.ana()).await.expect("is there").body;
    let educator = Educator { email: Some(format!("educator-{n}@a.example")), ..ana };
    let educator = store::insert(&mut tx, educator).await.expect("is kept").id;
    let section = store::get::<Section>(&mut tx, id(&office.house.own, "sections")).await.expect("is there").body;
    let section = store::insert(&mut tx, section).await.expect("is kept").id;
    tx.commit().await.expect("commits");
    (educator, section)
}

/// When this educator teaches under this version: every version moves half of them.
fn starts(educator: usize, version: usize) -> Clock {
    Clock::from_minutes(u16::try_from(480 + usize::midpoint(educator, version) % 600).expect("few")).expect("a clock")
}

fn meetings(office: &Office, who: &[(EducatorId, SectionId)], version: usize) -> Vec<Meeting> {
    let of = |(n, (educator_id, section)): (usize, &(EducatorId, SectionId))| {
        let held = Office::weekly(&office.house.own, *section, &starts(n, version).to_string());
        held.into_iter().map(|meeting| Meeting { educator_id: *educator_id, ..meeting }).collect::<Vec<_>>()
    };
    who.iter().enumerate().flat_map(of).collect()
}

#[tokio::test]
async fn publications_beside_killed_workers_leave_everybody_told_of_what_stands() {
    let (_, kills) = size();
    on_both_at(async |db, url| {
        queue::migrate(&db).await.expect("the job tables are made");
        let office = Office::open(db.clone()).await;
        let mut who = Vec::new();
        for n in 0..TAUGHT {
            who.push(colleague(&office, n).await);
        }
        let (sink, killed) = (&office.sink, Cell::new(false));
        let publish = async {
            let mut version = 0;
            while !killed.get() {
                version += 1;
                let before = sink.taken().len();
                office.publish(meetings(&office, &who, version)).await;
                // The next one meets digests that are being written, sent and noted.
                until("a mail is taken", async || sink.taken().len() > before || killed.get()).await;
            }
            version
        };
        let kill = async {
            let mut hand = worker(&url, sink);
            for _ in 0..kills {
                let wanted = sink.taken().len() + 3;
                until("mails are taken", async || sink.taken().len() >= wanted).await;
                hand.kill().expect("SIGKILL");
                hand.wait().expect("it is dead");
                hand = worker(&url, sink);
            }
            killed.set(true);
            hand
        };
        let (version, mut hand) = tokio::join!(publish, kill);
        until("every mail is noted", async || queued(&db).await == 0).await;
        hand.kill().expect("SIGKILL");
        hand.wait().expect("it is dead");

        let seen = by_id(sink, kills);
        tell(&format!("{version} publications"));
        let mut tx = db.read().await.expect("reads");
        assert!(mail::list(&mut tx, Some("failed"), None, 1).await.expect("lists").is_empty());
        let mut said: BTreeMap<String, Vec<(i64, String, String)>> = BTreeMap::new();
        for mail in sink.read(0) {
            let [text] = calendars(&mail)[..] else { panic!("one run each: {mail:?}") };
            let sequence = line(text, "SEQUENCE:").parse().expect("a number");
            let begins = line(text, "DTSTART;TZID=America/New_York:").to_owned();
            let to = mail.headers["to"].split(['<', '>']).nth(1).expect("an address").to_owned();
            said.entry(to).or_default().push((sequence, begins, mail.headers["message-id"].clone()));
        }
        assert_eq!(said.len(), TAUGHT);
        for (n, (educator, _)) in who.iter().enumerate() {
            let said = &said[&format!("educator-{n}@a.example")];
            // In order, and each once but for the same mail twice.
            let in_order = |pair: &[(i64, String, String)]| pair[0].0 < pair[1].0 || pair[0] == pair[1];
            assert!(said.windows(2).all(in_order), "{said:?}");
            let now = starts(n, version);
            let begins = format!("20260902T{}00", now.to_string().replace(':', ""));
            assert_eq!(said.last().expect("was told").1, begins, "educator {n}: {said:?}");
            let known = told::series(&mut tx, office.term(), *educator).await.expect("is kept");
            let [known] = &known[..] else { panic!("one run each: {known:?}") };
            let told = known.series.as_ref().expect("was told");
            assert!(told.meetings.len() == 8 && told.meetings.values().all(|span| span.starts == now), "{told:?}");
        }
        assert!(seen.len() > TAUGHT);
    })
    .await;
}
