//! Accounts: who may sign in, in which role, for which districts or as which educator.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actor::{Role, Scope};
use super::id::{AccountId, DistrictId, EducatorId, LinkId, LoginId, PasskeyId, TokenId};
use super::record::{FieldIssue, Findings};
use super::time::Tz;

/// Longest name or mail address of an account.
const MOST: usize = 200;

/// What an administrator says about an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountBody {
    /// Mail address; unique, whatever its case.
    #[schema(max_length = 200)]
    pub email: String,
    #[schema(max_length = 200)]
    pub name: String,
    pub role: Role,
    /// Of district HR and special-education coordinators: at least one; of others none.
    #[serde(default)]
    #[schema(value_type = Vec<uuid::Uuid>, max_items = 1000)]
    pub district_ids: Vec<DistrictId>,
    /// Of educators: whom the account belongs to; of others none.
    #[serde(default)]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub educator_id: Option<EducatorId>,
    /// An account that is not active signs in nowhere, and its logins, tokens and feeds have ended.
    #[serde(default = "yes")]
    pub active: bool,
    /// IANA zone of the clock on which its owner reads what belongs to no school; none is that of their educator, else UTC.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "America/Chicago")]
    pub tz: Option<Tz>,
}

fn yes() -> bool {
    true
}

impl AccountBody {
    /// The same in the one form that is kept.
    #[must_use]
    pub fn normal(mut self) -> Self {
        self.email = normal_email(&self.email);
        self.name = self.name.trim().to_owned();
        self.district_ids.sort();
        self
    }

    /// Everything wrong with it.
    #[must_use]
    pub fn check(&self) -> Vec<FieldIssue> {
        let mut found = Findings::default();
        let plausible = self.email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        let clean = !self.email.chars().any(|c| c.is_whitespace() || c.is_control());
        found.require(plausible && clean && self.email.len() <= MOST, "/email", "not a mail address");
        found.named("/name", &self.name);
        let readable = self.name.len() <= MOST && !self.name.chars().any(char::is_control);
        found.require(readable, "/name", format!("longer than {MOST} bytes, or with control characters"));
        found.distinct("/district_ids", &self.district_ids);
        if self.role.of_districts() {
            found.filled("/district_ids", &self.district_ids);
        } else {
            found.require(self.district_ids.is_empty(), "/district_ids", format!("a {} has none", self.role));
        }
        found.require(self.district_ids.len() <= 1000, "/district_ids", "more than 1000 districts");
        let educator = self.role == Role::Educator;
        found.require(
            self.educator_id.is_some() == educator,
            "/educator_id",
            "give it for an educator's account, and only there",
        );
        found.into_issues()
    }
}

/// As mail addresses are compared and kept.
#[must_use]
pub fn normal_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// An account as it is kept; its secrets never leave the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    /// Counts updates, from 1; the ETag.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub body: AccountBody,
    /// Whether it has been claimed: a password is set, a passkey added or a provider linked.
    pub claimed: bool,
}

/// A signed-in browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub id: LoginId,
    pub agent: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
}

/// A passkey, without what judges its answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    pub id: PasskeyId,
    /// As its owner calls it.
    pub name: String,
    /// As browsers call it.
    pub credential: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Who an account is to an identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderLink {
    pub id: LinkId,
    pub issuer: String,
    /// A mail address or a name there, for people.
    pub shown: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A program's key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiToken {
    #[schema(value_type = uuid::Uuid)]
    pub id: TokenId,
    pub name: String,
    pub scopes: Vec<Scope>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// To within a minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RecordId as _;

    #[test]
    fn districts_and_educators_go_with_their_roles() {
        let body = |role, districts: usize, educator: bool| AccountBody {
            email: " Ana@School.Example ".into(),
            name: "Ana".into(),
            role,
            district_ids: (0..districts).map(|_| DistrictId::fresh()).collect(),
            educator_id: educator.then(EducatorId::fresh),
            active: true,
            tz: None,
        };
        let refused = |role, districts, educator| !body(role, districts, educator).normal().check().is_empty();
        assert!(!refused(Role::Coordinator, 0, false) && !refused(Role::DistrictHr, 2, false));
        assert!(!refused(Role::Educator, 0, true));
        assert!(refused(Role::DistrictHr, 0, false) && refused(Role::Coordinator, 1, false));
        assert!(refused(Role::Educator, 0, false) && refused(Role::Administrator, 0, true));
        assert_eq!(body(Role::Coordinator, 0, false).normal().email, "ana@school.example");
        let mut nameless = body(Role::Coordinator, 0, false);
        (nameless.email, nameless.name) = ("ana".into(), " ".into());
        let pointers: Vec<String> = nameless.check().into_iter().map(|issue| issue.pointer).collect();
        assert_eq!(pointers, ["/email", "/name"]);
    }
}
