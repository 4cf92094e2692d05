//! Whether a problem makes sense: every issue, with its place. What it costs to solve is none of its business.
//!
//! What the specification allows is accepted, however odd (a section that never meets); what it cannot
//! mean is refused.

mod findings;
mod needs;
mod places;
mod promises;
mod shape;
mod supply;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::problem::{Course, District, Educator, FORMAT, Problem, School, Section, Service};
use super::rule::{Flaw, Issue};
use findings::Findings;

/// Every issue of a problem of the right form, in order of place.
#[must_use]
pub fn issues(problem: &Problem) -> Vec<Issue> {
    let mut findings = Findings::default();
    if problem.format != FORMAT {
        findings.add(Flaw::Format, "", "format", format!("{:?} is not {FORMAT:?}", problem.format));
    }
    findings.number("", "grid_minutes", problem.grid_minutes, 1..=1440);
    findings.cents("/weights", "unserved_cents_per_minute", problem.weights.unserved_cents_per_minute);
    findings.cents("/weights", "change_cents", problem.weights.change_cents);
    let names = Names::read(problem, &mut findings);
    places::check(problem, &names, &mut findings);
    needs::check(problem, &names, &mut findings);
    supply::check(problem, &mut findings);
    promises::check(problem, &names, &mut findings);
    if findings.0.is_empty() {
        promises::check_sums(problem, &mut findings);
    }
    findings.0.sort_by(|a, b| (&a.pointer, &a.code).cmp(&(&b.pointer, &b.code)));
    findings.0
}

/// Every row by its id.
struct Names<'p> {
    districts: BTreeMap<&'p str, &'p District>,
    schools: BTreeMap<&'p str, &'p School>,
    courses: BTreeMap<&'p str, &'p Course>,
    sections: BTreeMap<&'p str, &'p Section>,
    services: BTreeMap<&'p str, &'p Service>,
    educators: BTreeMap<&'p str, &'p Educator>,
}

impl<'p> Names<'p> {
    fn read(problem: &'p Problem, findings: &mut Findings) -> Self {
        let names = Self {
            districts: findings.index("/districts", &problem.districts, |row| &row.id),
            schools: findings.index("/schools", &problem.schools, |row| &row.id),
            courses: findings.index("/courses", &problem.courses, |row| &row.id),
            sections: findings.index("/sections", &problem.sections, |row| &row.id),
            services: findings.index("/services", &problem.services, |row| &row.id),
            educators: findings.index("/educators", &problem.educators, |row| &row.id),
        };
        findings.index("/together", &problem.together, |row| &row.id);
        for (n, service) in problem.services.iter().enumerate() {
            if names.sections.contains_key(service.id.as_str()) {
                let cause = format!("{:?} is the id of a section", service.id);
                findings.add(Flaw::DuplicateId, &format!("/services/{n}"), "id", cause);
            }
        }
        names
    }

    /// The school of a need.
    fn school_of(&self, need: &str) -> Option<&'p str> {
        let section = self.sections.get(need).map(|row| row.school.as_str());
        section.or_else(|| self.services.get(need).map(|row| row.school.as_str()))
    }
}

/// Read a problem, or tell everything that is wrong with it.
pub(super) fn read_problem(bytes: &[u8]) -> Result<Problem, Vec<Issue>> {
    read(bytes, &tables::PROBLEM, issues)
}

/// Read a schedule. Only its form is checked.
pub(super) fn read_schedule(bytes: &[u8]) -> Result<super::outcome::Schedule, Vec<Issue>> {
    read(bytes, &tables::SCHEDULE, |schedule: &super::outcome::Schedule| {
        let format = super::outcome::FORMAT;
        let wrong = || Issue::new(Flaw::Format, "/format", format!("{:?} is not {format:?}", schedule.format));
        (schedule.format != format).then(wrong).into_iter().collect()
    })
}

fn read<T: DeserializeOwned>(
    bytes: &[u8],
    shape: &tables::Shape,
    check: impl Fn(&T) -> Vec<Issue>,
) -> Result<T, Vec<Issue>> {
    // Serde stops at the first fault, and takes a list of values where a record is meant: the form is always looked at.
    let (is_sound, read) = std::thread::scope(|scope| {
        let sound = scope.spawn(|| shape::is_sound(bytes, shape));
        let read = serde_json::from_slice::<T>(bytes);
        (sound.join().expect("the form is looked at without a panic"), read)
    });
    let (value, mut issues) = match read {
        Ok(value) if is_sound => (value, Vec::new()),
        _ => mended(bytes, shape)?,
    };
    let mended: BTreeSet<String> = issues.iter().map(|issue| issue.pointer.clone()).collect();
    let touches = |pointer: &str| {
        let inside = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        mended.iter().any(|place| inside(pointer, place) || inside(place, pointer))
    };
    issues.extend(check(&value).into_iter().filter(|issue| !touches(&issue.pointer)));
    if issues.is_empty() { Ok(value) } else { Err(issues) }
}

/// What can be read of a document with faults, and the faults.
fn mended<T: DeserializeOwned>(bytes: &[u8], shape: &tables::Shape) -> Result<(T, Vec<Issue>), Vec<Issue>> {
    let mended = shape::mend(bytes, shape).map_err(|issue| vec![issue])?;
    match serde_json::from_value(mended.value) {
        Ok(value) => Ok((value, mended.issues)),
        Err(error) if mended.issues.is_empty() => Err(vec![Issue::new(Flaw::Json, "", error.to_string())]),
        Err(_) => Err(mended.issues),
    }
}
