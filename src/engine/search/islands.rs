//! Islands: sections and the educators who could teach them, cut so that each has a programme of terms that can be solved.
//!
//! The fewer the cuts the better the terms, and two halves by lot are much worse than the whole: a deal comes before the
//! cuts, and small islands only better what is there. To solve the programme of all the mathematics sections of us-l takes three
//! to nine seconds, some twenty times before the first term is given away.

use std::collections::{BTreeMap, BTreeSet};

use super::book::Roster;
use super::branch::count;
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
/// Blocks, and people, of an island around somebody, about.
const FEW: usize = 250;

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

/// The first license area that can teach a block's first course.
pub fn area<'p>(grid: &Grid<'p>, block: BlockIx) -> &'p str {
    &grid.problem.courses[grid.blocks[block].courses[0]].areas[0]
}

/// The blocks of an island by who has them in a roster, by position among the ceilings, and those that wait.
fn desks(grid: &Grid<'_>, prices: &Prices, roster: &Roster, island: &Island) -> (Vec<Vec<BlockIx>>, Vec<BlockIx>) {
    let mut person_of = vec![None; grid.educators.len()];
    island.people.iter().for_each(|&n| person_of[prices.ceilings[n].educator()] = Some(n));
    let (mut held, mut waiting) = (vec![Vec::new(); prices.ceilings.len()], Vec::new());
    for &block in &island.blocks {
        match roster.blocks[block].and_then(|educator| person_of[educator]) {
            Some(n) => held[n].push(block),
            None => waiting.push(block),
        }
    }
    (held, waiting)
}

/// Cuts an island that has many blocks: by the license area that an educator's sections are of in a roster, and by lot; then
/// everybody goes on with what they have, and what waits is dealt out.
pub fn cut(grid: &Grid<'_>, prices: &Prices, roster: &Roster, island: Island, seed: u64) -> Vec<Island> {
    if island.blocks.len() < MANY {
        return if island.blocks.is_empty() { Vec::new() } else { vec![island] };
    }
    let area = |block| area(grid, block);
    let (held, all_waiting) = desks(grid, prices, roster, &island);
    let mut waiting: BTreeMap<&str, Vec<BlockIx>> = BTreeMap::new();
    all_waiting.into_iter().for_each(|block| waiting.entry(area(block)).or_default().push(block));
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
        }
        islands.extend(cut);
    }
    in_order(islands)
}

/// Cuts an island into small ones of people who could teach the same blocks: those around somebody drawn by lot, then those
/// around another of the rest, and so on. Everybody goes on with what they have, and what waits goes where somebody could take it.
pub fn around(grid: &Grid<'_>, prices: &Prices, roster: &Roster, island: &Island, rng: &mut SplitMix) -> Vec<Island> {
    let could = |n: usize| prices.ceilings[n].blocks.iter().map(|row| row.block);
    let (held, waiting) = desks(grid, prices, roster, island);
    let mut takers: Vec<Vec<usize>> = vec![Vec::new(); grid.blocks.len()];
    for &n in &island.people {
        could(n).for_each(|block| takers[block].push(n));
    }
    let mut island_of = vec![None; prices.ceilings.len()];
    let mut islands: Vec<Island> = Vec::new();
    let mut left = island.people.clone();
    while let Some(&somebody) = rng.pick(&left) {
        let mut common = vec![0_u32; prices.ceilings.len()];
        could(somebody).flat_map(|block| &takers[block]).for_each(|&n| common[n] += 1);
        // Of two who could teach as much of theirs, whoever could teach less else is nearer.
        let near = |&n: &usize| f64::from(common[n]) / count(prices.ceilings[n].blocks.len()).sqrt();
        left.sort_by(|a, b| near(b).total_cmp(&near(a)));
        let mut island = Island { people: Vec::new(), blocks: Vec::new() };
        for &n in &left {
            if island.blocks.len() >= FEW || island.people.len() >= FEW {
                break;
            }
            island.people.push(n);
            island.blocks.extend(&held[n]);
            island_of[n] = Some(islands.len());
        }
        left.drain(..island.people.len());
        islands.push(island);
    }
    for block in waiting {
        if let Some(island) = rng.pick(&takers[block]).and_then(|&n| island_of[n]) {
            islands[island].blocks.push(block);
        }
    }
    in_order(islands)
}

/// The largest first, without those where there is nothing to do.
fn in_order(mut islands: Vec<Island>) -> Vec<Island> {
    islands.retain(|island| !island.people.is_empty() && !island.blocks.is_empty());
    islands.iter_mut().for_each(|island| island.blocks.sort_unstable());
    islands.sort_by_key(|island| std::cmp::Reverse(island.blocks.len()));
    islands
}

#[cfg(test)]
mod tests {
    use super::super::deal::tests::one_school;
    use super::super::{Context, Menu, split};
    use super::*;
    use crate::engine::Quiet;
    use crate::engine::outcome::Limits;
    use crate::engine::pairing::Pairing;

    #[test]
    fn around_somebody_are_those_of_the_same_area_each_in_one_island_with_what_they_have() {
        let problem = one_school(&[("math", 260, 30), ("art", 40, 300)]);
        let grid = Grid::new(&problem);
        let (pairing, limits) = (Pairing::new(&grid), Limits::default());
        let context = Context { grid: &grid, pairing: &pairing, limits: &limits, watch: &Quiet };
        let part = &split(&grid, &pairing)[0];
        let menu = Menu::new(&context, part);
        let prices = Prices::new(&grid, part, &menu, 1, 1);
        let mut roster = Roster::empty(&grid);
        let could = |n: usize| prices.ceilings[n].blocks.iter().map(|row| row.block).collect::<BTreeSet<_>>();
        // Everybody has one section.
        for n in 0..prices.ceilings.len() {
            let free = could(n).into_iter().find(|&block| roster.blocks[block].is_none());
            free.into_iter().for_each(|block| roster.blocks[block] = Some(prices.ceilings[n].educator()));
        }
        let whole = whole(&grid, &prices, &roster);
        let islands = around(&grid, &prices, &roster, &whole, &mut SplitMix::new(1));
        let mut people: Vec<usize> = islands.iter().flat_map(|island| island.people.clone()).collect();
        people.sort_unstable();
        people.dedup();
        assert_eq!(people.len(), islands.iter().map(|island| island.people.len()).sum::<usize>());
        let mut blocks: Vec<BlockIx> = islands.iter().flat_map(|island| island.blocks.clone()).collect();
        blocks.sort_unstable();
        assert_eq!(blocks, whole.blocks, "each once, whether somebody has it or it waits");
        for island in &islands {
            assert!(island.people.len() <= FEW, "{}", island.people.len());
            let theirs: BTreeSet<BlockIx> = island.people.iter().flat_map(|&n| could(n)).collect();
            assert!(island.blocks.iter().all(|block| theirs.contains(block)), "somebody could take it");
            let educators: BTreeSet<_> = island.people.iter().map(|&n| prices.ceilings[n].educator()).collect();
            assert!(island.blocks.iter().all(|&block| roster.blocks[block].is_none_or(|e| educators.contains(&e))));
        }
    }
}
