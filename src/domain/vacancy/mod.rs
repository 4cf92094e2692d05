//! The way of a vacancy from a draft to its end: which step may follow which, and who takes it. How long it took is for
//! [`timers`] to say, what it comes to for an educator for [`terms`], what is written about it for [`letters`].

pub mod letters;
pub mod terms;
pub mod timers;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a vacancy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Draft,
    Open,
    /// Somebody was proposed to the district.
    Proposed,
    DistrictAccepted,
    /// It was offered to whom the district accepted.
    Offered,
    EducatorAccepted,
    /// Licenses and clearances are looked at.
    Clearing,
    /// The district readies what a class needs.
    Onboarding,
    Live,
    Ending,
    Closed,
    /// By the district.
    Withdrawn,
    /// By the district or the educator; it may be opened again.
    Declined,
    /// A deadline passed; it may be opened again.
    Expired,
    /// By the office.
    Cancelled,
}

impl Stage {
    pub const ALL: [Self; 15] = [
        Self::Draft,
        Self::Open,
        Self::Proposed,
        Self::DistrictAccepted,
        Self::Offered,
        Self::EducatorAccepted,
        Self::Clearing,
        Self::Onboarding,
        Self::Live,
        Self::Ending,
        Self::Closed,
        Self::Withdrawn,
        Self::Declined,
        Self::Expired,
        Self::Cancelled,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Proposed => "proposed",
            Self::DistrictAccepted => "district_accepted",
            Self::Offered => "offered",
            Self::EducatorAccepted => "educator_accepted",
            Self::Clearing => "clearing",
            Self::Onboarding => "onboarding",
            Self::Live => "live",
            Self::Ending => "ending",
            Self::Closed => "closed",
            Self::Withdrawn => "withdrawn",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// As a person says it.
    #[must_use]
    pub fn title(self) -> String {
        self.name().replace('_', " ")
    }

    /// What may follow, and whose step it is. The office may take those of the district and the educator for them: it
    /// may have been told by telephone.
    #[must_use]
    pub const fn steps(self) -> &'static [(Self, Party)] {
        use Party::{Clock, District, Educator, Office};
        use Stage::{
            Cancelled, Clearing, Closed, Declined, DistrictAccepted, EducatorAccepted, Ending, Expired, Live, Offered,
            Onboarding, Open, Proposed, Withdrawn,
        };
        match self {
            Self::Draft => &[(Open, District), (Withdrawn, District)],
            Self::Open => &[(Proposed, Office), (Withdrawn, District), (Cancelled, Office)],
            Self::Proposed => &[
                (DistrictAccepted, District),
                (Declined, District),
                (Expired, Clock),
                (Open, Office),
                (Withdrawn, District),
                (Cancelled, Office),
            ],
            Self::DistrictAccepted => &[(Offered, Office), (Open, Office), (Withdrawn, District), (Cancelled, Office)],
            Self::Offered => &[
                (EducatorAccepted, Educator),
                (Declined, Educator),
                (Expired, Clock),
                (Open, Office),
                (Withdrawn, District),
                (Cancelled, Office),
            ],
            Self::EducatorAccepted => &[(Clearing, Office), (Open, Office), (Withdrawn, District), (Cancelled, Office)],
            Self::Clearing => &[(Onboarding, Office), (Open, Office), (Withdrawn, District), (Cancelled, Office)],
            Self::Onboarding => &[(Live, Office), (Open, Office), (Withdrawn, District), (Cancelled, Office)],
            Self::Live => &[(Ending, District), (Cancelled, Office)],
            Self::Ending => &[(Closed, Office)],
            Self::Declined | Self::Expired => {
                &[(Open, District), (Proposed, Office), (Withdrawn, District), (Cancelled, Office)]
            }
            Self::Closed | Self::Withdrawn | Self::Cancelled => &[],
        }
    }

    /// Whose step from here to `to` is; none if it does not follow.
    #[must_use]
    pub fn mover(self, to: Self) -> Option<Party> {
        self.steps().iter().find(|(stage, _)| *stage == to).map(|(_, party)| *party)
    }

    /// Whether a step to here is taken by itself and not by making, answering or outliving a proposal or an offer.
    #[must_use]
    pub const fn is_taken_by_hand(self) -> bool {
        !matches!(
            self,
            Self::Proposed
                | Self::DistrictAccepted
                | Self::Offered
                | Self::EducatorAccepted
                | Self::Declined
                | Self::Expired
        )
    }

    /// Whether a step from here to `to` undoes or ends something, which somebody will ask about.
    #[must_use]
    pub const fn needs_reason(self, to: Self) -> bool {
        match to {
            Self::Withdrawn | Self::Cancelled | Self::Ending | Self::Declined => true,
            Self::Open => !matches!(self, Self::Draft | Self::Declined | Self::Expired),
            _ => false,
        }
    }

    /// Whether somebody holds the vacancy, or is about to.
    #[must_use]
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::EducatorAccepted | Self::Clearing | Self::Onboarding | Self::Live | Self::Ending)
    }

    /// What is to be done next, and by whom; none where there is nothing.
    #[must_use]
    pub const fn next(self) -> Option<(Party, &'static str)> {
        Some(match self {
            Self::Draft => (Party::District, "Open it"),
            Self::Open => (Party::Office, "Propose an educator"),
            Self::Proposed => (Party::District, "Accept or decline"),
            Self::DistrictAccepted => (Party::Office, "Make the offer"),
            Self::Offered => (Party::Educator, "Accept or decline"),
            Self::EducatorAccepted => (Party::Office, "Look at license and clearance"),
            Self::Clearing => (Party::Office, "Clear the educator"),
            Self::Onboarding => (Party::Office, "Ready the class, and go live"),
            Self::Ending => (Party::Office, "Close it"),
            Self::Declined | Self::Expired => (Party::Office, "Propose somebody else"),
            Self::Live | Self::Closed | Self::Withdrawn | Self::Cancelled => return None,
        })
    }
}

/// Who moves a vacancy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The staffing organization.
    Office,
    /// The district's HR.
    District,
    /// To whom it is offered.
    Educator,
    /// A deadline that passes.
    Clock,
}

impl Party {
    /// As a person says it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Office => "Staffing office",
            Self::District => "District",
            Self::Educator => "Educator",
            Self::Clock => "Deadline",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Stage {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|stage| stage.name() == text);
        known.ok_or_else(|| format!("{text:?} is not a stage; use {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// What a district readies before a virtual class begins (what vendors ask for; `research/domain.md` §3d).
pub const READINESS: [(&str, &str); 7] = [
    ("curriculum", "Curriculum and materials"),
    ("grading_policy", "Grading policy"),
    ("bell_schedule", "Bell schedule"),
    ("roster", "Roster"),
    ("lms_accounts", "Accounts of the learning platform"),
    ("devices", "Devices and bandwidth in the room"),
    ("supervision", "An adult in the room"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_is_reached_from_a_draft_and_the_ends_are_ends() {
        let mut reached = vec![Stage::Draft];
        let mut at = 0;
        while at < reached.len() {
            for (next, _) in reached[at].steps() {
                if !reached.contains(next) {
                    reached.push(*next);
                }
            }
            at += 1;
        }
        assert_eq!(reached.len(), Stage::ALL.len());
        for stage in Stage::ALL {
            assert_eq!(stage.name().parse(), Ok(stage));
            let ends = matches!(stage, Stage::Closed | Stage::Withdrawn | Stage::Cancelled);
            assert_eq!(stage.steps().is_empty(), ends, "{stage}");
        }
    }

    #[test]
    fn what_is_to_be_done_next_is_a_step_of_whoever_is_to_do_it() {
        for stage in Stage::ALL {
            if let Some((party, what)) = stage.next() {
                assert!(stage.steps().iter().any(|(_, mover)| *mover == party), "{stage}: {what}");
            }
        }
    }
}
