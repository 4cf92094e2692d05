//! `bellwether check`: is this input good, and does this schedule keep every rule, at what cost?

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Failure, read_problem, read_schedule, write_json};
use crate::engine::rule::{Flaw, Issue};
use crate::engine::verify::verify;
use crate::exchange::places;

/// Check a problem, or recount a schedule against every rule and its cost
#[derive(clap::Args)]
#[command(after_help = "\
Prints {valid, violations, cost} and exits 0 where the schedule is valid, 1 where it is not, 2 on bad input.
Without a schedule only the problem is checked: {valid, import_refuses}. The format allows more than the database keeps;
import_refuses lists, with its place, what `bellwether import` would refuse of a problem that can be solved.

Example:
  bellwether check problem.json schedule.json")]
pub struct Args {
    /// Problem file in the format staffing-problem/1; - reads standard input
    problem: PathBuf,
    /// Schedule file in the format staffing-schedule/1; - reads standard input
    schedule: Option<PathBuf>,
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        let problem = read_problem(&self.problem)?;
        let Some(schedule) = self.schedule else {
            let refused = places::refused(&problem).into_iter();
            let refused: Vec<Issue> =
                refused.map(|found| Issue::new(Flaw::Refused, found.pointer, found.message)).collect();
            write_json(&serde_json::json!({"valid": true, "import_refuses": refused}), None)?;
            return Ok(ExitCode::SUCCESS);
        };
        let verdict = verify(&problem, &read_schedule(&schedule)?);
        write_json(&verdict, None)?;
        Ok(if verdict.valid { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
