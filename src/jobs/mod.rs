//! Floor 4: work that must not hold a request: the queue of runs, the children that solve them, the mail, and the hourly
//! rounds.

pub mod child;
pub mod deadlines;
pub mod keeping;
pub mod mailroom;
pub mod queue;
pub mod worker;
