//! The only rounding: from the solver's floats to a roster.

use super::model::{Column, Program};
use super::search::book::Book;

/// HiGHS promises integers to 1e-6; what lies further off is a defect, not an answer.
const CLOSE: f64 = 1e-5;

/// A column's value was no integer.
#[derive(Debug, thiserror::Error)]
#[error("column {0} has value {1}, which is not close to 0 or 1")]
pub struct NotBinary(usize, f64);

/// Adds to the book of the programme's scope what the values say.
pub fn decode(program: &Program, values: &[f64], book: &mut Book<'_, '_>) -> Result<(), NotBinary> {
    for (col, (&column, &value)) in program.columns.iter().zip(values).enumerate() {
        let rounded = value.round();
        if (value - rounded).abs() > CLOSE || !(0.0..=1.0).contains(&rounded) {
            return Err(NotBinary(col, value));
        }
        if rounded < 0.5 {
            continue;
        }
        match column {
            Column::Teach { block, educator } => book.assign_block(block, educator),
            Column::Place { service, educator, slot } => book.place(service, educator, slot),
            _ => {}
        }
    }
    Ok(())
}

/// The values that a roster gives to the programme's columns: a starting point for the solver.
pub fn encode(program: &Program, base: &Book<'_, '_>, book: &Book<'_, '_>) -> Vec<f64> {
    let is_one = |column: &Column| match *column {
        Column::Teach { block, educator } => book.roster.blocks[block] == Some(educator),
        Column::Serve { service, educator } => book.roster.services[service].as_ref().is_some_and(|p| p.0 == educator),
        Column::Place { service, educator, slot } => {
            book.roster.services[service].as_ref().is_some_and(|p| p.0 == educator && p.1.contains(&slot))
        }
        Column::Meet { educator, slot } => !book.members(educator, slot).is_empty(),
        Column::Used { educator } => !book.is_idle(educator),
        Column::Prep { educator, course } => book.has_course(educator, course),
        Column::Teaches { educator } => book.courses_of(educator) > 0,
        Column::Student { educator, student } => book.has_student(educator, student),
        Column::Together { row, educator } => book.together_served(row).contains_key(&educator),
        Column::Served { row } => base.together_served(row).is_empty() && !book.together_served(row).is_empty(),
    };
    program.columns.iter().map(|column| f64::from(u8::from(is_one(column)))).collect()
}
