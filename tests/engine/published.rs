//! The command `solve` against what others know: published task-scheduling instances, and a peer on seeded districts.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::shared;

/// Most tasks of an instance that the suite solves; `script/bench smptsp` solves all of them.
const TASKS: usize = 120;
/// Wall seconds, as promised of both kinds of problem.
const SECONDS: u64 = 60;
/// Of districts of the size xs; not those of `optima.csv`.
const SEEDS: [u64; 3] = [101, 20_261_126, 987_654_321];

/// What `bellwether solve` reports of a problem file, once the third judge has found the same.
fn solved(problem: &Path) -> Value {
    let out = problem.with_extension("schedule");
    let began = Instant::now();
    let done = Command::new(env!("CARGO_BIN_EXE_bellwether"))
        .arg("solve")
        .arg(problem)
        .args(["--gap", "0", "--seconds", &SECONDS.to_string(), "--out"])
        .arg(&out)
        .output()
        .expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let document: Value = serde_json::from_slice(&std::fs::read(&out).expect("a schedule")).expect("JSON");
    let [problem, out] = [problem, &out].map(|path| path.to_str().expect("UTF-8"));
    let judgement = shared::python("staffing.py", &[problem, out]);
    let judgement: Value = serde_json::from_slice(&judgement).expect("a judgement");
    let report = document["report"].clone();
    assert_eq!(
        (&judgement["valid"], &judgement["cost"]["total"]),
        (&Value::Bool(true), &report["objective"]),
        "{problem}"
    );
    println!("{problem}: {} at {} after {:?}", report["status"], report["objective"], began.elapsed());
    report
}

#[test]
fn published_instances_of_up_to_a_hundred_and_twenty_tasks_are_proven_at_their_best_known() {
    if !shared::is_there() {
        println!(
            "skipped: no shared/bench beside the clone and none named by BELLWETHER_SHARED, so there are no instances"
        );
        return;
    }
    let data = shared::folder().join("bench/data/smptsp");
    let dir = TempDir::new().expect("a directory");
    let rows = std::fs::read_to_string(data.join("best_known.csv")).expect("the best known");
    let mut proven = 0;
    for row in rows.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>()) {
        let [_, name, tasks, _, _, best, _] = row[..] else { panic!("seven columns, not {row:?}") };
        if tasks.parse::<usize>().expect("a number") > TASKS {
            continue;
        }
        let instance = data.join(format!("{name}.dat.gz"));
        let problem = dir.path().join(format!("{name}.json"));
        std::fs::write(&problem, shared::python("smptsp.py", &[instance.to_str().expect("UTF-8")])).expect("writes");
        let report = solved(&problem);
        let best: i64 = best.parse().expect("a number");
        assert_eq!((report["status"].as_str(), report["objective"].as_i64()), (Some("optimal"), Some(best)), "{name}");
        assert_eq!(report["bound"].as_i64(), Some(best), "{name}");
        proven += 1;
    }
    assert!(proven >= 5, "only {proven} instances are that small");
}

#[test]
fn districts_from_any_seed_are_proven_at_the_cost_that_a_peer_finds() {
    if !shared::is_there() {
        println!("skipped: no shared/bench beside the clone and none named by BELLWETHER_SHARED, so there is no peer");
        return;
    }
    let dir = TempDir::new().expect("a directory");
    for seed in SEEDS {
        let problem = dir.path().join(format!("{seed}.json"));
        let size = ["--districts", "4", "--sections", "30", "--services", "30", "--educators", "12", "--seed"];
        let made = shared::python("generate.py", &[&size[..], &[&seed.to_string()]].concat());
        std::fs::write(&problem, made).expect("writes");
        let report = solved(&problem);
        let path = problem.to_str().expect("UTF-8");
        let peer = shared::peer("peer_highs.py", &[path, &SECONDS.to_string()]);
        assert_eq!((&peer["status"], &peer["faults"]), (&Value::from("Optimal"), &Value::from(0)), "{peer}");
        assert_eq!(
            (report["status"].as_str(), &report["objective"]),
            (Some("optimal"), &peer["checked"]),
            "seed {seed}"
        );
    }
}
