//! A transaction on either engine, and the values that go in and out of it.
//!
//! Every statement is written once, with `$1 …`, or as two texts side by side where the dialects differ.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::Value as Json;
use sqlx::postgres::{PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{AssertSqlSafe, Decode, Row as _, Transaction, Type};
use uuid::Uuid;

use super::audit::{self, Pending};
use super::error::{Result, StoreError};
use super::giving_way;
use crate::domain::id::{DistrictId, RecordId, SessionId};
use crate::domain::time::{self, Date};

/// The text of a statement for each engine. Made of constants of this program only, never of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub sqlite: Cow<'static, str>,
    pub postgres: Cow<'static, str>,
}

impl Statement {
    /// One text for both engines.
    #[must_use]
    pub const fn both(sql: &'static str) -> Self {
        Self { sqlite: Cow::Borrowed(sql), postgres: Cow::Borrowed(sql) }
    }

    /// Two texts, where the dialects differ.
    #[must_use]
    pub const fn each(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite: Cow::Borrowed(sqlite), postgres: Cow::Borrowed(postgres) }
    }

    /// Composed from names that are constants of this program.
    pub(super) fn composed(sql: String) -> Self {
        Self { sqlite: Cow::Owned(sql.clone()), postgres: Cow::Owned(sql) }
    }
}

/// Declares statements, and the list of them that a test prepares on both engines.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sqlite:literal $(| $postgres:literal)?;)+) => {
        $($(#[$doc])* const $name: $crate::store::tx::Statement = statements!(@ $sqlite $(| $postgres)?);)+
        pub(in $crate::store) const STATEMENTS: &[(&str, $crate::store::tx::Statement)] = &[$((stringify!($name), $name)),+];
    };
    (@ $both:literal) => { $crate::store::tx::Statement::both($both) };
    (@ $sqlite:literal | $postgres:literal) => { $crate::store::tx::Statement::each($sqlite, $postgres) };
}
pub(in crate::store) use statements;

/// A value to bind; the variant keeps the type of a NULL.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Id(Option<Uuid>),
    Text(Option<String>),
    Int(Option<i64>),
    Date(Option<NaiveDate>),
    At(Option<DateTime<Utc>>),
    Bool(Option<bool>),
    Json(Option<Json>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! values {
    ($($type:ty => $variant:ident;)+) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(Some(value.into()))
            }
        }
        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map(Into::into))
            }
        }
    )+};
}

values! {
    Uuid => Id;
    String => Text;
    &str => Text;
    i64 => Int;
    NaiveDate => Date;
    DateTime<Utc> => At;
    bool => Bool;
    Json => Json;
    Vec<u8> => Bytes;
}

impl From<Date> for Value {
    fn from(date: Date) -> Self {
        Self::Date(Some(date.0))
    }
}

impl<I: RecordId> From<I> for Value {
    fn from(id: I) -> Self {
        Self::Id(Some(id.uuid()))
    }
}

/// `args![id, name, None::<i64>]`
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::store::tx::Value::from($value)),*] };
}

/// Instants as SQLite keeps them: always six digits and `Z`, so that text order is time order.
#[must_use]
pub fn instant_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A row of either engine.
pub enum Row {
    Sqlite(SqliteRow),
    Pg(PgRow),
}

/// What a cell can be read as on both engines (also in an `Option`).
pub trait Cell: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> {}
impl<T> Cell for T where T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> {}

impl Row {
    pub fn get<T: Cell>(&self, column: &str) -> Result<T> {
        let value = match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Pg(row) => row.try_get(column),
        };
        value.map_err(|error| StoreError::Corrupt(error.to_string()))
    }

    /// An id that may be NULL is `get::<Option<Uuid>>`.
    pub fn id<I: RecordId>(&self, column: &str) -> Result<I> {
        self.get(column).map(I::from_uuid)
    }
}

/// The connection inside a [`Tx`].
pub enum Link {
    Sqlite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

/// An open transaction: who acts, when, and on which engine. Dropped without `commit`, it is undone.
pub struct Tx {
    pub link: Link,
    pub actor: String,
    /// One instant for everything written in this transaction.
    pub at: DateTime<Utc>,
    /// How long a digest that is owed waits for further changes; none: nobody is owed mail.
    pub mail_hold: Option<Duration>,
    /// While a batch is kept: booked sessions to look at once it is, each with the kinds of record that changed.
    pub(super) put_off: Option<BTreeMap<SessionId, BTreeSet<&'static str>>>,
    /// Booked sessions that were taken back, each with the reason, of which `commit` owes their districts one notice.
    pub(super) taken_back: BTreeMap<DistrictId, Vec<(String, String)>>,
    /// Lines of the audit trail, written by `commit`.
    pub(super) lines: Vec<Pending>,
}

macro_rules! bound {
    ($statement:expr, $args:expr, $instant:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($statement.clone()));
        for value in $args {
            query = match value {
                Value::Id(v) => query.bind(*v),
                Value::Text(v) => query.bind(v.clone()),
                Value::Int(v) => query.bind(*v),
                Value::Date(v) => query.bind(*v),
                Value::At(v) => query.bind(v.map($instant)),
                Value::Bool(v) => query.bind(*v),
                Value::Json(v) => query.bind(v.clone().map(sqlx::types::Json)),
                Value::Bytes(v) => query.bind(v.clone()),
            };
        }
        query
    }};
}

impl Tx {
    /// Of this moment.
    pub(super) fn begun(link: Link, actor: String) -> Self {
        let (put_off, taken_back) = (None, BTreeMap::new());
        Self { link, actor, at: time::now(), mail_hold: None, put_off, taken_back, lines: Vec::new() }
    }

    /// Rows changed.
    pub async fn execute(&mut self, statement: &Statement, args: &[Value]) -> Result<u64> {
        Ok(match &mut self.link {
            Link::Sqlite(tx) => bound!(statement.sqlite, args, instant_text).execute(&mut **tx).await?.rows_affected(),
            Link::Pg(tx) => {
                bound!(statement.postgres, args, std::convert::identity).execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    pub async fn rows(&mut self, statement: &Statement, args: &[Value]) -> Result<Vec<Row>> {
        Ok(match &mut self.link {
            Link::Sqlite(tx) => {
                let rows = bound!(statement.sqlite, args, instant_text).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Link::Pg(tx) => {
                let rows = bound!(statement.postgres, args, std::convert::identity).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Pg).collect()
            }
        })
    }

    pub async fn row(&mut self, statement: &Statement, args: &[Value]) -> Result<Option<Row>> {
        Ok(self.rows(statement, args).await?.into_iter().next())
    }

    /// Owes what notices are due, writes the lines of the audit trail, then commits.
    pub async fn commit(mut self) -> Result<()> {
        giving_way::tell(&mut self).await?;
        audit::flush(&mut self).await?;
        match self.link {
            Link::Sqlite(tx) => tx.commit().await?,
            Link::Pg(tx) => tx.commit().await?,
        }
        Ok(())
    }

    pub async fn rollback(self) -> Result<()> {
        match self.link {
            Link::Sqlite(tx) => tx.rollback().await?,
            Link::Pg(tx) => tx.rollback().await?,
        }
        Ok(())
    }
}
