//! Spoiled schedules: `verify` and `bench/staffing.py` agree on validity and on every cost term.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bellwether::engine::outcome::{Schedule, Verdict};
use bellwether::engine::problem::Problem;
use bellwether::engine::rule::Rule;
use bellwether::engine::verify::verify;

use crate::shared::{self, Dice};
use crate::spoiling::{good_schedule, rich_problem, spoil};

/// The contract asks for a thousand of each rule.
const PER_RULE: usize = 1000;
const PROBLEMS: u64 = 8;

#[test]
fn verify_and_the_third_judge_agree_on_a_thousand_spoiled_schedules_of_every_rule() {
    let compared: Mutex<BTreeMap<&str, usize>> = Mutex::default();
    std::thread::scope(|scope| {
        for seed in 1..=PROBLEMS {
            let compared = &compared;
            scope.spawn(move || {
                let (problem, pile, counts) = spoiled_schedules(seed);
                compare(seed, &problem, &pile);
                let mut compared = compared.lock().expect("no thread has failed");
                counts.into_iter().for_each(|(rule, count)| *compared.entry(rule).or_default() += count);
            });
        }
    });
    let compared = compared.into_inner().expect("no thread has failed");
    println!("spoiled schedules compared, by rule: {compared:?}");
    for rule in Rule::ALL {
        let count = compared.get(rule.code()).copied().unwrap_or(0);
        assert!(count >= PER_RULE, "only {count} schedules break {}", rule.code());
    }
}

type Spoiled = (Problem, Vec<(Schedule, Verdict)>, BTreeMap<&'static str, usize>);

/// A problem with schedules that break each rule about equally often, and some that break none.
fn spoiled_schedules(seed: u64) -> Spoiled {
    let dice = &mut Dice(seed);
    let mut problem = rich_problem(seed);
    let good: Vec<Schedule> = (0..3).map(|_| good_schedule(&mut problem, dice)).collect();
    let mut pile: Vec<(Schedule, Verdict)> = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for schedule in &good {
        pile.push((schedule.clone(), verify(&problem, schedule)));
    }
    let share = PER_RULE / usize::try_from(PROBLEMS).expect("small");
    for rule in Rule::ALL.iter().map(|rule| rule.code()) {
        for _ in 0..share * 12 {
            if counts.get(rule).is_some_and(|count| *count >= share * 5 / 4) {
                break;
            }
            let mut schedule = dice.pick(&good).cloned().unwrap_or_default();
            spoil(rule, &problem, &mut schedule, dice);
            let verdict = verify(&problem, &schedule);
            if verdict.violations.iter().any(|violation| violation.code == rule) || dice.one_in(40) {
                let codes: std::collections::BTreeSet<_> =
                    verdict.violations.iter().map(|row| row.code.clone()).collect();
                for rule in Rule::ALL.iter().map(|rule| rule.code()).filter(|code| codes.contains(*code)) {
                    *counts.entry(rule).or_default() += 1;
                }
                pile.push((schedule, verdict));
            }
        }
    }
    (problem, pile, counts)
}

fn compare(seed: u64, problem: &Problem, pile: &[(Schedule, Verdict)]) {
    let schedules: Vec<Schedule> = pile.iter().map(|(schedule, _)| schedule.clone()).collect();
    let judgements = shared::judge(problem, &schedules);
    assert_eq!(judgements.len(), pile.len());
    for ((schedule, verdict), judged) in pile.iter().zip(&judgements) {
        let agree = verdict.valid == judged.valid && verdict.cost == judged.cost;
        assert!(
            agree,
            "problem {seed}: we say {verdict:#?}\nstaffing.py says {:?}, {:#?}\nof {}",
            judged.cost,
            judged.faults,
            serde_json::json!(schedule)
        );
    }
}
