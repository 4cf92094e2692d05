//! A worker: takes up waiting runs, as many at once as it has places, and keeps them in its hands by a lease.
//!
//! The run table is the truth. Called by the doorbell, and every second anyway, a worker claims what waits and
//! what a dead worker left: so a lost call delays by a second, a killed worker by [`LEASE`] and a second. What was left
//! had a place already, and waits for none of ours: as many such runs as there are places are taken up besides.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::child::{self, End, Line, Solver};
use super::{deadlines, queue};
use crate::domain::id;
use crate::domain::run::{MAX_FAILURES, RunState};
use crate::engine;
use crate::engine::outcome::{Outcome, Schedule, Status, Verdict};
use crate::engine::problem::Problem;
use crate::engine::rule::Issue;
use crate::engine::verify::verify;
use crate::store::runs::{self, Claim, Ending};
use crate::store::{Db, Result, StoreError};

/// How long a worker may be silent before its runs are taken over.
pub const LEASE: Duration = Duration::from_secs(9);
/// Between two looks at the table, where nobody calls.
const LOOK: Duration = Duration::from_secs(1);
/// Between two entries about a run: its lease, its figures, and whether someone asked to cancel.
const TICK: Duration = Duration::from_millis(400);
/// A child keeps its own time; this long after, and this share of its time, it is told: a large problem that was given
/// minutes takes seconds to be explained.
const LATE: Duration = Duration::from_secs(2);
const LATER: u32 = 20;
/// After each death of a child, before the next begins.
const BACKOFF: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1500)];
/// Claims after which a run is given up: it may be what kills its workers.
const MAX_ATTEMPTS: i64 = 20;
const ACTOR: &str = "worker";

/// What a worker needs.
#[derive(Clone)]
pub struct Worker {
    db: Db,
    solver: Solver,
    name: String,
    places: Arc<Semaphore>,
    /// For runs that a dead worker left, when every place is taken.
    rescues: Arc<Semaphore>,
    bell: Arc<Notify>,
    closing: CancellationToken,
    /// Whether there is a mail server: whoever waited for an answer is told that there will be none.
    mails: bool,
}

impl Worker {
    /// A worker with `places` runs at once, which stops (and gives its runs back) when `closing` is cancelled.
    #[must_use]
    pub fn new(db: Db, solver: Solver, places: usize, closing: CancellationToken) -> Self {
        let name = format!("{}-{}", std::process::id(), id::fresh());
        let seats = || Arc::new(Semaphore::new(places.max(1)));
        Self { db, solver, name, places: seats(), rescues: seats(), bell: Arc::default(), closing, mails: false }
    }

    /// The same worker, which owes mail where a deadline has passed.
    #[must_use]
    pub fn mailing(self, mails: bool) -> Self {
        Self { mails, ..self }
    }

    /// Works until it is told to stop, and returns when its children have ended.
    pub async fn run(self) {
        let mut tasks = JoinSet::new();
        let calls = tokio::spawn({
            let Self { db, name, bell, .. } = self.clone();
            async move {
                while let Err(error) = queue::answer(&db, &name, bell.clone()).await {
                    tracing::warn!(%error, "the job library stopped; runs are still found by looking");
                    tokio::time::sleep(LOOK).await;
                }
            }
        });
        let deadlines = tokio::spawn(deadlines::watch(self.db.clone(), self.mails, self.closing.clone()));
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.closing.cancelled() => break,
                () = self.bell.notified() => {}
                _ = looks.tick() => {}
            }
            while tasks.try_join_next().is_some() {}
            if let Err(error) = self.take_up(&mut tasks).await {
                tracing::warn!(%error, "cannot look for waiting runs");
            }
        }
        calls.abort();
        deadlines.abort();
        while tasks.join_next().await.is_some() {}
    }

    /// Claims waiting runs while there are places.
    async fn take_up(&self, tasks: &mut JoinSet<()>) -> Result<()> {
        if self.places.available_permits() + self.rescues.available_permits() == 0 {
            return Ok(());
        }
        let mut tx = self.db.read().await?;
        let waiting = runs::waiting(&mut tx).await?;
        tx.rollback().await?;
        for run in waiting {
            let Some(place) = self.place(run.left) else { continue };
            let mut tx = self.db.write(ACTOR).await?;
            let claim = runs::claim(&mut tx, run.id, &self.name, LEASE).await?;
            tx.commit().await?;
            let Some(claim) = claim else { continue };
            let worker = self.clone();
            tasks.spawn(async move { worker.hold(claim, place).await });
        }
        Ok(())
    }

    fn place(&self, left: bool) -> Option<OwnedSemaphorePermit> {
        let rescue = || self.rescues.clone().try_acquire_owned().ok().filter(|_| left);
        self.places.clone().try_acquire_owned().ok().or_else(rescue)
    }

    async fn hold(self, claim: Claim, place: OwnedSemaphorePermit) {
        let (run, attempt) = (claim.id, claim.attempt);
        tracing::info!(%run, attempt, "run taken up");
        match self.work(claim).await {
            Ok(()) => tracing::info!(%run, attempt, "run put down"),
            // The lease runs out, and another worker, or this one, takes the run up again.
            Err(error) => tracing::warn!(%run, attempt, %error, "run lost"),
        }
        drop(place);
        self.bell.notify_one();
    }

    async fn work(&self, claim: Claim) -> Result<()> {
        let problem: Arc<Problem> = match serde_json::from_str(&claim.problem) {
            Ok(problem) => Arc::new(problem),
            Err(error) => {
                return self
                    .give_up(&claim, Kept::default(), None, format!("the problem cannot be read: {error}"))
                    .await;
            }
        };
        let best = claim.schedule.as_deref().and_then(|text| serde_json::from_str(text).ok()).map(Arc::new);
        let mut kept = Kept { best, bound: claim.bound };
        if claim.attempt > MAX_ATTEMPTS {
            return self.give_up(&claim, kept, Some(problem), "no worker could finish it".into()).await;
        }
        let first = match claim.settings.start_from {
            Some(other) if kept.best.is_none() => runs::answer(&mut self.db.read().await?, other).await?.0,
            _ => None,
        };
        // Of another problem, perhaps: the solver takes of it what fits.
        let first: Option<Schedule> = first.and_then(|text| serde_json::from_str(&text).ok());
        let mut spent = claim.spent;
        let mut failures = claim.failures;
        loop {
            let mut watch = Watch {
                worker: self,
                claim: &claim,
                problem: &problem,
                kept: &mut kept,
                first: first.as_ref(),
                cancelled: claim.cancel_asked,
            };
            let end = watch.solve(&mut spent).await?;
            let cancelled = watch.cancelled;
            let cause = match end {
                None => return Ok(()),
                Some(End::Final(outcome)) => match self.finish(&claim, &problem, *outcome, cancelled).await? {
                    None => return Ok(()),
                    Some(cause) => cause,
                },
                Some(End::Refused(issues)) => {
                    let cause = refused(&issues);
                    return self.end_with(&claim, RunState::Failed, kept, Some(problem), Some(cause)).await;
                }
                Some(End::Died(cause)) => cause,
            };
            if cancelled {
                return self.end_with(&claim, RunState::Cancelled, kept, Some(problem), None).await;
            }
            let mut tx = self.db.write(ACTOR).await?;
            let Some(deaths) = runs::failed_once(&mut tx, &claim, &cause).await? else { return Ok(()) };
            tx.commit().await?;
            failures = failures.max(deaths);
            tracing::warn!(run = %claim.id, failures, cause, "the solver died");
            // Without time left another child could only begin again what this one could not end: worth it for a first
            // schedule, not for a better one.
            let late = kept.best.is_some() && spent.as_secs() >= claim.settings.seconds.unsigned_abs();
            if failures >= MAX_FAILURES || late {
                return self.give_up(&claim, kept, Some(problem), cause).await;
            }
            let pause = BACKOFF[usize::try_from(failures - 1).unwrap_or_default().min(BACKOFF.len() - 1)];
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.closing.cancelled() => return self.release(&claim).await,
            }
        }
    }

    /// Writes the answer, once it has been verified here. A cause is returned if it is no answer.
    async fn finish(
        &self,
        claim: &Claim,
        problem: &Arc<Problem>,
        outcome: Outcome,
        cancelled: bool,
    ) -> Result<Option<String>> {
        let Outcome { schedule, report } = outcome;
        let (verdict, schedule) = checked(problem, Arc::new(schedule)).await?;
        let fault = match &verdict {
            _ if report.status == Status::Defective => Some("the engine found its own schedule defective".to_owned()),
            Verdict { valid: false, violations, .. } => {
                Some(format!("the schedule breaks a rule: {}", violations.first().map_or("", |v| v.message.as_str())))
            }
            Verdict { cost, .. } if cost.total != report.objective => {
                Some(format!("the schedule costs {} cents, not {}", cost.total, report.objective))
            }
            _ => None,
        };
        let ending = match fault {
            Some(cause) => Ending {
                state: RunState::Failed,
                status: Some("defective".into()),
                report: None,
                schedule: None,
                cause: Some(cause),
            },
            None => Ending {
                state: if cancelled { RunState::Cancelled } else { RunState::Succeeded },
                status: Some(name(report.status)?),
                report: Some(serde_json::to_value(&report).map_err(corrupt)?),
                schedule: Some(serde_json::to_string(&*schedule).map_err(corrupt)?),
                cause: None,
            },
        };
        self.end(claim, ending).await?;
        Ok(None)
    }

    /// After too many deaths: the best schedule if there is one, otherwise a failure.
    async fn give_up(&self, claim: &Claim, kept: Kept, problem: Option<Arc<Problem>>, cause: String) -> Result<()> {
        let state = if kept.best.is_some() { RunState::Succeeded } else { RunState::Failed };
        self.end_with(claim, state, kept, problem, Some(cause)).await
    }

    /// Ends with the schedule already kept and verified, explained here because the solver did not come to it.
    async fn end_with(
        &self,
        claim: &Claim,
        state: RunState,
        kept: Kept,
        problem: Option<Arc<Problem>>,
        cause: Option<String>,
    ) -> Result<()> {
        let Some((schedule, problem)) = kept.best.zip(problem) else {
            return self.end(claim, Ending { state, status: None, report: None, schedule: None, cause }).await;
        };
        let (bound, bound_from) = match kept.bound {
            Some(bound) => (bound, "last bound of a solver that ended without an answer"),
            None => (0, "none: the solver ended before it had one"),
        };
        let conclude = move || engine::conclude(&problem, Schedule::clone(&schedule), (bound, bound_from.into()), 0.0);
        let outcome = tokio::task::spawn_blocking(conclude).await.map_err(corrupt)?;
        let report = Some(serde_json::to_value(&outcome.report).map_err(corrupt)?);
        let status = Some(name(outcome.report.status)?);
        self.end(claim, Ending { state, status, report, schedule: None, cause }).await
    }

    async fn end(&self, claim: &Claim, ending: Ending) -> Result<()> {
        let mut tx = self.db.write(ACTOR).await?;
        if !runs::finish(&mut tx, claim, ending).await? {
            tracing::warn!(run = %claim.id, attempt = claim.attempt, "another worker has this run; nothing written");
        }
        tx.commit().await
    }

    async fn release(&self, claim: &Claim) -> Result<()> {
        let mut tx = self.db.write(ACTOR).await?;
        runs::release(&mut tx, claim).await?;
        tx.commit().await
    }
}

/// What is left of a solver that ends without an answer.
#[derive(Default)]
struct Kept {
    best: Option<Arc<Schedule>>,
    /// No schedule costs less than this many cents.
    bound: Option<i64>,
}

/// One child of a run, watched.
struct Watch<'w> {
    worker: &'w Worker,
    claim: &'w Claim,
    problem: &'w Arc<Problem>,
    kept: &'w mut Kept,
    /// What to begin with while there is nothing better.
    first: Option<&'w Schedule>,
    cancelled: bool,
}

impl Watch<'_> {
    /// How the child ended; none if the run is no longer ours, or was given back.
    async fn solve(&mut self, spent: &mut Duration) -> Result<Option<End>> {
        let settings = &self.claim.settings;
        let allowed = Duration::from_secs(u64::try_from(settings.seconds).unwrap_or(1));
        let left = allowed.saturating_sub(*spent).max(Duration::from_secs(1));
        if self.cancelled {
            return Ok(Some(End::Died("cancelled before it began".into())));
        }
        let start = self.kept.best.as_deref().or(self.first).map(StartFile::write).transpose().map_err(corrupt)?;
        let arguments = self.arguments(left, start.as_ref());
        let (lines, mut heard) = mpsc::channel(64);
        let stop = CancellationToken::new();
        let problem = self.claim.problem.clone().into_bytes();
        let child =
            child::solve(&self.worker.solver, &arguments, problem, left + LATE + left / LATER, lines, stop.clone());
        tokio::pin!(child);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut figures, mut schedule, mut entered) = (None, None, Instant::now());
        loop {
            tokio::select! {
                end = &mut child => {
                    // What was said last and not yet entered: a child that dies later must not lose it.
                    while let Ok(line) = heard.try_recv() {
                        note(line, &mut figures, &mut schedule);
                    }
                    let held = self.enter(figures.take(), schedule.take(), entered.elapsed()).await?;
                    *spent += entered.elapsed();
                    return Ok(held.then_some(end));
                }
                Some(line) = heard.recv() => note(line, &mut figures, &mut schedule),
                _ = ticks.tick() => {
                    let since = entered.elapsed();
                    match self.enter(figures.take(), schedule.take(), since).await {
                        Ok(true) => (entered, *spent) = (Instant::now(), *spent + since),
                        Ok(false) => return Ok(None),
                        // The database may come back before the lease runs out; after that the run is not ours.
                        Err(error) if since + LOOK < LEASE => tracing::warn!(%error, "cannot enter a run's progress"),
                        Err(error) => return Err(error),
                    }
                    if self.cancelled {
                        stop.cancel();
                    }
                }
                () = self.worker.closing.cancelled() => {
                    self.worker.release(self.claim).await?;
                    return Ok(None);
                }
            }
        }
    }

    /// Renews the lease and enters what is new. False if the run is no longer ours.
    async fn enter(&mut self, figures: Option<Json>, schedule: Option<Schedule>, spent: Duration) -> Result<bool> {
        let better = match schedule {
            Some(schedule) => {
                let (verdict, schedule) = checked(self.problem, Arc::new(schedule)).await?;
                if !verdict.valid {
                    tracing::warn!(run = %self.claim.id, "an incumbent that breaks rules is passed over");
                }
                verdict.valid.then_some(schedule)
            }
            None => None,
        };
        let mut tx = self.worker.db.write(ACTOR).await?;
        let Some(cancel_asked) = runs::beat(&mut tx, self.claim, LEASE, spent).await? else { return Ok(false) };
        if let Some(figures) = figures {
            self.kept.bound = figures["bound"].as_i64().or(self.kept.bound);
            let text = better.as_deref().map(serde_json::to_string).transpose().map_err(corrupt)?;
            runs::note(&mut tx, self.claim, figures, text).await?;
        }
        tx.commit().await?;
        self.cancelled |= cancel_asked;
        if better.is_some() {
            self.kept.best = better;
        }
        Ok(true)
    }

    fn arguments(&self, left: Duration, start: Option<&StartFile>) -> Vec<OsString> {
        let settings = &self.claim.settings;
        let mut arguments: Vec<OsString> = vec!["-".into(), "--stream".into()];
        let mut option = |name: &str, value: String| arguments.extend([name.into(), value.into()]);
        option("--seconds", left.as_secs_f64().to_string());
        option("--gap", settings.gap.to_string());
        option("--seed", settings.seed.to_string());
        option("--threads", settings.threads.to_string());
        option("--memory", settings.memory_bytes.to_string());
        if let Some(nodes) = settings.nodes {
            option("--nodes", nodes.to_string());
        }
        if let Some(start) = start {
            if !settings.repair {
                arguments.push("--improve".into());
            }
            arguments.extend(["--start".into(), start.0.clone().into()]);
        }
        arguments
    }
}

/// Why a solver would not begin, issue by issue, each with the way out.
fn refused(issues: &[Issue]) -> String {
    let said = |issue: &Issue| format!("{}: {}; {}", issue.code, issue.cause, issue.action);
    issues.iter().map(said).collect::<Vec<_>>().join(". ")
}

fn note(line: Line, figures: &mut Option<Json>, schedule: &mut Option<Schedule>) {
    match line {
        Line::Progress { figures: new } => *figures = Some(new),
        Line::Incumbent { schedule: better, figures: new } => (*figures, *schedule) = (Some(new), Some(better)),
        Line::Final { .. } => {}
    }
}

/// A recount takes its time: not on a thread that answers others.
async fn checked(problem: &Arc<Problem>, schedule: Arc<Schedule>) -> Result<(Verdict, Arc<Schedule>)> {
    let problem = problem.clone();
    tokio::task::spawn_blocking(move || (verify(&problem, &schedule), schedule)).await.map_err(corrupt)
}

/// The schedule that a child begins with, in a file that only this user can read, gone with this value.
struct StartFile(PathBuf);

impl StartFile {
    fn write(schedule: &Schedule) -> std::io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = std::env::temp_dir().join(format!("bellwether-start-{}.json", id::fresh()));
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let file_of = Self(path);
        file.write_all(&serde_json::to_vec(schedule)?)?;
        Ok(file_of)
    }
}

impl Drop for StartFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn name(status: Status) -> Result<String> {
    let json = serde_json::to_value(status).map_err(corrupt)?;
    Ok(json.as_str().unwrap_or_default().to_owned())
}

fn corrupt(error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(error.to_string())
}
