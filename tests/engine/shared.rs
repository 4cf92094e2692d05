//! What lies beside the clone: the generator and the third judge of `shared/bench`; and a small random source.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bellwether::engine::outcome::{Cost, Schedule};
use bellwether::engine::problem::Problem;
use serde::Deserialize;

fn find() -> Option<PathBuf> {
    let named = std::env::var_os("BELLWETHER_SHARED").map(PathBuf::from);
    let beside = || {
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
        above.map(|folder| folder.join("shared")).find(|folder| folder.join("bench/staffing.py").is_file())
    };
    named.or_else(beside).filter(|folder| folder.join("bench/staffing.py").is_file())
}

/// Whether there is a shared folder.
pub fn is_there() -> bool {
    find().is_some()
}

/// The shared folder: `BELLWETHER_SHARED`, else the nearest `shared` beside the clone or above it.
pub fn folder() -> PathBuf {
    find().expect("no shared/bench/staffing.py beside the clone: set BELLWETHER_SHARED to the shared folder")
}

/// The output of a Python program of `shared/bench`.
pub fn python(program: &str, arguments: &[&str]) -> Vec<u8> {
    output("python3", program, arguments)
}

/// What a peer of `shared/bench` says, in its last line: these need packages that `script/setup test` installs.
pub fn peer(program: &str, arguments: &[&str]) -> serde_json::Value {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python").display().to_string();
    let python = std::env::var("BELLWETHER_PYTHON").unwrap_or_else(|_| beside());
    let text = String::from_utf8(output(&python, program, arguments)).expect("UTF-8");
    serde_json::from_str(text.lines().last().unwrap_or_default()).expect("a report")
}

fn output(python: &str, program: &str, arguments: &[&str]) -> Vec<u8> {
    let path = folder().join("bench").join(program);
    let output = Command::new(python).arg(&path).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{python}: {error}; script/test sets BELLWETHER_PYTHON"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A problem of `generate.py`.
pub fn generate(districts: u32, sections: u32, services: u32, educators: u32, seed: u64) -> Problem {
    let [d, s, i, e, seed] =
        [districts.into(), sections.into(), services.into(), educators.into(), seed].map(|n: u64| n.to_string());
    let bytes = python(
        "generate.py",
        &[
            "--districts",
            &d,
            "--sections",
            &s,
            "--services",
            &i,
            "--educators",
            &e,
            "--seed",
            &seed,
            "--incumbents",
            "0.3",
        ],
    );
    bellwether::engine::problem::read(&bytes).expect("generate.py writes good problems")
}

/// What `staffing.py` says of a schedule.
#[derive(Debug, Deserialize)]
pub struct Judgement {
    pub valid: bool,
    pub faults: Vec<String>,
    pub cost: Cost,
}

/// Ask `staffing.py` about many schedules, in one process, in order.
pub fn judge(problem: &Problem, schedules: &[Schedule]) -> Vec<Judgement> {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/staffing_driver.py");
    let mut child = Command::new("python3")
        .args([driver, folder().join("bench")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let mut input = child.stdin.take().expect("standard input is piped");
    let output = BufReader::new(child.stdout.take().expect("standard output is piped"));
    let judgements = std::thread::scope(|scope| {
        scope.spawn(move || {
            writeln!(input, "{}", serde_json::json!({ "problem": problem })).expect("the judge reads");
            for schedule in schedules {
                writeln!(input, "{}", serde_json::json!({ "schedule": schedule })).expect("the judge reads");
            }
        });
        let parse = |line: std::io::Result<String>| serde_json::from_str(&line.expect("UTF-8")).expect("a judgement");
        output.lines().map(parse).collect()
    });
    assert!(child.wait().expect("the judge ends").success());
    judgements
}

/// SplitMix64: small, seeded, the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 ≤ number < `below`.
    pub fn below(&mut self, below: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(below.max(1)).expect("64 bits")).expect("64 bits")
    }

    pub fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}
