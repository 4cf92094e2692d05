//! Holds: the dated occupancy of a slot or of a section's meetings, as bits, and when two of them collide.
//!
//! A hold is a few [`Piece`]s: a stretch of the UTC day and the set of UTC days on which it is taken.
//! Daylight saving splits a weekly slot into two pieces, never into two hundred dates, so a collision
//! is a comparison of clock times and an AND of six words. Expanding every date is left to `verify`.

pub mod cliques;
pub mod days;
pub mod timeline;
pub mod week;

use days::{DAY, DaySet, Horizon};
use timeline::Zone;
use week::Week;

use crate::domain::time::UtcMinute;

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
    pub week: Week,
    pub span: Span,
    /// Two occurrences are at one and the same time.
    twice: bool,
}

/// What tells most holds apart without a look at their dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The earliest start and the latest end, in minutes of the UTC day on which it begins.
    earliest: i64,
    latest: i64,
    /// A bit for each weekday on which it begins, Monday first.
    weekdays: u8,
}

impl Span {
    fn of(pieces: &[Piece]) -> Self {
        Self {
            earliest: pieces.iter().map(|piece| piece.start).min().unwrap_or(0),
            latest: pieces.iter().map(|piece| piece.end).max().unwrap_or(0),
            weekdays: pieces.iter().flat_map(|piece| piece.days.weekdays()).fold(0, |all, day| all | 1 << day),
        }
    }

    /// Whether neither of two holds comes near the day after it begins. Nearly nothing does.
    fn stay_within_the_day(self, other: Self, gap: i64) -> bool {
        self.latest + gap <= DAY && other.latest + gap <= DAY
    }

    /// Whether `gap` minutes lie between the two for certain.
    pub fn is_clear_of(self, other: Self, gap: i64) -> bool {
        self.stay_within_the_day(other, gap)
            && (self.weekdays & other.weekdays == 0
                || self.earliest >= other.latest + gap
                || other.earliest >= self.latest + gap)
    }
}

impl Hold {
    pub fn new(horizon: Horizon, occurrences: impl IntoIterator<Item = (UtcMinute, UtcMinute)>) -> Self {
        let mut pieces = Pieces::new(horizon);
        occurrences.into_iter().for_each(|(start, end)| pieces.add(start, end - start));
        pieces.close()
    }

    /// What begins at one time of a zone's clock, `start` minutes after midnight, on each of some dates.
    pub fn daily(horizon: Horizon, zone: &Zone, dates: &DaySet, start: u16, minutes: i64) -> Self {
        let mut pieces = Pieces::new(horizon);
        for (offset, steady) in &zone.steady {
            let at = i64::from(start) - offset;
            let days = dates.and(steady);
            if !days.is_empty() {
                pieces.add_days(at.rem_euclid(DAY), minutes, &days.moved(at.div_euclid(DAY)));
            }
        }
        for day in dates.and(&zone.unsteady).iter() {
            pieces.add(zone.to_utc(horizon.date(day), start), minutes);
        }
        pieces.close()
    }

    /// Whether fewer than `gap` minutes lie between an occurrence of `self` and one of `other`.
    pub fn collides(&self, other: &Self, gap: i64) -> bool {
        let overlaps =
            |a: &Piece, b: &Piece| a.start < b.end + gap && b.start < a.end + gap && a.days.intersects(&b.days);
        if self.span.is_clear_of(other.span, gap) {
            return false;
        }
        if self.span.stay_within_the_day(other.span, gap) {
            return self.pieces.iter().any(|a| other.pieces.iter().any(|b| overlaps(a, b)));
        }
        self.pieces.iter().any(|a| other.pieces.iter().any(|b| near(a, b, gap)))
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

/// A hold that is being put together.
struct Pieces {
    horizon: Horizon,
    pieces: Vec<Piece>,
    twice: bool,
}

impl Pieces {
    fn new(horizon: Horizon) -> Self {
        Self { horizon, pieces: Vec::new(), twice: false }
    }

    fn piece(&mut self, start: i64, minutes: i64) -> &mut Piece {
        let known = self.pieces.iter().position(|p| p.start == start && p.end == start + minutes);
        let at = known.unwrap_or_else(|| {
            self.pieces.push(Piece { start, end: start + minutes, days: DaySet::empty(self.horizon.days) });
            self.pieces.len() - 1
        });
        &mut self.pieces[at]
    }

    fn add(&mut self, start: UtcMinute, minutes: i64) {
        let (day, at) = self.horizon.split(start);
        let piece = self.piece(at, minutes);
        let again = piece.days.contains(day);
        piece.days.insert(day);
        self.twice |= again;
    }

    fn add_days(&mut self, at: i64, minutes: i64, days: &DaySet) {
        let piece = self.piece(at, minutes);
        let again = piece.days.intersects(days);
        piece.days.add(days);
        self.twice |= again;
    }

    fn close(mut self) -> Hold {
        self.pieces.sort_unstable();
        let of_piece = |p: &Piece| (p.end - p.start) * i64::try_from(p.days.len()).unwrap_or(0);
        Hold {
            minutes: self.pieces.iter().map(of_piece).sum(),
            week: Week::new(self.horizon, &self.pieces),
            twice: self.twice,
            span: Span::of(&self.pieces),
            pieces: self.pieces,
        }
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
    fn what_is_daily_is_what_its_dates_are() {
        let term = DateSpan { first: Date::ymd(2026, 8, 10), last: Date::ymd(2027, 6, 18) };
        let horizon = Horizon::new(term);
        for zone in
            [Tz::America__Denver, Tz::Asia__Kathmandu, Tz::Australia__Lord_Howe, Tz::Pacific__Kiritimati, Tz::UTC]
        {
            let clock = Zone::new(zone, horizon);
            for start in [0, 90, 150, 600, 1410, 1440] {
                let dates: Vec<Date> = (0..312).filter(|d| d % 2 == 0).map(|d| term.first.plus_days(d)).collect();
                let mut days = DaySet::empty(horizon.days);
                dates.iter().filter_map(|&date| horizon.number(date)).for_each(|day| days.insert(day));
                let instants = dates.iter().map(|&d| (to_utc(zone, d, start), to_utc(zone, d, start) + 45));
                assert_eq!(
                    Hold::daily(horizon, &clock, &days, start, 45),
                    Hold::new(horizon, instants),
                    "{zone} {start}"
                );
            }
        }
    }

    #[test]
    fn a_glance_is_never_wrong() {
        let term = DateSpan { first: Date::ymd(2026, 8, 10), last: Date::ymd(2027, 6, 18) };
        let horizon = Horizon::new(term);
        let zones = [Tz::America__New_York, Tz::America__Phoenix, Tz::Asia__Tokyo, Tz::Australia__Sydney]
            .map(|tz| Zone::new(tz, horizon));
        let mut holds = Vec::new();
        for (n, zone) in zones.iter().enumerate() {
            for (every, from) in [(7, 1), (7, 2), (14, 1), (28, 8), (1, 0), (2, 0)] {
                let mut days = DaySet::empty(horizon.days);
                (from..300).step_by(every).filter(|d| d % 9 != n).for_each(|day| days.insert(day + 3));
                for start in [0, 483, 540, 555, 575, 600, 1425] {
                    holds.push(Hold::daily(horizon, zone, &days, start, 30 + i64::from(start % 2)));
                }
            }
        }
        let mut seen = [0; 3];
        for a in &holds {
            for b in &holds {
                for gap in [0, 5, 15, 40] {
                    let mut busy = week::Busy::default();
                    busy.add(&b.week);
                    let glance = a.week.glance(&busy, gap);
                    seen[glance as usize] += 1;
                    match glance {
                        week::Glance::Clear => assert!(!a.collides(b, gap)),
                        week::Glance::Collides => assert!(a.collides(b, gap)),
                        week::Glance::Unsure => {}
                    }
                }
            }
        }
        assert!(seen.iter().all(|&count| count > 1_000), "clear, colliding and unsure: {seen:?}");
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
