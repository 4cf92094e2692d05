//! `bellwether serve`: migrate, listen, answer until told to stop.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::migrate::reach;
use super::{Failure, work};
use crate::api::{self, State};
use crate::config::{self, Flags, Settings};
use crate::jobs::child::Solver;
use crate::jobs::keeping;
use crate::jobs::mailroom::Mailroom;
use crate::jobs::queue::{self, Calls};
use crate::jobs::worker::Worker;
use crate::notify::post::Post;
use crate::store::{Db, accounts};
use crate::web;

/// Serve the API and the pages
#[derive(clap::Args)]
#[command(after_help = "\
The first step is `bellwether admin create`. Other machines are answered only behind TLS: see BELLWETHER_URL in
the README.

Examples:
  bellwether serve
  bellwether serve --db postgres://bellwether@localhost/bellwether --listen 127.0.0.1:9000")]
pub struct Args {
    /// Database, sqlite:PATH or postgres://…; else DATABASE_URL, else sqlite:bellwether.db
    #[arg(long)]
    db: Option<String>,
    /// Address and port; else BELLWETHER_LISTEN, else 127.0.0.1:8080; port 0 takes a free one
    #[arg(long)]
    listen: Option<String>,
    /// Leave the runs, the mail and the hourly rounds of retention to `bellwether work` elsewhere
    #[arg(long)]
    no_worker: bool,
    /// Settings file of KEY=value lines; else BELLWETHER_CONFIG
    #[arg(long)]
    config: Option<PathBuf>,
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        let flags = Flags { database: self.db, listen: self.listen, file: self.config };
        let settings = Settings::read(&flags)?;
        let runtime = tokio::runtime::Runtime::new().map_err(anyhow::Error::from)?;
        let solver = if self.no_worker { None } else { Some(Solver::own().map_err(anyhow::Error::from)?) };
        runtime.block_on(serve(settings, solver))?;
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) async fn serve(settings: Settings, solver: Option<Solver>) -> anyhow::Result<()> {
    let db = open(&settings).await?;
    let administered = accounts::has_administrator(&mut db.read().await?).await?;
    settings.may_listen(administered)?;
    // Each connection is an open file, and systems begin with few.
    rlimit::increase_nofile_limit(u64::MAX).ok();
    let listener = tokio::net::TcpListener::bind(settings.listen)
        .await
        .map_err(|error| config::Error::Listen { at: settings.listen, cause: error.to_string() })?;
    // Standard output holds this one line, for programs that start the server on port 0.
    let hint = if administered { "" } else { " (nobody can sign in yet: run `bellwether admin create`)" };
    super::print(&format!("listening on http://{}{hint}\n", listener.local_addr()?))?;
    let connections = settings.connections;
    let own = settings.clone();
    let mut state = State::new(db.clone(), settings);
    state.queue = Some(Arc::new(Calls));
    let closing = state.closing.clone();
    tokio::spawn(async move {
        told_to_stop().await;
        closing.cancel();
    });
    let closing = state.closing.clone();
    let keys = state.settings.keys.clone();
    let rounds = solver.is_some().then(|| tokio::spawn(keeping::rounds(db.clone(), keys, closing.clone())));
    let mails = state.settings.mail.is_some();
    let worker = solver
        .map(|solver| tokio::spawn(Worker::new(db.clone(), solver, work::RUNS, closing.clone()).mailing(mails).run()));
    let mail = if worker.is_some() { mailroom(&own, &db, &closing)? } else { None };
    api::serve(listener, web::dressed(api::app(state, web::router())), connections, closing).await?;
    for task in [worker, rounds].into_iter().flatten() {
        task.await?;
    }
    if let Some(mail) = mail {
        mail.await?;
    }
    db.close().await;
    Ok(())
}

/// Starts to send mail, if the settings say how.
pub(super) fn mailroom(
    settings: &Settings,
    db: &Db,
    closing: &CancellationToken,
) -> anyhow::Result<Option<JoinHandle<()>>> {
    let Some(mail) = &settings.mail else { return Ok(None) };
    let post = Post::new(mail).map_err(anyhow::Error::msg)?;
    Ok(Some(tokio::spawn(Mailroom::new(db.clone(), post, settings.origin(), closing.clone()).run())))
}

/// Starts the log, opens the database and brings it up to date.
pub(super) async fn open(settings: &Settings) -> anyhow::Result<Db> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // The library looks for NO_COLOR alone; in a file colors are noise.
    let log = if std::io::stderr().is_terminal() { log } else { log.with_ansi(false) };
    log.try_init().ok();
    let db = reach(settings.database.reveal()).await?;
    db.migrate().await.context("cannot migrate the database")?;
    queue::migrate(&db)
        .await
        .map_err(|error| anyhow::anyhow!("cannot migrate the tables of the job library: {error}"))?;
    Ok(db)
}

/// Ctrl-C or SIGTERM.
pub async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
