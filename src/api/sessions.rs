//! What is published: schedules, and their dated sessions between two instants.

use axum::extract::State as Axum;
use axum::http::header;
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
use super::extract::{NoQuery, Path, Query};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::id::{DistrictId, EducatorId, RecordId as _, ScheduleId, SchoolId, SessionId, TermId};
use crate::domain::session::{Purpose, SessionStatus};
use crate::store::schedules::{self, Published};
use crate::store::sessions::{self, Listed, Visible, Wanted};

const LARGEST_PAGE: i64 = 1000;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(list_schedules))
        .routes(routes!(read_schedule))
        .routes(routes!(schedule_body))
        .routes(routes!(published))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Sessions that end after this instant …
    from: DateTime<Utc>,
    /// … and begin before this one.
    to: DateTime<Utc>,
    #[param(value_type = Option<Uuid>)]
    educator_id: Option<EducatorId>,
    #[param(value_type = Option<Uuid>)]
    school_id: Option<SchoolId>,
    #[param(value_type = Option<Uuid>)]
    district_id: Option<DistrictId>,
    /// `next` of the page before.
    #[param(pattern = "^[0-9]{1,10}_[0-9a-f]{32}$")]
    after: Option<String>,
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
}

/// One dated session, on three clocks.
#[derive(Serialize, ToSchema)]
struct Shown {
    id: Uuid,
    schedule_id: Uuid,
    educator_id: Uuid,
    educator_name: String,
    school_id: Uuid,
    school_name: String,
    district_id: Uuid,
    section_id: Option<Uuid>,
    course_name: Option<String>,
    /// The kind of service; none for a section.
    service: Option<String>,
    students: Vec<ShownStudent>,
    /// The log entry whose missing minutes it was booked to make up for; none for a session of the schedule.
    makes_up: Option<Uuid>,
    status: SessionStatus,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    minutes: i64,
    school: Local,
    educator: Local,
    /// Where it is joined; none is not known.
    join_url: Option<String>,
    /// Counts changes, from 0.
    sequence: i64,
}

/// A student of a service session, by pseudonymous id.
#[derive(Serialize, ToSchema)]
struct ShownStudent {
    student_id: Uuid,
    service_id: Uuid,
    /// Minutes are owed on this date, and the educator is there.
    serves: bool,
}

/// The same instants on one clock.
#[derive(Serialize, ToSchema)]
struct Local {
    tz: String,
    /// With its offset, as RFC 3339 writes it.
    starts: String,
    ends: String,
}

/// Sessions in the order of their starts
#[derive(Serialize, ToSchema)]
struct SessionPage {
    items: Vec<Shown>,
    /// Give it as `after` for the next page; none on the last.
    next: Option<String>,
}

/// Sessions between two instants
#[utoipa::path(get, path = "/api/v1/sessions", operation_id = "listSessions", tag = "sessions", params(Which), responses((status = 200, description = "a page of sessions", body = SessionPage)))]
async fn list(
    Axum(state): Axum<State>,
    actor: Actor,
    Query(which): Query<Which>,
) -> Result<axum::Json<SessionPage>, Error> {
    let limit = which.limit.unwrap_or(200);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Error::parameter("limit", format!("give a number from 1 to {LARGEST_PAGE}")));
    }
    let after = which.after.as_deref().map(cursor).transpose()?;
    let Which { from, to, educator_id, school_id, district_id, .. } = which;
    let wanted = Wanted { from, to, educator_id, school_id, district_id };
    if !actor.may(Verb::Read, Thing::SectionSessions) {
        return Err(Error::Forbidden);
    }
    let listed = sessions::list(&mut state.db.read().await?, &Visible::to(&actor), wanted, after, limit).await?;
    let full = i64::try_from(listed.len()).unwrap_or(i64::MAX) == limit;
    let next = listed
        .last()
        .filter(|_| full)
        .map(|last| format!("{}_{}", last.session.meeting.starts_at.timestamp(), last.session.id.uuid().simple()));
    Ok(axum::Json(SessionPage { items: listed.into_iter().map(shown).collect(), next }))
}

fn cursor(text: &str) -> Result<(DateTime<Utc>, SessionId), Error> {
    let read = || {
        let (at, id) = text.split_once('_')?;
        Some((DateTime::from_timestamp(at.parse().ok()?, 0)?, SessionId::from_uuid(id.parse().ok()?)))
    };
    read().ok_or_else(|| Error::parameter("after", "not a cursor; use next of the page before"))
}

fn shown(listed: Listed) -> Shown {
    let Listed { session, educator_name, educator_tz, join_url, school_name, course_name } = listed;
    let meeting = session.meeting;
    let local = |tz: crate::domain::time::Tz| Local {
        tz: tz.name().into(),
        starts: meeting.starts_at.with_timezone(&tz).to_rfc3339(),
        ends: meeting.ends_at.with_timezone(&tz).to_rfc3339(),
    };
    let (school, educator) = (local(meeting.tz), local(educator_tz));
    let (section_id, service) = match meeting.purpose {
        Purpose::Section(section) => (Some(section.uuid()), None),
        Purpose::Service(service) => (None, Some(service)),
    };
    let held = meeting.status != SessionStatus::Uncovered;
    let student = |student: crate::domain::session::SessionStudent| ShownStudent {
        student_id: student.student_id.uuid(),
        service_id: student.service_id.uuid(),
        serves: held && student.due,
    };
    Shown {
        join_url,
        id: session.id.uuid(),
        schedule_id: session.schedule_id.uuid(),
        educator_id: meeting.educator_id.uuid(),
        educator_name,
        school_id: meeting.school_id.uuid(),
        school_name,
        district_id: meeting.district_id.uuid(),
        section_id,
        course_name,
        service,
        students: meeting.students.into_iter().map(student).collect(),
        makes_up: session.makes_up.map(crate::domain::id::RecordId::uuid),
        status: meeting.status,
        starts_at: meeting.starts_at,
        ends_at: meeting.ends_at,
        minutes: meeting.minutes,
        school,
        educator,
        sequence: session.sequence,
    }
}

/// Published schedules, newest first
#[derive(Serialize, ToSchema)]
struct SchedulePage {
    items: Vec<Published>,
    /// Give it as `before` for the next page; none on the last.
    next: Option<Uuid>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct WhichSchedules {
    #[param(value_type = Option<Uuid>)]
    term_id: Option<TermId>,
    #[param(value_type = Option<Uuid>)]
    before: Option<ScheduleId>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// Published schedules, newest first
#[utoipa::path(get, path = "/api/v1/schedules", operation_id = "listSchedules", tag = "sessions", params(WhichSchedules), responses((status = 200, description = "a page of schedules", body = SchedulePage)))]
async fn list_schedules(
    Axum(state): Axum<State>,
    _: Planner,
    Query(which): Query<WhichSchedules>,
) -> Result<axum::Json<SchedulePage>, Error> {
    let limit = which.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::parameter("limit", "give a number from 1 to 200"));
    }
    let items = schedules::list(&mut state.db.read().await?, which.term_id, which.before, limit).await?;
    let full = i64::try_from(items.len()).unwrap_or(i64::MAX) == limit;
    let next = items.last().filter(|_| full).map(|schedule| schedule.id.uuid());
    Ok(axum::Json(SchedulePage { items, next }))
}

/// A published schedule
#[utoipa::path(get, path = "/api/v1/schedules/{id}", operation_id = "getSchedule", tag = "sessions", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "the schedule", body = Published), (status = 404, description = "there is no such schedule"),
))]
async fn read_schedule(
    Axum(state): Axum<State>,
    _: Planner,
    Path(id): Path<ScheduleId>,
    _: NoQuery,
) -> Result<axum::Json<Published>, Error> {
    Ok(axum::Json(schedules::get(&mut state.db.read().await?, id).await?))
}

/// The assignments of a published schedule
#[utoipa::path(get, path = "/api/v1/schedules/{id}/schedule", operation_id = "scheduleBody", tag = "sessions", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "in the format staffing-schedule/1", body = Object), (status = 404, description = "there is no such schedule"),
))]
async fn schedule_body(
    Axum(state): Axum<State>,
    _: Planner,
    Path(id): Path<ScheduleId>,
    _: NoQuery,
) -> Result<Response, Error> {
    let body = schedules::body(&mut state.db.read().await?, id).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// What stands in a term: one schedule, or several where districts are published apart
#[utoipa::path(get, path = "/api/v1/terms/{id}/published", operation_id = "publishedSchedule", tag = "sessions", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "the schedules that stand", body = Vec<Published>), (status = 404, description = "there is no such term"),
))]
async fn published(
    Axum(state): Axum<State>,
    _: Planner,
    Path(id): Path<TermId>,
    _: NoQuery,
) -> Result<axum::Json<Vec<Published>>, Error> {
    let mut tx = state.db.read().await?;
    crate::store::get::<crate::domain::records::Term>(&mut tx, id).await?;
    Ok(axum::Json(schedules::current(&mut tx, id).await?))
}
