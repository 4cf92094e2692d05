//! What an account's owner chooses for themselves: the name they are greeted by, the clock they read, the mails they get.

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::response::Redirect;
use axum::routing::post;
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::words;
use crate::api::access::Owner;
use crate::api::{State, error::Error, extract::NoQuery};
use crate::domain::account::{Account, AccountBody};
use crate::domain::actor::Actor;
use crate::domain::records::Educator;
use crate::domain::time::{self, Tz};
use crate::store::{self, Tx, accounts, mail};

/// The clocks of the United States; whoever has another keeps it.
pub(super) const ZONES: [Tz; 11] = [
    Tz::America__New_York,
    Tz::America__Detroit,
    Tz::America__Indiana__Indianapolis,
    Tz::America__Chicago,
    Tz::America__Denver,
    Tz::America__Boise,
    Tz::America__Phoenix,
    Tz::America__Los_Angeles,
    Tz::America__Anchorage,
    Tz::Pacific__Honolulu,
    Tz::America__Puerto_Rico,
];

pub(super) fn routes() -> Router<State> {
    Router::new().route("/account/profile", post(save)).route("/account/mails", post(mails))
}

/// Whether digests of the schedule reach an educator, and where; none where nobody would send any.
pub struct Digests {
    address: String,
    refused: bool,
}

impl Digests {
    pub async fn read(tx: &mut Tx, actor: &Actor) -> Result<Option<Self>, Error> {
        let Some(id) = actor.educator else { return Ok(None) };
        let Some(address) = store::get::<Educator>(tx, id).await?.body.email else { return Ok(None) };
        let refused = mail::is_refused(tx, &address, true).await?;
        Ok(Some(Self { address, refused }))
    }
}

#[derive(Deserialize)]
struct Profile {
    name: String,
    /// Empty: that of their educator, else UTC.
    tz: String,
    /// Version of the account that was seen.
    seen: i64,
}

async fn save(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    _: NoQuery,
    form: Result<Form<Profile>, FormRejection>,
) -> Result<Redirect, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let tz = match typed.tz.as_str() {
        "" => None,
        name => Some(name.parse::<Tz>().map_err(|_| Error::field("/tz", "choose a zone from the list"))?),
    };
    let mut tx = state.write(&actor).await?;
    let kept = accounts::get(&mut tx, actor.account).await?;
    let body = AccountBody { name: typed.name, tz, ..kept.body };
    accounts::update(&mut tx, actor.account, typed.seen, body).await?;
    tx.commit().await?;
    Ok(Redirect::to("/account"))
}

#[derive(Deserialize)]
struct Wish {
    wanted: bool,
}

async fn mails(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    _: NoQuery,
    form: Result<Form<Wish>, FormRejection>,
) -> Result<Redirect, Error> {
    let Form(Wish { wanted }) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let mut tx = state.write(&actor).await?;
    let digests = Digests::read(&mut tx, &actor).await?;
    let Digests { address, .. } = digests.ok_or_else(|| Error::Conflict("no mails go to this account".into()))?;
    if wanted {
        mail::lift(&mut tx, &address).await?;
    } else {
        mail::refuse(&mut tx, &address, true, "asked so on the page of the account").await?;
    }
    tx.commit().await?;
    Ok(Redirect::to("/account"))
}

pub fn card(actor: &Actor, account: &Account, digests: Option<&Digests>) -> Markup {
    let body = &account.body;
    let own = body.tz.filter(|tz| !ZONES.contains(tz));
    let now = time::now();
    html! {
        section.card aria-labelledby="profile" {
            h2 #profile { "Profile" }
            form method="post" action="/account/profile" {
                input type="hidden" name="seen" value=(account.version);
                div.fields {
                    div.field { label for="own-name" { "Name" } input #own-name name="name" value=(body.name) required maxlength="200" autocomplete="name"; }
                    div.field {
                        label for="tz" { "Your clock" }
                        select #tz name="tz" aria-describedby="tz-hint" {
                            option value="" selected[body.tz.is_none()] { @if actor.educator.is_some() { "The same as my week’s" } @else { "UTC" } }
                            @for tz in own.iter().chain(&ZONES) { option value=(tz.name()) selected[body.tz == Some(*tz)] { (tz.name().replace('_', " ")) " (" (words::zone(now, *tz)) ")" } }
                        }
                        span.hint #tz-hint { "For what belongs to no school: when something was asked for, published or sent. Sessions stand on the clocks of those who meet." }
                    }
                }
                button type="submit" { "Save the profile" }
            }
            @if let Some(digests) = digests {
                h3 { "Mails" }
                p {
                    @if digests.refused { "You get no mails when your schedule changes. What asks for a decision still comes to " (digests.address) "." }
                    @else { "When your schedule changes, a mail goes to " (digests.address) "." }
                }
                form.plain method="post" action="/account/mails" {
                    input type="hidden" name="wanted" value=(digests.refused);
                    button.quiet type="submit" { @if digests.refused { "Send me these mails" } @else { "Send me none of these" } }
                }
            }
        }
    }
}
