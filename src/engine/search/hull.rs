//! Hulls: what one service is worth to one educator, by number of sessions, as pieces that fill a room.

use super::branch::count;
use super::ceiling::float;
use super::menu::Seat;
use crate::engine::grid::{EducatorIx, Grid, ServiceIx, SlotIx};
use crate::engine::holds::timeline::Loads;

/// By number of sessions: the most they earn and the least they load.
pub(super) fn steps(
    grid: &Grid<'_>,
    educator: EducatorIx,
    service: ServiceIx,
    seats: &[Seat<'_>],
    mates: &dyn Fn(SlotIx) -> usize,
    lost: &dyn Fn(SlotIx) -> f64,
    load: &dyn Fn(&Loads) -> f64,
) -> Vec<(f64, f64)> {
    let mut days: Vec<(usize, f64, f64)> = Vec::new();
    let mut last: Option<(&Loads, f64)> = None;
    for seat in seats {
        // The fullest group that could sit there shares pay and time.
        let share = 1.0 / count(1 + mates(seat.slot()));
        let pay = float(grid.educator(educator).pay_cents_per_minute * seat.loads.total);
        let worth = -float(seat.delta) + pay - pay * share - lost(seat.slot());
        // Seats of a day mostly share their loads, whenever in the day they are.
        let loads = seat.loads;
        let minutes = match &last {
            Some((known, minutes)) if std::ptr::eq(*known, loads) => *minutes,
            _ => {
                let minutes = load(loads);
                last = Some((loads, minutes));
                minutes
            }
        } * share;
        match days.iter_mut().find(|d| d.0 == seat.day()) {
            Some(day) => *day = (seat.day(), day.1.max(worth), day.2.min(minutes)),
            None => days.push((seat.day(), worth, minutes)),
        }
    }
    let (mut worths, mut loads): (Vec<f64>, Vec<f64>) =
        (days.iter().map(|d| d.1).collect(), days.iter().map(|d| d.2).collect());
    worths.sort_unstable_by(|a, b| b.total_cmp(a));
    loads.sort_unstable_by(f64::total_cmp);
    let (mut worth, mut minutes) = (0.0, 0.0);
    let step = |(w, m): (&f64, &f64)| {
        worth += w;
        minutes += m;
        (worth, minutes)
    };
    worths.iter().zip(&loads).take(grid.services[service].wanted).map(step).collect()
}

/// The most services that could sit in a slot with one, at this educator.
pub(super) fn mates(grid: &Grid<'_>, service: ServiceIx, slot: SlotIx, can_take: &[bool]) -> usize {
    if !grid.services[service].shareable {
        return 0;
    }
    let row = |s: ServiceIx| &grid.problem.services[s];
    let rank = |s: ServiceIx| i64::from(row(s).grade.rank());
    let fits = |other: &&ServiceIx| {
        **other != service
            && row(**other).max_group > 1
            && grid.services[**other].student != grid.services[service].student
            && (rank(**other) - rank(service)).abs() <= row(**other).grade_span.min(row(service).grade_span)
            && can_take[**other]
    };
    let most = usize::try_from(row(service).max_group - 1).unwrap_or(0);
    grid.slots[slot].members.iter().filter(fits).count().min(most)
}

/// The upper hull of a service's steps less its price, from nothing on, as pieces of falling worth a minute.
pub(super) fn hull(steps: &[(f64, f64)], price: f64, mut piece: impl FnMut(f64, f64, f64)) {
    let (mut at, mut worth, mut load, mut share) = (0, 0.0, 0.0, 0.0);
    while at < steps.len() {
        let slope = |k: &usize| (steps[*k].0 - price - worth) / (steps[*k].1 - load).max(1e-9);
        let Some(best) = (at..steps.len()).max_by(|a, b| slope(a).total_cmp(&slope(b))) else { break };
        let gained = steps[best].0 - price - worth;
        if gained <= 0.0 {
            break;
        }
        // The first piece brings the service itself; more sessions serve no other need.
        piece(gained, steps[best].1 - load, 1.0 - share);
        (at, worth, load, share) = (best + 1, steps[best].0 - price, steps[best].1, 1.0);
    }
}
