//! Where and when school is kept: terms, districts, schools, calendars, bell schedules; and the courses taught.

use chrono_tz::Tz;

use super::CENTS;
use crate::domain::calendar::{BellChoice, Period};
use crate::domain::id::{DistrictId, SchoolId, TermId};
use crate::domain::record::record;
use crate::domain::time::{Date, Weekday};

record! {
    /// A planning horizon, both dates included, with the prices of a schedule made for it.
    pub struct Term: TermId, "term" {
        pub name: String,
        pub first_on: Date,
        pub last_on: Date,
        /// Service sessions start on multiples of this on the school's clock.
        #[serde(default = "quarter_hour")]
        pub grid_minutes: i64,
        /// Cents for each minute owed and not served, before priority.
        #[serde(default = "ten_dollars")]
        pub unserved_cents_per_minute: i64,
        /// Cents for each need taken from the educator who serves it now.
        #[serde(default = "two_hundred_dollars")]
        pub change_cents: i64,
    }
    |term, found| {
        found.named("/name", &term.name);
        found.dates("/last_on", Some(term.first_on), Some(term.last_on));
        let days = term.last_on.number() - term.first_on.number();
        found.require(days <= 800, "/last_on", "a term longer than 800 days; split it");
        found.range("/grid_minutes", term.grid_minutes, 1..=720);
        found.range("/unserved_cents_per_minute", term.unserved_cents_per_minute, CENTS);
        found.range("/change_cents", term.change_cents, CENTS);
    }
}

fn quarter_hour() -> i64 {
    15
}

fn ten_dollars() -> i64 {
    1000
}

fn two_hundred_dollars() -> i64 {
    20_000
}

record! {
    /// A school district.
    pub struct District: DistrictId, "district" {
        pub name: String,
        /// Postal code: whose licenses and clearances count here.
        pub state: String,
        /// IANA zone of its schools, unless a school has its own.
        #[schema(value_type = String, example = "America/Phoenix")]
        pub tz: Tz,
        /// Full years after the end of a student's last term, until everything that is kept of them is destroyed with a
        /// certificate; none: only when somebody says so.
        #[serde(default)]
        #[schema(minimum = 1, maximum = 100)]
        pub retention_years: Option<i64>,
    }
    |district, found| {
        found.named("/name", &district.name);
        found.state("/state", &district.state);
        found.range("/retention_years", district.retention_years.unwrap_or(1), 1..=100);
    }
}

record! {
    /// A school of a district.
    pub struct School: SchoolId, "school" {
        pub district_id: DistrictId,
        pub name: String,
        /// IANA zone; none is the district's.
        #[serde(default)]
        #[schema(value_type = Option<String>, example = "America/Denver")]
        pub tz: Option<Tz>,
    }
    |school, found| found.named("/name", &school.name)
}

record! {
    /// The days on which a district (or one school of it) is open in a term, and which bell schedule rings.
    pub struct Calendar: CalendarId, "calendar" {
        pub term_id: TermId,
        pub district_id: DistrictId,
        /// None is the whole district; a school's own calendar goes before the district's.
        #[serde(default)]
        pub school_id: Option<SchoolId>,
        pub first_on: Date,
        pub last_on: Date,
        #[serde(default = "monday_to_friday")]
        pub weekdays: Vec<Weekday>,
        /// Holidays and breaks.
        #[serde(default)]
        pub closed: Vec<Date>,
        /// Labels dealt out in turn to instructional days from `first_on` on, for example A and B.
        #[serde(default)]
        pub cycle: Vec<String>,
        /// Keys of the school's bell schedules.
        pub bell_schedule: BellChoice,
    }
    |calendar, found| {
        found.dates("/last_on", Some(calendar.first_on), Some(calendar.last_on));
        let days = calendar.last_on.number() - calendar.first_on.number();
        found.require(days <= 800, "/last_on", "a calendar longer than 800 days; give one per term");
        found.filled("/weekdays", &calendar.weekdays);
        found.distinct("/weekdays", &calendar.weekdays);
        found.distinct("/closed", &calendar.closed);
        found.distinct("/cycle", &calendar.cycle);
        for (n, label) in calendar.cycle.iter().enumerate() {
            let pointer = format!("/cycle/{n}");
            found.named(&pointer, label);
            found.require(label.parse::<Weekday>().is_err(), &pointer, format!("{label} is a weekday; use another label"));
        }
        found.named("/bell_schedule/default", &calendar.bell_schedule.default);
    }
}

impl From<Calendar> for crate::domain::calendar::Calendar {
    fn from(kept: Calendar) -> Self {
        Self {
            first: kept.first_on,
            last: kept.last_on,
            weekdays: kept.weekdays,
            closed: kept.closed,
            cycle: kept.cycle,
            bell_schedule: kept.bell_schedule,
        }
    }
}

fn monday_to_friday() -> Vec<Weekday> {
    Weekday::ALL[..5].to_vec()
}

record! {
    /// The periods of a school's day; a calendar names it by its key.
    pub struct BellSchedule: BellScheduleId, "bell_schedule" {
        pub school_id: SchoolId,
        /// Unique in the school, for example `regular`.
        pub key: String,
        pub periods: Vec<Period>,
    }
    |bells, found| {
        found.named("/key", &bells.key);
        found.filled("/periods", &bells.periods);
        found.distinct("/periods", bells.periods.iter().map(|period| &period.id));
        for (n, period) in bells.periods.iter().enumerate() {
            found.named(&format!("/periods/{n}/id"), &period.id);
            found.require(period.start < period.end, format!("/periods/{n}/end"), "ends before it starts");
        }
    }
}

record! {
    /// A course: what a section teaches.
    pub struct Course: CourseId, "course" {
        pub name: String,
        /// Any one of these is an acceptable license area.
        pub areas: Vec<String>,
        /// School Courses for the Exchange of Data code.
        #[serde(default)]
        pub sced: Option<String>,
    }
    |course, found| {
        found.named("/name", &course.name);
        found.filled("/areas", &course.areas);
        found.distinct("/areas", &course.areas);
    }
}
