//! What a handler takes from a request; every refusal is an [`Error`], never axum's plain text.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path as FieldPath, Segment};

use super::error::{Error, FieldIssue};

/// Longest body of an ordinary request.
pub const BODY_LIMIT: usize = 2 << 20;

/// A JSON body. Well-formed JSON that is not a `T` is a matter of fields (422); anything else is malformed (400).
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;
    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let bytes = JsonBytes::from_request(request, state).await?;
        from_slice(&bytes.0).map(Self)
    }
}

/// The bytes of a body that says it is JSON.
pub struct JsonBytes(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBytes {
    type Rejection = Error;
    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        is_json(request.headers())?;
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => Error::TooLarge,
            _ => Error::Malformed("the body ended early".into()),
        })
    }
}

fn is_json(headers: &HeaderMap) -> Result<(), Error> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else {
        return Err(Error::MediaType("of no stated type".into()));
    };
    let kind = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    if json { Ok(()) } else { Err(Error::MediaType(format!("{kind:?}"))) }
}

/// Reads one JSON value and nothing after it; a refusal names the field by JSON pointer.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // Serde would take a list of a struct's fields in order for the struct.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Error::field("", "expected an object, not a list"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let cause = error.inner();
        if cause.is_data() {
            Error::field(pointer(error.path()), plain(cause))
        } else {
            Error::Malformed(format!("the body is not JSON: {cause}"))
        }
    })?;
    reader.end().map_err(|_| Error::Malformed("the body goes on after its JSON value".into()))?;
    Ok(value)
}

/// The message without serde's position, which the pointer says better.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

fn pointer(path: &FieldPath) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                format!("/{}", key.replace('~', "~0").replace('/', "~1"))
            }
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// The parts of the path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|rejection: PathRejection| Error::parameter("path", rejection.body_text()))
    }
}

/// The query, as a struct that should `deny_unknown_fields`.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection: QueryRejection| Error::parameter("query", rejection.body_text()))
    }
}

/// No query at all: an address that takes no parameters refuses those it is given.
pub struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let names = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let errors: Vec<_> = names
            .map(|pair| FieldIssue {
                pointer: format!("#{}", pair.split('=').next().unwrap_or_default()),
                message: "this address takes no parameters".into(),
            })
            .collect();
        if errors.is_empty() { Ok(Self) } else { Err(Error::Parameters(errors)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::BellSchedule;

    fn refusal(body: &str) -> (u16, Vec<FieldIssue>) {
        let error = from_slice::<BellSchedule>(body.as_bytes()).expect_err(body);
        let status = error.status().as_u16();
        match error {
            Error::Fields(errors) => (status, errors),
            _ => (status, Vec::new()),
        }
    }

    #[test]
    fn a_refused_field_is_named_by_its_pointer() {
        for (body, pointer) in [
            (r#"{"id":"b","periods":[{"id":"p","start":"08:00","end":"9"}]}"#, "/periods/0/end"),
            (r#"{"id":"b","periods":[],"colour":"red"}"#, "/colour"),
            (r#"{"id":"b"}"#, ""),
            (r#"{"id":1e400,"periods":[]}"#, ""),
            (r"[1]", ""),
        ] {
            let (status, errors) = refusal(body);
            if body.contains("1e400") {
                assert_eq!(status, 400, "{body}");
            } else {
                assert_eq!((status, errors.first().map(|e| e.pointer.as_str())), (422, Some(pointer)), "{body}");
            }
        }
    }

    #[test]
    fn what_is_not_one_json_value_is_malformed() {
        for body in ["", "{", r#"{"id":"b","periods":[]} x"#, r#"{"id":"\ud800","periods":[]}"#, "NaN"] {
            assert_eq!(refusal(body).0, 400, "{}", &body[..body.len().min(40)]);
        }
    }
}
