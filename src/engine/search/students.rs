//! Students: what all services of one student can come to, whoever serves them.
//!
//! They may share a window that has no room for every session, or have no educator in common though they belong together.
//! Each educator's ceiling is blind to both, so it is told of here: of every set of a student's services, the least that
//! serving the whole set costs more than serving each of them alone. For this the educators are forgiven the sessions that
//! a service lacks, all but the pay: the student answers for them. Measured on the services of us-m alone: a bound of 1,110.1 M
//! where it was 1,098.4 M, of a schedule of 1,129.0 M; with the sections 3,862.6 M where it was 3,851.1 M.

use std::collections::{BTreeMap, BTreeSet};

use super::menu::{Menu, sessions_cents};
use super::part::Part;
use crate::engine::grid::{Grid, Need, ServiceIx, SlotIx};

/// Services of one student that are looked at together, at most.
const MOST: usize = 5;
/// Placements tried for the sessions of one day; where more were needed, there is room.
const TRIES: usize = 2_000;
/// What sessions are worth at least, to an educator who is forgiven those that lack: so many times the dearest pay.
const PAID: f64 = 1.02;

/// Services of one student that do not go together for free.
struct Student {
    /// Their numbers among the prices.
    needs: Vec<usize>,
    /// Sets of them, as bits, that can be served at once, and what that costs.
    sets: Vec<(usize, f64)>,
}

impl Student {
    fn is_in(set: usize, n: usize) -> bool {
        set >> n & 1 == 1
    }

    /// The set that is worth the most at some prices, and what is lost of these then.
    fn best(&self, prices: &[f64]) -> (usize, f64) {
        let lost = |&(set, cents): &(usize, f64)| {
            let without = self.needs.iter().enumerate().filter(|(n, _)| !Self::is_in(set, *n));
            (set, cents + without.map(|(_, &need)| prices[need]).sum::<f64>())
        };
        self.sets.iter().map(lost).min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    }
}

#[derive(Default)]
pub struct Students {
    rows: Vec<Student>,
    /// By service: the share of its cents for which the student answers.
    forgiven: BTreeMap<ServiceIx, f64>,
}

impl Students {
    /// Those of a part. `number` gives every need of it its place among the prices.
    pub fn new(grid: &Grid<'_>, part: &Part, menu: &Menu<'_>, number: &dyn Fn(Need) -> usize) -> Self {
        let mut of_student: BTreeMap<usize, Vec<ServiceIx>> = BTreeMap::new();
        for need in &part.needs {
            if let Need::Service(service) = *need {
                of_student.entry(grid.services[service].student).or_default().push(service);
            }
        }
        let mut students = Self::default();
        for services in of_student.into_values().filter(|services| services.len() > 1) {
            let services: Vec<ServiceIx> = services.into_iter().take(MOST).collect();
            let ways = ways(grid, &services);
            let all = services.iter().map(|&service| sessions_cents(grid, service).len());
            let lacks: Vec<bool> = all.enumerate().map(|(n, most)| ways.iter().any(|way| way[n] < most)).collect();
            let forgiven: Vec<f64> = services
                .iter()
                .zip(lacks)
                .map(|(&service, lacks)| if lacks { forgiven(grid, menu, service) } else { 0.0 })
                .collect();
            let splits = splits(grid, menu, &services);
            let sets: Vec<(usize, f64)> = (0..1 << services.len())
                .filter_map(|set| {
                    let lacking = |way: &Vec<usize>| lacking(grid, &services, &forgiven, set, way);
                    let least = ways.iter().filter_map(lacking).min_by(f64::total_cmp)?;
                    Some((set, least + splits(set)))
                })
                .collect();
            let whole = (1 << services.len()) - 1;
            if sets.iter().all(|&(set, cents)| set != whole || cents > 0.0) {
                students.forgiven.extend(services.iter().copied().zip(forgiven));
                let needs = services.iter().map(|&service| number(Need::Service(service))).collect();
                students.rows.push(Student { needs, sets });
            }
        }
        students
    }

    /// The share of a service's cents for which the student answers.
    pub fn forgiven(&self, service: ServiceIx) -> f64 {
        self.forgiven.get(&service).copied().unwrap_or(0.0)
    }

    /// How much less than the sum of some prices all needs come to.
    pub fn lost(&self, prices: &[f64]) -> f64 {
        self.rows.iter().map(|student| student.best(prices).1).sum()
    }

    /// The needs that are not served where students have what is worth the most at some prices.
    pub fn left_out(&self, prices: &[f64]) -> impl Iterator<Item = usize> {
        self.rows.iter().flat_map(move |student| {
            let (set, _) = student.best(prices);
            student.needs.iter().enumerate().filter(move |(n, _)| !Student::is_in(set, *n)).map(|(_, &need)| need)
        })
    }
}

/// The share of a service's cents for which the student can answer, so that every session is still worth its pay.
#[expect(clippy::cast_precision_loss, reason = "cents far below 2^53")]
fn forgiven(grid: &Grid<'_>, menu: &Menu<'_>, service: ServiceIx) -> f64 {
    let pay = |educator| grid.educator(educator).pay_cents_per_minute;
    let dearest = menu.of(Need::Service(service)).iter().map(|dish| pay(dish.educator)).max().unwrap_or(0);
    (1.0 - PAID * dearest as f64 / grid.services[service].weight.max(1) as f64).max(0.0)
}

/// What the services of a set lack, if they have so many sessions, as far as the student answers for it; nothing if one has
/// none.
#[expect(clippy::cast_precision_loss, reason = "cents far below 2^53")]
fn lacking(grid: &Grid<'_>, services: &[ServiceIx], forgiven: &[f64], set: usize, counts: &[usize]) -> Option<f64> {
    let mut sum = 0.0;
    for n in (0..services.len()).filter(|&n| Student::is_in(set, n)) {
        if counts[n] == 0 {
            return None;
        }
        let missed: i64 = sessions_cents(grid, services[n]).iter().skip(counts[n]).sum();
        sum += forgiven[n] * missed as f64;
    }
    Some(sum)
}

/// How many sessions each service can have beside the others: all that could not have more. Days are looked at alone.
fn ways(grid: &Grid<'_>, services: &[ServiceIx]) -> Vec<Vec<usize>> {
    let mut of_day: BTreeMap<usize, Vec<Vec<SlotIx>>> = BTreeMap::new();
    for (n, &service) in services.iter().enumerate() {
        for &slot in &grid.services[service].slots {
            let day = of_day.entry(grid.slots[slot].day_number).or_insert_with(|| vec![Vec::new(); services.len()]);
            day[n].push(slot);
        }
    }
    let wanted = |n: usize| grid.services[services[n]].wanted;
    let mut counts = BTreeSet::from([vec![0; services.len()]]);
    for slots in of_day.values() {
        let sets: Vec<usize> = (0..1 << services.len()).filter(|&set| have_room(grid, slots, set)).collect();
        let more = |counts: &Vec<usize>, set: usize| -> Vec<usize> {
            let one = |n: usize| usize::from(Student::is_in(set, n));
            counts.iter().enumerate().map(|(n, count)| (count + one(n)).min(wanted(n))).collect()
        };
        counts = counts.iter().flat_map(|counts| sets.iter().map(|&set| more(counts, set))).collect();
    }
    let below = |a: &Vec<usize>, b: &Vec<usize>| a != b && a.iter().zip(b).all(|(a, b)| a <= b);
    counts.iter().filter(|a| !counts.iter().any(|b| below(a, b))).cloned().collect()
}

/// Whether every service of a set can have a session on a day on which they may use these slots.
fn have_room(grid: &Grid<'_>, slots: &[Vec<SlotIx>], set: usize) -> bool {
    fn place(grid: &Grid<'_>, open: &[&[SlotIx]], taken: &mut Vec<SlotIx>, tries: &mut usize) -> bool {
        let Some((slots, open)) = open.split_first() else { return true };
        for &slot in *slots {
            *tries += 1;
            if *tries > TRIES {
                return true;
            }
            if taken.iter().all(|&other| !grid.slot_hold(slot).collides(grid.slot_hold(other), 0)) {
                taken.push(slot);
                if place(grid, open, taken, tries) {
                    return true;
                }
                taken.pop();
            }
        }
        false
    }
    let open: Vec<&[SlotIx]> =
        slots.iter().enumerate().filter(|(n, _)| Student::is_in(set, *n)).map(|(_, slots)| slots.as_slice()).collect();
    place(grid, &open, &mut Vec::new(), &mut 0)
}

/// What a set costs for having several educators, because some of it have none in common.
#[expect(clippy::cast_precision_loss, reason = "cents far below 2^53")]
fn splits<'s>(grid: &'s Grid<'_>, menu: &'s Menu<'_>, services: &'s [ServiceIx]) -> impl Fn(usize) -> f64 + 's {
    let takers = |service: ServiceIx| -> BTreeSet<usize> {
        menu.of(Need::Service(service)).iter().map(|dish| dish.educator).collect()
    };
    let takers: Vec<BTreeSet<usize>> = services.iter().map(|&service| takers(service)).collect();
    let strangers = move |a: usize, b: usize| takers[a].is_disjoint(&takers[b]);
    // A row of several students' services is the first one's.
    let mine = |row: &usize| {
        let first = grid.problem.together[*row].needs.iter().find_map(|id| match grid.need(id) {
            Some(Need::Service(service)) => Some(grid.services[service].student),
            _ => None,
        });
        first == Some(grid.services[services[0]].student)
    };
    let rows: BTreeSet<usize> =
        services.iter().flat_map(|&service| grid.together_of(Need::Service(service))).copied().filter(mine).collect();
    let of_row = move |&row: &usize, set: usize| {
        let is_of = |n: &usize| grid.together_of(Need::Service(services[*n])).contains(&row);
        let mut apart: Vec<usize> = Vec::new();
        for n in (0..services.len()).filter(|&n| Student::is_in(set, n)).filter(is_of) {
            if apart.iter().all(|&other| strangers(n, other)) {
                apart.push(n);
            }
        }
        grid.problem.together[row].cents as f64 * apart.len().saturating_sub(1) as f64
    };
    move |set| rows.iter().map(|row| of_row(row, set)).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Context, split};
    use super::*;
    use crate::engine::Quiet;
    use crate::engine::outcome::Limits;
    use crate::engine::pairing::Pairing;
    use crate::engine::problem::{self, Problem};

    const WEEKS: f64 = 4.0;
    const TOGETHER: f64 = 15_000.0;

    /// Reading twice and therapy once a week, 45 and 30 minutes, in one window on two days.
    fn one_student(window: [&str; 2], areas: [&str; 2]) -> Problem {
        let days = json!(["tue", "thu"]);
        let windows = json!([{"days": days, "start": window[0], "end": window[1]}]);
        let service = |id: &str, area: &str, minutes: u32, times: u32| {
            json!({"id": id, "student": "st", "school": "s", "service": "x", "areas": [area], "grade": "09",
                "minutes": minutes, "times": times, "per": "week", "windows": windows})
        };
        let educator = |id: &str, area: &str| {
            json!({"id": id, "tz": "America/Chicago", "clearances": ["TX"], "max_minutes_per_week": 1500,
                "licenses": [{"state": "TX", "area": area, "grades": ["09"], "issued": "2020-01-01", "expires": "2030-01-01"}],
                "availability": [{"days": days, "start": "07:00", "end": "18:00"}], "pay_cents_per_minute": 50})
        };
        let bells = json!([{"id": "regular", "periods": [{"id": "p", "start": "09:00", "end": "10:00"}]}]);
        let term = json!({"first": "2026-09-07", "last": "2026-10-02"});
        let mut calendar: Value = term.clone();
        calendar["bell_schedule"] = json!({"default": "regular"});
        calendar["closed"] = json!([]);
        let text = json!({"format": "staffing-problem/1", "name": "one student", "term": term, "grid_minutes": 15,
            "districts": [{"id": "d", "name": "D", "state": "TX", "tz": "America/Chicago", "calendar": calendar}],
            "schools": [{"id": "s", "district": "d", "name": "S", "bell_schedules": bells}],
            "courses": [], "sections": [], "educators": [educator("a", areas[0]), educator("b", areas[1])],
            "services": [service("reading", areas[0], 45, 2), service("therapy", areas[1], 30, 1)],
            "together": [{"id": "t", "needs": ["reading", "therapy"], "cents": 15_000}]});
        problem::read(text.to_string().as_bytes()).expect("good input")
    }

    /// What is lost of prices of reading and therapy, and which of the two is left out.
    fn lost(problem: &Problem, prices: [f64; 2]) -> (f64, Vec<usize>) {
        let grid = Grid::new(problem);
        let (pairing, limits) = (Pairing::new(&grid), Limits::default());
        let context = Context { grid: &grid, pairing: &pairing, limits: &limits, watch: &Quiet };
        let part = &split(&grid, &pairing)[0];
        let menu = Menu::new(&context, part);
        let number = |need: Need| if let Need::Service(service) = need { service } else { 0 };
        let students = Students::new(&grid, part, &menu, &number);
        (students.lost(&prices), students.left_out(&prices).collect())
    }

    #[test]
    fn services_that_have_room_with_one_educator_lose_nothing() {
        let wide = one_student(["12:00", "14:00"], ["sped", "sped"]);
        assert_eq!(lost(&wide, [1e6, 1e6]), (0.0, vec![]));
    }

    #[test]
    fn services_without_a_common_educator_lose_what_it_is_to_be_together() {
        let apart = one_student(["12:00", "14:00"], ["sped", "therapy"]);
        assert_eq!(lost(&apart, [1e6, 1e6]), (TOGETHER, vec![]));
        assert_eq!(lost(&apart, [1e6, 1e3]), (1e3, vec![1]));
    }

    #[test]
    fn services_in_a_window_too_short_for_both_lose_a_session_or_one_of_them() {
        let short = one_student(["12:00", "13:00"], ["sped", "sped"]);
        // Of the cents of a session of reading, what is not pay.
        let session = 45.0 * WEEKS * (1_000.0 - PAID * 50.0);
        let (cents, left_out) = lost(&short, [1e6, 1e6]);
        assert!((cents - session).abs() < 1e-6 && left_out.is_empty(), "{cents} {left_out:?}");
        assert_eq!(lost(&short, [1e6, 1e5]), (1e5, vec![1]));
        assert_eq!(lost(&short, [1e5, 1e6]), (1e5, vec![0]));
    }
}
