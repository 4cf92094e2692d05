//! A database that takes no writes: every refusal says why and what helps, and what is there can still be read.

use std::process::Command;

use bellwether::domain::actor::Role;
use bellwether::store::Db;
use sqlx::{AssertSqlSafe, Executor as _};
use tempfile::TempDir;

use crate::api::client::{Client, district};
use crate::fresh::on_both_at;
use crate::people::person;

const PATH: &str = "/api/v1/districts";

async fn set(db: &Db, pragma: &'static str) {
    let Db::Sqlite { writer, .. } = db else { panic!("a setting of SQLite") };
    writer.execute(pragma).await.expect("is set");
}

#[tokio::test]
async fn a_full_disk_refuses_what_is_new_and_keeps_what_is_there() {
    let dir = TempDir::new().expect("a directory");
    let db = Db::connect(&format!("sqlite:{}", dir.path().join("full.db").display())).await.expect("opens");
    db.migrate().await.expect("migrates");
    let client = Client::of(db.clone()).await;
    // To SQLite a limit of pages is what a full disk is: no page can be added. Those there have room for some.
    set(&db, "PRAGMA max_page_count = 1").await;
    let mut kept = 0;
    let refused = loop {
        let answer = client.post(PATH, &district(&"Mesa ".repeat(300))).await;
        if answer.status.as_u16() != 201 {
            break answer;
        }
        kept += 1;
        assert!(kept < 1000, "the database never fills");
    };
    refused.refused(503, "unwritable");
    assert!(refused.body["detail"].as_str().is_some_and(|why| why.contains("disk is full")), "{refused:?}");
    let read = client.get(&format!("{PATH}?limit=200")).await;
    assert_eq!(read.body["items"].as_array().map(Vec::len), Some(kept), "what was acknowledged, and no more");
    set(&db, "PRAGMA max_page_count = 1000000").await;
    client.district("There is room again").await;
}

#[tokio::test]
async fn a_read_only_database_is_read_and_not_written() {
    on_both_at(async |db, url| {
        let (_, secret) = person(&db, Role::Administrator, &[], None).await;
        let client = Client::unknown(db.clone()).signed_in(&secret);
        client.district("Mesa").await;
        let client = if let Db::Pg(pool) = &db {
            let name = url.rsplit('/').next().and_then(|name| name.split('?').next()).expect("a name");
            let text = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
            pool.execute(AssertSqlSafe(text)).await.expect("is set");
            // It holds for connections that begin after it.
            Client::unknown(Db::connect(&url).await.expect("opens")).signed_in(&secret)
        } else {
            set(&db, "PRAGMA query_only = on").await;
            client
        };
        client.post(PATH, &district("Tempe")).await.refused(503, "unwritable");
        assert_eq!(client.get(PATH).await.body["items"].as_array().map(Vec::len), Some(1));
    })
    .await;
}

#[test]
fn a_database_that_cannot_be_opened_is_bad_input_and_says_which_and_what_to_do() {
    let dir = TempDir::new().expect("a directory");
    let url = format!("sqlite:{}", dir.path().join("no-such-folder/bellwether.db").display());
    for command in ["serve", "work", "migrate"] {
        let done = Command::new(env!("CARGO_BIN_EXE_bellwether")).args([command, "--db", &url]).output();
        let done = done.expect("the program starts");
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains("no-such-folder") && said.contains("let its folder exist"), "{command}: {said}");
    }
}

#[test]
fn a_file_that_is_no_database_and_a_port_that_is_taken_are_settings_and_no_defect() {
    let dir = TempDir::new().expect("a directory");
    let letter = dir.path().join("letter.db");
    std::fs::write(&letter, "Dear database, ".repeat(500)).expect("writes");
    let letter = format!("sqlite:{}", letter.display());
    let fresh = format!("sqlite:{}", dir.path().join("fresh.db").display());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    // Nobody listens there any more.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let nobody = format!("postgres://ana:secret-word@127.0.0.1:{closed}/bellwether");
    for (arguments, parts) in [
        (&["serve", "--db", &letter][..], &["letter.db", "not a database", "--db"][..]),
        (&["migrate", "--db", &letter], &["letter.db", "not a database"]),
        (&["export", "problem", "--db", &letter], &["letter.db", "not a database"]),
        (&["serve", "--db", &fresh, "--listen", &taken], &[&taken, "--listen"]),
        (&["migrate", "--db", &nobody], &["cannot open the database", "DATABASE_URL"]),
    ] {
        let done = Command::new(env!("CARGO_BIN_EXE_bellwether")).args(arguments).output().expect("the program starts");
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(parts.iter().all(|part| said.contains(part)) && !said.contains("secret-word"), "{arguments:?}: {said}");
    }
}

#[test]
fn what_an_import_would_refuse_of_a_valid_problem_check_tells_by_the_same_place() {
    let dir = TempDir::new().expect("a directory");
    let mut problem: serde_json::Value = serde_json::from_str(include_str!("store/problem.json")).expect("JSON");
    problem["districts"][0]["calendar"]["closed"] = serde_json::json!(["2026-09-07", "2026-09-07"]);
    let (file, url) = (dir.path().join("p.json"), format!("sqlite:{}", dir.path().join("p.db").display()));
    std::fs::write(&file, problem.to_string()).expect("writes");
    let file = file.display().to_string();
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_bellwether")).args(arguments).output().expect("the program starts")
    };
    let checked = run(&["check", &file]);
    assert_eq!(checked.status.code(), Some(0), "the format allows it: {checked:?}");
    let checked: serde_json::Value = serde_json::from_slice(&checked.stdout).expect("JSON");
    let imported = run(&["import", "problem", &file, "--db", &url]);
    assert_eq!(imported.status.code(), Some(2), "{imported:?}");
    let refused: Vec<serde_json::Value> = String::from_utf8_lossy(&imported.stderr)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{imported:?}")))
        .collect();
    assert_eq!(refused[0]["pointer"], "/districts/0/calendar/closed/1", "{refused:?}");
    assert_eq!(checked["import_refuses"], serde_json::json!(refused));
}
