//! Prices: a bound without the programme. Put a price on every need and the problem falls apart into one ceiling an
//! educator; what they sum to is never below what can be earned, whatever the prices.
//!
//! Lagrangian relaxation of "each need at most once", by an incremental subgradient method (Nedić and Bertsekas 2001):
//! prices move after every few educators, in proportion to what a need is worth alone, and the mean of a pass is a
//! better place than its end. Measured at us-m on two cores: a bound of 3,824 M in 7 s, where the aggregated method with
//! Polyak's step came to 3,702 M in 900 rounds; going on with that from here gains nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::book::Roster;
use super::branch::{Effort, Scratch};
use super::ceiling::{Ceiling, Choice, Pattern};
use super::islands::Island;
use super::menu::Menu;
use super::part::Part;
use super::rng::SplitMix;
use super::students::Students;
use crate::engine::chunks::{each_apart, in_chunks};
use crate::engine::grid::{BlockIx, EducatorIx, Grid, Need, ServiceIx};

/// By how much of what a need is worth alone its price moves in the first and in the last pass.
const FAST: f64 = 0.3;
const SLOW: f64 = 0.000_5;
/// Passes from one look at the total to the next, which takes as long as a pass.
const TRY: usize = 5;
/// From this pace on, what educators choose is remembered.
const LATE: f64 = 0.02;
/// Educators asked at once: at most so many, and so small a share of all.
const FEW: usize = 64;
const FEW_OF: usize = 30;
/// The price of a block that is not to be had.
pub(super) const NEVER: f64 = 1e12;

pub struct Prices {
    pub ceilings: Vec<Ceiling>,
    students: Students,
    needs: Vec<Need>,
    /// By need of the part.
    prices: Vec<f64>,
    /// By need: what it is worth alone; prices move in proportion.
    scale: Vec<f64>,
    /// The least total found, and at which prices.
    pub best: f64,
    pub best_prices: Vec<f64>,
    /// By educator of the part: what their term is worth at most at the best prices.
    pub(super) best_worths: Vec<f64>,
    pub(super) effort: Effort,
    /// By need: how far its price falls when one educator of those who could take it is asked.
    fall: Vec<f64>,
    rng: SplitMix,
    /// By educator of the part: sections that were their best term at some prices.
    pub(super) patterns: Vec<BTreeSet<Vec<BlockIx>>>,
    /// By educator of the part: needs of their best terms at late prices.
    wanted: Vec<BTreeSet<usize>>,
}

impl Prices {
    pub fn new<'g>(grid: &'g Grid<'_>, part: &Part, menu: &Menu<'g>, threads: usize, seed: u64) -> Self {
        let blocks = grid.blocks.len();
        let mut number = vec![usize::MAX; blocks + grid.services.len()];
        let place = |need: Need| match need {
            Need::Block(block) => block,
            Need::Service(service) => blocks + service,
        };
        part.needs.iter().enumerate().for_each(|(n, &need)| number[place(need)] = n);
        let number = |need: Need| number[place(need)];
        let students = Students::new(grid, part, menu, &number);
        let ceilings = in_chunks(&part.educators, threads, |educators| {
            educators.iter().map(|&e| Ceiling::new(grid, menu, e, &students, &number)).collect()
        });
        #[expect(clippy::cast_precision_loss, reason = "validated problems stay far below 2^53")]
        let alone = |need: &Need| menu.of(*need).first().map_or(0.0, |dish| (-dish.least).max(0) as f64);
        let prices: Vec<f64> = part.needs.iter().map(alone).collect();
        let mut takers = vec![0.0_f64; prices.len()];
        ceilings.iter().flat_map(Ceiling::needs).for_each(|n| takers[n] += 1.0);
        let fall = prices.iter().zip(&takers).map(|(p, t)| p.max(1.0) / t.max(1.0)).collect();
        let pairs = ceilings.iter().map(|ceiling| ceiling.blocks.len().pow(2)).sum();
        Self {
            fall,
            rng: SplitMix::new(seed),
            patterns: vec![BTreeSet::new(); ceilings.len()],
            wanted: vec![BTreeSet::new(); ceilings.len()],
            best_worths: vec![0.0; ceilings.len()],
            ceilings,
            students,
            needs: part.needs.clone(),
            scale: prices.iter().map(|p| p.max(1.0)).collect(),
            best: f64::INFINITY,
            best_prices: prices.clone(),
            prices,
            effort: Effort::for_pairs(pairs),
        }
    }

    /// Sets the prices from nothing. `share` says how far the work has come, after so many passes; 1 ends it.
    pub fn settle(
        &mut self,
        threads: usize,
        share: impl Fn(usize) -> f64,
        stop: &(dyn Fn() -> bool + Sync),
        mut on_bound: impl FnMut(f64),
    ) {
        let effort = self.effort;
        for pass in 1.. {
            let done = share(pass);
            self.effort = effort.after(done);
            let Some(mean) = self.pass(FAST * (SLOW / FAST).powf(done.min(1.0)), threads, stop) else { break };
            if done >= 1.0 || pass % TRY == 0 {
                self.try_out(mean, threads, stop);
                on_bound(self.best);
            }
            if done >= 1.0 {
                break;
            }
        }
        self.prices.clone_from(&self.best_prices);
    }

    /// Asks all educators once, in an order by lot and a few at a time. After each few the prices of what they could
    /// take fall, and those of what they chose rise, by the share `pace` of what a need is worth alone. Returns the mean
    /// of the prices on the way.
    fn pass(&mut self, pace: f64, threads: usize, stop: &dyn Fn() -> bool) -> Option<Vec<f64>> {
        let order = self.by_lot();
        let mut fall = self.fall.clone();
        self.students.left_out(&self.prices).for_each(|need| fall[need] = 0.0);
        let few = Self::few(order.len());
        let mut mean = vec![0.0; self.prices.len()];
        for few in order.chunks(few) {
            if stop() {
                return None;
            }
            let ask = |some: &[usize]| -> Vec<Choice> {
                let mut scratch = Scratch::default();
                some.iter().map(|&n| self.ceilings[n].choose(&self.prices, self.effort, &mut scratch)).collect()
            };
            for (&n, Choice { shares, blocks, .. }) in few.iter().zip(each_apart(few, threads, ask)) {
                for need in self.ceilings[n].needs() {
                    self.prices[need] = (self.prices[need] - pace * fall[need]).max(0.0);
                }
                for (need, share) in shares {
                    if pace < LATE {
                        self.wanted[n].insert(need);
                    }
                    self.prices[need] = (self.prices[need] + pace * self.scale[need] * share).min(self.scale[need]);
                }
                if !blocks.is_empty() {
                    self.patterns[n].insert(blocks);
                }
            }
            mean.iter_mut().zip(&self.prices).for_each(|(m, p)| *m += p);
        }
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let asked = order.len().div_ceil(few) as f64;
        mean.iter_mut().for_each(|m| *m /= asked);
        Some(mean)
    }

    /// How many are asked at once.
    pub fn few(all: usize) -> usize {
        (all / FEW_OF).clamp(1, FEW)
    }

    /// What a need is worth alone.
    pub fn alone(&self, need: usize) -> f64 {
        self.scale[need]
    }

    /// Prices at which the people of an island want none but some blocks.
    pub fn among(&self, island: &Island, has: impl Fn(BlockIx) -> bool, prices: &[f64]) -> Vec<f64> {
        let mut among = prices.to_vec();
        for row in island.people.iter().flat_map(|&n| &self.ceilings[n].blocks).filter(|row| !has(row.block)) {
            among[row.need] = NEVER;
        }
        among
    }

    /// The pairs of the best terms at late prices.
    pub fn support(&self) -> Vec<(Need, EducatorIx)> {
        let of = |(ceiling, wanted): (&Ceiling, &BTreeSet<usize>)| -> Vec<_> {
            wanted.iter().map(|&n| (self.needs[n], ceiling.educator())).collect()
        };
        self.ceilings.iter().zip(&self.wanted).flat_map(of).collect()
    }

    /// The educators in an order by lot.
    fn by_lot(&mut self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.ceilings.len()).collect();
        (1..order.len()).rev().for_each(|n| order.swap(n, self.rng.below(n + 1)));
        order
    }

    /// Takes prices, if they promise less than the best, to go on from.
    fn try_out(&mut self, prices: Vec<f64>, threads: usize, stop: &(dyn Fn() -> bool + Sync)) {
        let Some(worths) = self.worths(&prices, threads, stop) else { return };
        let total = self.of_needs(&prices) + worths.iter().sum::<f64>();
        if total < self.best {
            self.best = total;
            self.best_prices = prices;
            self.best_worths = worths;
        }
    }

    /// What all needs come to at some prices.
    fn of_needs(&self, prices: &[f64]) -> f64 {
        prices.iter().sum::<f64>() - self.students.lost(prices)
    }

    /// Prices found elsewhere, tried with so many nodes into each term; they become those to go on from if there are none
    /// better and nothing stops it.
    pub fn offer(&mut self, prices: Vec<f64>, threads: usize, nodes: usize, stop: &(dyn Fn() -> bool + Sync)) {
        let effort = self.effort;
        self.effort = Effort { nodes, ..effort };
        self.try_out(prices, threads, stop);
        self.effort = effort;
    }

    /// What every educator's best term is worth at some prices, in their order, whatever the number of threads; nothing once
    /// `stop` says so.
    fn worths(&self, prices: &[f64], threads: usize, stop: &(dyn Fn() -> bool + Sync)) -> Option<Vec<f64>> {
        let work = |ceilings: &[Ceiling]| -> Vec<Option<f64>> {
            let mut scratch = Scratch::default();
            let mut worth = |ceiling: &Ceiling| ceiling.choose(prices, self.effort, &mut scratch).worth;
            ceilings.iter().map(|ceiling| (!stop()).then(|| worth(ceiling))).collect()
        };
        in_chunks(&self.ceilings, threads, work).into_iter().collect()
    }

    /// Learns that some educators' terms, by position, are worth no more than so much at the best prices.
    pub fn know(&mut self, worths: &[(usize, f64)]) {
        for &(n, worth) in worths {
            let known = &mut self.best_worths[n];
            self.best -= (*known - worth).max(0.0);
            *known = known.min(worth);
        }
    }

    /// A need by its number.
    pub fn need(&self, number: usize) -> Need {
        self.needs[number]
    }

    /// The share of a service's cents for which its student answers.
    pub fn forgiven(&self, service: ServiceIx) -> f64 {
        self.students.forgiven(service)
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
    pub fn patterns(&self, grid: &Grid<'_>) -> Vec<Pattern> {
        let valued = |(ceiling, known): (&Ceiling, &BTreeSet<Vec<BlockIx>>)| {
            let mut patterns = ceiling.patterns(grid, known, &self.best_prices);
            patterns.retain(|pattern| pattern.worth > 0.0);
            patterns
        };
        self.ceilings.iter().zip(&self.patterns).flat_map(valued).collect()
    }

    /// The pairs that some roster that earns more than `earned` may hold: without the others no such roster is lost.
    /// Once `stop` says so, all that are left are kept, and where no prices were ever tried, all.
    pub fn survivors(&self, earned: f64, threads: usize, stop: &(dyn Fn() -> bool + Sync)) -> Vec<(Need, EducatorIx)> {
        let rows: Vec<(&Ceiling, f64)> = self.ceilings.iter().zip(self.best_worths.iter().copied()).collect();
        let of_each = in_chunks(&rows, threads, |rows| {
            let mut scratch = Scratch::default();
            let of = |&(ceiling, free): &(&Ceiling, f64)| -> Vec<(Need, EducatorIx)> {
                let mut may = |number: &usize| {
                    stop() || {
                        let with = ceiling.worth_with(*number, &self.best_prices, free, self.effort, &mut scratch);
                        self.best - free + with.min(free) >= earned - 1.0
                    }
                };
                let needs: Vec<usize> = ceiling.needs().filter(|number| may(number)).collect();
                needs.into_iter().map(|number| (self.needs[number], ceiling.educator())).collect()
            };
            rows.iter().map(of).collect()
        });
        of_each.concat()
    }
}
