//! Days of the horizon as bits: sets of them, moved along the calendar in a few words.

use smallvec::{SmallVec, smallvec};

use crate::domain::calendar::DateSpan;
use crate::domain::time::{Date, Tz, UtcMinute, offset_minutes};

pub const DAY: i64 = 1440;

/// The days that occurrences of one problem can fall on, on any clock.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    first: i64,
    pub days: usize,
    /// The days from one change of clocks to the next, where there are two, in most of the United States: a season of its own.
    /// Any choice of them is right, and this one is quick.
    between: (usize, usize),
    /// By season and weekday: how many days there are.
    dates: [[usize; 7]; SEASONS],
}

pub const SEASONS: usize = 2;

impl Horizon {
    /// From the Monday that is three days or more before the first date of the term to three days after the last, for
    /// zones far from UTC.
    pub fn new(term: DateSpan) -> Self {
        let monday = term.first.plus_days(-3).monday();
        let days = usize::try_from(term.last.number() + 4 - monday.number()).unwrap_or(11);
        let noon = |day: usize| {
            let date = monday.plus_days(i64::try_from(day).unwrap_or(0));
            offset_minutes(Tz::America__New_York, date.and_hms_opt(12, 0, 0).unwrap_or_default())
        };
        let mut changes = (1..days).filter(|&day| noon(day) != noon(day - 1));
        let between = (changes.next().unwrap_or(days), changes.next().unwrap_or(days));
        let mut horizon = Self { first: monday.number(), days, between, dates: [[0; 7]; SEASONS] };
        (0..days).for_each(|day| horizon.dates[horizon.season(day)][Self::weekday(day)] += 1);
        horizon
    }

    fn season(self, day: usize) -> usize {
        usize::from((self.between.0..self.between.1).contains(&day))
    }

    /// How many days of a weekday a season has.
    pub fn dates(self, season: usize, weekday: usize) -> usize {
        self.dates[season][weekday]
    }

    /// Seasons and weekdays that some days fall on, with how many do.
    pub fn tally(self, days: &DaySet) -> impl Iterator<Item = (usize, usize, usize)> {
        let mut counts = [[0; 7]; SEASONS];
        days.iter().for_each(|day| counts[self.season(day)][Self::weekday(day)] += 1);
        let rows = counts.into_iter().enumerate();
        rows.flat_map(|(season, row)| row.into_iter().enumerate().map(move |(weekday, count)| (season, weekday, count)))
            .filter(|row| row.2 > 0)
    }

    /// Monday is 0.
    pub fn weekday(day: usize) -> usize {
        day % 7
    }

    /// The number of a date, where it lies in the horizon.
    pub fn number(self, date: Date) -> Option<usize> {
        usize::try_from(date.number() - self.first).ok().filter(|&day| day < self.days)
    }

    pub fn date(self, day: usize) -> Date {
        Date(chrono::NaiveDate::default()).plus_days(self.first + i64::try_from(day).unwrap_or(0))
    }

    /// The day index and the minute of that day of an instant.
    pub fn split(self, at: UtcMinute) -> (usize, i64) {
        (usize::try_from(at.div_euclid(DAY) - self.first).unwrap_or(0).min(self.days - 1), at.rem_euclid(DAY))
    }

    /// The first day that begins, at minute `at` of it, no earlier than an instant.
    pub fn first_from(self, instant: UtcMinute, at: i64) -> usize {
        let day = (instant - at + DAY - 1).div_euclid(DAY) - self.first;
        usize::try_from(day).unwrap_or(0).min(self.days)
    }
}

/// A set of days of the horizon; a year of them lies in place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DaySet(SmallVec<[u64; 6]>);

impl DaySet {
    pub fn empty(days: usize) -> Self {
        Self(smallvec![0; days.div_ceil(64)])
    }

    pub fn insert(&mut self, day: usize) {
        self.0[day / 64] |= 1 << (day % 64);
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// Whether some day of `self`, moved `by` days later, is in `other`.
    pub fn intersects_later(&self, other: &Self, by: usize) -> bool {
        self.iter().any(|day| other.contains(day + by))
    }

    pub fn contains(&self, day: usize) -> bool {
        self.0.get(day / 64).is_some_and(|word| word >> (day % 64) & 1 == 1)
    }

    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }

    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    /// The first and the last.
    pub fn ends(&self) -> Option<(usize, usize)> {
        let first = self.0.iter().position(|&word| word != 0)?;
        let last = self.0.iter().rposition(|&word| word != 0)?;
        let bit = |of: u32| of as usize;
        Some((first * 64 + bit(self.0[first].trailing_zeros()), last * 64 + bit(self.0[last].ilog2())))
    }

    /// Those from `from` on, before `to`.
    #[must_use]
    pub fn between(&self, from: usize, to: usize) -> Self {
        let below = |day: usize, word: usize| match day.saturating_sub(word * 64) {
            64.. => u64::MAX,
            bits => (1 << bits) - 1,
        };
        Self(self.0.iter().enumerate().map(|(n, word)| word & below(to, n) & !below(from, n)).collect())
    }

    /// The same, `by` days later (earlier where that is below 0); what leaves the horizon is lost.
    #[must_use]
    pub fn moved(mut self, by: i64) -> Self {
        for _ in 0..by.unsigned_abs() {
            let mut carried = 0;
            if by > 0 {
                for word in &mut self.0 {
                    (*word, carried) = (*word << 1 | carried, *word >> 63);
                }
            } else {
                for word in self.0.iter_mut().rev() {
                    (*word, carried) = (*word >> 1 | carried, *word << 63);
                }
            }
        }
        self
    }

    /// A number that differs for most other sets, and for another `from`.
    pub fn digest(&self, from: u64) -> u64 {
        // The multiplier of SplitMix64.
        self.0.iter().fold(from, |sum, word| (sum ^ word ^ sum >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9))
    }

    /// The weekdays that are in it, Monday first.
    pub fn weekdays(&self) -> impl Iterator<Item = usize> {
        // 64 = 9 × 7 + 1: from one word to the next the pattern moves by one.
        let mut met = 0u8;
        for (n, &word) in self.0.iter().enumerate() {
            let mut rest = word;
            while rest != 0 {
                let bit = rest.trailing_zeros() as usize;
                met |= 1 << ((n * 64 + bit) % 7);
                // All others of this weekday at once.
                rest &= !(EVERY_SEVENTH << (bit % 7) | 1 << bit);
            }
        }
        (0..7).filter(move |weekday| met >> weekday & 1 == 1)
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

/// Bits 0, 7, 14, … 63.
const EVERY_SEVENTH: u64 = 0x8102_0408_1020_4081;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_move_and_are_cut_like_lists() {
        let days: Vec<usize> = (0..300).filter(|d| d % 7 == 3 || d % 11 == 0 || *d == 63 || *d == 64).collect();
        let mut set = DaySet::empty(320);
        days.iter().for_each(|&day| set.insert(day));
        assert_eq!(set.len(), days.len());
        assert_eq!(set.ends(), days.first().copied().zip(days.last().copied()));
        assert_eq!(DaySet::empty(320).ends(), None);
        for (from, to) in [(0, 320), (1, 64), (64, 65), (63, 200), (130, 130)] {
            let cut: Vec<usize> = days.iter().copied().filter(|d| (from..to).contains(d)).collect();
            assert_eq!(set.between(from, to).iter().collect::<Vec<_>>(), cut);
        }
        for by in [-70, -8, -1, 0, 1, 9] {
            let moved: Vec<usize> = days
                .iter()
                .filter_map(|d| usize::try_from(d.cast_signed() as i64 + by).ok())
                .filter(|&d| d < 320)
                .collect();
            assert_eq!(set.clone().moved(by).iter().collect::<Vec<_>>(), moved);
        }
        let tuesdays = set.between(3, 11).weekdays().collect::<Vec<_>>();
        assert_eq!(tuesdays, [3]);
        let mut all: Vec<usize> = days.iter().map(|d| d % 7).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(set.weekdays().collect::<Vec<_>>(), all);
    }
}
