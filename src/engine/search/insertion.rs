//! Insertion: the cheapest way to give one unassigned need to one educator, or to the best of all.

use super::book::{Book, Room};
use super::menu::{Dish, Menu, Seat};
use super::rng::SplitMix;
use crate::engine::grid::{BlockIx, EducatorIx, Need, ServiceIx, SlotIx};

/// Who, and for a service when. Slots of a block are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub delta: i64,
    pub educator: EducatorIx,
    pub slots: Vec<SlotIx>,
}

/// Memory and chance of one search: candidates are gathered in place, ties are broken by lot.
pub struct Inserter {
    pub rng: SplitMix,
    /// Days that the service in hand has a session on.
    days: Vec<usize>,
    /// How many of its sessions are in the book.
    written: usize,
}

impl Inserter {
    pub fn new(seed: u64) -> Self {
        Self { rng: SplitMix::new(seed), days: Vec::new(), written: 0 }
    }

    /// The cheapest of all educators.
    pub fn best<'g>(&mut self, book: &mut Book<'g, '_>, menu: &Menu<'g>, need: Need) -> Option<Offer> {
        self.best_of(book, menu, need, |_, _| true)
    }

    /// The cheapest of those educators that are asked.
    pub fn best_of<'g>(
        &mut self,
        book: &mut Book<'g, '_>,
        menu: &Menu<'g>,
        need: Need,
        mut is_asked: impl FnMut(EducatorIx, &mut SplitMix) -> bool,
    ) -> Option<Offer> {
        let mut best: Option<Offer> = None;
        for dish in menu.of(need) {
            let bar = best.as_ref().map_or(i64::MAX, |b| b.delta);
            if dish.least >= bar {
                break;
            }
            if !is_asked(dish.educator, &mut self.rng) {
                continue;
            }
            let offer = match need {
                Need::Block(block) => offer_block(book, block, dish.educator),
                Need::Service(service) => self.sessions(book, service, dish, bar),
            };
            if let Some(offer) = offer.filter(|offer| offer.delta < bar) {
                best = Some(offer);
            }
        }
        best
    }

    /// As many sessions as pay for themselves, cheapest first; none if that is no cheaper than `bar`.
    ///
    /// Seats of one day and one delta are as good as each other: the first that is free is taken, from a lot on.
    pub fn sessions<'g>(
        &mut self,
        book: &mut Book<'g, '_>,
        service: ServiceIx,
        dish: &Dish<'g>,
        bar: i64,
    ) -> Option<Offer> {
        let (educator, wanted) = (dish.educator, book.grid.services[service].wanted);
        let seats = dish.seats(book.grid, service);
        let first = book.first_session_delta(service, educator);
        let dearest = seats.first()?.delta;
        if first + dearest * i64::try_from(wanted).unwrap_or(1) >= bar || book.is_refused_whole(service, educator) {
            return None;
        }
        let mut offer = Offer { delta: first, educator, slots: Vec::new() };
        self.days.clear();
        self.written = 0;
        if book.grid.services[service].shareable {
            self.join(book, service, seats, &mut offer);
        }
        let mut at = 0;
        while at < seats.len() && offer.slots.len() < wanted {
            let run = &seats[at..];
            let (delta, day) = (run[0].delta, run[0].day());
            let run = &run[..run.iter().take_while(|seat| seat.delta == delta && seat.day() == day).count()];
            at += run.len();
            if delta >= 0 && !offer.slots.is_empty() {
                break;
            }
            if self.days.contains(&day) {
                continue;
            }
            let from = self.rng.below(run.len());
            if let Some(seat) = self.free_seat(book, service, run, from, &offer) {
                self.days.push(seat.day());
                offer.slots.push(seat.slot());
                offer.delta += seat.delta;
            }
        }
        offer.slots[..self.written].iter().for_each(|&slot| book.unplace(service, slot));
        (!offer.slots.is_empty() && offer.delta < bar).then_some(offer)
    }

    /// The first seat of a run, from one on and round, that is free beside the sessions offered so far. These are written in
    /// the book no sooner than the limits on minutes may want to know of them.
    fn free_seat<'s>(
        &mut self,
        book: &mut Book<'_, '_>,
        service: ServiceIx,
        run: &'s [Seat<'s>],
        from: usize,
        offer: &Offer,
    ) -> Option<&'s Seat<'s>> {
        let (before, after) = run.split_at(from);
        loop {
            let pending = &offer.slots[self.written..];
            let (mut room, mut unsure) = (Room::default(), false);
            let free = |seat: &&Seat<'_>| {
                if !book.is_seat_free(service, offer.educator, seat, &mut room) {
                    return false;
                }
                unsure |= !pending.is_empty() && !book.bears_all(offer.educator, pending, seat.slot());
                !unsure && pending.iter().all(|&other| !book.collide(offer.educator, other, seat.slot()))
            };
            let found = after.iter().chain(before).find(free);
            if found.is_some() || !unsure {
                return found;
            }
            pending.iter().for_each(|&slot| book.place(service, offer.educator, slot));
            self.written = offer.slots.len();
        }
    }

    /// Groups that the educator holds already and that the service may join: they cost no pay.
    fn join(&mut self, book: &mut Book<'_, '_>, service: ServiceIx, seats: &[Seat<'_>], offer: &mut Offer) {
        let wanted = book.grid.services[service].wanted;
        let pay = book.grid.educator(offer.educator).pay_cents_per_minute;
        for seat in seats {
            if offer.slots.len() == wanted {
                break;
            }
            if !book.members(offer.educator, seat.slot()).is_empty()
                && !self.days.contains(&seat.day())
                && book.is_seat_free(service, offer.educator, seat, &mut Room::default())
            {
                book.place(service, offer.educator, seat.slot());
                self.written += 1;
                self.days.push(seat.day());
                offer.slots.push(seat.slot());
                offer.delta += seat.delta - pay * seat.hold.minutes;
            }
        }
    }
}

pub fn offer_block(book: &Book<'_, '_>, block: BlockIx, educator: EducatorIx) -> Option<Offer> {
    let free = book.block_refusal(block, educator).is_none();
    free.then(|| Offer { delta: book.block_delta(block, educator), educator, slots: Vec::new() })
}

/// Writes an offer in the book.
pub fn accept(book: &mut Book<'_, '_>, need: Need, offer: &Offer) {
    match need {
        Need::Block(block) => book.assign_block(block, offer.educator),
        Need::Service(service) => offer.slots.iter().for_each(|&slot| book.place(service, offer.educator, slot)),
    }
}
