//! Which rows a [`Reach`] stands for: how each kind of record belongs to a district or an educator, as SQL.

use serde_json::json;

use super::entity::{Entity, sql, stored};
use super::error::{Result, StoreError};
use super::tx::{Statement, Tx, Value};
use super::{entities, entity};
use crate::domain::actor::{Actor, Reach, Thing, Verb};
use crate::domain::id::RecordId;
use crate::domain::record::Stored;

/// The rows of a table that lie in the districts of a JSON list, in place of `{list}`; none: no row does.
fn of_districts(table: &str) -> Option<&'static str> {
    Some(match table {
        "term" | "course" => "TRUE",
        "district" => "id IN {list}",
        "school" | "calendar" | "vacancy" | "student" => "district_id IN {list}",
        "bell_schedule" | "section" | "service" | "service_line" => {
            "school_id IN (SELECT id FROM school WHERE district_id IN {list})"
        }
        // A state's figures hold for every district of it, and say nothing of anybody.
        "policy" => "(district_id IS NULL OR district_id IN {list})",
        "educator" => "id IN (SELECT educator_id FROM session WHERE district_id IN {list})",
        "license" | "clearance" => "educator_id IN (SELECT educator_id FROM session WHERE district_id IN {list})",
        _ => return None,
    })
}

/// The rows of a table that are an educator's, in place of `{educator}`.
fn of_educator(table: &str) -> Option<&'static str> {
    Some(match table {
        "term" | "course" => "TRUE",
        "educator" => "id = {educator}",
        "license" | "clearance" | "availability" | "time_off" => "educator_id = {educator}",
        _ => return None,
    })
}

/// A condition on the rows of `table`, whose one value is bound at `place`.
pub(super) struct Condition {
    pub statement: Statement,
    pub value: Option<Value>,
}

pub(super) fn condition(table: &str, reach: &Reach, place: usize) -> Condition {
    let plain = |text: &str| Statement::composed(text.into());
    let (statement, value) = match reach {
        Reach::All => (plain("TRUE"), None),
        Reach::Nothing => (plain("FALSE"), None),
        Reach::Districts(ids) => match of_districts(table) {
            Some(text) if text.contains("{list}") => (listed(text, place), Some(Value::from(json!(ids)))),
            Some(text) => (plain(text), None),
            None => (plain("FALSE"), None),
        },
        Reach::Own(id) => match of_educator(table) {
            Some(text) if text.contains("{educator}") => {
                (plain(&text.replace("{educator}", &format!("${place}"))), Some(Value::from(*id)))
            }
            Some(text) => (plain(text), None),
            None => (plain("FALSE"), None),
        },
    };
    Condition { statement, value }
}

/// `{list}` as the ids of a JSON list.
fn listed(text: &str, place: usize) -> Statement {
    let sqlite = format!("(SELECT unhex(value, '-') FROM json_each(${place}))");
    let postgres = format!("(SELECT value::uuid FROM jsonb_array_elements_text(${place}))");
    Statement { sqlite: text.replace("{list}", &sqlite).into(), postgres: text.replace("{list}", &postgres).into() }
}

/// A statement with the condition in place of `{scope}`.
fn scoped(text: &str, condition: &Statement) -> Statement {
    Statement {
        sqlite: text.replace("{scope}", &condition.sqlite).into(),
        postgres: text.replace("{scope}", &condition.postgres).into(),
    }
}

/// Whether the row of `table` lies within reach.
pub(super) async fn reaches(tx: &mut Tx, reach: &Reach, table: &str, id: impl RecordId) -> Result<bool> {
    let found = condition(table, reach, 2);
    let statement = scoped(&format!("SELECT 1 AS one FROM {table} WHERE id = $1 AND {{scope}}"), &found.statement);
    let args: Vec<Value> = std::iter::once(id.into()).chain(found.value).collect();
    Ok(tx.row(&statement, &args).await?.is_some())
}

/// The record, if the actor may see it; to them another does not exist.
pub async fn get_for<T: Entity>(tx: &mut Tx, actor: &Actor, id: T::Id) -> Result<Stored<T>> {
    let stored = entity::get::<T>(tx, id).await?;
    match actor.reach(Verb::Read, Thing::Record(T::KIND)) {
        Reach::All => Ok(stored),
        reach if reaches(tx, &reach, T::TABLE, id).await? => Ok(stored),
        _ => Err(StoreError::NotFound { what: T::KIND, id: id.uuid() }),
    }
}

/// As [`entity::list`], of the rows that the actor may see.
pub async fn list_for<T: Entity>(
    tx: &mut Tx,
    actor: &Actor,
    filters: entity::Filters<'_>,
    after: Option<T::Id>,
    limit: i64,
) -> Result<Vec<Stored<T>>> {
    let reach = actor.reach(Verb::Read, Thing::Record(T::KIND));
    if reach.is_nothing() {
        return Err(StoreError::Forbidden);
    }
    let (columns, mut args) = entity::filtered::<T>(filters, after, limit)?;
    let found = condition(T::TABLE, &reach, args.len() + 1);
    let statement = scoped(&sql::list_text::<T>(&columns, "{scope}"), &found.statement);
    args.extend(found.value);
    tx.rows(&statement, &args).await?.iter().map(stored).collect()
}

/// Refuses a change that the actor may not make, before it is made. Of a record they cannot see they learn nothing.
pub async fn permit<T: Entity>(tx: &mut Tx, actor: &Actor, id: Option<T::Id>, body: Option<&T>) -> Result<()> {
    let reach = actor.reach(Verb::Write, Thing::Record(T::KIND));
    if let Some(id) = id {
        get_for::<T>(tx, actor, id).await?;
        if reach != Reach::All && !reaches(tx, &reach, T::TABLE, id).await? {
            return Err(StoreError::Forbidden);
        }
    }
    if reach.is_nothing() {
        return Err(StoreError::Forbidden);
    }
    match body {
        Some(body) if reach != Reach::All => references(tx, actor, body).await,
        _ => Ok(()),
    }
}

/// Refuses a body that names a record the actor cannot see, as one that names a record that does not exist.
async fn references<T: Entity>(tx: &mut Tx, actor: &Actor, body: &T) -> Result<()> {
    for (column, value) in T::COLUMNS.iter().zip(entity::values(body)?) {
        let (Some(parent), Value::Id(Some(id))) = (column.parent, value) else { continue };
        let reach = actor.reach(Verb::Read, Thing::Record(parent));
        if !reaches(tx, &reach, parent, crate::domain::id::NeedId::from_uuid(id)).await? {
            return Err(StoreError::MissingReference { what: column.name.into() });
        }
    }
    Ok(())
}

/// Every statement that scopes give rise to, for the test that prepares them.
pub(super) fn statements() -> Vec<Statement> {
    let ids = std::collections::BTreeSet::new();
    let (districts, own) = (Reach::Districts(ids), Reach::Own(RecordId::from_uuid(uuid::Uuid::nil())));
    let mut all = Vec::new();
    for (table, _) in entities::TABLES {
        for reach in [&Reach::All, &Reach::Nothing, &districts, &own] {
            let text = format!("SELECT 1 AS one FROM {table} WHERE id = $1 AND {{scope}}");
            all.push(scoped(&text, &condition(table, reach, 2).statement));
        }
    }
    all
}
