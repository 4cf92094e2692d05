//! Substitutes: who could stand in for an educator who is away, duty by duty and on exactly those dates, the cheapest first.
//!
//! The term is cut to the weeks of the absence, so that licenses and clearances are asked for those dates and weekly
//! limits still see whole weeks; the times of the duties stay as they are. Nobody is taken from another need.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::calendar::DateSpan;

use super::candidates::{Candidate, Candidates, Refused};
use super::grid::Grid;
use super::outcome::{Schedule, WeeklySession};
use super::problem::{Problem, ServiceWindow};
use super::rule::Rule;

/// Needs that one person takes over together: a section, or services whose students meet as a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// The smallest of its needs.
    pub id: String,
    pub needs: Vec<String>,
}

/// One educator for a duty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Substitute {
    pub educator: String,
    /// What they cost less the price of leaving the duty undone; the less the better. None where they may not.
    pub cents: Option<i64>,
    /// Why not, where they may not.
    pub refused: Option<Refused>,
}

/// A duty with everybody who is not away, those who may first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranked {
    pub duty: String,
    pub substitutes: Vec<Substitute>,
    /// Who takes it: as chosen, or else the first; none is an adult in the room.
    pub taken_by: Option<String>,
}

/// A choice that the rules refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{educator} cannot take over {duty} ({rule}, {filter})")]
pub struct Unfit {
    pub duty: String,
    pub educator: String,
    pub rule: String,
    pub filter: String,
}

/// Needs of `away` that share students' meetings, made one duty each. `meetings` are the needs of each dated meeting.
#[must_use]
pub fn duties<'m>(meetings: impl IntoIterator<Item = &'m [String]>) -> Vec<Duty> {
    let mut groups: Vec<BTreeSet<String>> = Vec::new();
    for needs in meetings {
        let mut one: BTreeSet<String> = needs.iter().cloned().collect();
        groups.retain(|group| {
            let touches = !group.is_disjoint(&one);
            if touches {
                one.extend(group.iter().cloned());
            }
            !touches
        });
        groups.push(one);
    }
    groups.sort();
    let duty = |needs: BTreeSet<String>| Some(Duty { id: needs.first()?.clone(), needs: needs.into_iter().collect() });
    groups.into_iter().filter_map(duty).collect()
}

/// Ranks substitutes for each duty of `away` within `dates`, each as if those before it were given as chosen.
/// `choices` names who takes a duty, or nobody; where it says nothing the first takes it. `busy` are those who are
/// taken at the times of a duty by something that no weekly schedule says.
///
/// # Errors
/// If somebody is chosen whom the rules refuse.
pub fn rank(
    problem: &Problem,
    schedule: &Schedule,
    away: &str,
    dates: DateSpan,
    duties: &[Duty],
    choices: &BTreeMap<String, Option<String>>,
    busy: &BTreeMap<String, BTreeSet<String>>,
) -> Result<Vec<Ranked>, Unfit> {
    let cut = cut(problem, schedule, away, dates, duties);
    let grid = Grid::new(&cut);
    let mut schedule = schedule.clone();
    let mut ranked = Vec::with_capacity(duties.len());
    for duty in duties {
        let mut asked = Candidates::new(&grid, &schedule);
        let mut substitutes: BTreeMap<String, Substitute> = BTreeMap::new();
        for need in &duty.needs {
            let times = sessions(&schedule, need);
            for candidate in asked.of(need).unwrap_or_default().into_iter().filter(|c| c.educator != away) {
                let taken = busy.get(&duty.id).is_some_and(|busy| busy.contains(&candidate.educator));
                let one = judged(candidate, &times, taken);
                let known = substitutes.entry(one.educator.clone()).or_insert_with(|| one.clone());
                // Whoever is refused for one of a group is refused for the group.
                if known.refused.is_none() && one.refused.is_some() {
                    *known = one;
                }
            }
        }
        let mut substitutes: Vec<Substitute> = substitutes.into_values().collect();
        substitutes.sort_by_cached_key(|s| {
            (s.cents.is_none(), s.cents, s.refused.as_ref().map(|r| r.rule.clone()), s.educator.clone())
        });
        let taken_by = match choices.get(&duty.id) {
            Some(choice) => choice.clone(),
            None => substitutes.first().filter(|s| s.refused.is_none()).map(|s| s.educator.clone()),
        };
        if let Some(educator) = &taken_by {
            fit(duty, educator, &substitutes)?;
            drop(asked);
            give(&mut schedule, duty, educator);
        }
        ranked.push(Ranked { duty: duty.id.clone(), substitutes, taken_by });
    }
    Ok(ranked)
}

fn fit(duty: &Duty, educator: &str, substitutes: &[Substitute]) -> Result<(), Unfit> {
    let unfit = |rule: &str, filter: &str| {
        Err(Unfit { duty: duty.id.clone(), educator: educator.into(), rule: rule.into(), filter: filter.into() })
    };
    match substitutes.iter().find(|s| s.educator == educator) {
        None => unfit("H00", "unknown"),
        Some(Substitute { refused: Some(refused), .. }) => unfit(&refused.rule, &refused.filter),
        Some(_) => Ok(()),
    }
}

/// The problem of the weeks in which somebody is away: their duties on those dates alone, at their present times.
fn cut(problem: &Problem, schedule: &Schedule, away: &str, dates: DateSpan, duties: &[Duty]) -> Problem {
    let mut cut = problem.clone();
    let (first, last) = (dates.first.monday(), dates.last.monday().plus_days(6));
    cut.term = DateSpan { first: first.max(problem.term.first), last: last.min(problem.term.last) };
    let affected: BTreeSet<&str> = duties.iter().flat_map(|duty| &duty.needs).map(String::as_str).collect();
    let span = |own_first: Option<_>, own_last: Option<_>| {
        (own_first.unwrap_or(dates.first).max(dates.first), own_last.unwrap_or(dates.last).min(dates.last))
    };
    for section in &mut cut.sections {
        // Who stands in for one section of a bundle need not do so for the others.
        section.bundle = None;
        if affected.contains(section.id.as_str()) {
            let (first, last) = span(section.first, section.last);
            (section.first, section.last) = (Some(first), Some(last));
        }
    }
    for service in cut.services.iter_mut().filter(|service| affected.contains(service.id.as_str())) {
        let (first, last) = span(service.first, service.last);
        (service.first, service.last) = (Some(first), Some(last));
        let minutes = service.minutes;
        let window = |session: &WeeklySession| {
            let end = i64::from(session.start.minutes()) + minutes;
            let end = crate::domain::time::Clock::from_minutes(u16::try_from(end).ok()?)?;
            Some(ServiceWindow { days: vec![session.day.clone()], start: session.start, end })
        };
        service.windows = sessions(schedule, &service.id).iter().filter_map(window).collect();
    }
    cut.pins.retain(|pin| !affected.contains(pin.need.as_str()));
    cut.together.clear();
    cut.incumbents.clear();
    for educator in cut.educators.iter_mut().filter(|educator| educator.id == away) {
        // Their duties stay on their desk in the book until somebody takes them.
        educator.time_off.clear();
    }
    cut
}

/// The weekly sessions of a service; a section has none.
fn sessions(schedule: &Schedule, need: &str) -> Vec<WeeklySession> {
    schedule.services.iter().find(|row| row.service == need).map(|row| row.sessions.clone()).unwrap_or_default()
}

fn judged(candidate: Candidate, times: &[WeeklySession], taken: bool) -> Substitute {
    let mut offered = candidate.sessions;
    let mut wanted = times.to_vec();
    offered.sort();
    wanted.sort();
    let busy = candidate.refused.is_none() && (taken || !candidate.displaces.is_empty() || offered != wanted);
    let refused = if busy {
        Some(Refused { rule: Rule::Overlap.code().to_owned(), filter: "conflicts".into() })
    } else {
        candidate.refused
    };
    let cents = candidate.marginal_cents.filter(|_| refused.is_none());
    Substitute { educator: candidate.educator, cents, refused }
}

fn give(schedule: &mut Schedule, duty: &Duty, educator: &str) {
    for row in schedule.sections.iter_mut().filter(|row| duty.needs.contains(&row.section)) {
        educator.clone_into(&mut row.educator);
    }
    for row in schedule.services.iter_mut().filter(|row| duty.needs.contains(&row.service)) {
        educator.clone_into(&mut row.educator);
    }
}
