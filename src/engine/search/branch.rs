//! Branch and bound over one educator's sections, bounded by the chain sweep.
//!
//! A chain that obeys every rule is the best term there is. Where it does not (sections further apart clash, a week or a
//! day is overfull, too many preps), all chains worth more than the best known are walked, for a few hundred steps. If that
//! does not come to its end, one of the chain's sections is taken for certain, and then never; what promises most is gone
//! into first. Minutes are counted in every week and on every day: with that and the prices of the dive the bound on the
//! sections of us-m went from 2,716 M to 2,731 M.
//!
//! Measured on the Spanish sections of us-l, whose early-release days make sections clash that lie far apart in the day, at
//! the prices of the dive: by 300 nodes, depth first promised 15 % more than there is to be earned, best first 5 %, and 3 %
//! where the section is the one whose loss is felt most. Fines on sets of which a chain has two (Lagrangian again) came to
//! no less, nor did branching on two sets of which one must stay empty.

mod walk;

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::ceiling::Ceiling;
use super::chain::Chain;
use super::tight::Sums;
use walk::Partial;

/// How hard one educator's term is looked into; what is not looked at counts with its bound.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Branch-and-bound nodes, one sweep each.
    pub nodes: usize,
    /// Steps of the walk of a node.
    pub steps: usize,
    /// A node is not gone into for less than this share of what is known.
    pub slack: f64,
}

impl Effort {
    /// What a population can afford: `pairs` is the number of pairs of blocks of one educator, over all educators. At the
    /// first prices of us-l, all terms come to 26.4 G by 1 node, 22.9 G by 10, 22.1 G by 100 and 22.0 G by 10,000, in 0.1,
    /// 0.5, 2.0 and 3.2 s, if no node is walked.
    pub fn for_pairs(pairs: usize) -> Self {
        Self { nodes: (400_000_000 / pairs.max(1)).clamp(6, MOST), steps: STEPS, slack: 0.000_3 }
    }

    /// The effort for prices that are `share` of their way to the last: while they are far off, little will do.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "6 to 300"
    )]
    pub fn after(self, share: f64) -> Self {
        let late = ((share - EARLY) / (LATE - EARLY)).clamp(0.0, 1.0);
        Self { nodes: (self.nodes as f64 * (MOST as f64 / self.nodes as f64).powf(late)) as usize, ..self }
    }
}

/// Nodes with which nearly every term is solved at the first prices.
const MOST: usize = 300;
/// With so many steps a walk takes about as long as the sweep before it.
const STEPS: usize = 300;
/// Nodes into one term, times pairs of its blocks: about as many nanoseconds.
const LONGEST: usize = 2_000_000_000;
/// Share of the way that prices go at the least effort, and from which on they go at the most: the prices of terms that are not
/// solved are wrong, and once prices hardly move they stay so. Measured at us-l, after 150 s: 19,962 M and 19,985 M where effort
/// rose from half of the way to its end and prices moved less in the end, 20,416 M and 20,425 M like this.
const EARLY: f64 = 0.2;
const LATE: f64 = 0.5;

/// Memory for one thread's `choose`.
#[derive(Default)]
pub struct Scratch {
    pub(super) pieces: Vec<Piece>,
    /// By block: cents at the present prices.
    pub(super) worths: Vec<f64>,
    pub(super) chain: Chain,
    /// By number of sections taken on a walk.
    stack: Vec<Partial>,
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
    pub fn dearest(&self, other: &Self) -> Ordering {
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

/// A node of the tree: one more block is taken, or turned down.
struct Node {
    /// The root is its own.
    parent: usize,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    None,
    With(usize),
    Without(usize),
}

/// A node whose children are not made yet.
struct Open {
    bound: f64,
    node: usize,
    /// The block that they differ in; none where there is no doubt about any.
    first: Option<usize>,
    /// What is taken, and the chain found there.
    blocks: Vec<usize>,
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Open {}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound.total_cmp(&other.bound).then(self.node.cmp(&other.node))
    }
}

pub(super) struct Branch<'c> {
    ceiling: &'c Ceiling,
    effort: Effort,
    scratch: &'c mut Scratch,
    nodes: Vec<Node>,
    open: BinaryHeap<Open>,
    /// As it is at the node in hand. By block: how often it is taken, clashing or turned down.
    blocked: Vec<u32>,
    taken: Vec<usize>,
    courses: Vec<usize>,
    preps: usize,
    sections: i64,
    sums: Sums,
    /// Cents earned by what is taken, and minutes left.
    sum: f64,
    room: [f64; 2],
    best: f64,
    best_blocks: Vec<usize>,
}

impl<'c> Branch<'c> {
    pub fn new(ceiling: &'c Ceiling, mut effort: Effort, scratch: &'c mut Scratch) -> Self {
        effort.nodes = effort.nodes.min(LONGEST / ceiling.blocks.len().pow(2).max(1));
        Self {
            ceiling,
            effort,
            scratch,
            nodes: Vec::new(),
            open: BinaryHeap::new(),
            blocked: vec![0; ceiling.blocks.len()],
            taken: Vec::new(),
            courses: vec![0; ceiling.courses],
            preps: 0,
            sections: 0,
            sums: ceiling.tight.nothing(),
            sum: 0.0,
            room: ceiling.room,
            best: f64::NEG_INFINITY,
            best_blocks: Vec::new(),
        }
    }

    /// The most that can be earned, with a block that is taken for certain where one is given.
    pub fn solve(mut self, certain: Option<usize>) -> Answer {
        self.nodes.push(Node { parent: 0, step: certain.map_or(Step::None, Step::With) });
        self.enter(0);
        self.look(0, f64::INFINITY);
        while let Some(open) = self.open.pop() {
            let near = open.bound <= self.best + self.effort.slack * self.best.abs();
            let Some(first) = open.first.filter(|_| self.nodes.len() < self.effort.nodes && !near) else {
                // Nothing else that is left promises more.
                return self.answer(Some(open));
            };
            self.enter(open.node);
            self.blocked[first] += 1;
            self.child(&open, Step::Without(first));
            self.blocked[first] -= 1;
            self.take(first);
            self.child(&open, Step::With(first));
        }
        self.answer(None)
    }

    fn answer(self, open: Option<Open>) -> Answer {
        match open.filter(|open| open.bound > self.best) {
            Some(Open { bound, blocks, .. }) => Answer { most: bound, blocks, sound: self.best_blocks },
            None => Answer { most: self.best, blocks: self.best_blocks.clone(), sound: self.best_blocks },
        }
    }

    fn child(&mut self, open: &Open, step: Step) {
        self.nodes.push(Node { parent: open.node, step });
        self.look(self.nodes.len() - 1, open.bound);
    }

    /// Makes everything as it is at a node.
    fn enter(&mut self, node: usize) {
        self.blocked.fill(0);
        self.courses.fill(0);
        self.taken.clear();
        self.sums.fill(0);
        (self.preps, self.sections, self.sum, self.room) = (0, 0, 0.0, self.ceiling.room);
        let mut at = node;
        loop {
            let Node { parent, step } = self.nodes[at];
            match step {
                Step::None => {}
                Step::With(block) => self.take(block),
                Step::Without(block) => self.blocked[block] += 1,
            }
            if parent == at {
                break;
            }
            at = parent;
        }
    }

    /// Bounds what is still free, by no more than `most` with what is taken, and leaves the node open if that promises
    /// anything and a walk does not come to its end.
    fn look(&mut self, node: usize, most: f64) {
        let bound = most.min(self.sum + self.sweep());
        if bound <= self.best + 1e-6 {
            return;
        }
        let row = self.scratch.chain.row.clone();
        let (kept, full) = self.sort_out(&row);
        self.know(&kept);
        let first = self.torn(&row).or(full);
        if first.is_some() && self.walk() {
            return;
        }
        let blocks = [self.taken.as_slice(), &row].concat();
        self.open.push(Open { bound, node, first, blocks });
    }

    /// Knows what is taken with some blocks more, which obey the rules, if it is the best.
    fn know(&mut self, more: &[usize]) {
        let worth = self.sum + self.worth_of(more);
        if worth > self.best {
            self.best = worth;
            self.best_blocks = [self.taken.as_slice(), more].concat();
        }
    }

    /// Of a chain, the block that clashes in it and whose loss is felt most, whether it goes or what it clashes with.
    fn torn(&self, row: &[usize]) -> Option<usize> {
        let worth = |b: usize| self.scratch.worths[b];
        let against = |b: usize| {
            let clash = |c: &&usize| **c != b && self.ceiling.clashes.between(b, **c);
            row.iter().filter(clash).map(|&c| worth(c)).sum::<f64>()
        };
        let of = row.iter().map(|&b| (b, worth(b) * against(b))).filter(|of| of.1 > 0.0);
        of.max_by(|a, b| a.1.total_cmp(&b.1)).map(|of| of.0)
    }

    /// Takes one block more.
    fn take(&mut self, block: usize) {
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
        ceiling.tight.add(&mut self.sums, block);
        self.sum += self.scratch.worths[block] - ceiling.prep * count(paid);
        self.room = [self.room[0] - row.load[0], self.room[1] - row.load[1]];
    }

    /// Whether a block can still be taken.
    fn is_free(&self, block: usize) -> bool {
        let row = &self.ceiling.blocks[block];
        self.blocked[block] == 0
            && row.load[0] <= self.room[0]
            && row.load[1] <= self.room[1]
            && self.sections + row.sections <= self.ceiling.max_sections
            && self.preps + self.new_courses(block) <= self.ceiling.max_preps
            && self.ceiling.tight.bears(&self.sums, block)
    }

    fn new_courses(&self, block: usize) -> usize {
        self.ceiling.blocks[block].courses.iter().filter(|&&c| self.courses[c] == 0).count()
    }

    /// The bound on what is still free.
    fn sweep(&mut self) -> f64 {
        let left = self.room[0] + self.room[1];
        let mut chain = std::mem::take(&mut self.scratch.chain);
        let unit = self.ceiling.unit;
        chain.begin(left, unit, &self.scratch.pieces);
        for (block, row) in self.ceiling.blocks.iter().enumerate() {
            // The first prep is free, whichever it is: it is given back as a gift.
            let worth = self.scratch.worths[block] - self.ceiling.prep * self.least_preps(block);
            if self.scratch.worths[block] > 0.0 && self.is_free(block) {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the units")]
                chain.push(block, worth, (row.whole_load() / unit) as usize);
            }
        }
        let most = chain.sweep(&self.ceiling.clashes, self.gift());
        self.scratch.chain = chain;
        most
    }

    /// What a chain is given back: the first prep, where nothing that is taken has had it.
    fn gift(&self) -> f64 {
        if self.preps == 0 { self.ceiling.prep } else { 0.0 }
    }

    /// The share of new preps that a block brings at least.
    fn least_preps(&self, block: usize) -> f64 {
        let row = &self.ceiling.blocks[block];
        if row.courses.iter().all(|&c| self.courses[c] == 0) { row.preps } else { 0.0 }
    }

    /// Of a chain, what obeys the rules together, dearest first; and the dearest block if anything is too much beside others,
    /// or brings a prep.
    fn sort_out(&self, row: &[usize]) -> (Vec<usize>, Option<usize>) {
        let mut order = row.to_vec();
        order.sort_by(|&a, &b| self.scratch.worths[b].total_cmp(&self.scratch.worths[a]));
        let (mut kept, mut too_much) = (Vec::new(), false);
        let (mut sections, mut courses, mut room) = (self.sections, Vec::new(), self.room);
        let mut sums = self.sums.clone();
        for &block in &order {
            let one = &self.ceiling.blocks[block];
            if kept.iter().any(|&k| self.ceiling.clashes.between(k, block)) {
                continue;
            }
            let new: Vec<usize> =
                one.courses.iter().copied().filter(|c| self.courses[*c] == 0 && !courses.contains(c)).collect();
            let fits = one.load[0] <= room[0]
                && one.load[1] <= room[1]
                && sections + one.sections <= self.ceiling.max_sections
                && self.preps + courses.len() + new.len() <= self.ceiling.max_preps
                && self.ceiling.tight.bears(&sums, block);
            // The chain pays for no more than a share of a new prep.
            too_much |= !fits || self.ceiling.prep > 0.0 && !new.is_empty();
            if fits {
                kept.push(block);
                self.ceiling.tight.add(&mut sums, block);
                sections += one.sections;
                courses.extend(new);
                room = [room[0] - one.load[0], room[1] - one.load[1]];
            }
        }
        (kept, order.first().copied().filter(|_| too_much))
    }

    /// What sections and the services beside them are worth.
    fn worth_of(&self, blocks: &[usize]) -> f64 {
        let (mut left, mut sum) = (self.room[0] + self.room[1], 0.0);
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
