//! The trail of changes: one chain whoever writes at once, and every way of altering it is found.

use bellwether::domain::records::District;
use bellwether::store::audit::{self, Verdict};
use bellwether::store::{self, Db, Statement};
use futures::future::join_all;
use serde_json::json;

use crate::fresh::on_both;

async fn district(db: &Db, name: &str) {
    let body: District = serde_json::from_value(json!({"name": name, "state": "AZ", "tz": "UTC"})).expect("a district");
    let mut tx = db.write("test").await.expect("writes");
    store::insert(&mut tx, body).await.expect("inserts");
    audit::write(
        &mut tx,
        "note",
        "district",
        uuid::Uuid::nil(),
        None,
        Some(json!({"z": 1.5, "a": [1e-7, {"é": null}]})),
    )
    .await
    .expect("notes");
    tx.commit().await.expect("commits");
}

async fn verdict(db: &Db, noted: Option<&str>) -> Verdict {
    audit::verify(&mut db.read().await.expect("reads"), noted).await.expect("verifies")
}

async fn tamper(db: &Db, statement: &'static str) {
    let mut tx = db.write("intruder").await.expect("writes");
    let free = match db {
        Db::Sqlite { .. } => {
            ["DROP TRIGGER IF EXISTS audit_is_never_updated", "DROP TRIGGER IF EXISTS audit_is_never_deleted"]
        }
        Db::Pg(_) => ["DROP TRIGGER IF EXISTS audit_is_append_only ON audit", "SELECT 1"],
    };
    for text in free {
        tx.execute(&Statement::both(text), &[]).await.expect("drops");
    }
    tx.execute(&Statement::both(statement), &[]).await.expect("tampers");
    tx.commit().await.expect("commits");
}

#[tokio::test]
async fn writers_at_once_make_one_chain() {
    on_both(async |db| {
        let names: Vec<String> = (0..40).map(|n| format!("d{n}")).collect();
        join_all(names.iter().map(|name| district(&db, name))).await;
        let found = verdict(&db, None).await;
        assert_eq!((found.lines, found.broken), (80, None));
        // What is undone leaves no line.
        let mut tx = db.write("test").await.expect("writes");
        audit::write(&mut tx, "note", "district", uuid::Uuid::nil(), None, None).await.expect("notes");
        tx.rollback().await.expect("rolls back");
        assert_eq!(verdict(&db, Some(&found.head)).await.lines, 80);
    })
    .await;
}

#[tokio::test]
async fn a_line_cannot_be_altered_and_whoever_does_so_all_the_same_is_found() {
    on_both(async |db| {
        district(&db, "a").await;
        let mut tx = db.write("intruder").await.expect("writes");
        let refused = tx.execute(&Statement::both("UPDATE audit SET actor = 'someone else'"), &[]).await;
        assert!(refused.is_err(), "the database refuses");
        drop(tx);
        for (statement, broken) in [
            ("UPDATE audit SET actor = 'someone else' WHERE seq = 2", "line 2 is not as it was written"),
            ("UPDATE audit SET actor = 'test' WHERE seq = 2", ""),
            ("UPDATE audit SET body_after = '{\"z\": 1.5}' WHERE seq = 2", "line 2 is not as it was written"),
        ] {
            tamper(&db, statement).await;
            assert_eq!(verdict(&db, None).await.broken.unwrap_or_default(), broken, "{statement}");
        }
        tamper(&db, "DELETE FROM audit WHERE seq = 1").await;
        assert!(verdict(&db, None).await.broken.is_some_and(|text| text.contains("line 1 is missing")));
    })
    .await;
}

#[tokio::test]
async fn lines_taken_from_the_end_are_missed_by_a_hash_that_was_noted() {
    on_both(async |db| {
        district(&db, "a").await;
        district(&db, "b").await;
        let noted = verdict(&db, None).await.head;
        tamper(&db, "DELETE FROM audit WHERE seq > 2").await;
        assert_eq!(verdict(&db, None).await.broken, None);
        assert!(verdict(&db, Some(&noted)).await.broken.is_some_and(|text| text.contains("noted")));
    })
    .await;
}
