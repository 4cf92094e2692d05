//! Vacancies as a pipeline, for a district and over all of them: where each stands, how old it is, what comes next.

mod candidates;
mod figures;
mod one;
mod parts;
mod posting;

use axum::Router;
use axum::extract::State as Axum;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Page, Place, empty, pager};
use super::words;
use crate::api::{State, error::Error, extract::NoQuery, extract::Query};
use crate::domain::actor::{Actor, Reach, Role, Thing, Verb};
use crate::domain::id::VacancyId;
use crate::domain::time;
use crate::domain::vacancy::letters::moment;
use crate::domain::vacancy::{Party, Stage};
use crate::exchange::vacancies as table;
use crate::store::vacancies::pipeline::{self, Entry, Wanted};

pub use one::{said, show};
pub use parts::{answer, offered, terms};

/// Vacancies of one page.
const PAGE: usize = 200;
/// Vacancies of one file.
const EXPORTED: i64 = 50_000;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/vacancies", get(list).post(posting::post))
        .route("/vacancies/new", get(posting::new))
        .route("/vacancies/figures", get(figures::read))
        .route("/vacancies/export", get(export))
        .route("/vacancies/{id}", get(one::read))
        .route("/vacancies/{id}/steps", post(one::step))
        .route("/vacancies/{id}/readiness", post(one::ready))
        .route("/vacancies/{id}/offers", post(one::offer))
        .route("/vacancies/{id}/candidates", get(candidates::read))
        .route("/vacancies/{id}/proposals", post(candidates::propose))
}

/// Stages that belong together, as a pipeline is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Phase {
    Open,
    Asked,
    Starting,
    Live,
    Over,
}

impl Phase {
    const ALL: [Self; 5] = [Self::Open, Self::Asked, Self::Starting, Self::Live, Self::Over];

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Asked => "asked",
            Self::Starting => "starting",
            Self::Live => "live",
            Self::Over => "over",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Open => "To be filled",
            Self::Asked => "Proposed and offered",
            Self::Starting => "Clearing and onboarding",
            Self::Live => "Live",
            Self::Over => "Over",
        }
    }

    fn stages(self) -> &'static [Stage] {
        match self {
            Self::Open => &[Stage::Draft, Stage::Open, Stage::Declined, Stage::Expired],
            Self::Asked => &[Stage::Proposed, Stage::DistrictAccepted, Stage::Offered],
            Self::Starting => &[Stage::EducatorAccepted, Stage::Clearing, Stage::Onboarding],
            Self::Live => &[Stage::Live, Stage::Ending],
            Self::Over => &[Stage::Closed, Stage::Withdrawn, Stage::Cancelled],
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// None is what is in progress.
    phase: Option<Phase>,
    before: Option<VacancyId>,
}

/// Which districts' vacancies somebody may see.
fn reach(actor: &Actor) -> Result<Reach, Error> {
    let reach = actor.reach(Verb::Read, Thing::Record("vacancy"));
    if reach.is_nothing() { Err(Error::Forbidden) } else { Ok(reach) }
}

/// Which of the parties somebody is; none of those who only look.
pub fn party(actor: &Actor) -> Option<Party> {
    match actor.role {
        Role::Administrator | Role::Coordinator => Some(Party::Office),
        Role::DistrictHr => Some(Party::District),
        Role::Educator => Some(Party::Educator),
        Role::SpecialEducation => None,
    }
}

/// Everything that the page shows.
struct View {
    which: Which,
    counts: Vec<(Phase, i64)>,
    found: Vec<Entry>,
    /// The last of this page, where there are more.
    next: Option<VacancyId>,
}

async fn list(Axum(state): Axum<State>, actor: Actor, Query(which): Query<Which>) -> Result<Markup, Error> {
    let reach = reach(&actor)?;
    let mut tx = state.db.read().await?;
    let by_stage = pipeline::counts(&mut tx, &reach).await?;
    let of = |phase: Phase| phase.stages().iter().filter_map(|stage| by_stage.get(stage)).sum();
    let counts = Phase::ALL.map(|phase| (phase, of(phase))).to_vec();
    let in_progress: Vec<Stage> = Phase::ALL[..3].iter().flat_map(|phase| phase.stages()).copied().collect();
    let stages = match which.phase {
        Some(phase) => phase.stages(),
        None => &in_progress,
    };
    let wanted = Wanted { term_id: None, stages: Some(stages), before: which.before };
    let one_more = i64::try_from(PAGE).unwrap_or(i64::MAX - 1) + 1;
    let mut found = pipeline::list(&mut tx, &reach, wanted, one_more).await?;
    let full = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| full).map(|last| last.id);
    Ok(page(&actor, &View { which, counts, found, next }, time::now()))
}

fn page(actor: &Actor, view: &View, now: DateTime<Utc>) -> Markup {
    let View { which, counts, found, next } = view;
    let all: i64 = counts.iter().map(|(_, n)| n).sum();
    let in_progress: i64 = counts[..3].iter().map(|(_, n)| n).sum();
    let posts = actor.may(Verb::Write, Thing::Record("vacancy"));
    let here = |phase: Option<Phase>| (which.phase == phase).then_some("page");
    let address = |phase: Option<Phase>| {
        phase.map_or_else(|| "/vacancies".to_owned(), |phase| format!("/vacancies?phase={}", phase.name()))
    };
    let shown: Vec<Phase> = which.phase.map_or_else(|| Phase::ALL[..3].to_vec(), |phase| vec![phase]);
    let first = which.before.map(|_| address(which.phase));
    let more = next.map(|last| match which.phase {
        Some(phase) => format!("/vacancies?phase={}&before={last}", phase.name()),
        None => format!("/vacancies?before={last}"),
    });
    Page::new("Vacancies", Place::Vacancies, actor).show(&html! {
        div.head {
            h1 { "Vacancies" }
            div.weeks {
                @if posts { a.button href="/vacancies/new" { "Post a vacancy" } }
                a.button.quiet href="/vacancies/figures" { "Time to fill" }
                @if all > 0 { a.button.quiet href="/vacancies/export" { "CSV" } }
            }
        }
        @if all == 0 { (nothing_yet(posts)) }
        @else {
            nav aria-label="Phases" {
                ul.chips {
                    li { a href=(address(None)) aria-current=[here(None)] { "In progress " span.n { (words::count(in_progress)) } } }
                    @for (phase, n) in counts {
                        li { a href=(address(Some(*phase))) aria-current=[here(Some(*phase))] { (phase.title()) " " span.n { (words::count(*n)) } } }
                    }
                }
            }
            @for phase in &shown {
                @let of: Vec<&Entry> = found.iter().filter(|entry| phase.stages().contains(&entry.stage)).collect();
                section.card aria-labelledby=(phase.name()) {
                    h2 id=(phase.name()) { (phase.title()) }
                    @if of.is_empty() { p.soft { (none_here(*phase)) } } @else { (rows(actor, &of, now)) }
                }
            }
            (pager(first.as_deref(), more.as_deref()))
        }
    })
}

fn nothing_yet(posts: bool) -> Markup {
    empty(
        "There are no vacancies yet",
        &html! {
            @if posts {
                p { "Post one: choose the sections that nobody teaches, and open it. The staffing office then proposes somebody with the license and the clearance." }
                p { a.button href="/vacancies/new" { "Post a vacancy" } }
            } @else {
                p { "Your district’s HR posts them. They appear here by themselves." }
            }
        },
    )
}

fn none_here(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "Nothing waits to be filled.",
        Phase::Asked => "Nobody is asked at the moment.",
        Phase::Starting => "Nobody is about to begin.",
        Phase::Live => "No vacancy is live yet: one is when everybody has agreed and everything is ready.",
        Phase::Over => "None has ended yet.",
    }
}

fn rows(actor: &Actor, of: &[&Entry], now: DateTime<Utc>) -> Markup {
    let mine = party(actor);
    html! {
        table.stack {
            caption.unseen { "Vacancies with their age and next step" }
            thead { tr { th scope="col" { "Vacancy" } th scope="col" { "Stage" } th scope="col" { "Age" } th scope="col" { "Next step" } th scope="col" { "Educator" } } }
            tbody { @for entry in of {
                tr {
                    th scope="row" {
                        a href=(format!("/vacancies/{}", entry.id)) { (entry.title) }
                        div.soft.small { (entry.district_name) ", " (entry.state) " · " (words::plural(usize::try_from(entry.sections).unwrap_or(0), "section")) }
                    }
                    td data-label="Stage" { (parts::badge(entry.stage)) }
                    td data-label="Age" { (age(entry.opened_at, now)) }
                    td data-label="Next step" {
                        span {
                            @if let (Some(party), Some(what)) = (entry.waits_for, &entry.next_step) {
                                (what)
                                @if mine == Some(party) { " " span.badge.warn { "yours" } } @else { div.soft.small { (party.title()) } }
                                @if let Some(deadline) = entry.deadline_at { div.small { "until " (moment(deadline, entry.tz)) } }
                            } @else { span.soft { "none" } }
                        }
                    }
                    td data-label="Educator" { @if let Some(name) = &entry.educator_name { (name) } @else { span.soft { "nobody yet" } } }
                }
            } }
        }
    }
}

/// `12 days`, since it was opened first.
fn age(opened: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    let Some(opened) = opened else { return "not open".into() };
    match usize::try_from((now - opened).num_days()).unwrap_or(0) {
        0 => "today".into(),
        days => words::plural(days, "day"),
    }
}

async fn export(Axum(state): Axum<State>, actor: Actor, _: NoQuery) -> Result<impl IntoResponse, Error> {
    let reach = reach(&actor)?;
    let clocks = state.vacancy_clocks(&actor).await?;
    let found = pipeline::list(&mut state.db.read().await?, &reach, Wanted::default(), EXPORTED).await?;
    let row = |entry: Entry| {
        let timers = clocks.get(&entry.id).copied().unwrap_or_default();
        table::Row {
            id: entry.id,
            title: entry.title,
            district: entry.district_name,
            state: entry.state,
            stage: entry.stage,
            since: entry.since,
            opened_at: entry.opened_at,
            sections: entry.sections,
            waits_for: entry.waits_for,
            educator: entry.educator_name,
            timers,
        }
    };
    let rows: Vec<table::Row> = found.into_iter().map(row).collect();
    let bytes = table::csv(&rows).map_err(Error::internal)?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"vacancies.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{DistrictId, EducatorId, RecordId as _, TermId};
    use crate::domain::time::Tz;
    use crate::web::samples;
    use chrono::TimeDelta;

    fn entry(stage: Stage) -> Entry {
        let next = stage.next();
        Entry {
            id: VacancyId::fresh(),
            title: "Algebra <b>I</b>".into(),
            term_id: TermId::fresh(),
            district_id: DistrictId::fresh(),
            district_name: "Mesa".into(),
            tz: Tz::America__Phoenix,
            state: "AZ".into(),
            opened_at: Some(samples::now() - TimeDelta::days(12)),
            stage,
            since: samples::now(),
            sections: 2,
            waits_for: next.map(|(party, _)| party),
            next_step: next.map(|(_, what)| what.into()),
            educator_id: Some(EducatorId::fresh()),
            educator_name: Some("Ana".into()),
            deadline_at: (stage == Stage::Proposed).then(samples::now),
        }
    }

    #[test]
    fn the_pipeline_says_age_next_step_and_whose_it_is() {
        let found = vec![entry(Stage::Open), entry(Stage::Proposed)];
        let counts = Phase::ALL.map(|phase| (phase, i64::from(phase == Phase::Open || phase == Phase::Asked))).to_vec();
        let view = View { which: Which::default(), counts, found, next: None };
        let text = page(&samples::actor(), &view, samples::now()).into_string();
        for part in [
            "Algebra &lt;b&gt;I",
            "12 days",
            "Propose an educator <span class=\"badge warn\">yours",
            "Accept or decline<div class=\"soft small\">District",
            "until Tue, Nov 24, 8:00 AM MST",
            "Nobody is about to begin.",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn an_empty_pipeline_says_what_to_do_and_every_stage_has_its_phase() {
        let counts = Phase::ALL.map(|phase| (phase, 0)).to_vec();
        let view = View { which: Which::default(), counts, found: Vec::new(), next: None };
        let text = page(&samples::actor(), &view, samples::now()).into_string();
        assert!(text.contains("There are no vacancies yet") && text.contains("/vacancies/new"), "{text}");
        for stage in Stage::ALL {
            assert_eq!(Phase::ALL.iter().filter(|phase| phase.stages().contains(&stage)).count(), 1, "{stage}");
        }
    }
}
