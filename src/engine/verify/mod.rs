//! Double entry: recounts a schedule date by date and person by person, knowing nothing of a model.
//!
//! It agrees with `bench/staffing.py` on validity and on every cost term, for any schedule that can be
//! read, however broken. What is at fault is left out of what follows: an unknown id or a second placement
//! of a need is passed over, a session outside its windows is neither held nor counted.

mod clock;
mod minutes;
mod people;

use std::collections::{BTreeMap, BTreeSet};

use super::outcome::{Cost, Schedule, ServiceAssignment, Verdict, Violation, WeeklySession};
use super::problem::{Educator, Per, Problem, Section, Service};
use super::rule::Rule;
use crate::domain::time::{Clock, Date};
use clock::Clocks;
use minutes::{Occurrence, Place};
use people::{Demand, Load};

/// Every broken rule (none: valid) and the cost in cents, recounted. The problem must have passed `validate`.
#[must_use]
pub fn verify(problem: &Problem, schedule: &Schedule) -> Verdict {
    let mut recount = Recount::open(problem, schedule);
    recount.count_sections();
    recount.check_bundles();
    recount.count_services();
    recount.count_educators();
    recount.count_promises();
    recount.close()
}

/// Services of one school, kind and length, at one time with one educator, are one group session.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SessionKey<'p> {
    school: &'p str,
    service: &'p str,
    minutes: i64,
    day: &'p str,
    start: Clock,
    weeks: Option<&'p [u8]>,
}

/// Cents while they are summed: wide enough that no broken schedule overflows them.
#[derive(Default)]
struct Tally {
    unserved: i128,
    pay: i128,
    activation: i128,
    prep: i128,
    split: i128,
    change: i128,
}

struct Recount<'p> {
    problem: &'p Problem,
    clocks: Clocks,
    places: BTreeMap<&'p str, Place<'p>>,
    vetoes: BTreeSet<(&'p str, &'p str)>,
    /// Section to educator.
    teach: BTreeMap<&'p str, &'p Educator>,
    /// Service to educator and sessions; never without a session.
    serve: BTreeMap<&'p str, (&'p Educator, &'p [WeeklySession])>,
    /// Educator to what they hold.
    loads: BTreeMap<&'p str, Load<'p, SessionKey<'p>>>,
    students: BTreeMap<&'p str, Vec<(Occurrence, &'p str)>>,
    broken: Vec<Violation>,
    tally: Tally,
}

impl<'p> Recount<'p> {
    /// Read who does what, refusing unknown ids and second placements (rule H00).
    fn open(problem: &'p Problem, schedule: &'p Schedule) -> Self {
        let sections: BTreeSet<&str> = problem.sections.iter().map(|row| row.id.as_str()).collect();
        let services: BTreeSet<&str> = problem.services.iter().map(|row| row.id.as_str()).collect();
        let educators: BTreeMap<&str, _> = problem.educators.iter().map(|row| (row.id.as_str(), row)).collect();
        let mut broken = Vec::new();
        let mut refuse = |need: &str, who: &str, message: String| {
            broken.push(Violation::new(Rule::Form, [need, who], message));
        };
        let mut teach = BTreeMap::new();
        for row in &schedule.sections {
            let (need, who) = (row.section.as_str(), row.educator.as_str());
            match educators.get(who).filter(|_| sections.contains(need)) {
                None => refuse(need, who, format!("the problem has no section {need} or no educator {who}")),
                Some(_) if teach.contains_key(need) => refuse(need, who, format!("section {need} is assigned twice")),
                Some(educator) => _ = teach.insert(need, *educator),
            }
        }
        let mut serve = BTreeMap::new();
        for ServiceAssignment { service, educator, sessions } in &schedule.services {
            let (need, who) = (service.as_str(), educator.as_str());
            match educators.get(who).filter(|_| services.contains(need)) {
                None => refuse(need, who, format!("the problem has no service {need} or no educator {who}")),
                Some(_) if serve.contains_key(need) => refuse(need, who, format!("service {need} is placed twice")),
                Some(_) if sessions.is_empty() => {}
                Some(educator) => _ = serve.insert(need, (*educator, sessions.as_slice())),
            }
        }
        let vetoes = problem.vetoes.iter().map(|row| (row.educator.as_str(), row.school.as_str())).collect();
        let (loads, students, tally) = (BTreeMap::new(), BTreeMap::new(), Tally::default());
        let mut clocks = Clocks::new(problem.term);
        let places = minutes::places(problem, &mut clocks);
        Self { problem, clocks, places, vetoes, teach, serve, loads, students, broken, tally }
    }

    fn unserved_cents(&self, priority: i64, minutes: i64) -> i128 {
        i128::from(self.problem.weights.unserved_cents_per_minute) * i128::from(priority) * i128::from(minutes)
    }

    fn count_sections(&mut self) {
        let courses: BTreeMap<&str, _> = self.problem.courses.iter().map(|row| (row.id.as_str(), row)).collect();
        for section in &self.problem.sections {
            let (Some(place), Some(course)) =
                (self.places.get(section.school.as_str()), courses.get(section.course.as_str()))
            else {
                continue;
            };
            let meetings = place.meetings(section);
            let Some(educator) = self.teach.get(section.id.as_str()).copied() else {
                let owed = meetings.iter().map(|meeting| meeting.minutes()).sum();
                self.tally.unserved += self.unserved_cents(section.priority, owed);
                continue;
            };
            if let (Some(first), Some(last)) = (meetings.first(), meetings.last()) {
                let demand = Demand {
                    id: &section.id,
                    state: place.state,
                    areas: &course.areas,
                    grades: &section.grades,
                    languages: &section.languages,
                    vetoed: self.vetoes.contains(&(educator.id.as_str(), section.school.as_str())),
                    first: first.date,
                    last: last.date,
                };
                people::check_qualified(educator, &demand, &mut self.broken);
            }
            let missed = meetings.iter().filter(|meeting| people::is_away(educator, meeting.date));
            let missed = missed.map(|meeting| meeting.minutes()).sum();
            self.tally.unserved += self.unserved_cents(section.priority, missed);
            self.load(educator).sections.push((section, meetings));
        }
    }

    fn load(&mut self, educator: &'p Educator) -> &mut Load<'p, SessionKey<'p>> {
        self.loads.entry(&educator.id).or_insert_with(|| Load::new(educator, self.clocks.of(educator.tz)))
    }

    /// Rule H14.
    fn check_bundles(&mut self) {
        let mut bundles: BTreeMap<&str, Vec<&Section>> = BTreeMap::new();
        for section in &self.problem.sections {
            if let Some(bundle) = section.bundle.as_deref().filter(|bundle| !bundle.is_empty()) {
                bundles.entry(bundle).or_default().push(section);
            }
        }
        for (bundle, sections) in bundles {
            let teacher = |section: &Section| self.teach.get(section.id.as_str()).map(|educator| educator.id.as_str());
            if sections.iter().any(|section| teacher(section) != teacher(sections[0])) {
                let about = std::iter::once(bundle).chain(sections.iter().map(|section| section.id.as_str()));
                let message = format!("bundle {bundle} is split: its sections need one educator, all or none");
                self.broken.push(Violation::new(Rule::Bundle, about, message));
            }
        }
    }

    fn count_services(&mut self) {
        for service in &self.problem.services {
            let Some(place) = self.places.get(service.school.as_str()) else { continue };
            let owed = place.owed_minutes(service);
            let Some((educator, sessions)) = self.serve.get(service.id.as_str()).copied() else {
                self.tally.unserved += self.unserved_cents(service.priority, owed);
                continue;
            };
            let active = place.active_days(service);
            if let (Some(first), Some(last)) = (active.first(), active.last()) {
                let demand = Demand {
                    id: &service.id,
                    state: place.state,
                    areas: &service.areas,
                    grades: &[service.grade],
                    languages: &service.languages,
                    vetoed: self.vetoes.contains(&(educator.id.as_str(), service.school.as_str())),
                    first: *first,
                    last: *last,
                };
                people::check_qualified(educator, &demand, &mut self.broken);
            }
            let served = self.hold_sessions(service, educator, sessions, &active);
            self.tally.unserved += self.unserved_cents(service.priority, owed - served);
        }
    }

    /// Rule H13, and the minutes served on active dates, which are in order, when the educator is not away.
    fn hold_sessions(
        &mut self,
        service: &'p Service,
        educator: &'p Educator,
        sessions: &'p [WeeklySession],
        active: &[Date],
    ) -> i64 {
        let mut refuse = |message| {
            self.broken.push(Violation::new(Rule::Pattern, [&service.id, &educator.id], message));
        };
        let id = &service.id;
        let wanted = if service.per == Per::Month { 1 } else { service.times };
        if i64::try_from(sessions.len()).unwrap_or(i64::MAX) > wanted {
            refuse(format!("{id} has {} sessions, where at most {wanted} may be", sessions.len()));
        }
        let (mut used_days, mut served) = (BTreeSet::new(), 0);
        let mut slots = Vec::new();
        for session in sessions {
            let WeeklySession { day, start, .. } = session;
            if !minutes::fits(session, service, self.problem.grid_minutes) {
                refuse(format!("{id}: {day} {start} is off the grid, outside its windows, or of the wrong weeks"));
                continue;
            }
            if !used_days.insert(day) {
                refuse(format!("{id} has two sessions on {day}"));
            }
            slots.push(session);
        }
        for session in slots {
            let weeks = minutes::week_pattern(session);
            let key = SessionKey {
                school: &service.school,
                service: &service.service,
                minutes: service.minutes,
                day: &session.day,
                start: session.start,
                weeks,
            };
            let place = &self.places[service.school.as_str()];
            let clocks = &mut self.clocks;
            let load = self.loads.entry(&educator.id).or_insert_with(|| Load::new(educator, clocks.of(educator.tz)));
            let (held, members) =
                load.sessions.entry(key).or_insert_with(|| (place.held(session, service.minutes), Vec::new()));
            members.push(service);
            let on_duty =
                |held: &&Occurrence| active.binary_search(&held.date).is_ok() && !people::is_away(educator, held.date);
            served += held.iter().filter(on_duty).map(|held| held.minutes()).sum::<i64>();
            self.students.entry(&service.student).or_default().extend(held.iter().map(|held| (*held, id.as_str())));
        }
        served
    }

    /// Rules H05 to H12, and what educators cost.
    fn count_educators(&mut self) {
        for load in self.loads.values() {
            let Educator { pay_cents_per_minute, activation_cents, prep_cents, .. } = load.educator;
            let further_preps = i64::try_from(load.preps().saturating_sub(1)).unwrap_or(i64::MAX);
            self.tally.pay += i128::from(*pay_cents_per_minute) * i128::from(load.check(&mut self.broken));
            self.tally.activation += i128::from(*activation_cents);
            self.tally.prep += i128::from(*prep_cents) * i128::from(further_preps);
        }
        for (student, held) in std::mem::take(&mut self.students) {
            people::check_student(student, held, &mut self.broken);
        }
    }

    /// Rule H15, and the terms that look at who serves what: split and change.
    fn count_promises(&mut self) {
        let served = self.serve.iter().map(|(need, (educator, _))| (*need, educator.id.as_str()));
        let taught = self.teach.iter().map(|(need, educator)| (*need, educator.id.as_str()));
        let done: BTreeMap<&str, &str> = taught.chain(served).collect();
        let is_with = |need: &str, educator: &str| done.get(need) == Some(&educator);
        for pin in self.problem.pins.iter().filter(|pin| !is_with(&pin.need, &pin.educator)) {
            let message = format!("{} is pinned to {} and is not with them", pin.need, pin.educator);
            self.broken.push(Violation::new(Rule::Pin, [&pin.need, &pin.educator], message));
        }
        for row in &self.problem.incumbents {
            if !is_with(&row.need, &row.educator) {
                self.tally.change += i128::from(self.problem.weights.change_cents);
            }
        }
        for row in &self.problem.together {
            let hands: BTreeSet<_> = row.needs.iter().filter_map(|need| done.get(need.as_str())).collect();
            self.tally.split += i128::from(row.cents) * hands.len().saturating_sub(1) as i128;
        }
    }

    fn close(self) -> Verdict {
        let Tally { unserved, pay, activation, prep, split, change } = self.tally;
        // A quarter of what fits, so that the six terms have a sum.
        let [unserved, pay, activation, prep, split, change] = [unserved, pay, activation, prep, split, change]
            .map(|cents| i64::try_from(cents.clamp(-CENTS, CENTS)).unwrap_or(i64::MAX));
        let cost = Cost { unserved, pay, activation, prep, split, change, total: 0 }.summed();
        Verdict { valid: self.broken.is_empty(), violations: self.broken, cost }
    }
}

/// No term is told as more than this; `validate` refuses problems that could honestly reach it.
const CENTS: i128 = 1_000_000_000_000_000_000;
