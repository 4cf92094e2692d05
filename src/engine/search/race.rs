//! The race: annealing from two seeds on two threads, of which the better one counts.
//!
//! Parting the educators in two halves, one a thread, was tried too: what lies between the halves is then out of
//! reach, and at us-m a minute of it comes to 4,219 M where one thread on the whole comes to 4,097 M.

use super::anneal::{Clock, Plan, anneal};
use super::book::{Book, Roster};
use super::menu::Menu;
use super::part::Part;
use super::{Context, Defect};
use crate::engine::Watch;

/// How long one annealing goes on: by the clock, or for so many rounds.
#[derive(Clone, Copy)]
pub struct Span {
    pub seconds: f64,
    pub rounds: Option<u64>,
}

impl Span {
    pub fn begin(self, watch: &dyn Watch) -> Turn<'_> {
        Turn { watch, from: watch.seconds_left(), span: self }
    }
}

/// A span that has begun.
pub struct Turn<'t> {
    watch: &'t dyn Watch,
    from: f64,
    span: Span,
}

impl Clock for Turn<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn done(&self, round: u64) -> f64 {
        match self.span.rounds {
            Some(rounds) => round as f64 / rounds.max(1) as f64,
            None => (self.from - self.watch.seconds_left()) / self.span.seconds.max(1e-3),
        }
    }
}

/// The better of two books annealed from `start`. By rounds there is one seed alone, whatever the threads, for the
/// answer has to be the same.
pub fn race<'g, 'p>(
    context: &Context<'_, 'g, 'p>,
    part: &Part,
    menu: &Menu,
    start: &Book<'g, 'p>,
    plan: Plan<'_>,
    span: Span,
    on_better: impl Fn(i64, &Roster) + Sync,
) -> Result<Book<'g, 'p>, Defect> {
    let run = |lane: u64| {
        let mut book = start.clone();
        let plan = Plan { seed: plan.seed + lane, ..plan };
        anneal(context, part, menu, &mut book, plan, &span.begin(context.watch), &on_better);
        book
    };
    if context.limits.threads < 2 || span.rounds.is_some() {
        return Ok(run(0));
    }
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| run(1));
        let one = run(0);
        let other = beside.join().map_err(|_| Defect::Panic)?;
        Ok(if other.cost() < one.cost() { other } else { one })
    })
}
