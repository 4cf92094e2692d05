//! The audit trail: who changed what, written when the transaction that changes it commits, and only ever added to.
//!
//! Every line carries a hash over itself and the hash of the line before it: whoever alters, removes or inserts one has
//! to alter all that follow, and the last hash, which can be kept elsewhere, shows even that.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::Result;
use super::tx::{Link, Row, Tx, instant_text, statements};
use crate::args;
use crate::domain::hash::sha256;
use crate::domain::id;

statements! {
    WRITE = "INSERT INTO audit (id, seq, at, actor, action, entity, entity_id, body_before, body_after, previous_sha256, sha256) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    OF = "SELECT id, seq, at, actor, action, entity, entity_id, body_before, body_after, previous_sha256, sha256 FROM audit \
          WHERE entity = $1 AND entity_id = $2 AND id > $3 ORDER BY id LIMIT $4";
    LIST = "SELECT id, seq, at, actor, action, entity, entity_id, body_before, body_after, previous_sha256, sha256 FROM audit \
            WHERE id > $1 ORDER BY id LIMIT $2";
    IN_ORDER = "SELECT id, seq, at, actor, action, entity, entity_id, body_before, body_after, previous_sha256, sha256 FROM audit \
                WHERE seq > $1 ORDER BY seq LIMIT $2";
    /// Lines get their place one transaction after the other. It is the last thing that a transaction does, so nobody
    /// waits for a lock while holding this one.
    LOCK = "SELECT 1 AS one" | "SELECT 1 AS one FROM (SELECT pg_advisory_xact_lock(hashtextextended('audit', 0))) AS locked";
    LAST = "SELECT seq, sha256 FROM audit ORDER BY seq DESC LIMIT 1";
}

/// What stands before the first line.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Lines that are looked at together.
const BATCH: i64 = 1000;

/// A line that its transaction has yet to write.
#[derive(Debug)]
pub struct Pending {
    action: String,
    entity: String,
    entity_id: Uuid,
    before: Option<Json>,
    after: Option<Json>,
}

/// One line of the trail.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Entry {
    pub id: Uuid,
    /// Counts lines, from 1, without a gap.
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub actor: String,
    /// `create`, `update`, `delete`, or a word of the caller such as `publish`.
    pub action: String,
    /// The kind of record.
    pub entity: String,
    pub entity_id: Uuid,
    #[schema(value_type = Option<Object>)]
    pub before: Option<Json>,
    #[schema(value_type = Option<Object>)]
    pub after: Option<Json>,
    /// Of the line before.
    pub previous_sha256: String,
    pub sha256: String,
}

/// Adds a line, by the transaction's actor at its instant. It is written when the transaction commits.
#[expect(clippy::unused_async, reason = "callers treat it as the write that it becomes")]
pub async fn write(
    tx: &mut Tx,
    action: &str,
    entity: &str,
    entity_id: Uuid,
    before: Option<Json>,
    after: Option<Json>,
) -> Result<()> {
    tx.lines.push(Pending { action: action.into(), entity: entity.into(), entity_id, before, after });
    Ok(())
}

/// The number of the last line; 0 before the first.
pub async fn last_line(tx: &mut Tx) -> Result<i64> {
    tx.row(&LAST, &[]).await?.map_or(Ok(0), |row| row.get("seq"))
}

/// Writes the lines of a transaction that is about to commit.
pub(super) async fn flush(tx: &mut Tx) -> Result<()> {
    let lines = std::mem::take(&mut tx.lines);
    if lines.is_empty() {
        return Ok(());
    }
    if matches!(tx.link, Link::Pg(_)) {
        tx.row(&LOCK, args![]).await?;
    }
    let (mut seq, mut previous) = match tx.row(&LAST, args![]).await? {
        Some(row) => (row.get::<i64>("seq")?, row.get::<String>("sha256")?),
        None => (0, GENESIS.to_owned()),
    };
    for line in lines {
        seq += 1;
        let mut entry = Entry {
            id: id::fresh(),
            seq,
            at: tx.at,
            actor: tx.actor.clone(),
            action: line.action,
            entity: line.entity,
            entity_id: line.entity_id,
            before: line.before,
            after: line.after,
            previous_sha256: previous,
            sha256: String::new(),
        };
        entry.sha256 = hash(&entry);
        previous = entry.sha256.clone();
        let Entry { id, seq, at, actor, action, entity, entity_id, before, after, previous_sha256, sha256 } = entry;
        let args = args![id, seq, at, actor, action, entity, entity_id, before, after, previous_sha256, sha256];
        tx.execute(&WRITE, args).await?;
    }
    Ok(())
}

/// Over everything that the line says, spelled in one way.
fn hash(entry: &Entry) -> String {
    let body = json!([
        entry.seq,
        entry.previous_sha256,
        entry.id,
        instant_text(entry.at),
        entry.actor,
        entry.action,
        entry.entity,
        entry.entity_id,
        entry.before,
        entry.after
    ]);
    let mut text = String::new();
    spell(&body, &mut text);
    sha256(text)
}

/// JSON without spaces, with the keys of objects in order: databases keep neither.
fn spell(value: &Json, text: &mut String) {
    match value {
        Json::Object(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by_key(|(key, _)| key.as_str());
            text.push('{');
            for (n, (key, value)) in fields.into_iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                text.push_str(&Json::from(key.as_str()).to_string());
                text.push(':');
                spell(value, text);
            }
            text.push('}');
        }
        Json::Array(list) => {
            text.push('[');
            for (n, value) in list.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                spell(value, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

/// Lines after `after`, oldest first: of one record, or of everything.
pub async fn list(tx: &mut Tx, of: Option<(&str, Uuid)>, after: Option<Uuid>, limit: i64) -> Result<Vec<Entry>> {
    let after = after.unwrap_or(Uuid::nil());
    let rows = match of {
        Some((entity, entity_id)) => tx.rows(&OF, args![entity, entity_id, after, limit]).await?,
        None => tx.rows(&LIST, args![after, limit]).await?,
    };
    rows.iter().map(entry).collect()
}

/// What looking at the whole trail found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Lines that are as they were written, one after the other from the first.
    pub lines: i64,
    /// The hash of the last of them.
    pub head: String,
    /// What is wrong with the line after them.
    pub broken: Option<String>,
}

/// Recounts the chain. `noted` is a hash that was noted earlier: it must still be in it.
pub async fn verify(tx: &mut Tx, noted: Option<&str>) -> Result<Verdict> {
    let mut verdict = Verdict { lines: 0, head: GENESIS.into(), broken: None };
    let mut met = noted.is_none();
    loop {
        let rows = tx.rows(&IN_ORDER, args![verdict.lines, BATCH]).await?;
        for row in &rows {
            let line = match entry(row) {
                Ok(line) => line,
                Err(error) => {
                    verdict.broken = Some(format!("line {} cannot be read: {error}", verdict.lines + 1));
                    return Ok(verdict);
                }
            };
            let next = verdict.lines + 1;
            verdict.broken = if line.seq != next {
                Some(format!("line {next} is missing; the next one is {}", line.seq))
            } else if line.previous_sha256 != verdict.head {
                Some(format!("line {next} does not follow the line before it: a line was exchanged or removed"))
            } else if line.sha256 != hash(&line) {
                Some(format!("line {next} is not as it was written"))
            } else {
                None
            };
            if verdict.broken.is_some() {
                return Ok(verdict);
            }
            (verdict.lines, verdict.head) = (next, line.sha256);
            met = met || noted == Some(verdict.head.as_str());
        }
        if rows.is_empty() {
            break;
        }
    }
    if !met {
        verdict.broken =
            Some("the hash that was noted is not among them: lines were removed or all were rewritten".into());
    }
    Ok(verdict)
}

fn entry(row: &Row) -> Result<Entry> {
    let body = |column: &str| -> Result<Option<Json>> {
        Ok(row.get::<Option<sqlx::types::Json<Json>>>(column)?.map(|json| json.0))
    };
    Ok(Entry {
        id: row.get("id")?,
        seq: row.get("seq")?,
        at: row.get("at")?,
        actor: row.get("actor")?,
        action: row.get("action")?,
        entity: row.get("entity")?,
        entity_id: row.get("entity_id")?,
        before: body("body_before")?,
        after: body("body_after")?,
        previous_sha256: row.get("previous_sha256")?,
        sha256: row.get("sha256")?,
    })
}
