//! The table of `tests/asvs.md`: each row names tests that exist, or says why there is none.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names of every test function below a folder.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            for after in text.split("test]\n").skip(1).chain(text.split("worker_threads = 2)]\n").skip(1)) {
                let name = after.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
                found.extend(name.map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_requirement_names_a_test_that_exists_or_the_reason_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    tests(&root.join("src"), &mut known);
    tests(&root.join("tests"), &mut known);
    let table = fs::read_to_string(root.join("tests/asvs.md")).expect("the table");
    let rows: Vec<(&str, &str)> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "))
        .filter(|(number, _)| number.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    assert!(rows.len() > 90, "{} rows", rows.len());
    let mut seen = BTreeSet::new();
    for (number, proof) in rows {
        assert!(seen.insert(number), "{number} stands twice");
        if proof.starts_with("reason: ") || proof.starts_with("open: ") {
            continue;
        }
        let name = proof.trim_matches('`');
        assert!(known.contains(name), "{number} names {name}, which is no test");
    }
}
