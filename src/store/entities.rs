//! The columns of every record: name, kind, and for a reference the table it points to.

use super::entity::{Column, Entity, Kind, sql};
use super::tx::Statement;
use crate::domain::records::{
    Availability, BellSchedule, Calendar, Clearance, Course, District, Educator, Incumbent, License, Pin, Policy,
    School, Section, Service, ServiceLine, Student, Term, TimeOff, Together, Vacancy, Veto,
};

macro_rules! entities {
    ($($name:ident [$($column:ident: $kind:ident $(($parent:literal))?),+];)+) => {
        $(impl Entity for $name {
            const COLUMNS: &'static [Column] = &[
                $(Column { name: stringify!($column), kind: Kind::$kind, parent: entities!(@ $($parent)?) },)+
                Column { name: "source", kind: Kind::Text, parent: None },
                Column { name: "source_id", kind: Kind::Text, parent: None },
            ];
        })+
        /// Every table of records, with its columns.
        pub const TABLES: &[(&str, &[Column])] = &[$((<$name as Entity>::TABLE, <$name as Entity>::COLUMNS)),+];

        /// Every statement composed for them.
        #[must_use]
        pub fn statements() -> Vec<Statement> {
            [$(sql::all::<$name>()),+].concat()
        }
    };
    (@) => { None };
    (@ $parent:literal) => { Some($parent) };
}

entities! {
    Term [
        name: Text, first_on: Date, last_on: Date, grid_minutes: Int, unserved_cents_per_minute: Int,
        change_cents: Int
    ];
    District [name: Text, state: Text, tz: Text, retention_years: Int];
    School [district_id: Id("district"), name: Text, tz: Text];
    Calendar [
        term_id: Id("term"), district_id: Id("district"), school_id: Id("school"), first_on: Date, last_on: Date,
        weekdays: Json, closed: Json, cycle: Json, bell_schedule: Json
    ];
    BellSchedule [school_id: Id("school"), key: Text, periods: Json];
    Course [name: Text, areas: Json, sced: Text];
    Vacancy [district_id: Id("district"), term_id: Id("term"), title: Text, status: Text, opened_at: At];
    Section [
        term_id: Id("term"), school_id: Id("school"), course_id: Id("course"), vacancy_id: Id("vacancy"),
        grades: Json, meets: Json, first_on: Date, last_on: Date, priority: Int, students: Int, bundle: Text,
        languages: Json
    ];
    Student [district_id: Id("district"), key: Text];
    ServiceLine [
        term_id: Id("term"), student_id: Id("student"), school_id: Id("school"), service: Text, areas: Json,
        grade: Text, written: Text, session_minutes: Int, group_consent: Bool, windows: Json, max_group: Int,
        grade_span: Int, first_on: Date, last_on: Date, priority: Int, languages: Json
    ];
    Policy [
        key: Text, value: Text, state: Text, district_id: Id("district"), effective_on: Date, ends_on: Date,
        standing: Text, citation: Text
    ];
    Service [
        term_id: Id("term"), student_id: Id("student"), school_id: Id("school"), line_id: Id("service_line"),
        service: Text, areas: Json,
        grade: Text, minutes: Int, times: Int, per: Text, windows: Json, max_group: Int, grade_span: Int,
        first_on: Date, last_on: Date, priority: Int, languages: Json
    ];
    Educator [
        display_name: Text, email: Text, tz: Text, max_minutes_per_week: Int, max_minutes_per_day: Int,
        max_preps: Int, max_sections: Int, max_students: Int, buffer_minutes: Int, languages: Json,
        pay_cents_per_minute: Int, activation_cents: Int, prep_cents: Int, active: Bool, join_url: Text
    ];
    License [educator_id: Id("educator"), state: Text, area: Text, grades: Json, issued_on: Date, expires_on: Date];
    Clearance [educator_id: Id("educator"), state: Text];
    Availability [educator_id: Id("educator"), days: Json, start: Text, end: Text];
    TimeOff [educator_id: Id("educator"), first_on: Date, last_on: Date];
    Pin [
        term_id: Id("term"), section_id: Id("section"), service_id: Id("service"), educator_id: Id("educator"),
        reason: Text, overrides: Json
    ];
    Veto [educator_id: Id("educator"), school_id: Id("school"), reason: Text];
    Together [term_id: Id("term"), needs: Json, cents: Int];
    Incumbent [
        term_id: Id("term"), section_id: Id("section"), service_id: Id("service"), educator_id: Id("educator")
    ];
}
