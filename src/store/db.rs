//! The database: SQLite in a file, or PostgreSQL by address. Opening, migrating, beginning transactions.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, Row as _, SqliteConnection};

use super::error::{Result, StoreError};
use super::tx::{Link, Statement, Tx, statements};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

statements! {
    PING = "SELECT 1 AS one";
}

/// How long a program waits for others to open, migrate or close the same file.
const TURN: Duration = Duration::from_secs(30);

/// Pools of connections. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Db {
    /// One writer, so that writers queue here and not in the file; many readers, which never wait (WAL).
    Sqlite {
        writer: SqlitePool,
        reader: SqlitePool,
    },
    Pg(PgPool),
}

/// Tries again while the file is locked. While one program turns a file to WAL, or is the last to close it, SQLite
/// refuses the others at once and does not wait for `busy_timeout` (sqlite.org/wal.html, §8).
async fn in_turn<T, F: Future<Output = Result<T>>>(work: impl Fn() -> F) -> Result<T> {
    let begun = std::time::Instant::now();
    loop {
        match work().await {
            Err(StoreError::Busy(_)) if begun.elapsed() < TURN => tokio::time::sleep(Duration::from_millis(20)).await,
            other => return other,
        }
    }
}

impl Db {
    /// Opens `sqlite:PATH` (created where it does not exist) or `postgres://…`. Migrates nothing.
    pub async fn connect(url: &str) -> Result<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options: PgConnectOptions = url.parse::<PgConnectOptions>()?.application_name("bellwether");
            let pool = PgPoolOptions::new()
                .max_connections(16)
                .acquire_timeout(Duration::from_secs(30))
                .connect_with(options.log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(5)))
                .await?;
            return Ok(Self::Pg(pool));
        }
        let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        let Some(path) = path.filter(|path| !path.is_empty() && !path.contains(":memory:")) else {
            return Err(StoreError::invalid("", format!("{url:?} is not a database; use sqlite:PATH or postgres://…")));
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // What is deleted is overwritten: names that were forgotten, above all.
            .pragma("secure_delete", "on")
            .busy_timeout(Duration::from_secs(30))
            .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(5));
        let pool = || {
            let pool = SqlitePoolOptions::new().acquire_timeout(Duration::from_mins(1));
            pool.idle_timeout(None).max_lifetime(None).after_release(|connection, _| Box::pin(is_sound(connection)))
        };
        // 64 MB of pages: with the usual two, a large publication writes them out and reads them back all the time.
        let writing = options.clone().pragma("cache_size", "-65536");
        let open = || async { Ok(pool().max_connections(1).connect_with(writing.clone()).await?) };
        let writer = in_turn(open).await?;
        let reader = pool().max_connections(8).connect_lazy_with(options.pragma("query_only", "on"));
        Ok(Self::Sqlite { writer, reader })
    }

    /// Brings the schema up to date. Several programs may do so at once: they take turns.
    pub async fn migrate(&self) -> Result<()> {
        match self {
            // sqlx takes no lock on SQLite: the writer's lock serves, over all migrations together.
            Self::Sqlite { writer, .. } => {
                in_turn(|| async {
                    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
                    SQLITE.run_direct(None, &mut *tx, false).await?;
                    Ok(tx.commit().await?)
                })
                .await
            }
            Self::Pg(pool) => Ok(POSTGRES.run(pool).await?),
        }
    }

    /// Descriptions of the migrations that `migrate` would apply.
    pub async fn pending(&self) -> Result<Vec<String>> {
        const APPLIED: &str = "SELECT version FROM _sqlx_migrations WHERE success";
        const SQLITE_HAS: &str = "SELECT name FROM sqlite_schema WHERE name = '_sqlx_migrations'";
        const PG_HAS: &str = "SELECT 1 WHERE to_regclass('_sqlx_migrations') IS NOT NULL";
        let mut applied: Vec<i64> = Vec::new();
        match self {
            Self::Sqlite { reader, .. } if sqlx::query(SQLITE_HAS).fetch_optional(reader).await?.is_some() => {
                for row in sqlx::query(APPLIED).fetch_all(reader).await? {
                    applied.push(row.try_get(0)?);
                }
            }
            Self::Pg(pool) if sqlx::query(PG_HAS).fetch_optional(pool).await?.is_some() => {
                for row in sqlx::query(APPLIED).fetch_all(pool).await? {
                    applied.push(row.try_get(0)?);
                }
            }
            _ => {}
        }
        let known = if matches!(self, Self::Pg(_)) { &POSTGRES } else { &SQLITE };
        let pending = known.iter().filter(|migration| !applied.contains(&migration.version));
        Ok(pending.map(|migration| format!("{:04} {}", migration.version, migration.description)).collect())
    }

    /// Begins to write, as `actor` (named in the audit trail). SQLite takes its lock at once, so that nothing
    /// read in this transaction can be changed by another before it commits.
    pub async fn write(&self, actor: &str) -> Result<Tx> {
        let link = match self {
            Self::Sqlite { writer, .. } => Link::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Pg(pool) => Link::Pg(pool.begin().await?),
        };
        Ok(Tx::begun(link, actor.into()))
    }

    /// Begins to read: everything read in it is of one moment.
    pub async fn read(&self) -> Result<Tx> {
        let link = match self {
            Self::Sqlite { reader, .. } => Link::Sqlite(reader.begin().await?),
            Self::Pg(pool) => Link::Pg(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?),
        };
        Ok(Tx::begun(link, String::new()))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.read().await?.row(&PING, &[]).await.map(drop)
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, reader } => {
                reader.close().await;
                writer.close().await;
            }
            Self::Pg(pool) => pool.close().await,
        }
    }

    /// Whether the engine would accept this statement (for tests).
    pub async fn prepare(&self, statement: &Statement) -> Result<()> {
        use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};
        match self {
            Self::Sqlite { writer, .. } => {
                writer.prepare(AssertSqlSafe(statement.sqlite.clone()).into_sql_str()).await?;
            }
            Self::Pg(pool) => {
                pool.prepare(AssertSqlSafe(statement.postgres.clone()).into_sql_str()).await?;
            }
        }
        Ok(())
    }
}

/// Whether the next one can begin on this connection. Where SQLite itself has rolled back (a full disk), sqlx cannot any
/// more, believes for ever to be in a transaction, and refuses to begin another: such a connection is given up.
async fn is_sound(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // A rollback may still be on its way; this waits behind it.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}
