//! The dive: the programme of terms solved, some educators given a term for good, and the others asked again.
//!
//! Diving by column generation (Joncour et al. 2010): those whose term is whole in the programme keep it, and of the
//! others a few with the largest shares. Measured at us-m, 60 s beside other work: 3,951 M at a bound of 3,848 M, where
//! exchanging sections alone came to 3,966 M at 3,834 M.
//!
//! At us-l there is one for each of the islands that a deal leaves, and then one for each of some twenty small islands, again
//! and again and around other people each time. Measured there from a finished schedule, whose sections lacked 3,096 M of what the
//! prices promise: 2,368 M after six times, of 14 s each; where the small islands were cut by area and lot, 2,459 M; where they had
//! 600 blocks, 2,440 M after four times of 26 s.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::book::Roster;
use super::branch::Effort;
use super::deal::{Dealt, deal};
use super::islands::{self, Island, MANY};
use super::prices::Prices;
use super::rng::SplitMix;
use super::terms::{Shares, Terms};
use super::{Context, Defect};
use crate::engine::grid::{BlockIx, EducatorIx};
use crate::engine::solve::SolverDefect;

/// Rounds at the root, at most, and from one giving to the next.
const ROOT: usize = 60;
const BETWEEN: usize = 3;
/// Rounds in which prices go only a short way to the duals, and how far, then and later.
const EARLY: usize = 4;
const SHORT: f64 = 0.3;
const LONG: f64 = 0.6;
/// Of the time, what a deal may take where there are many blocks.
const DEALING: f64 = 0.5;
/// Of the time, what the root may take; and the share of the worth that there is nothing more to gain at.
const ROOTED: f64 = 0.5;
const LITTLE: f64 = 1e-4;
/// Times that small islands are dived into, at most.
const TIMES: usize = 20;
/// Of those who have no term yet, the share that is given one at a time, at least.
const AT_ONCE: f64 = 0.01;
/// Nodes into an educator's term: at first, at most, and while terms are given away.
const FEW: usize = 100;
const MOST: usize = 10_000;
const DIVING: usize = 300;
/// Shares of a programme are whole above this, and nothing below that.
const WHOLE: f64 = 0.999;
const NOTHING: f64 = 1e-6;

/// What a dive came to.
struct Found {
    /// Cents that they come to, and that the roster came to.
    worth: f64,
    held: f64,
    /// By person of the island: the sections given to them.
    given: Vec<Vec<BlockIx>>,
    /// Needs of the island and their prices at the root.
    prices: Vec<(usize, f64)>,
    /// By person: all terms that were thought of.
    known: Vec<BTreeSet<Vec<BlockIx>>>,
}

/// Shares out the sections of a roster anew, within so many seconds where there is a clock. The prices are those of the
/// programmes afterwards, if they are better, and the terms known those that the programmes had.
pub fn dive(
    context: &Context<'_, '_, '_>,
    prices: &mut Prices,
    roster: &mut Roster,
    seconds: Option<f64>,
) -> Result<(), Defect> {
    if context.stopped() {
        return Ok(());
    }
    let (grid, begin) = (context.grid, context.watch.seconds_left());
    let left = || seconds.map(|seconds| seconds - (begin - context.watch.seconds_left()));
    let whole = islands::whole(grid, prices, roster);
    let many = whole.blocks.len() >= MANY;
    let Dealt { rest, prices: from } = if many {
        deal(context, prices, &whole, roster, seconds.map(|seconds| seconds * DEALING))
    } else {
        Dealt { rest: whole, prices: prices.best_prices.clone() }
    };
    let islands = islands::cut(grid, prices, roster, rest, u64::from(context.limits.seed));
    let found = on_lanes(context, prices, &islands, roster, &from, left())?;
    let mut at = prices.best_prices.clone();
    // Those of what a deal has left are none for all.
    let new = found.iter().filter(|_| !many).flat_map(|(_, found)| &found.prices);
    new.for_each(|&(need, price)| at[need] = price);
    apply(prices, &islands, found, roster);
    if many {
        around(context, prices, roster, &left)?;
    }
    // If the clock runs out over many nodes, few have been enough; to prices that were tried before, few add nothing.
    let tries = if many { &[MOST][..] } else { &[FEW, MOST] };
    for &nodes in tries {
        prices.offer(at.clone(), context.limits.threads, nodes, &|| context.stopped());
    }
    Ok(())
}

/// Dives into small islands, of other people each time, while the time lasts and they bring anything.
fn around(
    context: &Context<'_, '_, '_>,
    prices: &mut Prices,
    roster: &mut Roster,
    left: &dyn Fn() -> Option<f64>,
) -> Result<(), Defect> {
    let mut rng = SplitMix::new(u64::from(context.limits.seed));
    let from = prices.best_prices.clone();
    for _ in 0..TIMES {
        if context.stopped() || left().is_some_and(|left| left <= 0.0) {
            break;
        }
        let whole = islands::whole(context.grid, prices, roster);
        let islands = islands::around(context.grid, prices, roster, &whole, &mut rng);
        let found = on_lanes(context, prices, &islands, roster, &from, left())?;
        let (worth, held) =
            found.iter().fold((0.0, 0.0), |sums, (_, found)| (sums.0 + found.worth, sums.1 + found.held));
        apply(prices, &islands, found, roster);
        if worth - held < LITTLE * held {
            break;
        }
    }
    Ok(())
}

/// Writes what was found for some islands in the roster, and the terms that are known now.
fn apply(prices: &mut Prices, islands: &[Island], found: Vec<(usize, Found)>, roster: &mut Roster) {
    let people: BTreeSet<EducatorIx> =
        found.iter().flat_map(|(n, _)| &islands[*n].people).map(|&n| prices.ceilings[n].educator()).collect();
    for place in roster.blocks.iter_mut().filter(|place| place.is_some_and(|e| people.contains(&e))) {
        *place = None;
    }
    for (n, found) in found {
        for ((&n, given), known) in islands[n].people.iter().zip(found.given).zip(found.known) {
            given.into_iter().for_each(|block| roster.blocks[block] = Some(prices.ceilings[n].educator()));
            prices.patterns[n] = known;
        }
    }
}

/// Dives into all islands, the largest first, each thread into one after the other; of a single island the threads share
/// the work. Each has as much of the time as it has of the sections.
#[expect(clippy::cast_precision_loss, reason = "shares of time")]
fn on_lanes(
    context: &Context<'_, '_, '_>,
    prices: &Prices,
    islands: &[Island],
    roster: &Roster,
    from: &[f64],
    seconds: Option<f64>,
) -> Result<Vec<(usize, Found)>, Defect> {
    let (watch, threads) = (context.watch, context.limits.threads.max(1));
    let lanes = threads.min(islands.len()).max(1);
    let all: usize = islands.iter().map(|island| island.blocks.len()).sum();
    let next = AtomicUsize::new(0);
    let lane = || -> Vec<(usize, Found)> {
        let mut found = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(island) = islands.get(n) else { return found };
            let share = island.blocks.len() as f64 * lanes as f64 / all as f64;
            let begin = watch.seconds_left();
            let done = || match seconds {
                _ if watch.should_stop() => 1.0,
                Some(seconds) => (begin - watch.seconds_left()) / (seconds * share).max(1e-3),
                None => 0.0,
            };
            // Whoever cannot be dived for keeps what they have: a programme that fails is no reason to have no schedule.
            found.extend(
                dive_into(context, prices, island, roster, from, threads / lanes, &done).ok().map(|found| (n, found)),
            );
        }
    };
    let found = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().map(|lane| lane.join().map_err(|_| Defect::Panic)).collect::<Result<Vec<_>, Defect>>()
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// Terms for the people of an island. `done` goes from 0 to 1 as the time does; without a clock it stays at 0.
fn dive_into(
    context: &Context<'_, '_, '_>,
    prices: &Prices,
    island: &Island,
    roster: &Roster,
    from: &[f64],
    threads: usize,
    done: &dyn Fn() -> f64,
) -> Result<Found, SolverDefect> {
    let stop = || context.stopped();
    let mut terms = Terms::new(context.grid, prices, island, roster, from, threads)?;
    let Root { mut shares, prices: root } = settle(&mut terms, prices, island, done, &stop)?;
    let mut given: Vec<Option<usize>> = vec![None; island.people.len()];
    let effort = Effort { nodes: DIVING, ..prices.effort };
    let (mut at_once, mut last) = (AT_ONCE, done());
    loop {
        let open = given.iter().filter(|term| term.is_none()).count();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "few")]
        let most = if last >= 1.0 { open } else { (open as f64 * at_once).ceil() as usize };
        if give(&mut terms, &shares, &mut given, most)? == 0 || last >= 1.0 {
            break;
        }
        let open: Vec<usize> = (0..given.len()).filter(|&person| given[person].is_none()).collect();
        shares = terms.solve()?;
        for _ in 0..BETWEEN {
            if terms.ask(&shares, &open, 1.0, effort, &stop)?.0 == 0 {
                break;
            }
            shares = terms.solve()?;
        }
        let now = done();
        at_once = pace(open.len(), now - last, 1.0 - now);
        last = now;
    }
    let worth: f64 = given.iter().flatten().map(|&term| terms.terms[term].worth).sum();
    let held = terms.worth;
    if worth < held {
        let given = std::mem::take(&mut terms.held);
        return Ok(Found { worth: held, held, given, prices: root, known: terms.known() });
    }
    let given = given.iter().map(|term| term.map_or_else(Vec::new, |term| terms.terms[term].blocks.clone())).collect();
    Ok(Found { worth, held, given, prices: root, known: terms.known() })
}

/// The share to be given a term at a time, so that all have one when the time is up.
#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
fn pace(open: usize, step: f64, left: f64) -> f64 {
    let steps = (left / step.max(1e-9)).max(1.0);
    (1.0 - (1.0 / open.max(1) as f64).powf(1.0 / steps)).max(AT_ONCE)
}

/// A programme for which there are no more terms worth having.
struct Root {
    shares: Shares,
    /// Needs, and the prices at which least was left to gain.
    prices: Vec<(usize, f64)>,
}

/// More terms until there are none worth having.
fn settle(
    terms: &mut Terms<'_, '_>,
    prices: &Prices,
    island: &Island,
    done: &dyn Fn() -> f64,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Root, SolverDefect> {
    let everybody: Vec<usize> = (0..island.people.len()).collect();
    let mut nodes = FEW;
    let mut shares = terms.solve()?;
    let mut root = (f64::INFINITY, terms.late_prices());
    for round in 0..ROOT {
        let step = if round < EARLY { SHORT } else { LONG };
        let (new, left) = terms.ask(&shares, &everybody, step, Effort { nodes, ..prices.effort }, stop)?;
        if shares.worth + left < root.0 {
            root = (shares.worth + left, terms.late_prices());
        }
        if left < LITTLE * shares.worth || new == 0 && nodes == MOST {
            break;
        }
        shares = terms.solve()?;
        if done() > ROOTED || stop() {
            break;
        }
        if new * 8 < island.people.len() {
            nodes = (nodes * 3).min(MOST);
        }
    }
    Ok(Root { shares, prices: root.1 })
}

/// Gives a term to everybody whose share in it is whole, and to `most` others with the largest; says to how many.
fn give(
    terms: &mut Terms<'_, '_>,
    shares: &Shares,
    given: &mut [Option<usize>],
    most: usize,
) -> Result<usize, SolverDefect> {
    let mut order: Vec<usize> = (0..shares.values.len()).filter(|&term| shares.values[term] > NOTHING).collect();
    order.sort_by(|&a, &b| shares.values[b].total_cmp(&shares.values[a]));
    let (mut whole, mut others) = (0, 0);
    for term in order {
        let person = terms.terms[term].person;
        let is_whole = shares.values[term] > WHOLE;
        if !is_whole && others >= most {
            break;
        }
        if given[person].is_none() && terms.is_free(term) {
            terms.give(term)?;
            given[person] = Some(term);
            *if is_whole { &mut whole } else { &mut others } += 1;
        }
    }
    Ok(whole + others)
}
