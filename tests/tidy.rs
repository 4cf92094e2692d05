//! Holds the house to its own rules by reading its source text: who may import whom, where each crate lives, the words a
//! floor may not use, and the habits that a compiler does not see. Knows nothing of what the program does.
//!
//! The tables below are `house.md` §3 and §8. To change a rule, change its table, in a commit that says why.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Who may name whom: a floor (the deepest that a file lies in counts) and what it may name besides itself.
const FLOORS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("engine", &["domain"]),
    ("engine/verify", &["domain", "engine::problem", "engine::outcome", "engine::rule"]),
    ("store", &["domain", "engine::problem", "engine::outcome"]),
    ("exchange", &["domain", "engine::problem", "engine::outcome"]),
    ("notify", &["domain", "exchange", "config"]),
    ("api", &["domain", "engine", "store", "exchange", "config"]),
    (
        "web",
        &[
            "domain",
            "engine",
            "store",
            "exchange",
            "config",
            "api::State",
            "api::absences",
            "api::hours",
            "api::join",
            "api::repairs",
            "api::withdrawals",
            "api::vacancies",
            "api::extract",
            "api::error",
            "api::access",
            "api::sign_in",
            "api::second",
            "api::providers",
            "api::WantedToken",
            "api::AtRisk",
        ],
    ),
    ("jobs", &["domain", "engine", "store", "exchange", "notify", "config"]),
    ("config", &["domain"]),
    ("cli", ANYTHING),
    ("lib", ANYTHING),
    ("main", ANYTHING),
];
const ANYTHING: &[&str] = &[""];

/// Crates that live in few places.
const HOMES: &[(&str, &[&str])] = &[
    ("good_lp", SOLVER),
    ("highs", SOLVER),
    ("highs_sys", SOLVER),
    ("chrono_tz", &["domain"]),
    ("sqlx", &["store"]),
    ("apalis", &["jobs"]),
    ("apalis_sqlite", &["jobs"]),
    ("apalis_postgres", &["jobs"]),
    ("csv", &["exchange"]),
    ("calamine", &["exchange"]),
    ("icalendar", &["exchange"]),
    ("pdf_writer", &["exchange"]),
    ("rust_xlsxwriter", &["exchange"]),
    ("lettre", &["notify"]),
    ("mail_parser", &["exchange"]),
    ("axum", &["api", "web", "cli"]),
    ("axum_extra", &["api", "web", "cli"]),
    ("maud", &["web"]),
    ("clap", &["cli"]),
    ("anyhow", &["cli", "main"]),
    ("argon2", &["api"]),
    ("governor", &["api"]),
    ("zxcvbn", &["api"]),
    ("chacha20poly1305", &["domain"]),
    ("totp_rs", &["api"]),
    ("webauthn_rp", &["api"]),
    ("openidconnect", &["api"]),
    ("qrcode", &["web"]),
];
const SOLVER: &[&str] = &["engine/model", "engine/search", "engine/solve"];

/// Words that a place may not contain, with the reason.
const BANNED: &[(&str, &str, &str)] = &[
    ("engine", "HashMap", "its order differs from run to run; use BTreeMap"),
    ("engine", "HashSet", "its order differs from run to run; use BTreeSet"),
    ("engine", "async fn", "the engine computes and nothing else"),
    ("engine", "rand::", "the seed is an argument; derive what is needed from it"),
    ("engine", "SystemTime", "time is an argument: Watch::seconds_left"),
    ("engine", "Instant", "time is an argument: Watch::seconds_left"),
    ("engine", "std::fs", "the engine opens no file"),
    ("engine", "std::net", "the engine opens no socket"),
    ("engine", "std::env", "settings are arguments"),
    ("domain", "async fn", "words do no I/O"),
    ("domain", "std::fs", "words do no I/O"),
    ("", "Utc::now", "take the time from domain::time::now, or as an argument"),
    ("", "Local::now", "take the time from domain::time::now, or as an argument"),
    ("", "todo!", "nothing is left for later in the text"),
    ("", "unimplemented!", "nothing is left for later in the text"),
    ("", "dbg!", "nothing is printed for debugging"),
    ("", "#[ignore", "a test that does not run proves nothing"),
    ("", "#[allow(", "use #[expect(lint, reason = \"…\")]"),
];
/// The one file that may say a banned word.
const EXCUSED: &[(&str, &str)] = &[("src/domain/time.rs", "Utc::now")];

/// Marks of unfinished work, wherever they stand, comments too.
const UNFINISHED: [&str; 2] = ["TODO", "FIXME"];
/// No type may be called so.
const EMPTY_NAMES: [&str; 3] = ["Manager", "Helper", "Util"];
const MOST_LINES: usize = 500;
/// All that may lie at the top, besides dot-files and what git ignores.
const TOP: [&str; 9] =
    ["Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "migrations", "script", "solver_fixtures", "src", "tests"];

struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Where the file stands in the house: `src/engine/verify/mod.rs` is `engine/verify`.
    fn place(&self) -> Option<&str> {
        let place = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        Some(place.strip_suffix("/mod").unwrap_or(place))
    }
}

/// Whether `place` is `home` or lies inside it; the empty home holds everything.
fn lies_in(place: &str, home: &str) -> bool {
    home.is_empty() || place == home || place.strip_prefix(home).is_some_and(|rest| rest.starts_with(['/', ':']))
}

/// Everything wrong in these sources, one line each.
fn faults(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(|source| [habits(source), words(source), imports(source)].concat()).collect()
}

fn habits(source: &Source) -> Vec<String> {
    let Source { path, text } = source;
    let mut found = Vec::new();
    if !text.starts_with("//! ") {
        found.push(format!("{path}: the first line must begin with //! and say what the file owns"));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        found.push(format!("{path}: {lines} lines are two ideas; split it (at most {MOST_LINES})"));
    }
    for mark in UNFINISHED {
        if text.contains(mark) {
            found.push(format!("{path}: says {mark}; do it, or file an issue"));
        }
    }
    for pair in tokens(&code(text)).windows(2) {
        let declares = ["struct", "enum", "trait", "type"].contains(&pair[0].as_str());
        if declares && EMPTY_NAMES.iter().any(|empty| pair[1].contains(empty)) {
            found.push(format!("{path}: {} says nothing; name the thing for what it is", pair[1]));
        }
    }
    found
}

fn words(source: &Source) -> Vec<String> {
    let text = code(&source.text);
    let place = source.place().unwrap_or_default();
    BANNED
        .iter()
        .filter(|(floor, word, _)| lies_in(place, floor) && contains_word(&text, word))
        .filter(|(_, word, _)| !EXCUSED.contains(&(source.path.as_str(), word)))
        .map(|(_, word, why)| format!("{}: {word} may not stand here: {why}", source.path))
        .collect()
}

/// Whether this path of ours begins with a floor; a macro of the crate's root does not.
fn is_a_floor(ours: &str) -> bool {
    FLOORS.iter().any(|(floor, _)| lies_in(ours, floor))
}

fn imports(source: &Source) -> Vec<String> {
    let Some(place) = source.place() else { return Vec::new() };
    let text = code(&source.text);
    let text = text.split("#[cfg(test)]").next().unwrap_or_default(); // tests may name anything
    let mut found = BTreeSet::new();
    for name in mentions(place, text) {
        let first = name.split("::").next().unwrap_or_default();
        if let Some((_, homes)) = HOMES.iter().find(|(krate, _)| *krate == first)
            && !homes.iter().any(|home| lies_in(place, home))
        {
            found.insert(format!("{}: names {first}, which lives in {}", source.path, homes.join(", ")));
        }
        let Some(ours) = name.strip_prefix("crate::").filter(|ours| is_a_floor(ours)) else { continue };
        let floor = FLOORS.iter().filter(|(floor, _)| lies_in(place, floor)).max_by_key(|(floor, _)| floor.len());
        let Some((floor, allowed)) = floor else {
            found.insert(format!("{}: stands on no floor of the table", source.path));
            continue;
        };
        let itself = floor.replace('/', "::");
        if !lies_in(ours, &itself) && !allowed.iter().any(|allowed| lies_in(ours, allowed)) {
            found.insert(format!("{}: {floor} may not name {ours}", source.path));
        }
    }
    found.into_iter().collect()
}

// ---- reading Rust, as little of it as is needed ----------------------------------------------------

/// The text with comments, strings and characters blanked out.
fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let hashes = rest.strip_prefix('r').map_or(0, |raw| raw.len() - raw.trim_start_matches('#').len());
        let raw_starts = rest.starts_with('r') && rest[1 + hashes..].starts_with('"');
        let is_name = kept.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if raw_starts && !is_name {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = 2 + hashes;
            rest[body..].find(&close).map_or(rest.len(), |end| body + end + close.len())
        } else if let Some(body) = rest.strip_prefix('"') {
            let mut escaped = false;
            let closes = |c: char| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            };
            body.find(closes).map_or(rest.len(), |end| end + 2)
        } else {
            character_length(rest)
        };
        if skipped > 0 {
            kept.push(' ');
            at += skipped;
        } else {
            let c = rest.chars().next().unwrap_or(' ');
            kept.push(c);
            at += c.len_utf8();
        }
    }
    kept
}

/// The length of the character literal that `rest` starts with, or 0 (a lifetime is none).
fn character_length(rest: &str) -> usize {
    let Some(body) = rest.strip_prefix('\'') else { return 0 };
    if let Some(escape) = body.strip_prefix('\\') {
        return escape.get(1..).and_then(|tail| tail.find('\'')).map_or(0, |end| end + 4);
    }
    let c = body.chars().next().map_or(0, char::len_utf8);
    if body[c..].starts_with('\'') { c + 2 } else { 0 }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let ends_open = !word.ends_with(is_word) || !text[at + word.len()..].starts_with(is_word);
        !(word.starts_with(is_word) && text[..at].ends_with(is_word)) && ends_open
    })
}

/// Words, `::`, and every other sign by itself.
fn tokens(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let length = if is_word(c) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            c.len_utf8()
        };
        found.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    found
}

/// Every path that the text of `place` names, from its crate: `crate::engine::problem::Problem`, `sqlx::Row`.
fn mentions(place: &str, text: &str) -> BTreeSet<String> {
    let tokens = tokens(text);
    let (mut paths, mut bound) = (Vec::new(), BTreeSet::new());
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at] == "use" {
            let mut leaves = Vec::new();
            at = use_tree(&tokens, at + 1, &mut Vec::new(), &mut leaves);
            bound.extend(leaves.iter().filter(|leaf| leaf.len() > 1).filter_map(|leaf| leaf.last().cloned()));
            paths.extend(leaves);
        } else if tokens[at].starts_with(is_word) && tokens.get(at + 1).is_some_and(|next| next == "::") {
            let mut path = vec![tokens[at].clone()];
            while tokens.get(at + 1).is_some_and(|next| next == "::")
                && tokens.get(at + 2).is_some_and(|next| next.starts_with(is_word))
            {
                path.push(tokens[at + 2].clone());
                at += 2;
            }
            at += 1;
            if !bound.contains(&path[0]) {
                paths.push(path);
            }
        } else {
            at += 1;
        }
    }
    paths.into_iter().map(|path| absolute(place, path)).collect()
}

/// Unfolds `a::{b, c::d}` from `at` on into its leaves; returns where it stopped.
fn use_tree(tokens: &[String], mut at: usize, path: &mut Vec<String>, leaves: &mut Vec<Vec<String>>) -> usize {
    let depth = path.len();
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = use_tree(tokens, at, path, leaves);
                    at += usize::from(tokens.get(at).is_some_and(|token| token == ","));
                }
                path.truncate(depth);
                return at + 1;
            }
            "as" => at += 2,
            "," | "}" | ";" => break,
            name => {
                path.push(name.to_owned());
                at += 1;
            }
        }
    }
    leaves.push(path.clone());
    path.truncate(depth);
    at
}

/// `self` and `super` resolved.
fn absolute(place: &str, path: Vec<String>) -> String {
    let mut module: Vec<&str> = place.split('/').collect();
    let (mut rest, mut relative) = (&path[..], false);
    while let Some(first) = rest.first().filter(|first| *first == "super" || *first == "self") {
        if first == "super" {
            module.pop();
        }
        (rest, relative) = (&rest[1..], true);
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).filter(|name| *name != "*").collect();
    if relative { [&["crate"], &module[..], &rest].concat().join("::") } else { rest.join("::") }
}

// ---- the house as it stands ------------------------------------------------------------------------

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn names_in(folder: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join(folder))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn rust_files(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    for name in names_in(folder) {
        let path = format!("{folder}/{name}");
        if root().join(&path).is_dir() {
            found.extend(rust_files(&path));
        } else if has_ending(&name, "rs") && path != "tests/tidy.rs" {
            let text = fs::read_to_string(root().join(&path)).expect("a source file is text");
            found.push(Source { path, text });
        }
    }
    found
}

fn refuse(faults: &[String]) {
    assert!(faults.is_empty(), "the house is untidy:\n  {}", faults.join("\n  "));
}

#[test]
fn the_sources_keep_the_rules_of_the_house() {
    let mut sources = rust_files("src");
    sources.extend(rust_files("tests"));
    assert!(sources.len() > 10, "found only {} sources below {}", sources.len(), root().display());
    refuse(&faults(&sources));
}

#[test]
fn only_what_is_expected_lies_at_the_top() {
    // What building and trying it leave, as .gitignore has it.
    let left: Vec<&str> = include_str!("../.gitignore").lines().filter_map(|line| line.strip_prefix('/')).collect();
    let ignored = |name: &str| name.starts_with('.') || left.contains(&name) || name.contains(".db");
    let strangers = names_in(".").into_iter().filter(|name| !ignored(name) && !TOP.contains(&name.as_str()));
    refuse(
        &strangers.map(|name| format!("{name}: nothing else lies at the top; put it on a floor")).collect::<Vec<_>>(),
    );
}

#[test]
fn every_migration_exists_for_both_databases() {
    let numbers = |engine: &str| -> BTreeSet<String> {
        let files = names_in(&format!("migrations/{engine}"));
        files.iter().filter_map(|name| Some(name.split_once('_')?.0.to_owned())).collect()
    };
    let (sqlite, postgres) = (numbers("sqlite"), numbers("postgres"));
    assert!(!sqlite.is_empty(), "there are no migrations");
    assert_eq!(sqlite, postgres, "a migration number is missing on one side");
}

fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == ending)
}

#[test]
fn every_fixture_is_whole() {
    let mut parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in names_in("solver_fixtures").into_iter().filter(|name| has_ending(name, "json")) {
        let pieces: Vec<&str> = name.split('.').collect();
        let [rule, case, part, "json"] = pieces[..] else { panic!("{name}: call it RULE.CASE.PART.json") };
        parts.entry(format!("{rule}.{case}")).or_default().insert(part.to_owned());
    }
    for (fixture, parts) in parts {
        assert!(
            parts.contains("problem") && parts.len() > 1,
            "{fixture}: has only {parts:?}; a problem and what is expected"
        );
    }
}

/// Stands in for `cargo deny check licenses`, which is not on every machine, and reads the same list.
#[test]
fn every_crate_in_the_program_has_a_license_that_ours_can_live_with() {
    let allowed = fs::read_to_string(root().join(".deny.toml")).expect(".deny.toml lists the licenses");
    let allowed: BTreeSet<&str> =
        allowed.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next()).collect();
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}|{l}"])
        .current_dir(root())
        .output()
        .expect("cargo runs this test, so cargo is here");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8_lossy(&output.stdout).into_owned();
    let refused =
        tree.lines().filter_map(|line| line.trim_end_matches(" (*)").split_once('|')).filter(|(_, license)| {
            let license = license.replace('/', " OR ").replace(['(', ')'], " ");
            let may = |one: &str| allowed.contains(one.trim());
            !license.split(" OR ").any(|choice| choice.split(" AND ").all(may)) && !license.trim().is_empty()
        });
    refuse(&refused.map(|(krate, license)| format!("{krate} is {license:?}; replace it")).collect::<Vec<_>>());
}

// ---- can these tests fail? -------------------------------------------------------------------------

fn faults_of(path: &str, text: &str) -> Vec<String> {
    faults(&[Source { path: path.into(), text: text.into() }])
}

#[test]
fn every_planted_fault_is_found() {
    for (path, text, expected) in [
        ("src/store/runs.rs", "use sqlx::Row;", "first line"),
        ("src/store/runs.rs", &"//! Long.\n".repeat(501), "two ideas"),
        ("src/store/runs.rs", "//! X.\n// TODO: later", "TODO"),
        ("src/store/runs.rs", "//! X.\npub struct RunManager;", "says nothing"),
        ("src/store/runs.rs", "//! X.\nlet t = chrono::Utc::now();", "Utc::now may not"),
        ("src/store/runs.rs", "//! X.\nfn f() { todo!() }", "todo! may not"),
        ("tests/store.rs", "//! X.\n#[ignore]\nfn f() {}", "#[ignore may not"),
        ("src/engine/holds.rs", "//! X.\nuse std::collections::HashMap;", "HashMap may not"),
        ("src/engine/holds.rs", "//! X.\npub async fn f() {}", "async fn may not"),
        ("src/domain/need.rs", "//! X.\nuse crate::engine::problem;", "domain may not name engine::problem"),
        ("src/engine/verify/mod.rs", "//! X.\nuse super::model::Row;", "engine/verify may not name engine::model::Row"),
        ("src/engine/verify/week.rs", "//! X.\nuse crate::{engine::{problem, holds}};", "engine::holds"),
        ("src/store/runs.rs", "//! X.\nfn f() { crate::api::error::gone(); }", "store may not name api::error::gone"),
        ("src/web/runs.rs", "//! X.\nuse crate::api::{error, routes::list};", "web may not name api::routes::list"),
        ("src/jobs/mod.rs", "//! X.\nuse crate::cli;", "jobs may not name cli"),
        ("src/engine/decode.rs", "//! X.\nuse good_lp::Solution;", "good_lp, which lives in"),
        ("src/api/runs.rs", "//! X.\nlet row: sqlx::Row;", "sqlx, which lives in store"),
        ("src/attic/runs.rs", "//! X.\nuse crate::domain;", "stands on no floor"),
    ] {
        let found = faults_of(path, text);
        assert!(
            found.iter().any(|fault| fault.contains(expected)),
            "{path}: {text:?} gave {found:?}, not {expected:?}"
        );
    }
}

#[test]
fn what_is_allowed_is_left_alone() {
    for (path, text) in [
        (
            "src/engine/solve.rs",
            "//! X.\nuse highs::Model;\nuse super::{problem::Problem, model};\nuse crate::domain::time::Date;",
        ),
        (
            "src/engine/holds.rs",
            "//! X.\n// A HashMap would do, but \"rand::x\".\nlet s = \"std::fs and todo!\"; let c = '\"'; let r: &'static str;",
        ),
        (
            "src/engine/verify/week.rs",
            "//! X.\nuse super::minutes;\nuse crate::engine::{outcome::Verdict, problem as p, rule};",
        ),
        ("src/engine/verify/mod.rs", "//! X.\n#[cfg(test)]\nmod tests { use crate::engine::model; }"),
        (
            "src/api/feeds.rs",
            "//! X.\nuse crate::exchange::{icalendar, csv};\nfn f() { icalendar::feed(csv::read()); }",
        ),
        ("src/domain/time.rs", "//! X.\nlet now = Utc::now();"),
        (
            "src/engine/pairing.rs",
            "//! X.\nlet r = r#\"use sqlx::\"x\" \"#; struct InstantOf; use std::collections::BTreeMap;",
        ),
    ] {
        assert_eq!(faults_of(path, text), Vec::<String>::new(), "{path}");
    }
}
