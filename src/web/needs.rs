//! What people call a need, and where it belongs: the same words wherever a page names one.

use std::collections::BTreeMap;

use crate::api::error::Error;
use crate::domain::id::{EducatorId, NeedId, RecordId as _, SchoolId, SectionId, ServiceId, TermId};
use crate::domain::license::Grade;
use crate::domain::need::Per;
use crate::domain::records::{Course, District, School, Section, Service};
use crate::domain::run::RunSettings;
use crate::domain::time::Tz;
use crate::engine::problem::Problem;
use crate::store::{self, Tx, directory};

use super::words;

/// A need as its record says.
pub struct Known {
    pub term_id: TermId,
    pub school_id: SchoolId,
    pub section_id: Option<SectionId>,
    pub service_id: Option<ServiceId>,
    pub title: String,
    pub about: String,
    /// The school's clock.
    pub tz: Tz,
}

/// The need, if its record is still there.
pub async fn find(tx: &mut Tx, need: NeedId) -> Result<Option<Known>, Error> {
    let (section_id, service_id) = (SectionId::from_uuid(need.uuid()), ServiceId::from_uuid(need.uuid()));
    if let Some(section) = store::find::<Section>(tx, section_id).await?.map(|section| section.body) {
        let course = store::find::<Course>(tx, section.course_id).await?;
        let title = course.map_or("Section".into(), |course| course.body.name);
        let (at, tz) = school(tx, section.school_id).await?;
        let about = format!("Section at {at}, {}", grades(&section.grades));
        let (term_id, school_id) = (section.term_id, section.school_id);
        return Ok(Some(Known {
            term_id,
            school_id,
            section_id: Some(section_id),
            service_id: None,
            title,
            about,
            tz,
        }));
    }
    let Some(service) = store::find::<Service>(tx, service_id).await?.map(|service| service.body) else {
        return Ok(None);
    };
    let (at, tz) = school(tx, service.school_id).await?;
    let about = format!("Service at {at}, {}", owed(service.grade, service.minutes, service.times, service.per));
    let (term_id, school_id) = (service.term_id, service.school_id);
    let title = words::kind(&service.service);
    Ok(Some(Known { term_id, school_id, section_id: None, service_id: Some(service_id), title, about, tz }))
}

/// Name and description of a need that was deleted since.
pub fn former() -> (String, String) {
    ("A former need".into(), "No longer among the records".into())
}

async fn school(tx: &mut Tx, id: SchoolId) -> Result<(String, Tz), Error> {
    let school = store::get::<School>(tx, id).await?.body;
    let tz = match school.tz {
        Some(tz) => tz,
        None => store::get::<District>(tx, school.district_id).await?.body.tz,
    };
    Ok((school.name, tz))
}

fn owed(grade: Grade, minutes: i64, times: i64, per: Per) -> String {
    let per = match per {
        Per::Week => "week",
        Per::Month => "month",
        Per::Cycle => "cycle",
    };
    format!("{}, {minutes} minutes {times} × a {per}", grades(&[grade]))
}

fn grades(grades: &[Grade]) -> String {
    match (grades.iter().min(), grades.iter().max()) {
        (Some(one), Some(other)) if one == other => format!("grade {one}"),
        (Some(least), Some(most)) => format!("grades {least}–{most}"),
        _ => "no grade".into(),
    }
}

/// Names of everything in a run: needs as its problem has them, educators as they are called today.
pub struct Names {
    needs: BTreeMap<String, (String, String)>,
    educators: BTreeMap<EducatorId, String>,
}

impl Names {
    pub async fn read(tx: &mut Tx, problem: &Problem) -> Result<Self, Error> {
        let educators = directory::educator_names(tx).await?;
        let schools: BTreeMap<&str, &str> = problem.schools.iter().map(|s| (s.id.as_str(), s.name.as_str())).collect();
        let courses: BTreeMap<&str, &str> = problem.courses.iter().map(|c| (c.id.as_str(), c.name.as_str())).collect();
        let named = |names: &BTreeMap<&str, &str>, id: &str| names.get(id).copied().unwrap_or_default().to_owned();
        let sections = problem.sections.iter().map(|section| {
            let about = format!("Section at {}, {}", named(&schools, &section.school), grades(&section.grades));
            let course = named(&courses, &section.course);
            (section.id.clone(), (if course.is_empty() { "Section".into() } else { course }, about))
        });
        let services = problem.services.iter().map(|service| {
            let owed = owed(service.grade, service.minutes, service.times, service.per);
            let about = format!("Service at {}, {owed}", named(&schools, &service.school));
            (service.id.clone(), (words::kind(&service.service), about))
        });
        Ok(Self { needs: sections.chain(services).collect(), educators })
    }

    /// Adds those who are only supposed in a run.
    pub fn suppose(&mut self, settings: &RunSettings) {
        self.educators.extend(settings.supposed_names());
    }

    /// Whether the run plans this need.
    pub fn knows(&self, need: &str) -> bool {
        self.needs.contains_key(need)
    }

    /// Name and description.
    pub fn need(&self, id: &str) -> (String, String) {
        self.needs.get(id).cloned().unwrap_or_else(former)
    }

    pub fn educator(&self, id: &str) -> &str {
        let known = id.parse().ok().and_then(|id: EducatorId| self.educators.get(&id));
        known.map_or("a former educator", String::as_str)
    }
}
