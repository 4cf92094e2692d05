//! Branch and bound over one educator's sections, with services filling the room that is left in fractions.
//!
//! The bound takes of every clique of sections the best that is left, dearest first. With a plain knapsack for a
//! bound, which lets two sections of one hour stand side by side, twenty times the nodes come less far.

use super::ceiling::Ceiling;

/// How hard one educator's term is looked into; what is not looked at counts with its bound.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Branch-and-bound nodes.
    pub nodes: usize,
    /// A block is not decided on for less than this share of what is known.
    pub slack: f64,
}

impl Effort {
    /// Enough while prices are far off.
    pub const LITTLE: Self = Self { nodes: 200, slack: 0.002 };
    /// All that helps: with 400 nodes for everybody the bound at us-m's sections is 16 % off, with these 2 %.
    const MOST: Self = Self { nodes: 20_000, slack: 0.000_05 };

    pub fn more(self) -> Self {
        Self { nodes: (self.nodes * 2).min(Self::MOST.nodes), slack: (self.slack / 2.0).max(Self::MOST.slack) }
    }
}

/// Memory for one thread's `choose`.
#[derive(Default)]
pub struct Scratch {
    pub(super) pieces: Vec<Piece>,
    pub(super) sets: Vec<Vec<(f64, usize)>>,
}

/// Something that fills a room: a step of a service, or the best block left of a clique.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub worth: f64,
    pub load: f64,
    /// The service or the block.
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

pub(super) struct Branch<'c> {
    ceiling: &'c Ceiling,
    effort: Effort,
    /// Dearest first.
    services: &'c [Piece],
    /// Blocks of each clique with what they are worth now, most first.
    sets: &'c [Vec<(f64, usize)>],
    nodes: usize,
    /// By block: how often it is taken, conflicting or turned down.
    blocked: Vec<u32>,
    taken: Vec<usize>,
    courses: Vec<usize>,
    preps: usize,
    sections: i64,
    best: f64,
    best_blocks: Vec<usize>,
    /// The highest bound among what was left unexplored.
    open: f64,
    order: Vec<Piece>,
}

impl<'c> Branch<'c> {
    pub fn new(ceiling: &'c Ceiling, effort: Effort, services: &'c [Piece], sets: &'c [Vec<(f64, usize)>]) -> Self {
        Self {
            ceiling,
            effort,
            services,
            sets,
            nodes: 0,
            blocked: vec![0; ceiling.blocks.len()],
            taken: Vec::new(),
            courses: vec![0; ceiling.courses],
            preps: 0,
            sections: 0,
            best: f64::NEG_INFINITY,
            best_blocks: Vec::new(),
            open: f64::NEG_INFINITY,
            order: Vec::new(),
        }
    }

    /// The most that can be earned, never too low, and the blocks of the best found; with a block (and what it is
    /// worth) that is taken for certain, where one is given.
    pub fn solve(mut self, certain: Option<(usize, f64)>) -> (f64, Vec<usize>) {
        match certain {
            None => {
                self.best = 0.0;
                self.explore(0.0, self.ceiling.room);
            }
            Some((block, worth)) => self.take(0.0, self.ceiling.room, block, worth),
        }
        (self.best.max(self.open), self.best_blocks)
    }

    /// Explores what is still free, with `sum` cents earned and `room` minutes left.
    fn explore(&mut self, sum: f64, room: [f64; 2]) {
        let (more, first) = self.bound(room);
        let bound = sum + more;
        if bound <= self.best.max(self.open) + 1e-6 {
            return;
        }
        let Some(first) = first else {
            // No block is free that fits: services fill the rest, and the bound is the truth.
            self.best = bound;
            self.best_blocks.clone_from(&self.taken);
            return;
        };
        self.nodes += 1;
        if self.nodes > self.effort.nodes || bound <= self.best + self.effort.slack * self.best.abs() {
            self.open = self.open.max(bound);
            return;
        }
        self.take(sum, room, first.at, first.worth);
        self.blocked[first.at] += 1;
        self.explore(sum, room);
        self.blocked[first.at] -= 1;
    }

    /// Explores what is left with one block more.
    fn take(&mut self, sum: f64, room: [f64; 2], block: usize, worth: f64) {
        let row = &self.ceiling.blocks[block];
        let new = row.courses.iter().filter(|&&c| self.courses[c] == 0).count();
        let paid = new - usize::from(self.preps == 0).min(new);
        row.conflicts.iter().for_each(|&b| self.blocked[b] += 1);
        row.courses.iter().for_each(|&c| self.courses[c] += 1);
        self.taken.push(block);
        self.preps += new;
        self.sections += row.sections;
        self.explore(sum + worth - self.ceiling.prep * count(paid), [room[0] - row.load[0], room[1] - row.load[1]]);
        self.sections -= row.sections;
        self.preps -= new;
        self.taken.pop();
        row.courses.iter().for_each(|&c| self.courses[c] -= 1);
        row.conflicts.iter().for_each(|&b| self.blocked[b] -= 1);
    }

    /// Whether a block can still be taken.
    fn is_free(&self, block: usize, room: [f64; 2]) -> bool {
        let row = &self.ceiling.blocks[block];
        self.blocked[block] == 0
            && row.load[0] <= room[0]
            && row.load[1] <= room[1]
            && self.sections + row.sections <= self.ceiling.max_sections
            && self.preps + row.courses.iter().filter(|&&c| self.courses[c] == 0).count() <= self.ceiling.max_preps
    }

    /// A bound on what is still free, and the block to decide on next: of every clique the best block left, in
    /// fractions, dearest first, with the services between them.
    fn bound(&mut self, room: [f64; 2]) -> (f64, Option<Piece>) {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        for set in self.sets {
            let mut free = set.iter().filter(|(_, b)| self.is_free(*b, room));
            if let Some(&(worth, at)) = free.next() {
                let load = free
                    .fold(self.ceiling.blocks[at].whole_load(), |l, f| l.min(self.ceiling.blocks[f.1].whole_load()));
                order.push(Piece { worth, load, at, share: 1.0 });
            }
        }
        order.sort_unstable_by(Piece::dearest);
        let (mut left, mut sum) = (room[0] + room[1], 0.0);
        let (mut blocks, mut services) = (order.iter().peekable(), self.services.iter().peekable());
        while left > 0.0 {
            let block_first = match (blocks.peek(), services.peek()) {
                (Some(block), Some(service)) => block.dearest(service) != std::cmp::Ordering::Greater,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let Some(piece) = (if block_first { blocks.next() } else { services.next() }) else { break };
            let part = if piece.load <= left { 1.0 } else { left / piece.load };
            sum += piece.worth * part;
            left -= piece.load * part;
        }
        let first = order.first().copied();
        self.order = order;
        (sum, first)
    }
}

pub(super) fn count(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::INFINITY, f64::from)
}
