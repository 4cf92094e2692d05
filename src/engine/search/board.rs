//! The board: the best roster and bound of every part so far, and the events that say so.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::book::Roster;
use super::part::Part;
use super::{Context, Found};
use crate::engine::answer;
use crate::engine::grid::{Grid, Need};
use crate::engine::outcome::Progress;

/// How a part's bound was obtained, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Every need at its cheapest, as if nothing else were scheduled.
    EachNeedAlone,
    /// As many educators are used as there are sections at the busiest instant.
    BusiestInstant,
    /// A price on every need, and the most that each educator's term can then be worth.
    Prices,
    /// The MIP's own dual bound.
    Mip,
}

struct State {
    roster: Roster,
    /// By part, relative to nobody serving anything.
    cost: Vec<Option<i64>>,
    bound: Vec<i64>,
    source: Vec<Source>,
    impossible: Vec<Vec<String>>,
}

pub struct Board<'b, 'c, 'g, 'p> {
    context: &'b Context<'c, 'g, 'p>,
    parts: &'b [Part],
    /// Cost of serving nothing at all.
    base: i64,
    by_clock: bool,
    near: Vec<AtomicBool>,
    state: Mutex<State>,
}

impl<'b, 'c, 'g, 'p> Board<'b, 'c, 'g, 'p> {
    pub fn new(context: &'b Context<'c, 'g, 'p>, parts: &'b [Part], base: i64) -> Self {
        let state = State {
            roster: Roster::empty(context.grid),
            cost: vec![None; parts.len()],
            bound: parts.iter().map(|p| p.floor).collect(),
            source: vec![Source::EachNeedAlone; parts.len()],
            impossible: vec![Vec::new(); parts.len()],
        };
        let by_clock = context.limits.nodes.is_none() && context.watch.seconds_left().is_finite();
        let near = parts.iter().map(|_| AtomicBool::new(false)).collect();
        Self { context, parts, base, by_clock, near, state: Mutex::new(state) }
    }

    fn grid(&self) -> &'g Grid<'p> {
        self.context.grid
    }

    /// A part's roster, which holds nothing of other parts, and what it costs. Taken if it is better than what is there.
    pub fn offer(&self, part: usize, cost: i64, roster: &Roster) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let cost = cost - self.base;
        if state.cost[part].is_some_and(|known| known <= cost) {
            return;
        }
        state.cost[part] = Some(cost);
        for &need in &self.parts[part].needs {
            match need {
                Need::Block(b) => state.roster.blocks[b] = roster.blocks[b],
                Need::Service(s) => state.roster.services[s].clone_from(&roster.services[s]),
            }
        }
        self.look(&state, part);
        self.tell(&state, true);
    }

    /// A bound on the part's cost, relative to serving nothing. Taken if it is higher than what is there.
    pub fn raise(&self, part: usize, bound: i64, source: Source) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if bound > state.bound[part] {
            state.bound[part] = bound;
            state.source[part] = source;
            self.look(&state, part);
            self.tell(&state, false);
        }
    }

    pub fn refuse_pins(&self, part: usize, needs: Vec<String>) {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).impossible[part] = needs;
    }

    fn tell(&self, state: &State, better: bool) {
        let schedule = better.then(|| answer::schedule(self.grid(), &state.roster));
        let (cost, bound) = self.totals(state);
        self.context.watch.on_progress(Progress {
            incumbent: Some(cost),
            bound: Some(bound),
            schedule: schedule.as_ref(),
        });
    }

    fn totals(&self, state: &State) -> (i64, i64) {
        (self.base + state.cost.iter().flatten().sum::<i64>(), self.base + state.bound.iter().sum::<i64>())
    }

    /// The share of a whole-problem gap that a part may stop at, in cents.
    pub fn gap_cents(&self, part: usize) -> f64 {
        self.share(&self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner), part)
    }

    /// Set once a part is as near to its bound as was asked for.
    pub fn near(&self, part: usize) -> &AtomicBool {
        &self.near[part]
    }

    /// Taken of the least that the whole can cost as far as anybody knows, for the cost itself still falls. Answers by nodes
    /// may not depend on what other threads know.
    #[expect(clippy::cast_precision_loss, reason = "a tolerance, not an amount")]
    fn share(&self, state: &State, part: usize) -> f64 {
        let owed: i64 = self.parts.iter().map(|p| -p.floor).sum();
        let least = if self.by_clock { self.totals(state).1 } else { self.base - owed };
        self.context.limits.gap * least as f64 * (-self.parts[part].floor) as f64 / owed.max(1) as f64
    }

    /// Marks a part that is near enough, or all where the whole is.
    #[expect(clippy::cast_precision_loss, reason = "a tolerance, not an amount")]
    fn look(&self, state: &State, part: usize) {
        let Some(cost) = state.cost[part] else { return };
        if (cost - state.bound[part]) as f64 <= self.share(state, part) {
            self.near[part].store(true, Ordering::Relaxed);
        }
        let (cost, bound) = self.totals(state);
        let whole = (cost - bound) as f64 <= self.context.limits.gap * cost as f64;
        if whole && self.by_clock && state.cost.iter().all(Option::is_some) {
            self.near.iter().for_each(|near| near.store(true, Ordering::Relaxed));
        }
    }

    pub fn found(self) -> Found {
        let state = self.state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let cost = self.base + state.cost.iter().flatten().sum::<i64>();
        let bound = self.base + state.bound.iter().zip(&state.cost).map(|(&b, c)| b.min(c.unwrap_or(b))).sum::<i64>();
        let by = |source| state.source.iter().filter(|&&s| s == source).count();
        let parts = [
            (by(Source::Mip), "dual bound of the exact programme"),
            (by(Source::Prices), "prices on needs and a relaxed term for each educator (Lagrangian)"),
            (by(Source::BusiestInstant), "sections at the busiest instant"),
            (by(Source::EachNeedAlone), "each need alone"),
        ];
        let named: Vec<String> =
            parts.iter().filter(|p| p.0 > 0).map(|(n, how)| format!("{how} in {n} part(s)")).collect();
        let bound_from = if named.is_empty() { "nothing to decide".to_owned() } else { named.join(", ") };
        Found { roster: state.roster, cost, bound, bound_from, impossible_pins: state.impossible.concat() }
    }
}
