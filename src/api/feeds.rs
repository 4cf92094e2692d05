//! Calendar feeds: made for an educator, a school or a district, read at a secret address by their calendar program, revoked at once.

use axum::extract::State as Axum;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::State;
use super::access::secret;
use super::error::Error;
use super::extract::{NoQuery, Path};
use crate::domain::actor::{Actor, Credential, Verb};
use crate::domain::hash::sha256;
use crate::domain::id::{DistrictId, EducatorId, FeedId, RecordId as _, SchoolId};
use crate::domain::records as kept;
use crate::domain::session::SessionStatus;
use crate::domain::time::{self, Date};
use crate::exchange::ics::{self, Entry};
use crate::store::feeds::{self, Owner};
use crate::store::sessions::{self, Listed, Wanted};

/// Most sessions of a feed: a school of two hundred sections for a term.
const MOST: i64 = 50_000;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(for_educator))
        .routes(routes!(for_school))
        .routes(routes!(for_district))
        .routes(routes!(read))
        .routes(routes!(revoke))
}

/// A new feed. The address is shown this once; only a hash of its secret is kept.
#[derive(Serialize, ToSchema)]
struct Created {
    id: Uuid,
    /// Path of the feed on this server.
    path: String,
    created_at: DateTime<Utc>,
}

/// Make a calendar feed of an educator's sessions
#[utoipa::path(post, path = "/api/v1/educators/{id}/feeds", operation_id = "createEducatorFeed", tag = "feeds", params(("id" = Uuid, Path)), responses(
    (status = 201, description = "the feed, with its secret address", body = Created), (status = 404, description = "there is no such educator"),
))]
async fn for_educator(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<EducatorId>,
    _: NoQuery,
) -> Result<Response, Error> {
    state.make_feed(&actor, Owner::Educator(id)).await.map(created)
}

/// Make a calendar feed of a school's sessions
#[utoipa::path(post, path = "/api/v1/schools/{id}/feeds", operation_id = "createSchoolFeed", tag = "feeds", params(("id" = Uuid, Path)), responses(
    (status = 201, description = "the feed, with its secret address", body = Created), (status = 404, description = "there is no such school"),
))]
async fn for_school(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<SchoolId>,
    _: NoQuery,
) -> Result<Response, Error> {
    state.make_feed(&actor, Owner::School(id)).await.map(created)
}

/// Make a calendar feed of a district's sessions
#[utoipa::path(post, path = "/api/v1/districts/{id}/feeds", operation_id = "createDistrictFeed", tag = "feeds", params(("id" = Uuid, Path)), responses(
    (status = 201, description = "the feed, with its secret address", body = Created), (status = 404, description = "there is no such district"),
))]
async fn for_district(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<DistrictId>,
    _: NoQuery,
) -> Result<Response, Error> {
    state.make_feed(&actor, Owner::District(id)).await.map(created)
}

fn created((feed, path): (feeds::Feed, String)) -> Response {
    let location = format!("/api/v1/feeds/{}", feed.id);
    let body = Created { id: feed.id.uuid(), path, created_at: feed.created_at };
    (StatusCode::CREATED, [(header::LOCATION, location)], axum::Json(body)).into_response()
}

impl State {
    /// Makes a feed and says its path.
    pub async fn make_feed(&self, actor: &Actor, owner: Owner) -> Result<(feeds::Feed, String), Error> {
        let token = secret();
        let mut tx = self.write(actor).await?;
        feeds::permit(&mut tx, actor, owner, Verb::Write).await?;
        let maker = (actor.credential != Credential::Program).then_some(actor.account);
        let feed = feeds::create(&mut tx, owner, &token, maker).await?;
        tx.commit().await?;
        Ok((feed, format!("/feeds/{token}.ics")))
    }

    /// Ends a feed.
    pub async fn revoke_feed(&self, actor: &Actor, id: FeedId) -> Result<(), Error> {
        let mut tx = self.write(actor).await?;
        let feed = feeds::get(&mut tx, id).await?;
        if feeds::permit(&mut tx, actor, feed.owner, Verb::Write).await.is_err() {
            return Err(Error::NotFound { kind: "feed", id: id.to_string() });
        }
        feeds::revoke(&mut tx, id).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Read a feed
///
/// For calendar programs. Sessions that take place, from half a year back to two years ahead, and all of a term that has
/// not ended before.
#[utoipa::path(get, path = "/feeds/{name}", operation_id = "readFeed", tag = "feeds", params(("name" = String, Path, description = "the secret, and .ics")), responses(
    (status = 200, description = "the calendar", content_type = "text/calendar", body = String),
    (status = 304, description = "it is as you have it"),
    (status = 404, description = "there is no such feed, or it was revoked"),
))]
async fn read(
    Axum(state): Axum<State>,
    Path(name): Path<String>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let token = name.strip_suffix(".ics").ok_or(Error::NoRoute)?;
    let mut tx = state.db.read().await?;
    let feed = feeds::find(&mut tx, token).await?.ok_or(Error::NoRoute)?;
    let now = time::now();
    let past = now - TimeDelta::days(183);
    // A day earlier than the first: that begins sooner east of Greenwich.
    let begins = feeds::terms_begin(&mut tx, Date(past.date_naive())).await?;
    let begins = begins.map(|first| time::instant(time::to_utc(time::Tz::UTC, first.plus_days(-1), 0)));
    let mut wanted = Wanted {
        from: begins.map_or(past, |begins| begins.min(past)),
        to: now + TimeDelta::days(730),
        educator_id: None,
        school_id: None,
        district_id: None,
    };
    let name = match feed.owner {
        Owner::Educator(id) => {
            wanted.educator_id = Some(id);
            "Teaching schedule".to_owned()
        }
        Owner::School(id) => {
            wanted.school_id = Some(id);
            crate::store::get::<kept::School>(&mut tx, id).await?.body.name
        }
        Owner::District(id) => {
            wanted.district_id = Some(id);
            crate::store::get::<kept::District>(&mut tx, id).await?.body.name
        }
    };
    let visible = feeds::visible(&mut tx, feed.id).await?;
    let listed = sessions::list(&mut tx, &visible, wanted, None, MOST).await?;
    drop(tx);
    let text = tokio::task::spawn_blocking(move || {
        let entries: Vec<Entry> =
            listed.into_iter().filter(|l| l.session.meeting.status == SessionStatus::Planned).map(entry).collect();
        ics::feed(&name, &entries)
    });
    let text = text.await.map_err(Error::internal)?;
    let tag = format!("\"{}\"", sha256(&text));
    let caching = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "private, no-cache".into())];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag || known.trim() == "*") {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    Ok((caching, [(header::CONTENT_TYPE, "text/calendar; charset=utf-8")], text).into_response())
}

fn entry(listed: Listed) -> Entry {
    // A feed's address may leak: what is delivered to whom stays out of it.
    let title = listed.title();
    let session = listed.session;
    Entry {
        id: session.id.to_string(),
        sequence: session.sequence,
        updated_at: session.updated_at,
        held_on: session.meeting.held_on,
        starts: session.meeting.starts,
        ends: session.meeting.ends,
        tz: session.meeting.tz,
        title,
        place: listed.school_name,
    }
}

/// Revoke a feed
#[utoipa::path(delete, path = "/api/v1/feeds/{id}", operation_id = "revokeFeed", tag = "feeds", params(("id" = Uuid, Path)), responses(
    (status = 204, description = "its address is gone"), (status = 404, description = "there is no such feed, or it was revoked before"),
))]
async fn revoke(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<FeedId>,
    _: NoQuery,
) -> Result<StatusCode, Error> {
    state.revoke_feed(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
