//! What ties educators to each other: a student can be in one place at a time (H12), and needs that are
//! better served by one educator (`together`).

use std::collections::{BTreeMap, BTreeSet};

use super::{Builder, Col, Column};
use crate::engine::grid::{EducatorIx, HoldIx, Need, ServiceIx};
use crate::engine::holds::cliques::cliques;

impl Builder<'_, '_, '_> {
    pub(super) fn add_students(&mut self) {
        let mut students: BTreeMap<usize, BTreeMap<HoldIx, Vec<(ServiceIx, Col)>>> = BTreeMap::new();
        for (col, column) in self.program.columns.iter().enumerate() {
            if let Column::Place { service, slot, .. } = *column {
                let by_hold = students.entry(self.grid.services[service].student).or_default();
                by_hold.entry(self.grid.slots[slot].hold).or_default().push((service, col));
            }
        }
        for by_hold in students.into_values() {
            let services: BTreeSet<ServiceIx> = by_hold.values().flatten().map(|p| p.0).collect();
            if services.len() > 1 {
                self.add_student(&by_hold);
            }
        }
    }

    fn add_student(&mut self, by_hold: &BTreeMap<HoldIx, Vec<(ServiceIx, Col)>>) {
        let holds: Vec<_> = by_hold.keys().map(|&hold| self.grid.hold(hold)).collect();
        let places: Vec<&Vec<(ServiceIx, Col)>> = by_hold.values().collect();
        let mut found = cliques(&holds, 0);
        let covered: BTreeSet<u32> = found.iter().flatten().copied().collect();
        found.extend((0..u32::try_from(holds.len()).unwrap_or(0)).filter(|n| !covered.contains(n)).map(|n| vec![n]));
        for clique in found {
            let members = || clique.iter().flat_map(|&n| places[n as usize]);
            let first = members().next().map(|p| p.0);
            if members().any(|p| Some(p.0) != first) {
                self.program.at_most_column(members().map(|p| p.1), None);
            }
        }
    }

    pub(super) fn add_together(&mut self) {
        let mut rows: BTreeMap<usize, BTreeMap<EducatorIx, Vec<Vec<Col>>>> = BTreeMap::new();
        let mut needs_of: BTreeMap<usize, BTreeSet<Need>> = BTreeMap::new();
        for (&(need, educator), columns) in &self.serving {
            for &row in self.grid.together_of(need) {
                needs_of.entry(row).or_default().insert(need);
                rows.entry(row).or_default().entry(educator).or_default().push(columns.clone());
            }
        }
        for (row, educators) in rows {
            let cents = self.grid.problem.together[row].cents;
            let already = self.scope.book.together_served(row);
            // Where only one need of the row can be served by anybody, it cannot be split.
            if cents == 0 || (already.is_empty() && needs_of[&row].len() < 2) {
                continue;
            }
            let mut spread = Vec::new();
            for (educator, needs) in educators {
                if already.contains_key(&educator) {
                    continue;
                }
                let col = self.program.column(Column::Together { row, educator }, cents);
                for columns in needs {
                    self.program.at_most_column(columns, Some(col));
                }
                spread.push(col);
            }
            if already.is_empty() {
                let served = self.program.column(Column::Served { row }, -cents);
                self.program.at_most(0, [(served, 1)].into_iter().chain(spread.iter().map(|&c| (c, -1))).collect());
            }
        }
    }
}
