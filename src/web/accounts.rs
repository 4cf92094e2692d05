//! Everyone's accounts, for whoever keeps them: invite, let back in, sign out, end.

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, pager};
use crate::api::access::{Keeper, origin};
use crate::api::{State, error::Error, extract::NoQuery, extract::Path, extract::Query};
use crate::domain::account::{Account, AccountBody};
use crate::domain::actor::{Actor, Role};
use crate::domain::id::AccountId;
use crate::domain::record::Stored;
use crate::domain::records::District;
use crate::store::{self, accounts};

const PAGE: usize = 50;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/accounts", get(list).post(create))
        .route("/accounts/{id}/invite", post(invite))
        .route("/accounts/{id}/sign-out", post(sign_out))
        .route("/accounts/{id}/reset-app", post(reset_app))
        .route("/accounts/{id}/active", post(set_active))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    after: Option<AccountId>,
}

/// Everything that the page shows.
struct View {
    accounts: Vec<Account>,
    further: bool,
    districts: Vec<Stored<District>>,
    /// Whose link it is, and the link, shown this once.
    made: Option<(String, String)>,
    wrong: Option<String>,
}

async fn view(state: &State, after: Option<AccountId>) -> Result<View, Error> {
    let mut tx = state.db.read().await?;
    let accounts = accounts::list(&mut tx, after, i64::try_from(PAGE).unwrap_or(i64::MAX - 1) + 1).await?;
    let districts = store::every::<District>(&mut tx).await?;
    Ok(View { accounts, further: after.is_some(), districts, made: None, wrong: None })
}

async fn list(Axum(state): Axum<State>, Keeper(actor): Keeper, Query(which): Query<Which>) -> Result<Markup, Error> {
    Ok(page(&actor, &view(&state, which.after).await?))
}

async fn create(
    Axum(state): Axum<State>,
    Keeper(actor): Keeper,
    _: NoQuery,
    headers: HeaderMap,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Error> {
    let Form(fields) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let made = match read(fields) {
        Ok(body) => state.invite_new(&actor, body).await,
        Err(why) => Err(Error::field("", why)),
    };
    match made {
        Ok((account, path)) => shown_once(&state, &actor, &headers, account.body.name, &path).await,
        Err(Error::Fields(issues)) => {
            let line = |issue: crate::api::error::FieldIssue| {
                format!("{} {}", issue.pointer.trim_start_matches('/'), issue.message)
            };
            refused(&state, &actor, issues.into_iter().map(line).collect::<Vec<_>>().join("; ")).await
        }
        Err(Error::Conflict(why)) => refused(&state, &actor, why).await,
        Err(other) => Err(other),
    }
}

/// The form as an account.
fn read(fields: Vec<(String, String)>) -> Result<AccountBody, String> {
    let (mut email, mut name, mut role, mut educator) = (String::new(), String::new(), String::new(), String::new());
    let mut district_ids = Vec::new();
    for (field, value) in fields {
        match field.as_str() {
            "email" => email = value,
            "name" => name = value,
            "role" => role = value,
            "educator" => educator = value,
            "district" => district_ids.push(value.parse()?),
            _ => {}
        }
    }
    let role: Role = role.parse()?;
    let educator_id = match educator.trim() {
        "" => None,
        id => Some(id.parse()?),
    };
    Ok(AccountBody { email, name, role, district_ids, educator_id, active: true, tz: None })
}

async fn refused(state: &State, actor: &Actor, why: String) -> Result<Response, Error> {
    let view = View { wrong: Some(why), ..view(state, None).await? };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(actor, &view)).into_response())
}

async fn shown_once(
    state: &State,
    actor: &Actor,
    headers: &HeaderMap,
    name: String,
    path: &str,
) -> Result<Response, Error> {
    let link = format!("{}{path}", origin(state, headers));
    let view = View { made: Some((name, link)), ..view(state, None).await? };
    Ok(page(actor, &view).into_response())
}

async fn invite(
    Axum(state): Axum<State>,
    Keeper(actor): Keeper,
    Path(id): Path<AccountId>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let path = state.invite(&actor, id).await?;
    let account = accounts::get(&mut state.db.read().await?, id).await?;
    shown_once(&state, &actor, &headers, account.body.name, &path).await
}

async fn sign_out(
    Axum(state): Axum<State>,
    Keeper(actor): Keeper,
    Path(id): Path<AccountId>,
    _: NoQuery,
) -> Result<Redirect, Error> {
    let mut tx = state.write(&actor).await?;
    accounts::sign_out_everywhere(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Redirect::to("/accounts"))
}

async fn reset_app(
    Axum(state): Axum<State>,
    Keeper(actor): Keeper,
    Path(id): Path<AccountId>,
    _: NoQuery,
) -> Result<Redirect, Error> {
    state.reset_second_factor(&actor, id).await?;
    Ok(Redirect::to("/accounts"))
}

#[derive(Deserialize)]
struct Active {
    active: bool,
}

async fn set_active(
    Axum(state): Axum<State>,
    Keeper(actor): Keeper,
    Path(id): Path<AccountId>,
    _: NoQuery,
    form: Result<Form<Active>, FormRejection>,
) -> Result<Response, Error> {
    let Form(wanted) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let mut tx = state.write(&actor).await?;
    let now = accounts::get(&mut tx, id).await?;
    let body = AccountBody { active: wanted.active, ..now.body };
    match accounts::update(&mut tx, id, now.version, body).await {
        Ok(_) => {
            tx.commit().await?;
            Ok(Redirect::to("/accounts").into_response())
        }
        Err(error @ store::StoreError::Invalid(_)) => {
            let why = error.to_string();
            drop(tx);
            refused(&state, &actor, why).await
        }
        Err(other) => Err(other.into()),
    }
}

fn page(actor: &Actor, view: &View) -> Markup {
    let shown = &view.accounts[..view.accounts.len().min(PAGE)];
    let next = shown.last().filter(|_| view.accounts.len() > PAGE).map(|last| format!("/accounts?after={}", last.id));
    Page::new("Accounts", Place::Accounts, actor).show(&html! {
        h1 { "Accounts" }
        @if let Some(wrong) = &view.wrong { div.note.bad role="alert" { p { (wrong) } } }
        @if let Some((name, link)) = &view.made {
            div.note.warn {
                p { strong { "Send this link to " (name) ": it is shown only this once, and works once, for seven days." } }
                div.field { label for="link" { "Link" } input.address #link readonly value=(link); }
            }
        }
        div.pair {
            section.card aria-labelledby="all" {
                h2 #all { "Who may sign in" }
                table.stack {
                    caption.unseen { "Accounts, oldest first" }
                    thead { tr { th scope="col" { "Name" } th scope="col" { "Role" } th scope="col" { "State" } th scope="col" { span.unseen { "Actions" } } } }
                    tbody { @for account in shown { (row(account, &view.districts)) } }
                }
                (pager(view.further.then_some("/accounts"), next.as_deref()))
            }
            (form(&view.districts))
        }
    })
}

fn row(account: &Account, districts: &[Stored<District>]) -> Markup {
    let body = &account.body;
    let of = |id| districts.iter().find(|district| district.id == id).map_or("a former district", |d| &d.body.name);
    let action = |what: &str| format!("/accounts/{}/{what}", account.id);
    html! {
        tr {
            th scope="row" { (body.name) div.soft.small { (body.email) } }
            td data-label="Role" {
                (body.role.title())
                @for id in &body.district_ids { div.soft.small { (of(*id)) } }
            }
            td data-label="State" {
                @if !body.active { span.badge.soft { "Ended" } }
                @else if account.claimed { span.badge.good { "Active" } }
                @else { span.badge.warn { "Invited" } }
            }
            td.acts {
                @if body.active {
                    form.plain method="post" action=(action("invite")) { button.quiet type="submit" { "New link" } }
                    form.plain method="post" action=(action("sign-out")) { button.quiet type="submit" { "Sign out" } }
                    form.plain method="post" action=(action("reset-app")) { button.quiet type="submit" { "Remove factors" } }
                    form.plain method="post" action=(action("active")) {
                        input type="hidden" name="active" value="false";
                        button.danger type="submit" { "End access" }
                    }
                } @else {
                    form.plain method="post" action=(action("active")) {
                        input type="hidden" name="active" value="true";
                        button.quiet type="submit" { "Let back in" }
                    }
                }
            }
        }
    }
}

fn form(districts: &[Stored<District>]) -> Markup {
    html! {
        section.card aria-labelledby="new" {
            h2 #new { "Invite somebody" }
            form method="post" action="/accounts" {
                div.field { label for="name" { "Name" } input #name name="name" required maxlength="200" autocomplete="off"; }
                div.field { label for="email" { "Mail address" } input #email name="email" type="email" required maxlength="200" autocomplete="off"; }
                div.field {
                    label for="role" { "Role" }
                    select #role name="role" required { option value="" { "Choose" } @for role in Role::ALL { option value=(role) { (role.title()) } } }
                }
                fieldset {
                    legend { "Districts" }
                    span.soft.small { "For district HR and special-education coordinators." }
                    div.checks tabindex="0" role="group" aria-label="Districts" {
                        @for district in districts {
                            label { input type="checkbox" name="district" value=(district.id); (district.body.name) " (" (district.body.state) ")" }
                        }
                    }
                }
                div.field {
                    label for="educator" { "Educator" }
                    input #educator name="educator" autocomplete="off" aria-describedby="educator-hint";
                    span.hint #educator-hint { "For an educator’s account: their id, from the address of their week." }
                }
                button type="submit" { "Make the account and its link" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{DistrictId, RecordId as _};
    use crate::web::samples;

    #[test]
    fn a_form_becomes_an_account_and_nothing_in_it_is_markup() {
        let district = DistrictId::fresh();
        let fields =
            [("email", "x@y"), ("name", "<i>Bo</i>"), ("role", "district_hr"), ("district", &district.to_string())];
        let body = read(fields.map(|(n, v)| (n.into(), v.into())).to_vec()).expect("a form");
        assert_eq!((body.role, body.district_ids.as_slice()), (Role::DistrictHr, [district].as_slice()));
        assert!(read(vec![("role".into(), "king".into())]).is_err());
        let account = Account {
            id: AccountId::fresh(),
            version: 1,
            created_at: samples::now(),
            updated_at: samples::now(),
            body,
            claimed: false,
        };
        let view = View { accounts: vec![account], further: false, districts: Vec::new(), made: None, wrong: None };
        let text = page(&samples::actor(), &view).into_string();
        assert!(
            text.contains("&lt;i&gt;Bo") && text.contains("Invited") && text.contains("a former district"),
            "{text}"
        );
    }
}
