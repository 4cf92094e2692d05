//! `bellwether candidates`: who could serve one need in a schedule, at what cost, displacing what; and why not.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::json;

use super::{Failure, read_problem, read_schedule, write_json};
use crate::engine::candidates::Candidates;
use crate::engine::grid::Grid;
use crate::engine::rule::{Flaw, Issue};
use crate::engine::verify::verify;

/// Rank every educator for one need of a schedule
#[derive(clap::Args)]
#[command(after_help = "\
Prints every educator, the cheapest first: what the schedule would cost more with the need in their hands and what
that displaces, or the rule that refuses them. Exits 2 on bad input, also where the schedule breaks a rule.

Example:
  bellwether candidates problem.json schedule.json --need s00042")]
pub struct Args {
    /// Problem file in the format staffing-problem/1; - reads standard input
    problem: PathBuf,
    /// Schedule file in the format staffing-schedule/1
    schedule: PathBuf,
    /// Id of a section or a service
    #[arg(long, value_name = "ID")]
    need: String,
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        let problem = read_problem(&self.problem)?;
        let schedule = read_schedule(&self.schedule)?;
        if let Some(broken) = verify(&problem, &schedule).violations.first() {
            let cause = format!("the schedule breaks rule {}: {}", broken.code, broken.message);
            return Err(Failure::BadInput(vec![Issue::new(Flaw::BrokenSchedule, "", cause)]));
        }
        let grid = Grid::new(&problem);
        let mut open = Candidates::new(&grid, &schedule);
        let began = Instant::now();
        let Some(candidates) = open.of(&self.need) else {
            let cause = format!("there is no section or service {}", self.need);
            return Err(Failure::BadInput(vec![Issue::new(Flaw::UnknownNeed, "", cause)]));
        };
        let answer_seconds = began.elapsed().as_secs_f64();
        write_json(&json!({"need": self.need, "answer_seconds": answer_seconds, "candidates": candidates}), None)?;
        Ok(ExitCode::SUCCESS)
    }
}
