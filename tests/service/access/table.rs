//! Who may do what, route by route. One letter for each role in the order of `Role::ALL`: administrator, coordinator,
//! district HR, special education, educator. `y` is let in, `f` refused (403), `n` finds nothing (404), `u` is nobody (401).
//!
//! Written from what the roles are for, not from the code: where the two differ, a test fails.

/// The records: who reads and who writes those of their own district or their own educator. Nobody but the first two
/// roles reaches those of others, except what all share.
pub const RECORDS: [(&str, &str, &str); 21] = [
    ("terms", "yyyyy", "yy---"),
    ("districts", "yyyy-", "yy---"),
    ("schools", "yyyy-", "yyy--"),
    ("calendars", "yyyy-", "yyy--"),
    ("bell-schedules", "yyyy-", "yyy--"),
    ("courses", "yyyyy", "yy---"),
    ("vacancies", "yyyy-", "yyy--"),
    ("sections", "yyyy-", "yyy--"),
    ("students", "yy-y-", "yy-y-"),
    ("services", "yy-y-", "yy-y-"),
    ("service-lines", "yy-y-", "yy-y-"),
    ("policies", "yyyy-", "yy---"),
    ("educators", "yy--y", "yy---"),
    ("licenses", "yyyyy", "yy---"),
    ("clearances", "yyyyy", "yy---"),
    ("availability", "yy--y", "yy--y"),
    ("time-off", "yy--y", "yy--y"),
    ("pins", "yy---", "yy---"),
    ("vetoes", "yy---", "yy---"),
    ("together", "yy---", "yy---"),
    ("incumbents", "yy---", "yy---"),
];

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    Nothing,
    Json(&'static str),
    Form(&'static str),
}
use Sends::{Form, Json, Nothing};

/// Everything that is not a record: method, route, what is sent, and the letters for own and for foreign things.
/// `{kind}` in a body or an address stands for the id of that side; nobody needs to be signed in for `open`.
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub sends: Sends,
    pub own: &'static str,
    pub foreign: &'static str,
}

const fn route(
    method: &'static str,
    path: &'static str,
    sends: Sends,
    own: &'static str,
    foreign: &'static str,
) -> Route {
    Route { method, path, sends, own, foreign }
}

/// The same whatever it is about.
const fn flat(method: &'static str, path: &'static str, sends: Sends, all: &'static str) -> Route {
    route(method, path, sends, all, all)
}

pub const OPEN: &str = "open";

pub const ROUTES: &[Route] = &[
    // What is open to all.
    flat("GET", "/healthz", Nothing, OPEN),
    flat("GET", "/readyz", Nothing, OPEN),
    flat("GET", "/api/openapi.json", Nothing, OPEN),
    flat("GET", "/api/docs", Nothing, OPEN),
    flat("GET", "/api/docs/", Nothing, OPEN),
    flat("GET", "/api/docs/{*rest}", Nothing, OPEN),
    flat("GET", "/assets/{hash}/{name}", Nothing, OPEN),
    flat("GET", "/feeds/{name}", Nothing, OPEN),
    flat("GET", "/sign-in", Nothing, OPEN),
    flat("POST", "/sign-in", Form("email=x&password=y"), OPEN),
    flat("GET", "/sign-in/code", Nothing, OPEN),
    flat("POST", "/sign-in/code", Form("code=1"), OPEN),
    flat("POST", "/sign-in/passkey", Form("answer=x"), OPEN),
    flat("POST", "/sign-in/passkey/begin", Nothing, OPEN),
    flat("POST", "/sign-in/with/{provider}", Form("next=/"), OPEN),
    flat("GET", "/sign-in/with/{provider}/callback", Nothing, OPEN),
    flat("POST", "/sign-out", Nothing, OPEN),
    flat("GET", "/invitations/{token}", Nothing, OPEN),
    flat("POST", "/invitations/{token}", Form("password=x&again=x"), OPEN),
    flat("GET", "/unsubscribe/{id}", Nothing, OPEN),
    flat("POST", "/unsubscribe/{id}", Nothing, OPEN),
    // Runs, schedules, problem files.
    flat("GET", "/api/v1/runs", Nothing, "yyfff"),
    flat("POST", "/api/v1/runs", Json(r#"{"term_id": "{terms}"}"#), "yyfff"),
    flat("GET", "/api/v1/runs/{runs}", Nothing, "yynnn"),
    flat("GET", "/api/v1/runs/{runs}/events", Nothing, "yynnn"),
    flat("POST", "/api/v1/runs/{runs}/cancel", Nothing, "yynnn"),
    flat("GET", "/api/v1/runs/{runs}/schedule", Nothing, "yynnn"),
    flat("GET", "/api/v1/runs/{runs}/unserved", Nothing, "yynnn"),
    flat("GET", "/api/v1/runs/{runs}/changes", Nothing, "yynnn"),
    flat("POST", "/api/v1/terms/{terms}/repairs", Nothing, "yynnn"),
    flat("GET", "/api/v1/terms/{terms}/news", Nothing, "yynnn"),
    flat("GET", "/api/v1/runs/{runs}/problem", Nothing, "yynnn"),
    flat("GET", "/api/v1/runs/{runs}/candidates?need={sections}", Nothing, "yynnn"),
    flat("POST", "/api/v1/runs/{runs}/publish", Nothing, "yynnn"),
    flat("GET", "/api/v1/schedules", Nothing, "yyfff"),
    flat("GET", "/api/v1/schedules/{schedules}", Nothing, "yynnn"),
    flat("GET", "/api/v1/schedules/{schedules}/schedule", Nothing, "yynnn"),
    flat("GET", "/api/v1/terms/{terms}/published", Nothing, "yynnn"),
    flat("GET", "/api/v1/terms/{terms}/problem", Nothing, "yynnn"),
    flat("POST", "/api/v1/import/problem", Json("{}"), "yyfff"),
    // Sessions: everyone has some; which, another test says.
    flat("GET", "/api/v1/sessions?from=2026-08-01T00:00:00Z&to=2026-12-31T00:00:00Z", Nothing, "yyyyy"),
    // Minutes: whoever coordinates special education, and of their own sessions whoever teaches them. How many lines are
    // at risk, without students, is HR's to know too.
    flat("POST", "/api/v1/service-lines/read", Json(r#"{"written": "30 min 2x/week"}"#), "yyyyy"),
    flat("GET", "/api/v1/minutes", Nothing, "yyfyy"),
    flat("GET", "/api/v1/minutes/at-risk", Nothing, "yyyyf"),
    route("GET", "/api/v1/sessions/{service-sessions}/log", Nothing, "yynyy", "yynnn"),
    route(
        "PUT",
        "/api/v1/sessions/{service-sessions}/log",
        Json(r#"{"entries": [{"service_id": "{services}", "outcome": "missed", "reason": "technical"}]}"#),
        "yynyy",
        "yynnn",
    ),
    route(
        "POST",
        "/api/v1/services/{services}/log",
        Json(r#"{"educator_id": "{educators}", "held_on": "2026-09-02", "starts": "10:00", "ends": "10:30"}"#),
        "yynyy",
        "yynnn",
    ),
    route(
        "POST",
        "/api/v1/schools/{schools}/closures",
        Json(r#"{"on": "2026-09-01", "kind": "remote"}"#),
        "yynyn",
        "yynnn",
    ),
    route(
        "POST",
        "/api/v1/students/{students}/fidelity",
        Json(r#"{"format": "csv", "purpose": "test"}"#),
        "yynyy",
        "yynnn",
    ),
    flat("GET", "/api/v1/caseloads", Nothing, "yyfff"),
    flat("POST", "/api/v1/eligibility", Json("{}"), "yyyyy"),
    flat("POST", "/api/v1/caps/check", Json("{}"), "yyyyy"),
    flat("GET", "/minutes", Nothing, "yyyyy"),
    route("GET", "/students/{students}/minutes", Nothing, "yynyy", "yynnn"),
    route("POST", "/students/{students}/minutes/export", Form("format=csv&purpose=test"), "yynyy", "yynnn"),
    route("GET", "/educators/{educators}/log", Nothing, "yynyy", "yynnn"),
    route("POST", "/educators/{educators}/log", Form("session=x"), "yynyy", "yynnn"),
    route("GET", "/api/v1/service-log/{log}/history", Nothing, "yynyy", "yynnn"),
    route("GET", "/api/v1/service-log/{log}/make-up", Nothing, "yynyy", "yynnn"),
    // Who students are: whoever coordinates their special education, and to be shown it who teaches them.
    route("PUT", "/api/v1/students/{students}/identity", Json(r#"{"name": "x"}"#), "nnnyn", "nnnnn"),
    route(
        "POST",
        "/api/v1/students/{students}/identity/showings",
        Json(r#"{"fields": ["name"], "purpose": "test"}"#),
        "nnnyy",
        "nnnnn",
    ),
    route("DELETE", "/api/v1/students/{students}/identity", Nothing, "nnnyn", "nnnnn"),
    route("GET", "/api/v1/students/{students}/showings", Nothing, "ynnyn", "ynnnn"),
    route("GET", "/api/v1/districts/{districts}/showings", Nothing, "ynnyn", "ynnnn"),
    route("POST", "/api/v1/students/{students}/export", Json(r#"{"purpose": "test"}"#), "nnnyn", "nnnnn"),
    route("GET", "/api/v1/districts/{districts}/purges", Nothing, "ynnyn", "ynnnn"),
    // Late in the list: it leaves no student behind.
    route("POST", "/api/v1/students/{students}/purge", Json(r#"{"purpose": "test"}"#), "nnnyn", "nnnnn"),
    // Feeds.
    route("POST", "/api/v1/educators/{educators}/feeds", Nothing, "yynny", "yynnn"),
    route("POST", "/api/v1/schools/{schools}/feeds", Nothing, "yyyyn", "yynnn"),
    route("POST", "/api/v1/districts/{districts}/feeds", Nothing, "yyyyn", "yynnn"),
    route("DELETE", "/api/v1/feeds/{district-feed}", Nothing, "yyyyn", "yynnn"),
    route("DELETE", "/api/v1/feeds/{educator-feed}", Nothing, "yynny", "yynnn"),
    route("DELETE", "/api/v1/feeds/{school-feed}", Nothing, "yyyyn", "yynnn"),
    // Absences. The last day is before the first, so that no report is kept.
    route(
        "POST",
        "/api/v1/educators/{educators}/absences",
        Json(r#"{"term_id": "{terms}", "first_on": "2026-09-02", "last_on": "2026-09-01"}"#),
        "yynny",
        "yynnn",
    ),
    flat("GET", "/api/v1/absences", Nothing, "yyfff"),
    route("GET", "/api/v1/absences/{absence}", Nothing, "yynny", "yynnn"),
    route("POST", "/api/v1/absences/{absence}/withdraw", Nothing, "yynny", "yynnn"),
    flat("POST", "/api/v1/absences/{absence}/approve", Json("{}"), "yynnn"),
    // Mail.
    flat("GET", "/api/v1/mail", Nothing, "yyfff"),
    flat("POST", "/api/v1/mail/{mail}/retry", Nothing, "yynnn"),
    flat("GET", "/api/v1/mail-refusals", Nothing, "yyfff"),
    flat("DELETE", "/api/v1/mail-refusals?address={refusal}", Nothing, "yyfff"),
    // Accounts.
    flat("GET", "/api/v1/accounts", Nothing, "yffff"),
    flat("POST", "/api/v1/accounts", Json(r#"{"email": "x", "name": "x", "role": "coordinator"}"#), "yffff"),
    flat("GET", "/api/v1/accounts/{accounts}", Nothing, "ynnnn"),
    flat("PUT", "/api/v1/accounts/{accounts}", Json(r#"{"email": "x", "name": "x", "role": "coordinator"}"#), "ynnnn"),
    flat("POST", "/api/v1/accounts/{accounts}/invitation", Nothing, "ynnnn"),
    flat("POST", "/api/v1/accounts/{accounts}/sign-out", Nothing, "ynnnn"),
    flat("GET", "/api/v1/me", Nothing, "yyyyy"),
    flat("GET", "/api/v1/me/tokens", Nothing, "yyyyy"),
    flat("POST", "/api/v1/me/tokens", Json(r#"{"name": "x", "scopes": ["read"], "days": 1}"#), "yyyyy"),
    // Another's token, to whomever.
    flat("DELETE", "/api/v1/me/tokens/{tokens}", Nothing, "nnnnn"),
    flat("GET", "/metrics", Nothing, "yffff"),
    // Pages.
    flat("GET", "/", Nothing, "yyyyy"),
    flat("GET", "/runs", Nothing, "yyfff"),
    flat("POST", "/runs", Form("term=x"), "yyfff"),
    flat("GET", "/runs/{runs}", Nothing, "yynnn"),
    flat("POST", "/runs/{runs}/cancel", Nothing, "yynnn"),
    flat("POST", "/runs/{runs}/publish", Nothing, "yynnn"),
    flat("GET", "/runs/{runs}/publish", Nothing, "yynnn"),
    flat("GET", "/runs/{runs}/compare", Nothing, "yynnn"),
    flat("GET", "/runs/{runs}/needs/{sections}", Nothing, "yynnn"),
    flat("POST", "/runs/{runs}/needs/{sections}", Form("decision=lock&educator=x"), "yynnn"),
    flat("POST", "/runs/{runs}/needs/{sections}/undo", Form("what=lock&id=x&version=1"), "yynnn"),
    flat("GET", "/board", Nothing, "yyfff"),
    flat("GET", "/decisions", Nothing, "yyfff"),
    flat("POST", "/decisions/undo", Form("what=lock&id=x&version=1"), "yyfff"),
    flat("GET", "/educators", Nothing, "yyyyy"),
    flat("GET", "/schools", Nothing, "yyyyf"),
    route("GET", "/educators/{educators}/week", Nothing, "yyyyy", "yynnn"),
    route("GET", "/schools/{schools}/week", Nothing, "yyyyn", "yynnn"),
    route("GET", "/districts/{districts}/week", Nothing, "yyyyn", "yynnn"),
    route("POST", "/districts/{districts}/feeds", Nothing, "yyyyn", "yynnn"),
    route("POST", "/districts/{districts}/feeds/{district-feed}/revoke", Nothing, "yyyyn", "yynnn"),
    route("POST", "/educators/{educators}/feeds", Nothing, "yynny", "yynnn"),
    route("POST", "/schools/{schools}/feeds", Nothing, "yyyyn", "yynnn"),
    route("POST", "/educators/{educators}/feeds/{educator-feed}/revoke", Nothing, "yynny", "yynnn"),
    route("POST", "/schools/{schools}/feeds/{school-feed}/revoke", Nothing, "yyyyn", "yynnn"),
    flat("GET", "/absences", Nothing, "yyfff"),
    route("GET", "/absences/{absence}", Nothing, "yynny", "yynnn"),
    route("POST", "/absences/{absence}/withdraw", Nothing, "yynny", "yynnn"),
    flat("POST", "/absences/{absence}/approve", Form("x=y"), "yynnn"),
    route("POST", "/educators/{educators}/absences", Form("term=x"), "yynny", "yynnn"),
    route("GET", "/educators/{educators}/availability", Nothing, "yynny", "yynnn"),
    route("POST", "/educators/{educators}/availability", Form("do=save&seen=x"), "yynny", "yynnn"),
    flat("GET", "/repairs", Nothing, "yyfff"),
    flat("POST", "/repairs", Form("term={terms}"), "yyfff"),
    flat("GET", "/mail", Nothing, "yyfff"),
    flat("POST", "/mail/{mail}/retry", Nothing, "yynnn"),
    flat("GET", "/account", Nothing, "yyyyy"),
    flat("POST", "/account/password", Form("old=x&password=y&again=z"), "yyyyy"),
    flat("GET", "/account/app", Nothing, "yyyyy"),
    flat("POST", "/account/app", Form("password=x"), "yyyyy"),
    flat("POST", "/account/app/confirm", Form("code=1"), "yyyyy"),
    flat("POST", "/account/app/remove", Form("password=x"), "yyyyy"),
    flat("GET", "/account/passkeys", Nothing, "yyyyy"),
    flat("POST", "/account/passkeys", Form("name=x&answer=y"), "yyyyy"),
    flat("POST", "/account/passkeys/begin", Form("password=x"), "yyyyy"),
    // Not one's own, to whomever.
    flat("POST", "/account/passkeys/{unknown}/remove", Form("password=x"), "nnnnn"),
    flat("GET", "/account/links", Nothing, "yyyyy"),
    // There is no provider of this name, and no such link.
    flat("POST", "/account/links/{unknown}", Form("password=x"), "nnnnn"),
    flat("POST", "/account/links/{unknown}/remove", Form("password=x"), "nnnnn"),
    // Nobody's login, whoever asks.
    flat("POST", "/account/logins", Form("login=01932d2a-7b4c-7c3a-9d5e-2f1a6b8c0d1e"), "nnnnn"),
    flat("POST", "/account/tokens", Form("name="), "yyyyy"),
    flat("POST", "/account/tokens/{tokens}/revoke", Nothing, "nnnnn"),
    flat("GET", "/accounts", Nothing, "yffff"),
    flat("POST", "/accounts", Form("role=king"), "yffff"),
    flat("POST", "/accounts/{accounts}/invite", Nothing, "ynnnn"),
    flat("POST", "/accounts/{accounts}/sign-out", Nothing, "ynnnn"),
    flat("POST", "/accounts/{accounts}/reset-app", Nothing, "ynnnn"),
    flat("POST", "/accounts/{accounts}/active", Form("active=true"), "ynnnn"),
    // Last: it ends the login that asks, who is nobody the second time.
    route("POST", "/account/sign-out", Nothing, "yyyyy", "uuuuu"),
];
