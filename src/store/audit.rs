//! The audit trail: who changed what, written in the transaction that changes it, and only ever added to.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::Result;
use super::tx::{Tx, statements};
use crate::args;
use crate::domain::id;

statements! {
    WRITE = "INSERT INTO audit (id, at, actor, action, entity, entity_id, body_before, body_after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    OF = "SELECT id, at, actor, action, entity, entity_id, body_before, body_after FROM audit \
          WHERE entity = $1 AND entity_id = $2 AND id > $3 ORDER BY id LIMIT $4";
    LIST = "SELECT id, at, actor, action, entity, entity_id, body_before, body_after FROM audit WHERE id > $1 ORDER BY id LIMIT $2";
}

/// One line of the trail.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Entry {
    pub id: Uuid,
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
}

/// Adds a line, by the transaction's actor at its instant.
pub async fn write(
    tx: &mut Tx,
    action: &str,
    entity: &str,
    entity_id: Uuid,
    before: Option<Json>,
    after: Option<Json>,
) -> Result<()> {
    let (at, actor) = (tx.at, tx.actor.clone());
    tx.execute(&WRITE, args![id::fresh(), at, actor, action, entity, entity_id, before, after]).await.map(drop)
}

/// Lines after `after`, oldest first: of one record, or of everything.
pub async fn list(tx: &mut Tx, of: Option<(&str, Uuid)>, after: Option<Uuid>, limit: i64) -> Result<Vec<Entry>> {
    let after = after.unwrap_or(Uuid::nil());
    let rows = match of {
        Some((entity, entity_id)) => tx.rows(&OF, args![entity, entity_id, after, limit]).await?,
        None => tx.rows(&LIST, args![after, limit]).await?,
    };
    let entry = |row: &super::tx::Row| {
        Ok(Entry {
            id: row.get("id")?,
            at: row.get("at")?,
            actor: row.get("actor")?,
            action: row.get("action")?,
            entity: row.get("entity")?,
            entity_id: row.get("entity_id")?,
            before: row.get::<Option<sqlx::types::Json<Json>>>("body_before")?.map(|json| json.0),
            after: row.get::<Option<sqlx::types::Json<Json>>>("body_after")?.map(|json| json.0),
        })
    };
    rows.iter().map(entry).collect()
}
