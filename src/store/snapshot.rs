//! The problem of a term and its districts, read in one moment: equal rows give equal problems, byte for byte.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::entity::{self, sql};
use super::error::{Result, StoreError};
use super::schedules;
use super::tx::{Statement, Tx, statements};
use super::{Db, children, every, get};
use crate::args;
use crate::domain::calendar::{BellSchedule, DateSpan};
use crate::domain::educator;
use crate::domain::id::{DistrictId, RecordId, SchoolId, SectionId, ServiceId, TermId};
use crate::domain::license;
use crate::domain::record::Stored;
use crate::domain::records as kept;
use crate::engine::problem::{self, Pair, Problem, Weights};

statements! {
    DISTRICTS = "SELECT district_id FROM calendar WHERE term_id = $1 \
        UNION SELECT s.district_id FROM section n JOIN school s ON s.id = n.school_id WHERE n.term_id = $1 \
        UNION SELECT s.district_id FROM service n JOIN school s ON s.id = n.school_id WHERE n.term_id = $1";
}
const NEEDS: &str = "term_id = $1 AND school_id IN (SELECT id FROM school WHERE district_id = $2)";
const BELLS: &str = "school_id IN (SELECT id FROM school WHERE district_id = $1) ORDER BY id";
const CALENDARS: &str = "term_id = $1 AND district_id = $2";

/// Statements composed here.
pub(super) fn composed() -> [Statement; 4] {
    [
        sql::select::<kept::Section>(NEEDS),
        sql::select::<kept::Service>(NEEDS),
        sql::select::<kept::BellSchedule>(BELLS),
        sql::select::<kept::Calendar>(CALENDARS),
    ]
}

/// The problem of these districts in this term; no districts named means all that keep a calendar or have a need in it.
///
/// In it are: their needs of the term, the schools that have a need or ring a bell, the courses taught, every
/// active educator, and of pins, vetoes, togethers and incumbents those between them. Ids are the records' ids.
pub async fn snapshot(db: &Db, term: TermId, districts: &[DistrictId]) -> Result<Problem> {
    within(&mut db.read().await?, term, districts).await
}

/// The same inside a transaction that is already open.
pub async fn within(tx: &mut Tx, term_id: TermId, districts: &[DistrictId]) -> Result<Problem> {
    let term = get::<kept::Term>(tx, term_id).await?.body;
    let districts: BTreeSet<DistrictId> = if districts.is_empty() {
        let rows = tx.rows(&DISTRICTS, args![term_id]).await?;
        rows.iter().map(|row| row.id("district_id")).collect::<Result<_>>()?
    } else {
        districts.iter().copied().collect()
    };
    let mut problem = Problem {
        format: problem::FORMAT.into(),
        name: term.name.clone(),
        term: DateSpan { first: term.first_on, last: term.last_on },
        grid_minutes: term.grid_minutes,
        weights: Weights { unserved_cents_per_minute: term.unserved_cents_per_minute, change_cents: term.change_cents },
        districts: Vec::new(),
        schools: Vec::new(),
        courses: Vec::new(),
        sections: Vec::new(),
        services: Vec::new(),
        educators: Vec::new(),
        incumbents: Vec::new(),
        pins: Vec::new(),
        vetoes: Vec::new(),
        together: Vec::new(),
    };
    for id in districts {
        district(tx, term_id, &term.name, id, &mut problem).await?;
    }
    problem.schools.sort_by(|a, b| a.id.cmp(&b.id));
    problem.sections.sort_by(|a, b| a.id.cmp(&b.id));
    problem.services.sort_by(|a, b| a.id.cmp(&b.id));
    let taught: HashSet<&str> = problem.sections.iter().map(|section| section.course.as_str()).collect();
    for course in every::<kept::Course>(tx).await? {
        let (id, course) = (course.id.to_string(), course.body);
        if taught.contains(id.as_str()) {
            problem.courses.push(problem::Course { id, name: course.name, areas: course.areas, sced: course.sced });
        }
    }
    problem.educators = educators(tx).await?;
    choices(tx, term_id, &mut problem).await?;
    Ok(problem)
}

/// A digest of the problem: equal problems have equal digests.
///
/// # Panics
/// Never: a problem is plain data, which JSON can hold.
#[must_use]
pub fn hash(problem: &Problem) -> String {
    // Fields are written in the order they are declared in and maps in the order of their keys.
    let canonical = serde_json::to_vec(problem).expect("a problem is plain data");
    hex::encode(Sha256::digest(canonical))
}

/// Who serves which need now: what was published, else what an imported file said.
pub async fn incumbents(tx: &mut Tx, term: TermId) -> Result<Vec<Pair>> {
    let serving = schedules::serving(tx, term).await?;
    Ok(serving
        .into_iter()
        .map(|(need, educator)| Pair { need: need.to_string(), educator: educator.to_string() })
        .collect())
}

fn pair(section: Option<SectionId>, service: Option<ServiceId>, educator: impl RecordId) -> Pair {
    let need = section.map(RecordId::uuid).or(service.map(RecordId::uuid)).unwrap_or(Uuid::nil());
    Pair { need: need.to_string(), educator: educator.to_string() }
}

async fn district(tx: &mut Tx, term_id: TermId, term: &str, id: DistrictId, problem: &mut Problem) -> Result<()> {
    let Stored { body: district, .. } = get::<kept::District>(tx, id).await?;
    let calendars = entity::matching::<kept::Calendar>(tx, CALENDARS, args![term_id, id]).await?;
    let (own, shared): (Vec<_>, Vec<_>) = calendars.into_iter().partition(|calendar| calendar.body.school_id.is_some());
    let Some(shared) = shared.into_iter().next() else {
        let message = format!("district {} has no calendar for the term {term}; add one", district.name);
        return Err(StoreError::invalid("/districts", message));
    };
    let mut own: BTreeMap<Option<SchoolId>, kept::Calendar> =
        own.into_iter().map(|calendar| (calendar.body.school_id, calendar.body)).collect();
    let mut bells: BTreeMap<SchoolId, Vec<BellSchedule>> = BTreeMap::new();
    for row in entity::matching::<kept::BellSchedule>(tx, BELLS, args![id]).await? {
        let schedule = BellSchedule { id: row.body.key, periods: row.body.periods };
        bells.entry(row.body.school_id).or_default().push(schedule);
    }
    let sections = entity::matching::<kept::Section>(tx, NEEDS, args![term_id, id]).await?;
    let services = entity::matching::<kept::Service>(tx, NEEDS, args![term_id, id]).await?;
    let with_needs: HashSet<SchoolId> =
        sections.iter().map(|row| row.body.school_id).chain(services.iter().map(|row| row.body.school_id)).collect();

    let calendar = shared.body;
    let (name, state, tz) = (district.name, district.state, district.tz);
    problem.districts.push(problem::District { id: id.to_string(), name, state, tz, calendar: calendar.into() });
    for row in children::<kept::School>(tx, "district_id", id).await? {
        let bell_schedules = bells.remove(&row.id).unwrap_or_default();
        if bell_schedules.is_empty() && !with_needs.contains(&row.id) {
            continue;
        }
        problem.schools.push(problem::School {
            id: row.id.to_string(),
            district: id.to_string(),
            name: row.body.name,
            tz: row.body.tz,
            calendar: own.remove(&Some(row.id)).map(Into::into),
            bell_schedules,
        });
    }
    problem.sections.extend(sections.into_iter().map(section));
    problem.services.extend(services.into_iter().map(service));
    Ok(())
}

fn section(row: Stored<kept::Section>) -> problem::Section {
    let Stored { id, body, .. } = row;
    problem::Section {
        id: id.to_string(),
        school: body.school_id.to_string(),
        course: body.course_id.to_string(),
        grades: body.grades,
        meets: body.meets,
        first: body.first_on,
        last: body.last_on,
        priority: body.priority,
        students: body.students,
        bundle: body.bundle,
        languages: body.languages,
    }
}

fn service(row: Stored<kept::Service>) -> problem::Service {
    let Stored { id, body, .. } = row;
    problem::Service {
        id: id.to_string(),
        student: body.student_id.to_string(),
        school: body.school_id.to_string(),
        service: body.service,
        areas: body.areas,
        grade: body.grade,
        minutes: body.minutes,
        times: body.times,
        per: body.per,
        windows: body.windows,
        max_group: body.max_group,
        grade_span: body.grade_span,
        first: body.first_on,
        last: body.last_on,
        priority: body.priority,
        languages: body.languages,
    }
}

/// Every active educator, with what they hold and offer.
async fn educators(tx: &mut Tx) -> Result<Vec<problem::Educator>> {
    let mut all = BTreeMap::new();
    for Stored { id, body, .. } in every::<kept::Educator>(tx).await? {
        if !body.active {
            continue;
        }
        let educator = problem::Educator {
            id: id.to_string(),
            tz: body.tz,
            licenses: Vec::new(),
            clearances: Vec::new(),
            availability: Vec::new(),
            time_off: Vec::new(),
            max_minutes_per_week: body.max_minutes_per_week,
            max_minutes_per_day: body.max_minutes_per_day,
            max_preps: body.max_preps,
            max_sections: body.max_sections,
            max_students: body.max_students,
            buffer_minutes: body.buffer_minutes,
            languages: body.languages,
            pay_cents_per_minute: body.pay_cents_per_minute,
            activation_cents: body.activation_cents,
            prep_cents: body.prep_cents,
        };
        all.insert(id, educator);
    }
    for Stored { body, .. } in every::<kept::License>(tx).await? {
        if let Some(educator) = all.get_mut(&body.educator_id) {
            let (state, area, grades) = (body.state, body.area, body.grades);
            educator.licenses.push(license::License {
                state,
                area,
                grades,
                issued: body.issued_on,
                expires: body.expires_on,
            });
        }
    }
    for Stored { body, .. } in every::<kept::Clearance>(tx).await? {
        if let Some(educator) = all.get_mut(&body.educator_id) {
            educator.clearances.push(body.state);
        }
    }
    for Stored { body, .. } in every::<kept::Availability>(tx).await? {
        if let Some(educator) = all.get_mut(&body.educator_id) {
            educator.availability.push(educator::Availability { days: body.days, start: body.start, end: body.end });
        }
    }
    for Stored { body, .. } in every::<kept::TimeOff>(tx).await? {
        if let Some(educator) = all.get_mut(&body.educator_id) {
            educator.time_off.push(DateSpan { first: body.first_on, last: body.last_on });
        }
    }
    Ok(all.into_values().collect())
}

/// Pins, vetoes, togethers and incumbents, where everything they name is in the problem.
async fn choices(tx: &mut Tx, term: TermId, problem: &mut Problem) -> Result<()> {
    let sections = problem.sections.iter().map(|section| section.id.clone());
    let needs: HashSet<String> = sections.chain(problem.services.iter().map(|service| service.id.clone())).collect();
    let educators: HashSet<String> = problem.educators.iter().map(|educator| educator.id.clone()).collect();
    let schools: HashSet<String> = problem.schools.iter().map(|school| school.id.clone()).collect();
    let inside = |pair: &Pair| needs.contains(&pair.need) && educators.contains(&pair.educator);

    problem.incumbents = incumbents(tx, term).await?;
    problem.incumbents.retain(inside);
    problem.incumbents.sort_by(|a, b| (&a.need, &a.educator).cmp(&(&b.need, &b.educator)));
    let pins = children::<kept::Pin>(tx, "term_id", term).await?;
    let pins = pins.into_iter().map(|row| pair(row.body.section_id, row.body.service_id, row.body.educator_id));
    problem.pins = pins.filter(inside).collect();
    problem.pins.sort_by(|a, b| a.need.cmp(&b.need));
    let vetoes = every::<kept::Veto>(tx).await?;
    let veto = |row: Stored<kept::Veto>| problem::Veto {
        educator: row.body.educator_id.to_string(),
        school: row.body.school_id.to_string(),
    };
    let known = |veto: &problem::Veto| educators.contains(&veto.educator) && schools.contains(&veto.school);
    problem.vetoes = vetoes.into_iter().map(veto).filter(known).collect();
    problem.vetoes.sort_by(|a, b| (&a.educator, &a.school).cmp(&(&b.educator, &b.school)));
    for Stored { id, body, .. } in children::<kept::Together>(tx, "term_id", term).await? {
        let needs: Vec<String> =
            body.needs.iter().map(ToString::to_string).filter(|need| needs.contains(need)).collect();
        if !needs.is_empty() {
            problem.together.push(problem::Together { id: id.to_string(), needs, cents: body.cents });
        }
    }
    Ok(())
}
