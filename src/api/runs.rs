//! Runs over HTTP: ask for one, watch it, stop it, read its answer, publish it. Solving happens elsewhere.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State as Axum;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Raw, json};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::State;
use super::access::Planner;
use super::error::{Error, FieldIssue};
use super::extract::{Json, NoQuery, Path, Query};
use super::once;
use super::publish::Refused;
use super::suppose;
use crate::domain::actor::Actor;
use crate::domain::id::{DistrictId, EducatorId, RecordId as _, RunId, TermId};
use crate::domain::run::{Run, RunEvent, RunSettings, RunState};
use crate::domain::supply::{Longer, Supposed};
use crate::engine::{locks, problem};
use crate::store::Tx;
use crate::store::idempotency::{self, Answer};
use crate::store::logins;
use crate::store::runs::{self, NewRun};
use crate::store::schedules::Published;
use crate::store::snapshot;

/// How long a cancel waits for the worker's last word before it answers without it.
const LAST_WORD: Duration = Duration::from_millis(600);
/// Between two looks at a run that others are working on.
const LOOK: Duration = Duration::from_millis(250);

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read))
        .routes(routes!(events))
        .routes(routes!(cancel))
        .routes(routes!(schedule))
        .routes(routes!(unserved))
        .routes(routes!(kept_problem))
        .routes(routes!(publish))
}

/// What to solve, and what may be spent on it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[schema(value_type = Uuid)]
    term_id: TermId,
    /// None means every district that has a calendar or a need in the term.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>, max_items = 1000)]
    district_ids: Vec<DistrictId>,
    #[schema(minimum = 1, maximum = 86400)]
    seconds: Option<i64>,
    #[schema(minimum = 1)]
    nodes: Option<i64>,
    #[schema(minimum = 0, maximum = 1)]
    gap: Option<f64>,
    #[schema(minimum = 0)]
    seed: Option<u32>,
    #[schema(minimum = 1, maximum = 64)]
    threads: Option<u8>,
    #[schema(minimum = 268_435_456)]
    memory_bytes: Option<i64>,
    /// Begin with the schedule of this run.
    #[schema(value_type = Option<Uuid>)]
    start_from: Option<RunId>,
    /// Cents for a minute that is owed and not served; none is what the term says.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    unserved_cents_per_minute: Option<i64>,
    /// Cents for a need that is taken from who serves it now; none is what the term says.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    change_cents: Option<i64>,
    /// Educators to plan without, as if they were not there.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>, max_items = 1000)]
    without: Vec<EducatorId>,
    /// Educators who are not there, to plan with as if they were. Such a run can be compared, not published.
    #[serde(default)]
    #[schema(max_items = 20)]
    with: Vec<Supposed>,
    /// More hours a week for some who are there. Such a run can be compared, not published.
    #[serde(default)]
    longer: Option<Longer>,
    /// Mend that schedule where it no longer holds, leave the rest of it as it is, and end.
    #[serde(default)]
    repair: bool,
    /// When a district is published for the first time in a term that has begun, write its sessions from the term's first day,
    /// as held: for history that is brought in from elsewhere. Else only those to come are written.
    #[serde(default)]
    history: bool,
}

impl Asked {
    fn settings(&self) -> Result<RunSettings, Error> {
        let usual = RunSettings::default();
        let settings = RunSettings {
            seconds: self.seconds.unwrap_or(usual.seconds),
            nodes: self.nodes,
            gap: self.gap.unwrap_or(usual.gap),
            seed: self.seed.unwrap_or(usual.seed),
            threads: self.threads.unwrap_or(usual.threads),
            memory_bytes: self.memory_bytes.unwrap_or(usual.memory_bytes),
            start_from: self.start_from,
            unserved_cents_per_minute: self.unserved_cents_per_minute,
            change_cents: self.change_cents,
            without: self.without.clone(),
            with: self.with.clone(),
            longer: self.longer.clone(),
            repair: self.repair,
            history: self.history,
        };
        let mut errors = Vec::new();
        let mut require = |holds: bool, field: &str, message: &str| {
            if !holds {
                errors.push(FieldIssue { pointer: format!("/{field}"), message: message.into() });
            }
        };
        require((1..=86_400).contains(&settings.seconds), "seconds", "give 1 to 86400 seconds");
        require(!settings.repair || settings.start_from.is_some(), "repair", "name in start_from what is to be mended");
        require(settings.nodes.is_none_or(|nodes| nodes >= 1), "nodes", "give at least 1, or leave it out");
        require((0.0..=1.0).contains(&settings.gap), "gap", "give a ratio from 0 to 1, such as 0.01");
        require((1..=64).contains(&settings.threads), "threads", "give 1 to 64");
        require(settings.memory_bytes >= 256 << 20, "memory_bytes", "give at least 268435456 (256 MiB)");
        let price = |cents: Option<i64>| cents.is_none_or(|cents| (0..=1_000_000_000).contains(&cents));
        let cents = "give 0 to 1000000000 cents, or leave it out for what the term says";
        require(price(settings.unserved_cents_per_minute), "unserved_cents_per_minute", cents);
        require(price(settings.change_cents), "change_cents", cents);
        require(settings.without.len() <= 1000, "without", "leave at most 1000 educators out");
        settings.check_supply(&mut errors);
        if errors.is_empty() { Ok(settings) } else { Err(Error::Fields(errors)) }
    }
}

/// Runs, newest first
#[derive(Serialize, ToSchema)]
struct RunPage {
    items: Vec<Run>,
    /// Give it as `before` for the next page; none on the last.
    next: Option<Uuid>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    #[param(value_type = Option<Uuid>)]
    term_id: Option<TermId>,
    state: Option<RunState>,
    /// `next` of the page before.
    #[param(value_type = Option<Uuid>)]
    before: Option<RunId>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// Runs, newest first
#[utoipa::path(get, path = "/api/v1/runs", operation_id = "listRuns", tag = "runs", params(Which), responses((status = 200, description = "a page of runs", body = RunPage)))]
async fn list(Axum(state): Axum<State>, _: Planner, Query(which): Query<Which>) -> Result<axum::Json<RunPage>, Error> {
    let limit = which.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::parameter("limit", "give a number from 1 to 200"));
    }
    let mut tx = state.db.read().await?;
    let items = runs::list(&mut tx, which.term_id, which.state, which.before, limit).await?;
    let full = i64::try_from(items.len()).unwrap_or(i64::MAX) == limit;
    let next = items.last().filter(|_| full).map(|run| run.id.uuid());
    Ok(axum::Json(RunPage { items, next }))
}

/// Ask for a run
///
/// Its problem is what the records say now; it is kept with the run.
#[utoipa::path(post, path = "/api/v1/runs", operation_id = "createRun", tag = "runs", request_body = Asked,
    params(("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$",
        description = "Any fresh text, such as a UUID: a repetition with the same key is answered as the first was.")),
    responses(
    (status = 202, description = "it waits for a worker", body = Run, headers(
        ("location" = String, description = "where the run is"),
        ("idempotent-replayed" = String, description = "`true` where this answer was given before"))),
    (status = 404, description = "there is no such term, district or run to start from"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "the records do not make a problem, a lock breaks a rule, a limit is out of range, supply is supposed that no need asks for, or the key was used before with another body"),
))]
async fn create(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    _: NoQuery,
    headers: HeaderMap,
    Json(asked): Json<Asked>,
) -> Result<Response, Error> {
    if let Some(key) = once::key(&headers)? {
        return state.ask_once(&actor, asked, &key).await;
    }
    let settings = asked.settings()?;
    once::given(&accepted(&state.ask(&actor, asked.term_id, asked.district_ids, settings).await?)?, false)
}

fn accepted(run: &Run) -> Result<Answer, Error> {
    let headers = json!({"location": format!("/api/v1/runs/{}", run.id)});
    Ok(Answer { status: 202, headers, body: serde_json::to_string(run).map_err(Error::internal)? })
}

impl State {
    /// Takes a snapshot of the term and queues a run of it.
    pub async fn ask(
        &self,
        actor: &Actor,
        term: TermId,
        districts: Vec<DistrictId>,
        settings: RunSettings,
    ) -> Result<Run, Error> {
        let new = self.prepare(term, &districts, settings).await?;
        let mut tx = self.write(actor).await?;
        let run = self.enqueue(&mut tx, new).await?;
        tx.commit().await?;
        Ok(run)
    }

    /// The same for a request that may come again: the first with this key makes the run.
    async fn ask_once(&self, actor: &Actor, asked: Asked, key: &str) -> Result<Response, Error> {
        let (principal, hash) = (actor.principal(), once::hash("run", &asked)?);
        // The records may make another problem by now, or none: what was answered once needs no new look at them.
        let seen = idempotency::seen(&mut self.db.read().await?, &principal, key, &hash).await?;
        if let Some(answer) = once::known(seen)? {
            return Ok(answer);
        }
        let settings = asked.settings()?;
        let new = self.prepare(asked.term_id, &asked.district_ids, settings).await?;
        let mut tx = self.write(actor).await?;
        if let Some(answer) = once::known(idempotency::claim(&mut tx, &principal, key, &hash).await?)? {
            return Ok(answer);
        }
        let answer = accepted(&self.enqueue(&mut tx, new).await?)?;
        idempotency::answer(&mut tx, &principal, key, &answer).await?;
        tx.commit().await?;
        once::given(&answer, false)
    }

    /// The problem that the records make now.
    async fn prepare(&self, term: TermId, districts: &[DistrictId], settings: RunSettings) -> Result<NewRun, Error> {
        let mut problem = snapshot(&self.db, term, districts).await?;
        let useless = suppose::useless_areas(&problem, &settings);
        if !useless.is_empty() {
            return Err(Error::Fields(useless));
        }
        suppose::shape(&mut problem, &settings);
        let text = serde_json::to_string(&problem).map_err(Error::internal)?;
        problem::read(text.as_bytes()).map_err(|issues| {
            let issue = |issue: crate::engine::rule::Issue| FieldIssue {
                pointer: format!("/problem{}", issue.pointer),
                message: format!("{}: {}; {}", issue.code, issue.cause, issue.action),
            };
            Error::Fields(issues.into_iter().take(100).map(issue).collect())
        })?;
        let broken = locks::broken(&problem);
        if !broken.is_empty() {
            return Err(Error::Locks(broken));
        }
        let covered: Result<Vec<DistrictId>, String> =
            problem.districts.iter().map(|district| district.id.parse()).collect();
        Ok(NewRun { term_id: term, districts: covered.map_err(Error::internal)?, settings, problem: text })
    }

    async fn enqueue(&self, tx: &mut Tx, new: NewRun) -> Result<Run, Error> {
        if let Some(start) = new.settings.start_from {
            runs::get(tx, start).await?;
        }
        let id = runs::create(tx, new).await?;
        if let Some(queue) = &self.queue {
            queue.enqueue(tx, id).await?;
        }
        Ok(runs::get(tx, id).await?)
    }
}

/// A run as it stands
#[utoipa::path(get, path = "/api/v1/runs/{id}", operation_id = "getRun", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "the run", body = Run),
    (status = 404, description = "there is no such run"),
))]
async fn read(
    Axum(state): Axum<State>,
    _: Planner,
    Path(id): Path<RunId>,
    _: NoQuery,
) -> Result<axum::Json<Run>, Error> {
    Ok(axum::Json(runs::get(&mut state.db.read().await?, id).await?))
}

/// What a run tells, as it happens
///
/// Server-sent events: `id` counts within the run, `event` is the kind, `data` the figures. After
/// `Last-Event-ID` only what came later. The stream ends after the event `final`.
#[utoipa::path(get, path = "/api/v1/runs/{id}/events", operation_id = "runEvents", tag = "runs",
    params(("id" = Uuid, Path), ("last-event-id" = Option<i64>, Header, description = "the last event already seen")), responses(
    (status = 200, description = "the events", content_type = "text/event-stream", body = String),
    (status = 404, description = "there is no such run"),
))]
async fn events(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<RunId>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Error> {
    let seen = match headers.get("last-event-id") {
        None => -1,
        Some(value) => value.to_str().ok().and_then(|text| text.trim().parse().ok()).unwrap_or(-1),
    };
    runs::get(&mut state.db.read().await?, id).await?;
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(10));
    Ok(Sse::new(told(state, actor, id, seen)).keep_alive(keep_alive))
}

/// Events from the database, because the worker is usually another process.
fn told(state: State, actor: Actor, id: RunId, seen: i64) -> impl Stream<Item = Result<Event, Infallible>> {
    struct Ear {
        state: State,
        /// Whose access is looked at again with every look at the run: a stream outlives a request.
        actor: Actor,
        seen: i64,
        waiting: std::collections::VecDeque<RunEvent>,
        ended: bool,
    }
    let ear = Ear { state, actor, seen, waiting: std::collections::VecDeque::new(), ended: false };
    futures::stream::unfold(ear, move |mut ear| async move {
        loop {
            if let Some(event) = ear.waiting.pop_front() {
                ear.seen = event.seq;
                ear.ended = event.kind == "final";
                let line = Event::default().id(event.seq.to_string()).event(&event.kind).data(event.body.to_string());
                return Some((Ok(line), ear));
            }
            if ear.ended || ear.state.closing.is_cancelled() {
                return None;
            }
            match ear.state.heard(&ear.actor, id, ear.seen).await {
                // Asked again with the last event already seen: there is nothing more to come.
                Ok((true, events)) if events.is_empty() => return None,
                Ok((_, events)) if !events.is_empty() => ear.waiting.extend(events),
                Ok(_) => tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = ear.state.closing.cancelled() => return None,
                },
                // The client comes back with `Last-Event-ID`.
                Err(_) => return None,
            }
        }
    })
}

impl State {
    /// Whether the run has ended, and its events after `seen`.
    async fn heard(&self, actor: &Actor, id: RunId, seen: i64) -> Result<(bool, Vec<RunEvent>), Error> {
        let mut tx = self.db.read().await?;
        logins::seen(&mut tx, actor).await?;
        let ended = runs::get(&mut tx, id).await?.state.is_final();
        Ok((ended, runs::events(&mut tx, id, seen, 200).await?))
    }

    /// Asks for the end of a run, and waits a moment for it.
    pub async fn cancel(&self, actor: &Actor, id: RunId) -> Result<Run, Error> {
        let deadline = Instant::now() + LAST_WORD;
        let mut tx = self.write(actor).await?;
        let mut run = runs::cancel(&mut tx, id).await?;
        tx.commit().await?;
        while !run.state.is_final() && Instant::now() + LOOK < deadline {
            tokio::time::sleep(LOOK / 2).await;
            run = runs::get(&mut self.db.read().await?, id).await?;
        }
        Ok(run)
    }
}

/// Stop a run
///
/// Its best schedule so far is kept. Answers within a second; a worker may take one more to end the run.
#[utoipa::path(post, path = "/api/v1/runs/{id}/cancel", operation_id = "cancelRun", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "the run, ended or about to", body = Run),
    (status = 404, description = "there is no such run"),
))]
async fn cancel(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<RunId>,
    _: NoQuery,
) -> Result<axum::Json<Run>, Error> {
    state.cancel(&actor, id).await.map(axum::Json)
}

fn raw(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// The best schedule so far
#[utoipa::path(get, path = "/api/v1/runs/{id}/schedule", operation_id = "runSchedule", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "a schedule in the format staffing-schedule/1", body = Object),
    (status = 404, description = "there is no such run"),
    (status = 409, description = "it has no schedule yet"),
))]
async fn schedule(Axum(state): Axum<State>, _: Planner, Path(id): Path<RunId>, _: NoQuery) -> Result<Response, Error> {
    let (schedule, _) = runs::answer(&mut state.db.read().await?, id).await?;
    schedule.map(raw).ok_or_else(|| Error::Conflict("the run has no schedule yet".into()))
}

/// Needs that are not wholly served, each with its reasons
#[utoipa::path(get, path = "/api/v1/runs/{id}/unserved", operation_id = "runUnserved", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "the needs, with what would change it", body = Vec<Object>),
    (status = 404, description = "there is no such run"),
    (status = 409, description = "it has not ended yet, or ended without an answer"),
))]
async fn unserved(
    Axum(state): Axum<State>,
    _: Planner,
    Path(id): Path<RunId>,
    _: NoQuery,
) -> Result<axum::Json<Raw>, Error> {
    let (_, report) = runs::answer(&mut state.db.read().await?, id).await?;
    let unserved = report.and_then(|mut report| report.get_mut("unserved").map(Raw::take));
    unserved.map(axum::Json).ok_or_else(|| Error::Conflict("the run has no report yet".into()))
}

/// The problem as it was when the run was asked for
#[utoipa::path(get, path = "/api/v1/runs/{id}/problem", operation_id = "runProblem", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "a problem in the format staffing-problem/1", body = Object),
    (status = 404, description = "there is no such run"),
))]
async fn kept_problem(
    Axum(state): Axum<State>,
    _: Planner,
    Path(id): Path<RunId>,
    _: NoQuery,
) -> Result<Response, Error> {
    Ok(raw(runs::problem(&mut state.db.read().await?, id).await?))
}

/// Publish a run's schedule
///
/// Everything is read again; what has changed since the run was asked for is refused and listed.
#[utoipa::path(post, path = "/api/v1/runs/{id}/publish", operation_id = "publishRun", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "the published schedule; the same one when it was published before", body = Published),
    (status = 404, description = "there is no such run"),
    (status = 409, description = "the run has no verified schedule, its inputs have changed (`changes` lists them), or two sessions overlap"),
))]
async fn publish(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<RunId>,
    _: NoQuery,
) -> Result<Response, Refused> {
    Ok(axum::Json(state.publish(&actor, id).await?).into_response())
}
