//! The ceiling: the most that one educator's term can be worth when every need has a price.
//!
//! A relaxation, so never too low: sections are chosen by branch and bound; services fill what the weeks leave, in
//! fractions, each on its best days and in the fullest group it could have. When in the day they lie is not asked.

use std::collections::BTreeSet;

use super::branch::{Answer, Branch, Effort, Piece, Scratch, count};
use super::chain::{Clashes, unit};
use super::hull::{hull, mates, steps};
use super::menu::{Menu, most_cents};
use super::students::Students;
use super::tight::Tight;
use crate::engine::grid::{BlockIx, EducatorIx, Grid, Need, SlotIx};
use crate::engine::holds::timeline::Loads;
use crate::engine::problem::Educator;

/// Slots of a service that say in which weeks an educator could be busiest.
const LOOKED_AT: usize = 5;
/// Weeks looked at together in each half of the term: a monthly service comes round in four.
const WEEKS: usize = 4;

pub(super) struct Block {
    pub need: usize,
    pub block: BlockIx,
    /// Cents earned less pay.
    worth: f64,
    /// Minutes in the weeks looked at, by half of the term.
    pub load: [f64; 2],
    pub sections: i64,
    /// Courses, numbered per educator.
    pub courses: Vec<usize>,
    /// Preps that it brings at least: of each course, its share of the most blocks of it that go together.
    pub preps: f64,
    /// Blocks of the same courses that fit wherever this one does, and clash with it: who wants it would rather have the
    /// dearest of them.
    pub rivals: Vec<usize>,
}

impl Block {
    pub fn whole_load(&self) -> f64 {
        self.load[0] + self.load[1]
    }

    #[expect(clippy::cast_possible_truncation, reason = "whole cents, far below 2^53")]
    pub fn cents(&self) -> i64 {
        self.worth as i64
    }
}

struct Service {
    need: usize,
    /// By number of sessions, from one on: cents earned less the least pay, and the least minutes in the weeks looked at.
    steps: Vec<(f64, f64)>,
}

/// One educator's choices, with what does not depend on prices.
pub struct Ceiling {
    educator: EducatorIx,
    /// In the order of the day.
    pub(super) blocks: Vec<Block>,
    pub(super) clashes: Clashes,
    services: Vec<Service>,
    pub(super) courses: usize,
    /// Minutes in the weeks looked at, by half of the term.
    pub(super) room: [f64; 2],
    activation: f64,
    pub(super) prep: f64,
    pub(super) max_preps: usize,
    pub(super) max_sections: i64,
    /// Where minutes can be too many.
    pub(super) tight: Tight,
    /// Minutes of a unit of the room.
    pub(super) unit: f64,
}

/// What an educator does at some prices: shares of needs, by number.
#[derive(Default)]
pub struct Choice {
    /// Cents, less activation and the prices; never below what any term is worth.
    pub worth: f64,
    pub shares: Vec<(usize, f64)>,
    /// The sections of the best term found that obeys the rules of sections, ascending.
    pub blocks: Vec<BlockIx>,
}

/// Sections for one educator, and what they are worth with the services that they leave room for, at their prices.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    pub educator: EducatorIx,
    pub blocks: Vec<BlockIx>,
    pub worth: f64,
}

impl Ceiling {
    /// `number` gives every need of the part its place among the prices.
    pub fn new<'g>(
        grid: &'g Grid<'_>,
        menu: &Menu<'g>,
        educator: EducatorIx,
        students: &Students,
        number: &dyn Fn(Need) -> usize,
    ) -> Self {
        let person = grid.educator(educator);
        let weeks = busiest_weeks(grid, educator, menu.takes(educator));
        let in_weeks = |loads: &Loads, span: &std::ops::Range<u32>| -> f64 {
            loads.by_week.iter().filter(|w| span.contains(&w.0)).map(|w| f64::from(w.1)).sum()
        };
        let load = |loads: &Loads| -> f64 { weeks.iter().map(|span| in_weeks(loads, span)).sum() };
        let days = person.availability.iter().flat_map(|w| &w.days).collect::<BTreeSet<_>>().len();
        let week = person.max_minutes_per_week.min(person.max_minutes_per_day * i64::try_from(days).unwrap_or(7));
        let mut ceiling = Self {
            educator,
            blocks: Vec::new(),
            clashes: Clashes::default(),
            services: Vec::new(),
            courses: 0,
            room: [0, 1].map(|half| float(week) * count(weeks[half].len())),
            activation: float(person.activation_cents),
            prep: float(person.prep_cents),
            max_preps: usize::try_from(person.max_preps).unwrap_or(0),
            max_sections: person.max_sections,
            tight: Tight::default(),
            unit: 1.0,
        };
        let (mut courses, mut can_take): (Vec<usize>, _) = (Vec::new(), vec![false; grid.services.len()]);
        for need in menu.takes(educator) {
            if let Need::Service(service) = need {
                can_take[service] = true;
            }
        }
        for (need, dish) in menu.dishes(educator) {
            let rows = grid.incumbents_of(need).iter().filter(|&&e| e == educator).count();
            let stays = float(grid.problem.weights.change_cents) * count(rows);
            match need {
                Need::Block(block) => {
                    let row = &grid.blocks[block];
                    let pay = person.pay_cents_per_minute * grid.hold(row.hold).minutes;
                    let earned = row.owed_cents - grid.block_away_cents(block, educator);
                    let local = row.courses.iter().map(|course| {
                        courses.iter().position(|c| c == course).unwrap_or_else(|| {
                            courses.push(*course);
                            courses.len() - 1
                        })
                    });
                    ceiling.blocks.push(Block {
                        need: number(need),
                        block,
                        worth: float(earned - pay) + stays,
                        load: [0, 1].map(|half| in_weeks(grid.loads(row.hold, educator), &weeks[half])),
                        sections: i64::try_from(row.sections.len()).unwrap_or(i64::MAX),
                        courses: local.collect(),
                        preps: 0.0,
                        rivals: Vec::new(),
                    });
                }
                Need::Service(service) => {
                    let mates = |slot: SlotIx| mates(grid, service, slot, &can_take);
                    let forgiven = students.forgiven(service);
                    let whole = stays + forgiven * float(most_cents(grid, service));
                    let lost = |slot: SlotIx| {
                        let cents = grid.services[service].weight * grid.offered_minutes(service, slot);
                        forgiven * float(cents)
                    };
                    let steps = steps(grid, educator, service, dish.seats(grid, service), &mates, &lost, &load);
                    let steps = steps.into_iter().map(|(worth, load)| (worth + whole, load)).collect();
                    ceiling.services.push(Service { need: number(need), steps });
                }
            }
        }
        ceiling.courses = courses.len();
        ceiling.blocks.sort_by_key(|row| (time_of_day(grid, row.block), row.block));
        let loads: Vec<f64> = ceiling.blocks.iter().map(Block::whole_load).collect();
        ceiling.unit = unit(ceiling.whole_room(), &loads);
        ceiling.find_clashes(grid);
        ceiling.share_preps();
        ceiling.find_rivals();
        ceiling
    }

    fn find_rivals(&mut self) {
        for b in 0..self.blocks.len() {
            let rival = |&a: &usize| {
                let (row, other) = (&self.blocks[b], &self.blocks[a]);
                other.courses == row.courses
                    && other.sections <= row.sections
                    && self.clashes.fits_as(a, b)
                    && (0..2).all(|half| other.load[half] <= row.load[half])
                    && self.tight.lies_within(a, b)
            };
            self.blocks[b].rivals = self.clashes.of(b).filter(rival).collect();
        }
    }

    fn share_preps(&mut self) {
        let mut of_course: Vec<Vec<usize>> = vec![Vec::new(); self.courses];
        for (b, row) in self.blocks.iter().enumerate() {
            row.courses.iter().for_each(|&course| of_course[course].push(b));
        }
        for blocks in of_course {
            // Blocks that pairwise clash count once: no more go together than there are such sets.
            let mut sets: Vec<Vec<usize>> = Vec::new();
            for &b in &blocks {
                match sets.iter_mut().find(|set| set.iter().all(|&other| self.clashes.between(b, other))) {
                    Some(set) => set.push(b),
                    None => sets.push(vec![b]),
                }
            }
            blocks.iter().for_each(|&b| self.blocks[b].preps += 1.0 / count(sets.len()));
        }
    }

    fn find_clashes(&mut self, grid: &Grid<'_>) {
        let person = grid.educator(self.educator);
        let holds: Vec<_> = self.blocks.iter().map(|b| grid.blocks[b.block].hold).collect();
        let loads: Vec<&Loads> = holds.iter().map(|&hold| grid.loads(hold, self.educator)).collect();
        let most = usize::try_from(self.max_sections).unwrap_or(0);
        self.tight = Tight::new(&loads, most, [person.max_minutes_per_week, person.max_minutes_per_day]);
        self.clashes = Clashes::new(holds.len());
        for a in 0..holds.len() {
            for b in a + 1..holds.len() {
                let too_much = !self.tight.bears_both(a, b);
                if too_much || grid.hold(holds[a]).collides(grid.hold(holds[b]), person.buffer_minutes) {
                    self.clashes.mark(a, b);
                }
            }
        }
    }

    /// The most the term can be worth at these prices, and with what; nothing where that is less than activation costs.
    pub fn choose(&self, prices: &[f64], effort: Effort, scratch: &mut Scratch) -> Choice {
        let Answer { most, blocks, sound } = self.branch(prices, None, effort, scratch);
        let worth = most - self.activation;
        if worth <= 0.0 {
            return Choice::default();
        }
        let mut room = self.whole_room();
        let mut shares = Vec::new();
        for &b in &blocks {
            shares.push((self.blocks[b].need, 1.0));
            room -= self.blocks[b].whole_load();
        }
        for piece in &scratch.pieces {
            if room <= 0.0 {
                break;
            }
            let part = if piece.load <= room { 1.0 } else { room / piece.load };
            shares.push((self.services[piece.at].need, piece.share * part));
            room -= piece.load * part;
        }
        let mut blocks: Vec<BlockIx> = sound.iter().map(|&b| self.blocks[b].block).collect();
        blocks.sort_unstable();
        Choice { worth, shares, blocks }
    }

    /// The most that blocks and services are worth at these prices, with one block for certain where one is given.
    /// Leaves the pieces of services in `scratch`.
    fn branch(&self, prices: &[f64], certain: Option<usize>, effort: Effort, scratch: &mut Scratch) -> Answer {
        self.pieces(prices, &mut scratch.pieces);
        scratch.worths.clear();
        scratch.worths.extend(self.blocks.iter().map(|row| row.worth - prices[row.need]));
        // A block that a rival beats is in no best term, unless it is to be.
        let worth = |b: usize| self.blocks[b].worth - prices[self.blocks[b].need];
        for (b, row) in self.blocks.iter().enumerate().filter(|(b, _)| certain != Some(*b)) {
            if row.rivals.iter().any(|&a| worth(a) > worth(b) || worth(a) >= worth(b) && a < b) {
                scratch.worths[b] = -1.0;
            }
        }
        Branch::new(self, effort, scratch).solve(certain)
    }

    /// Numbers of the needs that the educator could take.
    pub fn needs(&self) -> impl Iterator<Item = usize> + '_ {
        self.blocks.iter().map(|b| b.need).chain(self.services.iter().map(|s| s.need))
    }

    pub fn has_services(&self) -> bool {
        !self.services.is_empty()
    }

    pub fn educator(&self) -> EducatorIx {
        self.educator
    }

    /// What some sets of sections, and none at all, are worth: unpriced, with services at their prices in the room left.
    /// Of a set that is too much for some week or day, what is worth least is left out.
    pub fn patterns(&self, grid: &Grid<'_>, known: &BTreeSet<Vec<BlockIx>>, prices: &[f64]) -> Vec<Pattern> {
        let mut pieces = Vec::new();
        self.pieces(prices, &mut pieces);
        let mut sets: BTreeSet<Vec<BlockIx>> = known.iter().map(|blocks| self.trim(grid, blocks)).collect();
        sets.insert(Vec::new());
        sets.iter().map(|blocks| self.pattern(blocks, &pieces)).collect()
    }

    fn trim(&self, grid: &Grid<'_>, blocks: &[BlockIx]) -> Vec<BlockIx> {
        let person = grid.educator(self.educator);
        let mut sums = Vec::new();
        let mut kept = blocks.to_vec();
        while !bears(kept.iter().map(|&b| grid.loads(grid.blocks[b].hold, self.educator)), person, &mut sums) {
            let worth = |block: &BlockIx| self.blocks.iter().find(|row| row.block == *block).map_or(0, Block::cents);
            let Some(least) = kept.iter().copied().min_by_key(worth) else { break };
            kept.retain(|&block| block != least);
        }
        kept
    }

    fn pattern(&self, blocks: &[BlockIx], pieces: &[Piece]) -> Pattern {
        let taken = || self.blocks.iter().filter(|row| blocks.contains(&row.block));
        let mut room = self.whole_room() - taken().map(Block::whole_load).sum::<f64>();
        let mut worth: f64 = taken().map(|row| row.worth).sum();
        let courses: BTreeSet<usize> = taken().flat_map(|row| row.courses.iter().copied()).collect();
        worth -= self.prep * count(courses.len().saturating_sub(1)) + self.activation;
        for piece in pieces {
            let part = if piece.load <= room { 1.0 } else { (room / piece.load).max(0.0) };
            worth += piece.worth * part;
            room -= piece.load * part;
        }
        Pattern { educator: self.educator, blocks: blocks.to_vec(), worth }
    }

    /// Minutes in the weeks looked at.
    pub fn whole_room(&self) -> f64 {
        self.room[0] + self.room[1]
    }

    /// The services worth their price, dearest first.
    fn pieces(&self, prices: &[f64], pieces: &mut Vec<Piece>) {
        pieces.clear();
        for (n, service) in self.services.iter().enumerate() {
            hull(&service.steps, prices[service.need], |worth, load, share| {
                pieces.push(Piece { worth, load, at: n, share });
            });
        }
        pieces.sort_unstable_by(Piece::dearest);
    }

    /// What the term is worth at most, at these prices, if it serves a need: a bound that looks at little.
    pub fn worth_with(&self, number: usize, prices: &[f64], free: f64, effort: Effort, scratch: &mut Scratch) -> f64 {
        if let Some(service) = self.services.iter().find(|s| s.need == number) {
            // Whatever else is done is worth no more than all that can be done.
            let most = service.steps.iter().map(|s| s.0 - prices[number]).fold(f64::NEG_INFINITY, f64::max);
            return if most >= 0.0 { free } else { free + most };
        }
        let at = self.blocks.iter().position(|b| b.need == number);
        at.map_or(f64::NEG_INFINITY, |at| self.branch(prices, Some(at), effort, scratch).most - self.activation)
    }
}

/// When in the UTC day a block's most frequent meeting ends.
fn time_of_day(grid: &Grid<'_>, block: BlockIx) -> i64 {
    let pieces = &grid.hold(grid.blocks[block].hold).pieces;
    pieces.iter().max_by_key(|piece| piece.days.iter().count()).map_or(0, |piece| piece.end)
}

/// Two runs of weeks, one in each half, in which the educator could be busiest.
fn busiest_weeks(
    grid: &Grid<'_>,
    educator: EducatorIx,
    takes: impl Iterator<Item = Need>,
) -> [std::ops::Range<u32>; 2] {
    let mut total: Vec<f64> = Vec::new();
    let mut add = |loads: &Loads, times: f64| {
        for &(week, minutes) in &loads.by_week {
            let week = week as usize;
            if total.len() <= week {
                total.resize(week + 1, 0.0);
            }
            total[week] += times * f64::from(minutes);
        }
    };
    for need in takes {
        match need {
            Need::Block(block) => add(grid.loads(grid.blocks[block].hold, educator), 1.0),
            Need::Service(service) => {
                let slots = &grid.services[service].slots;
                let step = slots.len().div_ceil(LOOKED_AT).max(1);
                for &slot in slots.iter().step_by(step) {
                    add(grid.loads(grid.slots[slot].hold, educator), count(step) / 4.0);
                }
            }
        }
    }
    let half = total.len() / 2;
    let best = |from: usize, to: usize| {
        let span = WEEKS.min(to - from).max(1);
        let sum = |at: &usize| total.iter().skip(*at).take(span).sum::<f64>();
        let at = (from..=to.saturating_sub(span).max(from)).max_by(|a, b| sum(a).total_cmp(&sum(b))).unwrap_or(from);
        u32::try_from(at).unwrap_or(0)..u32::try_from(at + span).unwrap_or(0)
    };
    if half >= WEEKS { [best(0, half), best(half, total.len())] } else { [best(0, total.len().max(1)), 0..0] }
}

/// Whether minutes together are within an educator's limits, every week and every day; `sums` is memory.
pub(super) fn bears<'l>(
    loads: impl Iterator<Item = &'l Loads> + Clone,
    person: &Educator,
    sums: &mut Vec<i64>,
) -> bool {
    let (week, day) = (person.max_minutes_per_week, person.max_minutes_per_day);
    (loads.clone().map(|l| l.week_peak).sum::<i64>() <= week || fits(loads.clone().map(|l| &*l.by_week), week, sums))
        && (loads.clone().map(|l| l.day_peak).sum::<i64>() <= day || fits(loads.map(|l| &*l.by_day), day, sums))
}

/// Whether no sum of the tables' minutes under one key is over `most`.
fn fits<'l>(tables: impl Iterator<Item = &'l [(u32, u32)]>, most: i64, sums: &mut Vec<i64>) -> bool {
    sums.clear();
    for table in tables {
        if let Some(last) = table.last().filter(|last| sums.len() <= last.0 as usize) {
            sums.resize(last.0 as usize + 1, 0);
        }
        table.iter().for_each(|&(key, minutes)| sums[key as usize] += i64::from(minutes));
    }
    sums.iter().all(|&sum| sum <= most)
}

#[expect(clippy::cast_precision_loss, reason = "validated problems stay far below 2^53")]
pub(super) fn float(n: i64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests;
