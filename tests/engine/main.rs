//! The engine without a database: judges, rules, golden vectors, input issues.

mod bounds;
mod deciding;
mod explained;
mod fixtures;
mod golden;
mod histories;
mod issues;
mod oracle;
mod published;
mod repairing;
mod rules;
mod shared;
mod small;
mod solving;
mod spoiled;
mod spoiling;
mod tiny;
mod vectors;
