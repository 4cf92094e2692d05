//! Signing in through an identity provider, and the links of one's own account to them.

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::Page;
use super::sign_in::{local, onward, sent_back};
use super::totp::{framed, password};
use super::words;
use crate::api::access::Owner;
use crate::api::providers::{Arrival, Departure, Return};
use crate::api::sign_in::Knock;
use crate::api::{State, error::Error, extract::NoQuery, extract::Path, extract::Query};
use crate::config::Provider;
use crate::domain::account::ProviderLink;
use crate::domain::actor::Actor;
use crate::domain::id::LinkId;
use crate::store::links;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/sign-in/with/{provider}", post(depart))
        .route("/sign-in/with/{provider}/callback", get(arrive))
        .route("/account/links", get(show))
        .route("/account/links/{id}", post(link))
        .route("/account/links/{id}/remove", post(remove))
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    next: String,
}

async fn depart(
    Axum(state): Axum<State>,
    Path(slug): Path<String>,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Wanted>, FormRejection>,
) -> Result<Response, Error> {
    let Form(wanted) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    Ok(on_the_way(state.depart(&slug, &knock, None, local(&wanted.next)).await?))
}

/// A page that leads on. A redirect would not do: the policy keeps forms, and what they redirect to, on this server.
fn on_the_way(departure: Departure) -> Response {
    let page = Page { elsewhere: Some(&departure.address), ..Page::open("One moment") }.show(&html! {
        div.narrow {
            h1 { "One moment" }
            p { "You are on your way to your provider." }
            p { a.button #on href=(departure.address) { "Go there" } }
        }
    });
    ([(header::SET_COOKIE, departure.cookie)], page).into_response()
}

async fn arrive(
    Axum(state): Axum<State>,
    Path(slug): Path<String>,
    Query(given): Query<Return>,
    knock: Knock,
) -> Result<Response, Error> {
    match state.arrive(&slug, &knock, given).await? {
        Arrival::Entered(entered, to) => onward(&state, &entered, local(&to)),
        Arrival::Linked => Ok(Redirect::to("/account/links").into_response()),
        Arrival::Refused(why) => Ok(sent_back(&state, "", why)),
    }
}

async fn show(Axum(state): Axum<State>, Owner(actor): Owner, _: NoQuery) -> Result<Markup, Error> {
    page(&state, &actor, None).await
}

async fn link(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    Path(slug): Path<String>,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Password>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    match state.depart_to_link(&slug, &knock, &actor, typed.password).await? {
        Some(departure) => Ok(on_the_way(departure)),
        None => Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&state, &actor, Some(WRONG)).await?).into_response()),
    }
}

#[derive(Deserialize)]
struct Password {
    #[serde(default)]
    password: String,
}

const WRONG: &str = "The password is not right.";

async fn remove(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    Path(id): Path<LinkId>,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Password>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    if state.unlink(&actor, &knock, id, typed.password).await? {
        return Ok(Redirect::to("/account/links").into_response());
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&state, &actor, Some(WRONG)).await?).into_response())
}

/// A button for each provider, on the way in.
pub(super) fn buttons(providers: &[Provider], next: &str) -> Markup {
    html! {
        @for provider in providers {
            form.card method="post" action=(format!("/sign-in/with/{}", provider.slug)) {
                input type="hidden" name="next" value=(local(next));
                button.quiet type="submit" { "Sign in with " (provider.title) }
            }
        }
    }
}

const TITLE: &str = "Sign-in with a provider";

async fn page(state: &State, actor: &Actor, wrong: Option<&str>) -> Result<Markup, Error> {
    let kept = links::list(&mut state.db.read().await?, actor.account).await?;
    Ok(rendered(actor, &state.settings.providers, &kept, wrong))
}

fn rendered(actor: &Actor, providers: &[Provider], kept: &[ProviderLink], wrong: Option<&str>) -> Markup {
    let name = |issuer: &str| {
        let found = providers.iter().find(|provider| provider.issuer == issuer);
        found.map_or_else(|| issuer.to_owned(), |provider| provider.title.clone())
    };
    let body = html! {
        p { "Whoever is signed in there as the person that you link gets in here as you. If you use an app or a passkey here, it is asked for as well." }
        @for link in kept {
            form.card method="post" action=(format!("/account/links/{}/remove", link.id)) {
                h2 { (name(&link.issuer)) }
                p { (link.shown) }
                p.soft.small { "Linked " (words::instant(link.created_at, actor.tz)) ", last used " (link.last_used_at.map_or("never".into(), |at| words::instant(at, actor.tz))) "." }
                (password(&format!("password-{}", link.id)))
                button.danger type="submit" { "Unlink" }
            }
        }
        @if providers.is_empty() { p.soft { "This installation has no provider." } }
        @for provider in providers {
            form.card method="post" action=(format!("/account/links/{}", provider.slug)) {
                h2 { "Link " (provider.title) }
                (password(&format!("password-{}", provider.slug)))
                button type="submit" { "Go there" }
            }
        }
        a href="/account" { "Back to your account" }
    };
    framed(TITLE, actor, wrong, &body)
}
