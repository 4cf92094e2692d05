//! The exchange: annealing of sections alone, on tables made for nothing else.
//!
//! A block goes to somebody who could teach it; what is in its way leaves and goes where it costs least; those who lost
//! one are offered what waits. Time that services would take is paid for at their prices. Clashes are bits and loads
//! mostly peaks, so a move takes two to three microseconds where one of `anneal`, which knows services, takes twenty to
//! forty; and where educators are scarce, every block needs thousands of moves. Measured on the Spanish sections of us-l
//! (1,045 for 188 educators): 1,990 M after 30 s on one thread; `anneal` comes to 2,110 M in 60 s, the pool to 2,250 M.
//! What `together` rows cost is not looked at.

use super::ceiling::{Block, Ceiling, bears};
use super::prices::Prices;
use super::rng::SplitMix;
use super::{Context, book::Roster};
use crate::engine::grid::{BlockIx, Grid, Need};
use crate::engine::problem::Educator;

/// Temperatures, as shares of what a block is worth on average.
const HOT: f64 = 0.6;
const COLD: f64 = 0.008;
/// Moves between two looks at the clock, and looks from one parting of the educators to the next.
pub const MOVES: u64 = 256;
const LOOKS: u64 = 1_000;
/// Educators from which on they are parted in halves, one a thread.
const MANY: usize = 400;
/// Parts of an educator's room by which services are reckoned.
const UNITS: usize = 64;
const NOBODY: usize = usize::MAX;

/// An educator, with what does not change. Dishes are the ceiling's blocks, in its order.
struct Person<'c> {
    row: &'c Educator,
    ceiling: &'c Ceiling,
    /// By dish: its number in the table, and the cents that it saves, less pay.
    blocks: Vec<usize>,
    worths: Vec<i64>,
    /// By dish: a bit for every course, where there are no more than bits.
    courses: Option<Vec<u64>>,
    pinned: Vec<bool>,
    /// What is lost where so many parts of the room are left for services.
    lost: Vec<i64>,
}

/// Who could teach what.
struct Table<'c> {
    people: Vec<Person<'c>>,
    blocks: Vec<BlockIx>,
    /// By block: persons, and which of their dishes it is.
    takers: Vec<Vec<(usize, usize)>>,
}

/// Who teaches what.
#[derive(Clone)]
struct State {
    /// By block.
    holder: Vec<usize>,
    /// By person: dishes.
    held: Vec<Vec<usize>>,
}

/// A half of the educators, with the blocks that they teach and some that wait.
struct Half {
    people: Vec<bool>,
    blocks: Vec<bool>,
    seed: u64,
}

/// Improves the sections of a roster until `done`, which is told of the looks taken at it, comes to 1.
///
/// The educators of many are parted by lot every few hundred thousand moves, and each half is searched apart: the answer
/// does not depend on the number of threads, unless `done` looks at a clock.
pub fn exchange(
    context: &Context<'_, '_, '_>,
    prices: &Prices,
    roster: &mut Roster,
    done: &(dyn Fn(u64) -> f64 + Sync),
) {
    let table = Table::new(context.grid, prices);
    let mut state = table.state(roster);
    let mut rng = SplitMix::new(u64::from(context.limits.seed));
    let average = table.average();
    let mut looks = 0;
    while done(looks) < 1.0 && !context.watch.should_stop() {
        let halves = table.part(&state, &mut rng);
        let search = |half: &Half| {
            let mut search = Search::new(&table, &state, half);
            for look in looks..looks + LOOKS {
                let share = done(look);
                if share >= 1.0 || context.watch.should_stop() {
                    break;
                }
                let heat = average * HOT * (COLD / HOT).powf(share);
                (0..MOVES).for_each(|_| search.step(heat));
            }
            search.state.held
        };
        let found: Vec<Vec<Vec<usize>>> = if context.limits.threads < 2 {
            halves.iter().map(search).collect()
        } else {
            std::thread::scope(|scope| {
                let search = &search;
                let threads: Vec<_> = halves.iter().map(|half| scope.spawn(move || search(half))).collect();
                threads.into_iter().map(|t| t.join().expect("a half does not panic")).collect()
            })
        };
        for (half, found) in halves.iter().zip(found) {
            let theirs = |(n, held): (usize, Vec<usize>)| half.people[n].then_some((n, held));
            for (n, held) in found.into_iter().enumerate().filter_map(theirs) {
                state.held[n] = held;
            }
        }
        table.find_holders(&mut state);
        looks += LOOKS;
    }
    for (&block, &holder) in table.blocks.iter().zip(&state.holder) {
        roster.blocks[block] = table.people.get(holder).map(|person| person.ceiling.educator());
    }
}

impl<'c> Table<'c> {
    fn new(grid: &Grid<'c>, prices: &'c Prices) -> Self {
        let mut number = vec![NOBODY; grid.blocks.len()];
        let (mut blocks, mut people): (Vec<BlockIx>, Vec<Person<'c>>) = (Vec::new(), Vec::new());
        let mut takers: Vec<Vec<(usize, usize)>> = Vec::new();
        for ceiling in prices.ceilings.iter().filter(|ceiling| !ceiling.blocks.is_empty()) {
            let mut person = Person::new(grid, ceiling, &prices.best_prices);
            for (dish, row) in ceiling.blocks.iter().enumerate() {
                if number[row.block] == NOBODY {
                    number[row.block] = blocks.len();
                    blocks.push(row.block);
                    takers.push(Vec::new());
                }
                person.blocks.push(number[row.block]);
                takers[number[row.block]].push((people.len(), dish));
            }
            people.push(person);
        }
        Self { people, blocks, takers }
    }

    /// What a roster has of it.
    fn state(&self, roster: &Roster) -> State {
        let mut state = State { holder: Vec::new(), held: vec![Vec::new(); self.people.len()] };
        for (&block, takers) in self.blocks.iter().zip(&self.takers) {
            let teaches = |&&(n, _): &&(usize, usize)| roster.blocks[block] == Some(self.people[n].ceiling.educator());
            if let Some(&(n, dish)) = takers.iter().find(teaches) {
                state.held[n].push(dish);
            }
        }
        self.find_holders(&mut state);
        state
    }

    fn find_holders(&self, state: &mut State) {
        state.holder = vec![NOBODY; self.blocks.len()];
        for (n, (person, held)) in self.people.iter().zip(&state.held).enumerate() {
            held.iter().for_each(|&dish| state.holder[person.blocks[dish]] = n);
        }
    }

    /// What a block is worth on average, in cents.
    #[expect(clippy::cast_precision_loss, reason = "cents stay far below 2^53")]
    fn average(&self) -> f64 {
        let worth = |takers: &Vec<(usize, usize)>| takers.first().map_or(0, |&(n, dish)| self.people[n].worths[dish]);
        self.takers.iter().map(worth).sum::<i64>() as f64 / self.takers.len().max(1) as f64
    }

    fn part(&self, state: &State, rng: &mut SplitMix) -> Vec<Half> {
        let halves = if self.people.len() < MANY { 1 } else { 2 };
        let people: Vec<usize> = self.people.iter().map(|_| rng.below(halves)).collect();
        let blocks: Vec<usize> = state
            .holder
            .iter()
            .map(|&holder| people.get(holder).copied().unwrap_or_else(|| rng.below(halves)))
            .collect();
        let of = |half: usize, all: &[usize]| all.iter().map(|&of| of == half).collect();
        let mut half = |n| Half { people: of(n, &people), blocks: of(n, &blocks), seed: rng.next() };
        (0..halves).map(&mut half).collect()
    }
}

impl<'c> Person<'c> {
    /// Without the numbers of its blocks.
    fn new(grid: &Grid<'c>, ceiling: &'c Ceiling, prices: &[f64]) -> Self {
        let row = grid.educator(ceiling.educator());
        let filled = ceiling.filled(prices, UNITS);
        #[expect(clippy::cast_possible_truncation, reason = "cents stay far below 2^53")]
        let lost = |left: &f32| f64::from(filled[UNITS] - left) as i64;
        let bit = |courses: &Vec<usize>| courses.iter().fold(0, |bits, course| bits | 1 << course);
        Self {
            row,
            ceiling,
            blocks: Vec::with_capacity(ceiling.blocks.len()),
            worths: ceiling.blocks.iter().map(Block::cents).collect(),
            courses: (ceiling.courses <= 64).then(|| ceiling.blocks.iter().map(|b| bit(&b.courses)).collect()),
            lost: filled.iter().map(lost).collect(),
            pinned: ceiling.blocks.iter().map(|b| grid.pin_of(Need::Block(b.block)).is_some()).collect(),
        }
    }

    /// Distinct courses of some dishes.
    fn preps(&self, held: &[usize]) -> usize {
        if let Some(bits) = &self.courses {
            return held.iter().fold(0, |all, &dish| all | bits[dish]).count_ones() as usize;
        }
        let mut courses: Vec<usize> =
            held.iter().flat_map(|&dish| self.ceiling.blocks[dish].courses.iter().copied()).collect();
        courses.sort_unstable();
        courses.dedup();
        courses.len()
    }

    /// Cents of activation, preps, and what services at their prices would have been worth in the same time.
    fn overhead(&self, held: &[usize]) -> i64 {
        if held.is_empty() {
            return 0;
        }
        let taken: f64 = held.iter().map(|&dish| self.ceiling.blocks[dish].whole_load()).sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "units"
        )]
        let left = ((1.0 - taken / self.ceiling.whole_room().max(1.0)).max(0.0) * UNITS as f64) as usize;
        let preps = if self.row.prep_cents == 0 { 0 } else { self.preps(held).saturating_sub(1) };
        self.row.activation_cents + self.row.prep_cents * i64::try_from(preps).unwrap_or(0) + self.lost[left.min(UNITS)]
    }

    fn clash(&self, a: usize, b: usize) -> bool {
        self.ceiling.clashes.between(a, b)
    }

    /// Whether one may teach these, as far as weeks, days, sections and preps go.
    fn bears(&self, held: &[usize], sums: &mut Vec<i64>) -> bool {
        held.iter().map(|&dish| self.ceiling.blocks[dish].sections).sum::<i64>() <= self.ceiling.max_sections
            && self.preps(held) <= self.ceiling.max_preps
            && bears(held.iter().map(|&dish| &*self.ceiling.blocks[dish].loads), self.row, sums)
    }
}

/// What a move did.
#[derive(Clone, Copy)]
struct Turn {
    person: usize,
    dish: usize,
    given: bool,
}

struct Search<'t> {
    table: &'t Table<'t>,
    half: &'t Half,
    state: State,
    rng: SplitMix,
    /// Blocks of this half.
    own: Vec<usize>,
    /// Blocks that wait, and some that somebody has taken since; and whether each block is among them.
    waiting: Vec<usize>,
    listed: Vec<bool>,
    journal: Vec<Turn>,
    /// Blocks that have lost their place.
    left: Vec<usize>,
    sums: Vec<i64>,
}

impl<'t> Search<'t> {
    fn new(table: &'t Table<'t>, state: &State, half: &'t Half) -> Self {
        let own: Vec<usize> = (0..table.blocks.len()).filter(|&block| half.blocks[block]).collect();
        let waiting: Vec<usize> = own.iter().copied().filter(|&block| state.holder[block] == NOBODY).collect();
        let mut listed = vec![false; table.blocks.len()];
        waiting.iter().for_each(|&block| listed[block] = true);
        let (state, rng) = (state.clone(), SplitMix::new(half.seed));
        Self { table, half, state, rng, own, waiting, listed, journal: Vec::new(), left: Vec::new(), sums: Vec::new() }
    }

    /// One move, taken back if it costs more than chance allows at this temperature.
    fn step(&mut self, heat: f64) {
        let Some(block) = self.draw() else { return };
        let Some(&(to, dish)) = self.rng.pick(&self.table.takers[block]) else { return };
        let from = self.state.holder[block];
        if to == from || !self.half.people[to] {
            return;
        }
        self.journal.clear();
        self.left.clear();
        let mut delta = 0;
        if let Some(person) = self.table.people.get(from) {
            let Some(&old) = self.state.held[from].iter().find(|&&old| person.blocks[old] == block) else { return };
            if person.pinned[old] {
                return;
            }
            delta += self.turn(from, old, false);
        }
        let Some(saved) = self.make_room(to, dish) else { return self.undo() };
        delta += saved + self.turn(to, dish, true);
        let mut left = std::mem::take(&mut self.left);
        left.drain(..).for_each(|block| delta += self.place(block));
        self.left = left;
        if from != NOBODY {
            delta += self.fill(from);
        }
        delta += self.fill(to);
        #[expect(clippy::cast_precision_loss, reason = "cents stay far below 2^53")]
        if delta > 0 && delta as f64 > heat * -self.rng.unit().ln() {
            return self.undo();
        }
        self.list_waiting();
    }

    /// One that waits, or any.
    fn draw(&mut self) -> Option<usize> {
        if self.rng.below(2) == 0 && !self.waiting.is_empty() {
            let n = self.rng.below(self.waiting.len());
            let block = self.waiting[n];
            if self.state.holder[block] == NOBODY {
                return Some(block);
            }
            self.waiting.swap_remove(n);
            self.listed[block] = false;
        }
        self.rng.pick(&self.own).copied()
    }

    fn list_waiting(&mut self) {
        for Turn { person, dish, given } in self.journal.drain(..) {
            let block = self.table.people[person].blocks[dish];
            if !given && self.state.holder[block] == NOBODY && !self.listed[block] {
                self.listed[block] = true;
                self.waiting.push(block);
            }
        }
    }

    /// Sends away what clashes with a dish, and by lot what is too much beside it. Nothing where a pin is in the way.
    fn make_room(&mut self, to: usize, dish: usize) -> Option<i64> {
        let person = &self.table.people[to];
        let mut delta = 0;
        loop {
            let held = &mut self.state.held[to];
            let clash = held.iter().copied().find(|&other| person.clash(other, dish));
            let other = if let Some(other) = clash {
                other
            } else {
                held.push(dish);
                let bears = person.bears(held, &mut self.sums);
                held.pop();
                if bears {
                    return Some(delta);
                }
                *self.rng.pick(held)?
            };
            if person.pinned[other] {
                return None;
            }
            delta += self.turn(to, other, false);
            self.left.push(person.blocks[other]);
        }
    }

    /// Gives a block to whom it costs least, if it costs less than waiting.
    fn place(&mut self, block: usize) -> i64 {
        let table = self.table;
        let mut best = (0, None);
        for &(n, dish) in &table.takers[block] {
            if self.half.people[n] && -table.people[n].worths[dish] < best.0 {
                best = self.cost(n, dish).filter(|&cost| cost < best.0).map_or(best, |cost| (cost, Some((n, dish))));
            }
        }
        best.1.map_or(0, |(n, dish)| self.turn(n, dish, true))
    }

    /// Gives a person the best of what waits.
    fn fill(&mut self, n: usize) -> i64 {
        let person = &self.table.people[n];
        let mut best = (0, None);
        for (dish, (&block, &worth)) in person.blocks.iter().zip(&person.worths).enumerate() {
            if self.state.holder[block] == NOBODY && self.half.blocks[block] && -worth < best.0 {
                best = self.cost(n, dish).filter(|&cost| cost < best.0).map_or(best, |cost| (cost, Some(dish)));
            }
        }
        best.1.map_or(0, |dish| self.turn(n, dish, true))
    }

    /// What one more dish adds to the cost, where the rules allow it.
    fn cost(&mut self, n: usize, dish: usize) -> Option<i64> {
        let (person, held) = (&self.table.people[n], &mut self.state.held[n]);
        if held.iter().any(|&other| person.clash(other, dish)) {
            return None;
        }
        let before = person.overhead(held);
        held.push(dish);
        let after = person.bears(held, &mut self.sums).then(|| person.overhead(held));
        held.pop();
        after.map(|after| after - before - person.worths[dish])
    }

    /// Gives a dish or takes it away, and writes it in the journal; returns what that adds to the cost.
    fn turn(&mut self, n: usize, dish: usize, given: bool) -> i64 {
        self.journal.push(Turn { person: n, dish, given });
        let (person, held) = (&self.table.people[n], &mut self.state.held[n]);
        let before = person.overhead(held);
        if given {
            held.push(dish);
            self.state.holder[person.blocks[dish]] = n;
            person.overhead(held) - before - person.worths[dish]
        } else {
            held.retain(|&other| other != dish);
            self.state.holder[person.blocks[dish]] = NOBODY;
            person.overhead(held) - before + person.worths[dish]
        }
    }

    fn undo(&mut self) {
        while let Some(Turn { person, dish, given }) = self.journal.pop() {
            self.turn(person, dish, !given);
            self.journal.pop();
        }
    }
}
