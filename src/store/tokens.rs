//! Tokens of programs: kept by their hash, with scopes and an end.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::types::Json as Column;

use super::audit;
use super::error::{Result, StoreError};
use super::tx::{Row, Tx, statements};
use crate::args;
use crate::domain::account::ApiToken;
use crate::domain::actor::Scope;
use crate::domain::hash::sha256;
use crate::domain::id::{AccountId, RecordId, TokenId};

statements! {
    INSERT = "INSERT INTO api_token (id, account_id, name, scopes, token_sha256, created_at, expires_at, made_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    EXPIRY = "SELECT expires_at FROM api_token WHERE id = $1";
    LIST = "SELECT id, name, scopes, created_at, expires_at, last_used_at FROM api_token \
            WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY id";
    /// A token with all that were made with it, and with those.
    END = "WITH RECURSIVE line (id) AS (SELECT id FROM api_token WHERE id = $1 AND account_id = $2 AND ended_at IS NULL \
           UNION SELECT t.id FROM api_token t JOIN line l ON t.made_by = l.id) \
           UPDATE api_token SET ended_at = $3 WHERE id IN (SELECT id FROM line) AND ended_at IS NULL RETURNING id";
}

/// Keeps a token by its hash, and of one that was made with another token, with which: it ends with that.
pub async fn create(
    tx: &mut Tx,
    account: AccountId,
    name: &str,
    scopes: &BTreeSet<Scope>,
    token: &str,
    expires_at: DateTime<Utc>,
    made_by: Option<TokenId>,
) -> Result<ApiToken> {
    let (id, created_at) = (TokenId::fresh(), tx.at);
    let made_by = made_by.map(RecordId::uuid);
    tx.execute(&INSERT, args![id, account, name, json!(scopes), sha256(token), created_at, expires_at, made_by])
        .await?;
    let made = ApiToken {
        id,
        name: name.into(),
        scopes: scopes.iter().copied().collect(),
        created_at,
        expires_at,
        last_used_at: None,
    };
    let about = json!({ "account_id": account, "name": made.name, "scopes": made.scopes, "expires_at": expires_at });
    audit::write(tx, "create", "api_token", id.uuid(), None, Some(about)).await?;
    Ok(made)
}

/// When a token ends.
pub async fn expiry(tx: &mut Tx, id: TokenId) -> Result<DateTime<Utc>> {
    let row = tx.row(&EXPIRY, args![id]).await?;
    row.ok_or(StoreError::NotFound { what: "token", id: id.uuid() })?.get("expires_at")
}

/// The living tokens of an account, oldest first.
pub async fn list(tx: &mut Tx, account: AccountId) -> Result<Vec<ApiToken>> {
    let token = |row: &Row| {
        Ok(ApiToken {
            id: row.id("id")?,
            name: row.get("name")?,
            scopes: row.get::<Column<Vec<Scope>>>("scopes")?.0,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    };
    tx.rows(&LIST, args![account, tx.at]).await?.iter().map(token).collect()
}

/// Ends a token of this account, and those that were made with it.
pub async fn end(tx: &mut Tx, account: AccountId, id: TokenId) -> Result<()> {
    let ended: Vec<TokenId> =
        tx.rows(&END, args![id, account, tx.at]).await?.iter().map(|row| row.id("id")).collect::<Result<_>>()?;
    if ended.is_empty() {
        return Err(StoreError::NotFound { what: "token", id: id.uuid() });
    }
    for id in ended {
        audit::write(tx, "revoke", "api_token", id.uuid(), None, None).await?;
    }
    Ok(())
}
