//! Posting a vacancy in under a minute: sections of the master schedule that nobody teaches, or one described by hand.

use axum::Form;
use axum::extract::State as Axum;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::one::said;
use crate::api::vacancies::{NewSection, Posting};
use crate::api::{State, error::Error, extract::NoQuery, extract::Query};
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::id::{CourseId, DistrictId, SchoolId, SectionId, TermId};
use crate::domain::license::Grade;
use crate::domain::need::Meet;
use crate::domain::record::Stored;
use crate::domain::records::{BellSchedule, Course, District, School};
use crate::domain::time::Weekday;
use crate::store::directory::{self, TermNumbers};
use crate::store::vacancies::pipeline::{self, Postable};
use crate::store::{self, Tx};
use crate::web::layout::{Page, Place, empty};

/// Terms to choose from.
const TERMS: i64 = 12;
/// Districts to choose from.
const DISTRICTS: i64 = 2000;
/// Sections that the form lists.
const LISTED: i64 = 300;

/// What was typed into the form.
#[derive(Default)]
struct Typed {
    title: String,
    sections: Vec<String>,
    /// A school and one of its bell periods: `ID/P3`.
    period: String,
    course: String,
    grades: String,
    days: Vec<String>,
    students: String,
    draft: bool,
    district: String,
    term: String,
}

impl Typed {
    fn new(fields: Vec<(String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "title" => typed.title = value,
                "section" => typed.sections.push(value),
                "period" => typed.period = value,
                "course" => typed.course = value,
                "grades" => typed.grades = value,
                "day" => typed.days.push(value),
                "students" => typed.students = value,
                "draft" => typed.draft = value == "yes",
                "district" => typed.district = value,
                "term" => typed.term = value,
                _ => {}
            }
        }
        typed
    }

    fn posting(&self) -> Result<Posting, Error> {
        let refuse = |field: &'static str| move |message: String| Error::field(field, message);
        let sections: Result<Vec<SectionId>, String> = self.sections.iter().map(|id| id.parse()).collect();
        Ok(Posting {
            district_id: self.district.parse().map_err(refuse("/district_id"))?,
            term_id: self.term.parse().map_err(refuse("/term_id"))?,
            title: self.title.clone(),
            section_ids: sections.map_err(refuse("/section_ids"))?,
            new_section: self.by_hand()?,
            open: !self.draft,
        })
    }

    /// The section that is described, if one is: whoever chooses a course means one.
    fn by_hand(&self) -> Result<Option<NewSection>, Error> {
        if self.course.is_empty() && self.period.is_empty() {
            return Ok(None);
        }
        let wrong = |field: &str, what: &str| Error::field(field, what);
        let (school, period) =
            self.period.split_once('/').ok_or_else(|| wrong("/new_section/meets", "choose a school and its period"))?;
        let grades: Result<Vec<Grade>, _> =
            self.grades.split([',', ' ']).filter(|grade| !grade.is_empty()).map(str::parse).collect();
        let grades = grades
            .ok()
            .filter(|grades| !grades.is_empty())
            .ok_or_else(|| wrong("/new_section/grades", "give grades such as 09, 10"))?;
        let days: Result<Vec<Weekday>, String> = self.days.iter().map(|day| day.parse()).collect();
        let days = days.map_err(|message| wrong("/new_section/meets", &message))?;
        let students = match self.students.trim() {
            "" => None,
            text => Some(text.parse().map_err(|_| wrong("/new_section/students", "give the students as a number"))?),
        };
        let course_id: CourseId =
            self.course.parse().map_err(|_| wrong("/new_section/course_id", "choose a course"))?;
        let school_id: SchoolId = school.parse().map_err(|_| wrong("/new_section/school_id", "choose a school"))?;
        let meet = Meet { period: period.into(), days: Some(days).filter(|days| !days.is_empty()), cycle_days: None };
        Ok(Some(NewSection { school_id, course_id, grades, meets: vec![meet], students, first_on: None }))
    }
}

/// A school with the periods of its day.
struct Bells {
    school: SchoolId,
    name: String,
    /// Name, and when it is.
    periods: Vec<(String, String)>,
}

/// Everything that the form offers.
struct View {
    typed: Typed,
    districts: Vec<Stored<District>>,
    terms: Vec<TermNumbers>,
    sections: Vec<Postable>,
    schools: Vec<Bells>,
    courses: Vec<Stored<Course>>,
    wrong: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    district: Option<DistrictId>,
    term: Option<TermId>,
}

pub async fn new(
    Axum(state): Axum<State>,
    actor: Actor,
    Query(Which { district, term }): Query<Which>,
) -> Result<Markup, Error> {
    let said = |id: Option<String>| id.unwrap_or_default();
    let typed = Typed {
        district: said(district.map(|id| id.to_string())),
        term: said(term.map(|id| id.to_string())),
        ..Typed::default()
    };
    Ok(page(&actor, &view(&state, &actor, typed, None).await?))
}

pub async fn post(
    Axum(state): Axum<State>,
    actor: Actor,
    _: NoQuery,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Error> {
    let Form(fields) = form.map_err(|error| Error::Malformed(error.body_text()))?;
    let typed = Typed::new(fields);
    let result = match typed.posting() {
        Ok(posting) => state.post_vacancy(&actor, posting).await,
        Err(error) => Err(error),
    };
    let (status, why): (StatusCode, String) = match result {
        Ok(id) => return Ok(Redirect::to(&format!("/vacancies/{id}")).into_response()),
        Err(error) => said(error)?,
    };
    Ok((status, page(&actor, &view(&state, &actor, typed, Some(why)).await?)).into_response())
}

async fn view(state: &State, actor: &Actor, mut typed: Typed, wrong: Option<String>) -> Result<View, Error> {
    if !actor.may(Verb::Write, Thing::Record("vacancy")) {
        return Err(Error::Forbidden);
    }
    let mut tx = state.db.read().await?;
    let districts = store::list_for::<District>(&mut tx, actor, &[], None, DISTRICTS).await?;
    let terms = directory::terms(&mut tx, TERMS).await?;
    if let [only] = &districts[..] {
        typed.district = only.id.to_string();
    }
    if let (true, Some(latest)) = (typed.term.is_empty(), terms.first()) {
        typed.term = latest.id.to_string();
    }
    let mut view =
        View { districts, terms, sections: Vec::new(), schools: Vec::new(), courses: Vec::new(), typed, wrong };
    let district = view.districts.iter().find(|one| one.id.to_string() == view.typed.district);
    let term = view.terms.iter().find(|one| one.id.to_string() == view.typed.term);
    if let (Some(district), Some(term)) = (district, term) {
        view.sections = pipeline::postable(&mut tx, term.id, district.id, LISTED).await?;
        view.schools = bells(&mut tx, district.id).await?;
        view.courses = store::every::<Course>(&mut tx).await?;
        view.courses.sort_by_cached_key(|course| course.body.name.to_lowercase());
    }
    Ok(view)
}

async fn bells(tx: &mut Tx, district: DistrictId) -> Result<Vec<Bells>, Error> {
    let mut schools = Vec::new();
    for school in store::children::<School>(tx, "district_id", district).await? {
        let mut periods: Vec<(String, String)> = Vec::new();
        for bell in store::children::<BellSchedule>(tx, "school_id", school.id).await? {
            for period in bell.body.periods {
                if !periods.iter().any(|(id, _)| *id == period.id) {
                    let at = crate::domain::time::spoken(period.start.minutes().into(), period.end.minutes().into());
                    periods.push((period.id, at));
                }
            }
        }
        if !periods.is_empty() {
            schools.push(Bells { school: school.id, name: school.body.name, periods });
        }
    }
    schools.sort_by_cached_key(|one| one.name.to_lowercase());
    Ok(schools)
}

fn page(actor: &Actor, view: &View) -> Markup {
    let typed = &view.typed;
    let chosen = view.districts.iter().find(|one| one.id.to_string() == typed.district);
    Page::new("Post a vacancy", Place::Vacancies, actor).show(&html! {
        p.trail { a href="/vacancies" { "Vacancies" } }
        h1 { "Post a vacancy" }
        @if let Some(wrong) = &view.wrong { div.note.bad role="alert" { p { (wrong) } } }
        @if view.terms.is_empty() || view.districts.is_empty() {
            (empty("There is nothing to post for yet", &html! { p { "A vacancy is of a district and a term. The staffing office creates both: through the " a href="/api/docs" { "API" } ", or with " code { "bellwether import" } "." } }))
        } @else {
            @if view.districts.len() > 1 || view.terms.len() > 1 || chosen.is_none() { (which(view)) }
            @if let Some(district) = chosen { (form(view, &district.body.name)) }
        }
    })
}

/// Whose vacancy, and when.
fn which(view: &View) -> Markup {
    let typed = &view.typed;
    html! {
        form.search method="get" action="/vacancies/new" {
            div {
                label for="district" { "District" }
                select #district name="district" required {
                    @for district in &view.districts { option value=(district.id) selected[typed.district == district.id.to_string()] { (district.body.name) } }
                }
            }
            div {
                label for="term" { "Term" }
                select #term name="term" required {
                    @for term in &view.terms { option value=(term.id) selected[typed.term == term.id.to_string()] { (term.name) } }
                }
            }
            button.quiet type="submit" { "Show its sections" }
        }
    }
}

fn form(view: &View, district: &str) -> Markup {
    let typed = &view.typed;
    let (taught, open): (Vec<&Postable>, Vec<&Postable>) = view.sections.iter().partition(|section| section.taught);
    html! {
        form method="post" action="/vacancies" {
            input type="hidden" name="district" value=(typed.district);
            input type="hidden" name="term" value=(typed.term);
            section.card aria-labelledby="sections" {
                h2 #sections { "Sections of " (district) }
                @if view.sections.is_empty() { p { "Every section of the master schedule is in a vacancy already. Describe another one below." } }
                (list("Nobody teaches them", &open, typed))
                (list("Taught today", &taught, typed))
                details open[!typed.course.is_empty() || !typed.period.is_empty()] {
                    summary { "Describe one by hand" }
                    (by_hand(view))
                }
            }
            section.card aria-labelledby="post" {
                h2 #post { "Post" }
                div.field {
                    label for="title" { "Title" }
                    input #title name="title" value=(typed.title) maxlength="120" autocomplete="off" aria-describedby="title-hint";
                    span.hint #title-hint { "Empty: the names of the courses." }
                }
                label.check {
                    input type="checkbox" name="draft" value="yes" checked[typed.draft];
                    span { "Keep it as a draft. Otherwise it opens at once, its clock begins to run, and the staffing office looks for somebody." }
                }
                button type="submit" { "Post the vacancy" }
            }
        }
    }
}

fn list(title: &str, of: &[&Postable], typed: &Typed) -> Markup {
    html! {
        @if !of.is_empty() {
            fieldset {
                legend { (title) }
                div.checks tabindex="0" role="group" aria-label=(title) {
                    @for section in of {
                        label {
                            input type="checkbox" name="section" value=(section.id) checked[typed.sections.contains(&section.id.to_string())];
                            span {
                                (section.course)
                                span.soft.small { " · " (section.school) ", " (section.periods.join(", ")) @if let Some(students) = section.students { ", " (students) " students" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn by_hand(view: &View) -> Markup {
    let typed = &view.typed;
    html! {
        div.fields {
            div.field {
                label for="course" { "Course" }
                select #course name="course" {
                    option value="" { "None" }
                    @for course in &view.courses { option value=(course.id) selected[typed.course == course.id.to_string()] { (course.body.name) } }
                }
            }
            div.field {
                label for="period" { "School and period" }
                select #period name="period" {
                    option value="" { "None" }
                    @for Bells { school, name, periods } in &view.schools {
                        optgroup label=(name) {
                            @for (id, at) in periods {
                                @let value = format!("{school}/{id}");
                                option value=(value) selected[typed.period == value] { (name) ", " (id) ", " (at) }
                            }
                        }
                    }
                }
            }
            div.field {
                label for="grades" { "Grades" }
                input #grades name="grades" value=(typed.grades) autocomplete="off" aria-describedby="grades-hint";
                span.hint #grades-hint { "Such as 09, 10." }
            }
            div.field {
                label for="students" { "Students" }
                input #students name="students" inputmode="numeric" value=(typed.students) autocomplete="off";
            }
        }
        fieldset {
            legend { "Days" }
            div.weeks {
                @for day in Weekday::ALL.into_iter().take(5) {
                    label.check { input type="checkbox" name="day" value=(day) checked[typed.days.contains(&day.to_string())]; span { (day.title()) } }
                }
            }
            span.soft.small { "None chosen means every school day." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RecordId as _;
    use crate::web::samples;

    fn typed(fields: &[(&str, &str)]) -> Typed {
        Typed::new(fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn a_form_is_read_and_what_is_not_understood_is_refused_with_what_to_give() {
        let (district, term, section) =
            (DistrictId::fresh().to_string(), TermId::fresh().to_string(), SectionId::fresh().to_string());
        let base = [("district", district.as_str()), ("term", &term), ("section", &section)];
        let posting = typed(&base).posting().expect("a good form");
        assert!(posting.open && posting.new_section.is_none() && posting.section_ids.len() == 1);
        let (course, period) = (CourseId::fresh().to_string(), format!("{}/P2", SchoolId::fresh()));
        let with = |more: &[(&str, &str)]| {
            typed(&[&base[..], &[("course", course.as_str()), ("period", &period)], more].concat()).posting()
        };
        let by_hand = with(&[("grades", "09, 10"), ("day", "mon"), ("students", "25"), ("draft", "yes")]);
        let posting = by_hand.expect("a good form");
        let section = posting.new_section.expect("a section");
        assert_eq!((section.grades.len(), section.students, posting.open), (2, Some(25), false));
        assert_eq!(section.meets[0], Meet { period: "P2".into(), days: Some(vec![Weekday::Mon]), cycle_days: None });
        for (more, wanted) in [
            (&[("grades", "")][..], "give grades such as 09, 10"),
            (&[("grades", "9th")], "give grades such as 09, 10"),
            (&[("grades", "09"), ("students", "many")], "give the students as a number"),
            (&[("grades", "09"), ("day", "someday")], "someday"),
        ] {
            let Err(Error::Fields(issues)) = with(more) else { panic!("{more:?} is taken") };
            assert!(issues[0].message.contains(wanted), "{more:?}: {issues:?}");
        }
    }

    #[test]
    fn an_empty_house_says_who_creates_what_is_missing() {
        let view = View {
            typed: Typed::default(),
            districts: Vec::new(),
            terms: Vec::new(),
            sections: Vec::new(),
            schools: Vec::new(),
            courses: Vec::new(),
            wrong: None,
        };
        assert!(page(&samples::actor(), &view).into_string().contains("There is nothing to post for yet"));
    }
}
