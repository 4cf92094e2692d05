//! Floor 4: work that must not hold a request: the queue of runs, and the children that solve them.

pub mod child;
pub mod keeping;
pub mod queue;
pub mod worker;
