//! One change to the problem or the schedule that would let an educator serve a need: what it does, and how
//! it reads.

use super::reason::{days_and_times, listed};
use crate::engine::grid::{Grid, Need};
use crate::engine::problem::{Availability, Date, Educator, Grade};
use crate::engine::rule::Rule;

/// In the order of preference where several would do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Preps(i64),
    Sections(i64),
    Students(i64),
    Week(i64),
    Day(i64),
    Buffer(i64),
    Widen(Vec<Window>),
    Lift { school: String },
    Renew { row: usize, until: Date },
    Clear { state: String },
    Grades { row: usize, grades: Vec<Grade> },
    Speak { language: String },
    TakeAway { need: Need, rule: Rule, minutes: i64 },
}

/// A window on the educator's clock: start and end in minutes, day of the week.
pub type Window = (i64, i64, crate::domain::time::Weekday);

impl Change {
    pub fn rule(&self) -> Rule {
        match self {
            Self::Preps(_) | Self::Sections(_) => Rule::Preps,
            Self::Students(_) => Rule::Caseload,
            Self::Week(_) => Rule::Week,
            Self::Day(_) => Rule::Day,
            Self::Buffer(_) => Rule::Overlap,
            Self::Widen(_) => Rule::Availability,
            Self::Lift { .. } => Rule::Veto,
            Self::Renew { .. } | Self::Grades { .. } => Rule::License,
            Self::Clear { .. } => Rule::Clearance,
            Self::Speak { .. } => Rule::Language,
            Self::TakeAway { rule, .. } => *rule,
        }
    }

    /// Changes the educator; what concerns others (a veto, a need taken away) is the caller's.
    pub fn apply(&self, person: &mut Educator) {
        match self {
            Self::Preps(n) => person.max_preps = *n,
            Self::Sections(n) => person.max_sections = *n,
            Self::Students(n) => person.max_students = Some(*n),
            Self::Week(n) => person.max_minutes_per_week = *n,
            Self::Day(n) => person.max_minutes_per_day = *n,
            Self::Buffer(n) => person.buffer_minutes = *n,
            Self::Widen(windows) => person.availability.extend(windows.iter().filter_map(|&w| availability(w))),
            Self::Renew { row, until } => person.licenses[*row].expires = *until,
            Self::Grades { row, grades } => person.licenses[*row].grades.extend(grades),
            Self::Clear { state } => person.clearances.push(state.clone()),
            Self::Speak { language } => person.languages.push(language.clone()),
            Self::Lift { .. } | Self::TakeAway { .. } => {}
        }
    }

    /// What to do, in words.
    pub fn describe(&self, grid: &Grid<'_>, person: &Educator) -> String {
        let id = &person.id;
        let raise = |what: &str, from: i64, to: i64| format!("raise {what} of {id} from {from} to {to}");
        match self {
            Self::Preps(n) => raise("max_preps", person.max_preps, *n),
            Self::Sections(n) => raise("max_sections", person.max_sections, *n),
            Self::Students(n) => raise("max_students", person.max_students.unwrap_or(0), *n),
            Self::Week(n) => raise("the weekly limit", person.max_minutes_per_week, *n) + " minutes",
            Self::Day(n) => raise("the daily limit", person.max_minutes_per_day, *n) + " minutes",
            Self::Buffer(n) => {
                format!("shorten the buffer of {id} from {} to {n} minutes", person.buffer_minutes)
            }
            Self::Widen(windows) => {
                format!("widen the availability of {id} to {} ({})", days_and_times(windows), person.tz.name())
            }
            Self::Lift { school } => format!("lift the veto between {id} and {school}"),
            Self::Renew { row, until } => {
                let license = &person.licenses[*row];
                let (state, area, expires) = (&license.state, &license.area, license.expires);
                format!("renew the {state} license of {id} for {area}, which ends {expires}, until {until}")
            }
            Self::Grades { row, grades } => {
                let license = &person.licenses[*row];
                let names = listed(grades.iter().map(ToString::to_string), "and");
                let plural = if grades.len() == 1 { "grade" } else { "grades" };
                format!("add {plural} {names} to the {} license of {id} for {}", license.state, license.area)
            }
            Self::Clear { state } => format!("clear {id} in {state}"),
            Self::Speak { language } => {
                format!("add {language} to the languages of {id}, if they have it")
            }
            Self::TakeAway { need, minutes, .. } => {
                format!("take {} away from {id}, which leaves its {minutes} minutes unserved", need_name(grid, *need))
            }
        }
    }
}

fn availability((start, end, day): Window) -> Option<Availability> {
    let clock = |at: i64| u16::try_from(at).ok().and_then(crate::domain::time::Clock::from_minutes);
    Some(Availability { days: vec![day], start: clock(start)?, end: clock(end)? })
}

/// `section s1`, `service i1` or `bundle b1 (3 sections)`.
pub fn need_name(grid: &Grid<'_>, need: Need) -> String {
    match need {
        Need::Service(service) => format!("service {}", grid.problem.services[service].id),
        Need::Block(block) => {
            let sections = &grid.blocks[block].sections;
            let first = &grid.problem.sections[sections[0]];
            match (&first.bundle, sections.len()) {
                (Some(bundle), n) if n > 1 => format!("bundle {bundle} ({n} sections)"),
                _ => format!("section {}", first.id),
            }
        }
    }
}
