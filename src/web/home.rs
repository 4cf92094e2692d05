//! The first page: what this is, what is in it, and where to go from here.

use axum::Router;
use axum::extract::State as Axum;
use axum::routing::get;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::layout::{Page, Place, empty, figure};
use super::runs::table;
use super::words;
use crate::api::{State, error::Error};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::run::Run;
use crate::domain::time;
use crate::store::directory::{self, TermNumbers};
use crate::store::runs;

/// Terms that the page shows.
const TERMS: i64 = 6;
/// Runs that the page shows.
const RUNS: i64 = 5;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/", get(home))
}

async fn home(Axum(state): Axum<State>, actor: Actor) -> Result<Markup, Error> {
    let mut tx = state.db.read().await?;
    let terms = directory::terms(&mut tx, TERMS).await?;
    let plans = actor.may(Verb::Read, Thing::Planning);
    let runs = if plans { runs::list(&mut tx, None, None, None, RUNS).await? } else { Vec::new() };
    Ok(page(&actor, &terms, &runs, time::now()))
}

fn page(actor: &Actor, terms: &[TermNumbers], runs: &[Run], now: DateTime<Utc>) -> Markup {
    Page::new("Home", Place::Home, actor).show(&html! {
        h1 { "Staffing for virtual classrooms" }
        p.lead {
            "Bellwether pairs the sections and services that schools need with licensed educators who teach from "
            "elsewhere, builds the dated calendar on both clocks, and says why anything is left unfilled."
        }
        @if let Some(educator) = actor.educator {
            p.weeks {
                a.button href=(format!("/educators/{educator}/week")) { "My week" }
                a.button.quiet href=(format!("/educators/{educator}/log")) { "Log my sessions" }
                a.button.quiet href="/minutes" { "Minutes of my students" }
            }
        }
        @if terms.is_empty() { (nothing_yet()) }
        @for term in terms { (card(term, actor)) }
        @if !runs.is_empty() {
            section.card aria-labelledby="latest" {
                h2 #latest { "Latest runs" }
                (table(runs, terms, now))
                p { a href="/runs" { "All runs" } }
            }
        }
    })
}

fn nothing_yet() -> Markup {
    empty(
        "There are no records yet",
        &html! {
            p { "Make up a term and look around, or import your own file. In a terminal:" }
            pre tabindex="0" { code {
                "bellwether generate --out term.json\n"
                "bellwether import problem term.json"
            } }
            p { "Or create records one by one through the " a href="/api/docs" { "API" } ". Then come back to this page." }
        },
    )
}

fn card(term: &TermNumbers, actor: &Actor) -> Markup {
    let sees = |thing| actor.may(Verb::Read, thing);
    html! {
        section.card aria-label=(term.name) {
            div.head {
                h2 { (term.name) }
                p.soft { (words::long_date(term.first_on)) " – " (words::long_date(term.last_on)) }
            }
            @if sees(Thing::Planning) {
                dl.figures {
                    (figure(&words::count(term.districts), "districts"))
                    (figure(&words::count(term.sections), "sections"))
                    (figure(&words::count(term.services), "services"))
                    (figure(&words::count(term.educators), "active educators"))
                }
            }
            div.weeks {
                @if sees(Thing::Planning) { a.button href=(format!("/runs?term={}#start", term.id)) { "Plan this term" } }
                @if sees(Thing::Roster) { a.button.quiet href="/educators" { "Educators" } }
                @if sees(Thing::Record("school")) { a.button.quiet href="/schools" { "Schools" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::RunState;
    use crate::web::samples;

    #[test]
    fn an_empty_house_says_what_to_do() {
        let text = page(&samples::actor(), &[], &[], samples::now()).into_string();
        assert!(text.contains("There are no records yet") && text.contains("bellwether import problem"), "{text}");
    }

    #[test]
    fn a_term_is_shown_with_its_numbers_and_nothing_in_it_is_markup() {
        let runs = [samples::run(RunState::Running, None)];
        let text = page(&samples::actor(), &[samples::term()], &runs, samples::now()).into_string();
        for part in ["Fall &lt;b&gt;2026&lt;/b&gt;", "<dd>1,200</dd>", "August 10, 2026 – December 18, 2026", "Running"]
        {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("style=") && !text.contains("<style"), "the policy forbids inline styles");
    }
}
