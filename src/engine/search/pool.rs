//! The pool: of the sections that were each educator's best term at some prices, the choice that fits together.
//!
//! A set packing with one row an educator and one a block. Its columns obey every rule that concerns sections alone, so
//! its LP is tight where that of the plain programme is not. Services enter by their prices only.

use std::collections::{BTreeMap, BTreeSet};

use super::book::Roster;
use super::ceiling::Pattern;
use crate::engine::grid::EducatorIx;
use crate::engine::model::{Column, Program, Row};
use crate::engine::solve::{SolveLimits, SolverDefect, solve};

/// Replaces what a roster does of these patterns' educators by what is worth most.
pub fn choose(patterns: &[Pattern], roster: &mut Roster, limits: SolveLimits) -> Result<(), SolverDefect> {
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
    roster.blocks.iter().flatten().for_each(|&educator| *teaches.entry(educator).or_default() += 1);
    // A column of what the roster does: the educator teaches just these blocks.
    let is_in = |pattern: &Pattern| {
        teaches.get(&pattern.educator).copied().unwrap_or(0) == pattern.blocks.len()
            && pattern.blocks.iter().all(|&block| roster.blocks[block] == Some(pattern.educator))
    };
    let start: Vec<f64> = patterns.iter().map(|p| f64::from(u8::from(is_in(p)))).collect();
    let Some(values) = solve(&program, limits, Some(&start))?.values else { return Ok(()) };
    let educators: BTreeSet<EducatorIx> = patterns.iter().map(|p| p.educator).collect();
    for place in roster.blocks.iter_mut().filter(|place| place.is_some_and(|e| educators.contains(&e))) {
        *place = None;
    }
    for (pattern, _) in patterns.iter().zip(values).filter(|(_, value)| *value > 0.5) {
        pattern.blocks.iter().for_each(|&block| roster.blocks[block] = Some(pattern.educator));
    }
    Ok(())
}
