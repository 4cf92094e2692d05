//! The race: annealing on two threads. Of a few educators two seeds are tried, of which the better one counts; many are
//! parted in halves, by lot and again and again, for what lies between two halves is out of reach: parted once and for
//! all, a minute at us-m came to 4,219 M where one thread on the whole came to 4,097 M.

use super::anneal::{Clock, Plan, Share, anneal, wander};
use super::book::{Book, Roster};
use super::menu::Menu;
use super::part::Part;
use super::rng::SplitMix;
use super::{Context, Defect};
use crate::engine::Watch;
use crate::engine::grid::Need;

/// Educators from which on they are parted.
const MANY: usize = 200;
/// Rounds for each need from one parting to the next.
const ROUNDS: u64 = 4;

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

/// A book annealed from `start`, on two threads: halves of many educators apart, and of a few the better of two seeds.
/// By rounds there is one seed and no halves, whatever the threads, for the answer has to be the same.
pub fn race<'g, 'p>(
    context: &Context<'_, 'g, 'p>,
    part: &Part,
    menu: &Menu<'g>,
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
    if part.educators.len() >= MANY {
        return in_halves(context, part, menu, start, plan, span, on_better);
    }
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| run(1));
        let one = run(0);
        let other = beside.join().map_err(|_| Defect::Panic)?;
        Ok(if other.cost() < one.cost() { other } else { one })
    })
}

/// The educators are parted by lot, each half is searched on a thread of its own for a while, and then they are parted anew.
fn in_halves<'g, 'p>(
    context: &Context<'_, 'g, 'p>,
    part: &Part,
    menu: &Menu<'g>,
    start: &Book<'g, 'p>,
    plan: Plan<'_>,
    span: Span,
    on_better: impl Fn(i64, &Roster) + Sync,
) -> Result<Book<'g, 'p>, Defect> {
    let turn = span.begin(context.watch);
    let mut rng = SplitMix::new(plan.seed);
    let (mut best, mut book) = (start.clone(), start.clone());
    while turn.done(0) < 1.0 && !context.watch.should_stop() {
        let halves = halves(part, &book, &mut rng);
        let rounds = ROUNDS * part.needs.len() as u64;
        let search = |share: &Share, seed: u64| {
            let mut book = book.clone();
            wander(context, menu, &mut book, share, Plan { seed, ..plan }, &turn, rounds);
            book.roster
        };
        let seeds = [rng.next(), rng.next()];
        let found = std::thread::scope(|scope| {
            let beside = scope.spawn(|| search(&halves[1], seeds[1]));
            let one = search(&halves[0], seeds[0]);
            beside.join().map(|other| [one, other]).map_err(|_| Defect::Panic)
        })?;
        let mut roster = book.roster.clone();
        for (half, found) in halves.iter().zip(&found) {
            for &need in &half.needs {
                match need {
                    Need::Block(block) => roster.blocks[block] = found.blocks[block],
                    Need::Service(service) => roster.services[service].clone_from(&found.services[service]),
                }
            }
        }
        book = Book::of(book.grid, &roster);
        if book.cost() < best.cost() {
            best = book.clone();
            on_better(best.cost(), &best.roster);
        }
    }
    Ok(best)
}

/// Two shares of a part. A student's services are all in one, or for this while in none: one thread must not put a session
/// where another puts one of the same student.
fn halves(part: &Part, book: &Book<'_, '_>, rng: &mut SplitMix) -> [Share; 2] {
    let grid = book.grid;
    let of_educator: Vec<usize> = grid.educators.iter().map(|_| rng.below(2)).collect();
    let mut of_student: Vec<usize> = (0..grid.students).map(|_| rng.below(2)).collect();
    let mut mixed = vec![0u8; grid.students];
    for (row, held) in grid.services.iter().zip(&book.roster.services) {
        if let Some((educator, _)) = held {
            mixed[row.student] |= 1 << of_educator[*educator];
        }
    }
    for (half, mixed) in of_student.iter_mut().zip(mixed) {
        if let 1 | 2 = mixed {
            *half = usize::from(mixed) - 1;
        }
    }
    let share = |half: usize| Share {
        needs: Vec::new(),
        educators: of_educator.iter().map(|&of| of == half).collect(),
        blocks: vec![false; grid.blocks.len()],
        services: vec![false; grid.services.len()],
    };
    let mut shares = [share(0), share(1)];
    for &need in &part.needs {
        let held = book.roster.educator(need).map(|educator| of_educator[educator]);
        match need {
            Need::Block(block) => {
                let share = &mut shares[held.unwrap_or_else(|| rng.below(2))];
                share.blocks[block] = true;
                share.needs.push(need);
            }
            Need::Service(service) => {
                let half = of_student[grid.services[service].student];
                if held.is_none_or(|held| held == half) {
                    shares[half].services[service] = true;
                    shares[half].needs.push(need);
                }
            }
        }
    }
    shares
}
