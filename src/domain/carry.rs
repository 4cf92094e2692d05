//! What of a new schedule is still to be held in a period that has begun: what was held already, or is accounted for in the
//! log, is not held once more, and what was not is not lost. Knows of one service (or section) and one period at a time.

/// A meeting of the period that has begun, or of which the log says what became of it before it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accounted<L> {
    /// Which one of the period it is, in every schedule: for a service its date, for a section date and period.
    pub label: L,
    pub begun: bool,
}

/// A meeting that the new schedule has in the period, in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned<L> {
    pub label: L,
    /// It is to come, and nobody is in another meeting that is being held.
    pub possible: bool,
    /// Somebody would be served: the educator is there.
    pub serves: bool,
}

/// What becomes of the planned meetings of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// By planned meeting: it is to be held.
    pub held: Vec<bool>,
    /// How many can be held no more, and were not held before either: former ones should stay in their place.
    pub lost: usize,
}

/// Each accounted meeting takes the place of one that is planned: of that of its own label, else of one that can be held no
/// more, else of one that would serve nobody, else of the first.
#[must_use]
pub fn carry<L: PartialEq>(accounted: &[Accounted<L>], planned: &[Planned<L>]) -> Carried {
    let mut held: Vec<bool> = planned.iter().map(|one| one.possible).collect();
    let mut taken = vec![false; planned.len()];
    let mut moved = 0;
    for one in accounted {
        match planned.iter().zip(&taken).position(|(plan, taken)| !taken && plan.label == one.label) {
            Some(at) => {
                taken[at] = true;
                // One that is only logged ahead keeps its place in the calendar.
                held[at] &= !one.begun;
            }
            None => moved += 1,
        }
    }
    let mut others: Vec<usize> = (0..planned.len()).filter(|at| !taken[*at]).collect();
    others.sort_by_key(|at| (planned[*at].possible, planned[*at].serves));
    for at in others.into_iter().take(moved) {
        (taken[at], held[at]) = (true, false);
    }
    let lost = planned.iter().zip(&taken).filter(|(plan, taken)| !**taken && !plan.possible).count();
    Carried { held, lost }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(labels: &[u32]) -> Vec<Accounted<u32>> {
        labels.iter().map(|label| Accounted { label: *label, begun: true }).collect()
    }

    /// Planned on these days of a week of which `now` is the first to come.
    fn planned(labels: &[u32], now: u32) -> Vec<Planned<u32>> {
        labels.iter().map(|label| Planned { label: *label, possible: *label >= now, serves: true }).collect()
    }

    #[test]
    fn a_week_is_neither_held_twice_nor_lost() {
        for (held, new, now, days, lost) in [
            // The same again.
            (&[1][..], &[1, 3][..], 2, &[3][..], 0),
            // Tuesday was held, Thursday is the new day.
            (&[2], &[4], 3, &[], 0),
            // Thursday is not held yet, Tuesday has passed.
            (&[], &[2], 3, &[], 1),
            (&[1], &[2, 4], 2, &[4], 0),
            (&[1], &[2, 4], 3, &[4], 0),
            (&[1], &[1, 2, 4], 2, &[2, 4], 0),
            (&[1, 2], &[4], 3, &[], 0),
            (&[], &[1, 2, 4], 3, &[4], 2),
        ] {
            let plans = planned(new, now);
            let found = carry(&begun(held), &plans);
            let kept: Vec<u32> =
                plans.iter().zip(&found.held).filter(|(_, held)| **held).map(|(p, _)| p.label).collect();
            assert_eq!((&*kept, found.lost), (days, lost), "{held:?} {new:?} {now}");
        }
    }

    #[test]
    fn one_that_serves_nobody_goes_before_one_that_does_and_one_logged_ahead_keeps_its_place() {
        let mut plans = planned(&[2, 4], 2);
        plans[0].serves = false;
        assert_eq!(carry(&begun(&[1]), &plans).held, [false, true]);
        let ahead = [Accounted { label: 4, begun: false }];
        assert_eq!(carry(&ahead, &plans).held, [true, true]);
        assert_eq!(carry(&ahead, &planned(&[5], 2)).held, [false], "it is accounted for, wherever it moves");
    }

    #[test]
    fn held_before_and_to_be_held_are_never_more_than_planned_nor_fewer_than_could_be() {
        for bits in 0_u32..1 << 12 {
            let chosen = |from: u32| -> Vec<u32> { (1..=4).filter(|day| bits >> (from + day - 1) & 1 == 1).collect() };
            let (held, new, now) = (chosen(0), chosen(4), 1 + (bits >> 8) % 6);
            let held: Vec<u32> = held.into_iter().filter(|day| *day < now).collect();
            let plans = planned(&new, now);
            let found = carry(&begun(&held), &plans);
            let to_come = found.held.iter().filter(|held| **held).count();
            assert_eq!(held.len().min(new.len()) + to_come + found.lost, new.len(), "{held:?} {new:?} {now}");
        }
    }
}
