//! One path for every kind of record: insert, find, list, update, delete, each with its line in the audit trail.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::audit;
use super::entities;
use super::error::{Result, StoreError};
use super::giving_way;
use super::lines;
use super::told;
use super::tx::{Row, Statement, Tx, Value};
use super::vacancies;
use crate::domain::id::RecordId;
use crate::domain::record::{FieldIssue, Record, Stored};

/// How a column is bound and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Id,
    Text,
    Int,
    Date,
    At,
    Bool,
    Json,
}

/// A column holds the field of the body that has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// The table it refers to.
    pub parent: Option<&'static str>,
}

impl Column {
    /// Whether a list can be narrowed by equality with it.
    #[must_use]
    pub fn filters(&self) -> bool {
        matches!(self.kind, Kind::Id | Kind::Text | Kind::Bool)
    }
}

/// A record with a table. Everything else follows from its columns.
pub trait Entity: Record {
    const TABLE: &'static str = Self::KIND;
    /// One for each field of the body.
    const COLUMNS: &'static [Column];
}

/// Conditions of a list: `(column, text)` pairs as a query string gives them.
pub type Filters<'f> = &'f [(&'f str, &'f str)];

pub async fn insert<T: Entity>(tx: &mut Tx, body: T) -> Result<Stored<T>> {
    insert_as(tx, T::Id::fresh(), body).await
}

/// Inserts under an id that the caller has chosen.
pub async fn insert_as<T: Entity>(tx: &mut Tx, id: T::Id, body: T) -> Result<Stored<T>> {
    let mut args = vec![id.into(), Value::from(1), tx.at.into(), tx.at.into()];
    args.extend(values(&body)?);
    lines::agree(tx, T::KIND, id.uuid(), &args[4..]).await?;
    if let Err(error) = tx.execute(&sql::insert::<T>(), &args).await {
        return Err(named::<T>(tx, error, &body).await);
    }
    let stored = Stored { id, version: 1, created_at: tx.at, updated_at: tx.at, body };
    audit::write(tx, "create", T::KIND, id.uuid(), None, Some(json(&stored.body)?)).await?;
    vacancies::begin(tx, T::KIND, id.uuid()).await?;
    lines::follow(tx, T::KIND, id.uuid(), false).await?;
    giving_way::follow(tx, T::KIND, id.uuid(), true).await?;
    Ok(stored)
}

pub async fn find<T: Entity>(tx: &mut Tx, id: T::Id) -> Result<Option<Stored<T>>> {
    tx.row(&sql::select::<T>("id = $1"), &[id.into()]).await?.as_ref().map(stored).transpose()
}

pub async fn get<T: Entity>(tx: &mut Tx, id: T::Id) -> Result<Stored<T>> {
    find(tx, id).await?.ok_or(StoreError::NotFound { what: T::KIND, id: id.uuid() })
}

/// Until this transaction ends, nobody else changes or holds this record; what belongs to it may be added to. On SQLite nobody
/// writes anyway.
pub async fn hold<T: Entity>(tx: &mut Tx, id: T::Id) -> Result<()> {
    tx.row(&sql::hold::<T>(), &[id.into()]).await.map(drop)
}

/// At most `limit` records after `after`, in the order they were created (ids are time-ordered).
pub async fn list<T: Entity>(
    tx: &mut Tx,
    filters: Filters<'_>,
    after: Option<T::Id>,
    limit: i64,
) -> Result<Vec<Stored<T>>> {
    let (columns, args) = filtered::<T>(filters, after, limit)?;
    tx.rows(&sql::list::<T>(&columns), &args).await?.iter().map(stored).collect()
}

/// The columns that filters name, and the values of such a list: where it begins, how many, one for each column.
pub(super) fn filtered<T: Entity>(
    filters: Filters<'_>,
    after: Option<T::Id>,
    limit: i64,
) -> Result<(Vec<&'static Column>, Vec<Value>)> {
    let mut columns = Vec::new();
    let mut args = vec![Value::from(after.map_or(Uuid::nil(), RecordId::uuid)), Value::from(limit)];
    let mut refused = Vec::new();
    for (name, text) in filters {
        match filter::<T>(name, text) {
            Ok((column, value)) => {
                columns.push(column);
                args.push(value);
            }
            Err(message) => refused.push(FieldIssue { pointer: format!("/{name}"), message }),
        }
    }
    if !refused.is_empty() {
        return Err(StoreError::Invalid(refused));
    }
    Ok((columns, args))
}

/// Every record with this parent, in the order they were created. `column` is one of `T::COLUMNS`.
pub async fn children<T: Entity>(tx: &mut Tx, column: &str, parent: impl RecordId) -> Result<Vec<Stored<T>>> {
    let column =
        named_column::<T>(column).ok_or_else(|| StoreError::Corrupt(format!("{} has no {column}", T::TABLE)))?;
    let sql = sql::select::<T>(&format!("\"{}\" = $1 ORDER BY id", column.name));
    tx.rows(&sql, &[parent.into()]).await?.iter().map(stored).collect()
}

/// Every record there is, in the order they were created.
pub async fn every<T: Entity>(tx: &mut Tx) -> Result<Vec<Stored<T>>> {
    tx.rows(&sql::select::<T>("TRUE ORDER BY id"), &[]).await?.iter().map(stored).collect()
}

/// Every record that came from this source.
pub(super) async fn of_source<T: Entity>(tx: &mut Tx, source: &str) -> Result<Vec<Stored<T>>> {
    matching(tx, "source = $1", &[source.into()]).await
}

/// Every record under a condition, which is a constant of the caller's.
pub(super) async fn matching<T: Entity>(
    tx: &mut Tx,
    condition: &'static str,
    args: &[Value],
) -> Result<Vec<Stored<T>>> {
    tx.rows(&sql::select::<T>(condition), args).await?.iter().map(stored).collect()
}

/// Replaces the body, provided the record is still at `expected` (where given).
pub async fn update<T: Entity>(tx: &mut Tx, id: T::Id, expected: Option<i64>, body: T) -> Result<Stored<T>> {
    let args = values(&body)?;
    let before = current::<T>(tx, id, expected).await?;
    lines::hold(tx, T::KIND, id.uuid(), &args).await?;
    lines::agree(tx, T::KIND, id.uuid(), &args).await?;
    vacancies::hold(tx, T::KIND, id.uuid(), &args).await?;
    let (version, now) = (before.version + 1, tx.at.max(before.updated_at));
    let mut bound = vec![id.into(), Value::from(before.version), Value::from(version), now.into()];
    bound.extend(args);
    match tx.execute(&sql::update::<T>(), &bound).await {
        Ok(0) => return Err(gone::<T>(tx, id).await),
        Ok(_) => {}
        Err(error) => return Err(named::<T>(tx, error, &body).await),
    }
    let after = Stored { id, version, created_at: before.created_at, updated_at: now, body };
    let (was, is) = (json(&before.body)?, json(&after.body)?);
    audit::write(tx, "update", T::KIND, id.uuid(), Some(was.clone()), Some(is.clone())).await?;
    lines::follow(tx, T::KIND, id.uuid(), false).await?;
    giving_way::follow(tx, T::KIND, id.uuid(), false).await?;
    told::follow(tx, T::KIND, id.uuid(), &was, &is).await?;
    Ok(after)
}

/// Deletes the record, provided it is still at `expected` (where given), and hands back what it was.
pub async fn delete<T: Entity>(tx: &mut Tx, id: T::Id, expected: Option<i64>) -> Result<Stored<T>> {
    let before = current::<T>(tx, id, expected).await?;
    lines::follow(tx, T::KIND, id.uuid(), true).await?;
    let resting = giving_way::resting_on_calendar(tx, T::KIND, id.uuid()).await?;
    match tx.execute(&sql::delete::<T>(), &[id.into(), before.version.into()]).await {
        Ok(0) => return Err(gone::<T>(tx, id).await),
        Ok(_) => {}
        Err(StoreError::MissingReference { .. }) => return Err(StoreError::InUse { what: user::<T>(tx, id).await? }),
        Err(error) => return Err(error),
    }
    audit::write(tx, "delete", T::KIND, id.uuid(), Some(json(&before.body)?), None).await?;
    giving_way::judge(tx, T::KIND, resting).await?;
    Ok(before)
}

async fn current<T: Entity>(tx: &mut Tx, id: T::Id, expected: Option<i64>) -> Result<Stored<T>> {
    let found = get::<T>(tx, id).await?;
    match expected {
        Some(expected) if expected != found.version => Err(StoreError::Stale { current_version: found.version }),
        _ => Ok(found),
    }
}

/// Why a record that was there is there no more, or not at its version.
async fn gone<T: Entity>(tx: &mut Tx, id: T::Id) -> StoreError {
    match get::<T>(tx, id).await {
        Ok(now) => StoreError::Stale { current_version: now.version },
        Err(error) => error,
    }
}

/// Finds which reference SQLite meant, which does not say.
async fn named<T: Entity>(tx: &mut Tx, error: StoreError, body: &T) -> StoreError {
    let StoreError::MissingReference { what } = &error else { return error };
    if !what.is_empty() {
        return error;
    }
    let Ok(values) = values(body) else { return error };
    for (column, value) in T::COLUMNS.iter().zip(values) {
        if let (Some(parent), Value::Id(Some(_))) = (column.parent, &value)
            && matches!(tx.row(&sql::exists(parent, "id"), &[value]).await, Ok(None))
        {
            return StoreError::MissingReference { what: column.name.into() };
        }
    }
    error
}

/// Which table still refers to this record.
async fn user<T: Entity>(tx: &mut Tx, id: T::Id) -> Result<String> {
    for (table, columns) in entities::TABLES {
        for column in columns.iter().filter(|column| column.parent == Some(T::TABLE)) {
            if tx.row(&sql::exists(table, column.name), &[id.into()]).await?.is_some() {
                return Ok((*table).into());
            }
        }
    }
    Ok("record".into())
}

fn named_column<T: Entity>(name: &str) -> Option<&'static Column> {
    T::COLUMNS.iter().find(|column| column.name == name)
}

fn filter<T: Entity>(name: &str, text: &str) -> std::result::Result<(&'static Column, Value), String> {
    let possible = || T::COLUMNS.iter().filter(|column| column.filters());
    let column = possible().find(|column| column.name == name).ok_or_else(|| {
        let names: Vec<&str> = possible().map(|column| column.name).collect();
        format!("not a filter; use {}", names.join(", "))
    })?;
    let value = match column.kind {
        Kind::Id => text.parse::<Uuid>().map(Value::from).map_err(|_| format!("{text:?} is not an id"))?,
        Kind::Bool => {
            text.parse::<bool>().map(Value::from).map_err(|_| format!("{text:?} is neither true nor false"))?
        }
        _ if text.contains('\0') => return Err("contains the character U+0000; remove it".into()),
        _ => text.into(),
    };
    Ok((column, value))
}

pub(super) fn json<T: Entity>(body: &T) -> Result<Json> {
    serde_json::to_value(body).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The body's values in the order of the columns, once it has passed its checks.
pub(super) fn values<T: Entity>(body: &T) -> Result<Vec<Value>> {
    let issues = body.check();
    if !issues.is_empty() {
        return Err(StoreError::Invalid(issues));
    }
    let Json::Object(mut fields) = json(body)? else {
        return Err(StoreError::Corrupt(format!("{} is not an object", T::KIND)));
    };
    let values = T::COLUMNS.iter().map(|column| {
        let field = fields.remove(column.name);
        let misfit = || StoreError::Corrupt(format!("{}.{} does not hold {field:?}", T::TABLE, column.name));
        let text = || match &field {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(misfit()),
        };
        Ok(match column.kind {
            Kind::Id => Value::Id(text()?.map(str::parse).transpose().map_err(|_| misfit())?),
            Kind::Text => Value::Text(text()?.map(Into::into)),
            Kind::Date => Value::Date(text()?.map(str::parse).transpose().map_err(|_| misfit())?),
            Kind::At => Value::At(text()?.map(str::parse).transpose().map_err(|_| misfit())?),
            Kind::Int => Value::Int(field.as_ref().and_then(Json::as_i64)),
            Kind::Bool => Value::Bool(field.as_ref().and_then(Json::as_bool)),
            Kind::Json => Value::Json(field),
        })
    });
    let values = values.collect::<Result<_>>()?;
    match fields.keys().next() {
        Some(extra) => Err(StoreError::Corrupt(format!("{} has no column {extra}", T::TABLE))),
        None => Ok(values),
    }
}

/// A row as the record it holds.
pub(super) fn stored<T: Entity>(row: &Row) -> Result<Stored<T>> {
    let mut fields = Map::new();
    for column in T::COLUMNS {
        let name = column.name;
        let value = match column.kind {
            Kind::Id => row.get::<Option<Uuid>>(name)?.map(|id| Json::String(id.to_string())),
            Kind::Text => row.get::<Option<String>>(name)?.map(Json::String),
            Kind::Int => row.get::<Option<i64>>(name)?.map(Json::from),
            Kind::Date => row.get::<Option<NaiveDate>>(name)?.map(|date| Json::String(date.to_string())),
            Kind::At => row.get::<Option<DateTime<Utc>>>(name)?.map(|at| Json::String(at.to_rfc3339())),
            Kind::Bool => row.get::<Option<bool>>(name)?.map(Json::Bool),
            Kind::Json => row.get::<Option<sqlx::types::Json<Json>>>(name)?.map(|json| json.0),
        };
        fields.insert(name.into(), value.unwrap_or(Json::Null));
    }
    let body = serde_json::from_value(Json::Object(fields))
        .map_err(|error| StoreError::Corrupt(format!("{}: {error}", T::TABLE)))?;
    Ok(Stored {
        id: row.id("id")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        body,
    })
}

/// Statements composed of table and column names, all of them constants.
pub(super) mod sql {
    use std::fmt::Write as _;

    use super::{Column, Entity, Statement};

    /// `, "name", "state"` — quoted, because `end` is a keyword.
    fn columns<T: Entity>() -> String {
        T::COLUMNS.iter().fold(String::new(), |mut text, column| {
            let _ = write!(text, ", \"{}\"", column.name);
            text
        })
    }

    pub fn insert<T: Entity>() -> Statement {
        let places: Vec<String> = (1..=T::COLUMNS.len() + 4).map(|n| format!("${n}")).collect();
        let (table, columns, places) = (T::TABLE, columns::<T>(), places.join(", "));
        Statement::composed(format!(
            "INSERT INTO {table} (id, version, created_at, updated_at{columns}) VALUES ({places})"
        ))
    }

    pub fn select<T: Entity>(condition: &str) -> Statement {
        let (table, columns) = (T::TABLE, columns::<T>());
        Statement::composed(format!(
            "SELECT id, version, created_at, updated_at{columns} FROM {table} WHERE {condition}"
        ))
    }

    /// References to the row lock its key, which this leaves alone: a publication refers to every educator for long.
    pub fn hold<T: Entity>() -> Statement {
        let row = format!("SELECT id FROM {} WHERE id = $1", T::TABLE);
        Statement { postgres: format!("{row} FOR NO KEY UPDATE").into(), sqlite: row.into() }
    }

    /// `$1` is the id to begin after, `$2` the limit; then one value for each of `columns`.
    pub fn list<T: Entity>(columns: &[&Column]) -> Statement {
        let mut condition = String::from("id > $1");
        for (n, column) in columns.iter().enumerate() {
            let _ = write!(condition, " AND \"{}\" = ${}", column.name, n + 3);
        }
        select::<T>(&format!("{condition} ORDER BY id LIMIT $2"))
    }

    /// The text of [`list`] under one more condition.
    pub fn list_text<T: Entity>(columns: &[&Column], condition: &str) -> String {
        list::<T>(columns).sqlite.replace("id > $1", &format!("id > $1 AND {condition}"))
    }

    pub fn update<T: Entity>() -> Statement {
        let mut set = String::from("version = $3, updated_at = $4");
        for (n, column) in T::COLUMNS.iter().enumerate() {
            let _ = write!(set, ", \"{}\" = ${}", column.name, n + 5);
        }
        Statement::composed(format!("UPDATE {} SET {set} WHERE id = $1 AND version = $2", T::TABLE))
    }

    pub fn delete<T: Entity>() -> Statement {
        Statement::composed(format!("DELETE FROM {} WHERE id = $1 AND version = $2", T::TABLE))
    }

    /// The ids that a source's records have.
    pub fn sources(table: &str) -> Statement {
        Statement::composed(format!("SELECT id, source_id FROM {table} WHERE source = $1"))
    }

    pub fn exists(table: &str, column: &str) -> Statement {
        Statement::composed(format!("SELECT 1 AS one FROM {table} WHERE \"{column}\" = $1 LIMIT 1"))
    }

    /// Every statement that an entity can give rise to, one filter at a time.
    pub fn all<T: Entity>() -> Vec<Statement> {
        let mut all =
            vec![insert::<T>(), select::<T>("id = $1"), select::<T>("TRUE ORDER BY id"), update::<T>(), delete::<T>()];
        all.extend([select::<T>("source = $1"), sources(T::TABLE), hold::<T>()]);
        for column in T::COLUMNS.iter().filter(|column| column.filters()) {
            all.extend([list::<T>(&[column]), exists(T::TABLE, column.name)]);
        }
        all
    }
}
