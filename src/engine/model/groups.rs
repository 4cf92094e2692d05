//! Group sessions (H11): who may sit together in a slot, and that the educator is paid for it once.
//!
//! Where no two services can share a slot there is no session column: each place takes the time itself.

use super::{Builder, Col, Column};
use crate::engine::grid::{EducatorIx, ServiceIx, SlotIx};

impl Builder<'_, '_, '_> {
    pub(super) fn add_sessions(&mut self) {
        for ((educator, slot), seats) in std::mem::take(&mut self.sitting) {
            self.add_session(educator, slot, &seats);
        }
    }

    fn add_session(&mut self, educator: EducatorIx, slot: SlotIx, seats: &[(ServiceIx, Col)]) {
        let kept = self.scope.book.members(educator, slot);
        let hold = self.grid.slots[slot].hold;
        let pay = self.grid.educator(educator).pay_cents_per_minute * self.grid.hold(hold).minutes;
        let cap = |s: ServiceIx| self.grid.problem.services[s].max_group;
        let alone = kept.is_empty() && (seats.len() == 1 || seats.iter().all(|&(s, _)| cap(s) == 1));
        if alone {
            for &(_, col) in seats {
                self.program.cost[col] += pay;
                self.taking.entry(educator).or_default().entry(hold).or_default().push(col);
            }
            return;
        }
        let meet = kept.is_empty().then(|| {
            let meet = self.program.column(Column::Meet { educator, slot }, pay);
            self.taking.entry(educator).or_default().entry(hold).or_default().push(meet);
            for &(_, col) in seats {
                self.program.at_most_column([col], Some(meet));
            }
            meet
        });
        self.limit_size(seats, kept, meet);
        self.keep_grades_close(seats, meet);
    }

    /// At most the smallest `max_group` among those present.
    fn limit_size(&mut self, seats: &[(ServiceIx, Col)], kept: &[ServiceIx], meet: Option<Col>) {
        let int = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let cap = |s: ServiceIx| self.grid.problem.services[s].max_group;
        let kept_cap = kept.iter().map(|&s| cap(s)).min().unwrap_or(i64::MAX);
        let free = |s: ServiceIx| cap(s).min(kept_cap) - int(kept.len());
        let most = seats.iter().map(|&(s, _)| free(s)).max().unwrap_or(0).min(int(seats.len()));
        if most < int(seats.len()) {
            let sum = seats.iter().map(|&(_, col)| (col, 1));
            match meet {
                Some(meet) => self.program.at_most(0, sum.chain([(meet, -most)]).collect()),
                None => self.program.at_most(most, sum.collect()),
            }
        }
        for &(service, col) in seats {
            let others = free(service) - 1;
            let slack = most.min(int(seats.len()) - 1) - others;
            if slack <= 0 {
                continue;
            }
            let rest = seats.iter().filter(|&&(_, other)| other != col).map(|&(_, other)| other);
            if others == 0 {
                for other in rest {
                    self.program.at_most_column([col, other], meet);
                }
            } else {
                self.program.at_most(others + slack, rest.map(|c| (c, 1)).chain([(col, slack)]).collect());
            }
        }
    }

    /// No two whose grades lie further apart than either allows.
    fn keep_grades_close(&mut self, seats: &[(ServiceIx, Col)], meet: Option<Col>) {
        let row = |s: ServiceIx| &self.grid.problem.services[s];
        for (n, &(a, left)) in seats.iter().enumerate() {
            for &(b, right) in &seats[n + 1..] {
                let apart = (i64::from(row(a).grade.rank()) - i64::from(row(b).grade.rank())).abs();
                if apart > row(a).grade_span.min(row(b).grade_span) {
                    self.program.at_most_column([left, right], meet);
                }
            }
        }
    }
}
