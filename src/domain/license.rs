//! What a license row permits: a state, an area, grades, and the dates between which it is valid.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::time::{Date, serde_as_text};

/// A grade level by rank: `PK` is 0, `KG` 1, `01` 2 … `12` 13 (CEDS entry grade level codes).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grade(u8);

impl Grade {
    pub const NAMES: [&str; 14] = ["PK", "KG", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12"];

    /// Every grade, from the lowest.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..14).map(Self)
    }

    #[must_use]
    pub fn rank(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES[usize::from(self.0)])
    }
}

impl fmt::Debug for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Grade {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        (0..14u8)
            .find(|rank| Self::NAMES[usize::from(*rank)] == text)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a grade; use PK, KG, 01 … 12"))
    }
}
serde_as_text!(Grade);

/// One row of an educator's credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct License {
    /// Postal code of the state that issued it.
    pub state: String,
    pub area: String,
    pub grades: Vec<Grade>,
    pub issued: Date,
    pub expires: Date,
}
