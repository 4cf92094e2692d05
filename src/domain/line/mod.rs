//! A service line: what an IEP says a student is owed, in its normal form. `read` understands the written form,
//! `plan` splits it into the weekly and monthly plans that a problem can carry. Knows no dates and no people.

mod plan;
mod read;
mod token;

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use plan::{Plan, SchoolWeeks};
pub use read::read;

/// Why a written line cannot stand as it is. Codes are never reused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineIssue {
    /// `L01` … : for programs.
    pub code: &'static str,
    pub cause: String,
    pub action: &'static str,
}

impl fmt::Display for LineIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.code, self.cause, self.action)
    }
}

/// Over what the amount is owed. The names are Ed-Fi's `FrequencyInterval`, and the school's cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    Day,
    Week,
    Cycle,
    Month,
    Quarter,
    Semester,
    Year,
}

impl Interval {
    #[must_use]
    pub const fn name(self) -> &'static str {
        ["day", "week", "cycle", "month", "quarter", "semester", "year"][self as usize]
    }
}

/// Minutes from the least that satisfies the line to the most it provides; equal where the line names one figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Minutes {
    pub least: i64,
    pub most: i64,
}

impl Minutes {
    #[must_use]
    pub const fn exactly(minutes: i64) -> Self {
        Self { least: minutes, most: minutes }
    }

    #[must_use]
    pub const fn times(self, n: i64) -> Self {
        Self { least: self.least * n, most: self.most * n }
    }
}

impl fmt::Display for Minutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.least == self.most { write!(f, "{}", self.least) } else { write!(f, "{}–{}", self.least, self.most) }
    }
}

/// With how many others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    Individual,
    Group,
}

/// In the class, or out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    PushIn,
    PullOut,
}

/// The normal form of a line: `(n, interval, minutes a session, total an interval)`, as domain.md §3b.2 has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Sessions in one interval; none where only the total is owed and the split is free.
    pub times: Option<i64>,
    pub interval: Interval,
    /// School days of one cycle, where the line says so.
    pub cycle_days: Option<i64>,
    /// Minutes of one session; none where the split is free.
    pub session: Option<Minutes>,
    /// Minutes owed in one full interval.
    pub total: Minutes,
    pub grouping: Option<Grouping>,
    pub setting: Option<Setting>,
    /// Consultation with adults: it takes the educator's time and no student's.
    pub indirect: bool,
}

impl Form {
    /// Sessions of fixed length.
    #[must_use]
    pub fn sessions(times: i64, interval: Interval, minutes: Minutes) -> Self {
        Self {
            times: Some(times),
            interval,
            cycle_days: None,
            session: Some(minutes),
            total: minutes.times(times),
            grouping: None,
            setting: None,
            indirect: false,
        }
    }

    /// Minutes alone.
    #[must_use]
    pub fn minutes(total: Minutes, interval: Interval) -> Self {
        Self { times: None, session: None, total, ..Self::sessions(1, interval, total) }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interval = match self.cycle_days {
            Some(days) => format!("{days}-day cycle"),
            None => self.interval.name().into(),
        };
        match (self.times, self.session) {
            (Some(times), Some(session)) => write!(f, "{times} × {session} min per {interval}")?,
            _ => write!(f, "{} min per {interval}", self.total)?,
        }
        match self.grouping {
            Some(Grouping::Individual) => f.write_str(", individual")?,
            Some(Grouping::Group) => f.write_str(", group")?,
            None => {}
        }
        match self.setting {
            Some(Setting::PushIn) => f.write_str(", push-in")?,
            Some(Setting::PullOut) => f.write_str(", pull-out")?,
            None => {}
        }
        f.write_str(if self.indirect { ", consultation" } else { "" })
    }
}
