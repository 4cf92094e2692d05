//! The store: schemas, statements, and the one path of records.

mod audit;
mod problems;
mod records;
mod schema;
