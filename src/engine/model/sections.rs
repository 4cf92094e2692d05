//! Sections: one column for each (block, educator). A bundle as one column is 15 % of the root LP tighter
//! than its sections tied by equations (measured on us-s).

use super::{Builder, Column};
use crate::engine::grid::{BlockIx, Need};

impl Builder<'_, '_, '_> {
    pub(super) fn add_block(&mut self, block: BlockIx) {
        let (need, row) = (Need::Block(block), &self.grid.blocks[block]);
        let mut columns = Vec::new();
        for educator in self.allowed(need) {
            if self.scope.book.block_refusal(block, educator).is_some() {
                continue;
            }
            let pay = self.grid.educator(educator).pay_cents_per_minute * self.grid.hold(row.hold).minutes;
            let owed = row.owed_cents - self.grid.block_away_cents(block, educator);
            let col = self.program.column(Column::Teach { block, educator }, pay - owed - self.stays(need, educator));
            self.taking.entry(educator).or_default().entry(row.hold).or_default().push(col);
            self.teaching.entry(educator).or_default().push((block, col));
            self.serving.insert((need, educator), vec![col]);
            columns.push(col);
        }
        self.add_choice(need, columns);
    }
}
