//! A fresh, migrated database of each engine for every test, gone when the test is.

use std::future::Future;

use bellwether::store::{Db, Statement};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;

/// Runs the test on both engines.
pub async fn on_both<F: Future<Output = ()>>(test: impl Fn(Db) -> F) {
    on_both_at(|db, _url| test(db)).await;
}

/// The same, for tests that need the address as well.
pub async fn on_both_at<F: Future<Output = ()>>(test: impl Fn(Db, String) -> F) {
    let dir = TempDir::new().expect("a temporary directory");
    let url = format!("sqlite:{}", dir.path().join("test.db").display());
    run(&test, url).await;

    on_postgres_at(test).await;
}

/// On PostgreSQL alone, for what several programs do with one server.
pub async fn on_postgres_at<F: Future<Output = ()>>(test: impl Fn(Db, String) -> F) {
    let server = std::env::var("BELLWETHER_TEST_PG").expect(
        "BELLWETHER_TEST_PG is not set: this test also runs on PostgreSQL. Run it by script/test, \
         which starts a private server, or give the postgres:// address of a server where databases may be created",
    );
    let name = format!("bw_{}", bellwether::domain::id::fresh().simple());
    let mut admin = PgConnection::connect(&server).await.expect("the server of BELLWETHER_TEST_PG answers");
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("databases may be created there");
    run(&test, in_database(&server, &name)).await;
    admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.expect("the database is dropped");
}

/// How many transactions on this database of PostgreSQL wait for others.
pub async fn waiting(db: &Db) -> i64 {
    let waiting = Statement::both(
        "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    // What a transaction has read of it once, it reads again.
    let mut tx = db.read().await.expect("reads");
    tx.row(&waiting, &[]).await.expect("counts").expect("a row").get("n").expect("a number")
}

async fn run<F: Future<Output = ()>>(test: &impl Fn(Db, String) -> F, url: String) {
    let db = Db::connect(&url).await.expect("a fresh database opens");
    db.migrate().await.expect("a fresh database migrates");
    test(db.clone(), url).await;
    db.close().await;
}

/// The address with another database name; what follows `?` stays.
fn in_database(server: &str, name: &str) -> String {
    let (address, options) = server.split_once('?').map_or((server, String::new()), |(a, o)| (a, format!("?{o}")));
    let (scheme, rest) = address.split_once("://").expect("BELLWETHER_TEST_PG is a postgres:// address");
    let host = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{host}/{name}{options}")
}
