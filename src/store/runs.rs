//! Runs: kept with their problem, claimed under a lease, and written to only by the holder of the latest claim.
//!
//! `attempt` is the fencing token (see the migration): every write of a worker names the attempt it was given,
//! and changes nothing once another worker has claimed the run.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};
use sqlx::types::Json as Column;
use uuid::Uuid;

use super::audit;
use super::error::{Result, StoreError};
use super::tx::{Row, Tx, statements};
use crate::args;
use crate::domain::hash::sha256;
use crate::domain::id::{DistrictId, RecordId, RunId, TermId};
use crate::domain::run::{Run, RunEvent, RunSettings, RunState};

statements! {
    INSERT = "INSERT INTO run (id, term_id, districts, state, settings, engine_version, problem, problem_sha256, created_by, created_at, queued_at) \
              VALUES ($1, $2, $3, 'queued', $4, $5, $6, $7, $8, $9, $9)";
    GET = "SELECT r.id, r.term_id, r.districts, r.state, r.settings, r.engine_version, r.problem_sha256, r.created_by, r.created_at, \
           r.started_at, r.ended_at, r.attempt, r.failures, r.cancel_asked, r.last_event, r.progress, r.schedule_sha256, r.status, r.cause, \
           s.id AS schedule_id FROM run r LEFT JOIN schedule s ON s.run_id = r.id WHERE r.id = $1";
    /// Newest first: ids are time-ordered.
    LIST = "SELECT r.id, r.term_id, r.districts, r.state, r.settings, r.engine_version, r.problem_sha256, r.created_by, r.created_at, \
            r.started_at, r.ended_at, r.attempt, r.failures, r.cancel_asked, r.last_event, r.progress, r.schedule_sha256, r.status, r.cause, \
            s.id AS schedule_id FROM run r LEFT JOIN schedule s ON s.run_id = r.id \
            WHERE r.id < $1 AND (r.term_id = $2 OR $2 IS NULL) AND (r.state = $3 OR $3 IS NULL) ORDER BY r.id DESC LIMIT $4";
    PROBLEM = "SELECT problem FROM run WHERE id = $1";
    ANSWER = "SELECT schedule, report FROM run WHERE id = $1";
    CLAIM = "UPDATE run SET state = 'running', attempt = attempt + 1, worker = $2, lease_until = $3, started_at = COALESCE(started_at, $4), \
             last_event = last_event + 1 \
             WHERE id = $1 AND (state = 'queued' OR (state = 'running' AND lease_until < $4)) \
             RETURNING attempt, failures, spent_ms, cancel_asked, last_event, settings, problem, schedule, progress";
    /// Those left by a dead worker first: `running` comes after `queued`.
    WAITING = "SELECT id, state FROM run WHERE state = 'queued' OR (state = 'running' AND lease_until < $1) ORDER BY state DESC, id LIMIT 100";
    BEAT = "UPDATE run SET lease_until = $3, spent_ms = spent_ms + $4 WHERE id = $1 AND attempt = $2 AND state = 'running' RETURNING cancel_asked";
    PROGRESS = "UPDATE run SET progress = $3, last_event = last_event + 1 WHERE id = $1 AND attempt = $2 AND state = 'running' RETURNING last_event";
    INCUMBENT = "UPDATE run SET progress = $3, schedule = $4, schedule_sha256 = $5, last_event = last_event + 1 \
                 WHERE id = $1 AND attempt = $2 AND state = 'running' RETURNING last_event";
    FAILURE = "UPDATE run SET failures = failures + 1, cause = $3, last_event = last_event + 1 \
               WHERE id = $1 AND attempt = $2 AND state = 'running' RETURNING last_event, failures";
    FINISH = "UPDATE run SET state = $3, status = $4, report = $5, schedule = COALESCE($6, schedule), schedule_sha256 = COALESCE($7, schedule_sha256), \
              cause = COALESCE($8, cause), ended_at = $9, lease_until = NULL, last_event = last_event + 1 \
              WHERE id = $1 AND attempt = $2 AND state = 'running' RETURNING last_event";
    RELEASE = "UPDATE run SET state = 'queued', queued_at = $3, lease_until = NULL WHERE id = $1 AND attempt = $2 AND state = 'running'";
    CANCEL_QUEUED = "UPDATE run SET state = 'cancelled', cancel_asked = TRUE, ended_at = $2, last_event = last_event + 1 \
                     WHERE id = $1 AND state = 'queued' RETURNING last_event";
    CANCEL_RUNNING = "UPDATE run SET cancel_asked = TRUE WHERE id = $1 AND state = 'running' AND NOT cancel_asked";
    EVENT = "INSERT INTO run_event (run_id, seq, at, kind, body) VALUES ($1, $2, $3, $4, $5)";
    FIGURES = "SELECT body FROM run_event WHERE run_id = $1 AND kind IN ('progress', 'incumbent') ORDER BY seq";
    EVENTS = "SELECT seq, at, kind, body FROM run_event WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub term_id: TermId,
    pub districts: Vec<DistrictId>,
    pub settings: RunSettings,
    /// The problem's bytes, exactly as the solver will read them.
    pub problem: String,
}

/// The right to work on a run, until `lease` ends or another claims it.
#[derive(Clone, Debug)]
pub struct Claim {
    pub id: RunId,
    pub attempt: i64,
    pub failures: i64,
    pub spent: Duration,
    pub cancel_asked: bool,
    pub settings: RunSettings,
    pub problem: String,
    /// The best schedule so far, as kept; it has been verified.
    pub schedule: Option<String>,
    /// The best bound told so far, in cents: no schedule costs less.
    pub bound: Option<i64>,
}

/// How a run ends.
#[derive(Clone, Debug)]
pub struct Ending {
    pub state: RunState,
    pub status: Option<String>,
    pub report: Option<Json>,
    /// A better schedule than the one kept, verified.
    pub schedule: Option<String>,
    pub cause: Option<String>,
}

/// Keeps a new run, queued. The caller enqueues it in the same transaction.
pub async fn create(tx: &mut Tx, new: NewRun) -> Result<RunId> {
    let (id, hash, at, actor) = (RunId::fresh(), sha256(&new.problem), tx.at, tx.actor.clone());
    let (districts, settings) = (encoded(&new.districts)?, encoded(&new.settings)?);
    let args = args![
        id,
        new.term_id,
        districts,
        settings.clone(),
        env!("CARGO_PKG_VERSION"),
        new.problem,
        hash.clone(),
        actor,
        at
    ];
    tx.execute(&INSERT, args).await?;
    event(tx, id, 0, "queued", json!({})).await?;
    audit::write(tx, "create", "run", id.uuid(), None, Some(json!({ "settings": settings, "problem_sha256": hash })))
        .await?;
    Ok(id)
}

pub async fn find(tx: &mut Tx, id: RunId) -> Result<Option<Run>> {
    tx.row(&GET, args![id]).await?.as_ref().map(run).transpose()
}

pub async fn get(tx: &mut Tx, id: RunId) -> Result<Run> {
    find(tx, id).await?.ok_or(StoreError::NotFound { what: "run", id: id.uuid() })
}

/// At most `limit` runs before `before`, newest first.
pub async fn list(
    tx: &mut Tx,
    term: Option<TermId>,
    state: Option<RunState>,
    before: Option<RunId>,
    limit: i64,
) -> Result<Vec<Run>> {
    let before = before.map_or(Uuid::max(), RecordId::uuid);
    let args = args![before, term.map(RecordId::uuid), state.map(RunState::name), limit];
    tx.rows(&LIST, args).await?.iter().map(run).collect()
}

/// The problem as it was when the run was asked for.
pub async fn problem(tx: &mut Tx, id: RunId) -> Result<String> {
    let row = tx.row(&PROBLEM, args![id]).await?;
    row.ok_or(StoreError::NotFound { what: "run", id: id.uuid() })?.get("problem")
}

/// The best schedule so far, and the report once there is one.
pub async fn answer(tx: &mut Tx, id: RunId) -> Result<(Option<String>, Option<Json>)> {
    let row = tx.row(&ANSWER, args![id]).await?.ok_or(StoreError::NotFound { what: "run", id: id.uuid() })?;
    Ok((row.get("schedule")?, row.get::<Option<Column<Json>>>("report")?.map(|json| json.0)))
}

/// Takes up a run that is queued, or whose worker has not been heard of; none if there is nothing to take.
pub async fn claim(tx: &mut Tx, id: RunId, worker: &str, lease: Duration) -> Result<Option<Claim>> {
    let Some(row) = tx.row(&CLAIM, args![id, worker, until(tx, lease), tx.at]).await? else { return Ok(None) };
    let settings: Column<RunSettings> = row.get("settings")?;
    let claim = Claim {
        id,
        attempt: row.get("attempt")?,
        failures: row.get("failures")?,
        spent: Duration::from_millis(u64::try_from(row.get::<i64>("spent_ms")?).unwrap_or_default()),
        cancel_asked: row.get("cancel_asked")?,
        settings: settings.0,
        problem: row.get("problem")?,
        schedule: row.get("schedule")?,
        bound: row.get::<Option<Column<Json>>>("progress")?.and_then(|figures| figures.0["bound"].as_i64()),
    };
    event(tx, id, row.get("last_event")?, "started", json!({ "attempt": claim.attempt, "worker": worker })).await?;
    Ok(Some(claim))
}

/// A run to be taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub id: RunId,
    /// Its worker is dead: its lease has run out.
    pub left: bool,
}

/// Runs to be taken up: those whose lease has run out, then those queued, each oldest first.
pub async fn waiting(tx: &mut Tx) -> Result<Vec<Waiting>> {
    let waiting = |row: &Row| Ok(Waiting { id: row.id("id")?, left: row.get::<String>("state")? == "running" });
    tx.rows(&WAITING, args![tx.at]).await?.iter().map(waiting).collect()
}

/// Renews the lease. Says whether someone asked to cancel; none if the run is no longer this claim's.
pub async fn beat(tx: &mut Tx, claim: &Claim, lease: Duration, spent: Duration) -> Result<Option<bool>> {
    let spent = i64::try_from(spent.as_millis()).unwrap_or(i64::MAX);
    let row = tx.row(&BEAT, args![claim.id, claim.attempt, until(tx, lease), spent]).await?;
    row.map(|row| row.get("cancel_asked")).transpose()
}

/// Tells figures, and keeps a better schedule that has been verified. False if the run is no longer this claim's.
pub async fn note(tx: &mut Tx, claim: &Claim, figures: Json, schedule: Option<String>) -> Result<bool> {
    let kind = if schedule.is_some() { "incumbent" } else { "progress" };
    let row = match schedule {
        None => tx.row(&PROGRESS, args![claim.id, claim.attempt, figures.clone()]).await?,
        Some(schedule) => {
            let hash = sha256(&schedule);
            tx.row(&INCUMBENT, args![claim.id, claim.attempt, figures.clone(), schedule, hash]).await?
        }
    };
    let Some(row) = row else { return Ok(false) };
    event(tx, claim.id, row.get("last_event")?, kind, figures).await?;
    Ok(true)
}

/// Counts a death of the child. How many there were, or none if the run is no longer this claim's.
pub async fn failed_once(tx: &mut Tx, claim: &Claim, cause: &str) -> Result<Option<i64>> {
    let Some(row) = tx.row(&FAILURE, args![claim.id, claim.attempt, cause]).await? else { return Ok(None) };
    let failures: i64 = row.get("failures")?;
    event(tx, claim.id, row.get("last_event")?, "retry", json!({ "failures": failures, "cause": cause })).await?;
    Ok(Some(failures))
}

/// Ends the run. False if it is no longer this claim's: then nothing is written.
pub async fn finish(tx: &mut Tx, claim: &Claim, ending: Ending) -> Result<bool> {
    let hash = ending.schedule.as_ref().map(sha256);
    let body = json!({ "state": ending.state, "status": ending.status, "cause": ending.cause });
    let args = args![
        claim.id,
        claim.attempt,
        ending.state.name(),
        ending.status,
        ending.report,
        ending.schedule,
        hash,
        ending.cause,
        tx.at
    ];
    let Some(row) = tx.row(&FINISH, args).await? else { return Ok(false) };
    event(tx, claim.id, row.get("last_event")?, "final", body).await?;
    Ok(true)
}

/// Gives an unfinished run back, for a worker that is going away.
pub async fn release(tx: &mut Tx, claim: &Claim) -> Result<bool> {
    Ok(tx.execute(&RELEASE, args![claim.id, claim.attempt, tx.at]).await? == 1)
}

/// Asks for the end of a run: at once if it waits, by its worker if it runs, nothing if it has ended.
pub async fn cancel(tx: &mut Tx, id: RunId) -> Result<Run> {
    if let Some(row) = tx.row(&CANCEL_QUEUED, args![id, tx.at]).await? {
        event(tx, id, row.get("last_event")?, "final", json!({ "state": "cancelled" })).await?;
    } else {
        tx.execute(&CANCEL_RUNNING, args![id]).await?;
    }
    let run = get(tx, id).await?;
    audit::write(tx, "cancel", "run", id.uuid(), None, Some(json!({ "state": run.state }))).await?;
    Ok(run)
}

/// Every figure that the run has told: `t` (seconds), `incumbent` and `bound` (cents), in order.
pub async fn figures(tx: &mut Tx, id: RunId) -> Result<Vec<Json>> {
    tx.rows(&FIGURES, args![id]).await?.iter().map(|row| Ok(row.get::<Column<Json>>("body")?.0)).collect()
}

/// At most `limit` events after number `after`.
pub async fn events(tx: &mut Tx, id: RunId, after: i64, limit: i64) -> Result<Vec<RunEvent>> {
    let read = |row: &Row| {
        Ok(RunEvent {
            seq: row.get("seq")?,
            at: row.get("at")?,
            kind: row.get("kind")?,
            body: row.get::<Column<Json>>("body")?.0,
        })
    };
    tx.rows(&EVENTS, args![id, after, limit]).await?.iter().map(read).collect()
}

async fn event(tx: &mut Tx, id: RunId, seq: i64, kind: &str, body: Json) -> Result<()> {
    tx.execute(&EVENT, args![id, seq, tx.at, kind, body]).await.map(drop)
}

fn until(tx: &Tx, lease: Duration) -> DateTime<Utc> {
    tx.at + TimeDelta::from_std(lease).unwrap_or(TimeDelta::zero())
}

fn encoded(value: &impl serde::Serialize) -> Result<Json> {
    serde_json::to_value(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn run(row: &Row) -> Result<Run> {
    Ok(Run {
        id: row.id("id")?,
        term_id: row.id("term_id")?,
        district_ids: row.get::<Column<Vec<DistrictId>>>("districts")?.0,
        state: row.get::<String>("state")?.parse().map_err(StoreError::Corrupt)?,
        settings: row.get::<Column<RunSettings>>("settings")?.0,
        engine_version: row.get("engine_version")?,
        problem_sha256: row.get("problem_sha256")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        attempt: row.get("attempt")?,
        failures: row.get("failures")?,
        cancel_asked: row.get("cancel_asked")?,
        last_event: row.get("last_event")?,
        progress: row.get::<Option<Column<Json>>>("progress")?.map(|json| json.0),
        schedule_sha256: row.get("schedule_sha256")?,
        status: row.get("status")?,
        cause: row.get("cause")?,
        schedule_id: row.get("schedule_id")?,
    })
}
