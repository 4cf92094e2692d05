//! Problem files over HTTP: a file in becomes records, a term's records become a file again.

use std::collections::BTreeMap;

use axum::extract::{DefaultBodyLimit, State as Axum};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::access::Planner;
use super::error::Error;
use super::extract::{JsonBytes, Path, Query};
use crate::domain::id::{DistrictId, TermId};
use crate::domain::records::Term;
use crate::engine::problem::{self, Problem};
use crate::exchange::{self, places};
use crate::store::StoreError;
use crate::store::import::{self, Counts};
use crate::store::snapshot;

/// Longest problem file.
const FILE_LIMIT: usize = 64 << 20;

pub(super) fn routes() -> OpenApiRouter<State> {
    let reading = OpenApiRouter::new().routes(routes!(import_problem)).layer(DefaultBodyLimit::max(FILE_LIMIT));
    reading.merge(OpenApiRouter::new().routes(routes!(problem_of_term)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    source: Option<String>,
}

/// What became of an imported file.
#[derive(Serialize, ToSchema)]
struct Imported {
    #[schema(value_type = uuid::Uuid)]
    term_id: TermId,
    source: String,
    /// By kind of record.
    counts: BTreeMap<&'static str, Counts>,
}

/// Import a problem file
///
/// All of it or nothing. The same source again updates the same records.
#[utoipa::path(post, path = "/api/v1/import/problem", tag = "problems",
    params(("source" = Option<String>, Query, description = "Whose ids the file holds; else the problem's name.", min_length = 1, max_length = 200, pattern = "^[ -~]*[!-~][ -~]*$")),
    request_body = StaffingProblem,
    responses(
        (status = 200, description = "what became of its rows", body = Imported),
        (status = 409, description = "a record has a key that the file needs"),
        (status = 413, description = "the file is too long"),
        (status = 415, description = "the body is not JSON"),
        (status = 422, description = "the problem has issues, all of which are listed"),
    ))]
async fn import_problem(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Query(from): Query<From>,
    JsonBytes(bytes): JsonBytes,
) -> Result<axum::Json<Imported>, Error> {
    let problem = tokio::task::spawn_blocking(move || fit(&bytes)).await.map_err(Error::internal)??;
    let named = from.source.unwrap_or_else(|| problem.name.trim().to_owned());
    let source = if named.is_empty() { "problem".to_owned() } else { named };
    if source.len() > 200 || source.contains('\0') {
        return Err(Error::parameter("source", "give at most 200 bytes, without U+0000"));
    }
    let mut tx = state.write(&actor).await?;
    let mut keys = import::keys(&mut tx, &source).await?;
    let batch = exchange::problem::batch(&problem, &source, &mut keys);
    let counts = import::keep(&mut tx, &source, batch).await.map_err(|error| match error {
        StoreError::Invalid(refused) => StoreError::Invalid(places::told(&problem, refused)),
        other => other,
    })?;
    tx.commit().await?;
    Ok(axum::Json(Imported { term_id: keys.id::<Term>("term"), source, counts }))
}

/// A problem that can be solved, and kept. Takes its time.
fn fit(bytes: &[u8]) -> Result<Problem, Error> {
    let problem = problem::read(bytes).map_err(Error::Issues)?;
    let refused = places::refused(&problem);
    if refused.is_empty() { Ok(problem) } else { Err(StoreError::Invalid(refused).into()) }
}

/// Snapshot of a term as a problem file
///
/// Everything in it is of one moment; ids are those of the records.
#[utoipa::path(get, path = "/api/v1/terms/{id}/problem", tag = "problems",
    params(
        ("id" = uuid::Uuid, Path, description = "The term."),
        ("district_id" = Option<Vec<uuid::Uuid>>, Query, description = "Only these districts; may be repeated."),
    ),
    responses(
        (status = 200, description = "the problem", body = StaffingProblem),
        (status = 404, description = "there is no such term or district"),
        (status = 422, description = "the records do not make a problem; what is missing is listed"),
    ))]
async fn problem_of_term(
    Axum(state): Axum<State>,
    _: Planner,
    Path(term): Path<TermId>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<axum::Json<Problem>, Error> {
    let districts = pairs.iter().map(|(name, value)| match name.as_str() {
        "district_id" => value.parse::<DistrictId>().map_err(|refusal| Error::parameter(name, refusal)),
        _ => Err(Error::parameter(name, "not a parameter; use district_id")),
    });
    let districts = districts.collect::<Result<Vec<_>, _>>()?;
    Ok(axum::Json(snapshot::snapshot(&state.db, term, &districts).await?))
}

/// How the document describes a problem file: its outline. What is in it is the format's own business.
struct StaffingProblem;

impl PartialSchema for StaffingProblem {
    fn schema() -> RefOr<Schema> {
        let object = || ObjectBuilder::new().schema_type(Type::Object);
        let list = || ArrayBuilder::new().items(object());
        let kind = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([problem::FORMAT]));
        let mut outline = object()
            .description(Some("A problem file, staffing-problem/1."))
            .property("format", kind)
            .property("name", ObjectBuilder::new().schema_type(Type::String))
            .property("term", object())
            .property("grid_minutes", ObjectBuilder::new().schema_type(Type::Integer))
            .property("weights", object())
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
            .required("format")
            .required("term");
        for name in ["districts", "schools", "courses", "sections", "services", "educators"] {
            outline = outline.property(name, list());
        }
        for name in ["incumbents", "pins", "vetoes", "together"] {
            outline = outline.property(name, list());
        }
        outline.into()
    }
}

impl ToSchema for StaffingProblem {}
