//! What people look things up by: terms with their numbers, educators and schools by part of their name, and
//! when someone's published sessions begin and end.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::error::{Result, StoreError};
use super::feeds::Owner;
use super::tx::{Row, Tx, statements};
use crate::args;
use crate::domain::actor::Reach;
use crate::domain::id::{DistrictId, EducatorId, RecordId, SchoolId, TermId};
use crate::domain::time::{Date, Tz};

statements! {
    TERMS = "SELECT t.id, t.name, t.first_on, t.last_on, \
             (SELECT COUNT(DISTINCT c.district_id) FROM calendar c WHERE c.term_id = t.id) AS districts, \
             (SELECT COUNT(*) FROM section s WHERE s.term_id = t.id) AS sections, \
             (SELECT COUNT(*) FROM service v WHERE v.term_id = t.id) AS services, \
             (SELECT COUNT(*) FROM educator e WHERE e.active) AS educators \
             FROM term t ORDER BY t.first_on DESC, t.id LIMIT $1";
    EDUCATORS = "SELECT e.id, e.display_name AS name, e.tz, e.active FROM educator e \
                 WHERE instr(lower(e.display_name), lower($1)) > 0 AND ($4 OR e.id = $5 OR e.id IN (SELECT n.educator_id FROM session n \
                 WHERE n.district_id IN (SELECT unhex(value, '-') FROM json_each($6)))) AND ($2 IS NULL OR (lower(e.display_name), e.id) > \
                 (SELECT lower(a.display_name), a.id FROM educator a WHERE a.id = $2)) ORDER BY lower(e.display_name), e.id LIMIT $3"
              | "SELECT e.id, e.display_name AS name, e.tz, e.active FROM educator e \
                 WHERE strpos(lower(e.display_name), lower($1)) > 0 AND ($4 OR e.id = $5 OR e.id IN (SELECT n.educator_id FROM session n \
                 WHERE n.district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($6)))) AND ($2::uuid IS NULL OR (lower(e.display_name), e.id) > \
                 (SELECT lower(a.display_name), a.id FROM educator a WHERE a.id = $2)) ORDER BY lower(e.display_name), e.id LIMIT $3";
    SCHOOLS = "SELECT s.id, s.name, COALESCE(s.tz, d.tz) AS tz, d.id AS district_id, d.name AS district_name, d.state \
               FROM school s JOIN district d ON d.id = s.district_id \
               WHERE instr(lower(s.name || ' ' || d.name), lower($1)) > 0 AND ($4 OR d.id IN (SELECT unhex(value, '-') FROM json_each($5))) AND ($2 IS NULL OR (lower(s.name), s.id) > \
               (SELECT lower(a.name), a.id FROM school a WHERE a.id = $2)) ORDER BY lower(s.name), s.id LIMIT $3"
            | "SELECT s.id, s.name, COALESCE(s.tz, d.tz) AS tz, d.id AS district_id, d.name AS district_name, d.state \
               FROM school s JOIN district d ON d.id = s.district_id \
               WHERE strpos(lower(s.name || ' ' || d.name), lower($1)) > 0 AND ($4 OR d.id IN (SELECT value::uuid FROM jsonb_array_elements_text($5))) AND ($2::uuid IS NULL OR (lower(s.name), s.id) > \
               (SELECT lower(a.name), a.id FROM school a WHERE a.id = $2)) ORDER BY lower(s.name), s.id LIMIT $3";
    AREAS = "SELECT DISTINCT area AS name FROM license ORDER BY area";
    STATES = "SELECT DISTINCT state AS name FROM district ORDER BY state";
    NAMES = "SELECT id, display_name AS name FROM educator";
    LAST_OF_EDUCATOR = "SELECT starts_at FROM session WHERE educator_id = $1 ORDER BY starts_at DESC LIMIT 1";
    LAST_OF_SCHOOL = "SELECT starts_at FROM session WHERE school_id = $1 ORDER BY starts_at DESC LIMIT 1";
    LAST_OF_DISTRICT = "SELECT starts_at FROM session WHERE district_id = $1 ORDER BY starts_at DESC LIMIT 1";
}

/// A term and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermNumbers {
    pub id: TermId,
    pub name: String,
    pub first_on: Date,
    pub last_on: Date,
    /// Those with a calendar in the term.
    pub districts: i64,
    pub sections: i64,
    pub services: i64,
    /// Active ones: they belong to no term.
    pub educators: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EducatorEntry {
    pub id: EducatorId,
    pub name: String,
    pub tz: Tz,
    pub active: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchoolEntry {
    pub id: SchoolId,
    pub name: String,
    pub tz: Tz,
    pub district_id: DistrictId,
    pub district_name: String,
    pub state: String,
}

/// At most `limit` terms, the latest first.
pub async fn terms(tx: &mut Tx, limit: i64) -> Result<Vec<TermNumbers>> {
    let term = |row: &Row| {
        Ok(TermNumbers {
            id: row.id("id")?,
            name: row.get("name")?,
            first_on: Date(row.get::<NaiveDate>("first_on")?),
            last_on: Date(row.get::<NaiveDate>("last_on")?),
            districts: row.get("districts")?,
            sections: row.get("sections")?,
            services: row.get("services")?,
            educators: row.get("educators")?,
        })
    };
    tx.rows(&TERMS, args![limit]).await?.iter().map(term).collect()
}

/// Every educator's name, for whoever plans.
pub async fn educator_names(tx: &mut Tx) -> Result<BTreeMap<EducatorId, String>> {
    tx.rows(&NAMES, &[]).await?.iter().map(|row| Ok((row.id("id")?, row.get("name")?))).collect()
}

/// At most `limit` educators within reach whose name contains `text`, by name, after the one with the id `after`.
/// Within reach of districts are those with published sessions there.
pub async fn educators(
    tx: &mut Tx,
    reach: &Reach,
    text: &str,
    after: Option<EducatorId>,
    limit: i64,
) -> Result<Vec<EducatorEntry>> {
    let entry = |row: &Row| {
        Ok(EducatorEntry { id: row.id("id")?, name: row.get("name")?, tz: zone(row)?, active: row.get("active")? })
    };
    let (all, own, districts) = parts(reach);
    tx.rows(&EDUCATORS, args![text, after.map(RecordId::uuid), limit, all, own, districts])
        .await?
        .iter()
        .map(entry)
        .collect()
}

/// At most `limit` schools within reach where the name of school or district contains `text`, by name, after the one
/// with the id `after`.
pub async fn schools(
    tx: &mut Tx,
    reach: &Reach,
    text: &str,
    after: Option<SchoolId>,
    limit: i64,
) -> Result<Vec<SchoolEntry>> {
    let entry = |row: &Row| {
        Ok(SchoolEntry {
            id: row.id("id")?,
            name: row.get("name")?,
            tz: zone(row)?,
            district_id: row.id("district_id")?,
            district_name: row.get("district_name")?,
            state: row.get("state")?,
        })
    };
    let (all, _, districts) = parts(reach);
    tx.rows(&SCHOOLS, args![text, after.map(RecordId::uuid), limit, all, districts]).await?.iter().map(entry).collect()
}

/// The license areas that somebody holds, in order.
pub async fn areas(tx: &mut Tx) -> Result<Vec<String>> {
    tx.rows(&AREAS, args![]).await?.iter().map(|row| row.get("name")).collect()
}

/// The states in which districts are, in order.
pub async fn states(tx: &mut Tx) -> Result<Vec<String>> {
    tx.rows(&STATES, args![]).await?.iter().map(|row| row.get("name")).collect()
}

/// Whether the educator's name and week lie within reach.
pub async fn on_roster(tx: &mut Tx, reach: &Reach, id: EducatorId) -> Result<bool> {
    super::scope::reaches(tx, reach, "educator", id).await
}

/// When the last published session of an educator or a school begins.
pub async fn last_session(tx: &mut Tx, owner: Owner) -> Result<Option<DateTime<Utc>>> {
    let row = match owner {
        Owner::Educator(id) => tx.row(&LAST_OF_EDUCATOR, args![id]).await?,
        Owner::School(id) => tx.row(&LAST_OF_SCHOOL, args![id]).await?,
        Owner::District(id) => tx.row(&LAST_OF_DISTRICT, args![id]).await?,
    };
    row.map(|row| row.get("starts_at")).transpose()
}

/// A reach as what the statements bind: everything, one educator, districts.
pub(super) fn parts(reach: &Reach) -> (bool, Option<Uuid>, Json) {
    match reach {
        Reach::All => (true, None, json!([])),
        Reach::Own(id) => (false, Some(id.uuid()), json!([])),
        Reach::Districts(ids) => (false, None, json!(ids)),
        Reach::Nothing => (false, None, json!([])),
    }
}

fn zone(row: &Row) -> Result<Tz> {
    let name: String = row.get("tz")?;
    name.parse().map_err(|_| StoreError::Corrupt(format!("{name:?} is not a zone")))
}
