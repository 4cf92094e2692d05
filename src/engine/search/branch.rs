//! Branch and bound over one educator's sections, bounded by the chain sweep.
//!
//! A chain that obeys every rule is the best term there is. Where it does not (sections further apart clash, a week or a
//! day is overfull, too many preps), its dearest doubtful section is taken for certain, and then never. Minutes are counted
//! in every week and on every day: with that and the prices of the dive the bound on the sections of us-m went from 2,716 M
//! to 2,731 M.

use super::ceiling::Ceiling;
use super::chain::Chain;
use crate::engine::holds::timeline::Loads;

/// How hard one educator's term is looked into; what is not looked at counts with its bound.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Branch-and-bound nodes.
    pub nodes: usize,
    /// A node is not gone into for less than this share of what is known.
    pub slack: f64,
    /// Into how many units the minutes of the weeks are cut.
    pub units: usize,
}

impl Effort {
    /// What a population can afford: `pairs` is the number of pairs of blocks of one educator, over all educators. At
    /// us-m's sections 1 node gives a bound of 2,390 M, 10 nodes 2,638 M, 50 nodes 2,739 M, 300 nodes 2,750 M.
    pub fn for_pairs(pairs: usize) -> Self {
        Self { nodes: (400_000_000 / pairs.max(1)).clamp(6, MOST), slack: 0.000_3, units: 64 }
    }

    /// The effort for prices that are `share` of their way to the last: while they are far off, little will do.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "6 to 300"
    )]
    pub fn after(self, share: f64) -> Self {
        let late = ((share - EARLY) / (1.0 - EARLY)).clamp(0.0, 1.0);
        Self { nodes: (self.nodes as f64 * (MOST as f64 / self.nodes as f64).powf(late)) as usize, ..self }
    }
}

/// Nodes with which nearly every term is solved.
const MOST: usize = 300;
/// Share of the way that prices go at the least effort.
const EARLY: f64 = 0.5;

/// Memory for one thread's `choose`.
#[derive(Default)]
pub struct Scratch {
    pub(super) pieces: Vec<Piece>,
    /// By block: cents at the present prices.
    pub(super) worths: Vec<f64>,
    pub(super) chain: Chain,
}

/// A step of a service, which fills a room.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub worth: f64,
    pub load: f64,
    /// The service.
    pub at: usize,
    /// Of the service, the share that the piece serves.
    pub share: f64,
}

impl Piece {
    /// Most worth a minute first.
    pub fn dearest(&self, other: &Self) -> std::cmp::Ordering {
        let rate = |piece: &Self| piece.worth / piece.load.max(1e-9);
        rate(other).total_cmp(&rate(self))
    }
}

/// What an educator's sections come to.
pub(super) struct Answer {
    /// Never below what any choice is worth.
    pub most: f64,
    /// The choice that promises the most; it may break a rule where the search was cut short.
    pub blocks: Vec<usize>,
    /// The best choice known to obey the rules that concern sections.
    pub sound: Vec<usize>,
}

/// Minutes taken in every week and on every day.
#[derive(Clone, Default)]
struct Sums {
    weeks: Vec<u32>,
    days: Vec<u32>,
    /// The most in any week and on any day.
    tops: [i64; 2],
}

impl Sums {
    fn add(&mut self, loads: &Loads) {
        let add = |sums: &mut Vec<u32>, table: &[(u32, u32)]| {
            if let Some(last) = table.last().filter(|last| sums.len() <= last.0 as usize) {
                sums.resize(last.0 as usize + 1, 0);
            }
            table.iter().for_each(|&(key, minutes)| sums[key as usize] += minutes);
            i64::from(sums.iter().copied().max().unwrap_or(0))
        };
        self.tops = [add(&mut self.weeks, &loads.by_week), add(&mut self.days, &loads.by_day)];
    }

    /// Whether there is room for more within the limits of a week and of a day.
    fn bear(&self, loads: &Loads, [week, day]: [i64; 2]) -> bool {
        let fit = |sums: &[u32], table: &[(u32, u32)], most: i64| {
            table.iter().all(|&(key, minutes)| {
                i64::from(sums.get(key as usize).copied().unwrap_or(0)) + i64::from(minutes) <= most
            })
        };
        (self.tops[0] + loads.week_peak <= week || fit(&self.weeks, &loads.by_week, week))
            && (self.tops[1] + loads.day_peak <= day || fit(&self.days, &loads.by_day, day))
    }
}

pub(super) struct Branch<'c> {
    ceiling: &'c Ceiling,
    effort: Effort,
    scratch: &'c mut Scratch,
    nodes: usize,
    /// By block: how often it is taken, clashing or turned down.
    blocked: Vec<u32>,
    taken: Vec<usize>,
    courses: Vec<usize>,
    preps: usize,
    sections: i64,
    sums: Sums,
    best: f64,
    best_blocks: Vec<usize>,
    /// The highest bound among what was left unexplored.
    open: f64,
    open_blocks: Vec<usize>,
}

impl<'c> Branch<'c> {
    pub fn new(ceiling: &'c Ceiling, effort: Effort, scratch: &'c mut Scratch) -> Self {
        Self {
            ceiling,
            effort,
            scratch,
            nodes: 0,
            blocked: vec![0; ceiling.blocks.len()],
            taken: Vec::new(),
            courses: vec![0; ceiling.courses],
            preps: 0,
            sections: 0,
            sums: Sums::default(),
            best: f64::NEG_INFINITY,
            best_blocks: Vec::new(),
            open: f64::NEG_INFINITY,
            open_blocks: Vec::new(),
        }
    }

    /// The most that can be earned, with a block that is taken for certain where one is given.
    pub fn solve(mut self, certain: Option<usize>) -> Answer {
        match certain {
            None => self.explore(0.0, self.ceiling.room),
            Some(block) => self.take(0.0, self.ceiling.room, block),
        }
        if self.open > self.best {
            Answer { most: self.open, blocks: self.open_blocks, sound: self.best_blocks }
        } else {
            Answer { most: self.best, blocks: self.best_blocks.clone(), sound: self.best_blocks }
        }
    }

    /// Explores what is still free, with `sum` cents earned and `room` minutes left.
    fn explore(&mut self, sum: f64, room: [f64; 2]) {
        let bound = sum + self.sweep(room);
        if bound <= self.best.max(self.open) + 1e-6 {
            return;
        }
        let row = self.scratch.chain.row.clone();
        let (kept, doubtful) = self.sort_out(&row, room);
        let worth = sum + self.worth_of(&kept, room);
        if worth > self.best {
            self.best = worth;
            self.best_blocks = [self.taken.as_slice(), &kept].concat();
        }
        self.nodes += 1;
        let near = bound <= self.best + self.effort.slack * self.best.abs();
        let Some(first) = doubtful.filter(|_| self.nodes < self.effort.nodes && !near) else {
            self.open = bound;
            self.open_blocks = [self.taken.as_slice(), &row].concat();
            return;
        };
        self.take(sum, room, first);
        self.blocked[first] += 1;
        self.explore(sum, room);
        self.blocked[first] -= 1;
    }

    /// Explores what is left with one block more.
    fn take(&mut self, sum: f64, room: [f64; 2], block: usize) {
        let ceiling = self.ceiling;
        let row = &ceiling.blocks[block];
        let new = self.new_courses(block);
        let paid = new - usize::from(self.preps == 0).min(new);
        self.blocked[block] += 1;
        ceiling.clashes.of(block).for_each(|b| self.blocked[b] += 1);
        row.courses.iter().for_each(|&c| self.courses[c] += 1);
        self.taken.push(block);
        self.preps += new;
        self.sections += row.sections;
        let sums = self.sums.clone();
        self.sums.add(&row.loads);
        let worth = self.scratch.worths[block] - ceiling.prep * count(paid);
        self.explore(sum + worth, [room[0] - row.load[0], room[1] - row.load[1]]);
        self.sums = sums;
        self.sections -= row.sections;
        self.preps -= new;
        self.taken.pop();
        row.courses.iter().for_each(|&c| self.courses[c] -= 1);
        ceiling.clashes.of(block).for_each(|b| self.blocked[b] -= 1);
        self.blocked[block] -= 1;
    }

    /// Whether a block can still be taken.
    fn is_free(&self, block: usize, room: [f64; 2]) -> bool {
        let row = &self.ceiling.blocks[block];
        self.blocked[block] == 0
            && row.load[0] <= room[0]
            && row.load[1] <= room[1]
            && self.sections + row.sections <= self.ceiling.max_sections
            && self.preps + self.new_courses(block) <= self.ceiling.max_preps
            && self.sums.bear(&row.loads, self.ceiling.limits)
    }

    fn new_courses(&self, block: usize) -> usize {
        self.ceiling.blocks[block].courses.iter().filter(|&&c| self.courses[c] == 0).count()
    }

    /// The bound on what is still free.
    fn sweep(&mut self, room: [f64; 2]) -> f64 {
        let units = self.effort.units;
        let left = room[0] + room[1];
        let mut chain = std::mem::take(&mut self.scratch.chain);
        let unit = chain.begin(units, left, &self.scratch.pieces);
        for (block, row) in self.ceiling.blocks.iter().enumerate() {
            // The first prep is free, whichever it is: it is given back at the end.
            let worth = self.scratch.worths[block] - self.ceiling.prep * self.least_preps(block);
            if self.scratch.worths[block] > 0.0 && self.is_free(block, room) {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the units")]
                let taken = if unit > 0.0 { (row.whole_load() / unit) as usize } else { 0 };
                chain.push(block, worth, taken.min(units));
            }
        }
        let most = chain.sweep(&self.ceiling.clashes, if self.preps == 0 { self.ceiling.prep } else { 0.0 });
        self.scratch.chain = chain;
        most
    }

    /// The share of new preps that a block brings at least.
    fn least_preps(&self, block: usize) -> f64 {
        let row = &self.ceiling.blocks[block];
        if row.courses.iter().all(|&c| self.courses[c] == 0) { row.preps } else { 0.0 }
    }

    /// Of a chain, what obeys the rules together, dearest first; and the dearest that there is a doubt about.
    fn sort_out(&self, row: &[usize], mut room: [f64; 2]) -> (Vec<usize>, Option<usize>) {
        let mut order = row.to_vec();
        order.sort_by(|&a, &b| self.scratch.worths[b].total_cmp(&self.scratch.worths[a]));
        let (mut kept, mut doubtful): (Vec<usize>, Option<usize>) = (Vec::new(), None);
        let (mut sections, mut courses) = (self.sections, Vec::new());
        let mut sums = self.sums.clone();
        let mut doubt = |block: usize| doubtful = doubtful.or(Some(block));
        for &block in &order {
            let one = &self.ceiling.blocks[block];
            let clash = kept.iter().copied().find(|&k| self.ceiling.clashes.between(k, block));
            let new: Vec<usize> =
                one.courses.iter().copied().filter(|c| self.courses[*c] == 0 && !courses.contains(c)).collect();
            let full = one.load[0] > room[0]
                || one.load[1] > room[1]
                || sections + one.sections > self.ceiling.max_sections
                || self.preps + courses.len() + new.len() > self.ceiling.max_preps
                || !sums.bear(&one.loads, self.ceiling.limits);
            if let Some(clash) = clash {
                doubt(clash);
            } else if full {
                doubt(order[0]);
            } else {
                if self.ceiling.prep > 0.0 && !new.is_empty() && self.preps + courses.len() > 0 {
                    // The chain does not pay for one more prep.
                    doubt(order[0]);
                }
                kept.push(block);
                sums.add(&one.loads);
                sections += one.sections;
                courses.extend(new);
                room = [room[0] - one.load[0], room[1] - one.load[1]];
            }
        }
        (kept, doubtful)
    }

    /// What sections and the services beside them are worth.
    fn worth_of(&self, blocks: &[usize], room: [f64; 2]) -> f64 {
        let (mut left, mut sum) = (room[0] + room[1], 0.0);
        let mut courses: Vec<usize> = Vec::new();
        for &block in blocks {
            let row = &self.ceiling.blocks[block];
            left -= row.whole_load();
            sum += self.scratch.worths[block];
            courses.extend(row.courses.iter().copied().filter(|&c| self.courses[c] == 0));
        }
        courses.sort_unstable();
        courses.dedup();
        let free = usize::from(self.preps == 0).min(courses.len());
        sum -= self.ceiling.prep * count(courses.len() - free);
        for piece in &self.scratch.pieces {
            if left <= 0.0 {
                break;
            }
            let part = if piece.load <= left { 1.0 } else { left / piece.load };
            sum += piece.worth * part;
            left -= piece.load * part;
        }
        sum
    }
}

pub(super) fn count(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::INFINITY, f64::from)
}
