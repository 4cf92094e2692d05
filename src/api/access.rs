//! Who asks: the one place where a request becomes an [`Actor`], and where one that is nobody's is refused.
//!
//! Every route needs somebody unless it is in [`OPEN`]. What they may do is `domain/actor.rs`'s to say; the extractors
//! here ask it, and [`State::write`] asks once more, in the transaction of the change, whether their access still lives.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, RawPathParams, Request, State as Axum};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};

use super::State;
use super::error::Error;
use crate::domain::actor::{Actor, Credential, Thing, Verb};
use crate::domain::id::AccountId;
use crate::store::{Tx, logins};

/// Routes that need nobody: what operators ask, the program's own texts, the ways in, feeds, whose address is the
/// right to read them, and the link that ends digests.
pub const OPEN: [&str; 17] = [
    "/healthz",
    "/readyz",
    "/assets/{hash}/{name}",
    "/api/openapi.json",
    "/api/docs",
    "/api/docs/",
    "/api/docs/{*rest}",
    "/feeds/{name}",
    "/sign-in",
    "/sign-in/code",
    "/sign-in/passkey",
    "/sign-in/passkey/begin",
    "/sign-in/with/{provider}",
    "/sign-in/with/{provider}/callback",
    "/sign-out",
    "/invitations/{token}",
    "/unsubscribe/{id}",
];
/// Routes of [`OPEN`] that are not counted against their address.
const UNCOUNTED: [&str; 3] = ["/healthz", "/readyz", "/assets/{hash}/{name}"];

/// All that an account without a second factor may open where one is demanded: where one is added, and the way out.
const UNGUARDED: [&str; 9] = [
    "/account",
    "/account/password",
    "/account/sign-out",
    "/account/app",
    "/account/app/confirm",
    "/account/app/remove",
    "/account/passkeys",
    "/account/passkeys/begin",
    "/account/passkeys/{id}/remove",
];

/// What a token of a program begins with, so that scanners of leaked secrets know it.
pub const TOKEN_PREFIX: &str = "bwt_";

/// A fresh secret: 192 random bits.
#[must_use]
pub fn secret() -> String {
    hex::encode(rand::random::<[u8; 24]>())
}

/// Knows who asks, or refuses.
pub async fn know(Axum(state): Axum<State>, mut request: Request, next: Next) -> Response {
    let address = address(request.headers(), request.extensions(), &state.settings.proxies);
    let Some(route) = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()) else {
        // Nothing is there; whoever came by a stale link is still shown the way on.
        let headers = request.headers();
        let known = if cookie(&state, headers).is_some() { who(&state, headers, address, "").await.ok() } else { None };
        return told(next.run(request).await, known);
    };
    if OPEN.contains(&route.as_str()) {
        if !UNCOUNTED.contains(&route.as_str())
            && let Err(error) = state.doors.address(address)
        {
            return error.into_response();
        }
        return next.run(request).await;
    }
    match who(&state, request.headers(), address, &route).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor.clone());
            told(next.run(request).await, Some(actor))
        }
        Err(error) => error.into_response(),
    }
}

/// Lets a refusal know whom it refuses, for the pages, which show them their way around.
fn told(mut response: Response, actor: Option<Actor>) -> Response {
    if !response.status().is_success()
        && let Some(actor) = actor
    {
        response.extensions_mut().insert(actor);
    }
    response
}

async fn who(state: &State, headers: &HeaderMap, address: IpAddr, route: &str) -> Result<Actor, Error> {
    let found = match (bearer(headers)?, cookie(state, headers)) {
        (Some(token), _) => {
            // Only what looks like a token is looked up; guesses are counted like everything without an account.
            let known = logins::find_token(&mut state.db.read().await?, &token).await?;
            known.ok_or(Error::BadToken)
        }
        (None, Some(secret)) => logins::find(&mut state.db.read().await?, &secret).await?.ok_or(Error::NotSignedIn),
        (None, None) => Err(Error::NotSignedIn),
    };
    let known = match found {
        Ok(known) => known,
        Err(error) => {
            state.doors.address(address)?;
            return Err(error);
        }
    };
    state.doors.account(known.actor.account)?;
    if !known.guarded && state.settings.demands_second_factor() && !UNGUARDED.contains(&route) {
        return Err(Error::NoSecondFactor);
    }
    if known.touch {
        state.touch(known.actor.credential);
    }
    Ok(known.actor)
}

fn bearer(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().map_err(|_| Error::BadToken)?;
    let (scheme, token) = text.split_once(' ').ok_or(Error::BadToken)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim().to_owned())) } else { Err(Error::BadToken) }
}

/// The name of the login's cookie. `__Host-` binds it to this host and to TLS; over plain HTTP, which only this machine
/// is answered on, browsers would not keep such a cookie.
#[must_use]
pub fn cookie_name(state: &State) -> &'static str {
    if state.settings.secure() { "__Host-bellwether" } else { "bellwether" }
}

/// The secret of the login that a browser carries.
pub(super) fn cookie(state: &State, headers: &HeaderMap) -> Option<String> {
    CookieJar::from_headers(headers).get(cookie_name(state)).map(|cookie| cookie.value().to_owned())
}

/// The header that gives a browser its login, or takes it away.
pub fn set_cookie(state: &State, secret: Option<&str>) -> Result<HeaderValue, Error> {
    let mut cookie = Cookie::new(cookie_name(state), secret.unwrap_or_default().to_owned());
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_secure(state.settings.secure());
    // Not strict: a link in a mail should find its reader signed in. Changes are guarded by the layer against forgery.
    cookie.set_same_site(SameSite::Lax);
    if secret.is_none() {
        cookie.make_removal();
    }
    HeaderValue::try_from(cookie.to_string()).map_err(Error::internal)
}

/// Under which origin people reach this server.
#[must_use]
pub fn origin(state: &State, headers: &HeaderMap) -> String {
    if let Some(url) = &state.settings.url {
        return url.origin.clone();
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}")
}

/// What a browser calls itself.
pub(super) fn agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default()
}

/// Where a request comes from: the peer, or what trusted proxies say of it, nearest first.
#[must_use]
pub fn address(headers: &HeaderMap, extensions: &Extensions, proxies: &[IpAddr]) -> IpAddr {
    let unknown = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map_or(unknown, |peer| peer.0.ip());
    let forwarded = headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or_default());
    let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
    let mut from = peer.to_canonical();
    for hop in hops.into_iter().rev() {
        // What no proxy can have written, and all that lies before it, may be anybody's.
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
        if !proxies.contains(&from) {
            break;
        }
        from = hop.to_canonical();
    }
    from
}

impl State {
    /// Begins a change by this actor, refused where their access or rights have ended meanwhile.
    pub async fn write(&self, actor: &Actor) -> Result<Tx, Error> {
        let mut tx = self.db.write(&actor.principal()).await?;
        logins::still(&mut tx, actor).await?;
        tx.mail_hold = self.settings.mail.as_ref().map(|mail| mail.hold);
        Ok(tx)
    }

    /// Notes in the background that a login or token was used: no answer waits for a writer.
    fn touch(&self, credential: Credential) {
        let db = self.db.clone();
        tokio::spawn(async move {
            let touched = async {
                let mut tx = db.write("").await?;
                logins::touch(&mut tx, credential).await?;
                tx.commit().await
            };
            if let Err(error) = touched.await {
                tracing::debug!(%error, "a use was not noted");
            }
        });
    }

    /// Begins a login, and says the secret that its cookie holds.
    pub async fn begin_login(
        &self,
        tx: &mut Tx,
        account: AccountId,
        method: &str,
        headers: &HeaderMap,
    ) -> Result<String, Error> {
        let token = secret();
        logins::begin(tx, account, &token, method, agent(headers)).await?;
        Ok(token)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Actor {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Self>().cloned().ok_or(Error::NotSignedIn)
    }
}

/// Reading or writing, by the method.
fn verb(method: &Method) -> Verb {
    if matches!(*method, Method::GET | Method::HEAD) { Verb::Read } else { Verb::Write }
}

/// The actor, if they may do this to everything of its kind. Whoever may not learns nothing about single ones: to them
/// they do not exist.
async fn gate<S: Send + Sync>(parts: &mut Parts, state: &S, thing: Thing) -> Result<Actor, Error> {
    let actor = Actor::from_request_parts(parts, state).await?;
    let verb = verb(&parts.method);
    if actor.may(verb, thing) {
        return Ok(actor);
    }
    let id = RawPathParams::from_request_parts(parts, state).await.ok();
    let id = id.as_ref().and_then(|params| params.iter().next()).map(|(_, id)| id.to_owned());
    match id.filter(|_| !actor.may(Verb::Read, thing)) {
        Some(id) => {
            // As the handler itself refuses what is no id.
            let id: AccountId = id.parse().map_err(|refusal: String| Error::parameter("path", refusal))?;
            Err(Error::NotFound { kind: kind(parts.uri.path()), id: id.to_string() })
        }
        None => Err(Error::Forbidden),
    }
}

/// What the things at an address are called.
fn kind(path: &str) -> &'static str {
    let kinds = [("/runs", "run"), ("/schedules", "schedule"), ("/terms", "term"), ("/accounts", "account")];
    kinds.into_iter().find(|(part, _)| path.contains(part)).map_or("record", |(_, kind)| kind)
}

macro_rules! gates {
    ($($(#[$doc:meta])* $name:ident: $thing:ident;)+) => {$(
        $(#[$doc])*
        pub struct $name(pub Actor);

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Error;
            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
                gate(parts, state, Thing::$thing).await.map(Self)
            }
        }
    )+};
}

gates! {
    /// Whoever plans: runs, schedules, problem files.
    Planner: Planning;
    /// Whoever keeps the accounts of others.
    Keeper: Accounts;
    /// Whoever looks after their own account.
    Owner: OwnAccount;
    /// Whoever watches the server.
    Operator: Operations;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_proxies_that_are_trusted_are_believed() {
        let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 7], 4711))));
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.9, 192.0.2.1, 10.0.0.8"));
        assert_eq!(address(&headers, &extensions, &[]), ip("10.0.0.7"));
        assert_eq!(address(&headers, &extensions, &[ip("10.0.0.7")]), ip("10.0.0.8"));
        assert_eq!(address(&headers, &extensions, &[ip("10.0.0.7"), ip("10.0.0.8")]), ip("192.0.2.1"));
        assert_eq!(address(&HeaderMap::new(), &Extensions::new(), &[]), ip("127.0.0.1"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.9, unknown, 198.51.100.4"));
        assert_eq!(address(&headers, &extensions, &[ip("10.0.0.7"), ip("198.51.100.4")]), ip("198.51.100.4"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.9, unknown"));
        assert_eq!(address(&headers, &extensions, &[ip("10.0.0.7")]), ip("10.0.0.7"));
        extensions.insert(ConnectInfo(SocketAddr::new(ip("::ffff:10.0.0.7"), 4711)));
        headers.insert("x-forwarded-for", HeaderValue::from_static("198.51.100.4"));
        assert_eq!(
            address(&headers, &extensions, &[ip("10.0.0.7")]),
            ip("198.51.100.4"),
            "an IPv4 proxy at an IPv6 socket"
        );
    }
}
