//! The service log: what became of each session of a service, one entry for each student. Knows no periods and no sums.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::{DistrictId, EducatorId, LogId, ServiceId, SessionId, StudentId};
use super::line::Grouping;
use super::record::{FieldIssue, Findings};
use super::time::{Clock, Date, Tz};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Delivered,
    Partly,
    Missed,
}

impl Outcome {
    pub const ALL: [Self; 3] = [Self::Delivered, Self::Partly, Self::Missed];

    #[must_use]
    pub const fn name(self) -> &'static str {
        ["delivered", "partly", "missed"][self as usize]
    }
}

/// Why minutes were not delivered (SameGoal's columns and domain.md §3b.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissReason {
    StudentAbsent,
    ProviderAbsent,
    Closure,
    SchoolActivity,
    Refused,
    Technical,
    Other,
}

impl MissReason {
    pub const ALL: [Self; 7] = [
        Self::StudentAbsent,
        Self::ProviderAbsent,
        Self::Closure,
        Self::SchoolActivity,
        Self::Refused,
        Self::Technical,
        Self::Other,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        ["student_absent", "provider_absent", "closure", "school_activity", "refused", "technical", "other"]
            [self as usize]
    }

    /// As a person says it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        [
            "Student absent",
            "Educator absent",
            "School closed",
            "School activity",
            "Student refused",
            "Technical failure",
            "Other",
        ][self as usize]
    }
}

macro_rules! named {
    ($($type:ident: $what:literal;)+) => {$(
        impl std::str::FromStr for $type {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.into_iter().find(|one| one.name() == text).ok_or_else(|| {
                    format!("{text:?} is not {}; use {}", $what, Self::ALL.map(Self::name).join(", "))
                })
            }
        }
    )+};
}
named! {
    Outcome: "an outcome";
    MissReason: "a reason";
}

/// What is said of one session and one student. Times are on the school's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub outcome: Outcome,
    /// Why minutes are missing: of what was partly delivered or missed, and of nothing else.
    pub reason: Option<MissReason>,
    /// When the session began and ended. None, of what was delivered, is as it was planned.
    pub starts: Option<Clock>,
    pub ends: Option<Clock>,
    /// None is as many as the session had.
    pub grouping: Option<Grouping>,
    /// An entry whose missing minutes this session makes up.
    pub makes_up: Option<LogId>,
}

impl Said {
    /// As planned.
    #[must_use]
    pub fn delivered() -> Self {
        Self { outcome: Outcome::Delivered, reason: None, starts: None, ends: None, grouping: None, makes_up: None }
    }

    #[must_use]
    pub fn missed(reason: MissReason) -> Self {
        Self { outcome: Outcome::Missed, reason: Some(reason), ..Self::delivered() }
    }

    /// Minutes delivered of a session that was to run from `planned.0` to `planned.1`, or what is wrong, each with a
    /// pointer below `at`.
    pub fn minutes(&self, planned: (Clock, Clock), at: &str) -> Result<i64, Vec<FieldIssue>> {
        let mut found = Findings::default();
        let length = |(from, to): (Clock, Clock)| i64::from(to.minutes()) - i64::from(from.minutes());
        let pointer = |field: &str| format!("{at}/{field}");
        let told = match (self.starts, self.ends) {
            (Some(from), Some(to)) => Some((from, to)),
            (None, None) => None,
            _ => {
                found.refuse(pointer("ends"), "give starts and ends together, or neither");
                None
            }
        };
        if told.is_some_and(|told| length(told) <= 0) {
            found.refuse(pointer("ends"), "ends before it starts; exchange the two");
        }
        let (whole, actual) = (length(planned), told.map(length));
        match (self.outcome, self.reason) {
            (Outcome::Delivered, Some(_)) => {
                found.refuse(pointer("reason"), "what was delivered needs no reason; say partly, or leave it out");
            }
            (Outcome::Partly | Outcome::Missed, None) => found.refuse(pointer("reason"), "say why minutes are missing"),
            _ => {}
        }
        match (self.outcome, actual) {
            (Outcome::Delivered, Some(actual)) if actual < whole => {
                let message = format!("{actual} of {whole} minutes are partly delivered; say partly, and why");
                found.refuse(pointer("outcome"), message);
            }
            (Outcome::Partly, None) => found.refuse(pointer("starts"), "say when it began and ended"),
            (Outcome::Partly, Some(actual)) if actual >= whole => {
                let message = format!("{actual} of {whole} minutes are all of them; say delivered");
                found.refuse(pointer("outcome"), message);
            }
            (Outcome::Missed, Some(_)) => {
                found.refuse(pointer("starts"), "what was missed has no times; leave them out");
            }
            _ => {}
        }
        let issues = found.into_issues();
        if !issues.is_empty() {
            return Err(issues);
        }
        Ok(if self.outcome == Outcome::Missed { 0 } else { actual.unwrap_or(whole) })
    }
}

/// An entry as it is kept. What a session was to be stays with it, whatever is published later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogEntry {
    #[schema(value_type = uuid::Uuid)]
    pub id: LogId,
    /// Counts amendments, from 1; what it said before stands in its history.
    pub version: i64,
    #[schema(value_type = uuid::Uuid)]
    pub service_id: ServiceId,
    #[schema(value_type = uuid::Uuid)]
    pub student_id: StudentId,
    #[schema(value_type = uuid::Uuid)]
    pub district_id: DistrictId,
    #[schema(value_type = uuid::Uuid)]
    pub educator_id: EducatorId,
    /// The published session; none for one that was held beside the schedule.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub session_id: Option<SessionId>,
    pub held_on: Date,
    pub outcome: Outcome,
    pub reason: Option<MissReason>,
    /// On the school's clock; none of what was missed.
    pub starts: Option<Clock>,
    pub ends: Option<Clock>,
    pub planned_minutes: i64,
    pub delivered_minutes: i64,
    pub grouping: Grouping,
    #[schema(value_type = Option<uuid::Uuid>)]
    pub makes_up: Option<LogId>,
    pub logged_by: String,
    pub updated_at: chrono::DateTime<chrono::Utc>,
}

/// A session that is over and of which nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToLog {
    pub service_id: ServiceId,
    pub session_id: SessionId,
    pub educator_id: EducatorId,
    pub educator_name: String,
    pub held_on: Date,
    pub starts: Clock,
    pub ends: Clock,
    /// Of the school's clock.
    pub tz: Tz,
    pub minutes: i64,
    /// Its educator was away, and nobody stood in.
    pub unheld: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(text: &str) -> Clock {
        text.parse().expect("a clock")
    }

    #[test]
    fn what_is_said_must_fit_together() {
        use MissReason::Technical;
        use Outcome::{Delivered, Missed, Partly};
        let planned = (clock("09:00"), clock("09:30"));
        let with = |outcome, reason, times: Option<(&str, &str)>| {
            let (starts, ends) = times.map(|(from, to)| (clock(from), clock(to))).unzip();
            Said { outcome, reason, starts, ends, ..Said::delivered() }.minutes(planned, "")
        };
        assert_eq!(with(Delivered, None, None), Ok(30));
        assert_eq!(with(Delivered, None, Some(("09:00", "09:40"))), Ok(40));
        assert_eq!(with(Partly, Some(Technical), Some(("09:10", "09:30"))), Ok(20));
        assert_eq!(with(Missed, Some(Technical), None), Ok(0));
        for (outcome, reason, times, pointer) in [
            (Delivered, Some(Technical), None, "/reason"),
            (Delivered, None, Some(("09:00", "09:20")), "/outcome"),
            (Partly, None, Some(("09:00", "09:20")), "/reason"),
            (Partly, Some(Technical), None, "/starts"),
            (Partly, Some(Technical), Some(("09:00", "09:30")), "/outcome"),
            (Partly, Some(Technical), Some(("09:20", "09:10")), "/ends"),
            (Missed, None, None, "/reason"),
            (Missed, Some(Technical), Some(("09:00", "09:20")), "/starts"),
        ] {
            let issues = with(outcome, reason, times).expect_err("is refused");
            assert_eq!(issues[0].pointer, pointer, "{outcome:?} {reason:?} {times:?}: {issues:?}");
        }
    }
}
