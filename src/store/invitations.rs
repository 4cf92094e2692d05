//! Links that work once, with which an account is claimed or its owner comes back to it. Only hashes are kept.

use chrono::TimeDelta;

use super::audit;
use super::error::{Result, StoreError};
use super::tx::{Tx, statements};
use super::{accounts, error};
use crate::args;
use crate::domain::account::Account;
use crate::domain::hash::sha256;
use crate::domain::id::{AccountId, InvitationId, RecordId as _};

statements! {
    END_FORMER = "UPDATE invitation SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL";
    INSERT = "INSERT INTO invitation (id, account_id, token_sha256, created_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
    FIND = "SELECT i.account_id FROM invitation i JOIN account a ON a.id = i.account_id \
            WHERE i.token_sha256 = $1 AND i.ended_at IS NULL AND i.expires_at > $2 AND a.active";
    SPEND_ALL = "UPDATE invitation SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2";
    SPEND = "UPDATE invitation SET ended_at = $2 WHERE token_sha256 = $1 AND ended_at IS NULL AND expires_at > $2";
}

/// Days until a link that nobody used is void.
pub const DAYS: i64 = 7;

/// Keeps a link for an account; those before it are void.
pub async fn create(tx: &mut Tx, account: AccountId, token: &str) -> Result<()> {
    let found = accounts::get(tx, account).await?;
    if !found.body.active {
        return Err(StoreError::invalid("/active", "the account is not active; make it active first"));
    }
    tx.execute(&END_FORMER, args![account, tx.at]).await?;
    let (id, by, until) = (InvitationId::fresh(), tx.actor.clone(), tx.at + TimeDelta::days(DAYS));
    tx.execute(&INSERT, args![id, account, sha256(token), by, tx.at, until]).await?;
    audit::write(tx, "invite", "account", account.uuid(), None, None).await
}

/// Whose link this is, as long as it works.
pub async fn find(tx: &mut Tx, token: &str) -> Result<Option<Account>> {
    match tx.row(&FIND, args![sha256(token), tx.at]).await? {
        Some(row) => accounts::find(tx, row.id("account_id")?).await,
        None => Ok(None),
    }
}

/// Uses a link up: true for exactly one of any number of callers.
pub async fn spend(tx: &mut Tx, token: &str) -> error::Result<bool> {
    Ok(tx.execute(&SPEND, args![sha256(token), tx.at]).await? == 1)
}

/// Uses up whatever link there is to an account: false if there is none.
pub async fn spend_all(tx: &mut Tx, account: AccountId) -> error::Result<bool> {
    Ok(tx.execute(&SPEND_ALL, args![account, tx.at]).await? > 0)
}
