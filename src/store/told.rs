//! What calendars were told: for each run of meetings of an educator its calendar UID, what was said of it last, and
//! whether that arrived. A digest says what differs from it; what may not have arrived is said again.
//!
//! Rows of mail are locked before rows of series, always: else a worker and a change of address deadlock.

use std::time::Duration;

use chrono::NaiveDate;
use serde_json::{Value as Json, json};
use sqlx::types::Json as Column;
use uuid::Uuid;

use super::error::{Result, StoreError};
use super::mail::{announce, normal};
use super::tx::{Row, Tx, statements};
use crate::args;
use crate::domain::id::{EducatorId, RecordId, TermId};
use crate::domain::mail::{Change, Digest, Series, Told};
use crate::domain::record::Record as _;
use crate::domain::records::Educator;

statements! {
    SERIES = "SELECT id, key, sequence, body, doubt FROM series WHERE term_id = $1 AND educator_id = $2 ORDER BY key";
    /// What a letter says is counted when it is written, and kept as told when it has arrived.
    COUNT = "INSERT INTO series (id, term_id, educator_id, key, sequence, doubt) \
             SELECT unhex(value ->> 'id', '-'), $1, $2, value ->> 'key', value ->> 'sequence', FALSE FROM json_each($3) WHERE TRUE \
             ON CONFLICT (term_id, educator_id, key) DO UPDATE SET sequence = excluded.sequence"
          | "INSERT INTO series (id, term_id, educator_id, key, sequence, doubt) \
             SELECT id, $1, $2, key, sequence, FALSE FROM jsonb_to_recordset($3) AS x(id uuid, key text, sequence bigint) \
             ON CONFLICT (term_id, educator_id, key) DO UPDATE SET sequence = excluded.sequence";
    SETTLE = "UPDATE series SET body = x.value -> 'body', doubt = $2 FROM json_each($1) AS x WHERE series.id = unhex(x.value ->> 'id', '-')"
           | "UPDATE series SET body = x.body, doubt = $2 FROM jsonb_to_recordset($1) AS x(id uuid, body jsonb) WHERE series.id = x.id";
    DOUBT_ALL = "UPDATE series SET doubt = TRUE WHERE educator_id = $1 AND body IS NOT NULL";
    /// Terms that are not over, of which somebody was owed a digest, and in which there is something to tell an educator.
    TO_TELL = "SELECT t.id FROM term t WHERE t.last_on >= $2 AND EXISTS (SELECT 1 FROM educator e WHERE e.id = $1 AND e.active) \
               AND EXISTS (SELECT 1 FROM mail m WHERE m.term_id = t.id AND m.kind = 'digest') \
               AND (EXISTS (SELECT 1 FROM series s WHERE s.term_id = t.id AND s.educator_id = $1) \
                    OR EXISTS (SELECT 1 FROM session s WHERE s.educator_id = $1 AND s.term_id = t.id)) ORDER BY t.id";
    ADDRESSES = "SELECT id, email FROM educator WHERE email IS NOT NULL ORDER BY id";
}

/// What an educator's calendar was told of a run of meetings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub uid: Uuid,
    pub key: String,
    /// The highest that any letter gave it.
    pub sequence: i64,
    /// As it was told last; none if it never was, or was taken back.
    pub series: Option<Series>,
    /// It may not have arrived.
    pub doubt: bool,
}

/// What an educator's calendar was told of a term, by key.
pub async fn series(tx: &mut Tx, term: TermId, educator: EducatorId) -> Result<Vec<Known>> {
    let known = |row: &Row| {
        let body = row.get::<Option<Column<Json>>>("body")?.map(|json| serde_json::from_value(json.0)).transpose();
        let series = body.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let (uid, key, sequence) = (row.get("id")?, row.get("key")?, row.get("sequence")?);
        Ok(Known { uid, key, sequence, series, doubt: row.get("doubt")? })
    };
    tx.rows(&SERIES, args![term, educator]).await?.iter().map(known).collect()
}

/// Counts what a letter says of each key, before it is sent.
pub async fn count(tx: &mut Tx, term: TermId, educator: EducatorId, said: &[(String, &Told)]) -> Result<()> {
    let row = |(key, told): &(String, &Told)| json!({ "id": told.uid, "key": key, "sequence": told.sequence });
    let rows: Vec<Json> = said.iter().map(row).collect();
    tx.execute(&COUNT, args![term, educator, json!(rows)]).await.map(drop)
}

/// Keeps what a digest said as told; where it may not have arrived, as in doubt.
pub(super) async fn settle(tx: &mut Tx, digest: &Digest, doubt: bool) -> Result<()> {
    keep(tx, digest.told.iter(), doubt).await
}

/// A digest came back that had been sent: what nothing later was told of is in doubt.
pub(super) async fn came_back(tx: &mut Tx, term: TermId, educator: EducatorId, digest: &Digest) -> Result<()> {
    let known = series(tx, term, educator).await?;
    let stands = |told: &&Told| known.iter().any(|row| row.uid == told.uid && row.series.as_ref() == left_by(told));
    keep(tx, digest.told.iter().filter(stands), true).await
}

/// What is told of a run once this is.
fn left_by(told: &Told) -> Option<&Series> {
    (told.change != Change::Gone).then_some(&told.series)
}

async fn keep(tx: &mut Tx, told: impl Iterator<Item = &Told>, doubt: bool) -> Result<()> {
    let row = |told: &Told| match left_by(told).or(doubt.then_some(&told.series)) {
        Some(series) => json!({ "id": told.uid, "body": series }),
        None => json!({ "id": told.uid }),
    };
    let rows: Vec<Json> = told.map(row).collect();
    tx.execute(&SETTLE, args![json!(rows), doubt]).await.map(drop)
}

/// What a change of a record brings with it: an educator with another mail address is told there what stands. `before` and
/// `after` are the bodies.
pub(super) async fn follow(tx: &mut Tx, kind: &str, id: Uuid, before: &Json, after: &Json) -> Result<()> {
    if kind != Educator::KIND {
        return Ok(());
    }
    let email = |body: &Json| body["email"].as_str().map(normal);
    if email(after).is_none() || email(after) == email(before) {
        return Ok(());
    }
    let educator = EducatorId::from_uuid(id);
    owe(tx, educator).await?;
    tx.execute(&DOUBT_ALL, args![educator]).await.map(drop)
}

/// Owes whoever has this address what they were not told while it got no mail.
pub(super) async fn resume(tx: &mut Tx, address: &str) -> Result<()> {
    for row in tx.rows(&ADDRESSES, &[]).await? {
        if normal(&row.get::<String>("email")?) == normal(address) {
            owe(tx, row.id("id")?).await?;
        }
    }
    Ok(())
}

/// A digest of each term of which there may be something to tell; with nothing to say it is not sent.
async fn owe(tx: &mut Tx, educator: EducatorId) -> Result<()> {
    let today: NaiveDate = tx.at.date_naive();
    for row in tx.rows(&TO_TELL, args![educator, today]).await? {
        announce(tx, row.id("id")?, &[educator].into(), Duration::ZERO).await?;
    }
    Ok(())
}
