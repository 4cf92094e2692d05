//! A first roster in milliseconds: pins, then the dearest needs first, each where it costs least today.

use super::Context;
use super::book::{Book, Roster};
use super::part::Part;
use crate::engine::grid::{BlockIx, EducatorIx, Grid, Need, ServiceIx, SlotIx};

/// Educators looked at for one service before the best of them is taken.
const ENOUGH: usize = 12;

/// A roster of the part alone: what still holds of `start`, then everything else greedily.
pub fn build<'g, 'p>(context: &Context<'_, 'g, 'p>, part: &Part, start: Option<&Roster>) -> Book<'g, 'p> {
    let grid = context.grid;
    let mut book = Book::new(grid);
    let mut order = part.needs.clone();
    order.sort_by_key(|&need| (grid.pin_of(need).is_none(), std::cmp::Reverse(stake(grid, need)), need));
    if let Some(start) = start {
        for &need in &order {
            keep(context, &mut book, need, start);
        }
    }
    fill(context, &mut book, &order);
    book
}

/// Serves every unassigned need of `order` that is cheaper served than not.
pub fn fill(context: &Context<'_, '_, '_>, book: &mut Book<'_, '_>, order: &[Need]) {
    for &need in order {
        match need {
            Need::Block(block) if book.roster.blocks[block].is_none() => give_block(context, book, block),
            Need::Service(service) if book.roster.services[service].is_none() => give_service(context, book, service),
            _ => {}
        }
    }
}

/// Cents at stake.
fn stake(grid: &Grid<'_>, need: Need) -> i64 {
    match need {
        Need::Block(block) => grid.blocks[block].owed_cents,
        Need::Service(service) => grid.services[service].weight * grid.services[service].owed_minutes,
    }
}

fn keep(context: &Context<'_, '_, '_>, book: &mut Book<'_, '_>, need: Need, start: &Roster) {
    let Some(educator) = start.educator(need) else { return };
    let pinned_elsewhere = context.grid.pin_of(need).is_some_and(|pin| pin != educator);
    if pinned_elsewhere || context.pairing.of(need).binary_search(&educator).is_err() {
        return;
    }
    match need {
        Need::Block(block) => {
            if book.block_refusal(block, educator).is_none() {
                book.assign_block(block, educator);
            }
        }
        Need::Service(service) => {
            for &slot in start.services[service].iter().flat_map(|(_, slots)| slots) {
                let offered = context.grid.services[service].slots.binary_search(&slot).is_ok();
                if offered && book.place_refusal(service, educator, slot).is_none() {
                    book.place(service, educator, slot);
                }
            }
        }
    }
}

fn candidates<'c>(context: &'c Context<'_, '_, '_>, need: Need) -> impl Iterator<Item = EducatorIx> + 'c {
    let pin = context.grid.pin_of(need);
    context.pairing.of(need).iter().copied().filter(move |&e| pin.is_none_or(|pinned| pinned == e))
}

fn give_block(context: &Context<'_, '_, '_>, book: &mut Book<'_, '_>, block: BlockIx) {
    let need = Need::Block(block);
    let free = candidates(context, need).filter(|&e| book.block_refusal(block, e).is_none());
    let best = free.map(|e| (book.block_delta(block, e), e)).min();
    if let Some((delta, educator)) = best
        && (delta < 0 || context.grid.pin_of(need).is_some())
    {
        book.assign_block(block, educator);
    }
}

fn give_service(context: &Context<'_, '_, '_>, book: &mut Book<'_, '_>, service: ServiceIx) {
    let need = Need::Service(service);
    let mut best: Option<(i64, EducatorIx, Vec<SlotIx>)> = None;
    let mut seen = 0;
    for educator in candidates(context, need) {
        let before = book.cost();
        let slots = place_greedily(book, service, educator);
        let delta = book.cost() - before;
        slots.iter().for_each(|&slot| book.unplace(service, slot));
        if slots.is_empty() {
            continue;
        }
        if best.as_ref().is_none_or(|b| delta < b.0) {
            best = Some((delta, educator, slots));
        }
        seen += 1;
        if seen >= ENOUGH {
            break;
        }
    }
    if let Some((delta, educator, slots)) = best
        && (delta < 0 || context.grid.pin_of(need).is_some())
    {
        slots.into_iter().for_each(|slot| book.place(service, educator, slot));
    }
}

/// Places as many sessions as pay for themselves, best first; returns their slots.
pub fn place_greedily(book: &mut Book<'_, '_>, service: ServiceIx, educator: EducatorIx) -> Vec<SlotIx> {
    let row = &book.grid.services[service];
    let mut placed = Vec::new();
    while placed.len() < row.wanted {
        let free = row.slots.iter().filter(|&&slot| book.place_refusal(service, educator, slot).is_none());
        let Some((delta, slot)) = free.map(|&slot| (book.place_delta(service, educator, slot), slot)).min() else {
            break;
        };
        if delta >= 0 && !placed.is_empty() {
            break;
        }
        book.place(service, educator, slot);
        placed.push(slot);
    }
    placed
}
