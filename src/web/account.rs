//! One's own account: the password, where one is signed in, tokens for programs.

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place};
use super::settings::{self, Digests};
use super::sign_in::{entered, left, password_fields};
use super::totp::password;
use super::words;
use crate::api::access::Owner;
use crate::api::sign_in::Knock;
use crate::api::{State, WantedToken, error::Error, extract::NoQuery, extract::Path};
use crate::domain::account::{Account, ApiToken, Login};
use crate::domain::actor::{Actor, Credential, Role, Scope};
use crate::domain::id::{LoginId, TokenId};
use crate::store::{accounts, logins, tokens};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/account", get(show))
        .route("/account/password", post(change_password))
        .route("/account/sign-out", post(sign_out))
        .route("/account/logins", post(end_login))
        .route("/account/tokens", post(make_token))
        .route("/account/tokens/{id}/revoke", post(revoke_token))
}

/// Everything that the page shows.
struct View {
    account: Account,
    digests: Option<Digests>,
    logins: Vec<Login>,
    tokens: Vec<ApiToken>,
    /// Shown this once.
    made: Option<String>,
    wrong: Option<String>,
}

async fn view(state: &State, actor: &Actor) -> Result<View, Error> {
    let mut tx = state.db.read().await?;
    let account = accounts::get(&mut tx, actor.account).await?;
    let digests = Digests::read(&mut tx, actor).await?;
    let logins = logins::list(&mut tx, actor.account).await?;
    let tokens = tokens::list(&mut tx, actor.account).await?;
    Ok(View { account, digests, logins, tokens, made: None, wrong: None })
}

async fn show(Axum(state): Axum<State>, Owner(actor): Owner, _: NoQuery) -> Result<Markup, Error> {
    Ok(page(&actor, &view(&state, &actor).await?))
}

async fn refused(state: &State, actor: &Actor, why: String) -> Result<Response, Error> {
    let view = View { wrong: Some(why), ..view(state, actor).await? };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(actor, &view)).into_response())
}

#[derive(Deserialize)]
struct Passwords {
    old: String,
    password: String,
    again: String,
}

async fn change_password(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Passwords>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    if typed.password != typed.again {
        return refused(&state, &actor, "the two new passwords differ".into()).await;
    }
    match state.change_password(&actor, &knock, typed.old, typed.password).await? {
        Ok(secret) => entered(&state, &secret, "/account"),
        Err(why) => refused(&state, &actor, why).await,
    }
}

async fn sign_out(Axum(state): Axum<State>, Owner(actor): Owner, _: NoQuery) -> Result<Response, Error> {
    state.sign_out_everywhere(&actor).await?;
    left(&state)
}

#[derive(Deserialize)]
struct Ended {
    login: LoginId,
    #[serde(default)]
    password: String,
}

async fn end_login(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    _: NoQuery,
    knock: Knock,
    form: Result<Form<Ended>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    if state.end_login(&actor, &knock, typed.login, typed.password).await? {
        return Ok(Redirect::to("/account").into_response());
    }
    refused(&state, &actor, "The password is not right.".into()).await
}

async fn make_token(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    _: NoQuery,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Error> {
    let Form(fields) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let mut wanted = WantedToken { name: String::new(), scopes: Vec::new(), days: 0 };
    for (name, value) in fields {
        match name.as_str() {
            "name" => wanted.name = value,
            "days" => wanted.days = value.trim().parse().unwrap_or(0),
            "scope" => wanted.scopes.extend(value.parse::<Scope>()),
            _ => {}
        }
    }
    match state.make_token(&actor, wanted).await {
        Ok((_, token)) => {
            let view = View { made: Some(token), ..view(&state, &actor).await? };
            Ok(page(&actor, &view).into_response())
        }
        Err(Error::Fields(issues)) => {
            let why = issues.into_iter().map(|issue| issue.message).collect::<Vec<_>>().join("; ");
            refused(&state, &actor, why).await
        }
        Err(other) => Err(other),
    }
}

async fn revoke_token(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    Path(id): Path<TokenId>,
    _: NoQuery,
) -> Result<Redirect, Error> {
    let mut tx = state.write(&actor).await?;
    tokens::end(&mut tx, actor.account, id).await?;
    tx.commit().await?;
    Ok(Redirect::to("/account"))
}

fn page(actor: &Actor, view: &View) -> Markup {
    let body = &view.account.body;
    Page::new("Your account", Place::Account, actor).show(&html! {
        h1 { (body.name) }
        p.soft { (body.email) " · " (body.role.title()) }
        @if let Some(wrong) = &view.wrong { div.note.bad role="alert" { p { (wrong) } } }
        @if let Some(token) = &view.made {
            div.note.warn {
                p { strong { "Copy this token now: it is shown only this once." } }
                div.field { label for="token" { "Token" } input.address #token readonly value=(token); }
            }
        }
        (settings::card(actor, &view.account, view.digests.as_ref()))
        div.pair {
            section.card aria-labelledby="logins" {
                h2 #logins { "Where you are signed in" }
                table.stack {
                    caption.unseen { "Your logins" }
                    thead { tr { th scope="col" { "Browser" } th scope="col" { "Since" } } }
                    tbody { @for login in &view.logins {
                        tr {
                            th scope="row" {
                                (words::browser(&login.agent))
                                @if actor.credential == Credential::Login(login.id) { " " span.badge.good { "This one" } }
                            }
                            td data-label="Since" { (words::instant(login.created_at, actor.tz)) }
                        }
                    } }
                }
                @if view.logins.len() > 1 {
                    form method="post" action="/account/logins" {
                        div.field {
                            label for="login" { "End one of them" }
                            select #login name="login" required {
                                @for login in view.logins.iter().filter(|login| actor.credential != Credential::Login(login.id)) {
                                    option value=(login.id) { (words::instant(login.created_at, actor.tz)) " · " (words::browser(&login.agent)) }
                                }
                            }
                        }
                        (password("login-password"))
                        button.quiet type="submit" { "End it" }
                    }
                }
                form.plain method="post" action="/account/sign-out" { button.danger type="submit" { "Sign out everywhere" } }
                p.soft.small { "Ends all of these, and your tokens." }
            }
            section.card aria-labelledby="change" {
                h2 #change { "Change the password" }
                form method="post" action="/account/password" {
                    input type="hidden" name="username" autocomplete="username" value=(body.email);
                    div.field {
                        label for="old" { "Present password" }
                        input #old name="old" type="password" autocomplete="current-password" aria-describedby="old-hint";
                        span.hint #old-hint { "If you have none: sign in again and do this within ten minutes." }
                    }
                    (password_fields("password", "again"))
                    button type="submit" { "Change the password" }
                }
                p.soft.small { "Every other login ends." }
                p { a href="/account/passkeys" { "Passkeys" } " · " a href="/account/links" { "Sign-in with a provider" } " · " a href="/account/app" { "Authenticator app" } }
            }
        }
        (tokens_card(actor, &view.tokens))
    })
}

fn tokens_card(actor: &Actor, tokens: &[ApiToken]) -> Markup {
    let offered = Scope::ALL.into_iter().filter(|scope| *scope != Scope::Metrics || actor.role == Role::Administrator);
    html! {
        section.card aria-labelledby="tokens" {
            h2 #tokens { "Tokens for programs" }
            p.soft { "A program that sends one may do what you may, within its scopes. See the " a href="/api/docs" { "API" } "." }
            @if !tokens.is_empty() {
                table.stack {
                    caption.unseen { "Your tokens" }
                    thead { tr { th scope="col" { "Token" } th scope="col" { "Scopes" } th scope="col" { "Last used" } th scope="col" { "Ends" } th scope="col" { span.unseen { "Action" } } } }
                    tbody { @for token in tokens {
                        tr {
                            th scope="row" { (token.name) }
                            td data-label="Scopes" { (token.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ")) }
                            td data-label="Last used" { (token.last_used_at.map_or("never".into(), |at| words::instant(at, actor.tz))) }
                            td data-label="Ends" { (words::instant(token.expires_at, actor.tz)) }
                            td { form.plain method="post" action=(format!("/account/tokens/{}/revoke", token.id)) { button.danger type="submit" { "Revoke" } } }
                        }
                    } }
                }
            }
            form method="post" action="/account/tokens" {
                div.fields {
                    div.field { label for="name" { "What it is for" } input #name name="name" required maxlength="200"; }
                    div.field { label for="days" { "Days until it ends" } input #days name="days" inputmode="numeric" value="90" required; }
                }
                fieldset {
                    legend { "Scopes" }
                    @for scope in offered {
                        label.scope { input type="checkbox" name="scope" value=(scope.name()) checked[scope == Scope::Read]; (scope.name()) }
                    }
                }
                button type="submit" { "Make a token" }
            }
        }
    }
}
