//! `bellwether migrate`, and opening the database for every command that works with it.

use std::process::ExitCode;

use anyhow::Context;

use super::{Failure, print};
use crate::config::{self, Flags, Settings};
use crate::engine::rule::{Flaw, Issue};
use crate::store::{Db, StoreError};

/// Bring the database's schema up to date
#[derive(clap::Args)]
#[command(after_help = "\
Safe to run at any time and from several machines at once. With --check nothing is changed: exits 1 and names
the migrations that are missing, or exits 0.

Examples:
  bellwether migrate --db sqlite:bellwether.db
  bellwether migrate --check --db postgres://bellwether@localhost/bellwether")]
pub struct Args {
    /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
    #[arg(long)]
    db: Option<String>,
    /// Only say what is missing
    #[arg(long)]
    check: bool,
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        wait(async {
            let db = connect(self.db).await?;
            let pending = db.pending().await?;
            if self.check {
                pending.iter().try_for_each(|name| print(&format!("missing: {name}\n")))?;
                return Ok(if pending.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) });
            }
            db.migrate().await?;
            pending.iter().try_for_each(|name| print(&format!("applied: {name}\n")))?;
            db.close().await;
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Invalid(found) => {
                Self::BadInput(found.into_iter().map(|f| Issue::new(Flaw::Refused, f.pointer, f.message)).collect())
            }
            StoreError::NotFound { .. }
            | StoreError::Duplicate { .. }
            | StoreError::MissingReference { .. }
            | StoreError::Sealed(_) => Self::BadInput(vec![Issue::new(Flaw::Refused, "", error.to_string())]),
            StoreError::Unwritable(_) => Self::BadInput(vec![Issue::new(Flaw::Unwritable, "", error.to_string())]),
            defect => Self::Defect(defect.into()),
        }
    }
}

/// Runs to its end what a command has to wait for.
pub fn wait<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Runtime::new().map_err(anyhow::Error::from)?.block_on(work)
}

/// The database of the flag, the environment or the settings, migrated.
pub async fn open(flag: Option<String>) -> Result<Db, Failure> {
    let db = connect(flag).await?;
    db.migrate().await?;
    Ok(db)
}

async fn connect(flag: Option<String>) -> Result<Db, Failure> {
    let settings = Settings::read(&Flags { database: flag, ..Flags::default() })?;
    Ok(reach(settings.database.reveal()).await?)
}

/// Opens a database. That there is none at the address, or something else, is no defect of ours.
pub(super) async fn reach(url: &str) -> anyhow::Result<Db> {
    // The address of a server may hold a password.
    let shown = if url.starts_with("sqlite:") { url } else { "at that address" };
    match Db::connect(url).await {
        Err(error @ (StoreError::Database(_) | StoreError::Busy(_))) => {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Err(config::Error::Database { at: shown.into(), cause }.into())
        }
        other => other.with_context(|| format!("cannot open the database {shown}")),
    }
}
