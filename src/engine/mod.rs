//! Floor 1: Problem in, Outcome out. Pure and deterministic: no clock, file, socket, random source or hash order.

pub mod answer;
mod asked;
pub mod candidates;
mod cautions;
pub mod changes;
mod chunks;
pub mod dated;
pub mod decode;
pub mod difference;
pub mod explain;
pub mod grid;
pub mod holds;
pub mod locks;
pub mod model;
pub mod news;
pub mod outcome;
pub mod pairing;
mod plan;
pub mod problem;
pub mod rule;
pub mod search;
pub mod solve;
pub mod substitutes;
pub mod validate;
pub mod verify;

pub use plan::{Quiet, Refusal, Watch, conclude, plan};
