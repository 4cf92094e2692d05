//! Cover: the fewest educators who still teach every section (shift-minimisation personnel task scheduling).
//!
//! Where only the use of an educator costs something, the question is which staff can cover everything: a list
//! coloring of an interval graph. For a staff of fixed size the search is that of partial colorings (Blöchliger and
//! Zufferey 2008): put an uncovered section on somebody's desk, take off what it collides with, and forbid the
//! way back for a while. Sizes begin at the busiest instant, below which nothing is possible.
//! Measured on data_121 (1,345 tasks, best 120): HiGHS and CP-SAT are at 147 after 60 s.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Context;
use super::book::Book;
use super::part::Part;
use super::rng::SplitMix;
use crate::engine::grid::{BlockIx, EducatorIx, Grid, Need};
use crate::engine::holds::cliques::cliques;

/// Moves between two looks at the clock.
const STRIDE: u64 = 1 << 10;
/// Moves without a new best before part of the staff is exchanged.
const PATIENCE: u64 = 30_000;
/// Moves of a first try at one size, doubled at every later one.
const FIRST_TRY: u64 = 400_000;

/// A part in which nothing but activation and what is unserved costs anything, with all that may matter to it.
pub struct Cover {
    blocks: Vec<BlockIx>,
    educators: Vec<EducatorIx>,
    /// By section: who may teach it.
    may: Vec<Vec<usize>>,
    /// By section: which others collide with it.
    collide: Vec<Vec<usize>>,
    /// The size of the largest set that claims one instant.
    pub busiest: usize,
}

impl Cover {
    /// The part as a cover, if it is one.
    pub fn new(context: &Context<'_, '_, '_>, part: &Part) -> Option<Self> {
        let grid = context.grid;
        let blocks: Vec<BlockIx> =
            part.needs.iter().filter_map(|n| if let Need::Block(b) = n { Some(*b) } else { None }).collect();
        let people = || part.educators.iter().map(|&e| grid.educator(e));
        let plain = |need: &Need| {
            grid.incumbents_of(*need).is_empty() && grid.together_of(*need).is_empty() && grid.pin_of(*need).is_none()
        };
        let buffer = people().next()?.buffer_minutes;
        let activation = people().map(|p| p.activation_cents).max()?;
        let is_cover = blocks.len() == part.needs.len()
            && part.educators.len() > 2
            && activation > 0
            && part.needs.iter().all(plain)
            && people().all(|p| p.pay_cents_per_minute == 0 && p.prep_cents == 0 && p.time_off.is_empty())
            && people().all(|p| p.buffer_minutes == buffer && p.activation_cents == activation)
            && blocks.iter().all(|&b| grid.blocks[b].owed_cents > activation);
        if !is_cover {
            return None;
        }
        let holds: Vec<_> = blocks.iter().map(|&b| grid.hold(grid.blocks[b].hold)).collect();
        let collide = (0..holds.len())
            .map(|a| (0..holds.len()).filter(|&b| a != b && holds[a].collides(holds[b], buffer)).collect())
            .collect();
        let place = |e: &EducatorIx| part.educators.binary_search(e).expect("a part has the educators of its needs");
        let may = blocks.iter().map(|&b| context.pairing.blocks[b].iter().map(place).collect()).collect();
        let busiest = cliques(&holds, buffer).iter().map(Vec::len).max().unwrap_or(1);
        Some(Self { blocks, educators: part.educators.clone(), may, collide, busiest })
    }

    /// Replaces the best roster by cheaper ones until the fewest that the busiest instant allows are left, or the
    /// limits end it.
    pub fn improve<'g, 'p>(
        &self,
        context: &Context<'_, 'g, 'p>,
        nodes: Option<u64>,
        best: &mut Book<'g, 'p>,
        mut on_better: impl FnMut(&Book<'_, '_>),
    ) {
        let seed = u64::from(context.limits.seed);
        let mut tries = vec![0u32; self.educators.len() + 1];
        let mut size = self.busiest;
        while size <= self.educators.len() && !context.stopped() {
            let moves = FIRST_TRY << tries[size].min(20);
            let moves = nodes.map_or(moves, |nodes| moves.min(nodes.saturating_mul(STRIDE)));
            // Where the clock does not end it, every size is given a few tries.
            if nodes.is_some() && tries[size] > 1 {
                break;
            }
            let salt = seed.wrapping_mul(1 << 20) + (size as u64) * 64 + u64::from(tries[size]);
            tries[size] += 1;
            if let Some(taught) = self.search(context, size, moves, salt, nodes.is_none()) {
                let book = self.book(context.grid, &taught);
                if book.cost() < best.cost() {
                    *best = book;
                    on_better(best);
                }
                // Every smaller size has been tried, and those still open deserve more.
                let smaller = (self.busiest..size).min_by_key(|&s| tries[s]);
                let Some(smaller) = smaller else { return };
                size = smaller;
            } else if best_size(best, self) > size + 1 {
                size += 1 + usize::try_from(tries[size]).unwrap_or(1) / 2;
            } else {
                // The next larger is known: try those below it in turn.
                size = (self.busiest..=size).min_by_key(|&s| tries[s]).unwrap_or(size);
            }
        }
    }

    /// A cover by `size` educators, from one search a thread; the first thread's counts first.
    fn search(
        &self,
        context: &Context<'_, '_, '_>,
        size: usize,
        moves: u64,
        salt: u64,
        by_clock: bool,
    ) -> Option<Vec<usize>> {
        let done = AtomicBool::new(false);
        let found: Vec<Option<Vec<usize>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..context.limits.threads.clamp(1, 2))
                .map(|t| {
                    let done = &done;
                    scope.spawn(move || {
                        let mut tabu = Tabu::new(self, size, salt.wrapping_mul(31) + t as u64);
                        let found = tabu.run(moves, || context.stopped() || by_clock && done.load(Ordering::Relaxed));
                        done.fetch_or(found, Ordering::Relaxed);
                        found.then_some(tabu.desk)
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().expect("a search does not panic")).collect()
        });
        found.into_iter().flatten().next()
    }

    /// What a cover comes to under all rules.
    fn book<'g, 'p>(&self, grid: &'g Grid<'p>, taught: &[usize]) -> Book<'g, 'p> {
        let mut book = Book::new(grid);
        for (n, &who) in taught.iter().enumerate() {
            if book.block_refusal(self.blocks[n], self.educators[who]).is_none() {
                book.assign_block(self.blocks[n], self.educators[who]);
            }
        }
        book
    }
}

/// How many educators a full cover uses; more than there are where it is none.
fn best_size(book: &Book<'_, '_>, cover: &Cover) -> usize {
    if cover.blocks.iter().any(|&b| book.roster.blocks[b].is_none()) {
        return usize::MAX;
    }
    cover.educators.iter().filter(|&&e| !book.is_idle(e)).count()
}

const NOBODY: usize = usize::MAX;

/// A partial cover by a staff.
struct Tabu<'c> {
    cover: &'c Cover,
    rng: SplitMix,
    staff: Vec<bool>,
    /// By section: who teaches it.
    desk: Vec<usize>,
    load: Vec<Vec<usize>>,
    uncovered: Vec<usize>,
    /// By educator and section: weight of what would have to go.
    price: Vec<Vec<u32>>,
    /// By section: grows while it stays uncovered.
    weight: Vec<u32>,
    /// By educator and section: the move before which it may not come back.
    until: Vec<Vec<u64>>,
}

impl<'c> Tabu<'c> {
    fn new(cover: &'c Cover, size: usize, seed: u64) -> Self {
        let (sections, people) = (cover.blocks.len(), cover.educators.len());
        let mut rng = SplitMix::new(seed);
        let mut breadth = vec![0; people];
        cover.may.iter().flatten().for_each(|&w| breadth[w] += 1);
        let mut ranked: Vec<(usize, usize)> = (0..people).map(|w| (breadth[w] * (85 + rng.below(30)), w)).collect();
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        let mut staff = vec![false; people];
        ranked.iter().take(size).for_each(|r| staff[r.1] = true);
        Self {
            cover,
            rng,
            staff,
            desk: vec![NOBODY; sections],
            load: vec![Vec::new(); people],
            uncovered: (0..sections).collect(),
            price: vec![vec![0; sections]; people],
            weight: vec![1; sections],
            until: vec![vec![0; sections]; people],
        }
    }

    /// Whether everything is covered after so many moves, or before somebody stops it.
    fn run(&mut self, moves: u64, stopped: impl Fn() -> bool) -> bool {
        let (mut best, mut since) = (usize::MAX, 0);
        for now in 1..=moves {
            if self.uncovered.is_empty() {
                return true;
            }
            if now % STRIDE == 0 && stopped() {
                return false;
            }
            self.step(now);
            if self.uncovered.len() < best {
                (best, since) = (self.uncovered.len(), now);
            } else if now - since > PATIENCE {
                self.exchange();
                (best, since) = (usize::MAX, now);
            }
        }
        self.uncovered.is_empty()
    }

    fn step(&mut self, now: u64) {
        // (what it costs, lot, position, educator)
        let mut choice: Option<(i64, usize, usize, usize)> = None;
        let most = self.uncovered.len().min(12);
        let from = self.rng.below(self.uncovered.len());
        for k in 0..most {
            let at = (from + k) % self.uncovered.len();
            let section = self.uncovered[at];
            for &who in &self.cover.may[section] {
                if !self.staff[who] || self.until[who][section] > now {
                    continue;
                }
                let cost = i64::from(self.price[who][section]) - i64::from(self.weight[section]);
                if choice.is_none_or(|c| cost <= c.0) {
                    let lot = self.rng.below(1 << 16);
                    if choice.is_none_or(|c| (cost, lot) < (c.0, c.1)) {
                        choice = Some((cost, lot, at, who));
                    }
                }
            }
        }
        let Some((cost, _, at, who)) = choice else { return };
        if cost >= 0 {
            for &section in self.uncovered.iter().take(most) {
                self.weight[section] += 1;
            }
        }
        let section = self.uncovered.swap_remove(at);
        let tenure = 8 + self.rng.below(10) as u64 + self.uncovered.len() as u64;
        let mut gone = 0;
        while gone < self.load[who].len() {
            let other = self.load[who][gone];
            if self.cover.collide[section].binary_search(&other).is_ok() {
                self.take_off(other, who, gone);
                self.until[who][other] = now + tenure;
                self.uncovered.push(other);
            } else {
                gone += 1;
            }
        }
        self.put_on(section, who);
    }

    fn put_on(&mut self, section: usize, who: usize) {
        self.desk[section] = who;
        self.load[who].push(section);
        for &other in &self.cover.collide[section] {
            self.price[who][other] += self.weight[section];
        }
    }

    fn take_off(&mut self, section: usize, who: usize, at: usize) {
        self.desk[section] = NOBODY;
        self.load[who].swap_remove(at);
        for &other in &self.cover.collide[section] {
            self.price[who][other] -= self.weight[section];
        }
    }

    /// Somebody who has little to do makes room for somebody who could do what is uncovered.
    fn exchange(&mut self) {
        for _ in 0..=self.rng.below(3) {
            let inside: Vec<usize> = (0..self.staff.len()).filter(|&w| self.staff[w]).collect();
            let outside: Vec<usize> = (0..self.staff.len()).filter(|&w| !self.staff[w]).collect();
            if outside.is_empty() {
                break;
            }
            let lot = |rng: &mut SplitMix, from: &[usize]| from[rng.below(from.len())];
            let leaver =
                (0..3).map(|_| lot(&mut self.rng, &inside)).min_by_key(|&w| self.load[w].len()).unwrap_or(inside[0]);
            let could =
                |w: usize| self.uncovered.iter().filter(|&&s| self.cover.may[s].binary_search(&w).is_ok()).count();
            let picks: Vec<usize> = (0..3).map(|_| lot(&mut self.rng, &outside)).collect();
            let joiner = picks.into_iter().max_by_key(|&w| could(w)).unwrap_or(outside[0]);
            while let Some(&section) = self.load[leaver].last() {
                let at = self.load[leaver].len() - 1;
                self.take_off(section, leaver, at);
                self.uncovered.push(section);
            }
            self.staff[leaver] = false;
            self.staff[joiner] = true;
        }
        // Old weights would go on steering by what was hard for another staff.
        if self.weight.iter().any(|&w| w > 1_000) {
            for who in 0..self.load.len() {
                for section in self.load[who].clone() {
                    let halved = self.weight[section].div_ceil(2);
                    let less = self.weight[section] - halved;
                    self.cover.collide[section].iter().for_each(|&other| self.price[who][other] -= less);
                    self.weight[section] = halved;
                }
            }
            let uncovered = &self.uncovered;
            uncovered.iter().for_each(|&s| self.weight[s] = self.weight[s].div_ceil(2));
        }
    }
}
