//! A first roster in milliseconds: pins, then the dearest needs first, each where it costs least today.

use super::Context;
use super::book::{Book, Roster};
use super::insertion::{Inserter, accept};
use super::menu::Menu;
use super::part::Part;
use super::ruin::stake;
use crate::engine::grid::Need;

/// A roster of the part alone: pins, what still holds of `start` beside them, then everything else greedily.
///
/// `on_sections` is told when all sections are in and no service that was not in `start`: at the size of a vendor
/// that is a first schedule many seconds sooner.
pub fn build<'g, 'p>(
    context: &Context<'_, 'g, 'p>,
    part: &Part,
    menu: &Menu<'g>,
    start: Option<&Roster>,
    mut on_sections: impl FnMut(&Book<'g, 'p>),
) -> Book<'g, 'p> {
    let grid = context.grid;
    let mut book = Book::new(grid);
    let mut order = part.needs.clone();
    order.sort_by_key(|&need| {
        let service = matches!(need, Need::Service(_));
        (grid.pin_of(need).is_none(), service, std::cmp::Reverse(stake(grid, need)), need)
    });
    let mut inserter = Inserter::new(u64::from(context.limits.seed));
    // Every pin before what else the start holds: beside all of that, a pin that is new may have no room.
    let (pinned, free) = order.split_at(order.partition_point(|&need| grid.pin_of(need).is_some()));
    if let Some(start) = start {
        for &need in pinned {
            keep(context, &mut book, need, start);
        }
        for &need in pinned {
            if book.roster.educator(need).is_none()
                && let Some(offer) = inserter.best(&mut book, menu, need)
            {
                accept(&mut book, need, &offer);
            }
        }
        for &need in free {
            keep(context, &mut book, need, start);
        }
    }
    let mut sections = true;
    for need in order {
        // What is built on a start is no first schedule: it can wait.
        if start.is_some() && grid.pin_of(need).is_none() && context.stopped() {
            break;
        }
        if sections && matches!(need, Need::Service(_)) && grid.pin_of(need).is_none() {
            sections = false;
            on_sections(&book);
        }
        if book.roster.educator(need).is_none()
            && let Some(offer) = inserter.best(&mut book, menu, need)
            && (offer.delta < 0 || grid.pin_of(need).is_some())
        {
            accept(&mut book, need, &offer);
        }
    }
    book
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
