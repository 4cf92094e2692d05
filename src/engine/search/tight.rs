//! The tight weeks and days: those of an educator's year in which their sections can be too many minutes.
//!
//! Of days on which every section takes as long one is enough, and none is needed on which every section takes no longer than
//! on another, or on which all that may be taught together fit; minutes are summed in what is left. Of some 250 weeks and days these
//! are up to eight at most educators of us-m, and some 200 at who could teach in many districts of us-l, which close on other days.

use crate::engine::holds::timeline::Loads;

/// Numbers of minutes that are added at once.
const LANES: usize = 8;

/// Minutes taken in every tight week and on every tight day.
pub(super) type Sums = Vec<u16>;

/// By tight week and day: the limit, and the minutes of each section.
#[derive(Default)]
pub(super) struct Tight {
    limits: Vec<u16>,
    /// Section after section.
    minutes: Vec<u16>,
}

impl Tight {
    /// For sections of some loads, of which at most so many are taught together, within limits of a week and of a day.
    pub fn new(loads: &[&Loads], most: usize, [week, day]: [i64; 2]) -> Self {
        let mut rows = tight(loads.iter().map(|loads| &*loads.by_week), most, minutes(week));
        let weeks = rows.len();
        rows.extend(tight(loads.iter().map(|loads| &*loads.by_day), most, minutes(day)));
        let limit = |at: usize| if at < weeks { minutes(week) } else { minutes(day) };
        let lanes = rows.len().next_multiple_of(LANES);
        let mut table = Self { limits: vec![u16::MAX; lanes], minutes: vec![0; lanes * loads.len()] };
        for (at, row) in rows.iter().enumerate() {
            table.limits[at] = limit(at);
            row.iter().enumerate().for_each(|(section, &minutes)| table.minutes[section * lanes + at] = minutes);
        }
        table
    }

    fn of(&self, section: usize) -> &[u16] {
        &self.minutes[section * self.limits.len()..][..self.limits.len()]
    }

    pub fn nothing(&self) -> Sums {
        vec![0; self.limits.len()]
    }

    pub fn add(&self, sums: &mut Sums, section: usize) {
        sums.iter_mut().zip(self.of(section)).for_each(|(sum, &more)| *sum = sum.saturating_add(more));
    }

    /// Whether there is room for a section beside what is taken.
    pub fn bears(&self, sums: &[u16], section: usize) -> bool {
        let (sums, more, limits) =
            (sums.as_chunks::<LANES>().0, self.of(section).as_chunks::<LANES>().0, self.limits.as_chunks::<LANES>().0);
        sums.iter().zip(more).zip(limits).all(|((sums, more), limits)| {
            (0..LANES).fold(true, |fits, lane| fits & (sums[lane].saturating_add(more[lane]) <= limits[lane]))
        })
    }

    /// Whether two sections have room beside each other.
    pub fn bears_both(&self, one: usize, other: usize) -> bool {
        self.bears(self.of(one), other)
    }

    /// Whether wherever one section has room another has.
    pub fn lies_within(&self, one: usize, other: usize) -> bool {
        self.of(one).iter().zip(self.of(other)).all(|(one, other)| one <= other)
    }
}

/// Far above what a week has, and a limit above it is none.
fn minutes(of: i64) -> u16 {
    u16::try_from(of).unwrap_or(u16::MAX)
}

/// Of weeks or days, the minutes of each section in those that are tight.
fn tight<'l>(tables: impl ExactSizeIterator<Item = &'l [(u32, u32)]>, most: usize, limit: u16) -> Vec<Vec<u16>> {
    let sections = tables.len();
    let mut rows: Vec<Vec<u16>> = Vec::new();
    for (section, table) in tables.enumerate() {
        for &(key, taken) in table {
            let key = key as usize;
            rows.resize(rows.len().max(key + 1), Vec::new());
            rows[key].resize(sections, 0);
            rows[key][section] = minutes(i64::from(taken));
        }
    }
    rows.sort_unstable();
    rows.dedup();
    rows.retain(|row| {
        let mut dearest = row.clone();
        dearest.sort_unstable_by(|a, b| b.cmp(a));
        dearest.into_iter().take(most).map(i64::from).sum::<i64>() > i64::from(limit)
    });
    // What lies within a row sums to no more than it.
    rows.sort_by_cached_key(|row| std::cmp::Reverse(row.iter().copied().map(u64::from).sum::<u64>()));
    let mut kept: Vec<Vec<u16>> = Vec::new();
    for row in rows {
        let lies_within = |other: &Vec<u16>| row.iter().zip(other).all(|(one, other)| one <= other);
        if !kept.iter().any(lies_within) {
            kept.push(row);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::rng::SplitMix;
    use super::*;

    #[test]
    fn what_the_tight_days_bear_all_days_bear() {
        let mut rng = SplitMix::new(7);
        let mut seen = [0; 2];
        for round in 0..200 {
            let kinds: Vec<Loads> = (0..12)
                .map(|_| {
                    let (every, from, minutes) = (1 + rng.below(3), rng.below(5), 30 + 15 * rng.below(3));
                    let days = (from..40).step_by(every).filter(|day| day % 7 < 5 && day % 11 != from);
                    Loads::new(days.map(|day| (u32::try_from(day).unwrap(), u32::try_from(minutes).unwrap())).collect())
                })
                .collect();
            let loads: Vec<&Loads> = kinds.iter().collect();
            let (most, limits) = (2 + rng.below(5), [500, 120 + 10 * (round % 7)]);
            let tight = Tight::new(&loads, most, limits);
            let (mut sums, mut taken) = (tight.nothing(), Vec::<usize>::new());
            while taken.len() < most {
                let section = rng.below(loads.len());
                if taken.contains(&section) {
                    continue;
                }
                let sum = |table: fn(&Loads) -> &[(u32, u32)], key: u32| -> i64 {
                    let of = |n: &usize| table(loads[*n]).iter().filter(|row| row.0 == key).map(|row| i64::from(row.1));
                    taken.iter().chain([&section]).flat_map(of).sum()
                };
                let fits = (0..40).all(|day| sum(|loads| &loads.by_day, day) <= limits[1])
                    && (0..6).all(|week| sum(|loads| &loads.by_week, week) <= limits[0]);
                assert_eq!(tight.bears(&sums, section), fits);
                seen[usize::from(fits)] += 1;
                if !fits {
                    break;
                }
                tight.add(&mut sums, section);
                taken.push(section);
            }
        }
        assert!(seen.iter().all(|&count| count > 50), "{seen:?}");
    }
}
