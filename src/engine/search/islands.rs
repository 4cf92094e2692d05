//! Islands: sections and the educators who could teach them, cut so that each has a programme of terms that can be solved.
//!
//! The fewer the cuts the better the terms, and two halves by lot are much worse than the whole: a deal comes before the
//! cuts. To solve the programme of all the mathematics sections of us-l takes three to nine seconds, some twenty times before the
//! first term is given away.

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

/// The part's sections and those who could teach them. Who has a pinned section keeps what they have in a roster.
pub fn whole(grid: &Grid<'_>, prices: &Prices, roster: &Roster) -> Island {
    let pin = |row: &Block| grid.pin_of(Need::Block(row.block));
    let free = |ceiling: &Ceiling| ceiling.blocks.iter().all(|row| pin(row) != Some(ceiling.educator()));
    let people: Vec<usize> = (0..prices.ceilings.len())
        .filter(|&n| !prices.ceilings[n].blocks.is_empty() && free(&prices.ceilings[n]))
        .collect();
    let mut is_asked = vec![false; grid.educators.len()];
    people.iter().for_each(|&n| is_asked[prices.ceilings[n].educator()] = true);
    // A block of somebody who is not asked is nobody else's.
    let is_free = |block: BlockIx| roster.blocks[block].is_none_or(|educator| is_asked[educator]);
    let rows = people.iter().flat_map(|&n| &prices.ceilings[n].blocks).filter(|row| pin(row).is_none());
    let blocks: BTreeSet<BlockIx> = rows.map(|row| row.block).filter(|&block| is_free(block)).collect();
    Island { people, blocks: blocks.into_iter().collect() }
}

/// Cuts an island that has many blocks: by the license area that an educator's sections are of in a roster, and by lot; then
/// everybody goes on with what they have, and what waits is dealt out.
pub fn cut(grid: &Grid<'_>, prices: &Prices, roster: &Roster, island: Island, seed: u64) -> Vec<Island> {
    if island.blocks.len() < MANY {
        return if island.blocks.is_empty() { Vec::new() } else { vec![island] };
    }
    let mut person_of = vec![None; grid.educators.len()];
    island.people.iter().for_each(|&n| person_of[prices.ceilings[n].educator()] = Some(n));
    let area = |block: BlockIx| &*grid.problem.courses[grid.blocks[block].courses[0]].areas[0];
    let mut held: Vec<Vec<BlockIx>> = vec![Vec::new(); prices.ceilings.len()];
    let mut waiting: BTreeMap<&str, Vec<BlockIx>> = BTreeMap::new();
    for &block in &island.blocks {
        match roster.blocks[block].and_then(|educator| person_of[educator]) {
            Some(n) => held[n].push(block),
            None => waiting.entry(area(block)).or_default().push(block),
        }
    }
    let mut of_area: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &n in &island.people {
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
