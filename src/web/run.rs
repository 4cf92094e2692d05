//! One run: watched live while it works, told in words when it has ended, and published from here.

use axum::Router;
use axum::extract::State as Axum;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::Value as Json;

use super::compare;
use super::layout::{Page, Place, figure};
use super::plot::{self, plot};
use super::runs::{badge, figure as latest, gap};
use super::unserved::{self, Asked, Shortfall};
use super::{suppose, words};
use crate::api::error::{Error, Refused};
use crate::api::{State, access::Planner, extract::NoQuery, extract::Path, extract::Query};
use crate::domain::actor::Actor;
use crate::domain::id::RunId;
use crate::domain::records::Term;
use crate::domain::run::{Run, RunState};
use crate::domain::time::{self, Tz};
use crate::engine::changes::Change;
use crate::engine::outcome::{Cost, Counts, Report, Status};
use crate::engine::rule::{CostTerm, Flaw};
use crate::store::schedules::{self, Published};
use crate::store::{self, Tx, directory, runs};

/// Seconds between two looks of a browser without scripts.
const RELOAD: u32 = 4;
/// Differences that one refusal lists.
const CHANGES: usize = 100;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/runs/{id}", get(read))
        .route("/runs/{id}/cancel", post(cancel))
        .route("/runs/{id}/publish", get(compare::preview).post(publish))
}

/// Everything that the page shows.
struct View {
    run: Run,
    term: String,
    report: Option<Report>,
    published: Option<Published>,
    /// What the run has told, moment by moment.
    figures: Vec<Json>,
    shortfall: Option<Shortfall>,
    /// What it supposes, a phrase each.
    supposes: Vec<String>,
    /// Why it was not published just now.
    refused: Option<Vec<Change>>,
}

async fn read(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<RunId>,
    Query(asked): Query<Asked>,
) -> Result<Markup, Error> {
    Ok(page(&actor, &view(&mut state.db.read().await?, id, &asked).await?, time::now()))
}

async fn cancel(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<RunId>,
    _: NoQuery,
) -> Result<Redirect, Error> {
    state.cancel(&actor, id).await?;
    Ok(Redirect::to(&format!("/runs/{id}")))
}

async fn publish(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<RunId>,
    _: NoQuery,
) -> Result<Response, Error> {
    match state.publish(&actor, id).await {
        Ok(_) => Ok(Redirect::to(&format!("/runs/{id}")).into_response()),
        Err(Refused::Other(error)) => Err(error),
        Err(Refused::Changed(changes)) => {
            let mut view = view(&mut state.db.read().await?, id, &Asked::default()).await?;
            view.refused = Some(changes);
            Ok((StatusCode::CONFLICT, page(&actor, &view, time::now())).into_response())
        }
    }
}

async fn view(tx: &mut Tx, id: RunId, asked: &Asked) -> Result<View, Error> {
    let mut run = runs::get(tx, id).await?;
    if let Some(cause) = &run.cause {
        run.cause = Some(unserved::spoken(tx, cause, run.created_at).await?);
    }
    let term = store::find::<Term>(tx, run.term_id).await?.map_or("a former term".into(), |term| term.body.name);
    let report = if run.state.is_final() { runs::answer(tx, id).await?.1 } else { None };
    let report: Option<Report> = report.map(serde_json::from_value).transpose().map_err(Error::internal)?;
    let published = schedules::of_run(tx, id).await?;
    let shortfall = match &report {
        Some(report) => Some(unserved::shortfall(tx, report, asked, &run).await?),
        None => None,
    };
    let figures = runs::figures(tx, id).await?;
    let names = directory::educator_names(tx).await?;
    let supposes =
        suppose::told(&run.settings, |id| names.get(&id).cloned().unwrap_or_else(|| "a former educator".into()));
    Ok(View { run, term, report, published, figures, shortfall, supposes, refused: None })
}

fn page(actor: &Actor, view: &View, now: DateTime<Utc>) -> Markup {
    let run = &view.run;
    let working = !run.state.is_final();
    let title = format!("{} of {}", if run.settings.repair { "Repair" } else { "Run" }, view.term);
    let mut page = Page::new(&title, Place::Runs, actor);
    if working {
        page = Page { reload: Some(RELOAD), scripts: &["live.js"], ..page };
    }
    page.show(&html! {
        div.head {
            div {
                h1 { (title) }
                p.soft { "Asked for " (words::instant(run.created_at, actor.tz)) " · " (budget(run)) }
                @if !view.supposes.is_empty() { p { strong { "What if: " } (view.supposes.join("; ")) "." } }
            }
            div.actions {
                @if working {
                    form.plain method="post" action=(format!("/runs/{}/cancel", run.id)) {
                        button.danger type="submit" disabled[run.cancel_asked] { "Cancel the run" }
                    }
                }
                @if run.schedule_sha256.is_some() { a.button.quiet href=(format!("/runs/{}/compare", run.id)) { "Compare" } }
                a.button.quiet href=(format!("/runs?copy={}#start", run.id)) { "Ask again, what if …" }
            }
        }
        @if let Some(changes) = &view.refused { (conflict(changes)) }
        @if working { (live(view, now)) } @else { (ended(view, actor.tz)) }
    })
}

fn budget(run: &Run) -> String {
    let gap = if run.settings.gap > 0.0 {
        format!("a gap of {}", words::percent(run.settings.gap))
    } else {
        "a proof".into()
    };
    format!("at most {}, until {gap}", words::seconds(run.settings.seconds))
}

fn live(view: &View, now: DateTime<Utc>) -> Markup {
    let run = &view.run;
    let elapsed = run.started_at.map_or(0, |at| (now - at).num_seconds().max(0));
    let money = |name| latest(run, name).map_or("–".into(), words::dollars);
    html! {
        section.card aria-label="Progress" data-events=(format!("/api/v1/runs/{}/events", run.id))
            data-began=[run.started_at.map(|at| at.to_rfc3339())] {
            p role="status" { (badge(run)) }
            dl.figures {
                div { dt { "Best cost so far" } dd data-live="incumbent" { (money("incumbent")) } }
                div { dt { "No schedule costs less than" } dd data-live="bound" { (money("bound")) } }
                div { dt { "Gap" } dd data-live="gap" { (gap(run).map_or("–".into(), words::percent)) } }
                div { dt { "Elapsed" } dd data-live="elapsed" { (format!("{}:{:02}", elapsed / 60, elapsed % 60)) } }
            }
            progress max=(run.settings.seconds) value=(elapsed.min(run.settings.seconds)) aria-label="Share of the allowed seconds" {}
            // Drawn by the server: fetched anew when the run has told something.
            div hx-get=(format!("/runs/{}", run.id)) hx-select="#plot" hx-target="#plot" hx-swap="outerHTML"
                hx-trigger="told from:closest section throttle:2s" { (plot(&view.figures)) }
            p.soft.small { "The best schedule so far is always kept, also when you cancel. This page follows by itself." }
        }
    }
}

fn ended(view: &View, tz: Tz) -> Markup {
    let run = &view.run;
    html! {
        div.pair {
            section.card aria-labelledby="answer" {
                h2 #answer { "The answer" }
                p { (badge(run)) }
                p.verdict { (verdict(run, view.report.as_ref())) }
                @if let Some(cause) = &run.cause { p.soft { "What befell it: " (cause) } }
                @if let Some(report) = &view.report { (counts(&report.counts)) }
                @if plot::is_worth_it(&view.figures) { (plot(&view.figures)) }
            }
            (publication(view, tz))
        }
        @if let Some(report) = &view.report {
            (cost(&report.cost))
            @if let Some(shortfall) = &view.shortfall { (unserved::section(shortfall, report, &format!("/runs/{}", run.id))) }
        }
    }
}

/// Whether the solver would not begin: an issue of the input is its cause, not a defect.
fn refused(run: &Run) -> bool {
    run.cause.as_ref().is_some_and(|cause| cause.starts_with(Flaw::ImpossiblePin.code()))
}

/// How it ended, in words, with what was proven.
fn verdict(run: &Run, report: Option<&Report>) -> Markup {
    let proven = |gap: f64| html! { "within " strong { (words::percent(gap)) } " of the best possible" };
    let figures = report.map(|r| (r.objective, r.gap)).or_else(|| latest(run, "incumbent").zip(gap(run)));
    let Some((cost, gap)) = figures else {
        return html! { @match run.state {
            RunState::Cancelled => "It was canceled before it had a schedule. Start another run to get one.",
            RunState::Failed if refused(run) => { "It could not begin: what people have decided cannot be kept together, and no run may pass over a lock. Undo one of these under " a href="/decisions" { "Locks and bans" } ", then ask again." }
            RunState::Failed => "It failed before it had a schedule. Start another run; if it fails again, report it.",
            _ => "It ended without a schedule. Give it more seconds and start another run.",
        } };
    };
    let cost = html! { "It costs " strong { (words::dollars(cost)) } };
    if report.is_some_and(|report| report.status == Status::Defective) {
        return html! { "The schedule failed the independent check: a defect of the program. It is not shown as an answer and cannot be published. Please report it." };
    }
    // Costs are never below zero: to know that much is to know nothing.
    let unbounded = report.is_some_and(|report| report.bound <= 0 && gap > 0.0);
    html! {
        @match run.state {
            RunState::Cancelled => { "Canceled; the best schedule so far is kept. " }
            RunState::Failed => { "The run failed; the best schedule until then is kept. " }
            _ => {}
        }
        (cost)
        @if unbounded {
            ". How near that is to the best possible is not known: the solver ended before it had a bound."
        } @else if gap <= 0.0 { ", and it is " strong { "proven" } " that no schedule costs less." }
        @else { ", proven to be " (proven(gap)) "." }
        @if !unbounded && report.is_some_and(|r| r.status == Status::Limit) && gap > 0.0 { " It stopped at its limit: with more seconds it may come closer." }
    }
}

fn counts(counts: &Counts) -> Markup {
    let of = |some: usize, all: usize| format!("{} of {}", words::count(some), words::count(all));
    let share = if counts.minutes_owed > 0 {
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let share = counts.minutes_served as f64 / counts.minutes_owed as f64;
        // Rounded down, so that a missing minute never reads as all of them.
        words::percent((share * 1000.0).floor() / 1000.0)
    } else {
        "100 %".into()
    };
    html! {
        dl.figures {
            (figure(&of(counts.sections_served, counts.sections), "sections served"))
            (figure(&of(counts.services_served, counts.services), "services fully served"))
            @if counts.services_partly_served > 0 { (figure(&words::count(counts.services_partly_served), "services partly served")) }
            (figure(&share, "of minutes owed"))
            (figure(&of(counts.educators_used, counts.educators), "educators with work"))
        }
    }
}

fn publication(view: &View, tz: Tz) -> Markup {
    let run = &view.run;
    let defective = view.report.as_ref().is_some_and(|report| report.status == Status::Defective);
    html! {
        section.card aria-labelledby="publish" {
            h2 #publish { "Calendar" }
            @if let Some(published) = &view.published {
                p { span.badge.good { "Published" } " as version " (published.version) " of " (view.term) ", " (words::instant(published.published_at, tz)) "." }
                @if !published.is_current { p { "A later publication has taken its place." } }
                p { "Open a week on both clocks:" }
                div.weeks { a.button href="/educators" { "Educators" } a.button.quiet href="/schools" { "Schools" } }
            } @else if run.settings.supposes_supply() && !defective {
                p { "This run supposes people or hours that are not there: compare it with what stands, then add whoever you find to the records and run again. It cannot be published." }
                @if run.schedule_sha256.is_some() { p { a.button href=(format!("/runs/{}/compare", run.id)) { "Compare" } } }
            } @else if run.schedule_sha256.is_some() && !defective {
                p { "Publishing checks everything again, then writes the dated sessions that educators and schools see. It replaces what stands for these districts." }
                p { a.button href=(format!("/runs/{}/publish", run.id)) { "Preview and publish" } }
            } @else {
                p { "There is no schedule to publish." }
            }
        }
    }
}

/// Why a publication was refused, and what is different now.
fn conflict(changes: &[Change]) -> Markup {
    html! {
        div.note.bad role="alert" {
            h2 { "Not published: the records have changed" }
            p { (words::plural(changes.len(), "row")) " differ from what this run was made for, so its schedule may no longer be right. Start a new run and publish that." }
            ul.small {
                @for change in changes.iter().take(CHANGES) { li { code { (change.pointer) } " was " (change.what) } }
                @if changes.len() > CHANGES { li { "and " (words::count(changes.len() - CHANGES)) " more" } }
            }
            div.weeks { a.button href="/repairs" { "Repair what stands" } a.button.quiet href="/runs#start" { "Start a new run" } }
        }
    }
}

/// The cost by term, with bars whose lengths are shares of the largest.
fn cost(cost: &Cost) -> Markup {
    let terms = [
        (CostTerm::Unserved, cost.unserved, "the price of every minute owed and not served"),
        (CostTerm::Pay, cost.pay, "minutes taught and held"),
        (CostTerm::Activation, cost.activation, "once for every educator with work"),
        (CostTerm::Prep, cost.prep, "each course beyond an educator’s first"),
        (CostTerm::Split, cost.split, "needs that belong together but are not"),
        (CostTerm::Change, cost.change, "needs taken from who serves them now"),
    ];
    let most = terms.iter().map(|(_, cents, _)| *cents).max().unwrap_or(0).max(1);
    html! {
        section.card aria-labelledby="cost" {
            h2 #cost { "What it costs" }
            table.cost {
                caption.unseen { "Cost by term" }
                thead { tr { th scope="col" { "Term" } th.wide scope="col" { span.unseen { "Share" } } th.number scope="col" { "Dollars" } } }
                tbody { @for (term, cents, about) in terms {
                    tr {
                        th scope="row" title=(term.remedy()) { (words::kind(term.title())) div.soft.small { (about) } }
                        td.wide { (bar(cents, most)) }
                        td.number { (words::dollars(cents)) }
                    }
                } }
                tfoot { tr { th scope="row" { "Total" } td.wide {} td.number { (words::dollars(cost.total)) } } }
            }
        }
    }
}

fn bar(part: i64, most: i64) -> Markup {
    let percent = format!("{}%", part.clamp(0, most) * 1000 / most / 10);
    html! {
        svg.bar aria-hidden="true" focusable="false" {
            rect.track width="100%" height="100%" rx="3" {}
            rect.fill width=(percent) height="100%" rx="3" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::samples;

    fn shown(run: Run, report: Option<Report>, refused: Option<Vec<Change>>) -> String {
        let shortfall = report.as_ref().map(unserved::sample);
        let view = View {
            run,
            term: "Fall".into(),
            report,
            published: None,
            figures: Vec::new(),
            shortfall,
            supposes: vec!["2 more <b>educators</b>".into()],
            refused,
        };
        page(&samples::actor(), &view, samples::now()).into_string()
    }

    #[test]
    fn a_working_run_is_followed_with_and_without_scripts() {
        let run = samples::run(RunState::Running, None);
        let id = run.id;
        let text = shown(run, None, None);
        for part in [
            format!("data-events=\"/api/v1/runs/{id}/events\""),
            "live.js".into(),
            "http-equiv=\"refresh\" content=\"4\"".into(),
            "Cancel the run".into(),
            "$12,296.29".into(),
            "1:30".into(),
        ] {
            assert!(text.contains(&part), "{part} is not in {text}");
        }
        assert!(!text.contains("Publish") && !text.contains("style="));
    }

    #[test]
    fn an_ended_run_says_what_is_proven_and_what_it_costs_by_term() {
        let run = samples::run(RunState::Succeeded, Some("within_gap"));
        let text = shown(run, Some(samples::report(Status::WithinGap, 0.004)), None);
        for part in [
            "within <strong>0.4 %</strong> of the best possible",
            "11 of 12",
            "90 %",
            "$10,000.00",
            "$2,345.67",
            "<rect class=\"fill\" width=\"23%\"",
            ">Preview and publish<",
            "$600.00",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("data-events") && !text.contains("http-equiv=\"refresh\""));
    }

    #[test]
    fn a_proof_is_said_as_one_and_a_defect_is_never_an_answer() {
        let run = samples::run(RunState::Succeeded, Some("optimal"));
        let text = shown(run, Some(samples::report(Status::Optimal, 0.0)), None);
        assert!(text.contains("<strong>proven</strong> that no schedule costs less"), "{text}");
        let run = samples::run(RunState::Failed, Some("defective"));
        let text = shown(run, Some(samples::report(Status::Defective, 0.0)), None);
        assert!(text.contains("failed the independent check") && !text.contains("/publish\""), "{text}");
    }

    #[test]
    fn without_a_bound_nothing_is_called_proven() {
        let run = samples::run(RunState::Succeeded, Some("limit"));
        let text = shown(run, Some(Report { bound: 0, ..samples::report(Status::Limit, 1.0) }), None);
        assert!(text.contains("is not known: the solver ended before it had a bound"), "{text}");
        assert!(!text.contains("proven") && !text.contains("100 %</strong>"), "{text}");
    }

    #[test]
    fn a_refused_publication_lists_what_changed() {
        let changes = vec![Change { pointer: "/educators/<7>".into(), what: "changed" }];
        let run = samples::run(RunState::Succeeded, Some("optimal"));
        let text = shown(run, Some(samples::report(Status::Optimal, 0.0)), Some(changes));
        assert!(
            text.contains("the records have changed") && text.contains("/educators/&lt;7&gt;</code> was changed"),
            "{text}"
        );
    }
}
