//! Where in a problem file a record came from: what the records refuse, told by places of the file.
//!
//! The specification allows more than the records do (a grid of a day, a closed day listed twice).

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::batch::{Batch, Keys, Rows};
use crate::domain::record::{FieldIssue, Record};
use crate::domain::records::{BellSchedule, Calendar, Clearance, Educator, License, School, Student, Term, TimeOff};
use crate::engine::problem::Problem;

use super::problem::batch;

/// Everything that an import of this valid problem would refuse for itself, with its place in the file. What stands in the
/// database already may refuse more.
#[must_use]
pub fn refused(problem: &Problem) -> Vec<FieldIssue> {
    let batch = batch(problem, "file", &mut Keys::default());
    let places = Places::of(problem, &batch);
    let mut found = Vec::new();
    macro_rules! judge {
        ($($rows:ident),+) => {$( judge(&batch.$rows, &places, &mut found); )+};
    }
    judge!(terms, districts, schools, bell_schedules, calendars, courses, sections, students, services);
    judge!(educators, licenses, clearances, availability, time_off, incumbents, pins, vetoes, together);
    found
}

/// What the store refused of an imported problem (`/KIND/SOURCE_ID/FIELD`), with its place in the file.
#[must_use]
pub fn told(problem: &Problem, refused: Vec<FieldIssue>) -> Vec<FieldIssue> {
    let batch = batch(problem, "file", &mut Keys::default());
    let places = Places::of(problem, &batch);
    let in_file =
        |FieldIssue { pointer, message }| FieldIssue { pointer: places.find(&pointer).unwrap_or(pointer), message };
    refused.into_iter().map(in_file).collect()
}

fn judge<T: Record>(rows: &Rows<T>, places: &Places, found: &mut Vec<FieldIssue>) {
    for (_, record) in rows {
        let id = record.source().1.unwrap_or_default();
        found.extend(
            record
                .check()
                .into_iter()
                .map(|issue| FieldIssue { pointer: places.field(T::KIND, id, &issue.pointer), message: issue.message }),
        );
    }
}

/// The place of every record, by its kind and its id in the file.
#[derive(Default)]
struct Places(BTreeMap<(&'static str, String), String>);

impl Places {
    /// The batch has the rows of each list in the order of the file.
    fn of(problem: &Problem, batch: &Batch) -> Self {
        let mut places = Self::default();
        places.note(&batch.terms, [String::new()]);
        let calendars = (0..problem.districts.len()).map(|n| format!("/districts/{n}/calendar"));
        let own = problem.schools.iter().enumerate().filter(|(_, school)| school.calendar.is_some());
        places.note(&batch.calendars, calendars.chain(own.map(|(n, _)| format!("/schools/{n}/calendar"))));
        places.note(
            &batch.bell_schedules,
            nested("schools", "bell_schedules", &problem.schools, |s| s.bell_schedules.len()),
        );
        let educators = &problem.educators;
        places.note(&batch.licenses, nested("educators", "licenses", educators, |e| e.licenses.len()));
        places.note(&batch.availability, nested("educators", "availability", educators, |e| e.availability.len()));
        places.note(&batch.time_off, nested("educators", "time_off", educators, |e| e.time_off.len()));
        // A state that is listed twice is one clearance.
        let clearances = educators.iter().enumerate().flat_map(|(n, educator)| {
            let states: BTreeSet<&String> = educator.clearances.iter().collect();
            let at = move |state| educator.clearances.iter().position(|one| one == state).unwrap_or_default();
            states.into_iter().map(move |state| format!("/educators/{n}/clearances/{}", at(state)))
        });
        places.note(&batch.clearances, clearances);
        let mut seen = BTreeSet::new();
        let first = problem.services.iter().enumerate().filter(|(_, service)| seen.insert(&service.student));
        places.note(&batch.students, first.map(|(n, _)| format!("/services/{n}/student")));
        macro_rules! lists {
            ($($rows:ident at $list:literal),+) => {$(
                places.note(&batch.$rows, (0..batch.$rows.len()).map(|n| format!(concat!("/", $list, "/{}"), n)));
            )+};
        }
        lists!(districts at "districts", schools at "schools", courses at "courses", sections at "sections");
        lists!(services at "services", educators at "educators", incumbents at "incumbents", pins at "pins");
        lists!(vetoes at "vetoes", together at "together");
        places
    }

    fn note<T: Record>(&mut self, rows: &Rows<T>, places: impl IntoIterator<Item = String>) {
        for ((_, record), place) in rows.iter().zip(places) {
            self.0.insert((T::KIND, record.source().1.unwrap_or_default().to_owned()), place);
        }
    }

    /// Of `/KIND/SOURCE_ID/FIELD`.
    fn find(&self, pointer: &str) -> Option<String> {
        let (kind, rest) = pointer.strip_prefix('/')?.split_once('/')?;
        let (id, field) = rest.find('/').map_or((rest, ""), |end| rest.split_at(end));
        let kind = self.0.keys().map(|(known, _)| *known).find(|known| *known == kind)?;
        Some(self.field(kind, &id.replace("~1", "/").replace("~0", "~"), field))
    }

    /// A field of a record by what the file calls it.
    fn field(&self, kind: &'static str, id: &str, field: &str) -> String {
        let place = self.0.get(&(kind, id.to_owned())).map_or("", String::as_str);
        let (first, rest) = field[1.min(field.len())..]
            .split_once('/')
            .map_or((field, ""), |(first, _)| field.split_at(first.len() + 1));
        format!("{place}{}{rest}", called(kind, first))
    }
}

/// `/schools/0/bell_schedules/1` and the like.
fn nested<'p, T>(
    list: &'p str,
    inner: &'p str,
    rows: &'p [T],
    count: impl Fn(&T) -> usize + 'p,
) -> impl Iterator<Item = String> + 'p {
    rows.iter().enumerate().flat_map(move |(n, row)| (0..count(row)).map(move |m| format!("/{list}/{n}/{inner}/{m}")))
}

/// The first part of a field's pointer, as the file has it.
fn called<'f>(kind: &str, field: &'f str) -> &'f str {
    match (kind, field) {
        (Term::KIND, "/first_on") => "/term/first",
        (Term::KIND, "/last_on") => "/term/last",
        (Term::KIND, "/unserved_cents_per_minute") => "/weights/unserved_cents_per_minute",
        (Term::KIND, "/change_cents") => "/weights/change_cents",
        // The place is the text itself, or has no id.
        (Student::KIND | Clearance::KIND, _) | (Calendar::KIND | License::KIND | TimeOff::KIND, "/source_id") => "",
        (BellSchedule::KIND, "/key") | (Educator::KIND, "/display_name") | (_, "/source_id") => "/id",
        (School::KIND, "/district_id") => "/district",
        (_, "/school_id") => "/school",
        (_, "/course_id") => "/course",
        (_, "/educator_id") => "/educator",
        (_, "/section_id" | "/service_id") => "/need",
        (_, "/first_on") => "/first",
        (_, "/last_on") => "/last",
        (_, "/issued_on") => "/issued",
        (_, "/expires_on") => "/expires",
        _ => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn sample() -> Value {
        serde_json::from_str(include_str!("../../tests/service/store/problem.json")).expect("JSON")
    }

    /// Places at which the sample is refused with this in it.
    fn with(pointer: &str, value: Value) -> Vec<String> {
        let mut document = sample();
        *document.pointer_mut(pointer).unwrap_or_else(|| panic!("the sample has no {pointer}")) = value;
        let problem: Problem = serde_json::from_value(document.clone()).expect("a problem");
        let found: Vec<String> = refused(&problem).into_iter().map(|issue| issue.pointer).collect();
        for pointer in &found {
            assert!(document.pointer(pointer).is_some(), "{pointer} is not in the file");
        }
        found
    }

    #[test]
    fn what_the_records_refuse_is_told_by_its_place_in_the_file() {
        let problem: Problem = serde_json::from_value(sample()).expect("a problem");
        assert_eq!(refused(&problem), []);
        let long = || json!("x".repeat(2001));
        for (pointer, value) in [
            ("/grid_minutes", json!(1440)),
            ("/weights/change_cents", json!(-1)),
            ("/districts/1/state", json!("New York")),
            ("/districts/0/calendar/bell_schedule/default", json!(" ")),
            ("/schools/1/bell_schedules/0/id", json!("")),
            ("/courses/1/areas", json!([])),
            ("/sections/2/meets/0/period", json!("")),
            ("/services/1/minutes", json!(0)),
            ("/educators/0/buffer_minutes", json!(-1)),
            ("/educators/1/licenses/0/area", json!("")),
            ("/educators/0/availability/0/days", json!([])),
            ("/educators/0/clearances/0", json!("Arizona")),
        ] {
            assert_eq!(with(pointer, value), [pointer]);
        }
        // Of two dates in the wrong order the later is named.
        assert_eq!(with("/educators/1/licenses/0/issued", json!("2099-01-01")), ["/educators/1/licenses/0/expires"]);
        assert_eq!(with("/sections/2/first", json!("2026-12-01")), ["/sections/2/last"]);
        assert_eq!(with("/term/first", json!("2027-01-01")), ["/term/last"]);
        assert_eq!(with("/services/2/student", long()), ["/services/2/student", "/services/2/student"]);
        assert_eq!(
            with("/districts/0/calendar/closed", json!(["2026-09-07", "2026-09-07"])),
            ["/districts/0/calendar/closed/1"]
        );
    }

    #[test]
    fn what_the_store_refuses_is_found_in_the_file_too() {
        let problem: Problem = serde_json::from_value(sample()).expect("a problem");
        let issue = |pointer: &str| FieldIssue { pointer: pointer.into(), message: "x".into() };
        let asked = ["/license/e2~10/state", "/calendar/d1~1/first_on", "/section/s3", "/vessel/1/name"].map(issue);
        let found: Vec<String> = told(&problem, asked.into()).into_iter().map(|issue| issue.pointer).collect();
        assert_eq!(
            found,
            ["/educators/1/licenses/0/state", "/districts/0/calendar/first", "/sections/2", "/vessel/1/name"]
        );
    }
}
