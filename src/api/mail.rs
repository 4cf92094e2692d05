//! Mail over HTTP: what is owed and what became of it, one more try, and addresses that get none.

use axum::extract::State as Axum;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::State;
use super::access::Planner;
use super::error::Error;
use super::extract::{Json, NoQuery, Path, Query};
use crate::domain::id::{MailId, RecordId as _};
use crate::exchange::bounce;
use crate::store::mail::{self, Bounced, Kept, Refusal};

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(retry))
        .routes(routes!(refusals, lift))
        .routes(routes!(bounces))
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum MailState {
    Queued,
    Sent,
    Failed,
    Dropped,
}

impl MailState {
    fn name(self) -> &'static str {
        ["queued", "sent", "failed", "dropped"][self as usize]
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    #[param(inline)]
    state: Option<MailState>,
    /// `next` of the page before.
    #[param(value_type = Option<Uuid>)]
    before: Option<MailId>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// Mails, newest first
#[derive(Serialize, ToSchema)]
struct MailPage {
    items: Vec<Kept>,
    /// Give it as `before` for the next page; none on the last.
    next: Option<Uuid>,
}

fn bounded(limit: Option<i64>) -> Result<i64, Error> {
    Some(limit.unwrap_or(50))
        .filter(|limit| (1..=200).contains(limit))
        .ok_or_else(|| Error::parameter("limit", "give a number from 1 to 200"))
}

/// Mails, newest first
#[utoipa::path(get, path = "/api/v1/mail", operation_id = "listMail", tag = "mail", params(Which), responses((status = 200, description = "a page of mails", body = MailPage)))]
async fn list(Axum(state): Axum<State>, _: Planner, Query(which): Query<Which>) -> Result<axum::Json<MailPage>, Error> {
    let limit = bounded(which.limit)?;
    let mut tx = state.db.read().await?;
    let items = mail::list(&mut tx, which.state.map(MailState::name), which.before, limit).await?;
    let full = i64::try_from(items.len()).unwrap_or(i64::MAX) == limit;
    let next = items.last().filter(|_| full).map(|mail| mail.id.uuid());
    Ok(axum::Json(MailPage { items, next }))
}

/// Try a mail once more
///
/// One that failed or was dropped. A notice keeps its Message-ID; a digest is followed by a new one, which says what stands
/// now.
#[utoipa::path(post, path = "/api/v1/mail/{id}/retry", operation_id = "retryMail", tag = "mail", params(("id" = Uuid, Path)), responses(
    (status = 204, description = "it is tried again"), (status = 404, description = "there is no such mail"),
    (status = 422, description = "it is still tried, or was sent, or there is no address"),
))]
async fn retry(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<MailId>,
    _: NoQuery,
) -> Result<StatusCode, Error> {
    let mut tx = state.write(&actor).await?;
    mail::revive(&mut tx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct After {
    /// The last address of the page before.
    after: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// Addresses that get no more mail
#[derive(Serialize, ToSchema)]
struct Refusals {
    items: Vec<Refusal>,
}

/// Addresses that get no more mail
#[utoipa::path(get, path = "/api/v1/mail-refusals", operation_id = "listMailRefusals", tag = "mail", params(After), responses((status = 200, description = "by address", body = Refusals)))]
async fn refusals(
    Axum(state): Axum<State>,
    _: Planner,
    Query(which): Query<After>,
) -> Result<axum::Json<Refusals>, Error> {
    let limit = bounded(which.limit)?;
    // No database keeps a NUL, so no address has one.
    let after = which.after.unwrap_or_default().replace('\0', "");
    let items = mail::refusals(&mut state.db.read().await?, &after, limit).await?;
    Ok(axum::Json(Refusals { items }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Refused {
    /// A mail address.
    address: String,
}

/// Send an address mail again
#[utoipa::path(delete, path = "/api/v1/mail-refusals", operation_id = "liftMailRefusal", tag = "mail", params(Refused), responses(
    (status = 204, description = "it gets mail again"), (status = 404, description = "it was not refused"),
))]
async fn lift(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Query(Refused { address }): Query<Refused>,
) -> Result<StatusCode, Error> {
    let mut tx = state.write(&actor).await?;
    if address.contains('\0') || !mail::lift(&mut tx, &address).await? {
        return Err(Error::NotFound { kind: "refusal of mail to", id: address });
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A mail that reports on another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reported {
    /// The whole of it, headers and all.
    #[schema(max_length = 1_000_000)]
    report: String,
}

/// Report a mail that came back
///
/// Takes a delivery status notification (RFC 3464). A mail of ours that it quotes, to an address that it names as failed,
/// counts as failed; an address that does not exist gets no more mail. Other reports change nothing. `bellwether mail
/// bounced` does the same.
#[utoipa::path(post, path = "/api/v1/mail-bounces", operation_id = "reportBounce", tag = "mail", request_body = Reported, responses(
    (status = 200, description = "what changed; empty where it is of no mail of ours, or of no failure", body = Vec<Bounced>),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "it is no such report"),
))]
async fn bounces(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    _: NoQuery,
    Json(Reported { report }): Json<Reported>,
) -> Result<axum::Json<Vec<Bounced>>, Error> {
    let report = bounce::read(report.as_bytes()).map_err(|why| Error::field("/report", why))?;
    let mut tx = state.write(&actor).await?;
    let mut found = Vec::new();
    for one in report.recipients.iter().filter(|one| one.action == "failed") {
        let id = report.message_id.as_deref().unwrap_or_default();
        found.extend(mail::bounced(&mut tx, id, &one.addresses, one.nobody_there, &one.cause).await?);
    }
    tx.commit().await?;
    Ok(axum::Json(found))
}
