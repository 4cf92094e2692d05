//! What single change would let an educator hold (more) sessions of a service: slots are looked at as if one
//! kind of rule did not bind, and the change is read off from what then is placed.

use std::cmp::Reverse;

use super::Inquiry;
use super::change::Change;
use super::trial::Proposal;
use crate::engine::grid::{EducatorIx, Need, ServiceIx, SlotIx};
use crate::engine::pairing::fits;
use crate::engine::rule::Rule;

/// What may be set aside, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bar {
    Availability,
    Week,
    Day,
    Buffer,
    /// Other work at the same time: never set aside here, but perhaps taken away.
    Work,
}

impl Inquiry<'_, '_> {
    pub(super) fn propose_service(&mut self, service: ServiceIx, educator: EducatorIx, proposals: &mut Vec<Proposal>) {
        let need = Need::Service(service);
        let Some(mut lasting) = self.credentials(need, educator) else { return };
        let (person, row) = (self.grid.educator(educator), &self.grid.services[service]);
        let served = self.served_minutes(need);
        let was = self.lift(need);
        let kept: Vec<SlotIx> = was.iter().filter(|w| w.0 == educator).flat_map(|w| w.1.clone()).collect();
        let students = i64::try_from(self.book.caseload(educator)).unwrap_or(i64::MAX);
        let full = person.max_students.is_some_and(|most| most <= students);
        if full && !self.book.has_student(educator, row.student) {
            lasting.push(Change::Students(students + 1));
        }
        match &lasting[..] {
            [] => {
                for bar in [Bar::Availability, Bar::Week, Bar::Day, Bar::Buffer] {
                    proposals.extend(self.set_aside(service, educator, &kept, Some(bar), served));
                }
                self.take_away(service, educator, &kept, served, proposals);
            }
            [change] => {
                let found = self.set_aside(service, educator, &kept, None, served);
                proposals.extend(found.map(|found| Proposal { change: change.clone(), ..found }));
            }
            _ => {}
        }
        self.put_back(need, was);
    }

    /// What keeps a session out of a slot; none if no change of the educator's would let it in.
    fn bars(&self, service: ServiceIx, educator: EducatorIx, slot: SlotIx, placed: &[SlotIx]) -> Option<Vec<Bar>> {
        let (grid, person) = (self.grid, self.grid.educator(educator));
        let hold = grid.slots[slot].hold;
        let same_day = placed.iter().any(|&other| grid.slots[other].day_number == grid.slots[slot].day_number);
        if same_day || self.book.is_student_busy(grid.services[service].student, grid.hold(hold)) {
            return None;
        }
        let members = self.book.members(educator, slot);
        if !members.is_empty() {
            return self.book.may_join(service, members).then(Vec::new);
        }
        let mut bars = Vec::new();
        if !fits(grid, hold, educator) {
            bars.push(Bar::Availability);
        }
        let (week, day) = self.peaks(educator, hold);
        bars.extend((week > person.max_minutes_per_week).then_some(Bar::Week));
        bars.extend((day > person.max_minutes_per_day).then_some(Bar::Day));
        if bars.len() < 2 {
            let itself = grid.hold(hold).collides_with_itself(person.buffer_minutes);
            if itself || !self.book.in_the_way(educator, hold).is_empty() {
                bars.push(if self.widest_gap(educator, hold).is_some() { Bar::Buffer } else { Bar::Work });
            }
        }
        Some(bars)
    }

    /// Sessions of an unplaced service as if one bar did not bind, and the change that makes it so. With no
    /// bar set aside the change is a placeholder for the caller's.
    fn set_aside(
        &mut self,
        service: ServiceIx,
        educator: EducatorIx,
        kept: &[SlotIx],
        aside: Option<Bar>,
        served: i64,
    ) -> Option<Proposal> {
        let grid = self.grid;
        let mut placed = kept.to_vec();
        for &slot in &placed {
            self.book.place(service, educator, slot);
        }
        let (mut crossed, mut gap) = (Vec::new(), grid.educator(educator).buffer_minutes);
        while placed.len() < grid.services[service].wanted {
            let mut best: Option<(usize, Reverse<i64>, i64, SlotIx)> = None;
            for &slot in &grid.services[service].slots {
                let Some(bars) = self.bars(service, educator, slot, &placed) else { continue };
                let minutes = grid.served_minutes(service, slot, educator);
                if bars.iter().any(|&bar| Some(bar) != aside) || minutes == 0 {
                    continue;
                }
                let size = match bars.first() {
                    Some(Bar::Week) => self.peaks(educator, grid.slots[slot].hold).0,
                    Some(Bar::Day) => self.peaks(educator, grid.slots[slot].hold).1,
                    Some(Bar::Availability) => {
                        i64::try_from(self.windows_outside(educator, [grid.slots[slot].hold]).len()).unwrap_or(0)
                    }
                    Some(Bar::Buffer) => -self.widest_gap(educator, grid.slots[slot].hold).unwrap_or(0),
                    _ => 0,
                };
                let key = (bars.len(), Reverse(minutes), size, slot);
                if best.is_none_or(|b| key < b) {
                    best = Some(key);
                }
            }
            let Some((bars, _, _, slot)) = best else { break };
            if bars > 0 {
                crossed.push(grid.slots[slot].hold);
                gap = gap.min(self.widest_gap(educator, grid.slots[slot].hold).unwrap_or(gap));
            }
            self.book.place(service, educator, slot);
            placed.push(slot);
        }
        let (weeks, days) = self.book.minutes_of(educator);
        let peak = |table: &[i64]| table.iter().copied().max().unwrap_or(0);
        let change = match aside {
            _ if crossed.is_empty() && aside.is_some() => None,
            Some(Bar::Availability) => Some(Change::Widen(self.windows_outside(educator, crossed))),
            Some(Bar::Week) | None => Some(Change::Week(peak(weeks))),
            Some(Bar::Day) => Some(Change::Day(peak(days))),
            Some(Bar::Buffer) => Some(Change::Buffer(gap)),
            Some(Bar::Work) => None,
        };
        let minutes: i64 = placed.iter().map(|&slot| grid.served_minutes(service, slot, educator)).sum();
        for &slot in &placed {
            self.book.unplace(service, slot);
        }
        let whole = placed.len() == grid.services[service].wanted;
        let found = change.map(|change| Proposal { change, educator, slots: placed, minutes: minutes - served, whole });
        found.filter(|found| found.minutes > 0)
    }

    /// The service is lifted; one other need after the other is lifted as well.
    fn take_away(
        &mut self,
        service: ServiceIx,
        educator: EducatorIx,
        kept: &[SlotIx],
        served: i64,
        proposals: &mut Vec<Proposal>,
    ) {
        let grid = self.grid;
        let (mut in_the_way, mut rule) = (Vec::new(), Rule::Overlap);
        for &slot in &grid.services[service].slots {
            match self.bars(service, educator, slot, kept).as_deref() {
                Some([Bar::Work | Bar::Buffer]) => {
                    let needs = self.book.in_the_way(educator, grid.slots[slot].hold);
                    if needs.len() == 1 {
                        in_the_way.extend(needs);
                    }
                }
                Some([Bar::Week, ..]) => rule = Rule::Week,
                Some([Bar::Day, ..]) if rule == Rule::Overlap => rule = Rule::Day,
                _ => {}
            }
        }
        if !in_the_way.is_empty() {
            rule = Rule::Overlap;
        }
        for other in self.displaceable(educator, in_the_way) {
            let displaced = self.served_minutes(other);
            let was = self.lift(other);
            let found = self.set_aside(service, educator, kept, None, served + displaced);
            self.put_back(other, was);
            let change = Change::TakeAway { need: other, rule, minutes: displaced };
            proposals.extend(found.map(|found| Proposal { change, ..found }));
        }
    }
}
