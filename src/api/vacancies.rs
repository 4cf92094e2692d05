//! The way of vacancies over HTTP: steps with their reasons, proposals to districts, offers to educators, readiness, timers.

use axum::extract::State as Axum;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::State;
use super::access::Planner;
use super::error::Error;
use super::extract::{Json, NoQuery, Path, Query};
use super::fitness::{self, Fitness};
use crate::domain::actor::{Actor, Reach, Thing, Verb};
use crate::domain::id::{DistrictId, EducatorId, OfferId, RecordId as _, VacancyId};
use crate::domain::mail::Notice;
use crate::domain::record::Stored;
use crate::domain::records as kept;
use crate::domain::vacancy::{READINESS, Stage, Timers, timers};
use crate::store::mail::{self, Recipient};
use crate::store::vacancies::{self, NewOffer, Offer, Step};
use crate::store::{self, Tx, accounts};

/// Longest reason, in characters.
const REASON: usize = 500;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
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

fn bounded(reason: &str) -> Result<&str, Error> {
    let good = reason.chars().count() <= REASON && !reason.contains('\0');
    if good { Ok(reason) } else { Err(Error::field("/reason", format!("give at most {REASON} characters"))) }
}

/// Refuses a step that may not follow.
async fn may_follow(tx: &mut Tx, vacancy: VacancyId, to: Stage) -> Result<Stage, Error> {
    let stage = vacancies::stage(tx, vacancy).await?;
    if stage.next().contains(&to) {
        return Ok(stage);
    }
    let next: Vec<&str> = stage.next().iter().map(|stage| stage.name()).collect();
    let next =
        if next.is_empty() { "nothing follows that".into() } else { format!("it may become {}", next.join(", ")) };
    Err(Error::Conflict(format!("the vacancy is {stage}, and cannot become {to}; {next}")))
}

fn in_time(tx: &Tx, deadline: DateTime<Utc>) -> Result<(), Error> {
    if deadline > tx.at && deadline < tx.at + TimeDelta::days(366) {
        return Ok(());
    }
    Err(Error::field("/deadline_at", "give an instant ahead of now, within a year"))
}

/// Writes to a district's HR.
async fn tell_district(state: &State, tx: &mut Tx, district: DistrictId, notice: &Notice) -> Result<(), Error> {
    if state.settings.mail.is_some() {
        let role = crate::domain::actor::Role::DistrictHr;
        for account in accounts::of_role(tx, role, &std::collections::BTreeSet::from([district])).await? {
            mail::notify(tx, Recipient::Account(account.id), notice.clone()).await?;
        }
    }
    Ok(())
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
    let mut tx = state.db.read().await?;
    let vacancy = store::get_for::<kept::Vacancy>(&mut tx, &actor, id).await?;
    let now = tx.at;
    let (steps, ready) = (vacancies::steps(&mut tx, id).await?, vacancies::ready(&mut tx, id).await?);
    let status = serde_json::to_value(vacancy.body.status).map_err(Error::internal)?;
    let stage = match steps.last() {
        Some(step) => step.stage,
        None => serde_json::from_value(status).map_err(Error::internal)?,
    };
    let mut dated: Vec<(Stage, DateTime<Utc>)> = steps.iter().map(|step| (step.stage, step.at)).collect();
    if let Some(opened) = vacancy.body.opened_at.filter(|_| steps.is_empty()) {
        dated.push((Stage::Open, opened));
    }
    let (calendar, needed) = fitness::school_time(&mut tx, &vacancy).await?;
    let item = |&(item, title): &(&'static str, &'static str)| Readiness { item, title, ready: ready.contains(item) };
    Ok(axum::Json(Progress {
        stage,
        next: stage.next().to_vec(),
        timers: timers(&dated, calendar.as_ref(), needed, now),
        readiness: READINESS.iter().map(item).collect(),
        // What others were offered is the office's to know; the district sees whom it was proposed.
        offers: match actor.reach(Verb::Read, Thing::Planning) {
            Reach::All => vacancies::of_vacancy(&mut tx, id).await?,
            _ => vacancies::of_vacancy(&mut tx, id).await?.into_iter().filter(|o| o.kind == "proposal").collect(),
        },
        steps,
    }))
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
    let mut tx = state.write(&actor).await?;
    store::permit::<kept::Vacancy>(&mut tx, &actor, Some(id), None).await?;
    let (to, reason) = (taken.stage, bounded(&taken.reason)?);
    if !to.is_of_the_district() && !actor.may(Verb::Write, Thing::Planning) {
        return Err(Error::Forbidden);
    }
    if !to.is_taken_by_hand() {
        return Err(Error::field("/stage", "make a proposal or an offer, or answer it"));
    }
    may_follow(&mut tx, id, to).await?;
    if matches!(to, Stage::Onboarding | Stage::Live) {
        let missing = missing(&mut tx, id, to).await?;
        if !missing.is_empty() {
            return Err(Error::Conflict(format!("not yet {to}: {}", missing.join("; "))));
        }
    }
    vacancies::step(&mut tx, id, to, reason).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What stands between a vacancy and this step.
async fn missing(tx: &mut Tx, id: VacancyId, to: Stage) -> Result<Vec<String>, Error> {
    let offers = vacancies::of_vacancy(tx, id).await?;
    let Some(taken) = offers.iter().rev().find(|offer| offer.kind == "offer" && offer.state == "accepted") else {
        return Ok(vec!["nobody has accepted an offer".into()]);
    };
    let vacancy = store::get::<kept::Vacancy>(tx, id).await?;
    let mut missing = fitness::of(tx, &vacancy, taken.educator_id).await?.missing;
    if to == Stage::Live {
        let ready = vacancies::ready(tx, id).await?;
        let open = READINESS.iter().filter(|(item, _)| !ready.contains(*item));
        missing.extend(open.map(|(_, title)| format!("{title} is not ready")));
    }
    Ok(missing)
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
    let mut tx = state.write(&actor).await?;
    let vacancy = store::get::<kept::Vacancy>(&mut tx, id).await?;
    in_time(&tx, proposed.deadline_at)?;
    may_follow(&mut tx, id, Stage::Proposed).await?;
    let fitness = fit(&mut tx, &vacancy, proposed.educator_id).await?;
    let new = NewOffer {
        vacancy_id: id,
        educator_id: proposed.educator_id,
        is_proposal: true,
        terms: fitness.terms(None),
        deadline_at: proposed.deadline_at,
    };
    let made = vacancies::make(&mut tx, new).await?;
    vacancies::step(&mut tx, id, Stage::Proposed, "").await?;
    let notice = Notice {
        subject: format!("A proposal for {}", vacancy.body.title),
        text: vec![format!("We propose {} for this vacancy. Please answer in time.", fitness.name)],
        facts: fitness.facts(proposed.deadline_at, None),
        link: None,
    };
    tell_district(&state, &mut tx, vacancy.body.district_id, &notice).await?;
    answered(tx, made).await
}

async fn fit(tx: &mut Tx, vacancy: &Stored<kept::Vacancy>, educator: EducatorId) -> Result<Fitness, Error> {
    let fitness = fitness::of(tx, vacancy, educator).await?;
    if fitness.missing.is_empty() { Ok(fitness) } else { Err(Error::Conflict(fitness.missing.join("; "))) }
}

async fn answered(mut tx: Tx, made: OfferId) -> Result<Response, Error> {
    let offer = vacancies::get(&mut tx, made).await?;
    tx.commit().await?;
    let location = format!("/api/v1/offers/{made}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], axum::Json(offer)).into_response())
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
    let mut tx = state.write(&actor).await?;
    let vacancy = store::get::<kept::Vacancy>(&mut tx, id).await?;
    in_time(&tx, offered.deadline_at)?;
    may_follow(&mut tx, id, Stage::Offered).await?;
    let all = vacancies::of_vacancy(&mut tx, id).await?;
    let accepted = all.iter().rev().find(|offer| offer.kind == "proposal" && offer.state == "accepted");
    let educator = accepted.ok_or_else(|| Error::Conflict("the district has accepted nobody".into()))?.educator_id;
    let fitness = fit(&mut tx, &vacancy, educator).await?;
    let pay = store::get::<kept::Educator>(&mut tx, educator).await?.body.pay_cents_per_minute;
    let new = NewOffer {
        vacancy_id: id,
        educator_id: educator,
        is_proposal: false,
        terms: fitness.terms(Some(pay)),
        deadline_at: offered.deadline_at,
    };
    let made = vacancies::make(&mut tx, new).await?;
    vacancies::step(&mut tx, id, Stage::Offered, "").await?;
    if state.settings.mail.is_some() {
        let notice = Notice {
            subject: format!("An offer: {}", vacancy.body.title),
            text: vec!["We offer you these classes. Please answer in time.".into()],
            facts: fitness.facts(offered.deadline_at, Some(pay)),
            link: None,
        };
        mail::notify(&mut tx, Recipient::Educator(educator), notice).await?;
    }
    answered(tx, made).await
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
    let mut tx = state.write(&actor).await?;
    store::permit::<kept::Vacancy>(&mut tx, &actor, Some(id), None).await?;
    if !READINESS.iter().any(|(item, _)| *item == ready.item) {
        let items: Vec<&str> = READINESS.iter().map(|(item, _)| *item).collect();
        return Err(Error::field("/item", format!("give one of {}", items.join(", "))));
    }
    vacancies::set_ready(&mut tx, id, &ready.item, ready.ready).await?;
    tx.commit().await?;
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
    let limit = which.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::parameter("limit", "give a number from 1 to 200"));
    }
    let reach = actor.reach(Verb::Read, Thing::Offers);
    if reach.is_nothing() {
        return Err(Error::Forbidden);
    }
    let items = vacancies::list(&mut state.db.read().await?, &reach, which.before, limit).await?;
    let full = i64::try_from(items.len()).unwrap_or(i64::MAX) == limit;
    let next = items.last().filter(|_| full).map(|offer| offer.id.uuid());
    Ok(axum::Json(OfferPage { items, next }))
}

/// The offer, if it is this actor's to answer; to others it does not exist.
async fn mine(tx: &mut Tx, actor: &Actor, id: OfferId) -> Result<Offer, Error> {
    let nothing = || Error::NotFound { kind: "offer", id: id.to_string() };
    let offer = vacancies::get(tx, id).await.map_err(|_| nothing())?;
    let own = match actor.reach(Verb::Write, Thing::Offers) {
        Reach::All => true,
        Reach::Districts(districts) => {
            offer.kind == "proposal" && districts.contains(&DistrictId::from_uuid(offer.district_id))
        }
        Reach::Own(educator) => offer.kind == "offer" && offer.educator_id == educator,
        Reach::Nothing => false,
    };
    if own { Ok(offer) } else { Err(nothing()) }
}

/// Takes an answer, if it is in time.
async fn take(tx: &mut Tx, offer: &Offer, yes: bool, reason: Option<&str>) -> Result<(), Error> {
    if offer.state != "waiting" || offer.deadline_at <= tx.at {
        let how = if offer.state == "waiting" { "its deadline has passed" } else { "it waits for no answer any more" };
        return Err(Error::Conflict(how.into()));
    }
    let to = match (yes, offer.kind == "proposal") {
        (true, true) => Stage::DistrictAccepted,
        (true, false) => Stage::EducatorAccepted,
        (false, _) => Stage::Declined,
    };
    may_follow(tx, offer.vacancy_id, to).await?;
    if !vacancies::answer(tx, offer.id, if yes { "accepted" } else { "declined" }, reason).await? {
        return Err(Error::Conflict("it was answered meanwhile".into()));
    }
    Ok(vacancies::step(tx, offer.vacancy_id, to, reason.unwrap_or_default()).await?)
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
    let mut tx = state.write(&actor).await?;
    let offer = mine(&mut tx, &actor, id).await?;
    take(&mut tx, &offer, true, None).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Decline a proposal or an offer
///
/// With `veto` the educator is never matched at the schools of this vacancy again, in the next run and every later one.
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
    let mut tx = state.write(&actor).await?;
    let offer = mine(&mut tx, &actor, id).await?;
    let reason = bounded(declined.reason.trim())?;
    if reason.is_empty() {
        return Err(Error::field("/reason", "say why, in a word or two"));
    }
    take(&mut tx, &offer, false, Some(reason)).await?;
    if declined.veto {
        let known: std::collections::BTreeSet<_> =
            store::children::<kept::Veto>(&mut tx, "educator_id", offer.educator_id)
                .await?
                .into_iter()
                .map(|v| v.body.school_id)
                .collect();
        for school_id in fitness::schools(&mut tx, offer.vacancy_id).await?.difference(&known) {
            let veto = kept::Veto {
                educator_id: offer.educator_id,
                school_id: *school_id,
                reason: Some(reason.to_owned()),
                source: None,
                source_id: None,
            };
            store::insert(&mut tx, veto).await?;
        }
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
