//! A client of the whole router, layers included.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bellwether::api::{self, State};
use bellwether::config::Settings;
use bellwether::domain::actor::Role;
use bellwether::store::Db;
use bellwether::web;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::people::person;

/// One for all servers of a test.
pub const KEYS: &str = "test:1111111111111111111111111111111111111111111111111111111111111111";

#[derive(Clone)]
pub struct Client {
    router: Router,
    /// Sent with every request.
    credential: Option<(&'static str, String)>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Null where there is none.
    pub body: Value,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {self:?}")).to_owned()
    }

    /// That this is a refusal, in the form that every refusal has.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> &Value {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert_eq!(self.body["type"], format!("urn:bellwether:problem:{code}"), "{self:?}");
        for text in ["title", "detail", "action"] {
            assert!(self.body[text].as_str().is_some_and(|text| !text.is_empty()), "{text} in {self:?}");
        }
        assert!(self.body["errors"].is_array(), "{self:?}");
        &self.body["errors"]
    }
}

impl Client {
    /// An administrator.
    pub async fn of(db: Db) -> Self {
        let (_, secret) = person(&db, Role::Administrator, &[], None).await;
        Self::unknown(db).signed_in(&secret)
    }

    /// Nobody in particular.
    pub fn unknown(db: Db) -> Self {
        let keys = KEYS.parse().expect("a key");
        Self::with(db, Settings { requests_per_minute: 1_000_000, keys, ..Settings::default() })
    }

    /// Nobody in particular, at a server with these settings.
    pub fn with(db: Db, settings: Settings) -> Self {
        Self { router: web::dressed(api::app(State::new(db, settings), web::router())), credential: None }
    }

    /// The same server, asked by the browser with this login.
    pub fn signed_in(&self, secret: &str) -> Self {
        Self { router: self.router.clone(), credential: Some(("cookie", format!("bellwether={secret}"))) }
    }

    /// This server, asked by whom the other client is.
    pub fn as_signed_in(&self, other: &Self) -> Self {
        Self { router: self.router.clone(), credential: other.credential.clone() }
    }

    /// The same server, asked by a program with this token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { router: self.router.clone(), credential: Some(("authorization", format!("Bearer {token}"))) }
    }

    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let own = self.credential.iter().map(|(name, value)| (*name, value.as_str()));
        let all = own.chain(headers.iter().copied());
        let request = all.fold(Request::builder().method(method).uri(path), |r, (n, v)| r.header(n, v));
        let request = request.body(body.into()).expect("a request");
        let (parts, body) = self.router.clone().oneshot(request).await.expect("an answer").into_parts();
        // A stream of events ends with its run: what it has said until then is enough.
        let whole = tokio::time::timeout(Duration::from_secs(5), body.collect()).await;
        let bytes = whole.map(|body| body.expect("a body").to_bytes()).unwrap_or_default();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, body, text }
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let json = [&[("content-type", "application/json")], headers].concat();
        self.raw(method, path, &json, body.to_string()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.raw("GET", path, &[], Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], body).await
    }

    /// A district by this name.
    pub async fn district(&self, name: &str) -> Answer {
        let answer = self.post("/api/v1/districts", &district(name)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer
    }
}

pub fn district(name: &str) -> Value {
    json!({"name": name, "state": "AZ", "tz": "America/Phoenix"})
}
