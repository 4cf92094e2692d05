//! Absences over HTTP: report one, see who could stand in, decide it in one call.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State as Axum;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::State;
use super::access::Planner;
use super::again::again;
use super::away::{left, missed};
use super::error::Error;
use super::extract::{Json, NoQuery, Path, Query};
use super::room::{self, Rooms};
use super::withdrawals::{self, TakingBack};
use crate::domain::actor::{Actor, Reach, Thing, Verb};
use crate::domain::calendar::DateSpan;
use crate::domain::id::{AbsenceId, EducatorId, NeedId, RecordId as _, SessionId, TermId};
use crate::domain::records as kept;
use crate::domain::session::Purpose;
use crate::domain::time::{self, Date};
use crate::engine::rule::Rule;
use crate::engine::substitutes::{self, Duty, Ranked};
use crate::store::absences::{self, Absence, Report};
use crate::store::sessions::Listed;
use crate::store::{self, Tx, mail, schedules, snapshot};

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(report)).routes(routes!(list)).routes(routes!(read)).routes(routes!(approve))
}

/// Who is away, and when
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Away {
    #[schema(value_type = Uuid)]
    pub term_id: TermId,
    pub first_on: Date,
    /// None is for good: to the end of the term.
    pub last_on: Option<Date>,
    /// Why, in a word or two; the office sees it, no mail tells it.
    #[serde(default)]
    pub reason: String,
}

/// Who takes which duty; the first in rank where nothing is said.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// By the id of a duty: an educator, or null for an adult in the room.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, Option<Uuid>>)]
    pub choices: BTreeMap<String, Option<EducatorId>>,
}

/// An absence and what it leaves to do
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Plan {
    pub absence: Absence,
    /// To whoever plans. The educator sees the absence alone.
    pub duties: Vec<DutyPlan>,
    /// Sessions of services that have begun and that nobody held or logged: they are logged as missed when it is decided.
    pub missed: Vec<MeetingPlan>,
    /// What taking it back would mean; none once it has begun or was taken back.
    pub taking_back: Option<TakingBack>,
}

/// Whoever may not learns nothing of what lies outside their reach.
pub fn permit(actor: &Actor, verb: Verb, educator: EducatorId, kind: &'static str, id: &str) -> Result<(), Error> {
    match actor.reach(verb, Thing::Absences) {
        Reach::All => Ok(()),
        Reach::Own(own) if own == educator => Ok(()),
        _ => Err(Error::NotFound { kind, id: id.to_owned() }),
    }
}

/// Meetings that one person takes over together
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DutyPlan {
    /// A section, or the first of the services of a group.
    #[schema(value_type = Uuid)]
    pub id: NeedId,
    pub title: String,
    pub school: String,
    pub meetings: Vec<MeetingPlan>,
    /// Everybody active but whoever is away: those who may, the cheapest first, then the others with the rule that stops them.
    pub substitutes: Vec<SubstitutePlan>,
    /// Who takes it, unless another is chosen; none is an adult in the room.
    #[schema(value_type = Option<Uuid>)]
    pub taken_by: Option<EducatorId>,
}

/// One dated meeting
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MeetingPlan {
    #[schema(value_type = Uuid)]
    pub session_id: SessionId,
    pub held_on: Date,
    #[schema(value_type = String)]
    pub starts: time::Clock,
    #[schema(value_type = String)]
    pub ends: time::Clock,
    pub tz: String,
}

/// One educator for a duty
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SubstitutePlan {
    #[schema(value_type = Uuid)]
    pub educator_id: EducatorId,
    pub name: String,
    /// What they cost, less the price of nobody teaching; none where they may not.
    pub cents: Option<i64>,
    /// Code and title of the rule that stops them.
    pub refused: Option<String>,
    /// What of it: `state`, `validity`, `clearance`, `availability` …
    pub filter: Option<String>,
}

/// Everything that a decision is made from.
struct Basis {
    absence: Absence,
    meetings: Vec<Listed>,
    missed: Vec<Listed>,
    duties: Vec<Duty>,
    ranked: Vec<Ranked>,
    names: BTreeMap<EducatorId, String>,
}

/// A plan as it is kept.
pub(super) struct Standing {
    plan: Plan,
    /// None of its meetings begins before.
    until: Option<DateTime<Utc>>,
}

fn needs(listed: &Listed) -> Vec<String> {
    room::needs(&listed.session.meeting)
}

impl State {
    /// Keeps the report of an absence, which is time off from then on.
    pub async fn report_absence(&self, actor: &Actor, educator: EducatorId, away: Away) -> Result<AbsenceId, Error> {
        permit(actor, Verb::Write, educator, "educator", &educator.to_string())?;
        let mut tx = self.write(actor).await?;
        store::get::<kept::Educator>(&mut tx, educator).await?;
        let term = store::get::<kept::Term>(&mut tx, away.term_id).await?.body;
        let last_on = away.last_on.unwrap_or(term.last_on);
        if away.first_on < term.first_on || last_on > term.last_on || away.first_on > last_on {
            let message = format!("give days in order within {} to {}", term.first_on, term.last_on);
            return Err(Error::field("/first_on", message));
        }
        if away.reason.chars().count() > 200 || away.reason.contains('\0') {
            return Err(Error::field("/reason", "give at most 200 characters"));
        }
        let time_off =
            kept::TimeOff { educator_id: educator, first_on: away.first_on, last_on, source: None, source_id: None };
        store::insert(&mut tx, time_off).await?;
        let new = Report {
            term_id: away.term_id,
            educator_id: educator,
            first_on: away.first_on,
            last_on,
            reason: away.reason,
        };
        let id = absences::report(&mut tx, &new).await?;
        if self.settings.mail.is_some() && actor.educator.is_some() {
            let absence = absences::get(&mut tx, id).await?;
            withdrawals::tell_planners(&mut tx, &absence, "will be away").await?;
        }
        tx.commit().await?;
        Ok(id)
    }

    /// An absence; to whoever plans with its duties, each ranked as if those before it were given as chosen.
    pub async fn absence(&self, actor: &Actor, id: AbsenceId, choices: &Choices) -> Result<Plan, Error> {
        let mut tx = self.db.read().await?;
        let absence = absences::get(&mut tx, id).await?;
        permit(actor, Verb::Read, absence.educator_id, "absence", &id.to_string())?;
        let taking_back = withdrawals::meaning(&mut tx, &absence).await?;
        let plan = if actor.may(Verb::Read, Thing::Planning) && choices.choices.is_empty() {
            // To rank everybody takes a vendor's term half a second.
            let mut turn = self.plans.turn(&mut tx).await?;
            let at = tx.at;
            drop(tx);
            let ranked = match turn.find(&id).filter(|standing| standing.until.is_none_or(|bell| at < bell)) {
                Some(ranked) => ranked,
                None => turn.keep(id, self.ranked(id).await?),
            };
            ranked.plan.clone()
        } else if actor.may(Verb::Read, Thing::Planning) {
            drop(tx);
            plan(self.basis(id, choices).await?)?
        } else {
            Plan { absence, duties: Vec::new(), missed: Vec::new(), taking_back: None }
        };
        Ok(Plan { taking_back, ..plan })
    }

    /// What stands until the next of its meetings begins.
    async fn ranked(&self, id: AbsenceId) -> Result<Standing, Error> {
        let basis = self.basis(id, &Choices::default()).await?;
        let until = basis.meetings.iter().map(|listed| listed.session.meeting.starts_at).min();
        Ok(Standing { plan: plan(basis)?, until })
    }

    async fn basis(&self, id: AbsenceId, choices: &Choices) -> Result<Basis, Error> {
        let mut tx = self.db.read().await?;
        let absence = absences::get(&mut tx, id).await?;
        let over = absence.approved_at.is_some() || absence.withdrawn_at.is_some();
        let (meetings, missed) = if over {
            (Vec::new(), Vec::new())
        } else {
            (left(&mut tx, &absence).await?, missed(&mut tx, &absence).await?)
        };
        let of_each: Vec<Vec<String>> = meetings.iter().map(needs).collect();
        let duties = substitutes::duties(of_each.iter().map(Vec::as_slice));
        if duties.is_empty() {
            return Ok(Basis { absence, meetings, missed, duties, ranked: Vec::new(), names: BTreeMap::new() });
        }
        let known: BTreeSet<&str> = duties.iter().map(|duty| duty.id.as_str()).collect();
        if let Some(unknown) = choices.choices.keys().find(|id| !known.contains(id.as_str())) {
            return Err(Error::field(format!("/choices/{unknown}"), "is no duty of this absence"));
        }
        let problem = snapshot::within(&mut tx, absence.term_id, &[]).await?;
        let schedule = schedules::standing(&mut tx, absence.term_id).await?;
        let mut names = BTreeMap::new();
        for educator in store::every::<kept::Educator>(&mut tx).await? {
            names.insert(educator.id, educator.body.display_name);
        }
        let busy = busy(&mut tx, &absence, &meetings, &duties).await?;
        tx.rollback().await?;
        let dates = DateSpan { first: absence.first_on, last: absence.last_on };
        let away = absence.educator_id.to_string();
        let text = |choice: &Option<EducatorId>| choice.map(|educator| educator.to_string());
        let chosen = choices.choices.iter().map(|(duty, choice)| (duty.clone(), text(choice))).collect();
        let asked = duties.clone();
        let ranked = tokio::task::spawn_blocking(move || {
            substitutes::rank(&problem, &schedule, &away, dates, &asked, &chosen, &busy)
        });
        let ranked = ranked.await.map_err(Error::internal)?.map_err(|unfit| {
            let message = format!("this educator cannot: {} ({})", title(&unfit.rule), unfit.filter);
            Error::field(format!("/choices/{}", unfit.duty), message)
        })?;
        Ok(Basis { absence, meetings, missed, duties, ranked, names })
    }

    /// Decides who stands in, and owes everybody concerned a mail. What has begun stays; what of it nobody held is logged.
    pub async fn approve_absence(&self, actor: &Actor, id: AbsenceId, choices: &Choices) -> Result<Absence, Error> {
        let basis = self.basis(id, choices).await?;
        again(Error::is_busy, || self.decide(actor, id, &basis)).await
    }

    async fn decide(&self, actor: &Actor, id: AbsenceId, basis: &Basis) -> Result<Absence, Error> {
        let mut tx = self.write(actor).await?;
        schedules::lock(&mut tx, basis.absence.term_id).await?;
        let now = left(&mut tx, &basis.absence).await?;
        let state = |all: &[Listed]| -> Vec<(SessionId, i64)> {
            all.iter().map(|listed| (listed.session.id, listed.session.sequence)).collect()
        };
        if basis.absence.withdrawn_at.is_some() {
            return Err(Error::Conflict("it was taken back".into()));
        }
        if basis.absence.approved_at.is_some() || state(&now) != state(&basis.meetings) {
            return Err(Error::Conflict("it was decided, or the schedule has changed, since you read it".into()));
        }
        let taken = taken(basis)?;
        if !absences::approve(&mut tx, id, &taken).await? {
            return Err(Error::Conflict("it was decided meanwhile".into()));
        }
        let missed: Vec<SessionId> = missed(&mut tx, &basis.absence).await?.iter().map(|l| l.session.id).collect();
        absences::log_missed(&mut tx, &missed).await?;
        if let Some(settings) = &self.settings.mail {
            let mut touched: BTreeSet<EducatorId> = taken.iter().filter_map(|(_, by)| *by).collect();
            touched.insert(basis.absence.educator_id);
            mail::announce(&mut tx, basis.absence.term_id, &touched, settings.hold).await?;
            tell_districts(&mut tx, basis, &taken).await?;
        }
        let absence = absences::get(&mut tx, id).await?;
        tx.commit().await?;
        Ok(absence)
    }
}

/// By duty, who stands in for somebody else at the time of one of its meetings.
async fn busy(
    tx: &mut Tx,
    absence: &Absence,
    meetings: &[Listed],
    duties: &[Duty],
) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
    let starts = meetings.iter().map(|listed| listed.session.meeting.starts_at).min().unwrap_or_default();
    let ends = meetings.iter().map(|listed| listed.session.meeting.ends_at).max().unwrap_or_default();
    let mut busy: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (educator, (from, to)) in absences::standing_in(tx, absence.term_id, starts, ends).await? {
        let met = meetings.iter().filter(|l| l.session.meeting.starts_at < to && from < l.session.meeting.ends_at);
        let needs: BTreeSet<String> = met.flat_map(needs).collect();
        for duty in duties.iter().filter(|duty| duty.needs.iter().any(|need| needs.contains(need))) {
            busy.entry(duty.id.clone()).or_default().insert(educator.to_string());
        }
    }
    Ok(busy)
}

/// Each meeting with who takes it.
fn taken(basis: &Basis) -> Result<Vec<(SessionId, Option<EducatorId>)>, Error> {
    let mut by: BTreeMap<&str, Option<EducatorId>> = BTreeMap::new();
    for (duty, ranked) in basis.duties.iter().zip(&basis.ranked) {
        let taken_by = ranked.taken_by.as_deref().map(parsed).transpose()?;
        by.extend(duty.needs.iter().map(|need| (need.as_str(), taken_by)));
    }
    let of_need = |listed: &Listed| needs(listed).first().and_then(|need| by.get(need.as_str()).copied()).flatten();
    Ok(basis.meetings.iter().map(|listed| (listed.session.id, of_need(listed))).collect())
}

/// Owes the districts' HR a notice of the meetings for which somebody must be in the room.
async fn tell_districts(tx: &mut Tx, basis: &Basis, taken: &[(SessionId, Option<EducatorId>)]) -> Result<(), Error> {
    let mut rooms = Rooms::new();
    let left = basis.meetings.iter().zip(taken).filter(|(_, (_, by))| by.is_none()).map(|(listed, _)| listed);
    for listed in left {
        rooms.entry(listed.session.meeting.district_id).or_default().push(room::line(listed));
    }
    room::ask_for_adults(tx, rooms, "An educator is away").await
}

fn parsed<I: std::str::FromStr<Err = String>>(id: &str) -> Result<I, Error> {
    id.parse().map_err(Error::internal)
}

/// The title of a rule, by its code.
fn title(code: &str) -> String {
    let rule = Rule::ALL.iter().find(|rule| rule.code() == code);
    rule.map_or_else(|| code.to_owned(), |rule| format!("{code}, {}", rule.title()))
}

fn plan(basis: Basis) -> Result<Plan, Error> {
    let mut duties = Vec::new();
    for (duty, ranked) in basis.duties.iter().zip(basis.ranked) {
        let mine: Vec<&Listed> =
            basis.meetings.iter().filter(|l| needs(l).iter().any(|n| duty.needs.contains(n))).collect();
        let first = mine.first().ok_or_else(|| Error::internal("a duty without a meeting"))?;
        let name = match &first.session.meeting.purpose {
            Purpose::Section(_) => first.course_name.clone().unwrap_or_default(),
            Purpose::Service(kind) => kind.clone(),
        };
        let mut substitutes = Vec::new();
        for one in ranked.substitutes {
            let educator_id: EducatorId = parsed(&one.educator)?;
            substitutes.push(SubstitutePlan {
                educator_id,
                name: basis.names.get(&educator_id).cloned().unwrap_or_default(),
                cents: one.cents,
                refused: one.refused.as_ref().map(|refused| title(&refused.rule)),
                filter: one.refused.map(|refused| refused.filter),
            });
        }
        duties.push(DutyPlan {
            id: parsed(&duty.id)?,
            title: name,
            school: first.school_name.clone(),
            meetings: mine.iter().map(|listed| meeting(listed)).collect(),
            substitutes,
            taken_by: ranked.taken_by.as_deref().map(parsed).transpose()?,
        });
    }
    let missed = basis.missed.iter().map(meeting).collect();
    Ok(Plan { absence: basis.absence, duties, missed, taking_back: None })
}

fn meeting(listed: &Listed) -> MeetingPlan {
    let meeting = &listed.session.meeting;
    MeetingPlan {
        session_id: listed.session.id,
        held_on: meeting.held_on,
        starts: meeting.starts,
        ends: meeting.ends,
        tz: meeting.tz.name().into(),
    }
}

/// Report an absence
///
/// The days are time off from then on. The answer ranks who could stand in, duty by duty, with license, clearance and
/// time asked for those dates.
#[utoipa::path(post, path = "/api/v1/educators/{id}/absences", operation_id = "reportAbsence", tag = "absences", params(("id" = Uuid, Path)), request_body = Away, responses(
    (status = 201, description = "the absence and who could stand in", body = Plan, headers(("location" = String, description = "where the absence is"))),
    (status = 404, description = "there is no such educator or term"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "the days are not in order or not in the term"),
))]
async fn report(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<EducatorId>,
    _: NoQuery,
    Json(away): Json<Away>,
) -> Result<Response, Error> {
    let id = state.report_absence(&actor, id, away).await?;
    let plan = state.absence(&actor, id, &Choices::default()).await?;
    let location = format!("/api/v1/absences/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], axum::Json(plan)).into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// `next` of the page before.
    #[param(value_type = Option<Uuid>)]
    before: Option<AbsenceId>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// Absences, newest first
#[derive(Serialize, ToSchema)]
struct AbsencePage {
    items: Vec<Absence>,
    /// Give it as `before` for the next page; none on the last.
    next: Option<Uuid>,
}

/// Absences, newest first
#[utoipa::path(get, path = "/api/v1/absences", operation_id = "listAbsences", tag = "absences", params(Which), responses((status = 200, description = "a page of absences", body = AbsencePage)))]
async fn list(
    Axum(state): Axum<State>,
    _: Planner,
    Query(which): Query<Which>,
) -> Result<axum::Json<AbsencePage>, Error> {
    let limit = which.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::parameter("limit", "give a number from 1 to 200"));
    }
    let items = absences::list(&mut state.db.read().await?, which.before, limit).await?;
    let full = i64::try_from(items.len()).unwrap_or(i64::MAX) == limit;
    let next = items.last().filter(|_| full).map(|absence| absence.id.uuid());
    Ok(axum::Json(AbsencePage { items, next }))
}

/// An absence and who could stand in
#[utoipa::path(get, path = "/api/v1/absences/{id}", operation_id = "getAbsence", tag = "absences", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "the absence; without duties once it is decided", body = Plan), (status = 404, description = "there is no such absence"),
))]
async fn read(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<AbsenceId>,
    _: NoQuery,
) -> Result<axum::Json<Plan>, Error> {
    state.absence(&actor, id, &Choices::default()).await.map(axum::Json)
}

/// Decide who stands in
///
/// Changes the meetings concerned that have not begun, and no others; whoever is concerned gets an updated invitation, and
/// the districts a notice where an adult must be in the room. Sessions of services that have begun and that nobody held are
/// logged as missed, unless something is logged of them.
#[utoipa::path(post, path = "/api/v1/absences/{id}/approve", operation_id = "approveAbsence", tag = "absences", params(("id" = Uuid, Path)), request_body = Choices, responses(
    (status = 200, description = "it is decided", body = Absence),
    (status = 404, description = "there is no such absence"),
    (status = 409, description = "it was decided before, the schedule has changed, or somebody has another session at that time"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "somebody is chosen whom a rule refuses"),
))]
async fn approve(
    Axum(state): Axum<State>,
    Planner(actor): Planner,
    Path(id): Path<AbsenceId>,
    _: NoQuery,
    Json(choices): Json<Choices>,
) -> Result<axum::Json<Absence>, Error> {
    state.approve_absence(&actor, id, &choices).await.map(axum::Json)
}
