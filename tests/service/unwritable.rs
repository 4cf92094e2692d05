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
