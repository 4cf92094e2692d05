//! Ends proposals and offers that nobody has answered in time, and tells the office.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::vacancy::letters::{self, About, Outcome};
use crate::store::{Db, Result, vacancies};

/// Between two looks. An answer after the deadline is refused whether or not anybody has looked.
const LOOK: Duration = Duration::from_secs(30);
const ACTOR: &str = "deadline";

/// Looks until it is told to stop.
pub async fn watch(db: Db, mails: bool, closing: CancellationToken) {
    loop {
        if let Err(error) = look(&db, mails).await {
            tracing::warn!(%error, "cannot look for deadlines");
        }
        tokio::select! {
            () = closing.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Looks once, and says how many it ended. Several may look at once: what one ends, the others find ended.
pub async fn look(db: &Db, mails: bool) -> Result<usize> {
    // Nobody waits for a writer where nothing is late.
    if !vacancies::any_late(&mut db.read().await?).await? {
        return Ok(0);
    }
    let mut tx = db.write(ACTOR).await?;
    let ended = vacancies::expire(&mut tx).await?;
    for offer in ended.iter().filter(|_| mails) {
        let about = About { id: offer.vacancy_id, title: &offer.title, district: &offer.district_name };
        let notice = letters::answered(about, &offer.educator_name, offer.is_proposal(), Outcome::Expired);
        vacancies::tell_office(&mut tx, offer, &notice).await?;
    }
    tx.commit().await?;
    Ok(ended.len())
}
