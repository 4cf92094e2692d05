//! Whether an educator's papers cover a vacancy, and what it comes to for them: sections on both clocks, minutes, courses.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use super::error::Error;
use crate::domain::calendar::{self, Calendar, DateSpan};
use crate::domain::id::{EducatorId, SchoolId, SectionId, VacancyId};
use crate::domain::record::Stored;
use crate::domain::records as kept;
use crate::domain::time::{Clock, Tz, from_utc, to_utc};
use crate::store::{self, Tx};

/// An educator for a vacancy.
pub(super) struct Fitness {
    pub name: String,
    /// Why not, each with what would change it.
    pub missing: Vec<String>,
    sections: Vec<Class>,
    courses: BTreeSet<String>,
    weekly_minutes: i64,
}

struct Class {
    course: String,
    school: String,
    /// When it meets, on the school's clock and on the educator's.
    times: Vec<String>,
}

/// The schools of a vacancy's sections.
pub(super) async fn schools(tx: &mut Tx, vacancy: VacancyId) -> Result<BTreeSet<SchoolId>, Error> {
    let sections = store::children::<kept::Section>(tx, "vacancy_id", vacancy).await?;
    Ok(sections.into_iter().map(|section| section.body.school_id).collect())
}

/// The district's calendar of the vacancy's term, and the days on which its sections are needed.
pub(super) async fn school_time(
    tx: &mut Tx,
    vacancy: &Stored<kept::Vacancy>,
) -> Result<(Option<Calendar>, DateSpan), Error> {
    let term = store::get::<kept::Term>(tx, vacancy.body.term_id).await?.body;
    let sections = store::children::<kept::Section>(tx, "vacancy_id", vacancy.id).await?;
    let first = sections.iter().map(|section| section.body.first_on.unwrap_or(term.first_on)).min();
    let last = sections.iter().map(|section| section.body.last_on.unwrap_or(term.last_on)).max();
    let needed = DateSpan { first: first.unwrap_or(term.first_on), last: last.unwrap_or(term.last_on) };
    let calendars = store::children::<kept::Calendar>(tx, "district_id", vacancy.body.district_id).await?;
    let own = calendars.into_iter().map(|row| row.body);
    let mut own = own.filter(|calendar| calendar.term_id == vacancy.body.term_id && calendar.school_id.is_none());
    Ok((own.next().map(days), needed))
}

fn days(row: kept::Calendar) -> Calendar {
    calendar::Calendar {
        first: row.first_on,
        last: row.last_on,
        weekdays: row.weekdays,
        closed: row.closed,
        cycle: row.cycle,
        bell_schedule: row.bell_schedule,
    }
}

/// Looks at an educator's licenses and clearances for every section of a vacancy, over all of its days.
pub(super) async fn of(tx: &mut Tx, vacancy: &Stored<kept::Vacancy>, id: EducatorId) -> Result<Fitness, Error> {
    let educator = store::get::<kept::Educator>(tx, id).await?.body;
    let district = store::get::<kept::District>(tx, vacancy.body.district_id).await?.body;
    let term = store::get::<kept::Term>(tx, vacancy.body.term_id).await?.body;
    let licenses = store::children::<kept::License>(tx, "educator_id", id).await?;
    let clearances = store::children::<kept::Clearance>(tx, "educator_id", id).await?;
    let sections = store::children::<kept::Section>(tx, "vacancy_id", vacancy.id).await?;
    let mut fitness = Fitness {
        name: educator.display_name,
        missing: Vec::new(),
        sections: Vec::new(),
        courses: BTreeSet::new(),
        weekly_minutes: 0,
    };
    if !educator.active {
        fitness.missing.push("the educator is not active".into());
    }
    if sections.is_empty() {
        fitness.missing.push("the vacancy has no sections; add them".into());
    }
    if !clearances.iter().any(|clearance| clearance.body.state == district.state) {
        fitness.missing.push(format!("no clearance for {}; add it when it is there", district.state));
    }
    for section in sections {
        let course = store::get::<kept::Course>(tx, section.body.course_id).await?.body;
        let (first, last) =
            (section.body.first_on.unwrap_or(term.first_on), section.body.last_on.unwrap_or(term.last_on));
        let covers = |license: &kept::License| {
            license.state == district.state
                && course.areas.contains(&license.area)
                && section.body.grades.iter().all(|grade| license.grades.contains(grade))
                && license.issued_on <= first
                && last <= license.expires_on
        };
        if !licenses.iter().any(|license| covers(&license.body)) {
            let areas = course.areas.join(" or ");
            fitness.missing.push(format!(
                "no {} license in {areas} for {} is valid from {first} to {last}",
                district.state, course.name
            ));
        }
        let class = class(tx, &section, &course.name, &district, educator.tz, &mut fitness.weekly_minutes).await?;
        fitness.sections.push(class);
        fitness.courses.insert(course.name);
    }
    Ok(fitness)
}

async fn class(
    tx: &mut Tx,
    section: &Stored<kept::Section>,
    course: &str,
    district: &kept::District,
    reader: Tz,
    weekly_minutes: &mut i64,
) -> Result<Class, Error> {
    let _: SectionId = section.id;
    let school = store::get::<kept::School>(tx, section.body.school_id).await?.body;
    let term = store::get::<kept::Term>(tx, section.body.term_id).await?.body;
    let tz = school.tz.unwrap_or(district.tz);
    let mut periods: BTreeMap<String, (Clock, Clock)> = BTreeMap::new();
    for bell in store::children::<kept::BellSchedule>(tx, "school_id", section.body.school_id).await? {
        for period in bell.body.periods {
            periods.entry(period.id).or_insert((period.start, period.end));
        }
    }
    let mut times = Vec::new();
    for meet in &section.body.meets {
        let Some((start, end)) = periods.get(&meet.period) else { continue };
        let days = meet.days.as_ref().map_or(5, Vec::len);
        *weekly_minutes += i64::from(end.minutes() - start.minutes()) * i64::try_from(days).unwrap_or(5);
        let days: Vec<&str> = meet.days.iter().flatten().map(|day| day.name()).collect();
        let days = if days.is_empty() { "every day".into() } else { days.join(", ") };
        let first = section.body.first_on.unwrap_or(term.first_on);
        let (_, minute) = from_utc(reader, to_utc(tz, first, start.minutes()));
        let own = Clock::from_minutes(minute).map(|clock| clock.to_string()).unwrap_or_default();
        times.push(format!("{days} {start}–{end} ({tz}); {own} on your clock ({reader}) on {first}"));
    }
    Ok(Class { course: course.into(), school: school.name, times })
}

impl Fitness {
    /// As JSON, with the pay where it is whoever is paid who reads it.
    pub(super) fn terms(&self, pay_cents_per_minute: Option<i64>) -> Json {
        let section = |class: &Class| json!({ "course": class.course, "school": class.school, "times": class.times });
        json!({
            "sections": self.sections.iter().map(section).collect::<Vec<_>>(),
            "weekly_minutes": self.weekly_minutes,
            "courses_to_prepare": self.courses,
            "pay_cents_per_week": pay_cents_per_minute.map(|cents| cents * self.weekly_minutes),
        })
    }

    /// As the lines of a mail.
    pub(super) fn facts(&self, deadline: DateTime<Utc>, pay_cents_per_minute: Option<i64>) -> Vec<(String, String)> {
        let mut facts = vec![("Answer by".to_owned(), deadline.format("%Y-%m-%d %H:%M UTC").to_string())];
        for class in &self.sections {
            facts.push((format!("{}, {}", class.course, class.school), class.times.join("; ")));
        }
        facts.push(("Minutes a week".into(), self.weekly_minutes.to_string()));
        facts.push(("Courses to prepare".into(), self.courses.len().to_string()));
        if let Some(cents) = pay_cents_per_minute {
            let cents = cents * self.weekly_minutes;
            facts.push(("Pay a week".into(), format!("${}.{:02}", cents / 100, cents % 100)));
        }
        facts
    }
}
