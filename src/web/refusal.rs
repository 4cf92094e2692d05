//! Refusals as pages, for whoever asked for a page: the code, the cause and what to do.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};

use super::layout::{Page, escaped};
use crate::api::error::Refusal;
use crate::domain::actor::Actor;

/// Wraps the whole server. The API's own addresses, and clients that do not ask for HTML, are left alone.
pub fn dressed(router: Router) -> Router {
    router.layer(middleware::from_fn(dress))
}

async fn dress(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let wanted =
        !["/api/", "/feeds/"].iter().any(|machine| path.starts_with(machine)) && asks_for_html(request.headers());
    let back = (*request.method() == Method::GET).then(|| request.uri().path_and_query().map(ToString::to_string));
    let response = next.run(request).await;
    if !wanted {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Some(refusal) = parts.extensions.remove::<Refusal>() else { return Response::from_parts(parts, body) };
    if matches!(refusal.code, "not_signed_in" | "access_ended") {
        return to_sign_in(back.flatten().as_deref());
    }
    for length_or_coding in [header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
        parts.headers.remove(length_or_coding);
    }
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    parts.headers.append(header::VARY, HeaderValue::from_static("accept"));
    let request_id = parts.headers.get("x-request-id").and_then(|id| id.to_str().ok());
    let actor = parts.extensions.remove::<Actor>();
    let body = Body::from(page(&refusal, actor.as_ref(), request_id).into_string());
    Response::from_parts(parts, body)
}

/// To the way in, and from there back to where they wanted to go.
fn to_sign_in(back: Option<&str>) -> Response {
    let address = match back {
        Some(back) if back != "/" => format!("/sign-in?next={}", escaped(back)),
        _ => "/sign-in".into(),
    };
    Redirect::to(&address).into_response()
}

fn asks_for_html(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().any(|accept| accept.to_str().is_ok_and(|text| text.contains("text/html")))
}

fn page(refusal: &Refusal, actor: Option<&Actor>, request_id: Option<&str>) -> Markup {
    let title = sentence(refusal.title);
    Page { reader: actor, ..Page::open(&title) }.show(&html! {
        div.card {
            p.soft.small { "Error " (refusal.status) " · " code { (refusal.code) } }
            h1 { (title) }
            p { (sentence(&refusal.detail)) "." }
            @if !refusal.errors.is_empty() {
                ul {
                    @for issue in &refusal.errors {
                        li { @if !issue.pointer.is_empty() { code { (issue.pointer) } ": " } (issue.message) }
                    }
                }
            }
            p { strong { "What to do: " } (action(refusal)) "." }
            @if let Some(id) = request_id {
                p.soft.small { "Request " code { (id) } }
            }
            @if refusal.code == "no_second_factor" {
                p { a.button href="/account/passkeys" { "Add a passkey" } " " a.button.quiet href="/account/app" { "Add an app" } }
            } @else {
                p { a.button href="/" { "Go to the start" } }
            }
        }
    })
}

/// What a person at a browser can do, where the API's advice is for programs.
fn action(refusal: &Refusal) -> &str {
    match refusal.code {
        "no_route" => "check the address, or find the page from the start",
        "no_method" => "go back and use the page's own buttons",
        "stale" => "go back, load the page anew, and look at what it says now before you change it",
        "internal" => "try again; if it lasts, report the request number below",
        _ => refusal.action,
    }
}

/// With a capital letter, without a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::error::Error;
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    async fn asked(path: &str, accept: &str) -> (StatusCode, String, String) {
        let refuse = async || Error::NotFound { kind: "run", id: "<7>".into() };
        let router = dressed(Router::new().route("/{*path}", get(refuse)));
        let request = Request::get(path).header(header::ACCEPT, accept).body(Body::empty()).expect("a request");
        let response = router.oneshot(request).await.expect("an answer");
        let kind = response.headers()[header::CONTENT_TYPE].to_str().expect("text").to_owned();
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, kind, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn a_browser_is_refused_with_a_page_that_says_code_cause_and_action() {
        let (status, kind, body) = asked("/runs/7", "text/html,application/xhtml+xml,*/*;q=0.8").await;
        assert_eq!((status, kind.as_str()), (StatusCode::NOT_FOUND, "text/html; charset=utf-8"));
        for part in ["<h1>Not found</h1>", "<code>not_found</code>", "There is no run &lt;7&gt;.", "What to do:"] {
            assert!(body.contains(part), "{part} is not in {body}");
        }
    }

    #[tokio::test]
    async fn programs_and_the_api_keep_their_problem_json() {
        for (path, accept) in [("/runs/7", "*/*"), ("/api/v1/runs/7", "text/html")] {
            let (_, kind, body) = asked(path, accept).await;
            assert_eq!(kind, "application/problem+json", "{path}");
            assert!(body.contains("urn:bellwether:problem:not_found"), "{body}");
        }
    }
}
