//! Ruin: which needs to take away together, so that putting them back can go another way.

use super::anneal::Share;
use super::book::Book;
use super::menu::{Dish, Menu};
use super::rng::SplitMix;
use crate::engine::grid::{EducatorIx, Grid, Need};

/// Unserved needs that are offered what a ruin set free, beside those taken away.
const GUESTS: usize = 3;

/// A few needs around `seed`: it, what stands in its way at some who could serve it, and who is waiting there.
pub fn around(
    book: &Book<'_, '_>,
    menu: &Menu<'_>,
    share: Option<&Share>,
    seed: Need,
    rng: &mut SplitMix,
    out: &mut Vec<Need>,
) {
    out.clear();
    out.push(seed);
    let dishes = menu.of(seed);
    let mine = |dish: &&Dish<'_>| share.is_none_or(|share| share.educators[dish.educator]);
    match rng.below(8) {
        // Somebody's whole desk: the only way to save an activation.
        0 => {
            if let Some(dish) = rng.pick(dishes).filter(mine) {
                out.extend(book.needs_of(dish.educator));
                let most = 4 + rng.below(12);
                thin_out(out, most, rng);
            }
        }
        // What one educator could take, wherever it is.
        1 | 2 => {
            if let Some(dish) = rng.pick(dishes).filter(mine) {
                out.extend((0..3 + rng.below(6)).filter_map(|_| menu.one_of(dish.educator, rng)));
            }
        }
        // What stands in its way.
        _ => {
            for _ in 0..=rng.below(2) {
                let Some(dish) = pick_early(dishes.len(), rng).map(|at| &dishes[at]).filter(mine) else { continue };
                let educator = dish.educator;
                make_room(book, seed, educator, rng, out);
                let guests = (0..GUESTS).filter_map(|_| menu.one_of(educator, rng));
                out.extend(guests.filter(|&n| book.roster.educator(n).is_none()));
            }
        }
    }
    if let Some(share) = share {
        out.retain(|&need| share.has(need));
    }
    out.sort_unstable();
    out.dedup();
}

fn make_room(book: &Book<'_, '_>, seed: Need, educator: EducatorIx, rng: &mut SplitMix, out: &mut Vec<Need>) {
    let desk = book.needs_of(educator);
    match seed {
        Need::Block(block) => out.extend(book.in_the_way(educator, book.grid.blocks[block].hold)),
        Need::Service(service) => {
            let slots = &book.grid.services[service].slots;
            for _ in 0..book.grid.services[service].wanted.min(2) {
                if let Some(&slot) = rng.pick(slots) {
                    out.extend(book.in_the_way(educator, book.grid.slots[slot].hold));
                }
            }
        }
    }
    out.extend((0..=rng.below(3)).filter_map(|_| rng.pick(&desk).copied()));
}

/// The front of the menu more often than its end.
fn pick_early(len: usize, rng: &mut SplitMix) -> Option<usize> {
    (len > 0).then(|| rng.below(len).min(rng.below(len)))
}

/// Keeps the seed and a few others.
fn thin_out(out: &mut Vec<Need>, most: usize, rng: &mut SplitMix) {
    while out.len() > most {
        let at = 1 + rng.below(out.len() - 1);
        out.swap_remove(at);
    }
}

/// Cents at stake while nobody serves it.
pub fn stake(grid: &Grid<'_>, need: Need) -> i64 {
    match need {
        Need::Block(block) => grid.blocks[block].owed_cents,
        Need::Service(service) => grid.services[service].weight * grid.services[service].owed_minutes,
    }
}
