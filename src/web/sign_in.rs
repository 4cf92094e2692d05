//! The doors: signing in, claiming an account by its link, signing out.

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, escaped};
use super::links::buttons;
use super::passkeys::{SCRIPTS, sign_in_form};
use crate::api::second::Owed;
use crate::api::sign_in::{Entered, Knock};
use crate::api::{State, access, error::Error, extract::NoQuery, extract::Path, extract::Query};
use crate::config::Provider;
use crate::domain::account::Account;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/sign-in", get(ask).post(enter))
        .route("/sign-in/code", get(ask_code).post(give_code))
        .route("/sign-out", post(leave))
        .route("/invitations/{token}", get(invited).post(accept))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Where to go then.
    next: Option<String>,
}

#[derive(Deserialize)]
struct Typed {
    email: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn ask(Axum(state): Axum<State>, Query(which): Query<Which>) -> Markup {
    page(&state.settings.providers, &which.next.unwrap_or_default(), "", None)
}

async fn enter(
    Axum(state): Axum<State>,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Typed>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    if let Some(login) = state.sign_in(&knock, &typed.email, typed.password).await? {
        return onward(&state, &login, local(&typed.next));
    }
    let wrong = "This mail address and password do not go together. After ten attempts you have to wait.";
    let page = page(&state.settings.providers, &typed.next, &typed.email, Some(wrong));
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// On to where they wanted, or to the code that is owed.
pub(super) fn onward(state: &State, login: &Entered, to: &str) -> Result<Response, Error> {
    let code = format!("/sign-in/code?next={}", escaped(to));
    entered(state, &login.secret, if login.owes_code { &code } else { to })
}

#[derive(Deserialize)]
struct Code {
    code: String,
    #[serde(default)]
    next: String,
}

async fn ask_code(Axum(state): Axum<State>, Query(which): Query<Which>, knock: Knock) -> Result<Response, Error> {
    let Some(owed) = state.owed(&knock).await? else { return Ok(Redirect::to("/sign-in").into_response()) };
    Ok(code_page(owed, &which.next.unwrap_or_default(), false).into_response())
}

async fn give_code(
    Axum(state): Axum<State>,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Code>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    if let Some(secret) = state.second(&knock, &typed.code).await? {
        return entered(&state, &secret, local(&typed.next));
    }
    let owed = state.owed(&knock).await?.ok_or(Error::NotSignedIn)?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, code_page(owed, &typed.next, true)).into_response())
}

fn code_page(owed: Owed, next: &str, wrong: bool) -> Markup {
    let title = if owed.app { "Your code" } else { "Your passkey" };
    let label =
        if owed.app { "Six digits from your authenticator app" } else { "Without it: one of your recovery codes" };
    Page { scripts: SCRIPTS, ..Page::open(title) }.show(&html! {
        div.narrow {
            h1 { (title) }
            @if owed.passkey { (sign_in_form(next)) }
            @if wrong { div.note.bad role="alert" { p { "That code is not right, or was used before. Wait for the next one." } } }
            form.card method="post" action="/sign-in/code" {
                input type="hidden" name="next" value=(local(next));
                div.field {
                    label for="code" { (label) }
                    input #code name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="40";
                    @if owed.app { span.hint { "Without the app: one of your recovery codes." } }
                }
                button type="submit" { "Sign in" }
            }
        }
    })
}

/// On to where they wanted, with the cookie of their login.
pub(super) fn entered(state: &State, secret: &str, to: &str) -> Result<Response, Error> {
    let cookie = access::set_cookie(state, Some(secret))?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response())
}

/// An address on this server; anything else is the first page.
pub(super) fn local(next: &str) -> &str {
    let inside =
        next.starts_with('/') && !next.starts_with("//") && !next.contains('\\') && !next.contains(char::is_control);
    if inside { next } else { "/" }
}

async fn leave(Axum(state): Axum<State>, _: NoQuery, knock: Knock) -> Result<Response, Error> {
    state.sign_out(&knock.headers).await?;
    left(&state)
}

/// Out, with nothing left behind in the browser.
pub(super) fn left(state: &State) -> Result<Response, Error> {
    let cookie = access::set_cookie(state, None)?;
    let clear = HeaderValue::from_static("\"cache\", \"storage\"");
    let headers = [(header::SET_COOKIE, cookie), (HeaderName::from_static("clear-site-data"), clear)];
    Ok((headers, Redirect::to("/sign-in")).into_response())
}

async fn invited(Axum(state): Axum<State>, Path(token): Path<String>, _: NoQuery) -> Result<Response, Error> {
    let account = state.invited(&token).await?;
    Ok(claim(&account, &token, None).into_response())
}

#[derive(Deserialize)]
struct NewPassword {
    password: String,
    again: String,
}

async fn accept(
    Axum(state): Axum<State>,
    Path(token): Path<String>,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<NewPassword>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let refused = if typed.password == typed.again {
        match state.accept(&knock, &token, typed.password).await? {
            Ok(login) => return onward(&state, &login, "/"),
            Err(why) => why,
        }
    } else {
        "the two passwords differ".into()
    };
    let account = state.invited(&token).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, claim(&account, &token, Some(&refused))).into_response())
}

/// Back to the way in, which was not opened, with the reason.
pub(super) fn sent_back(state: &State, next: &str, why: &str) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, page(&state.settings.providers, next, "", Some(why))).into_response()
}

fn page(providers: &[Provider], next: &str, email: &str, wrong: Option<&str>) -> Markup {
    Page { scripts: SCRIPTS, ..Page::open("Sign in") }.show(&html! {
        div.narrow {
            h1 { "Sign in" }
            @if let Some(wrong) = wrong { div.note.bad role="alert" { p { (wrong) } } }
            form.card method="post" action="/sign-in" {
                input type="hidden" name="next" value=(local(next));
                div.field {
                    label for="email" { "Mail address" }
                    input #email name="email" type="email" autocomplete="username" required value=(email);
                }
                div.field {
                    label for="password" { "Password" }
                    input #password name="password" type="password" autocomplete="current-password" required;
                }
                button type="submit" { "Sign in" }
            }
            (sign_in_form(next))
            (buttons(providers, next))
            p.soft.small { "No account, or cannot get in? Ask whoever administers this installation for a link." }
        }
    })
}

fn claim(account: &Account, token: &str, wrong: Option<&str>) -> Markup {
    let title = if account.claimed { "Choose a new password" } else { "Welcome to Bellwether" };
    Page::open(title).show(&html! {
        div.narrow {
            h1 { (title) }
            p.soft { (account.body.name) " · " (account.body.email) " · " (account.body.role.title()) }
            @if let Some(wrong) = wrong { div.note.bad role="alert" { p { (wrong) } } }
            form.card method="post" action=(format!("/invitations/{token}")) {
                input type="hidden" name="username" autocomplete="username" value=(account.body.email);
                (password_fields("password", "again"))
                button type="submit" { "Set the password and sign in" }
            }
            p.soft.small { "This link works once." }
        }
    })
}

/// A new password, twice.
pub(super) fn password_fields(first: &str, second: &str) -> Markup {
    html! {
        div.field {
            label for=(first) { "New password" }
            input id=(first) name=(first) type="password" autocomplete="new-password" required minlength="8" maxlength="256" aria-describedby="password-hint";
            span.hint #password-hint { "At least 15 characters: a few unrelated words." }
        }
        div.field {
            label for=(second) { "The same again" }
            input id=(second) name=(second) type="password" autocomplete="new-password" required maxlength="256";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_server() {
        for (next, to) in [
            ("/runs?term=1", "/runs?term=1"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("", "/"),
            ("/a\r\nset-cookie: x", "/"),
            ("/\u{1}", "/"),
        ] {
            assert_eq!(local(next), to, "{next}");
        }
    }

    #[test]
    fn what_was_typed_comes_back_as_text_but_never_the_password() {
        let text = page(&[], "/runs", "<b>ana@x", Some("no")).into_string();
        assert!(text.contains("&lt;b&gt;ana@x") && text.contains("value=\"/runs\""), "{text}");
        assert!(!text.contains("style=") && !text.contains("Sign out"), "{text}");
    }
}
