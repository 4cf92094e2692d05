//! The rule table: each rule accepts the case just inside its limit and refuses the one just outside.

use bellwether::engine::answer;
use bellwether::engine::grid::{Grid, Need};
use bellwether::engine::outcome::Cost;
use bellwether::engine::pairing::{self as filters, Pairing};
use bellwether::engine::rule::Rule;
use bellwether::engine::search::Dish;
use bellwether::engine::search::book::{Book, Room};
use serde_json::{Value, json};

use crate::shared::Dice;
use crate::spoiling::{good_schedule, rich_problem};
use crate::tiny::{self, codes, judge, set};

enum In {
    Problem(&'static str),
    Schedule(&'static str),
}
use In::{Problem, Schedule};

/// The rule, where to turn a value, the last value that is right and the first that is wrong.
fn table() -> Vec<(Rule, In, Value, Value)> {
    let session = |day: &str, start: &str| json!({"day": day, "start": start, "weeks": null});
    let veto = |educator: &str| json!([{"educator": educator, "school": "sc"}]);
    vec![
        (Rule::Form, Schedule("/services/2/educator"), json!("e2"), json!("nobody")),
        (Rule::Form, Schedule("/services/2/service"), json!("v3"), json!("nothing")),
        (Rule::Form, Schedule("/services/2/service"), json!("v3"), json!("v1")),
        (Rule::License, Problem("/educators/0/licenses/0/expires"), json!("2026-09-25"), json!("2026-09-24")),
        (Rule::License, Problem("/educators/0/licenses/1/issued"), json!("2026-09-14"), json!("2026-09-15")),
        (Rule::License, Problem("/educators/0/licenses/0/grades"), json!(["08", "09"]), json!(["08", "10"])),
        (Rule::License, Problem("/courses/0/areas"), json!(["art", "math"]), json!(["art", "music"])),
        (Rule::Clearance, Problem("/educators/0/clearances"), json!(["NJ", "NY"]), json!(["NJ"])),
        (Rule::Language, Problem("/sections/0/languages"), json!([]), json!(["es"])),
        (Rule::Veto, Problem("/vetoes"), json!([]), veto("e2")),
        (Rule::Availability, Problem("/educators/0/availability/0/start"), json!("08:00"), json!("08:01")),
        (Rule::Availability, Problem("/educators/0/availability/0/end"), json!("10:30"), json!("10:29")),
        (Rule::Overlap, Problem("/educators/0/buffer_minutes"), json!(10), json!(11)),
        (Rule::Week, Problem("/educators/0/max_minutes_per_week"), json!(530), json!(529)),
        (Rule::Day, Problem("/educators/0/max_minutes_per_day"), json!(130), json!(129)),
        (Rule::Preps, Problem("/educators/0/max_preps"), json!(2), json!(1)),
        (Rule::Preps, Problem("/educators/0/max_sections"), json!(2), json!(1)),
        (Rule::Caseload, Problem("/educators/0/max_students"), json!(2), json!(1)),
        (Rule::Group, Problem("/services/0/max_group"), json!(2), json!(1)),
        (Rule::Group, Problem("/services/1/grade_span"), json!(3), json!(2)),
        (Rule::Student, Schedule("/services/2/sessions/0/start"), json!("10:30"), json!("10:29")),
        (Rule::Pattern, Problem("/grid_minutes"), json!(30), json!(60)),
        (Rule::Pattern, Problem("/services/2/windows/0/end"), json!("11:00"), json!("10:59")),
        (Rule::Pattern, Schedule("/services/2/sessions/0/day"), json!("wed"), json!("tue")),
        (Rule::Pattern, Schedule("/services/2/sessions/0/weeks"), json!(null), json!([1, 3])),
        (
            Rule::Pattern,
            Schedule("/services/2/sessions"),
            json!([session("wed", "10:00")]),
            json!([session("wed", "10:00"), session("mon", "10:30")]),
        ),
        (Rule::Bundle, Schedule("/sections/1/educator"), json!("e1"), json!("e2")),
        (Rule::Pin, Problem("/pins/0/educator"), json!("e1"), json!("e2")),
    ]
}

#[test]
fn every_rule_accepts_the_case_inside_its_limit_and_refuses_the_case_outside() {
    for (rule, place, inside, outside) in table() {
        for (value, expected) in [(inside, vec![]), (outside, vec![rule.code()])] {
            let (mut problem, mut schedule) = (tiny::problem(), tiny::schedule());
            let at = match place {
                Problem(at) => (set(&mut problem, at, value.clone()), at).1,
                Schedule(at) => (set(&mut schedule, at, value.clone()), at).1,
            };
            let verdict = judge(&problem, &schedule);
            assert_eq!(codes(&verdict), expected, "{} with {at} = {value}: {:?}", rule.code(), verdict.violations);
            assert_eq!(verdict.valid, expected.is_empty());
        }
    }
}

#[test]
fn every_rule_of_the_catalogue_has_a_row_in_the_table() {
    for rule in Rule::ALL {
        assert!(table().iter().any(|row| row.0 == *rule), "{} has no case", rule.code());
    }
}

#[test]
fn the_cost_of_the_tiny_schedule_is_what_one_reckons_in_the_head() {
    // Ten days of two sections, two Mondays of a group and of a voice session, at 2 cents a minute.
    let pay = 2 * (10 * 100 + 2 * 30 + 2 * 30);
    let cost = Cost { unserved: 0, pay, activation: 200, prep: 30, split: 70, change: 0, total: pay + 300 };
    assert_eq!(judge(&tiny::problem(), &tiny::schedule()).cost, cost);

    let nothing = json!({"format": "staffing-schedule/1"});
    let unserved = 10 * (10 * 100 + 2 * 3 * 30);
    let cost = Cost { unserved, change: 5000, total: unserved + 5000, ..Cost::default() };
    let verdict = judge(&tiny::problem(), &nothing);
    assert_eq!((verdict.cost, codes(&verdict)), (cost, vec!["H15"]));
}

#[test]
fn minutes_on_time_off_are_paid_and_not_served() {
    let mut problem = tiny::problem();
    set(&mut problem, "/educators/0/time_off", json!([{"first": "2026-09-14", "last": "2026-09-14"}]));
    let (before, after) = (judge(&tiny::problem(), &tiny::schedule()), judge(&problem, &tiny::schedule()));
    assert!(after.valid);
    assert_eq!((after.cost.unserved, after.cost.pay), (10 * (100 + 30 + 30), before.cost.pay));
}

#[test]
fn whoever_is_paired_with_a_need_passes_every_filter_and_nobody_else_does() {
    for problem in (0..40).map(crate::oracle::problem).chain([crate::solving::generated(5)]) {
        let grid = Grid::new(&problem);
        let (pairing, rules) = (Pairing::on_threads(&grid, 2), filters::Rules::new(&grid));
        let needs = (0..grid.blocks.len()).map(Need::Block).chain((0..grid.services.len()).map(Need::Service));
        for need in needs.filter(|&need| !rules.asked(need).is_empty()) {
            let passes = |&educator: &usize| rules.refusal(need, educator).is_none();
            let passing: Vec<usize> = (0..grid.educators.len()).filter(passes).collect();
            assert_eq!(pairing.of(need), passing, "{} {need:?}", problem.name);
        }
    }
}

#[test]
fn a_seat_is_free_where_no_rule_refuses_it() {
    let mut seen = [0; 2];
    for seed in 1..=6 {
        let mut problem = rich_problem(seed);
        let schedule = good_schedule(&mut problem, &mut Dice(seed));
        let grid = Grid::new(&problem);
        let (pairing, mut book) = (Pairing::new(&grid), Book::of(&grid, &answer::roster(&grid, &schedule)));
        for service in 0..grid.services.len() {
            book.drop_need(Need::Service(service));
            for &educator in &pairing.services[service] {
                let dish = Dish::new(&grid, Need::Service(service), educator);
                for seat in dish.seats(&grid, service) {
                    let free = !book.is_refused_whole(service, educator)
                        && book.is_seat_free(service, educator, seat, &mut Room::default());
                    let refusal = book.place_refusal(service, educator, seat.slot());
                    assert_eq!(free, refusal.is_none(), "{} {service} {educator}: {refusal:?}", problem.name);
                    seen[usize::from(free)] += 1;
                }
            }
        }
    }
    assert!(seen.iter().all(|&count| count > 100), "refused and free: {seen:?}");
}
