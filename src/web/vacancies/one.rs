//! One vacancy: where it stands, what is to be done and by whom, who is proposed, what is ready, and its steps.

use axum::Form;
use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::parts::{self, answer, badge, classes, deadline, due, offered, spent};
use super::party;
use crate::api::access::Planner;
use crate::api::vacancies::Standing;
use crate::api::{State, error::Error, extract::NoQuery, extract::Path};
use crate::domain::actor::{Actor, Reach, Thing, Verb};
use crate::domain::id::{AccountId, VacancyId};
use crate::domain::time;
use crate::domain::vacancy::letters::moment;
use crate::domain::vacancy::{Party, Stage};
use crate::store::accounts;
use crate::store::vacancies::Offer;
use crate::web::layout::{Page, Place, figure};
use crate::web::words;

/// A vacancy with the names of those who moved it.
struct View {
    standing: Standing,
    /// Of each step, in order.
    movers: Vec<String>,
}

pub async fn read(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<VacancyId>,
    _: NoQuery,
) -> Result<Markup, Error> {
    show(&state, &actor, id, None).await
}

/// The page, with what was wrong with what somebody just did.
pub async fn show(state: &State, actor: &Actor, id: VacancyId, wrong: Option<&str>) -> Result<Markup, Error> {
    let standing = state.vacancy(actor, id).await?;
    let mut tx = state.db.read().await?;
    let mut movers = Vec::new();
    for step in &standing.steps {
        let account = step.actor.strip_prefix("account:").and_then(|id| id.parse::<AccountId>().ok());
        let account = match account {
            Some(id) => accounts::find(&mut tx, id).await?,
            None => None,
        };
        movers.push(account.map_or_else(|| words::kind(&step.actor), |account| account.body.name));
    }
    Ok(page(actor, &View { standing, movers }, wrong))
}

/// What went wrong as a sentence for the page; anything else is a refusal of its own.
pub fn said(error: Error) -> Result<(StatusCode, String), Error> {
    let status = error.status();
    match error {
        Error::Fields(issues) => {
            let all: Vec<String> = issues.into_iter().map(|issue| issue.message).collect();
            Ok((status, words::kind(&format!("{}.", all.join("; ")))))
        }
        Error::Conflict(why) => Ok((status, words::kind(&format!("{why}.")))),
        other => Err(other),
    }
}

/// Back to the vacancy, or the same page with what was wrong.
pub async fn done<T>(state: &State, actor: &Actor, id: VacancyId, result: Result<T, Error>) -> Result<Response, Error> {
    match result {
        Ok(_) => Ok(Redirect::to(&format!("/vacancies/{id}")).into_response()),
        Err(error) => {
            let (status, why) = said(error)?;
            Ok((status, show(state, actor, id, Some(&why)).await?).into_response())
        }
    }
}

#[derive(Deserialize)]
pub struct Taken {
    stage: String,
    #[serde(default)]
    reason: String,
}

pub async fn step(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<VacancyId>,
    _: NoQuery,
    form: Result<Form<Taken>, FormRejection>,
) -> Result<Response, Error> {
    let Form(taken) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let stage: Stage = taken.stage.parse().map_err(|message: String| Error::field("/stage", message))?;
    let result = state.step_vacancy(&actor, id, stage, &taken.reason).await;
    done(&state, &actor, id, result).await
}

#[derive(Deserialize)]
pub struct Ready {
    item: String,
    #[serde(default)]
    ready: String,
}

pub async fn ready(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<VacancyId>,
    _: NoQuery,
    form: Result<Form<Ready>, FormRejection>,
) -> Result<Response, Error> {
    let Form(Ready { item, ready }) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let result = state.ready_vacancy(&actor, id, &item, ready == "yes").await;
    done(&state, &actor, id, result).await
}

#[derive(Deserialize)]
pub struct Within {
    days: i64,
}

pub async fn offer(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<VacancyId>,
    _: NoQuery,
    form: Result<Form<Within>, FormRejection>,
) -> Result<Response, Error> {
    let Form(Within { days }) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let standing = state.vacancy(&actor, id).await?;
    let tz = standing.taker.map_or(standing.district.tz, |(_, fitness)| fitness.educator.tz);
    let result = state.offer_vacancy(&actor, id, due(time::now(), days, tz)).await;
    done(&state, &actor, id, result).await
}

fn page(actor: &Actor, view: &View, wrong: Option<&str>) -> Markup {
    let standing = &view.standing;
    let title = &standing.vacancy.body.title;
    let timers = standing.timers;
    Page::new(title, Place::Vacancies, actor).show(&html! {
        p.trail { a href="/vacancies" { "Vacancies" } }
        h1 { (title) }
        p.soft { (standing.district.name) ", " (standing.district.state) " · " (standing.term.name) }
        @if let Some(wrong) = wrong { div.note.bad role="alert" { p { (wrong) } } }
        section.card aria-labelledby="stands" {
            h2 #stands { "Where it stands" }
            p.verdict {
                (badge(standing.stage))
                @if let Some((party, what)) = standing.stage.next() {
                    " Next: " strong { (what) } ", " @if party_of(actor) == Some(party) { "which is yours" } @else { "by the " (party.title().to_lowercase()) } "."
                }
            }
            dl.figures {
                @if let Some(minutes) = timers.minutes_to_propose { (figure(&spent(minutes), "to the first proposal")) }
                @if let Some(minutes) = timers.minutes_to_fill { (figure(&spent(minutes), "to a live class")) }
                (figure(&words::count(timers.days_lost), "school days lost"))
            }
            (next(actor, standing))
        }
        (taker(actor, standing))
        @if matches!(standing.stage, Stage::Onboarding | Stage::Clearing | Stage::EducatorAccepted | Stage::Live) { (readiness(actor, standing)) }
        section.card aria-labelledby="classes" {
            h2 #classes { "Classes" }
            @if standing.classes.is_empty() { p { "No section is in this vacancy any more. Withdraw it, and post another with its sections." } }
            (classes(&standing.classes, false))
        }
        (steps(view))
    })
}

fn party_of(actor: &Actor) -> Option<Party> {
    party(actor)
}

/// Whether this actor may take a step.
fn may(actor: &Actor, stage: Stage, to: Stage) -> bool {
    let office = actor.may(Verb::Write, Thing::Planning);
    let district = actor.may(Verb::Write, Thing::Record("vacancy"));
    match stage.mover(to) {
        Some(Party::Office | Party::Educator) => office,
        Some(Party::District) => district,
        Some(Party::Clock) | None => false,
    }
}

/// What this actor can do now.
fn next(actor: &Actor, standing: &Standing) -> Markup {
    let (id, stage) = (standing.vacancy.id, standing.stage);
    let to = format!("/vacancies/{id}/steps");
    let plain = |next: Stage, said: &str| {
        html! {
            @if may(actor, stage, next) {
                form method="post" action=(to) {
                    input type="hidden" name="stage" value=(next);
                    button type="submit" { (said) }
                }
            }
        }
    };
    let reasoned: Vec<Stage> = stage
        .steps()
        .iter()
        .map(|(next, _)| *next)
        .filter(|next| next.is_taken_by_hand() && stage.needs_reason(*next) && may(actor, stage, *next))
        .collect();
    html! {
        @if may(actor, stage, Stage::Proposed) { p { a.button href=(format!("/vacancies/{id}/candidates")) { "Propose an educator" } } }
        @if may(actor, stage, Stage::Offered) {
            form method="post" action=(format!("/vacancies/{id}/offers")) {
                (deadline("offer-days", 3))
                button type="submit" { "Make the offer" }
            }
        }
        @if matches!(stage, Stage::Draft | Stage::Declined | Stage::Expired) {
            (plain(Stage::Open, if stage == Stage::Draft { "Open it" } else { "Open it again" }))
        }
        (plain(Stage::Clearing, "Begin clearing"))
        (plain(Stage::Onboarding, "License and clearance are good: onboard"))
        (plain(Stage::Live, "Go live"))
        (plain(Stage::Closed, "Close it"))
        @if !reasoned.is_empty() {
            details {
                summary { "Take it back or end it" }
                form method="post" action=(to) {
                    div.field {
                        label for="stage" { "Step" }
                        select #stage name="stage" { @for next in &reasoned { option value=(next) { (ending(*next)) } } }
                    }
                    div.field { label for="why" { "Why" } input #why name="reason" required maxlength="500" autocomplete="off"; }
                    button.danger type="submit" { "Do it" }
                }
            }
        }
    }
}

fn ending(stage: Stage) -> &'static str {
    match stage {
        Stage::Open => "Back to open: look for somebody else",
        Stage::Withdrawn => "Withdraw: the district needs nobody any more",
        Stage::Cancelled => "Cancel: the office cannot fill it",
        _ => "End it: the class runs out",
    }
}

/// Whoever is proposed, offered or has accepted, with what is missing of them today.
fn taker(actor: &Actor, standing: &Standing) -> Markup {
    let Some((educator, fitness)) = &standing.taker else { return history(standing) };
    let asked = standing.offers.iter().rev().find(|offer| offer.educator_id == *educator);
    let waiting = standing.offers.iter().find(|offer| offer.waits());
    let pay = actor.may(Verb::Read, Thing::Planning);
    html! {
        section.card aria-labelledby="who" {
            h2 #who { (heading(standing.stage)) ": " (fitness.educator.display_name) }
            @if let Some(offer) = waiting {
                p { "An answer is due by " strong { (moment(offer.deadline_at, standing.district.tz)) } "." }
            }
            @if fitness.missing.is_empty() {
                p { span.badge.good { "Covered" } " License and clearance cover every class today." }
            } @else {
                div.note.bad {
                    p { strong { "As things are, it cannot go live:" } }
                    ul { @for why in &fitness.missing { li { (words::kind(why)) } } }
                }
            }
            @if let Some(offer) = asked {
                @let shown = if pay { offer.terms.clone() } else { crate::domain::vacancy::terms::Terms { pay_cents_per_week: None, ..offer.terms.clone() } };
                (parts::terms(&shown, false))
            }
            @if let Some(offer) = waiting.filter(|offer| answers(actor, offer)) {
                @if offer.is_proposal() { (answer(offer, "proposal", "Accept the proposal", "Never at our schools: a ban in every later run")) }
                @else {
                    details { summary { "The educator has answered by telephone" }
                        (answer(offer, "offer", "They accept", "Never at these schools: a ban in every later run"))
                    }
                }
            }
        }
        (history(standing))
    }
}

/// Whether the answer is this actor's to give.
fn answers(actor: &Actor, offer: &Offer) -> bool {
    match actor.reach(Verb::Write, Thing::Offers) {
        Reach::All => true,
        Reach::Districts(districts) => offer.is_proposal() && districts.contains(&offer.district_id),
        Reach::Own(_) | Reach::Nothing => false,
    }
}

fn heading(stage: Stage) -> &'static str {
    match stage {
        Stage::Proposed => "Proposed",
        Stage::DistrictAccepted => "Accepted by the district",
        Stage::Offered => "Offered to",
        Stage::Live | Stage::Ending => "Teaches it",
        _ => "Has accepted",
    }
}

fn history(standing: &Standing) -> Markup {
    let over: Vec<&Offer> = standing.offers.iter().rev().filter(|offer| !offer.waits()).collect();
    html! {
        @if !over.is_empty() {
            section.card aria-labelledby="asked" {
                h2 #asked { "Proposals and offers" }
                ul.day-list { @for offer in over { li { (offered(offer, standing.district.tz)) } } }
            }
        }
    }
}

fn readiness(actor: &Actor, standing: &Standing) -> Markup {
    let may = actor.may(Verb::Write, Thing::Record("vacancy"));
    let done = standing.readiness.iter().filter(|(.., done)| done.is_some()).count();
    html! {
        section.card aria-labelledby="ready" {
            h2 #ready { "Ready: " (done) " of " (standing.readiness.len()) }
            p.soft { "The class goes live when the district has all of it and license and clearance are good." }
            ul.decisions { @for (item, title, done) in &standing.readiness {
                li {
                    span {
                        @if done.is_some() { span.badge.good { "Ready" } } @else { span.badge.warn { "Open" } } " " (title)
                        @if let Some(done) = done { span.soft.small { " · " (moment(done.at, standing.district.tz)) } }
                    }
                    @if may {
                        form.plain method="post" action=(format!("/vacancies/{}/readiness", standing.vacancy.id)) {
                            input type="hidden" name="item" value=(item);
                            input type="hidden" name="ready" value=(if done.is_some() { "no" } else { "yes" });
                            button.quiet type="submit" { @if done.is_some() { "Not ready" } @else { "Ready" } span.unseen { ": " (title) } }
                        }
                    }
                }
            } }
        }
    }
}

fn steps(view: &View) -> Markup {
    let standing = &view.standing;
    html! {
        section.card aria-labelledby="steps" {
            h2 #steps { "Steps" }
            table.stack {
                caption.unseen { "Who moved it, when and why" }
                thead { tr { th scope="col" { "Stage" } th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "Why" } } }
                tbody { @for (step, mover) in standing.steps.iter().zip(&view.movers) {
                    tr {
                        th scope="row" { (words::kind(&step.stage.title())) }
                        td data-label="When" { (moment(step.at, standing.district.tz)) }
                        td data-label="Who" { (mover) }
                        td.soft data-label="Why" { (step.reason) }
                    }
                } }
            }
        }
    }
}
