//! Checks of the term, calendars and bell schedules.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::Findings;
use super::{Names, Problem};
use crate::domain::calendar::Calendar;
use crate::domain::time::Weekday;
use crate::engine::problem::School;
use crate::engine::rule::Flaw;

/// The longest term, in days: two school years.
const LONGEST_TERM: i64 = 800;

pub fn check(problem: &Problem, names: &Names<'_>, findings: &mut Findings) {
    let term = problem.term;
    findings.dates("/term", ("first", Some(term.first)), ("last", Some(term.last)));
    let days = term.last.number() - term.first.number() + 1;
    if days > LONGEST_TERM {
        findings.add(Flaw::LongTerm, "/term", "last", format!("the term has {days} days, {LONGEST_TERM} at most"));
    }
    let mut ringing: BTreeMap<&str, Vec<&School>> = BTreeMap::new();
    for school in problem.schools.iter().filter(|school| school.calendar.is_none()) {
        ringing.entry(&school.district).or_default().push(school);
    }
    for (n, district) in problem.districts.iter().enumerate() {
        findings.text(&format!("/districts/{n}"), "state", &district.state);
        let schools = ringing.get(district.id.as_str()).map_or(&[][..], Vec::as_slice);
        check_calendar(&format!("/districts/{n}/calendar"), &district.calendar, problem, schools, findings);
    }
    for (n, school) in problem.schools.iter().enumerate() {
        let at = format!("/schools/{n}");
        findings.known(
            &at,
            "district",
            "district",
            &school.district,
            names.districts.contains_key(school.district.as_str()),
        );
        if let Some(calendar) = &school.calendar {
            check_calendar(&format!("{at}/calendar"), calendar, problem, &[school], findings);
        }
        findings.index(&format!("{at}/bell_schedules"), &school.bell_schedules, |bell| &bell.id);
        for (m, bell) in school.bell_schedules.iter().enumerate() {
            let at = format!("{at}/bell_schedules/{m}/periods");
            findings.index(&at, &bell.periods, |period| &period.id);
            for (k, period) in bell.periods.iter().enumerate() {
                findings.clocks(&format!("{at}/{k}"), period.start, period.end);
            }
        }
    }
}

/// A calendar, and the bell schedules it names in each school that uses it.
fn check_calendar(at: &str, calendar: &Calendar, problem: &Problem, schools: &[&School], findings: &mut Findings) {
    let Calendar { first, last, weekdays, closed, cycle, bell_schedule: bell } = calendar;
    findings.dates(at, ("first", Some(*first)), ("last", Some(*last)));
    if first <= last && (*last < problem.term.first || problem.term.last < *first) {
        let cause = format!("the calendar runs from {first} to {last} and never meets the term");
        findings.add(Flaw::OutsideTerm, at, "last", cause);
    }
    findings.not_empty(at, "weekdays", weekdays);
    findings.no_repeats(at, "weekdays", weekdays);
    findings.no_repeats(at, "cycle", cycle);
    for (n, date) in closed.iter().enumerate() {
        findings.date(&format!("{at}/closed"), n, *date);
    }
    for (n, label) in cycle.iter().enumerate() {
        findings.text(&format!("{at}/cycle"), n, label);
        if label.parse::<Weekday>().is_ok() {
            let cause = format!("the cycle day {label:?} would be taken for the weekday");
            findings.add(Flaw::CycleLabel, &format!("{at}/cycle"), n, cause);
        }
    }
    let at = format!("{at}/bell_schedule");
    let by_weekday = bell.weekdays.iter().map(|(day, id)| (format!("weekdays/{day}"), id));
    let by_date = bell.dates.iter().map(|(date, id)| (format!("dates/{date}"), id));
    for (field, id) in std::iter::once(("default".to_owned(), &bell.default)).chain(by_weekday).chain(by_date) {
        let lacks = |school: &&&School| !school.bell_schedules.iter().any(|bell| bell.id == *id);
        if let Some(school) = schools.iter().find(lacks) {
            let cause = format!("school {:?} has no bell schedule {id:?}", school.id);
            findings.add(Flaw::Dangling, &at, field, cause);
        }
    }
    for date in bell.dates.keys() {
        findings.date(&at, format!("dates/{date}"), *date);
    }
}

/// The labels of the cycle that a school goes by.
pub fn cycle_of<'p>(names: &Names<'p>, school: &'p School) -> &'p [String] {
    let district = || names.districts.get(school.district.as_str()).map(|district| &district.calendar);
    school.calendar.as_ref().or_else(district).map_or(&[], |calendar| &calendar.cycle)
}

/// The periods that any bell schedule of a school has.
pub fn periods_of(school: &School) -> BTreeSet<&str> {
    school.bell_schedules.iter().flat_map(|bell| &bell.periods).map(|period| period.id.as_str()).collect()
}
