//! What must be staffed, in the parts that problem files and the database share.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::{Clock, Weekday};

/// When a section meets: a bell period, on the days that pass both filters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Meet {
    pub period: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<Weekday>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle_days: Option<Vec<String>>,
}

/// A stretch of the school's clock in which a student may be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceWindow {
    /// Weekdays, or cycle labels where the service is owed per cycle.
    pub days: Vec<String>,
    pub start: Clock,
    pub end: Clock,
}

/// The period over which a service's `times` are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
    /// One pass through the school's cycle.
    Cycle,
}

impl Per {
    /// The patterns of weeks a session may have: `None` is every week.
    #[must_use]
    pub fn week_patterns(self, times: u32) -> &'static [Option<&'static [u8]>] {
        const EVERY: &[Option<&[u8]>] = &[None];
        const MONTHLY: [&[Option<&[u8]>]; 4] = [
            &[Some(&[1]), Some(&[2]), Some(&[3]), Some(&[4])],
            &[Some(&[1, 3]), Some(&[2, 4])],
            &[Some(&[1, 2, 3])],
            &[Some(&[1, 2, 3, 4])],
        ];
        match self {
            Self::Week | Self::Cycle => EVERY,
            Self::Month => (times as usize).checked_sub(1).and_then(|n| MONTHLY.get(n)).copied().unwrap_or(&[]),
        }
    }
}
