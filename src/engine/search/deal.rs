//! The deal: terms are given away while prices go on moving, first to those who have wanted the same for longest.
//!
//! A Lagrangian dive: no programme is solved, so that thousands of sections need not be cut into islands before their
//! time. Nearly all that is lost is lost in the end, where the few who are left find no terms in what is left: those are
//! for the programme of terms. Measured on the mathematics sections of us-l (2,803 for 592 educators), all batches on one
//! thread: from prices of a minute, a deal to the last educator came to 2,633 M in 35 s; the deal of three quarters and a dive
//! for the rest to 2,454 M in 50 s, or 2,418 M in 67 s if terms are given half as fast. Exchanged, cut in two by lot and dived
//! for, as before, they were at 2,938 M after 201 s, beside another search.

use std::collections::BTreeMap;

use super::Context;
use super::anneal::Clock;
use super::book::Roster;
use super::branch::{Effort, Scratch, count};
use super::islands::{Island, area};
use super::prices::Prices;
use super::race::Span;
use super::rng::SplitMix;
use crate::engine::chunks::each_apart;
use crate::engine::grid::{BlockIx, Grid};

/// Passes before the first are given their terms, and from one giving to the next.
const BEGIN: usize = 4;
const BETWEEN: usize = 3;
/// By how much of what a section is worth alone its price moves.
const PACE: f64 = 0.01;
/// How much of what somebody wanted is remembered from one pass to the next.
const KEPT: f64 = 0.8;
/// Of those who want sections of a license area, the share who are left without a term. Where a quarter of all educators was left,
/// that was at us-l those of special education, to whom services are worth more: the sections of all other areas were dealt to
/// the last.
const LEFT: f64 = 0.25;
/// Of those who have no term yet, the share that is given one at a time while nobody has, at least and at most: it falls as
/// they do.
const AT_ONCE: [f64; 2] = [0.1, 1.0];
/// The same without a clock.
const PATIENT: f64 = 0.15;
/// Nodes into an educator's term.
const NODES: usize = 30;

/// What a deal came to.
pub struct Dealt {
    /// Those who were given none, and what they could still be given.
    pub rest: Island,
    /// The prices it ended with.
    pub prices: Vec<f64>,
}

/// Somebody of the island.
#[derive(Default)]
struct Person<'d> {
    /// Wanted last, ascending.
    term: Vec<BlockIx>,
    /// How steadily each section was wanted, up to 1.
    wanted: BTreeMap<BlockIx, f64>,
    /// The license area of most that they wanted at first.
    area: Option<&'d str>,
    is_given: bool,
}

/// People of a license area: how many wanted something at first, and how many of them have no term.
#[derive(Default)]
struct Area {
    all: usize,
    left: usize,
}

struct Deal<'d> {
    prices: &'d Prices,
    island: &'d Island,
    people: Vec<Person<'d>>,
    at: Vec<f64>,
    /// By block of the grid: whether it is to be had.
    free: Vec<bool>,
    areas: BTreeMap<&'d str, Area>,
    threads: usize,
    rng: SplitMix,
}

/// Gives most people of an island a term, within so many seconds where there is a clock. In the roster they have that then, and
/// the others what they wanted last, as far as it is free.
pub fn deal(
    context: &Context<'_, '_, '_>,
    prices: &Prices,
    island: &Island,
    roster: &mut Roster,
    seconds: Option<f64>,
) -> Dealt {
    let turn = seconds.map(|seconds| Span { seconds, rounds: None }.begin(context.watch));
    let done = || turn.as_ref().map(|turn| turn.done(0));
    let stop = || context.stopped();
    let mut deal = Deal::new(context, prices, island);
    deal.passes(BEGIN, &stop);
    let at_once = done().map_or(PATIENT, at_once);
    deal.sort(context.grid);
    let mut open = deal.open();
    let all = open.len();
    while !open.is_empty() && !stop() && done().is_none_or(|done| done < 1.0) {
        if deal.give(&open, share(open.len(), all) * at_once) == 0 {
            break;
        }
        deal.passes(BETWEEN, &stop);
        open = deal.open();
    }
    deal.end(roster)
}

/// The share to be given a term at first, so that all passes fit into the time, of which the first have taken so much.
fn at_once(taken: f64) -> f64 {
    let passes = count(BETWEEN) / count(BEGIN) * (1.0 / LEFT).ln();
    (passes * taken / (1.0 - taken).max(1e-3)).clamp(AT_ONCE[0], AT_ONCE[1])
}

fn share(some: usize, all: usize) -> f64 {
    count(some) / count(all.max(1))
}

impl<'d> Deal<'d> {
    fn new(context: &Context<'_, '_, 'd>, prices: &'d Prices, island: &'d Island) -> Self {
        let mut free = vec![false; context.grid.blocks.len()];
        island.blocks.iter().for_each(|&block| free[block] = true);
        Self {
            prices,
            island,
            people: island.people.iter().map(|_| Person::default()).collect(),
            at: prices.among(island, |block| free[block], &prices.best_prices),
            free,
            areas: BTreeMap::new(),
            threads: context.limits.threads,
            rng: SplitMix::new(u64::from(context.limits.seed)),
        }
    }

    /// Asks everybody who has no term so many times, in an order by lot and a few at a time; prices move after each few.
    fn passes(&mut self, times: usize, stop: &(dyn Fn() -> bool + Sync)) {
        let mut order: Vec<usize> = (0..self.people.len()).filter(|&n| !self.people[n].is_given).collect();
        let mut takers = vec![0.0_f64; self.at.len()];
        for row in order.iter().flat_map(|&n| &self.prices.ceilings[self.island.people[n]].blocks) {
            takers[row.need] += 1.0;
        }
        let effort = Effort { nodes: NODES, ..self.prices.effort };
        for _ in 0..times {
            (1..order.len()).rev().for_each(|n| order.swap(n, self.rng.below(n + 1)));
            for few in order.chunks(Prices::few(order.len())) {
                if stop() {
                    return;
                }
                let (prices, island, at) = (self.prices, self.island, &self.at);
                let found = each_apart(few, self.threads, |some| {
                    let mut scratch = Scratch::default();
                    let ask = |&n: &usize| prices.ceilings[island.people[n]].choose(at, effort, &mut scratch).blocks;
                    some.iter().map(ask).collect::<Vec<_>>()
                });
                few.iter().zip(found).for_each(|(&n, term)| self.hear(n, term, &takers));
            }
        }
    }

    /// What somebody wants moves the prices, and is remembered.
    fn hear(&mut self, n: usize, term: Vec<BlockIx>, takers: &[f64]) {
        for row in self.prices.ceilings[self.island.people[n]].blocks.iter().filter(|row| self.free[row.block]) {
            let alone = self.prices.alone(row.need);
            let price = &mut self.at[row.need];
            *price = (*price - PACE * alone / takers[row.need]).max(0.0);
            if term.binary_search(&row.block).is_ok() {
                *price = (*price + PACE * alone).min(alone);
            }
        }
        let person = &mut self.people[n];
        person.wanted.values_mut().for_each(|wanted| *wanted *= KEPT);
        term.iter().for_each(|&block| *person.wanted.entry(block).or_default() += 1.0 - KEPT);
        person.wanted.retain(|_, wanted| *wanted > 0.01);
        person.term = term;
    }

    /// Sorts people by the area of most that they want.
    fn sort(&mut self, grid: &Grid<'d>) {
        for person in &mut self.people {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            person.term.iter().for_each(|&block| *counts.entry(area(grid, block)).or_default() += 1);
            person.area = counts.into_iter().max_by_key(|&(_, count)| count).map(|(area, _)| area);
            if let Some(area) = person.area {
                let Area { all, left } = self.areas.entry(area).or_default();
                (*all, *left) = (*all + 1, *left + 1);
            }
        }
    }

    /// Whether somebody may be given the term they wanted last: there is one, and it leaves enough of their area.
    fn may(&self, n: usize) -> bool {
        let Person { term, area, is_given, .. } = &self.people[n];
        let has_enough = |Area { all, left }: &Area| share(*left, *all) > LEFT;
        !is_given && !term.is_empty() && area.and_then(|area| self.areas.get(area)).is_some_and(has_enough)
    }

    /// All who may.
    fn open(&self) -> Vec<usize> {
        (0..self.people.len()).filter(|&n| self.may(n)).collect()
    }

    /// Gives a share of some people the term they wanted last, the steadiest first; says to how many.
    fn give(&mut self, open: &[usize], share: f64) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few")]
        let most = (count(open.len()) * share).ceil() as usize;
        let steady = |n: usize| {
            let Person { term, wanted, .. } = &self.people[n];
            term.iter().map(|block| wanted.get(block).copied().unwrap_or(0.0)).sum::<f64>() / count(term.len())
        };
        let mut order: Vec<(f64, usize)> = open.iter().map(|&n| (steady(n), n)).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut given = 0;
        for (_, n) in order {
            if given == most {
                break;
            }
            if self.may(n) && self.people[n].term.iter().all(|&block| self.free[block]) {
                self.people[n].is_given = true;
                self.people[n].term.iter().for_each(|&block| self.free[block] = false);
                if let Some(area) = self.people[n].area.and_then(|area| self.areas.get_mut(area)) {
                    area.left -= 1;
                }
                given += 1;
            }
        }
        self.at = self.prices.among(self.island, |block| self.free[block], &self.at);
        given
    }

    /// Writes down who has what, and what is left.
    fn end(self, roster: &mut Roster) -> Dealt {
        self.island.blocks.iter().for_each(|&block| roster.blocks[block] = None);
        let mut rest = Island { people: Vec::new(), blocks: Vec::new() };
        for (&n, person) in self.island.people.iter().zip(&self.people) {
            let ceiling = &self.prices.ceilings[n];
            if !person.is_given {
                rest.people.push(n);
                rest.blocks.extend(ceiling.blocks.iter().map(|row| row.block).filter(|&block| self.free[block]));
            }
            for &block in person.term.iter().filter(|&&block| person.is_given || self.free[block]) {
                roster.blocks[block].get_or_insert(ceiling.educator());
            }
        }
        rest.blocks.sort_unstable();
        rest.blocks.dedup();
        Dealt { rest, prices: self.at }
    }
}

#[cfg(test)]
pub mod tests {
    use serde_json::{Value, json};

    use super::super::book::Book;
    use super::super::prices::NEVER;
    use super::super::{Menu, islands, split};
    use super::*;
    use crate::engine::Quiet;
    use crate::engine::grid::Need;
    use crate::engine::outcome::Limits;
    use crate::engine::pairing::Pairing;
    use crate::engine::problem::{self, Problem};

    /// So many sections in six periods and educators who could teach any of them, of each area.
    pub fn one_school(areas: &[(&str, usize, usize)]) -> Problem {
        let weekdays = json!(["mon", "tue", "wed", "thu", "fri"]);
        let period = |n: usize| json!({"id": format!("p{n}"), "start": format!("{:02}:00", 8 + n), "end": format!("{:02}:50", 8 + n)});
        let section = |area: &str, n: usize| {
            json!({"id": format!("{area}{n:02}"), "course": area, "school": "s", "grades": ["09"],
                "meets": [{"period": format!("p{}", n % 6)}]})
        };
        let educator = |area: &str, n: usize| {
            json!({"id": format!("{area}{n:02}"), "tz": "America/Chicago", "clearances": ["TX"], "max_minutes_per_week": 1500,
                "licenses": [{"state": "TX", "area": area, "grades": ["09"], "issued": "2020-01-01", "expires": "2030-01-01"}],
                "availability": [{"days": weekdays, "start": "07:00", "end": "18:00"}], "pay_cents_per_minute": 40 + n})
        };
        let all = |what: &dyn Fn(&str, usize) -> Value, many: &dyn Fn(&(&str, usize, usize)) -> usize| -> Vec<Value> {
            areas.iter().flat_map(|row| (0..many(row)).map(|n| what(row.0, n))).collect()
        };
        let term = json!({"first": "2026-09-07", "last": "2026-10-02"});
        let mut calendar: Value = term.clone();
        calendar["bell_schedule"] = json!({"default": "regular"});
        calendar["closed"] = json!([]);
        let bells = json!([{"id": "regular", "periods": (0..6).map(period).collect::<Vec<_>>()}]);
        let text = json!({"format": "staffing-problem/1", "name": "one school", "term": term, "grid_minutes": 5,
            "districts": [{"id": "d", "name": "D", "state": "TX", "tz": "America/Chicago", "calendar": calendar}],
            "schools": [{"id": "s", "district": "d", "name": "S", "bell_schedules": bells}],
            "courses": areas.iter().map(|(area, _, _)| json!({"id": area, "name": area, "areas": [area]})).collect::<Vec<_>>(),
            "sections": all(&section, &|row| row.1), "educators": all(&educator, &|row| row.2), "services": [],
            "together": [{"id": "all", "needs": areas.iter().map(|row| format!("{}00", row.0)).collect::<Vec<_>>(), "cents": 1}]});
        problem::read(text.to_string().as_bytes()).unwrap_or_else(|issues| panic!("{issues:?}"))
    }

    /// Who has what after a deal, and what is left.
    fn dealt(problem: &Problem, threads: usize) -> (Roster, Vec<usize>, Vec<BlockIx>) {
        let grid = Grid::new(problem);
        let (pairing, limits) = (Pairing::new(&grid), Limits { threads, ..Limits::default() });
        let context = Context { grid: &grid, pairing: &pairing, limits: &limits, watch: &Quiet };
        let part = &split(&grid, &pairing)[0];
        let menu = Menu::new(&context, part);
        let mut prices = Prices::new(&grid, part, &menu, threads, 1);
        prices.settle(threads, |pass| share(pass, 30), &|| false, |_| {});
        let mut roster = Roster::empty(&grid);
        let whole = islands::whole(&grid, &prices, &roster);
        let Dealt { rest, prices: at } = deal(&context, &prices, &whole, &mut roster, None);
        let mut book = Book::new(&grid);
        for (block, educator) in roster.blocks.iter().enumerate() {
            if let Some(educator) = *educator {
                assert!(book.block_refusal(block, educator).is_none(), "{block} for {educator}");
                book.assign_block(block, educator);
            }
        }
        let left: Vec<usize> = rest.people.iter().map(|&n| prices.ceilings[n].educator()).collect();
        for (block, educator) in roster.blocks.iter().enumerate() {
            let given = educator.is_some_and(|educator| !left.contains(&educator));
            assert!(given != rest.blocks.contains(&block), "{block} of {educator:?}");
            let need = part.needs.iter().position(|&need| need == Need::Block(block)).expect("a need of the part");
            assert!(given == (at[need] >= NEVER), "{block} at {}", at[need]);
        }
        (roster, left, rest.blocks)
    }

    #[test]
    fn three_quarters_have_a_term_that_obeys_the_rules_and_the_rest_what_is_left() {
        let problem = one_school(&[("math", 40, 8)]);
        let (roster, left, blocks) = dealt(&problem, 1);
        assert_eq!((left.len(), blocks.len() < 40), (2, true), "{roster:?}");
        assert_eq!((roster.blocks, left, blocks), {
            let (roster, left, blocks) = dealt(&problem, 2);
            (roster.blocks, left, blocks)
        });
    }

    #[test]
    fn a_quarter_is_left_of_every_area_however_many_want_nothing_in_another() {
        let (_, left, _) = dealt(&one_school(&[("math", 40, 8), ("art", 1, 16)]), 1);
        assert_eq!(left.iter().filter(|&&educator| educator < 8).count(), 2, "{left:?}");
    }

    #[test]
    fn where_nobody_is_left_who_wants_anything_a_deal_ends() {
        let (roster, left, blocks) = dealt(&one_school(&[("math", 2, 8)]), 1);
        assert_eq!(roster.blocks.iter().flatten().count(), 2, "{left:?} {blocks:?}");
    }
}
