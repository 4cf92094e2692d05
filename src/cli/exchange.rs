//! `bellwether import` and `bellwether export`: problem files into the database and back.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::migrate::{open, wait};
use super::{Failure, read_problem, write_json};
use crate::config::{Flags, Settings};
use crate::domain::id::{DistrictId, TermId};
use crate::domain::records::Term;
use crate::engine::rule::{Flaw, Issue};
use crate::exchange;
use crate::store::{self, Db, StoreError, import};

/// Read a file into the database
#[derive(clap::Args)]
pub struct Import {
    #[command(subcommand)]
    what: ImportWhat,
}

#[derive(Subcommand)]
enum ImportWhat {
    /// A problem file: its term, districts, needs, educators and choices
    #[command(after_help = "\
All of the file is kept, or nothing. Prints how many rows of each kind were created, updated, unchanged, deleted
(parts that the file no longer has) or are absent from it (and kept). The same file again changes nothing.

Example:
  bellwether import problem problem.json --db sqlite:bellwether.db")]
    Problem {
        /// Problem file in the format staffing-problem/1; - reads standard input
        file: PathBuf,
        /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
        #[arg(long)]
        db: Option<String>,
        /// What to call the file's origin; else the problem's name, else the file's
        #[arg(long)]
        source: Option<String>,
    },
}

/// Write a file from the database
#[derive(clap::Args)]
pub struct Export {
    #[command(subcommand)]
    what: ExportWhat,
}

#[derive(Subcommand)]
enum ExportWhat {
    /// The problem of a term, as a run would be given it
    #[command(after_help = "\
Ids in the file are those of the database.

Example:
  bellwether export problem --db sqlite:bellwether.db --out problem.json")]
    Problem {
        /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
        #[arg(long)]
        db: Option<String>,
        /// Term; may be left out where there is only one
        #[arg(long)]
        term: Option<TermId>,
        /// Only this district (may be given again); else all that keep a calendar or have a need in the term
        #[arg(long)]
        district: Vec<DistrictId>,
        /// Where to write; else standard output
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

impl Import {
    pub fn run(self) -> Result<ExitCode, Failure> {
        let ImportWhat::Problem { file, db, source } = self.what;
        let problem = read_problem(&file)?;
        let refused = exchange::places::refused(&problem);
        if !refused.is_empty() {
            return Err(StoreError::Invalid(refused).into());
        }
        let source = source.unwrap_or_else(|| origin(&problem.name, &file));
        wait(async {
            let settings = Settings::read(&Flags { database: db.clone(), ..Flags::default() })?;
            let db = open(db).await?;
            let mut tx = db.write("import").await?;
            // Whoever is concerned by what gives way is told, as over HTTP.
            tx.mail_hold = settings.mail.as_ref().map(|mail| mail.hold);
            let mut keys = import::keys(&mut tx, &source).await?;
            let batch = exchange::problem::batch(&problem, &source, &mut keys);
            let terms: Vec<TermId> = batch.terms.iter().map(|(id, _)| *id).collect();
            let rows = import::keep(&mut tx, &source, batch).await.map_err(|error| match error {
                StoreError::Invalid(refused) => StoreError::Invalid(exchange::places::told(&problem, refused)),
                other => other,
            })?;
            tx.commit().await?;
            db.close().await;
            write_json(&json!({"source": source, "terms": terms, "rows": rows}), None)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Export {
    pub fn run(self) -> Result<ExitCode, Failure> {
        let ExportWhat::Problem { db, term, district, out } = self.what;
        let problem = wait(async {
            let db = open(db).await?;
            let term = match term {
                Some(term) => term,
                None => only_term(&db).await?,
            };
            let problem = store::snapshot(&db, term, &district).await?;
            db.close().await;
            Ok(problem)
        })?;
        write_json(&problem, out.as_ref())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn origin(name: &str, file: &Path) -> String {
    let stem = || file.file_stem().map_or("import".into(), |stem| stem.to_string_lossy().into_owned());
    if name.trim().is_empty() { stem() } else { name.into() }
}

async fn only_term(db: &Db) -> Result<TermId, Failure> {
    let terms = store::every::<Term>(&mut db.read().await?).await?;
    if let [term] = terms.as_slice() {
        return Ok(term.id);
    }
    let names: Vec<String> = terms.iter().map(|term| format!("{} ({})", term.id, term.body.name)).collect();
    let cause =
        if names.is_empty() { "there is no term".into() } else { format!("say which --term: {}", names.join(", ")) };
    Err(vec![Issue::new(Flaw::Refused, "", cause)].into())
}
