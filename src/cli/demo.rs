//! `bellwether demo`: a made-up term, solved, published and served, in one command. Repeated, it changes nothing.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio_util::sync::CancellationToken;

use super::{Failure, print, serve};
use crate::api::State;
use crate::config::{Flags, Settings};
use crate::domain::id::{EducatorId, RunId, SchoolId, TermId};
use crate::domain::run::{RunSettings, RunState};
use crate::exchange::problem::batch;
use crate::exchange::sample;
use crate::jobs::child::Solver;
use crate::jobs::worker::Worker;
use crate::store::feeds::Owner;
use crate::store::sessions::{self, Wanted};
use crate::store::{Db, import, runs, schedules};

/// Where the demo's records say they come from.
const SOURCE: &str = "demo";
const SECONDS: i64 = 60;

/// Show it all on a made-up term
#[derive(clap::Args)]
#[command(after_help = "\
Makes up four districts from New York to Arizona, solves and publishes their term, and serves it.

Example:
  bellwether demo --db sqlite:demo.db --listen 127.0.0.1:8080")]
pub struct Args {
    /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
    #[arg(long)]
    db: Option<String>,
    /// Address and port; else BELLWETHER_LISTEN, else 127.0.0.1:8080; port 0 takes a free one
    #[arg(long)]
    listen: Option<String>,
    /// Settings file of KEY=value lines; else BELLWETHER_CONFIG
    #[arg(long)]
    config: Option<PathBuf>,
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        let settings = Settings::read(&Flags { database: self.db, listen: self.listen, file: self.config })?;
        let solver = Solver::own().map_err(anyhow::Error::from)?;
        let runtime = tokio::runtime::Runtime::new().map_err(anyhow::Error::from)?;
        runtime.block_on(async {
            let db = serve::open(&settings).await?;
            let state = State::new(db.clone(), settings.clone());
            let term = load(&db).await?;
            if schedules::current(&mut db.read().await?, term).await?.is_empty() {
                solve_and_publish(&state, term, solver.clone()).await?;
            }
            tell(&state).await?;
            db.close().await;
            serve::serve(settings, Some(solver)).await
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The made-up term, kept under the ids it was given the first time.
async fn load(db: &Db) -> anyhow::Result<TermId> {
    let mut tx = db.write(SOURCE).await?;
    let mut keys = import::keys(&mut tx, SOURCE).await?;
    let batch = batch(&sample::demo::problem(), SOURCE, &mut keys);
    let term = batch.terms.first().context("the demo has no term")?.0;
    import::keep(&mut tx, SOURCE, batch).await?;
    tx.commit().await?;
    Ok(term)
}

async fn solve_and_publish(state: &State, term: TermId, solver: Solver) -> anyhow::Result<()> {
    let settings = RunSettings { seconds: SECONDS, gap: 0.01, ..RunSettings::default() };
    let asked = state.ask(term, Vec::new(), settings).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    print(&format!("solving the term, for {SECONDS} s at most\n"))?;
    let closing = CancellationToken::new();
    let worker = tokio::spawn(Worker::new(state.db.clone(), solver, 1, closing.clone()).run());
    let ended = wait_for(&state.db, asked.id).await;
    closing.cancel();
    worker.await?;
    ended?;
    let published = state.publish(asked.id).await.map_err(|refused| anyhow::anyhow!("not published: {refused:?}"))?;
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
async fn tell(state: &State) -> anyhow::Result<()> {
    let root = format!("http://{}", state.settings.listen);
    let (from, to) = (chrono::DateTime::UNIX_EPOCH, chrono::DateTime::from_timestamp(1 << 33, 0).unwrap_or_default());
    let wanted = Wanted { from, to, educator_id: None, school_id: None, district_id: None };
    let listed = sessions::list(&mut state.db.read().await?, wanted, None, 1).await?;
    let meeting = &listed.first().context("the demo's term has no session")?.session.meeting;
    let (educator, school): (EducatorId, SchoolId) = (meeting.educator_id, meeting.school_id);
    let (_, feed) = state.make_feed(Owner::Educator(educator)).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    print(&format!(
        "There are no accounts yet: whoever uses this machine is everyone.\n\
         as a coordinator   {root}/runs\n\
         as an educator     {root}/educators/{educator}/week\n\
         as a school        {root}/schools/{school}/week\n\
         in a calendar      {root}{feed}\n\
         as a program       {root}/api/docs\n"
    ))
}
