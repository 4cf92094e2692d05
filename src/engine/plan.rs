//! The whole engine on one screen: expand, pair, search, answer, verify, explain.

use super::answer;
use super::explain;
use super::grid::Grid;
use super::locks::{self, Broken};
use super::outcome::{Counts, Limits, Outcome, Progress, Report, Schedule, Status, gap};
use super::pairing::Pairing;
use super::problem::Problem;
use super::rule::{Flaw, Issue};
use super::search::{self, Context, Defect, Start};
use super::verify;

/// What the engine asks of the world: how long it may go on, and who wants to know how it goes.
pub trait Watch: Sync {
    /// Wall seconds that remain; infinite where nodes are the limit.
    fn seconds_left(&self) -> f64;
    /// Somebody wants the best so far, now.
    fn should_stop(&self) -> bool;
    /// Called for every better schedule and every better bound, from any thread.
    fn on_progress(&self, progress: Progress<'_>);
}

/// No clock, nobody who stops it, nobody who listens.
pub struct Quiet;

impl Watch for Quiet {
    fn seconds_left(&self) -> f64 {
        f64::INFINITY
    }

    fn should_stop(&self) -> bool {
        false
    }

    fn on_progress(&self, _: Progress<'_>) {}
}

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Pins that no schedule can keep; everything else may be left unserved, so nothing else can be infeasible.
    #[error("the problem asks for what cannot be")]
    Impossible(Vec<Issue>),
    #[error(transparent)]
    Defect(#[from] Defect),
}

/// Pairs educators with needs and builds the weekly sessions of a problem that `validate` found nothing wrong
/// with. `start` is a schedule of this problem or of an earlier one; what of it still holds is where the
/// search begins. Equal problems, limits in nodes, and seeds give equal outcomes.
///
/// # Errors
/// If pins contradict the rules, or the engine contradicts itself.
pub fn plan(
    problem: &Problem,
    limits: &Limits,
    start: Option<&Schedule>,
    watch: &dyn Watch,
) -> Result<Outcome, Refusal> {
    let grid = Grid::on_threads(problem, limits.threads);
    let pairing = Pairing::on_threads(&grid, limits.threads);
    let context = Context { grid: &grid, pairing: &pairing, limits, watch };
    let start = start
        .map(|schedule| Start { roster: answer::roster(&grid, schedule), orphans: answer::orphans(&grid, schedule) });
    let found = search::search(&context, start.as_ref())?;
    if !found.impossible_pins.is_empty() {
        let broken = locks::among(&grid);
        let told = |need: &String| {
            broken.iter().find(|one| one.need == *need).map_or_else(|| impossible(problem, need), Broken::issue)
        };
        return Err(Refusal::Impossible(found.impossible_pins.iter().map(told).collect()));
    }
    let schedule = answer::schedule(&grid, &found.roster);
    let bound = (found.bound, found.bound_from);
    let nearest_for = if limits.repair { explain::NEAREST_IN_REPAIR } else { explain::NEAREST_FOR };
    let outcome = report(&grid, &pairing, schedule, bound, limits, nearest_for);
    grid.discard();
    Ok(outcome)
}

/// The outcome of a schedule found elsewhere (a stopped run's last incumbent), with the bound known then and the gap that was
/// asked for. Somebody waits for it: the nearest fixes are left out.
#[must_use]
pub fn conclude(problem: &Problem, schedule: Schedule, bound: (i64, String), gap_asked: f64) -> Outcome {
    let limits = Limits { gap: gap_asked, ..Limits::default() };
    let grid = Grid::on_threads(problem, limits.threads);
    let pairing = Pairing::on_threads(&grid, limits.threads);
    report(&grid, &pairing, schedule, bound, &limits, 0)
}

fn report(
    grid: &Grid<'_>,
    pairing: &Pairing,
    schedule: Schedule,
    (bound, bound_from): (i64, String),
    limits: &Limits,
    nearest_for: usize,
) -> Outcome {
    let roster = answer::roster(grid, &schedule);
    // The recount knows nothing of all this, and can go on beside it.
    let (verdict, unserved) = std::thread::scope(|scope| {
        let verdict = scope.spawn(|| verify::verify(grid.problem, &schedule));
        let unserved = explain::unserved(grid, pairing, &roster, nearest_for, limits.threads);
        (verdict.join().expect("the recount does not panic"), unserved)
    });
    let objective = verdict.cost.total;
    let left = gap(objective, bound);
    let status = match () {
        // A bound above a valid schedule would be a defect as well.
        () if !verdict.valid || bound > objective => Status::Defective,
        () if bound == objective => Status::Optimal,
        () if left <= limits.gap => Status::WithinGap,
        () => Status::Limit,
    };
    let report = Report {
        status,
        objective,
        bound,
        gap: left,
        bound_from,
        cost: verdict.cost,
        unstaffable: explain::unstaffable_cents(grid, pairing),
        counts: counts(grid, pairing, &roster, &unserved),
        unserved,
        violations: verdict.violations,
        seconds: 0.0,
        peak_rss_bytes: 0,
    };
    Outcome { schedule, report }
}

fn counts(
    grid: &Grid<'_>,
    pairing: &Pairing,
    roster: &search::book::Roster,
    unserved: &[super::outcome::Unserved],
) -> Counts {
    let sections_served = grid.index.block_of_section.iter().filter(|&&b| roster.blocks[b].is_some()).count();
    let placed = roster.services.iter().flatten().count();
    let short = |id: &str| grid.index.services.contains_key(id);
    let partly = unserved.iter().filter(|u| short(&u.need) && u.minutes_served > 0).count();
    let mut busy: Vec<usize> =
        roster.blocks.iter().flatten().copied().chain(roster.services.iter().flatten().map(|s| s.0)).collect();
    busy.sort_unstable();
    busy.dedup();
    let minutes_owed =
        grid.section_minutes.iter().sum::<i64>() + grid.services.iter().map(|s| s.owed_minutes).sum::<i64>();
    let minutes_missed: i64 = unserved.iter().map(|u| u.minutes_owed - u.minutes_served).sum();
    Counts {
        sections: grid.problem.sections.len(),
        sections_served,
        services: grid.services.len(),
        services_served: placed - partly,
        services_partly_served: partly,
        educators: grid.educators.len(),
        educators_used: busy.len(),
        pairings: pairing.count(),
        components: search::split(grid, pairing).len(),
        minutes_owed,
        minutes_served: minutes_owed - minutes_missed,
    }
}

fn impossible(problem: &Problem, need: &str) -> Issue {
    let at = problem.pins.iter().position(|pin| pin.need == need);
    let pointer = at.map_or("/pins".to_owned(), |n| format!("/pins/{n}"));
    Issue::new(
        Flaw::ImpossiblePin,
        pointer,
        format!("the pin of {need} cannot be kept together with the other pins and the rules"),
    )
}
