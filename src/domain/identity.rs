//! Who a student is, apart from everything else: optional, sealed where it is kept, and shown only for a purpose.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::record::{FieldIssue, Findings};
use super::time::Date;

/// What a district may keep of a student's identity.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    #[serde(default)]
    #[schema(max_length = 200)]
    pub name: Option<String>,
    #[serde(default)]
    pub born_on: Option<Date>,
}

/// Never into a log.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(***)")
    }
}

impl Identity {
    /// Everything wrong with it; no message repeats what was sent.
    #[must_use]
    pub fn check(&self) -> Vec<FieldIssue> {
        let mut found = Findings::default();
        found.require(self.name.is_some() || self.born_on.is_some(), "", "give a name or a birth date");
        if let Some(name) = &self.name {
            let good = !name.trim().is_empty() && name.len() <= 200 && !name.chars().any(char::is_control);
            found.require(good, "/name", "give 1 to 200 bytes without control characters");
        }
        found.into_issues()
    }

    /// Only these fields.
    #[must_use]
    pub fn only(self, fields: &[IdentityField]) -> Self {
        let has = |field| fields.contains(&field);
        Self {
            name: self.name.filter(|_| has(IdentityField::Name)),
            born_on: self.born_on.filter(|_| has(IdentityField::BornOn)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityField {
    Name,
    BornOn,
}

/// One line of an access report: who was shown what of whom, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Showing {
    pub id: uuid::Uuid,
    pub at: DateTime<Utc>,
    /// `account:` and its id, or a command of this program.
    pub actor: String,
    pub student_id: uuid::Uuid,
    pub fields: Vec<IdentityField>,
    pub purpose: String,
}

/// What was destroyed. It names nobody.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Certificate {
    pub id: uuid::Uuid,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub district_id: uuid::Uuid,
    /// Students, rows by table, the reason, and what is kept.
    #[schema(value_type = Object)]
    pub body: Json,
}

/// Why somebody looks: said by them, kept as long as the record.
pub fn purpose(text: &str) -> Result<String, String> {
    let text = text.trim();
    let good = (3..=200).contains(&text.len()) && !text.chars().any(char::is_control);
    if good { Ok(text.into()) } else { Err("give 3 to 200 bytes: why this is needed".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_shows_what_is_asked_for_and_nothing_to_a_log() {
        let whole = Identity { name: Some("Quillon Zephyrine".into()), born_on: Some(Date::ymd(2016, 3, 4)) };
        assert!(whole.check().is_empty() && !format!("{whole:?}").contains("Quillon"));
        let name = whole.clone().only(&[IdentityField::Name]);
        assert_eq!((name.name.as_deref(), name.born_on), (Some("Quillon Zephyrine"), None));
        assert_eq!(whole.only(&[]), Identity::default());
        let wrong = Identity { name: Some("Quillon\u{7}".into()), born_on: None };
        assert!(wrong.check().iter().all(|issue| !issue.message.contains("Quillon")) && !wrong.check().is_empty());
        assert!(purpose("  a parent asked ").is_ok_and(|text| text == "a parent asked") && purpose("x").is_err());
    }
}
