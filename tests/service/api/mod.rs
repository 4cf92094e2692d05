//! The API, asked without a socket: every test on both engines.

pub mod client;
mod document;
mod idempotency;
mod problems;
mod records;
