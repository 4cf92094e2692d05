//! Ends proposals and offers that nobody has answered in time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::{Db, Result, vacancies};

/// Between two looks. An answer after the deadline is refused whether or not anybody has looked.
const LOOK: Duration = Duration::from_secs(30);
const ACTOR: &str = "deadline";

/// Looks until it is told to stop.
pub async fn watch(db: Db, closing: CancellationToken) {
    loop {
        if let Err(error) = look(&db).await {
            tracing::warn!(%error, "cannot look for deadlines");
        }
        tokio::select! {
            () = closing.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn look(db: &Db) -> Result<()> {
    // Nobody waits for a writer where nothing is late.
    if !vacancies::any_late(&mut db.read().await?).await? {
        return Ok(());
    }
    let mut tx = db.write(ACTOR).await?;
    vacancies::expire(&mut tx).await?;
    tx.commit().await
}
