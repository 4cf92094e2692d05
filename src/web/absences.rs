//! Absences: report one from an educator's week, see who could stand in, decide it with one click.

use std::collections::BTreeMap;

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, empty, pager};
use super::words;
use crate::api::absences::{Away, Choices, DutyPlan, MeetingPlan, Plan, permit};
use crate::api::access::Planner;
use crate::api::withdrawals::TakingBack;
use crate::api::{State, error::Error, extract::NoQuery, extract::Path, extract::Query};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::id::{AbsenceId, EducatorId, TermId};
use crate::domain::time::{Date, Tz};
use crate::store::absences::{self, Absence};

const PAGE: usize = 50;
/// Substitutes that a duty offers.
const OFFERED: usize = 12;
/// Meetings of a duty that are listed one by one.
const LISTED: usize = 10;
/// What the form calls an adult in the room.
const ROOM: &str = "room";

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/absences", get(list))
        .route("/absences/{id}", get(show))
        .route("/absences/{id}/approve", post(approve))
        .route("/absences/{id}/withdraw", post(withdraw))
        .route("/educators/{id}/absences", post(report))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    before: Option<AbsenceId>,
}

async fn list(Axum(state): Axum<State>, Planner(actor): Planner, Query(which): Query<Which>) -> Result<Markup, Error> {
    let one_more = i64::try_from(PAGE).unwrap_or(i64::MAX - 1) + 1;
    let found = absences::list(&mut state.db.read().await?, which.before, one_more).await?;
    Ok(index(&actor, &found, which.before.is_some()))
}

async fn show(Axum(state): Axum<State>, actor: Actor, Path(id): Path<AbsenceId>, _: NoQuery) -> Result<Markup, Error> {
    Ok(page(&actor, &state.absence(&actor, id, &Choices::default()).await?, None))
}

#[derive(Deserialize)]
struct Reported {
    term: TermId,
    first_on: Date,
    /// Empty is for good.
    #[serde(default)]
    last_on: String,
    #[serde(default)]
    reason: String,
}

async fn report(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<EducatorId>,
    _: NoQuery,
    form: Result<Form<Reported>, FormRejection>,
) -> Result<Redirect, Error> {
    permit(&actor, Verb::Write, id, "educator", &id.to_string())?;
    let Form(form) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let last_on = match form.last_on.trim() {
        "" => None,
        date => Some(date.parse().map_err(|message: String| Error::field("/last_on", message))?),
    };
    let away = Away { term_id: form.term, first_on: form.first_on, last_on, reason: form.reason };
    let absence = state.report_absence(&actor, id, away).await?;
    Ok(Redirect::to(&format!("/absences/{absence}")))
}

async fn withdraw(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<AbsenceId>,
    _: NoQuery,
) -> Result<Response, Error> {
    match state.withdraw_absence(&actor, id).await {
        Ok(_) => Ok(Redirect::to(&format!("/absences/{id}")).into_response()),
        Err(Error::Conflict(why)) => {
            let plan = state.absence(&actor, id, &Choices::default()).await?;
            Ok((StatusCode::CONFLICT, page(&actor, &plan, Some(&why))).into_response())
        }
        Err(other) => Err(other),
    }
}

async fn approve(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<AbsenceId>,
    _: NoQuery,
    form: Result<Form<BTreeMap<String, String>>, FormRejection>,
) -> Result<Response, Error> {
    let Form(fields) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let mut choices = Choices::default();
    for (field, value) in fields {
        let Some(duty) = field.strip_prefix("duty-") else { continue };
        let choice =
            if value == ROOM { None } else { Some(value.parse().map_err(|text: String| Error::field("", text))?) };
        choices.choices.insert(duty.into(), choice);
    }
    let why = match state.approve_absence(&actor, id, &choices).await {
        Ok(_) => return Ok(Redirect::to(&format!("/absences/{id}")).into_response()),
        Err(Error::Fields(issues)) => issues.into_iter().map(|issue| issue.message).collect::<Vec<_>>().join("; "),
        Err(Error::Conflict(why)) => why,
        Err(other) => return Err(other),
    };
    let plan = state.absence(&actor, id, &Choices::default()).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&actor, &plan, Some(&why))).into_response())
}

/// What the week of an educator offers to them and to whoever plans, with what is reported already.
pub(super) fn form(educator: EducatorId, term: TermId, monday: Date, known: &[Absence], own: bool) -> Markup {
    html! {
        section.card.noprint aria-labelledby="away" {
            h2 #away { "Away" }
            @if !known.is_empty() {
                ul.day-list { @for absence in known { li {
                    a href=(format!("/absences/{}", absence.id)) { (days(absence)) } " "
                    @if absence.approved_at.is_some() { span.badge.good { "Decided" } } @else { span.badge.warn { "Open" } }
                } } }
            }
            @if own { p.soft { "The days become time off, and the staffing office decides who stands in. You can take it back until the first session of those days begins." } }
            @else { p.soft { "The days become time off. The next page says who could stand in, with license, clearance and time checked for those dates." } }
            form method="post" action=(format!("/educators/{educator}/absences")) {
                input type="hidden" name="term" value=(term);
                div.field { label for="first_on" { "From" } input #first_on name="first_on" type="date" required value=(monday); }
                div.field {
                    label for="last_on" { "To" }
                    input #last_on name="last_on" type="date" aria-describedby="last_on-hint";
                    span.hint #last_on-hint { "Empty: to the end of the term." }
                }
                div.field { label for="reason" { "Why" } input #reason name="reason" maxlength="200" autocomplete="off"; }
                button type="submit" { "Report the absence" }
            }
        }
    }
}

fn index(actor: &Actor, found: &[Absence], further: bool) -> Markup {
    let shown = &found[..found.len().min(PAGE)];
    let next = shown.last().filter(|_| found.len() > PAGE).map(|last| format!("/absences?before={}", last.id));
    Page::new("Absences", Place::Absences, actor).show(&html! {
        h1 { "Absences" }
        @if shown.is_empty() {
            (empty("Nobody is away", &html! { p { "Report an absence from the " a href="/educators" { "week of an educator" } "." } }))
        } @else {
            table.stack {
                caption.unseen { "Absences, newest first" }
                thead { tr { th scope="col" { "Who" } th scope="col" { "When" } th scope="col" { "Why" } th scope="col" { "State" } } }
                tbody { @for absence in shown {
                    tr {
                        th scope="row" { a href=(format!("/absences/{}", absence.id)) { (absence.educator_name) } }
                        td data-label="When" { (days(absence)) }
                        td.soft data-label="Why" { (absence.reason) }
                        td data-label="State" {
                            @if absence.withdrawn_at.is_some() { span.badge.soft { "Taken back" } } @else if absence.approved_at.is_some() { span.badge.good { "Decided" } } @else { span.badge.warn { "Open" } }
                        }
                    }
                } }
            }
            (pager(further.then_some("/absences"), next.as_deref()))
        }
    })
}

fn days(absence: &Absence) -> String {
    if absence.first_on == absence.last_on {
        words::long_date(absence.first_on)
    } else {
        format!("{} to {}", words::long_date(absence.first_on), words::long_date(absence.last_on))
    }
}

fn page(actor: &Actor, plan: &Plan, wrong: Option<&str>) -> Markup {
    let absence = &plan.absence;
    let title = format!("{} is away", absence.educator_name);
    let plans = actor.may(Verb::Read, Thing::Planning);
    let week = format!("/educators/{}/week?on={}", absence.educator_id, absence.first_on);
    let place = if plans { Place::Absences } else { Place::Educators };
    Page::new(&title, place, actor).show(&html! {
        h1 { (title) }
        p.soft { (days(absence)) @if !absence.reason.is_empty() { " · " (absence.reason) } }
        @if let Some(wrong) = wrong { div.note.bad role="alert" { p { (wrong) } } }
        @if absence.withdrawn_at.is_some() {
            div.note { p { "It was taken back. The days are no time off any more, and whoever is concerned is told. See the " a href=(week) { "week" } "." } }
        } @else if absence.approved_at.is_some() {
            div.note { p { "It is decided who stands in, and everybody concerned is told. See the " a href=(week) { "week" } "." } }
        } @else if !plans {
            div.note { p { "It is reported. The staffing office decides who stands in. See your " a href=(week) { "week" } "." } }
        } @else if plan.duties.is_empty() && plan.missed.is_empty() {
            (empty("No published meetings on these days", &html! { p { "Nobody has to stand in. Later runs plan around the days." } }))
        } @else {
            form method="post" action=(format!("/absences/{}/approve", absence.id)) {
                @for duty in &plan.duties { (of_duty(duty)) }
                @if !plan.missed.is_empty() {
                    section.card aria-labelledby="missed" {
                        h2 #missed { "Not held" }
                        p { "These sessions of services have begun, and nothing is logged of them: they will be logged as missed because the educator was absent. If one was held after all, log it first." }
                        ul.day-list { @for one in &plan.missed { li { (when(one)) } } }
                    }
                }
                @if plan.duties.is_empty() { button type="submit" { "Log these sessions as missed" } }
                @else { button type="submit" { "Hand over these meetings and tell everybody" } }
            }
        }
        @if let Some(meaning) = &plan.taking_back { (way_back(absence, meaning)) }
    })
}

/// What taking it back means, and the button.
fn way_back(absence: &Absence, meaning: &TakingBack) -> Markup {
    let sessions = |n: usize| words::plural(n, "session");
    html! {
        section.card.noprint aria-labelledby="back" {
            h2 #back { "Take it back" }
            @if absence.approved_at.is_none() {
                p { "The days are no time off any more. Nobody has been asked to stand in yet." }
            } @else {
                p { (sessions(meaning.meetings)) " return to " (absence.educator_name) "; everybody concerned gets an updated invitation or a cancellation." }
                @if !meaning.released.is_empty() || meaning.rooms > 0 {
                    ul {
                        @for one in &meaning.released { li { (one.name) " no longer stands in for " (sessions(one.meetings)) "." } }
                        @if meaning.rooms > 0 { li { "The districts are told that no adult is needed in the room for " (sessions(meaning.rooms)) "." } }
                    }
                }
            }
            form.plain method="post" action=(format!("/absences/{}/withdraw", absence.id)) {
                button.danger type="submit" { "Take the absence back" }
            }
        }
    }
}

fn of_duty(duty: &DutyPlan) -> Markup {
    let field = format!("duty-{}", duty.id);
    let may = duty.substitutes.iter().filter(|one| one.refused.is_none());
    let mut why: BTreeMap<&str, usize> = BTreeMap::new();
    for refused in duty.substitutes.iter().filter_map(|one| one.refused.as_deref()) {
        *why.entry(refused).or_default() += 1;
    }
    html! {
        section.card aria-label=(duty.title) {
            h2 { (duty.title) }
            p.soft { (duty.school) }
            ul {
                @for meeting in duty.meetings.iter().take(LISTED) {
                    li { (when(meeting)) }
                }
                @if duty.meetings.len() > LISTED { li { "and " (duty.meetings.len() - LISTED) " more" } }
            }
            div.field {
                label for=(field) { "Who stands in" }
                select id=(field) name=(field) {
                    @for one in may.take(OFFERED) {
                        option value=(one.educator_id) selected[duty.taken_by == Some(one.educator_id)] { (one.name) }
                    }
                    option value=(ROOM) selected[duty.taken_by.is_none()] { "Nobody: an adult in the room" }
                }
            }
            @if !why.is_empty() {
                details {
                    summary { "Who cannot" }
                    ul { @for (rule, count) in &why { li { (count) " of them: " (rule) } } }
                }
            }
        }
    }
}

/// `Fri, Sep 4, 8:00–8:45 AM EDT`, on the school's clock.
fn when(meeting: &MeetingPlan) -> String {
    words::meeting(meeting.tz.parse().unwrap_or(Tz::UTC), meeting.held_on, meeting.starts, meeting.ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::absences::{MeetingPlan, SubstitutePlan};
    use crate::domain::id::{NeedId, RecordId as _, SessionId};
    use crate::web::samples;

    #[test]
    fn a_duty_offers_who_may_with_the_first_chosen_and_says_why_others_cannot() {
        let one = |name: &str, refused: Option<&str>| SubstitutePlan {
            educator_id: EducatorId::fresh(),
            name: name.into(),
            cents: refused.is_none().then_some(-5),
            refused: refused.map(Into::into),
            filter: refused.map(|_| "validity".into()),
        };
        let substitutes = vec![one("<i>Bo</i>", None), one("Cy", None), one("Di", Some("H01, license"))];
        let (first, last_on) = (substitutes[0].educator_id, Date::ymd(2026, 9, 4));
        let plan = Plan {
            absence: Absence {
                id: AbsenceId::fresh(),
                term_id: TermId::fresh(),
                educator_id: EducatorId::fresh(),
                educator_name: "Ana".into(),
                first_on: Date::ymd(2026, 9, 2),
                last_on,
                reason: "ill".into(),
                created_by: "x".into(),
                created_at: samples::now(),
                approved_by: None,
                approved_at: None,
                withdrawn_by: None,
                withdrawn_at: None,
            },
            duties: vec![DutyPlan {
                id: NeedId::fresh(),
                title: "Algebra".into(),
                school: "Lincoln".into(),
                meetings: vec![MeetingPlan {
                    session_id: SessionId::fresh(),
                    held_on: last_on,
                    starts: "08:00".parse().expect("a clock"),
                    ends: "08:45".parse().expect("a clock"),
                    tz: "America/New_York".into(),
                }],
                substitutes,
                taken_by: Some(first),
            }],
            missed: vec![MeetingPlan {
                session_id: SessionId::fresh(),
                held_on: Date::ymd(2026, 9, 3),
                starts: "10:00".parse().expect("a clock"),
                ends: "10:30".parse().expect("a clock"),
                tz: "America/New_York".into(),
            }],
            taking_back: None,
        };
        let text = page(&samples::actor(), &plan, None).into_string();
        assert!(text.contains(&format!("<option value=\"{first}\" selected>&lt;i&gt;Bo")), "{text}");
        assert!(text.contains("1 of them: H01, license") && !text.contains("Di</option>"), "{text}");
        assert!(text.contains("Fri, Sep 4, 8:00–8:45 AM EDT") && text.contains("an adult in the room"));
        assert!(
            text.contains("they will be logged as missed") && text.contains("Thu, Sep 3, 10:00–10:30 AM EDT"),
            "{text}"
        );
    }
}
