//! Proof: a part handed to HiGHS whole, from the best roster known, without the pairs that prices rule out.

use super::board::Source;
use super::book::Book;
use super::part::Part;
use super::work::Work;
use super::{Context, Defect};
use crate::engine::decode::{decode, encode};
use crate::engine::grid::Need;
use crate::engine::model::{self, Column, Program, Scope};
use crate::engine::pairing::Pairing;
use crate::engine::solve::{SolveLimits, Solved, solve};

/// Solves what is left of the part once `pairing` names the pairs that a better roster may hold.
pub fn prove(work: &mut Work<'_, '_, '_>, pairing: &Pairing) -> Result<(), Defect> {
    let Work { context, board, n, part, .. } = *work;
    let base = Book::new(context.grid);
    let scope = whole(context, part, pairing, &base);
    let (book, solved) = exact(&scope, &work.best, limits(context, context.watch.seconds_left(), board.gap_cents(n)))?;
    if solved.infeasible {
        let pins = part.needs.iter().filter(|&&need| context.grid.pin_of(need).is_some());
        board.refuse_pins(n, pins.map(|&need| crate::engine::answer::id(context.grid, need)).collect());
        return Ok(());
    }
    if let Some(book) = book {
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

/// Every need of a part, among all its educators.
pub fn whole<'s, 'g, 'p>(
    context: &Context<'_, 'g, 'p>,
    part: &Part,
    pairing: &'s Pairing,
    base: &'s Book<'g, 'p>,
) -> Scope<'s, 'g, 'p> {
    let mut educators = vec![false; context.grid.educators.len()];
    part.educators.iter().for_each(|&e| educators[e] = true);
    Scope { book: base, pairing, educators, needs: part.needs.clone() }
}

pub fn limits(context: &Context<'_, '_, '_>, seconds: f64, gap_cents: f64) -> SolveLimits {
    SolveLimits { seconds, nodes: context.limits.nodes, gap_cents, seed: context.limits.seed }
}

/// Solves the programme of a scope from what `best` does in it: the book that it comes to, and how it ended.
pub fn exact<'g, 'p>(
    scope: &Scope<'_, 'g, 'p>,
    best: &Book<'g, 'p>,
    limits: SolveLimits,
) -> Result<(Option<Book<'g, 'p>>, Solved), Defect> {
    let program = model::build(scope);
    let solved = solve(&program, limits, Some(&encode(&program, scope.book, best)))?;
    let Some(values) = &solved.values else { return Ok((None, solved)) };
    let mut book = scope.book.clone();
    decode(&program, values, &mut book)?;
    check_cost(&program, values, scope.book, &book)?;
    Ok((Some(book), solved))
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
fn check_cost(program: &Program, values: &[f64], base: &Book<'_, '_>, book: &Book<'_, '_>) -> Result<(), Defect> {
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
