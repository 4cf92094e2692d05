//! Annealing: take a few related needs away, put them back one by one where each costs least, and keep what is
//! no worse, or a little worse while it is still early.
//!
//! Ruin and recreate (Schrimpf et al. 2000; Christiaens and Vanden Berghe 2020 for the blinks). A move costs tens of
//! microseconds, where a neighborhood solved as a programme costs tens of milliseconds.

use super::Context;
use super::book::{Book, Roster};
use super::insertion::{Inserter, Offer, accept};
use super::menu::Menu;
use super::part::Part;
use super::ruin::{self, stake};
use crate::engine::grid::{EducatorIx, Need, SlotIx};

/// Cents a worse roster may cost more: while everything is open, and once the sections are nearly right.
pub const HOT: f64 = 5_000_000.0;
pub const WARM: f64 = 400_000.0;
/// For a repair, which is to change little.
pub const COOL: f64 = 30_000.0;
const COLD: f64 = 3_000.0;

/// Chance of passing an educator over: one in so many.
const BLINKS: usize = 40;
/// Educators asked for each need, about: those from whom the step took something, and others by lot. At us-l, where 107 could
/// take a need on the average, a step of 325 microseconds takes 121 if 40 are asked, and 84 s of annealing from 30,493 M come to
/// 24,466 M, not to 25,084 M (24,469 M if 15 are asked, 24,602 M if 6 are). At us-m, where 16 could, nothing changes.
const ASKED: usize = 30;

/// Where a need was before it was taken away.
type Before = (Need, Option<(EducatorIx, Vec<SlotIx>)>);

/// How far the search has come, from 0 to 1; 1 ends it.
pub trait Clock {
    fn done(&self, round: u64) -> f64;
}

/// How one annealing goes.
#[derive(Clone, Copy)]
pub struct Plan<'n> {
    pub hot: f64,
    pub seed: u64,
    /// The needs to begin from; all of the part where there are none, and what waits most of all.
    pub around: &'n [Need],
}

impl Plan<'_> {
    /// The temperature when so much is done.
    fn heat(&self, done: f64) -> f64 {
        self.hot * (COLD / self.hot).powf(done)
    }
}

/// What of a part a search may change, where another thread has the rest.
pub struct Share {
    pub needs: Vec<Need>,
    /// By educator and by need.
    pub educators: Vec<bool>,
    pub blocks: Vec<bool>,
    pub services: Vec<bool>,
}

impl Share {
    pub fn has(&self, need: Need) -> bool {
        match need {
            Need::Block(block) => self.blocks[block],
            Need::Service(service) => self.services[service],
        }
    }
}

/// Improves a roster until the clock runs out; `on_better` is told of the best so far, not of each step.
pub fn anneal<'g, 'p>(
    context: &Context<'_, 'g, 'p>,
    part: &Part,
    menu: &Menu<'g>,
    book: &mut Book<'g, 'p>,
    plan: Plan<'_>,
    clock: &dyn Clock,
    mut on_better: impl FnMut(i64, &Roster),
) {
    let mut search = Search::new(menu, &part.needs, plan, None);
    let (mut best, mut kept): (i64, Option<Roster>) = (book.cost(), None);
    let mut told = best;
    let mut heat = plan.hot;
    for round in 0u64.. {
        if round % 64 == 0 {
            let done = clock.done(round);
            if done >= 1.0 || context.watch.should_stop() {
                break;
            }
            heat = plan.heat(done);
            if round % 4096 == 0 {
                search.list_waiting(book);
                if best < told {
                    told = best;
                    on_better(best, kept.as_ref().unwrap_or(&book.roster));
                }
            }
        }
        let before = book.cost();
        search.step(book);
        let after = book.cost();
        if !search.accepts(before, book, heat) {
            search.undo(book);
        } else if after > before && before == best && kept.is_none() {
            // The best is about to be left: this is the last chance to keep it.
            search.undo(book);
            kept = Some(book.roster.clone());
        } else if after < best {
            best = after;
            kept = None;
        }
        search.undo.clear();
    }
    if let Some(kept) = kept
        && book.cost() > best
    {
        *book = Book::of(book.grid, &kept);
    }
    on_better(book.cost(), &book.roster);
}

/// The same within a share, for so many rounds: what it comes to is where the search is then, not the best it saw.
pub fn wander<'g, 'p>(
    context: &Context<'_, 'g, 'p>,
    menu: &Menu<'g>,
    book: &mut Book<'g, 'p>,
    share: &Share,
    plan: Plan<'_>,
    clock: &dyn Clock,
    rounds: u64,
) {
    let mut search = Search::new(menu, &share.needs, plan, Some(share));
    let mut heat = plan.hot;
    for round in 0..rounds {
        if round % 64 == 0 {
            let done = clock.done(round);
            if done >= 1.0 || context.watch.should_stop() {
                break;
            }
            heat = plan.heat(done);
            if round % 4096 == 0 {
                search.list_waiting(book);
            }
        }
        let before = book.cost();
        search.step(book);
        if !search.accepts(before, book, heat) {
            search.undo(book);
        }
        search.undo.clear();
    }
}

struct Search<'m, 'g> {
    menu: &'m Menu<'g>,
    needs: &'m [Need],
    share: Option<&'m Share>,
    inserter: Inserter,
    undo: Vec<Before>,
    picked: Vec<Need>,
    /// Needs that were unserved, or partly served, some rounds ago.
    waiting: Vec<Need>,
    around: &'m [Need],
    /// By educator: the last step that took something from them; and how many steps there were.
    relieved: Vec<u64>,
    steps: u64,
}

impl<'m, 'g> Search<'m, 'g> {
    fn new(menu: &'m Menu<'g>, needs: &'m [Need], plan: Plan<'m>, share: Option<&'m Share>) -> Self {
        let (inserter, around) = (Inserter::new(plan.seed), plan.around);
        Self {
            menu,
            needs,
            share,
            inserter,
            undo: Vec::new(),
            picked: Vec::new(),
            waiting: Vec::new(),
            around,
            relieved: Vec::new(),
            steps: 0,
        }
    }

    /// Whether what a step came to is kept: it loses no pin, and costs no more than chance allows.
    fn accepts(&mut self, before: i64, book: &Book<'_, '_>, heat: f64) -> bool {
        let more = book.cost() - before;
        #[expect(clippy::cast_precision_loss, reason = "a temperature")]
        let cheap = |more: i64, lot: f64| more as f64 <= heat * -lot.ln();
        !self.has_lost_a_pin(book) && (more <= 0 || cheap(more, self.inserter.rng.unit()))
    }

    fn list_waiting(&mut self, book: &Book<'_, '_>) {
        self.waiting.clear();
        let open = |need: &Need| match *need {
            Need::Block(block) => book.roster.blocks[block].is_none(),
            Need::Service(service) => {
                book.roster.services[service].as_ref().is_none_or(|p| p.1.len() < book.grid.services[service].wanted)
            }
        };
        self.waiting.extend(self.needs.iter().copied().filter(|need| open(need) && !self.menu.of(*need).is_empty()));
    }

    fn step(&mut self, book: &mut Book<'g, '_>) {
        let from = match self.around {
            [] if self.inserter.rng.below(2) == 0 && !self.waiting.is_empty() => &self.waiting,
            [] => self.needs,
            around => around,
        };
        let Some(&seed) = self.inserter.rng.pick(from) else { return };
        self.steps += 1;
        self.relieved.resize(book.grid.educators.len(), 0);
        let mut picked = std::mem::take(&mut self.picked);
        ruin::around(book, self.menu, self.share, seed, &mut self.inserter.rng, &mut picked);
        for &need in &picked {
            self.take_away(book, need);
        }
        self.arrange(book, &mut picked);
        for &need in &picked {
            if let Some(offer) = self.offer(book, need)
                && (offer.delta < 0 || book.grid.pin_of(need).is_some())
            {
                accept(book, need, &offer);
            }
        }
        self.picked = picked;
    }

    /// The best place for a need at those who are asked.
    fn offer(&mut self, book: &mut Book<'g, '_>, need: Need) -> Option<Offer> {
        let (menu, share, relieved, steps) = (self.menu, self.share, &self.relieved, self.steps);
        let all = menu.of(need).len();
        self.inserter.best_of(book, menu, need, |educator, rng| {
            share.is_none_or(|share| share.educators[educator])
                && rng.below(BLINKS) != 0
                && (all <= ASKED || relieved[educator] == steps || rng.below(all) < ASKED)
        })
    }

    fn take_away(&mut self, book: &mut Book<'_, '_>, need: Need) {
        let before = match need {
            Need::Block(block) => book.roster.blocks[block].map(|e| (e, Vec::new())),
            Need::Service(service) => book.roster.services[service].clone(),
        };
        if let Some((educator, _)) = before {
            self.relieved[educator] = self.steps;
        }
        book.drop_need(need);
        self.undo.push((need, before));
    }

    /// In which order they are put back: by lot, the dearest first, or those with fewest choices first.
    fn arrange(&mut self, book: &Book<'_, '_>, needs: &mut [Need]) {
        let rng = &mut self.inserter.rng;
        let kind = rng.below(4);
        needs.sort_by_cached_key(|&need| {
            let lot = i64::try_from(rng.below(1 << 20)).unwrap_or(0);
            match kind {
                0 => (-stake(book.grid, need), lot),
                1 => (i64::try_from(self.menu.of(need).len()).unwrap_or(0), lot),
                _ => (lot, 0),
            }
        });
    }

    fn has_lost_a_pin(&self, book: &Book<'_, '_>) -> bool {
        self.undo.iter().any(|(need, _)| book.grid.pin_of(*need).is_some() && book.roster.educator(*need).is_none())
    }

    fn undo(&mut self, book: &mut Book<'_, '_>) {
        for (need, _) in &self.undo {
            book.drop_need(*need);
        }
        for (need, before) in self.undo.drain(..) {
            match (need, before) {
                (Need::Block(block), Some((educator, _))) => book.assign_block(block, educator),
                (Need::Service(service), Some((educator, slots))) => {
                    slots.into_iter().for_each(|slot| book.place(service, educator, slot));
                }
                (_, None) => {}
            }
        }
    }
}
