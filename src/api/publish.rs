//! From a run to published sessions: verified again, compared with what the records say now, written at once.

use std::collections::BTreeMap;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::State;
use super::again::again;
use super::error::{Error, PROBLEM_JSON};
use super::room::{self, Rooms};
use super::suppose::shape;
use crate::domain::actor::Actor;
use crate::domain::hash::sha256;
use crate::domain::id::{DistrictId, RunId};
use crate::domain::run::{Run, RunSettings};
use crate::engine::changes::{self, Change};
use crate::engine::outcome::Schedule;
use crate::engine::problem::Problem;
use crate::engine::{dated, verify};
use crate::store::schedules::{self, Assigned, Publication, Published};
use crate::store::{absences, mail, runs, snapshot};

/// Differences that one answer lists.
const LISTED: usize = 200;

/// Why a run is not published.
#[derive(Debug)]
pub enum Refused {
    /// The inputs have changed since the run was asked for.
    Changed(Vec<Change>),
    Other(Error),
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let changes = match self {
            Self::Other(error) => return error.into_response(),
            Self::Changed(changes) => changes,
        };
        let body = json!({
            "type": "urn:bellwether:problem:inputs_changed", "title": "inputs changed", "status": 409, "code": "inputs_changed",
            "detail": format!("{} rows differ from what the run was made for", changes.len()),
            "action": "start a new run and publish that", "errors": [], "changes": &changes[..changes.len().min(LISTED)],
        });
        (StatusCode::CONFLICT, [(header::CONTENT_TYPE, PROBLEM_JSON)], body.to_string()).into_response()
    }
}

/// Refuses a run whose schedule cannot be published, whatever the records are.
fn publishable(run: &Run) -> Result<(), Error> {
    let why = if !run.state.is_final() {
        "the run has not ended; wait for it, or cancel it"
    } else if run.status.as_deref() == Some("defective") {
        "the run's answer is defective; it can never be published"
    } else if run.settings.supposes_supply() {
        "the run supposes people or hours that are not there; add them to the records, and run again"
    } else {
        return Ok(());
    };
    Err(Error::Conflict(why.into()))
}

impl State {
    /// Refuses what [`publish`](Self::publish) would refuse whatever the records are: for the preview.
    pub async fn publishable(&self, id: RunId) -> Result<(), Error> {
        publishable(&runs::get(&mut self.db.read().await?, id).await?)
    }

    /// Publishes a run's schedule, or hands back what it was published as before.
    pub async fn publish(&self, actor: &Actor, id: RunId) -> Result<Published, Refused> {
        let mut tx = self.db.read().await?;
        if let Some(already) = schedules::of_run(&mut tx, id).await? {
            return Ok(already);
        }
        let run = runs::get(&mut tx, id).await?;
        let (schedule, _) = runs::answer(&mut tx, id).await?;
        let problem = runs::problem(&mut tx, id).await?;
        tx.rollback().await?;
        publishable(&run)?;
        let schedule = schedule.ok_or_else(|| Error::Conflict("the run has no schedule".into()))?;
        let settings = run.settings.clone();
        let prepared =
            tokio::task::spawn_blocking(move || prepare(&problem, &schedule, &run)).await.map_err(Error::internal)?;
        let (publication, problem) = prepared?;
        let busy = |refused: &Refused| matches!(refused, Refused::Other(error) if error.is_busy());
        again(busy, || self.write_publication(actor, &publication, &problem, &settings)).await
    }

    async fn write_publication(
        &self,
        actor: &Actor,
        new: &Publication,
        problem: &Problem,
        settings: &RunSettings,
    ) -> Result<Published, Refused> {
        let mut tx = self.write(actor).await?;
        schedules::lock(&mut tx, new.term_id).await?;
        if let Some(already) = schedules::of_run(&mut tx, new.run_id).await? {
            return Ok(already);
        }
        let mut now = snapshot::within(&mut tx, new.term_id, &new.districts).await?;
        let locked = |id: &String| now.pins.iter().any(|pin| pin.educator == *id);
        if settings.without.iter().map(ToString::to_string).any(|id| locked(&id)) {
            let text = "it was planned without somebody to whom a need is locked; undo that lock first";
            return Err(Error::Conflict(text.into()).into());
        }
        // What was only supposed is supposed again: other prices break no rule, nor does an educator without work.
        shape(&mut now, settings);
        if snapshot::hash(&now) != new.problem_sha256 {
            return Err(Refused::Changed(changes::between(problem, &now)));
        }
        let mut new = new.clone();
        absences::apply(&mut tx, new.term_id, &mut new.meetings).await?;
        let (term, mail) = (new.term_id, self.settings.mail.as_ref());
        let rooms = if mail.is_some() { room::left_by(&mut tx, &new, problem).await? } else { Rooms::new() };
        let done = schedules::publish(&mut tx, new).await?;
        if let Some(settings) = mail {
            room::ask_for_adults(&mut tx, rooms, "An educator no longer teaches there").await?;
            mail::announce(&mut tx, term, &done.touched, settings.hold).await?;
        }
        tx.commit().await?;
        Ok(done.published)
    }
}

/// Verifies the schedule against the run's own problem (whose equality with the records is looked at under the
/// lock), and expands it into dated meetings. Takes its time.
fn prepare(problem: &str, text: &str, run: &Run) -> Result<(Publication, Problem), Error> {
    if sha256(problem) != run.problem_sha256 || Some(sha256(text)) != run.schedule_sha256 {
        return Err(Error::internal("a run's problem or schedule does not have the hash kept beside it"));
    }
    let parsed: Problem = serde_json::from_str(problem).map_err(Error::internal)?;
    let schedule: Schedule = serde_json::from_str(text).map_err(Error::internal)?;
    let verdict = verify::verify(&parsed, &schedule);
    if let Some(violation) = verdict.violations.first() {
        return Err(Error::Conflict(format!("the schedule breaks {}: {}", violation.code, violation.message)));
    }
    let meetings = dated::meetings(&parsed, &schedule).map_err(Error::internal)?;
    let publication = Publication {
        term_id: run.term_id,
        run_id: run.id,
        districts: run.district_ids.clone(),
        problem_sha256: run.problem_sha256.clone(),
        cost: serde_json::to_value(verdict.cost).map_err(Error::internal)?,
        assigned: assigned(&parsed, &schedule).map_err(Error::internal)?,
        schedule: text.to_owned(),
        meetings,
    };
    Ok((publication, parsed))
}

fn assigned(problem: &Problem, schedule: &Schedule) -> Result<Vec<Assigned>, String> {
    let districts: BTreeMap<&str, &str> =
        problem.schools.iter().map(|s| (s.id.as_str(), s.district.as_str())).collect();
    let sections = problem.sections.iter().map(|section| (section.id.as_str(), section.school.as_str()));
    let services = problem.services.iter().map(|service| (service.id.as_str(), service.school.as_str()));
    let schools: BTreeMap<&str, &str> = sections.chain(services).collect();
    let district = |need: &str| -> Result<DistrictId, String> {
        schools
            .get(need)
            .and_then(|school| districts.get(school))
            .ok_or_else(|| format!("{need} has no district"))?
            .parse()
    };
    let mut rows = Vec::new();
    for row in &schedule.sections {
        let (district_id, educator_id) = (district(&row.section)?, row.educator.parse()?);
        rows.push(Assigned {
            need: row.section.parse()?,
            is_section: true,
            district_id,
            educator_id,
            sessions: json!([]),
        });
    }
    for row in schedule.services.iter().filter(|row| !row.sessions.is_empty()) {
        let (district_id, educator_id) = (district(&row.service)?, row.educator.parse()?);
        rows.push(Assigned {
            need: row.service.parse()?,
            is_section: false,
            district_id,
            educator_id,
            sessions: json!(row.sessions),
        });
    }
    Ok(rows)
}
