//! Availability painted on a grid: quarters or halves of hours of a week, and the stretches that they make.

use std::collections::{BTreeMap, BTreeSet};

use super::educator::Availability;
use super::time::{Clock, DAY_MINUTES, Weekday};

/// A cell of the grid: a weekday, and the minute of the day at which the cell begins.
pub type Cell = (Weekday, u16);

/// The finest step of a grid, in minutes.
const QUARTER: u16 = 15;
const HALF: u16 = 30;
/// Part of the day that a grid shows at least, in minutes after midnight.
const USUAL: (u16, u16) = (6 * 60, 20 * 60);

/// A week in cells of `step` minutes, from `first` to `last` minute of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    pub step: u16,
    pub first: u16,
    pub last: u16,
    pub on: BTreeSet<Cell>,
}

impl Grid {
    /// The grid that shows these stretches. Those that begin or end between quarters of an hour are for nobody to paint:
    /// they are left out.
    #[must_use]
    pub fn of(stretches: &[Availability]) -> Self {
        let fitting = || stretches.iter().filter(|one| fits(one));
        let halves = fitting().all(|one| [one.start, one.end].iter().all(|at| at.minutes().is_multiple_of(HALF)));
        let step = if halves { HALF } else { QUARTER };
        let first = fitting().map(|one| one.start.minutes() / 60 * 60).min().unwrap_or(USUAL.0).min(USUAL.0);
        let last = fitting().map(|one| one.end.minutes().div_ceil(60) * 60).max().unwrap_or(USUAL.1).max(USUAL.1);
        let mut on = BTreeSet::new();
        for one in fitting() {
            let cells = || (one.start.minutes()..one.end.minutes()).step_by(usize::from(step));
            on.extend(one.days.iter().flat_map(|day| cells().map(|at| (*day, at))));
        }
        Self { step, first, last, on }
    }

    /// The longest stretches that the painted cells make, each with all the days that have it.
    #[must_use]
    pub fn stretches(&self) -> Vec<Availability> {
        let mut found: BTreeMap<(u16, u16), BTreeSet<Weekday>> = BTreeMap::new();
        for day in Weekday::ALL {
            let cells: Vec<u16> = self.on.iter().filter(|(of, _)| *of == day).map(|(_, at)| *at).collect();
            let mut open: Option<(u16, u16)> = None;
            for at in cells {
                open = match open {
                    Some((start, end)) if end == at => Some((start, at + self.step)),
                    ended => {
                        ended.map(|span| found.entry(span).or_default().insert(day));
                        Some((at, at + self.step))
                    }
                };
            }
            open.map(|span| found.entry(span).or_default().insert(day));
        }
        let clock = |at: u16| Clock::from_minutes(at.min(DAY_MINUTES));
        let stretch = |((start, end), days): ((u16, u16), BTreeSet<Weekday>)| {
            Some(Availability { days: days.into_iter().collect(), start: clock(start)?, end: clock(end)? })
        };
        found.into_iter().filter_map(stretch).collect()
    }

    /// Paints, or clears, part of some days.
    pub fn paint(&mut self, days: &[Weekday], from: Clock, to: Clock, on: bool) {
        for at in (0..DAY_MINUTES).step_by(usize::from(self.step)) {
            if from.minutes() <= at && at + self.step <= to.minutes() {
                for day in days {
                    if on {
                        self.on.insert((*day, at))
                    } else {
                        self.on.remove(&(*day, at))
                    };
                }
            }
        }
    }
}

/// Whether a stretch begins and ends on a quarter of an hour.
#[must_use]
pub fn fits(one: &Availability) -> bool {
    [one.start, one.end].iter().all(|at| at.minutes().is_multiple_of(QUARTER))
}

/// `mon-480`, as a form says it.
#[must_use]
pub fn named((day, at): Cell) -> String {
    format!("{}-{at}", day.name())
}

/// The cell of a name, if it is one of a grid with this step.
#[must_use]
pub fn cell(name: &str, step: u16) -> Option<Cell> {
    let (day, at) = name.split_once('-')?;
    let at: u16 = at.parse().ok()?;
    (at < DAY_MINUTES && at.is_multiple_of(step)).then_some((day.parse().ok()?, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(days: &[Weekday], start: &str, end: &str) -> Availability {
        let clock = |text: &str| text.parse().expect("a clock");
        Availability { days: days.to_vec(), start: clock(start), end: clock(end) }
    }

    #[test]
    fn what_is_painted_makes_the_longest_stretches_and_the_same_picture_again() {
        use Weekday::{Fri, Mon, Tue};
        let kept = [
            stretch(&[Mon, Tue], "08:00", "12:00"),
            stretch(&[Mon], "12:00", "13:00"),
            stretch(&[Fri], "23:30", "24:00"),
        ];
        let grid = Grid::of(&kept);
        assert_eq!((grid.step, grid.first, grid.last), (30, 360, 1440));
        let merged =
            [stretch(&[Tue], "08:00", "12:00"), stretch(&[Mon], "08:00", "13:00"), stretch(&[Fri], "23:30", "24:00")];
        assert_eq!(grid.stretches(), merged);
        assert_eq!(Grid::of(&merged), grid);
        let cells: BTreeSet<Cell> = grid.on.iter().filter_map(|one| cell(&named(*one), grid.step)).collect();
        assert_eq!(cells, grid.on);
    }

    #[test]
    fn quarters_are_shown_where_somebody_needs_them_and_stranger_times_are_left_alone() {
        use Weekday::{Mon, Wed};
        let kept = [stretch(&[Mon], "07:15", "08:00"), stretch(&[Wed], "09:05", "10:00")];
        let mut grid = Grid::of(&kept);
        assert_eq!((grid.step, grid.on.len()), (15, 3));
        assert_eq!(kept.iter().map(fits).collect::<Vec<_>>(), [true, false]);
        grid.paint(&[Mon, Wed], kept[0].end, "09:00".parse().expect("a clock"), true);
        assert_eq!(grid.stretches(), [stretch(&[Mon], "07:15", "09:00"), stretch(&[Wed], "08:00", "09:00")]);
        grid.paint(&[Mon], "00:00".parse().expect("a clock"), "24:00".parse().expect("a clock"), false);
        assert_eq!(grid.stretches(), [stretch(&[Wed], "08:00", "09:00")]);
        for bad in ["mon-7", "mon-1440", "xyz-480", "mon", "mon--15"] {
            assert_eq!(cell(bad, 15), None, "{bad}");
        }
    }
}
