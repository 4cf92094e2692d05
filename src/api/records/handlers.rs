//! The five verbs of every kind of record.

use axum::extract::{OriginalUri, State as Axum};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::request::{Page, Tags, cursor_after, next_link, tag};
use super::{ROOT, Resource};
use crate::api::State;
use crate::api::error::{Error, FieldIssue};
use crate::api::extract::{Json, NoQuery, Path, Query};
use crate::api::once;
use crate::domain::actor::Actor;
use crate::domain::id::RecordId;
use crate::domain::record::Stored;
use crate::store::idempotency::{self, Answer};
use crate::store::{self, StoreError, Tx};

/// Attempts at a write that the database is too busy for.
const ATTEMPTS: usize = 3;

#[derive(Serialize)]
#[serde(bound = "E: Resource")]
struct Items<E: Resource> {
    items: Vec<Stored<E>>,
    /// The cursor of the next page, where there is one.
    next: Option<String>,
}

pub async fn list<E: Resource>(
    Axum(state): Axum<State>,
    actor: Actor,
    OriginalUri(uri): OriginalUri,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let page = Page::read(pairs)?;
    let filters: Vec<(&str, &str)> = page.filters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut tx = state.db.read().await?;
    let mut items = store::list_for::<E>(&mut tx, &actor, &filters, page.after.map(E::Id::from_uuid), page.limit + 1)
        .await
        .map_err(of_the_query)?;
    let full = usize::try_from(page.limit).is_ok_and(|limit| items.len() > limit);
    if full {
        items.pop();
    }
    let next = items.last().filter(|_| full).map(|last| cursor_after(last.id.uuid()));
    let link = next.as_deref().map(|next| next_link(uri.path(), uri.query().unwrap_or_default(), next));
    let mut response = axum::Json(Items { items, next }).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, HeaderValue::try_from(link).map_err(Error::internal)?);
    }
    Ok(response)
}

/// The store blames fields of a body; here they are parameters.
fn of_the_query(error: StoreError) -> Error {
    let StoreError::Invalid(issues) = error else { return error.into() };
    let named = |issue: FieldIssue| FieldIssue { pointer: issue.pointer.replacen('/', "#", 1), ..issue };
    Error::Parameters(issues.into_iter().map(named).collect())
}

/// A change, kept so that it can be attempted again.
enum Change<E: Resource> {
    Create { body: E, key: Option<String> },
    Replace { id: E::Id, condition: Tags, body: E },
    Delete { id: E::Id, condition: Tags },
}

pub async fn create<E: Resource>(
    Axum(state): Axum<State>,
    actor: Actor,
    headers: HeaderMap,
    _: NoQuery,
    Json(body): Json<E>,
) -> Result<Response, Error> {
    let key = once::key(&headers)?;
    write(&state, &actor, Change::Create { body, key }).await
}

async fn created<E: Resource>(tx: &mut Tx, principal: &str, body: &E, key: Option<&str>) -> Result<Response, Error> {
    if let Some(key) = key {
        let claim = idempotency::claim(tx, principal, key, &once::hash(E::KIND, body)?).await?;
        if let Some(answer) = once::known(claim)? {
            return Ok(answer);
        }
    }
    let stored = store::insert(tx, body.clone()).await?;
    let answer = Answer {
        status: 201,
        headers: json!({"location": format!("{ROOT}/{}/{}", E::PLURAL, stored.id), "etag": tag(stored.version)}),
        body: serde_json::to_string(&stored).map_err(Error::internal)?,
    };
    if let Some(key) = key {
        idempotency::answer(tx, principal, key, &answer).await?;
    }
    once::given(&answer, false)
}

pub async fn read<E: Resource>(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<E::Id>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let unless = Tags::read(&headers, &header::IF_NONE_MATCH)?;
    let stored = store::get_for::<E>(&mut state.db.read().await?, &actor, id).await?;
    if unless.is_some_and(|tags| tags.hold(stored.version)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag(stored.version))]).into_response());
    }
    Ok(shown(&stored))
}

pub async fn replace<E: Resource>(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<E::Id>,
    _: NoQuery,
    headers: HeaderMap,
    Json(body): Json<E>,
) -> Result<Response, Error> {
    let condition = condition(&headers)?;
    write(&state, &actor, Change::Replace { id, condition, body }).await
}

pub async fn delete<E: Resource>(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<E::Id>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let condition = condition(&headers)?;
    write(&state, &actor, Change::<E>::Delete { id, condition }).await
}

fn shown<E: Resource>(stored: &Stored<E>) -> Response {
    ([(header::ETAG, tag(stored.version))], axum::Json(stored)).into_response()
}

fn condition(headers: &HeaderMap) -> Result<Tags, Error> {
    Tags::read(headers, &header::IF_MATCH)?.ok_or(Error::NoPrecondition)
}

/// The version that the record is at, provided the caller knows it.
async fn expected<E: Resource>(tx: &mut Tx, id: E::Id, condition: &Tags) -> Result<i64, Error> {
    let version = store::get::<E>(tx, id).await?.version;
    if condition.hold(version) { Ok(version) } else { Err(Error::Stale { version }) }
}

/// Makes a change in one transaction, again where the database was only too busy, and answers once it is committed.
async fn write<E: Resource>(state: &State, actor: &Actor, change: Change<E>) -> Result<Response, Error> {
    for _ in 1..ATTEMPTS {
        match attempt(state, actor, &change).await {
            Err(Error::Busy(_)) => {}
            settled => return settled,
        }
    }
    attempt(state, actor, &change).await
}

async fn attempt<E: Resource>(state: &State, actor: &Actor, change: &Change<E>) -> Result<Response, Error> {
    let mut tx = state.write(actor).await?;
    let response = match change {
        Change::Create { body, key } => {
            store::permit::<E>(&mut tx, actor, None, Some(body)).await?;
            created(&mut tx, &actor.principal(), body, key.as_deref()).await?
        }
        Change::Replace { id, condition, body } => {
            store::permit(&mut tx, actor, Some(*id), Some(body)).await?;
            let version = expected::<E>(&mut tx, *id, condition).await?;
            shown(&store::update(&mut tx, *id, Some(version), body.clone()).await?)
        }
        Change::Delete { id, condition } => {
            store::permit::<E>(&mut tx, actor, Some(*id), None).await?;
            let version = expected::<E>(&mut tx, *id, condition).await?;
            store::delete::<E>(&mut tx, *id, Some(version)).await?;
            StatusCode::NO_CONTENT.into_response()
        }
    };
    tx.commit().await?;
    Ok(response)
}
