//! The problem format, version 1, exactly as it is written: who must be taught what, when, and who may.
//!
//! This file owns the shape only. Whether the values make sense is `validate`'s business; what they
//! expand to is `holds`'. Integers only; dates are local; money is in cents.

use serde::{Deserialize, Serialize};

use super::rule::Issue;
use super::validate;

pub use crate::domain::calendar::{BellSchedule, Calendar, DateSpan};
pub use crate::domain::educator::Availability;
pub use crate::domain::license::{Grade, License};
pub use crate::domain::need::{Meet, Per, ServiceWindow};
pub use crate::domain::time::{Date, Tz};

/// Read a problem and check it. On failure every issue is told, of form and of sense alike.
pub fn read(bytes: &[u8]) -> Result<Problem, Vec<Issue>> {
    validate::read_problem(bytes)
}

/// The only value of the field `format`.
pub const FORMAT: &str = "staffing-problem/1";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    pub format: String,
    #[serde(default)]
    pub name: String,
    pub term: DateSpan,
    #[serde(default = "quarter_hour")]
    pub grid_minutes: i64,
    #[serde(default)]
    pub weights: Weights,
    #[serde(default)]
    pub districts: Vec<District>,
    #[serde(default)]
    pub schools: Vec<School>,
    #[serde(default)]
    pub courses: Vec<Course>,
    #[serde(default)]
    pub sections: Vec<Section>,
    #[serde(default)]
    pub services: Vec<Service>,
    #[serde(default)]
    pub educators: Vec<Educator>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incumbents: Vec<Pair>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<Pair>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vetoes: Vec<Veto>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<Together>,
}

fn quarter_hour() -> i64 {
    15
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weights {
    pub unserved_cents_per_minute: i64,
    pub change_cents: i64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { unserved_cents_per_minute: 1000, change_cents: 20_000 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct District {
    pub id: String,
    #[serde(default)]
    pub name: String,
    pub state: String,
    pub tz: Tz,
    pub calendar: Calendar,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct School {
    pub id: String,
    pub district: String,
    #[serde(default)]
    pub name: String,
    /// Defaults to the district's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tz: Option<Tz>,
    /// Defaults to the district's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
    pub bell_schedules: Vec<BellSchedule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    pub id: String,
    #[serde(default)]
    pub name: String,
    /// Any one of these is an acceptable license area.
    pub areas: Vec<String>,
    /// School Courses for the Exchange of Data code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sced: Option<String>,
}

/// A need at fixed times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub id: String,
    pub school: String,
    pub course: String,
    pub grades: Vec<Grade>,
    pub meets: Vec<Meet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Date>,
    #[serde(default = "one")]
    pub priority: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub students: Option<i64>,
    /// Sections of one bundle go to one educator, all or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
}

/// A need whose times are chosen inside windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub id: String,
    /// A pseudonymous key, never a name.
    pub student: String,
    pub school: String,
    pub service: String,
    pub areas: Vec<String>,
    pub grade: Grade,
    pub minutes: i64,
    pub times: i64,
    pub per: Per,
    pub windows: Vec<ServiceWindow>,
    #[serde(default = "one")]
    pub max_group: i64,
    #[serde(default = "three")]
    pub grade_span: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Date>,
    #[serde(default = "one")]
    pub priority: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
}

fn one() -> i64 {
    1
}

fn three() -> i64 {
    3
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Educator {
    pub id: String,
    pub tz: Tz,
    pub licenses: Vec<License>,
    /// States in which the educator is cleared to work.
    #[serde(default)]
    pub clearances: Vec<String>,
    pub availability: Vec<Availability>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub time_off: Vec<DateSpan>,
    pub max_minutes_per_week: i64,
    #[serde(default = "whole_day")]
    pub max_minutes_per_day: i64,
    #[serde(default = "ninety_nine")]
    pub max_preps: i64,
    #[serde(default = "ninety_nine")]
    pub max_sections: i64,
    /// Distinct students over services; none is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_students: Option<i64>,
    #[serde(default)]
    pub buffer_minutes: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    #[serde(default)]
    pub pay_cents_per_minute: i64,
    #[serde(default)]
    pub activation_cents: i64,
    #[serde(default)]
    pub prep_cents: i64,
}

fn whole_day() -> i64 {
    1440
}

fn ninety_nine() -> i64 {
    99
}

/// A need and the educator who serves it (`incumbents`) or must (`pins`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    pub need: String,
    pub educator: String,
}

/// This educator may not be matched at this school.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Veto {
    pub educator: String,
    pub school: String,
}

/// Needs better served by one educator, and what each further one costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Together {
    pub id: String,
    pub needs: Vec<String>,
    pub cents: i64,
}
