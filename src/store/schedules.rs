//! Published schedules: versions of a term, who serves what in each, and which is current for a district.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value as Json, json};
use sqlx::types::Json as Column;
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::{Result, StoreError};
use super::sessions::{self, Tally};
use super::tx::{Link, Row, Tx, statements};
use super::{audit, giving_way, runs};
use crate::args;
use crate::domain::hash::sha256;
use crate::domain::id::{self, DistrictId, EducatorId, NeedId, RecordId, RunId, ScheduleId, TermId};
use crate::domain::session::Meeting;
use crate::domain::time::TZDB_VERSION;
use crate::engine::outcome::{Schedule, SectionAssignment, ServiceAssignment};

statements! {
    /// One publication of a term at a time; with only the constraint, two of them deadlock.
    LOCK = "SELECT 1 AS one" | "SELECT 1 AS one FROM (SELECT pg_advisory_xact_lock(hashtextextended('publish', 0) # hashtextextended($1, 0))) AS locked";
    VERSION = "SELECT COALESCE(MAX(version), 0) + 1 AS next FROM schedule WHERE term_id = $1";
    INSERT = "INSERT INTO schedule (id, term_id, run_id, version, problem_sha256, schedule, schedule_sha256, cost, tzdb, published_by, published_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    SUPERSEDE = "UPDATE schedule_district SET is_current = FALSE WHERE term_id = $1 AND is_current \
                 AND district_id IN (SELECT unhex(value, '-') FROM json_each($2))"
              | "UPDATE schedule_district SET is_current = FALSE WHERE term_id = $1 AND is_current \
                 AND district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($2))";
    COVER = "INSERT INTO schedule_district (schedule_id, district_id, term_id, is_current) VALUES ($1, $2, $3, TRUE)";
    ASSIGN = "INSERT INTO assignment (id, schedule_id, district_id, section_id, service_id, educator_id, sessions) \
              SELECT unhex(value ->> 'id', '-'), $1, unhex(value ->> 'district_id', '-'), unhex(value ->> 'section_id', '-'), \
              unhex(value ->> 'service_id', '-'), unhex(value ->> 'educator_id', '-'), value ->> 'sessions' FROM json_each($2)"
           | "INSERT INTO assignment (id, schedule_id, district_id, section_id, service_id, educator_id, sessions) \
              SELECT id, $1, district_id, section_id, service_id, educator_id, sessions FROM jsonb_to_recordset($2) \
              AS x(id uuid, district_id uuid, section_id uuid, service_id uuid, educator_id uuid, sessions jsonb)";
    GET = "SELECT id, term_id, run_id, version, problem_sha256, schedule_sha256, cost, tzdb, published_by, published_at, \
           EXISTS (SELECT 1 FROM schedule_district d WHERE d.schedule_id = schedule.id AND d.is_current) AS is_current \
           FROM schedule WHERE id = $1";
    OF_RUN = "SELECT id, term_id, run_id, version, problem_sha256, schedule_sha256, cost, tzdb, published_by, published_at, \
              EXISTS (SELECT 1 FROM schedule_district d WHERE d.schedule_id = schedule.id AND d.is_current) AS is_current \
              FROM schedule WHERE run_id = $1";
    LIST = "SELECT id, term_id, run_id, version, problem_sha256, schedule_sha256, cost, tzdb, published_by, published_at, \
            EXISTS (SELECT 1 FROM schedule_district d WHERE d.schedule_id = schedule.id AND d.is_current) AS is_current \
            FROM schedule WHERE id < $1 AND (term_id = $2 OR $2 IS NULL) ORDER BY id DESC LIMIT $3";
    BODY = "SELECT schedule FROM schedule WHERE id = $1";
    DISTRICTS = "SELECT district_id FROM schedule_district WHERE schedule_id = $1 ORDER BY district_id";
    CURRENT = "SELECT DISTINCT schedule_id FROM schedule_district WHERE term_id = $1 AND is_current ORDER BY schedule_id";
    COVERAGE = "SELECT schedule_id, district_id FROM schedule_district WHERE term_id = $1 AND is_current ORDER BY schedule_id, district_id";
    STANDING = "SELECT a.section_id, a.service_id, a.educator_id, a.sessions FROM assignment a \
                JOIN schedule_district d ON d.schedule_id = a.schedule_id AND d.district_id = a.district_id \
                WHERE d.term_id = $1 AND d.is_current ORDER BY a.id";
    SERVING = "SELECT a.section_id, a.service_id, a.educator_id, a.id FROM assignment a \
               JOIN schedule_district d ON d.schedule_id = a.schedule_id AND d.district_id = a.district_id \
               WHERE d.term_id = $1 AND d.is_current \
               UNION ALL SELECT i.section_id, i.service_id, i.educator_id, i.id FROM incumbent i LEFT JOIN section n ON n.id = i.section_id \
               LEFT JOIN service v ON v.id = i.service_id JOIN school c ON c.id = COALESCE(n.school_id, v.school_id) WHERE i.term_id = $1 \
               AND NOT EXISTS (SELECT 1 FROM schedule_district d WHERE d.term_id = $1 AND d.district_id = c.district_id AND d.is_current) \
               ORDER BY 4";
}

/// A published schedule. Its assignments are asked for by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Published {
    #[schema(value_type = Uuid)]
    pub id: ScheduleId,
    #[schema(value_type = Uuid)]
    pub term_id: TermId,
    #[schema(value_type = Uuid)]
    pub run_id: RunId,
    /// Counts publications of the term, from 1.
    pub version: i64,
    /// It still stands for at least one district.
    pub is_current: bool,
    pub problem_sha256: String,
    pub schedule_sha256: String,
    /// Cents, term by term.
    #[schema(value_type = Object)]
    pub cost: Json,
    /// The version of the zone database that its instants were derived with.
    pub tzdb: String,
    pub published_by: String,
    pub published_at: DateTime<Utc>,
}

/// One need of a published schedule and who serves it.
#[derive(Clone, Debug, PartialEq)]
pub struct Assigned {
    pub need: NeedId,
    pub is_section: bool,
    pub district_id: DistrictId,
    pub educator_id: EducatorId,
    /// The weekly pattern of a service; empty for a section.
    pub sessions: Json,
}

/// What is to be published. It has been verified against the problem with this hash.
#[derive(Clone, Debug)]
pub struct Publication {
    pub term_id: TermId,
    pub run_id: RunId,
    pub districts: Vec<DistrictId>,
    pub problem_sha256: String,
    pub schedule: String,
    pub cost: Json,
    pub assigned: Vec<Assigned>,
    pub meetings: Vec<Meeting>,
}

/// What a publication did.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    pub published: Published,
    pub tally: Tally,
    /// Whose calendars are different now.
    pub touched: BTreeSet<EducatorId>,
}

/// Holds off every other publication of the term until this transaction ends. On SQLite there is one writer.
pub async fn lock(tx: &mut Tx, term: TermId) -> Result<()> {
    match tx.link {
        Link::Sqlite(_) => Ok(()),
        Link::Pg(_) => tx.row(&LOCK, args![term.to_string()]).await.map(drop),
    }
}

/// Writes a new version, which supersedes what stood for its districts, and its dated sessions.
/// The caller holds the [`lock`] and has seen that the inputs are unchanged.
pub async fn publish(tx: &mut Tx, new: Publication) -> Result<Done> {
    let id = ScheduleId::fresh();
    let (term, at, actor) = (new.term_id, tx.at, tx.actor.clone());
    let version = tx
        .row(&VERSION, args![term])
        .await?
        .ok_or_else(|| StoreError::Corrupt("no version".into()))?
        .get::<i64>("next")?;
    let districts = json!(new.districts);
    tx.execute(&SUPERSEDE, args![term, districts.clone()]).await?;
    let hash = sha256(&new.schedule);
    let args =
        args![id, term, new.run_id, version, new.problem_sha256, new.schedule, hash, new.cost, TZDB_VERSION, actor, at];
    tx.execute(&INSERT, args).await?;
    for district in &new.districts {
        tx.execute(&COVER, args![id, *district, term]).await?;
    }
    let rows: Vec<Json> = new.assigned.iter().map(assigned).collect();
    for rows in rows.chunks(1000) {
        tx.execute(&ASSIGN, args![id, json!(rows)]).await?;
    }
    let history = runs::get(tx, new.run_id).await?.settings.history;
    let ahead = sessions::ahead(tx, term, &new.districts, new.meetings, history).await?;
    // The schedule goes first: a booked make-up that it leaves no room for is to be made up again.
    let gave_way = giving_way::to_schedule(tx, term, &ahead.meetings).await?;
    giving_way::take_back(tx, &gave_way).await?;
    let (tally, mut touched) = sessions::replace(tx, term, id, ahead).await?;
    touched.extend(gave_way.iter().map(|(booking, _)| booking.educator_id));
    audit::write(
        tx,
        "publish",
        "schedule",
        id.uuid(),
        None,
        Some(json!({ "run_id": new.run_id, "version": version, "sessions": tally, "make_ups_cancelled": gave_way.len() })),
    )
    .await?;
    Ok(Done { published: get(tx, id).await?, tally, touched })
}

pub async fn get(tx: &mut Tx, id: ScheduleId) -> Result<Published> {
    let row = tx.row(&GET, args![id]).await?;
    published(&row.ok_or(StoreError::NotFound { what: "schedule", id: id.uuid() })?)
}

/// What a run was published as.
pub async fn of_run(tx: &mut Tx, run: RunId) -> Result<Option<Published>> {
    runs::get(tx, run).await?;
    tx.row(&OF_RUN, args![run]).await?.as_ref().map(published).transpose()
}

/// At most `limit` schedules before `before`, newest first.
pub async fn list(tx: &mut Tx, term: Option<TermId>, before: Option<ScheduleId>, limit: i64) -> Result<Vec<Published>> {
    let before = before.map_or(Uuid::max(), RecordId::uuid);
    tx.rows(&LIST, args![before, term.map(RecordId::uuid), limit]).await?.iter().map(published).collect()
}

/// The schedule in the format of the specification.
pub async fn body(tx: &mut Tx, id: ScheduleId) -> Result<String> {
    let row = tx.row(&BODY, args![id]).await?;
    row.ok_or(StoreError::NotFound { what: "schedule", id: id.uuid() })?.get("schedule")
}

pub async fn districts(tx: &mut Tx, id: ScheduleId) -> Result<Vec<DistrictId>> {
    tx.rows(&DISTRICTS, args![id]).await?.iter().map(|row| row.id("district_id")).collect()
}

/// The schedules that stand in a term: one, or several where districts are published apart.
pub async fn current(tx: &mut Tx, term: TermId) -> Result<Vec<Published>> {
    let mut standing = Vec::new();
    for row in tx.rows(&CURRENT, args![term]).await? {
        standing.push(get(tx, row.id("schedule_id")?).await?);
    }
    Ok(standing)
}

/// The schedules that stand in a term, each with the districts for which it does.
pub async fn coverage(tx: &mut Tx, term: TermId) -> Result<BTreeMap<ScheduleId, BTreeSet<DistrictId>>> {
    let mut coverage: BTreeMap<ScheduleId, BTreeSet<DistrictId>> = BTreeMap::new();
    for row in tx.rows(&COVERAGE, args![term]).await? {
        coverage.entry(row.id("schedule_id")?).or_default().insert(row.id("district_id")?);
    }
    Ok(coverage)
}

/// What stands in a term, over all its districts, as one schedule: empty where nothing is published.
pub async fn standing(tx: &mut Tx, term: TermId) -> Result<Schedule> {
    let mut schedule = Schedule::default();
    for row in tx.rows(&STANDING, args![term]).await? {
        let educator = row.get::<Uuid>("educator_id")?.to_string();
        match row.get::<Option<Uuid>>("section_id")? {
            Some(section) => schedule.sections.push(SectionAssignment { section: section.to_string(), educator }),
            None => schedule.services.push(ServiceAssignment {
                service: row.get::<Option<Uuid>>("service_id")?.unwrap_or_default().to_string(),
                educator,
                sessions: serde_json::from_value(row.get::<Column<Json>>("sessions")?.0)
                    .map_err(|error| StoreError::Corrupt(format!("sessions: {error}")))?,
            }),
        }
    }
    Ok(schedule)
}

/// Who serves what: as published, and in districts where nothing is, as an imported file says.
pub async fn serving(tx: &mut Tx, term: TermId) -> Result<Vec<(NeedId, EducatorId)>> {
    let pair = |row: &Row| {
        let need: Option<Uuid> = row.get::<Option<Uuid>>("section_id")?.or(row.get("service_id")?);
        let need = need.ok_or_else(|| StoreError::Corrupt("an assignment without a need".into()))?;
        Ok((NeedId::from_uuid(need), row.id("educator_id")?))
    };
    tx.rows(&SERVING, args![term]).await?.iter().map(pair).collect()
}

fn assigned(row: &Assigned) -> Json {
    let (section, service) = if row.is_section { (Some(row.need), None) } else { (None, Some(row.need)) };
    json!({
        "id": id::fresh(), "district_id": row.district_id, "section_id": section, "service_id": service,
        "educator_id": row.educator_id, "sessions": row.sessions,
    })
}

fn published(row: &Row) -> Result<Published> {
    Ok(Published {
        id: row.id("id")?,
        term_id: row.id("term_id")?,
        run_id: row.id("run_id")?,
        version: row.get("version")?,
        is_current: row.get("is_current")?,
        problem_sha256: row.get("problem_sha256")?,
        schedule_sha256: row.get("schedule_sha256")?,
        cost: row.get::<Column<Json>>("cost")?.0,
        tzdb: row.get("tzdb")?,
        published_by: row.get("published_by")?,
        published_at: row.get("published_at")?,
    })
}
