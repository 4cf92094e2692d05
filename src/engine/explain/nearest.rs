//! The nearest fix: educators who got furthest are asked first what single change would let them serve the
//! need; the smallest that [`Inquiry::trial`] confirms is told.

use std::cmp::Reverse;

use super::Inquiry;
use super::change::Change;
use super::trial::Proposal;
use super::waterfall::Fall;
use crate::engine::grid::{BlockIx, EducatorIx, HoldIx, Need};
use crate::engine::outcome::NearestFix;
use crate::engine::pairing::{Filter, fits};
use crate::engine::problem::Educator;

/// Educators asked for one need, and how many of them may have fallen at the same filter while others wait.
const ASKED: usize = 8;
const OF_ONE_STEP: usize = 4;
/// Proposals given to the trial for one need.
const TRIED: usize = 6;
/// Needs of one desk that are thought away in turn.
pub const TAKEN: usize = 4;

impl Inquiry<'_, '_> {
    pub(super) fn nearest(&mut self, need: Need, fall: &Fall) -> (Option<NearestFix>, usize) {
        if matches!(need, Need::Block(block) if self.book.roster.blocks[block].is_some()) {
            // Served, but for time off: it wants a substitute, not another educator for the whole term.
            return (None, 0);
        }
        let candidates = self.candidates(fall);
        let mut proposals = Vec::new();
        for &educator in &candidates {
            match need {
                Need::Block(block) => self.propose_block(block, educator, &mut proposals),
                Need::Service(service) => self.propose_service(service, educator, &mut proposals),
            }
        }
        proposals.sort_by_key(|p| (!p.whole, p.change.clone(), Reverse(p.minutes), p.educator));
        let fix = proposals.iter().take(TRIED).find_map(|p| Some(self.fix(p, self.trial(need, p)?)));
        (fix, candidates.len())
    }

    fn fix(&self, proposal: &Proposal, minutes_gained: i64) -> NearestFix {
        let person = self.grid.educator(proposal.educator);
        let id = &person.id;
        NearestFix {
            educator: id.clone(),
            rule: proposal.change.rule().code().into(),
            change: proposal.change.describe(self.grid, person),
            minutes_gained,
            confirmed: format!(
                "with this change the schedule of {id} with the need in it breaks no rule and serves {minutes_gained} minutes more, recounted by verify"
            ),
        }
    }

    /// Who got furthest, and among these who has most weekly minutes to spare.
    fn candidates(&self, fall: &Fall) -> Vec<EducatorIx> {
        let step = |refusal: Option<Filter>| refusal.map_or(Filter::ALL.len(), |filter| filter as usize);
        let mut order: Vec<(Reverse<usize>, Reverse<i64>, EducatorIx)> = fall
            .fallen
            .iter()
            .filter(|&&(_, refusal)| refusal.is_none_or(|filter| filter > Filter::Area))
            .map(|&(e, refusal)| {
                let busiest = self.book.minutes_of(e).0.iter().copied().max().unwrap_or(0);
                (Reverse(step(refusal)), Reverse(self.grid.educator(e).max_minutes_per_week - busiest), e)
            })
            .collect();
        order.sort_unstable();
        let mut seen = vec![0; Filter::ALL.len() + 1];
        let (mut first, mut later) = (Vec::new(), Vec::new());
        for (Reverse(step), _, educator) in order {
            seen[step] += 1;
            if seen[step] <= OF_ONE_STEP { &mut first } else { &mut later }.push(educator);
        }
        first.into_iter().chain(later).take(ASKED).collect()
    }

    /// What of licenses, clearances, languages and vetoes must change; none where one change cannot do.
    pub(super) fn credentials(&self, need: Need, educator: EducatorIx) -> Option<Vec<Change>> {
        let mut person: Educator = self.grid.educator(educator).clone();
        let mut changes: Vec<Change> = Vec::new();
        let asked = self.rules.asked(need);
        for part in &asked {
            if !self.rules.passes(Filter::Validity, part, &person) {
                let mut rows =
                    person.licenses.iter().enumerate().filter(|(_, l)| {
                        l.state == part.state && part.areas.contains(&l.area) && l.issued <= part.first
                    });
                let lacks = |row: usize| -> Vec<_> {
                    part.grades.iter().copied().filter(|g| !person.licenses[row].grades.contains(g)).collect()
                };
                let renew = rows
                    .clone()
                    .filter(|&(row, _)| lacks(row).is_empty())
                    .max_by_key(|&(row, l)| (l.expires, Reverse(row)));
                let change = if let Some((row, _)) = renew {
                    Change::Renew { row, until: part.last }
                } else {
                    let (row, _) = rows.find(|(_, l)| part.last <= l.expires)?;
                    Change::Grades { row, grades: lacks(row) }
                };
                change.apply(&mut person);
                merge(&mut changes, change);
            }
            if !self.rules.passes(Filter::Clearance, part, &person) {
                let change = Change::Clear { state: part.state.to_owned() };
                change.apply(&mut person);
                changes.push(change);
            }
            let missing: Vec<&String> = part.languages.iter().filter(|l| !person.languages.contains(l)).collect();
            for language in missing.into_iter().cloned().collect::<Vec<_>>() {
                let change = Change::Speak { language };
                change.apply(&mut person);
                changes.push(change);
            }
            if !self.rules.passes(Filter::Veto, part, &person) {
                let change = Change::Lift { school: self.grid.problem.schools[part.school].id.clone() };
                if !changes.contains(&change) {
                    changes.push(change);
                }
            }
        }
        (changes.len() <= 1).then_some(changes)
    }

    fn propose_block(&mut self, block: BlockIx, educator: EducatorIx, proposals: &mut Vec<Proposal>) {
        let need = Need::Block(block);
        let (grid, person) = (self.grid, self.grid.educator(educator));
        let row = &grid.blocks[block];
        let Some(mut changes) = self.credentials(need, educator) else { return };
        if !fits(grid, row.hold, educator) {
            changes.push(Change::Widen(self.windows_outside(educator, [row.hold])));
        }
        let int = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let new = row.courses.iter().filter(|&&c| !self.book.has_course(educator, c)).count();
        let courses = int(self.book.courses_of(educator) + new);
        let sections = int(self.book.sections_of(educator) + row.sections.len());
        let lasting = changes.len();
        changes.extend((courses > person.max_preps).then_some(Change::Preps(courses)));
        changes.extend((sections > person.max_sections).then_some(Change::Sections(sections)));
        let (week, day) = self.peaks(educator, row.hold);
        changes.extend((week > person.max_minutes_per_week).then_some(Change::Week(week)));
        changes.extend((day > person.max_minutes_per_day).then_some(Change::Day(day)));
        let in_the_way = self.book.in_the_way(educator, row.hold);
        let itself = grid.hold(row.hold).collides_with_itself(person.buffer_minutes);
        let gap = self.widest_gap(educator, row.hold);
        if !in_the_way.is_empty() || itself {
            changes.push(Change::Buffer(gap.unwrap_or(-1)));
        }
        let minutes = self.block_minutes(block, educator);
        let propose = |change, minutes| Proposal { change, educator, slots: Vec::new(), minutes, whole: true };
        if let [change] = &changes[..]
            && *change != Change::Buffer(-1)
        {
            proposals.push(propose(change.clone(), minutes));
        }
        if lasting > 0 || itself {
            return;
        }
        let Some(rule) = self.book.block_refusal(block, educator) else { return };
        for other in self.displaceable(educator, in_the_way) {
            let displaced = self.served_minutes(other);
            let was = self.lift(other);
            let fits_now = self.book.block_refusal(block, educator).is_none();
            self.put_back(other, was);
            if fits_now && displaced < minutes {
                let change = Change::TakeAway { need: other, rule, minutes: displaced };
                proposals.push(propose(change, minutes - displaced));
            }
        }
    }

    /// Which needs of a desk to think away: the one that is in the way; where none is, those with fewest minutes.
    pub(super) fn displaceable(&self, educator: EducatorIx, in_the_way: Vec<Need>) -> Vec<Need> {
        let mut needs = if in_the_way.is_empty() { self.book.needs_of(educator) } else { in_the_way };
        needs.sort_by_cached_key(|&need| (self.owed_minutes(need), need));
        needs.dedup();
        needs.retain(|&need| self.grid.pin_of(need).is_none());
        needs.truncate(TAKEN);
        needs
    }

    /// The busiest week and day on a desk with one more hold, in minutes.
    pub(super) fn peaks(&self, educator: EducatorIx, hold: HoldIx) -> (i64, i64) {
        let (weeks, days) = self.book.minutes_of(educator);
        let loads = self.grid.loads(hold, educator);
        let peak = |table: &[i64], rows: &[(u32, u32)]| {
            let sum = |&(key, more): &(u32, u32)| table.get(key as usize).copied().unwrap_or(0) + i64::from(more);
            rows.iter().map(sum).max().unwrap_or(0)
        };
        (peak(weeks, &loads.by_week), peak(days, &loads.by_day))
    }

    /// The widest buffer, below the educator's own, with which a hold fits beside the desk and itself.
    pub(super) fn widest_gap(&self, educator: EducatorIx, hold: HoldIx) -> Option<i64> {
        let wanted = self.grid.hold(hold);
        let mut near = Vec::new();
        for need in self.book.in_the_way(educator, hold) {
            match need {
                Need::Block(block) => near.push(self.grid.hold(self.grid.blocks[block].hold)),
                Need::Service(service) => {
                    let slots = self.book.roster.services[service].iter().flat_map(|placed| &placed.1);
                    near.extend(slots.map(|&slot| self.grid.slot_hold(slot)));
                }
            }
        }
        let clear = |gap: &i64| near.iter().all(|h| !h.collides(wanted, *gap)) && !wanted.collides_with_itself(*gap);
        (0..self.grid.educator(educator).buffer_minutes).rev().find(clear)
    }

    /// What of some holds lies outside every window, on the educator's clock.
    pub(super) fn windows_outside(
        &self,
        educator: EducatorIx,
        holds: impl IntoIterator<Item = HoldIx>,
    ) -> Vec<super::change::Window> {
        let windows = &self.grid.educator(educator).availability;
        let mut outside: Vec<_> = holds
            .into_iter()
            .flat_map(|hold| self.grid.shapes(hold, educator).iter().copied())
            .filter(|&(day, start, end)| {
                !windows.iter().any(|w| {
                    i64::from(w.start.minutes()) <= start && end <= i64::from(w.end.minutes()) && w.days.contains(&day)
                })
            })
            .map(|(day, start, end)| (start, end, day))
            .collect();
        outside.sort_unstable();
        outside.dedup();
        outside
    }
}

/// One row renewed twice is one change, until the later date; grades likewise.
fn merge(changes: &mut Vec<Change>, change: Change) {
    match (changes.last_mut(), change) {
        (Some(Change::Renew { row, until }), Change::Renew { row: again, until: later }) if *row == again => {
            *until = later.max(*until);
        }
        (Some(Change::Grades { row, grades }), Change::Grades { row: again, grades: more }) if *row == again => {
            grades.extend(more);
        }
        (_, change) => changes.push(change),
    }
}
