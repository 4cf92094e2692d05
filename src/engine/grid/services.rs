//! Services expanded: which slots each may use, with their holds, shared as far as schools share a calendar.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Dated, Grid, HoldIx, ServiceRow, Slot, SlotIx};
use crate::domain::calendar::SchoolDay;
use crate::domain::time::{Clock, Date};
use crate::engine::asked::{owed, starts};
use crate::engine::chunks::in_chunks;
use crate::engine::holds::Hold;
use crate::engine::holds::days::DaySet;
use crate::engine::problem::{Per, Service};

/// A day name of one timeline in some weeks of the month.
struct DayName {
    /// The dates it stands for; none: no session can be held on it.
    dates: Arc<[Date]>,
    days: DaySet,
    number: usize,
    timeline: usize,
    /// By minutes and start.
    holds: BTreeMap<(i64, Clock), HoldIx>,
}

/// Day names by timeline, name and weeks, and their positions.
#[derive(Default)]
struct DayNames<'p> {
    rows: Vec<DayName>,
    index: BTreeMap<(usize, &'p str, Option<&'static [u8]>), usize>,
    numbers: BTreeMap<&'p str, usize>,
    /// The holds that are asked for, in the order of their numbers: day name, start and minutes.
    holds: Vec<(usize, Clock, i64)>,
}

/// What a service asks: the first and last of its days, and the days and times at which a session may begin.
struct Asked<'p> {
    school: usize,
    span: Option<(Date, Date)>,
    owed_minutes: i64,
    starts: Vec<(&'p str, Clock)>,
}

/// The slots of one school, kind and length of service, by day name and start.
type Slots = BTreeMap<(usize, Clock), SlotIx>;

impl<'p> Grid<'p> {
    pub(super) fn expand_services(&mut self, threads: usize) {
        let problem = self.problem;
        let mut students: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut slots, mut names): (BTreeMap<(usize, &str, i64), Slots>, _) = (BTreeMap::new(), DayNames::default());
        let numbers: Vec<usize> = (0..problem.services.len()).collect();
        let ask = |numbers: &[usize]| numbers.iter().map(|&n| self.asked(&problem.services[n])).collect();
        for (n, asked) in in_chunks(&numbers, threads, ask).into_iter().enumerate() {
            let (service, Asked { school, span, owed_minutes, starts }) = (&problem.services[n], asked);
            let known = slots.entry((school, &service.service, service.minutes)).or_default();
            let mut usable = self.slots_of(service, school, span, &starts, known, &mut names);
            usable.sort_unstable();
            for &(slot, _) in &usable {
                self.slots[slot].members.push(n);
            }
            let count = students.len();
            self.services.push(ServiceRow {
                slots: usable.iter().map(|row| row.0).collect(),
                offered: usable.iter().map(|row| row.1).collect(),
                shareable: false,
                wanted: if service.per == Per::Month { 1 } else { usize::try_from(service.times).unwrap_or(0) },
                weight: problem.weights.unserved_cents_per_minute * service.priority,
                owed_minutes,
                student: *students.entry(service.student.as_str()).or_insert(count),
                span,
            });
        }
        let make = |&(name, start, minutes): &(usize, Clock, i64)| {
            let name = &names.rows[name];
            let zone = &self.timelines[name.timeline].zone;
            let hold = Hold::daily(self.horizon, zone, &name.days, start.minutes(), minutes);
            Dated { hold, dates: Arc::clone(&name.dates) }
        };
        let made = in_chunks(&names.holds, threads, |holds| holds.iter().map(make).collect());
        self.holds.extend(made);
        self.students = students.len();
        for n in 0..self.services.len() {
            let shared = |slot: &SlotIx| {
                let members = &self.slots[*slot].members;
                members.iter().filter(|&&m| problem.services[m].max_group > 1).count() > 1
            };
            self.services[n].shareable = problem.services[n].max_group > 1 && self.services[n].slots.iter().any(shared);
        }
    }

    fn asked(&self, service: &'p Service) -> Asked<'p> {
        let school = self.index.schools[service.school.as_str()];
        let days = self.active_days(self.timeline_of_school[school], service);
        let span = days.first().zip(days.last()).map(|(a, b)| (a.date, b.date));
        Asked { school, span, owed_minutes: owed(service, &days), starts: starts(service, self.problem.grid_minutes) }
    }

    /// The slots that a service may use, with the minutes that each serves in its span.
    fn slots_of(
        &mut self,
        service: &'p Service,
        school: usize,
        span: Option<(Date, Date)>,
        starts: &[(&'p str, Clock)],
        known: &mut Slots,
        names: &mut DayNames<'p>,
    ) -> Vec<(SlotIx, i64)> {
        let timeline = self.timeline_of_school[school];
        let mut usable = Vec::new();
        let patterns = service.per.week_patterns(u32::try_from(service.times).unwrap_or(0));
        for of_day in starts.chunk_by(|a, b| a.0 == b.0) {
            let day = of_day[0].0;
            let mut in_weeks: Vec<_> = Vec::new();
            for &weeks in patterns {
                let name = self.name(timeline, day, weeks, names);
                if !names.rows[name].dates.is_empty() {
                    in_weeks.push((weeks, name, service.minutes * within(&names.rows[name].dates, span)));
                }
            }
            for &(_, start) in of_day {
                for &(weeks, name, offered) in &in_weeks {
                    let slot = *known.entry((name, start)).or_insert_with(|| {
                        let hold = self.blocks.len() + names.hold_at(name, start, service.minutes);
                        let day_number = names.rows[name].number;
                        self.slots.push(Slot { school, day, start, weeks, day_number, hold, members: Vec::new() });
                        self.slots.len() - 1
                    });
                    usable.push((slot, offered));
                }
            }
        }
        usable
    }

    fn name(
        &self,
        timeline: usize,
        day: &'p str,
        weeks: Option<&'static [u8]>,
        DayNames { rows, index, numbers, .. }: &mut DayNames<'p>,
    ) -> usize {
        *index.entry((timeline, day, weeks)).or_insert_with(|| {
            let (horizon, dates) = (self.horizon, self.timelines[timeline].held(day, weeks));
            let mut days = DaySet::empty(horizon.days);
            dates.iter().filter_map(|&date| horizon.number(date)).for_each(|day| days.insert(day));
            let next = numbers.len();
            let number = *numbers.entry(day).or_insert(next);
            rows.push(DayName { dates: dates.into(), days, number, timeline, holds: BTreeMap::new() });
            rows.len() - 1
        })
    }

    /// The instructional days within the service's own dates.
    fn active_days(&self, timeline: usize, service: &Service) -> Vec<SchoolDay<'p>> {
        let (first, last) =
            (service.first.unwrap_or(self.problem.term.first), service.last.unwrap_or(self.problem.term.last));
        self.timelines[timeline].days.iter().filter(|d| first <= d.date && d.date <= last).copied().collect()
    }
}

impl DayNames<'_> {
    /// The number, among those of services, of the hold that a session of so many minutes has.
    fn hold_at(&mut self, name: usize, start: Clock, minutes: i64) -> HoldIx {
        let all = &mut self.holds;
        *self.rows[name].holds.entry((minutes, start)).or_insert_with(|| {
            all.push((name, start, minutes));
            all.len() - 1
        })
    }
}

/// How many of some ascending dates lie in a span.
fn within(dates: &[Date], span: Option<(Date, Date)>) -> i64 {
    let count =
        span.map_or(0, |(first, last)| dates.partition_point(|d| *d <= last) - dates.partition_point(|d| *d < first));
    i64::try_from(count).unwrap_or(0)
}
