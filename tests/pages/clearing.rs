//! Sample data goes as it came: with one command, and without touching anything true.

use std::path::Path;
use std::process::{Command, Output};

use crate::house::{House, PROGRAM};

fn clear(database: &str) -> Output {
    Command::new(PROGRAM).args(["demo", "--clear", "--db", database]).output().expect("the program runs")
}

#[test]
fn only_a_database_of_the_demo_alone_is_cleared() {
    let house = House::empty();
    let refused = clear(&house.database);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("accounts that are not the demo’s"), "{said}");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("demo.db");
    let database = format!("sqlite:{}", path.display());
    assert!(!clear(&database).status.success(), "there is nothing yet");
    let create = ["admin", "create", "--email", "coordinator@demo.example", "--name", "Demo", "--db", &database];
    let made = Command::new(PROGRAM).args(create).output().expect("the program runs");
    assert!(made.status.success() && path.exists(), "{made:?}");
    let cleared = clear(&database);
    assert!(cleared.status.success(), "{cleared:?}");
    let left: Vec<_> = std::fs::read_dir(dir.path()).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(Path::new(house.database.trim_start_matches("sqlite:")).exists());
}
