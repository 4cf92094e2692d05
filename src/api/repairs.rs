//! Change: ask for the least that mends what stands published, and see whom it would move before it is published.

use std::collections::BTreeMap;

use axum::extract::State as Axum;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::access::Planner;
use super::error::Error;
use super::extract::{NoQuery, Path};
use crate::domain::actor::Actor;
use crate::domain::id::{EducatorId, RunId, TermId};
use crate::domain::records as kept;
use crate::domain::run::{Run, RunSettings};
use crate::domain::session::{Meeting, Purpose};
use crate::engine::dated;
use crate::engine::outcome::Schedule;
use crate::engine::problem::Problem;
use crate::store::sessions::{self, Difference};
use crate::store::{self, absences, runs, schedules};

/// A repair ends by itself; this is for one that does not.
const SECONDS: i64 = 120;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(repair)).routes(routes!(changes))
}

/// What publishing a run would change, person by person
#[derive(Debug, Serialize, ToSchema)]
pub struct Changes {
    pub unchanged_meetings: usize,
    pub people: Vec<PersonChanges>,
}

/// What changes for one educator
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonChanges {
    #[schema(value_type = Uuid)]
    pub educator_id: EducatorId,
    pub name: String,
    pub added: usize,
    /// At another time, or in another way.
    pub moved: usize,
    pub dropped: usize,
    pub needs: Vec<NeedChanges>,
}

/// Meetings of one section, or of one kind of service at a school
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct NeedChanges {
    pub title: String,
    pub school: String,
    pub added: usize,
    pub moved: usize,
    pub dropped: usize,
    /// The first and the last day on which something differs.
    pub first_on: String,
    pub last_on: String,
}

impl State {
    /// Asks for a run that mends the schedule that stands in a term, and leaves the rest of it as it is.
    pub async fn ask_repair(&self, actor: &Actor, term: TermId) -> Result<Run, Error> {
        let mut tx = self.db.read().await?;
        store::get::<kept::Term>(&mut tx, term).await?;
        let standing = schedules::current(&mut tx, term).await?;
        let [schedule] = standing.as_slice() else {
            let what = if standing.is_empty() { "nothing is published yet" } else { "districts are published apart" };
            return Err(Error::Conflict(format!("{what} in this term; ask for a run, with start_from if you like")));
        };
        let districts = schedules::districts(&mut tx, schedule.id).await?;
        tx.rollback().await?;
        let settings =
            RunSettings { seconds: SECONDS, repair: true, start_from: Some(schedule.run_id), ..RunSettings::default() };
        self.ask(actor, term, districts, settings).await
    }

    /// What publishing this run would change for each educator.
    pub async fn changes_of(&self, id: RunId) -> Result<Changes, Error> {
        let mut tx = self.db.read().await?;
        let run = runs::get(&mut tx, id).await?;
        let (schedule, _) = runs::answer(&mut tx, id).await?;
        let schedule = schedule.ok_or_else(|| Error::Conflict("the run has no schedule yet".into()))?;
        let problem = runs::problem(&mut tx, id).await?;
        let expanded = tokio::task::spawn_blocking(move || -> Result<(Problem, Vec<Meeting>), Error> {
            let problem: Problem = serde_json::from_str(&problem).map_err(Error::internal)?;
            let schedule: Schedule = serde_json::from_str(&schedule).map_err(Error::internal)?;
            let meetings = dated::meetings(&problem, &schedule).map_err(Error::internal)?;
            Ok((problem, meetings))
        });
        let (problem, mut meetings) = expanded.await.map_err(Error::internal)??;
        absences::apply(&mut tx, run.term_id, &mut meetings).await?;
        let (unchanged_meetings, differences) =
            sessions::differences(&mut tx, run.term_id, &run.district_ids, meetings).await?;
        let mut names = BTreeMap::new();
        for educator in store::every::<kept::Educator>(&mut tx).await? {
            names.insert(educator.id, educator.body.display_name);
        }
        Ok(Changes { unchanged_meetings, people: by_person(&problem, &names, &differences) })
    }
}

fn by_person(
    problem: &Problem,
    names: &BTreeMap<EducatorId, String>,
    differences: &[Difference],
) -> Vec<PersonChanges> {
    let courses: BTreeMap<&str, &str> = problem.courses.iter().map(|c| (c.id.as_str(), c.name.as_str())).collect();
    let sections: BTreeMap<&str, &str> = problem.sections.iter().map(|s| (s.id.as_str(), s.course.as_str())).collect();
    let schools: BTreeMap<&str, &str> = problem.schools.iter().map(|s| (s.id.as_str(), s.name.as_str())).collect();
    let mut people: BTreeMap<EducatorId, BTreeMap<(String, String), NeedChanges>> = BTreeMap::new();
    let mut note = |meeting: &Meeting, count: fn(&mut NeedChanges) -> &mut usize| {
        let (need, title) = match &meeting.purpose {
            Purpose::Section(id) => {
                let id = id.to_string();
                let course = sections.get(id.as_str()).and_then(|course| courses.get(course));
                (id, course.map_or("a section that is gone", |name| name).to_owned())
            }
            Purpose::Service(kind) => (kind.clone(), kind.clone()),
        };
        let school = meeting.school_id.to_string();
        let known = people.entry(meeting.educator_id).or_default().entry((need, school.clone())).or_default();
        if known.title.is_empty() {
            (known.title, known.school) = (title, schools.get(school.as_str()).map_or("", |name| name).to_owned());
            (known.first_on, known.last_on) = (meeting.held_on.to_string(), meeting.held_on.to_string());
        }
        let on = meeting.held_on.to_string();
        known.first_on = known.first_on.clone().min(on.clone());
        known.last_on = known.last_on.clone().max(on);
        *count(known) += 1;
    };
    for difference in differences {
        match (&difference.before, &difference.after) {
            (Some(before), Some(after)) if before.educator_id == after.educator_id => note(after, |n| &mut n.moved),
            (before, after) => {
                if let Some(before) = before {
                    note(before, |n| &mut n.dropped);
                }
                if let Some(after) = after {
                    note(after, |n| &mut n.added);
                }
            }
        }
    }
    let person = |(educator_id, needs): (EducatorId, BTreeMap<_, NeedChanges>)| {
        let needs: Vec<NeedChanges> = needs.into_values().collect();
        let sum = |count: fn(&NeedChanges) -> usize| needs.iter().map(count).sum();
        PersonChanges {
            educator_id,
            name: names.get(&educator_id).cloned().unwrap_or_default(),
            added: sum(|n| n.added),
            moved: sum(|n| n.moved),
            dropped: sum(|n| n.dropped),
            needs,
        }
    };
    people.into_iter().map(person).collect()
}

/// Mend what stands published
///
/// For a closure, another bell schedule, a new or ended service, a student or an educator who has left: change the records
/// first. The run keeps whatever still holds, and ends as soon as the rest is mended.
#[utoipa::path(post, path = "/api/v1/terms/{id}/repairs", operation_id = "repairTerm", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 202, description = "it waits for a worker", body = Run, headers(("location" = String, description = "where the run is"))),
    (status = 404, description = "there is no such term"),
    (status = 409, description = "nothing is published in the term, or districts are published apart"),
    (status = 422, description = "the records do not make a problem"),
))]
async fn repair(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<TermId>,
    _: NoQuery,
) -> Result<Response, Error> {
    let run = state.ask_repair(&actor, id).await?;
    let location = format!("/api/v1/runs/{}", run.id);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], axum::Json(run)).into_response())
}

/// What publishing a run would change, person by person
#[utoipa::path(get, path = "/api/v1/runs/{id}/changes", operation_id = "runChanges", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "meetings added, moved and dropped, against what stands published", body = Changes),
    (status = 404, description = "there is no such run"),
    (status = 409, description = "it has no schedule yet"),
))]
async fn changes(
    Axum(state): Axum<State>,
    _: Planner,
    Path(id): Path<RunId>,
    _: NoQuery,
) -> Result<axum::Json<Changes>, Error> {
    state.changes_of(id).await.map(axum::Json)
}
