//! Thinning: the fewest educators who still cover every section (shift-minimisation personnel task scheduling).
//!
//! With sections alone, the cost of using one more educator makes the programme hard, not the assignment:
//! once the staff is chosen, what is left is nearly a transportation problem that HiGHS settles at the root.
//! So staffs are guessed, from the fewest that the busiest instant allows upwards, and tried.
//! Measured on data_10_51_111_66 (111 tasks, best 40): HiGHS alone is at 51 after 60 s.

use super::book::Book;
use super::part::Part;
use super::rng::SplitMix;
use super::{Context, Defect};
use crate::engine::decode::decode;
use crate::engine::grid::{EducatorIx, Grid, Need};
use crate::engine::holds::cliques::cliques;
use crate::engine::model::{self, Scope};
use crate::engine::solve::{SolveLimits, solve};

/// Staffs tried of one size before it is given up.
const TRIES: usize = 12;
/// Branch-and-bound nodes for one staff.
const NODES: u64 = 20;

/// Sections alone, and an educator costs something.
pub fn applies(grid: &Grid<'_>, part: &Part) -> bool {
    part.needs.iter().all(|need| matches!(need, Need::Block(_)))
        && part.educators.len() > 2
        && part.educators.iter().any(|&e| grid.educator(e).activation_cents > 0)
}

/// Replaces the best roster by cheaper ones with fewer educators, until a size fails or the limits end it.
pub fn thin<'g, 'p>(
    context: &Context<'_, 'g, 'p>,
    part: &Part,
    best: &mut Book<'g, 'p>,
    mut on_better: impl FnMut(&Book<'_, '_>),
) -> Result<(), Defect> {
    let mut rng = SplitMix::new(u64::from(context.limits.seed));
    let mut size = busiest(context.grid, part);
    let breadth = breadth(context, part);
    while size < part.educators.len() && !context.stopped() {
        for _ in 0..TRIES {
            let Some(book) = cover(context, part, &staff(&breadth, size, &mut rng))? else { continue };
            if book.cost() < best.cost() {
                *best = book;
                on_better(best);
            }
            if best_size(best, part) <= size {
                return Ok(());
            }
            if context.stopped() {
                break;
            }
        }
        size += 1;
    }
    Ok(())
}

fn best_size(book: &Book<'_, '_>, part: &Part) -> usize {
    let everything = part.needs.iter().all(|&need| book.roster.educator(need).is_some());
    if everything { part.educators.iter().filter(|&&e| !book.is_idle(e)).count() } else { usize::MAX }
}

/// How many sections meet at the busiest instant: no smaller staff teaches them all.
fn busiest(grid: &Grid<'_>, part: &Part) -> usize {
    let blocks = part
        .needs
        .iter()
        .filter_map(|need| if let Need::Block(b) = need { Some(grid.hold(grid.blocks[*b].hold)) } else { None });
    cliques(&blocks.collect::<Vec<_>>(), 0).iter().map(Vec::len).max().unwrap_or(1)
}

/// How many needs of the part each educator could take.
fn breadth(context: &Context<'_, '_, '_>, part: &Part) -> Vec<(EducatorIx, usize)> {
    let mut counts = vec![0; context.grid.educators.len()];
    part.needs.iter().flat_map(|&need| context.pairing.of(need)).for_each(|&e| counts[e] += 1);
    part.educators.iter().map(|&e| (e, counts[e])).collect()
}

/// A staff of `size`: broad educators first, with chance enough that no two guesses are alike.
fn staff(breadth: &[(EducatorIx, usize)], size: usize, rng: &mut SplitMix) -> Vec<EducatorIx> {
    let mut ranked: Vec<(usize, EducatorIx)> =
        breadth.iter().map(|&(e, n)| (n * 100 * (70 + rng.below(60)) / 100, e)).collect();
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    ranked.into_iter().take(size).map(|(_, e)| e).collect()
}

/// The best roster with this staff only, all of them paid for.
fn cover<'g, 'p>(
    context: &Context<'_, 'g, 'p>,
    part: &Part,
    staff: &[EducatorIx],
) -> Result<Option<Book<'g, 'p>>, Defect> {
    let base = Book::new(context.grid);
    let mut educators = vec![false; context.grid.educators.len()];
    staff.iter().for_each(|&e| educators[e] = true);
    let scope = Scope { book: &base, pairing: context.pairing, educators, needs: part.needs.clone(), active: true };
    let program = model::build(&scope);
    let seconds = if context.limits.nodes.is_some() { f64::INFINITY } else { context.watch.seconds_left() };
    let limits = SolveLimits { seconds, nodes: Some(NODES), gap_cents: 0.0, seed: context.limits.seed };
    let Some(values) = solve(&program, limits, None)?.values else { return Ok(None) };
    let mut book = base.clone();
    decode(&program, &values, &mut book)?;
    Ok(Some(book))
}
