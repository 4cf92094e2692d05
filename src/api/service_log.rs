//! The service log over HTTP: what became of each session, amended with its history.

use axum::extract::State as Axum;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::error::Error;
use super::extract::{Json, NoQuery, Path};
use crate::domain::actor::{Actor, Verb};
use crate::domain::closure::Closure;
use crate::domain::id::{EducatorId, LogId, SchoolId, ServiceId, SessionId};
use crate::domain::line::Grouping;
use crate::domain::log::{LogEntry, MissReason, Outcome, Said};
use crate::domain::time::{Clock, Date};
use crate::store::audit::Entry;
use crate::store::log;

/// Students of one session.
const MOST: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(read_session, write_session))
        .routes(routes!(write_extra))
        .routes(routes!(close))
        .routes(routes!(history))
}

/// What is said of a session, student by student.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SessionLog {
    #[schema(min_items = 1, max_items = 1000)]
    entries: Vec<SaidOf>,
}

/// What is said of one student. Times are on the school's clock.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SaidOf {
    #[schema(value_type = Uuid)]
    service_id: ServiceId,
    outcome: Outcome,
    /// Why minutes are missing: of what was partly delivered or missed, and of nothing else.
    #[serde(default)]
    reason: Option<MissReason>,
    /// When it began and ended. None, of what was delivered, is as it was planned.
    #[serde(default)]
    starts: Option<Clock>,
    #[serde(default)]
    ends: Option<Clock>,
    /// None is as many as the session had.
    #[serde(default)]
    grouping: Option<Grouping>,
    /// The entry whose missing minutes this session makes up.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    makes_up: Option<LogId>,
}

/// A session that was held beside the schedule, on the school's clock.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExtraSession {
    /// One who has sessions of this service.
    #[schema(value_type = Uuid)]
    educator_id: EducatorId,
    held_on: Date,
    starts: Clock,
    ends: Clock,
    #[serde(default)]
    grouping: Option<Grouping>,
    /// The entry whose missing minutes this session makes up.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    makes_up: Option<LogId>,
}

/// The log of a session
#[utoipa::path(get, path = "/api/v1/sessions/{id}/log", operation_id = "readSessionLog", tag = "minutes", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "its entries, one for each student", body = Vec<LogEntry>), (status = 404, description = "there is no such session of a service"),
))]
async fn read_session(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<SessionId>,
    _: NoQuery,
) -> Result<axum::Json<Vec<LogEntry>>, Error> {
    let mut tx = state.db.read().await?;
    let session = log::session(&mut tx, &actor, Verb::Read, id).await?;
    Ok(axum::Json(log::of_session(&mut tx, session.id).await?))
}

/// Log a session, or amend its log
///
/// Entries of students who are not named stay as they are. Saying the same again changes nothing. What an amended entry
/// said before stays in its history.
#[utoipa::path(put, path = "/api/v1/sessions/{id}/log", operation_id = "writeSessionLog", tag = "minutes", params(("id" = Uuid, Path)), request_body = SessionLog, responses(
    (status = 200, description = "its entries, one for each student", body = Vec<LogEntry>),
    (status = 404, description = "there is no such session of a service"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
))]
async fn write_session(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<SessionId>,
    _: NoQuery,
    Json(body): Json<SessionLog>,
) -> Result<axum::Json<Vec<LogEntry>>, Error> {
    if body.entries.is_empty() || body.entries.len() > MOST {
        return Err(Error::field("/entries", format!("give from 1 to {MOST} entries")));
    }
    let said = |entry: SaidOf| {
        let SaidOf { service_id, outcome, reason, starts, ends, grouping, makes_up } = entry;
        (service_id, Said { outcome, reason, starts, ends, grouping, makes_up })
    };
    let said: Vec<(ServiceId, Said)> = body.entries.into_iter().map(said).collect();
    Ok(axum::Json(state.log_session(&actor, id, &said).await?))
}

impl State {
    /// Writes what became of a session.
    pub async fn log_session(
        &self,
        actor: &Actor,
        id: SessionId,
        said: &[(ServiceId, Said)],
    ) -> Result<Vec<LogEntry>, Error> {
        let mut tx = self.write(actor).await?;
        let session = log::session(&mut tx, actor, Verb::Write, id).await?;
        let entries = log::write(&mut tx, &session, said).await?;
        tx.commit().await?;
        Ok(entries)
    }

    /// Says of every student whom a session was to serve the same.
    pub async fn log_whole_session(&self, actor: &Actor, id: SessionId, said: &Said) -> Result<Vec<LogEntry>, Error> {
        let mut tx = self.write(actor).await?;
        let session = log::session(&mut tx, actor, Verb::Write, id).await?;
        let said: Vec<(ServiceId, Said)> = session.due().into_iter().map(|id| (id, said.clone())).collect();
        let entries = log::write(&mut tx, &session, &said).await?;
        tx.commit().await?;
        Ok(entries)
    }
}

/// Log a session that was held beside the schedule
///
/// Mostly one that makes up for another: `makes_up` names the entry of the session that was missed.
#[utoipa::path(post, path = "/api/v1/services/{id}/log", operation_id = "logExtraSession", tag = "minutes", params(("id" = Uuid, Path)), request_body = ExtraSession, responses(
    (status = 201, description = "the entry", body = LogEntry),
    (status = 404, description = "there is no such service"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
))]
async fn write_extra(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(service_id): Path<ServiceId>,
    _: NoQuery,
    Json(body): Json<ExtraSession>,
) -> Result<Response, Error> {
    let ExtraSession { educator_id, held_on, starts, ends, grouping, makes_up } = body;
    let said = Said { starts: Some(starts), ends: Some(ends), grouping, makes_up, ..Said::delivered() };
    let mut tx = state.write(&actor).await?;
    let entry = log::write_extra(&mut tx, &actor, &log::Extra { service_id, educator_id, held_on, said }).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, axum::Json(entry)).into_response())
}

/// A day that did not go as the calendar says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClosedDay {
    on: Date,
    kind: ClosedKind,
    /// When school ended or began, on its own clock: of an early release or a late start.
    #[serde(default)]
    at: Option<Clock>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ClosedKind {
    /// Nobody is taught.
    Closed,
    /// Students learn at home; who teaches from afar teaches on.
    Remote,
    EarlyRelease,
    LateStart,
}

impl ClosedDay {
    fn closure(&self) -> Result<Closure, Error> {
        Ok(match (self.kind, self.at) {
            (ClosedKind::Closed, None) => Closure::Closed,
            (ClosedKind::Remote, None) => Closure::Remote,
            (ClosedKind::EarlyRelease, Some(at)) => Closure::EarlyRelease { at },
            (ClosedKind::LateStart, Some(at)) => Closure::LateStart { at },
            (ClosedKind::Closed | ClosedKind::Remote, Some(_)) => {
                return Err(Error::field("/at", "only of an early release or a late start; leave it out"));
            }
            (ClosedKind::EarlyRelease | ClosedKind::LateStart, None) => {
                return Err(Error::field("/at", "say when school ended or began"));
            }
        })
    }
}

/// Log what a closed day leaves
///
/// Every session of a service at the school that the day removes is logged as missed: a closure, or, of an early release
/// or a late start, a school activity. A remote day removes none. What is logged already stays as it was said.
#[utoipa::path(post, path = "/api/v1/schools/{id}/closures", operation_id = "logClosure", tag = "minutes", params(("id" = Uuid, Path)), request_body = ClosedDay, responses(
    (status = 200, description = "the new entries", body = Vec<LogEntry>),
    (status = 404, description = "there is no such school"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
))]
async fn close(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<SchoolId>,
    _: NoQuery,
    Json(day): Json<ClosedDay>,
) -> Result<axum::Json<Vec<LogEntry>>, Error> {
    let mut tx = state.write(&actor).await?;
    log::permit_school(&mut tx, &actor, id).await?;
    let entries = log::close(&mut tx, &actor, id, day.on, day.closure()?).await?;
    tx.commit().await?;
    Ok(axum::Json(entries))
}

/// What a log entry has said, oldest first.
#[derive(Serialize, ToSchema)]
struct History {
    entry: LogEntry,
    changes: Vec<Entry>,
}

/// The history of a log entry
#[utoipa::path(get, path = "/api/v1/service-log/{id}/history", operation_id = "logHistory", tag = "minutes", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "the entry, and every change of it from the audit trail", body = History), (status = 404, description = "there is no such entry"),
))]
async fn history(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<LogId>,
    _: NoQuery,
) -> Result<axum::Json<History>, Error> {
    let mut tx = state.db.read().await?;
    let entry = log::get(&mut tx, &actor, Verb::Read, id).await?;
    let changes = log::history(&mut tx, id).await?;
    Ok(axum::Json(History { entry, changes }))
}
