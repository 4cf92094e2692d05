//! Why a need is not, or not wholly, served: how educators dropped out, in a sentence, and the smallest
//! single change that would serve it. Reads a finished roster; decides nothing and knows no model.

mod change;
mod nearest;
mod offers;
mod reason;
mod sessions;
mod trial;
mod waterfall;

use std::collections::BTreeMap;

use super::chunks::in_chunks;
use super::grid::{EducatorIx, Grid, Need, SlotIx};
use super::outcome::{NearestFix, Unserved, WaterfallStep};
use super::pairing::{Pairing, Rules};
use super::search::book::{Book, Roster};
use waterfall::Pools;

/// Needs for which a nearest fix is looked for: those with most cents missing. Somebody waits for a repair.
pub const NEAREST_FOR: usize = 500;
pub const NEAREST_IN_REPAIR: usize = 50;

/// Cents owed for minutes that no educator could serve whatever one does.
pub fn unstaffable_cents(grid: &Grid<'_>, pairing: &Pairing) -> i64 {
    let blocks = grid.blocks.iter().zip(&pairing.blocks).filter(|(_, e)| e.is_empty()).map(|(b, _)| b.owed_cents);
    let services = grid.services.iter().zip(&pairing.services).filter(|(_, e)| e.is_empty());
    blocks.sum::<i64>() + services.map(|(s, _)| s.weight * s.owed_minutes).sum::<i64>()
}

/// Every section and service with minutes owed and not served, in the order of the problem. Sections of a
/// bundle share one explanation: the bundle's. Nearest fixes are looked for among the `nearest_for` needs
/// with most cents missing; `nearest_tried` of the others is 0. The answer does not depend on the number of threads.
pub fn unserved(
    grid: &Grid<'_>,
    pairing: &Pairing,
    roster: &Roster,
    nearest_for: usize,
    threads: usize,
) -> Vec<Unserved> {
    let short = shortfalls(grid, roster);
    let mut missing: BTreeMap<Need, i64> = BTreeMap::new();
    for row in &short {
        *missing.entry(row.need).or_default() += row.missing_cents;
    }
    let mut dearest: Vec<(i64, Need)> = missing.iter().map(|(&need, &cents)| (-cents, need)).collect();
    dearest.sort_unstable();
    let mut asked: Vec<(usize, Need)> = dearest.into_iter().map(|row| row.1).enumerate().collect();
    // The dearest take longest: each thread has as many of them.
    asked.sort_by_key(|&(rank, _)| rank % threads.max(1));
    let book = Book::of(grid, roster);
    let explain = |asked: &[(usize, Need)]| {
        let (rules, pools) = (Rules::new(grid), Pools::new(grid));
        let mut inquiry = Inquiry { grid, pairing, rules, pools, book: book.clone() };
        asked.iter().map(|&(rank, need)| (need, inquiry.explain(need, rank < nearest_for))).collect()
    };
    let explained: BTreeMap<Need, Explanation> = in_chunks(&asked, threads, explain).into_iter().collect();
    short
        .into_iter()
        .map(|row| {
            let Explanation { waterfall, reason, nearest, nearest_tried } = explained[&row.need].clone();
            let (minutes_owed, minutes_served) = (row.minutes_owed, row.minutes_served);
            Unserved { need: row.id, minutes_owed, minutes_served, waterfall, reason, nearest, nearest_tried }
        })
        .collect()
}

/// A section or service with minutes missing.
struct Shortfall {
    id: String,
    need: Need,
    minutes_owed: i64,
    minutes_served: i64,
    missing_cents: i64,
}

fn shortfalls(grid: &Grid<'_>, roster: &Roster) -> Vec<Shortfall> {
    let problem = grid.problem;
    let row = |id: &str, need, minutes_owed, minutes_served, priority| {
        let missing_cents = problem.weights.unserved_cents_per_minute * priority * (minutes_owed - minutes_served);
        (minutes_served < minutes_owed).then(|| Shortfall {
            id: id.to_owned(),
            need,
            minutes_owed,
            minutes_served,
            missing_cents,
        })
    };
    let sections = problem.sections.iter().enumerate().filter_map(|(n, section)| {
        let block = grid.index.block_of_section[n];
        let away = roster.blocks[block].map_or(grid.section_minutes[n], |e| grid.section_away_minutes(n, e));
        let owed = grid.section_minutes[n];
        row(&section.id, Need::Block(block), owed, owed - away, section.priority)
    });
    let services = problem.services.iter().enumerate().filter_map(|(n, service)| {
        let placed =
            roster.services[n].iter().flat_map(|(e, slots)| slots.iter().map(|&slot| grid.served_minutes(n, slot, *e)));
        row(&service.id, Need::Service(n), grid.services[n].owed_minutes, placed.sum(), service.priority)
    });
    sections.chain(services).collect()
}

#[derive(Clone)]
struct Explanation {
    waterfall: Vec<WaterfallStep>,
    reason: String,
    nearest: Option<NearestFix>,
    nearest_tried: usize,
}

/// What every question reads; the book is changed to ask and always put back.
struct Inquiry<'g, 'p> {
    grid: &'g Grid<'p>,
    pairing: &'g Pairing,
    rules: Rules<'g, 'p>,
    pools: Pools<'p>,
    book: Book<'g, 'p>,
}

impl Inquiry<'_, '_> {
    fn explain(&mut self, need: Need, wants_fix: bool) -> Explanation {
        let offers = self.offers(need);
        let fall = self.waterfall(need, &offers);
        let (nearest, nearest_tried) =
            if wants_fix && offers.free.is_empty() { self.nearest(need, &fall) } else { (None, 0) };
        Explanation { waterfall: fall.steps(), reason: self.reason(need, &fall, &offers), nearest, nearest_tried }
    }

    fn id(&self, educator: EducatorIx) -> &str {
        &self.grid.educator(educator).id
    }

    /// Minutes of a need, owed.
    fn owed_minutes(&self, need: Need) -> i64 {
        match need {
            Need::Block(block) => self.grid.blocks[block].owed_minutes,
            Need::Service(service) => self.grid.services[service].owed_minutes,
        }
    }

    /// Minutes of a need, served today.
    fn served_minutes(&self, need: Need) -> i64 {
        match (need, self.book.roster.educator(need)) {
            (_, None) => 0,
            (Need::Block(block), Some(educator)) => self.block_minutes(block, educator),
            (Need::Service(service), Some(educator)) => {
                let slots = self.book.roster.services[service].iter().flat_map(|placed| &placed.1);
                slots.map(|&slot| self.grid.served_minutes(service, slot, educator)).sum()
            }
        }
    }

    /// Minutes of a block that an educator would serve, time off taken away.
    fn block_minutes(&self, block: usize, educator: EducatorIx) -> i64 {
        let away = |&s: &usize| self.grid.section_away_minutes(s, educator);
        self.grid.blocks[block].owed_minutes - self.grid.blocks[block].sections.iter().map(away).sum::<i64>()
    }

    /// Takes a need off its desk; what is returned puts it back.
    fn lift(&mut self, need: Need) -> Option<(EducatorIx, Vec<SlotIx>)> {
        let was = match need {
            Need::Block(block) => self.book.roster.blocks[block].map(|e| (e, Vec::new())),
            Need::Service(service) => self.book.roster.services[service].clone(),
        };
        self.book.drop_need(need);
        was
    }

    fn put_back(&mut self, need: Need, was: Option<(EducatorIx, Vec<SlotIx>)>) {
        match (need, was) {
            (Need::Block(block), Some((educator, _))) => self.book.assign_block(block, educator),
            (Need::Service(service), Some((educator, slots))) => {
                for slot in slots {
                    self.book.place(service, educator, slot);
                }
            }
            (_, None) => {}
        }
    }
}
