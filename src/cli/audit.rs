//! `bellwether audit`: whether the trail of changes is as it was written.

use std::process::ExitCode;

use clap::Subcommand;

use super::migrate::{open, wait};
use super::{Failure, print};
use crate::store::audit;

/// Look at the trail of changes
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Recount the chain of hashes: exit 1 where a line was altered, removed or inserted
    #[command(after_help = "\
Note the hash that it prints somewhere else, for example each night: with --noted it shows later that nothing up to
there was taken away or rewritten as a whole.

Example:
  bellwether audit verify --noted 8f0c…")]
    Verify {
        /// A hash that was printed earlier
        #[arg(long)]
        noted: Option<String>,
        /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
        #[arg(long)]
        db: Option<String>,
    },
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        let What::Verify { noted, db } = self.what;
        wait(async {
            let db = open(db).await?;
            let verdict = audit::verify(&mut db.read().await?, noted.as_deref()).await?;
            db.close().await;
            print(&format!("{} lines, the last {}\n", verdict.lines, verdict.head))?;
            let Some(broken) = verdict.broken else { return Ok(ExitCode::SUCCESS) };
            eprintln!("bellwether: the trail is broken: {broken}");
            Ok(ExitCode::from(1))
        })
    }
}
