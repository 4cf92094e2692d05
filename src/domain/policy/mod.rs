//! Figures that no federal law gives and that districts decide: how minutes are counted and what a missed session
//! leaves owed. Each is explicit, dated and cited, and is printed on every report that used it.
//!
//! `caps` holds the states' figures for caseloads and groups.

pub mod caps;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::DistrictId;
use super::line::SchoolWeeks;
use super::log::MissReason;
use super::time::{Date, Weekday};

/// What a period owes that has fewer school days than it might.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShortRule {
    /// The whole amount.
    Full,
    /// By school days.
    Prorate,
    /// By weeks with at least one school day.
    WeeksInSession,
}

/// Where months, quarters, semesters and years begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// On the first of a month; years on July 1.
    Calendar,
    /// On the day the line begins.
    Anchored,
}

/// What a missed session leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Obligation {
    /// To be made up.
    Owed,
    /// The service was made available: nothing.
    NotOwed,
    /// The team decides, case by case.
    Review,
}

/// How firm a figure stands. What is only believed to be law is an assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Law,
    Guidance,
    DistrictPolicy,
    Assumption,
}

impl Standing {
    pub const ALL: [Self; 4] = [Self::Law, Self::Guidance, Self::DistrictPolicy, Self::Assumption];

    #[must_use]
    pub const fn name(self) -> &'static str {
        ["law", "guidance", "district_policy", "assumption"][self as usize]
    }
}

/// A figure in force, with where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Figure {
    /// For example `short_period` or `make_up.provider_absent`.
    pub key: String,
    pub value: String,
    /// `default`, `state` or `district`.
    pub scope: &'static str,
    pub standing: Standing,
    pub citation: String,
    /// None for the program's own default.
    pub effective_on: Option<Date>,
}

/// A figure that somebody has set, for a state or a district.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFigure {
    pub key: String,
    pub value: String,
    pub state: Option<String>,
    pub district_id: Option<DistrictId>,
    pub effective_on: Date,
    pub ends_on: Option<Date>,
    pub standing: Standing,
    pub citation: String,
}

const NO_RULE: &str = "IDEA gives no rule; the program's default, to be confirmed by the district";
const CASE_BY_CASE: &str = "OSEP letter to ASHA, 2007: case by case; the program's default";
const BALKMAN: &str =
    "OSEP, Letter to Balkman (1995) and guidance after it: absence of the student, the service having been available";
const CONSIDER: &str = "OSEP, Letter to Balkman (1995) and guidance after it: absence of the educator or a school activity must be considered for make-up";

/// Key, default, standing, citation, and the values it may have.
const DEFAULTS: [(&str, &str, Standing, &str, &[&str]); 12] = [
    ("short_period", "full", Standing::Assumption, NO_RULE, SHORT),
    ("partial_period", "prorate", Standing::Assumption, NO_RULE, SHORT),
    (
        "week_start",
        "mon",
        Standing::Assumption,
        "Monday to Sunday, as billing weeks commonly run; the program's default",
        DAYS,
    ),
    ("period_anchor", "calendar", Standing::Assumption, NO_RULE, &["calendar", "anchored"]),
    (
        "weeks_in_year",
        "36",
        Standing::Assumption,
        "180 days of school are 36 weeks of five; the program's default",
        &[],
    ),
    ("make_up.student_absent", "not_owed", Standing::Guidance, BALKMAN, OBLIGATIONS),
    ("make_up.provider_absent", "owed", Standing::Guidance, CONSIDER, OBLIGATIONS),
    ("make_up.closure", "review", Standing::Assumption, CASE_BY_CASE, OBLIGATIONS),
    ("make_up.school_activity", "owed", Standing::Guidance, CONSIDER, OBLIGATIONS),
    ("make_up.refused", "review", Standing::Assumption, CASE_BY_CASE, OBLIGATIONS),
    ("make_up.technical", "owed", Standing::Assumption, CASE_BY_CASE, OBLIGATIONS),
    ("make_up.other", "review", Standing::Assumption, CASE_BY_CASE, OBLIGATIONS),
];
const SHORT: &[&str] = &["full", "prorate", "weeks_in_session"];
const DAYS: &[&str] = &["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const OBLIGATIONS: &[&str] = &["owed", "not_owed", "review"];

/// Whether a key may have a value, or why not.
pub fn check(key: &str, value: &str) -> Result<(), (&'static str, String)> {
    let Some((.., values)) = DEFAULTS.iter().find(|default| default.0 == key) else {
        let keys: Vec<&str> = DEFAULTS.iter().map(|default| default.0).collect();
        return Err(("/key", format!("{key:?} is not a policy; use {}", keys.join(", "))));
    };
    if values.is_empty() {
        let weeks = value.parse::<i64>().is_ok_and(|weeks| (20..=52).contains(&weeks));
        return if weeks {
            Ok(())
        } else {
            Err(("/value", format!("{value:?} is not a number of weeks from 20 to 52")))
        };
    }
    if values.contains(&value) {
        return Ok(());
    }
    Err(("/value", format!("{value:?} is not a value of {key}; use {}", values.join(", "))))
}

/// How minutes are counted at one place on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinutesPolicy {
    pub short_period: ShortRule,
    pub partial_period: ShortRule,
    pub week_start: Weekday,
    pub anchor: Anchor,
    pub weeks: SchoolWeeks,
    pub make_up: BTreeMap<MissReason, Obligation>,
    /// Every figure above, as reports print it.
    pub figures: Vec<Figure>,
}

/// What has been set for the schools of one district, its state's figures included.
///
/// Kept as the policy from each day on which anything changes: a ledger asks for hundreds of days, thousands of times.
#[derive(Clone, Debug)]
pub struct Policies(Vec<(Date, MinutesPolicy)>);

/// Where nothing is set.
impl Default for Policies {
    fn default() -> Self {
        Self::from_set(&[])
    }
}

impl Policies {
    /// Of what is set anywhere, that which holds in this district.
    #[must_use]
    pub fn of(set: &[SetFigure], state: &str, district: DistrictId) -> Self {
        let here = |figure: &&SetFigure| match (&figure.state, figure.district_id) {
            (_, Some(id)) => id == district,
            (Some(of), None) => of == state,
            (None, None) => false,
        };
        Self::from_set(&set.iter().filter(here).collect::<Vec<_>>())
    }

    fn from_set(set: &[&SetFigure]) -> Self {
        let mut days = BTreeSet::from([Date(chrono::NaiveDate::MIN)]);
        days.extend(set.iter().map(|figure| figure.effective_on));
        days.extend(set.iter().filter_map(|figure| figure.ends_on).map(|last| last.plus_days(1)));
        Self(days.into_iter().map(|day| (day, in_force(set, day))).collect())
    }

    /// The policy in force on a day: the district's figure before the state's, the later before the earlier, and the
    /// default where nothing is set.
    #[must_use]
    pub fn on(&self, day: Date) -> &MinutesPolicy {
        let after = self.0.partition_point(|(from, _)| *from <= day);
        &self.0[after.max(1) - 1].1
    }
}

fn in_force(set: &[&SetFigure], day: Date) -> MinutesPolicy {
    let figures: Vec<Figure> = DEFAULTS.iter().map(|default| figure(set, default, day)).collect();
    let value = |key: &str| figures.iter().find(|figure| figure.key == key).map_or("", |figure| &*figure.value);
    let short = |key: &str| match value(key) {
        "prorate" => ShortRule::Prorate,
        "weeks_in_session" => ShortRule::WeeksInSession,
        _ => ShortRule::Full,
    };
    let obligation = |reason: MissReason| match value(&format!("make_up.{}", reason.name())) {
        "owed" => Obligation::Owed,
        "not_owed" => Obligation::NotOwed,
        _ => Obligation::Review,
    };
    let year = value("weeks_in_year").parse().unwrap_or(SchoolWeeks::default().year);
    MinutesPolicy {
        short_period: short("short_period"),
        partial_period: short("partial_period"),
        week_start: value("week_start").parse().unwrap_or(Weekday::Mon),
        anchor: if value("period_anchor") == "anchored" { Anchor::Anchored } else { Anchor::Calendar },
        weeks: SchoolWeeks { year, semester: year / 2, quarter: year / 4 },
        make_up: MissReason::ALL.into_iter().map(|reason| (reason, obligation(reason))).collect(),
        figures,
    }
}

fn figure(set: &[&SetFigure], default: &(&str, &str, Standing, &str, &[&str]), day: Date) -> Figure {
    let (key, value, standing, citation, _) = *default;
    let holds =
        |set: &&SetFigure| set.key == key && set.effective_on <= day && set.ends_on.is_none_or(|last| day <= last);
    let set = set.iter().copied().filter(holds).max_by_key(|set| (set.district_id.is_some(), set.effective_on));
    match set {
        Some(set) => Figure {
            key: key.into(),
            value: set.value.clone(),
            scope: if set.district_id.is_some() { "district" } else { "state" },
            standing: set.standing,
            citation: set.citation.clone(),
            effective_on: Some(set.effective_on),
        },
        None => Figure {
            key: key.into(),
            value: value.into(),
            scope: "default",
            standing,
            citation: citation.into(),
            effective_on: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RecordId as _;

    fn set(value: &str, state: Option<&str>, district_id: Option<DistrictId>, from: Date) -> SetFigure {
        SetFigure {
            key: "short_period".into(),
            value: value.into(),
            state: state.map(Into::into),
            district_id,
            effective_on: from,
            ends_on: None,
            standing: Standing::DistrictPolicy,
            citation: "board policy 7".into(),
        }
    }

    #[test]
    fn the_district_goes_before_the_state_and_the_later_before_the_earlier() {
        let (mesa, tempe) = (DistrictId::fresh(), DistrictId::fresh());
        let (july, january) = (Date::ymd(2026, 7, 1), Date::ymd(2027, 1, 4));
        let all = [
            set("weeks_in_session", Some("AZ"), None, july),
            set("prorate", None, Some(mesa), july),
            set("full", None, Some(mesa), january),
            set("full", Some("NY"), None, july),
        ];
        let rule = |district, day| {
            let policies = Policies::of(&all, "AZ", district);
            let policy = policies.on(day);
            (policy.short_period, policy.figures[0].scope)
        };
        assert_eq!(rule(mesa, july), (ShortRule::Prorate, "district"));
        assert_eq!(rule(mesa, january), (ShortRule::Full, "district"));
        assert_eq!(rule(tempe, january), (ShortRule::WeeksInSession, "state"));
        assert_eq!(rule(mesa, july.plus_days(-1)), (ShortRule::Full, "default"));
    }

    #[test]
    fn every_figure_has_a_citation_and_every_default_passes_its_own_check() {
        let policies = Policies::default();
        let policy = policies.on(Date::ymd(2026, 9, 1));
        assert_eq!(policy.figures.len(), DEFAULTS.len());
        for figure in &policy.figures {
            assert!(!figure.citation.is_empty() && figure.standing != Standing::Law, "{figure:?}");
            assert_eq!(check(&figure.key, &figure.value), Ok(()));
        }
        assert_eq!(policy.make_up.len(), MissReason::ALL.len());
        assert!(check("short_period", "half").is_err() && check("moon", "full").is_err());
        assert!(check("weeks_in_year", "36").is_ok() && check("weeks_in_year", "3").is_err());
    }
}
