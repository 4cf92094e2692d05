//! Who accounts are to identity providers, and browsers that were sent to one and have yet to come back.

use chrono::TimeDelta;

use super::audit;
use super::error::{Result, StoreError};
use super::tx::{Row, Tx, statements};
use crate::args;
use crate::domain::account::ProviderLink;
use crate::domain::hash::sha256;
use crate::domain::id::{AccountId, LinkId, RecordId as _};

statements! {
    INSERT = "INSERT INTO provider_link (id, account_id, issuer, subject, shown, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    LIST = "SELECT id, issuer, shown, created_at, last_used_at FROM provider_link WHERE account_id = $1 ORDER BY id";
    /// Whoever takes the link away waits for this, or this for them and finds nothing.
    USE = "UPDATE provider_link SET last_used_at = $3, shown = $4 WHERE issuer = $1 AND subject = $2 RETURNING account_id";
    DELETE = "DELETE FROM provider_link WHERE id = $1 AND account_id = $2";
    BEGIN = "INSERT INTO provider_visit (state_sha256, browser_sha256, provider, account_id, nonce, verifier, onward, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    /// Of any number who come back with the same state at once, one is first.
    TAKE = "DELETE FROM provider_visit WHERE state_sha256 = $1 \
            RETURNING browser_sha256, provider, account_id, nonce, verifier, onward, expires_at";
    FORGET = "DELETE FROM provider_visit WHERE expires_at < $1";
}

/// How long a visit to a provider may take.
pub const MINUTES: i64 = 10;

/// A browser on its way to a provider.
#[derive(Clone)]
pub struct Visit {
    /// The provider's name in addresses.
    pub provider: String,
    /// Whose account is to be linked; none is to sign in.
    pub account: Option<AccountId>,
    pub nonce: String,
    /// What proves to the provider that the code is for whom it was asked (PKCE, RFC 7636).
    pub verifier: String,
    /// Where to go then.
    pub onward: String,
}

/// Somebody, as a provider says who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub issuer: String,
    pub subject: String,
    /// A mail address or a name, for people to tell links apart; nothing is decided by it.
    pub shown: String,
}

/// Keeps a visit under its state, for the browser that holds a secret.
pub async fn depart(tx: &mut Tx, state: &str, browser: &str, visit: Visit) -> Result<()> {
    let Visit { provider, account, nonce, verifier, onward } = visit;
    let until = tx.at + TimeDelta::minutes(MINUTES);
    let account = account.map(AccountId::uuid);
    let args = args![sha256(state), sha256(browser), provider, account, nonce, verifier, onward, until];
    tx.execute(&BEGIN, args).await.map(drop)
}

/// Uses a visit up: what was kept of it, if it is of this browser and not too old.
pub async fn come_back(tx: &mut Tx, state: &str, browser: &str) -> Result<Option<Visit>> {
    let Some(row) = tx.row(&TAKE, args![sha256(state)]).await? else { return Ok(None) };
    let until: chrono::DateTime<chrono::Utc> = row.get("expires_at")?;
    if until <= tx.at || row.get::<String>("browser_sha256")? != sha256(browser) {
        return Ok(None);
    }
    Ok(Some(Visit {
        provider: row.get("provider")?,
        account: row.get::<Option<uuid::Uuid>>("account_id")?.map(AccountId::from_uuid),
        nonce: row.get("nonce")?,
        verifier: row.get("verifier")?,
        onward: row.get("onward")?,
    }))
}

/// Links somebody to an account.
pub async fn add(tx: &mut Tx, account: AccountId, subject: &Subject) -> Result<()> {
    let Subject { issuer, subject, shown } = subject.clone();
    let id = LinkId::fresh();
    tx.execute(&INSERT, args![id, account, issuer.clone(), subject, shown, tx.at]).await?;
    let about = serde_json::json!({ "link": id, "issuer": issuer });
    audit::write(tx, "link_provider", "account", account.uuid(), None, Some(about)).await
}

/// Those of an account, oldest first.
pub async fn list(tx: &mut Tx, account: AccountId) -> Result<Vec<ProviderLink>> {
    let link = |row: &Row| {
        Ok(ProviderLink {
            id: row.id("id")?,
            issuer: row.get("issuer")?,
            shown: row.get("shown")?,
            created_at: row.get("created_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    };
    tx.rows(&LIST, args![account]).await?.iter().map(link).collect()
}

/// Whose account somebody is linked to, and notes that they came.
pub async fn used(tx: &mut Tx, subject: &Subject) -> Result<Option<AccountId>> {
    let Subject { issuer, subject, shown } = subject.clone();
    let row = tx.row(&USE, args![issuer, subject, tx.at, shown]).await?;
    row.map(|row| row.id("account_id")).transpose()
}

/// Takes one of an account's links away.
pub async fn remove(tx: &mut Tx, account: AccountId, id: LinkId) -> Result<()> {
    if tx.execute(&DELETE, args![id, account]).await? == 0 {
        return Err(StoreError::NotFound { what: "link", id: id.uuid() });
    }
    let about = serde_json::json!({ "link": id });
    audit::write(tx, "unlink_provider", "account", account.uuid(), Some(about), None).await
}

/// Deletes visits that nobody came back from in time.
pub async fn forget(tx: &mut Tx) -> Result<u64> {
    tx.execute(&FORGET, args![tx.at]).await
}
