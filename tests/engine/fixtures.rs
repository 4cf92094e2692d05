//! Replays every fixture of `solver_fixtures/`, by the engine, the verifier and the third judge; no rule, term of the
//! cost or fix of the catalogue may be without one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bellwether::engine::outcome::{self, Cost, Limits, Schedule, Status};
use bellwether::engine::problem::{self, Problem};
use bellwether::engine::rule::{CostTerm, Issue, Rule};
use bellwether::engine::verify::verify;
use bellwether::engine::{Quiet, Refusal, Watch, plan};
use serde::Deserialize;
use serde_json::Value;

use crate::shared;
use crate::tiny::codes;

/// What must come out of a fixture's problem: an answer, or issues.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    solved: Option<Solved>,
    /// Schedules that cost less than the answer, and what each breaks: without the rule, they would be the answer.
    #[serde(default)]
    refused: Vec<Refused>,
    /// Told of the input instead of an answer, in any order.
    #[serde(default)]
    issues: BTreeSet<Told>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Solved {
    cost: Cost,
    /// Minutes missing, by need.
    unserved: BTreeMap<String, i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    schedule: Value,
    codes: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Told {
    code: String,
    pointer: String,
}

struct Fixture {
    /// `RULE.CASE`.
    name: String,
    problem: Vec<u8>,
    expected: Expected,
}

fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("solver_fixtures");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the fixtures lie there").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let read = |path: &Path| std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let fixture = |path: &PathBuf| {
        let file = path.file_name()?.to_str()?;
        let name = file.strip_suffix(".problem.json")?.to_owned();
        let expected = read(&path.with_file_name(format!("{name}.expected.json")));
        let expected = serde_json::from_slice(&expected).unwrap_or_else(|error| panic!("{name}: {error}"));
        Some(Fixture { name, problem: read(path), expected })
    };
    paths.iter().filter_map(fixture).collect()
}

/// On one thread: what is replayed is the same everywhere.
fn limits() -> Limits {
    Limits { threads: 1, ..Limits::default() }
}

fn told(issues: &[Issue]) -> BTreeSet<Told> {
    issues.iter().map(|issue| Told { code: issue.code.clone(), pointer: issue.pointer.clone() }).collect()
}

/// The problem solved as expected, where an answer is expected; the issues are compared where they are.
fn replay(name: &str, bytes: &[u8], expected: &Expected, watch: &dyn Watch) -> Option<(Problem, Cost)> {
    let refused = |issues: &[Issue]| {
        assert!(issues.iter().all(|issue| !issue.cause.is_empty() && !issue.action.is_empty()), "{name}: {issues:?}");
        assert_eq!(told(issues), expected.issues, "{name}: {issues:?}");
        None
    };
    let problem = match problem::read(bytes) {
        Ok(problem) => problem,
        Err(issues) => return refused(&issues),
    };
    let outcome = match plan(&problem, &limits(), None, watch) {
        Ok(outcome) => outcome,
        Err(Refusal::Impossible(issues)) => return refused(&issues),
        Err(Refusal::Defect(defect)) => panic!("{name}: {defect}"),
    };
    let solved = expected.solved.as_ref().unwrap_or_else(|| panic!("{name}: issues were expected, not {outcome:?}"));
    let report = outcome.report;
    assert_eq!((report.status, report.objective), (Status::Optimal, solved.cost.total), "{name}: {report:?}");
    assert_eq!(report.cost, solved.cost, "{name}");
    let missing = report.unserved.iter().map(|row| (row.need.clone(), row.minutes_owed - row.minutes_served));
    assert_eq!(missing.collect::<BTreeMap<_, _>>(), solved.unserved, "{name}");
    Some((problem, solved.cost))
}

#[test]
fn every_fixture_is_solved_at_its_cost_or_refused_with_its_issues() {
    for Fixture { name, problem, expected } in fixtures() {
        assert_eq!(expected.solved.is_some(), expected.issues.is_empty(), "{name}: expect an answer or issues");
        replay(&name, &problem, &expected, &Quiet);
    }
}

#[test]
fn what_a_fixture_refuses_breaks_its_rule_alone_and_would_otherwise_be_the_better_answer() {
    for Fixture { name, problem, expected } in
        fixtures().into_iter().filter(|fixture| !fixture.expected.refused.is_empty())
    {
        let problem = problem::read(&problem).unwrap_or_else(|issues| panic!("{name}: {issues:?}"));
        let best = expected.solved.map_or(0, |solved| solved.cost.total);
        // What is no row or no session of this problem serves nothing, and so saves nothing.
        let serves = !name.starts_with("h00.") && !name.starts_with("h13.");
        let read = |row: &Refused| outcome::read(row.schedule.to_string().as_bytes()).expect("a well-formed schedule");
        let schedules: Vec<Schedule> = expected.refused.iter().map(read).collect();
        let judgements = shared::judge(&problem, &schedules);
        for ((row, schedule), judged) in expected.refused.iter().zip(&schedules).zip(judgements) {
            let verdict = verify(&problem, schedule);
            assert_eq!(codes(&verdict), row.codes, "{name}: {:?}", verdict.violations);
            assert_eq!((judged.valid, judged.cost), (false, verdict.cost), "{name}: {:?}", judged.faults);
            let total = verdict.cost.total;
            assert!(total < best || (total == best && !serves), "{name}: {total} is no temptation beside {best}");
        }
    }
}

#[test]
fn every_rule_has_a_fixture_that_refuses_and_one_that_accepts_and_every_term_has_one() {
    let fixtures = fixtures();
    let of = |code: &str| {
        let prefix = format!("{}.", code.to_lowercase());
        fixtures.iter().filter(move |fixture| fixture.name.starts_with(&prefix)).map(|fixture| &fixture.expected)
    };
    for rule in Rule::ALL {
        let refuses = |expected: &&Expected| expected.refused.iter().any(|row| row.codes == [rule.code()]);
        assert!(of(rule.code()).any(|expected| refuses(&expected)), "{}: no fixture breaks it alone", rule.code());
        let accepts = of(rule.code()).any(|expected| expected.refused.is_empty());
        assert!(accepts || *rule == Rule::Form, "{}: no fixture stays inside its limit", rule.code());
    }
    for term in CostTerm::ALL {
        assert!(of(term.code()).count() > 0, "{}: no fixture", term.code());
    }
    let known: BTreeSet<String> = Rule::ALL.iter().map(|rule| rule.code().to_lowercase()).collect();
    let strangers = fixtures.iter().filter(|fixture| {
        let code = fixture.name.split('.').next().unwrap_or_default();
        let of_term = CostTerm::ALL.iter().any(|term| term.code().to_lowercase() == code);
        let of_input = bellwether::engine::rule::Flaw::ALL.iter().any(|flaw| flaw.code().to_lowercase() == code);
        code != "any" && !known.contains(code) && !of_term && !of_input
    });
    assert_eq!(strangers.map(|fixture| fixture.name.as_str()).collect::<Vec<_>>(), Vec::<&str>::new(), "no such code");
}
