//! What a run would change: against another run, or against what stands published, by educator and by need. The
//! preview of a publication is the same comparison, with who will be told.

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::State as Axum;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value as Json;

use super::layout::{Page, Place, empty, pager};
use super::needs::Names;
use super::repairs;
use super::runs::{badge, figure};
use super::scope::{self, Alone, Scope};
use super::sides::{self, Side};
use super::words;
use crate::api::error::Error;
use crate::api::{State, access::Planner, extract::NoQuery, extract::Path, extract::Query};
use crate::domain::actor::Actor;
use crate::domain::id::RunId;
use crate::domain::records::Term;
use crate::domain::run::Run;
use crate::engine::difference::{self, Change, Difference, NeedChange, PersonChange};
use crate::engine::outcome::Schedule;
use crate::engine::problem::Problem;
use crate::store::{self, Tx, makeup, runs, schedules};

const PAGE: usize = 50;
/// Runs offered to compare with.
const OFFERED: i64 = 30;
/// Needs named in one cell.
const NAMED: usize = 8;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/runs/{id}/compare", get(compare))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A run; none is what stands published.
    with: Option<String>,
    #[serde(default)]
    by: By,
    /// Counts from 1.
    page: Option<usize>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    #[default]
    Person,
    Need,
}

/// Two schedules of a term, and everything's name.
pub struct Compared {
    pub run: Run,
    pub term: String,
    difference: Difference,
    names: Names,
    /// Needs for which both were made.
    both: BTreeSet<String>,
    /// Those for which one alone was: before and after.
    alone: (Alone, Alone),
}

impl Compared {
    /// Against another run, or what is published. Needs that the run does not plan are left out.
    pub async fn read(tx: &mut Tx, id: RunId, with: Option<RunId>) -> Result<Self, Error> {
        let run = runs::get(tx, id).await?;
        let (after, _) = schedule(tx, id).await?;
        let text = runs::problem(tx, id).await?;
        let problem: Problem = serde_json::from_str(&text).map_err(Error::internal)?;
        let mut names = Names::read(tx, &problem).await?;
        names.suppose(&run.settings);
        let (mut before, planned) = match with {
            Some(other) => {
                names.suppose(&runs::get(tx, other).await?.settings);
                (schedule(tx, other).await?.0, Scope::of(&runs::problem(tx, other).await?)?)
            }
            None => (schedules::standing(tx, run.term_id).await?, Scope::standing(tx, run.term_id).await?),
        };
        let plans = Scope::of(&text)?;
        // Beside nothing at all there is nothing to tell apart.
        let planned = if planned.is_empty() { plans.clone() } else { planned };
        let alone = (planned.alone(&plans, &before), plans.alone(&planned, &after));
        before.sections.retain(|row| names.knows(&row.section));
        before.services.retain(|row| names.knows(&row.service));
        let term = store::find::<Term>(tx, run.term_id).await?.map_or("a former term".into(), |term| term.body.name);
        let difference = difference::between(&before, &after);
        let both = difference.needs.iter().map(|need| need.need.clone()).filter(|need| planned.has(need)).collect();
        Ok(Self { run, term, difference, names, both, alone })
    }

    pub fn is_nothing(&self) -> bool {
        self.difference.needs.is_empty()
    }

    /// How many needs change, in words.
    pub fn told(&self) -> Markup {
        let of = |change: Change| {
            self.difference.needs.iter().filter(|need| need.change == change && self.both.contains(&need.need)).count()
        };
        html! {
            dl.figures {
                div { dt { "newly served" } dd { (words::count(of(Change::Added))) } }
                div { dt { "to somebody else" } dd { (words::count(of(Change::Moved))) } }
                div { dt { "at other times" } dd { (words::count(of(Change::Retimed))) } }
                div { dt { "no longer served" } dd { (words::count(of(Change::Dropped))) } }
                div { dt { "unchanged" } dd { (words::count(self.difference.unchanged)) } }
                div { dt { "educators concerned" } dd { (words::count(self.difference.people.len())) } }
            }
            (scope::told(&self.alone.0, &self.alone.1))
        }
    }

    /// One page of the educators, by name, and how many pages there are.
    pub fn people(&self, page: usize) -> (Markup, usize) {
        let mut people: Vec<&PersonChange> = self.difference.people.iter().collect();
        people.sort_by_cached_key(|person| self.names.educator(&person.educator).to_lowercase());
        let pages = people.len().div_ceil(PAGE).max(1);
        let shown = people.into_iter().skip((page.clamp(1, pages) - 1) * PAGE).take(PAGE);
        let table = html! {
            table.stack {
                caption.unseen { "Changes by educator" }
                thead { tr { th scope="col" { "Educator" } th scope="col" { "Gains" } th scope="col" { "Loses" } th scope="col" { "At other times" } } }
                tbody { @for person in shown {
                    tr {
                        th scope="row" { (self.names.educator(&person.educator)) }
                        td data-label="Gains" { (self.list(&person.gains)) }
                        td data-label="Loses" { (self.list(&person.loses)) }
                        td data-label="At other times" { (self.list(&person.retimed)) }
                    }
                } }
            }
        };
        (table, pages)
    }

    /// The needs that somebody serves as it stands, and nobody any more; none if there are none.
    fn uncovered(&self) -> Option<Markup> {
        let dropped: Vec<&NeedChange> =
            self.difference.needs.iter().filter(|need| need.change == Change::Dropped).collect();
        (!dropped.is_empty()).then(|| {
            html! {
                ul.day-list {
                    @for need in dropped.iter().take(PAGE) {
                        @let (title, about) = self.names.need(&need.need);
                        li {
                            a href=(format!("/runs/{}/needs/{}", self.run.id, need.need)) { (title) } span.soft { " · " (about) }
                            @if let Some(before) = &need.before { div.small.soft { "until now " (self.names.educator(before)) } }
                        }
                    }
                    @if dropped.len() > PAGE { li.soft { "and " (words::count(dropped.len() - PAGE)) " more" } }
                }
            }
        })
    }

    fn list(&self, needs: &[String]) -> Markup {
        html! {
            @if needs.is_empty() { span.soft { "–" } } @else {
                ul.plain.small {
                    @for need in needs.iter().take(NAMED) { @let (title, about) = self.names.need(need); li title=(about) { (title) span.soft { " · " (place(&about)) } } }
                    @if needs.len() > NAMED { li.soft { "and " (words::count(needs.len() - NAMED)) " more" } }
                }
            }
        }
    }

    fn needs(&self, page: usize) -> (Markup, usize) {
        let mut needs: Vec<&NeedChange> = self.difference.needs.iter().collect();
        needs.sort_by_cached_key(|need| (std::cmp::Reverse(need.change), self.names.need(&need.need)));
        let pages = needs.len().div_ceil(PAGE).max(1);
        let shown = needs.into_iter().skip((page.clamp(1, pages) - 1) * PAGE).take(PAGE);
        let who =
            |educator: &Option<String>| educator.as_deref().map_or("nobody", |id| self.names.educator(id)).to_owned();
        let table = html! {
            table.stack {
                caption.unseen { "Changes by need" }
                thead { tr { th scope="col" { "Need" } th scope="col" { "Change" } th scope="col" { "Before" } th scope="col" { "After" } } }
                tbody { @for need in shown {
                    @let (title, about) = self.names.need(&need.need);
                    @let (class, word) = if self.both.contains(&need.need) { said(need.change) } else { ("good", "planned for the first time") };
                    tr {
                        th scope="row" { a href=(format!("/runs/{}/needs/{}", self.run.id, need.need)) { (title) } div.soft.small { (about) } }
                        td data-label="Change" { span.badge.(class) { (word) } }
                        td data-label="Before" { (who(&need.before)) }
                        td data-label="After" { (who(&need.after)) }
                    }
                } }
            }
        };
        (table, pages)
    }
}

fn said(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::Added => ("good", "newly served"),
        Change::Moved => ("warn", "to somebody else"),
        Change::Retimed => ("soft", "at other times"),
        Change::Dropped => ("bad", "no longer served"),
    }
}

/// Of `Section at Río Seco High, grade 09`: the school.
fn place(about: &str) -> &str {
    let after = about.split_once(" at ").map_or(about, |(_, after)| after);
    after.split_once(", grade").map_or(after, |(place, _)| place)
}

/// The schedule of a run, and its report if it has ended.
async fn schedule(tx: &mut Tx, id: RunId) -> Result<(Schedule, Option<Json>), Error> {
    let (text, report) = runs::answer(tx, id).await?;
    let text = text.ok_or_else(|| Error::Conflict("the run has no schedule yet; wait for its first one".into()))?;
    Ok((serde_json::from_str(&text).map_err(Error::internal)?, report))
}

async fn compare(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<RunId>,
    Query(asked): Query<Asked>,
) -> Result<Markup, Error> {
    let with = match asked.with.as_deref() {
        None | Some("" | "published") => None,
        Some(text) => Some(text.parse::<RunId>().map_err(|refusal| Error::parameter("with", refusal))?),
    };
    let mut tx = state.db.read().await?;
    let compared = Compared::read(&mut tx, id, with).await?;
    let others = runs::list(&mut tx, Some(compared.run.term_id), None, None, OFFERED).await?;
    let other = others.iter().find(|run| Some(run.id) == with);
    let after = Side::of(&compared.run, runs::answer(&mut tx, id).await?.1)?;
    let before = if let Some(with) = with {
        Some(Side::of(&runs::get(&mut tx, with).await?, runs::answer(&mut tx, with).await?.1)?)
    } else {
        // What stands is read anew: nobody holds one reader and waits for another.
        tx.rollback().await?;
        Side::standing(&state, &compared.run).await?
    };
    Ok(page(&actor, &compared, before.map(|before| (before, after)).as_ref(), with, other, &others, &asked))
}

fn page(
    actor: &Actor,
    compared: &Compared,
    sides: Option<&(Side, Side)>,
    with: Option<RunId>,
    other: Option<&Run>,
    others: &[Run],
    asked: &Asked,
) -> Markup {
    let run = &compared.run;
    let title = format!("Changes in {}", compared.term);
    let (number, chosen) = (asked.page.unwrap_or(1), with.map_or_else(|| "published".into(), |id| id.to_string()));
    let (table, pages) = if asked.by == By::Person { compared.people(number) } else { compared.needs(number) };
    let number = number.clamp(1, pages);
    let by = |by: By| if by == By::Person { "person" } else { "need" };
    let to = |way: By, page: usize| format!("/runs/{}/compare?with={chosen}&by={}&page={page}", run.id, by(way));
    let cost = |run: &Run| figure(run, "incumbent").map_or("–".into(), words::dollars);
    Page::new(&title, Place::Runs, actor).show(&html! {
        p.trail { a href=(format!("/runs/{}", run.id)) { "Run of " (compared.term) } }
        h1 { (title) }
        p.soft { "From the schedule chosen below to that of the run of " (words::instant(run.created_at, actor.tz)) ", which costs " (cost(run)) "." }
        form.search action=(format!("/runs/{}/compare", run.id)) {
            div {
                label for="with" { "Compare with" }
                select #with name="with" {
                    option value="published" selected[with.is_none()] { "what is published" }
                    @for one in others.iter().filter(|one| one.id != run.id && one.schedule_sha256.is_some()) {
                        option value=(one.id) selected[with == Some(one.id)] { "the run of " (words::instant(one.created_at, actor.tz)) ", " (cost(one)) }
                    }
                }
            }
            input type="hidden" name="by" value=(by(asked.by));
            button type="submit" { "Compare" }
        }
        @if let Some(other) = other { p.soft { "That run: " (badge(other)) ", " (cost(other)) "." } }
        @if let Some((before, after)) = sides { (sides::show(before, after, |id| compared.names.educator(&id.to_string()).to_owned())) }
        @if compared.is_nothing() {
            (empty("Nothing differs", &html! { p { "Both give every need to the same educator at the same times." } (scope::told(&compared.alone.0, &compared.alone.1)) }))
        } @else {
            section.card aria-label="Changes" {
                (compared.told())
                ul.chips {
                    li { a href=(to(By::Person, 1)) aria-current=[(asked.by == By::Person).then_some("true")] { "By educator" } }
                    li { a href=(to(By::Need, 1)) aria-current=[(asked.by == By::Need).then_some("true")] { "By need" } }
                }
                (table)
                @if pages > 1 {
                    p.soft.small { "Page " (number) " of " (pages) }
                    (pager((number > 1).then(|| to(asked.by, 1)).as_deref(), (number < pages).then(|| to(asked.by, number + 1)).as_deref()))
                }
            }
        }
    })
}

/// Before a publication: what changes, who is told, and the button.
pub(super) async fn preview(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<RunId>,
    _: NoQuery,
) -> Result<Markup, Error> {
    state.publishable(id).await?;
    let mut tx = state.db.read().await?;
    let compared = Compared::read(&mut tx, id, None).await?;
    let (table, pages) = compared.people(1);
    // A day that is closed moves no need, and still takes meetings away.
    let by_meeting = compared.run.settings.repair || !makeup::to_come(&mut tx, compared.run.term_id).await?.is_empty();
    let uncovered = compared.uncovered();
    let address = format!("/runs/{id}");
    Ok(Page::new("Before you publish", Place::Runs, &actor).show(&html! {
        p.trail { a href=(address) { "Run of " (compared.term) } }
        h1 { "Before you publish" }
        section.card aria-labelledby="what" {
            h2 #what { "What changes against what stands" }
            @if compared.is_nothing() { p { "Every need stays with the same educator at the same times." } }
            @else {
                (compared.told())
                p { a href=(format!("{address}/compare?by=need")) { "Need by need" } }
            }
        }
        @if !compared.is_nothing() {
            section.card aria-labelledby="who" {
                h2 #who { "Whose calendar changes" }
                p.soft { "These educators, and the schools where they teach, see the change as soon as you publish: on their weeks and in every calendar that follows them. Nobody else’s sessions move." }
                (table)
                @if pages > 1 { p { a href=(format!("{address}/compare?page=2")) { "The others" } } }
            }
        }
        @if by_meeting { (repairs::counting(&address)) }
        @if let Some(uncovered) = uncovered {
            section.card aria-labelledby="room" {
                h2 #room { "An adult in the room" }
                p { "Nobody with the license, the clearance and the time can take these. As soon as you publish, the districts are asked for an adult in each room; open a need to see who comes nearest." }
                (uncovered)
            }
        }
        section.card aria-labelledby="publish" {
            h2 #publish { "Publish" }
            p { "Everything is checked once more against today’s records; if they have changed since this run was asked for, nothing is published and you see what changed." }
            div.weeks {
                form.plain method="post" action=(format!("{address}/publish")) { button type="submit" { "Publish" } }
                a.button.quiet href=(address) { "Not now" }
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_school_is_read_from_what_is_said_of_a_need() {
        assert_eq!(place("Section at Río Seco High, grades 09–12"), "Río Seco High");
        assert_eq!(place("Service at Hill, grade KG, 30 minutes 2 × a week"), "Hill");
        assert_eq!(place("No longer among the records"), "No longer among the records");
    }
}
