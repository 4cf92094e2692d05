//! A problem file as records. The way back is `store::snapshot`, which makes a problem of records.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::domain::batch::{Batch, Keys};
use crate::domain::calendar as school_time;
use crate::domain::id::{EducatorId, NeedId, SectionId, ServiceId, TermId};
use crate::domain::record::Record;
use crate::domain::records::{
    Availability, BellSchedule, Calendar, Clearance, Course, District, Educator, Incumbent, License, Pin, School,
    Section, Service, Student, Term, TimeOff, Together, Veto,
};
use crate::engine::problem::{self, Problem};

/// Turns a problem that has passed validation into records of `source`. References of the problem are by its
/// own ids; those become the records' `source_id`, so that the same file read again updates the same records.
#[must_use]
pub fn batch(problem: &Problem, source: &str, keys: &mut Keys) -> Batch {
    let term = keys.id::<Term>("term");
    let sections = problem.sections.iter().map(|section| section.id.as_str()).collect();
    let mut reading = Reading { source, keys, term, sections, batch: Batch::default() };
    reading.places(problem);
    for section in &problem.sections {
        reading.section(section);
    }
    reading.services(problem);
    for educator in &problem.educators {
        reading.educator(educator);
    }
    reading.choices(problem);
    reading.batch
}

struct Reading<'p> {
    source: &'p str,
    keys: &'p mut Keys,
    term: TermId,
    sections: HashSet<&'p str>,
    batch: Batch,
}

/// The source of every record, and one's id in it.
type Origin = (Option<String>, Option<String>);

/// One text of two ids, different for every two.
fn pair(a: &str, b: impl std::fmt::Display) -> String {
    format!("{}/{b}", a.replace('~', "~0").replace('/', "~1"))
}

/// The name, or where there is none the id.
fn name(given: &str, id: &str) -> String {
    if given.trim().is_empty() { id } else { given }.into()
}

impl Reading<'_> {
    fn origin(&self, source_id: &str) -> Origin {
        (Some(self.source.into()), Some(source_id.into()))
    }

    fn id<T: Record>(&mut self, source_id: &str) -> T::Id {
        self.keys.id::<T>(source_id)
    }

    fn need(&mut self, need: &str) -> (Option<SectionId>, Option<ServiceId>) {
        if self.sections.contains(need) {
            (Some(self.id::<Section>(need)), None)
        } else {
            (None, Some(self.id::<Service>(need)))
        }
    }

    fn places(&mut self, problem: &Problem) {
        let (source, source_id) = self.origin("term");
        let term = Term {
            name: name(&problem.name, self.source),
            first_on: problem.term.first,
            last_on: problem.term.last,
            grid_minutes: problem.grid_minutes,
            unserved_cents_per_minute: problem.weights.unserved_cents_per_minute,
            change_cents: problem.weights.change_cents,
            source,
            source_id,
        };
        self.batch.terms.push((self.term, term));
        for district in &problem.districts {
            let id = self.id::<District>(&district.id);
            let (source, source_id) = self.origin(&district.id);
            let (state, tz) = (district.state.clone(), district.tz);
            self.batch.districts.push((
                id,
                District {
                    name: name(&district.name, &district.id),
                    state,
                    tz,
                    retention_years: None,
                    source,
                    source_id,
                },
            ));
            self.calendar(&district.id, None, &district.calendar);
        }
        for school in &problem.schools {
            let id = self.id::<School>(&school.id);
            let district_id = self.id::<District>(&school.district);
            let (source, source_id) = self.origin(&school.id);
            let record = School { district_id, name: name(&school.name, &school.id), tz: school.tz, source, source_id };
            self.batch.schools.push((id, record));
            if let Some(calendar) = &school.calendar {
                self.calendar(&school.district, Some(&school.id), calendar);
            }
            for bells in &school.bell_schedules {
                let key = pair(&school.id, &bells.id);
                let (source, source_id) = self.origin(&key);
                let record = BellSchedule {
                    school_id: id,
                    key: bells.id.clone(),
                    periods: bells.periods.clone(),
                    source,
                    source_id,
                };
                self.batch.bell_schedules.push((self.keys.id::<BellSchedule>(&key), record));
            }
        }
        for course in &problem.courses {
            let id = self.id::<Course>(&course.id);
            let (source, source_id) = self.origin(&course.id);
            let (areas, sced) = (course.areas.clone(), course.sced.clone());
            self.batch
                .courses
                .push((id, Course { name: name(&course.name, &course.id), areas, sced, source, source_id }));
        }
    }

    fn calendar(&mut self, district: &str, school: Option<&str>, calendar: &school_time::Calendar) {
        let key = school.map_or_else(|| pair(district, ""), |school| pair(district, school));
        let (source, source_id) = self.origin(&key);
        let calendar = calendar.clone();
        let record = Calendar {
            term_id: self.term,
            district_id: self.id::<District>(district),
            school_id: school.map(|school| self.id::<School>(school)),
            first_on: calendar.first,
            last_on: calendar.last,
            weekdays: calendar.weekdays,
            closed: calendar.closed,
            cycle: calendar.cycle,
            bell_schedule: calendar.bell_schedule,
            source,
            source_id,
        };
        self.batch.calendars.push((self.keys.id::<Calendar>(&key), record));
    }

    fn section(&mut self, section: &problem::Section) {
        let (source, source_id) = self.origin(&section.id);
        let id = self.id::<Section>(&section.id);
        let section = section.clone();
        let record = Section {
            term_id: self.term,
            school_id: self.id::<School>(&section.school),
            course_id: self.id::<Course>(&section.course),
            vacancy_id: None,
            grades: section.grades,
            meets: section.meets,
            first_on: section.first,
            last_on: section.last,
            priority: section.priority,
            students: section.students,
            bundle: section.bundle,
            languages: section.languages,
            source,
            source_id,
        };
        self.batch.sections.push((id, record));
    }

    /// Services, and the students they name: of the district of the first school that serves them.
    fn services(&mut self, problem: &Problem) {
        let district_of: BTreeMap<&str, &str> =
            problem.schools.iter().map(|school| (school.id.as_str(), school.district.as_str())).collect();
        let mut seen = HashSet::new();
        for service in &problem.services {
            let student_id = self.id::<Student>(&service.student);
            if seen.insert(&service.student)
                && let Some(district) = district_of.get(service.school.as_str())
            {
                let (source, source_id) = self.origin(&service.student);
                let district_id = self.id::<District>(district);
                self.batch
                    .students
                    .push((student_id, Student { district_id, key: service.student.clone(), source, source_id }));
            }
            let (source, source_id) = self.origin(&service.id);
            let id = self.id::<Service>(&service.id);
            let service = service.clone();
            let record = Service {
                term_id: self.term,
                student_id,
                school_id: self.id::<School>(&service.school),
                line_id: None,
                service: service.service,
                areas: service.areas,
                grade: service.grade,
                minutes: service.minutes,
                times: service.times,
                per: service.per,
                windows: service.windows,
                max_group: service.max_group,
                grade_span: service.grade_span,
                first_on: service.first,
                last_on: service.last,
                priority: service.priority,
                languages: service.languages,
                source,
                source_id,
            };
            self.batch.services.push((id, record));
        }
    }

    fn educator(&mut self, educator: &problem::Educator) {
        let id = self.id::<Educator>(&educator.id);
        let (source, source_id) = self.origin(&educator.id);
        let record = Educator {
            display_name: format!("Educator {}", educator.id),
            email: None,
            tz: educator.tz,
            max_minutes_per_week: educator.max_minutes_per_week,
            max_minutes_per_day: educator.max_minutes_per_day,
            max_preps: educator.max_preps,
            max_sections: educator.max_sections,
            max_students: educator.max_students,
            buffer_minutes: educator.buffer_minutes,
            languages: educator.languages.clone(),
            pay_cents_per_minute: educator.pay_cents_per_minute,
            activation_cents: educator.activation_cents,
            prep_cents: educator.prep_cents,
            active: true,
            join_url: None,
            source,
            source_id,
        };
        self.batch.educators.push((id, record));
        self.offers(id, educator);
    }

    /// Licenses and the like have no ids in the file: they go by their place in the list.
    fn offers(&mut self, educator_id: EducatorId, educator: &problem::Educator) {
        for (n, license) in educator.licenses.iter().enumerate() {
            let key = pair(&educator.id, n);
            let (source, source_id) = self.origin(&key);
            let license = license.clone();
            let record = License {
                educator_id,
                state: license.state,
                area: license.area,
                grades: license.grades,
                issued_on: license.issued,
                expires_on: license.expires,
                source,
                source_id,
            };
            self.batch.licenses.push((self.keys.id::<License>(&key), record));
        }
        for state in educator.clearances.iter().collect::<BTreeSet<_>>() {
            let key = pair(&educator.id, state);
            let (source, source_id) = self.origin(&key);
            let record = Clearance { educator_id, state: state.clone(), source, source_id };
            self.batch.clearances.push((self.keys.id::<Clearance>(&key), record));
        }
        for (n, window) in educator.availability.iter().enumerate() {
            let key = pair(&educator.id, n);
            let (source, source_id) = self.origin(&key);
            let (days, start, end) = (window.days.clone(), window.start, window.end);
            let record = Availability { educator_id, days, start, end, source, source_id };
            self.batch.availability.push((self.keys.id::<Availability>(&key), record));
        }
        for (n, away) in educator.time_off.iter().enumerate() {
            let key = pair(&educator.id, n);
            let (source, source_id) = self.origin(&key);
            let record = TimeOff { educator_id, first_on: away.first, last_on: away.last, source, source_id };
            self.batch.time_off.push((self.keys.id::<TimeOff>(&key), record));
        }
    }

    fn choices(&mut self, problem: &Problem) {
        let term_id = self.term;
        for incumbent in &problem.incumbents {
            let (source, source_id) = self.origin(&incumbent.need);
            let (section_id, service_id) = self.need(&incumbent.need);
            let educator_id = self.id::<Educator>(&incumbent.educator);
            let record = Incumbent { term_id, section_id, service_id, educator_id, source, source_id };
            self.batch.incumbents.push((self.keys.id::<Incumbent>(&incumbent.need), record));
        }
        for pin in &problem.pins {
            let (source, source_id) = self.origin(&pin.need);
            let (section_id, service_id) = self.need(&pin.need);
            let educator_id = self.id::<Educator>(&pin.educator);
            let record = Pin {
                term_id,
                section_id,
                service_id,
                educator_id,
                reason: None,
                overrides: Vec::new(),
                source,
                source_id,
            };
            self.batch.pins.push((self.keys.id::<Pin>(&pin.need), record));
        }
        for veto in &problem.vetoes {
            let key = pair(&veto.educator, &veto.school);
            let (source, source_id) = self.origin(&key);
            let educator_id = self.id::<Educator>(&veto.educator);
            let school_id = self.id::<School>(&veto.school);
            let record = Veto { educator_id, school_id, reason: None, source, source_id };
            self.batch.vetoes.push((self.keys.id::<Veto>(&key), record));
        }
        for together in &problem.together {
            let (source, source_id) = self.origin(&together.id);
            let need = |(section, service): (Option<SectionId>, Option<ServiceId>)| {
                section.map(NeedId::from).or(service.map(NeedId::from))
            };
            let needs = together.needs.iter().filter_map(|id| need(self.need(id))).collect();
            let record = Together { term_id, needs, cents: together.cents, source, source_id };
            self.batch.together.push((self.keys.id::<Together>(&together.id), record));
        }
    }
}
