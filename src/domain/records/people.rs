//! Who can be placed: educators, their licenses, clearances, availability and time off.

use chrono_tz::Tz;

use super::CENTS;
use crate::domain::id::EducatorId;
use crate::domain::license::Grade;
use crate::domain::record::record;
use crate::domain::time::{Clock, Date, Weekday};

record! {
    /// A licensed person we place.
    pub struct Educator: EducatorId, "educator" {
        pub display_name: String,
        #[serde(default)]
        pub email: Option<String>,
        /// IANA zone of their own clock.
        #[schema(value_type = String, example = "America/Phoenix")]
        pub tz: Tz,
        pub max_minutes_per_week: i64,
        #[serde(default = "whole_day")]
        pub max_minutes_per_day: i64,
        /// Distinct courses.
        #[serde(default = "ninety_nine")]
        pub max_preps: i64,
        #[serde(default = "ninety_nine")]
        pub max_sections: i64,
        /// Distinct students over services; none is no limit.
        #[serde(default)]
        pub max_students: Option<i64>,
        /// Free minutes between any two meetings.
        #[serde(default)]
        pub buffer_minutes: i64,
        #[serde(default)]
        pub languages: Vec<String>,
        #[serde(default)]
        pub pay_cents_per_minute: i64,
        /// Cents for giving them any work at all.
        #[serde(default)]
        pub activation_cents: i64,
        /// Cents for each distinct course beyond the first.
        #[serde(default)]
        pub prep_cents: i64,
        /// Only active educators are matched.
        #[serde(default = "yes")]
        pub active: bool,
        /// Where their sessions are joined: an https address, for whoever sees the session.
        #[serde(default)]
        pub join_url: Option<String>,
    }
    |educator, found| {
        if let Some(room) = &educator.join_url {
            let host = room.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
            let plain = !room.chars().any(|c| c.is_whitespace() || c.is_control());
            let says = host.is_some_and(|host| !host.is_empty()) && plain && room.len() <= 500;
            found.require(says, "/join_url", "not an https:// address of at most 500 bytes");
        }
        found.named("/display_name", &educator.display_name);
        if let Some(email) = &educator.email {
            let plausible = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
            found.require(plausible, "/email", "not a mail address");
        }
        found.range("/max_minutes_per_week", educator.max_minutes_per_week, 0..=10_080);
        found.range("/max_minutes_per_day", educator.max_minutes_per_day, 0..=1440);
        found.range("/max_preps", educator.max_preps, 0..=10_000);
        found.range("/max_sections", educator.max_sections, 0..=10_000);
        found.range("/max_students", educator.max_students.unwrap_or(0), 0..=100_000);
        found.range("/buffer_minutes", educator.buffer_minutes, 0..=1440);
        found.distinct("/languages", &educator.languages);
        found.range("/pay_cents_per_minute", educator.pay_cents_per_minute, CENTS);
        found.range("/activation_cents", educator.activation_cents, CENTS);
        found.range("/prep_cents", educator.prep_cents, CENTS);
    }
}

fn whole_day() -> i64 {
    1440
}

fn ninety_nine() -> i64 {
    99
}

fn yes() -> bool {
    true
}

record! {
    /// One license row: a state, an area, grades, and the dates between which it is valid, both included.
    pub struct License: LicenseId, "license" {
        pub educator_id: EducatorId,
        /// Postal code of the state that issued it.
        pub state: String,
        pub area: String,
        pub grades: Vec<Grade>,
        pub issued_on: Date,
        pub expires_on: Date,
    }
    |license, found| {
        found.state("/state", &license.state);
        found.named("/area", &license.area);
        found.filled("/grades", &license.grades);
        found.distinct("/grades", &license.grades);
        found.dates("/expires_on", Some(license.issued_on), Some(license.expires_on));
    }
}

record! {
    /// A state in which the educator is cleared to work (background check, fingerprints).
    pub struct Clearance: ClearanceId, "clearance" {
        pub educator_id: EducatorId,
        pub state: String,
    }
    |clearance, found| found.state("/state", &clearance.state)
}

record! {
    /// A stretch of the educator's own clock in which they can be placed.
    pub struct Availability: AvailabilityId, "availability" {
        pub educator_id: EducatorId,
        pub days: Vec<Weekday>,
        pub start: Clock,
        pub end: Clock,
    }
    |window, found| {
        found.filled("/days", &window.days);
        found.distinct("/days", &window.days);
        found.require(window.start < window.end, "/end", "ends before it starts");
    }
}

record! {
    /// Days away, both included: what falls on them is not served.
    pub struct TimeOff: TimeOffId, "time_off" {
        pub educator_id: EducatorId,
        pub first_on: Date,
        pub last_on: Date,
    }
    |away, found| found.dates("/last_on", Some(away.first_on), Some(away.last_on))
}
