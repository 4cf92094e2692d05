//! Runs: the list of them, and the form that asks for another.

use axum::Router;
use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;

use super::ask::{Form, Typed};
use super::layout::{Page, Place, empty, pager};
use super::locks;
use super::words;
use crate::api::{State, access::Planner, error::Error, extract::NoQuery, extract::Query};
use crate::domain::actor::Actor;
use crate::domain::id::{RunId, TermId};
use crate::domain::run::{Run, RunState};
use crate::domain::time::{self, Tz};
use crate::store::directory::{self, TermNumbers};
use crate::store::runs;

const PAGE: usize = 25;
/// Terms that the form offers.
const TERMS: i64 = 100;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/runs", get(list).post(start))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The term that the form begins with.
    term: Option<TermId>,
    /// The run that the form begins with: to ask once more, or what if.
    copy: Option<RunId>,
    /// The last run of the page before.
    before: Option<RunId>,
}

/// Everything that the page shows.
struct View {
    runs: Vec<Run>,
    before: Option<RunId>,
    terms: Vec<TermNumbers>,
    form: Form,
}

async fn list(Axum(state): Axum<State>, Planner(actor): Planner, Query(which): Query<Which>) -> Result<Markup, Error> {
    let typed = match which.copy {
        Some(copy) => Typed::copied(&runs::get(&mut state.db.read().await?, copy).await?),
        None => Typed::usual(which.term),
    };
    view(&state, which.before, typed).await.map(|view| page(&view, &actor))
}

async fn start(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    _: NoQuery,
    form: Result<axum::Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Error> {
    let axum::Form(fields) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let mut typed = Typed::new(fields);
    if let Some((term, districts, settings)) = typed.read() {
        match state.ask(&actor, term, districts, settings).await {
            Ok(run) => return Ok(Redirect::to(&format!("/runs/{}", run.id)).into_response()),
            Err(Error::Fields(issues)) => typed.refuse(issues),
            Err(Error::Locks(broken)) => typed.locks = locks::told(&mut state.db.read().await?, &broken).await?,
            Err(other) => return Err(other),
        }
    }
    let view = view(&state, None, typed).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&view, &actor)).into_response())
}

async fn view(state: &State, before: Option<RunId>, typed: Typed) -> Result<View, Error> {
    let mut tx = state.db.read().await?;
    let one_more = i64::try_from(PAGE).unwrap_or(i64::MAX - 1) + 1;
    let runs = runs::list(&mut tx, None, None, before, one_more).await?;
    let terms = directory::terms(&mut tx, TERMS).await?;
    let form = Form::read(&mut tx, typed).await?;
    Ok(View { runs, before, terms, form })
}

fn page(view: &View, actor: &Actor) -> Markup {
    let shown = &view.runs[..view.runs.len().min(PAGE)];
    let next = shown.last().filter(|_| view.runs.len() > PAGE).map(|run| format!("/runs?before={}", run.id));
    Page::new("Runs", Place::Runs, actor).show(&html! {
        h1 { "Runs" }
        p.soft { "A run looks for the cheapest schedule that keeps every rule, and proves how far from the best possible it is." }
        @if view.terms.is_empty() {
            (empty("There is no term to plan yet", &html! { p { "The " a href="/" { "first page" } " says how to bring one in." } }))
        } @else {
            div.pair {
                section.card aria-labelledby="latest" {
                    h2 #latest { "Latest" }
                    @if shown.is_empty() { p.soft { "No run yet: start the first one with the form." } } @else { (table(shown, &view.terms, time::now(), actor.tz)) }
                    (pager(view.before.map(|_| "/runs"), next.as_deref()))
                }
                (view.form.show(&view.terms))
            }
        }
    })
}

/// Runs as rows, each leading to its page.
pub fn table(runs: &[Run], terms: &[TermNumbers], now: DateTime<Utc>, tz: Tz) -> Markup {
    let term = |id: TermId| terms.iter().find(|term| term.id == id).map_or("a former term", |term| &term.name);
    html! {
        table.stack {
            caption.unseen { "Runs, newest first" }
            thead { tr {
                th scope="col" { "Asked for" } th scope="col" { "Status" }
                th.number scope="col" { "Cost" } th.number scope="col" { "Gap" } th.number scope="col" { "Took" }
            } }
            tbody { @for run in runs {
                tr {
                    th scope="row" {
                        a href=(format!("/runs/{}", run.id)) { (words::instant(run.created_at, tz)) }
                        div.soft.small { (term(run.term_id)) }
                    }
                    td { (badge(run)) @if run.settings.repair { div.small.soft { "Repair" } } @if run.schedule_id.is_some() { div.small.soft { "Published" } } }
                    td.number data-label="Cost" { (figure(run, "incumbent").map_or("–".into(), words::dollars)) }
                    td.number data-label="Gap" { (gap(run).map_or("–".into(), words::percent)) }
                    td.number data-label="Took" { (took(run, now).map_or("–".into(), words::seconds)) }
                }
            } }
        }
    }
}

/// One of the latest figures, in cents.
pub fn figure(run: &Run, name: &str) -> Option<i64> {
    run.progress.as_ref()?.get(name)?.as_i64()
}

pub fn gap(run: &Run) -> Option<f64> {
    run.progress.as_ref()?.get("gap")?.as_f64()
}

fn took(run: &Run, now: DateTime<Utc>) -> Option<i64> {
    run.started_at.map(|started| (run.ended_at.unwrap_or(now) - started).num_seconds().max(0))
}

/// A run's state as a word with a color.
pub fn badge(run: &Run) -> Markup {
    let (class, word) = match (run.state, run.status.as_deref()) {
        (_, Some("defective")) => ("bad", "Defective"),
        (RunState::Queued, _) => ("live", "Waiting"),
        (RunState::Running, _) if run.cancel_asked => ("live", "Stopping"),
        (RunState::Running, _) => ("live", "Running"),
        (RunState::Succeeded, Some("optimal")) => ("good", "Proven best"),
        (RunState::Succeeded, Some("within_gap")) => ("good", "Within the gap"),
        (RunState::Succeeded, _) => ("warn", "Stopped at its limit"),
        (RunState::Failed, _) => ("bad", "Failed"),
        (RunState::Cancelled, _) => ("soft", "Canceled"),
    };
    html! { span.badge.(class) data-live="state" { (word) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::samples;

    #[test]
    fn a_run_is_listed_with_its_cost_gap_and_state() {
        let run = samples::run(RunState::Succeeded, Some("within_gap"));
        let text = table(std::slice::from_ref(&run), &[], samples::now(), Tz::UTC).into_string();
        for part in [
            format!("/runs/{}", run.id),
            "$12,345.67".into(),
            "0.4 %".into(),
            "Within the gap".into(),
            "1 min 30 s".into(),
        ] {
            assert!(text.contains(&part), "{part} is not in {text}");
        }
    }
}
