//! Signed-in browsers. The cookie holds a secret, the row its hash; a login that has ended is gone at once.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::types::Json as Column;
use uuid::Uuid;

use super::error::{Result, StoreError};
use super::tx::{Row, Statement, Tx, statements};
use super::{accounts, audit};
use crate::args;
use crate::domain::account::Login;
use crate::domain::actor::{Actor, Credential, Scope};
use crate::domain::hash::sha256;
use crate::domain::id::{AccountId, LoginId, RecordId};
use crate::domain::time::Tz;

statements! {
    INSERT = "INSERT INTO login (id, account_id, token_sha256, method, agent, created_at, last_used_at, expires_at, awaits_second) VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)";
    BY_TOKEN = "SELECT l.id AS credential, l.last_used_at, a.id, a.version, a.name, a.role, a.districts, a.educator_id, \
                COALESCE(a.tz, (SELECT e.tz FROM educator e WHERE e.id = a.educator_id)) AS tz, \
                EXISTS (SELECT 1 FROM totp t WHERE t.account_id = a.id AND t.confirmed_at IS NOT NULL) \
                OR EXISTS (SELECT 1 FROM passkey p WHERE p.account_id = a.id) AS guarded FROM login l \
                JOIN account a ON a.id = l.account_id WHERE l.token_sha256 = $1 AND l.ended_at IS NULL AND l.expires_at > $2 \
                AND l.last_used_at > $3 AND a.active AND NOT l.awaits_second";
    WAITING = "SELECT l.id, l.account_id FROM login l JOIN account a ON a.id = l.account_id WHERE l.token_sha256 = $1 AND l.ended_at IS NULL \
               AND l.expires_at > $2 AND a.active AND l.awaits_second";
    BY_API_TOKEN = "SELECT t.id AS credential, t.last_used_at, t.scopes, a.id, a.version, a.name, a.role, a.districts, a.educator_id, \
                    COALESCE(a.tz, (SELECT e.tz FROM educator e WHERE e.id = a.educator_id)) AS tz FROM api_token t \
                    JOIN account a ON a.id = t.account_id WHERE t.token_sha256 = $1 AND t.ended_at IS NULL AND t.expires_at > $2 AND a.active";
    /// Held until the change commits: whoever ends this access waits for it, or it for them. The account goes first, as
    /// everywhere, or two who wait for each other would never end.
    LOGIN_ACCOUNT = "SELECT a.version FROM login l JOIN account a ON a.id = l.account_id \
                    WHERE l.id = $1 AND l.ended_at IS NULL AND l.expires_at > $2 AND a.active"
                  | "SELECT a.version FROM login l JOIN account a ON a.id = l.account_id \
                    WHERE l.id = $1 AND l.ended_at IS NULL AND l.expires_at > $2 AND a.active FOR SHARE OF a";
    TOKEN_ACCOUNT = "SELECT a.version FROM api_token t JOIN account a ON a.id = t.account_id \
                    WHERE t.id = $1 AND t.ended_at IS NULL AND t.expires_at > $2 AND a.active"
                  | "SELECT a.version FROM api_token t JOIN account a ON a.id = t.account_id \
                    WHERE t.id = $1 AND t.ended_at IS NULL AND t.expires_at > $2 AND a.active FOR SHARE OF a";
    LOGIN_LIVES = "SELECT a.version FROM login l JOIN account a ON a.id = l.account_id \
                    WHERE l.id = $1 AND l.ended_at IS NULL AND l.expires_at > $2 AND a.active"
                  | "SELECT a.version FROM login l JOIN account a ON a.id = l.account_id \
                    WHERE l.id = $1 AND l.ended_at IS NULL AND l.expires_at > $2 AND a.active FOR SHARE OF l";
    TOKEN_LIVES = "SELECT a.version FROM api_token t JOIN account a ON a.id = t.account_id \
                    WHERE t.id = $1 AND t.ended_at IS NULL AND t.expires_at > $2 AND a.active"
                  | "SELECT a.version FROM api_token t JOIN account a ON a.id = t.account_id \
                    WHERE t.id = $1 AND t.ended_at IS NULL AND t.expires_at > $2 AND a.active FOR SHARE OF t";
    LOGIN_SEEN = "SELECT a.version FROM login l JOIN account a ON a.id = l.account_id \
                  WHERE l.id = $1 AND l.ended_at IS NULL AND l.expires_at > $2 AND a.active";
    TOKEN_SEEN = "SELECT a.version FROM api_token t JOIN account a ON a.id = t.account_id \
                  WHERE t.id = $1 AND t.ended_at IS NULL AND t.expires_at > $2 AND a.active";
    TOUCH_LOGIN = "UPDATE login SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2";
    TOUCH_TOKEN = "UPDATE api_token SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
    LIST = "SELECT id, agent, created_at, last_used_at FROM login WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2 AND last_used_at > $3 AND NOT awaits_second ORDER BY id";
    END = "UPDATE login SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    BEGUN = "SELECT created_at FROM login WHERE id = $1 AND ended_at IS NULL";
    END_OWN = "UPDATE login SET ended_at = $3 WHERE id = $1 AND account_id = $2 AND ended_at IS NULL";
    FORGET = "DELETE FROM login WHERE expires_at < $1 OR ended_at < $1";
}

/// A login ends this long after it began, and this long after it was last used (OWASP ASVS 5.0, 7.3).
pub const HOURS: i64 = 24;
pub const IDLE_HOURS: i64 = 2;
/// How long a login is fresh.
pub const FRESH_MINUTES: i64 = 10;
/// How long a code may be owed.
const WAIT_MINUTES: i64 = 10;
/// How exactly it is known when something was last used.
const TOUCH: TimeDelta = TimeDelta::minutes(1);

/// Whoever a secret stands for, and whether it is time to note that it was used.
#[derive(Debug)]
pub struct Known {
    pub actor: Actor,
    pub touch: bool,
    /// Whether the account has a second factor. Of a token it is not asked: who made it had one, if one was needed.
    pub guarded: bool,
}

/// Begins a login. `method` says by what: `password`, `invitation`, `passkey`, `provider`.
pub async fn begin(tx: &mut Tx, account: AccountId, token: &str, method: &str, agent: &str) -> Result<LoginId> {
    audit::write(tx, "sign_in", "account", account.uuid(), None, Some(serde_json::json!({ "by": method }))).await?;
    keep(tx, account, token, method, agent, None).await
}

/// Begins one that opens nothing until the second factor is given.
pub async fn begin_waiting(tx: &mut Tx, account: AccountId, token: &str, agent: &str) -> Result<LoginId> {
    keep(tx, account, token, "password", agent, Some(TimeDelta::minutes(WAIT_MINUTES))).await
}

async fn keep(
    tx: &mut Tx,
    account: AccountId,
    token: &str,
    method: &str,
    agent: &str,
    waits: Option<TimeDelta>,
) -> Result<LoginId> {
    let (id, until) = (LoginId::fresh(), tx.at + waits.unwrap_or(TimeDelta::hours(HOURS)));
    let agent: String = agent.chars().filter(|c| !c.is_control()).take(200).collect();
    tx.execute(&INSERT, args![id, account, sha256(token), method, agent, tx.at, until, waits.is_some()]).await?;
    Ok(id)
}

/// A login that waits for the second factor.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub id: LoginId,
    pub account: AccountId,
}

/// The waiting login of this secret.
pub async fn waiting(tx: &mut Tx, token: &str) -> Result<Option<Waiting>> {
    let row = tx.row(&WAITING, args![sha256(token), tx.at]).await?;
    row.map(|row| Ok(Waiting { id: row.id("id")?, account: row.id("account_id")? })).transpose()
}

/// Who the cookie's secret stands for.
pub async fn find(tx: &mut Tx, token: &str) -> Result<Option<Known>> {
    let idle = tx.at - TimeDelta::hours(IDLE_HOURS);
    let Some(row) = tx.row(&BY_TOKEN, args![sha256(token), tx.at, idle]).await? else { return Ok(None) };
    let guarded = row.get("guarded")?;
    known(tx.at, &row, Credential::Login(row.id("credential")?), None, guarded).map(Some)
}

/// Who a token stands for.
pub async fn find_token(tx: &mut Tx, token: &str) -> Result<Option<Known>> {
    let Some(row) = tx.row(&BY_API_TOKEN, args![sha256(token), tx.at]).await? else { return Ok(None) };
    let scopes: BTreeSet<Scope> = row.get::<Column<BTreeSet<Scope>>>("scopes")?.0;
    known(tx.at, &row, Credential::Token(row.id("credential")?), Some(scopes), true).map(Some)
}

fn known(
    now: DateTime<Utc>,
    row: &Row,
    credential: Credential,
    scopes: Option<BTreeSet<Scope>>,
    guarded: bool,
) -> Result<Known> {
    let role: String = row.get("role")?;
    let last: Option<DateTime<Utc>> = row.get("last_used_at")?;
    let actor = Actor {
        account: row.id("id")?,
        name: row.get("name")?,
        role: role.parse().map_err(StoreError::Corrupt)?,
        districts: accounts::districts(row)?.into_iter().collect(),
        educator: row.get::<Option<Uuid>>("educator_id")?.map(RecordId::from_uuid),
        scopes,
        credential,
        tz: accounts::zone(row)?.unwrap_or(Tz::UTC),
        version: row.get("version")?,
    };
    Ok(Known { actor, guarded, touch: last.is_none_or(|last| now - last >= TOUCH) })
}

/// Notes that a login or token was used now.
pub async fn touch(tx: &mut Tx, credential: Credential) -> Result<()> {
    match credential {
        Credential::Login(id) => tx.execute(&TOUCH_LOGIN, args![id, tx.at]).await.map(drop),
        Credential::Token(id) => tx.execute(&TOUCH_TOKEN, args![id, tx.at]).await.map(drop),
        Credential::Program => Ok(()),
    }
}

/// Refuses, in the transaction of a change, an actor whose access or rights have ended since they were read.
pub async fn still(tx: &mut Tx, actor: &Actor) -> Result<()> {
    lives(tx, actor, &LOGIN_ACCOUNT, &TOKEN_ACCOUNT).await?;
    lives(tx, actor, &LOGIN_LIVES, &TOKEN_LIVES).await
}

/// The same in a transaction that only reads, and so holds nobody off.
pub async fn seen(tx: &mut Tx, actor: &Actor) -> Result<()> {
    lives(tx, actor, &LOGIN_SEEN, &TOKEN_SEEN).await
}

async fn lives(tx: &mut Tx, actor: &Actor, login: &Statement, token: &Statement) -> Result<()> {
    let row = match actor.credential {
        Credential::Program => return Ok(()),
        Credential::Login(id) => tx.row(login, args![id, tx.at]).await?,
        Credential::Token(id) => tx.row(token, args![id, tx.at]).await?,
    };
    match row {
        Some(row) if row.get::<i64>("version")? == actor.version => Ok(()),
        _ => Err(StoreError::Ended),
    }
}

/// The living logins of an account, oldest first.
pub async fn list(tx: &mut Tx, account: AccountId) -> Result<Vec<Login>> {
    let idle = tx.at - TimeDelta::hours(IDLE_HOURS);
    let login = |row: &Row| {
        Ok(Login {
            id: row.id("id")?,
            agent: row.get("agent")?,
            created_at: row.get("created_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    };
    tx.rows(&LIST, args![account, tx.at, idle]).await?.iter().map(login).collect()
}

/// Whether the actor has signed in only just now, which is as good as to ask them again.
pub async fn is_fresh(tx: &mut Tx, actor: &Actor) -> Result<bool> {
    let Credential::Login(id) = actor.credential else { return Ok(false) };
    let Some(row) = tx.row(&BEGUN, args![id]).await? else { return Ok(false) };
    let begun: DateTime<Utc> = row.get("created_at")?;
    Ok(tx.at - begun < TimeDelta::minutes(FRESH_MINUTES))
}

/// Ends one of an account's logins.
pub async fn end_own(tx: &mut Tx, account: AccountId, id: LoginId) -> Result<()> {
    if tx.execute(&END_OWN, args![id, account, tx.at]).await? == 0 {
        return Err(StoreError::NotFound { what: "login", id: id.uuid() });
    }
    let about = serde_json::json!({ "login": id });
    audit::write(tx, "end_login", "account", account.uuid(), Some(about), None).await
}

/// False if it had ended before.
pub async fn end(tx: &mut Tx, id: LoginId) -> Result<bool> {
    Ok(tx.execute(&END, args![id, tx.at]).await? > 0)
}

/// Deletes logins that ended before `before`.
pub async fn forget(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    tx.execute(&FORGET, args![before]).await
}
