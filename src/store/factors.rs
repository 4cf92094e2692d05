//! Second factors: the secret of an authenticator app, and codes for the day it is lost. A code is good once.

use std::collections::BTreeSet;

use super::audit;
use super::error::{Result, StoreError};
use super::tx::{Tx, statements};
use crate::args;
use crate::domain::hash::sha256;
use crate::domain::id::{AccountId, RecordId as _};

statements! {
    GET = "SELECT secret, confirmed_at, last_step FROM totp WHERE account_id = $1";
    DELETE = "DELETE FROM totp WHERE account_id = $1";
    INSERT = "INSERT INTO totp (account_id, secret, created_at, last_step) VALUES ($1, $2, $3, 0)";
    CONFIRM = "UPDATE totp SET confirmed_at = $2 WHERE account_id = $1 AND confirmed_at IS NULL";
    /// Of any number who send the same code at once, one is first.
    STEP = "UPDATE totp SET last_step = $2 WHERE account_id = $1 AND last_step < $2";
    DELETE_CODES = "DELETE FROM recovery_code WHERE account_id = $1";
    INSERT_CODE = "INSERT INTO recovery_code (account_id, code_sha256) VALUES ($1, $2)";
    SPEND_CODE = "DELETE FROM recovery_code WHERE account_id = $1 AND code_sha256 = $2";
    COUNT_CODES = "SELECT COUNT(*) AS left_over FROM recovery_code WHERE account_id = $1";
}

/// An authenticator app.
#[derive(Clone, PartialEq, Eq)]
pub struct Totp {
    pub secret: Vec<u8>,
    /// A code of it has been given: it is asked for from then on.
    pub confirmed: bool,
    /// The last step of which a code was used.
    pub last_step: i64,
}

pub async fn find(tx: &mut Tx, account: AccountId) -> Result<Option<Totp>> {
    let Some(row) = tx.row(&GET, args![account]).await? else { return Ok(None) };
    let confirmed = row.get::<Option<chrono::DateTime<chrono::Utc>>>("confirmed_at")?.is_some();
    Ok(Some(Totp { secret: row.get("secret")?, confirmed, last_step: row.get("last_step")? }))
}

/// Whether an account is asked for a second factor.
pub async fn required(tx: &mut Tx, account: AccountId) -> Result<bool> {
    Ok(find(tx, account).await?.is_some_and(|totp| totp.confirmed))
}

/// Keeps the secret of an app that has yet to be confirmed, in place of another such.
pub async fn begin(tx: &mut Tx, account: AccountId, secret: Vec<u8>) -> Result<()> {
    if required(tx, account).await? {
        return Err(StoreError::invalid("/totp", "there is an authenticator app already; remove that first"));
    }
    tx.execute(&DELETE, args![account]).await?;
    tx.execute(&INSERT, args![account, secret, tx.at]).await.map(drop)
}

/// The app is asked for from now on, and these codes stand in for it, each once.
pub async fn confirm(tx: &mut Tx, account: AccountId, codes: &BTreeSet<String>) -> Result<()> {
    if tx.execute(&CONFIRM, args![account, tx.at]).await? == 0 {
        return Err(StoreError::invalid("/totp", "there is no app to confirm; begin again"));
    }
    tx.execute(&DELETE_CODES, args![account]).await?;
    for code in codes {
        tx.execute(&INSERT_CODE, args![account, sha256(code)]).await?;
    }
    audit::write(tx, "add_second_factor", "account", account.uuid(), None, None).await
}

/// Marks the code of a step as used: false if it, or a later one, was used before.
pub async fn spend_step(tx: &mut Tx, account: AccountId, step: i64) -> Result<bool> {
    Ok(tx.execute(&STEP, args![account, step]).await? == 1)
}

/// Uses up a recovery code: false if there is no such one.
pub async fn spend_code(tx: &mut Tx, account: AccountId, code: &str) -> Result<bool> {
    if tx.execute(&SPEND_CODE, args![account, sha256(code)]).await? == 0 {
        return Ok(false);
    }
    audit::write(tx, "use_recovery_code", "account", account.uuid(), None, None).await?;
    Ok(true)
}

/// Recovery codes that are left.
pub async fn codes_left(tx: &mut Tx, account: AccountId) -> Result<i64> {
    let row = tx.row(&COUNT_CODES, args![account]).await?;
    row.ok_or_else(|| StoreError::Corrupt("no count".into()))?.get("left_over")
}

/// Takes the app and the codes away.
pub async fn remove(tx: &mut Tx, account: AccountId) -> Result<()> {
    tx.execute(&DELETE_CODES, args![account]).await?;
    if tx.execute(&DELETE, args![account]).await? > 0 {
        audit::write(tx, "remove_second_factor", "account", account.uuid(), None, None).await?;
    }
    Ok(())
}
