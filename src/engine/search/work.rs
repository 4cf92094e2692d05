//! The work on one part: a start, prices for its needs, the pool of terms that the prices showed, annealing, a proof.
//!
//! Small parts are proven at once. Where a proof is out of reach the prices go on in one thread, for the
//! bound, while the other anneals.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::anneal::{self, Clock, Plan, anneal};
use super::board::{Board, Source};
use super::book::{Book, Roster};
use super::cover::Cover;
use super::menu::Menu;
use super::part::Part;
use super::prices::Prices;
use super::prove::{only, prove};
use super::rng::SplitMix;
use super::{Context, Defect, Start, construct, pool};
use crate::engine::grid::Need;
use crate::engine::solve::SolveLimits;

/// Below this, HiGHS proves a part before anything else has been tried.
const SMALL_COLUMNS: usize = 1_500;
/// Covers below this are proven by HiGHS, whatever the busiest instant says.
const TINY_COLUMNS: usize = 150;
/// Programmes up to this many columns are handed to HiGHS whole; at us-m (1.7 million) the root LP alone does not
/// end in half an hour.
const EXACT_COLUMNS: usize = 60_000;
/// From this many on, sections are annealed alone first.
const VENDOR_COLUMNS: usize = 5_000_000;
/// Rounds of prices before the first pool.
const ROUNDS: usize = 1_200;
/// Of the seconds left: for sections alone, until the first prices are set, for one pool, and until a provable part is handed over.
const SECTIONS: f64 = 0.08;
const PRICING: f64 = 0.25;
const PACKING: f64 = 0.15;
const HANDOVER: f64 = 0.15;
/// Seconds of annealing for each need of a provable part, at most.
const EACH: f64 = 0.03;
/// Terms that are chosen from at once; where there are more, a few hundred educators at a time.
const POOL: usize = 12_000;
const NEIGHBORS: usize = 250;
/// Rounds of annealing for each need that lost its place.
const MENDS: u64 = 300;
/// Times that annealing and packing take turns.
const TURNS: u32 = 3;

pub struct Work<'w, 'g, 'p> {
    pub context: &'w Context<'w, 'g, 'p>,
    pub board: &'w Board<'w, 'w, 'g, 'p>,
    pub n: usize,
    pub part: &'w Part,
    pub best: Book<'g, 'p>,
    menu: Menu,
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

/// Searches one part until it is proven or a limit ends it.
pub fn search<'w, 'g, 'p>(
    context: &'w Context<'w, 'g, 'p>,
    board: &'w Board<'w, 'w, 'g, 'p>,
    n: usize,
    part: &'w Part,
    start: Option<&Start>,
) -> Result<(), Defect> {
    let menu = Menu::new(context, part);
    let sections = sections_first(context, part, start);
    let keeps_pins = |book: &Book<'_, '_>| keeps_pins(context, part, book);
    let best = construct::build(context, part, &menu, start.map(|s| &s.roster).or(sections.as_ref()), |book| {
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

/// Where the programme is out of reach, the sections annealed without any services: with few choices and a price each,
/// they take a tenth of the time that they take among services, and are worth most of the money. At us-l a
/// greedy start leaves a quarter of them untaught beside 880 idle educators.
fn sections_first(context: &Context<'_, '_, '_>, part: &Part, start: Option<&Start>) -> Option<Roster> {
    let is_block = |need: &Need| matches!(need, Need::Block(_));
    if part.columns <= VENDOR_COLUMNS || start.is_some() || !part.needs.iter().any(is_block) {
        return None;
    }
    let needs: Vec<Need> = part.needs.iter().copied().filter(is_block).collect();
    let sections = Part { needs, educators: part.educators.clone(), floor: part.floor, columns: 0 };
    let menu = Menu::new(context, &sections);
    let mut book = construct::build(context, &sections, &menu, None, |_| {});
    let (watch, begin) = (context.watch, context.watch.seconds_left());
    let rounds = nodes(context).map(|nodes| 200 * nodes.min(5_000));
    let turn = Turn { watch, from: begin, to: begin * (1.0 - SECTIONS), rounds, enough: AtomicBool::new(false) };
    let plan = Plan { hot: anneal::HOT, seed: u64::from(context.limits.seed), around: &[] };
    anneal(context, &sections, &menu, &mut book, plan, &turn, |_, _| {});
    Some(book.roster)
}

fn keeps_pins(context: &Context<'_, '_, '_>, part: &Part, book: &Book<'_, '_>) -> bool {
    let kept = |&need: &Need| context.grid.pin_of(need).is_none_or(|pin| book.roster.educator(need) == Some(pin));
    part.needs.iter().all(kept)
}

/// When one turn of annealing ends: at so many seconds left, or after so many rounds.
struct Turn<'t> {
    watch: &'t dyn crate::engine::Watch,
    from: f64,
    to: f64,
    rounds: Option<u64>,
    /// Somebody found that it is close enough to the bound.
    enough: AtomicBool,
}

impl Clock for Turn<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn done(&self, round: u64) -> f64 {
        match self.rounds {
            _ if self.enough.load(Ordering::Relaxed) => 1.0,
            Some(rounds) => round as f64 / rounds.max(1) as f64,
            None => (self.from - self.watch.seconds_left()) / (self.from - self.to).max(1e-3),
        }
    }
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
        let rounds = (MENDS * around.len() as u64).clamp(MENDS, 20 * MENDS);
        let watch = self.context.watch;
        let turn = Turn { watch, from: 0.0, to: 0.0, rounds: Some(rounds), enough: AtomicBool::new(false) };
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
        let end = if exact { begin - (begin * HANDOVER).min(EACH * self.part.needs.len() as f64) } else { 0.0 };
        let mut prices = Prices::new(self.context.grid, self.part, &self.menu, limits.threads);
        let rounds = self.nodes.map_or(ROUNDS, |nodes| usize::try_from(nodes).unwrap_or(ROUNDS).clamp(50, ROUNDS));
        for _ in 0..rounds {
            if prices.is_still() || watch.should_stop() || watch.seconds_left() < begin * (1.0 - PRICING) {
                break;
            }
            prices.step(self.earned(), limits.threads);
        }
        self.raise(&prices);
        let from = watch.seconds_left();
        for turn in 0..TURNS {
            if self.context.stopped() || self.board.is_close(self.n) {
                return Ok(());
            }
            self.pack(&mut prices, begin)?;
            let share = f64::from(turn + 1) / f64::from(TURNS);
            let turn = Turn {
                watch,
                from: watch.seconds_left(),
                to: from + (end - from) * share,
                rounds: self.nodes.map(|nodes| 20 * nodes.min(5_000)),
                enough: AtomicBool::new(false),
            };
            self.anneal(&mut prices, &turn, if exact { anneal::HOT } else { anneal::WARM }, exact);
            prices.learn(&self.best.roster);
        }
        if exact && !self.context.stopped() {
            let pairing = only(self.context.grid, &prices.survivors(self.earned()));
            return prove(self, &pairing);
        }
        Ok(())
    }

    fn raise(&self, prices: &Prices) {
        // A cent for what the sums of floats may be off by.
        #[expect(clippy::cast_possible_truncation, reason = "costs stay far below 2^53")]
        self.board.raise(self.n, (-prices.best - 1.0).ceil() as i64, Source::Prices);
    }

    /// The best choice of known terms, then everything else where it costs least.
    fn pack(&mut self, prices: &mut Prices, begin: f64) -> Result<(), Defect> {
        prices.learn(&self.best.roster);
        let (watch, limits) = (self.context.watch, self.context.limits);
        let end = watch.seconds_left() - begin * PACKING;
        let patterns = prices.patterns();
        let mut roster = self.best.roster.clone();
        let whole = patterns.len() <= POOL;
        let mut rng = SplitMix::new(u64::from(limits.seed) + 77);
        for round in 0.. {
            let left = watch.seconds_left() - end;
            if watch.should_stop() || left <= 0.0 || round >= self.nodes.map_or(u64::MAX, |nodes| nodes.min(20)) {
                break;
            }
            let seconds = if whole { left } else { left.min(10.0) };
            let solve = SolveLimits { seconds, nodes: self.nodes, gap_cents: 1_000.0, seed: limits.seed };
            if whole {
                pool::choose(&patterns, &mut roster, solve)?;
                break;
            }
            let among = self.neighbors(&mut rng);
            let some: Vec<_> = patterns.iter().filter(|p| pool::fits(p, &roster, &among)).cloned().collect();
            pool::choose(&some, &mut roster, solve)?;
        }
        let book = construct::build(self.context, self.part, &self.menu, Some(&roster), |_| {});
        self.take(book);
        Ok(())
    }

    /// Educators who could take each other's sections, around one by lot.
    fn neighbors(&self, rng: &mut SplitMix) -> Vec<bool> {
        let mut among = vec![false; self.context.grid.educators.len()];
        let mut queue: Vec<usize> = rng.pick(&self.part.educators).copied().into_iter().collect();
        let (mut count, mut at) = (0, 0);
        while count < NEIGHBORS && at < 4 * NEIGHBORS {
            at += 1;
            let Some(&educator) = rng.pick(&queue) else { break };
            if !among[educator] {
                among[educator] = true;
                count += 1;
            }
            if let Some(need @ Need::Block(_)) = self.menu.one_of(educator, rng) {
                queue.extend(rng.pick(self.menu.of(need)).map(|dish| dish.educator));
            }
        }
        among
    }

    /// One turn of annealing; the prices go on beside it where there is a thread for them.
    fn anneal(&mut self, prices: &mut Prices, turn: &Turn<'_>, hot: f64, exact: bool) {
        let (done, earned) = (AtomicBool::new(false), AtomicI64::new(self.base - self.best.cost()));
        let (context, part, menu, board, n, base) =
            (self.context, self.part, &self.menu, self.board, self.n, self.base);
        let rounds = self.nodes.map_or(usize::MAX, |nodes| usize::try_from(nodes).unwrap_or(200).min(200));
        let by_clock = self.nodes.is_none();
        let best = &mut self.best;
        let beside = context.limits.threads > 1 && !exact;
        let mut more = || {
            prices.stir();
            for round in 0..rounds {
                if done.load(Ordering::Relaxed) || prices.is_still() {
                    break;
                }
                #[expect(clippy::cast_precision_loss, reason = "costs stay far below 2^53")]
                prices.step(earned.load(Ordering::Relaxed) as f64, 1);
                if round % 20 == 19 {
                    #[expect(clippy::cast_possible_truncation, reason = "costs stay far below 2^53")]
                    board.raise(n, (-prices.best - 1.0).ceil() as i64, Source::Prices);
                    turn.enough.fetch_or(by_clock && board.is_close(n), Ordering::Relaxed);
                }
            }
            #[expect(clippy::cast_possible_truncation, reason = "costs stay far below 2^53")]
            board.raise(n, (-prices.best - 1.0).ceil() as i64, Source::Prices);
        };
        std::thread::scope(|scope| {
            if beside {
                scope.spawn(&mut more);
            }
            anneal(
                context,
                part,
                menu,
                best,
                Plan { hot, seed: u64::from(context.limits.seed), around: &[] },
                turn,
                |cost, roster| {
                    if context.limits.nodes.is_none() {
                        earned.store(base - cost, Ordering::Relaxed);
                    }
                    board.offer(n, cost, roster);
                    turn.enough.fetch_or(by_clock && board.is_close(n), Ordering::Relaxed);
                },
            );
            done.store(by_clock, Ordering::Relaxed);
        });
        if !beside && !by_clock {
            more();
        }
    }
}
