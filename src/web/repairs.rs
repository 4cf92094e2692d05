//! Repairs: what befell a term since its schedule was published, the run that mends it, and whom it would move.

use std::sync::Arc;

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, empty, figure};
use super::locks;
use super::runs::table;
use super::words;
use crate::api::access::Planner;
use crate::api::repairs::{Changes, NeedChanges, PersonChanges, TermNews, Told};
use crate::api::{State, error::Error, extract::NoQuery, extract::Path, extract::Query};
use crate::domain::actor::Actor;
use crate::domain::id::{RunId, TermId};
use crate::domain::run::Run;
use crate::domain::time::{self, Date, Tz};
use crate::store::directory::{self, TermNumbers};
use crate::store::runs;

/// Terms to choose from.
const TERMS: i64 = 12;
/// Runs among which repairs are looked for, and repairs that are shown.
const RUNS: i64 = 50;
const SHOWN: usize = 5;
/// Things that are listed, and people of a preview.
const MOST: usize = 200;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/repairs", get(read).post(start)).route("/runs/{id}/publish/meetings", get(meetings))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    term: Option<TermId>,
}

/// Everything that the page shows.
struct View {
    terms: Vec<TermNumbers>,
    term: Option<TermId>,
    /// None where nothing stands that could be repaired, with the reason.
    news: Result<Arc<TermNews>, String>,
    repairs: Vec<Run>,
    /// That no repair can keep.
    locks: Vec<locks::Told>,
}

async fn read(Axum(state): Axum<State>, Planner(actor): Planner, Query(which): Query<Which>) -> Result<Markup, Error> {
    Ok(page(&actor, &view(&state, which.term, Vec::new()).await?))
}

async fn view(state: &State, asked: Option<TermId>, locks: Vec<locks::Told>) -> Result<View, Error> {
    let today = Date(time::now().date_naive());
    let mut tx = state.db.read().await?;
    let terms = directory::terms(&mut tx, TERMS).await?;
    // The term that runs, else the latest.
    let running = terms.iter().find(|term| term.first_on <= today && today <= term.last_on);
    let term = asked.or_else(|| running.or(terms.first()).map(|term| term.id));
    let mut repairs = runs::list(&mut tx, term, None, None, RUNS).await?;
    drop(tx);
    repairs.retain(|run| run.settings.repair);
    repairs.truncate(SHOWN);
    let news = match term {
        None => Err("there is no term yet".into()),
        Some(term) => match state.news_of(term).await {
            Ok(news) => Ok(news),
            Err(Error::Conflict(why)) => Err(why),
            Err(other) => return Err(other),
        },
    };
    Ok(View { terms, term, news, repairs, locks })
}

#[derive(Deserialize)]
struct Start {
    term: TermId,
}

async fn start(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    _: NoQuery,
    form: Result<Form<Start>, FormRejection>,
) -> Result<Response, Error> {
    let Form(Start { term }) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let broken = match state.ask_repair(&actor, term).await {
        Ok(run) => return Ok(Redirect::to(&format!("/runs/{}", run.id)).into_response()),
        Err(Error::Locks(broken)) => broken,
        Err(other) => return Err(other),
    };
    let told = locks::told(&mut state.db.read().await?, &broken).await?;
    let view = view(&state, Some(term), told).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&actor, &view)).into_response())
}

fn page(actor: &Actor, view: &View) -> Markup {
    Page::new("Repairs", Place::Repairs, actor).show(&html! {
        h1 { "Repairs" }
        p.soft { "A repair keeps whatever still holds of the published schedule and mends the rest with the least change. Nothing is republished before you have seen whom it moves." }
        @if !view.locks.is_empty() { (locks::show(&view.locks)) }
        @if view.terms.len() > 1 {
            nav.weeks aria-label="Terms" {
                @for term in &view.terms {
                    a.button.quiet href=(format!("/repairs?term={}", term.id)) aria-current=[(view.term == Some(term.id)).then_some("page")] { (term.name) }
                }
            }
        }
        @match &view.news {
            Err(why) => (empty("Nothing to repair", &html! { p { (words::capital(why)) "." } p { a href="/runs#start" { "Plan a term" } ", and publish it." } })),
            Ok(news) => (since(news, view.term, actor.tz)),
        }
        @if !view.repairs.is_empty() {
            section.card aria-labelledby="repairs" {
                h2 #repairs { "Latest repairs" }
                (table(&view.repairs, &view.terms, time::now(), actor.tz))
            }
        }
    })
}

fn since(news: &TermNews, term: Option<TermId>, tz: Tz) -> Markup {
    let published = words::instant(news.published_at, tz);
    html! {
        section.card aria-labelledby="news" {
            h2 #news { "What has changed" }
            p.soft { "Since version " (news.version) ", published " (published) ", was asked for." }
            @if news.news.is_empty() {
                p { "Nothing: the records are as they were." }
                p.soft { "Change the calendar of a district, a bell schedule, a service or an educator, or report an absence; then come back. A few days of one educator are handed over on " a href="/absences" { "Absences" } ", without a repair." }
            } @else {
                ul.day-list { @for told in news.news.iter().take(MOST) { li { (line(told)) } } }
                @if news.news.len() > MOST { p.soft { "and " (words::count(news.news.len() - MOST)) " more" } }
                @if let Some(term) = term {
                    form.plain method="post" action="/repairs" {
                        input type="hidden" name="term" value=(term);
                        button type="submit" { "Find the least change" }
                    }
                }
            }
        }
    }
}

fn line(told: &Told) -> Markup {
    let week = match (told.what, &told.id) {
        ("educator" | "away" | "back" | "papers" | "hours" | "terms", Some(id)) => {
            Some(format!("/educators/{id}/week"))
        }
        ("decided", _) => Some("/decisions".into()),
        _ => None,
    };
    html! { @match week { Some(week) => { a href=(week) { strong { (told.name) } } } None => { strong { (told.name) } } } " " (told.said) }
}

/// Where the preview of a publication will say what changes meeting by meeting: to compare every meeting of a term takes
/// seconds, and the rest of the page does not wait for it.
pub fn counting(run: &str) -> Markup {
    let address = format!("{run}/publish/meetings");
    html! {
        div #by-meeting hx-get=(address) hx-select="#by-meeting" hx-swap="outerHTML" hx-trigger="load" {
            section.card aria-labelledby="meetings" {
                h2 #meetings { "Meeting by meeting" }
                p.soft role="status" { "Every meeting of the term is being compared: this takes some seconds. " a href=(address) { "See it by itself" } }
            }
        }
    }
}

/// Meeting by meeting, whom a publication moves, on a page of its own.
async fn meetings(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<RunId>,
    _: NoQuery,
) -> Result<Markup, Error> {
    state.publishable(id).await?;
    let changes = state.changes_of(id).await?;
    let back = format!("/runs/{id}/publish");
    Ok(Page::new("Meeting by meeting", Place::Runs, &actor).show(&html! {
        p.trail { a href=(back) { "Before you publish" } }
        h1 { "What changes, meeting by meeting" }
        div #by-meeting { (preview(&changes)) }
    }))
}

/// Meeting by meeting, whom a publication moves.
fn preview(changes: &Changes) -> Markup {
    let sum = |of: fn(&PersonChanges) -> usize| words::count(changes.people.iter().map(of).sum::<usize>());
    html! {
        section.card aria-labelledby="meetings" {
            h2 #meetings { "Meeting by meeting" }
            dl.figures {
                (figure(&sum(|person| person.added), "added"))
                (figure(&sum(|person| person.moved), "moved"))
                (figure(&sum(|person| person.dropped), "dropped"))
                (figure(&words::count(changes.unchanged_meetings), "stay as they are"))
            }
            @if !changes.people.is_empty() {
                table.stack {
                    caption.unseen { "Meetings that change, by educator and need" }
                    thead { tr { th scope="col" { "Educator" } th scope="col" { "What" } th.number scope="col" { "Added" } th.number scope="col" { "Moved" } th.number scope="col" { "Dropped" } th scope="col" { "Between" } } }
                    tbody { @for person in changes.people.iter().take(MOST) { @for (n, need) in person.needs.iter().enumerate() {
                        tr {
                            th scope="row" { @if n == 0 { a href=(format!("/educators/{}/week", person.educator_id)) { (person.name) } } @else { span.unseen { (person.name) } } }
                            td data-label="What" { (need.title) span.soft { " · " (need.school) } }
                            td.number data-label="Added" { (need.added) }
                            td.number data-label="Moved" { (need.moved) }
                            td.number data-label="Dropped" { (need.dropped) }
                            td data-label="Between" { (between(need)) }
                        }
                    } } }
                }
                @if changes.people.len() > MOST { p.soft { "and " (words::count(changes.people.len() - MOST)) " more educators" } }
            }
        }
        (giving_way(changes))
    }
}

/// Booked make-ups that a publication cancels.
fn giving_way(changes: &Changes) -> Markup {
    html! {
        @if !changes.make_ups.is_empty() {
            section.card aria-labelledby="make-ups" {
                h2 #make-ups { "Make-up sessions that give way" }
                p { "The schedule takes their time, or the school is closed that day. As soon as you publish they are cancelled, their educators are told, and their minutes are to be made up again." }
                ul.day-list {
                    @for one in changes.make_ups.iter().take(MOST) {
                        li { (words::meeting(one.meeting.tz, one.held_on, one.starts, one.ends)) span.soft { " · " (one.educator_name) } }
                    }
                    @if changes.make_ups.len() > MOST { li.soft { "and " (words::count(changes.make_ups.len() - MOST)) " more" } }
                }
            }
        }
    }
}

fn between(need: &NeedChanges) -> String {
    let said = |on: &str| on.parse().map_or_else(|_| on.to_owned(), words::day);
    if need.first_on == need.last_on {
        said(&need.first_on)
    } else {
        format!("{} and {}", said(&need.first_on), said(&need.last_on))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{EducatorId, RecordId as _, ScheduleId};
    use crate::web::samples;

    fn view(news: Result<Vec<Told>, String>) -> String {
        let news = news.map(|news| {
            Arc::new(TermNews { schedule_id: ScheduleId::fresh(), version: 2, published_at: samples::now(), news })
        });
        let term = samples::term();
        page(
            &samples::actor(),
            &View { term: Some(term.id), terms: vec![term], news, repairs: Vec::new(), locks: Vec::new() },
        )
        .into_string()
    }

    #[test]
    fn what_befell_is_listed_with_a_way_to_mend_it_and_only_then() {
        let id = EducatorId::fresh();
        let away = Told {
            what: "away",
            id: Some(id.to_string()),
            name: "<b>Ana</b>".into(),
            said: "is away September 2, 2026".into(),
        };
        let text = view(Ok(vec![away]));
        assert!(
            text.contains(&format!(
                "href=\"/educators/{id}/week\"><strong>&lt;b&gt;Ana&lt;/b&gt;</strong></a> is away"
            )),
            "{text}"
        );
        assert!(
            text.contains("action=\"/repairs\"")
                && text.contains("Since version 2, published Nov 24, 2026, 3:00 PM UTC"),
            "{text}"
        );
        let quiet = view(Ok(Vec::new()));
        assert!(quiet.contains("the records are as they were") && !quiet.contains("action=\"/repairs\""), "{quiet}");
        let none = view(Err("nothing is published yet".into()));
        assert!(none.contains("Nothing is published yet.") && none.contains("Plan a term"), "{none}");
    }

    #[test]
    fn a_repair_is_told_by_educator_and_need_with_the_days() {
        let need = NeedChanges {
            title: "Algebra".into(),
            school: "Hill".into(),
            dropped: 2,
            first_on: "2026-09-10".into(),
            last_on: "2026-09-11".into(),
            ..NeedChanges::default()
        };
        let person = PersonChanges {
            educator_id: EducatorId::fresh(),
            name: "Ana".into(),
            added: 0,
            moved: 0,
            dropped: 2,
            needs: vec![need],
        };
        let text =
            preview(&Changes { unchanged_meetings: 1036, people: vec![person], make_ups: Vec::new() }).into_string();
        assert!(text.contains("Thu, Sep 10 and Fri, Sep 11") && text.contains("<dd>1,036</dd>"), "{text}");
    }
}
