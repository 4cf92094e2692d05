//! Mail that is owed: written in the transaction of what it tells, taken up under a lease, and ended once. A rolled-back
//! change leaves none behind; a worker that dies leaves its mail to the next one, under the same id.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value as Json, json};
use sqlx::types::Json as Column;
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::{Result, StoreError};
use super::tx::{Row, Tx, statements};
use super::{audit, told};
use crate::args;
use crate::domain::id::{AccountId, EducatorId, MailId, RecordId, TermId};
use crate::domain::mail::{Letter, Notice};

statements! {
    /// One digest waits for each educator and term, and takes up what changes meanwhile. PostgreSQL locks the one that waits,
    /// or waits itself while it is being written: no worker writes it of the meetings of before, and nobody tells of these.
    ANNOUNCE = "INSERT INTO mail (id, kind, educator_id, term_id, state, attempts, created_at, due_at) \
                SELECT unhex(value ->> 'id', '-'), 'digest', e.id, $1, 'queued', 0, $2, $3 FROM json_each($4) \
                JOIN educator e ON e.id = unhex(value ->> 'educator_id', '-') WHERE e.email IS NOT NULL ON CONFLICT DO NOTHING"
             | "INSERT INTO mail (id, kind, educator_id, term_id, state, attempts, created_at, due_at) \
                SELECT x.id, 'digest', e.id, $1, 'queued', 0, $2, $3 FROM jsonb_to_recordset($4) AS x(id uuid, educator_id uuid) \
                JOIN educator e ON e.id = x.educator_id WHERE e.email IS NOT NULL ORDER BY e.id \
                ON CONFLICT (term_id, educator_id) WHERE kind = 'digest' AND state = 'queued' AND letter IS NULL DO UPDATE SET due_at = mail.due_at";
    /// Of those that wait, one that nobody has begun to send.
    HURRY = "UPDATE mail SET due_at = $3 WHERE term_id = $1 AND educator_id = $2 AND kind = 'digest' AND state = 'queued' AND letter IS NULL AND due_at > $3";
    NOTIFY = "INSERT INTO mail (id, kind, educator_id, account_id, letter, state, attempts, created_at, due_at) \
              VALUES ($1, 'notice', $2, $3, $4, 'queued', 0, $5, $5)";
    /// A digest waits for the one before it, however often that is tried.
    NEXT = "SELECT m.id FROM mail m WHERE m.state = 'queued' AND m.due_at <= $1 AND (m.lease_until IS NULL OR m.lease_until < $1) \
            AND NOT EXISTS (SELECT 1 FROM mail d WHERE d.term_id = m.term_id AND d.educator_id = m.educator_id AND d.kind = 'digest' AND d.state = 'queued' \
                            AND d.letter IS NOT NULL AND d.id <> m.id AND (m.letter IS NULL OR d.id < m.id)) ORDER BY m.due_at, m.id LIMIT 1"
         | "SELECT m.id FROM mail m WHERE m.state = 'queued' AND m.due_at <= $1 AND (m.lease_until IS NULL OR m.lease_until < $1) \
            AND NOT EXISTS (SELECT 1 FROM mail d WHERE d.term_id = m.term_id AND d.educator_id = m.educator_id AND d.kind = 'digest' AND d.state = 'queued' \
                            AND d.letter IS NOT NULL AND d.id <> m.id AND (m.letter IS NULL OR d.id < m.id)) ORDER BY m.due_at, m.id LIMIT 1 \
            FOR UPDATE SKIP LOCKED";
    CLAIM = "UPDATE mail SET attempts = attempts + 1, lease_until = $2 WHERE id = $1";
    GET = "SELECT m.id, m.kind, m.educator_id, m.account_id, m.term_id, m.letter, m.attempts, m.created_at, m.state, m.address, m.due_at, m.ended_at, \
           m.cause, COALESCE(e.email, a.email) AS to_address, COALESCE(e.display_name, a.name) AS to_name, e.tz AS to_tz, \
           (CASE WHEN m.account_id IS NULL THEN e.active ELSE a.active END) AS to_active FROM mail m \
           LEFT JOIN educator e ON e.id = m.educator_id LEFT JOIN account a ON a.id = m.account_id WHERE m.id = $1";
    LIST = "SELECT m.id, m.kind, m.educator_id, m.account_id, m.term_id, m.letter, m.attempts, m.created_at, m.state, m.address, m.due_at, m.ended_at, \
            m.cause, COALESCE(e.email, a.email) AS to_address, COALESCE(e.display_name, a.name) AS to_name, e.tz AS to_tz, \
            (CASE WHEN m.account_id IS NULL THEN e.active ELSE a.active END) AS to_active FROM mail m \
            LEFT JOIN educator e ON e.id = m.educator_id LEFT JOIN account a ON a.id = m.account_id \
            WHERE m.id < $1 AND (m.state = $2 OR $2 IS NULL) ORDER BY m.id DESC LIMIT $3";
    FREEZE = "UPDATE mail SET letter = $3 WHERE id = $1 AND attempts = $2";
    BEAT = "UPDATE mail SET lease_until = $3 WHERE id = $1 AND attempts = $2 AND state = 'queued'";
    END = "UPDATE mail SET state = $3, ended_at = $4, cause = $5, address = $6, lease_until = NULL WHERE id = $1 AND attempts = $2 AND state = 'queued'";
    AGAIN = "UPDATE mail SET due_at = $3, cause = $4, address = $5, lease_until = NULL WHERE id = $1 AND attempts = $2 AND state = 'queued'";
    REVIVE = "UPDATE mail SET state = 'queued', ended_at = NULL, due_at = $2, created_at = $2 WHERE id = $1 AND kind = 'notice' AND state IN ('failed', 'dropped')";
    RENEW = "UPDATE mail SET state = 'dropped', cause = $2 WHERE id = $1 AND kind = 'digest' AND state IN ('failed', 'dropped')";
    BOUNCE = "UPDATE mail SET state = 'failed', cause = $2, ended_at = $3 WHERE id = $1 AND state = 'sent'";
    DIGEST_ADDRESS = "SELECT COALESCE(m.address, e.email) AS address FROM mail m JOIN educator e ON e.id = m.educator_id WHERE m.id = $1 AND m.kind = 'digest'";
    REFUSED = "SELECT scope FROM mail_refusal WHERE address = $1";
    REFUSE = "INSERT INTO mail_refusal (address, scope, cause, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    LIFT = "DELETE FROM mail_refusal WHERE address = $1";
    REFUSALS = "SELECT address, scope, cause, at FROM mail_refusal WHERE address > $1 ORDER BY address, scope LIMIT $2";
}

/// Why a mail does not go, where nobody is there to get it.
pub const NO_ADDRESS: &str = "there is no mail address; add one, then send it again";

/// To whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    Educator(EducatorId),
    Account(AccountId),
}

/// A mail that this worker holds.
#[derive(Clone, Debug)]
pub struct Due {
    pub id: MailId,
    /// The fencing token.
    pub attempt: i64,
    pub created_at: DateTime<Utc>,
    /// As it is known now; none where there is nobody to write to any more. Who is active no more still hears what happens
    /// to the meetings they held.
    pub address: Option<String>,
    pub name: String,
    /// Whose calendar it is about, where it is a digest.
    pub about: Option<(TermId, EducatorId)>,
    /// None for a digest that nobody has begun to send.
    pub letter: Option<Letter>,
}

/// How a mail ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Sent,
    Failed,
    /// There was nothing to say, or nobody who wants to hear it.
    Dropped,
}

/// A mail as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Kept {
    #[schema(value_type = Uuid)]
    pub id: MailId,
    /// `digest` (a schedule changed) or `notice` (something to decide).
    pub kind: String,
    /// `queued`, `sent`, `failed` or `dropped`.
    pub state: String,
    pub name: Option<String>,
    /// Where it was tried last.
    pub address: Option<String>,
    pub attempts: i64,
    pub created_at: DateTime<Utc>,
    /// When it is tried next, or was.
    pub due_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// What the last attempt came to.
    pub cause: Option<String>,
}

/// What a report of a failed delivery came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Bounced {
    #[schema(value_type = Uuid)]
    pub mail_id: MailId,
    /// It counted as sent, and counts as failed now.
    pub failed: bool,
    /// The address gets no more mail.
    pub refused: bool,
}

/// An address that gets no more mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Refusal {
    pub address: String,
    /// `digest` or `all`.
    pub scope: String,
    pub cause: String,
    pub at: DateTime<Utc>,
}

/// Owes each of these educators a digest of the term, after `hold`. Who has no mail address gets none.
pub async fn announce(tx: &mut Tx, term: TermId, educators: &BTreeSet<EducatorId>, hold: Duration) -> Result<()> {
    let due = tx.at + TimeDelta::from_std(hold).unwrap_or_default();
    let rows: Vec<Json> = educators.iter().map(|id| json!({ "id": MailId::fresh(), "educator_id": id })).collect();
    for rows in rows.chunks(1000) {
        tx.execute(&ANNOUNCE, args![term, tx.at, due, json!(rows)]).await?;
    }
    Ok(())
}

/// Owes somebody a notice.
pub async fn notify(tx: &mut Tx, to: Recipient, notice: Notice) -> Result<MailId> {
    let id = MailId::fresh();
    let (educator, account) = match to {
        Recipient::Educator(id) => (Some(id.uuid()), None),
        Recipient::Account(id) => (None, Some(id.uuid())),
    };
    tx.execute(&NOTIFY, args![id, educator, account, json!(Letter::Notice(notice)), tx.at]).await?;
    Ok(id)
}

/// Takes up the mail that is due first, if one is, for as long as `lease`.
pub async fn claim(tx: &mut Tx, lease: Duration) -> Result<Option<Due>> {
    let Some(row) = tx.row(&NEXT, args![tx.at]).await? else { return Ok(None) };
    let id: MailId = row.id("id")?;
    let until = tx.at + TimeDelta::from_std(lease).unwrap_or_default();
    tx.execute(&CLAIM, args![id, until]).await?;
    let row = tx.row(&GET, args![id]).await?.ok_or(StoreError::NotFound { what: "mail", id: id.uuid() })?;
    let about = about(&row)?;
    let active: bool = row.get::<Option<bool>>("to_active")?.unwrap_or_default();
    Ok(Some(Due {
        id,
        attempt: row.get("attempts")?,
        created_at: row.get("created_at")?,
        address: row.get::<Option<String>>("to_address")?.filter(|_| active || about.is_some()),
        name: row.get::<Option<String>>("to_name")?.unwrap_or_default(),
        about,
        letter: letter(&row)?,
    }))
}

/// Whose calendar a mail is about, where it is a digest.
fn about(row: &Row) -> Result<Option<(TermId, EducatorId)>> {
    let (term, educator): (Option<Uuid>, Option<Uuid>) = (row.get("term_id")?, row.get("educator_id")?);
    Ok(term.zip(educator).map(|(term, educator)| (RecordId::from_uuid(term), RecordId::from_uuid(educator))))
}

fn letter(row: &Row) -> Result<Option<Letter>> {
    let letter = row.get::<Option<Column<Json>>>("letter")?.map(|json| serde_json::from_value(json.0)).transpose();
    letter.map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Fixes what a mail says, so that it says the same if it is sent again.
pub async fn freeze(tx: &mut Tx, due: &Due, letter: &Letter) -> Result<()> {
    tx.execute(&FREEZE, args![due.id, due.attempt, json!(letter)]).await.map(drop)
}

/// Keeps a mail for as long as `lease` from now. False if another worker has it.
pub async fn beat(tx: &mut Tx, due: &Due, lease: Duration) -> Result<bool> {
    let until = tx.at + TimeDelta::from_std(lease).unwrap_or_default();
    Ok(tx.execute(&BEAT, args![due.id, due.attempt, until]).await? == 1)
}

/// Ends a mail; a digest that has arrived counts as told. One that has not may have all the same, if it was tried before.
/// False if another worker has it.
pub async fn end(tx: &mut Tx, due: &Due, ending: Ending, cause: Option<String>) -> Result<bool> {
    let state = match ending {
        Ending::Sent => "sent",
        Ending::Failed => "failed",
        Ending::Dropped => "dropped",
    };
    let held = tx.execute(&END, args![due.id, due.attempt, state, tx.at, cause, due.address.clone()]).await? == 1;
    if let (true, Some(Letter::Digest(digest))) = (held, &due.letter) {
        if ending == Ending::Sent {
            told::settle(tx, digest, false).await?;
            // Read after the rows of `settle` are locked: a change of address locks them too, and waits or is seen.
            let now =
                tx.row(&GET, args![due.id]).await?.map(|row| row.get::<Option<String>>("to_address")).transpose()?;
            if now.flatten().as_deref().map(normal) != due.address.as_deref().map(normal) {
                told::settle(tx, digest, true).await?;
            }
        } else if due.attempt > 1 {
            told::settle(tx, digest, true).await?;
        }
    }
    Ok(held)
}

/// Puts a mail back, to be tried at `due_at`. False if another worker has it.
pub async fn again(tx: &mut Tx, due: &Due, due_at: DateTime<Utc>, cause: String) -> Result<bool> {
    Ok(tx.execute(&AGAIN, args![due.id, due.attempt, due_at, cause, due.address.clone()]).await? == 1)
}

/// Notes that a mail came back which a server had taken. `message_id` is what the report quotes, without brackets: it
/// proves that whoever writes has seen the mail, so a report that quotes no mail of ours to one of these addresses changes
/// nothing, and is none.
pub async fn bounced(
    tx: &mut Tx,
    message_id: &str,
    addresses: &[String],
    nobody_there: bool,
    cause: &str,
) -> Result<Option<Bounced>> {
    let local = message_id.trim_matches(['<', '>']).split('@').next().unwrap_or_default();
    let Ok(id) = local.parse::<MailId>() else { return Ok(None) };
    let Some(row) = tx.row(&GET, args![id]).await? else { return Ok(None) };
    let Some(address) = row.get::<Option<String>>("address")? else { return Ok(None) };
    if !addresses.iter().any(|one| normal(one) == normal(&address)) {
        return Ok(None);
    }
    let cause: String = cause.chars().filter(|c| !c.is_control()).collect();
    let (at, told) = (tx.at, format!("came back: {cause}"));
    let failed = tx.execute(&BOUNCE, args![id, told.clone(), at]).await? == 1;
    if let (true, Some((term, educator)), Some(Letter::Digest(digest))) = (failed, about(&row)?, letter(&row)?) {
        told::came_back(tx, term, educator, &digest).await?;
    }
    if nobody_there {
        refuse(tx, &address, false, &cause).await?;
    }
    if failed {
        let body = json!({ "cause": told, "address_refused": nobody_there });
        audit::write(tx, "bounce", "mail", id.uuid(), None, Some(body)).await?;
    }
    Ok(Some(Bounced { mail_id: id, failed, refused: nobody_there }))
}

/// Tries a notice that failed or was dropped once more, from now on. A digest is owed anew, to say what stands now.
pub async fn revive(tx: &mut Tx, id: MailId) -> Result<()> {
    let row = tx.row(&GET, args![id]).await?.ok_or(StoreError::NotFound { what: "mail", id: id.uuid() })?;
    let done = if let Some((term, educator)) = about(&row)? {
        if row.get::<Option<String>>("to_address")?.is_none() {
            return Err(StoreError::invalid("/address", NO_ADDRESS));
        }
        let args = args![id, "a newer mail says what stands now"];
        let done = tx.execute(&RENEW, args).await?;
        if done == 1 {
            announce(tx, term, &[educator].into(), Duration::ZERO).await?;
            tx.execute(&HURRY, args![term, educator, tx.at]).await?;
        }
        done
    } else {
        tx.execute(&REVIVE, args![id, tx.at]).await?
    };
    if done == 0 {
        return Err(StoreError::invalid("/state", "only mail that failed or was dropped is sent again"));
    }
    audit::write(tx, "retry", "mail", id.uuid(), None, None).await
}

pub async fn get(tx: &mut Tx, id: MailId) -> Result<Kept> {
    let row = tx.row(&GET, args![id]).await?;
    kept(&row.ok_or(StoreError::NotFound { what: "mail", id: id.uuid() })?)
}

/// At most `limit` mails before `before`, newest first.
pub async fn list(tx: &mut Tx, state: Option<&str>, before: Option<MailId>, limit: i64) -> Result<Vec<Kept>> {
    let before = before.map_or(Uuid::max(), RecordId::uuid);
    tx.rows(&LIST, args![before, state, limit]).await?.iter().map(kept).collect()
}

/// Where a digest went; none if there is no such digest.
pub async fn digest_address(tx: &mut Tx, id: MailId) -> Result<Option<String>> {
    let row = tx.row(&DIGEST_ADDRESS, args![id]).await?;
    Ok(row.map(|row| row.get::<Option<String>>("address")).transpose()?.flatten())
}

/// Whether an address wants no digests, or gets no mail at all.
pub async fn is_refused(tx: &mut Tx, address: &str, digest: bool) -> Result<bool> {
    let rows = tx.rows(&REFUSED, args![normal(address)]).await?;
    let scopes: Vec<String> = rows.iter().map(|row| row.get("scope")).collect::<Result<_>>()?;
    Ok(scopes.iter().any(|scope| scope == "all" || digest))
}

/// Sends an address no more: digests where somebody asked so, nothing where it does not exist.
pub async fn refuse(tx: &mut Tx, address: &str, digests_only: bool, cause: &str) -> Result<()> {
    let scope = if digests_only { "digest" } else { "all" };
    tx.execute(&REFUSE, args![normal(address), scope, cause, tx.at]).await.map(drop)
}

/// Sends an address mail again, and first what it was not told meanwhile. False if it was not refused.
pub async fn lift(tx: &mut Tx, address: &str) -> Result<bool> {
    let lifted = tx.execute(&LIFT, args![normal(address)]).await? > 0;
    if lifted {
        told::resume(tx, address).await?;
    }
    Ok(lifted)
}

/// At most `limit` refusals after the address `after`, by address.
pub async fn refusals(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Refusal>> {
    let refusal = |row: &Row| {
        Ok(Refusal {
            address: row.get("address")?,
            scope: row.get("scope")?,
            cause: row.get("cause")?,
            at: row.get("at")?,
        })
    };
    tx.rows(&REFUSALS, args![after, limit]).await?.iter().map(refusal).collect()
}

/// One spelling of an address.
pub(super) fn normal(address: &str) -> String {
    address.trim().to_lowercase()
}

fn kept(row: &Row) -> Result<Kept> {
    Ok(Kept {
        id: row.id("id")?,
        kind: row.get("kind")?,
        state: row.get("state")?,
        name: row.get("to_name")?,
        address: row.get("address")?,
        attempts: row.get("attempts")?,
        created_at: row.get("created_at")?,
        due_at: row.get("due_at")?,
        ended_at: row.get("ended_at")?,
        cause: row.get("cause")?,
    })
}
