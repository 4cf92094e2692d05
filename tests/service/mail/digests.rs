//! Digests: what a publication changed, one mail for each educator, and nothing of what stayed as it was.

use std::collections::BTreeSet;
use std::time::Duration;

use bellwether::domain::id::{DistrictId, EducatorId, SchoolId, SectionId, TermId};
use bellwether::domain::records::{Educator, Section};
use bellwether::domain::run::RunSettings;
use bellwether::domain::session::{Meeting, Purpose, SessionStatus, SessionStudent};
use bellwether::domain::time::{Date, Tz, instant, to_utc};
use bellwether::store::runs::{self, NewRun};
use bellwether::store::schedules::{self, Publication};
use bellwether::store::{self, Db, Tx, mail};
use serde::Deserialize;
use serde_json::json;

use super::{Read, Sink, deliver, mailroom, script};
use crate::access::house::{House, Side};
use crate::fresh::on_both;

/// Two educators with mail addresses, a section each, and a further section of the first.
struct Office {
    house: House,
    db: Db,
    sink: Sink,
    further: SectionId,
    read: usize,
}

fn id<I: std::str::FromStr<Err: std::fmt::Debug>>(side: &Side, kind: &str) -> I {
    side.id(kind).parse().expect("an id")
}

impl Office {
    async fn open(db: Db) -> Self {
        let house = House::build(db.clone()).await;
        let mut tx = db.write("test").await.expect("writes");
        for (side, email) in [(&house.own, "ana@a.example"), (&house.foreign, "bo@a.example")] {
            let now = store::get::<Educator>(&mut tx, id(side, "educators")).await.expect("is there");
            let body = Educator { email: Some(email.into()), tz: Tz::America__Phoenix, ..now.body };
            store::update(&mut tx, now.id, Some(now.version), body).await.expect("is changed");
        }
        let section = store::get::<Section>(&mut tx, id(&house.own, "sections")).await.expect("is there");
        let further = store::insert(&mut tx, section.body).await.expect("is kept").id;
        tx.commit().await.expect("commits");
        Self { house, db, sink: Sink::start(), further, read: 0 }
    }

    /// Every Monday and Wednesday of September 2026 but Labor Day, at this time in New York.
    fn weekly(side: &Side, section: SectionId, starts: &str) -> Vec<Meeting> {
        let days = (1..=30).map(|day| Date::ymd(2026, 9, day));
        let held = days.filter(|on| ["mon", "wed"].contains(&on.weekday().name()) && *on != Date::ymd(2026, 9, 7));
        held.map(|on| Self::meeting(side, section, on, starts)).collect()
    }

    fn meeting(side: &Side, section: SectionId, on: Date, starts: &str) -> Meeting {
        let (tz, starts) = (Tz::America__New_York, starts.parse().expect("a clock"));
        let from = to_utc(tz, on, bellwether::domain::time::Clock::minutes(starts));
        let ends = bellwether::domain::time::Clock::from_minutes(starts.minutes() + 45).expect("a clock");
        Meeting {
            key: format!("section/{section}/{on}/P1"),
            educator_id: id::<EducatorId>(side, "educators"),
            school_id: id::<SchoolId>(side, "schools"),
            district_id: id::<DistrictId>(side, "districts"),
            purpose: Purpose::Section(section),
            students: Vec::new(),
            held_on: on,
            starts,
            ends,
            tz,
            starts_at: instant(from),
            ends_at: instant(from + 45),
            minutes: 45,
            status: SessionStatus::Planned,
        }
    }

    /// A service session, whose student and kind nobody outside may learn of.
    fn service(&self) -> Meeting {
        let side = &self.house.own;
        let student =
            SessionStudent { service_id: id(side, "services"), student_id: id(side, "students"), serves: true };
        let meeting = Self::meeting(side, self.further, Date::ymd(2026, 9, 15), "09:00");
        let key = "service/x/speech CANARY-KIND/e/2026-09-15/09:00/45".into();
        Meeting { key, purpose: Purpose::Service("speech CANARY-KIND".into()), students: vec![student], ..meeting }
    }

    async fn write(&self, tx: &mut Tx, meetings: Vec<Meeting>) {
        let term_id: TermId = id(&self.house.own, "terms");
        let districts: Vec<DistrictId> = vec![id(&self.house.own, "districts"), id(&self.house.foreign, "districts")];
        let new =
            NewRun { term_id, districts: districts.clone(), settings: RunSettings::default(), problem: "{}".into() };
        let run_id = runs::create(tx, new).await.expect("a run");
        let publication = Publication {
            term_id,
            run_id,
            districts,
            problem_sha256: String::new(),
            schedule: "{}".into(),
            cost: json!({}),
            assigned: Vec::new(),
            meetings,
        };
        let done = schedules::publish(tx, publication).await.expect("is published");
        mail::announce(tx, term_id, &done.touched, Duration::ZERO).await.expect("is owed");
    }

    /// In August: nothing has begun yet.
    async fn publish(&self, meetings: Vec<Meeting>) {
        let mut tx = self.db.write("test").await.expect("writes");
        tx.at = chrono::DateTime::parse_from_rfc3339("2026-08-03T12:00:00Z").expect("an instant").to_utc();
        self.write(&mut tx, meetings).await;
        tx.commit().await.expect("commits");
    }

    /// What has arrived since the last time, by recipient.
    async fn arrived(&mut self) -> Vec<Read> {
        deliver(&mailroom(&self.db, &self.sink)).await;
        let mut read = self.sink.read(self.read);
        self.read += read.len();
        read.sort_by_key(|mail| mail.headers["to"].clone());
        read
    }

    fn both(&self, at: &str) -> Vec<Meeting> {
        let (own, foreign) = (&self.house.own, &self.house.foreign);
        let mine = [Self::weekly(own, id(own, "sections"), at), Self::weekly(own, self.further, "16:00")].concat();
        [mine, Self::weekly(foreign, id(foreign, "sections"), "13:00")].concat()
    }
}

/// The value of a line of a calendar.
fn line<'t>(text: &'t str, name: &str) -> &'t str {
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in\n{text}")).trim_end()
}

fn calendars(mail: &Read) -> Vec<&str> {
    mail.parts.iter().filter(|part| part.kind == "text/calendar").map(|part| part.text.as_str()).collect()
}

#[tokio::test]
async fn a_schedule_published_changed_and_published_again_sends_only_what_changed() {
    on_both(async |db| {
        let mut office = Office::open(db).await;
        office.publish(office.both("13:00")).await;
        let first = office.arrived().await;
        assert_eq!(first.len(), 2, "one mail each");
        assert_eq!(first[0].headers["subject"], "Your teaching schedule, Fall");
        assert_eq!(
            first[0].kinds[..5],
            ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar"]
        );
        assert_eq!(first[1].kinds, ["multipart/alternative", "text/plain", "text/html", "text/calendar"]);
        assert!(first.iter().all(|mail| mail.defects.is_empty()));
        assert_eq!((calendars(&first[0]).len(), calendars(&first[1]).len()), (2, 1), "two sections, one section");
        let inline = first[0].parts.iter().find(|part| part.kind == "text/calendar").expect("an invitation");
        assert_eq!((inline.method.as_deref(), inline.disposition.as_deref()), (Some("REQUEST"), None));
        assert!(
            first[0].parts[0].text.contains("the first begins at 10:00 AM MST on Wed, Sep 2 on your clock"),
            "{}",
            first[0].parts[0].text
        );

        // The same again: nobody hears of it.
        office.publish(office.both("13:00")).await;
        assert_eq!(office.arrived().await.len(), 0);

        // One section an hour later: its educator hears of that one, under the same UID.
        office.publish(office.both("14:00")).await;
        let second = office.arrived().await;
        assert_eq!(second.len(), 1);
        assert!(second[0].headers["to"].contains("ana@a.example"));
        let update = calendars(&second[0]);
        assert_eq!(update.len(), 1, "the other section is as it was");
        let before = calendars(&first[0]).into_iter().find(|text| line(text, "UID:") == line(update[0], "UID:"));
        assert_eq!((line(before.expect("the same UID"), "SEQUENCE:"), line(update[0], "SEQUENCE:")), ("0", "1"));
        assert!(
            second[0].parts[0].text.contains("moved to Wed, Sep 2, 2:00–2:45 PM EDT"),
            "{}",
            second[0].parts[0].text
        );

        // A storm: changed a hundred times and back, and once for good, before any mail leaves. One mail, of the last state.
        for minute in 0..20 {
            office.publish(office.both(&format!("14:{:02}", minute + 1))).await;
        }
        office.publish(office.both("14:00").into_iter().skip(1).collect()).await;
        let third = office.arrived().await;
        assert_eq!(third.len(), 1);
        assert!(third[0].parts[0].text.contains("not held Wed, Sep 2\n"), "{}", third[0].parts[0].text);
        // There and back: nothing to say.
        office.publish(office.both("14:01").into_iter().skip(1).collect()).await;
        office.publish(office.both("14:00").into_iter().skip(1).collect()).await;
        assert_eq!(office.arrived().await.len(), 0);

        // A publication that is undone tells nobody.
        let mut tx = office.db.write("test").await.expect("writes");
        office.write(&mut tx, Vec::new()).await;
        tx.rollback().await.expect("is undone");
        assert_eq!(office.arrived().await.len(), 0);

        // The end of it all: each calendar is told to forget what it has.
        office.publish(Vec::new()).await;
        let last = office.arrived().await;
        let methods: Vec<_> =
            last.iter().flat_map(|mail| &mail.parts).filter_map(|part| part.method.as_deref()).collect();
        assert_eq!((last.len(), methods), (2, vec!["CANCEL"; 3]));
        let ids: BTreeSet<&str> = [&first, &second, &third, &last]
            .into_iter()
            .flatten()
            .map(|mail| mail.headers["message-id"].as_str())
            .collect();
        assert_eq!(ids.len(), 6);
    })
    .await;
}

/// Golden vector 26 of the domain research.
#[tokio::test]
async fn no_mail_and_no_invitation_names_a_student_or_a_service() {
    on_both(async |db| {
        let mut office = Office::open(db).await;
        office.publish(vec![office.service()]).await;
        let arrived = office.arrived().await;
        assert_eq!(arrived.len(), 1);
        let all = format!("{arrived:?}");
        let keys = [office.house.own.id("students"), office.house.own.id("services"), "k-A", "CANARY", "speech"];
        for key in keys {
            assert!(!all.contains(key), "{key}");
        }
        assert!(all.contains("Service session"));
    })
    .await;
}

/// A run of meetings in a calendar.
#[derive(Debug, Deserialize)]
struct Held {
    uid: String,
    sequence: i64,
    title: String,
    at: Vec<String>,
}

/// What Evolution's calendar holds after each of these messages.
fn evolution(messages: &[&str]) -> Vec<Vec<Held>> {
    let home = tempfile::TempDir::new().expect("a directory");
    let files: Vec<_> = (0..messages.len()).map(|n| home.path().join(format!("{n}.ics"))).collect();
    for (file, message) in files.iter().zip(messages) {
        std::fs::write(file, message).expect("writes");
    }
    let mut command = std::process::Command::new("timeout");
    command.args(["60", "dbus-run-session", "--", "/usr/bin/python3", &script("itip.py")]).args(&files);
    command
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env_remove("PYTHONHOME")
        .env_remove("VIRTUAL_ENV");
    let output = command.output().expect("dbus-run-session runs; script/setup test installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script says what it read")
}

#[tokio::test]
async fn an_update_and_a_cancellation_replace_the_invitation_in_evolutions_calendar() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = Db::connect(&format!("sqlite:{}", dir.path().join("x.db").display())).await.expect("opens");
    db.migrate().await.expect("migrates");
    let mut office = Office::open(db).await;
    let (own, section): (_, SectionId) = (&office.house.own, id(&office.house.own, "sections"));
    let plain = Office::weekly(own, section, "13:00");
    let mut moved = Office::weekly(own, section, "14:00");
    // One day at another hour, one not held.
    moved[2] = Office::meeting(own, section, moved[2].held_on, "09:30");
    moved.remove(4);
    let instants = |meetings: &[Meeting]| -> Vec<String> {
        meetings.iter().map(|meeting| meeting.starts_at.format("%Y%m%dT%H%M%SZ").to_string()).collect()
    };
    let expected = [instants(&plain), instants(&moved), Vec::new()];
    let mut messages = Vec::new();
    for meetings in [plain, moved, Vec::new()] {
        office.publish(meetings).await;
        let arrived = office.arrived().await;
        let of_ana = arrived.iter().find(|mail| mail.headers["to"].contains("ana@")).expect("a mail");
        messages.push(calendars(of_ana)[0].to_owned());
    }
    let states = evolution(&messages.iter().map(String::as_str).collect::<Vec<_>>());
    for (n, (state, expected)) in states.iter().zip(&expected).enumerate() {
        let at: Vec<&String> = state.iter().flat_map(|held| &held.at).collect();
        assert_eq!(at, expected.iter().collect::<Vec<_>>(), "after message {n}: {state:?}");
        for held in state {
            assert!(messages[0].contains(&held.uid), "{held:?}");
            assert_eq!((held.sequence, held.title.as_str()), (i64::try_from(n).expect("few"), "Algebra"));
        }
    }
    assert_eq!(states.len(), 3);
}
