//! Timelines: the instructional days of one calendar in one zone, and the clocks of educators beside it.
//!
//! Schools of a district share a timeline, so nothing here is computed per school. Offsets come from a
//! table with one entry a day; only days next to a clock change ask the zone database itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::calendar::{Calendar, DateSpan, SchoolDay};
use crate::domain::time::{Date, Tz, UtcMinute, Weekday, from_utc, offset_minutes, to_utc};

/// UTC offsets of a zone by date, `None` near a change of clocks.
pub struct Zone {
    pub tz: Tz,
    first: Date,
    offsets: Vec<Option<i64>>,
}

impl Zone {
    pub fn new(tz: Tz, term: DateSpan) -> Self {
        let first = term.first.plus_days(-3);
        let days = term.last.number() - first.number() + 4;
        let at_noon = |day: i64| offset_minutes(tz, first.plus_days(day).and_hms_opt(12, 0, 0).unwrap_or_default());
        let noons: Vec<i64> = (-1..=days).map(at_noon).collect();
        let offsets = noons.windows(3).map(|w| (w[0] == w[1] && w[1] == w[2]).then_some(w[1])).collect();
        Self { tz, first, offsets }
    }

    fn steady_offset(&self, date: Date) -> Option<i64> {
        usize::try_from(date.number() - self.first.number()).ok().and_then(|day| *self.offsets.get(day)?)
    }

    /// The instant of minute `at` of `date` on this zone's clock.
    pub fn to_utc(&self, date: Date, at: u16) -> UtcMinute {
        match self.steady_offset(date) {
            Some(offset) => date.number() * 1440 + i64::from(at) - offset,
            None => to_utc(self.tz, date, at),
        }
    }

    /// The date and minute on this zone's clock at an instant.
    pub fn from_utc(&self, at: UtcMinute) -> (Date, i64) {
        let day = Date(chrono::NaiveDate::default()).plus_days(at.div_euclid(1440));
        if let Some(offset) = self.steady_offset(day) {
            let local = at.rem_euclid(1440) + offset;
            (day.plus_days(local.div_euclid(1440)), local.rem_euclid(1440))
        } else {
            let (date, minute) = from_utc(self.tz, at);
            (date, i64::from(minute))
        }
    }
}

/// One calendar in one zone, expanded over the term.
pub struct Timeline<'p> {
    pub zone: Zone,
    pub calendar: &'p Calendar,
    pub days: Vec<SchoolDay<'p>>,
}

impl<'p> Timeline<'p> {
    pub fn new(tz: Tz, calendar: &'p Calendar, term: DateSpan) -> Self {
        Self { zone: Zone::new(tz, term), calendar, days: calendar.instructional_days(term) }
    }

    /// The days that a session on `day` (weekday or cycle label) in `weeks` of the month holds.
    pub fn held(&self, day: &str, weeks: Option<&[u8]>) -> impl Iterator<Item = &SchoolDay<'p>> {
        self.days.iter().filter(move |d| d.is(day) && weeks.is_none_or(|weeks| weeks.contains(&d.nth)))
    }
}

/// What an educator's clock shows during some occurrences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalView {
    /// Distinct (weekday, start, end) on the educator's clock.
    pub shapes: Box<[(Weekday, i64, i64)]>,
    pub loads: Arc<Loads>,
}

/// Minutes taken by date and by week. Most holds of a school share theirs: where in the day they lie does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loads {
    /// Minutes by date: days since the Monday before the horizon's first day at the educator.
    pub by_day: Box<[(u32, u32)]>,
    /// Minutes by week, counted from that Monday.
    pub by_week: Box<[(u32, u32)]>,
    /// The most in any one of them.
    pub day_peak: i64,
    pub week_peak: i64,
}

impl Loads {
    fn new(by_day: Vec<(u32, u32)>) -> Self {
        let mut by_week = Vec::new();
        by_day.iter().for_each(|&(day, minutes)| add(&mut by_week, day / 7, minutes));
        let peak = |table: &[(u32, u32)]| table.iter().map(|t| i64::from(t.1)).max().unwrap_or(0);
        let (day_peak, week_peak) = (peak(&by_day), peak(&by_week));
        Self { by_day: by_day.into(), by_week: by_week.into(), day_peak, week_peak }
    }
}

/// Every distinct [`Loads`], kept once.
#[derive(Default)]
pub struct SharedLoads(Mutex<BTreeSet<Arc<Loads>>>);

impl SharedLoads {
    fn share(&self, loads: Loads) -> Arc<Loads> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = known.get(&loads) {
            return Arc::clone(same);
        }
        let new = Arc::new(loads);
        known.insert(Arc::clone(&new));
        new
    }
}

impl LocalView {
    pub fn new(zone: &Zone, occurrences: &[(UtcMinute, UtcMinute)], shared: &SharedLoads) -> Self {
        let origin = zone.first.monday();
        let (mut shapes, mut by_day) = (Vec::new(), Vec::new());
        let mut last: Option<(i64, i64, Weekday)> = None;
        for &(start, end) in occurrences {
            let (date, at) = zone.from_utc(start);
            let shape = (date.weekday(), at, at + end - start);
            if last != Some((shape.1, shape.2, shape.0)) {
                last = Some((shape.1, shape.2, shape.0));
                shapes.push(shape);
            }
            let day = u32::try_from(date.number() - origin.number()).unwrap_or(0);
            add(&mut by_day, day, u32::try_from(end - start).unwrap_or(0));
        }
        shapes.sort_unstable();
        shapes.dedup();
        Self { shapes: shapes.into(), loads: shared.share(Loads::new(by_day)) }
    }
}

/// Occurrences come in order of time, so the key is nearly always the last one.
fn add(table: &mut Vec<(u32, u32)>, key: u32, minutes: u32) {
    match table.last_mut() {
        Some((known, sum)) if *known == key => *sum += minutes,
        _ => match table.binary_search_by_key(&key, |&(known, _)| known) {
            Ok(n) => table[n].1 += minutes,
            Err(n) => table.insert(n, (key, minutes)),
        },
    }
}
