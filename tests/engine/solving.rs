//! The whole engine: optimal where that can be known, the same twice, and indifferent to what does not matter.

use bellwether::engine::outcome::{Limits, Outcome, Progress, Status};
use bellwether::engine::problem::{self, Problem};
use bellwether::engine::verify::verify;
use bellwether::engine::{Refusal, Watch, plan};

use crate::oracle;
use crate::shared::{self, Dice};

/// Nodes, not seconds, end a test.
pub struct Patient;

impl Watch for Patient {
    fn seconds_left(&self) -> f64 {
        f64::INFINITY
    }
    fn should_stop(&self) -> bool {
        false
    }
    fn on_progress(&self, progress: Progress<'_>) {
        let (cost, bound) = progress.incumbent.zip(progress.bound).expect("progress has both");
        assert!(bound <= cost, "a bound of {bound} above a schedule of {cost}");
    }
}

fn solve(problem: &Problem, limits: &Limits) -> Result<Outcome, Refusal> {
    plan(problem, limits, None, &Patient)
}

pub fn generated(seed: u64) -> Problem {
    let bytes = shared::python(
        "generate.py",
        &["--districts", "4", "--sections", "30", "--services", "30", "--educators", "12", "--seed", &seed.to_string()],
    );
    problem::read(&bytes).expect("generated problems are good input")
}

#[test]
fn every_tiny_problem_is_solved_at_the_cost_of_the_best_of_all_its_schedules() {
    let problems = std::env::var("BELLWETHER_TINY").map_or(120, |count| count.parse().expect("a number of problems"));
    let check = |seed: u64| {
        let problem = oracle::problem(seed);
        match (oracle::brute_force(&problem), solve(&problem, &Limits::default())) {
            (Some(best), Ok(outcome)) => {
                assert_eq!((outcome.report.status, outcome.report.objective), (Status::Optimal, best), "seed {seed}");
                assert_eq!(verify(&problem, &outcome.schedule).cost.total, best, "seed {seed}");
                true
            }
            (None, Err(Refusal::Impossible(issues))) => {
                assert!(issues.iter().all(|i| i.pointer.starts_with("/pins")), "seed {seed}: {issues:?}");
                false
            }
            (best, outcome) => panic!("seed {seed}: brute force {best:?}, engine {outcome:?}"),
        }
    };
    let solved: usize = std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| scope.spawn(move || (half..problems).step_by(2).filter(|&n| check(n)).count()));
        halves.into_iter().map(|half| half.join().expect("every problem of this half")).sum()
    });
    let problems = usize::try_from(problems).expect("a count");
    let impossible = problems - solved;
    assert!(
        4 * solved > 3 * problems && impossible > 0,
        "the sample is one-sided: {solved} solved, {impossible} impossible"
    );
}

#[test]
fn us_xs_is_solved_to_its_published_optima() {
    let optima = std::fs::read_to_string(shared::folder().join("bench/data/us-xs/optima.csv")).expect("optima");
    for row in optima.lines().skip(1) {
        let fields: Vec<i64> = row.split(',').map(|f| f.parse().expect("a number")).collect();
        let outcome = solve(&generated(fields[4].unsigned_abs()), &Limits::default()).expect("no pins");
        assert_eq!((outcome.report.status, outcome.report.objective), (Status::Optimal, fields[5]), "{row}");
    }
}

#[test]
fn the_same_problem_nodes_and_seed_give_the_same_bytes_on_one_thread_and_on_two() {
    let problem = generated(11);
    let run = |threads| {
        let limits = Limits { nodes: Some(3), threads, ..Limits::default() };
        serde_json::to_string(&solve(&problem, &limits).expect("no pins")).expect("serializes")
    };
    let first = run(1);
    assert_eq!(first, run(1));
    assert_eq!(first, run(2));
}

#[test]
fn a_problem_beyond_a_quick_proof_is_the_same_twice_too() {
    let arguments = ["--districts", "6", "--sections", "40", "--services", "60", "--educators", "24", "--seed", "1"];
    let problem = problem::read(&shared::python("generate.py", &arguments)).expect("good input");
    let run = |threads| {
        let limits = Limits { nodes: Some(1), threads, ..Limits::default() };
        solve(&problem, &limits).expect("no pins")
    };
    let (first, second) = (run(1), run(2));
    assert_eq!(serde_json::to_string(&first).ok(), serde_json::to_string(&second).ok());
    assert!(verify(&problem, &first.schedule).valid);
    assert!(first.report.bound <= first.report.objective && first.report.gap < 0.1, "gap {}", first.report.gap);
}

#[test]
fn the_order_of_rows_does_not_change_the_cost() {
    for seed in 0..30 {
        let problem = oracle::problem(seed);
        let mut turned = problem.clone();
        turned.educators.reverse();
        turned.services.reverse();
        turned.sections.reverse();
        turned.schools.reverse();
        let cost = |p: &Problem| solve(p, &Limits::default()).map(|o| o.report.objective).ok();
        assert_eq!(cost(&problem), cost(&turned), "seed {seed}");
    }
}

#[test]
fn one_more_educator_never_makes_it_worse_and_a_useless_one_changes_nothing() {
    let mut dice = Dice(5);
    for seed in 0..30 {
        let problem = oracle::problem(seed);
        let Ok(before) = solve(&problem, &Limits::default()) else { continue };
        let mut more = problem.clone();
        let mut educator = more.educators[dice.below(2)].clone();
        educator.id = "extra".into();
        more.educators.push(educator.clone());
        let after = solve(&more, &Limits::default()).expect("what was possible stays possible");
        assert!(after.report.objective <= before.report.objective, "seed {seed}");
        educator.licenses.clear();
        *more.educators.last_mut().expect("just added") = educator;
        let same = solve(&more, &Limits::default()).expect("what was possible stays possible");
        assert_eq!(same.report.objective, before.report.objective, "seed {seed}");
    }
}

#[test]
fn a_start_is_kept_when_it_is_already_best() {
    let problem = generated(3);
    let first = solve(&problem, &Limits::default()).expect("no pins");
    let again = plan(&problem, &Limits::default(), Some(&first.schedule), &Patient).expect("no pins");
    assert_eq!(first.schedule, again.schedule);
}
