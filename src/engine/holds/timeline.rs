//! Timelines: the instructional days of one calendar in one zone, and the clocks of educators beside it.
//!
//! Schools of a district share a timeline, so nothing here is computed per school. Offsets come from a table with one
//! entry a day; only days next to a clock change ask the zone database itself. What an educator's clock shows is made
//! from pieces and spans of one offset, some sets of days at a time, and not date by date.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use smallvec::SmallVec;

use super::Hold;
use super::days::{DAY, DaySet, Horizon};
use crate::domain::calendar::{Calendar, DateSpan, SchoolDay};
use crate::domain::time::{Date, Tz, UtcMinute, Weekday, from_utc, offset_minutes, to_utc};

/// UTC offsets of a zone over a horizon.
pub struct Zone {
    pub tz: Tz,
    horizon: Horizon,
    /// By day, none near a change of clocks.
    offsets: Vec<Option<i64>>,
    /// By offset: the days on which it holds all day; and those near a change of clocks.
    pub steady: Vec<(i64, DaySet)>,
    pub unsteady: DaySet,
    /// From which instant on which offset holds; the first from before the horizon.
    spans: Vec<(UtcMinute, i64)>,
}

impl Zone {
    pub fn new(tz: Tz, horizon: Horizon) -> Self {
        let noon = |day: i64| horizon.date(0).plus_days(day).number() * DAY + DAY / 2;
        let last = i64::try_from(horizon.days).unwrap_or(0);
        let mut spans = vec![(UtcMinute::MIN, offset_at(tz, noon(-2)))];
        for day in -2..=last {
            if offset_at(tz, noon(day)) != offset_at(tz, noon(day + 1)) {
                let (mut before, mut from) = (noon(day), noon(day + 1));
                while from - before > 1 {
                    let middle = before.midpoint(from);
                    if offset_at(tz, middle) == offset_at(tz, noon(day)) { before = middle } else { from = middle }
                }
                spans.push((from, offset_at(tz, from)));
            }
        }
        let at_noon =
            |day: i64| offset_minutes(tz, horizon.date(0).plus_days(day).and_hms_opt(12, 0, 0).unwrap_or_default());
        let noons: Vec<i64> = (-1..=last).map(at_noon).collect();
        let offsets: Vec<Option<i64>> =
            noons.windows(3).map(|w| (w[0] == w[1] && w[1] == w[2]).then_some(w[1])).collect();
        let (mut steady, mut unsteady) = (Vec::<(i64, DaySet)>::new(), DaySet::empty(horizon.days));
        for (day, offset) in offsets.iter().enumerate() {
            let days = match *offset {
                None => &mut unsteady,
                Some(offset) => {
                    let known = steady.iter().position(|s| s.0 == offset).unwrap_or_else(|| {
                        steady.push((offset, DaySet::empty(horizon.days)));
                        steady.len() - 1
                    });
                    &mut steady[known].1
                }
            };
            days.insert(day);
        }
        Self { tz, horizon, offsets, steady, unsteady, spans }
    }

    /// Whether two zones show the same time at every instant of the horizon.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.spans == other.spans
    }

    /// The instant of minute `at` of `date` on this zone's clock.
    pub fn to_utc(&self, date: Date, at: u16) -> UtcMinute {
        match self.horizon.number(date).and_then(|day| self.offsets[day]) {
            Some(offset) => date.number() * DAY + i64::from(at) - offset,
            None => to_utc(self.tz, date, at),
        }
    }

    /// Of the days on which something begins at minute `start` of the UTC day, those with each offset.
    fn by_offset<'d>(&'d self, start: i64, days: &'d DaySet) -> impl Iterator<Item = (i64, DaySet)> + 'd {
        let ends = days.ends();
        self.spans.iter().enumerate().filter_map(move |(n, &(from, offset))| {
            let (earliest, latest) = ends?;
            let first = |instant| self.horizon.first_from(instant, start);
            let from = if n == 0 { 0 } else { first(from) };
            let to = self.spans.get(n + 1).map_or(self.horizon.days, |next| first(next.0));
            if from <= earliest && latest < to {
                return Some((offset, days.clone()));
            }
            let days = if from > latest || to <= earliest { return None } else { days.between(from, to) };
            (!days.is_empty()).then_some((offset, days))
        })
    }

    /// What this clock shows during the occurrences of a hold: distinct weekdays, starts and ends.
    pub fn shapes(&self, hold: &Hold) -> Box<[Shape]> {
        let mut shapes = SmallVec::<[Shape; 8]>::new();
        for piece in &hold.pieces {
            let minutes = piece.end - piece.start;
            for (offset, days) in self.by_offset(piece.start, &piece.days) {
                let at = (piece.start + offset).rem_euclid(DAY);
                let days = days.moved((piece.start + offset).div_euclid(DAY));
                shapes.extend(days.weekdays().map(|day| (Weekday::ALL[day], at, at + minutes)));
            }
        }
        shapes.sort_unstable();
        shapes.dedup();
        shapes[..].into()
    }
}

/// Weekday, start and end on a clock.
pub type Shape = (Weekday, i64, i64);

fn offset_at(tz: Tz, instant: UtcMinute) -> i64 {
    let (date, minute) = from_utc(tz, instant);
    date.number() * DAY + i64::from(minute) - instant
}

/// One calendar in one zone, expanded over the term.
pub struct Timeline<'p> {
    pub zone: Arc<Zone>,
    pub calendar: &'p Calendar,
    pub days: Vec<SchoolDay<'p>>,
}

impl<'p> Timeline<'p> {
    pub fn new(zone: Arc<Zone>, calendar: &'p Calendar, term: DateSpan) -> Self {
        Self { zone, calendar, days: calendar.instructional_days(term) }
    }

    /// The dates that a session on `day` (weekday or cycle label) in `weeks` of the month holds.
    pub fn held(&self, day: &str, weeks: Option<&[u8]>) -> Vec<Date> {
        let held = |d: &&SchoolDay<'_>| d.is(day) && weeks.is_none_or(|weeks| weeks.contains(&d.nth));
        self.days.iter().filter(held).map(|d| d.date).collect()
    }
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
    /// In all of them.
    pub total: i64,
}

impl Loads {
    fn of(taken: &[Taken]) -> Self {
        let mut by_day: BTreeMap<u32, u32> = BTreeMap::new();
        for (minutes, days) in taken {
            let minutes = u32::try_from(*minutes).unwrap_or(0);
            days.iter().for_each(|day| *by_day.entry(u32::try_from(day).unwrap_or(0)).or_default() += minutes);
        }
        Self::new(by_day.into_iter().collect())
    }

    pub fn new(by_day: Vec<(u32, u32)>) -> Self {
        let mut by_week = Vec::new();
        by_day.iter().for_each(|&(day, minutes)| add(&mut by_week, day / 7, minutes));
        let peak = |table: &[(u32, u32)]| table.iter().map(|t| i64::from(t.1)).max().unwrap_or(0);
        let (day_peak, week_peak) = (peak(&by_day), peak(&by_week));
        let total = by_week.iter().map(|week| i64::from(week.1)).sum();
        Self { by_day: by_day.into(), by_week: by_week.into(), day_peak, week_peak, total }
    }
}

/// Minutes of one length, with the days on which they are taken.
type Taken = (i64, DaySet);

/// Every distinct [`Loads`], kept once: by a digest of what they were made from, for sets of days are slow to compare.
#[derive(Default)]
pub struct SharedLoads(RwLock<BTreeMap<u64, Vec<Made>>>);

/// Loads, and what they were made from.
type Made = (SmallVec<[Taken; 2]>, Arc<Loads>);

impl SharedLoads {
    /// The minutes that a hold takes on the clock of a zone.
    pub fn of(&self, zone: &Zone, hold: &Hold) -> Arc<Loads> {
        let mut taken = SmallVec::<[Taken; 4]>::new();
        for piece in &hold.pieces {
            let minutes = piece.end - piece.start;
            for (offset, days) in zone.by_offset(piece.start, &piece.days) {
                let days = days.moved((piece.start + offset).div_euclid(DAY));
                match taken.iter_mut().find(|t| t.0 == minutes && !t.1.intersects(&days)) {
                    Some(same) => same.1.add(&days),
                    None => taken.push((minutes, days)),
                }
            }
        }
        taken.sort_unstable();
        self.share(&taken)
    }

    fn share(&self, taken: &[Taken]) -> Arc<Loads> {
        let digest = taken.iter().fold(0, |digest, (minutes, days)| days.digest(digest ^ minutes.unsigned_abs()));
        let same = |alike: &Vec<Made>| alike.iter().find(|(from, _)| **from == *taken).map(|made| Arc::clone(&made.1));
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&digest).and_then(same);
        known.unwrap_or_else(|| {
            let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
            let alike = all.entry(digest).or_default();
            same(alike).unwrap_or_else(|| {
                let new = Arc::new(Loads::of(taken));
                alike.push((taken.into(), Arc::clone(&new)));
                new
            })
        })
    }
}

/// Keys come in order, so the key is nearly always the last one.
fn add(table: &mut Vec<(u32, u32)>, key: u32, minutes: u32) {
    match table.last_mut() {
        Some((known, sum)) if *known == key => *sum += minutes,
        _ => table.push((key, minutes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_agree_that_show_the_same_time_all_year() {
        let term = DateSpan { first: Date::ymd(2026, 8, 10), last: Date::ymd(2027, 6, 18) };
        let zone = |tz| Zone::new(tz, Horizon::new(term));
        assert!(zone(Tz::America__New_York).agrees_with(&zone(Tz::America__Detroit)));
        assert!(zone(Tz::America__Denver).agrees_with(&zone(Tz::America__Boise)));
        assert!(!zone(Tz::America__Denver).agrees_with(&zone(Tz::America__Phoenix)));
        assert!(!zone(Tz::America__New_York).agrees_with(&zone(Tz::America__Chicago)));
    }

    #[test]
    fn shapes_and_loads_are_what_the_zone_database_shows() {
        let term = DateSpan { first: Date::ymd(2026, 8, 10), last: Date::ymd(2027, 6, 18) };
        let horizon = Horizon::new(term);
        let monday = term.first.plus_days(-3).monday().number();
        for tz in [Tz::America__New_York, Tz::Pacific__Honolulu, Tz::Australia__Lord_Howe, Tz::Africa__Casablanca] {
            let zone = Zone::new(tz, horizon);
            for at in [0, 359, 840, 1425] {
                let dates: Vec<Date> = (0..310).filter(|d| d % 7 < 5).map(|d| term.first.plus_days(d)).collect();
                let starts: Vec<UtcMinute> = dates.iter().map(|&date| to_utc(Tz::America__Denver, date, at)).collect();
                let hold = Hold::new(horizon, starts.iter().map(|&start| (start, start + 30)));
                let (mut shapes, mut by_day) = (Vec::new(), BTreeMap::new());
                for start in starts {
                    let (date, minute) = from_utc(tz, start);
                    shapes.push((date.weekday(), i64::from(minute), i64::from(minute) + 30));
                    *by_day.entry(u32::try_from(date.number() - monday).expect("in the horizon")).or_insert(0) += 30;
                }
                shapes.sort_unstable();
                shapes.dedup();
                assert_eq!(zone.shapes(&hold), shapes.into(), "{tz} {at}");
                let loads = SharedLoads::default().of(&zone, &hold);
                assert_eq!(*loads, Loads::new(by_day.into_iter().collect()), "{tz} {at}");
            }
        }
    }
}
