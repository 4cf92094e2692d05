//! The work on one part: a start, prices for its needs, its sections dealt and dived for, the pool of terms that all
//! this showed, annealing, an appraisal of terms, a proof.
//!
//! Small parts are proven at once. Where a proof is within reach, the few pairs worth a look and neighborhoods are solved
//! beside it; where it is not, the prices' bound stands.

use std::sync::atomic::{AtomicBool, Ordering};

use super::anneal::{self, Plan, anneal};
use super::appraise::appraise;
use super::board::{Board, Source};
use super::book::Book;
use super::cover::Cover;
use super::islands::MANY;
use super::menu::Menu;
use super::part::Part;
use super::prices::Prices;
use super::prove::{exact, limits, only, prove, whole};
use super::race::{Span, race};
use super::{Context, Defect, Start, construct, dive, neighbors, pool};
use crate::engine::Watch;
use crate::engine::grid::Need;
use crate::engine::outcome::Progress;
use crate::engine::pairing::Pairing;
use crate::engine::solve::SolveLimits;

/// Below this, HiGHS proves a part before anything else has been tried.
const SMALL_COLUMNS: usize = 1_500;
/// Covers below this are proven by HiGHS, whatever the busiest instant says.
const TINY_COLUMNS: usize = 150;
/// Programmes up to this many columns are handed to HiGHS whole; at us-m (1.7 million) the root LP alone does not
/// end in half an hour.
const EXACT_COLUMNS: usize = 60_000;
/// Passes of prices before the first pool.
const PASSES: usize = 150;
/// Of the seconds left: for the first prices, for sections alone and for many of them, for appraisals, for one pool, and
/// until a provable part is handed over.
const PRICING: f64 = 0.25;
const SECTIONS: f64 = 0.4;
const MANY_SECTIONS: f64 = 0.4;
const APPRAISING: f64 = 0.1;
const PACKING: f64 = 0.15;
const HANDOVER: f64 = 0.15;
/// Seconds of annealing for each need of a provable part, at most.
const EACH: f64 = 0.03;
/// Terms that are chosen from at once; where there are more, HiGHS is at a loss.
const POOL: usize = 12_000;
/// Rounds of annealing for each need that lost its place.
const MENDS: u64 = 300;
/// Educators looked at in a repair, about: where many could take each need, it has fewer rounds.
const LOOKS: u64 = 30_000;
/// Seconds that a proof is given before anything else is tried beside it; of what is left then, the share for the few pairs;
/// and the most seconds for these, and for a pool.
const PATIENCE: f64 = 0.5;
const FEW: f64 = 0.4;
const LONGEST: f64 = 20.0;
/// Times that annealing and packing take turns in a provable part; in any other, one long annealing is better.
const TURNS: u32 = 3;

pub struct Work<'w, 'g, 'p> {
    pub context: &'w Context<'w, 'g, 'p>,
    pub board: &'w Board<'w, 'w, 'g, 'p>,
    pub n: usize,
    pub part: &'w Part,
    pub best: Book<'g, 'p>,
    menu: Menu<'g>,
    /// Cost of serving nobody.
    base: i64,
    /// What ends a turn where seconds do not.
    nodes: Option<u64>,
}

/// Nodes that stand for a patient caller, who set neither seconds nor nodes: everything ends, nothing by the clock.
const PATIENT: u64 = 2_000;

fn nodes(context: &Context<'_, '_, '_>) -> Option<u64> {
    context.limits.nodes.or_else(|| context.watch.seconds_left().is_infinite().then_some(PATIENT))
}

/// Searches one part until it is proven, as near to its bound as was asked for, or a limit ends it.
pub fn search<'g, 'p>(
    context: &Context<'_, 'g, 'p>,
    board: &Board<'_, '_, 'g, 'p>,
    n: usize,
    part: &Part,
    start: Option<&Start>,
) -> Result<(), Defect> {
    let watch = Near { watch: context.watch, near: board.near(n) };
    let context = &Context { watch: &watch, ..*context };
    let menu = Menu::new(context, part);
    let keeps_pins = |book: &Book<'_, '_>| keeps_pins(context, part, book);
    let best = construct::build(context, part, &menu, start.map(|s| &s.roster), |book| {
        if keeps_pins(book) {
            board.offer(n, book.cost(), &book.roster);
        }
    });
    let base = Book::new(context.grid).cost();
    let mut work = Work { context, board, n, part, best, menu, base, nodes: nodes(context) };
    work.tell();
    if let Some(start) = start.filter(|_| context.limits.repair) {
        work.repair(start);
        return Ok(());
    }
    if !context.stopped() && work.keeps_pins() {
        if let Some(cover) = Cover::new(context, part) {
            return work.cover(&cover);
        } else if part.columns > SMALL_COLUMNS {
            return work.improve();
        }
    }
    if part.columns > EXACT_COLUMNS || context.stopped() {
        return Ok(());
    }
    prove(&mut work, context.pairing)
}

/// A watch that also ends what is as near to its bound as was asked for.
struct Near<'w> {
    watch: &'w dyn Watch,
    near: &'w AtomicBool,
}

impl Watch for Near<'_> {
    fn seconds_left(&self) -> f64 {
        self.watch.seconds_left()
    }

    fn should_stop(&self) -> bool {
        self.near.load(Ordering::Relaxed) || self.watch.should_stop()
    }

    fn on_progress(&self, progress: Progress<'_>) {
        self.watch.on_progress(progress);
    }
}

/// What nobody can earn more than, as a bound on the cost: a cent for what the sums of floats may be off by.
#[expect(clippy::cast_possible_truncation, reason = "costs stay far below 2^53")]
fn bound(most: f64) -> i64 {
    (-most - 1.0).ceil() as i64
}

fn keeps_pins(context: &Context<'_, '_, '_>, part: &Part, book: &Book<'_, '_>) -> bool {
    let kept = |&need: &Need| context.grid.pin_of(need).is_none_or(|pin| book.roster.educator(need) == Some(pin));
    part.needs.iter().all(kept)
}

impl<'g, 'p> Work<'_, 'g, 'p> {
    fn keeps_pins(&self) -> bool {
        keeps_pins(self.context, self.part, &self.best)
    }

    fn tell(&self) {
        if self.keeps_pins() {
            self.board.offer(self.n, self.best.cost(), &self.best.roster);
        }
    }

    /// Keeps a book if it is better.
    pub fn take(&mut self, book: Book<'g, 'p>) {
        if book.cost() < self.best.cost() || !self.keeps_pins() {
            self.best = book;
            self.tell();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "costs stay far below 2^53")]
    fn earned(&self) -> f64 {
        (self.base - self.best.cost()) as f64
    }

    /// Looks for a better place for what lost its own, among those near it; everything else stays where it was.
    fn repair(&mut self, start: &Start) {
        let roster = &self.best.roster;
        let moved = |need: &Need| match *need {
            Need::Block(block) => roster.blocks[block] != start.roster.blocks[block],
            Need::Service(service) => roster.services[service] != start.roster.services[service],
        };
        let orphan = |need: &Need| start.orphans.contains(need);
        let around: Vec<Need> = self.part.needs.iter().copied().filter(|n| moved(n) || orphan(n)).collect();
        if around.is_empty() {
            return;
        }
        let takers = around.iter().map(|&need| self.menu.of(need).len() as u64).sum::<u64>() / around.len() as u64;
        let rounds = (MENDS * around.len() as u64).clamp(MENDS, 20 * MENDS).min(LOOKS / takers.max(1));
        let turn = Span { seconds: 0.0, rounds: Some(rounds) }.begin(self.context.watch);
        let plan = Plan { hot: anneal::COOL, seed: u64::from(self.context.limits.seed), around: &around };
        let (board, n) = (self.board, self.n);
        anneal(self.context, self.part, &self.menu, &mut self.best, plan, &turn, |cost, roster| {
            board.offer(n, cost, roster);
        });
    }

    /// The fewest educators for sections alone, and a bound from the busiest instant: those who teach at it are as many.
    fn cover(&mut self, cover: &Cover) -> Result<(), Defect> {
        let (context, board, n) = (self.context, self.board, self.n);
        let activation = context.grid.educator(self.part.educators[0]).activation_cents;
        let fewest = i64::try_from(cover.busiest).unwrap_or(0);
        board.raise(n, self.part.floor + activation * fewest, Source::BusiestInstant);
        if self.part.columns <= TINY_COLUMNS {
            return prove(self, context.pairing);
        }
        cover.improve(context, self.nodes, &mut self.best, |book| board.offer(n, book.cost(), &book.roster));
        let fewest = self.part.floor + activation * fewest;
        if self.best.cost() - self.base > fewest && self.part.columns <= EXACT_COLUMNS && !context.stopped() {
            return prove(self, context.pairing);
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn improve(&mut self) -> Result<(), Defect> {
        let (watch, limits) = (self.context.watch, self.context.limits);
        let begin = watch.seconds_left();
        let exact = self.part.columns <= EXACT_COLUMNS;
        let mut prices = Prices::new(self.context.grid, self.part, &self.menu, limits.threads, u64::from(limits.seed));
        self.settle(&mut prices);
        self.sections(&mut prices)?;
        let from = watch.seconds_left();
        // Where sections are many, it is annealing that lacks the time.
        let appraises = self.blocks() < MANY;
        let end = if exact {
            begin - (begin * HANDOVER).min(EACH * self.part.needs.len() as f64)
        } else if appraises {
            from * APPRAISING
        } else {
            0.0
        };
        let turns = if exact { TURNS } else { 1 };
        for turn in 0..turns {
            if self.context.stopped() {
                return Ok(());
            }
            self.pack(&mut prices, begin)?;
            let to = from + (end - from) * f64::from(turn + 1) / f64::from(turns);
            let rounds = self.nodes.map(|nodes| 20 * nodes.min(5_000));
            let span = Span { seconds: watch.seconds_left() - to, rounds };
            let seed = u64::from(limits.seed) + 1_000 * u64::from(turn);
            let hot = if exact { anneal::HOT } else { anneal::WARM };
            let plan = Plan { hot, seed, around: &[] };
            let (board, n) = (self.board, self.n);
            let book = race(self.context, self.part, &self.menu, &self.best, plan, span, |cost, roster| {
                board.offer(n, cost, roster);
            })?;
            self.take(book);
            prices.learn(&self.best.roster);
        }
        if appraises && !self.context.stopped() {
            let seconds = (APPRAISING * from).min(watch.seconds_left());
            appraise(self.context, &self.menu, &mut prices, &self.best, seconds, self.nodes)?;
            self.board.raise(self.n, bound(prices.best), Source::Prices);
        }
        if exact && !self.context.stopped() { self.finish(&prices) } else { Ok(()) }
    }

    /// Proves the part on one thread; another, where there is one, looks for what the proof will find, but sooner: among
    /// the few pairs worth a look first, then in neighborhoods.
    fn finish(&mut self, prices: &Prices) -> Result<(), Defect> {
        let pairing = only(
            self.context.grid,
            &prices.survivors(self.earned(), self.context.limits.threads, &|| self.context.stopped()),
        );
        if self.context.limits.threads < 2 || self.nodes.is_some() {
            return prove(self, &pairing);
        }
        let few = self.few(prices);
        let (context, board, n, part, menu) =
            (self.context, self.board, self.n, self.part, Menu::new(self.context, self.part));
        let mut book = self.best.clone();
        let proven = AtomicBool::new(false);
        let look = || -> Result<Book<'g, 'p>, Defect> {
            let done = || proven.load(Ordering::Relaxed);
            let tell = |book: &Book<'_, '_>| board.offer(n, book.cost(), &book.roster);
            let from = context.watch.seconds_left();
            while from - context.watch.seconds_left() < PATIENCE && !done() {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            let base = Book::new(context.grid);
            let scope = whole(context, part, &few, &base);
            let taken = || from - context.watch.seconds_left();
            while !done() && !context.stopped() && taken() < (FEW * from).min(LONGEST) {
                // Nothing interrupts HiGHS: it is asked again, each time for as long as the proof has taken so far.
                let seconds = taken().min(context.watch.seconds_left());
                let limits = limits(context, seconds, board.gap_cents(n).max(neighbors::CLOSE));
                let (better, solved) = exact(&scope, &book, limits)?;
                if let Some(better) = better.filter(|better| better.cost() < book.cost()) {
                    tell(&better);
                    book = better;
                }
                if solved.finished {
                    break;
                }
            }
            neighbors::improve(context, part, &menu, &mut book, &done, tell)?;
            Ok(book)
        };
        let book = std::thread::scope(|scope| {
            let beside = scope.spawn(look);
            let outcome = prove(self, &pairing);
            proven.store(true, Ordering::Relaxed);
            let book = beside.join().map_err(|_| Defect::Panic)?;
            outcome.and(book)
        })?;
        self.take(book);
        Ok(())
    }

    /// Sets the first prices.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn settle(&self, prices: &mut Prices) {
        let watch = self.context.watch;
        let begin = watch.seconds_left();
        let passes = self.nodes.map_or(PASSES, |nodes| usize::try_from(nodes).unwrap_or(PASSES).clamp(30, PASSES));
        let share = |pass: usize| {
            let by_clock = (begin - watch.seconds_left()) / (begin * PRICING);
            let by_count = pass as f64 / passes as f64;
            if watch.should_stop() {
                1.0
            } else if self.nodes.is_some() {
                by_count
            } else {
                by_count.max(by_clock)
            }
        };
        let stop = || watch.should_stop();
        prices.settle(self.context.limits.threads, share, &stop, |most| {
            self.board.raise(self.n, bound(most), Source::Prices);
        });
    }

    /// The pairs that are worth a look: of each educator's best terms at late prices, of the best roster, and pins.
    fn few(&self, prices: &Prices) -> Pairing {
        let mut pairs = prices.support();
        let kept = |need: &Need| self.best.roster.educator(*need).map(|educator| (*need, educator));
        pairs.extend(self.part.needs.iter().filter_map(kept));
        pairs.sort_unstable();
        pairs.dedup();
        only(self.context.grid, &pairs)
    }

    fn blocks(&self) -> usize {
        self.part.needs.iter().filter(|need| matches!(need, Need::Block(_))).count()
    }

    /// The sections without any services: they are most of the money. Then everything else where it costs least.
    fn sections(&mut self, prices: &mut Prices) -> Result<(), Defect> {
        let blocks = self.blocks();
        if blocks == 0 {
            return Ok(());
        }
        let watch = self.context.watch;
        let mut roster = self.best.roster.clone();
        let share = if blocks < MANY { SECTIONS } else { MANY_SECTIONS };
        let seconds = self.nodes.is_none().then(|| share * watch.seconds_left());
        dive::dive(self.context, prices, &mut roster, seconds)?;
        self.board.raise(self.n, bound(prices.best), Source::Prices);
        let book = construct::build(self.context, self.part, &self.menu, Some(&roster), |_| {});
        self.take(book);
        Ok(())
    }

    /// The best choice of known terms, then everything else where it costs least.
    fn pack(&mut self, prices: &mut Prices, begin: f64) -> Result<(), Defect> {
        prices.learn(&self.best.roster);
        let (watch, limits) = (self.context.watch, self.context.limits);
        // Only the clock ends the pool of a large part, and where nodes are counted no answer may hang on the clock.
        let ends = self.nodes.is_none() || self.part.columns <= EXACT_COLUMNS;
        let patterns = prices.patterns(self.context.grid);
        if patterns.len() > POOL || !ends || watch.should_stop() {
            return Ok(());
        }
        let mut roster = self.best.roster.clone();
        let seconds = (begin * PACKING).min(LONGEST).min(watch.seconds_left());
        let solve = SolveLimits { seconds, nodes: self.nodes, gap_cents: 1_000.0, seed: limits.seed };
        pool::choose(&patterns, &mut roster, solve)?;
        let book = construct::build(self.context, self.part, &self.menu, Some(&roster), |_| {});
        self.take(book);
        Ok(())
    }
}
