//! Proof: a part handed to HiGHS whole, from the best roster known, without the pairs that prices rule out.

use super::Defect;
use super::board::Source;
use super::book::Book;
use super::work::Work;
use crate::engine::decode::{decode, encode};
use crate::engine::grid::Need;
use crate::engine::model::{self, Column, Program, Scope};
use crate::engine::pairing::Pairing;
use crate::engine::solve::{SolveLimits, solve};

/// Solves what is left of the part once `pairing` names the pairs that a better roster may hold.
pub fn prove(work: &mut Work<'_, '_, '_>, pairing: &Pairing) -> Result<(), Defect> {
    let Work { context, board, n, part, .. } = *work;
    let base = Book::new(context.grid);
    let mut educators = vec![false; context.grid.educators.len()];
    part.educators.iter().for_each(|&e| educators[e] = true);
    let scope = Scope { book: &base, pairing, educators, needs: part.needs.clone(), active: false };
    let program = model::build(&scope);
    let limits = SolveLimits {
        seconds: context.watch.seconds_left(),
        nodes: context.limits.nodes,
        gap_cents: board.gap_cents(n),
        seed: context.limits.seed,
    };
    let from = encode(&program, &base, &work.best);
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
        work.take(book);
    }
    if solved.bound.is_finite() {
        // Costs are integers, so a bound of 3.2 is a bound of 4; half a cent forgives the solver's floats. What the
        // prices ruled out costs no less than the best roster.
        #[expect(clippy::cast_possible_truncation, reason = "costs stay far below 2^53")]
        let bound = (solved.bound - 0.5).ceil() as i64;
        board.raise(n, bound.min(work.best.cost() - base.cost()), Source::Mip);
    }
    Ok(())
}

/// Only the pairs named.
pub fn only(grid: &crate::engine::grid::Grid<'_>, pairs: &[(Need, usize)]) -> Pairing {
    let mut pairing =
        Pairing { blocks: vec![Vec::new(); grid.blocks.len()], services: vec![Vec::new(); grid.services.len()] };
    for &(need, educator) in pairs {
        match need {
            Need::Block(block) => pairing.blocks[block].push(educator),
            Need::Service(service) => pairing.services[service].push(educator),
        }
    }
    pairing.blocks.iter_mut().chain(&mut pairing.services).for_each(|educators| educators.sort_unstable());
    pairing
}

/// The programme's cost and the book's are two counts of one thing.
pub fn check_cost(program: &Program, values: &[f64], base: &Book<'_, '_>, book: &Book<'_, '_>) -> Result<(), Defect> {
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
