//! `bellwether admin`: accounts from the command line, for whoever runs the server: the first one, and ways back in.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::TimeDelta;
use clap::Subcommand;

use super::migrate::{open, wait};
use super::{Failure, print, read_input};
use crate::api::access::{TOKEN_PREFIX, secret};
use crate::api::passwords;
use crate::config::{Flags, Settings};
use crate::domain::account::{Account, AccountBody};
use crate::domain::actor::{Role, Scope};
use crate::domain::id::{DistrictId, EducatorId};
use crate::engine::rule::{Flaw, Issue};
use crate::store::{StoreError, Tx, accounts, invitations, tokens};

/// Who the audit trail says it was.
const ACTOR: &str = "admin";

/// Create accounts, and let people back in
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make an account; prints the link with which its owner claims it
    #[command(after_help = "\
The first account should be an administrator: the pages do the rest from there.

Examples:
  bellwether admin create --email ana@example.org --name 'Ana Lopez'
  bellwether admin create --email hr@mesa.example --name 'Bo Chen' --role district_hr --district 0199…")]
    Create {
        /// Mail address to sign in with
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        /// administrator, coordinator, district_hr, special_education or educator
        #[arg(long, default_value = "administrator")]
        role: Role,
        /// Of district_hr and special_education; may be given again
        #[arg(long)]
        district: Vec<DistrictId>,
        /// Of educator
        #[arg(long)]
        educator: Option<EducatorId>,
        /// Set this password (its only line; - reads standard input) instead of printing a link
        #[arg(long)]
        password_file: Option<PathBuf>,
        /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
        #[arg(long)]
        db: Option<String>,
    },
    /// Print a new link to an account, for somebody who cannot sign in
    Link {
        #[arg(long)]
        email: String,
        /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
        #[arg(long)]
        db: Option<String>,
    },
    /// Print a new token of an account, for a program
    Token {
        #[arg(long)]
        email: String,
        /// What it is for
        #[arg(long)]
        name: String,
        /// read, write, accounts or metrics; may be given again
        #[arg(long = "scope", default_values = ["read"])]
        scopes: Vec<Scope>,
        /// Until it ends
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=366))]
        days: i64,
        /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
        #[arg(long)]
        db: Option<String>,
    },
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        match self.what {
            What::Create { email, name, role, district, educator, password_file, db } => {
                let body = AccountBody {
                    email,
                    name,
                    role,
                    district_ids: district,
                    educator_id: educator,
                    active: true,
                    tz: None,
                };
                create(body, password_file, db)
            }
            What::Link { email, db } => with(db, async |tx| {
                let account = known(tx, &email).await?;
                let token = secret();
                invitations::create(tx, account.id, &token).await?;
                Ok(Some(format!("{}/invitations/{token}\n", origin()?)))
            }),
            What::Token { email, name, scopes, days, db } => with(db, async |tx| {
                let account = known(tx, &email).await?;
                let token = format!("{TOKEN_PREFIX}{}", secret());
                let scopes: BTreeSet<Scope> = scopes.iter().copied().collect();
                let until = tx.at + TimeDelta::days(days);
                tokens::create(tx, account.id, &name, &scopes, &token, until, None).await?;
                Ok(Some(format!("{token}\n")))
            }),
        }
    }
}

fn create(body: AccountBody, password_file: Option<PathBuf>, db: Option<String>) -> Result<ExitCode, Failure> {
    let password = match password_file {
        Some(path) => {
            let text = String::from_utf8(read_input(&path)?).map_err(|_| refused("the password is not UTF-8 text"))?;
            let password = text.trim_end_matches(['\r', '\n']).to_owned();
            if let Some(why) = passwords::refuse(&password, &[&body.email, &body.name], false) {
                return Err(refused(&why));
            }
            Some(password)
        }
        None => None,
    };
    with(db, async |tx| {
        let account = accounts::create(tx, body).await?;
        let Some(password) = password else {
            let token = secret();
            invitations::create(tx, account.id, &token).await?;
            let about = format!("open this within {} days to choose a password:\n", invitations::DAYS);
            return Ok(Some(format!("{about}{}/invitations/{token}\n", origin()?)));
        };
        let hash = passwords::hash(password).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        accounts::set_password(tx, account.id, &hash).await?;
        Ok(None)
    })
}

/// Under which address the server will be reached.
fn origin() -> Result<String, Failure> {
    let settings = Settings::read(&Flags::default())?;
    Ok(settings.url.map_or_else(|| format!("http://{}", settings.listen), |url| url.origin))
}

async fn known(tx: &mut Tx, email: &str) -> Result<Account, Failure> {
    let found = accounts::by_email(tx, email).await?;
    let none =
        || StoreError::invalid("/email", format!("there is no account {email}; `bellwether admin create` makes one"));
    Ok(found.ok_or_else(none)?.0)
}

fn refused(cause: &str) -> Failure {
    Failure::BadInput(vec![Issue::new(Flaw::Refused, "/password", cause)])
}

/// Does one thing in one transaction, and prints what it says once that is committed.
fn with(
    db: Option<String>,
    act: impl AsyncFnOnce(&mut Tx) -> Result<Option<String>, Failure>,
) -> Result<ExitCode, Failure> {
    wait(async {
        let db = open(db).await?;
        let mut tx = db.write(ACTOR).await?;
        let said = act(&mut tx).await?;
        tx.commit().await?;
        db.close().await;
        print(&said.unwrap_or_default())?;
        Ok(ExitCode::SUCCESS)
    })
}
