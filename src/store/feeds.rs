//! Calendar feeds at secret addresses: only the hash of a token is kept, and a revoked one is gone at once.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use uuid::Uuid;

use super::audit;
use super::error::{Result, StoreError};
use super::scope;
use super::sessions::Visible;
use super::tx::{Row, Tx, statements};
use crate::args;
use crate::domain::actor::{Actor, Role, Thing, Verb};
use crate::domain::hash::sha256;
use crate::domain::id::{AccountId, DistrictId, EducatorId, FeedId, RecordId, SchoolId};
use crate::domain::time::Date;

statements! {
    INSERT = "INSERT INTO feed (id, educator_id, school_id, token_sha256, created_by, created_at, account_id) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    /// Those of districts are kept apart: SQLite cannot widen the condition on `feed`.
    INSERT_DISTRICT = "INSERT INTO district_feed (id, district_id, token_sha256, created_by, created_at, account_id) VALUES ($1, $2, $3, $4, $5, $6)";
    BY_TOKEN = "SELECT id, educator_id, school_id, NULL AS district_id, created_at FROM feed WHERE token_sha256 = $1 AND revoked_at IS NULL \
                AND (account_id IS NULL OR account_id IN (SELECT a.id FROM account a WHERE a.active)) UNION ALL \
                SELECT id, NULL, NULL, district_id, created_at FROM district_feed WHERE token_sha256 = $1 AND revoked_at IS NULL \
                AND (account_id IS NULL OR account_id IN (SELECT a.id FROM account a WHERE a.active))";
    GET = "SELECT id, educator_id, school_id, NULL AS district_id, created_at FROM feed WHERE id = $1 AND revoked_at IS NULL UNION ALL \
           SELECT id, NULL, NULL, district_id, created_at FROM district_feed WHERE id = $1 AND revoked_at IS NULL";
    LIST = "SELECT id, educator_id, school_id, NULL AS district_id, created_at FROM feed WHERE (educator_id = $1 OR school_id = $1) AND revoked_at IS NULL \
            UNION ALL SELECT id, NULL, NULL, district_id, created_at FROM district_feed WHERE district_id = $1 AND revoked_at IS NULL ORDER BY id";
    /// The role of whoever made a feed.
    MAKER = "SELECT a.role FROM account a WHERE a.id = (SELECT f.account_id FROM feed f WHERE f.id = $1 UNION ALL \
             SELECT d.account_id FROM district_feed d WHERE d.id = $1)";
    /// Of terms that have not ended before a day, the first day of all.
    TERMS_BEGIN = "SELECT first_on FROM term WHERE last_on >= $1 ORDER BY first_on LIMIT 1";
    REVOKE = "UPDATE feed SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
    REVOKE_DISTRICT = "UPDATE district_feed SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
}

/// Whose sessions a feed shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Educator(EducatorId),
    School(SchoolId),
    District(DistrictId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    pub id: FeedId,
    pub owner: Owner,
    pub created_at: DateTime<Utc>,
}

/// Keeps a feed under the hash of its token. It ends with the access of the account that makes it, if one does.
pub async fn create(tx: &mut Tx, owner: Owner, token: &str, maker: Option<AccountId>) -> Result<Feed> {
    let feed = Feed { id: FeedId::fresh(), owner, created_at: tx.at };
    let (actor, at, maker, hash) = (tx.actor.clone(), tx.at, maker.map(RecordId::uuid), sha256(token));
    let (statement, args, of) = match owner {
        Owner::Educator(id) => {
            (&INSERT, args![feed.id, id, None::<Uuid>, hash, actor, at, maker].to_vec(), json!({ "educator_id": id }))
        }
        Owner::School(id) => {
            (&INSERT, args![feed.id, None::<Uuid>, id, hash, actor, at, maker].to_vec(), json!({ "school_id": id }))
        }
        Owner::District(id) => {
            (&INSERT_DISTRICT, args![feed.id, id, hash, actor, at, maker].to_vec(), json!({ "district_id": id }))
        }
    };
    tx.execute(statement, &args).await?;
    audit::write(tx, "create", "feed", feed.id.uuid(), None, Some(of)).await?;
    Ok(feed)
}

/// The feed behind a token that has not been revoked.
pub async fn find(tx: &mut Tx, token: &str) -> Result<Option<Feed>> {
    tx.row(&BY_TOKEN, args![sha256(token)]).await?.as_ref().map(feed).transpose()
}

/// Which sessions a feed shows: those that its maker may see of its owner. One that the program made shows all.
pub async fn visible(tx: &mut Tx, feed: FeedId) -> Result<Visible> {
    let Some(row) = tx.row(&MAKER, args![feed]).await? else { return Ok(Visible::ALL) };
    let role: String = row.get("role")?;
    let role: Role = role.parse().map_err(StoreError::Corrupt)?;
    Ok(Visible { services: role.may(Verb::Read, Thing::ServiceSessions), ..Visible::ALL })
}

/// The first day of the terms that have not ended before `day`.
pub async fn terms_begin(tx: &mut Tx, day: Date) -> Result<Option<Date>> {
    tx.row(&TERMS_BEGIN, args![day]).await?.map(|row| row.get::<NaiveDate>("first_on").map(Date)).transpose()
}

/// The living feeds of an educator, a school or a district.
pub async fn list(tx: &mut Tx, owner: Owner) -> Result<Vec<Feed>> {
    let owner = match owner {
        Owner::Educator(id) => id.uuid(),
        Owner::School(id) => id.uuid(),
        Owner::District(id) => id.uuid(),
    };
    tx.rows(&LIST, args![owner]).await?.iter().map(feed).collect()
}

/// Refuses whoever may not read or change the feeds of this owner, as if there were no such owner.
pub async fn permit(tx: &mut Tx, actor: &Actor, owner: Owner, verb: Verb) -> Result<()> {
    let (within, what, id) = match owner {
        Owner::Educator(id) => {
            (scope::reaches(tx, &actor.reach(verb, Thing::EducatorFeeds), "educator", id).await?, "educator", id.uuid())
        }
        Owner::School(id) => {
            (scope::reaches(tx, &actor.reach(verb, Thing::SchoolFeeds), "school", id).await?, "school", id.uuid())
        }
        Owner::District(id) => {
            (scope::reaches(tx, &actor.reach(verb, Thing::SchoolFeeds), "district", id).await?, "district", id.uuid())
        }
    };
    if within { Ok(()) } else { Err(StoreError::NotFound { what, id }) }
}

/// A living feed.
pub async fn get(tx: &mut Tx, id: FeedId) -> Result<Feed> {
    let row = tx.row(&GET, args![id]).await?;
    feed(&row.ok_or(StoreError::NotFound { what: "feed", id: id.uuid() })?)
}

pub async fn revoke(tx: &mut Tx, id: FeedId) -> Result<()> {
    let args = args![id, tx.at];
    if tx.execute(&REVOKE, args).await? + tx.execute(&REVOKE_DISTRICT, args).await? == 0 {
        return Err(StoreError::NotFound { what: "feed", id: id.uuid() });
    }
    audit::write(tx, "revoke", "feed", id.uuid(), None, None).await
}

fn feed(row: &Row) -> Result<Feed> {
    let [educator, school, district] =
        ["educator_id", "school_id", "district_id"].map(|column| row.get::<Option<Uuid>>(column));
    let owner = match (educator?, school?, district?) {
        (Some(id), None, None) => Owner::Educator(RecordId::from_uuid(id)),
        (None, Some(id), None) => Owner::School(RecordId::from_uuid(id)),
        (None, None, Some(id)) => Owner::District(RecordId::from_uuid(id)),
        _ => return Err(StoreError::Corrupt("a feed of nobody".into())),
    };
    Ok(Feed { id: row.id("id")?, owner, created_at: row.get("created_at")? })
}
