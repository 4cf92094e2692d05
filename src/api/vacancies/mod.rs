//! Vacancies over HTTP: posting, steps with their reasons, proposals to districts, offers to educators, readiness, figures.

mod figures;
mod fitness;
mod posting;
mod way;

use axum::extract::State as Axum;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::State;
use super::access::Planner;
use super::error::Error;
use super::extract::{Json, NoQuery, Path, Query};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::id::{EducatorId, OfferId, RecordId as _, TermId, VacancyId};
use crate::domain::vacancy::Stage;
use crate::domain::vacancy::timers::Timers;
use crate::store::vacancies::pipeline::{self, Entry, Wanted};
use crate::store::vacancies::{self, Offer, Step};

pub use figures::{Figures, Group, Month};
pub use fitness::{Fitness, wanted};
pub use posting::{NewSection, Posting};
pub use way::{Answer, Standing};

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(post))
        .routes(routes!(pipeline_page))
        .routes(routes!(measured))
        .routes(routes!(progress))
        .routes(routes!(take_step))
        .routes(routes!(propose))
        .routes(routes!(offer))
        .routes(routes!(ready))
        .routes(routes!(list))
        .routes(routes!(accept))
        .routes(routes!(decline))
}

/// How a vacancy stands
#[derive(Debug, Serialize, ToSchema)]
struct Progress {
    stage: Stage,
    /// What may follow.
    next: Vec<Stage>,
    steps: Vec<Step>,
    offers: Vec<Offer>,
    timers: Timers,
    readiness: Vec<Readiness>,
    /// What is missing of whoever is proposed, offered or has accepted: licenses, clearances, bans.
    missing: Vec<String>,
}

/// Something that a district readies before a class begins
#[derive(Debug, Serialize, ToSchema)]
struct Readiness {
    item: &'static str,
    title: &'static str,
    ready: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Taken {
    stage: Stage,
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Proposed {
    #[schema(value_type = Uuid)]
    educator_id: EducatorId,
    /// By when the district answers.
    deadline_at: DateTime<Utc>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Offered {
    /// By when the educator answers.
    deadline_at: DateTime<Utc>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Ready {
    /// One of `curriculum`, `grading_policy`, `bell_schedule`, `roster`, `lms_accounts`, `devices`, `supervision`.
    item: String,
    ready: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Declined {
    reason: String,
    /// Never match these two again: a veto in every later run.
    #[serde(default)]
    veto: bool,
}

/// Proposals and offers, newest first
#[derive(Serialize, ToSchema)]
struct OfferPage {
    items: Vec<Offer>,
    /// Give it as `before` for the next page; none on the last.
    next: Option<Uuid>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// `next` of the page before.
    #[param(value_type = Option<Uuid>)]
    before: Option<OfferId>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// Vacancies, newest first
#[derive(Serialize, ToSchema)]
struct EntryPage {
    items: Vec<Entry>,
    /// Give it as `before` for the next page; none on the last.
    next: Option<Uuid>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Piece {
    #[param(value_type = Option<Uuid>)]
    term_id: Option<TermId>,
    /// Those that stand here.
    stage: Option<Stage>,
    /// `next` of the page before.
    #[param(value_type = Option<Uuid>)]
    before: Option<VacancyId>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct OfTerm {
    #[param(value_type = Option<Uuid>)]
    term_id: Option<TermId>,
}

fn bounded(limit: Option<i64>) -> Result<i64, Error> {
    let limit = limit.unwrap_or(50);
    if (1..=200).contains(&limit) { Ok(limit) } else { Err(Error::parameter("limit", "give a number from 1 to 200")) }
}

fn is_full(found: usize, limit: i64) -> bool {
    i64::try_from(found).unwrap_or(i64::MAX) == limit
}

/// Post a vacancy
///
/// With sections of the master schedule that are in no vacancy yet, or one that is described here; all of it or nothing.
#[utoipa::path(post, path = "/api/v1/vacancy-postings", operation_id = "postVacancy", tag = "vacancies", request_body = Posting, responses(
    (status = 201, description = "it is posted", body = Progress, headers(("location" = String, description = "how it stands"))),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "a section is of another district or term, or in a vacancy already"),
))]
async fn post(
    Axum(state): Axum<State>,
    actor: Actor,
    _: NoQuery,
    Json(posting): Json<Posting>,
) -> Result<Response, Error> {
    let id = state.post_vacancy(&actor, posting).await?;
    let location = format!("/api/v1/vacancies/{id}/progress");
    let body = axum::Json(told(state.vacancy(&actor, id).await?));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], body).into_response())
}

/// The pipeline, newest vacancies first
///
/// Where each stands and since when, and for whose step it waits.
#[utoipa::path(get, path = "/api/v1/vacancy-pipeline", operation_id = "vacancyPipeline", tag = "vacancies", params(Piece), responses((status = 200, description = "a page of it", body = EntryPage)))]
async fn pipeline_page(
    Axum(state): Axum<State>,
    actor: Actor,
    Query(piece): Query<Piece>,
) -> Result<axum::Json<EntryPage>, Error> {
    let limit = bounded(piece.limit)?;
    let reach = actor.reach(Verb::Read, Thing::Record("vacancy"));
    if reach.is_nothing() {
        return Err(Error::Forbidden);
    }
    let stages = piece.stage.map(|stage| [stage]);
    let wanted =
        Wanted { term_id: piece.term_id, stages: stages.as_ref().map(|stages| &stages[..]), before: piece.before };
    let items = pipeline::list(&mut state.db.read().await?, &reach, wanted, limit).await?;
    let next = items.last().filter(|_| is_full(items.len(), limit)).map(|entry| entry.id.uuid());
    Ok(axum::Json(EntryPage { items, next }))
}

/// How long vacancies take
#[utoipa::path(get, path = "/api/v1/vacancy-metrics", operation_id = "vacancyMetrics", tag = "vacancies", params(OfTerm), responses((status = 200, description = "by district, state, area and month", body = Figures)))]
async fn measured(
    Axum(state): Axum<State>,
    actor: Actor,
    Query(of): Query<OfTerm>,
) -> Result<axum::Json<Figures>, Error> {
    state.vacancy_figures(&actor, of.term_id).await.map(axum::Json)
}

fn told(standing: Standing) -> Progress {
    let readiness = standing.readiness.into_iter();
    Progress {
        stage: standing.stage,
        next: standing.stage.steps().iter().map(|(stage, _)| *stage).collect(),
        steps: standing.steps,
        offers: standing.offers,
        timers: standing.timers,
        readiness: readiness.map(|(item, title, done)| Readiness { item, title, ready: done.is_some() }).collect(),
        missing: standing.taker.map_or_else(Vec::new, |(_, fitness)| fitness.missing),
    }
}

/// How a vacancy stands
///
/// Its steps with who, when and why, its timers, what was proposed and offered, and what the district has readied.
#[utoipa::path(get, path = "/api/v1/vacancies/{id}/progress", operation_id = "vacancyProgress", tag = "vacancies", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "where it stands", body = Progress), (status = 404, description = "there is no such vacancy"),
))]
async fn progress(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<VacancyId>,
    _: NoQuery,
) -> Result<axum::Json<Progress>, Error> {
    state.vacancy(&actor, id).await.map(|standing| axum::Json(told(standing)))
}

/// Take a step
///
/// Those that answer a proposal or an offer are taken by answering it. A class goes live only when the educator's
/// license and clearance cover it and the district has readied everything.
#[utoipa::path(post, path = "/api/v1/vacancies/{id}/steps", operation_id = "stepVacancy", tag = "vacancies", params(("id" = Uuid, Path)), request_body = Taken, responses(
    (status = 204, description = "it stands there now"),
    (status = 404, description = "there is no such vacancy"),
    (status = 409, description = "this step does not follow, or something is missing for it"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "the step is taken by a proposal, an offer or an answer"),
))]
async fn take_step(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<VacancyId>,
    _: NoQuery,
    Json(taken): Json<Taken>,
) -> Result<StatusCode, Error> {
    state.step_vacancy(&actor, id, taken.stage, &taken.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Propose somebody to the district
#[utoipa::path(post, path = "/api/v1/vacancies/{id}/proposals", operation_id = "proposeEducator", tag = "vacancies", params(("id" = Uuid, Path)), request_body = Proposed, responses(
    (status = 201, description = "the district is asked", body = Offer, headers(("location" = String, description = "where the answer goes"))),
    (status = 404, description = "there is no such vacancy or educator"),
    (status = 409, description = "the vacancy is not open, or the educator's license or clearance does not cover it"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "the deadline is not ahead"),
))]
async fn propose(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<VacancyId>,
    _: NoQuery,
    Json(proposed): Json<Proposed>,
) -> Result<Response, Error> {
    state.propose(&actor, id, proposed.educator_id, proposed.deadline_at).await.map(made)
}

fn made(offer: Offer) -> Response {
    let location = format!("/api/v1/offers/{}", offer.id);
    (StatusCode::CREATED, [(header::LOCATION, location)], axum::Json(offer)).into_response()
}

/// Offer it to whom the district accepted
#[utoipa::path(post, path = "/api/v1/vacancies/{id}/offers", operation_id = "offerVacancy", tag = "vacancies", params(("id" = Uuid, Path)), request_body = Offered, responses(
    (status = 201, description = "the educator is asked", body = Offer, headers(("location" = String, description = "where the answer goes"))),
    (status = 404, description = "there is no such vacancy"),
    (status = 409, description = "the district has accepted nobody, or the educator's license or clearance does not cover it any more"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "the deadline is not ahead"),
))]
async fn offer(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<VacancyId>,
    _: NoQuery,
    Json(offered): Json<Offered>,
) -> Result<Response, Error> {
    state.offer_vacancy(&actor, id, offered.deadline_at).await.map(made)
}

/// Say what is ready
#[utoipa::path(put, path = "/api/v1/vacancies/{id}/readiness", operation_id = "readyVacancy", tag = "vacancies", params(("id" = Uuid, Path)), request_body = Ready, responses(
    (status = 204, description = "it is noted"), (status = 404, description = "there is no such vacancy"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "there is no such item"),
))]
async fn ready(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<VacancyId>,
    _: NoQuery,
    Json(ready): Json<Ready>,
) -> Result<StatusCode, Error> {
    state.ready_vacancy(&actor, id, &ready.item, ready.ready).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Proposals and offers, newest first
///
/// To a district the proposals for its vacancies, to an educator their offers, to the office all.
#[utoipa::path(get, path = "/api/v1/offers", operation_id = "listOffers", tag = "vacancies", params(Which), responses((status = 200, description = "a page of them", body = OfferPage)))]
async fn list(
    Axum(state): Axum<State>,
    actor: Actor,
    Query(which): Query<Which>,
) -> Result<axum::Json<OfferPage>, Error> {
    let limit = bounded(which.limit)?;
    let reach = actor.reach(Verb::Read, Thing::Offers);
    if reach.is_nothing() {
        return Err(Error::Forbidden);
    }
    let items = vacancies::list(&mut state.db.read().await?, &reach, None, which.before, limit).await?;
    let next = items.last().filter(|_| is_full(items.len(), limit)).map(|offer| offer.id.uuid());
    Ok(axum::Json(OfferPage { items, next }))
}

/// Accept a proposal or an offer
#[utoipa::path(post, path = "/api/v1/offers/{id}/accept", operation_id = "acceptOffer", tag = "vacancies", params(("id" = Uuid, Path)), responses(
    (status = 204, description = "it is accepted"), (status = 404, description = "there is none of yours"),
    (status = 409, description = "it waits for no answer any more"),
))]
async fn accept(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<OfferId>,
    _: NoQuery,
) -> Result<StatusCode, Error> {
    state.answer_offer(&actor, id, Answer::Accept).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Decline a proposal or an offer
///
/// With `veto` the educator is banned from the schools of this vacancy, in the next run and every later one.
#[utoipa::path(post, path = "/api/v1/offers/{id}/decline", operation_id = "declineOffer", tag = "vacancies", params(("id" = Uuid, Path)), request_body = Declined, responses(
    (status = 204, description = "it is declined"), (status = 404, description = "there is none of yours"),
    (status = 409, description = "it waits for no answer any more"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "there is no reason"),
))]
async fn decline(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<OfferId>,
    _: NoQuery,
    Json(declined): Json<Declined>,
) -> Result<StatusCode, Error> {
    let Declined { reason, veto } = declined;
    state.answer_offer(&actor, id, Answer::Decline { reason, veto }).await?;
    Ok(StatusCode::NO_CONTENT)
}
