//! The minutes ledger of a service line: what is owed in each period, and what became of it. A pure function of the
//! line, the school's days, the log and the published sessions.
//!
//! For every period: owed = delivered + missed (by reason) + scheduled + unscheduled. Minutes that a period does not owe
//! stand beside it under `beyond`, so that every minute of the log and of the calendar is counted once.

mod period;
mod sum;

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::calendar::{Calendar, DateSpan, SchoolDay};
use super::id::LogId;
use super::line::Form;
use super::log::MissReason;
use super::policy::{Figure, Policies};
use super::time::{Date, Weekday};

pub use period::{Period, periods, wholes};
pub use sum::ledger;

/// The school days that a ledger counts by.
#[derive(Clone, Debug)]
pub struct School<'c> {
    pub days: Vec<SchoolDay<'c>>,
    weekdays: Vec<Weekday>,
    cycle_length: i64,
}

impl<'c> School<'c> {
    /// The days of a calendar inside a span.
    #[must_use]
    pub fn new(calendar: &'c Calendar, within: DateSpan) -> Self {
        Self {
            days: calendar.instructional_days(within),
            weekdays: calendar.weekdays.clone(),
            cycle_length: i64::try_from(calendar.cycle.len()).unwrap_or(1).max(1),
        }
    }

    fn between(&self, span: DateSpan) -> &[SchoolDay<'c>] {
        let from = self.days.partition_point(|day| day.date < span.first);
        let to = self.days.partition_point(|day| day.date <= span.last);
        &self.days[from..to.max(from)]
    }

    /// Days of school in a span.
    fn open(&self, span: DateSpan) -> i64 {
        i64::try_from(self.between(span).len()).unwrap_or(i64::MAX)
    }

    /// Days of school there would be without a holiday.
    fn regular(&self, span: DateSpan) -> i64 {
        let mut day = span.first;
        let mut count = 0;
        while day <= span.last {
            count += i64::from(self.weekdays.contains(&day.weekday()));
            day = day.plus_days(1);
        }
        count
    }

    fn weeks_open(&self, span: DateSpan) -> i64 {
        let mut weeks: Vec<Date> = self.between(span).iter().map(|day| day.date.monday()).collect();
        weeks.dedup();
        i64::try_from(weeks.len()).unwrap_or(i64::MAX)
    }

    fn week_length(&self) -> i64 {
        i64::try_from(self.weekdays.len()).unwrap_or(5).max(1)
    }
}

/// One entry of the log, as far as a ledger looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    pub id: LogId,
    pub held_on: Date,
    pub planned: i64,
    pub delivered: i64,
    /// Of what is missing.
    pub reason: Option<MissReason>,
    pub makes_up: Option<LogId>,
}

/// A published session that serves the student and has no entry in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduled {
    pub held_on: Date,
    pub minutes: i64,
    /// The entry whose missing minutes it is to give.
    pub makes_up: Option<LogId>,
}

/// A published session that would serve the student and that nobody holds: its educator is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncovered {
    pub held_on: Date,
    pub minutes: i64,
}

/// Minutes beyond what a period owes, or on days that lie in none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Beyond {
    pub delivered: i64,
    pub missed: i64,
    pub scheduled: i64,
}

/// What became of the minutes of a period, or of all periods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sums {
    pub owed: i64,
    /// Make-up sessions for what this period missed included.
    pub delivered: i64,
    /// Of `delivered`, what make-up sessions gave.
    pub made_up: i64,
    /// Missed, not made up, and no make-up session booked.
    #[schema(value_type = Object)]
    pub missed: BTreeMap<MissReason, i64>,
    /// Published and not yet held, or held and not yet logged. Make-up sessions booked for what this period missed included.
    pub scheduled: i64,
    /// Of `scheduled`, what booked make-up sessions will give.
    pub booked: i64,
    /// Of `scheduled`, what lies before today: it wants an entry in the log.
    pub unlogged: i64,
    pub unscheduled: i64,
    /// Of `unscheduled`, what sessions before today had that nobody held: they want an entry in the log.
    pub unheld: i64,
    /// Of `missed`, by what policy says of its reason.
    pub to_make_up: i64,
    pub to_review: i64,
    pub excused: i64,
    /// Owed, less delivered and excused.
    pub remaining: i64,
    pub beyond: Beyond,
}

impl Sums {
    /// Minutes that nothing published will deliver: to be made up, to be decided, not scheduled.
    #[must_use]
    pub fn short(&self) -> i64 {
        self.to_make_up + self.to_review + self.unscheduled
    }

    /// Minutes of sessions before today of which nobody has said what became of them.
    #[must_use]
    pub fn to_log(&self) -> i64 {
        self.unlogged + self.unheld
    }

    /// All missed minutes, whatever the reason.
    #[must_use]
    pub fn missed(&self) -> i64 {
        self.missed.values().sum()
    }
}

/// A period of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PeriodSums {
    pub period: String,
    pub first_on: Date,
    pub last_on: Date,
    /// School days of the line in it.
    pub days: i64,
    /// How `owed` came about.
    pub why: &'static str,
    #[serde(flatten)]
    pub sums: Sums,
    /// Delivered and excused by now, less what an even pace would have given: negative is behind.
    pub pace: i64,
}

/// The ledger of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ledger {
    /// The line in its normal form.
    pub line: String,
    pub first_on: Date,
    pub last_on: Date,
    pub today: Date,
    pub periods: Vec<PeriodSums>,
    pub total: Sums,
    pub pace: i64,
    /// By how many minutes the line will fall short at its end if everything published is delivered and nothing else
    /// happens.
    pub short_by: i64,
    /// The policy figures of the last period that has begun.
    pub policy: Vec<Figure>,
}

/// What a ledger is made of.
#[derive(Clone, Debug)]
pub struct Line<'l> {
    pub form: &'l Form,
    /// From its first to its last day, which is that of the IEP or of the term.
    pub span: DateSpan,
    pub logged: &'l [Logged],
    pub scheduled: &'l [Scheduled],
    /// Without an entry in the log.
    pub uncovered: &'l [Uncovered],
    pub policies: &'l Policies,
}
