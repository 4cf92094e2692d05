//! What every request passes through, whatever it asks for: id, log line, metrics, guards, deadline, headers.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::Level;

use super::error::Error;
use super::extract::BODY_LIMIT;
use crate::config::Settings;

/// Pages may load and call only what this server serves, and nobody may frame them.
const CONTENT_POLICY: &str = "default-src 'none'; object-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// For two years (what browsers' preload lists ask for).
const ONLY_TLS: &str = "max-age=63072000; includeSubDomains";

const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Wraps a router: the first layer named is the outermost.
pub fn around(router: Router, settings: &Settings) -> Router {
    let timeout = settings.timeout;
    let named: Option<Arc<str>> = settings.url.as_ref().map(|url| url.authority.as_str().into());
    let router = router.layer(
        ServiceBuilder::new()
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(
                TraceLayer::new_for_http()
                    .make_span_with(span)
                    .on_response(DefaultOnResponse::new().level(Level::INFO)),
            )
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(middleware::from_fn(measure))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(CompressionLayer::new())
            .layer(middleware::from_fn(move |request, next| only_ours(named.clone(), request, next)))
            .layer(CsrfLayer::new().with_rejection_response(refuse_cross_origin))
            .layer(middleware::from_fn(move |request, next| deadline(timeout, request, next)))
            .layer(DefaultBodyLimit::max(BODY_LIMIT)),
    );
    let strict = settings.secure().then(|| (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONLY_TLS)));
    HEADERS
        .into_iter()
        .chain(strict)
        .fold(router, |router, (name, value)| router.layer(SetResponseHeaderLayer::if_not_present(name, value)))
}

/// The route as it is written in the program: it holds no id, no query and no secret of a feed's address.
fn route(request: &Request) -> &str {
    request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str)
}

fn span(request: &Request) -> tracing::Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    tracing::info_span!("request", method = %request.method(), route = route(request), id)
}

async fn measure(request: Request, next: Next) -> Response {
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    let route = route(&request).to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("http_request_seconds", "method" => method, "route" => route)
        .record(begun.elapsed().as_secs_f64());
    response
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said =
        panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
    Error::internal(format!("a handler panicked: {}", said.unwrap_or_default())).into_response()
}

/// Refuses a Host that is neither ours nor this machine: a page elsewhere can point its own name at 127.0.0.1 (DNS
/// rebinding).
async fn only_ours(named: Option<Arc<str>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let ours = named.is_some_and(|named| host.is_some_and(|host| host.eq_ignore_ascii_case(&named)));
    if ours || names_this_machine(request.headers()) {
        next.run(request).await
    } else {
        Error::Misdirected.into_response()
    }
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let name = if let Some((name, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        name
    } else {
        host.split_once(':').map_or(host, |(name, _)| name)
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn refuse_cross_origin(error: ProtectionError) -> Response {
    Error::CrossOrigin(error.to_string().to_lowercase()).into_response()
}

/// To write a vendor's whole year of sessions takes a small machine longer than any other request.
const LONG: [&str; 2] = ["/api/v1/runs/{id}/publish", "/runs/{id}/publish"];
const TIMES: u32 = 10;

async fn deadline(limit: Duration, request: Request, next: Next) -> Response {
    let long = *request.method() == Method::POST && LONG.contains(&route(&request));
    let limit = if long { limit.saturating_mul(TIMES) } else { limit };
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| Error::Timeout.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let named = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).expect("a header"));
            names_this_machine(&headers)
        };
        for good in ["localhost", "LocalHost:8080", "127.0.0.1:1", "[::1]:8080", "[::1]"] {
            assert!(named(good), "{good}");
        }
        for bad in
            ["evil.example", "evil.example:8080", "localhost.evil.example", "10.0.0.1", "", "[::1", "[fe80::1]:1"]
        {
            assert!(!named(bad), "{bad}");
        }
        assert!(names_this_machine(&HeaderMap::new()));
    }
}
