//! Accounts: kept, changed, and their access ended everywhere at once when they leave or their rights change.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use sqlx::types::Json as Column;
use uuid::Uuid;

use super::audit;
use super::error::{Result, StoreError};
use super::tx::{Row, Tx, statements};
use crate::args;
use crate::domain::account::{Account, AccountBody, normal_email};
use crate::domain::actor::Role;
use crate::domain::id::{AccountId, DistrictId, RecordId};
use crate::domain::record::FieldIssue;
use crate::domain::time::Tz;

statements! {
    INSERT = "INSERT INTO account (id, version, created_at, updated_at, email, name, role, districts, educator_id, active, tz) \
              VALUES ($1, 1, $2, $2, $3, $4, $5, $6, $7, $8, $9)";
    GET = "SELECT id, version, created_at, updated_at, email, name, role, districts, educator_id, active, tz, password_hash, \
           password_hash IS NOT NULL OR EXISTS (SELECT 1 FROM provider_link l WHERE l.account_id = account.id) \
           OR EXISTS (SELECT 1 FROM passkey p WHERE p.account_id = account.id) AS claimed FROM account WHERE id = $1";
    BY_EMAIL = "SELECT id, version, created_at, updated_at, email, name, role, districts, educator_id, active, tz, password_hash, \
           password_hash IS NOT NULL OR EXISTS (SELECT 1 FROM provider_link l WHERE l.account_id = account.id) \
           OR EXISTS (SELECT 1 FROM passkey p WHERE p.account_id = account.id) AS claimed FROM account WHERE email = $1";
    LIST = "SELECT id, version, created_at, updated_at, email, name, role, districts, educator_id, active, tz, password_hash, \
           password_hash IS NOT NULL OR EXISTS (SELECT 1 FROM provider_link l WHERE l.account_id = account.id) \
           OR EXISTS (SELECT 1 FROM passkey p WHERE p.account_id = account.id) AS claimed FROM account \
            WHERE id > $1 ORDER BY id LIMIT $2";
    UPDATE = "UPDATE account SET version = version + 1, updated_at = $3, email = $4, name = $5, role = $6, districts = $7, educator_id = $8, active = $9, tz = $10 \
              WHERE id = $1 AND version = $2";
    PASSWORD = "UPDATE account SET password_hash = $2 WHERE id = $1";
    /// Locked, so that a login by a password and a change of it follow one another.
    HASH = "SELECT password_hash FROM account WHERE id = $1" | "SELECT password_hash FROM account WHERE id = $1 FOR UPDATE";
    /// Locked, so that of two administrators who remove each other one is refused.
    ADMINISTRATORS = "SELECT id FROM account WHERE role = 'administrator' AND active"
                   | "SELECT id FROM account WHERE role = 'administrator' AND active FOR UPDATE";
    CLAIMED = "SELECT 1 AS one FROM account WHERE role = 'administrator' AND active AND (password_hash IS NOT NULL \
               OR EXISTS (SELECT 1 FROM provider_link l WHERE l.account_id = account.id)) LIMIT 1";
    OF_ROLE = "SELECT id, version, created_at, updated_at, email, name, role, districts, educator_id, active, tz, password_hash, \
           password_hash IS NOT NULL OR EXISTS (SELECT 1 FROM provider_link l WHERE l.account_id = account.id) \
           OR EXISTS (SELECT 1 FROM passkey p WHERE p.account_id = account.id) AS claimed FROM account \
               WHERE role = $1 AND active ORDER BY id";
    KNOWN_DISTRICTS = "SELECT COUNT(*) AS known FROM district WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))"
                    | "SELECT COUNT(*) AS known FROM district WHERE id IN (SELECT value::uuid FROM jsonb_array_elements_text($1))";
    END_LOGINS = "UPDATE login SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL";
    END_TOKENS = "UPDATE api_token SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL";
    /// Those that it made, and those that others made of its educator's calendar.
    END_FEEDS = "UPDATE feed SET revoked_at = $2 WHERE revoked_at IS NULL \
                 AND (account_id = $1 OR educator_id = (SELECT a.educator_id FROM account a WHERE a.id = $1))";
    END_DISTRICT_FEEDS = "UPDATE district_feed SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL";
    END_INVITATIONS = "UPDATE invitation SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL";
}

/// Keeps a new account, which nobody can use until it is claimed.
pub async fn create(tx: &mut Tx, body: AccountBody) -> Result<Account> {
    let body = checked(tx, body).await?;
    let id = AccountId::fresh();
    let (role, districts, educator) =
        (body.role.name(), json!(body.district_ids), body.educator_id.map(RecordId::uuid));
    let tz = body.tz.map(Tz::name);
    let args = args![id, tx.at, body.email.clone(), body.name.clone(), role, districts, educator, body.active, tz];
    tx.execute(&INSERT, args).await.map_err(named)?;
    audit::write(tx, "create", "account", id.uuid(), None, Some(json!(body))).await?;
    get(tx, id).await
}

pub async fn find(tx: &mut Tx, id: AccountId) -> Result<Option<Account>> {
    tx.row(&GET, args![id]).await?.as_ref().map(account).transpose()
}

pub async fn get(tx: &mut Tx, id: AccountId) -> Result<Account> {
    find(tx, id).await?.ok_or(StoreError::NotFound { what: "account", id: id.uuid() })
}

/// The account with this mail address, and the hash of its password.
pub async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<(Account, Option<String>)>> {
    let Some(row) = tx.row(&BY_EMAIL, args![normal_email(email)]).await? else { return Ok(None) };
    Ok(Some((account(&row)?, row.get("password_hash")?)))
}

/// At most `limit` accounts after `after`, oldest first.
pub async fn list(tx: &mut Tx, after: Option<AccountId>, limit: i64) -> Result<Vec<Account>> {
    let after = after.map_or(Uuid::nil(), RecordId::uuid);
    tx.rows(&LIST, args![after, limit]).await?.iter().map(account).collect()
}

/// Everybody of a role who has access, in these districts where the role is bound to some.
pub async fn of_role(tx: &mut Tx, role: Role, districts: &BTreeSet<DistrictId>) -> Result<Vec<Account>> {
    let all: Vec<Account> = tx.rows(&OF_ROLE, args![role.name()]).await?.iter().map(account).collect::<Result<_>>()?;
    let near = |account: &Account| account.body.district_ids.iter().any(|id| districts.contains(id));
    Ok(all.into_iter().filter(|account| !role.of_districts() || near(account)).collect())
}

/// Replaces what is said of an account. If its rights change, everything made under the old ones ends.
pub async fn update(tx: &mut Tx, id: AccountId, expected: i64, body: AccountBody) -> Result<Account> {
    let body = checked(tx, body).await?;
    let administrators: Vec<AccountId> =
        tx.rows(&ADMINISTRATORS, args![]).await?.iter().map(|row| row.id("id")).collect::<Result<_>>()?;
    let before = get(tx, id).await?;
    if before.version != expected {
        return Err(StoreError::Stale { current_version: before.version });
    }
    let stays = body.active && body.role == Role::Administrator;
    if administrators == [id] && !stays {
        return Err(StoreError::invalid("/role", "the last administrator; make another one first"));
    }
    let (role, districts, educator) =
        (body.role.name(), json!(body.district_ids), body.educator_id.map(RecordId::uuid));
    let (email, name, tz) = (body.email.clone(), body.name.clone(), body.tz.map(Tz::name));
    let args = args![id, expected, tx.at, email, name, role, districts, educator, body.active, tz];
    if tx.execute(&UPDATE, args).await.map_err(named)? == 0 {
        return Err(StoreError::Stale { current_version: get(tx, id).await?.version });
    }
    let same = AccountBody {
        name: before.body.name.clone(),
        email: before.body.email.clone(),
        tz: before.body.tz,
        ..body.clone()
    };
    if same != before.body {
        end_access(tx, id).await?;
    }
    audit::write(tx, "update", "account", id.uuid(), Some(json!(before.body)), Some(json!(body))).await?;
    get(tx, id).await
}

/// Ends every login, token, feed and link of an account.
pub async fn end_access(tx: &mut Tx, id: AccountId) -> Result<()> {
    for statement in [&END_LOGINS, &END_TOKENS, &END_FEEDS, &END_DISTRICT_FEEDS, &END_INVITATIONS] {
        tx.execute(statement, args![id, tx.at]).await?;
    }
    Ok(())
}

/// Signs an account out of every browser, and ends its tokens.
pub async fn sign_out_everywhere(tx: &mut Tx, id: AccountId) -> Result<()> {
    get(tx, id).await?;
    for statement in [&END_LOGINS, &END_TOKENS] {
        tx.execute(statement, args![id, tx.at]).await?;
    }
    audit::write(tx, "sign_out_everywhere", "account", id.uuid(), None, None).await
}

/// The hash of the password, which nobody changes until this transaction ends.
pub async fn password(tx: &mut Tx, id: AccountId) -> Result<Option<String>> {
    let row = tx.row(&HASH, args![id]).await?;
    row.ok_or(StoreError::NotFound { what: "account", id: id.uuid() })?.get("password_hash")
}

/// Sets the password, by its hash, and ends every login and link made before.
pub async fn set_password(tx: &mut Tx, id: AccountId, hash: &str) -> Result<()> {
    if tx.execute(&PASSWORD, args![id, hash]).await? == 0 {
        return Err(StoreError::NotFound { what: "account", id: id.uuid() });
    }
    for statement in [&END_LOGINS, &END_INVITATIONS] {
        tx.execute(statement, args![id, tx.at]).await?;
    }
    audit::write(tx, "set_password", "account", id.uuid(), None, None).await
}

/// Whether somebody can administer this installation.
pub async fn has_administrator(tx: &mut Tx) -> Result<bool> {
    Ok(tx.row(&CLAIMED, args![]).await?.is_some())
}

async fn checked(tx: &mut Tx, body: AccountBody) -> Result<AccountBody> {
    let body = body.normal();
    let mut issues = body.check();
    if issues.is_empty() && !body.district_ids.is_empty() {
        let row = tx.row(&KNOWN_DISTRICTS, args![json!(body.district_ids)]).await?;
        let known: i64 = row.ok_or_else(|| StoreError::Corrupt("no count".into()))?.get("known")?;
        if usize::try_from(known).ok() != Some(body.district_ids.len()) {
            let message = "names a district that does not exist".into();
            issues.push(FieldIssue { pointer: "/district_ids".into(), message });
        }
    }
    if issues.is_empty() { Ok(body) } else { Err(StoreError::Invalid(issues)) }
}

/// SQLite does not say which reference is missing; there is only one.
fn named(error: StoreError) -> StoreError {
    match error {
        StoreError::MissingReference { .. } => StoreError::MissingReference { what: "educator_id".into() },
        other => other,
    }
}

fn account(row: &Row) -> Result<Account> {
    let role: String = row.get("role")?;
    Ok(Account {
        id: row.id("id")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        claimed: row.get("claimed")?,
        body: AccountBody {
            email: row.get("email")?,
            name: row.get("name")?,
            role: role.parse().map_err(StoreError::Corrupt)?,
            district_ids: districts(row)?,
            educator_id: row.get::<Option<Uuid>>("educator_id")?.map(RecordId::from_uuid),
            active: row.get("active")?,
            tz: zone(row)?,
        },
    })
}

/// The districts of a row of `account`.
pub(super) fn districts<I: RecordId>(row: &Row) -> Result<Vec<I>> {
    let list: Json = row.get::<Column<Json>>("districts")?.0;
    serde_json::from_value(list).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The zone in a row's `tz`.
pub(super) fn zone(row: &Row) -> Result<Option<Tz>> {
    let name: Option<String> = row.get("tz")?;
    name.map(|name| name.parse().map_err(|_| StoreError::Corrupt(format!("{name:?} is not a zone")))).transpose()
}
