//! Clocks: the zone database asked once for every day of the term, and not for every occurrence.
//!
//! A day of UTC on which a zone keeps one offset, and the days beside it too, is reckoned with that offset; any other is left to
//! the database.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::domain::calendar::DateSpan;
use crate::domain::time::{Date, Tz, UtcMinute, from_utc, to_utc};

const DAY: i64 = 1440;

/// One zone over a term.
pub struct Clock {
    tz: Tz,
    /// The number of the first day.
    first: i64,
    /// By day of UTC: the offset in minutes that holds on it, on the day before and on the day after.
    steady: Vec<Option<i64>>,
}

impl Clock {
    fn new(tz: Tz, term: DateSpan) -> Self {
        let first = term.first.number() - 2;
        let at_midnight = |day: i64| {
            let (date, minute) = from_utc(tz, day * DAY);
            date.number() * DAY + i64::from(minute) - day * DAY
        };
        let steady = (first..=term.last.number() + 2).map(|day| {
            let offset = at_midnight(day);
            [day - 1, day + 1, day + 2].into_iter().all(|other| at_midnight(other) == offset).then_some(offset)
        });
        Self { tz, first, steady: steady.collect() }
    }

    fn offset(&self, day: i64) -> Option<i64> {
        usize::try_from(day - self.first).ok().and_then(|at| self.steady.get(at).copied().flatten())
    }

    /// The instant of minute `at` of `date` on this clock.
    pub fn to_utc(&self, date: Date, at: u16) -> UtcMinute {
        let steady = self.offset(date.number()).map(|offset| (offset, date.number() * DAY + i64::from(at) - offset));
        let of_day = |&(offset, instant): &(i64, UtcMinute)| self.offset(instant.div_euclid(DAY)) == Some(offset);
        steady.filter(of_day).map_or_else(|| to_utc(self.tz, date, at), |(_, instant)| instant)
    }

    /// The date and the minute of it that this clock shows.
    pub fn show(&self, at: UtcMinute) -> (Date, i64) {
        let Some(offset) = self.offset(at.div_euclid(DAY)) else {
            let (date, minute) = from_utc(self.tz, at);
            return (date, i64::from(minute));
        };
        (Date(chrono::NaiveDate::default()).plus_days((at + offset).div_euclid(DAY)), (at + offset).rem_euclid(DAY))
    }
}

/// Clocks by zone.
pub struct Clocks {
    term: DateSpan,
    known: BTreeMap<&'static str, Rc<Clock>>,
}

impl Clocks {
    pub fn new(term: DateSpan) -> Self {
        Self { term, known: BTreeMap::new() }
    }

    pub fn of(&mut self, tz: Tz) -> Rc<Clock> {
        Rc::clone(self.known.entry(tz.name()).or_insert_with(|| Rc::new(Clock::new(tz, self.term))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_what_the_zone_database_does() {
        let term = DateSpan { first: Date::ymd(2026, 8, 10), last: Date::ymd(2027, 6, 18) };
        for tz in [
            Tz::America__New_York,
            Tz::America__Phoenix,
            Tz::Australia__Lord_Howe,
            Tz::Africa__Casablanca,
            Tz::Pacific__Kiritimati,
        ] {
            let clock = Clock::new(tz, term);
            assert!(clock.steady.iter().flatten().count() > 250, "{tz}");
            for day in 0..=312 {
                let date = term.first.plus_days(day);
                for at in [0, 59, 60, 119, 120, 150, 180, 720, 1380, 1439, 1440] {
                    assert_eq!(clock.to_utc(date, at), to_utc(tz, date, at), "{tz} {date} {at}");
                    let instant = date.number() * DAY + i64::from(at);
                    let (shown, minute) = from_utc(tz, instant);
                    assert_eq!(clock.show(instant), (shown, i64::from(minute)), "{tz} {date} {at}");
                }
            }
        }
    }
}
