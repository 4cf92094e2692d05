//! The trial: a change applied to a small copy of the problem (one educator, their desk, the student's other
//! services), the need put into its schedule, and `verify` asked whether that is valid and what it serves.

use std::collections::BTreeSet;

use super::Inquiry;
use super::change::Change;
use crate::engine::grid::{EducatorIx, Need, SlotIx};
use crate::engine::outcome::{Schedule, SectionAssignment, ServiceAssignment, WeeklySession};
use crate::engine::problem::{Problem, Weights};
use crate::engine::verify::verify;

/// A change, and where the need would then sit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub change: Change,
    pub educator: EducatorIx,
    /// Empty for a block.
    pub slots: Vec<SlotIx>,
    /// Minutes expected, net.
    pub minutes: i64,
    /// All that is owed but for closed days and time off.
    pub whole: bool,
}

impl Inquiry<'_, '_> {
    /// Minutes more that are served with the change, counted by `verify`; none if a rule is broken or nothing
    /// is gained.
    pub(super) fn trial(&self, need: Need, proposal: &Proposal) -> Option<i64> {
        let needs = self.touched(need, proposal.educator);
        let mut problem = self.small_problem(&needs, proposal.educator);
        let before = verify(&problem, &self.small_schedule(&needs, |_| false));
        let id = self.id(proposal.educator);
        if let Change::Lift { school } = &proposal.change {
            problem.vetoes.retain(|veto| veto.educator != id || veto.school != *school);
        }
        let person = problem.educators.iter_mut().find(|person| person.id == id)?;
        proposal.change.apply(person);
        let displaced = |other: Need| matches!(proposal.change, Change::TakeAway { need: away, .. } if away == other);
        let mut schedule = self.small_schedule(&needs, |other| other == need || displaced(other));
        self.write(&mut schedule, need, proposal.educator, &proposal.slots);
        let after = verify(&problem, &schedule);
        let gained = before.cost.unserved - after.cost.unserved;
        (after.valid && gained > 0).then_some(gained)
    }

    /// The need, the educator's desk, and what else the student has.
    fn touched(&self, need: Need, educator: EducatorIx) -> BTreeSet<Need> {
        let mut needs: BTreeSet<Need> = self.book.needs_of(educator).into_iter().collect();
        needs.insert(need);
        if let Need::Service(service) = need {
            let student = self.grid.services[service].student;
            needs.extend(self.book.services_of_student(student).into_iter().map(Need::Service));
        }
        needs
    }

    /// Only these needs and whoever serves them; costs count minutes and nothing else.
    fn small_problem(&self, needs: &BTreeSet<Need>, educator: EducatorIx) -> Problem {
        let all = self.grid.problem;
        let mut people: BTreeSet<EducatorIx> = needs.iter().filter_map(|&n| self.book.roster.educator(n)).collect();
        people.insert(educator);
        let mut small = Problem {
            format: all.format.clone(),
            name: String::new(),
            term: all.term,
            grid_minutes: all.grid_minutes,
            weights: Weights { unserved_cents_per_minute: 1, change_cents: 0 },
            districts: Vec::new(),
            schools: Vec::new(),
            courses: Vec::new(),
            sections: Vec::new(),
            services: Vec::new(),
            educators: people.iter().map(|&e| self.grid.educator(e).clone()).collect(),
            incumbents: Vec::new(),
            pins: Vec::new(),
            vetoes: Vec::new(),
            together: Vec::new(),
        };
        for &need in needs {
            match need {
                Need::Block(block) => {
                    small.sections.extend(self.grid.blocks[block].sections.iter().map(|&s| all.sections[s].clone()));
                }
                Need::Service(service) => small.services.push(all.services[service].clone()),
            }
        }
        small.sections.iter_mut().for_each(|section| section.priority = 1);
        small.services.iter_mut().for_each(|service| service.priority = 1);
        let index = &self.grid.index;
        let schools: BTreeSet<usize> = small
            .sections
            .iter()
            .map(|s| &s.school)
            .chain(small.services.iter().map(|s| &s.school))
            .map(|id| index.schools[id.as_str()])
            .collect();
        let courses: BTreeSet<usize> = small.sections.iter().map(|s| index.courses[s.course.as_str()]).collect();
        small.schools = schools.iter().map(|&s| all.schools[s].clone()).collect();
        small.courses = courses.iter().map(|&c| all.courses[c].clone()).collect();
        let districts: BTreeSet<&str> = small.schools.iter().map(|s| s.district.as_str()).collect();
        small.districts = districts.iter().map(|id| all.districts[self.pools.district(id)].clone()).collect();
        small.pins = self.pools.pins(needs).map(|n| all.pins[n].clone()).collect();
        small.vetoes =
            people.iter().flat_map(|&e| self.pools.vetoes(self.id(e))).map(|&n| all.vetoes[n].clone()).collect();
        small
    }

    /// What these needs have today, but for those left out.
    fn small_schedule(&self, needs: &BTreeSet<Need>, left_out: impl Fn(Need) -> bool) -> Schedule {
        let mut schedule = Schedule::default();
        for &need in needs.iter().filter(|&&need| !left_out(need)) {
            if let Some(educator) = self.book.roster.educator(need) {
                let slots = match need {
                    Need::Block(_) => &[][..],
                    Need::Service(service) => self.book.roster.services[service].as_ref().map_or(&[][..], |p| &p.1),
                };
                self.write(&mut schedule, need, educator, slots);
            }
        }
        schedule
    }

    fn write(&self, schedule: &mut Schedule, need: Need, educator: EducatorIx, slots: &[SlotIx]) {
        let educator = self.id(educator).to_owned();
        match need {
            Need::Block(block) => {
                schedule.sections.extend(self.grid.blocks[block].sections.iter().map(|&s| SectionAssignment {
                    section: self.grid.problem.sections[s].id.clone(),
                    educator: educator.clone(),
                }));
            }
            Need::Service(service) => {
                let sessions = slots.iter().map(|&slot| {
                    let slot = &self.grid.slots[slot];
                    WeeklySession { day: slot.day.to_owned(), start: slot.start, weeks: slot.weeks.map(<[u8]>::to_vec) }
                });
                let (service, sessions) = (self.grid.problem.services[service].id.clone(), sessions.collect());
                schedule.services.push(ServiceAssignment { service, educator, sessions });
            }
        }
    }
}
