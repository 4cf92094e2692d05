//! The first page: what this is, what is in it, and where to go from here.

use axum::Router;
use axum::extract::State as Axum;
use axum::routing::get;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::layout::{Page, Place, empty, figure};
use super::runs::table;
use super::today::{Day, Week};
use super::vacancies::party;
use super::words;
use crate::api::{State, error::Error};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::run::Run;
use crate::domain::time;
use crate::domain::vacancy::Stage;
use crate::domain::vacancy::letters::moment;
use crate::store::directory::{self, TermNumbers};
use crate::store::runs;
use crate::store::vacancies::{self, Offer, pipeline};

/// Terms that the page shows.
const TERMS: i64 = 6;
/// Runs that the page shows.
const RUNS: i64 = 5;
/// Offers that the page shows.
const OFFERS: i64 = 5;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/", get(home))
}

async fn home(Axum(state): Axum<State>, actor: Actor) -> Result<Markup, Error> {
    let (now, mut tx) = (time::now(), state.db.read().await?);
    let terms = directory::terms(&mut tx, TERMS).await?;
    let plans = actor.may(Verb::Read, Thing::Planning);
    let mut view = View { terms, runs: Vec::new(), day: None, week: None, waiting: 0, offers: Vec::new() };
    if let (Some(party), true) = (party(&actor), actor.may(Verb::Read, Thing::Record("vacancy"))) {
        let counts = pipeline::counts(&mut tx, &actor.reach(Verb::Read, Thing::Record("vacancy"))).await?;
        let mine = |(stage, n): (Stage, i64)| stage.next().filter(|(whose, _)| *whose == party).map(|_| n);
        view.waiting = counts.into_iter().filter_map(mine).sum();
    }
    if actor.educator.is_some() {
        let reach = actor.reach(Verb::Read, Thing::Offers);
        view.offers = vacancies::list(&mut tx, &reach, Some("waiting"), None, OFFERS).await?;
    }
    if plans {
        view.runs = runs::list(&mut tx, None, None, None, RUNS).await?;
    }
    if let Some(educator) = actor.educator {
        view.day = Some(Day::read(&mut tx, &actor, educator, now).await?);
    }
    if actor.role.of_districts() {
        view.week = Some(Week::read(&mut tx, &actor, now).await?);
    }
    Ok(page(&actor, &view, now))
}

/// Everything that the page shows; of a day only an educator's, of a week only a district's.
struct View {
    terms: Vec<TermNumbers>,
    runs: Vec<Run>,
    day: Option<Day>,
    week: Option<Week>,
    /// Vacancies whose next step is this reader's.
    waiting: i64,
    /// What waits for an educator's answer.
    offers: Vec<Offer>,
}

fn page(actor: &Actor, view: &View, now: DateTime<Utc>) -> Markup {
    let View { terms, runs, day, week, offers, .. } = view;
    Page::new("Home", Place::Home, actor).show(&html! {
        h1 { @if day.is_some() { "Your day" } @else if week.is_some() { "Your schools" } @else { "Staffing for virtual classrooms" } }
        @if day.is_none() && week.is_none() {
            p.lead {
                "Bellwether pairs the sections and services that schools need with licensed educators who teach from "
                "elsewhere, builds the dated calendar on both clocks, and says why anything is left unfilled."
            }
        }
        @for offer in offers {
            div.note.warn { p {
                strong { (offer.title) ", " (offer.district_name) } " is offered to you: answer by " (moment(offer.deadline_at, offer.educator_tz)) ". "
                a href="/offers" { "See the offer" }
            } }
        }
        @if let Some(day) = day { (day.show(now)) }
        @if let Some(week) = week { (week.show()) }
        (steps(actor, view))
        @if terms.is_empty() { (nothing_yet()) }
        // An educator’s own pages stand above.
        @if actor.educator.is_none() { @for term in terms { (card(term, actor)) } }
        @if !runs.is_empty() {
            section.card aria-labelledby="latest" {
                h2 #latest { "Latest runs" }
                (table(runs, terms, now, actor.tz))
                p { a href="/runs" { "All runs" } }
            }
        }
    })
}

/// Where the day's work of each role begins: nothing that they do often is further than three clicks from here.
fn steps(actor: &Actor, view: &View) -> Markup {
    let latest = view.runs.iter().find(|run| run.state.is_final() && run.schedule_sha256.is_some());
    let waiting = match view.waiting {
        0 => "Where each stands and what comes next, from posting to a live class".to_owned(),
        n => format!(
            "{} for your next step",
            if n == 1 { "1 waits".into() } else { format!("{} wait", words::count(n)) }
        ),
    };
    let mut steps: Vec<(String, &str, &str)> = Vec::new();
    let mut step = |to: String, title, about| steps.push((to, title, about));
    if actor.may(Verb::Read, Thing::Planning) {
        step("/runs#start".into(), "Plan a term", "Ask for the cheapest schedule that keeps every rule, and watch it");
        if let Some(run) = latest {
            let unserved = format!("/runs/{}#unserved", run.id);
            step(unserved, "Unserved needs", "Why each one is open, who is nearest, and what to decide");
            let compare = format!("/runs/{}/compare", run.id);
            step(compare, "What would change", "The latest run against what stands published");
            let copy = format!("/runs?copy={}#what-if", run.id);
            step(copy, "What if", "The latest run with other people, hours or prices, beside what stands");
        }
    }
    if actor.may(Verb::Read, Thing::Record("vacancy")) {
        step("/vacancies".into(), "Vacancies", &waiting);
    }
    if actor.may(Verb::Write, Thing::Record("vacancy")) && actor.role.of_districts() {
        step("/vacancies/new".into(), "Post a vacancy", "Choose the sections that nobody teaches, and open it");
    }
    if actor.educator.is_some() {
        step("/offers".into(), "Offers", "Classes you may take: both clocks, minutes, pay, what to prepare");
    }
    if actor.may(Verb::Read, Thing::Planning) {
        step("/repairs".into(), "Repairs", "What has changed since you published, and the least that mends it");
        step("/board".into(), "Board", "The published week, educator by educator; move a session, see what it costs");
    }
    if let Some(educator) = actor.educator {
        let log = format!("/educators/{educator}/log");
        step(log, "Log my sessions", "Delivered, partly or missed, with the reason: a tap or two each");
        step("/minutes".into(), "Minutes owed", "To each student by key: delivered, missed, to make up");
    }
    if actor.may(Verb::Read, Thing::MinutesAtRisk) {
        step("/minutes".into(), "Service minutes", "What is owed, delivered and missed, and which lines fall short");
    }
    if actor.role.of_districts() {
        step("/schools".into(), "Weeks of your schools", "Who teaches what and when, on the school’s clock");
        step("/educators".into(), "Who teaches here", "Educators with sessions in your schools, and their weeks");
    }
    if actor.may(Verb::Read, Thing::Accounts) {
        step("/accounts".into(), "Accounts", "Invite people, and end their access");
    }
    html! {
        @if !steps.is_empty() {
            nav aria-label="Begin" {
                ul.steps {
                    @for (to, title, about) in &steps { li { a href=(to) { strong { (title) } span { (about) } } } }
                }
            }
        }
    }
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

    fn view(terms: &[TermNumbers], runs: &[Run]) -> View {
        let (terms, runs) = (terms.to_vec(), runs.to_vec());
        View { terms, runs, day: None, week: None, waiting: 2, offers: Vec::new() }
    }

    #[test]
    fn an_empty_house_says_what_to_do() {
        let text = page(&samples::actor(), &view(&[], &[]), samples::now()).into_string();
        assert!(text.contains("There are no records yet") && text.contains("bellwether import problem"), "{text}");
    }

    #[test]
    fn a_term_is_shown_with_its_numbers_and_nothing_in_it_is_markup() {
        let runs = [samples::run(RunState::Running, None)];
        let text = page(&samples::actor(), &view(&[samples::term()], &runs), samples::now()).into_string();
        for part in ["Fall &lt;b&gt;2026&lt;/b&gt;", "<dd>1,200</dd>", "August 10, 2026 – December 18, 2026", "Running"]
        {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("style=") && !text.contains("<style"), "the policy forbids inline styles");
    }
}
