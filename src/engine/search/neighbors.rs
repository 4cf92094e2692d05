//! Neighborhoods: a few educators who could do each other's work, with all that is on their desks and all that waits for
//! one of them, solved as a programme from what they do now.
//!
//! They finish what annealing begins: at us-s annealing comes to 771.8 M in 5 s and to 772.2 M, no further, in a minute;
//! from there neighborhoods come to 770.95 M in 34 s.

use super::book::Book;
use super::menu::Menu;
use super::part::Part;
use super::prove::{exact, limits};
use super::rng::SplitMix;
use super::{Context, Defect};
use crate::engine::grid::{EducatorIx, Need};
use crate::engine::model::Scope;

/// Columns of the first neighborhood, about.
const COLUMNS: f64 = 1_500.0;
/// A neighborhood that is solved sooner is followed by a larger one; one that is not solved by then, by a smaller one.
const SOON: f64 = 0.7;
const LATE: f64 = 2.0;
/// Cents from its bound at which a neighborhood counts as solved.
pub const CLOSE: f64 = 500.0;
/// Educators who may be drawn in vain before a neighborhood counts as whole.
const DRAWS: usize = 200;

/// Solves one neighborhood after the other until `done`; the book is never worse afterwards.
pub fn improve<'g, 'p>(
    context: &Context<'_, 'g, 'p>,
    part: &Part,
    menu: &Menu<'_>,
    book: &mut Book<'g, 'p>,
    done: &dyn Fn() -> bool,
    on_better: impl Fn(&Book<'g, 'p>),
) -> Result<(), Defect> {
    let mut rng = SplitMix::new(u64::from(context.limits.seed));
    let mut columns = COLUMNS;
    while !done() && !context.stopped() {
        let educators = draw(context, part, menu, book, columns, &mut rng);
        let begin = context.watch.seconds_left();
        let (better, solved) = solve_among(context, menu, book, &educators)?;
        if let Some(better) = better {
            *book = better;
            on_better(book);
        }
        if !solved {
            columns *= 0.9;
        } else if begin - context.watch.seconds_left() < SOON {
            columns *= 1.03;
        }
    }
    Ok(())
}

/// The book after these educators' work is shared out anew, if that is better, and whether the programme was solved.
fn solve_among<'g, 'p>(
    context: &Context<'_, 'g, 'p>,
    menu: &Menu<'_>,
    book: &Book<'g, 'p>,
    among: &[EducatorIx],
) -> Result<(Option<Book<'g, 'p>>, bool), Defect> {
    let needs = free(menu, book, among);
    let mut base = book.clone();
    needs.iter().for_each(|&need| base.drop_need(need));
    let mut educators = vec![false; context.grid.educators.len()];
    among.iter().for_each(|&e| educators[e] = true);
    let scope = Scope { book: &base, pairing: context.pairing, educators, needs };
    let (better, solved) = exact(&scope, book, limits(context, LATE.min(context.watch.seconds_left()), CLOSE))?;
    Ok((better.filter(|better| better.cost() < book.cost()), solved.finished))
}

/// Educators who can take each other's needs, until their programme has about so many columns.
fn draw(
    context: &Context<'_, '_, '_>,
    part: &Part,
    menu: &Menu<'_>,
    book: &Book<'_, '_>,
    columns: f64,
    rng: &mut SplitMix,
) -> Vec<EducatorIx> {
    let mut among: Vec<EducatorIx> = Vec::new();
    for _ in 0..DRAWS {
        // Now and then one from elsewhere, mostly somebody who could take what one of them could.
        let from = if rng.below(8) == 0 { None } else { rng.pick(&among).copied() };
        let need = from.and_then(|e| menu.one_of(e, rng)).or_else(|| rng.pick(&part.needs).copied());
        let Some(dish) = need.and_then(|need| rng.pick(menu.of(need))) else { continue };
        if !among.contains(&dish.educator) {
            among.push(dish.educator);
            if size(context, &free(menu, book, &among), &among) >= columns {
                break;
            }
        }
    }
    among
}

/// What is on their desks or waits for one of them.
fn free(menu: &Menu<'_>, book: &Book<'_, '_>, among: &[EducatorIx]) -> Vec<Need> {
    let waiting = |&e: &EducatorIx| menu.takes(e).filter(|&need| book.roster.educator(need).is_none());
    let mut needs: Vec<Need> = among.iter().flat_map(|&e| book.needs_of(e)).collect();
    needs.extend(among.iter().flat_map(waiting));
    needs.sort_unstable();
    needs.dedup();
    needs
}

/// Columns of their programme, about.
#[expect(clippy::cast_precision_loss, reason = "a size")]
fn size(context: &Context<'_, '_, '_>, needs: &[Need], among: &[EducatorIx]) -> f64 {
    let slots = |need: &Need| match *need {
        Need::Block(_) => 1,
        Need::Service(service) => context.grid.services[service].slots.len(),
    };
    let allowed = |need: &Need| among.iter().filter(|e| context.pairing.of(*need).binary_search(e).is_ok()).count();
    needs.iter().map(|need| slots(need) * allowed(need)).sum::<usize>() as f64
}
