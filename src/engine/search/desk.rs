//! The desk: one educator's term, with the sums that a rule of load, preps or caseload asks for.

use crate::engine::grid::{BlockIx, HoldIx, ServiceIx, SlotIx};
use crate::engine::holds::timeline::Loads;
use crate::engine::holds::week::{Busy, Glance, Words};
use crate::engine::holds::{Hold, Span};

/// A slot held, with the services that sit in it.
#[derive(Clone)]
pub struct Held {
    pub slot: SlotIx,
    pub members: Vec<ServiceIx>,
}

#[derive(Clone, Default)]
pub struct Desk {
    pub blocks: Vec<BlockIx>,
    /// Ascending by slot.
    pub slots: Vec<Held>,
    pub courses: Counts,
    pub students: Counts,
    pub sections: usize,
    /// Minutes by day and by week, numbered as in `Loads`.
    day: Sums,
    week: Sums,
    claims: Vec<Claim>,
    busy: Busy,
}

/// What is held, with what tells it apart from most.
#[derive(Clone, Copy)]
struct Claim {
    hold: HoldIx,
    span: Span,
    words: Words,
}

impl Desk {
    pub fn is_idle(&self) -> bool {
        self.blocks.is_empty() && self.slots.is_empty()
    }

    /// Minutes by week and by day.
    pub fn minutes(&self) -> (&[i64], &[i64]) {
        (&self.week.of, &self.day.of)
    }

    /// Whether a hold collides with one on the desk; `collides` is asked of those where neither a glance at the week nor the
    /// time of the day tells.
    pub fn is_in_the_way(&self, wanted: &Hold, gap: i64, mut collides: impl FnMut(HoldIx) -> bool) -> bool {
        match wanted.week.glance(&self.busy, gap) {
            Glance::Clear => false,
            Glance::Collides => true,
            Glance::Unsure => {
                self.claims.iter().any(|claim| !claim.span.is_clear_of(wanted.span, gap) && collides(claim.hold))
            }
        }
    }

    /// The services in a slot, where the educator holds it.
    pub fn members(&self, slot: SlotIx) -> Option<&[ServiceIx]> {
        self.slots.binary_search_by_key(&slot, |held| held.slot).ok().map(|at| self.slots[at].members.as_slice())
    }

    /// Returns whether the slot is newly held.
    pub fn sit(&mut self, slot: SlotIx, service: ServiceIx) -> bool {
        match self.slots.binary_search_by_key(&slot, |held| held.slot) {
            Ok(at) => {
                self.slots[at].members.push(service);
                false
            }
            Err(at) => {
                self.slots.insert(at, Held { slot, members: vec![service] });
                true
            }
        }
    }

    /// Returns whether the slot is no longer held.
    pub fn rise(&mut self, slot: SlotIx, service: ServiceIx) -> bool {
        let Ok(at) = self.slots.binary_search_by_key(&slot, |held| held.slot) else { return false };
        self.slots[at].members.retain(|&s| s != service);
        let empty = self.slots[at].members.is_empty();
        if empty {
            self.slots.remove(at);
        }
        empty
    }

    /// The most minutes in any week and on any day.
    pub fn peaks(&self) -> (i64, i64) {
        (self.week.peak, self.day.peak)
    }

    pub fn exceeds_week(&self, more: &Loads, most: i64) -> bool {
        self.week.exceed(&more.by_week, more.week_peak, most)
    }

    pub fn exceeds_day(&self, more: &Loads, most: i64) -> bool {
        self.day.exceed(&more.by_day, more.day_peak, most)
    }

    /// Adds a hold with its minutes.
    pub fn claim(&mut self, number: HoldIx, hold: &Hold, loads: &Loads) {
        self.claims.push(Claim { hold: number, span: hold.span, words: hold.week.words() });
        self.busy.add(&hold.week);
        self.day.add(&loads.by_day);
        self.week.add(&loads.by_week);
    }

    /// Takes a hold away; `hold` knows those that stay.
    pub fn release<'h>(&mut self, number: HoldIx, hold: impl Fn(HoldIx) -> &'h Hold, loads: &Loads) {
        if let Some(at) = self.claims.iter().position(|claim| claim.hold == number) {
            let words = self.claims.swap_remove(at).words;
            self.busy.clear(words);
            let stay = self.claims.iter().filter(|claim| claim.words & words != 0);
            stay.for_each(|claim| self.busy.add(&hold(claim.hold).week));
        }
        self.day.take(&loads.by_day);
        self.week.take(&loads.by_week);
    }
}

/// Minutes by day or by week, and the most in any one.
#[derive(Clone, Default)]
struct Sums {
    of: Vec<i64>,
    peak: i64,
}

impl Sums {
    fn add(&mut self, rows: &[(u32, u32)]) {
        if let Some(last) = rows.last().filter(|last| self.of.len() <= last.0 as usize) {
            self.of.resize(last.0 as usize + 1, 0);
        }
        for &(key, minutes) in rows {
            let sum = &mut self.of[key as usize];
            *sum += i64::from(minutes);
            self.peak = self.peak.max(*sum);
        }
    }

    fn take(&mut self, rows: &[(u32, u32)]) {
        let mut from_peak = false;
        for &(key, minutes) in rows {
            let sum = &mut self.of[key as usize];
            from_peak |= *sum == self.peak;
            *sum -= i64::from(minutes);
        }
        if from_peak {
            self.peak = self.of.iter().copied().max().unwrap_or(0);
        }
    }

    /// Whether some sum would be over `most` with more minutes, of which `peak` fall under one key at most.
    fn exceed(&self, more: &[(u32, u32)], peak: i64, most: i64) -> bool {
        let over = |&(key, more): &(u32, u32)| self.of.get(key as usize).copied().unwrap_or(0) + i64::from(more) > most;
        self.peak + peak > most && more.iter().any(over)
    }
}

/// How often each of a few things is there.
#[derive(Clone, Default)]
pub struct Counts(Vec<(usize, usize)>);

impl Counts {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has(&self, key: usize) -> bool {
        self.0.binary_search_by_key(&key, |row| row.0).is_ok()
    }

    /// Counts up or down, and forgets what has come to nothing.
    pub fn turn(&mut self, key: usize, by: i64) {
        match self.0.binary_search_by_key(&key, |row| row.0) {
            Ok(at) if by > 0 => self.0[at].1 += 1,
            Ok(at) if self.0[at].1 > 1 => self.0[at].1 -= 1,
            Ok(at) => drop(self.0.remove(at)),
            Err(at) if by > 0 => self.0.insert(at, (key, 1)),
            Err(_) => {}
        }
    }
}
