//! From a roster to the schedule of the specification, and back.

use super::grid::{Grid, Need, SlotIx};
use super::outcome::{Schedule, SectionAssignment, ServiceAssignment, WeeklySession};
use super::search::book::Roster;

/// The schedule that a roster stands for, in the order of the problem.
pub fn schedule(grid: &Grid<'_>, roster: &Roster) -> Schedule {
    let problem = grid.problem;
    let id = |e: usize| problem.educators[e].id.clone();
    let sections = problem.sections.iter().enumerate().filter_map(|(n, section)| {
        let educator = roster.blocks[grid.index.block_of_section[n]]?;
        Some(SectionAssignment { section: section.id.clone(), educator: id(educator) })
    });
    let services = problem.services.iter().zip(&roster.services).filter_map(|(service, placed)| {
        let (educator, slots) = placed.as_ref()?;
        let sessions = slots.iter().map(|&slot| session(grid, slot));
        Some(ServiceAssignment { service: service.id.clone(), educator: id(*educator), sessions: sessions.collect() })
    });
    Schedule { sections: sections.collect(), services: services.collect(), ..Schedule::default() }
}

/// A slot as the schedule writes it.
pub fn session(grid: &Grid<'_>, slot: SlotIx) -> WeeklySession {
    let slot = &grid.slots[slot];
    WeeklySession { day: slot.day.to_owned(), start: slot.start, weeks: slot.weeks.map(<[u8]>::to_vec) }
}

/// What of a schedule (of this problem or of an earlier one) can be read as a roster; the rest is left out.
pub fn roster(grid: &Grid<'_>, schedule: &Schedule) -> Roster {
    let mut roster = Roster::empty(grid);
    let educator = |id: &str| grid.index.educators.get(id).copied();
    for row in &schedule.sections {
        if let (Some(Need::Block(block)), Some(e)) = (grid.need(&row.section), educator(&row.educator)) {
            roster.blocks[block] = Some(e);
        }
    }
    for row in &schedule.services {
        if let (Some(Need::Service(service)), Some(e)) = (grid.need(&row.service), educator(&row.educator)) {
            let is = |session: &WeeklySession, slot: &usize| {
                let slot = &grid.slots[*slot];
                slot.day == session.day && slot.start == session.start && slot.weeks == session.weeks.as_deref()
            };
            let slots = &grid.services[service].slots;
            let mut found: Vec<usize> =
                row.sessions.iter().filter_map(|s| slots.iter().copied().find(|slot| is(s, slot))).collect();
            found.sort_unstable();
            found.dedup();
            roster.services[service] = (!found.is_empty()).then_some((e, found));
        }
    }
    roster
}

/// Needs that a schedule gives to educators who are no longer there.
pub fn orphans(grid: &Grid<'_>, schedule: &Schedule) -> Vec<Need> {
    let sections = schedule.sections.iter().map(|row| (&row.section, &row.educator));
    let services = schedule.services.iter().map(|row| (&row.service, &row.educator));
    let gone = sections.chain(services).filter(|(_, educator)| !grid.index.educators.contains_key(educator.as_str()));
    gone.filter_map(|(need, _)| grid.need(need)).collect()
}

/// The id of a service, or of a block's first section.
pub fn id(grid: &Grid<'_>, need: Need) -> String {
    match need {
        Need::Block(block) => grid.problem.sections[grid.blocks[block].sections[0]].id.clone(),
        Need::Service(service) => grid.problem.services[service].id.clone(),
    }
}
