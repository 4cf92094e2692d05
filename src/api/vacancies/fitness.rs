//! Whether an educator's papers cover a vacancy, and what it comes to for them: sections on both clocks, minutes, courses.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::api::error::Error;
use crate::domain::calendar::{Calendar, DateSpan, Period};
use crate::domain::id::{EducatorId, SchoolId, VacancyId};
use crate::domain::record::Stored;
use crate::domain::records as kept;
use crate::domain::spoken::long_date;
use crate::domain::time::{Date, Tz};
use crate::domain::vacancy::terms::{Class, Paper, Terms, met};
use crate::store::{self, Tx};

/// An educator for a vacancy.
pub struct Fitness {
    pub educator: kept::Educator,
    /// Why not, each with what would change it.
    pub missing: Vec<String>,
    /// Without pay.
    pub terms: Terms,
}

impl Fitness {
    /// The terms as whoever is paid reads them.
    #[must_use]
    pub fn with_pay(self) -> Terms {
        let pay = self.educator.pay_cents_per_minute.saturating_mul(self.terms.weekly_minutes);
        Terms { pay_cents_per_week: Some(pay), ..self.terms }
    }
}

/// A vacancy with what all educators' fitness for it is read from.
pub struct Wanted {
    pub vacancy: Stored<kept::Vacancy>,
    pub district: kept::District,
    pub term: kept::Term,
    sections: Vec<Part>,
    /// Where the district is.
    today: Date,
}

/// A section with where and when it meets.
struct Part {
    section: kept::Section,
    course: kept::Course,
    school: kept::School,
    calendar: Option<Calendar>,
    bells: BTreeMap<String, Vec<Period>>,
}

impl Wanted {
    pub async fn read(tx: &mut Tx, vacancy: Stored<kept::Vacancy>) -> Result<Self, Error> {
        let district = store::get::<kept::District>(tx, vacancy.body.district_id).await?.body;
        let term = store::get::<kept::Term>(tx, vacancy.body.term_id).await?.body;
        let calendars = store::children::<kept::Calendar>(tx, "district_id", vacancy.body.district_id).await?;
        let mut bells: BTreeMap<SchoolId, BTreeMap<String, Vec<Period>>> = BTreeMap::new();
        let mut sections = Vec::new();
        for Stored { body: section, .. } in store::children::<kept::Section>(tx, "vacancy_id", vacancy.id).await? {
            let of_term = |row: &&Stored<kept::Calendar>| row.body.term_id == section.term_id;
            let of = |school: Option<SchoolId>| {
                calendars.iter().filter(of_term).find(|row| row.body.school_id == school).map(|row| row.body.clone())
            };
            let calendar = of(Some(section.school_id)).or_else(|| of(None)).map(Into::into);
            if let Entry::Vacant(bells) = bells.entry(section.school_id) {
                let rows = store::children::<kept::BellSchedule>(tx, "school_id", section.school_id).await?;
                bells.insert(rows.into_iter().map(|row| (row.body.key, row.body.periods)).collect());
            }
            sections.push(Part {
                course: store::get::<kept::Course>(tx, section.course_id).await?.body,
                school: store::get::<kept::School>(tx, section.school_id).await?.body,
                bells: bells.get(&section.school_id).cloned().unwrap_or_default(),
                calendar,
                section,
            });
        }
        let today = Date(tx.at.with_timezone(&district.tz).date_naive());
        Ok(Self { vacancy, district, term, sections, today })
    }

    /// The district's calendar of the vacancy's term, and the days on which its sections are needed.
    #[must_use]
    pub fn school_time(&self) -> (Option<&Calendar>, DateSpan) {
        let first = self.sections.iter().map(|part| self.span(part).first).min();
        let last = self.sections.iter().map(|part| self.span(part).last).max();
        let needed = DateSpan { first: first.unwrap_or(self.term.first_on), last: last.unwrap_or(self.term.last_on) };
        (self.sections.iter().find_map(|part| part.calendar.as_ref()), needed)
    }

    #[must_use]
    pub fn schools(&self) -> BTreeSet<SchoolId> {
        self.sections.iter().map(|part| part.section.school_id).collect()
    }

    fn span(&self, part: &Part) -> DateSpan {
        DateSpan {
            first: part.section.first_on.unwrap_or(self.term.first_on),
            last: part.section.last_on.unwrap_or(self.term.last_on),
        }
    }

    /// From when on somebody who comes now would teach a section.
    fn ahead(&self, part: &Part) -> DateSpan {
        let span = self.span(part);
        DateSpan { first: span.first.max(self.today).min(span.last), last: span.last }
    }

    /// Looks at an educator's licenses, clearances and bans for every section, over all of its days from now on.
    pub async fn fitness(&self, tx: &mut Tx, id: EducatorId) -> Result<Fitness, Error> {
        let educator = store::get::<kept::Educator>(tx, id).await?.body;
        let licenses = store::children::<kept::License>(tx, "educator_id", id).await?;
        let clearances = store::children::<kept::Clearance>(tx, "educator_id", id).await?;
        let vetoes = store::children::<kept::Veto>(tx, "educator_id", id).await?;
        let state = &self.district.state;
        let (mut missing, mut papers) = (Vec::new(), BTreeSet::new());
        if !educator.active {
            missing.push("the educator is not active; make them active again, or take somebody else".into());
        }
        if self.sections.is_empty() {
            missing.push("the vacancy has no sections; put some into it".into());
        }
        if clearances.iter().any(|clearance| clearance.body.state == *state) {
            papers.insert(Paper { what: format!("{state} clearance"), expires_on: None });
        } else {
            missing.push(format!("no clearance for {state}; record it when it is there"));
        }
        for part in &self.sections {
            let DateSpan { first, last } = self.ahead(part);
            let covers = |license: &&kept::License| {
                license.state == *state
                    && part.course.areas.contains(&license.area)
                    && part.section.grades.iter().all(|grade| license.grades.contains(grade))
                    && license.issued_on <= first
                    && last <= license.expires_on
            };
            let name = &part.course.name;
            match licenses.iter().map(|license| &license.body).find(covers) {
                Some(license) => {
                    let what = format!("{state} license in {}", license.area);
                    papers.insert(Paper { what, expires_on: Some(license.expires_on) });
                }
                None => missing.push(format!(
                    "no {state} license in {} covers {name} from {} to {}; record or renew one",
                    part.course.areas.join(" or "),
                    long_date(first),
                    long_date(last)
                )),
            }
            if vetoes.iter().any(|veto| veto.body.school_id == part.section.school_id) {
                missing.push(format!("banned from {}; undo the ban under Locks and bans", part.school.name));
            }
            if part.calendar.is_none() {
                missing.push(format!("{} has no calendar for {}; add one", self.district.name, self.term.name));
            }
        }
        missing.dedup();
        let mut terms = self.terms(educator.tz);
        terms.papers = papers.into_iter().collect();
        Ok(Fitness { educator, missing, terms })
    }

    /// What it comes to for somebody whose clock is that of `own_tz`, without papers and pay.
    #[must_use]
    pub fn terms(&self, own_tz: Tz) -> Terms {
        let mut weeks: BTreeMap<Date, i64> = BTreeMap::new();
        let mut terms = Terms::default();
        for part in &self.sections {
            let tz = part.school.tz.unwrap_or(self.district.tz);
            let met = part
                .calendar
                .as_ref()
                .map(|calendar| met(&part.section.meets, calendar, &part.bells, self.ahead(part), (tz, own_tz)));
            let met = met.unwrap_or_default();
            for (monday, minutes) in met.minutes {
                *weeks.entry(monday).or_default() += minutes;
            }
            let (course, school) = (part.course.name.clone(), part.school.name.clone());
            if !terms.courses_to_prepare.contains(&course) {
                terms.courses_to_prepare.push(course.clone());
            }
            terms.sections.push(Class { course, school, tz, own_tz, patterns: met.patterns });
        }
        terms.weekly_minutes = weeks.values().copied().max().unwrap_or_default();
        terms.total_minutes = weeks.values().sum();
        terms
    }
}

/// A vacancy, whoever asks.
pub async fn wanted(tx: &mut Tx, id: VacancyId) -> Result<Wanted, Error> {
    let vacancy = store::get::<kept::Vacancy>(tx, id).await?;
    Wanted::read(tx, vacancy).await
}
