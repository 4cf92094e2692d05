//! Who could take a vacancy: every educator as the term's latest run ranks them for all of its sections together, and the
//! rule that stops the others; one of them is proposed to the district.

use std::collections::{BTreeMap, BTreeSet};

use axum::Form;
use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use maud::{Markup, html};
use serde::Deserialize;

use super::one::said;
use super::parts::deadline;
use crate::api::access::Planner;
use crate::api::{State, error::Error, extract::NoQuery, extract::Path};
use crate::domain::actor::Actor;
use crate::domain::id::{EducatorId, NeedId, RunId, VacancyId};
use crate::domain::record::Stored;
use crate::domain::records::{Section, Vacancy};
use crate::domain::time;
use crate::domain::vacancy::Stage;
use crate::engine::candidates::Candidate;
use crate::store::{self, directory, runs, vacancies};
use crate::web::layout::{Page, Place, empty};
use crate::web::unserved::rule_title;
use crate::web::words;

/// Educators that the page offers.
const OFFERED: usize = 30;
/// Runs that are looked through for one with a schedule.
const RUNS: i64 = 20;
/// Names that one rule's refusals list.
const NAMED: usize = 40;

/// Somebody who may take all of it.
struct Row {
    id: String,
    name: String,
    /// Each section by itself, against the schedule as it is.
    cents: i64,
    serves: usize,
    displaces: usize,
    declined: Option<String>,
}

/// What a run says of everybody.
struct Ranked {
    run: RunId,
    rows: Vec<Row>,
    refused: BTreeMap<String, Vec<String>>,
}

struct View {
    vacancy: Stored<Vacancy>,
    stage: Stage,
    sections: usize,
    /// None where no run of the term knows the sections.
    ranked: Option<Ranked>,
    /// Everybody, to choose from where nothing is ranked.
    all: Vec<(EducatorId, String)>,
    chosen: String,
    wrong: Option<String>,
}

pub async fn read(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<VacancyId>,
    _: NoQuery,
) -> Result<Markup, Error> {
    Ok(page(&actor, &view(&state, id, String::new(), None).await?))
}

#[derive(Deserialize)]
pub struct Proposed {
    #[serde(default)]
    educator: String,
    days: i64,
}

pub async fn propose(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<VacancyId>,
    _: NoQuery,
    form: Result<Form<Proposed>, FormRejection>,
) -> Result<Response, Error> {
    let Form(Proposed { educator, days }) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let result = match educator.parse::<EducatorId>() {
        Ok(chosen) => {
            let until = time::now() + TimeDelta::days(days.clamp(0, 365));
            state.propose(&actor, id, chosen, until).await.map(drop)
        }
        Err(_) => Err(Error::field("/educator", "choose an educator from the list")),
    };
    let error = match result {
        Ok(()) => return Ok(axum::response::Redirect::to(&format!("/vacancies/{id}")).into_response()),
        Err(error) => error,
    };
    let (status, why) = said(error)?;
    Ok((status, page(&actor, &view(&state, id, educator, Some(why)).await?)).into_response())
}

async fn view(state: &State, id: VacancyId, chosen: String, wrong: Option<String>) -> Result<View, Error> {
    let mut tx = state.db.read().await?;
    let vacancy = store::get::<Vacancy>(&mut tx, id).await?;
    let steps = vacancies::steps(&mut tx, id).await?;
    let stage = steps.last().map_or(Stage::Draft, |step| step.stage);
    let sections = store::children::<Section>(&mut tx, "vacancy_id", id).await?;
    let mut declined: BTreeMap<EducatorId, String> = BTreeMap::new();
    for offer in vacancies::of_vacancy(&mut tx, id).await?.into_iter().filter(|offer| offer.state == "declined") {
        declined.insert(offer.educator_id, offer.reason.unwrap_or_default());
    }
    let names = directory::educator_names(&mut tx).await?;
    let latest = runs::list(&mut tx, Some(vacancy.body.term_id), None, None, RUNS).await?;
    let latest = latest.into_iter().find(|run| run.state.is_final() && run.schedule_sha256.is_some());
    tx.rollback().await?;
    let needs: Vec<NeedId> = sections.iter().map(|section| NeedId::from(section.id)).collect();
    let mut found = Vec::new();
    let mut ranked = None;
    if let Some(run) = latest.filter(|_| !needs.is_empty()) {
        for need in &needs {
            match state.candidates(run.id, *need).await {
                Ok(of_one) => found.push(of_one),
                // The run was made before the section was posted.
                Err(Error::NotFound { .. } | Error::Conflict(_)) => break,
                Err(error) => return Err(error),
            }
        }
        ranked = (found.len() == needs.len()).then(|| rank(run.id, found, &names, &declined));
    }
    let mut all: Vec<(EducatorId, String)> = if ranked.is_some() { Vec::new() } else { names.into_iter().collect() };
    all.sort_by_cached_key(|(_, name)| name.to_lowercase());
    Ok(View { vacancy, stage, sections: sections.len(), ranked, all, chosen, wrong })
}

/// Those who may take every section, the cheapest first, whoever has declined last; and the others by rule.
fn rank(
    run: RunId,
    found: Vec<Vec<Candidate>>,
    names: &BTreeMap<EducatorId, String>,
    declined: &BTreeMap<EducatorId, String>,
) -> Ranked {
    let sections = found.len();
    let named = |id: &str| {
        let name = id.parse().ok().and_then(|id: EducatorId| names.get(&id).cloned());
        name.unwrap_or_else(|| "a former educator".into())
    };
    let mut rows: BTreeMap<String, (usize, Row)> = BTreeMap::new();
    let mut refused: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for candidate in found.into_iter().flatten() {
        let Candidate { educator, serves, marginal_cents, displaces, refused: because, .. } = candidate;
        if let Some(because) = because {
            refused.entry(because.rule).or_default().insert(named(&educator));
            continue;
        }
        let (times, row) = rows.entry(educator.clone()).or_insert_with(|| {
            let declined = educator.parse().ok().and_then(|id: EducatorId| declined.get(&id).cloned());
            (0, Row { name: named(&educator), id: educator, cents: 0, serves: 0, displaces: 0, declined })
        });
        *times += 1;
        row.cents += marginal_cents.unwrap_or(0);
        row.serves += usize::from(serves);
        row.displaces += displaces.len();
    }
    let mut rows: Vec<Row> = rows.into_values().filter(|(times, _)| *times == sections).map(|(_, row)| row).collect();
    rows.sort_by(|a, b| (a.declined.is_some(), a.cents, &a.name).cmp(&(b.declined.is_some(), b.cents, &b.name)));
    let refused = refused.into_iter().map(|(rule, names)| (rule, names.into_iter().collect())).collect();
    Ranked { run, rows, refused }
}

fn page(actor: &Actor, view: &View) -> Markup {
    let id = view.vacancy.id;
    let title = format!("Propose an educator for {}", view.vacancy.body.title);
    let open = view.stage.mover(Stage::Proposed).is_some();
    Page::new(&title, Place::Vacancies, actor).show(&html! {
        p.trail { a href=(format!("/vacancies/{id}")) { (view.vacancy.body.title) } }
        h1 { "Propose an educator" }
        @if let Some(wrong) = &view.wrong { div.note.bad role="alert" { p { (wrong) } } }
        @if !open {
            (empty("Nobody can be proposed now", &html! { p { "The vacancy is " (view.stage.title()) ". Go back to its page to see what comes next." } }))
        } @else if view.sections == 0 {
            (empty("The vacancy has no sections", &html! { p { "Withdraw it, and post another with its sections." } }))
        } @else {
            @match &view.ranked {
                Some(ranked) => { (choose(view, ranked)) (refusals(ranked)) }
                None => { (by_name(view)) }
            }
        }
    })
}

fn choose(view: &View, ranked: &Ranked) -> Markup {
    let best = ranked.rows.first().map_or(0, |row| row.cents);
    html! {
        section.card aria-labelledby="ranked" {
            h2 #ranked { "Who may take it" }
            @if ranked.rows.is_empty() {
                p { "Nobody may take all of it as things are: below, each educator stands with the rule that refuses them." }
            } @else {
                p.soft {
                    (words::plural(ranked.rows.len(), "educator")) " may, the cheapest first, as the " a href=(format!("/runs/{}", ranked.run)) { "latest run" }
                    " sees them; license and clearance are looked at once more when you propose."
                }
                form method="post" action=(format!("/vacancies/{}/proposals", view.vacancy.id)) {
                    table.stack {
                        caption.unseen { "Educators with their cost against the cheapest" }
                        thead { tr { th scope="col" { "Educator" } th.number scope="col" { "Costs more by" } th scope="col" { "Would leave" } } }
                        tbody { @for row in ranked.rows.iter().take(OFFERED) {
                            tr {
                                th scope="row" {
                                    label.choice {
                                        input type="radio" name="educator" value=(row.id) required checked[view.chosen == row.id];
                                        span { (row.name) @if row.serves > 0 { " " span.badge.good { "serves " (row.serves) " of " (view.sections) " in that run" } } }
                                    }
                                    @if let Some(reason) = &row.declined { div.soft.small { "Declined before: “" (reason) "”" } }
                                }
                                td.number data-label="Costs more by" { (words::dollars(row.cents - best)) }
                                td data-label="Would leave" { @if row.displaces == 0 { span.soft { "nothing" } } @else { (words::plural(row.displaces, "other need")) } }
                            }
                        } }
                    }
                    (deadline("days", 5))
                    button type="submit" { "Propose to the district" }
                }
            }
        }
    }
}

fn by_name(view: &View) -> Markup {
    html! {
        section.card aria-labelledby="named" {
            h2 #named { "By name" }
            p { "No finished run of the term knows these sections, so nobody is ranked yet. " a href=(format!("/runs?term={}#start", view.vacancy.body.term_id)) { "Plan the term" } ", or choose somebody: license, clearance and bans are looked at when you propose." }
            form method="post" action=(format!("/vacancies/{}/proposals", view.vacancy.id)) {
                div.field {
                    label for="educator" { "Educator" }
                    select #educator name="educator" required {
                        option value="" { "Choose one" }
                        @for (id, name) in &view.all { option value=(id) selected[view.chosen == id.to_string()] { (name) } }
                    }
                }
                (deadline("days", 5))
                button type="submit" { "Propose to the district" }
            }
        }
    }
}

fn refusals(ranked: &Ranked) -> Markup {
    html! {
        @if !ranked.refused.is_empty() {
            section.card aria-labelledby="refused" {
                h2 #refused { "Who may not" }
                p.soft { "By each rule that stops them for one section or more." }
                @for (rule, names) in &ranked.refused {
                    details {
                        summary { (words::kind(rule_title(rule))) " " span.soft { "(" (rule) ") · " (words::count(names.len())) } }
                        p.small { (names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", "))
                            @if names.len() > NAMED { " and " (words::count(names.len() - NAMED)) " more" } }
                    }
                }
            }
        }
    }
}
