//! `bellwether mail`: mails that come back.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::migrate::{open, wait};
use super::{Failure, print, read_input};
use crate::engine::rule::{Flaw, Issue};
use crate::exchange::bounce::{self, Report};
use crate::store::{Db, mail};

/// What a mail server tries again after (`EX_TEMPFAIL` of sysexits.h).
const LATER: u8 = 75;

/// Note mails that came back
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Read a report of a mail server (RFC 3464): its mail counts as failed, an address that does not exist gets no more
    #[command(after_help = "\
Let the mail server pipe bounces into it: those of the address in BELLWETHER_MAIL_FROM. A report counts only if it quotes
the Message-ID of a mail of ours to an address that it names. Exit status: 0 noted, or nothing to note; 2 no such
report; 75 the database cannot be reached or written, so that the mail server tries again later.

Example (Postfix, /etc/aliases):
  bounces: \"|/usr/local/bin/bellwether mail bounced --db sqlite:/var/lib/bellwether/bellwether.db\"")]
    Bounced {
        /// The report as it arrived, headers and all; - is standard input
        #[arg(default_value = "-")]
        report: PathBuf,
        /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
        #[arg(long)]
        db: Option<String>,
    },
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        let What::Bounced { report, db } = self.what;
        let bytes = read_input(&report)?;
        let report = bounce::read(&bytes).map_err(|why| vec![Issue::new(Flaw::Refused, "", why)])?;
        wait(async {
            let noted = async {
                let db = open(db).await?;
                let noted = note(&db, &report).await?;
                db.close().await;
                Ok::<_, Failure>(noted)
            };
            match noted.await {
                Ok(text) => print(&text).map(|()| ExitCode::SUCCESS).map_err(Failure::from),
                // The report is good, whatever stands in the way of keeping it.
                Err(failure) => {
                    failure.tell();
                    Ok(ExitCode::from(LATER))
                }
            }
        })
    }
}

/// One line for each recipient: what became of it here. No address is printed, for mail servers log what is.
async fn note(db: &Db, report: &Report) -> Result<String, Failure> {
    let mut tx = db.write("mail bounced").await?;
    let mut lines = String::new();
    for one in &report.recipients {
        let id = report.message_id.as_deref().unwrap_or_default();
        let noted = if one.action == "failed" {
            mail::bounced(&mut tx, id, &one.addresses, one.nobody_there, &one.cause).await?
        } else {
            None
        };
        let line = match noted {
            None if one.action == "failed" => "nothing noted: it quotes no mail of ours to that address".to_owned(),
            None => format!("nothing noted: the mail is {}", one.action),
            Some(noted) => {
                let failed = if noted.failed { "counts as failed" } else { "was noted before" };
                let refused = if noted.refused { "; its address gets no more mail" } else { "" };
                format!("mail {} {failed}{refused}", noted.mail_id)
            }
        };
        lines.push_str(&line);
        lines.push('\n');
    }
    tx.commit().await?;
    Ok(lines)
}
