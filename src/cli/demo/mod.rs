//! `bellwether demo`: a made-up term, solved, published and served, in one command. Repeated, it changes nothing.

mod vacancies;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio_util::sync::CancellationToken;

use super::{Failure, print, serve};
use crate::api::{State, access::secret, passwords};
use crate::config::{Carrier, Flags, Mail, Settings};
use crate::domain::account::AccountBody;
use crate::domain::actor::{Actor, Role};
use crate::domain::id::{DistrictId, EducatorId, RunId, SchoolId, TermId};
use crate::domain::run::{RunSettings, RunState};
use crate::domain::time::Tz;
use crate::exchange::problem::batch;
use crate::exchange::sample;
use crate::jobs::child::Solver;
use crate::jobs::worker::Worker;
use crate::store::feeds::Owner;
use crate::store::sessions::{self, Visible, Wanted};
use crate::store::{Db, accounts, import, runs, schedules};

/// A database of its own: what is made up never mixes with what is true.
const DATABASE: &str = "sqlite:bellwether-demo.db";
/// Where the demo's records say they come from.
const SOURCE: &str = "demo";
/// Of the mail addresses of its people.
const DOMAIN: &str = "@demo.example";
const SECONDS: i64 = 60;
/// Where its mail is put, unless the settings say otherwise.
const MAIL: &str = "demo-mail";

/// Show it all on a made-up term
#[derive(clap::Args)]
#[command(after_help = "\
Makes up four districts from New York to Arizona, solves and publishes their term, and serves it. It keeps to a
database of its own, bellwether-demo.db, which --clear removes (stop the demo first).

Example:
  bellwether demo --listen 127.0.0.1:8080
  bellwether demo --clear")]
pub struct Args {
    /// Database, sqlite:PATH or postgres://…; else sqlite:bellwether-demo.db
    #[arg(long)]
    db: Option<String>,
    /// Remove the made-up records, with the database they are in, and end
    #[arg(long)]
    clear: bool,
    /// Address and port; else BELLWETHER_LISTEN, else 127.0.0.1:8080; port 0 takes a free one
    #[arg(long)]
    listen: Option<String>,
    /// Settings file of KEY=value lines; else BELLWETHER_CONFIG
    #[arg(long)]
    config: Option<PathBuf>,
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        let database = self.db.unwrap_or_else(|| DATABASE.into());
        if self.clear {
            return clear(&database);
        }
        let mut settings = Settings::read(&Flags { database: Some(database), listen: self.listen, file: self.config })?;
        // Nobody of the demo exists: what they would get is for whoever tries it to look at.
        settings.mail.get_or_insert_with(|| Mail {
            carrier: Carrier::Folder(MAIL.into()),
            from: "Bellwether demo <office@demo.example>".into(),
            hold: Duration::ZERO,
        });
        let solver = Solver::own().map_err(anyhow::Error::from)?;
        let runtime = tokio::runtime::Runtime::new().map_err(anyhow::Error::from)?;
        runtime.block_on(async {
            // What it prints is the key to all of it.
            settings.may_listen(false)?;
            let db = serve::open(&settings).await?;
            let state = State::new(db.clone(), settings.clone());
            let term = load(&db).await?;
            if schedules::current(&mut db.read().await?, term).await?.is_empty() {
                solve_and_publish(&state, term, solver.clone()).await?;
            }
            tell(&state, term).await?;
            db.close().await;
            serve::serve(settings, Some(solver)).await
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Removes the demo's database, provided it is one: there must be nobody in it but the people of the demo.
fn clear(database: &str) -> Result<ExitCode, Failure> {
    let Some(path) = database.strip_prefix("sqlite:").map(Path::new).filter(|path| path.exists()) else {
        let hint = "nothing was removed; a demo in PostgreSQL goes with its database: drop that";
        return Err(anyhow::anyhow!("there is no demo at {database}: {hint}").into());
    };
    let runtime = tokio::runtime::Runtime::new().map_err(anyhow::Error::from)?;
    runtime.block_on(async {
        let db = Db::connect(database).await.context("cannot open the database")?;
        let mut tx = db.read().await?;
        let known =
            accounts::list(&mut tx, None, 1000).await.context("this is no database of ours; nothing was removed")?;
        tx.rollback().await?;
        db.close().await;
        let stranger = known.iter().find(|account| !account.body.email.ends_with(DOMAIN));
        if known.is_empty() || stranger.is_some() {
            bail!("{database} holds accounts that are not the demo’s; nothing was removed");
        }
        Ok(())
    })?;
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(anyhow::Error::from(error).context(format!("cannot remove {}", name.display())).into());
            }
            _ => {}
        }
    }
    print(&format!("removed {}\n", path.display()))?;
    if Path::new(MAIL).is_dir() {
        print(&format!("the mail that it wrote is still in {MAIL}; nobody was sent any\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The made-up term, kept under the ids it was given the first time.
async fn load(db: &Db) -> anyhow::Result<TermId> {
    let mut tx = db.write(SOURCE).await?;
    let mut keys = import::keys(&mut tx, SOURCE).await?;
    let mut batch = batch(&sample::demo::problem(), SOURCE, &mut keys);
    for (n, (_, educator)) in batch.educators.iter_mut().enumerate() {
        educator.email = Some(format!("educator-{}@educators.demo.example", n + 1));
        let key = educator.source_id.as_deref().unwrap_or_default().trim_start_matches("ed-").to_owned();
        educator.join_url = Some(format!("https://meet.demo.example/{key}"));
        educator.display_name = spoken(&key);
    }
    let term = batch.terms.first().context("the demo has no term")?.0;
    import::keep(&mut tx, SOURCE, batch).await?;
    tx.commit().await?;
    Ok(term)
}

/// `carlos-mendez` as a name.
fn spoken(key: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    };
    key.split('-').map(capital).collect::<Vec<String>>().join(" ")
}

async fn solve_and_publish(state: &State, term: TermId, solver: Solver) -> anyhow::Result<()> {
    let settings = RunSettings { seconds: SECONDS, gap: 0.01, history: true, ..RunSettings::default() };
    let asked = state
        .ask(&Actor::program(SOURCE), term, Vec::new(), settings)
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    print(&format!("solving the term, for {SECONDS} s at most\n"))?;
    let closing = CancellationToken::new();
    let worker = tokio::spawn(Worker::new(state.db.clone(), solver, 1, closing.clone()).run());
    let ended = wait_for(&state.db, asked.id).await;
    closing.cancel();
    worker.await?;
    ended?;
    let published = state
        .publish(&Actor::program(SOURCE), asked.id)
        .await
        .map_err(|refused| anyhow::anyhow!("not published: {refused:?}"))?;
    print(&format!("published as version {}\n", published.version))
}

async fn wait_for(db: &Db, id: RunId) -> anyhow::Result<()> {
    loop {
        let run = runs::get(&mut db.read().await?, id).await?;
        match run.state {
            RunState::Succeeded => return Ok(()),
            state if state.is_final() => bail!("the run ended {}: {}", state.name(), run.cause.unwrap_or_default()),
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Where to look, and as whom.
async fn tell(state: &State, term: TermId) -> anyhow::Result<()> {
    let root = format!("http://{}", state.settings.listen);
    let (from, to) = (chrono::DateTime::UNIX_EPOCH, chrono::DateTime::from_timestamp(1 << 33, 0).unwrap_or_default());
    let wanted = Wanted { from, to, educator_id: None, school_id: None, district_id: None };
    let listed = sessions::list(&mut state.db.read().await?, &Visible::ALL, wanted, None, 1).await?;
    let meeting = &listed.first().context("the demo's term has no session")?.session.meeting;
    let (educator, school): (EducatorId, SchoolId) = (meeting.educator_id, meeting.school_id);
    vacancies::post(&state.db, vacancies::Place { term, district: meeting.district_id, educator }).await?;
    let (_, feed) = state
        .make_feed(&Actor::program(SOURCE), Owner::Educator(educator))
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    print(&format!(
        "an educator's week  {root}/educators/{educator}/week\n\
         a school's week     {root}/schools/{school}/week\n\
         in a calendar       {root}{feed}\n\
         mail to educators   {}\n\
         as a program        {root}/api/docs\n\
         Sign in at {root}/sign-in as any of these; the passwords are new with every start of the demo:\n",
        mail_goes(&state.settings)
    ))?;
    for (body, password) in accounts_for(&state.db, meeting.district_id, educator).await? {
        print(&format!("  {:<30} {:<32} {password}\n", body.role.title(), body.email))?;
    }
    print("All of it is made up: stop it with Ctrl-C, and remove it with the same command and --clear.\n")?;
    Ok(())
}

fn mail_goes(settings: &Settings) -> String {
    match settings.mail.as_ref().map(|mail| &mail.carrier) {
        Some(Carrier::Folder(path)) => format!("as files in {}", path.display()),
        Some(Carrier::Smtp(_)) => "to your mail server".into(),
        None => "none".into(),
    }
}

/// `District HR` as part of a name: only its first letter is made small.
fn spoken_role(role: Role) -> String {
    let mut letters = role.title().chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

/// One account for each role, with a fresh password.
async fn accounts_for(
    db: &Db,
    district: DistrictId,
    educator: EducatorId,
) -> anyhow::Result<Vec<(AccountBody, String)>> {
    let mut made = Vec::new();
    let mut tx = db.write(SOURCE).await?;
    for role in Role::ALL {
        let body = AccountBody {
            email: format!("{}{DOMAIN}", role.name().replace('_', "-")),
            name: format!("Demo {}", spoken_role(role)),
            role,
            district_ids: if role.of_districts() { vec![district] } else { Vec::new() },
            educator_id: (role == Role::Educator).then_some(educator),
            active: true,
            tz: (role != Role::Educator).then_some(Tz::America__Chicago),
        };
        let account = match accounts::by_email(&mut tx, &body.email).await? {
            Some((account, _)) => account,
            None => accounts::create(&mut tx, body).await?,
        };
        let password = secret()[..20].to_owned();
        let hash = passwords::hash(password.clone()).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        accounts::set_password(&mut tx, account.id, &hash).await?;
        made.push((account.body, password));
    }
    tx.commit().await?;
    Ok(made)
}
