//! Every refusal has one form, whoever refuses: a handler, an extractor, a layer or the router.

use axum::body::Body;
use serde_json::json;

use super::client::{Client, district};
use crate::fresh::on_both;

const PATH: &str = "/api/v1/districts";
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn routes_methods_and_media_types_are_refused_as_problems() {
    on_both(async |db| {
        let client = Client::of(db).await;
        client.get("/nowhere").await.refused(404, "no_route");
        client.get("/api/v1/districts/").await.refused(404, "no_route");
        let no_method = client.raw("PATCH", PATH, &[], Body::empty()).await;
        no_method.refused(405, "no_method");
        assert_eq!(no_method.header("allow"), "GET,HEAD,POST");
        client.get("/api/v1/districts/not-an-id").await.refused(400, "bad_parameters");
        client.get("/api/v1/districts/%ff").await.refused(400, "bad_parameters");
        client.raw("POST", PATH, &[], "{}").await.refused(415, "media_type");
        client.raw("POST", PATH, &[("content-type", "text/plain")], "{}").await.refused(415, "media_type");
        client.raw("POST", "/api/v1/districts?x=1", &[JSON], "{}").await.refused(400, "bad_parameters");
    })
    .await;
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_never_break_anything() {
    on_both(async |db| {
        let client = Client::of(db).await;
        for body in ["", "{", "nul", r#"{"name":"a","state":"AZ","tz":"UTC"} {}"#, "{\"name\":\"\\ud800\"}", "{\"name\":1e999}", "\u{feff}{}"] {
            client.raw("POST", PATH, &[JSON], body.to_owned()).await.refused(400, "malformed");
        }
        client.raw("POST", PATH, &[JSON], b"{\"name\":\"\xff\"}".to_vec()).await.refused(400, "malformed");
        client.raw("POST", PATH, &[JSON], "[".repeat(100_000)).await.refused(422, "bad_fields");
        client.raw("POST", PATH, &[JSON], "{\"name\":".repeat(100_000)).await.refused(422, "bad_fields");
        client.raw("POST", PATH, &[JSON], vec![b' '; 3 << 20]).await.refused(413, "too_large");
        for (body, pointer) in [
            (json!({"name": "a\u{0}b", "state": "AZ", "tz": "UTC"}), "/name"),
            (json!({"name": "x".repeat(2001), "state": "AZ", "tz": "UTC"}), "/name"),
            (json!({"name": "a", "state": "AZ", "tz": "Mars/Olympus"}), "/tz"),
            (json!({"name": "a", "state": 7, "tz": "UTC"}), "/state"),
            (json!({"name": "a", "state": "AZ", "tz": "UTC", "id": "x"}), "/id"),
            (json!(["a", "AZ", "UTC", null, null]), ""),
        ] {
            let answer = client.post(PATH, &body).await;
            assert_eq!(answer.refused(422, "bad_fields")[0]["pointer"], pointer, "{body}");
        }
        let twice = r#"{"name":"a","name":"b","state":"AZ","tz":"UTC"}"#;
        client.raw("POST", PATH, &[JSON], twice).await.refused(422, "bad_fields");
        let course = r#"{"name":"t","first_on":"2026-08-10","last_on":"2026-12-18","grid_minutes":123456789012345678901234567890}"#;
        client.raw("POST", "/api/v1/terms", &[JSON], course).await.refused(422, "bad_fields");
        assert_eq!(client.get(PATH).await.body["items"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing_and_other_names_are_not_ours() {
    on_both(async |db| {
        let client = Client::of(db).await;
        let foreign = [("sec-fetch-site", "cross-site"), ("host", "localhost:8080")];
        client.send("POST", PATH, &foreign, &district("Mesa")).await.refused(403, "cross_origin");
        let origin = [("origin", "https://evil.example"), ("host", "localhost:8080")];
        client.send("POST", PATH, &origin, &district("Mesa")).await.refused(403, "cross_origin");
        let rebound = client.raw("GET", PATH, &[("host", "evil.example")], Body::empty()).await;
        rebound.refused(421, "misdirected");
        assert_eq!(client.get(PATH).await.body["items"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn every_answer_carries_an_id_and_is_safe_to_show() {
    on_both(async |db| {
        let client = Client::of(db).await;
        for path in ["/healthz", "/nowhere", PATH, "/api/docs/"] {
            let answer = client.get(path).await;
            assert!(!answer.header("x-request-id").is_empty(), "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
            assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_is_ready_once_its_database_is_migrated() {
    on_both(async |db| {
        let client = Client::of(db).await;
        assert_eq!(client.get("/readyz").await.status.as_u16(), 200);
        assert_eq!(client.get("/healthz").await.body["status"], "ok");
        assert_eq!(client.get("/metrics").await.status.as_u16(), 200);
    })
    .await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite:{}", dir.path().join("empty.db").display());
    let client = Client::unknown(bellwether::store::Db::connect(&url).await.expect("opens"));
    client.get("/readyz").await.refused(503, "not_ready");
}
