//! Services: a column for each (service, educator, slot), and one for (service, educator) where several
//! sessions must agree on who gives them.

use std::collections::BTreeMap;

use super::{Builder, Col, Column};
use crate::engine::grid::{EducatorIx, Need, ServiceIx};

impl Builder<'_, '_, '_> {
    pub(super) fn add_service(&mut self, service: ServiceIx) {
        let need = Need::Service(service);
        let mut choice = Vec::new();
        for educator in self.allowed(need) {
            choice.extend(self.add_serving(service, educator));
        }
        self.add_choice(need, choice);
    }

    /// Columns of one (service, educator); returns those of which at most one is 1.
    fn add_serving(&mut self, service: ServiceIx, educator: EducatorIx) -> Vec<Col> {
        let (need, row) = (Need::Service(service), &self.grid.services[service]);
        let stays = self.stays(need, educator);
        let several = row.wanted > 1;
        let mut by_day: BTreeMap<usize, Vec<Col>> = BTreeMap::new();
        for &slot in &row.slots {
            if self.scope.book.place_refusal(service, educator, slot).is_some() {
                continue;
            }
            let earned = row.weight * self.grid.served_minutes(service, slot, educator);
            let cost = -earned - if several { 0 } else { stays };
            let col = self.program.column(Column::Place { service, educator, slot }, cost);
            self.sitting.entry((educator, slot)).or_default().push((service, col));
            by_day.entry(self.grid.slots[slot].day_number).or_default().push(col);
        }
        let places: Vec<Col> = by_day.values().flatten().copied().collect();
        if places.is_empty() {
            return places;
        }
        let serving = if several { vec![self.tie_days(service, educator, &by_day, stays)] } else { places };
        self.serving.insert((need, educator), serving.clone());
        serving
    }

    /// `serve ≥` the sessions of each day, `≤` their sum, and `wanted × serve ≥` their sum.
    fn tie_days(
        &mut self,
        service: ServiceIx,
        educator: EducatorIx,
        by_day: &BTreeMap<usize, Vec<Col>>,
        stays: i64,
    ) -> Col {
        let serve = self.program.column(Column::Serve { service, educator }, -stays);
        for columns in by_day.values() {
            self.program.at_most_column(columns.iter().copied(), Some(serve));
        }
        let wanted = self.grid.services[service].wanted;
        let all = || by_day.values().flatten().copied();
        if by_day.len() > wanted {
            let most = i64::try_from(wanted).unwrap_or(i64::MAX);
            self.program.at_most(0, all().map(|c| (c, 1)).chain([(serve, -most)]).collect());
        }
        self.program.at_most(0, [(serve, 1)].into_iter().chain(all().map(|c| (c, -1))).collect());
        serve
    }
}
