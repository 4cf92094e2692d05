//! The chain sweep: a dynamic programme over one educator's sections in the order of the day, for the most that any
//! choice of them can be worth together with the services that fill what is left of the weeks.
//!
//! A choice that obeys the rules, put in the order of the sweep, is a chain in which no two neighbors clash and the
//! minutes fit. The sweep finds the best of all such chains; that those further apart may clash, and that minutes are
//! rounded down to a unit, make it a bound. Against one best section of every clique in fractions, at us-l: with one
//! sweep an educator the bound goes from 5.5 G to 7.4 G, in an eighth of the time.

use super::branch::Piece;

/// The tables are of single precision, which may be off by this much of a sum of a dozen terms.
const ROUNDING: f64 = 2e-6;
const NEVER: f32 = f32::NEG_INFINITY;

/// Which sections of one educator cannot be taught together, as a square of bits.
#[derive(Default)]
pub(super) struct Clashes {
    words: usize,
    bits: Vec<u64>,
}

impl Clashes {
    pub fn new(blocks: usize) -> Self {
        let words = blocks.div_ceil(64);
        Self { words, bits: vec![0; words * blocks] }
    }

    pub fn mark(&mut self, a: usize, b: usize) {
        self.bits[a * self.words + b / 64] |= 1 << (b % 64);
        self.bits[b * self.words + a / 64] |= 1 << (a % 64);
    }

    pub fn between(&self, a: usize, b: usize) -> bool {
        self.bits[a * self.words + b / 64] >> (b % 64) & 1 == 1
    }

    /// Whether `a` clashes with nothing but what `b` clashes with, and with `b`.
    pub fn fits_as(&self, a: usize, b: usize) -> bool {
        self.row(a).iter().zip(self.row(b)).enumerate().all(|(word, (of_a, of_b))| {
            let itself = if b / 64 == word { 1 << (b % 64) } else { 0 };
            of_a & !(of_b | itself) == 0
        })
    }

    fn row(&self, a: usize) -> &[u64] {
        &self.bits[a * self.words..(a + 1) * self.words]
    }

    /// The sections that clash with one.
    pub fn of(&self, a: usize) -> impl Iterator<Item = usize> + '_ {
        self.row(a).iter().enumerate().flat_map(|(n, &word)| ones(word).map(move |bit| n * 64 + bit))
    }

    /// The first of some sections, given as bits, that clashes with one.
    fn first_against(&self, a: usize, some: &[u64]) -> Option<usize> {
        let clash = |(row, some): (&u64, &u64)| row & some;
        let mut words = self.row(a).iter().zip(some).map(clash).enumerate();
        words.find(|(_, word)| *word != 0).map(|(n, word)| n * 64 + word.trailing_zeros() as usize)
    }

    /// The sections among some, from one on, that do not clash with another.
    fn clear_from(&self, first: usize, a: usize, some: &[u64]) -> impl Iterator<Item = usize> {
        let from = first / 64;
        let clear = |(row, some): (&u64, &u64)| !row & some;
        let words = self.row(a).iter().zip(some).skip(from).map(clear).enumerate();
        words.flat_map(move |(n, word)| {
            let late = if n == 0 { u64::MAX << (first % 64) } else { u64::MAX };
            ones(word & late).map(move |bit| (from + n) * 64 + bit)
        })
    }
}

/// Positions of the bits that are set.
fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let bit = word.trailing_zeros() as usize;
            word &= word - 1;
            bit
        })
    })
}

/// A section that may be in the chain.
#[derive(Clone, Copy)]
struct Link {
    block: usize,
    worth: f32,
    units: usize,
}

/// The tables of a sweep, kept from one to the next.
#[derive(Default)]
pub(super) struct Chain {
    /// Into how many units the room is cut.
    units: usize,
    links: Vec<Link>,
    /// By link and units taken: the most that a chain can be worth that ends with the link.
    ends: Vec<f32>,
    /// The same, of the link and all before it.
    peaks: Vec<f32>,
    /// By units left: the most that services can be worth in them.
    pub filled: Vec<f32>,
    /// The sections of the links so far, as bits, and by section which link it is.
    live: Vec<u64>,
    rank: Vec<usize>,
    /// The chain that the last sweep found best.
    pub row: Vec<usize>,
}

impl Chain {
    /// Clears the tables for a room of so many minutes; `services` are dearest first.
    pub fn begin(&mut self, units: usize, room: f64, services: &[Piece]) -> f64 {
        self.units = units;
        self.links.clear();
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let unit = room.max(0.0) / units as f64;
        self.filled.clear();
        let (mut at, mut sum, mut taken) = (0, 0.0, 0.0);
        for n in 0..=units {
            #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
            let left = unit * n as f64;
            while at < services.len() && taken + services[at].load <= left {
                sum += services[at].worth;
                taken += services[at].load;
                at += 1;
            }
            let part = services.get(at).map_or(0.0, |p| p.worth * ((left - taken) / p.load.max(1e-9)).max(0.0));
            self.filled.push(single(sum + part));
        }
        unit
    }

    /// One more section, later in the day than those before it.
    pub fn push(&mut self, block: usize, worth: f64, units: usize) {
        self.links.push(Link { block, worth: single(worth), units });
    }

    /// The most that a chain and the services beside it are worth, with a gift for any chain but the empty one; the
    /// chain is left in `row`.
    pub fn sweep(&mut self, clashes: &Clashes, gift: f64) -> f64 {
        let wide = self.units + 1;
        self.ends.resize(self.links.len() * wide, NEVER);
        self.peaks.resize(self.links.len() * wide, NEVER);
        self.live.clear();
        self.live.resize(clashes.words, 0);
        self.rank.resize(clashes.words * 64, 0);
        for (n, link) in self.links.iter().enumerate() {
            let (before, rest) = self.ends.split_at_mut(n * wide);
            let (peaks, peak) = self.peaks.split_at_mut(n * wide);
            let (unable, end) = rest[..wide].split_at_mut(link.units);
            unable.fill(NEVER);
            let first = clashes.first_against(link.block, &self.live);
            // All that lies before the first clash may come before this one: their best is known.
            match first.map_or(n, |block| self.rank[block]) {
                0 => end.fill(NEVER),
                clear => end.copy_from_slice(&peaks[(clear - 1) * wide..][..end.len()]),
            }
            for block in first.into_iter().flat_map(|first| clashes.clear_from(first, link.block, &self.live)) {
                raise(end, &before[self.rank[block] * wide..]);
            }
            end[0] = end[0].max(0.0);
            end.iter_mut().for_each(|value| *value += link.worth);
            let peak = &mut peak[..wide];
            peak.copy_from_slice(&rest[..wide]);
            if n > 0 {
                raise(peak, &peaks[(n - 1) * wide..]);
            }
            self.live[link.block / 64] |= 1 << (link.block % 64);
            self.rank[link.block] = n;
        }
        self.trace(clashes, gift)
    }

    /// Walks back from the best end.
    fn trace(&mut self, clashes: &Clashes, gift: f64) -> f64 {
        let wide = self.units + 1;
        self.row.clear();
        let nothing = self.filled[self.units];
        let Some(last) = self.links.len().checked_sub(1) else { return double(nothing) };
        let total = |k: usize| self.peaks[last * wide + k] + self.filled[self.units - k];
        let Some(k) = (0..wide).max_by(|&a, &b| total(a).total_cmp(&total(b))) else { return double(nothing) };
        let most = double(total(k)) + gift;
        if most <= double(nothing) {
            return double(nothing);
        }
        let (mut left, mut value, mut until) = (k, self.peaks[last * wide + k], last + 1);
        let mut after: Option<usize> = None;
        // Sums were made by the same additions, so the end that a peak came from is found by its very value.
        while let Some(n) = (0..until).rev().find(|&n| {
            self.ends[n * wide + left].total_cmp(&value).is_eq()
                && after.is_none_or(|after| !clashes.between(self.links[n].block, after))
        }) {
            let link = self.links[n];
            self.row.push(link.block);
            left -= link.units;
            until = n;
            after = Some(link.block);
            let best = |m: &usize| !clashes.between(self.links[*m].block, link.block);
            value = (0..n).filter(best).map(|m| self.ends[m * wide + left]).fold(NEVER, f32::max);
            if left == 0 && value < 0.0 || value == NEVER {
                break;
            }
        }
        most
    }
}

fn raise(to: &mut [f32], by: &[f32]) {
    to.iter_mut().zip(by).for_each(|(a, &b)| *a = if b > *a { b } else { *a });
}

#[expect(clippy::cast_possible_truncation, reason = "what is lost is forgiven by ROUNDING")]
fn single(value: f64) -> f32 {
    value as f32
}

/// Rounded up by what single precision may have lost.
fn double(value: f32) -> f64 {
    let value = f64::from(value);
    value + value.abs() * ROUNDING
}
