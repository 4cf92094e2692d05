//! Vacancies as a pipeline: where each stands, since when and for whom it waits; what their clocks are read from; and the
//! sections that can be posted.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::{Value as Json, json};
use sqlx::types::Json as Column;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::directory;
use super::super::error::{Result, StoreError};
use super::super::tx::{Row, Tx, statements};
use super::standing;
use crate::args;
use crate::domain::actor::Reach;
use crate::domain::calendar::DateSpan;
use crate::domain::id::{DistrictId, EducatorId, RecordId, SectionId, TermId, VacancyId};
use crate::domain::time::{Date, Tz};
use crate::domain::vacancy::{Party, Stage};

statements! {
    LIST = "SELECT v.id, v.title, v.term_id, v.district_id, d.name AS district_name, d.state, d.tz, v.opened_at, s.stage, s.at AS since, \
            (SELECT COUNT(*) FROM section n WHERE n.vacancy_id = v.id) AS sections, o.kind, o.deadline_at, o.educator_id, e.display_name AS educator_name \
            FROM vacancy v JOIN district d ON d.id = v.district_id \
            JOIN vacancy_step s ON s.vacancy_id = v.id AND s.number = (SELECT MAX(x.number) FROM vacancy_step x WHERE x.vacancy_id = v.id) \
            LEFT JOIN offer o ON o.vacancy_id = v.id AND o.id = (SELECT y.id FROM offer y WHERE y.vacancy_id = v.id AND y.state IN ('waiting', 'accepted') \
            ORDER BY y.id DESC LIMIT 1) LEFT JOIN educator e ON e.id = o.educator_id \
            WHERE v.id < $1 AND ($3 OR v.district_id IN (SELECT unhex(value, '-') FROM json_each($4))) AND (v.term_id = $5 OR $5 IS NULL) \
            AND s.stage IN (SELECT value FROM json_each($6)) ORDER BY v.id DESC LIMIT $2"
         | "SELECT v.id, v.title, v.term_id, v.district_id, d.name AS district_name, d.state, d.tz, v.opened_at, s.stage, s.at AS since, \
            (SELECT COUNT(*) FROM section n WHERE n.vacancy_id = v.id) AS sections, o.kind, o.deadline_at, o.educator_id, e.display_name AS educator_name \
            FROM vacancy v JOIN district d ON d.id = v.district_id \
            JOIN vacancy_step s ON s.vacancy_id = v.id AND s.number = (SELECT MAX(x.number) FROM vacancy_step x WHERE x.vacancy_id = v.id) \
            LEFT JOIN offer o ON o.vacancy_id = v.id AND o.id = (SELECT y.id FROM offer y WHERE y.vacancy_id = v.id AND y.state IN ('waiting', 'accepted') \
            ORDER BY y.id DESC LIMIT 1) LEFT JOIN educator e ON e.id = o.educator_id \
            WHERE v.id < $1 AND ($3 OR v.district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($4))) AND (v.term_id = $5 OR $5::uuid IS NULL) \
            AND s.stage IN (SELECT value FROM jsonb_array_elements_text($6)) ORDER BY v.id DESC LIMIT $2";
    COUNTS = "SELECT s.stage, COUNT(*) AS n FROM vacancy v JOIN vacancy_step s ON s.vacancy_id = v.id \
              AND s.number = (SELECT MAX(x.number) FROM vacancy_step x WHERE x.vacancy_id = v.id) \
              WHERE ($1 OR v.district_id IN (SELECT unhex(value, '-') FROM json_each($2))) GROUP BY s.stage"
           | "SELECT s.stage, COUNT(*) AS n FROM vacancy v JOIN vacancy_step s ON s.vacancy_id = v.id \
              AND s.number = (SELECT MAX(x.number) FROM vacancy_step x WHERE x.vacancy_id = v.id) \
              WHERE ($1 OR v.district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($2))) GROUP BY s.stage";
    STEPS = "SELECT v.id, v.term_id, v.district_id, d.name AS district_name, d.state, d.tz, s.stage, s.at FROM vacancy v JOIN district d ON d.id = v.district_id \
             JOIN vacancy_step s ON s.vacancy_id = v.id WHERE ($1 OR v.district_id IN (SELECT unhex(value, '-') FROM json_each($2))) \
             AND (v.term_id = $3 OR $3 IS NULL) ORDER BY v.id, s.number"
          | "SELECT v.id, v.term_id, v.district_id, d.name AS district_name, d.state, d.tz, s.stage, s.at FROM vacancy v JOIN district d ON d.id = v.district_id \
             JOIN vacancy_step s ON s.vacancy_id = v.id WHERE ($1 OR v.district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($2))) \
             AND (v.term_id = $3 OR $3::uuid IS NULL) ORDER BY v.id, s.number";
    /// What the vacancies of districts need: the days of their sections, and the areas of their courses.
    NEEDED = "SELECT n.vacancy_id, COALESCE(n.first_on, t.first_on) AS first_on, COALESCE(n.last_on, t.last_on) AS last_on, c.areas FROM section n \
              JOIN term t ON t.id = n.term_id JOIN course c ON c.id = n.course_id JOIN vacancy v ON v.id = n.vacancy_id \
              WHERE ($1 OR v.district_id IN (SELECT unhex(value, '-') FROM json_each($2))) ORDER BY n.vacancy_id, n.id"
           | "SELECT n.vacancy_id, COALESCE(n.first_on, t.first_on) AS first_on, COALESCE(n.last_on, t.last_on) AS last_on, c.areas FROM section n \
              JOIN term t ON t.id = n.term_id JOIN course c ON c.id = n.course_id JOIN vacancy v ON v.id = n.vacancy_id \
              WHERE ($1 OR v.district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($2))) ORDER BY n.vacancy_id, n.id";
    /// Those that nobody teaches first.
    POSTABLE = "SELECT n.id, n.meets, n.students, c.name AS course, h.name AS school, \
                EXISTS (SELECT 1 FROM session x WHERE x.section_id = n.id) AS taught FROM section n JOIN course c ON c.id = n.course_id \
                JOIN school h ON h.id = n.school_id WHERE n.term_id = $1 AND h.district_id = $2 AND n.vacancy_id IS NULL \
                ORDER BY taught, lower(c.name), lower(h.name), n.id LIMIT $3";
}

/// A vacancy in the pipeline
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Entry {
    #[schema(value_type = Uuid)]
    pub id: VacancyId,
    pub title: String,
    #[schema(value_type = Uuid)]
    pub term_id: TermId,
    #[schema(value_type = Uuid)]
    pub district_id: DistrictId,
    pub district_name: String,
    #[serde(skip)]
    pub tz: Tz,
    pub state: String,
    /// When it was opened first; its age.
    pub opened_at: Option<DateTime<Utc>>,
    pub stage: Stage,
    /// When it came there.
    pub since: DateTime<Utc>,
    pub sections: i64,
    /// For whose step it waits.
    pub waits_for: Option<Party>,
    /// What that step is.
    pub next_step: Option<String>,
    /// Who is proposed, offered or has accepted.
    #[schema(value_type = Option<Uuid>)]
    pub educator_id: Option<EducatorId>,
    pub educator_name: Option<String>,
    /// By when an answer is waited for.
    pub deadline_at: Option<DateTime<Utc>>,
}

/// Which vacancies.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'w> {
    pub term_id: Option<TermId>,
    /// None is all.
    pub stages: Option<&'w [Stage]>,
    /// The last of the page before.
    pub before: Option<VacancyId>,
}

/// At most `limit` vacancies of districts within reach, newest first.
pub async fn list(tx: &mut Tx, reach: &Reach, wanted: Wanted<'_>, limit: i64) -> Result<Vec<Entry>> {
    let (all, _, districts) = directory::parts(reach);
    let before = wanted.before.map_or(Uuid::max(), RecordId::uuid);
    let (term, stages) = (wanted.term_id.map(RecordId::uuid), json!(wanted.stages.unwrap_or(&Stage::ALL)));
    tx.rows(&LIST, args![before, limit, all, districts, term, stages]).await?.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<Entry> {
    let stage = standing(row)?;
    let next = stage.next();
    // Whoever was asked before does not stand for what comes next.
    let holds = stage.is_taken() || matches!(stage, Stage::Proposed | Stage::DistrictAccepted | Stage::Offered);
    let asked = matches!(stage, Stage::Proposed | Stage::Offered);
    Ok(Entry {
        id: row.id("id")?,
        title: row.get("title")?,
        term_id: row.id("term_id")?,
        district_id: row.id("district_id")?,
        district_name: row.get("district_name")?,
        tz: zone(row)?,
        state: row.get("state")?,
        opened_at: row.get("opened_at")?,
        stage,
        since: row.get("since")?,
        sections: row.get("sections")?,
        waits_for: next.map(|(party, _)| party),
        next_step: next.map(|(_, what)| what.into()),
        educator_id: row.get::<Option<Uuid>>("educator_id")?.filter(|_| holds).map(RecordId::from_uuid),
        educator_name: row.get::<Option<String>>("educator_name")?.filter(|_| holds),
        deadline_at: row.get::<Option<DateTime<Utc>>>("deadline_at")?.filter(|_| asked),
    })
}

/// How many vacancies within reach stand where.
pub async fn counts(tx: &mut Tx, reach: &Reach) -> Result<BTreeMap<Stage, i64>> {
    let (all, _, districts) = directory::parts(reach);
    let rows = tx.rows(&COUNTS, args![all, districts]).await?;
    rows.iter().map(|row| Ok((standing(row)?, row.get("n")?))).collect()
}

/// A vacancy with all that its clock is read from.
#[derive(Clone, Debug)]
pub struct Told {
    pub id: VacancyId,
    pub term_id: TermId,
    pub district_id: DistrictId,
    pub district_name: String,
    pub state: String,
    pub tz: Tz,
    /// In order.
    pub steps: Vec<(Stage, DateTime<Utc>)>,
    /// The days on which its sections are needed; none where it has none.
    pub needed: Option<DateSpan>,
    /// The first license area of each of its courses.
    pub areas: BTreeSet<String>,
}

/// Every vacancy of districts within reach, of one term where it is given.
pub async fn told(tx: &mut Tx, reach: &Reach, term: Option<TermId>) -> Result<Vec<Told>> {
    let (all, _, districts) = directory::parts(reach);
    let mut needs: BTreeMap<VacancyId, (DateSpan, BTreeSet<String>)> = BTreeMap::new();
    for row in tx.rows(&NEEDED, args![all, districts.clone()]).await? {
        let span =
            DateSpan { first: Date(row.get::<NaiveDate>("first_on")?), last: Date(row.get::<NaiveDate>("last_on")?) };
        let areas: Vec<String> = list_of(row.get::<Column<Json>>("areas")?.0)?;
        let known = needs.entry(row.id("vacancy_id")?).or_insert_with(|| (span, BTreeSet::new()));
        known.0 = DateSpan { first: known.0.first.min(span.first), last: known.0.last.max(span.last) };
        known.1.extend(areas.into_iter().next());
    }
    let mut found: Vec<Told> = Vec::new();
    for row in tx.rows(&STEPS, args![all, districts, term.map(RecordId::uuid)]).await? {
        let (id, step) = (row.id("id")?, (standing(&row)?, row.get("at")?));
        if let Some(last) = found.last_mut().filter(|last| last.id == id) {
            last.steps.push(step);
            continue;
        }
        let (needed, areas) = needs.remove(&id).map_or((None, BTreeSet::new()), |(span, areas)| (Some(span), areas));
        found.push(Told {
            id,
            term_id: row.id("term_id")?,
            district_id: row.id("district_id")?,
            district_name: row.get("district_name")?,
            state: row.get("state")?,
            tz: zone(&row)?,
            steps: vec![step],
            needed,
            areas,
        });
    }
    Ok(found)
}

/// A section of the master schedule that is in no vacancy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postable {
    pub id: SectionId,
    pub course: String,
    pub school: String,
    /// Bell periods.
    pub periods: Vec<String>,
    pub students: Option<i64>,
    /// Whether somebody has published sessions of it.
    pub taught: bool,
}

/// At most `limit` sections of a district's term that can be posted, those that nobody teaches first.
pub async fn postable(tx: &mut Tx, term: TermId, district: DistrictId, limit: i64) -> Result<Vec<Postable>> {
    let one = |row: &Row| {
        let meets: Vec<crate::domain::need::Meet> = list_of(row.get::<Column<Json>>("meets")?.0)?;
        Ok(Postable {
            id: row.id("id")?,
            course: row.get("course")?,
            school: row.get("school")?,
            periods: meets.into_iter().map(|meet| meet.period).collect(),
            students: row.get("students")?,
            taught: row.get("taught")?,
        })
    };
    tx.rows(&POSTABLE, args![term, district, limit]).await?.iter().map(one).collect()
}

fn zone(row: &Row) -> Result<Tz> {
    let name: String = row.get("tz")?;
    name.parse().map_err(|_| StoreError::Corrupt(format!("{name:?} is not a zone")))
}

fn list_of<T: serde::de::DeserializeOwned>(json: Json) -> Result<Vec<T>> {
    serde_json::from_value(json).map_err(|error| StoreError::Corrupt(error.to_string()))
}
