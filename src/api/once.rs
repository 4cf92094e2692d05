//! `Idempotency-Key`: a creation that is sent twice happens once, and is answered as the first was.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::Error;
use crate::store::idempotency::{Answer, Claim};

/// Longest key.
pub const KEY_LIMIT: usize = 255;
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The key of a request, where it has one.
pub fn key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > KEY_LIMIT || !text.bytes().all(|b| b.is_ascii_graphic()) {
        let message = format!("give 1 to {KEY_LIMIT} visible ASCII characters, such as a UUID");
        return Err(Error::parameter(IDEMPOTENCY_KEY.as_str(), message));
    }
    Ok(Some(text.into()))
}

/// The same kind and the same values: spelling does not count.
pub fn hash(kind: &str, body: &impl Serialize) -> Result<String, Error> {
    let mut hash = Sha256::new();
    hash.update(kind);
    hash.update(serde_json::to_vec(body).map_err(Error::internal)?);
    Ok(hex::encode(hash.finalize()))
}

/// What the first request was answered; none if this is the first.
pub fn known(claim: Claim) -> Result<Option<Response>, Error> {
    match claim {
        Claim::Fresh => Ok(None),
        Claim::Answered(answer) => given(&answer, true).map(Some),
        Claim::Mismatch => Err(Error::KeyReused),
    }
}

/// An answer as it is kept.
pub fn given(answer: &Answer, again: bool) -> Result<Response, Error> {
    let status = u16::try_from(answer.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = (status.unwrap_or(StatusCode::CREATED), answer.body.clone()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, to) in [("location", header::LOCATION), ("etag", header::ETAG)] {
        if let Some(value) = answer.headers[name].as_str() {
            headers.insert(to, HeaderValue::try_from(value).map_err(Error::internal)?);
        }
    }
    if again {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}
