//! `bellwether work`: take up runs until told to stop, each in a child process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use super::{Failure, serve};
use crate::config::{Flags, Settings};
use crate::jobs::child::Solver;
use crate::jobs::keeping;
use crate::jobs::worker::Worker;

/// Runs at once, unless said otherwise.
pub const RUNS: usize = 1;

/// Take up runs and solve them, and send the mail
#[derive(clap::Args)]
#[command(after_help = "\
Several workers may share one PostgreSQL database; a run of one that is killed is taken over within 15 s.

Examples:
  bellwether work
  bellwether work --db postgres://bellwether@localhost/bellwether --runs 2")]
pub struct Args {
    /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
    #[arg(long)]
    db: Option<String>,
    /// Runs at once
    #[arg(long, default_value_t = RUNS, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
    runs: usize,
    /// Settings file of KEY=value lines; else BELLWETHER_CONFIG
    #[arg(long)]
    config: Option<PathBuf>,
    /// Program that solves, instead of this one's `solve` (for tests)
    #[arg(long, hide = true)]
    solver: Option<PathBuf>,
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        let settings = Settings::read(&Flags { database: self.db, listen: None, file: self.config })?;
        let solver = match self.solver {
            Some(program) => Solver { program, arguments: Vec::<OsString>::new() },
            None => Solver::own().map_err(anyhow::Error::from)?,
        };
        let runtime = tokio::runtime::Runtime::new().map_err(anyhow::Error::from)?;
        runtime.block_on(work(settings, solver, self.runs))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn work(settings: Settings, solver: Solver, places: usize) -> anyhow::Result<()> {
    let db = serve::open(&settings).await?;
    let closing = CancellationToken::new();
    tokio::spawn({
        let closing = closing.clone();
        async move {
            serve::told_to_stop().await;
            closing.cancel();
        }
    });
    let mail = serve::mailroom(&settings, &db, &closing)?;
    super::print("working; stop with Ctrl-C\n")?;
    let rounds = tokio::spawn(keeping::rounds(db.clone(), settings.keys.clone(), closing.clone()));
    Worker::new(db.clone(), solver, places, closing).mailing(settings.mail.is_some()).run().await;
    rounds.await?;
    if let Some(mail) = mail {
        mail.await?;
    }
    db.close().await;
    Ok(())
}
