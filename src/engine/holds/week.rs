//! The week at a glance: which quarter hours of the UTC week something touches, and which it fills on most dates.
//!
//! Of two things that touch no quarter hour in common, none collides with the other; two that both fill one on more than half
//! of its dates do. Between these lie few pairs, and only for them are sets of days compared. Summer and winter are kept apart,
//! for when clocks change nearly everything moves by an hour. With what else spares looks at dates and tables (the limits on
//! minutes asked once for seats that share them), the same 60,000 rounds of annealing on us-m's services, with the same answer,
//! went from 20.2 s to 8.5 s of processor time.

use smallvec::SmallVec;

use super::Piece;
use super::days::{Horizon, SEASONS};

const QUARTERS: usize = 96;
const WORDS: usize = (7 * QUARTERS).div_ceil(64);
/// The widest gap that `padded` allows for, in minutes.
const PADDING: i64 = 15;

/// A bit for every quarter hour of the week, Monday first, summer and winter apart.
type Bits = [u64; SEASONS * WORDS];

/// What two things are to each other, as far as can be told without their dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    Clear,
    Collides,
    Unsure,
}

/// 64 quarter hours of which some are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    word: usize,
    touched: u64,
    /// Touched, or next to one that is.
    padded: u64,
    filled: u64,
    /// Filled, or next to one that is on the same day.
    beside: u64,
}

/// The quarter hours of one hold: a few, for most meet once a week, and these lie in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Week(SmallVec<[Mark; SEASONS]>);

impl Week {
    pub fn new(horizon: Horizon, pieces: &[Piece]) -> Self {
        let (mut touched, mut padded, mut filled, mut beside) = (EMPTY, EMPTY, EMPTY, EMPTY);
        for piece in pieces {
            let all = |from: i64, to: i64| from.div_euclid(15)..=(to - 1).max(from).div_euclid(15);
            let whole = (piece.start + 14).div_euclid(15)..piece.end.div_euclid(15).min(96);
            for (season, weekday, dates) in horizon.tally(&piece.days) {
                all(piece.start, piece.end).for_each(|quarter| set(&mut touched, season, weekday, quarter));
                all(piece.start - PADDING, piece.end + PADDING)
                    .for_each(|quarter| set(&mut padded, season, weekday, quarter));
                if 2 * dates > horizon.dates(season, weekday) {
                    for quarter in whole.clone() {
                        set(&mut filled, season, weekday, quarter);
                        let near = (quarter - 1).max(0)..=(quarter + 1).min(95);
                        near.for_each(|quarter| set(&mut beside, season, weekday, quarter));
                    }
                }
            }
        }
        let mark = |word: usize| Mark {
            word,
            touched: touched[word],
            padded: padded[word],
            filled: filled[word],
            beside: beside[word],
        };
        Self((0..SEASONS * WORDS).map(mark).filter(|mark| mark.padded != 0).collect())
    }

    /// A bit for every 64 quarter hours of which it touches some.
    pub fn words(&self) -> Words {
        self.0.iter().filter(|mark| mark.touched != 0).fold(0, |words, mark| words | 1 << mark.word)
    }

    /// What a hold is to all that makes somebody busy, who wants `gap` minutes between.
    pub fn glance(&self, busy: &Busy, gap: i64) -> Glance {
        let (mut met, mut sure) = (0, 0);
        for mark in &self.0 {
            let (touched, filled) = if gap > 0 { (mark.padded, mark.beside) } else { (mark.touched, mark.filled) };
            met |= touched & busy.touched[mark.word];
            sure |= filled & busy.filled[mark.word];
        }
        match (met, sure) {
            (_, 1..) => Glance::Collides,
            (0, 0) if gap <= PADDING => Glance::Clear,
            _ => Glance::Unsure,
        }
    }
}

/// The quarter hours that some holds take together.
#[derive(Clone)]
pub struct Busy {
    touched: Bits,
    filled: Bits,
}

impl Default for Busy {
    fn default() -> Self {
        Self { touched: EMPTY, filled: EMPTY }
    }
}

impl Busy {
    pub fn add(&mut self, week: &Week) {
        for mark in &week.0 {
            self.touched[mark.word] |= mark.touched;
            self.filled[mark.word] |= mark.filled;
        }
    }

    /// Forgets all of some quarter hours.
    pub fn clear(&mut self, words: Words) {
        for word in (0..SEASONS * WORDS).filter(|word| words >> word & 1 == 1) {
            self.touched[word] = 0;
            self.filled[word] = 0;
        }
    }
}

const EMPTY: Bits = [0; SEASONS * WORDS];

/// A bit for every 64 quarter hours of both seasons.
pub type Words = u32;
const _: () = assert!(SEASONS * WORDS <= Words::BITS as usize);

/// Marks a quarter hour, counted from the midnight that begins `weekday`; it may lie on a neighboring day, which may be of the
/// other season.
fn set(bits: &mut Bits, season: usize, weekday: usize, quarter: i64) {
    let week = i64::try_from(7 * QUARTERS).unwrap_or(1);
    let of_week = i64::try_from(weekday * QUARTERS).unwrap_or(0) + quarter;
    let at = usize::try_from(of_week.rem_euclid(week)).unwrap_or(0);
    for other in 0..SEASONS {
        if other == season || !(0..96).contains(&quarter) {
            bits[other * WORDS + at / 64] |= 1 << (at % 64);
        }
    }
}
