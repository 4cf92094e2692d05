//! States' figures for caseloads and groups, each with its source, and the arithmetic that holds people against them.
//!
//! Only figures that were read at a source are here (domain.md §3b.4, mark V); a state that is missing has no figure that
//! the program knows, which is not the same as none.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::time::Date;

/// One state's cap on the students of one educator of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Caseload {
    /// Postal code.
    pub state: &'static str,
    /// The license area it is for.
    pub area: &'static str,
    /// Distinct students.
    pub most: i64,
    /// Students under evaluation count too.
    pub counts_evaluations: bool,
    /// Half of a cap that each supervised assistant adds.
    pub halves_per_assistant: i64,
    pub citation: &'static str,
    /// When the source was read.
    pub read_on: &'static str,
}

const READ_ON: &str = "2026-11-24";

const fn caseload(state: &'static str, most: i64, citation: &'static str) -> Caseload {
    let (counts_evaluations, halves_per_assistant) = (false, 0);
    Caseload { state, area: "slp", most, counts_evaluations, halves_per_assistant, citation, read_on: READ_ON }
}

/// Every cap on distinct students that the program knows.
pub const CASELOADS: [Caseload; 5] = [
    Caseload { halves_per_assistant: 1, ..caseload("KY", 65, "KRS 334A.190") },
    Caseload { counts_evaluations: true, ..caseload("MI", 60, "Mich. Admin. Code R 340.1745") },
    caseload("NY", 65, "New York, total caseload of a speech-language teacher (lambbarnosky.com; dayanlawfirm.com)"),
    caseload("OH", 80, "OAC 3301-51-09(I)"),
    caseload("VA", 68, "8VAC20-81-340"),
];

/// The cap of a state for an area, where the program knows one.
#[must_use]
pub fn caseload_of(state: &str, area: &str) -> Option<&'static Caseload> {
    CASELOADS.iter().find(|cap| cap.state == state && cap.area == area)
}

/// What is held against a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub students: i64,
    pub under_evaluation: i64,
    pub assistants: i64,
}

/// A count and its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Held {
    pub count: i64,
    pub limit: i64,
}

impl Held {
    /// At the limit is within it.
    #[must_use]
    pub fn fits(self) -> bool {
        self.count <= self.limit
    }
}

impl Caseload {
    #[must_use]
    pub fn hold(&self, load: Load) -> Held {
        let evaluated = if self.counts_evaluations { load.under_evaluation } else { 0 };
        let limit = self.most + self.most * self.halves_per_assistant * load.assistants / 2;
        Held { count: load.students + evaluated, limit }
    }
}

/// Tenths of a point in a caseload that mixes disabilities and levels of service (8VAC20-81-340): at most 20 points.
pub const VIRGINIA_TENTHS: i64 = 200;

/// A student's weight in Virginia's table, in tenths of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VirginiaWeight {
    /// Less than half of the day in special education.
    LevelOne,
    /// Level II, autism or multiple disabilities.
    LevelTwo { paraprofessional: bool },
}

impl VirginiaWeight {
    #[must_use]
    pub fn tenths(self) -> i64 {
        match self {
            Self::LevelOne => 10,
            Self::LevelTwo { paraprofessional: true } => 25,
            Self::LevelTwo { paraprofessional: false } => 33,
        }
    }
}

/// A mixed caseload against Virginia's twenty points.
#[must_use]
pub fn virginia(students: &[VirginiaWeight]) -> Held {
    Held { count: students.iter().map(|student| student.tenths()).sum(), limit: VIRGINIA_TENTHS }
}

/// Whole months from a birth date to a day: of a birthday on the 31st, the month is full on the last day of a shorter one.
#[must_use]
pub fn age_months(born: Date, on: Date) -> i64 {
    use chrono::Datelike;
    let months = i64::from(on.year() - born.year()) * 12 + i64::from(on.month()) - i64::from(born.month());
    let month_is_over = on.plus_days(1).day() == 1;
    if on.day() >= born.day() || month_is_over { months } else { months - 1 }
}

/// Months between the oldest and the youngest of an instructional period, held against a limit: 60 in Ohio, 48 for
/// emotional disturbance and sensory or orthopedic impairments (OAC 3301-51-09).
#[must_use]
pub fn age_span(born: &[Date], on: Date, limit: i64) -> Held {
    let ages = born.iter().map(|born| age_months(*born, on));
    let span = ages.clone().max().unwrap_or(0) - ages.min().unwrap_or(0);
    Held { count: span, limit }
}

/// What one more student in an integrated co-teaching class in New York takes (lambbarnosky.com; newyorkappellatedigest.com).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variance {
    None,
    /// The thirteenth.
    Notice,
    /// The fourteenth.
    Approval,
    Refused,
}

/// Everyone with a disability on the roster counts, recommended for the class or not.
#[must_use]
pub fn integrated_class(with_disabilities_on_roster: i64) -> Variance {
    match with_disabilities_on_roster {
        ..=12 => Variance::None,
        13 => Variance::Notice,
        14 => Variance::Approval,
        _ => Variance::Refused,
    }
}

/// A pool that runs every day whoever is in it, such as one for suspended students: the educator stays with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    pub students: i64,
    pub most: i64,
}

impl Pool {
    /// The pool with one more, or none where it is full.
    #[must_use]
    pub fn admit(self) -> Option<Self> {
        (self.students < self.most).then_some(Self { students: self.students + 1, ..self })
    }

    /// An empty pool still needs its educator.
    #[must_use]
    pub const fn needs_educator(self) -> bool {
        self.most > 0
    }
}

/// A standard of high-dosage tutoring that a plan fails (National Student Support Accelerator).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TutoringFault {
    /// More than four students with one tutor.
    GroupTooLarge,
    /// Fewer than three sessions a week.
    TooFewSessions,
    /// Not the same tutor each time.
    ChangingTutor,
}

/// What is held against the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tutoring {
    pub students: i64,
    pub sessions_a_week: i64,
    pub tutors: i64,
}

impl Tutoring {
    /// Everything that keeps this from being high-dosage tutoring.
    #[must_use]
    pub fn faults(self) -> Vec<TutoringFault> {
        [
            (self.students > 4, TutoringFault::GroupTooLarge),
            (self.sessions_a_week < 3, TutoringFault::TooFewSessions),
            (self.tutors > 1, TutoringFault::ChangingTutor),
        ]
        .into_iter()
        .filter_map(|(fails, fault)| fails.then_some(fault))
        .collect()
    }
}
