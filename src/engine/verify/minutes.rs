//! Expands school time date by date: when sections meet, what sessions hold, how many minutes are owed.
//!
//! Written for `verify` alone, so that it shares no code with what the model reads. It knows no people.

use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::Datelike;

use super::clock::{Clock, Clocks};
use crate::domain::calendar::{BellSchedule, Calendar, DateSpan, Period, SchoolDay};
use crate::domain::time::{Date, UtcMinute};
use crate::engine::outcome::WeeklySession;
use crate::engine::problem::{Per, Problem, Section, Service};

/// One meeting or held slot on one date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// At the school.
    pub date: Date,
    pub start: UtcMinute,
    pub end: UtcMinute,
}

impl Occurrence {
    pub fn minutes(self) -> i64 {
        self.end - self.start
    }
}

/// A school with its instructional days inside the term.
pub struct Place<'p> {
    pub state: &'p str,
    clock: Rc<Clock>,
    calendar: &'p Calendar,
    bells: &'p [BellSchedule],
    days: Vec<SchoolDay<'p>>,
    term: DateSpan,
}

/// Every school by id. One whose district is unknown is left out.
pub fn places<'p>(problem: &'p Problem, clocks: &mut Clocks) -> BTreeMap<&'p str, Place<'p>> {
    let districts: BTreeMap<&str, _> = problem.districts.iter().map(|row| (row.id.as_str(), row)).collect();
    problem
        .schools
        .iter()
        .filter_map(|school| {
            let district = districts.get(school.district.as_str())?;
            let calendar = school.calendar.as_ref().unwrap_or(&district.calendar);
            let place = Place {
                state: &district.state,
                clock: clocks.of(school.tz.unwrap_or(district.tz)),
                calendar,
                bells: &school.bell_schedules,
                days: calendar.instructional_days(problem.term),
                term: problem.term,
            };
            Some((school.id.as_str(), place))
        })
        .collect()
}

impl<'p> Place<'p> {
    fn days_between(&self, first: Option<Date>, last: Option<Date>) -> impl Iterator<Item = &SchoolDay<'p>> {
        let span = DateSpan { first: first.unwrap_or(self.term.first), last: last.unwrap_or(self.term.last) };
        self.days.iter().filter(move |day| span.contains(day.date))
    }

    /// Every meeting of a section, in order of date.
    pub fn meetings(&self, section: &Section) -> Vec<Occurrence> {
        // By bell schedule that was met: what each of the section's meets is in it.
        let mut known: Vec<(&str, Vec<Option<&Period>>)> = Vec::new();
        let mut meetings = Vec::new();
        for day in self.days_between(section.first, section.last) {
            let rung = self.calendar.bell_schedule.on(day.date);
            let at = known.iter().position(|of| of.0 == rung).unwrap_or_else(|| {
                let bell = self.bells.iter().find(|bell| bell.id == rung);
                let periods = section.meets.iter().map(|meet| bell.and_then(|bell| bell.period(&meet.period)));
                known.push((rung, periods.collect()));
                known.len() - 1
            });
            for (meet, period) in section.meets.iter().zip(&known[at].1) {
                let on_weekday = meet.days.as_ref().is_none_or(|days| days.contains(&day.date.weekday()));
                let on_cycle_day = meet
                    .cycle_days
                    .as_ref()
                    .is_none_or(|labels| day.cycle_day.is_some_and(|label| labels.iter().any(|one| one == label)));
                if let Some(period) = period.filter(|_| on_weekday && on_cycle_day) {
                    meetings.push(Occurrence {
                        date: day.date,
                        start: self.clock.to_utc(day.date, period.start.minutes()),
                        end: self.clock.to_utc(day.date, period.end.minutes()),
                    });
                }
            }
        }
        meetings
    }

    /// The slot of a session on every date that it holds, whatever the service's own dates.
    pub fn held(&self, session: &WeeklySession, minutes: i64) -> Vec<Occurrence> {
        let weeks = week_pattern(session);
        self.days
            .iter()
            .filter(|day| day.is(&session.day) && weeks.is_none_or(|weeks| weeks.contains(&day.nth)))
            .map(|day| {
                let start = self.clock.to_utc(day.date, session.start.minutes());
                Occurrence { date: day.date, start, end: start + minutes }
            })
            .collect()
    }

    /// The instructional days on which a service is owed, in order.
    pub fn active_days(&self, service: &Service) -> Vec<Date> {
        self.days_between(service.first, service.last).map(|day| day.date).collect()
    }

    /// Minutes owed over the term: per period, `minutes` × min(`times`, instructional days in it).
    pub fn owed_minutes(&self, service: &Service) -> i64 {
        // Days come in order, and so do periods.
        let mut days_in_period: Vec<(i64, i64)> = Vec::new();
        for day in self.days_between(service.first, service.last) {
            let period = match service.per {
                Per::Week => day.date.monday().number(),
                Per::Month => i64::from(day.date.year()) * 12 + i64::from(day.date.month0()),
                Per::Cycle => i64::try_from(day.cycle_pass).unwrap_or(i64::MAX),
            };
            match days_in_period.last_mut() {
                Some((last, days)) if *last == period => *days += 1,
                _ => days_in_period.push((period, 1)),
            }
        }
        days_in_period.iter().map(|(_, days)| service.minutes * service.times.min(*days)).sum()
    }
}

/// The weeks of a session; an empty list says no more than none does.
pub fn week_pattern(session: &WeeklySession) -> Option<&[u8]> {
    session.weeks.as_deref().filter(|weeks| !weeks.is_empty())
}

/// Whether a session lies in a window of the service on the grid, with a pattern that the service may have.
pub fn fits(session: &WeeklySession, service: &Service, grid_minutes: i64) -> bool {
    let start = i64::from(session.start.minutes());
    let in_window = service.windows.iter().any(|window| {
        window.days.contains(&session.day)
            && i64::from(window.start.minutes()) <= start
            && start + service.minutes <= i64::from(window.end.minutes())
    });
    let patterns = service.per.week_patterns(u32::try_from(service.times).unwrap_or(0));
    in_window && start % grid_minutes.max(1) == 0 && patterns.contains(&week_pattern(session))
}
