//! Service minutes over HTTP: written lines read, ledgers, what is at risk, and the fidelity report of a student.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State as Axum;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::error::Error;
use super::extract::{Json, NoQuery, Query};
use crate::domain::actor::{Actor, Reach, Thing, Verb};
use crate::domain::id::{DistrictId, SchoolId, StudentId, TermId};
use crate::domain::line::{self, Form, Plan, SchoolWeeks};
use crate::domain::time::{self, Date};
use crate::store::Tx;
use crate::store::minutes::{self, Account, Wanted};

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(read_line)).routes(routes!(list)).routes(routes!(at_risk))
}

/// A line as an IEP writes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    #[schema(max_length = 2000, example = "individual, 30 min 2×/week")]
    written: String,
    /// Minutes of one session, where the line leaves the split free.
    #[serde(default = "half_hour")]
    #[schema(minimum = 5, maximum = 480)]
    session_minutes: i64,
}

fn half_hour() -> i64 {
    30
}

/// How a line is understood.
#[derive(Serialize, ToSchema)]
struct Understood {
    /// The normal form as text, which reads as itself.
    text: String,
    form: Form,
    /// The session plans that deliver it, at 36 weeks of school.
    plans: Vec<Plan>,
}

/// Read a service line
///
/// Tries a line before it is kept. One that commits nobody to an amount is refused with its code (`L01` …), the cause
/// and what to write instead.
#[utoipa::path(post, path = "/api/v1/service-lines/read", operation_id = "readServiceLine", tag = "minutes", request_body = Written, responses(
    (status = 200, description = "how it is understood", body = Understood),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "it is refused"),
))]
async fn read_line(_: Actor, _: NoQuery, Json(body): Json<Written>) -> Result<axum::Json<Understood>, Error> {
    if body.written.len() > crate::domain::record::TEXT_LIMIT {
        return Err(Error::field("/written", "longer than 2000 bytes; shorten it"));
    }
    if !(5..=480).contains(&body.session_minutes) {
        return Err(Error::field("/session_minutes", "give a number from 5 to 480"));
    }
    let refuse = |issue: line::LineIssue| Error::field("/written", issue.to_string());
    let form = line::read(&body.written).map_err(refuse)?;
    let plans = form.plans(body.session_minutes, SchoolWeeks::default()).map_err(refuse)?;
    Ok(axum::Json(Understood { text: form.to_string(), form, plans }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    #[param(value_type = Option<Uuid>)]
    term_id: Option<TermId>,
    #[param(value_type = Option<Uuid>)]
    district_id: Option<DistrictId>,
    #[param(value_type = Option<Uuid>)]
    student_id: Option<StudentId>,
    /// The day on which the ledger is read; none is today (UTC).
    on: Option<Date>,
}

impl Which {
    fn wanted(&self) -> Wanted {
        Wanted { term: self.term_id, district: self.district_id, student: self.student_id }
    }

    fn on(&self) -> Date {
        self.on.unwrap_or_else(today)
    }
}

/// As `Which`, where no student can be asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AcrossStudents {
    #[param(value_type = Option<Uuid>)]
    term_id: Option<TermId>,
    #[param(value_type = Option<Uuid>)]
    district_id: Option<DistrictId>,
    /// The day on which the ledgers are read; none is today (UTC).
    on: Option<Date>,
}

/// Today, for ledgers: a day early or late at the edge of a zone moves what is unlogged, never what is owed.
fn today() -> Date {
    Date(time::now().date_naive())
}

/// Minutes ledgers
///
/// One for each service line: owed, delivered, missed by reason, scheduled and unscheduled minutes in each period, what
/// is to be made up by policy, the pace, and by how much the line will fall short at its end. For every period: owed =
/// delivered + missed + scheduled + unscheduled.
#[utoipa::path(get, path = "/api/v1/minutes", operation_id = "listMinutes", tag = "minutes", params(Which), responses((status = 200, description = "the ledgers, by the students' keys", body = Vec<Account>)))]
async fn list(
    Axum(state): Axum<State>,
    actor: Actor,
    Query(which): Query<Which>,
) -> Result<axum::Json<Vec<Account>>, Error> {
    if !actor.may(Verb::Read, Thing::ServiceLog) {
        return Err(Error::Forbidden);
    }
    let mut tx = state.db.read().await?;
    Ok(axum::Json(accounts(&mut tx, &actor, which.wanted(), which.on()).await?))
}

async fn accounts(tx: &mut Tx, actor: &Actor, wanted: Wanted, on: Date) -> Result<Vec<Account>, Error> {
    let subjects = minutes::subjects(tx, actor, wanted).await?;
    Ok(minutes::accounts(tx, subjects, on).await?)
}

/// Lines of one kind at one school, none of them named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AtRisk {
    #[schema(value_type = Uuid)]
    pub district_id: DistrictId,
    pub district_name: String,
    #[schema(value_type = Uuid)]
    pub school_id: SchoolId,
    pub school_name: String,
    pub service: String,
    pub lines: i64,
    /// Of them, those that will fall short.
    pub falling_short: i64,
    pub owed: i64,
    pub delivered: i64,
    /// Minutes by which they will fall short together.
    pub short_by: i64,
    /// Minutes of sessions that are over and not yet logged, also of those that nobody held.
    pub unlogged: i64,
}

impl State {
    /// The ledgers within the actor's reach, those that will fall short by most first.
    pub async fn ledgers(&self, actor: &Actor, wanted: Wanted, on: Date) -> Result<Arc<Vec<Account>>, Error> {
        let mut tx = self.db.read().await?;
        if actor.reach(Verb::Read, Thing::ServiceLog) != Reach::All {
            return Ok(Arc::new(worst_first(accounts(&mut tx, actor, wanted, on).await?)));
        }
        // Of a whole vendor they are thousands.
        let mut turn = self.ledgers.turn(&mut tx).await?;
        match turn.find(&(wanted, on)) {
            Some(ledgers) => Ok(ledgers),
            None => Ok(turn.keep((wanted, on), worst_first(accounts(&mut tx, actor, wanted, on).await?))),
        }
    }

    /// How many lines fall short, by school and kind of service, worst first.
    pub async fn at_risk(&self, actor: &Actor, wanted: Wanted, on: Date) -> Result<Vec<AtRisk>, Error> {
        if !actor.may(Verb::Read, Thing::MinutesAtRisk) {
            return Err(Error::Forbidden);
        }
        let mut tx = self.db.read().await?;
        let subjects = minutes::subjects_at_risk(&mut tx, actor, wanted).await?;
        Ok(AtRisk::of(&minutes::accounts(&mut tx, subjects, on).await?))
    }
}

fn worst_first(mut accounts: Vec<Account>) -> Vec<Account> {
    accounts.sort_by(|a, b| {
        b.ledger.short_by.cmp(&a.ledger.short_by).then_with(|| a.subject.student_key.cmp(&b.subject.student_key))
    });
    accounts
}

impl AtRisk {
    /// These ledgers by school and kind of service, worst first.
    #[must_use]
    pub fn of(accounts: &[Account]) -> Vec<Self> {
        let mut rows: BTreeMap<(SchoolId, String), Self> = BTreeMap::new();
        for Account { subject, ledger, .. } in accounts {
            let row = rows.entry((subject.school_id, subject.service.clone())).or_insert_with(|| Self {
                district_id: subject.district_id,
                district_name: subject.district_name.clone(),
                school_id: subject.school_id,
                school_name: subject.school_name.clone(),
                service: subject.service.clone(),
                lines: 0,
                falling_short: 0,
                owed: 0,
                delivered: 0,
                short_by: 0,
                unlogged: 0,
            });
            row.lines += 1;
            row.falling_short += i64::from(ledger.short_by > 0);
            row.owed += ledger.total.owed;
            row.delivered += ledger.total.delivered;
            row.short_by += ledger.short_by;
            row.unlogged += ledger.total.to_log();
        }
        let mut rows: Vec<Self> = rows.into_values().collect();
        rows.sort_by(|a, b| {
            b.short_by.cmp(&a.short_by).then_with(|| (&a.school_name, &a.service).cmp(&(&b.school_name, &b.service)))
        });
        rows
    }
}

/// Service minutes at risk
///
/// How many lines will fall short and by how much, by school and kind of service. No student is named.
#[utoipa::path(get, path = "/api/v1/minutes/at-risk", operation_id = "minutesAtRisk", tag = "minutes", params(AcrossStudents), responses((status = 200, description = "worst first", body = Vec<AtRisk>)))]
async fn at_risk(
    Axum(state): Axum<State>,
    actor: Actor,
    Query(AcrossStudents { term_id: term, district_id: district, on }): Query<AcrossStudents>,
) -> Result<axum::Json<Vec<AtRisk>>, Error> {
    let wanted = Wanted { term, district, student: None };
    Ok(axum::Json(state.at_risk(&actor, wanted, on.unwrap_or_else(today)).await?))
}
