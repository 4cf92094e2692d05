//! Islands: the sections of a part, with the educators who could teach them, cut so that each has a programme of terms that
//! can be solved.
//!
//! The fewer the cuts the better the terms: from the exchange of the mathematics sections of us-l (2,803 for 642 educators),
//! dives into islands of 600 came to 2,297 M in 49 s, of 1,400 to 2,144 M in 76 s. To solve the programme of all and ask for
//! more terms takes four seconds, some forty times.

use std::collections::{BTreeMap, BTreeSet};

use super::book::Roster;
use super::ceiling::{Block, Ceiling};
use super::prices::Prices;
use super::rng::SplitMix;
use crate::engine::grid::{BlockIx, Grid, Need};

/// Educators, and the blocks that are shared out among them.
pub struct Island {
    /// Positions among the ceilings.
    pub people: Vec<usize>,
    pub blocks: Vec<BlockIx>,
}

/// Blocks from which on a part is cut into islands, and how many one has then, about.
pub const MANY: usize = 1_500;
const SOME: usize = 1_400;

/// The part's sections as one island. Many are cut: by the license area that an educator's sections are of in a roster, and
/// by lot; then everybody goes on with what they have, and what waits is dealt out. Who has a pinned section keeps what
/// they have.
pub fn islands(grid: &Grid<'_>, prices: &Prices, roster: &Roster, seed: u64) -> Vec<Island> {
    let pin = |row: &Block| grid.pin_of(Need::Block(row.block));
    let free = |ceiling: &Ceiling| ceiling.blocks.iter().all(|row| pin(row) != Some(ceiling.educator()));
    let people: Vec<usize> = (0..prices.ceilings.len())
        .filter(|&n| !prices.ceilings[n].blocks.is_empty() && free(&prices.ceilings[n]))
        .collect();
    let mut person_of = vec![None; grid.educators.len()];
    people.iter().for_each(|&n| person_of[prices.ceilings[n].educator()] = Some(n));
    // A block of somebody who is not asked is nobody else's.
    let holder = |block: BlockIx| roster.blocks[block].map(|educator| person_of[educator]);
    let mut blocks: BTreeMap<BlockIx, Option<usize>> = BTreeMap::new();
    for row in people.iter().flat_map(|&n| &prices.ceilings[n].blocks).filter(|row| pin(row).is_none()) {
        match holder(row.block) {
            None => drop(blocks.insert(row.block, None)),
            Some(Some(n)) => drop(blocks.insert(row.block, Some(n))),
            Some(None) => {}
        }
    }
    if blocks.len() < MANY {
        let all = Island { people, blocks: blocks.into_keys().collect() };
        return if all.blocks.is_empty() { Vec::new() } else { vec![all] };
    }
    let area = |block: BlockIx| &*grid.problem.courses[grid.blocks[block].courses[0]].areas[0];
    let mut held: Vec<Vec<BlockIx>> = vec![Vec::new(); prices.ceilings.len()];
    let mut waiting: BTreeMap<&str, Vec<BlockIx>> = BTreeMap::new();
    for (&block, &holder) in &blocks {
        match holder {
            Some(n) => held[n].push(block),
            None => waiting.entry(area(block)).or_default().push(block),
        }
    }
    let mut of_area: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &n in &people {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let count = |block: BlockIx| *counts.entry(area(block)).or_default() += 1;
        if held[n].is_empty() {
            prices.ceilings[n].blocks.iter().map(|row| row.block).for_each(count);
        } else {
            held[n].iter().copied().for_each(count);
        }
        let most = counts.into_iter().max_by_key(|&(_, count)| count);
        of_area.entry(most.map_or("", |(area, _)| area)).or_default().push(n);
    }
    let mut rng = SplitMix::new(seed);
    let mut islands = Vec::new();
    for (area, people) in of_area {
        let waiting = waiting.remove(area).unwrap_or_default();
        let size = waiting.len() + people.iter().map(|&n| held[n].len()).sum::<usize>();
        let pieces = size.div_ceil(SOME).max(1);
        let mut cut: Vec<Island> = (0..pieces).map(|_| Island { people: Vec::new(), blocks: Vec::new() }).collect();
        for n in people {
            let island = &mut cut[rng.below(pieces)];
            island.people.push(n);
            island.blocks.extend(&held[n]);
        }
        for block in waiting {
            cut[rng.below(pieces)].blocks.push(block);
        }
        for island in &mut cut {
            let could: BTreeSet<BlockIx> =
                island.people.iter().flat_map(|&n| prices.ceilings[n].blocks.iter().map(|row| row.block)).collect();
            island.blocks.retain(|block| could.contains(block));
            island.blocks.sort_unstable();
        }
        islands.extend(cut);
    }
    islands.retain(|island| !island.people.is_empty() && !island.blocks.is_empty());
    islands.sort_by_key(|island| std::cmp::Reverse(island.blocks.len()));
    islands
}
