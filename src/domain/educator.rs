//! What an educator offers, in the parts that problem files and the database share.

use serde::{Deserialize, Serialize};

use super::time::{Clock, Weekday};

/// A stretch of the educator's own clock in which they can be placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Availability {
    pub days: Vec<Weekday>,
    pub start: Clock,
    pub end: Clock,
}
