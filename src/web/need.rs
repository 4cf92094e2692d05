//! One need in a run: who could serve it, at what cost and displacing what, or why not; and what a coordinator decides
//! about it. A lock becomes a pin of the term and a ban a veto: both hold in every later run until they are undone.

use std::collections::BTreeMap;

use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

use super::cautions::{self, overridden};
use super::decisions::{Undo, take_back, way_back};
use super::layout::{Page, Place, pager};
use super::locks;
use super::needs::{self, Known};
use super::unserved::rule_title;
use super::words;
use crate::api::error::Error;
use crate::api::{State, access::Planner, extract::NoQuery, extract::Path, extract::Query};
use crate::domain::actor::Actor;
use crate::domain::id::{EducatorId, NeedId, RunId};
use crate::domain::record::Stored;
use crate::domain::records::{Pin, Term, Veto};
use crate::domain::run::{Run, RunSettings};
use crate::domain::time;
use crate::engine::candidates::{Candidate, Warning};
use crate::engine::outcome::WeeklySession;
use crate::store::{self, Tx, directory, runs};

/// Candidates on one page.
const PAGE: usize = 20;
/// Names that one rule's refusals list.
const NAMED: usize = 60;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/runs/{id}/needs/{need}", get(read).post(decide))
        .route("/runs/{id}/needs/{need}/undo", post(undo))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Of the candidates; counts from 1.
    page: Option<usize>,
    /// Chosen already, on the board.
    educator: Option<EducatorId>,
}

/// The form as it was sent.
#[derive(Default, Deserialize)]
struct Typed {
    /// `assign`, `lock` or `ban`.
    #[serde(default)]
    decision: String,
    #[serde(default)]
    educator: String,
    #[serde(default)]
    reason: String,
    /// Codes of cautions, with commas between, that they know of and override.
    #[serde(default)]
    overrides: String,
    /// Of the lock that whoever decides had before their eyes.
    #[serde(default)]
    seen: String,
}

/// Somebody who may serve it, with names.
struct Row {
    id: String,
    name: String,
    serves: bool,
    /// Against the schedule as it is.
    cents: i64,
    sessions: String,
    displaces: Vec<(String, Option<String>)>,
    /// What speaks against it.
    warnings: Vec<Warning>,
}

struct View {
    run: Run,
    term: String,
    need: NeedId,
    known: Known,
    /// None while the run has no schedule.
    rows: Option<Vec<Row>>,
    refused: Vec<(String, Vec<String>)>,
    lock: Option<(Stored<Pin>, String)>,
    bans: Vec<(Stored<Veto>, String)>,
    page: usize,
    typed: Typed,
    wrong: Option<String>,
}

async fn read(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path((id, need)): Path<(RunId, NeedId)>,
    Query(asked): Query<Asked>,
) -> Result<Markup, Error> {
    let typed = Typed { educator: asked.educator.map_or(String::new(), |id| id.to_string()), ..Typed::default() };
    let view = view(&state, id, need, asked.page, typed, None).await?;
    Ok(page(&actor, &view))
}

async fn view(
    state: &State,
    id: RunId,
    need: NeedId,
    page: Option<usize>,
    typed: Typed,
    wrong: Option<String>,
) -> Result<View, Error> {
    let mut tx = state.db.read().await?;
    let run = runs::get(&mut tx, id).await?;
    let known = known(&mut tx, need).await?;
    let term = store::get::<Term>(&mut tx, known.term_id).await?.body;
    tx.rollback().await?;
    let found = match &run.schedule_sha256 {
        Some(_) => Some(state.candidates(id, need).await?),
        None => None,
    };
    let mut tx = state.db.read().await?;
    let names = directory::educator_names(&mut tx).await?;
    let name = |id: EducatorId| names.get(&id).cloned().unwrap_or_else(|| "a former educator".into());
    let supposed = run.settings.supposed_names();
    let named = |id: &str| {
        id.parse().map_or_else(|_| id.to_owned(), |id| supposed.get(&id).cloned().unwrap_or_else(|| name(id)))
    };
    let mut view = View {
        lock: lock(&mut tx, &known).await?.map(|pin| (pin.clone(), name(pin.body.educator_id))),
        bans: store::children::<Veto>(&mut tx, "school_id", known.school_id)
            .await?
            .into_iter()
            .map(|veto| (veto.clone(), name(veto.body.educator_id)))
            .collect(),
        run,
        term: term.name,
        need,
        known,
        rows: None,
        refused: Vec::new(),
        page: page.unwrap_or(1),
        typed,
        wrong,
    };
    let Some(found) = found else { return Ok(view) };
    let today = found.iter().find(|candidate| candidate.serves).and_then(|c| c.marginal_cents).unwrap_or(0);
    let at = |start: u16| time::instant(time::to_utc(view.known.tz, term.first_on, start));
    let spoken = |session: &WeeklySession| {
        format!("{} {}", words::kind(&session.day), words::time(at(session.start.minutes()), view.known.tz))
    };
    let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut rows = Vec::new();
    for candidate in found {
        let Candidate { educator, serves, marginal_cents, sessions, displaces, warnings, refused: because } = candidate;
        if let Some(because) = because {
            if educator == view.typed.educator && view.wrong.is_none() {
                let (rule, name) = (rule_title(&because.rule), named(&educator));
                view.wrong = Some(format!("{name} may not serve it: {rule} ({}).", because.rule));
            }
            refused.entry(because.rule).or_default().push(named(&educator));
            continue;
        }
        let displaces = displaces.into_iter().map(|other| (other.need, other.to.as_deref().map(named))).collect();
        let sessions = sessions.iter().map(spoken).collect::<Vec<_>>().join(", ");
        let cents = marginal_cents.unwrap_or(0) - today;
        rows.push(Row { name: named(&educator), id: educator, serves, cents, sessions, displaces, warnings });
    }
    // Whoever is chosen already is to be seen.
    let chosen = rows.iter().position(|row| row.id == view.typed.educator).filter(|_| page.is_none());
    view.page = chosen.map_or(view.page, |place| place / PAGE + 1);
    view.page = view.page.clamp(1, rows.len().div_ceil(PAGE).max(1));
    for row in rows.iter_mut().skip((view.page - 1) * PAGE).take(PAGE) {
        for (need, _) in &mut row.displaces {
            let known = match need.parse() {
                Ok(id) => needs::find(&mut tx, id).await?,
                Err(_) => None,
            };
            *need = known.map_or_else(needs::former, |need| (need.title, need.about)).0;
        }
    }
    view.rows = Some(rows);
    view.refused = refused.into_iter().collect();
    Ok(view)
}

async fn known(tx: &mut Tx, need: NeedId) -> Result<Known, Error> {
    needs::find(tx, need).await?.ok_or(Error::NotFound { kind: "need", id: need.to_string() })
}

/// The pin of a need: there is at most one.
async fn lock(tx: &mut Tx, need: &Known) -> Result<Option<Stored<Pin>>, Error> {
    let pins = match (need.section_id, need.service_id) {
        (Some(section), _) => store::children::<Pin>(tx, "section_id", section).await?,
        (_, Some(service)) => store::children::<Pin>(tx, "service_id", service).await?,
        _ => Vec::new(),
    };
    Ok(pins.into_iter().next())
}

/// Which state of a lock somebody has seen, as their form brings it back.
fn seen(lock: Option<&Stored<Pin>>) -> String {
    lock.map_or_else(|| "none".into(), |pin| format!("{}-{}", pin.id, pin.version))
}

async fn decide(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path((id, need)): Path<(RunId, NeedId)>,
    _: NoQuery,
    form: Result<Form<Typed>, FormRejection>,
) -> Result<Response, Error> {
    let Form(typed) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let (status, wrong) = match decided(&state, &actor, id, need, &typed).await? {
        Decided::Done(to) => return Ok(Redirect::to(&to).into_response()),
        Decided::Wrong(status, why) => (status, why),
    };
    let view = view(&state, id, need, None, typed, Some(wrong)).await?;
    Ok((status, page(&actor, &view)).into_response())
}

const SINCE: &str = "Somebody else has locked or unlocked this need since you opened the page. What they decided stands \
                     below; yours is still in the form: send it again to replace theirs.";

enum Decided {
    /// Where to go from here.
    Done(String),
    Wrong(StatusCode, String),
}

async fn decided(state: &State, actor: &Actor, id: RunId, need: NeedId, typed: &Typed) -> Result<Decided, Error> {
    let wrong = |why: &str| Ok(Decided::Wrong(StatusCode::UNPROCESSABLE_ENTITY, why.into()));
    let here = format!("/runs/{id}/needs/{need}");
    let mut tx = state.db.read().await?;
    let run = runs::get(&mut tx, id).await?;
    let known = known(&mut tx, need).await?;
    let stands = seen(lock(&mut tx, &known).await?.as_ref());
    drop(tx);
    let Ok(educator_id) = typed.educator.parse::<EducatorId>() else {
        return wrong("Choose an educator from the list.");
    };
    if typed.reason.trim().is_empty() {
        return wrong("Say why, in a few words: whoever finds the decision later will ask.");
    }
    let reason = Some(typed.reason.trim().to_owned());
    let mut overrides = Vec::new();
    if run.settings.supposed_names().contains_key(&educator_id) {
        return wrong("This educator is only supposed: nobody can be locked to somebody who is not there.");
    }
    // First of all: whatever is shown after this, they would take for what they had seen.
    if typed.decision != "ban" && stands != typed.seen {
        return Ok(Decided::Wrong(StatusCode::CONFLICT, SINCE.into()));
    }
    if typed.decision != "ban" && run.schedule_sha256.is_some() {
        match cautions::weighed(state, id, need, &typed.educator, &typed.overrides).await? {
            Ok(known) => overrides = known,
            Err(why) => return wrong(&why),
        }
    }
    let mut tx = state.write(actor).await?;
    if typed.decision == "ban" {
        // Both at once would make a problem that no run can begin with.
        for pin in store::children::<Pin>(&mut tx, "educator_id", educator_id).await? {
            let need = pin.body.section_id.map(NeedId::from).or(pin.body.service_id.map(NeedId::from));
            let at = match need {
                Some(need) => needs::find(&mut tx, need).await?,
                None => None,
            };
            if at.is_some_and(|at| at.school_id == known.school_id) {
                return wrong("A need at this school is locked to this educator: undo that lock first.");
            }
        }
        let veto = Veto { educator_id, school_id: known.school_id, reason, source: None, source_id: None };
        store::permit(&mut tx, actor, None, Some(&veto)).await?;
        store::insert(&mut tx, veto).await?;
        tx.commit().await?;
        return Ok(Decided::Done(here));
    }
    if !["lock", "assign"].contains(&typed.decision.as_str()) {
        return wrong("Choose what to do with one of the buttons.");
    }
    let bans = store::children::<Veto>(&mut tx, "school_id", known.school_id).await?;
    if bans.iter().any(|ban| ban.body.educator_id == educator_id) {
        return wrong("This educator is banned from the school: undo the ban first.");
    }
    let (section_id, service_id) = (known.section_id, known.service_id);
    let (term_id, source, source_id) = (known.term_id, None, None);
    let pin = Pin { term_id, section_id, service_id, educator_id, reason, overrides, source, source_id };
    store::permit(&mut tx, actor, None, Some(&pin)).await?;
    let before = lock(&mut tx, &known).await?;
    if seen(before.as_ref()) != typed.seen {
        return Ok(Decided::Wrong(StatusCode::CONFLICT, SINCE.into()));
    }
    match before {
        Some(before) => drop(store::update(&mut tx, before.id, Some(before.version), pin).await?),
        None => drop(store::insert(&mut tx, pin).await?),
    }
    tx.commit().await?;
    if typed.decision == "lock" {
        return Ok(Decided::Done(here));
    }
    let settings = RunSettings { start_from: Some(id), ..run.settings };
    match state.ask(actor, run.term_id, run.district_ids, settings).await {
        Ok(next) => Ok(Decided::Done(format!("/runs/{}", next.id))),
        Err(Error::Fields(issues)) => {
            let said: Vec<String> = issues.into_iter().map(|issue| issue.message).collect();
            wrong(&format!("It is locked, but cannot be planned so: {}.", said.join("; ")))
        }
        Err(Error::Locks(broken)) => {
            let mut tx = state.db.read().await?;
            let said = locks::told(&mut tx, &broken).await?.into_iter().map(|lock| lock.said).collect::<Vec<_>>();
            wrong(&format!("It is locked, but cannot be planned so. {}", said.join(" ")))
        }
        Err(error) => Err(error),
    }
}

/// Takes back a lock or a ban, provided it is still the one that was seen.
async fn undo(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path((id, need)): Path<(RunId, NeedId)>,
    _: NoQuery,
    form: Result<Form<Undo>, FormRejection>,
) -> Result<Redirect, Error> {
    take_back(&state, &actor, form).await?;
    Ok(Redirect::to(&format!("/runs/{id}/needs/{need}")))
}

fn page(actor: &Actor, view: &View) -> Markup {
    let title = &view.known.title;
    let address = format!("/runs/{}/needs/{}", view.run.id, view.need);
    Page::new(title, Place::Runs, actor).show(&html! {
        p.trail { a href=(format!("/runs/{}#unserved", view.run.id)) { "Run of " (view.term) } }
        h1 { (title) }
        p.soft { (view.known.about) }
        @if let Some(wrong) = &view.wrong { div.note.bad role="alert" { p { (wrong) } } }
        (decisions(view, &address))
        @match &view.rows {
            None => { section.card { h2 { "Candidates" } p { "The run has no schedule yet. When it has one, everybody who could serve this need is ranked here." } } }
            Some(rows) => { (candidates(view, rows, &address)) (refusals(view)) }
        }
    })
}

/// What holds for this need already, and the way back.
fn decisions(view: &View, address: &str) -> Markup {
    let to = format!("{address}/undo");
    let why = |reason: &Option<String>| html! { @if let Some(reason) = reason { " · “" (reason) "”" } };
    html! {
        @if view.lock.is_some() || !view.bans.is_empty() {
            section.card aria-labelledby="decided" {
                h2 #decided { "Decided" }
                ul.decisions {
                    @if let Some((pin, name)) = &view.lock {
                        li {
                            span { span.badge.good { "Locked" } " to " strong { (name) } (why(&pin.body.reason)) (overridden(&pin.body.overrides)) }
                            (way_back(&to, "lock", &pin.id.to_string(), pin.version, name))
                        }
                    }
                    @for (veto, name) in &view.bans {
                        li {
                            span { span.badge.bad { "Banned" } " from this school: " strong { (name) } (why(&veto.body.reason)) }
                            (way_back(&to, "ban", &veto.id.to_string(), veto.version, name))
                        }
                    }
                }
                p.soft.small { "Decisions hold in every run that is asked for from now on; this run’s schedule was made before or under them." }
                p { a.button.quiet href=(format!("/runs?copy={}#start", view.run.id)) { "Plan again from this run" } }
            }
        }
    }
}

fn candidates(view: &View, rows: &[Row], address: &str) -> Markup {
    let pages = rows.len().div_ceil(PAGE).max(1);
    let shown = rows.iter().skip((view.page - 1) * PAGE).take(PAGE);
    let to = |page: usize| format!("{address}?page={page}");
    html! {
        section.card aria-labelledby="candidates" {
            h2 #candidates { "Candidates" }
            @if rows.is_empty() {
                p { "Nobody may serve it as things are. Below, each educator stands with the rule that refuses them." }
            } @else {
                p.soft { (words::plural(rows.len(), "educator")) " may serve it, the cheapest first. Costs are those of the whole schedule, against what it costs today." }
                form method="post" action=(address) {
                    input type="hidden" name="seen" value=(seen(view.lock.as_ref().map(|(pin, _)| pin)));
                    table.stack {
                        caption.unseen { "Candidates, the cheapest first" }
                        thead { tr {
                            th scope="col" { "Educator" } th.number scope="col" { "Cost" } th scope="col" { "Would displace" }
                        } }
                        tbody { @for row in shown { (candidate(row, view)) } }
                    }
                    @if pages > 1 {
                        p.soft.small { "Page " (view.page) " of " (pages) }
                        (pager((view.page > 1).then(|| to(1)).as_deref(), (view.page < pages).then(|| to(view.page + 1)).as_deref()))
                    }
                    @if let Some(row) = rows.iter().find(|row| row.id == view.typed.educator && !row.warnings.is_empty()) { (cautions::against(&row.name, &row.warnings, &view.typed.overrides)) }
                    div.field {
                        label for="reason" { "Reason" }
                        input #reason name="reason" value=(view.typed.reason) required maxlength="500" autocomplete="off" aria-describedby="reason-hint";
                        span.hint id="reason-hint" { "Kept with the decision, and in the audit trail." }
                    }
                    div.weeks {
                        button type="submit" name="decision" value="assign" { "Assign and plan again" }
                        button.quiet type="submit" name="decision" value="lock" { "Lock for the next run" }
                        button.danger type="submit" name="decision" value="ban" { "Ban from this school" }
                    }
                }
            }
        }
    }
}

fn candidate(row: &Row, view: &View) -> Markup {
    let change = match row.cents {
        0 => "no change".to_owned(),
        cents if cents > 0 => format!("+{}", words::dollars(cents)),
        cents => words::dollars(cents),
    };
    html! {
        tr {
            th scope="row" {
                label.choice {
                    input type="radio" name="educator" value=(row.id) required checked[view.typed.educator == row.id];
                    span { (row.name) @if row.serves { " " span.badge.good { "serves it now" } } }
                }
                @if !row.sessions.is_empty() { div.soft.small { (row.sessions) } }
                (cautions::list(&row.warnings))
            }
            td.number data-label="Cost" { (change) }
            td data-label="Would displace" {
                @if row.displaces.is_empty() { span.soft { "nothing" } }
                @else { ul.plain { @for (need, to) in &row.displaces {
                    li { (need) @match to { Some(name) => { " → " (name) } None => { " → " strong { "nobody" } } } }
                } } }
            }
        }
    }
}

fn refusals(view: &View) -> Markup {
    let total: usize = view.refused.iter().map(|(_, names)| names.len()).sum();
    html! {
        @if total > 0 {
            section.card aria-labelledby="refused" {
                h2 #refused { "Who may not" }
                p.soft { (words::plural(total, "educator")) ", by the first rule that refuses them." }
                @for (rule, names) in &view.refused {
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
