//! Holds: the dated occupancy of a slot or of a section's meetings, as bits, and when two of them collide.
//!
//! A hold is a few [`Piece`]s: a stretch of the UTC day and the set of UTC days on which it is taken.
//! Daylight saving splits a weekly slot into two pieces, never into two hundred dates, so a collision
//! is a comparison of clock times and an AND of six words. Expanding every date is left to `verify`.

pub mod cliques;
pub mod coarse;
pub mod timeline;

use coarse::Coarse;

use crate::domain::time::UtcMinute;

const DAY: i64 = 1440;

/// A set of UTC days of the horizon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DaySet(Box<[u64]>);

impl DaySet {
    fn empty(days: usize) -> Self {
        Self(vec![0; days.div_ceil(64)].into())
    }

    fn insert(&mut self, day: usize) {
        self.0[day / 64] |= 1 << (day % 64);
    }

    pub fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// Whether some day of `self`, moved `by` days later, is in `other`.
    fn intersects_later(&self, other: &Self, by: usize) -> bool {
        self.iter().any(|day| other.contains(day + by))
    }

    pub fn contains(&self, day: usize) -> bool {
        self.0.get(day / 64).is_some_and(|word| word >> (day % 64) & 1 == 1)
    }

    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(n, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    n * 64 + bit
                })
            })
        })
    }
}

/// The UTC days that occurrences of one problem can fall on.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    first: i64,
    pub days: usize,
}

impl Horizon {
    /// From two days before the first date of the term to two after the last, for zones far from UTC.
    pub fn new(term: crate::domain::calendar::DateSpan) -> Self {
        let first = term.first.number() - 2;
        Self { first, days: usize::try_from(term.last.number() + 3 - first).unwrap_or(5) }
    }

    /// Monday is 0.
    fn weekday(self, day: usize) -> usize {
        // 1970-01-01 was a Thursday.
        usize::try_from((self.first + i64::try_from(day).unwrap_or(0) + 3).rem_euclid(7)).unwrap_or(0)
    }

    /// The day index and the minute of that day of an instant.
    fn split(self, at: UtcMinute) -> (usize, i64) {
        (usize::try_from(at.div_euclid(DAY) - self.first).unwrap_or(0).min(self.days - 1), at.rem_euclid(DAY))
    }
}

/// `[start, end)` in minutes of the UTC day (`end` may pass 1440) on each of `days`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    pub start: i64,
    pub end: i64,
    pub days: DaySet,
}

/// When something takes an educator's or a student's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub pieces: Vec<Piece>,
    /// Sum of the lengths of all occurrences.
    pub minutes: i64,
    /// Quarter hours of the UTC week that some occurrence touches.
    pub coarse: Coarse,
    /// The same, with one quarter hour more on either side.
    pub padded: Coarse,
    /// Two occurrences are at one and the same time.
    twice: bool,
}

impl Hold {
    pub fn new(horizon: Horizon, occurrences: impl IntoIterator<Item = (UtcMinute, UtcMinute)>) -> Self {
        let (mut pieces, mut minutes): (Vec<Piece>, i64) = (Vec::new(), 0);
        let (mut coarse, mut padded, mut twice) = (Coarse::default(), Coarse::default(), false);
        for (start, end) in occurrences {
            let (day, at) = horizon.split(start);
            let length = end - start;
            minutes += length;
            let known = pieces.iter().position(|p| p.start == at && p.end == at + length);
            let piece = known.unwrap_or_else(|| {
                pieces.push(Piece { start: at, end: at + length, days: DaySet::empty(horizon.days) });
                pieces.len() - 1
            });
            twice |= pieces[piece].days.contains(day);
            pieces[piece].days.insert(day);
            coarse.mark(horizon.weekday(day), at, at + length);
            padded.mark(horizon.weekday(day), at - 15, at + length + 15);
        }
        pieces.sort();
        Self { pieces, minutes, coarse, padded, twice }
    }

    /// Whether the coarse week rules a collision out, so that no date need be looked at.
    pub fn is_clear_of(&self, week: &Coarse, gap: i64) -> bool {
        match gap {
            ..=0 => !self.coarse.meets(week),
            1..=15 => !self.padded.meets(week),
            _ => false,
        }
    }

    /// Whether fewer than `gap` minutes lie between an occurrence of `self` and one of `other`.
    pub fn collides(&self, other: &Self, gap: i64) -> bool {
        !self.is_clear_of(&other.coarse, gap)
            && self.pieces.iter().any(|a| other.pieces.iter().any(|b| near(a, b, gap)))
    }

    /// Whether two of this hold's own occurrences lie closer than `gap` (a bundle may collide with itself).
    pub fn collides_with_itself(&self, gap: i64) -> bool {
        self.twice
            || self
                .pieces
                .iter()
                .enumerate()
                .any(|(n, a)| self.pieces[n + 1..].iter().any(|b| near(a, b, gap)) || follows(a, a, gap))
    }
}

fn near(a: &Piece, b: &Piece, gap: i64) -> bool {
    (a.start < b.end + gap && b.start < a.end + gap && a.days.intersects(&b.days))
        || follows(a, b, gap)
        || follows(b, a, gap)
}

/// Whether `b` on a later day begins less than `gap` after `a` ends.
fn follows(a: &Piece, b: &Piece, gap: i64) -> bool {
    (1..=(a.end + gap) / DAY)
        .filter(|by| b.start + by * DAY < a.end + gap)
        .any(|by| usize::try_from(by).is_ok_and(|by| a.days.intersects_later(&b.days, by)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::DateSpan;
    use crate::domain::time::{Date, Tz, to_utc};

    fn weekly(zone: Tz, at: u16, minutes: i64) -> Hold {
        let term = DateSpan { first: Date::ymd(2026, 8, 10), last: Date::ymd(2027, 6, 18) };
        let dates = (0..40).map(|week| term.first.plus_days(7 * week + 1));
        Hold::new(Horizon::new(term), dates.map(|d| (to_utc(zone, d, at), to_utc(zone, d, at) + minutes)))
    }

    #[test]
    fn phoenix_and_denver_collide_only_in_winter() {
        let denver = weekly(Tz::America__Denver, 600, 30);
        assert_eq!(denver.pieces.len(), 2);
        assert!(weekly(Tz::America__Phoenix, 600, 30).collides(&denver, 0));
        assert!(weekly(Tz::America__Phoenix, 540, 30).collides(&denver, 0));
        assert!(!weekly(Tz::America__Phoenix, 570, 30).collides(&denver, 0));
        assert!(weekly(Tz::America__Phoenix, 570, 30).collides(&denver, 5));
    }

    #[test]
    fn what_meets_twice_at_one_time_collides_with_itself() {
        let term = DateSpan { first: Date::ymd(2026, 8, 10), last: Date::ymd(2026, 8, 20) };
        let at = |day: u32| to_utc(Tz::UTC, Date::ymd(2026, 8, day), 600);
        let hold = |days: &[u32]| Hold::new(Horizon::new(term), days.iter().map(|&day| (at(day), at(day) + 45)));
        assert!(hold(&[11, 12, 11]).collides_with_itself(0));
        assert!(!hold(&[11, 12, 13]).collides_with_itself(0));
    }

    #[test]
    fn an_occurrence_that_passes_midnight_meets_the_next_day() {
        let term = DateSpan { first: Date::ymd(2026, 8, 10), last: Date::ymd(2026, 8, 20) };
        let at = |day: u32, minute: u16, length: i64| {
            let start = to_utc(Tz::UTC, Date::ymd(2026, 8, day), minute);
            Hold::new(Horizon::new(term), [(start, start + length)])
        };
        assert!(at(11, 1430, 20).collides(&at(12, 5, 10), 0));
        assert!(!at(11, 1430, 15).collides(&at(12, 5, 10), 0));
        assert!(at(12, 5, 10).collides(&at(11, 1430, 15), 1));
        assert!(!at(11, 1430, 20).collides(&at(13, 5, 10), 0));
    }
}
