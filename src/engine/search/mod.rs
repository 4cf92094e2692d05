//! How problems of every size are searched: split, construct, improve in neighborhoods, prove where possible.
//!
//! Parts of the problem that share no educator, student or `together` row are searched apart, on one OS
//! thread each. Every part ends with a roster that obeys the rules and a bound that holds.

mod anneal;
mod appraise;
pub mod board;
pub mod book;
mod branch;
mod ceiling;
mod chain;
mod construct;
mod cover;
mod deal;
mod desk;
mod dive;
mod hull;
mod insertion;
mod islands;
mod menu;
mod neighbors;
mod part;
mod pool;
mod prices;
mod prove;
mod race;
mod rng;
mod ruin;
mod students;
mod terms;
mod tight;
mod work;

use std::sync::atomic::{AtomicUsize, Ordering};

use super::grid::{Grid, Need};
use super::outcome::Limits;
use super::pairing::Pairing;
use super::problem::Pair;
use super::solve::SolverDefect;
use super::{Watch, decode::NotBinary};
use board::Board;
use book::{Book, Roster};
pub use insertion::{Inserter, Offer, accept, offer_block};
pub use menu::{Dish, Menu, sessions_minutes};
pub use part::{Part, split};
pub use ruin::stake;

/// Something in the engine contradicts itself; never the user's fault.
#[derive(Debug, thiserror::Error)]
pub enum Defect {
    #[error(transparent)]
    Solver(#[from] SolverDefect),
    #[error(transparent)]
    Decode(#[from] NotBinary),
    #[error("the programme promised a cost of {promised} and the book counts {counted}")]
    Cost { promised: i64, counted: i64 },
    #[error("a search thread panicked")]
    Panic,
}

/// What every part of a search reads.
pub struct Context<'c, 'g, 'p> {
    pub grid: &'g Grid<'p>,
    pub pairing: &'c Pairing,
    pub limits: &'c Limits,
    pub watch: &'c dyn Watch,
}

/// Where a search begins.
pub struct Start {
    pub roster: Roster,
    /// Needs that had an educator who is no longer there.
    pub orphans: Vec<Need>,
}

/// What a search came to.
pub struct Found {
    pub roster: Roster,
    pub cost: i64,
    pub bound: i64,
    pub bound_from: String,
    /// Ids of pinned needs that cannot all be kept, whatever else is dropped.
    pub impossible_pins: Vec<String>,
}

/// Searches all parts, largest first, on `limits.threads` threads.
pub fn search(context: &Context<'_, '_, '_>, start: Option<&Start>) -> Result<Found, Defect> {
    let grid = context.grid;
    let alone = refused_pins(context);
    if !alone.is_empty() {
        return Ok(Found {
            roster: Roster::empty(grid),
            cost: 0,
            bound: 0,
            bound_from: String::new(),
            impossible_pins: alone,
        });
    }
    let parts = split(grid, context.pairing);
    let empty = Book::new(grid);
    let board = Board::new(context, &parts, empty.cost());
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), Defect> {
        while let Some(n) = take(&next, parts.len()) {
            work::search(context, &board, n, &parts[n], start)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..context.limits.threads.clamp(1, parts.len().max(1))).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|t| t.join().map_err(|_| Defect::Panic)?)
    })?;
    Ok(board.found())
}

/// Pins that the static rules refuse, or that ask two educators to share a bundle.
fn refused_pins(context: &Context<'_, '_, '_>) -> Vec<String> {
    let educators = &context.grid.index.educators;
    let kept = |pin: &&Pair| {
        let need = context.grid.need(&pin.need);
        let educator = educators.get(pin.educator.as_str()).copied();
        need.zip(educator).is_some_and(|(need, e)| {
            context.grid.pin_of(need) == Some(e) && context.pairing.of(need).binary_search(&e).is_ok()
        })
    };
    context.grid.problem.pins.iter().filter(|pin| !kept(pin)).map(|pin| pin.need.clone()).collect()
}

fn take(next: &AtomicUsize, end: usize) -> Option<usize> {
    let n = next.fetch_add(1, Ordering::Relaxed);
    (n < end).then_some(n)
}

impl Context<'_, '_, '_> {
    pub fn stopped(&self) -> bool {
        self.watch.should_stop() || self.watch.seconds_left() <= 0.0
    }
}
