//! Checks of courses, sections and services.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Findings, MAX_COUNT};
use super::places::{cycle_of, periods_of};
use super::{Names, Problem};
use crate::domain::time::Weekday;
use crate::engine::problem::{Per, Section, Service};
use crate::engine::rule::Flaw;

/// The most that unserved minutes of one need can weigh against another's.
const MAX_PRIORITY: i64 = 1000;

pub fn check(problem: &Problem, names: &Names<'_>, findings: &mut Findings) {
    for (n, course) in problem.courses.iter().enumerate() {
        findings.not_empty(&format!("/courses/{n}"), "areas", &course.areas);
    }
    let periods: BTreeMap<&str, BTreeSet<&str>> =
        names.schools.iter().map(|(id, row)| (*id, periods_of(row))).collect();
    for (n, section) in problem.sections.iter().enumerate() {
        check_section(&format!("/sections/{n}"), section, names, &periods, findings);
    }
    for (n, service) in problem.services.iter().enumerate() {
        check_service(&format!("/services/{n}"), service, names, findings);
    }
}

fn check_section(
    at: &str,
    section: &Section,
    names: &Names<'_>,
    periods: &BTreeMap<&str, BTreeSet<&str>>,
    findings: &mut Findings,
) {
    let school = names.schools.get(section.school.as_str());
    findings.known(at, "school", "school", &section.school, school.is_some());
    findings.known(at, "course", "course", &section.course, names.courses.contains_key(section.course.as_str()));
    findings.dates(at, ("first", section.first), ("last", section.last));
    findings.number(at, "priority", section.priority, 0..=MAX_PRIORITY);
    findings.number(at, "students", section.students.unwrap_or(0), 0..=MAX_COUNT);
    findings.not_empty(at, "grades", &section.grades);
    findings.not_empty(at, "meets", &section.meets);
    if let Some(bundle) = &section.bundle {
        findings.text(at, "bundle", bundle);
    }
    for (m, meet) in section.meets.iter().enumerate() {
        let at = format!("{at}/meets/{m}");
        if let Some(days) = &meet.days {
            findings.not_empty(&at, "days", days);
            findings.no_repeats(&at, "days", days);
        }
        if let Some(labels) = &meet.cycle_days {
            findings.not_empty(&at, "cycle_days", labels);
            findings.no_repeats(&at, "cycle_days", labels);
        }
        let Some(school) = school else { continue };
        let has_period = periods.get(school.id.as_str()).is_some_and(|periods| periods.contains(meet.period.as_str()));
        if !has_period {
            let cause = format!("no bell schedule of school {:?} has the period {:?}", school.id, meet.period);
            findings.add(Flaw::UnknownPeriod, &at, "period", cause);
        }
        let cycle = cycle_of(names, school);
        for (k, label) in meet.cycle_days.iter().flatten().enumerate().filter(|(_, label)| !cycle.contains(label)) {
            let cause = format!("the calendar of school {:?} has no cycle day {label:?}", school.id);
            findings.add(Flaw::NoCycle, &format!("{at}/cycle_days"), k, cause);
        }
    }
}

fn check_service(at: &str, service: &Service, names: &Names<'_>, findings: &mut Findings) {
    let school = names.schools.get(service.school.as_str());
    findings.known(at, "school", "school", &service.school, school.is_some());
    findings.dates(at, ("first", service.first), ("last", service.last));
    findings.text(at, "student", &service.student);
    findings.text(at, "service", &service.service);
    findings.not_empty(at, "areas", &service.areas);
    findings.not_empty(at, "windows", &service.windows);
    findings.number(at, "minutes", service.minutes, 1..=1440);
    findings.number(at, "max_group", service.max_group, 1..=MAX_COUNT);
    findings.number(at, "grade_span", service.grade_span, 0..=MAX_COUNT);
    findings.number(at, "priority", service.priority, 0..=MAX_PRIORITY);
    let cycle = school.map_or(&[][..], |school| cycle_of(names, school));
    check_times(at, service, school.is_some(), cycle, findings);
    for (m, window) in service.windows.iter().enumerate() {
        let at = format!("{at}/windows/{m}");
        findings.clocks(&at, window.start, window.end);
        findings.not_empty(&at, "days", &window.days);
        findings.no_repeats(&at, "days", &window.days);
        let is_day = |day: &String| {
            day.parse::<Weekday>().is_ok() || service.per == Per::Cycle && (school.is_none() || cycle.contains(day))
        };
        for (k, day) in window.days.iter().enumerate().filter(|(_, day)| !is_day(day)) {
            let cause = format!("{day:?} is not a weekday, nor a day of the cycle over which the service is owed");
            findings.add(Flaw::UnknownDay, &format!("{at}/days"), k, cause);
        }
    }
    let longest = service.windows.iter().map(|row| i64::from(row.end.minutes()) - i64::from(row.start.minutes())).max();
    if longest.is_some_and(|longest| 0 < longest && longest < service.minutes && service.minutes <= 1440) {
        let cause = format!("no window is as long as the {} minutes of a session", service.minutes);
        findings.add(Flaw::ShortWindows, at, "windows", cause);
    }
}

/// Sessions lie on distinct days, so the days of the period bound how often they can be.
fn check_times(at: &str, service: &Service, school_is_known: bool, cycle: &[String], findings: &mut Findings) {
    let most = match service.per {
        Per::Week => 7,
        Per::Month => 4,
        Per::Cycle if !school_is_known => return,
        Per::Cycle if cycle.is_empty() => {
            let cause = format!("the calendar of school {:?} has no cycle", service.school);
            return findings.add(Flaw::NoCycle, at, "per", cause);
        }
        Per::Cycle => i64::try_from(cycle.len()).unwrap_or(i64::MAX),
    };
    if !(1..=most).contains(&service.times) {
        let cause = format!("times is {}, where 1 to {most} is possible", service.times);
        findings.add(Flaw::Times, at, "times", cause);
    }
}
