//! Parts: the problem split exactly along what no educator, student or `together` row connects, and the
//! search of one of them.

use std::collections::BTreeMap;

use petgraph::unionfind::UnionFind;

use super::board::{Board, Source};
use super::book::{Book, Roster};
use super::{Context, Defect, construct, neighborhood, thinning};
use crate::engine::decode::{decode, encode};
use crate::engine::grid::{EducatorIx, Grid, Need};
use crate::engine::model::{self, Column, Scope};
use crate::engine::pairing::Pairing;
use crate::engine::solve::{SolveLimits, solve};

/// Programmes up to this many columns are handed to HiGHS whole. us-s has 34,554 and is proven; at
/// us-m (1.7 million) the root LP alone does not end in half an hour.
const EXACT_COLUMNS: usize = 120_000;

/// Below this, HiGHS proves the whole part before a neighborhood has been looked at.
const SMALL_COLUMNS: usize = 3_000;

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

/// Searches one part until it is proven or a limit ends it.
pub fn search(
    context: &Context<'_, '_, '_>,
    board: &Board<'_, '_, '_, '_>,
    n: usize,
    part: &Part,
    start: Option<&Roster>,
) -> Result<(), Defect> {
    let grid = context.grid;
    let mut best = construct::build(context, part, start);
    let pinned = part.needs.iter().any(|&need| grid.pin_of(need).is_some());
    let keeps_pins = |book: &Book<'_, '_>| {
        part.needs.iter().all(|&n| grid.pin_of(n).is_none_or(|pin| book.roster.educator(n) == Some(pin)))
    };
    if keeps_pins(&best) {
        board.offer(n, &best);
    }
    if !context.stopped() && !pinned && thinning::applies(grid, part) {
        thinning::thin(context, part, &mut best, |book| board.offer(n, book))?;
    } else if part.columns > SMALL_COLUMNS && !context.stopped() && keeps_pins(&best) {
        let whole = part.columns <= EXACT_COLUMNS;
        neighborhood::improve(context, part, &mut best, whole, |book| board.offer(n, book))?;
    }
    if (part.columns > EXACT_COLUMNS && !pinned) || context.stopped() {
        return Ok(());
    }
    prove(context, board, n, part, &best)
}

/// Hands the whole part to HiGHS, from the best roster so far.
fn prove(
    context: &Context<'_, '_, '_>,
    board: &Board<'_, '_, '_, '_>,
    n: usize,
    part: &Part,
    best: &Book<'_, '_>,
) -> Result<(), Defect> {
    let base = Book::new(context.grid);
    let mut educators = vec![false; context.grid.educators.len()];
    part.educators.iter().for_each(|&e| educators[e] = true);
    let scope = Scope { book: &base, pairing: context.pairing, educators, needs: part.needs.clone(), active: false };
    let program = model::build(&scope);
    let limits = SolveLimits {
        seconds: context.watch.seconds_left(),
        nodes: context.limits.nodes,
        gap_cents: board.gap_cents(n),
        seed: context.limits.seed,
    };
    let from = encode(&program, &base, best);
    let solved = solve(&program, limits, Some(&from))?;
    if solved.infeasible {
        let pins = part.needs.iter().filter(|&&need| context.grid.pin_of(need).is_some());
        board.refuse_pins(n, pins.map(|&need| crate::engine::answer::id(context.grid, need)).collect());
        return Ok(());
    }
    if let Some(values) = &solved.values {
        let mut book = base.clone();
        decode(&program, values, &mut book)?;
        check_cost(&program, values, &base, &book)?;
        board.offer(n, &book);
    }
    if solved.bound.is_finite() {
        // Costs are integers, so a bound of 3.2 is a bound of 4; half a cent forgives the solver's floats.
        #[expect(clippy::cast_possible_truncation, reason = "costs stay far below 2^53")]
        board.raise(n, (solved.bound - 0.5).ceil() as i64, Source::Mip);
    }
    Ok(())
}

/// The programme's cost and the book's are two counts of one thing.
pub fn check_cost(
    program: &model::Program,
    values: &[f64],
    base: &Book<'_, '_>,
    book: &Book<'_, '_>,
) -> Result<(), Defect> {
    let taken = |(col, &cost): (usize, &i64)| if values[col] > 0.5 { cost } else { 0 };
    let promised: i64 = base.cost() + program.cost.iter().enumerate().map(taken).sum::<i64>();
    // A solver that stops early may leave a helper column at 1 for nothing: the book can only be cheaper.
    let helpers = program.columns.iter().any(|c| !matches!(c, Column::Teach { .. } | Column::Place { .. }));
    if book.cost() == promised || (helpers && book.cost() < promised) {
        Ok(())
    } else {
        Err(Defect::Cost { promised, counted: book.cost() })
    }
}

impl Context<'_, '_, '_> {
    pub fn stopped(&self) -> bool {
        self.watch.should_stop() || self.watch.seconds_left() <= 0.0
    }
}
