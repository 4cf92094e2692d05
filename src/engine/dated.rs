//! From a weekly schedule to its dated meetings: what publishing writes down, one by one.
//!
//! Knows nothing of rules or costs, and shares no code with the model or with `verify`.

use std::collections::BTreeMap;

use crate::domain::calendar::{Calendar, DateSpan};
use crate::domain::id::RecordId;
use crate::domain::session::{Meeting, Purpose, SessionStatus, SessionStudent};
use crate::domain::time::{Clock, Date, Tz, instant, to_utc};

use super::outcome::{Schedule, ServiceAssignment, WeeklySession};
use super::problem::{District, Educator, Problem, School, Service};

/// An id that the problem does not have, or that is not one of a stored record.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the schedule names {0:?}, which is not in the problem")]
pub struct Unknown(pub String);

/// Every dated meeting of the schedule, in the order of their keys.
pub fn meetings(problem: &Problem, schedule: &Schedule) -> Result<Vec<Meeting>, Unknown> {
    let index = Index::new(problem);
    let mut meetings = Vec::new();
    for row in &schedule.sections {
        index.section(&row.section, &row.educator, &mut meetings)?;
    }
    let mut groups: BTreeMap<GroupKey<'_>, Vec<&Service>> = BTreeMap::new();
    for row in &schedule.services {
        let service = *index.services.get(row.service.as_str()).ok_or_else(|| Unknown(row.service.clone()))?;
        for session in &row.sessions {
            groups.entry(GroupKey::new(service, row, session)).or_default().push(service);
        }
    }
    for (key, members) in groups {
        index.group(&key, &members, &mut meetings)?;
    }
    meetings.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(meetings)
}

/// Services that agree in all of this meet as one (specification §1.3).
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct GroupKey<'s> {
    school: &'s str,
    service: &'s str,
    educator: &'s str,
    minutes: i64,
    day: &'s str,
    start: Clock,
    weeks: Option<&'s [u8]>,
}

impl<'s> GroupKey<'s> {
    fn new(service: &'s Service, row: &'s ServiceAssignment, session: &'s WeeklySession) -> Self {
        Self {
            school: &service.school,
            service: &service.service,
            educator: &row.educator,
            minutes: service.minutes,
            day: &session.day,
            start: session.start,
            weeks: session.weeks.as_deref(),
        }
    }
}

/// Where a meeting takes place.
struct Place<'p> {
    school: &'p School,
    district: &'p District,
    calendar: &'p Calendar,
    tz: Tz,
}

struct Index<'p> {
    problem: &'p Problem,
    schools: BTreeMap<&'p str, Place<'p>>,
    educators: BTreeMap<&'p str, &'p Educator>,
    services: BTreeMap<&'p str, &'p Service>,
}

impl<'p> Index<'p> {
    fn new(problem: &'p Problem) -> Self {
        let districts: BTreeMap<&str, &District> = problem.districts.iter().map(|d| (d.id.as_str(), d)).collect();
        let place = |school: &'p School| {
            let district = *districts.get(school.district.as_str())?;
            let calendar = school.calendar.as_ref().unwrap_or(&district.calendar);
            Some((school.id.as_str(), Place { school, district, calendar, tz: school.tz.unwrap_or(district.tz) }))
        };
        Self {
            problem,
            schools: problem.schools.iter().filter_map(place).collect(),
            educators: problem.educators.iter().map(|e| (e.id.as_str(), e)).collect(),
            services: problem.services.iter().map(|s| (s.id.as_str(), s)).collect(),
        }
    }

    fn place(&self, school: &str) -> Result<&Place<'p>, Unknown> {
        self.schools.get(school).ok_or_else(|| Unknown(school.into()))
    }

    fn educator(&self, id: &str) -> Result<&'p Educator, Unknown> {
        self.educators.get(id).copied().ok_or_else(|| Unknown(id.into()))
    }

    fn span(&self, first: Option<Date>, last: Option<Date>) -> DateSpan {
        DateSpan { first: first.unwrap_or(self.problem.term.first), last: last.unwrap_or(self.problem.term.last) }
    }

    fn section(&self, id: &str, educator: &str, into: &mut Vec<Meeting>) -> Result<(), Unknown> {
        let section = self.problem.sections.iter().find(|s| s.id == id).ok_or_else(|| Unknown(id.into()))?;
        let (place, educator) = (self.place(&section.school)?, self.educator(educator)?);
        let span = self.span(section.first, section.last);
        for day in
            place.calendar.instructional_days(self.problem.term).into_iter().filter(|day| span.contains(day.date))
        {
            let rings =
                place.school.bell_schedules.iter().find(|bell| bell.id == place.calendar.bell_schedule.on(day.date));
            for meet in &section.meets {
                let on_day = meet.days.as_ref().is_none_or(|days| days.contains(&day.date.weekday()));
                let in_cycle = meet
                    .cycle_days
                    .as_ref()
                    .is_none_or(|labels| day.cycle_day.is_some_and(|l| labels.iter().any(|m| m == l)));
                let Some(period) = rings.and_then(|bell| bell.period(&meet.period)).filter(|_| on_day && in_cycle)
                else {
                    continue;
                };
                let key = format!("section/{id}/{}/{}", day.date, period.id);
                let meeting =
                    place.meeting(key, educator, Purpose::Section(record(id)?), day.date, period.start, period.end)?;
                into.push(Meeting { status: covered(educator, day.date), ..meeting });
            }
        }
        Ok(())
    }

    fn group(&self, group: &GroupKey<'_>, members: &[&Service], into: &mut Vec<Meeting>) -> Result<(), Unknown> {
        let (place, educator) = (self.place(group.school)?, self.educator(group.educator)?);
        let end = i64::from(group.start.minutes()) + group.minutes;
        let end = u16::try_from(end)
            .ok()
            .and_then(Clock::from_minutes)
            .ok_or_else(|| Unknown(format!("a session until minute {end}")))?;
        for day in place.calendar.instructional_days(self.problem.term) {
            if !day.is(group.day) || group.weeks.is_some_and(|weeks| !weeks.contains(&day.nth)) {
                continue;
            }
            let present = covered(educator, day.date) == SessionStatus::Planned;
            let students: Result<Vec<_>, Unknown> = members
                .iter()
                .map(|service| {
                    Ok(SessionStudent {
                        service_id: record(&service.id)?,
                        student_id: record(&service.student)?,
                        due: self.span(service.first, service.last).contains(day.date),
                    })
                })
                .collect();
            let students = students?;
            let status = match (present, students.iter().any(|student| student.due)) {
                (true, true) => SessionStatus::Planned,
                (true, false) => SessionStatus::Held,
                (false, _) => SessionStatus::Uncovered,
            };
            let (school, start, minutes) = (group.school, group.start, group.minutes);
            let key = format!("service/{school}/{}/{}/{}/{start}/{minutes}", group.service, group.educator, day.date);
            let meeting = place.meeting(key, educator, Purpose::Service(group.service.into()), day.date, start, end)?;
            into.push(Meeting { students, status, ..meeting });
        }
        Ok(())
    }
}

impl Place<'_> {
    fn meeting(
        &self,
        key: String,
        educator: &Educator,
        purpose: Purpose,
        date: Date,
        start: Clock,
        end: Clock,
    ) -> Result<Meeting, Unknown> {
        let starts_at = to_utc(self.tz, date, start.minutes());
        // A session lasts as long as its clock says, also over a change of clocks; a period rings by the wall clock.
        let minutes = i64::from(end.minutes()) - i64::from(start.minutes());
        let ends_at = match purpose {
            Purpose::Section(_) => to_utc(self.tz, date, end.minutes()),
            Purpose::Service(_) => starts_at + minutes,
        };
        Ok(Meeting {
            key,
            educator_id: record(&educator.id)?,
            school_id: record(&self.school.id)?,
            district_id: record(&self.district.id)?,
            purpose,
            students: Vec::new(),
            held_on: date,
            starts: start,
            ends: end,
            tz: self.tz,
            starts_at: instant(starts_at),
            ends_at: instant(ends_at),
            minutes: ends_at - starts_at,
            status: SessionStatus::Planned,
        })
    }
}

fn covered(educator: &Educator, date: Date) -> SessionStatus {
    let away = educator.time_off.iter().any(|span| span.contains(date));
    if away { SessionStatus::Uncovered } else { SessionStatus::Planned }
}

fn record<I: RecordId>(id: &str) -> Result<I, Unknown> {
    id.parse().map_err(|_| Unknown(id.into()))
}
