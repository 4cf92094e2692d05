//! Keeping a batch: what is new is inserted, what differs updated, what is the same left alone, and every row
//! accounted for.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;
use uuid::Uuid;

use super::entity::{self, Entity, sql};
use super::error::{Result, StoreError};
use super::tx::Tx;
use super::{delete, entities, giving_way, insert_as, update};
use crate::args;
use crate::domain::batch::{Batch, Keys, Rows};
use crate::domain::id::RecordId;
use crate::domain::record::{FieldIssue, Stored};

/// What became of the rows of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Counts {
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    /// Parts of a whole that the source no longer has (an educator's license, a pin): deleted.
    pub deleted: usize,
    /// Records that the source no longer has and that others may need: kept.
    pub absent: usize,
}

/// What became of a batch, by kind.
pub type Summary = BTreeMap<&'static str, Counts>;

/// The ids that records of this source have.
pub async fn keys(tx: &mut Tx, source: &str) -> Result<Keys> {
    let mut keys = Keys::default();
    for (table, _) in entities::TABLES {
        for row in tx.rows(&sql::sources(table), args![source]).await? {
            keys.know(table, row.get("source_id")?, row.get("id")?);
        }
    }
    Ok(keys)
}

/// Keeps the batch, in the transaction given: all of it or nothing.
pub async fn keep(tx: &mut Tx, source: &str, batch: Batch) -> Result<Summary> {
    let mut summary = Summary::new();
    giving_way::put_off(tx);
    // Parts first lose what is gone, so that what replaces it finds its place free.
    macro_rules! prune {
        ($($rows:ident),+) => {$( prune(tx, source, &batch.$rows, &mut summary).await?; )+};
    }
    macro_rules! upsert {
        ($($rows:ident),+) => {$( upsert(tx, source, batch.$rows, &mut summary).await?; )+};
    }
    prune!(together, vetoes, pins, incumbents, time_off, availability, clearances, licenses, calendars, bell_schedules);
    upsert!(terms, districts, schools, bell_schedules, calendars, courses, sections, students, services);
    upsert!(educators, licenses, clearances, availability, time_off, incumbents, pins, vetoes, together);
    giving_way::look_again(tx).await?;
    for counts in summary.values_mut() {
        counts.absent -= counts.deleted;
    }
    Ok(summary)
}

async fn prune<T: Entity>(tx: &mut Tx, source: &str, rows: &Rows<T>, summary: &mut Summary) -> Result<()> {
    let named: HashSet<Uuid> = rows.iter().map(|(id, _)| id.uuid()).collect();
    for row in tx.rows(&sql::sources(T::TABLE), args![source]).await? {
        let id: T::Id = row.id("id")?;
        if !named.contains(&id.uuid()) {
            delete::<T>(tx, id, None).await?;
            let counts = summary.entry(T::KIND).or_default();
            (counts.deleted, counts.absent) = (counts.deleted + 1, counts.absent + 1);
        }
    }
    Ok(())
}

async fn upsert<T: Entity>(tx: &mut Tx, source: &str, rows: Rows<T>, summary: &mut Summary) -> Result<()> {
    let counts = summary.entry(T::KIND).or_default();
    let kept = entity::of_source::<T>(tx, source).await?;
    let mut kept: HashMap<Uuid, Stored<T>> = kept.into_iter().map(|stored| (stored.id.uuid(), stored)).collect();
    for (id, body) in rows {
        let source_id = body.source().1.unwrap_or_default().replace('~', "~0").replace('/', "~1");
        let place = format!("/{}/{source_id}", T::KIND);
        let Some(before) = kept.remove(&id.uuid()) else {
            insert_as(tx, id, body).await.map_err(|error| placed(error, &place))?;
            counts.created += 1;
            continue;
        };
        let body = keep_local(body, &before.body)?;
        if body == before.body {
            counts.unchanged += 1;
        } else {
            update(tx, id, Some(before.version), body).await.map_err(|error| placed(error, &place))?;
            counts.updated += 1;
        }
    }
    counts.absent += kept.len();
    Ok(())
}

/// Fields that sources do not tell: a later import leaves what people have written there.
const LOCAL: &[(&str, &[&str])] = &[
    ("district", &["retention_years"]),
    ("section", &["vacancy_id"]),
    ("educator", &["display_name", "email", "active", "join_url"]),
    ("pin", &["reason", "overrides"]),
    ("veto", &["reason"]),
];

fn keep_local<T: Entity>(body: T, before: &T) -> Result<T> {
    let Some((_, fields)) = LOCAL.iter().find(|(kind, _)| *kind == T::KIND) else { return Ok(body) };
    let (mut merged, mut before) = (entity::json(&body)?, entity::json(before)?);
    for field in *fields {
        merged[*field] = before[*field].take();
    }
    serde_json::from_value(merged).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Says of which row of the source a refusal is.
fn placed(error: StoreError, place: &str) -> StoreError {
    let issue = |pointer: &str, message: String| FieldIssue { pointer: format!("{place}{pointer}"), message };
    match error {
        StoreError::Invalid(issues) => {
            StoreError::Invalid(issues.into_iter().map(|found| issue(&found.pointer, found.message)).collect())
        }
        StoreError::Duplicate { .. } | StoreError::MissingReference { .. } => {
            StoreError::Invalid(vec![issue("", error.to_string())])
        }
        other => other,
    }
}
