//! Creations that are sent twice happen once: the answer to the first is kept, and given again.

use serde_json::Value as Json;

use super::error::{Result, StoreError};
use super::tx::{Tx, statements};
use crate::args;

statements! {
    // A second transaction with the same key waits here on PostgreSQL until the first has ended.
    CLAIM = "INSERT INTO idempotency_key (principal, key, request_hash, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    READ = "SELECT request_hash, status, headers, body FROM idempotency_key WHERE principal = $1 AND key = $2";
    ANSWER = "UPDATE idempotency_key SET status = $3, headers = $4, body = $5 WHERE principal = $1 AND key = $2";
    FORGET = "DELETE FROM idempotency_key WHERE created_at < $1";
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: i64,
    /// Names and values, as a JSON object.
    pub headers: Json,
    pub body: String,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// Never seen: go on, and `answer` in the same transaction.
    Fresh,
    /// Seen with the same request: give this again.
    Answered(Answer),
    /// Seen with another request: refuse.
    Mismatch,
}

/// Claims `key` for the rest of this transaction.
pub async fn claim(tx: &mut Tx, principal: &str, key: &str, request_hash: &str) -> Result<Claim> {
    let at = tx.at;
    if tx.execute(&CLAIM, args![principal, key, request_hash, at]).await? == 1 {
        return Ok(Claim::Fresh);
    }
    match seen(tx, principal, key, request_hash).await? {
        Claim::Fresh => Err(StoreError::Corrupt("an idempotency key vanished".into())),
        known => Ok(known),
    }
}

/// What is known of a key, without claiming it: spares the work of a request that was answered before.
pub async fn seen(tx: &mut Tx, principal: &str, key: &str, request_hash: &str) -> Result<Claim> {
    let Some(row) = tx.row(&READ, args![principal, key]).await? else { return Ok(Claim::Fresh) };
    if row.get::<String>("request_hash")? != request_hash {
        return Ok(Claim::Mismatch);
    }
    // Claim and answer are one transaction, so a key that can be seen has its answer.
    Ok(Claim::Answered(Answer {
        status: row.get("status")?,
        headers: row.get::<sqlx::types::Json<Json>>("headers")?.0,
        body: row.get("body")?,
    }))
}

/// Keeps the answer of a claimed key.
pub async fn answer(tx: &mut Tx, principal: &str, key: &str, answer: &Answer) -> Result<()> {
    let Answer { status, headers, body } = answer;
    tx.execute(&ANSWER, args![principal, key, *status, headers.clone(), body.as_str()]).await.map(drop)
}

/// Forgets keys claimed before `before`.
pub async fn forget(tx: &mut Tx, before: chrono::DateTime<chrono::Utc>) -> Result<u64> {
    tx.execute(&FORGET, args![before]).await
}
