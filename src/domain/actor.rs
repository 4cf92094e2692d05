//! Who acts, and what each role may see and change: the one place where that is decided. Knows no HTTP and no SQL;
//! the store turns a [`Reach`] into the rows it stands for.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::{AccountId, DistrictId, EducatorId, LoginId, RecordId as _, TokenId};
use super::time::Tz;

/// What someone is here for. Each sees no more than the work needs (FERPA's legitimate educational interest,
/// 34 CFR 99.31(a)(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Keeps the installation: accounts, settings, the audit trail; and all that a coordinator may.
    Administrator,
    /// Of the staffing organization: plans and publishes for every district.
    Coordinator,
    /// Of a district's human resources: its own schools, vacancies and sections, and who teaches them.
    DistrictHr,
    /// Coordinates a district's special education: as HR sees it, and its students' service lines.
    SpecialEducation,
    /// Sees nobody but themselves.
    Educator,
}

impl Role {
    pub const ALL: [Self; 5] =
        [Self::Administrator, Self::Coordinator, Self::DistrictHr, Self::SpecialEducation, Self::Educator];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Coordinator => "coordinator",
            Self::DistrictHr => "district_hr",
            Self::SpecialEducation => "special_education",
            Self::Educator => "educator",
        }
    }

    /// As a person says it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Administrator => "Administrator",
            Self::Coordinator => "Staffing coordinator",
            Self::DistrictHr => "District HR",
            Self::SpecialEducation => "Special-education coordinator",
            Self::Educator => "Educator",
        }
    }

    /// Whether accounts of this role are bound to districts.
    #[must_use]
    pub const fn of_districts(self) -> bool {
        matches!(self, Self::DistrictHr | Self::SpecialEducation)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| format!("{text:?} is not a role; use {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// What a token may be used for; a browser's login has them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See what the account sees.
    Read,
    /// Change what the account may change, but accounts and tokens.
    Write,
    /// Administer accounts and tokens.
    Accounts,
    /// Read measurements.
    Metrics,
}

impl Scope {
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Accounts, Self::Metrics];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Accounts => "accounts",
            Self::Metrics => "metrics",
        }
    }
}

impl FromStr for Scope {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.name() == text)
            .ok_or_else(|| format!("{text:?} is not a scope; use {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Read,
    Write,
}

/// To what it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A record, by its kind.
    Record(&'static str),
    /// Runs, schedules and problem files: they hold every educator's pay and every district's needs.
    Planning,
    /// Names, zones and weeks of educators.
    Roster,
    /// Published sessions of sections.
    SectionSessions,
    /// Published sessions of services, with their students' keys.
    ServiceSessions,
    /// Reports of who is away.
    Absences,
    /// What became of sessions of services, and the minutes that students are owed.
    ServiceLog,
    /// How many lines fall short, by school and kind of service: no student is named.
    MinutesAtRisk,
    /// Who students are: names and birth dates.
    Identities,
    /// Who was shown who students are, and what was destroyed.
    Showings,
    /// Calendar addresses of an educator.
    EducatorFeeds,
    /// Calendar addresses of a school.
    SchoolFeeds,
    /// Proposals to districts and offers to educators: each their own to see and to answer.
    Offers,
    /// Accounts of others.
    Accounts,
    /// One's own password, tokens and logins.
    OwnAccount,
    /// Measurements of the server.
    Operations,
}

/// Which rows of a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Nothing,
    /// Rows that belong to these districts. Of an educator's records: those who have published sessions there.
    Districts(BTreeSet<DistrictId>),
    /// Rows of this educator.
    Own(EducatorId),
    All,
}

impl Reach {
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Whether a row of this educator in this district lies within it.
    #[must_use]
    pub fn covers(&self, educator: EducatorId, district: DistrictId) -> bool {
        match self {
            Self::All => true,
            Self::Districts(ids) => ids.contains(&district),
            Self::Own(id) => *id == educator,
            Self::Nothing => false,
        }
    }
}

/// By what an actor was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    Login(LoginId),
    Token(TokenId),
    /// A command of this program, run by whoever may run it.
    Program,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub account: AccountId,
    /// As pages greet them.
    pub name: String,
    pub role: Role,
    pub districts: BTreeSet<DistrictId>,
    pub educator: Option<EducatorId>,
    /// None is all.
    pub scopes: Option<BTreeSet<Scope>>,
    pub credential: Credential,
    /// The clock on which they read what belongs to no school.
    pub tz: Tz,
    /// Of the account when the actor was read: a change of rights makes it stale.
    pub version: i64,
}

impl Actor {
    /// A command of this program.
    #[must_use]
    pub fn program(name: &str) -> Self {
        Self {
            account: AccountId::from_uuid(uuid::Uuid::nil()),
            name: name.into(),
            role: Role::Administrator,
            districts: BTreeSet::new(),
            educator: None,
            scopes: None,
            credential: Credential::Program,
            tz: Tz::UTC,
            version: 0,
        }
    }

    /// As the audit trail names them: never by name or mail address.
    #[must_use]
    pub fn principal(&self) -> String {
        match self.credential {
            Credential::Program => self.name.clone(),
            Credential::Login(_) | Credential::Token(_) => format!("account:{}", self.account),
        }
    }

    /// Which rows of a thing this actor may read or write.
    #[must_use]
    pub fn reach(&self, verb: Verb, thing: Thing) -> Reach {
        if !self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&needed(verb, thing))) {
            return Reach::Nothing;
        }
        match extent(self.role, verb, thing) {
            Extent::All => Reach::All,
            Extent::Districts => Reach::Districts(self.districts.clone()),
            Extent::Own => self.educator.map_or(Reach::Nothing, Reach::Own),
            Extent::Nothing => Reach::Nothing,
        }
    }

    #[must_use]
    pub fn may(&self, verb: Verb, thing: Thing) -> bool {
        !self.reach(verb, thing).is_nothing()
    }
}

impl Role {
    /// Whether anybody of this role may read or write anything of this kind.
    #[must_use]
    pub fn may(self, verb: Verb, thing: Thing) -> bool {
        extent(self, verb, thing) != Extent::Nothing
    }
}

fn needed(verb: Verb, thing: Thing) -> Scope {
    match (verb, thing) {
        (_, Thing::Operations) => Scope::Metrics,
        (_, Thing::Accounts) | (Verb::Write, Thing::OwnAccount) => Scope::Accounts,
        (Verb::Read, _) => Scope::Read,
        (Verb::Write, _) => Scope::Write,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Nothing,
    Own,
    Districts,
    All,
}

/// The table of rights.
fn extent(role: Role, verb: Verb, thing: Thing) -> Extent {
    use Extent::{All, Districts, Nothing, Own};
    match (role, thing) {
        // Neither keeping a server nor planning needs to know who a student is.
        (Role::Administrator | Role::Coordinator, Thing::Identities) | (Role::Coordinator, Thing::Showings) => Nothing,
        (_, Thing::OwnAccount) | (Role::Administrator, _) => All,
        (_, Thing::Accounts | Thing::Operations) => Nothing,
        (Role::Coordinator, _) => All,
        (_, Thing::Planning) => Nothing,
        (Role::Educator, thing) => match (verb, thing) {
            // When they can be placed is theirs to say.
            (_, Thing::EducatorFeeds | Thing::Offers | Thing::ServiceLog | Thing::Absences)
            | (Verb::Write, Thing::Record("availability" | "time_off")) => Own,
            (_, Thing::SchoolFeeds | Thing::Showings | Thing::MinutesAtRisk) | (Verb::Write, _) => Nothing,
            (Verb::Read, Thing::Record(kind)) => match kind {
                "term" | "course" => All,
                "educator" | "license" | "clearance" | "availability" | "time_off" => Own,
                _ => Nothing,
            },
            (Verb::Read, _) => Own,
        },
        (Role::DistrictHr | Role::SpecialEducation, thing) => match (verb, thing) {
            (Verb::Read, Thing::Roster | Thing::SectionSessions | Thing::MinutesAtRisk) | (_, Thing::SchoolFeeds) => {
                Districts
            }
            (_, Thing::Identities | Thing::Showings | Thing::ServiceLog) | (Verb::Read, Thing::ServiceSessions)
                if role == Role::SpecialEducation =>
            {
                Districts
            }
            (_, Thing::Offers) if role == Role::DistrictHr => Districts,
            (_, Thing::Record(kind)) => of_a_district(role, verb, kind),
            _ => Nothing,
        },
    }
}

/// What people of a district may do with its records. Pay, availability and decisions about placing stay with the
/// staffing organization; licenses and clearances of who teaches here are the district's to check.
fn of_a_district(role: Role, verb: Verb, kind: &str) -> Extent {
    use Extent::{All, Districts, Nothing};
    match (verb, kind) {
        (Verb::Read, "term" | "course") => All,
        (
            Verb::Read,
            "district" | "school" | "calendar" | "bell_schedule" | "vacancy" | "section" | "license" | "clearance"
            | "policy",
        ) => Districts,
        (Verb::Write, "school" | "calendar" | "bell_schedule" | "vacancy" | "section") if role == Role::DistrictHr => {
            Districts
        }
        (_, "student" | "service" | "service_line") if role == Role::SpecialEducation => Districts,
        _ => Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(role: Role) -> Actor {
        let educator = (role == Role::Educator).then(EducatorId::fresh);
        let districts = if role.of_districts() { BTreeSet::from([DistrictId::fresh()]) } else { BTreeSet::new() };
        Actor { role, districts, educator, ..Actor::program("test") }
    }

    #[test]
    fn each_role_sees_what_its_work_needs_and_no_more() {
        let letter = |role: Role, verb, thing| match actor(role).reach(verb, thing) {
            Reach::All => 'A',
            Reach::Districts(_) => 'D',
            Reach::Own(_) => 'O',
            Reach::Nothing => '-',
        };
        // Administrator, coordinator, district HR, special education, educator; read, then write.
        for (thing, read, write) in [
            (Thing::Record("term"), "AAAAA", "AA---"),
            (Thing::Record("course"), "AAAAA", "AA---"),
            (Thing::Record("district"), "AADD-", "AA---"),
            (Thing::Record("school"), "AADD-", "AAD--"),
            (Thing::Record("section"), "AADD-", "AAD--"),
            (Thing::Record("vacancy"), "AADD-", "AAD--"),
            (Thing::Record("student"), "AA-D-", "AA-D-"),
            (Thing::Record("service"), "AA-D-", "AA-D-"),
            (Thing::Record("service_line"), "AA-D-", "AA-D-"),
            (Thing::Record("policy"), "AADD-", "AA---"),
            (Thing::ServiceLog, "AA-DO", "AA-DO"),
            (Thing::MinutesAtRisk, "AADD-", "AA---"),
            (Thing::Record("educator"), "AA--O", "AA---"),
            (Thing::Record("license"), "AADDO", "AA---"),
            (Thing::Record("availability"), "AA--O", "AA--O"),
            (Thing::Record("pin"), "AA---", "AA---"),
            (Thing::Planning, "AA---", "AA---"),
            (Thing::Absences, "AA--O", "AA--O"),
            (Thing::Roster, "AADDO", "AA---"),
            (Thing::SectionSessions, "AADDO", "AA---"),
            (Thing::ServiceSessions, "AA-DO", "AA---"),
            (Thing::Identities, "---DO", "---D-"),
            (Thing::Showings, "A--D-", "A--D-"),
            (Thing::EducatorFeeds, "AA--O", "AA--O"),
            (Thing::SchoolFeeds, "AADD-", "AADD-"),
            (Thing::Offers, "AAD-O", "AAD-O"),
            (Thing::Accounts, "A----", "A----"),
            (Thing::OwnAccount, "AAAAA", "AAAAA"),
            (Thing::Operations, "A----", "A----"),
        ] {
            for (verb, expected) in [(Verb::Read, read), (Verb::Write, write)] {
                let found: String = Role::ALL.map(|role| letter(role, verb, thing)).iter().collect();
                assert_eq!(found, expected, "{verb:?} {thing:?}");
            }
        }
    }

    #[test]
    fn a_token_never_reaches_beyond_its_scopes() {
        let mut reader = actor(Role::Administrator);
        reader.scopes = Some(BTreeSet::from([Scope::Read]));
        assert!(reader.may(Verb::Read, Thing::Planning) && reader.may(Verb::Read, Thing::OwnAccount));
        for (verb, thing) in [
            (Verb::Write, Thing::Planning),
            (Verb::Read, Thing::Accounts),
            (Verb::Write, Thing::OwnAccount),
            (Verb::Read, Thing::Operations),
        ] {
            assert!(!reader.may(verb, thing), "{verb:?} {thing:?}");
        }
    }

    #[test]
    fn a_role_bound_to_nothing_reaches_nothing() {
        let mut educator = actor(Role::Educator);
        educator.educator = None;
        assert!(!educator.may(Verb::Read, Thing::SectionSessions));
    }
}
