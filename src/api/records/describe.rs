//! The OpenAPI of the five verbs, written as the JSON it becomes, from the same constants that the handlers use.

use serde_json::{Map, Value, json};

use super::request::{LARGEST_PAGE, PAGE};
use super::{Resource, examples};
use crate::api::once::KEY_LIMIT;
use crate::store::entity::Kind;

const TAGS_PATTERN: &str = r#"^(\*|(W/)?"[!#-+.-~]*"( *, *(W/)?"[!#-+.-~]*")*)$"#;

/// Names of components: what is sent, what is kept, a page of it.
fn sent<E: Resource>() -> String {
    E::name().into_owned()
}
fn kept<E: Resource>() -> String {
    format!("Stored{}", E::name())
}
fn page<E: Resource>() -> String {
    format!("{}Page", E::name())
}

fn link_to(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// `bell schedule`, as a reader says it.
fn spoken<E: Resource>() -> String {
    E::KIND.replace('_', " ")
}

fn operation<E: Resource>(verb: &str, mut rest: Value) -> Value {
    rest["tags"] = json!([E::PLURAL]);
    rest["operationId"] = operation_id::<E>(verb).into();
    rest
}

fn operation_id<E: Resource>(verb: &str) -> String {
    format!("{verb}_{}", E::PLURAL.replace('-', "_"))
}

pub fn list<E: Resource>() -> Value {
    let mut parameters = vec![
        json!({"name": "limit", "in": "query", "description": "Most items on the page.",
            "schema": {"type": "integer", "format": "int64", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE}}),
        json!({"name": "after", "in": "query", "description": "Begins the page after this cursor: next of the page before.",
            "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}),
    ];
    for column in E::COLUMNS.iter().filter(|column| column.filters()) {
        let schema = match column.kind {
            Kind::Id => json!({"type": "string", "format": "uuid"}),
            Kind::Bool => json!({"type": "boolean"}),
            _ => json!({"type": "string", "pattern": "^[^\\x00]*$"}),
        };
        let about = format!("Only those with this {}.", column.name);
        parameters.push(json!({"name": column.name, "in": "query", "description": about, "schema": schema}));
    }
    let about = format!("A page of every {}, oldest first.", spoken::<E>());
    operation::<E>(
        "list",
        json!({
            "summary": format!("List {}", E::PLURAL),
            "description": format!("{about} Unknown parameters are refused."),
            "parameters": parameters,
            "responses": {"200": {
                "description": "the page",
                "headers": {"link": {"description": "The next page, rel=next, where there is one.", "schema": {"type": "string"}}},
                "content": {"application/json": {"schema": link_to(&page::<E>())}},
            }},
        }),
    )
}

pub fn create<E: Resource>() -> Value {
    operation::<E>(
        "create",
        json!({
            "summary": format!("Create a {}", spoken::<E>()),
            "parameters": [{
                "name": "Idempotency-Key", "in": "header",
                "description": "Any fresh text, such as a UUID: a repetition with the same key is answered as the first was.",
                "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LIMIT, "pattern": "^[!-~]+$"},
            }],
            "requestBody": body::<E>(),
            "responses": {
                "201": {
                    "description": "created",
                    "headers": {
                        "location": {"description": "Its address.", "required": true, "schema": {"type": "string", "format": "uri-reference"}},
                        "etag": etag_header(),
                        "idempotent-replayed": {"description": "`true` where this answer was given before.", "schema": {"type": "string", "enum": ["true"]}},
                    },
                    "content": stored_content::<E>(),
                    "links": {
                        "read": to_one::<E>("read", &json!({"id": "$response.body#/id"})),
                        "replace": to_one::<E>("replace", &json!({"id": "$response.body#/id", "If-Match": "$response.header.ETag"})),
                        "delete": to_one::<E>("delete", &json!({"id": "$response.body#/id", "If-Match": "$response.header.ETag"})),
                    },
                },
                "409": {"description": "another record has the same key"},
                "413": {"description": "the body is too long"},
                "415": {"description": "the body is not JSON"},
                "422": {"description": "fields refused, or an Idempotency-Key used before with another body"},
            },
        }),
    )
}

pub fn read<E: Resource>() -> Value {
    operation::<E>(
        "read",
        json!({
            "summary": format!("Read a {}", spoken::<E>()),
            "parameters": [id_parameter(), {
                "name": "If-None-Match", "in": "header",
                "description": "ETags already at hand: 304 instead of the record where it is still at one of them.",
                "schema": {"type": "string", "pattern": format!("^$|{TAGS_PATTERN}")},
            }],
            "responses": {
                "200": kept_answer::<E>("the record"),
                "304": {"description": "not modified", "headers": {"etag": etag_header()}},
                "404": {"description": "there is none with this id"},
            },
        }),
    )
}

pub fn replace<E: Resource>() -> Value {
    operation::<E>(
        "replace",
        json!({
            "summary": format!("Replace a {}", spoken::<E>()),
            "description": "Fields that are left out take their defaults.",
            "parameters": [id_parameter(), if_match()],
            "requestBody": body::<E>(),
            "responses": {
                "200": kept_answer::<E>("the record as it is now"),
                "404": {"description": "there is none with this id"},
                "409": {"description": "another record has the same key"},
                "412": {"description": "changed meanwhile"},
                "413": {"description": "the body is too long"},
                "415": {"description": "the body is not JSON"},
                "422": {"description": "fields refused"},
                "428": {"description": "If-Match is missing"},
            },
        }),
    )
}

pub fn delete<E: Resource>() -> Value {
    operation::<E>(
        "delete",
        json!({
            "summary": format!("Delete a {}", spoken::<E>()),
            "parameters": [id_parameter(), if_match()],
            "responses": {
                "204": {"description": "deleted"},
                "404": {"description": "there is none with this id"},
                "409": {"description": "other records still refer to it"},
                "412": {"description": "changed meanwhile"},
                "428": {"description": "If-Match is missing"},
            },
        }),
    )
}

fn id_parameter() -> Value {
    json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}})
}

fn if_match() -> Value {
    json!({"name": "If-Match", "in": "header", "required": true, "example": "\"1\"",
        "description": "The ETag of the version that this change was made for.",
        "schema": {"type": "string", "pattern": TAGS_PATTERN}})
}

fn etag_header() -> Value {
    json!({"description": "The version, in double quotes.", "required": true, "schema": {"type": "string", "pattern": "^\"[0-9]+\"$"}})
}

fn body<E: Resource>() -> Value {
    let content = json!({"application/json": {"schema": link_to(&sent::<E>()), "example": examples::of::<E>()}});
    json!({"required": true, "content": content})
}

fn stored_content<E: Resource>() -> Value {
    json!({"application/json": {"schema": link_to(&kept::<E>())}})
}

fn kept_answer<E: Resource>(about: &str) -> Value {
    json!({"description": about, "headers": {"etag": etag_header()}, "content": stored_content::<E>()})
}

fn to_one<E: Resource>(verb: &str, parameters: &Value) -> Value {
    json!({"operationId": operation_id::<E>(verb), "parameters": parameters})
}

/// What is sent, what is kept, a page of it, and everything they mention, by name.
pub fn schemas<E: Resource>() -> Map<String, Value> {
    let mut mentioned = vec![(sent::<E>(), E::schema())];
    E::schemas(&mut mentioned);
    let json = |schema| serde_json::to_value(schema).unwrap_or_default();
    let mut all: Map<_, _> = mentioned.into_iter().map(|(name, schema)| (name, json(schema))).collect();
    all.insert(kept::<E>(), stored(json(E::schema())));
    let page_schema = json!({
        "type": "object",
        "required": ["items", "next"],
        "additionalProperties": false,
        "properties": {
            "items": {"type": "array", "items": link_to(&kept::<E>())},
            "next": {"type": ["string", "null"], "description": "The cursor of the next page, where there is one.", "pattern": "^[0-9a-f]{32}$"},
        },
    });
    all.insert(page::<E>(), page_schema);
    all
}

/// A record as it is kept: the body, always whole, with what the store adds.
fn stored(mut schema: Value) -> Value {
    let mut properties = json!({
        "id": {"type": "string", "format": "uuid"},
        "version": {"type": "integer", "format": "int64", "minimum": 1, "description": "Counts updates; the ETag."},
        "created_at": {"type": "string", "format": "date-time"},
        "updated_at": {"type": "string", "format": "date-time"},
    });
    if let (Some(all), Some(own)) = (properties.as_object_mut(), schema["properties"].as_object_mut()) {
        all.extend(std::mem::take(own));
        schema["required"] = all.keys().cloned().collect();
    }
    schema["properties"] = properties;
    schema
}
