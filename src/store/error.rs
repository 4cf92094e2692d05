//! What can go wrong in the store, told apart by what the caller can do about it.

use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::migrate::MigrateError;
use uuid::Uuid;

use crate::domain::record::FieldIssue;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no {what} {id}")]
    NotFound { what: &'static str, id: Uuid },
    /// Another record has the same values in these columns.
    #[error("another record has the same {what}")]
    Duplicate { what: String },
    /// The field `what` names a record that does not exist.
    #[error("{what} names a record that does not exist")]
    MissingReference { what: String },
    /// Whoever acts may see this, or could, but not do that.
    #[error("your role does not allow this")]
    Forbidden,
    /// The login, token or rights with which this began have ended.
    #[error("your access has ended or changed; sign in again")]
    Ended,
    /// What is sealed cannot be sealed or opened; the text holds no secret.
    #[error("{0}")]
    Sealed(String),
    /// Records of the kind `what` still refer to this one.
    #[error("still used by a {what}; delete that first")]
    InUse { what: String },
    /// Others rest on it; the text says which, and what to do.
    #[error("{0}")]
    Needed(String),
    #[error("changed meanwhile: it is now at version {current_version}; read it again")]
    Stale { current_version: i64 },
    /// The database refused two things at one time.
    #[error("overlaps: {0}")]
    Overlap(String),
    #[error("{}", list(.0))]
    Invalid(Vec<FieldIssue>),
    /// Nothing is wrong but the moment: a lock, a deadlock or an exhausted pool. Try again.
    #[error("the database is busy; try again")]
    Busy(#[source] sqlx::Error),
    /// Nothing is written until whoever runs the server acts; the text says why and how.
    #[error("the database cannot be written: {0}")]
    Unwritable(&'static str),
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    #[error("migrations: {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A row that the program cannot have written.
    #[error("unreadable row: {0}")]
    Corrupt(String),
}

pub type Result<T> = std::result::Result<T, StoreError>;

fn list(issues: &[FieldIssue]) -> String {
    let lines: Vec<String> = issues.iter().map(|issue| format!("{}: {}", issue.pointer, issue.message)).collect();
    lines.join("; ")
}

impl StoreError {
    /// One refused field.
    pub fn invalid(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldIssue { pointer: pointer.into(), message: message.into() }])
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(refusal) = &error else {
            return match error {
                sqlx::Error::PoolTimedOut => Self::Busy(error),
                _ => Self::Database(error),
            };
        };
        let code = refusal.code().unwrap_or_default();
        if let Some(why) = unwritable(&code) {
            return Self::Unwritable(why);
        }
        match refusal.kind() {
            ErrorKind::UniqueViolation => Self::Duplicate { what: duplicated(refusal.as_ref()) },
            ErrorKind::ForeignKeyViolation => foreign_key(refusal.as_ref()),
            ErrorKind::CheckViolation | ErrorKind::NotNullViolation => Self::invalid("", refusal.message()),
            // PostgreSQL: exclusion; serialization failure, deadlock, lock timeout. SQLite: trigger; busy, locked.
            _ => match code.as_ref() {
                "23P01" => Self::Overlap(refusal.constraint().unwrap_or("sessions").into()),
                "23001" => foreign_key(refusal.as_ref()),
                "1811" if refusal.message().contains("FOREIGN KEY") => foreign_key(refusal.as_ref()),
                "1811" if refusal.message().starts_with("overlap") => Self::Overlap(refusal.message().into()),
                "40001" | "40P01" | "55P03" => Self::Busy(error),
                sqlite if matches!(sqlite_kind(sqlite), Some(5 | 6)) => Self::Busy(error),
                _ => Self::Database(error),
            },
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        let code = match &error {
            MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => {
                cause.as_database_error().and_then(DatabaseError::code)
            }
            _ => None,
        };
        match code.and_then(|code| unwritable(&code)) {
            Some(why) => Self::Unwritable(why),
            None => Self::Migrate(error),
        }
    }
}

/// The low byte of a SQLite code is its kind (5 is busy, 6 is locked); PostgreSQL's codes have five characters.
fn sqlite_kind(code: &str) -> Option<u32> {
    code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|code| code & 0xff)
}

/// What keeps a database from being written, if this code says so.
fn unwritable(code: &str) -> Option<&'static str> {
    match (code, sqlite_kind(code)) {
        ("53100", _) | (_, Some(13)) => Some("its disk is full; free some space there, then try again"),
        ("25006", _) => Some("the server takes no writes (a standby, or set so); connect to the primary"),
        (_, Some(8)) => Some("it is read-only; let this user write the file and its folder"),
        (_, Some(10)) => Some("its disk reports an error or has no space left; look at the system's log"),
        (_, Some(14)) => Some(
            "the file cannot be opened; let its folder exist, and this user read and write the file and the folder",
        ),
        _ => None,
    }
}

/// `source, source_id` from PostgreSQL's detail or SQLite's message.
fn duplicated(refusal: &dyn DatabaseError) -> String {
    if let Some(refusal) = refusal.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        let columns =
            refusal.detail().and_then(|detail| detail.strip_prefix("Key (")?.split_once(")=").map(|(key, _)| key));
        return columns.or(refusal.constraint()).unwrap_or("key").into();
    }
    let columns = refusal.message().rsplit(": ").next().unwrap_or_default();
    let bare: Vec<&str> = columns.split(", ").map(|column| column.rsplit('.').next().unwrap_or(column)).collect();
    bare.join(", ")
}

/// An insert names a missing parent, or a delete meets a child: PostgreSQL tells which; SQLite does not,
/// and the caller finds out (`entity::missing`, `entity::user`).
fn foreign_key(refusal: &dyn DatabaseError) -> StoreError {
    let Some(refusal) = refusal.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() else {
        return StoreError::MissingReference { what: String::new() };
    };
    let table = refusal.table().unwrap_or_default();
    if refusal.message().starts_with("update or delete") {
        return StoreError::InUse { what: table.into() };
    }
    let constraint = refusal.constraint().unwrap_or_default();
    let column = constraint.strip_prefix(table).and_then(|rest| rest.strip_prefix('_')?.strip_suffix("_fkey"));
    StoreError::MissingReference { what: column.unwrap_or(constraint).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_full_and_a_database_that_is_read_only_are_told_apart_from_everything_else() {
        for (code, word) in [
            ("13", "full"),
            ("53100", "full"),
            ("8", "read-only"),
            ("1032", "read-only"),
            ("25006", "takes no writes"),
            ("778", "disk reports"),
            ("14", "folder"),
        ] {
            assert!(unwritable(code).is_some_and(|why| why.contains(word)), "{code}");
        }
        for code in ["", "5", "6", "261", "1555", "1811", "23505", "40001", "53300"] {
            assert_eq!(unwritable(code), None, "{code}");
        }
    }
}
