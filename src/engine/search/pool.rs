//! The pool: of the sections that were each educator's best term at some prices, the choice that fits together.
//!
//! A set packing with one row an educator and one a block. Its columns obey every rule that concerns sections alone, so
//! its LP is tight where that of the plain programme is not. Services enter by their prices only.

use std::collections::BTreeMap;

use super::book::Roster;
use super::ceiling::Pattern;
use crate::engine::grid::{BlockIx, EducatorIx};
use crate::engine::model::{Column, Program, Row};
use crate::engine::solve::{SolveLimits, SolverDefect, solve};

/// Who teaches which blocks, for the most worth, from what a roster does.
pub fn choose(
    patterns: &[Pattern],
    from: &Roster,
    limits: SolveLimits,
) -> Result<Vec<(EducatorIx, BlockIx)>, SolverDefect> {
    let mut program = Program::default();
    let mut rows: BTreeMap<(bool, usize), Vec<(usize, i64)>> = BTreeMap::new();
    for (col, pattern) in patterns.iter().enumerate() {
        program.columns.push(Column::Used { educator: pattern.educator });
        #[expect(clippy::cast_possible_truncation, reason = "worths stay far below 2^53")]
        program.cost.push(-(pattern.worth as i64));
        rows.entry((false, pattern.educator)).or_default().push((col, 1));
        for &block in &pattern.blocks {
            rows.entry((true, block)).or_default().push((col, 1));
        }
    }
    program.rows = rows.into_values().map(|terms| Row { terms, at_most: 1, exactly: false }).collect();
    let mut teaches: BTreeMap<EducatorIx, usize> = BTreeMap::new();
    from.blocks.iter().flatten().for_each(|&educator| *teaches.entry(educator).or_default() += 1);
    // A column of what the roster does: the educator teaches just these blocks.
    let is_in = |pattern: &Pattern| {
        teaches.get(&pattern.educator).copied().unwrap_or(0) == pattern.blocks.len()
            && pattern.blocks.iter().all(|&block| from.blocks[block] == Some(pattern.educator))
    };
    let start: Vec<f64> = patterns.iter().map(|p| f64::from(u8::from(is_in(p)))).collect();
    let values = solve(&program, limits, Some(&start))?.values.unwrap_or_default();
    let taken = patterns.iter().zip(values).filter(|(_, value)| *value > 0.5);
    Ok(taken.flat_map(|(p, _)| p.blocks.iter().map(|&b| (p.educator, b))).collect())
}
