//! The OpenAPI document: generated from the routes, then completed with what every route has in common.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{Info, License, OpenApi, OpenApiBuilder, RefOr, Schema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::State;
use super::access::OPEN;
use super::error::{FieldIssue, PROBLEM_JSON, Refusal};

const ABOUT: &str = "Pairs US school sections and IEP services with licensed virtual educators.\n\n\
    Refusals are `application/problem+json` (RFC 9457) with a stable `code`, an `action` and a pointer for each refused field. \
    Records carry their version as ETag: a change says in `If-Match` which version it was made for. \
    A creation with an `Idempotency-Key` can be repeated safely.";

/// What any address may answer, whatever it does.
const COMMON: [(&str, &str); 5] = [
    ("400", "the request is not understood"),
    ("429", "too many requests; wait for as long as Retry-After says"),
    ("421", "the Host header does not name this machine"),
    ("500", "a defect of ours; it has been logged"),
    ("503", "not in time, or not ready; try again"),
];

/// Paths and schemas that were written as JSON.
#[derive(Default)]
pub(super) struct Described {
    pub paths: Map<String, Value>,
    pub schemas: Map<String, Value>,
}

/// Adds `/api/openapi.json` and its viewer to the routes.
pub(super) fn publish(routes: OpenApiRouter<State>, records: (Router<State>, Described)) -> Router<State> {
    let (router, document) = routes.split_for_parts();
    let (records, described) = records;
    let json = Json(complete(document, described));
    let viewer = SwaggerUi::new("/api/docs").config(Config::from("/api/openapi.json"));
    router.merge(records).route("/api/openapi.json", get(async move || json)).merge(viewer)
}

fn complete(routes: OpenApi, described: Described) -> Value {
    let mut info = Info::new("Bellwether", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.into());
    info.license = Some(License::new("MIT OR Apache-2.0"));
    let mut components = routes.components.unwrap_or_default();
    components.schemas.extend([schema::<Refusal>(), schema::<FieldIssue>()]);
    let document = OpenApiBuilder::new().info(info).paths(routes.paths).components(Some(components)).build();
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.extend(described.schemas);
    }
    if let Some(paths) = document["paths"].as_object_mut() {
        paths.extend(described.paths);
        for (path, item) in paths {
            let open = OPEN.contains(&path.as_str());
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                describe_refusals(operation, !matches!(method.as_str(), "get" | "head"), open);
                if open {
                    operation["security"] = json!([]);
                }
            }
        }
    }
    document["components"]["securitySchemes"] = json!({
        "token": {"type": "http", "scheme": "bearer", "description": "A token of your account."},
        "login": {"type": "apiKey", "in": "cookie", "name": "__Host-bellwether", "description": "A signed-in browser; over plain HTTP on this machine the cookie is called bellwether."},
    });
    document["security"] = json!([{"token": []}, {"login": []}]);
    document
}

/// A component's name and schema.
fn schema<T: ToSchema>() -> (String, RefOr<Schema>) {
    (T::name().into_owned(), T::schema())
}

/// Adds the refusals common to all, and gives every refusal its body.
fn describe_refusals(operation: &mut Value, writes: bool, open: bool) {
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    let forbidden = if open { None } else { Some(("403", "your role or token does not allow it")) };
    let forbidden = forbidden.or(writes.then_some(("403", "sent by a page of another site")));
    let unknown = (!open).then_some(("401", "nobody is signed in, or the token has ended"));
    for (status, about) in COMMON.into_iter().chain(forbidden).chain(unknown) {
        responses.entry(status).or_insert_with(|| json!({"description": about}));
    }
    for (status, response) in responses {
        if (status.starts_with('4') || status.starts_with('5')) && response["content"].is_null() {
            response["content"] = json!({PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Refusal"}}});
        }
    }
}
