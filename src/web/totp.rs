//! The authenticator app of one's own account: added with a picture and a code, taken away for the password.

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use maud::{Markup, PreEscaped, html};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;

use super::layout::{Page, Place};
use crate::api::access::Owner;
use crate::api::second::Offer;
use crate::api::sign_in::Knock;
use crate::api::{State, error::Error, extract::NoQuery};
use crate::domain::actor::Actor;
use crate::store::factors;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/account/app", get(show).post(begin))
        .route("/account/app/confirm", post(confirm))
        .route("/account/app/remove", post(remove))
}

async fn show(Axum(state): Axum<State>, Owner(actor): Owner, _: NoQuery) -> Result<Response, Error> {
    let (confirmed, left) = {
        let mut tx = state.db.read().await?;
        (factors::has_app(&mut tx, actor.account).await?, factors::codes_left(&mut tx, actor.account).await?)
    };
    let page = if confirmed {
        present(&actor, left, None)
    } else {
        match state.standing_offer(&actor).await? {
            Some(offer) => offered(&actor, &offer, None)?,
            None => absent(&actor, None),
        }
    };
    Ok(page.into_response())
}

async fn begin(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Password>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    if state.offer_app(&actor, &knock, typed.password).await? {
        return Ok(Redirect::to("/account/app").into_response());
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, absent(&actor, Some("The password is not right."))).into_response())
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

async fn confirm(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Code>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    if let Some(codes) = state.confirm_app(&actor, &knock, &typed.code).await? {
        if codes.is_empty() {
            return Ok(Redirect::to("/account/app").into_response());
        }
        let codes: Vec<String> = codes.into_iter().collect();
        return Ok(shown_once(&actor, &codes).into_response());
    }
    let Some(offer) = state.standing_offer(&actor).await? else {
        return Ok(Redirect::to("/account/app").into_response());
    };
    let page = offered(&actor, &offer, Some("That code is not right. Wait for the next one."))?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

#[derive(Deserialize)]
struct Password {
    password: String,
}

async fn remove(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Password>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    if state.remove_app(&actor, &knock, typed.password).await? {
        return Ok(Redirect::to("/account/app").into_response());
    }
    let left = factors::codes_left(&mut state.db.read().await?, actor.account).await?;
    let page = present(&actor, left, Some("The password is not right."));
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

const TITLE: &str = "Authenticator app";

fn absent(actor: &Actor, wrong: Option<&str>) -> Markup {
    let body = html! {
        p { "With an app on your phone, a password that somebody else learned does not let them in. A shorter password is enough then: eight characters." }
        form.card method="post" action="/account/app" {
            (password("password"))
            button type="submit" { "Add an app" }
        }
    };
    framed(TITLE, actor, wrong, &body)
}

/// A narrow page about one's account, with what was wrong above its body.
pub(super) fn framed(title: &str, actor: &Actor, wrong: Option<&str>, body: &Markup) -> Markup {
    Page::new(title, Place::Account, actor).show(&html! {
        div.narrow {
            h1 { (title) }
            @if let Some(wrong) = wrong { div.note.bad role="alert" { p { (wrong) } } }
            (body)
        }
    })
}

fn offered(actor: &Actor, offer: &Offer, wrong: Option<&str>) -> Result<Markup, Error> {
    let picture = QrCode::new(offer.address.as_bytes()).map_err(Error::internal)?;
    let picture = picture.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    // The library begins with an XML declaration, which HTML does not have.
    let picture = picture.split_once("?>").map_or(picture.as_str(), |(_, svg)| svg);
    let body = html! {
        div.card {
            p { "Scan this with your app:" }
            div role="img" aria-label="The secret as a QR code" { (PreEscaped(picture)) }
            div.field { label for="secret" { "Or type this secret" } input.address #secret readonly value=(offer.secret); }
        }
        form.card method="post" action="/account/app/confirm" {
            div.field {
                label for="code" { "Six digits that the app shows now" }
                input #code name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="40";
            }
            button type="submit" { "Confirm" }
        }
    };
    Ok(framed(TITLE, actor, wrong, &body))
}

pub(super) fn shown_once(actor: &Actor, codes: &[String]) -> Markup {
    Page::new(TITLE, Place::Account, actor).show(&html! {
        div.narrow {
            h1 { "Your recovery codes" }
            div.note.warn { p { strong { "Keep these somewhere safe: they are shown only this once. " } "Each lets you in once, where your app or passkey would be asked for." } }
            ul.card #codes { @for code in codes { li { code { (code) } } } }
            a.button href="/account" { "I have kept them" }
        }
    })
}

fn present(actor: &Actor, left: i64, wrong: Option<&str>) -> Markup {
    let body = html! {
        p { span.badge.good { "In use" } " " (left) " recovery codes are left." }
        form.card method="post" action="/account/app/remove" {
            (password("password"))
            button.danger type="submit" { "Remove the app" }
        }
    };
    framed(TITLE, actor, wrong, &body)
}

/// Asked for again before a factor changes. Of several on one page each has an id of its own.
pub(super) fn password(id: &str) -> Markup {
    html! {
        div.field {
            label for=(id) { "Your password" }
            input id=(id) name="password" type="password" autocomplete="current-password" aria-describedby=(format!("{id}-hint"));
            span.hint id=(format!("{id}-hint")) { "If you have none: sign in again and do this within ten minutes." }
        }
    }
}
