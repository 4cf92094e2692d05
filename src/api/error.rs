//! Everything this floor can refuse, and how it is told: `application/problem+json` (RFC 9457).
//!
//! A cause inside the server is logged, with the request's id beside it, and never shown.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

pub use super::publish::Refused;
pub use crate::domain::record::FieldIssue;
use crate::engine::locks::Broken;
use crate::engine::rule::Issue;
use crate::store::StoreError;

/// What every refusal looks like.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Refusal {
    /// Names the kind of problem: `urn:bellwether:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of this code.
    pub title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What is wrong this time.
    pub detail: String,
    /// For programs: stable, never reused.
    pub code: &'static str,
    /// What to do about it.
    pub action: &'static str,
    /// Each refused field; empty when no single field is to blame.
    pub errors: Vec<FieldIssue>,
}

pub const PROBLEM_JSON: &str = "application/problem+json";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is nothing at this address")]
    NoRoute,
    #[error("this address does not answer to that method")]
    NoMethod,
    #[error("there is no {kind} {id}")]
    NotFound { kind: &'static str, id: String },
    #[error("{0}")]
    Malformed(String),
    #[error("the address or a header of the request is not understood")]
    Parameters(Vec<FieldIssue>),
    #[error("the body is understood, but cannot be accepted as it is")]
    Fields(Vec<FieldIssue>),
    #[error("the body is {0}; this address takes application/json")]
    MediaType(String),
    #[error("the problem has {} issues", .0.len())]
    Issues(Vec<Issue>),
    #[error("{} cannot be kept", locks(.0.len()))]
    Locks(Vec<Broken>),
    #[error("the body is longer than this address takes")]
    TooLarge,
    #[error("a change needs the version it was made for")]
    NoPrecondition,
    #[error("it is now at version {version}")]
    Stale { version: i64 },
    #[error("{0}")]
    Conflict(String),
    #[error("the Idempotency-Key was used before, with another body")]
    KeyReused,
    #[error("nobody is signed in")]
    NotSignedIn,
    #[error("this installation asks everyone for a second factor, and you have none yet")]
    NoSecondFactor,
    #[error("{0} does not answer")]
    Unreachable(String),
    #[error("the token is unknown, or has ended")]
    BadToken,
    #[error("your access has ended or changed since this began")]
    Ended,
    #[error("your role or token does not allow this")]
    Forbidden,
    #[error("too many requests")]
    TooMany(std::time::Duration),
    #[error("{0}")]
    CrossOrigin(String),
    #[error("the Host header does not name this server")]
    Misdirected,
    #[error("the database is busy")]
    Busy(#[source] StoreError),
    #[error("nothing was changed: {0}")]
    Unwritable(#[source] StoreError),
    #[error("the request was not answered in time")]
    Timeout,
    #[error("the database is not ready: {0}")]
    NotReady(&'static str),
    #[error("something went wrong on our side; it has been logged")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Status, code, title and action of a kind of refusal.
pub struct Kind(pub StatusCode, pub &'static str, pub &'static str, pub &'static str);

impl Error {
    /// A refusal that blames one field.
    #[must_use]
    pub fn field(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Fields(vec![FieldIssue { pointer: pointer.into(), message: message.into() }])
    }

    /// A refusal that blames one parameter or header.
    #[must_use]
    pub fn parameter(name: &str, message: impl Into<String>) -> Self {
        Self::Parameters(vec![FieldIssue { pointer: format!("#{name}"), message: message.into() }])
    }

    /// A defect or an outage of ours.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.kind().0
    }

    #[must_use]
    #[rustfmt::skip]
    pub fn kind(&self) -> Kind {
        use StatusCode as S;
        match self {
            Self::NoRoute => Kind(S::NOT_FOUND, "no_route", "unknown address", "see /api/docs for the addresses there are"),
            Self::NoMethod => Kind(S::METHOD_NOT_ALLOWED, "no_method", "method not allowed", "use a method of the Allow header"),
            Self::NotFound { .. } => Kind(S::NOT_FOUND, "not_found", "not found", "check the id; it may have been deleted"),
            Self::Malformed(_) => Kind(S::BAD_REQUEST, "malformed", "malformed request", "send one well-formed JSON value"),
            Self::Parameters(_) => Kind(S::BAD_REQUEST, "bad_parameters", "parameters refused", "correct what errors lists"),
            Self::Fields(_) => Kind(S::UNPROCESSABLE_ENTITY, "bad_fields", "fields refused", "correct what errors lists"),
            Self::Issues(_) => Kind(S::UNPROCESSABLE_ENTITY, "bad_problem", "problem refused", "correct what errors lists"),
            Self::Locks(_) => Kind(S::UNPROCESSABLE_ENTITY, "locks_refused", "locks that break a rule", "undo each lock that errors lists, or mend what its rule asks for; then ask again"),
            Self::MediaType(_) => Kind(S::UNSUPPORTED_MEDIA_TYPE, "media_type", "media type not supported", "send JSON, with Content-Type: application/json"),
            Self::TooLarge => Kind(S::PAYLOAD_TOO_LARGE, "too_large", "body too large", "send less at once"),
            Self::NoPrecondition => Kind(S::PRECONDITION_REQUIRED, "no_precondition", "precondition required", "send If-Match with the ETag you read"),
            Self::Stale { .. } => Kind(S::PRECONDITION_FAILED, "stale", "changed meanwhile", "read it again, apply your change to that, and send it with the new ETag"),
            Self::Conflict(_) => Kind(S::CONFLICT, "conflict", "conflict", "read what is there; change the one or the other"),
            Self::KeyReused => Kind(S::UNPROCESSABLE_ENTITY, "key_reused", "Idempotency-Key reused", "use a fresh key for a different request"),
            Self::Busy(_) => Kind(S::SERVICE_UNAVAILABLE, "busy", "too busy", "try again in a moment"),
            Self::Unwritable(_) => Kind(S::SERVICE_UNAVAILABLE, "unwritable", "cannot be saved", "tell whoever runs this server; your change can be sent again once that is mended"),
            Self::NotSignedIn => Kind(S::UNAUTHORIZED, "not_signed_in", "not signed in", "sign in, or send a token in the Authorization header"),
            Self::NoSecondFactor => Kind(S::FORBIDDEN, "no_second_factor", "second factor needed", "add a passkey or an authenticator app at /account/passkeys or /account/app"),
            Self::Unreachable(_) => Kind(S::SERVICE_UNAVAILABLE, "unreachable", "provider unreachable", "try again in a moment, or sign in another way"),
            Self::BadToken => Kind(S::UNAUTHORIZED, "bad_token", "token refused", "make a new token on your account's page"),
            Self::Ended => Kind(S::UNAUTHORIZED, "access_ended", "access ended", "sign in again"),
            Self::Forbidden => Kind(S::FORBIDDEN, "forbidden", "not allowed", "ask an administrator whether your role should allow it"),
            Self::TooMany(_) => Kind(S::TOO_MANY_REQUESTS, "too_many", "too many requests", "wait for as long as Retry-After says"),
            Self::CrossOrigin(_) => Kind(S::FORBIDDEN, "cross_origin", "cross-origin request refused", "send changes from our own pages or from a program"),
            Self::Misdirected => Kind(S::MISDIRECTED_REQUEST, "misdirected", "misdirected request", "address the server by its own name, or on its machine as localhost"),
            Self::Timeout => Kind(S::SERVICE_UNAVAILABLE, "timeout", "took too long", "try again later, or ask for less"),
            Self::NotReady(_) => Kind(S::SERVICE_UNAVAILABLE, "not_ready", "not ready", "try again in a moment; see the log if it lasts"),
            Self::Internal(_) => Kind(S::INTERNAL_SERVER_ERROR, "internal", "internal error", "try again; if it lasts, report the x-request-id of this answer"),
        }
    }

    fn errors(&self) -> Vec<FieldIssue> {
        match self {
            Self::Parameters(errors) | Self::Fields(errors) => errors.clone(),
            Self::Issues(issues) => issues.iter().map(of_the_problem).collect(),
            Self::Locks(broken) => {
                broken.iter().map(|one| of_the_problem(&one.issue())).map(below_the_problem).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn of_the_problem(issue: &Issue) -> FieldIssue {
    let Issue { code, pointer, cause, action } = issue;
    FieldIssue { pointer: pointer.clone(), message: format!("{code}: {cause}; {action}") }
}

fn below_the_problem(issue: FieldIssue) -> FieldIssue {
    FieldIssue { pointer: format!("/problem{}", issue.pointer), ..issue }
}

fn locks(n: usize) -> String {
    if n == 1 { "a lock".into() } else { format!("{n} locks") }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { what, id } => Self::NotFound { kind: what, id: id.to_string() },
            StoreError::MissingReference { ref what } => Self::field(format!("/{what}"), error.to_string()),
            StoreError::Duplicate { .. }
            | StoreError::InUse { .. }
            | StoreError::Needed(_)
            | StoreError::Overlap(_)
            | StoreError::Sealed(_) => Self::Conflict(error.to_string()),
            StoreError::Forbidden => Self::Forbidden,
            StoreError::Ended => Self::Ended,
            StoreError::Stale { current_version } => Self::Stale { version: current_version },
            StoreError::Invalid(issues) => Self::Fields(issues),
            StoreError::Busy(_) => Self::Busy(error),
            StoreError::Unwritable(_) => Self::Unwritable(error),
            _ => Self::internal(error),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let Kind(status, code, title, action) = self.kind();
        if let Self::Internal(cause) = &self {
            tracing::error!(error = %Chain(cause.as_ref()), "a request failed on our side");
        }
        if let Self::Unwritable(cause) = &self {
            tracing::error!(error = %Chain(cause), "nothing can be saved");
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
            tracing::info!(code, "refused");
        }
        let refusal = Refusal {
            kind: format!("urn:bellwether:problem:{code}"),
            title,
            status: status.as_u16(),
            detail: self.to_string(),
            code,
            action,
            errors: self.errors(),
        };
        let body = serde_json::to_vec(&refusal).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON))], body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Self::TooMany(wait) = &self {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // For whoever can tell it better than JSON does: the pages.
        response.extensions_mut().insert(refusal);
        response
    }
}

/// An error and its causes on one line.
struct Chain<'e>(&'e (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}
