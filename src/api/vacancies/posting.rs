//! Posting a vacancy in one go: sections of the master schedule, or one described by hand, and opened at once if wanted.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::State;
use crate::api::error::Error;
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::id::{CourseId, DistrictId, SchoolId, SectionId, TermId, VacancyId};
use crate::domain::license::Grade;
use crate::domain::need::Meet;
use crate::domain::record::Stored;
use crate::domain::records::{Course, School, Section, Vacancy, VacancyStatus};
use crate::domain::time::Date;
use crate::domain::vacancy::Stage;
use crate::store::{self, Tx, vacancies};

/// Most sections of one vacancy.
const SECTIONS: usize = 40;

/// What a district posts
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    #[schema(value_type = Uuid)]
    pub district_id: DistrictId,
    #[schema(value_type = Uuid)]
    pub term_id: TermId,
    /// Nothing is the names of the courses.
    #[serde(default)]
    pub title: String,
    /// Sections that are in no vacancy yet.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>, max_items = 40)]
    pub section_ids: Vec<SectionId>,
    /// A section that the master schedule does not have yet.
    #[serde(default)]
    pub new_section: Option<NewSection>,
    /// Opens it at once; else it stays a draft.
    #[serde(default)]
    pub open: bool,
}

/// A section described by hand
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSection {
    #[schema(value_type = Uuid)]
    pub school_id: SchoolId,
    #[schema(value_type = Uuid)]
    pub course_id: CourseId,
    pub grades: Vec<Grade>,
    pub meets: Vec<Meet>,
    #[serde(default)]
    pub students: Option<i64>,
    /// First day; none is the term's.
    #[serde(default)]
    pub first_on: Option<Date>,
}

impl State {
    /// Keeps a vacancy with its sections; all of it or nothing.
    pub async fn post_vacancy(&self, actor: &Actor, posting: Posting) -> Result<VacancyId, Error> {
        if actor.reach(Verb::Write, Thing::Record("vacancy")).is_nothing() {
            return Err(Error::Forbidden);
        }
        let mut tx = self.write(actor).await?;
        let count = posting.section_ids.len() + usize::from(posting.new_section.is_some());
        if !(1..=SECTIONS).contains(&count) {
            let message = format!("choose 1 to {SECTIONS} sections of the master schedule, or describe one");
            return Err(Error::field("/section_ids", message));
        }
        let mut body = Vacancy {
            district_id: posting.district_id,
            term_id: posting.term_id,
            title: posting.title.trim().to_owned(),
            status: VacancyStatus::Draft,
            opened_at: None,
            source: None,
            source_id: None,
        };
        if body.title.is_empty() {
            body.title = title(&mut tx, &posting).await?;
        }
        store::permit(&mut tx, actor, None, Some(&body)).await?;
        let id = store::insert(&mut tx, body).await?.id;
        for (n, section) in posting.section_ids.iter().enumerate() {
            let pointer = format!("/section_ids/{n}");
            store::permit::<Section>(&mut tx, actor, Some(*section), None).await.map_err(|error| {
                if matches!(error, store::StoreError::NotFound { .. }) {
                    Error::field(&pointer, "there is no such section")
                } else {
                    error.into()
                }
            })?;
            let Stored { version, body, .. } = store::get::<Section>(&mut tx, *section).await?;
            belongs(&mut tx, &posting, body.school_id, &pointer).await?;
            if body.vacancy_id.is_some() || body.term_id != posting.term_id {
                return Err(Error::field(pointer, "is in a vacancy already, or of another term; choose another"));
            }
            let body = Section { vacancy_id: Some(id), ..body };
            store::update(&mut tx, *section, Some(version), body).await?;
        }
        if let Some(new) = &posting.new_section {
            belongs(&mut tx, &posting, new.school_id, "/new_section/school_id").await?;
            let body = Section {
                term_id: posting.term_id,
                school_id: new.school_id,
                course_id: new.course_id,
                vacancy_id: Some(id),
                grades: new.grades.clone(),
                meets: new.meets.clone(),
                first_on: new.first_on,
                last_on: None,
                priority: 1,
                students: new.students,
                bundle: None,
                languages: Vec::new(),
                source: None,
                source_id: None,
            };
            store::permit(&mut tx, actor, None, Some(&body)).await?;
            store::insert(&mut tx, body).await?;
        }
        if posting.open {
            vacancies::step(&mut tx, id, Stage::Open, "").await?;
        }
        tx.commit().await?;
        Ok(id)
    }
}

/// The names of the courses, each once.
async fn title(tx: &mut Tx, posting: &Posting) -> Result<String, Error> {
    let mut courses: Vec<CourseId> = Vec::new();
    for section in &posting.section_ids {
        courses.extend(store::find::<Section>(tx, *section).await?.map(|section| section.body.course_id));
    }
    courses.extend(posting.new_section.as_ref().map(|new| new.course_id));
    let mut names: Vec<String> = Vec::new();
    for course in courses {
        let name = store::find::<Course>(tx, course).await?.map(|course| course.body.name);
        names.extend(name.filter(|name| !names.contains(name)));
    }
    let title: String = names.join(", ").chars().take(120).collect();
    Ok(if title.is_empty() { "Vacancy".into() } else { title })
}

/// Refuses a school of another district.
async fn belongs(tx: &mut Tx, posting: &Posting, school: SchoolId, pointer: &str) -> Result<(), Error> {
    let school = store::find::<School>(tx, school).await?;
    if school.is_some_and(|school| school.body.district_id == posting.district_id) {
        return Ok(());
    }
    Err(Error::field(pointer, "is of no school of this district"))
}
