//! Rounds, every hour: what has served its time is deleted, what lies unsealed or under an older key is sealed by the
//! newest, and students whose district keeps them no longer are destroyed with a certificate.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::domain::id::DistrictId;
use crate::domain::seal::Keyring;
use crate::store::{Db, Result, factors, idempotency, identities, links, logins, passkeys};

/// Between two rounds.
const EVERY: Duration = Duration::from_hours(1);
/// How long it is known where somebody was signed in.
const KEEP_LOGINS: TimeDelta = TimeDelta::days(30);
/// How long a creation that is sent twice is known by its key.
const KEEP_ANSWERS: TimeDelta = TimeDelta::days(7);
/// Who the audit trail says it was.
const ACTOR: &str = "retention";

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Logins, challenges, visits and answers that were over.
    pub forgotten: u64,
    /// Names and authenticator apps that were sealed by the newest key.
    pub sealed: usize,
    /// Students who were destroyed.
    pub purged: usize,
}

/// Goes round until it is told to stop.
pub async fn rounds(db: Db, keys: Keyring, closing: CancellationToken) {
    let mut hours = tokio::time::interval(EVERY);
    hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            _ = hours.tick() => {}
        }
        match round(&db, &keys).await {
            Ok(Round { forgotten, sealed, purged }) => tracing::info!(forgotten, sealed, purged, "a round"),
            Err(error) => tracing::error!(%error, "a round ended early; the next one is in an hour"),
        }
    }
}

/// Goes round once. Several may at once: what one does, the others find done.
pub async fn round(db: &Db, keys: &Keyring) -> Result<Round> {
    let mut done = Round::default();
    let mut tx = db.write(ACTOR).await?;
    let now = tx.at;
    done.forgotten += logins::forget(&mut tx, now - KEEP_LOGINS).await?;
    done.forgotten += idempotency::forget(&mut tx, now - KEEP_ANSWERS).await?;
    done.forgotten += passkeys::forget(&mut tx).await? + links::forget(&mut tx).await?;
    tx.commit().await?;
    while !keys.is_empty() {
        let mut tx = db.write(ACTOR).await?;
        let some = identities::rewrap(&mut tx, keys).await? + factors::rewrap(&mut tx, keys).await?;
        tx.commit().await?;
        if some == 0 {
            break;
        }
        done.sealed += some;
    }
    for (district, years) in identities::retaining(&mut db.read().await?).await? {
        match purge(db, district, years).await {
            Ok(purged) => done.purged += purged,
            // What is wrong in one district keeps no other from being looked at.
            Err(error) => {
                tracing::error!(%district, %error, "students of this district were not destroyed when they were due")
            }
        }
    }
    Ok(done)
}

async fn purge(db: &Db, district: DistrictId, years: i64) -> Result<usize> {
    let mut tx = db.write(ACTOR).await?;
    let Some(certificate) = identities::purge_due(&mut tx, district, years).await? else { return Ok(0) };
    tx.commit().await?;
    tracing::info!(certificate = %certificate.id, %district, "students were destroyed");
    Ok(usize::try_from(certificate.body["students"].as_u64().unwrap_or_default()).unwrap_or_default())
}
