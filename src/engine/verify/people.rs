//! Recounts what people may do and bear: licenses, availability, overlaps, loads, caseloads, groups.
//!
//! It is given dated occurrences and knows neither calendars nor how a schedule is written.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::clock::Clock;
use super::minutes::Occurrence;
use crate::domain::time::{Date, UtcMinute};
use crate::engine::outcome::Violation;
use crate::engine::problem::{Educator, Grade, License, Section, Service};
use crate::engine::rule::Rule;

/// What a need asks of whoever serves it.
pub struct Demand<'p> {
    pub id: &'p str,
    pub state: &'p str,
    pub areas: &'p [String],
    pub grades: &'p [Grade],
    pub languages: &'p [String],
    pub vetoed: bool,
    pub first: Date,
    pub last: Date,
}

/// Rules H01 to H04: whether the educator may serve the need at all.
pub fn check_qualified(educator: &Educator, demand: &Demand<'_>, broken: &mut Vec<Violation>) {
    let mut refuse = |rule, message| broken.push(Violation::new(rule, [demand.id, &educator.id], message));
    let Demand { id, state, first, last, .. } = demand;
    let who = &educator.id;
    if !educator.licenses.iter().any(|license| permits(license, demand)) {
        let areas = demand.areas.join(" or ");
        refuse(
            Rule::License,
            format!("{who} has no license row for {areas} in {state} that covers {id} from {first} to {last}"),
        );
    }
    if !educator.clearances.iter().any(|cleared| cleared == state) {
        refuse(Rule::Clearance, format!("{who} is not cleared in {state}, where {id} is"));
    }
    if let Some(language) = demand.languages.iter().find(|language| !educator.languages.contains(language)) {
        refuse(Rule::Language, format!("{who} does not have {language}, which {id} asks for"));
    }
    if demand.vetoed {
        refuse(Rule::Veto, format!("{who} may not be matched at the school of {id}"));
    }
}

fn permits(license: &License, demand: &Demand<'_>) -> bool {
    license.state == demand.state
        && demand.areas.contains(&license.area)
        && demand.grades.iter().all(|grade| license.grades.contains(grade))
        && license.issued <= demand.first
        && demand.last <= license.expires
}

pub fn is_away(educator: &Educator, date: Date) -> bool {
    educator.time_off.iter().any(|span| span.contains(date))
}

/// What one educator has to do: the sections, and the sessions with their members.
pub struct Load<'p, Key> {
    pub educator: &'p Educator,
    clock: Rc<Clock>,
    pub sections: Vec<(&'p Section, Vec<Occurrence>)>,
    pub sessions: BTreeMap<Key, (Vec<Occurrence>, Vec<&'p Service>)>,
}

/// One occurrence on the educator's own clock, and the need it belongs to.
struct Entry<'p> {
    start: UtcMinute,
    end: UtcMinute,
    date: Date,
    need: &'p str,
}

impl<'p, Key: Ord> Load<'p, Key> {
    pub fn new(educator: &'p Educator, clock: Rc<Clock>) -> Self {
        Self { educator, clock, sections: Vec::new(), sessions: BTreeMap::new() }
    }

    /// Distinct courses among the sections.
    pub fn preps(&self) -> usize {
        self.sections.iter().map(|(section, _)| &section.course).collect::<BTreeSet<_>>().len()
    }

    /// Rules H05 to H11. Returns the minutes that are paid.
    pub fn check(&self, broken: &mut Vec<Violation>) -> i64 {
        let mut entries = Vec::new();
        for (section, meetings) in &self.sections {
            self.check_available(&section.id, meetings, &mut entries, broken);
        }
        for (held, members) in self.sessions.values() {
            self.check_available(&members[0].id, held, &mut entries, broken);
            self.check_group(members, broken);
        }
        entries.sort_by(|a, b| (a.start, a.end, a.need).cmp(&(b.start, b.end, b.need)));
        self.check_overlaps(&entries, broken);
        self.check_loads(&entries, broken);
        self.check_counts(broken);
        entries.iter().map(|entry| entry.end - entry.start).sum()
    }

    fn check_available(
        &self,
        need: &'p str,
        occurrences: &[Occurrence],
        entries: &mut Vec<Entry<'p>>,
        broken: &mut Vec<Violation>,
    ) {
        let mut first_miss = None;
        for occurrence in occurrences {
            let (date, from) = self.clock.show(occurrence.start);
            let to = from + occurrence.minutes();
            let inside = self.educator.availability.iter().any(|window| {
                window.days.contains(&date.weekday())
                    && i64::from(window.start.minutes()) <= from
                    && to <= i64::from(window.end.minutes())
            });
            if !inside && first_miss.is_none() {
                first_miss = Some((date, from, to));
            }
            entries.push(Entry { start: occurrence.start, end: occurrence.end, date, need });
        }
        if let Some((date, from, to)) = first_miss {
            let who = &self.educator.id;
            let (from, to) = (wall(from), wall(to));
            let message = format!(
                "{need} is from {from} to {to} on {date} on the clock of {who}, outside every availability window"
            );
            broken.push(Violation::new(Rule::Availability, [who, need], message));
        }
    }

    fn check_group(&self, members: &[&'p Service], broken: &mut Vec<Violation>) {
        let mut refuse = |message| {
            let about = std::iter::once(&self.educator.id).chain(members.iter().map(|member| &member.id));
            broken.push(Violation::new(Rule::Group, about, message));
        };
        let session = format!("the session of {} with {}", self.educator.id, members[0].id);
        let size = i64::try_from(members.len()).unwrap_or(i64::MAX);
        let limit = members.iter().map(|member| member.max_group).min().unwrap_or(i64::MAX);
        if size > limit {
            refuse(format!("{session} has {size} students, where {limit} may be together"));
        }
        let ranks = || members.iter().map(|member| i64::from(member.grade.rank()));
        let apart = ranks().max().unwrap_or(0) - ranks().min().unwrap_or(0);
        let limit = members.iter().map(|member| member.grade_span).min().unwrap_or(i64::MAX);
        if apart > limit {
            refuse(format!("{session} has grades {apart} apart, where {limit} is allowed"));
        }
        let students: BTreeSet<_> = members.iter().map(|member| &member.student).collect();
        if students.len() < members.len() {
            refuse(format!("{session} has one student twice"));
        }
    }

    /// Rule H06 over entries in order of start. Each pair of needs is told once, with the first date.
    fn check_overlaps(&self, entries: &[Entry<'p>], broken: &mut Vec<Violation>) {
        let buffer = self.educator.buffer_minutes;
        let mut told: BTreeMap<(&str, &str), (Date, usize)> = BTreeMap::new();
        let mut latest: Option<&Entry<'_>> = None;
        for entry in entries {
            if let Some(before) = latest.filter(|before| entry.start < before.end + buffer) {
                told.entry((before.need, entry.need)).or_insert((entry.date, 0)).1 += 1;
            }
            if latest.is_none_or(|before| entry.end > before.end) {
                latest = Some(entry);
            }
        }
        for ((one, other), (date, times)) in told {
            let who = &self.educator.id;
            let message = format!(
                "{who}: fewer than {buffer} minutes between {one} and {other} on {date} ({times} dates in all)"
            );
            broken.push(Violation::new(Rule::Overlap, [who, one, other], message));
        }
    }

    /// Rules H07 and H08, on the educator's own dates.
    fn check_loads(&self, entries: &[Entry<'p>], broken: &mut Vec<Violation>) {
        let mut minutes: Vec<(Date, i64)> = entries.iter().map(|entry| (entry.date, entry.end - entry.start)).collect();
        minutes.sort_by_key(|of| of.0);
        let who = &self.educator.id;
        let sum = |of: &[(Date, i64)]| (of[0].0, of.iter().map(|one| one.1).sum::<i64>());
        let days: Vec<(Date, i64)> = minutes.chunk_by(|one, other| one.0 == other.0).map(sum).collect();
        let weeks = days.chunk_by(|one, other| one.0.monday() == other.0.monday());
        let weeks = weeks.map(sum).map(|(date, minutes)| (date.monday(), minutes)).collect();
        for (rule, unit, loads, limit) in [
            (Rule::Week, "in the week of", weeks, self.educator.max_minutes_per_week),
            (Rule::Day, "on", days, self.educator.max_minutes_per_day),
        ] {
            let worst = loads.into_iter().filter(|(_, minutes)| *minutes > limit).max_by_key(|(_, minutes)| *minutes);
            if let Some((date, minutes)) = worst {
                let message = format!("{who} has {minutes} minutes {unit} {date}, limit {limit}");
                broken.push(Violation::new(rule, [who], message));
            }
        }
    }

    /// Rules H09 and H10.
    fn check_counts(&self, broken: &mut Vec<Violation>) {
        let educator = self.educator;
        let members = self.sessions.values().flat_map(|(_, members)| members);
        let students = members.map(|member| &member.student).collect::<BTreeSet<_>>().len();
        for (rule, what, count, limit) in [
            (Rule::Preps, "different courses", self.preps(), educator.max_preps),
            (Rule::Preps, "sections", self.sections.len(), educator.max_sections),
            (Rule::Caseload, "students", students, educator.max_students.unwrap_or(i64::MAX)),
        ] {
            if i64::try_from(count).unwrap_or(i64::MAX) > limit {
                let message = format!("{} has {count} {what}, limit {limit}", educator.id);
                broken.push(Violation::new(rule, [&educator.id], message));
            }
        }
    }
}

/// Rule H12: no two sessions of one student at once. `held` are (occurrence, need).
pub fn check_student(student: &str, mut held: Vec<(Occurrence, &str)>, broken: &mut Vec<Violation>) {
    held.sort_by_key(|(occurrence, need)| (occurrence.start, occurrence.end, *need));
    if let Some([(_, one), (at, other)]) =
        held.array_windows().find(|[(before, _), (after, _)]| after.start < before.end)
    {
        let message = format!("{one} and {other} of student {student} overlap on {}", at.date);
        broken.push(Violation::new(Rule::Student, [student, one, other], message));
    }
}

/// Minutes after midnight as a clock reads them, past midnight too.
fn wall(minutes: i64) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
