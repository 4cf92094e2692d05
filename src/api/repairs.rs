//! Change: ask for the least that mends what stands published, and see whom it would move before it is published.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State as Axum;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::access::Planner;
use super::error::Error;
use super::extract::{NoQuery, Path};
use super::suppose::shape;
use crate::domain::actor::Actor;
use crate::domain::id::{EducatorId, RunId, ScheduleId, TermId};
use crate::domain::records as kept;
use crate::domain::run::{Run, RunSettings};
use crate::domain::session::{Meeting, Purpose};
use crate::domain::spoken;
use crate::domain::time::Date;
use crate::engine::dated;
use crate::engine::news::{self, Became, News};
use crate::engine::outcome::Schedule;
use crate::engine::problem::Problem;
use crate::store::makeup::Booking;
use crate::store::schedules::Published;
use crate::store::sessions::{self, Difference};
use crate::store::{self, Tx, absences, directory, giving_way, runs, schedules, snapshot};

/// A repair ends by itself; this is for one that does not.
const SECONDS: i64 = 120;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(repair)).routes(routes!(term_news)).routes(routes!(changes))
}

/// What publishing a run would change, person by person
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Changes {
    /// Meetings that have begun among them.
    pub unchanged_meetings: usize,
    pub people: Vec<PersonChanges>,
    /// Booked make-up sessions that would be cancelled: the schedule takes their time, or the school is closed by now.
    pub make_ups: Vec<Booking>,
}

/// Changes that hold until the next meeting begins or ends: what has begun stays as it is.
pub(super) struct StandingChanges {
    changes: Arc<Changes>,
    until: Option<DateTime<Utc>>,
}

/// What changes for one educator
#[derive(Clone, Debug, Serialize, ToSchema)]
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

/// What befell a term since its schedule was asked for
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TermNews {
    /// The schedule that stands.
    #[schema(value_type = Uuid)]
    pub schedule_id: ScheduleId,
    pub version: i64,
    pub published_at: DateTime<Utc>,
    /// Empty: the records are as they were.
    pub news: Vec<Told>,
}

/// One thing that befell
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Told {
    /// `closed`, `opened`, `other_bells`, `calendar`, `periods`, `need`, `student_left`, `educator`, `away`, `back`,
    /// `papers`, `hours`, `terms` or `decided`.
    pub what: &'static str,
    /// Of what it befell: a district, school, need, student or educator; none of decisions.
    pub id: Option<String>,
    /// What that is called; students by their keys.
    pub name: String,
    /// In words.
    pub said: String,
}

/// The one schedule that stands in a term.
async fn standing(tx: &mut Tx, term: TermId) -> Result<Published, Error> {
    store::get::<kept::Term>(tx, term).await?;
    let mut standing = schedules::current(tx, term).await?;
    match (standing.pop(), standing.is_empty()) {
        (Some(schedule), true) => Ok(schedule),
        (None, _) => Err(Error::Conflict(
            "nothing is published yet in this term; ask for a run, with start_from if you like".into(),
        )),
        (Some(_), false) => Err(Error::Conflict(
            "districts are published apart in this term; ask for a run, with start_from if you like".into(),
        )),
    }
}

/// What things are called, before and after.
struct Names<'n> {
    educators: BTreeMap<EducatorId, String>,
    before: &'n Problem,
    after: &'n Problem,
}

impl Names<'_> {
    async fn tell(&self, tx: &mut Tx, news: &News) -> Result<Told, Error> {
        let told = |what, id: &String, name: String, said: String| Told { what, id: Some(id.clone()), name, said };
        let days = |first: &Date, last: &Date| {
            if first == last {
                spoken::long_date(*first)
            } else {
                format!("{} to {}", spoken::long_date(*first), spoken::long_date(*last))
            }
        };
        Ok(match news {
            News::Closed { place, on } => {
                told("closed", place, self.place(place), format!("is closed on {}", spoken::long_date(*on)))
            }
            News::Opened { place, on } => {
                told("opened", place, self.place(place), format!("is open on {} after all", spoken::long_date(*on)))
            }
            News::OtherBells { place, on, bells } => told(
                "other_bells",
                place,
                self.place(place),
                format!("rings the bells \u{201c}{bells}\u{201d} on {}", spoken::long_date(*on)),
            ),
            News::Calendar { place } => told("calendar", place, self.place(place), "has another calendar".into()),
            News::Periods { school } => {
                told("periods", school, self.place(school), "has other periods or another zone".into())
            }
            News::Need { need, became } => told("need", need, self.need(need), of_a_need(*became).into()),
            News::StudentLeft { student, services } => {
                let key = match student.parse() {
                    Ok(id) => store::find::<kept::Student>(tx, id).await?.map(|student| student.body.key),
                    Err(_) => None,
                };
                let said = format!(
                    "is owed nothing any more: {services} service{} ended",
                    if *services == 1 { "" } else { "s" }
                );
                told(
                    "student_left",
                    student,
                    key.map_or("A former student".into(), |key| format!("Student {key}")),
                    said,
                )
            }
            News::Educator { educator, became } => {
                let said = if *became == Became::Ended { "no longer teaches" } else { "is new" };
                told("educator", educator, self.educator(educator), said.into())
            }
            News::Away { educator, first, last } => {
                told("away", educator, self.educator(educator), format!("is away {}", days(first, last)))
            }
            News::Back { educator, first, last } => {
                told("back", educator, self.educator(educator), format!("is there after all {}", days(first, last)))
            }
            News::Papers { educator } => {
                told("papers", educator, self.educator(educator), "has other licenses or clearances".into())
            }
            News::Hours { educator } => {
                told("hours", educator, self.educator(educator), "is available at other times".into())
            }
            News::Terms { educator } => {
                told("terms", educator, self.educator(educator), "has other limits, languages or pay".into())
            }
            News::Decided => {
                Told { what: "decided", id: None, name: "Locks and bans".into(), said: "are not what they were".into() }
            }
        })
    }

    fn place(&self, id: &str) -> String {
        let school =
            |problem: &Problem| problem.schools.iter().find(|school| school.id == id).map(|school| school.name.clone());
        let district =
            |problem: &Problem| problem.districts.iter().find(|one| one.id == id).map(|one| one.name.clone());
        school(self.after).or_else(|| district(self.after)).unwrap_or_default()
    }

    fn educator(&self, id: &str) -> String {
        let known = id.parse().ok().and_then(|id: EducatorId| self.educators.get(&id));
        known.map_or("A former educator".into(), Clone::clone)
    }

    /// Of a need that has ended, as it was.
    fn need(&self, id: &str) -> String {
        let of = |problem: &Problem| {
            let section = problem.sections.iter().find(|section| section.id == id).map(|section| {
                let course = problem.courses.iter().find(|course| course.id == section.course);
                (course.map_or("A section".into(), |course| course.name.clone()), section.school.clone())
            });
            let service = || problem.services.iter().find(|one| one.id == id);
            section.or_else(|| service().map(|one| (format!("A service of {}", one.service), one.school.clone())))
        };
        let found = of(self.after).or_else(|| of(self.before));
        found.map_or_else(|| "A former need".into(), |(what, school)| format!("{what} at {}", self.place(&school)))
    }
}

fn of_a_need(became: Became) -> &'static str {
    match became {
        Became::New => "is new",
        Became::Ended => "has ended",
        Became::Changed => "is no longer what it was",
    }
}

impl State {
    /// Asks for a run that mends the schedule that stands in a term, and leaves the rest of it as it is.
    pub async fn ask_repair(&self, actor: &Actor, term: TermId) -> Result<Run, Error> {
        let mut tx = self.db.read().await?;
        let schedule = standing(&mut tx, term).await?;
        let districts = schedules::districts(&mut tx, schedule.id).await?;
        tx.rollback().await?;
        let settings =
            RunSettings { seconds: SECONDS, repair: true, start_from: Some(schedule.run_id), ..RunSettings::default() };
        self.ask(actor, term, districts, settings).await
    }

    /// What befell a term since the schedule that stands in it was asked for.
    pub async fn news_of(&self, term: TermId) -> Result<Arc<TermNews>, Error> {
        let mut tx = self.db.read().await?;
        let mut turn = self.news.turn(&mut tx).await?;
        match turn.find(&term) {
            Some(news) => Ok(news),
            None => Ok(turn.keep(term, news_of(&mut tx, term).await?)),
        }
    }

    /// What publishing this run would change for each educator. Found also for whoever asks again, if this one has gone
    /// before it is.
    pub async fn changes_of(&self, id: RunId) -> Result<Arc<Changes>, Error> {
        let own = self.clone();
        tokio::spawn(async move { own.compare_meetings(id).await }).await.map_err(Error::internal)?
    }

    async fn compare_meetings(&self, id: RunId) -> Result<Arc<Changes>, Error> {
        let mut tx = self.db.read().await?;
        let run = runs::get(&mut tx, id).await?;
        let key = (id, run.schedule_sha256.clone());
        let mut turn = self.changes.turn(&mut tx).await?;
        if let Some(standing) = turn.find(&key)
            && standing.until.is_none_or(|bell| tx.at < bell)
        {
            return Ok(standing.changes.clone());
        }
        Ok(turn.keep(key, standing_changes(&mut tx, &run).await?).changes.clone())
    }
}

async fn news_of(tx: &mut Tx, term: TermId) -> Result<TermNews, Error> {
    let published = standing(tx, term).await?;
    let districts = schedules::districts(tx, published.id).await?;
    let settings = runs::get(tx, published.run_id).await?.settings;
    let before = runs::problem(tx, published.run_id).await?;
    let mut after = snapshot::within(tx, term, &districts).await?;
    let compared = tokio::task::spawn_blocking(move || -> Result<_, Error> {
        shape(&mut after, &settings);
        let before: Problem = serde_json::from_str(&before).map_err(Error::internal)?;
        Ok((news::between(&before, &after), before, after))
    });
    let (found, before, after) = compared.await.map_err(Error::internal)??;
    let names = Names { educators: directory::educator_names(tx).await?, before: &before, after: &after };
    let mut told = Vec::new();
    for one in &found {
        told.push(names.tell(tx, one).await?);
    }
    Ok(TermNews {
        schedule_id: published.id,
        version: published.version,
        published_at: published.published_at,
        news: told,
    })
}

async fn standing_changes(tx: &mut Tx, run: &Run) -> Result<StandingChanges, Error> {
    let id = run.id;
    let (schedule, _) = runs::answer(tx, id).await?;
    let schedule = schedule.ok_or_else(|| Error::Conflict("the run has no schedule yet".into()))?;
    let problem = runs::problem(tx, id).await?;
    let expanded = tokio::task::spawn_blocking(move || -> Result<(Problem, Vec<Meeting>), Error> {
        let problem: Problem = serde_json::from_str(&problem).map_err(Error::internal)?;
        let schedule: Schedule = serde_json::from_str(&schedule).map_err(Error::internal)?;
        let meetings = dated::meetings(&problem, &schedule).map_err(Error::internal)?;
        Ok((problem, meetings))
    });
    let (problem, mut meetings) = expanded.await.map_err(Error::internal)??;
    absences::apply(tx, run.term_id, &mut meetings).await?;
    let bells = meetings.iter().flat_map(|meeting| [meeting.starts_at, meeting.ends_at]);
    let next = sessions::next_bell(tx, run.term_id).await?;
    let until = bells.filter(|bell| *bell > tx.at).chain(next).min();
    let ahead = sessions::ahead(tx, run.term_id, &run.district_ids, meetings, run.settings.history).await?;
    let gave_way = giving_way::to_schedule(tx, run.term_id, &ahead.meetings).await?;
    let make_ups = gave_way.into_iter().map(|(booking, _)| booking).collect();
    let (unchanged_meetings, differences) = sessions::differences(ahead);
    let mut names = BTreeMap::new();
    for educator in store::every::<kept::Educator>(tx).await? {
        names.insert(educator.id, educator.body.display_name);
    }
    let changes = Changes { unchanged_meetings, people: by_person(&problem, &names, &differences), make_ups };
    Ok(StandingChanges { changes: Arc::new(changes), until })
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

/// What befell a term since its schedule was asked for
///
/// Closed days, other bells, new and ended needs, students and educators who left or are away: what a repair would mend.
#[utoipa::path(get, path = "/api/v1/terms/{id}/news", operation_id = "termNews", tag = "runs", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "one line for each thing", body = TermNews),
    (status = 404, description = "there is no such term"),
    (status = 409, description = "nothing is published in the term, or districts are published apart"),
))]
async fn term_news(
    Axum(state): Axum<State>,
    _: Planner,
    Path(id): Path<TermId>,
    _: NoQuery,
) -> Result<axum::Json<TermNews>, Error> {
    Ok(axum::Json(state.news_of(id).await?.as_ref().clone()))
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
    Ok(axum::Json(state.changes_of(id).await?.as_ref().clone()))
}
