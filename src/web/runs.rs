//! Runs: the list of them, and the form that asks for another.

use std::collections::BTreeMap;

use axum::Form;
use axum::Router;
use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, empty, pager};
use super::words;
use crate::api::{State, access::Planner, error::Error, error::FieldIssue, extract::NoQuery, extract::Query};
use crate::domain::actor::Actor;
use crate::domain::id::{DistrictId, RunId, TermId};
use crate::domain::record::Stored;
use crate::domain::records::District;
use crate::domain::run::{Run, RunSettings, RunState};
use crate::domain::time;
use crate::store::directory::{self, TermNumbers};
use crate::store::{self, runs};

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
    /// The last run of the page before.
    before: Option<RunId>,
}

/// What was typed into the form, and what is wrong with it.
#[derive(Default)]
struct Typed {
    term: String,
    districts: Vec<String>,
    seconds: String,
    /// In percent.
    gap: String,
    wrong: BTreeMap<&'static str, String>,
    /// What the records themselves refuse.
    issues: Vec<FieldIssue>,
}

impl Typed {
    fn new(fields: Vec<(String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "term" => typed.term = value,
                "district" => typed.districts.push(value),
                "seconds" => typed.seconds = value,
                "gap" => typed.gap = value,
                _ => {}
            }
        }
        typed
    }

    fn usual(term: Option<TermId>) -> Self {
        let usual = RunSettings::default();
        let (seconds, gap) = (usual.seconds.to_string(), (usual.gap * 100.0).to_string());
        Self { term: term.map_or(String::new(), |term| term.to_string()), seconds, gap, ..Self::default() }
    }

    /// What is asked for; none leaves in `wrong` why not.
    fn read(&mut self) -> Option<(TermId, Vec<DistrictId>, RunSettings)> {
        let term: Option<TermId> = self.term.parse().ok();
        let districts: Result<Vec<DistrictId>, _> = self.districts.iter().map(|id| id.parse()).collect();
        let seconds = self.seconds.trim().parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
        let gap: Option<f64> = self.gap.trim().trim_end_matches('%').trim().parse().ok();
        let gap = gap.filter(|gap| (0.0..=100.0).contains(gap));
        let mut wrong = |refused: bool, field, why: &str| {
            if refused {
                self.wrong.insert(field, why.into());
            }
        };
        wrong(term.is_none(), "term", "choose a term");
        wrong(districts.is_err(), "district", "choose districts from the list");
        wrong(seconds.is_none(), "seconds", "give whole seconds from 1 to 86400");
        wrong(gap.is_none(), "gap", "give a percentage from 0 to 100, such as 0.5");
        let settings = RunSettings { seconds: seconds?, gap: gap? / 100.0, ..RunSettings::default() };
        Some((term?, districts.ok()?, settings))
    }
}

/// Everything that the page shows.
struct View {
    runs: Vec<Run>,
    before: Option<RunId>,
    terms: Vec<TermNumbers>,
    districts: Vec<Stored<District>>,
    typed: Typed,
}

async fn list(Axum(state): Axum<State>, Planner(actor): Planner, Query(which): Query<Which>) -> Result<Markup, Error> {
    view(&state, which.before, Typed::usual(which.term)).await.map(|view| page(&view, &actor))
}

async fn start(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    _: NoQuery,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Error> {
    let Form(fields) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let mut typed = Typed::new(fields);
    if let Some((term, districts, settings)) = typed.read() {
        match state.ask(&actor, term, districts, settings).await {
            Ok(run) => return Ok(Redirect::to(&format!("/runs/{}", run.id)).into_response()),
            Err(Error::Fields(issues)) => typed.issues = issues,
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
    let districts = store::every::<District>(&mut tx).await?;
    Ok(View { runs, before, terms, districts, typed })
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
                    @if shown.is_empty() { p.soft { "No run yet: start the first one with the form." } } @else { (table(shown, &view.terms, time::now())) }
                    (pager(view.before.map(|_| "/runs"), next.as_deref()))
                }
                (form(view))
            }
        }
    })
}

/// Runs as rows, each leading to its page.
pub fn table(runs: &[Run], terms: &[TermNumbers], now: DateTime<Utc>) -> Markup {
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
                        a href=(format!("/runs/{}", run.id)) { (words::instant(run.created_at)) }
                        div.soft.small { (term(run.term_id)) }
                    }
                    td { (badge(run)) @if run.schedule_id.is_some() { div.small.soft { "Published" } } }
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

fn form(view: &View) -> Markup {
    let typed = &view.typed;
    let wrong = |field: &str| typed.wrong.get(field);
    html! {
        section.card aria-labelledby="start" {
            h2 #start { "Start a run" }
            @if !typed.issues.is_empty() {
                div.note.bad role="alert" {
                    p { strong { "The records do not make a problem that can be solved." } " Mend these, then start again:" }
                    ul.small { @for issue in &typed.issues { li { code { (issue.pointer) } ": " (issue.message) } } }
                }
            }
            form method="post" action="/runs" {
                div.field {
                    label for="term" { "Term" }
                    select #term name="term" required {
                        @for term in &view.terms {
                            option value=(term.id) selected[typed.term == term.id.to_string()] { (term.name) }
                        }
                    }
                    @if let Some(why) = wrong("term") { span.wrong { (why) } }
                }
                fieldset {
                    legend { "Districts" }
                    span.soft.small { "None chosen means all of the term." }
                    div.checks tabindex="0" role="group" aria-label="Districts" {
                        @for district in &view.districts {
                            label {
                                input type="checkbox" name="district" value=(district.id) checked[typed.districts.contains(&district.id.to_string())];
                                (district.body.name) " (" (district.body.state) ")"
                            }
                        }
                    }
                    @if let Some(why) = wrong("district") { div.field { span.wrong { (why) } } }
                }
                div.fields {
                    (number("seconds", "Seconds to spend", &typed.seconds, "At most; 300 is usual.", wrong("seconds")))
                    (number("gap", "Gap in percent", &typed.gap, "Stop this close to the best possible; 0 asks for a proof.", wrong("gap")))
                }
                button type="submit" { "Start the run" }
            }
        }
    }
}

fn number(name: &str, label: &str, value: &str, hint: &str, wrong: Option<&String>) -> Markup {
    let hint_id = format!("{name}-hint");
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) inputmode="decimal" value=(value) required aria-describedby=(hint_id) aria-invalid=[wrong.map(|_| "true")];
            span.hint id=(hint_id) { @if let Some(why) = wrong { span.wrong { (why) } } (hint) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RecordId as _;
    use crate::web::samples;

    fn typed(fields: &[(&str, &str)]) -> Typed {
        Typed::new(fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn a_form_is_read_with_its_gap_in_percent_and_any_number_of_districts() {
        let (term, a, b) = (TermId::fresh(), DistrictId::fresh(), DistrictId::fresh());
        let (t, a_text, b_text) = (term.to_string(), a.to_string(), b.to_string());
        let mut form =
            typed(&[("term", &t), ("district", &a_text), ("district", &b_text), ("seconds", "60"), ("gap", "0.5 %")]);
        let (asked, districts, settings) = form.read().expect("a good form");
        assert_eq!((asked, districts, settings.seconds), (term, vec![a, b], 60));
        assert!((settings.gap - 0.005).abs() < 1e-12);
    }

    #[test]
    fn every_refused_field_is_named_and_what_was_typed_stays() {
        let mut form = typed(&[("term", "x"), ("district", "y"), ("seconds", "0"), ("gap", "<b>NaN")]);
        assert!(form.read().is_none());
        assert_eq!(form.wrong.keys().copied().collect::<Vec<_>>(), ["district", "gap", "seconds", "term"]);
        let view =
            View { runs: Vec::new(), before: None, terms: vec![samples::term()], districts: Vec::new(), typed: form };
        let text = page(&view, &samples::actor()).into_string();
        for part in ["give whole seconds from 1 to 86400", "value=\"&lt;b&gt;NaN\"", "aria-invalid=\"true\""] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn a_run_is_listed_with_its_cost_gap_and_state() {
        let run = samples::run(RunState::Succeeded, Some("within_gap"));
        let text = table(std::slice::from_ref(&run), &[], samples::now()).into_string();
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
