//! The way of vacancies: steps that are only ever added, proposals and offers that wait for one answer, and readiness.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value as Json, json};
use sqlx::types::Json as Column;
use utoipa::ToSchema;
use uuid::Uuid;

use super::audit;
use super::directory;
use super::error::{Result, StoreError};
use super::tx::{Row, Tx, statements};
use crate::args;
use crate::domain::actor::Reach;
use crate::domain::id::{self, EducatorId, OfferId, RecordId, VacancyId};
use crate::domain::vacancy::Stage;

statements! {
    STEPS = "SELECT stage, at, actor, reason FROM vacancy_step WHERE vacancy_id = $1 ORDER BY id";
    STEP = "INSERT INTO vacancy_step (id, vacancy_id, stage, at, actor, reason) VALUES ($1, $2, $3, $4, $5, $6)";
    STATUS = "UPDATE vacancy SET status = $2, opened_at = COALESCE(opened_at, $3), version = version + 1, updated_at = $4 WHERE id = $1";
    LOCK = "SELECT status FROM vacancy WHERE id = $1" | "SELECT status FROM vacancy WHERE id = $1 FOR UPDATE";
    MAKE = "INSERT INTO offer (id, vacancy_id, educator_id, kind, state, terms, deadline_at, made_by, made_at) VALUES ($1, $2, $3, $4, 'waiting', $5, $6, $7, $8)";
    ANSWER = "UPDATE offer SET state = $2, answered_by = $3, answered_at = $4, reason = $5 WHERE id = $1 AND state = 'waiting'";
    WITHDRAW = "UPDATE offer SET state = 'withdrawn', answered_by = $2, answered_at = $3 WHERE vacancy_id = $1 AND state = 'waiting'";
    GET = "SELECT o.id, o.vacancy_id, v.title, v.district_id, o.educator_id, e.display_name AS educator_name, o.kind, o.state, o.terms, o.deadline_at, o.made_at, \
           o.answered_at, o.reason FROM offer o JOIN vacancy v ON v.id = o.vacancy_id JOIN educator e ON e.id = o.educator_id WHERE o.id = $1";
    OF_VACANCY = "SELECT o.id, o.vacancy_id, v.title, v.district_id, o.educator_id, e.display_name AS educator_name, o.kind, o.state, o.terms, o.deadline_at, o.made_at, \
                  o.answered_at, o.reason FROM offer o JOIN vacancy v ON v.id = o.vacancy_id JOIN educator e ON e.id = o.educator_id \
                  WHERE o.vacancy_id = $1 ORDER BY o.id";
    /// Offers are for educators to see, proposals for districts.
    LIST = "SELECT o.id, o.vacancy_id, v.title, v.district_id, o.educator_id, e.display_name AS educator_name, o.kind, o.state, o.terms, o.deadline_at, o.made_at, \
            o.answered_at, o.reason FROM offer o JOIN vacancy v ON v.id = o.vacancy_id JOIN educator e ON e.id = o.educator_id \
            WHERE o.id < $1 AND ($3 OR (o.kind = 'offer' AND o.educator_id = $4) OR (o.kind = 'proposal' AND v.district_id IN (SELECT unhex(value, '-') FROM json_each($5)))) \
            ORDER BY o.id DESC LIMIT $2"
         | "SELECT o.id, o.vacancy_id, v.title, v.district_id, o.educator_id, e.display_name AS educator_name, o.kind, o.state, o.terms, o.deadline_at, o.made_at, \
            o.answered_at, o.reason FROM offer o JOIN vacancy v ON v.id = o.vacancy_id JOIN educator e ON e.id = o.educator_id \
            WHERE o.id < $1 AND ($3 OR (o.kind = 'offer' AND o.educator_id = $4) OR (o.kind = 'proposal' AND v.district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($5)))) \
            ORDER BY o.id DESC LIMIT $2";
    LATE = "SELECT id, vacancy_id FROM offer WHERE state = 'waiting' AND deadline_at <= $1 ORDER BY id LIMIT 100";
    READY = "SELECT item FROM vacancy_readiness WHERE vacancy_id = $1 ORDER BY item";
    MAKE_READY = "INSERT INTO vacancy_readiness (vacancy_id, item, done_by, done_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    UNREADY = "DELETE FROM vacancy_readiness WHERE vacancy_id = $1 AND item = $2";
}

/// A step of a vacancy: who, when, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Step {
    pub stage: Stage,
    pub at: DateTime<Utc>,
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
    pub district_id: Uuid,
    #[schema(value_type = Uuid)]
    pub educator_id: EducatorId,
    pub educator_name: String,
    /// `proposal` (the district answers) or `offer` (the educator does).
    pub kind: String,
    /// `waiting`, `accepted`, `declined`, `expired` or `withdrawn`.
    pub state: String,
    /// Sections with their times on both clocks, weekly minutes, courses to prepare; pay in an offer.
    #[schema(value_type = Object)]
    pub terms: Json,
    pub deadline_at: DateTime<Utc>,
    pub made_at: DateTime<Utc>,
    pub answered_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
}

/// The steps of a vacancy, in order.
pub async fn steps(tx: &mut Tx, vacancy: VacancyId) -> Result<Vec<Step>> {
    let step = |row: &Row| {
        let stage: String = row.get("stage")?;
        Ok(Step {
            stage: stage.parse().map_err(StoreError::Corrupt)?,
            at: row.get("at")?,
            actor: row.get("actor")?,
            reason: row.get("reason")?,
        })
    };
    tx.rows(&STEPS, args![vacancy]).await?.iter().map(step).collect()
}

/// Where a vacancy stands; until this transaction ends nobody else moves it.
pub async fn stage(tx: &mut Tx, vacancy: VacancyId) -> Result<Stage> {
    let row = tx.row(&LOCK, args![vacancy]).await?;
    let row = row.ok_or(StoreError::NotFound { what: "vacancy", id: vacancy.uuid() })?;
    match steps(tx, vacancy).await?.last() {
        Some(step) => Ok(step.stage),
        None => row.get::<String>("status")?.parse().map_err(StoreError::Corrupt),
    }
}

/// Takes a step. The caller has seen that it may follow.
pub async fn step(tx: &mut Tx, vacancy: VacancyId, stage: Stage, reason: &str) -> Result<()> {
    let (actor, at) = (tx.actor.clone(), tx.at);
    tx.execute(&STEP, args![id::fresh(), vacancy, stage.name(), at, actor.clone(), reason]).await?;
    let status = match stage {
        Stage::Open => Some(("open", Some(at))),
        Stage::Closed | Stage::Withdrawn | Stage::Cancelled => Some(("closed", None)),
        _ => None,
    };
    if let Some((status, opened)) = status {
        tx.execute(&STATUS, args![vacancy, status, opened, at]).await?;
    }
    if stage.next().is_empty() {
        tx.execute(&WITHDRAW, args![vacancy, actor, at]).await?;
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
    pub terms: Json,
    pub deadline_at: DateTime<Utc>,
}

pub async fn make(tx: &mut Tx, new: NewOffer) -> Result<OfferId> {
    let (id, actor, at) = (OfferId::fresh(), tx.actor.clone(), tx.at);
    let kind = if new.is_proposal { "proposal" } else { "offer" };
    let args = args![id, new.vacancy_id, new.educator_id, kind, new.terms, new.deadline_at, actor, at];
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

/// At most `limit` within reach before `before`, newest first.
pub async fn list(tx: &mut Tx, reach: &Reach, before: Option<OfferId>, limit: i64) -> Result<Vec<Offer>> {
    let (all, own, districts) = directory::parts(reach);
    let before = before.map_or(Uuid::max(), RecordId::uuid);
    tx.rows(&LIST, args![before, limit, all, own, districts]).await?.iter().map(offer).collect()
}

/// Whether anything waits beyond its deadline.
pub async fn any_late(tx: &mut Tx) -> Result<bool> {
    Ok(tx.row(&LATE, args![tx.at]).await?.is_some())
}

/// Ends what waited beyond its deadline, and says how many.
pub async fn expire(tx: &mut Tx) -> Result<usize> {
    let late = tx.rows(&LATE, args![tx.at]).await?;
    for row in &late {
        let (offer, vacancy): (OfferId, VacancyId) = (row.id("id")?, row.id("vacancy_id")?);
        if answer(tx, offer, "expired", None).await? && stage(tx, vacancy).await?.next().contains(&Stage::Expired) {
            step(tx, vacancy, Stage::Expired, "nobody answered in time").await?;
        }
    }
    Ok(late.len())
}

/// What the district has readied.
pub async fn ready(tx: &mut Tx, vacancy: VacancyId) -> Result<BTreeSet<String>> {
    tx.rows(&READY, args![vacancy]).await?.iter().map(|row| row.get("item")).collect()
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
    Ok(Offer {
        id: row.id("id")?,
        vacancy_id: row.id("vacancy_id")?,
        title: row.get("title")?,
        district_id: row.get("district_id")?,
        educator_id: row.id("educator_id")?,
        educator_name: row.get("educator_name")?,
        kind: row.get("kind")?,
        state: row.get("state")?,
        terms: row.get::<Column<Json>>("terms")?.0,
        deadline_at: row.get("deadline_at")?,
        made_at: row.get("made_at")?,
        answered_at: row.get("answered_at")?,
        reason: row.get("reason")?,
    })
}
