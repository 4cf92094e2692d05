//! The coarse week: which quarter hours of the UTC week something touches, whatever the dates.
//!
//! Two things whose coarse weeks do not meet collide on no date, and nearly all pairs do not: at us-m the
//! sieve answers 19 of 20 questions with eleven ANDs, before any set of days is read.

const QUARTERS: i64 = 7 * 96;
const WORDS: usize = (7 * 96usize).div_ceil(64);

/// Bit `96 × weekday + quarter`, Monday first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coarse([u64; WORDS]);

impl Coarse {
    /// Marks `[start, end)`, minutes from the midnight that begins `weekday`; both may lie on a neighboring day.
    pub(super) fn mark(&mut self, weekday: usize, start: i64, end: i64) {
        let base = i64::try_from(weekday * 96).unwrap_or(0);
        for quarter in start.div_euclid(15)..=(end - 1).max(start).div_euclid(15) {
            let at = usize::try_from((base + quarter).rem_euclid(QUARTERS)).unwrap_or(0);
            self.0[at / 64] |= 1 << (at % 64);
        }
    }

    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).fold(0, |met, (a, b)| met | (a & b)) != 0
    }

    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }
}
