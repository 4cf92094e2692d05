//! Who students are, over HTTP: kept, shown for a purpose, reported on, exported, destroyed.

use axum::extract::State as Axum;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value as Raw;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::State;
use super::error::Error;
use super::extract::{Json, NoQuery, Path, Query};
use crate::domain::actor::{Actor, Reach, Thing, Verb};
use crate::domain::id::{DistrictId, RecordId, StudentId};
use crate::domain::identity::{self, Certificate, Identity, IdentityField, Showing};
use crate::domain::records::{District, Student};
use crate::store::identities::{self, Of};
use crate::store::{self, StoreError, Tx};

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(keep, forget))
        .routes(routes!(show))
        .routes(routes!(showings_of_student))
        .routes(routes!(showings_of_district))
        .routes(routes!(export))
        .routes(routes!(purge))
        .routes(routes!(certificates))
}

/// What is to be shown, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[schema(min_items = 1, max_items = 2)]
    fields: Vec<IdentityField>,
    /// Kept as long as the record, in the access report.
    #[schema(min_length = 3, max_length = 200)]
    purpose: String,
}

/// Why something is done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Why {
    #[schema(min_length = 3, max_length = 200)]
    purpose: String,
}

fn purpose(text: &str) -> Result<String, Error> {
    identity::purpose(text).map_err(|why| Error::field("/purpose", why))
}

/// Keep a student's name and birth date
///
/// In place of what is kept. Sealed under a key of the installation; who may see it, and that it was shown, is recorded.
#[utoipa::path(put, path = "/api/v1/students/{id}/identity", operation_id = "keepIdentity", tag = "privacy", params(("id" = Uuid, Path)), request_body = Identity, responses(
    (status = 204, description = "it is kept"),
    (status = 404, description = "there is no such student"),
    (status = 409, description = "this installation has no key to seal with"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
))]
async fn keep(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<StudentId>,
    _: NoQuery,
    Json(identity): Json<Identity>,
) -> Result<StatusCode, Error> {
    let mut tx = state.write(&actor).await?;
    identities::permit(&mut tx, &actor, Verb::Write, id).await?;
    identities::keep(&mut tx, &state.settings.keys, id, &identity).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget a student's name and birth date
#[utoipa::path(delete, path = "/api/v1/students/{id}/identity", operation_id = "forgetIdentity", tag = "privacy", params(("id" = Uuid, Path)), responses(
    (status = 204, description = "it is gone"), (status = 404, description = "there is no such student, or nothing is kept"),
))]
async fn forget(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<StudentId>,
    _: NoQuery,
) -> Result<StatusCode, Error> {
    let mut tx = state.write(&actor).await?;
    identities::permit(&mut tx, &actor, Verb::Write, id).await?;
    identities::forget(&mut tx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Show who a student is
///
/// Who asked, when, for which fields and why is recorded before anything is shown.
#[utoipa::path(post, path = "/api/v1/students/{id}/identity/showings", operation_id = "showIdentity", tag = "privacy", params(("id" = Uuid, Path)), request_body = Asked, responses(
    (status = 200, description = "what was asked for, as far as it is kept", body = Identity),
    (status = 404, description = "there is no such student"),
    (status = 409, description = "the key that sealed it is missing"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
))]
async fn show(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<StudentId>,
    _: NoQuery,
    Json(asked): Json<Asked>,
) -> Result<axum::Json<Identity>, Error> {
    let why = purpose(&asked.purpose)?;
    if asked.fields.is_empty() || asked.fields.len() > 2 {
        return Err(Error::field("/fields", "give one or two fields"));
    }
    let mut tx = state.write(&actor).await?;
    // Not a change of what is kept: whoever may read may be shown.
    let student = identities::permit(&mut tx, &actor, Verb::Read, id).await?;
    let shown = identities::show(&mut tx, &state.settings.keys, id, student.district_id, &asked.fields, &why).await?;
    tx.commit().await?;
    Ok(axum::Json(shown))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The last line of the page before.
    after: Option<Uuid>,
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
}

impl Which {
    fn limit(&self) -> Result<i64, Error> {
        let limit = self.limit.unwrap_or(200);
        let refuse = || Error::parameter("limit", "give a number from 1 to 1000");
        Some(limit).filter(|limit| (1..=1000).contains(limit)).ok_or_else(refuse)
    }
}

/// Who was shown who a student is
#[utoipa::path(get, path = "/api/v1/students/{id}/showings", operation_id = "studentShowings", tag = "privacy", params(("id" = Uuid, Path), Which), responses(
    (status = 200, description = "the access report, oldest first", body = Vec<Showing>), (status = 404, description = "there is no such student"),
))]
async fn showings_of_student(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<StudentId>,
    Query(which): Query<Which>,
) -> Result<axum::Json<Vec<Showing>>, Error> {
    let (limit, mut tx) = (which.limit()?, state.db.read().await?);
    let student = store::get::<Student>(&mut tx, id).await?;
    reported(&actor, student.body.district_id, "student", id)?;
    Ok(axum::Json(identities::showings(&mut tx, Of::Student(id), which.after, limit).await?))
}

/// Who was shown who the students of a district are
#[utoipa::path(get, path = "/api/v1/districts/{id}/showings", operation_id = "districtShowings", tag = "privacy", params(("id" = Uuid, Path), Which), responses(
    (status = 200, description = "the access report, oldest first", body = Vec<Showing>), (status = 404, description = "there is no such district"),
))]
async fn showings_of_district(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<DistrictId>,
    Query(which): Query<Which>,
) -> Result<axum::Json<Vec<Showing>>, Error> {
    let (limit, mut tx) = (which.limit()?, state.db.read().await?);
    district(&mut tx, &actor, id).await?;
    Ok(axum::Json(identities::showings(&mut tx, Of::District(id), which.after, limit).await?))
}

/// Everything that is kept about one student
///
/// For a parent who asks (34 CFR 99.10): the record, services, sessions, who was shown what, and changes. It shows who the
/// student is, so it is recorded like every showing.
#[utoipa::path(post, path = "/api/v1/students/{id}/export", operation_id = "exportStudent", tag = "privacy", params(("id" = Uuid, Path)), request_body = Why, responses(
    (status = 200, description = "in the format bellwether-student/1", body = Object),
    (status = 404, description = "there is no such student"),
    (status = 409, description = "the key that sealed it is missing"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
))]
async fn export(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<StudentId>,
    _: NoQuery,
    Json(asked): Json<Why>,
) -> Result<axum::Json<Raw>, Error> {
    let why = purpose(&asked.purpose)?;
    let mut tx = state.write(&actor).await?;
    identities::permit(&mut tx, &actor, Verb::Write, id).await?;
    let everything: Raw = identities::export(&mut tx, &state.settings.keys, id, &why).await?;
    tx.commit().await?;
    Ok(axum::Json(everything))
}

/// Destroy everything that is kept about one student
///
/// On request (34 CFR 300.624). What is destroyed does not come back.
#[utoipa::path(post, path = "/api/v1/students/{id}/purge", operation_id = "purgeStudent", tag = "privacy", params(("id" = Uuid, Path)), request_body = Why, responses(
    (status = 200, description = "what was destroyed", body = Certificate),
    (status = 404, description = "there is no such student"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
))]
async fn purge(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<StudentId>,
    _: NoQuery,
    Json(asked): Json<Why>,
) -> Result<axum::Json<Certificate>, Error> {
    let why = purpose(&asked.purpose)?;
    let mut tx = state.write(&actor).await?;
    let student = identities::permit(&mut tx, &actor, Verb::Write, id).await?;
    let certificate = identities::purge(&mut tx, student.district_id, &[id], &why).await?;
    tx.commit().await?;
    Ok(axum::Json(certificate))
}

/// What was destroyed of a district
#[utoipa::path(get, path = "/api/v1/districts/{id}/purges", operation_id = "districtPurges", tag = "privacy", params(("id" = Uuid, Path), Which), responses(
    (status = 200, description = "certificates, oldest first", body = Vec<Certificate>), (status = 404, description = "there is no such district"),
))]
async fn certificates(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<DistrictId>,
    Query(which): Query<Which>,
) -> Result<axum::Json<Vec<Certificate>>, Error> {
    let (limit, mut tx) = (which.limit()?, state.db.read().await?);
    district(&mut tx, &actor, id).await?;
    Ok(axum::Json(identities::certificates(&mut tx, id, which.after, limit).await?))
}

/// Refuses whoever may not read the access reports of a district: to them what is asked about does not exist.
fn reported(actor: &Actor, district: DistrictId, what: &'static str, id: impl RecordId) -> Result<(), Error> {
    let may = match actor.reach(Verb::Read, Thing::Showings) {
        Reach::All => true,
        Reach::Districts(ids) => ids.contains(&district),
        Reach::Own(_) | Reach::Nothing => false,
    };
    if may { Ok(()) } else { Err(StoreError::NotFound { what, id: id.uuid() }.into()) }
}

async fn district(tx: &mut Tx, actor: &Actor, id: DistrictId) -> Result<(), Error> {
    store::get::<District>(tx, id).await?;
    reported(actor, id, "district", id)
}
