//! `bellwether privacy`: keys that seal names, and what is destroyed when its time is over.

use std::process::ExitCode;

use clap::Subcommand;

use super::migrate::{open, wait};
use super::{Failure, print, write_json};
use crate::config::{Flags, Settings};
use crate::domain::id::DistrictId;
use crate::domain::identity;
use crate::domain::seal::new_key;
use crate::domain::time::{self, Date};
use crate::store::{StoreError, factors, identities};

/// Who the audit trail says it was.
const ACTOR: &str = "privacy";

/// Keys for names, and destroying records whose time is over
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Print a fresh key for BELLWETHER_KEYS
    NewKey {
        /// What to call it; else today's date
        name: Option<String>,
    },
    /// Bring names and authenticator apps under the newest key of BELLWETHER_KEYS; older ones can go afterwards
    #[command(after_help = "\
Put the fresh key first and keep the old one behind it, restart the server, rotate, then take the old one out:

  BELLWETHER_KEYS=$(bellwether privacy new-key),$BELLWETHER_KEYS bellwether privacy rotate")]
    Rotate {
        /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
        #[arg(long)]
        db: Option<String>,
    },
    /// Destroy the students of a district whose last term ended before a date; prints the certificate
    #[command(after_help = "\
Give the date that the district's retention schedule says. Nothing is destroyed without --yes.

Example:
  bellwether privacy purge --district 0199… --ended-before 2021-07-01 --reason 'retention: five years' --yes")]
    Purge {
        #[arg(long)]
        district: DistrictId,
        #[arg(long)]
        ended_before: Date,
        #[arg(long)]
        reason: String,
        /// Do it; without this only the number is said
        #[arg(long)]
        yes: bool,
        /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
        #[arg(long)]
        db: Option<String>,
    },
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        match self.what {
            What::NewKey { name } => {
                let name = name.unwrap_or_else(|| time::now().date_naive().to_string());
                print(&format!("{}\n", new_key(&name)))?;
            }
            What::Rotate { db } => wait(async {
                let keys = Settings::read(&Flags::default())?.keys;
                let db = open(db).await?;
                let (mut names, mut apps) = (0, 0);
                loop {
                    let mut tx = db.write(ACTOR).await?;
                    let some = (identities::rewrap(&mut tx, &keys).await?, factors::rewrap(&mut tx, &keys).await?);
                    tx.commit().await?;
                    if some == (0, 0) {
                        break;
                    }
                    (names, apps) = (names + some.0, apps + some.1);
                }
                db.close().await;
                print(&format!(
                    "{names} identities and {apps} authenticator apps are under the newest key now; the others are already\n"
                ))?;
                Ok(())
            })?,
            What::Purge { district, ended_before, reason, yes, db } => wait(async {
                let reason = identity::purpose(&reason).map_err(|why| StoreError::invalid("/reason", why))?;
                let db = open(db).await?;
                let mut tx = db.write(ACTOR).await?;
                let students = identities::expired(&mut tx, district, ended_before).await?;
                if yes {
                    let certificate = identities::purge(&mut tx, district, &students, &reason).await?;
                    tx.commit().await?;
                    write_json(&certificate, None)?;
                } else {
                    print(&format!("{} students would be destroyed; add --yes to do it\n", students.len()))?;
                }
                db.close().await;
                Ok(())
            })?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
