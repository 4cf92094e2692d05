//! The passkeys of one's own account, and signing in with one. `assets/passkey.js` stands between these forms and the
//! browser.

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place};
use super::sign_in::{entered, local, sent_back};
use super::totp::{password, shown_once};
use super::words;
use crate::api::access::Owner;
use crate::api::sign_in::Knock;
use crate::api::{State, error::Error, extract::NoQuery, extract::Path};
use crate::domain::account::Passkey;
use crate::domain::actor::Actor;
use crate::domain::id::PasskeyId;
use crate::store::passkeys;

pub(super) const SCRIPTS: &[&str] = &["passkey.js"];

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/account/passkeys", get(show).post(add))
        .route("/account/passkeys/begin", post(begin))
        .route("/account/passkeys/{id}/remove", post(remove))
        .route("/sign-in/passkey", post(enter))
        .route("/sign-in/passkey/begin", post(ask))
}

async fn show(Axum(state): Axum<State>, Owner(actor): Owner, _: NoQuery) -> Result<Markup, Error> {
    page(&state, &actor, None).await
}

#[derive(Deserialize)]
struct Password {
    #[serde(default)]
    password: String,
}

/// The challenge, as JSON for the script.
async fn begin(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Password>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    match state.offer_passkey(&actor, &knock, typed.password).await? {
        Some(asked) => Ok(asked_for(asked)),
        None => Err(Error::field("/password", WRONG)),
    }
}

const UNKNOWN: &str = "That passkey is not known here, or took too long. Try again, or use your password.";
const WRONG: &str = "The password is not right.";

fn asked_for(asked: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], asked).into_response()
}

#[derive(Deserialize)]
struct New {
    name: String,
    answer: String,
}

async fn add(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<New>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    match state.add_passkey(&actor, &knock, &typed.name, &typed.answer).await? {
        Ok(added) if added.codes.is_empty() => Ok(Redirect::to("/account/passkeys").into_response()),
        Ok(added) => {
            let codes: Vec<String> = added.codes.into_iter().collect();
            Ok(shown_once(&actor, &codes).into_response())
        }
        Err(why) => Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&state, &actor, Some(why)).await?).into_response()),
    }
}

async fn remove(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    Path(id): Path<PasskeyId>,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Password>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    if state.remove_passkey(&actor, &knock, id, typed.password).await? {
        return Ok(Redirect::to("/account/passkeys").into_response());
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&state, &actor, Some(WRONG)).await?).into_response())
}

async fn ask(Axum(state): Axum<State>, _: NoQuery, knock: Knock) -> Result<Response, Error> {
    state.ask_for_passkey(&knock).await.map(asked_for)
}

#[derive(Deserialize)]
struct Answer {
    answer: String,
    #[serde(default)]
    next: String,
}

async fn enter(
    Axum(state): Axum<State>,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Answer>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    match state.enter_by_passkey(&knock, &typed.answer).await? {
        Some(secret) => entered(&state, &secret, local(&typed.next)),
        None => Ok(sent_back(&state, &typed.next, UNKNOWN)),
    }
}

/// The button that asks the browser for a passkey.
pub(super) fn sign_in_form(next: &str) -> Markup {
    html! {
        form.card method="post" action="/sign-in/passkey" data-passkey="get" data-begin="/sign-in/passkey/begin" {
            input type="hidden" name="next" value=(local(next));
            input type="hidden" name="answer";
            p.wrong role="alert" data-note hidden {}
            button.quiet type="submit" { "Sign in with a passkey" }
            noscript { p.soft.small { "Passkeys need JavaScript." } }
        }
    }
}

const TITLE: &str = "Passkeys";

async fn page(state: &State, actor: &Actor, wrong: Option<&str>) -> Result<Markup, Error> {
    let kept = passkeys::list(&mut state.db.read().await?, actor.account).await?;
    Ok(rendered(actor, &kept, wrong))
}

fn rendered(actor: &Actor, kept: &[Passkey], wrong: Option<&str>) -> Markup {
    let mut frame = Page::new(TITLE, Place::Account, actor);
    frame.scripts = SCRIPTS;
    frame.show(&html! {
        div.narrow {
            h1 { (TITLE) }
            @if let Some(wrong) = wrong { div.note.bad role="alert" { p { (wrong) } } }
            p { "A passkey lets you in by fingerprint, face or PIN of your device, without a password; no other page can ask for it. With one, your password alone does not let anybody in any more." }
            @for passkey in kept {
                form.card method="post" action=(format!("/account/passkeys/{}/remove", passkey.id)) {
                    h2 { (passkey.name) }
                    p.soft.small { "Added " (words::instant(passkey.created_at, actor.tz)) ", last used " (passkey.last_used_at.map_or("never".into(), |at| words::instant(at, actor.tz))) "." }
                    (password(&format!("password-{}", passkey.id)))
                    button.danger type="submit" { "Remove" }
                }
            }
            form.card method="post" action="/account/passkeys" data-passkey="create" data-begin="/account/passkeys/begin" {
                h2 { "Add a passkey" }
                input type="hidden" name="answer";
                div.field { label for="name" { "What to call it" } input #name name="name" required maxlength="100" placeholder="Work laptop" autocomplete="off"; }
                (password("password"))
                p.wrong role="alert" data-note hidden {}
                button type="submit" { "Add a passkey" }
            }
            a href="/account" { "Back to your account" }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RecordId as _;
    use crate::web::samples;

    #[test]
    fn a_passkey_is_shown_by_its_name_as_text_and_its_credential_not_at_all() {
        let kept = Passkey {
            id: PasskeyId::fresh(),
            name: "<b>laptop</b>".into(),
            credential: b"credential".to_vec(),
            created_at: samples::now(),
            last_used_at: None,
        };
        let text = rendered(&samples::actor(), &[kept], None).into_string();
        assert!(text.contains("&lt;b&gt;laptop") && text.contains("never") && text.contains("passkey.js"), "{text}");
        assert!(!text.contains("credential"), "{text}");
    }
}
