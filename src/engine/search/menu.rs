//! The menu: for every need who may serve it, cheapest first, and for every educator what they may serve.

use std::sync::OnceLock;

use super::Context;
use super::part::Part;
use super::rng::SplitMix;
use crate::engine::chunks::in_chunks;
use crate::engine::grid::{EducatorIx, Grid, Need, ServiceIx, SlotIx};
use crate::engine::holds::Hold;
use crate::engine::holds::timeline::Loads;
use crate::engine::pairing::usable;

/// An educator for a need, with the least that giving it to them can add to the cost, whatever is on their desk.
pub struct Dish<'g> {
    pub least: i64,
    pub educator: EducatorIx,
    seats: OnceLock<Box<[Seat<'g>]>>,
}

/// A slot that an educator with nothing else to do could hold for a service, with what is asked of it most.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'g> {
    /// Pay less the minutes served, in cents, where the educator does not hold the slot already.
    pub delta: i64,
    pub loads: &'g Loads,
    pub hold: &'g Hold,
    day: u32,
    slot: u32,
}

impl Seat<'_> {
    pub fn day(&self) -> usize {
        self.day as usize
    }

    pub fn slot(&self) -> SlotIx {
        self.slot as usize
    }
}

impl<'g> Dish<'g> {
    /// Of anybody: whether they may serve the need is asked of the pairing.
    pub fn new(grid: &'g Grid<'_>, need: Need, educator: EducatorIx) -> Self {
        let most = if let Need::Service(service) = need { most_cents(grid, service) } else { 0 };
        Self { least: least(grid, need, educator, most), educator, seats: OnceLock::new() }
    }

    /// The cheapest first; those of one day with one delta lie side by side.
    pub fn seats(&self, grid: &'g Grid<'_>, service: ServiceIx) -> &[Seat<'g>] {
        self.seats.get_or_init(|| seats(grid, service, self.educator))
    }
}

fn seats<'g>(grid: &'g Grid<'_>, service: ServiceIx, educator: EducatorIx) -> Box<[Seat<'g>]> {
    let row = &grid.services[service];
    let pay = grid.educator(educator).pay_cents_per_minute;
    let open = row.slots.iter().zip(&row.offered).filter(|(slot, _)| usable(grid, **slot, educator));
    let mut seats: Vec<Seat<'g>> = open
        .map(|(&slot, &offered)| {
            let earned = row.weight * (offered - grid.away_minutes(service, slot, educator));
            let short = |n: usize| u32::try_from(n).expect("fewer than 2^32 slots");
            let hold = grid.slot_hold(slot);
            Seat {
                delta: pay * hold.minutes - earned,
                loads: grid.loads(grid.slots[slot].hold, educator),
                hold,
                day: short(grid.slots[slot].day_number),
                slot: short(slot),
            }
        })
        .collect();
    seats.sort_unstable_by_key(|seat| (seat.delta, seat.day, seat.slot));
    seats.into()
}

pub struct Menu<'g> {
    blocks: Vec<Box<[Dish<'g>]>>,
    services: Vec<Box<[Dish<'g>]>>,
    /// By educator: what they may serve, and where they stand among those who may.
    takers: Vec<Vec<(Need, u32)>>,
}

impl<'g> Menu<'g> {
    /// The menu of one part; other needs and educators are left empty.
    pub fn new(context: &Context<'_, 'g, '_>, part: &Part) -> Self {
        Self::over(context, part.needs.iter().copied())
    }

    /// The menu of every need there is.
    pub fn of_all(context: &Context<'_, 'g, '_>) -> Self {
        let blocks = (0..context.grid.blocks.len()).map(Need::Block);
        Self::over(context, blocks.chain((0..context.grid.services.len()).map(Need::Service)))
    }

    fn over(context: &Context<'_, 'g, '_>, needs: impl Iterator<Item = Need>) -> Self {
        let grid = context.grid;
        let mut menu = Self {
            blocks: grid.blocks.iter().map(|_| Box::default()).collect(),
            services: grid.services.iter().map(|_| Box::default()).collect(),
            takers: vec![Vec::new(); grid.educators.len()],
        };
        let needs: Vec<Need> = needs.collect();
        let served = |needs: &[Need]| needs.iter().map(|&need| dishes(context, need)).collect();
        for (&need, dishes) in needs.iter().zip(in_chunks(&needs, context.limits.threads, served)) {
            for (at, dish) in dishes.iter().enumerate() {
                menu.takers[dish.educator].push((need, u32::try_from(at).unwrap_or(u32::MAX)));
            }
            match need {
                Need::Block(block) => menu.blocks[block] = dishes,
                Need::Service(service) => menu.services[service] = dishes,
            }
        }
        menu
    }

    pub fn of(&self, need: Need) -> &[Dish<'g>] {
        match need {
            Need::Block(block) => &self.blocks[block],
            Need::Service(service) => &self.services[service],
        }
    }

    /// Needs that an educator could take.
    pub fn takes(&self, educator: EducatorIx) -> impl ExactSizeIterator<Item = Need> + '_ {
        self.takers[educator].iter().map(|taken| taken.0)
    }

    /// One of them by lot.
    pub fn one_of(&self, educator: EducatorIx, rng: &mut SplitMix) -> Option<Need> {
        rng.pick(&self.takers[educator]).map(|taken| taken.0)
    }

    /// What an educator could take, as dishes.
    pub fn dishes(&self, educator: EducatorIx) -> impl Iterator<Item = (Need, &Dish<'g>)> + '_ {
        self.takers[educator].iter().map(|&(need, at)| (need, &self.of(need)[at as usize]))
    }
}

/// Who may serve a need, the cheapest first.
fn dishes<'g>(context: &Context<'_, 'g, '_>, need: Need) -> Box<[Dish<'g>]> {
    let grid = context.grid;
    let pin = grid.pin_of(need);
    let allowed = context.pairing.of(need).iter().copied().filter(|&e| pin.is_none_or(|pinned| pinned == e));
    let most = if let Need::Service(service) = need { most_cents(grid, service) } else { 0 };
    let mut dishes: Vec<Dish<'g>> = allowed
        .map(|educator| Dish { least: least(grid, need, educator, most), educator, seats: OnceLock::new() })
        .collect();
    dishes.sort_unstable_by_key(|dish| (dish.least, dish.educator));
    dishes.into()
}

fn least(grid: &Grid<'_>, need: Need, educator: EducatorIx, most: i64) -> i64 {
    let rows = grid.incumbents_of(need).iter().filter(|&&e| e == educator).count();
    let stays = grid.problem.weights.change_cents * i64::try_from(rows).unwrap_or(0);
    match need {
        Need::Block(block) => {
            let row = &grid.blocks[block];
            let pay = grid.educator(educator).pay_cents_per_minute * grid.hold(row.hold).minutes;
            pay - (row.owed_cents - grid.block_away_cents(block, educator)) - stays
        }
        // A group pays once: joining one may be free.
        Need::Service(service) => {
            let free = grid.services[service].shareable;
            let pay = if free { 0 } else { grid.educator(educator).pay_cents_per_minute };
            // Whoever is paid more than a minute is worth may stay for one session.
            (pay * (most / grid.services[service].weight.max(1)) - most).min(0) - stays
        }
    }
}

/// Cents that the best sessions of a service can serve, with an educator who is never away.
pub fn most_cents(grid: &Grid<'_>, service: ServiceIx) -> i64 {
    sessions_cents(grid, service).iter().sum()
}

/// The same session by session, dearest first.
pub fn sessions_cents(grid: &Grid<'_>, service: ServiceIx) -> Vec<i64> {
    let weight = grid.services[service].weight;
    sessions_minutes(grid, service).into_iter().map(|minutes| weight * minutes).collect()
}

/// Minutes of a service on its best days, one session a day, most first, whoever serves it and never away.
pub fn sessions_minutes(grid: &Grid<'_>, service: ServiceIx) -> Vec<i64> {
    let row = &grid.services[service];
    let mut days: Vec<(usize, i64)> =
        row.slots.iter().zip(&row.offered).map(|(&slot, &minutes)| (grid.slots[slot].day_number, minutes)).collect();
    days.sort_unstable_by_key(|&(day, minutes)| (day, std::cmp::Reverse(minutes)));
    days.dedup_by_key(|d| d.0);
    days.sort_unstable_by_key(|d| std::cmp::Reverse(d.1));
    days.iter().take(row.wanted).map(|d| d.1).collect()
}
