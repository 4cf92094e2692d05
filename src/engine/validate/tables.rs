//! The form of problems and schedules as tables: which fields stand where, and what each may hold.
//!
//! They say again what the serde structs say, so that every fault can be told and not only the first.

/// What may stand at a place of the document.
pub enum Shape {
    Text,
    Integer,
    /// A whole number from 0 to 255.
    Week,
    /// A date that begins something; `Last` ends it.
    First,
    Last,
    /// A clock time that begins something; `End` ends it.
    Start,
    End,
    Zone,
    Weekday,
    Grade,
    Per,
    List(&'static Shape),
    /// Any names of the first shape, values of the second.
    Map(&'static Shape, &'static Shape),
    /// Named fields; `open` passes over further ones.
    Record {
        fields: &'static [Field],
        open: bool,
    },
}

pub struct Field {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
    pub nullable: bool,
}

const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true, nullable: false }
}

/// May be left out.
const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false, nullable: false }
}

/// May be left out, or null.
const fn or_null(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false, nullable: true }
}

const fn record(fields: &'static [Field]) -> Shape {
    Shape::Record { fields, open: false }
}

const TEXTS: Shape = Shape::List(&Shape::Text);
const GRADES: Shape = Shape::List(&Shape::Grade);
const WEEKDAYS: Shape = Shape::List(&Shape::Weekday);
const SPAN: Shape = record(&[must("first", Shape::First), must("last", Shape::Last)]);
pub const PAIRS: Shape = Shape::List(&record(&[must("need", Shape::Text), must("educator", Shape::Text)]));

const CALENDAR: Shape = record(&[
    must("first", Shape::First),
    must("last", Shape::Last),
    may("weekdays", WEEKDAYS),
    may("closed", Shape::List(&Shape::First)),
    may("cycle", TEXTS),
    must(
        "bell_schedule",
        record(&[
            must("default", Shape::Text),
            may("weekdays", Shape::Map(&Shape::Weekday, &Shape::Text)),
            may("dates", Shape::Map(&Shape::First, &Shape::Text)),
        ]),
    ),
]);

const DISTRICT: Shape = record(&[
    must("id", Shape::Text),
    may("name", Shape::Text),
    must("state", Shape::Text),
    must("tz", Shape::Zone),
    must("calendar", CALENDAR),
]);

const PERIOD: Shape = record(&[must("id", Shape::Text), must("start", Shape::Start), must("end", Shape::End)]);
const BELL_SCHEDULE: Shape = record(&[must("id", Shape::Text), must("periods", Shape::List(&PERIOD))]);
const SCHOOL: Shape = record(&[
    must("id", Shape::Text),
    must("district", Shape::Text),
    may("name", Shape::Text),
    or_null("tz", Shape::Zone),
    or_null("calendar", CALENDAR),
    must("bell_schedules", Shape::List(&BELL_SCHEDULE)),
]);

const COURSE: Shape =
    record(&[must("id", Shape::Text), may("name", Shape::Text), must("areas", TEXTS), or_null("sced", Shape::Text)]);

const MEET: Shape = record(&[must("period", Shape::Text), or_null("days", WEEKDAYS), or_null("cycle_days", TEXTS)]);
const SECTION: Shape = record(&[
    must("id", Shape::Text),
    must("school", Shape::Text),
    must("course", Shape::Text),
    must("grades", GRADES),
    must("meets", Shape::List(&MEET)),
    or_null("first", Shape::First),
    or_null("last", Shape::Last),
    may("priority", Shape::Integer),
    or_null("students", Shape::Integer),
    or_null("bundle", Shape::Text),
    may("languages", TEXTS),
]);

const WINDOW: Shape = record(&[must("days", TEXTS), must("start", Shape::Start), must("end", Shape::End)]);
const SERVICE: Shape = record(&[
    must("id", Shape::Text),
    must("student", Shape::Text),
    must("school", Shape::Text),
    must("service", Shape::Text),
    must("areas", TEXTS),
    must("grade", Shape::Grade),
    must("minutes", Shape::Integer),
    must("times", Shape::Integer),
    must("per", Shape::Per),
    must("windows", Shape::List(&WINDOW)),
    may("max_group", Shape::Integer),
    may("grade_span", Shape::Integer),
    or_null("first", Shape::First),
    or_null("last", Shape::Last),
    may("priority", Shape::Integer),
    may("languages", TEXTS),
]);

const LICENSE: Shape = record(&[
    must("state", Shape::Text),
    must("area", Shape::Text),
    must("grades", GRADES),
    must("issued", Shape::First),
    must("expires", Shape::Last),
]);
const AVAILABILITY: Shape = record(&[must("days", WEEKDAYS), must("start", Shape::Start), must("end", Shape::End)]);
const EDUCATOR: Shape = record(&[
    must("id", Shape::Text),
    must("tz", Shape::Zone),
    must("licenses", Shape::List(&LICENSE)),
    may("clearances", TEXTS),
    must("availability", Shape::List(&AVAILABILITY)),
    may("time_off", Shape::List(&SPAN)),
    must("max_minutes_per_week", Shape::Integer),
    may("max_minutes_per_day", Shape::Integer),
    may("max_preps", Shape::Integer),
    may("max_sections", Shape::Integer),
    or_null("max_students", Shape::Integer),
    may("buffer_minutes", Shape::Integer),
    may("languages", TEXTS),
    may("pay_cents_per_minute", Shape::Integer),
    may("activation_cents", Shape::Integer),
    may("prep_cents", Shape::Integer),
]);

const TOGETHER: Shape = record(&[must("id", Shape::Text), must("needs", TEXTS), must("cents", Shape::Integer)]);
const VETO: Shape = record(&[must("educator", Shape::Text), must("school", Shape::Text)]);

pub const PROBLEM: Shape = record(&[
    must("format", Shape::Text),
    may("name", Shape::Text),
    must("term", SPAN),
    may("grid_minutes", Shape::Integer),
    may("weights", record(&[may("unserved_cents_per_minute", Shape::Integer), may("change_cents", Shape::Integer)])),
    may("districts", Shape::List(&DISTRICT)),
    may("schools", Shape::List(&SCHOOL)),
    may("courses", Shape::List(&COURSE)),
    may("sections", Shape::List(&SECTION)),
    may("services", Shape::List(&SERVICE)),
    may("educators", Shape::List(&EDUCATOR)),
    may("incumbents", PAIRS),
    may("pins", PAIRS),
    may("vetoes", Shape::List(&VETO)),
    may("together", Shape::List(&TOGETHER)),
]);

const SESSION: Shape =
    record(&[must("day", Shape::Text), must("start", Shape::Start), or_null("weeks", Shape::List(&Shape::Week))]);
const PLACED: Shape =
    record(&[must("service", Shape::Text), must("educator", Shape::Text), must("sessions", Shape::List(&SESSION))]);
const TAUGHT: Shape = record(&[must("section", Shape::Text), must("educator", Shape::Text)]);

/// A solver's report may stand beside these fields.
pub const SCHEDULE: Shape = Shape::Record {
    fields: &[
        must("format", Shape::Text),
        may("sections", Shape::List(&TAUGHT)),
        may("services", Shape::List(&PLACED)),
    ],
    open: true,
};
