//! Offers: who could serve (more of) a need as the schedule stands, at what price, and which rule holds
//! back each of the others.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Inquiry;
use crate::engine::grid::{EducatorIx, Need, ServiceIx, SlotIx};
use crate::engine::rule::Rule;
use crate::engine::search::book::Room;
use crate::engine::search::sessions_minutes;

/// Somebody who could serve more minutes of a need than are served today, with everything else as it is.
pub struct Offer {
    pub educator: EducatorIx,
    /// Minutes more than today.
    pub minutes: i64,
    /// Cents that this adds to the cost, usually less than 0.
    pub delta: i64,
}

#[derive(Default)]
pub struct Offers {
    /// In the order of the problem.
    pub free: Vec<Offer>,
    /// Of the others that the static rules allow: how many each rule holds back. Where nothing does they
    /// could serve no more minutes than are served today, and are not counted.
    pub held_back: BTreeMap<Rule, usize>,
}

impl Inquiry<'_, '_> {
    pub(super) fn offers(&mut self, need: Need) -> Offers {
        let (cost, served) = (self.book.cost(), self.served_minutes(need));
        let mut offers = Offers::default();
        if matches!(need, Need::Service(service) if sessions_minutes(self.grid, service).iter().sum::<i64>() <= served)
        {
            return offers;
        }
        let was = self.lift(need);
        let busy = match need {
            Need::Block(_) => Vec::new(),
            Need::Service(service) => self.busy_slots(service),
        };
        for &educator in self.pairing.of(need) {
            let found = match need {
                Need::Block(block) => match self.book.block_refusal(block, educator) {
                    Some(rule) => Err(Some(rule)),
                    None => Ok((self.block_minutes(block, educator), self.book.block_delta(block, educator))),
                },
                Need::Service(service) => {
                    let kept = was.iter().find(|w| w.0 == educator).map_or(&[][..], |w| &w.1);
                    self.best_sessions(service, educator, kept, &busy)
                }
            };
            match found {
                Ok((minutes, delta)) if minutes > served => {
                    let delta = self.cost_after_lifting(delta) - cost;
                    offers.free.push(Offer { educator, minutes: minutes - served, delta });
                }
                Ok(_) | Err(None) => {}
                Err(Some(rule)) => *offers.held_back.entry(rule).or_default() += 1,
            }
        }
        self.put_back(need, was);
        offers
    }

    /// By slot of a service that is not placed: whether something else of the student's meets it.
    fn busy_slots(&self, service: ServiceIx) -> Vec<bool> {
        let row = &self.grid.services[service];
        row.slots.iter().map(|&slot| self.book.is_student_busy(row.student, self.grid.slot_hold(slot))).collect()
    }

    fn cost_after_lifting(&self, delta: i64) -> i64 {
        self.book.cost() + delta
    }

    /// Minutes and cents of the sessions that serve most of an unplaced service without breaking a rule,
    /// beginning with `kept`; or the rule that refuses most of the slots.
    fn best_sessions(
        &mut self,
        service: ServiceIx,
        educator: EducatorIx,
        kept: &[SlotIx],
        busy: &[bool],
    ) -> Result<(i64, i64), Option<Rule>> {
        let grid = self.grid;
        if kept.is_empty() && self.book.is_refused_whole(service, educator) {
            return Err(Some(Rule::Caseload));
        }
        let cost = self.book.cost();
        let mut placed = kept.to_vec();
        for &slot in &placed {
            self.book.place(service, educator, slot);
        }
        let mut refused: BTreeMap<Rule, usize> = BTreeMap::new();
        while placed.len() < grid.services[service].wanted {
            refused.clear();
            let (mut best, mut room): (Option<(Reverse<i64>, i64, SlotIx)>, _) = (None, Room::default());
            for (&slot, busy) in grid.services[service].slots.iter().zip(busy) {
                let day = |slot: SlotIx| grid.slots[slot].day_number;
                if placed.iter().any(|&other| day(other) == day(slot)) {
                    continue;
                }
                let meets = |other: &SlotIx| grid.slot_hold(*other).collides(grid.slot_hold(slot), 0);
                let is_busy = || *busy || placed.iter().any(meets);
                if let Some(rule) = self.book.seat_refusal(service, educator, slot, is_busy, &mut room) {
                    *refused.entry(rule).or_default() += 1;
                    continue;
                }
                let minutes = grid.served_minutes(service, slot, educator);
                let key = (Reverse(minutes), self.book.place_delta(service, educator, slot), slot);
                if minutes > 0 && best.is_none_or(|b| key < b) {
                    best = Some(key);
                }
            }
            let Some((_, _, slot)) = best else { break };
            self.book.place(service, educator, slot);
            placed.push(slot);
        }
        let minutes: i64 = placed.iter().map(|&slot| grid.served_minutes(service, slot, educator)).sum();
        let delta = self.book.cost() - cost;
        for &slot in &placed {
            self.book.unplace(service, slot);
        }
        if placed.len() > kept.len() {
            return Ok((minutes, delta));
        }
        // Slots outside the educator's hours say nothing of the rest of the schedule.
        refused.retain(|rule, _| *rule != Rule::Availability);
        Err(refused.into_iter().max_by_key(|&(rule, count)| (count, Reverse(rule))).map(|(rule, _)| rule))
    }
}
