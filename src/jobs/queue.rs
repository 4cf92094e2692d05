//! The doorbell on apalis: calls are kept in its tables, in the same database, on both engines.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::{BackendExt as _, BoxDynError, Data, IntervalStrategy, TaskBuilder, WorkerBuilder};
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use tokio::sync::Notify;

use crate::domain::id::RunId;
use crate::store::tx::Link;
use crate::store::{Db, Result, StoreError, Tx, queue::Queue};

const QUEUE: &str = "runs";
/// Without a strategy of its own apalis looks every half minute, or never.
const POLL: Duration = Duration::from_millis(200);
const HEARTBEAT: Duration = Duration::from_secs(4);
/// sqlx keeps one table of migrations; apalis must not share ours.
const MIGRATIONS: &str = "_apalis_migrations";

/// [`Queue`] on apalis.
pub struct Calls;

impl Queue for Calls {
    fn enqueue<'t>(&'t self, tx: &'t mut Tx, run: RunId) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 't>> {
        Box::pin(async move {
            let args = serde_json::to_vec(&run.to_string()).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            let task = TaskBuilder::new(args).idempotency_key(run.to_string()).max_attempts(3).build();
            let pushed = match &mut tx.link {
                Link::Sqlite(tx) => apalis_sqlite::queries::push_tasks(&mut **tx, QUEUE, &[task])
                    .await
                    .map_err(|error| error.to_string()),
                Link::Pg(tx) => apalis_postgres::queries::push_tasks(&mut **tx, QUEUE, vec![task])
                    .await
                    .map_err(|error| error.to_string()),
            };
            pushed.map_err(StoreError::Corrupt)
        })
    }
}

/// Makes the tables of the job library. Its own `setup` would switch off `synchronous` on our pool.
pub async fn migrate(db: &Db) -> std::result::Result<(), BoxDynError> {
    match db {
        Db::Sqlite { writer, .. } => {
            let mut migrations = SqliteStorage::<()>::migrations();
            migrations.dangerous_set_table_name(MIGRATIONS);
            let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
            migrations.run_direct(None, &mut *tx, false).await?;
            tx.commit().await?;
        }
        Db::Pg(pool) => PostgresStorage::<()>::migrations().run(pool).await?,
    }
    Ok(())
}

/// Answers calls by waking `bell`, until it is dropped. `name` is this process's own: two of one name would
/// take each other for dead.
pub async fn answer(db: &Db, name: &str, bell: Arc<Notify>) -> std::result::Result<(), BoxDynError> {
    match db {
        Db::Sqlite { writer, .. } => {
            let config = apalis_sqlite::Config::default().queue(QUEUE).batch_size(10).heartbeat_interval(HEARTBEAT);
            let backend = SqliteStorage::<String>::new(writer)
                .with_config(config)
                .poll_with_strategy(IntervalStrategy::new(POLL));
            WorkerBuilder::new(name).backend(backend).data(bell).build(ring).run().await?;
        }
        Db::Pg(pool) => {
            let config = apalis_postgres::Config::default().queue(QUEUE).batch_size(10).heartbeat_interval(HEARTBEAT);
            let backend = PostgresStorage::<String>::new(pool)
                .with_config(config)
                .poll_with_strategy(IntervalStrategy::new(POLL));
            WorkerBuilder::new(name).backend(backend).data(bell).build(ring).run().await?;
        }
    }
    Ok(())
}

async fn ring(_run: String, bell: Data<Arc<Notify>>) -> std::result::Result<(), BoxDynError> {
    bell.notify_one();
    Ok(())
}
