//! A session: one dated meeting of an educator, as it was published.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::id::{
    DistrictId, EducatorId, LogId, ScheduleId, SchoolId, SectionId, ServiceId, SessionId, StudentId, TermId,
};
use super::time::{Clock, Date, Tz};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionStatus {
    /// It takes place.
    Planned,
    /// The educator is away: the slot is kept, nobody is served.
    Uncovered,
    /// The slot is kept, but on this date nobody is owed minutes.
    Held,
}

impl SessionStatus {
    #[must_use]
    pub fn name(self) -> &'static str {
        ["planned", "uncovered", "held"][self as usize]
    }
}

impl std::str::FromStr for SessionStatus {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Planned, Self::Uncovered, Self::Held].into_iter().find(|status| status.name() == text);
        known.ok_or_else(|| format!("{text:?} is not a status of a session"))
    }
}

/// What a session is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    Section(SectionId),
    /// The kind of service (`SLP`, `OT`, …), for the students of `Session::students`.
    Service(String),
}

/// A student in a service session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionStudent {
    pub service_id: ServiceId,
    pub student_id: StudentId,
    /// Minutes of it are owed to them, whether or not its educator is there: not where the service is not owed on that day,
    /// nor where its period has had them.
    pub due: bool,
}

/// What a session is, whoever published it and whenever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// Which meeting this is, from one publication to the next.
    pub key: String,
    pub educator_id: EducatorId,
    pub school_id: SchoolId,
    pub district_id: DistrictId,
    pub purpose: Purpose,
    pub students: Vec<SessionStudent>,
    /// School wall time is the truth …
    pub held_on: Date,
    pub starts: Clock,
    pub ends: Clock,
    pub tz: Tz,
    /// … and these are derived from it.
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub minutes: i64,
    pub status: SessionStatus,
}

impl Meeting {
    /// What has begun stays as it was held: no publication, absence or cancellation changes it any more, and what became
    /// of it is for the log.
    #[must_use]
    pub fn has_begun(&self, at: DateTime<Utc>) -> bool {
        self.starts_at <= at
    }

    /// The students who get its minutes: nobody where the educator is away.
    pub fn served(&self) -> impl Iterator<Item = &SessionStudent> {
        let held = self.status != SessionStatus::Uncovered;
        self.students.iter().filter(move |student| held && student.due)
    }

    /// Whether two meetings would have somebody in two places.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let shared = || self.students.iter().any(|s| other.students.iter().any(|o| o.student_id == s.student_id));
        self.starts_at < other.ends_at
            && other.starts_at < self.ends_at
            && (self.educator_id == other.educator_id || shared())
    }
}

/// A published meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub term_id: TermId,
    /// The publication that wrote it last.
    pub schedule_id: ScheduleId,
    /// The log entry whose missing minutes it makes up: booked by somebody, in no schedule's pattern.
    pub makes_up: Option<LogId>,
    /// Counts changes, from 0 (RFC 5545 §3.8.7.4).
    pub sequence: i64,
    pub updated_at: DateTime<Utc>,
    pub meeting: Meeting,
}
