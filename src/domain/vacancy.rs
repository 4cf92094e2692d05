//! The way of a vacancy from a draft to its end: which step may follow which, who takes it, and how long each lasted.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::calendar::{Calendar, DateSpan};
use super::time::Date;

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

    /// What may follow.
    #[must_use]
    pub fn next(self) -> &'static [Self] {
        use Stage::{
            Cancelled, Clearing, Closed, Declined, DistrictAccepted, EducatorAccepted, Ending, Expired, Live, Offered,
            Onboarding, Open, Proposed, Withdrawn,
        };
        match self {
            Self::Draft => &[Open, Withdrawn],
            Self::Open => &[Proposed, Withdrawn, Cancelled, Expired],
            Self::Proposed => &[DistrictAccepted, Declined, Expired, Withdrawn, Cancelled],
            Self::DistrictAccepted => &[Offered, Withdrawn, Cancelled],
            Self::Offered => &[EducatorAccepted, Declined, Expired, Withdrawn, Cancelled],
            Self::EducatorAccepted => &[Clearing, Withdrawn, Cancelled],
            Self::Clearing => &[Onboarding, Declined, Withdrawn, Cancelled],
            Self::Onboarding => &[Live, Withdrawn, Cancelled],
            Self::Live => &[Ending, Cancelled],
            Self::Ending => &[Closed],
            Self::Declined | Self::Expired => &[Open, Withdrawn, Cancelled],
            Self::Closed | Self::Withdrawn | Self::Cancelled => &[],
        }
    }

    /// Whether it is the district that takes this step; the office may take any.
    #[must_use]
    pub fn is_of_the_district(self) -> bool {
        matches!(self, Self::Open | Self::Withdrawn)
    }

    /// Whether a step to here is taken by itself and not by answering a proposal or an offer.
    #[must_use]
    pub fn is_taken_by_hand(self) -> bool {
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

/// How long a vacancy took, from its steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Timers {
    /// From its opening to the first proposal; none while there is none.
    pub minutes_to_propose: Option<i64>,
    /// From its opening until it was live.
    pub minutes_to_fill: Option<i64>,
    /// Instructional days since its opening, or since its needs began, on which it was not live.
    pub days_lost: i64,
}

/// The timers of a vacancy whose needs fall into `needed`, at the instant `now` of the date `today`. `steps` are in order.
#[must_use]
pub fn timers(
    steps: &[(Stage, DateTime<Utc>)],
    calendar: Option<&Calendar>,
    needed: DateSpan,
    now: DateTime<Utc>,
) -> Timers {
    let at = |wanted: Stage| steps.iter().find(|(stage, _)| *stage == wanted).map(|(_, at)| *at);
    let Some(opened) = at(Stage::Open) else { return Timers::default() };
    let minutes = |until: Option<DateTime<Utc>>| until.map(|until| (until - opened).num_minutes());
    // Where it ended without being filled, the days after that are nobody's loss.
    let over = |stage: Stage| matches!(stage, Stage::Live | Stage::Closed | Stage::Withdrawn | Stage::Cancelled);
    let end = steps.iter().find(|(stage, _)| over(*stage)).map_or(now, |(_, at)| *at);
    let lost = DateSpan {
        first: needed.first.max(Date(opened.date_naive())),
        last: needed.last.min(Date(end.date_naive()).plus_days(-1)),
    };
    let days_lost = calendar.map_or(0, |calendar| calendar.instructional_days(lost).len());
    Timers {
        minutes_to_propose: minutes(at(Stage::Proposed)),
        minutes_to_fill: minutes(at(Stage::Live)),
        days_lost: i64::try_from(days_lost).unwrap_or(i64::MAX),
    }
}

/// By when parents must have written notice of a teacher who is not certified for the class: the thirtieth instructional
/// day from the first on which they teach it (Texas Education Code 21.057). None if the year ends before.
#[must_use]
pub fn notice_due_on(calendar: &Calendar, from: Date) -> Option<Date> {
    calendar.instructional_days(DateSpan { first: from, last: calendar.last }).get(29).map(|day| day.date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::BellChoice;

    fn calendar(closed: &[Date]) -> Calendar {
        Calendar {
            first: Date::ymd(2026, 8, 10),
            last: Date::ymd(2027, 5, 28),
            weekdays: super::super::time::Weekday::ALL[..5].to_vec(),
            closed: closed.to_vec(),
            cycle: Vec::new(),
            bell_schedule: BellChoice {
                default: "x".into(),
                weekdays: std::collections::BTreeMap::new(),
                dates: std::collections::BTreeMap::new(),
            },
        }
    }

    /// Golden vector 16 of the domain research: counted by hand from 17 August.
    #[test]
    fn parents_hear_of_an_uncertified_teacher_by_the_thirtieth_instructional_day() {
        // Six weeks of five days end on 25 September; Labor Day moves that by one, to Monday.
        assert_eq!(notice_due_on(&calendar(&[]), Date::ymd(2026, 8, 17)), Some(Date::ymd(2026, 9, 25)));
        let labor_day = [Date::ymd(2026, 9, 7)];
        assert_eq!(notice_due_on(&calendar(&labor_day), Date::ymd(2026, 8, 17)), Some(Date::ymd(2026, 9, 28)));
        assert_eq!(notice_due_on(&calendar(&labor_day), Date::ymd(2027, 5, 20)), None);
    }

    #[test]
    fn every_stage_is_reached_from_a_draft_and_the_ends_are_ends() {
        let mut reached = vec![Stage::Draft];
        let mut at = 0;
        while at < reached.len() {
            for next in reached[at].next() {
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
            assert_eq!(stage.next().is_empty(), ends, "{stage}");
        }
    }

    #[test]
    fn the_clock_of_a_vacancy_runs_from_its_opening_over_instructional_days() {
        let at = |day: u32| format!("2026-09-{day:02}T12:00:00Z").parse::<DateTime<Utc>>().expect("an instant");
        let needed = DateSpan { first: Date::ymd(2026, 8, 10), last: Date::ymd(2027, 5, 28) };
        let closed = [Date::ymd(2026, 9, 7)];
        let calendar = calendar(&closed);
        let steps = [(Stage::Draft, at(1)), (Stage::Open, at(2)), (Stage::Proposed, at(3))];
        let open = timers(&steps, Some(&calendar), needed, at(9));
        // 2, 3, 4 and 8 September; Labor Day and the weekend are no loss, and today is not over.
        assert_eq!(open, Timers { minutes_to_propose: Some(1440), minutes_to_fill: None, days_lost: 4 });
        let filled = [&steps[..], &[(Stage::Live, at(8)), (Stage::Ending, at(20))]].concat();
        let filled = timers(&filled, Some(&calendar), needed, at(30));
        assert_eq!(filled, Timers { minutes_to_propose: Some(1440), minutes_to_fill: Some(6 * 1440), days_lost: 3 });
        assert_eq!(timers(&steps[..1], Some(&calendar), needed, at(30)), Timers::default());
    }
}
