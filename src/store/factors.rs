//! Second factors: the secret of an authenticator app, sealed, and codes for the day a factor is lost. A code is good
//! once.

use std::collections::BTreeSet;

use super::error::{Result, StoreError};
use super::tx::{Tx, statements};
use super::{audit, passkeys};
use crate::args;
use crate::domain::hash::sha256;
use crate::domain::id::{AccountId, RecordId as _};
use crate::domain::seal::{Keyring, Sealed};

statements! {
    GET = "SELECT secret, key_id, wrapped, confirmed_at FROM totp WHERE account_id = $1";
    DELETE = "DELETE FROM totp WHERE account_id = $1";
    INSERT = "INSERT INTO totp (account_id, secret, key_id, wrapped, created_at, last_step) VALUES ($1, $2, $3, $4, $5, 0)";
    CONFIRM = "UPDATE totp SET confirmed_at = $2 WHERE account_id = $1 AND confirmed_at IS NULL";
    /// Of any number who send the same code at once, one is first.
    STEP = "UPDATE totp SET last_step = $2 WHERE account_id = $1 AND last_step < $2";
    CONFIRMED = "SELECT 1 AS one FROM totp WHERE account_id = $1 AND confirmed_at IS NOT NULL";
    /// Locked, so that a secret which is exchanged meanwhile is not put back.
    OLD_KEYS = "SELECT account_id, secret, key_id, wrapped FROM totp WHERE key_id IS NULL OR key_id <> $1 ORDER BY account_id LIMIT 500"
             | "SELECT account_id, secret, key_id, wrapped FROM totp WHERE key_id IS NULL OR key_id <> $1 ORDER BY account_id LIMIT 500 FOR UPDATE";
    SEAL = "UPDATE totp SET secret = $2, key_id = $3, wrapped = $4 WHERE account_id = $1";
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
}

fn about(account: AccountId) -> String {
    format!("app of account {account}")
}

/// What a row holds of a secret, sealed or, if it is older than that, not.
struct Held {
    secret: Vec<u8>,
    key_id: Option<String>,
    wrapped: Option<Vec<u8>>,
}

impl Held {
    fn read(row: &super::tx::Row) -> Result<Self> {
        Ok(Self { secret: row.get("secret")?, key_id: row.get("key_id")?, wrapped: row.get("wrapped")? })
    }

    fn sealed(self) -> std::result::Result<Sealed, Vec<u8>> {
        match (self.key_id, self.wrapped) {
            (Some(key_id), Some(wrapped)) => Ok(Sealed { key_id, wrapped, sealed: self.secret }),
            _ => Err(self.secret),
        }
    }
}

pub async fn find(tx: &mut Tx, keys: &Keyring, account: AccountId) -> Result<Option<Totp>> {
    let Some(row) = tx.row(&GET, args![account]).await? else { return Ok(None) };
    let confirmed = row.get::<Option<chrono::DateTime<chrono::Utc>>>("confirmed_at")?.is_some();
    let secret = match Held::read(&row)?.sealed() {
        Ok(sealed) => keys.open(&about(account), &sealed)?,
        Err(plain) => plain,
    };
    Ok(Some(Totp { secret, confirmed }))
}

/// Whether an account has a confirmed app.
pub async fn has_app(tx: &mut Tx, account: AccountId) -> Result<bool> {
    Ok(tx.row(&CONFIRMED, args![account]).await?.is_some())
}

/// Whether an account is asked for more than its password: it has an app or a passkey.
pub async fn required(tx: &mut Tx, account: AccountId) -> Result<bool> {
    Ok(has_app(tx, account).await? || passkeys::any(tx, account).await?)
}

/// Keeps the secret of an app that has yet to be confirmed, sealed, in place of another such.
pub async fn begin(tx: &mut Tx, keys: &Keyring, account: AccountId, secret: &[u8]) -> Result<()> {
    if has_app(tx, account).await? {
        return Err(StoreError::invalid("/totp", "there is an authenticator app already; remove that first"));
    }
    let Sealed { key_id, wrapped, sealed } = keys.seal(&about(account), secret)?;
    tx.execute(&DELETE, args![account]).await?;
    tx.execute(&INSERT, args![account, sealed, key_id, wrapped, tx.at]).await.map(drop)
}

/// The app is asked for from now on.
pub async fn confirm(tx: &mut Tx, account: AccountId) -> Result<()> {
    if tx.execute(&CONFIRM, args![account, tx.at]).await? == 0 {
        return Err(StoreError::invalid("/totp", "there is no app to confirm; begin again"));
    }
    audit::write(tx, "add_second_factor", "account", account.uuid(), None, None).await
}

/// These codes stand in for a lost factor, each once, in place of those before.
pub async fn replace_codes(tx: &mut Tx, account: AccountId, codes: &BTreeSet<String>) -> Result<()> {
    tx.execute(&DELETE_CODES, args![account]).await?;
    for code in codes {
        tx.execute(&INSERT_CODE, args![account, sha256(code)]).await?;
    }
    audit::write(tx, "make_recovery_codes", "account", account.uuid(), None, None).await
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

/// Takes the app away, and the codes if nothing is left that they stand in for.
pub async fn remove_app(tx: &mut Tx, account: AccountId) -> Result<()> {
    if tx.execute(&DELETE, args![account]).await? > 0 {
        audit::write(tx, "remove_second_factor", "account", account.uuid(), None, None).await?;
    }
    drop_codes_of_nothing(tx, account).await
}

/// Deletes the recovery codes of an account without a factor.
pub async fn drop_codes_of_nothing(tx: &mut Tx, account: AccountId) -> Result<()> {
    if !required(tx, account).await? {
        tx.execute(&DELETE_CODES, args![account]).await?;
    }
    Ok(())
}

/// Seals some secrets under the newest key that are not: how many. Zero when all are.
pub async fn rewrap(tx: &mut Tx, keys: &Keyring) -> Result<usize> {
    let newest = keys.newest().ok_or(crate::domain::seal::SealError::NoKey)?.to_owned();
    let rows = tx.rows(&OLD_KEYS, args![newest]).await?;
    for row in &rows {
        let account: AccountId = row.id("account_id")?;
        let sealed = match Held::read(row)?.sealed() {
            Ok(sealed) => keys.rewrap(&about(account), &sealed)?,
            Err(plain) => keys.seal(&about(account), &plain)?,
        };
        tx.execute(&SEAL, args![account, sealed.sealed, sealed.key_id, sealed.wrapped]).await?;
        audit::write(tx, "rewrap_app", "account", account.uuid(), None, None).await?;
    }
    Ok(rows.len())
}
