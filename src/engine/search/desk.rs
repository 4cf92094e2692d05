//! The desk: one educator's term, with the sums that a rule of load, preps or caseload asks for.

use crate::engine::grid::{BlockIx, ServiceIx, SlotIx};
use crate::engine::holds::coarse::Coarse;
use crate::engine::holds::timeline::Loads;

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
    /// Minutes by day and by week, numbered as in `Loads`, and no less than the most in any one of them.
    day: Vec<i64>,
    week: Vec<i64>,
    day_peak: i64,
    week_peak: i64,
    /// No less than the quarter hours taken.
    busy: Coarse,
}

impl Desk {
    pub fn is_idle(&self) -> bool {
        self.blocks.is_empty() && self.slots.is_empty()
    }

    /// Minutes by week and by day.
    pub fn minutes(&self) -> (&[i64], &[i64]) {
        (&self.week, &self.day)
    }

    pub fn busy(&self) -> &Coarse {
        &self.busy
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

    pub fn exceeds_week(&self, more: &Loads, most: i64) -> bool {
        self.week_peak + more.week_peak > most && exceeds(&self.week, &more.by_week, most)
    }

    pub fn exceeds_day(&self, more: &Loads, most: i64) -> bool {
        self.day_peak + more.day_peak > most && exceeds(&self.day, &more.by_day, most)
    }

    /// Adds (`by` 1) or takes away (−1) minutes.
    pub fn load(&mut self, loads: &Loads, by: i64) {
        for (table, peak, rows) in
            [(&mut self.day, &mut self.day_peak, &loads.by_day), (&mut self.week, &mut self.week_peak, &loads.by_week)]
        {
            if let Some(last) = rows.last().filter(|last| table.len() <= last.0 as usize) {
                table.resize(last.0 as usize + 1, 0);
            }
            for &(key, minutes) in rows {
                let sum = &mut table[key as usize];
                *sum += by * i64::from(minutes);
                *peak = (*peak).max(*sum);
            }
        }
    }

    pub fn claim(&mut self, week: &Coarse) {
        self.busy.add(week);
    }

    /// Sees to the peaks after something was taken away; `busy` is the coarse week of what is still held.
    pub fn settle(&mut self, busy: Coarse) {
        self.day_peak = self.day.iter().copied().max().unwrap_or(0);
        self.week_peak = self.week.iter().copied().max().unwrap_or(0);
        self.busy = busy;
    }
}

fn exceeds(table: &[i64], rows: &[(u32, u32)], most: i64) -> bool {
    rows.iter().any(|&(key, more)| table.get(key as usize).copied().unwrap_or(0) + i64::from(more) > most)
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
