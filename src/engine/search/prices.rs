//! Prices: a bound without the programme. Put a price on every need and the problem falls apart into one ceiling an
//! educator; what they sum to is never below what can be earned, whatever the prices.
//!
//! Lagrangian relaxation of "each need at most once", with Polyak's step towards the best roster known, in
//! proportion to what a need is worth alone, and a direction that remembers the last ones (Camerini, Fratta, Maffioli
//! 1975). Measured at us-m: without the proportion 900 rounds come to a bound of 3,505 M, with it to 3,702 M.

use std::collections::{BTreeMap, BTreeSet};

use super::book::Roster;
use super::branch::{Effort, Scratch};
use super::ceiling::{Ceiling, Choice, Pattern};
use super::menu::Menu;
use super::part::Part;
use crate::engine::chunks::in_chunks;
use crate::engine::grid::{BlockIx, EducatorIx, Grid, Need};

/// Rounds without a better bound before the pace falls, and how far.
const PATIENCE: usize = 12;
const SLOWER: f64 = 0.85;
/// How much faster after a round that closed more than a hundredth of the gap.
const FASTER: f64 = 1.2;
/// How much of the last direction is kept: at us-m 0.9 comes in 300 rounds where 0.5 comes in 600.
const MEMORY: f64 = 0.9;
/// Below this pace nothing moves any more.
const STILL: f64 = 0.002;

pub struct Prices {
    ceilings: Vec<Ceiling>,
    needs: Vec<Need>,
    /// By need of the part.
    prices: Vec<f64>,
    direction: Vec<f64>,
    /// By need: what it is worth alone; prices move in proportion.
    scale: Vec<f64>,
    /// The least total found, and at which prices.
    pub best: f64,
    best_prices: Vec<f64>,
    pace: f64,
    stalled: usize,
    effort: Effort,
    /// By educator of the part: sections that were their best term at some prices.
    patterns: Vec<BTreeSet<Vec<BlockIx>>>,
}

impl Prices {
    pub fn new(grid: &Grid<'_>, part: &Part, menu: &Menu, threads: usize) -> Self {
        let blocks = grid.blocks.len();
        let mut number = vec![usize::MAX; blocks + grid.services.len()];
        let place = |need: Need| match need {
            Need::Block(block) => block,
            Need::Service(service) => blocks + service,
        };
        part.needs.iter().enumerate().for_each(|(n, &need)| number[place(need)] = n);
        let number = |need: Need| number[place(need)];
        let ceilings = in_chunks(&part.educators, threads, |educators| {
            educators.iter().map(|&e| Ceiling::new(grid, menu, e, &number)).collect()
        });
        #[expect(clippy::cast_precision_loss, reason = "validated problems stay far below 2^53")]
        let alone = |need: &Need| menu.of(*need).first().map_or(0.0, |dish| (-dish.least).max(0) as f64);
        let prices: Vec<f64> = part.needs.iter().map(alone).collect();
        Self {
            patterns: vec![BTreeSet::new(); ceilings.len()],
            ceilings,
            needs: part.needs.clone(),
            direction: vec![0.0; prices.len()],
            scale: prices.iter().map(|p| p.max(1.0)).collect(),
            best: f64::INFINITY,
            best_prices: prices.clone(),
            prices,
            pace: 0.3,
            stalled: 0,
            effort: Effort::LITTLE,
        }
    }

    /// One round: returns the total at the present prices, and moves them towards `earned`, the best roster's.
    pub fn step(&mut self, earned: f64, threads: usize) -> f64 {
        let mut slack = vec![1.0; self.prices.len()];
        let mut total: f64 = self.prices.iter().sum();
        for (n, Choice { worth, shares, blocks }) in self.choices(threads).into_iter().enumerate() {
            total += worth;
            for (need, share) in shares {
                slack[need] -= share;
            }
            if !blocks.is_empty() {
                self.patterns[n].insert(blocks);
            }
        }
        if total < self.best - 1.0 {
            // A long way to go still asks for long steps.
            if self.best - total > 0.01 * (self.best - earned) && self.best.is_finite() {
                self.pace = (self.pace * FASTER).min(1.0);
            }
            self.best = total;
            self.best_prices.clone_from(&self.prices);
            self.stalled = 0;
        } else {
            self.stalled += 1;
            if self.stalled >= PATIENCE {
                self.stalled = 0;
                self.pace *= SLOWER;
                self.effort = self.effort.more();
                self.prices.clone_from(&self.best_prices);
            }
        }
        for (n, price) in self.prices.iter().enumerate() {
            // A price of nothing cannot fall.
            if *price <= 0.0 && slack[n] > 0.0 {
                slack[n] = 0.0;
            }
            self.direction[n] = MEMORY * self.direction[n] + slack[n];
        }
        let norm: f64 = self.direction.iter().zip(&self.scale).map(|(d, s)| (d * s).powi(2)).sum();
        let length = self.pace * (total - earned).max(0.0) / norm.max(1e-9);
        for ((price, direction), scale) in self.prices.iter_mut().zip(&self.direction).zip(&self.scale) {
            *price = (*price - length * direction * scale * scale).max(0.0);
        }
        total
    }

    /// Whether more rounds would change next to nothing.
    pub fn is_still(&self) -> bool {
        self.pace < STILL
    }

    /// Begins to move again, after a better roster has become known.
    pub fn stir(&mut self) {
        self.pace = self.pace.max(0.02);
    }

    /// Every educator's best term, in their order, whatever the number of threads.
    fn choices(&self, threads: usize) -> Vec<Choice> {
        let work = |ceilings: &[Ceiling]| -> Vec<Choice> {
            let mut scratch = Scratch::default();
            ceilings.iter().map(|ceiling| ceiling.choose(&self.prices, self.effort, &mut scratch)).collect()
        };
        in_chunks(&self.ceilings, threads, work)
    }

    /// Adds the sections that each educator teaches in a roster to those known.
    pub fn learn(&mut self, roster: &Roster) {
        let mut taught: BTreeMap<EducatorIx, Vec<BlockIx>> = BTreeMap::new();
        for (block, educator) in roster.blocks.iter().enumerate() {
            if let Some(educator) = educator {
                taught.entry(*educator).or_default().push(block);
            }
        }
        for (ceiling, known) in self.ceilings.iter().zip(&mut self.patterns) {
            if let Some(blocks) = taught.remove(&ceiling.educator()) {
                known.insert(blocks);
            }
        }
    }

    /// The sections that each educator's best term had at some prices, valued at the best prices.
    pub fn patterns(&self) -> Vec<Pattern> {
        let valued = |(ceiling, known): (&Ceiling, &BTreeSet<Vec<BlockIx>>)| {
            let mut patterns = ceiling.patterns(known, &self.best_prices);
            patterns.retain(|pattern| pattern.worth > 0.0);
            patterns
        };
        self.ceilings.iter().zip(&self.patterns).flat_map(valued).collect()
    }

    /// The pairs that some roster that earns more than `earned` may hold: without the others no such roster is lost.
    pub fn survivors(&self, earned: f64) -> Vec<(Need, EducatorIx)> {
        let mut scratch = Scratch::default();
        let mut kept = Vec::new();
        let total: f64 = self.best_prices.iter().sum::<f64>()
            + self.ceilings.iter().map(|c| c.choose(&self.best_prices, self.effort, &mut scratch).worth).sum::<f64>();
        for ceiling in &self.ceilings {
            let free = ceiling.choose(&self.best_prices, self.effort, &mut scratch).worth;
            for number in ceiling.needs() {
                let with = ceiling.worth_with(number, &self.best_prices, free, self.effort, &mut scratch);
                if total - free + with.min(free) >= earned - 1.0 {
                    kept.push((self.needs[number], ceiling.educator()));
                }
            }
        }
        kept
    }
}
