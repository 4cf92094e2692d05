//! What an educator is offered, on a phone first: deadline, both clocks, minutes, pay, courses to prepare; and the answer.
//! Districts and the office find what they have proposed and offered here too, and answer on the vacancy's page.

use axum::Form;
use axum::Router;
use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, empty, pager};
use super::vacancies::{self as pages, answer, offered, terms};
use crate::api::vacancies::Answer;
use crate::api::{State, error::Error, extract::NoQuery, extract::Path, extract::Query};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::id::OfferId;
use crate::domain::vacancy::letters::moment;
use crate::store::vacancies::{self, Offer};

const PAGE: usize = 50;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/offers", get(list))
        .route("/offers/{id}/accept", post(accept))
        .route("/offers/{id}/decline", post(decline))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    before: Option<OfferId>,
}

async fn list(Axum(state): Axum<State>, actor: Actor, Query(which): Query<Which>) -> Result<Markup, Error> {
    show(&state, &actor, &which, None).await
}

async fn show(state: &State, actor: &Actor, which: &Which, wrong: Option<&str>) -> Result<Markup, Error> {
    let reach = actor.reach(Verb::Read, Thing::Offers);
    if reach.is_nothing() {
        return Err(Error::Forbidden);
    }
    let one_more = i64::try_from(PAGE).unwrap_or(i64::MAX - 1) + 1;
    let found = vacancies::list(&mut state.db.read().await?, &reach, None, which.before, one_more).await?;
    Ok(page(actor, &found, which.before.is_some(), wrong))
}

#[derive(Deserialize)]
struct Declined {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    veto: String,
}

async fn accept(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<OfferId>,
    _: NoQuery,
) -> Result<Response, Error> {
    answered(&state, &actor, id, Answer::Accept).await
}

async fn decline(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<OfferId>,
    _: NoQuery,
    form: Result<Form<Declined>, FormRejection>,
) -> Result<Response, Error> {
    let Form(Declined { reason, veto }) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    answered(&state, &actor, id, Answer::Decline { reason, veto: veto == "yes" }).await
}

/// Back to where it was answered, with what was wrong if it was not taken.
async fn answered(state: &State, actor: &Actor, id: OfferId, answer: Answer) -> Result<Response, Error> {
    let own = actor.educator.is_some();
    let error = match state.answer_offer(actor, id, answer).await {
        Ok(_) if own => return Ok(Redirect::to("/offers").into_response()),
        Ok(offer) => return Ok(Redirect::to(&format!("/vacancies/{}", offer.vacancy_id)).into_response()),
        Err(error) => error,
    };
    // To whom it is not to answer it does not exist, which is no matter for a page of ours.
    let (status, why) = pages::said(error)?;
    let page = if own {
        show(state, actor, &Which::default(), Some(&why)).await?
    } else {
        let vacancy = vacancies::get(&mut state.db.read().await?, id).await?.vacancy_id;
        pages::show(state, actor, vacancy, Some(&why)).await?
    };
    Ok((status, page).into_response())
}

fn page(actor: &Actor, found: &[Offer], further: bool, wrong: Option<&str>) -> Markup {
    let shown = &found[..found.len().min(PAGE)];
    let next = shown.last().filter(|_| found.len() > PAGE).map(|last| format!("/offers?before={}", last.id));
    let (waiting, over): (Vec<&Offer>, Vec<&Offer>) = shown.iter().partition(|offer| offer.waits());
    let own = actor.educator.is_some();
    let title = if own { "Your offers" } else { "Proposals and offers" };
    Page::new(title, Place::Offers, actor).show(&html! {
        h1 { (title) }
        @if let Some(wrong) = wrong { div.note.bad role="alert" { p { (wrong) } } }
        @if shown.is_empty() {
            (empty("Nothing is offered yet", &html! {
                @if own { p { "When the office offers you classes, they stand here with their times on your clock, the minutes, the pay and what to prepare, and you get a mail. Nothing is yours before you accept." } }
                @else { p { "Proposals begin on the page of a " a href="/vacancies" { "vacancy" } "." } }
            }))
        }
        @for offer in &waiting { (card(offer, own)) }
        @if !over.is_empty() {
            section.card aria-labelledby="before" {
                h2 #before { "Answered" }
                ul.day-list { @for offer in &over {
                    @let tz = if own { offer.educator_tz } else { offer.district_tz };
                    li {
                        strong { @if own { (offer.title) ", " (offer.district_name) } @else { a href=(format!("/vacancies/{}", offer.vacancy_id)) { (offer.title) } } }
                        div { (offered(offer, tz)) }
                    }
                } }
            }
        }
        (pager(further.then_some("/offers"), next.as_deref()))
    })
}

fn card(offer: &Offer, own: bool) -> Markup {
    let on = offer.id.to_string();
    html! {
        section.card aria-labelledby=(on) {
            h2 id=(on) { (offer.title) ", " (offer.district_name) }
            @if own {
                p { "Answer by " strong { (moment(offer.deadline_at, offer.educator_tz)) } ". After that it goes to somebody else." }
                (terms(&offer.terms, true))
                (answer(offer, &on, "Accept", "Never at these schools: do not ask me again"))
            } @else {
                p { (offer.educator_name) " · an answer is due by " (moment(offer.deadline_at, offer.district_tz)) }
                p { a.button.quiet href=(format!("/vacancies/{}", offer.vacancy_id)) { "Open the vacancy" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::actor::Role;
    use crate::domain::id::{DistrictId, EducatorId, RecordId as _, VacancyId};
    use crate::domain::time::{Date, Tz, Weekday};
    use crate::domain::vacancy::terms::{Class, Paper, Pattern, Terms};
    use crate::web::samples;

    fn offer(state: &str) -> Offer {
        let clock = |text: &str| text.parse().expect("a clock");
        let pattern = Pattern {
            days: vec![Weekday::Mon, Weekday::Wed],
            starts: clock("13:00"),
            ends: clock("13:50"),
            own_starts: clock("11:00"),
            own_ends: clock("11:50"),
            first_on: Date::ymd(2026, 11, 30),
            last_on: Date::ymd(2026, 12, 16),
            meetings: 6,
        };
        let class = Class {
            course: "Algebra <i>I</i>".into(),
            school: "Lincoln".into(),
            tz: Tz::America__New_York,
            own_tz: Tz::America__Phoenix,
            patterns: vec![pattern],
        };
        Offer {
            id: OfferId::fresh(),
            vacancy_id: VacancyId::fresh(),
            title: "Mathematics".into(),
            district_id: DistrictId::fresh(),
            district_name: "Hudson Falls".into(),
            district_tz: Tz::America__New_York,
            educator_id: EducatorId::fresh(),
            educator_name: "Ana".into(),
            educator_tz: Tz::America__Phoenix,
            kind: "offer".into(),
            state: state.into(),
            terms: Terms {
                sections: vec![class],
                weekly_minutes: 100,
                total_minutes: 300,
                courses_to_prepare: vec!["Algebra I".into()],
                pay_cents_per_week: Some(8500),
                papers: vec![Paper { what: "NY clearance".into(), expires_on: None }],
            },
            deadline_at: samples::now(),
            made_by: "x".into(),
            made_at: samples::now(),
            answered_at: (state != "waiting").then(samples::now),
            reason: (state == "declined").then(|| "too early".into()),
        }
    }

    #[test]
    fn an_educator_sees_their_own_clock_first_with_pay_and_may_answer_what_waits() {
        let educator =
            Actor { role: Role::Educator, educator: Some(EducatorId::fresh()), ..Actor::program("Ana Lopez") };
        let text = page(&educator, &[offer("waiting"), offer("declined")], false, None).into_string();
        for part in [
            "Algebra &lt;i&gt;I",
            "Mon, Wed 11:00–11:50 AM MST<span class=\"soft\"> · there 1:00–1:50 PM EST",
            "<dd>$85.00</dd>",
            "Answer by <strong>Tue, Nov 24, 8:00 AM MST",
            "“too early”",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(text.matches("/accept\"").count(), 1);
        let others = page(&samples::actor(), &[offer("waiting")], false, None).into_string();
        assert!(!others.contains("/accept\"") && others.contains("Open the vacancy") && !others.contains("$85"));
        let none = page(&educator, &[], false, None).into_string();
        assert!(none.contains("Nothing is offered yet"));
    }
}
