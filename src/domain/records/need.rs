//! What must be staffed: vacancies and their sections, students (by pseudonymous key only) and their services.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::id::{CourseId, DistrictId, SchoolId, ServiceLineId, StudentId, TermId, VacancyId};
use crate::domain::license::Grade;
use crate::domain::need::{Meet, Per, ServiceWindow};
use crate::domain::record::{Findings, record};
use crate::domain::time::Date;

record! {
    /// A district's posting: one or more sections to be filled.
    pub struct Vacancy: VacancyId, "vacancy" {
        pub district_id: DistrictId,
        pub term_id: TermId,
        pub title: String,
        #[serde(default)]
        pub status: VacancyStatus,
        /// When it was opened; the clock of time-to-fill.
        #[serde(default)]
        pub opened_at: Option<DateTime<Utc>>,
    }
    |vacancy, found| found.named("/title", &vacancy.title)
}

/// Where a vacancy stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VacancyStatus {
    #[default]
    Draft,
    Open,
    Closed,
}

record! {
    /// A course section at fixed times.
    pub struct Section: SectionId, "section" {
        pub term_id: TermId,
        pub school_id: SchoolId,
        pub course_id: CourseId,
        #[serde(default)]
        pub vacancy_id: Option<VacancyId>,
        pub grades: Vec<Grade>,
        /// Bell periods, each on the days that pass its filters.
        pub meets: Vec<Meet>,
        /// First and last day; none is the term's.
        #[serde(default)]
        pub first_on: Option<Date>,
        #[serde(default)]
        pub last_on: Option<Date>,
        /// Multiplies the price of unserved minutes.
        #[serde(default = "one")]
        pub priority: i64,
        #[serde(default)]
        pub students: Option<i64>,
        /// Sections of one bundle go to one educator, all or none. Unique in the term.
        #[serde(default)]
        pub bundle: Option<String>,
        /// Languages the educator must have.
        #[serde(default)]
        pub languages: Vec<String>,
    }
    |section, found| {
        found.filled("/grades", &section.grades);
        found.distinct("/grades", &section.grades);
        found.filled("/meets", &section.meets);
        for (n, meet) in section.meets.iter().enumerate() {
            found.named(&format!("/meets/{n}/period"), &meet.period);
        }
        found.range("/students", section.students.unwrap_or(0), 0..=100_000);
        if let Some(bundle) = &section.bundle {
            found.named("/bundle", bundle);
        }
        common(found, section.first_on, section.last_on, section.priority, &section.languages);
    }
}

record! {
    /// A student, known by a pseudonymous key: no name, no birth date, nothing that tells who it is.
    pub struct Student: StudentId, "student" {
        pub district_id: DistrictId,
        /// The district's pseudonymous key.
        pub key: String,
    }
    |student, found| found.named("/key", &student.key)
}

record! {
    /// IEP or tutoring minutes owed to a student, whose times are chosen inside windows.
    pub struct Service: ServiceId, "service" {
        pub term_id: TermId,
        pub student_id: StudentId,
        pub school_id: SchoolId,
        /// The service line that it delivers part of; then it follows the line. None where it stands by itself.
        #[serde(default)]
        pub line_id: Option<ServiceLineId>,
        /// For example `speech-language`.
        pub service: String,
        /// Any one of these is an acceptable license area.
        pub areas: Vec<String>,
        pub grade: Grade,
        /// Minutes of one session.
        pub minutes: i64,
        /// Sessions per week, month or cycle.
        pub times: i64,
        pub per: Per,
        pub windows: Vec<ServiceWindow>,
        #[serde(default = "one")]
        pub max_group: i64,
        /// How many grades apart the members of a group may be.
        #[serde(default = "three")]
        pub grade_span: i64,
        #[serde(default)]
        pub first_on: Option<Date>,
        #[serde(default)]
        pub last_on: Option<Date>,
        #[serde(default = "one")]
        pub priority: i64,
        #[serde(default)]
        pub languages: Vec<String>,
    }
    |service, found| {
        found.named("/service", &service.service);
        found.filled("/areas", &service.areas);
        found.range("/minutes", service.minutes, 1..=1440);
        found.range("/times", service.times, 1..=if service.per == Per::Month { 4 } else { 31 });
        found.filled("/windows", &service.windows);
        for (n, window) in service.windows.iter().enumerate() {
            found.filled(&format!("/windows/{n}/days"), &window.days);
            found.require(window.start < window.end, format!("/windows/{n}/end"), "ends before it starts");
        }
        found.range("/max_group", service.max_group, 1..=1000);
        found.range("/grade_span", service.grade_span, 0..=13);
        common(found, service.first_on, service.last_on, service.priority, &service.languages);
    }
}

fn common(found: &mut Findings, first: Option<Date>, last: Option<Date>, priority: i64, languages: &[String]) {
    found.dates("/last_on", first, last);
    found.range("/priority", priority, 0..=1000);
    found.distinct("/languages", languages);
}

fn one() -> i64 {
    1
}

fn three() -> i64 {
    3
}
