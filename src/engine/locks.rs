//! Locks that cannot be kept: for each pin that the rules refuse, which rule, and which other pin stands in its way.
//!
//! Looks at pinned needs alone, so that it can be asked before a run begins, whatever the size of the term. What it finds is
//! certain; where the sessions of pinned services compete for room only the search can tell.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::answer;
use super::grid::{Grid, Need};
use super::pairing::{Filter, Rules};
use super::problem::Problem;
use super::rule::{Flaw, Issue, Rule};
use super::search::book::Book;

/// A pin that no schedule can keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Position in the problem's `pins`.
    pub pin: usize,
    pub need: String,
    pub educator: String,
    /// The code of the rule it breaks.
    pub rule: String,
    /// What is missing, in words.
    pub why: String,
    /// The pinned need, of the same educator, that cannot be kept beside it.
    pub beside: Option<String>,
}

impl Broken {
    /// As an issue of the input.
    #[must_use]
    pub fn issue(&self) -> Issue {
        let Self { pin, need, educator, rule, why, beside } = self;
        let beside = beside.as_ref().map_or(String::new(), |other| format!(", beside that of {other}"));
        let cause = format!("the pin of {need} to {educator} cannot be kept{beside}: {rule}, {why}");
        let remedy = Rule::ALL.iter().find(|known| known.code() == rule).map_or("", |known| known.remedy());
        let action = format!("lift the pin, or {remedy}");
        Issue { action, ..Issue::new(Flaw::ImpossiblePin, format!("/pins/{pin}"), cause) }
    }
}

/// Every pin that breaks a rule by itself, or beside the pins before it. The problem is one that `validate` found nothing
/// wrong with.
#[must_use]
pub fn broken(problem: &Problem) -> Vec<Broken> {
    if problem.pins.is_empty() {
        return Vec::new();
    }
    let part = pinned(problem);
    among(&Grid::new(&part))
}

/// The same of a problem that is expanded already.
#[must_use]
pub fn among(grid: &Grid<'_>) -> Vec<Broken> {
    let (rules, mut book, mut found) = (Rules::new(grid), Book::new(grid), Vec::new());
    for (n, pin) in grid.problem.pins.iter().enumerate() {
        let educator = grid.index.educators.get(pin.educator.as_str()).copied();
        let Some((need, educator)) = grid.need(&pin.need).zip(educator) else { continue };
        let mut refuse = |rule: Rule, why: String, beside: Option<Need>| {
            let (need, educator) = (pin.need.clone(), pin.educator.clone());
            let (rule, beside) = (rule.code().to_owned(), beside.map(|need| answer::id(grid, need)));
            found.push(Broken { pin: n, need, educator, rule, why, beside });
        };
        if let Some(filter) = rules.refusal(need, educator) {
            refuse(filter.rule(), missing(filter).into(), None);
            continue;
        }
        let Need::Block(block) = need else { continue };
        if book.roster.blocks[block].is_some() {
            continue; // another section of its bundle
        }
        match book.block_refusal(block, educator) {
            None => book.assign_block(block, educator),
            Some(rule) => {
                let near = book.in_the_way(educator, grid.blocks[block].hold).into_iter().next();
                let beside = near.or_else(|| book.needs_of(educator).into_iter().next());
                refuse(rule, format!("{} of the educator", rule.title()), beside);
            }
        }
    }
    found
}

/// What an educator lacks who falls out at a filter.
fn missing(filter: Filter) -> &'static str {
    match filter {
        Filter::State => "no license in the school's state",
        Filter::Area => "no license for the subject",
        Filter::Grade => "no license for all of its grades",
        Filter::Validity => "no license that is valid from its first meeting to its last",
        Filter::Clearance => "no clearance in the school's state",
        Filter::Language => "a language that it asks for is missing",
        Filter::Veto => "the educator is banned from the school",
        Filter::Availability => "the educator is not available at its times",
        Filter::Load => "it alone is more than the educator's limits allow",
    }
}

/// The problem of the pinned needs and the people they are pinned to.
fn pinned(problem: &Problem) -> Problem {
    let needs: BTreeSet<&str> = problem.pins.iter().map(|pin| pin.need.as_str()).collect();
    let people: BTreeSet<&str> = problem.pins.iter().map(|pin| pin.educator.as_str()).collect();
    let sections = || problem.sections.iter().filter(|section| needs.contains(section.id.as_str()));
    let bundles: BTreeSet<&str> = sections().filter_map(|section| section.bundle.as_deref()).collect();
    let is_in = |bundle: &Option<String>| bundle.as_deref().is_some_and(|bundle| bundles.contains(bundle));
    let sections = problem.sections.iter().filter(|row| needs.contains(row.id.as_str()) || is_in(&row.bundle));
    let mut part = Problem {
        format: problem.format.clone(),
        name: problem.name.clone(),
        term: problem.term,
        grid_minutes: problem.grid_minutes,
        weights: problem.weights,
        districts: Vec::new(),
        schools: Vec::new(),
        courses: problem.courses.clone(),
        sections: sections.cloned().collect(),
        services: problem.services.iter().filter(|row| needs.contains(row.id.as_str())).cloned().collect(),
        educators: problem.educators.iter().filter(|row| people.contains(row.id.as_str())).cloned().collect(),
        incumbents: Vec::new(),
        pins: problem.pins.clone(),
        vetoes: problem.vetoes.clone(),
        together: Vec::new(),
    };
    let of_sections = part.sections.iter().map(|row| row.school.as_str());
    let schools: BTreeSet<&str> = of_sections.chain(part.services.iter().map(|row| row.school.as_str())).collect();
    part.schools = problem.schools.iter().filter(|row| schools.contains(row.id.as_str())).cloned().collect();
    let districts: BTreeSet<&str> = part.schools.iter().map(|row| row.district.as_str()).collect();
    part.districts = problem.districts.iter().filter(|row| districts.contains(row.id.as_str())).cloned().collect();
    part
}
