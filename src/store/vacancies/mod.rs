//! The way of vacancies: steps that are only ever added, proposals and offers that wait for one answer, and readiness.

pub mod pipeline;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value as Json, json};
use sqlx::types::Json as Column;
use utoipa::ToSchema;
use uuid::Uuid;

use super::accounts;
use super::audit;
use super::directory;
use super::entity::Entity as _;
use super::error::{Result, StoreError};
use super::mail::{self, Recipient};
use super::tx::{Row, Tx, Value, statements};
use crate::args;
use crate::domain::actor::{Reach, Role};
use crate::domain::id::{AccountId, DistrictId, EducatorId, OfferId, RecordId, VacancyId};
use crate::domain::mail::Notice;
use crate::domain::record::Record as _;
use crate::domain::records::Vacancy;
use crate::domain::time::Tz;
use crate::domain::vacancy::terms::Terms;
use crate::domain::vacancy::{Party, Stage};

statements! {
    STEPS = "SELECT number, stage, at, actor, reason FROM vacancy_step WHERE vacancy_id = $1 ORDER BY number";
    STAGE = "SELECT stage FROM vacancy_step WHERE vacancy_id = $1 ORDER BY number DESC LIMIT 1";
    STEP = "INSERT INTO vacancy_step (vacancy_id, number, stage, at, actor, reason) \
            VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM vacancy_step WHERE vacancy_id = $1), $2, $3, $4, $5)";
    STATUS = "UPDATE vacancy SET status = $2, opened_at = COALESCE(opened_at, $3), version = version + 1, updated_at = $4 WHERE id = $1";
    RECORD = "SELECT status, opened_at FROM vacancy WHERE id = $1";
    LOCK = "SELECT status FROM vacancy WHERE id = $1" | "SELECT status FROM vacancy WHERE id = $1 FOR UPDATE";
    MAKE = "INSERT INTO offer (id, vacancy_id, educator_id, kind, state, terms, deadline_at, made_by, made_at) VALUES ($1, $2, $3, $4, 'waiting', $5, $6, $7, $8)";
    ANSWER = "UPDATE offer SET state = $2, answered_by = $3, answered_at = $4, reason = $5 WHERE id = $1 AND state = 'waiting'";
    GET = "SELECT o.id, o.vacancy_id, v.title, v.district_id, d.name AS district_name, d.tz AS district_tz, o.educator_id, e.display_name AS educator_name, \
           e.tz AS educator_tz, o.kind, o.state, o.terms, o.deadline_at, o.made_by, o.made_at, o.answered_at, o.reason \
           FROM offer o JOIN vacancy v ON v.id = o.vacancy_id JOIN district d ON d.id = v.district_id JOIN educator e ON e.id = o.educator_id WHERE o.id = $1";
    OF_VACANCY = "SELECT o.id, o.vacancy_id, v.title, v.district_id, d.name AS district_name, d.tz AS district_tz, o.educator_id, e.display_name AS educator_name, \
           e.tz AS educator_tz, o.kind, o.state, o.terms, o.deadline_at, o.made_by, o.made_at, o.answered_at, o.reason \
           FROM offer o JOIN vacancy v ON v.id = o.vacancy_id JOIN district d ON d.id = v.district_id JOIN educator e ON e.id = o.educator_id \
           WHERE o.vacancy_id = $1 ORDER BY o.id";
    /// Offers are for educators to see, proposals for districts.
    LIST = "SELECT o.id, o.vacancy_id, v.title, v.district_id, d.name AS district_name, d.tz AS district_tz, o.educator_id, e.display_name AS educator_name, \
            e.tz AS educator_tz, o.kind, o.state, o.terms, o.deadline_at, o.made_by, o.made_at, o.answered_at, o.reason \
            FROM offer o JOIN vacancy v ON v.id = o.vacancy_id JOIN district d ON d.id = v.district_id JOIN educator e ON e.id = o.educator_id \
            WHERE o.id < $1 AND (o.state = $6 OR $6 IS NULL) AND ($3 OR (o.kind = 'offer' AND o.educator_id = $4) \
            OR (o.kind = 'proposal' AND v.district_id IN (SELECT unhex(value, '-') FROM json_each($5)))) ORDER BY o.id DESC LIMIT $2"
         | "SELECT o.id, o.vacancy_id, v.title, v.district_id, d.name AS district_name, d.tz AS district_tz, o.educator_id, e.display_name AS educator_name, \
            e.tz AS educator_tz, o.kind, o.state, o.terms, o.deadline_at, o.made_by, o.made_at, o.answered_at, o.reason \
            FROM offer o JOIN vacancy v ON v.id = o.vacancy_id JOIN district d ON d.id = v.district_id JOIN educator e ON e.id = o.educator_id \
            WHERE o.id < $1 AND (o.state = $6 OR $6 IS NULL) AND ($3 OR (o.kind = 'offer' AND o.educator_id = $4) \
            OR (o.kind = 'proposal' AND v.district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($5)))) ORDER BY o.id DESC LIMIT $2";
    LATE = "SELECT id, vacancy_id FROM offer WHERE state = 'waiting' AND deadline_at <= $1 ORDER BY id LIMIT 100";
    READY = "SELECT item, done_by, done_at FROM vacancy_readiness WHERE vacancy_id = $1 ORDER BY item";
    MAKE_READY = "INSERT INTO vacancy_readiness (vacancy_id, item, done_by, done_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    UNREADY = "DELETE FROM vacancy_readiness WHERE vacancy_id = $1 AND item = $2";
}

/// A step of a vacancy: who, when, why
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Step {
    pub stage: Stage,
    pub at: DateTime<Utc>,
    /// `account:` and its id, or the part of the program that did it.
    pub actor: String,
    pub reason: String,
}

/// A proposal to a district, or an offer to an educator
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Offer {
    #[schema(value_type = Uuid)]
    pub id: OfferId,
    #[schema(value_type = Uuid)]
    pub vacancy_id: VacancyId,
    pub title: String,
    #[schema(value_type = Uuid)]
    pub district_id: DistrictId,
    pub district_name: String,
    #[serde(skip)]
    pub district_tz: Tz,
    #[schema(value_type = Uuid)]
    pub educator_id: EducatorId,
    pub educator_name: String,
    #[serde(skip)]
    pub educator_tz: Tz,
    /// `proposal` (the district answers) or `offer` (the educator does).
    pub kind: String,
    /// `waiting`, `accepted`, `declined`, `expired` or `withdrawn`.
    pub state: String,
    pub terms: Terms,
    pub deadline_at: DateTime<Utc>,
    #[serde(skip)]
    pub made_by: String,
    pub made_at: DateTime<Utc>,
    pub answered_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
}

impl Offer {
    #[must_use]
    pub fn is_proposal(&self) -> bool {
        self.kind == "proposal"
    }

    #[must_use]
    pub fn waits(&self) -> bool {
        self.state == "waiting"
    }
}

/// The steps of a vacancy, in order; there is at least the one with which it was made.
pub async fn steps(tx: &mut Tx, vacancy: VacancyId) -> Result<Vec<Step>> {
    let step = |row: &Row| {
        Ok(Step { stage: standing(row)?, at: row.get("at")?, actor: row.get("actor")?, reason: row.get("reason")? })
    };
    tx.rows(&STEPS, args![vacancy]).await?.iter().map(step).collect()
}

/// The stage in a row's column of that name.
pub(super) fn standing(row: &Row) -> Result<Stage> {
    row.get::<String>("stage")?.parse().map_err(StoreError::Corrupt)
}

/// Where a vacancy stands; until this transaction ends nobody else moves it.
pub async fn stage(tx: &mut Tx, vacancy: VacancyId) -> Result<Stage> {
    let missing = || StoreError::NotFound { what: "vacancy", id: vacancy.uuid() };
    tx.row(&LOCK, args![vacancy]).await?.ok_or_else(missing)?;
    let row = tx.row(&STAGE, args![vacancy]).await?;
    row.as_ref().map(standing).transpose()?.ok_or_else(|| StoreError::Corrupt("a vacancy without a step".into()))
}

/// The first step of a record that is made, where its kind is `vacancy`: it stands as its status says.
pub(super) async fn begin(tx: &mut Tx, kind: &str, id: Uuid) -> Result<()> {
    if kind != Vacancy::KIND {
        return Ok(());
    }
    let row = tx.row(&RECORD, args![id]).await?.ok_or(StoreError::NotFound { what: "vacancy", id })?;
    let status: String = row.get("status")?;
    let opened: Option<DateTime<Utc>> = row.get::<Option<DateTime<Utc>>>("opened_at")?.filter(|_| status != "draft");
    let (at, actor) = (opened.unwrap_or(tx.at).min(tx.at), tx.actor.clone());
    tx.execute(&STEP, args![id, status, at, actor, ""]).await.map(drop)
}

/// Refuses to change where a vacancy stands other than by a step. `after` are the values of its columns.
pub(super) async fn hold(tx: &mut Tx, kind: &str, id: Uuid, after: &[Value]) -> Result<()> {
    if kind != Vacancy::KIND {
        return Ok(());
    }
    let row = tx.row(&RECORD, args![id]).await?.ok_or(StoreError::NotFound { what: "vacancy", id })?;
    let place = |name: &str| Vacancy::COLUMNS.iter().position(|column| column.name == name);
    let now = [
        ("status", Value::Text(row.get("status")?)),
        ("opened_at", Value::At(row.get::<Option<DateTime<Utc>>>("opened_at")?)),
    ];
    for (name, before) in now {
        if place(name).and_then(|n| after.get(n)).is_some_and(|after| *after != before) {
            let message = "a vacancy is opened and closed by steps: leave this as it is, and POST …/steps";
            return Err(StoreError::invalid(format!("/{name}"), message));
        }
    }
    Ok(())
}

/// Takes a step. The caller has seen that it may follow.
pub async fn step(tx: &mut Tx, vacancy: VacancyId, stage: Stage, reason: &str) -> Result<()> {
    let (actor, at) = (tx.actor.clone(), tx.at);
    tx.execute(&STEP, args![vacancy, stage.name(), at, actor, reason]).await?;
    let status = match stage {
        Stage::Open => Some(("open", Some(at))),
        Stage::Closed | Stage::Withdrawn | Stage::Cancelled => Some(("closed", None)),
        _ => None,
    };
    if let Some((status, opened)) = status {
        tx.execute(&STATUS, args![vacancy, status, opened, at]).await?;
    }
    audit::write(tx, "step", "vacancy", vacancy.uuid(), None, Some(json!({ "stage": stage, "reason": reason }))).await
}

/// What is proposed or offered.
#[derive(Clone, Debug)]
pub struct NewOffer {
    pub vacancy_id: VacancyId,
    pub educator_id: EducatorId,
    /// To the district; else to the educator.
    pub is_proposal: bool,
    pub terms: Terms,
    pub deadline_at: DateTime<Utc>,
}

pub async fn make(tx: &mut Tx, new: NewOffer) -> Result<OfferId> {
    let (id, actor, at) = (OfferId::fresh(), tx.actor.clone(), tx.at);
    let kind = if new.is_proposal { "proposal" } else { "offer" };
    let args = args![id, new.vacancy_id, new.educator_id, kind, json!(new.terms), new.deadline_at, actor, at];
    tx.execute(&MAKE, args).await?;
    let body = json!({ "vacancy_id": new.vacancy_id, "educator_id": new.educator_id });
    audit::write(tx, "make", kind, id.uuid(), None, Some(body)).await?;
    Ok(id)
}

/// Answers a proposal or an offer that still waits. False if it does not.
pub async fn answer(tx: &mut Tx, id: OfferId, state: &str, reason: Option<&str>) -> Result<bool> {
    let (actor, at) = (tx.actor.clone(), tx.at);
    if tx.execute(&ANSWER, args![id, state, actor, at, reason]).await? == 0 {
        return Ok(false);
    }
    audit::write(tx, state, "offer", id.uuid(), None, Some(json!({ "reason": reason }))).await?;
    Ok(true)
}

pub async fn get(tx: &mut Tx, id: OfferId) -> Result<Offer> {
    let row = tx.row(&GET, args![id]).await?;
    offer(&row.ok_or(StoreError::NotFound { what: "offer", id: id.uuid() })?)
}

/// Everything that was proposed and offered for a vacancy, in order.
pub async fn of_vacancy(tx: &mut Tx, vacancy: VacancyId) -> Result<Vec<Offer>> {
    tx.rows(&OF_VACANCY, args![vacancy]).await?.iter().map(offer).collect()
}

/// At most `limit` within reach before `before`, newest first; of one state where it is given.
pub async fn list(
    tx: &mut Tx,
    reach: &Reach,
    state: Option<&str>,
    before: Option<OfferId>,
    limit: i64,
) -> Result<Vec<Offer>> {
    let (all, own, districts) = directory::parts(reach);
    let before = before.map_or(Uuid::max(), RecordId::uuid);
    tx.rows(&LIST, args![before, limit, all, own, districts, state]).await?.iter().map(offer).collect()
}

/// Whether anything waits beyond its deadline.
pub async fn any_late(tx: &mut Tx) -> Result<bool> {
    Ok(tx.row(&LATE, args![tx.at]).await?.is_some())
}

/// Ends what waited beyond its deadline, and hands it back.
pub async fn expire(tx: &mut Tx) -> Result<Vec<Offer>> {
    let mut ended = Vec::new();
    for row in tx.rows(&LATE, args![tx.at]).await? {
        let (id, vacancy): (OfferId, VacancyId) = (row.id("id")?, row.id("vacancy_id")?);
        // The vacancy first, as everybody who answers does.
        let stage = stage(tx, vacancy).await?;
        if answer(tx, id, "expired", None).await? && stage.mover(Stage::Expired) == Some(Party::Clock) {
            step(tx, vacancy, Stage::Expired, "nobody answered in time").await?;
            ended.push(get(tx, id).await?);
        }
    }
    Ok(ended)
}

/// What is ready before a class begins, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub by: String,
    pub at: DateTime<Utc>,
}

/// What the district has readied, by item.
pub async fn ready(tx: &mut Tx, vacancy: VacancyId) -> Result<BTreeMap<String, Done>> {
    let done = |row: &Row| Ok((row.get("item")?, Done { by: row.get("done_by")?, at: row.get("done_at")? }));
    tx.rows(&READY, args![vacancy]).await?.iter().map(done).collect()
}

/// Notes that something is ready, or is not.
pub async fn set_ready(tx: &mut Tx, vacancy: VacancyId, item: &str, is_ready: bool) -> Result<()> {
    let (actor, at) = (tx.actor.clone(), tx.at);
    if is_ready {
        tx.execute(&MAKE_READY, args![vacancy, item, actor, at]).await?;
    } else {
        tx.execute(&UNREADY, args![vacancy, item]).await?;
    }
    audit::write(tx, "ready", "vacancy", vacancy.uuid(), None, Some(json!({ "item": item, "ready": is_ready }))).await
}

fn offer(row: &Row) -> Result<Offer> {
    let zone = |column: &str| -> Result<Tz> {
        let name: String = row.get(column)?;
        name.parse().map_err(|_| StoreError::Corrupt(format!("{name:?} is not a zone")))
    };
    let terms = row.get::<Column<Json>>("terms")?.0;
    Ok(Offer {
        id: row.id("id")?,
        vacancy_id: row.id("vacancy_id")?,
        title: row.get("title")?,
        district_id: row.id("district_id")?,
        district_name: row.get("district_name")?,
        district_tz: zone("district_tz")?,
        educator_id: row.id("educator_id")?,
        educator_name: row.get("educator_name")?,
        educator_tz: zone("educator_tz")?,
        kind: row.get("kind")?,
        state: row.get("state")?,
        terms: serde_json::from_value(terms).map_err(|error| StoreError::Corrupt(error.to_string()))?,
        deadline_at: row.get("deadline_at")?,
        made_by: row.get("made_by")?,
        made_at: row.get("made_at")?,
        answered_at: row.get("answered_at")?,
        reason: row.get("reason")?,
    })
}

/// Writes to whoever made a proposal or an offer; where they have no access any more, to every coordinator.
pub async fn tell_office(tx: &mut Tx, offer: &Offer, notice: &Notice) -> Result<()> {
    let maker = offer.made_by.strip_prefix("account:").and_then(|id| id.parse::<AccountId>().ok());
    let maker = match maker {
        Some(id) => accounts::find(tx, id).await?.filter(|account| account.body.active),
        None => None,
    };
    let to = match maker {
        Some(account) => vec![account],
        None => accounts::of_role(tx, Role::Coordinator, &BTreeSet::new()).await?,
    };
    for account in to {
        mail::notify(tx, Recipient::Account(account.id), notice.clone()).await?;
    }
    Ok(())
}
