//! Cliques: maximal sets of holds that claim one instant, so that at most one of them can be chosen.
//!
//! Rows over cliques make the LP far tighter than rows over pairs, and there are fewer of them. Days
//! that look alike are looked at once.

use std::collections::{BTreeMap, BTreeSet};

use super::Hold;
use super::days::DAY;

/// Maximal cliques of `holds` with `gap` minutes between them: sorted positions into `holds`, each of two or
/// more, none inside another, in a fixed order.
pub fn cliques(holds: &[&Hold], gap: i64) -> Vec<Vec<u32>> {
    let mut by_day: BTreeMap<usize, Vec<(i64, i64, u32)>> = BTreeMap::new();
    for (n, hold) in holds.iter().enumerate() {
        let n = u32::try_from(n).expect("fewer than 2^32 holds");
        for piece in &hold.pieces {
            let end = piece.end + gap;
            for day in piece.days.iter() {
                by_day.entry(day).or_default().push((piece.start, end, n));
                // What reaches past midnight also claims the first minutes of the next day.
                for (later, rest) in (1usize..)
                    .map(|k| (k, end - DAY * i64::try_from(k).unwrap_or(i64::MAX / DAY)))
                    .take_while(|&(_, rest)| rest > 0)
                {
                    by_day.entry(day + later).or_default().push((0, rest, n));
                }
            }
        }
    }
    let shapes: BTreeSet<Vec<(i64, i64, u32)>> = by_day
        .into_values()
        .map(|mut day| {
            day.sort_unstable();
            day
        })
        .collect();
    let mut found: BTreeSet<Vec<u32>> = BTreeSet::new();
    for shape in &shapes {
        sweep(shape, &mut found);
    }
    without_subsets(found, holds.len())
}

/// Adds the maximal cliques of one day's intervals `(start, end, hold)`, sorted by start.
fn sweep(day: &[(i64, i64, u32)], found: &mut BTreeSet<Vec<u32>>) {
    let mut events: Vec<(i64, bool, u32)> = Vec::with_capacity(day.len() * 2);
    for &(start, end, hold) in day {
        events.push((start, true, hold));
        events.push((end, false, hold));
    }
    events.sort_unstable(); // ends (false) before starts at one instant: touching is not overlapping
    let (mut active, mut grew) = (Vec::new(), false);
    for (_, begins, hold) in events {
        if begins {
            active.push(hold);
            grew = true;
        } else {
            if grew && active.len() > 1 {
                let mut clique = active.clone();
                clique.sort_unstable();
                clique.dedup();
                if clique.len() > 1 {
                    found.insert(clique);
                }
            }
            grew = false;
            if let Some(at) = active.iter().position(|&other| other == hold) {
                active.swap_remove(at);
            }
        }
    }
}

fn without_subsets(found: BTreeSet<Vec<u32>>, holds: usize) -> Vec<Vec<u32>> {
    let mut order: Vec<Vec<u32>> = found.into_iter().collect();
    order.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    let mut kept: Vec<Vec<u32>> = Vec::new();
    let mut member_of: Vec<Vec<usize>> = vec![Vec::new(); holds];
    for clique in order {
        let rarest = clique.iter().min_by_key(|&&n| member_of[n as usize].len()).expect("a clique has members");
        let inside = member_of[*rarest as usize].iter().any(|&k| is_subset(&clique, &kept[k]));
        if !inside {
            for &n in &clique {
                member_of[n as usize].push(kept.len());
            }
            kept.push(clique);
        }
    }
    kept
}

/// Both sorted.
fn is_subset(small: &[u32], large: &[u32]) -> bool {
    let mut rest = large.iter();
    small.iter().all(|n| rest.by_ref().any(|m| m == n))
}

#[cfg(test)]
mod tests {
    use super::super::days::Horizon;
    use super::*;
    use crate::domain::calendar::DateSpan;
    use crate::domain::time::{Date, Tz, to_utc};

    #[test]
    fn cliques_are_maximal_and_cover_exactly_the_colliding_pairs() {
        let term = DateSpan { first: Date::ymd(2026, 8, 10), last: Date::ymd(2026, 9, 10) };
        let mut seed = 7u64;
        let mut next = |n: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % n
        };
        for gap in [0, 5, 90] {
            let holds: Vec<Hold> = (0..60)
                .map(|_| {
                    let (at, length, every) = (next(1400), 20 + next(60), 1 + next(5));
                    let days = (0..20).filter(|d| d % every == 0);
                    Hold::new(
                        Horizon::new(term),
                        days.map(|d| {
                            let start =
                                to_utc(Tz::UTC, term.first.plus_days(d.cast_signed()), u16::try_from(at).unwrap_or(0));
                            (start, start + length.cast_signed())
                        }),
                    )
                })
                .collect();
            let refs: Vec<&Hold> = holds.iter().collect();
            let found = cliques(&refs, gap);
            let covered = |a: u32, b: u32| found.iter().any(|c| c.contains(&a) && c.contains(&b));
            for a in 0..60u32 {
                for b in a + 1..60 {
                    assert_eq!(covered(a, b), holds[a as usize].collides(&holds[b as usize], gap), "{a} {b} gap {gap}");
                }
            }
            assert!(found.iter().all(|c| !found.iter().any(|d| c != d && is_subset(c, d))));
        }
    }
}
