//! What a service line asks: the starts that its windows allow, and the minutes it owes.

use std::collections::BTreeMap;

use crate::domain::calendar::SchoolDay;
use crate::domain::time::Clock;

use super::problem::{Per, Service};

/// Every (day, start) inside the student's windows, on the grid, in a fixed order.
pub fn starts(service: &Service, grid: i64) -> Vec<(&str, Clock)> {
    let mut found = Vec::new();
    for window in &service.windows {
        let (from, to) = (i64::from(window.start.minutes()), i64::from(window.end.minutes()));
        let first = (from + grid - 1) / grid * grid;
        for at in (first..=to - service.minutes).step_by(usize::try_from(grid).unwrap_or(15)) {
            let Some(start) = u16::try_from(at).ok().and_then(Clock::from_minutes) else { continue };
            found.extend(window.days.iter().map(|day| (day.as_str(), start)));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Minutes owed: per period with n > 0 instructional days, `minutes × min(times, n)`.
pub fn owed(service: &Service, days: &[SchoolDay<'_>]) -> i64 {
    let mut periods: BTreeMap<i64, i64> = BTreeMap::new();
    for day in days {
        use chrono::Datelike;
        let period = match service.per {
            Per::Week => day.date.monday().number(),
            Per::Month => i64::from(day.date.year()) * 12 + i64::from(day.date.month0()),
            Per::Cycle => i64::try_from(day.cycle_pass).unwrap_or(i64::MAX),
        };
        *periods.entry(period).or_insert(0) += 1;
    }
    periods.values().map(|&n| service.minutes * service.times.min(n)).sum()
}
