//! Parts: the problem split exactly along what no educator, student or `together` row connects, and the
//! search of one of them.

use std::collections::BTreeMap;

use petgraph::unionfind::UnionFind;

use crate::engine::grid::{EducatorIx, Grid, Need};
use crate::engine::pairing::Pairing;

/// Needs and educators that belong together.
pub struct Part {
    pub needs: Vec<Need>,
    pub educators: Vec<EducatorIx>,
    /// No roster of the part costs less than this, relative to serving nothing: each need at its cheapest.
    pub floor: i64,
    /// Columns of its programme, about.
    pub columns: usize,
}

/// The parts that have both a need and an educator, largest first.
pub fn split(grid: &Grid<'_>, pairing: &Pairing) -> Vec<Part> {
    let needs: Vec<Need> =
        (0..grid.blocks.len()).map(Need::Block).chain((0..grid.services.len()).map(Need::Service)).collect();
    let educators = grid.educators.len();
    let mut sets = UnionFind::<usize>::new(educators + needs.len());
    let (mut by_student, mut by_row): (BTreeMap<usize, usize>, BTreeMap<usize, usize>) =
        (BTreeMap::new(), BTreeMap::new());
    for (n, &need) in needs.iter().enumerate().filter(|(_, n)| !pairing.of(**n).is_empty()) {
        let node = educators + n;
        for &educator in pairing.of(need) {
            sets.union(node, educator);
        }
        if let Need::Service(service) = need {
            sets.union(node, *by_student.entry(grid.services[service].student).or_insert(node));
        }
        for &row in grid.together_of(need) {
            sets.union(node, *by_row.entry(row).or_insert(node));
        }
    }
    let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
    for (n, &need) in needs.iter().enumerate().filter(|(_, n)| !pairing.of(**n).is_empty()) {
        let new = || Part { needs: Vec::new(), educators: Vec::new(), floor: 0, columns: 0 };
        let part = parts.entry(sets.find(educators + n)).or_insert_with(new);
        let (floor, columns) = alone(grid, pairing, need);
        part.needs.push(need);
        part.floor += floor;
        part.columns += columns;
    }
    for educator in 0..educators {
        if let Some(part) = parts.get_mut(&sets.find(educator)) {
            part.educators.push(educator);
        }
    }
    let mut parts: Vec<Part> = parts.into_values().collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.columns));
    parts
}

/// The least that serving a need can change the cost by, with nothing else scheduled, and its columns.
fn alone(grid: &Grid<'_>, pairing: &Pairing, need: Need) -> (i64, usize) {
    let change = grid.problem.weights.change_cents * i64::try_from(grid.incumbents_of(need).len()).unwrap_or(0);
    match need {
        Need::Block(block) => {
            let row = &grid.blocks[block];
            let cost = |&e: &EducatorIx| {
                grid.educator(e).pay_cents_per_minute * grid.hold(row.hold).minutes
                    - (row.owed_cents - grid.block_away_cents(block, e))
            };
            let best = pairing.of(need).iter().map(cost).min().unwrap_or(0);
            ((best - change).min(0), pairing.of(need).len())
        }
        Need::Service(service) => {
            let row = &grid.services[service];
            (-row.weight * row.owed_minutes - change, pairing.of(need).len() * row.slots.len())
        }
    }
}
