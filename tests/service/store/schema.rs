//! Both schemas are one schema, and every statement is understood by both engines.

use std::collections::BTreeSet;

use bellwether::store::{Db, Row, Statement, entities};

use crate::fresh::{on_both, on_both_at};

const SQLITE_COLUMNS: &str = "SELECT m.name AS tab, c.name AS col FROM sqlite_schema m JOIN pragma_table_info(m.name) c \
     WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\'";
const PG_COLUMNS: &str = "SELECT table_name::text AS tab, column_name::text AS col FROM information_schema.columns \
     WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'";

async fn columns(db: &Db) -> BTreeSet<(String, String)> {
    let mut tx = db.read().await.expect("reads");
    let rows = tx.rows(&Statement::each(SQLITE_COLUMNS, PG_COLUMNS), &[]).await.expect("columns are listed");
    let pair = |row: &Row| (row.get("tab").expect("a table"), row.get("col").expect("a column"));
    rows.iter().map(pair).collect()
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let seen = std::sync::Mutex::new(Vec::new());
    on_both(async |db| {
        let columns = columns(&db).await;
        seen.lock().expect("not poisoned").push(columns);
    })
    .await;
    let seen = seen.into_inner().expect("not poisoned");
    let differing: Vec<_> = seen[0].symmetric_difference(&seen[1]).collect();
    assert!(differing.is_empty(), "{differing:?}");
    for (table, columns) in entities::TABLES {
        for column in *columns {
            assert!(seen[0].contains(&((*table).into(), column.name.into())), "{table}.{}", column.name);
        }
    }
}

#[tokio::test]
async fn every_statement_is_understood_by_both_engines() {
    on_both(async |db| {
        for statement in bellwether::store::statements() {
            if let Err(error) = db.prepare(&statement).await {
                panic!("{error}: {statement:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn servers_that_start_at_once_migrate_one_after_the_other() {
    on_both_at(async |db, url| {
        db.migrate().await.expect("a migrated database migrates to itself");
        assert_eq!(db.pending().await.expect("is read"), Vec::<String>::new());
        // Beside the migrated database, one that eight servers open at the same moment.
        let url = if url.starts_with("sqlite") { url.replace("test.db", "race.db") } else { url };
        if matches!(db, Db::Pg(_)) {
            let mut tx = db.write("test").await.expect("writes");
            tx.execute(&Statement::both("DROP SCHEMA public CASCADE"), &[]).await.expect("drops");
            tx.execute(&Statement::both("CREATE SCHEMA public"), &[]).await.expect("creates");
            tx.commit().await.expect("commits");
        }
        let starts = (0..8).map(|_| async {
            let db = Db::connect(&url).await?;
            db.migrate().await?;
            db.close().await;
            Ok::<_, bellwether::store::StoreError>(())
        });
        for result in futures::future::join_all(starts).await {
            result.expect("every server starts");
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_database_says_which_migrations_it_lacks() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = Db::connect(&format!("sqlite:{}", dir.path().join("new.db").display())).await.expect("opens");
    let pending = db.pending().await.expect("is read");
    assert_eq!(pending.first().map(String::as_str), Some("0001 records"));
}

#[tokio::test]
async fn an_address_of_no_database_is_refused_with_the_forms_that_are() {
    for url in ["mysql://x", "sqlite:", "sqlite::memory:", "bellwether.db"] {
        let error = Db::connect(url).await.expect_err("is refused").to_string();
        assert!(error.contains("sqlite:PATH or postgres://"), "{error}");
    }
}
