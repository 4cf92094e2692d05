//! Appraisal: what a term is worth in truth, where its ceiling promises much more than the roster has of it.
//!
//! A ceiling does not ask when in the day services lie, and gives each the fullest group. The exact programme of one
//! educator, with the prices in its costs, knows both, and HiGHS bounds most in a second; the prices' bound falls by the
//! difference. Few matter: at us-m, 349 such programmes take 330 s of processor time and bring 15.7 M, the first two 7.1 M.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::book::Book;
use super::ceiling::{Ceiling, float};
use super::menu::{Menu, most_cents};
use super::prices::Prices;
use super::prove::only;
use super::{Context, Defect};
use crate::engine::grid::{Grid, Need, ServiceIx};
use crate::engine::model::{self, Column, Program, Scope};
use crate::engine::solve::{SolveLimits, SolverDefect, solve};

/// Of the time, what one term may take, and what all may: HiGHS does not look at the clock all the time.
const EACH: f64 = 0.15;
const PUNCTUAL: f64 = 0.9;
/// Terms that are appraised where nodes are counted, and nodes into one of them, at most.
const FEW: usize = 20;
const NODES: u64 = 100;
/// Cents from its bound at which a term counts as solved, and that must be missing in the roster before one is appraised.
const CLOSE: f64 = 1_000.0;

/// Appraises the terms of which a roster has least, within so many seconds where no nodes are counted, and tells the prices.
pub fn appraise(
    context: &Context<'_, '_, '_>,
    menu: &Menu<'_>,
    prices: &mut Prices,
    book: &Book<'_, '_>,
    seconds: f64,
    nodes: Option<u64>,
) -> Result<(), Defect> {
    let begin = context.watch.seconds_left();
    let left = || PUNCTUAL * seconds - (begin - context.watch.seconds_left());
    let nodes = nodes.map(|nodes| nodes.min(NODES));
    let mut order = missing(prices, book);
    order.truncate(if nodes.is_some() { FEW } else { usize::MAX });
    let next = AtomicUsize::new(0);
    let lane = || -> Vec<(usize, f64)> {
        let mut worths = Vec::new();
        while let Some(&n) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            if context.stopped() || nodes.is_none() && left() <= 0.0 {
                break;
            }
            let seconds = if nodes.is_some() { f64::INFINITY } else { (EACH * seconds).min(left()) };
            let limits = SolveLimits { seconds, nodes, gap_cents: CLOSE, seed: context.limits.seed };
            // Where HiGHS fails, the ceiling stands: no bound is a reason to have no schedule.
            worths.extend(worth(context, menu, prices, n, limits).ok().flatten().map(|worth| (n, worth)));
        }
        worths
    };
    let worths = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..context.limits.threads.max(1)).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().map(|lane| lane.join().map_err(|_| Defect::Panic)).collect::<Result<Vec<_>, Defect>>()
    })?;
    prices.know(&worths.concat());
    Ok(())
}

/// The ceilings with services, by position, that promise more than a roster has of them at the best prices: most first.
fn missing(prices: &Prices, book: &Book<'_, '_>) -> Vec<usize> {
    let mut book = book.clone();
    let mut rows: Vec<(f64, usize)> = Vec::new();
    for (n, (ceiling, promised)) in prices.ceilings.iter().zip(&prices.best_worths).enumerate() {
        if !ceiling.has_services() {
            continue;
        }
        let (with, needs) = (book.cost(), book.needs_of(ceiling.educator()));
        needs.iter().for_each(|&need| book.drop_need(need));
        let has = |number: &usize| needs.contains(&prices.need(*number));
        let paid: f64 = ceiling.needs().filter(has).map(|number| prices.best_prices[number]).sum();
        let missing = promised - (float(book.cost() - with) - paid);
        if missing > CLOSE {
            rows.push((missing, n));
        }
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    rows.into_iter().map(|row| row.1).collect()
}

/// The most that a term is worth at the best prices, if HiGHS has a bound for it.
fn worth(
    context: &Context<'_, '_, '_>,
    menu: &Menu<'_>,
    prices: &Prices,
    n: usize,
    limits: SolveLimits,
) -> Result<Option<f64>, SolverDefect> {
    let (grid, ceiling) = (context.grid, &prices.ceilings[n]);
    let educator = ceiling.educator();
    let of_need = priced(grid, menu, prices, ceiling);
    let pairs: Vec<(Need, usize)> = of_need.keys().map(|&need| (need, educator)).collect();
    let mut educators = vec![false; grid.educators.len()];
    educators[educator] = true;
    let (base, pairing) = (Book::new(grid), only(grid, &pairs));
    let scope = Scope { book: &base, pairing: &pairing, educators, needs: of_need.keys().copied().collect() };
    let mut program = model::build(&scope);
    charge(&mut program, grid, prices, &of_need);
    let solved = solve(&program, limits, None)?;
    // A cent for what the solver's floats may be off by.
    Ok((solved.bound.is_finite() && !solved.infeasible).then_some((1.0 - solved.bound).max(0.0)))
}

/// The needs of a ceiling with their prices. What would not be worth its price if all that can be shared were free is in no
/// best term.
fn priced(grid: &Grid<'_>, menu: &Menu<'_>, prices: &Prices, ceiling: &Ceiling) -> BTreeMap<Need, f64> {
    let least: BTreeMap<Need, i64> = menu.dishes(ceiling.educator()).map(|(need, dish)| (need, dish.least)).collect();
    let priced = |number: usize| {
        let (need, price) = (prices.need(number), prices.best_prices[number]);
        let forgiven = if let Need::Service(service) = need { forgiven_cents(grid, prices, service) } else { 0.0 };
        let most = least.get(&need).map_or(0.0, |&cents| -float(cents)) + forgiven;
        (most > price).then_some((need, price))
    };
    ceiling.needs().filter_map(priced).collect()
}

/// Lets columns cost what needs are priced at, less what is forgiven to a service of the sessions that it lacks. Cents are
/// rounded down: no term is then worth less.
fn charge(program: &mut Program, grid: &Grid<'_>, prices: &Prices, of_need: &BTreeMap<Need, f64>) {
    let price = |need: Need| of_need.get(&need).copied().unwrap_or(0.0);
    let serve = |service: ServiceIx| price(Need::Service(service)) - forgiven_cents(grid, prices, service);
    let several = |service: ServiceIx| grid.services[service].wanted > 1;
    for (column, cost) in program.columns.iter().zip(&mut program.cost) {
        let more = match *column {
            Column::Teach { block, .. } => price(Need::Block(block)),
            Column::Serve { service, .. } => serve(service),
            Column::Place { service, slot, .. } => {
                let cents = float(grid.services[service].weight * grid.offered_minutes(service, slot));
                let once = if several(service) { 0.0 } else { serve(service) };
                prices.forgiven(service) * cents + once
            }
            _ => 0.0,
        };
        #[expect(clippy::cast_possible_truncation, reason = "costs stay far below 2^53")]
        let more = more.floor() as i64;
        *cost += more;
    }
}

/// What a service is forgiven if it lacks all its sessions.
fn forgiven_cents(grid: &Grid<'_>, prices: &Prices, service: ServiceIx) -> f64 {
    prices.forgiven(service) * float(most_cents(grid, service))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::split;
    use super::*;
    use crate::engine::outcome::Limits;
    use crate::engine::pairing::Pairing;
    use crate::engine::problem::{self, Problem};
    use crate::engine::{Quiet, plan};

    /// One educator, a section from nine to ten, and students who are owed the same hour once a week, in windows until `end`
    /// and in groups of so many.
    fn one_educator(students: usize, end: &str, max_group: usize) -> Problem {
        let days = json!(["tue", "thu"]);
        let service = |n: usize| {
            json!({"id": format!("i{n}"), "student": format!("st{n}"), "school": "s", "service": "x", "areas": ["sped"],
                "grade": "09", "minutes": 60, "times": 1, "per": "week", "max_group": max_group, "grade_span": 12,
                "windows": [{"days": ["tue"], "start": "09:00", "end": end}]})
        };
        let term = json!({"first": "2026-09-07", "last": "2026-10-02"});
        let mut calendar: Value = term.clone();
        calendar["bell_schedule"] = json!({"default": "regular"});
        calendar["closed"] = json!([]);
        let license =
            json!({"state": "TX", "area": "sped", "grades": ["09"], "issued": "2020-01-01", "expires": "2030-01-01"});
        let text = json!({"format": "staffing-problem/1", "name": "one educator", "term": term, "grid_minutes": 15,
            "districts": [{"id": "d", "name": "D", "state": "TX", "tz": "America/Chicago", "calendar": calendar}],
            "schools": [{"id": "s", "district": "d", "name": "S",
                "bell_schedules": [{"id": "regular", "periods": [{"id": "p", "start": "09:00", "end": "10:00"}]}]}],
            "courses": [{"id": "c", "areas": ["sped"]}],
            "sections": [{"id": "s0", "school": "s", "course": "c", "grades": ["09"], "meets": [{"period": "p", "days": days}]}],
            "educators": [{"id": "e", "tz": "America/Chicago", "clearances": ["TX"], "licenses": [license],
                "max_minutes_per_week": 1500, "max_minutes_per_day": 360, "max_preps": 2,
                "availability": [{"days": days, "start": "07:00", "end": "18:00"}], "pay_cents_per_minute": 50}],
            "services": (0..students).map(service).collect::<Vec<_>>()});
        problem::read(text.to_string().as_bytes()).expect("good input")
    }

    /// What the educator's term is worth where needs are free: by their ceiling, by appraisal, and in the best schedule.
    fn worths(problem: &Problem) -> [f64; 3] {
        let grid = Grid::new(problem);
        let (pairing, limits) = (Pairing::new(&grid), Limits::default());
        let context = Context { grid: &grid, pairing: &pairing, limits: &limits, watch: &Quiet };
        let part = &split(&grid, &pairing)[0];
        let menu = Menu::new(&context, part);
        let mut prices = Prices::new(&grid, part, &menu, 1, 1);
        prices.offer(vec![0.0; part.needs.len()], 1, 100, &|| false);
        let (ceiling, base) = (prices.best, Book::new(&grid));
        appraise(&context, &menu, &mut prices, &base, f64::INFINITY, Some(1_000)).expect("HiGHS has an answer");
        let best = plan(problem, &limits, None, &Quiet).expect("no pins").report.objective;
        [ceiling, prices.best, float(base.cost() - best)]
    }

    #[test]
    fn nobody_is_in_two_places_at_once() {
        let at_once = [(1, "10:00", 1), (2, "11:00", 1), (2, "10:15", 1)];
        for problem in at_once.map(|(students, end, group)| one_educator(students, end, group)) {
            let [ceiling, appraised, earned] = worths(&problem);
            assert!(ceiling > earned + 60.0 * 4.0 * 900.0, "{ceiling} is blind, {earned} is earned");
            assert!(appraised >= earned && appraised <= earned + CLOSE + 2.0, "{appraised} for {earned}");
        }
    }

    #[test]
    fn one_session_at_a_loss_may_be_worth_staying_for() {
        let mut row = serde_json::to_value(one_educator(1, "11:00", 1)).expect("serializes");
        row["sections"] = json!([]);
        row["services"][0]["times"] = json!(2);
        row["services"][0]["windows"][0]["days"] = json!(["tue", "thu"]);
        row["weights"] = json!({"unserved_cents_per_minute": 40, "change_cents": 4_000});
        row["incumbents"] = json!([{"need": "i0", "educator": "e"}]);
        let [_, appraised, earned] = worths(&serde_json::from_value(row).expect("reads"));
        // Four hours served at a loss of ten cents a minute, less what a change costs.
        assert!((earned - (4_000.0 - 4.0 * 60.0 * 10.0)).abs() < 1e-6, "{earned}");
        assert!(appraised >= earned && appraised <= earned + CLOSE + 2.0, "{appraised} for {earned}");
    }

    #[test]
    fn what_goes_together_is_worth_no_less() {
        for (students, end, group) in [(1, "11:00", 1), (2, "11:00", 2), (3, "12:00", 2), (3, "11:00", 2)] {
            let [ceiling, appraised, earned] = worths(&one_educator(students, end, group));
            assert!(appraised <= ceiling && appraised >= earned && appraised <= earned + CLOSE + 2.0);
        }
    }
}
