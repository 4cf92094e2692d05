//! Passkeys, and the challenges that browsers have yet to answer. What they say is `api/passkeys.rs`'s to judge.

use chrono::TimeDelta;

use super::audit;
use super::error::{Result, StoreError};
use super::tx::{Row, Tx, statements};
use crate::args;
use crate::domain::account::Passkey;
use crate::domain::id::{AccountId, PasskeyId, RecordId as _};

statements! {
    INSERT = "INSERT INTO passkey (id, account_id, name, credential, fixed, changing, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    LIST = "SELECT id, name, credential, created_at, last_used_at FROM passkey WHERE account_id = $1 ORDER BY id";
    BY_CREDENTIAL = "SELECT p.id, p.account_id, p.fixed, p.changing FROM passkey p JOIN account a ON a.id = p.account_id \
                     WHERE p.credential = $1 AND a.active";
    /// Whoever takes the passkey away waits for this, or this for them and finds nothing.
    USED = "UPDATE passkey SET changing = $2, last_used_at = $3 WHERE id = $1";
    DELETE = "DELETE FROM passkey WHERE id = $1 AND account_id = $2";
    DELETE_ALL = "DELETE FROM passkey WHERE account_id = $1";
    ANY = "SELECT 1 AS one FROM passkey WHERE account_id = $1 LIMIT 1";
    BEGIN = "INSERT INTO ceremony (challenge, account_id, state, expires_at) VALUES ($1, $2, $3, $4)";
    /// Of any number who answer the same challenge at once, one is first.
    TAKE = "DELETE FROM ceremony WHERE challenge = $1 RETURNING account_id, state, expires_at";
    FORGET = "DELETE FROM ceremony WHERE expires_at < $1";
}

/// Most passkeys of an account.
pub const MOST: usize = 20;
/// How long a challenge may be answered: what browsers are told, and a little.
const MINUTES: i64 = 6;

/// A passkey with what is needed to judge an answer of it.
pub struct Kept {
    pub id: PasskeyId,
    pub account: AccountId,
    /// What was said once: the public key and how it was made.
    pub fixed: Vec<u8>,
    /// What may change with each use: the counter of signatures.
    pub changing: Vec<u8>,
}

/// Keeps a passkey.
pub async fn add(
    tx: &mut Tx,
    account: AccountId,
    name: &str,
    credential: &[u8],
    fixed: Vec<u8>,
    changing: Vec<u8>,
) -> Result<()> {
    let id = PasskeyId::fresh();
    let args = args![id, account, name, credential.to_vec(), fixed, changing, tx.at];
    tx.execute(&INSERT, args).await?;
    let about = serde_json::json!({ "passkey": id });
    audit::write(tx, "add_passkey", "account", account.uuid(), None, Some(about)).await
}

/// Those of an account, oldest first.
pub async fn list(tx: &mut Tx, account: AccountId) -> Result<Vec<Passkey>> {
    let passkey = |row: &Row| {
        Ok(Passkey {
            id: row.id("id")?,
            name: row.get("name")?,
            credential: row.get("credential")?,
            created_at: row.get("created_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    };
    tx.rows(&LIST, args![account]).await?.iter().map(passkey).collect()
}

/// Whether an account has a passkey.
pub async fn any(tx: &mut Tx, account: AccountId) -> Result<bool> {
    Ok(tx.row(&ANY, args![account]).await?.is_some())
}

/// The passkey of this credential, if its account is active.
pub async fn find(tx: &mut Tx, credential: &[u8]) -> Result<Option<Kept>> {
    let Some(row) = tx.row(&BY_CREDENTIAL, args![credential.to_vec()]).await? else { return Ok(None) };
    Ok(Some(Kept {
        id: row.id("id")?,
        account: row.id("account_id")?,
        fixed: row.get("fixed")?,
        changing: row.get("changing")?,
    }))
}

/// Notes a use: false if the passkey was taken away meanwhile.
pub async fn used(tx: &mut Tx, id: PasskeyId, changing: Vec<u8>) -> Result<bool> {
    Ok(tx.execute(&USED, args![id, changing, tx.at]).await? == 1)
}

/// Takes one of an account's passkeys away.
pub async fn remove(tx: &mut Tx, account: AccountId, id: PasskeyId) -> Result<()> {
    if tx.execute(&DELETE, args![id, account]).await? == 0 {
        return Err(StoreError::NotFound { what: "passkey", id: id.uuid() });
    }
    let about = serde_json::json!({ "passkey": id });
    audit::write(tx, "remove_passkey", "account", account.uuid(), Some(about), None).await
}

/// Takes all of an account's passkeys away.
pub async fn remove_all(tx: &mut Tx, account: AccountId) -> Result<()> {
    if tx.execute(&DELETE_ALL, args![account]).await? > 0 {
        audit::write(tx, "remove_passkeys", "account", account.uuid(), None, None).await?;
    }
    Ok(())
}

/// Keeps what a challenge is for until it is answered: to add a passkey to an account, or, without one, to sign in.
pub async fn ask(tx: &mut Tx, challenge: [u8; 16], account: Option<AccountId>, state: Vec<u8>) -> Result<()> {
    let until = tx.at + TimeDelta::minutes(MINUTES);
    tx.execute(&BEGIN, args![challenge.to_vec(), account.map(AccountId::uuid), state, until]).await.map(drop)
}

/// Uses a challenge up: what was kept of it, if it was for this account and is not too old.
pub async fn take(tx: &mut Tx, challenge: [u8; 16], account: Option<AccountId>) -> Result<Option<Vec<u8>>> {
    let Some(row) = tx.row(&TAKE, args![challenge.to_vec()]).await? else { return Ok(None) };
    let meant: Option<uuid::Uuid> = row.get("account_id")?;
    let until: chrono::DateTime<chrono::Utc> = row.get("expires_at")?;
    let good = meant == account.map(AccountId::uuid) && until > tx.at;
    Ok(if good { Some(row.get("state")?) } else { None })
}

/// Deletes challenges that nobody answered in time.
pub async fn forget(tx: &mut Tx) -> Result<u64> {
    tx.execute(&FORGET, args![tx.at]).await
}
