//! `bellwether generate`: made-up districts, needs and educators from a seed.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Failure, write_json};
use crate::exchange::sample::{self, Request};

/// Make up a problem: the same arguments give the same bytes
#[derive(clap::Args)]
#[command(after_help = "\
Names are made up; calendars, cycles, bell schedules, zones and load limits follow published US practice.

Example:
  bellwether generate --districts 8 --sections 120 --services 150 --educators 60 --seed 1 --out problem.json
  bellwether generate --seed 7 | bellwether solve - --seconds 60")]
pub struct Args {
    /// The districts, each with two to five schools
    #[arg(long, default_value_t = 8, value_parser = size(1))]
    districts: u64,
    /// Course sections
    #[arg(long, default_value_t = 120, value_parser = size(0))]
    sections: u64,
    /// IEP and tutoring services
    #[arg(long, default_value_t = 150, value_parser = size(0))]
    services: u64,
    /// Licensed educators
    #[arg(long, default_value_t = 40, value_parser = size(0))]
    educators: u64,
    /// Another seed gives another problem
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Minutes between the times at which a service session may start
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(i64).range(1..=60))]
    grid: i64,
    /// Share of the sections that somebody already teaches, from 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    incumbents: f64,
    /// What the problem calls itself
    #[arg(long)]
    name: Option<String>,
    /// The term that `bellwether demo` shows, instead of a seeded one
    #[arg(long, conflicts_with_all = ["districts", "sections", "services", "educators", "seed", "grid", "incumbents", "name"])]
    demo: bool,
    /// Where to write the problem; standard output if left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn size(least: u64) -> clap::builder::RangedU64ValueParser<u64> {
    clap::builder::RangedU64ValueParser::new().range(least..=1_000_000)
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("{text:?} is not a share from 0 to 1"))
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let problem = if self.demo {
            sample::demo::problem()
        } else {
            sample::problem(&Request {
                name: self.name,
                districts: count(self.districts),
                sections: count(self.sections),
                services: count(self.services),
                educators: count(self.educators),
                seed: self.seed,
                grid_minutes: self.grid,
                incumbents_percent: (0..=100u8)
                    .find(|&percent| f64::from(percent) >= self.incumbents * 100.0)
                    .unwrap_or(100)
                    .into(),
            })
        };
        write_json(&problem, self.out.as_ref())?;
        Ok(ExitCode::SUCCESS)
    }
}
