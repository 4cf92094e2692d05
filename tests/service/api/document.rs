//! The OpenAPI document says what the router does, and all of it.

use std::collections::BTreeSet;

use bellwether::api::{self, State};
use bellwether::config::Settings;
use bellwether::store::Db;
use serde_json::Value;

use super::client::Client;

async fn new_database(dir: &tempfile::TempDir) -> Db {
    let db = Db::connect(&format!("sqlite:{}", dir.path().join("new.db").display())).await.expect("opens");
    db.migrate().await.expect("migrates");
    db
}

#[tokio::test]
async fn every_route_is_in_the_document() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = new_database(&dir).await;
    // The only list of routes that axum gives is its debug output: `RouteId(3): "/path"`.
    let routed = format!("{:?}", api::router(State::new(db.clone(), Settings::default())));
    let routes: BTreeSet<&str> = routed.split('"').filter(|text| text.starts_with('/')).collect();
    assert!(routes.len() > 40, "{routes:?}");
    let document = Client::of(db).await.get("/api/openapi.json").await.body;
    let ours = |route: &&str| route.starts_with("/api/v1") || ["/healthz", "/readyz", "/metrics"].contains(route);
    for route in routes.into_iter().filter(ours) {
        assert!(document["paths"][route].is_object(), "{route} is not in the document");
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_holds_together() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let document = Client::of(new_database(&dir).await).await.get("/api/openapi.json").await.body;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{}", document["openapi"]);
    let mut links = Vec::new();
    references(&document, &mut links);
    assert!(links.len() > 100);
    for link in links {
        let pointer = link.strip_prefix('#').expect("a reference within the document");
        assert!(document.pointer(pointer).is_some(), "{link} leads nowhere");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no operationId"));
            assert!(ids.insert(id), "{id} is used twice");
            for (status, response) in operation["responses"].as_object().expect("responses") {
                let refusal = status.starts_with('4') || status.starts_with('5');
                let body = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(body.is_string(), refusal, "{status} of {method} {path}: {response}");
            }
        }
    }
}

fn references<'d>(value: &'d Value, found: &mut Vec<&'d str>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}
