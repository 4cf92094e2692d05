//! What every stored record has in common: a kind, an id, a version, and checks that name the field they refuse.

use std::fmt::Display;
use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::id::RecordId;
use super::time::Date;

/// Longest text of a single field, in bytes.
pub const TEXT_LIMIT: usize = 2000;
/// Longest nested list.
pub const LIST_LIMIT: usize = 1000;

/// One refused field of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldIssue {
    /// JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// Why it is refused, and what to do.
    pub message: String,
}

/// The body of a record: what a client writes. Its types refuse what cannot be parsed; `check` refuses
/// what parses but makes no sense.
pub trait Record:
    Serialize + DeserializeOwned + ToSchema + Clone + PartialEq + std::fmt::Debug + Send + Sync + Unpin + 'static
{
    type Id: RecordId;
    /// Singular, as in paths, messages and the audit trail: `bell_schedule`.
    const KIND: &'static str;

    /// The checks of this kind alone.
    fn rules(&self, _found: &mut Findings) {}

    /// The file or system it came from, and its id there.
    fn source(&self) -> (Option<&str>, Option<&str>);

    /// Everything wrong with this body.
    fn check(&self) -> Vec<FieldIssue> {
        let mut found = Findings::default();
        match serde_json::to_value(self) {
            Ok(body) => found.texts("", &body),
            Err(error) => found.refuse("", error.to_string()),
        }
        self.rules(&mut found);
        let (source, source_id) = self.source();
        found.require(
            source.is_some() == source_id.is_some(),
            "/source_id",
            "give source and source_id together, or neither",
        );
        found.0
    }
}

/// A record as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(bound = "T: Record")]
pub struct Stored<T: Record> {
    #[schema(value_type = uuid::Uuid)]
    pub id: T::Id,
    /// Counts updates, from 1; the ETag.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    #[serde(flatten)]
    pub body: T,
}

/// Collects field issues.
#[derive(Default)]
pub struct Findings(Vec<FieldIssue>);

impl Findings {
    #[must_use]
    pub fn into_issues(self) -> Vec<FieldIssue> {
        self.0
    }

    pub fn refuse(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldIssue { pointer: pointer.into(), message: message.into() });
    }

    pub fn require(&mut self, holds: bool, pointer: impl Into<String>, message: impl Into<String>) {
        if !holds {
            self.refuse(pointer, message);
        }
    }

    pub fn range(&mut self, pointer: &str, value: i64, allowed: RangeInclusive<i64>) {
        let (least, most) = (allowed.start(), allowed.end());
        self.require(allowed.contains(&value), pointer, format!("{value} is outside {least} to {most}"));
    }

    pub fn filled<T>(&mut self, pointer: &str, list: &[T]) {
        self.require(!list.is_empty(), pointer, "the list is empty; give at least one");
    }

    /// Refuses text that is empty or blank.
    pub fn named(&mut self, pointer: &str, text: &str) {
        self.require(!text.trim().is_empty(), pointer, "the text is empty");
    }

    pub fn distinct<T: Ord + Display>(&mut self, pointer: &str, list: impl IntoIterator<Item = T>) {
        let mut seen = std::collections::BTreeSet::new();
        for (n, item) in list.into_iter().enumerate() {
            if seen.contains(&item) {
                self.refuse(format!("{pointer}/{n}"), format!("{item} is listed twice"));
            }
            seen.insert(item);
        }
    }

    /// `first` and `last` in order, within `pointer` (a prefix such as `/first_on`).
    pub fn dates(&mut self, pointer: &str, first: Option<Date>, last: Option<Date>) {
        if let (Some(first), Some(last)) = (first, last) {
            self.require(first <= last, pointer, format!("{last} is before {first}; exchange the two dates"));
        }
    }

    /// A two-letter postal code.
    pub fn state(&mut self, pointer: &str, state: &str) {
        let shaped = state.len() == 2 && state.bytes().all(|b| b.is_ascii_uppercase());
        self.require(shaped, pointer, format!("{state:?} is not a postal code of two capital letters, such as AZ"));
    }

    /// Lengths, and characters that no database or file should hold.
    fn texts(&mut self, pointer: &str, value: &Value) {
        match value {
            Value::String(text) => {
                self.require(text.len() <= TEXT_LIMIT, pointer, format!("longer than {TEXT_LIMIT} bytes; shorten it"));
                self.require(!text.contains('\0'), pointer, "contains the character U+0000; remove it");
            }
            Value::Array(list) => {
                self.require(list.len() <= LIST_LIMIT, pointer, format!("more than {LIST_LIMIT} entries"));
                for (n, item) in list.iter().take(LIST_LIMIT).enumerate() {
                    self.texts(&format!("{pointer}/{n}"), item);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    let below = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    self.require(!key.contains('\0'), &below, "contains the character U+0000; remove it");
                    self.texts(&below, item);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Declares a record: its body with `source` and `source_id`, its id type and its kind.
macro_rules! record {
    ($(#[$meta:meta])* pub struct $name:ident: $id:ident, $kind:literal { $($fields:tt)* } $rules:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($fields)*
            /// The file or system this came from; unique together with `source_id`.
            #[serde(default)]
            pub source: Option<String>,
            /// Its id there.
            #[serde(default)]
            pub source_id: Option<String>,
        }
        impl $crate::domain::record::Record for $name {
            type Id = $crate::domain::id::$id;
            const KIND: &'static str = $kind;
            fn rules(&self, found: &mut $crate::domain::record::Findings) {
                let rules: fn(&Self, &mut $crate::domain::record::Findings) = $rules;
                rules(self, found);
            }
            fn source(&self) -> (Option<&str>, Option<&str>) {
                (self.source.as_deref(), self.source_id.as_deref())
            }
        }
    };
}
pub(crate) use record;
