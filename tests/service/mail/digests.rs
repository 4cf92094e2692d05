//! Digests: what a publication changed, one mail for each educator, and nothing of what stayed as it was.

use std::collections::BTreeSet;

use bellwether::domain::id::SectionId;
use bellwether::domain::session::Meeting;
use bellwether::store::Db;
use serde::Deserialize;

use super::office::{Office, calendars, id, line};
use super::script;
use crate::fresh::on_both;

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
