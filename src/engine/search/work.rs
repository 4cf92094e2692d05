//! The work on one part: a start, prices for its needs, the pool of terms that the prices showed, annealing, a proof.
//!
//! Small parts are proven at once. Where a proof is out of reach the prices go on in one thread, for the
//! bound, while the other anneals.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::anneal::{self, Clock, anneal};
use super::board::{Board, Source};
use super::book::{Book, Roster};
use super::menu::Menu;
use super::part::Part;
use super::prices::Prices;
use super::prove::{only, prove};
use super::{Context, Defect, construct, pool, thinning};
use crate::engine::solve::SolveLimits;

/// Below this, HiGHS proves a part before anything else has been tried.
const SMALL_COLUMNS: usize = 1_500;
/// Programmes up to this many columns are handed to HiGHS whole; at us-m (1.7 million) the root LP alone does not
/// end in half an hour.
const EXACT_COLUMNS: usize = 60_000;
/// Rounds of prices before the first pool.
const ROUNDS: usize = 1_200;
/// Of the seconds left: until the first prices are set, for one pool, and until a provable part is handed over.
const PRICING: f64 = 0.2;
const PACKING: f64 = 0.08;
const HANDOVER: f64 = 0.15;
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
}

/// Searches one part until it is proven or a limit ends it.
pub fn search<'w, 'g, 'p>(
    context: &'w Context<'w, 'g, 'p>,
    board: &'w Board<'w, 'w, 'g, 'p>,
    n: usize,
    part: &'w Part,
    start: Option<&Roster>,
) -> Result<(), Defect> {
    let menu = Menu::new(context, part);
    let best = construct::build(context, part, &menu, start);
    let base = Book::new(context.grid).cost();
    let mut work = Work { context, board, n, part, best, menu, base };
    work.tell();
    if !context.stopped() && work.keeps_pins() {
        if thinning::applies(context.grid, part) {
            thinning::thin(context, part, &mut work.best, |book| board.offer(n, book.cost(), &book.roster))?;
        } else if part.columns > SMALL_COLUMNS {
            return work.improve();
        }
    }
    if part.columns > EXACT_COLUMNS || context.stopped() {
        return Ok(());
    }
    prove(&mut work, context.pairing)
}

/// When one turn of annealing ends: at so many seconds left, or after so many rounds.
struct Turn<'t> {
    watch: &'t dyn crate::engine::Watch,
    from: f64,
    to: f64,
    rounds: Option<u64>,
}

impl Clock for Turn<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn done(&self, round: u64) -> f64 {
        match self.rounds {
            Some(rounds) => round as f64 / rounds.max(1) as f64,
            None => (self.from - self.watch.seconds_left()) / (self.from - self.to).max(1e-3),
        }
    }
}

impl<'g, 'p> Work<'_, 'g, 'p> {
    fn keeps_pins(&self) -> bool {
        let grid = self.context.grid;
        self.part.needs.iter().all(|&n| grid.pin_of(n).is_none_or(|pin| self.best.roster.educator(n) == Some(pin)))
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

    fn improve(&mut self) -> Result<(), Defect> {
        let (watch, limits) = (self.context.watch, self.context.limits);
        let begin = watch.seconds_left();
        let exact = self.part.columns <= EXACT_COLUMNS;
        let end = if exact { begin * (1.0 - HANDOVER) } else { 0.0 };
        let mut prices = Prices::new(self.context.grid, self.part, &self.menu);
        let rounds = limits.nodes.map_or(ROUNDS, |nodes| usize::try_from(nodes).unwrap_or(ROUNDS).clamp(50, ROUNDS));
        for _ in 0..rounds {
            if prices.is_still() || watch.should_stop() || watch.seconds_left() < begin * (1.0 - PRICING) {
                break;
            }
            prices.step(self.earned(), limits.threads);
        }
        self.raise(&prices);
        let from = watch.seconds_left();
        for turn in 0..TURNS {
            if self.context.stopped() {
                return Ok(());
            }
            self.pack(&mut prices, begin)?;
            let share = f64::from(turn + 1) / f64::from(TURNS);
            let turn = Turn {
                watch,
                from: watch.seconds_left(),
                to: from + (end - from) * share,
                rounds: limits.nodes.map(|nodes| 20 * nodes.min(5_000)),
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
        let limits = SolveLimits {
            seconds: (begin * PACKING).min(self.context.watch.seconds_left()),
            nodes: self.context.limits.nodes,
            gap_cents: 1_000.0,
            seed: self.context.limits.seed,
        };
        let mut roster = Roster::empty(self.context.grid);
        for (educator, block) in pool::choose(&prices.patterns(), &self.best.roster, limits)? {
            roster.blocks[block] = Some(educator);
        }
        roster.services.clone_from(&self.best.roster.services);
        let book = construct::build(self.context, self.part, &self.menu, Some(&roster));
        self.take(book);
        Ok(())
    }

    /// One turn of annealing; the prices go on beside it where there is a thread for them.
    fn anneal(&mut self, prices: &mut Prices, turn: &Turn<'_>, hot: f64, exact: bool) {
        let (done, earned) = (AtomicBool::new(false), AtomicI64::new(self.base - self.best.cost()));
        let (context, part, menu, board, n, base) =
            (self.context, self.part, &self.menu, self.board, self.n, self.base);
        let rounds = context.limits.nodes.map_or(usize::MAX, |nodes| usize::try_from(nodes).unwrap_or(200).min(200));
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
                }
            }
            #[expect(clippy::cast_possible_truncation, reason = "costs stay far below 2^53")]
            board.raise(n, (-prices.best - 1.0).ceil() as i64, Source::Prices);
        };
        std::thread::scope(|scope| {
            if beside {
                scope.spawn(&mut more);
            }
            anneal(context, part, menu, best, (hot, u64::from(context.limits.seed)), turn, |cost, roster| {
                if context.limits.nodes.is_none() {
                    earned.store(base - cost, Ordering::Relaxed);
                }
                board.offer(n, cost, roster);
            });
            done.store(context.limits.nodes.is_none(), Ordering::Relaxed);
        });
        if !beside && context.limits.nodes.is_some() {
            more();
        }
    }
}
