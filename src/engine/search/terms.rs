//! Terms: the sections that each educator of an island could teach together, as the columns of a linear programme.
//!
//! Dantzig and Wolfe's programme: a row for each educator, who teaches one term, and for each block, which is taught once.
//! More terms are asked of the ceilings at its duals until they have none to offer. Services enter by their prices only.

use std::collections::{BTreeMap, BTreeSet};

use super::book::Roster;
use super::branch::{Effort, Scratch};
use super::ceiling::Pattern;
use super::islands::Island;
use super::prices::{NEVER, Prices};
use crate::engine::chunks::in_chunks;
use crate::engine::grid::{BlockIx, EducatorIx, Grid};
use crate::engine::solve::{Packing, SolverDefect};

/// Terms of an educator to begin with.
const FIRST: usize = 40;
/// Cents that a term must promise to be taken in.
const WORTHWHILE: f64 = 1_000.0;

/// One term of one person of the island.
pub struct Term {
    pub worth: f64,
    pub person: usize,
    pub blocks: Vec<BlockIx>,
}

/// What does not change.
struct Table<'t, 'g> {
    grid: &'t Grid<'g>,
    prices: &'t Prices,
    island: &'t Island,
    /// By block of the grid: its row.
    rows: Vec<usize>,
    /// By row: its need among the prices.
    needs: Vec<usize>,
}

pub struct Terms<'t, 'g> {
    table: Table<'t, 'g>,
    threads: usize,
    packing: Packing,
    known: Vec<BTreeSet<Vec<BlockIx>>>,
    pub terms: Vec<Term>,
    /// Prices of all needs: of the island's blocks as of late.
    at: Vec<f64>,
    /// By row of a block: it is given away.
    given: Vec<bool>,
    /// By person: the blocks of the roster, and what all these are worth.
    pub held: Vec<Vec<BlockIx>>,
    pub worth: f64,
}

/// What the programme says.
pub struct Shares {
    /// By term.
    pub values: Vec<f64>,
    /// By person, and then by row of a block.
    duals: Vec<f64>,
    pub worth: f64,
}

impl Table<'_, '_> {
    fn first(&self, n: usize) -> Vec<Pattern> {
        let known: BTreeSet<Vec<BlockIx>> =
            self.prices.patterns[n].iter().filter(|blocks| self.has(blocks)).cloned().collect();
        let mut patterns = self.prices.ceilings[n].patterns(self.grid, &known, &self.prices.best_prices);
        let gain = |pattern: &Pattern| pattern.worth - self.price_of(pattern, &self.prices.best_prices);
        patterns.sort_by(|a, b| gain(b).total_cmp(&gain(a)));
        let idle = patterns.iter().position(|p| p.blocks.is_empty()).map(|at| patterns.swap_remove(at));
        patterns.truncate(FIRST);
        patterns.extend(idle);
        patterns
    }

    fn price_of(&self, pattern: &Pattern, at: &[f64]) -> f64 {
        pattern.blocks.iter().map(|&block| at[self.needs[self.rows[block]]]).sum()
    }

    /// Whether all of some blocks are the island's.
    fn has(&self, blocks: &[BlockIx]) -> bool {
        blocks.iter().all(|&block| self.rows[block] != usize::MAX)
    }
}

impl<'t, 'g> Terms<'t, 'g> {
    /// With what everybody teaches in a roster, and the terms that the prices showed and that are nearly as good as any at
    /// the best prices; `at` are the prices to go on from.
    pub fn new(
        grid: &'t Grid<'g>,
        prices: &'t Prices,
        island: &'t Island,
        roster: &Roster,
        at: &[f64],
        threads: usize,
    ) -> Result<Self, SolverDefect> {
        let mut rows = vec![usize::MAX; grid.blocks.len()];
        let mut needs = vec![usize::MAX; island.blocks.len()];
        island.blocks.iter().enumerate().for_each(|(row, &block)| rows[block] = row);
        for &n in &island.people {
            for row in prices.ceilings[n].blocks.iter().filter(|row| rows[row.block] != usize::MAX) {
                needs[rows[row.block]] = row.need;
            }
        }
        let table = Table { grid, prices, island, rows, needs };
        let first = in_chunks(&island.people, threads, |some| some.iter().map(|&n| table.first(n)).collect());
        // What is not the island's is nothing to its people.
        let at = prices.among(island, |block| table.rows[block] != usize::MAX, at);
        let mut terms = Self {
            table,
            threads,
            packing: Packing::new(island.people.len() + island.blocks.len())?,
            known: vec![BTreeSet::new(); island.people.len()],
            terms: Vec::new(),
            at,
            given: vec![false; island.blocks.len()],
            held: Vec::new(),
            worth: 0.0,
        };
        let mut held: Vec<Vec<BlockIx>> = vec![Vec::new(); island.people.len()];
        let person: BTreeMap<EducatorIx, usize> =
            island.people.iter().zip(0..).map(|(&n, person)| (prices.ceilings[n].educator(), person)).collect();
        for &block in &island.blocks {
            if let Some(&person) = roster.blocks[block].as_ref().and_then(|educator| person.get(educator)) {
                held[person].push(block);
            }
        }
        for (person, blocks) in held.into_iter().enumerate() {
            let known = BTreeSet::from([blocks.clone()]);
            let patterns = prices.ceilings[island.people[person]].patterns(grid, &known, &prices.best_prices);
            if let Some(pattern) = patterns.into_iter().find(|pattern| pattern.blocks == blocks) {
                terms.worth += pattern.worth.max(0.0);
                terms.add(person, pattern)?;
            }
            terms.held.push(blocks);
        }
        for (person, patterns) in first.into_iter().enumerate() {
            for pattern in patterns {
                terms.add(person, pattern)?;
            }
        }
        Ok(terms)
    }

    /// Whether it is new and worth something.
    fn add(&mut self, person: usize, pattern: Pattern) -> Result<bool, SolverDefect> {
        if pattern.worth <= 0.0 || !self.known[person].insert(pattern.blocks.clone()) {
            return Ok(false);
        }
        let first = self.table.island.people.len();
        let rows = std::iter::once(person).chain(pattern.blocks.iter().map(|&block| first + self.table.rows[block]));
        self.packing.add(pattern.worth, rows.collect())?;
        self.terms.push(Term { worth: pattern.worth, person, blocks: pattern.blocks });
        Ok(true)
    }

    pub fn solve(&mut self) -> Result<Shares, SolverDefect> {
        let (values, duals, worth) = self.packing.solve()?;
        Ok(Shares { values, duals, worth })
    }

    /// Asks some people for better terms at prices that go by `step` from the last to the duals; says how many came, and
    /// how much more than the programme all could be worth. Nobody is asked once `stop` says so.
    pub fn ask(
        &mut self,
        shares: &Shares,
        open: &[usize],
        step: f64,
        effort: Effort,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(usize, f64), SolverDefect> {
        let first = self.table.island.people.len();
        let mut now = self.at.clone();
        for (row, &need) in self.table.needs.iter().enumerate() {
            now[need] = if self.given[row] { NEVER } else { shares.duals[first + row] };
            self.at[need] = if self.given[row] { NEVER } else { self.at[need] + step * (now[need] - self.at[need]) };
        }
        let (this, at) = (&self.table, &self.at);
        let found = in_chunks(open, self.threads, |some| {
            let mut scratch = Scratch::default();
            let ask = |&person: &usize| {
                if stop() {
                    return (f64::INFINITY, Vec::new());
                }
                let ceiling = &this.prices.ceilings[this.island.people[person]];
                let choice = ceiling.choose(at, effort, &mut scratch);
                let mut patterns =
                    ceiling.patterns(this.grid, &BTreeSet::from([choice.blocks]), &this.prices.best_prices);
                patterns.retain(|p| {
                    this.has(&p.blocks) && p.worth - this.price_of(p, &now) > shares.duals[person] + WORTHWHILE
                });
                (choice.worth, patterns)
            };
            some.iter().map(ask).collect::<Vec<_>>()
        });
        let free = |(row, &need): (usize, &usize)| if self.given[row] { 0.0 } else { self.at[need] };
        let mut most: f64 = self.table.needs.iter().enumerate().map(free).sum();
        let mut new = 0;
        for (&person, (worth, patterns)) in open.iter().zip(found) {
            most += worth;
            for pattern in patterns {
                new += usize::from(self.add(person, pattern)?);
            }
        }
        Ok((new, most - shares.worth))
    }

    /// Gives a person a term for good.
    pub fn give(&mut self, term: usize) -> Result<(), SolverDefect> {
        for &block in &self.terms[term].blocks {
            self.given[self.table.rows[block]] = true;
        }
        self.packing.fix(term)
    }

    /// Whether nothing of a term is given away.
    pub fn is_free(&self, term: usize) -> bool {
        self.terms[term].blocks.iter().all(|&block| !self.given[self.table.rows[block]])
    }

    /// The island's needs and their prices as of late.
    pub fn late_prices(&self) -> Vec<(usize, f64)> {
        self.table.needs.iter().map(|&need| (need, self.at[need])).collect()
    }

    /// By person, all terms that were ever thought of.
    pub fn known(self) -> Vec<BTreeSet<Vec<BlockIx>>> {
        self.known
    }
}
