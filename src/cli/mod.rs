//! The command line: one file per command, the exit statuses, and how bad input is told.
//!
//! Exit 0 done, 1 `check` found the schedule invalid, 2 bad input (every issue is a JSON line on standard
//! error), 3 a defect of ours. What commands compute lives elsewhere.

pub mod admin;
pub mod audit;
pub mod candidates;
pub mod check;
pub mod demo;
pub mod exchange;
pub mod generate;
pub mod mail;
pub mod migrate;
pub mod privacy;
pub mod serve;
pub mod solve;
pub mod work;

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config;
use crate::engine::outcome::{self, Schedule};
use crate::engine::problem::{self, Problem};
use crate::engine::rule::{Flaw, Issue};
use crate::store::StoreError;

/// Matches licensed virtual educators to school sections and IEP services, and builds the dated calendar.
#[derive(Parser)]
#[command(name = "bellwether", version, arg_required_else_help = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Admin(admin::Args),
    Audit(audit::Args),
    Candidates(candidates::Args),
    Check(check::Args),
    Demo(demo::Args),
    Export(exchange::Export),
    Import(exchange::Import),
    Mail(mail::Args),
    Migrate(migrate::Args),
    Privacy(privacy::Args),
    Generate(generate::Args),
    Serve(serve::Args),
    Solve(solve::Args),
    Work(work::Args),
}

impl Command {
    fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Admin(args) => args.run(),
            Self::Audit(args) => args.run(),
            Self::Candidates(args) => args.run(),
            Self::Check(args) => args.run(),
            Self::Demo(args) => args.run(),
            Self::Export(args) => args.run(),
            Self::Import(args) => args.run(),
            Self::Mail(args) => args.run(),
            Self::Migrate(args) => args.run(),
            Self::Privacy(args) => args.run(),
            Self::Generate(args) => args.run(),
            Self::Serve(args) => args.run(),
            Self::Solve(args) => args.run(),
            Self::Work(args) => args.run(),
        }
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The caller's to mend: exit 2.
    BadInput(Vec<Issue>),
    /// The caller's settings: exit 2.
    Settings(config::Error),
    /// Ours to mend: exit 3.
    Defect(anyhow::Error),
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        Self::Settings(error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        if error.is::<config::Error>() {
            return error.downcast::<config::Error>().map_or_else(Self::Defect, Self::Settings);
        }
        match error.downcast_ref::<StoreError>() {
            // Whoever runs this can mend it, and wants to know what was attempted.
            Some(StoreError::Unwritable(_)) => {
                Self::BadInput(vec![Issue::new(Flaw::Unwritable, "", format!("{error:#}"))])
            }
            Some(StoreError::Invalid(_)) => error.downcast::<StoreError>().map_or_else(Self::Defect, Self::from),
            _ => Self::Defect(error),
        }
    }
}

impl From<Vec<Issue>> for Failure {
    fn from(issues: Vec<Issue>) -> Self {
        Self::BadInput(issues)
    }
}

impl Failure {
    /// Says it on standard error. Returns the exit status.
    fn tell(&self) -> u8 {
        match self {
            Self::BadInput(issues) => {
                issues.iter().for_each(|issue| eprintln!("{}", serde_json::json!(issue)));
                2
            }
            Self::Settings(error) => {
                eprintln!("bellwether: {error}");
                2
            }
            Self::Defect(error) => {
                eprintln!("bellwether: {error:#}");
                3
            }
        }
    }
}

/// Parse the arguments, run the command, report a failure.
#[must_use]
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    match catch_unwind(AssertUnwindSafe(|| command.run())) {
        Ok(Ok(code)) => code,
        Ok(Err(failure)) => ExitCode::from(failure.tell()),
        Err(_) => {
            eprintln!("bellwether: this is a defect of the program; please report the message above");
            ExitCode::from(3)
        }
    }
}

/// The bytes of a file, or of standard input where the path is `-`.
pub fn read_input(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    bytes.map_err(|error| {
        let cause = format!("cannot read {}: {error}", path.display());
        Failure::BadInput(vec![Issue::new(Flaw::Unreadable, "", cause)])
    })
}

/// A problem that has passed every check.
pub fn read_problem(path: &Path) -> Result<Problem, Failure> {
    Ok(problem::read(&read_input(path)?)?)
}

/// A schedule in the right form; whether it keeps the rules is for `verify` to say.
pub fn read_schedule(path: &Path) -> Result<Schedule, Failure> {
    Ok(outcome::read(&read_input(path)?)?)
}

/// Write one JSON document to a file, or to standard output where there is none.
pub fn write_json(value: &impl serde::Serialize, out: Option<&PathBuf>) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
    text.push('\n');
    let Some(path) = out else {
        return print(&text).map_err(|error| unwritable("standard output", &error));
    };
    std::fs::write(path, text).map_err(|error| unwritable(path.display(), &error))
}

/// Refuses a file that cannot be written, before anything is worked out for it. What it holds stays.
pub fn writable(path: &Path) -> Result<(), Failure> {
    let open = std::fs::OpenOptions::new().create(true).append(true).open(path);
    open.map(drop).map_err(|error| unwritable(path.display(), &error))
}

fn unwritable(what: impl std::fmt::Display, error: &impl std::fmt::Display) -> Failure {
    Failure::BadInput(vec![Issue::new(Flaw::Unwritable, "", format!("cannot write {what}: {error}"))])
}

/// Write to standard output. A reader that has gone away (`… | head`) is no failure.
pub fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
