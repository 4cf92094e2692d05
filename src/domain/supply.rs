//! Supply that a run only supposes: educators who are not there, more hours for those who are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::hash::sha256;
use super::id::{EducatorId, RecordId as _};
use super::record::FieldIssue;
use super::run::RunSettings;
use super::time::{Clock, Tz};

/// Educators that one run may suppose.
const MOST: i64 = 200;
/// Lines that describe them.
const LINES: usize = 20;
/// Minutes of a week that somebody may work.
pub const WEEK: std::ops::RangeInclusive<i64> = 1..=10_080;

/// Educators of one kind who are not there: licensed for all grades and cleared in each of the states through the term, there
/// from Monday to Friday.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Supposed {
    #[schema(minimum = 1, maximum = 100)]
    pub count: i64,
    /// Postal codes.
    #[schema(min_items = 1, max_items = 60)]
    pub states: Vec<String>,
    /// License areas.
    #[schema(min_items = 1, max_items = 60)]
    pub areas: Vec<String>,
    #[schema(value_type = String, example = "America/Phoenix")]
    pub tz: Tz,
    #[schema(minimum = 1, maximum = 10_080)]
    pub minutes_per_week: i64,
    /// On their own clock.
    pub start: Clock,
    pub end: Clock,
    /// None is what most educators of the term cost: the median.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub pay_cents_per_minute: Option<i64>,
}

impl Supposed {
    /// The same but for how many.
    fn is_like(&self, other: &Self) -> bool {
        Self { count: 0, ..self.clone() } == Self { count: 0, ..other.clone() }
    }

    /// Of the nth of its kind: a UUID of version 8 (RFC 9562), which no record has, made of the line itself.
    fn id(&self, n: i64) -> EducatorId {
        let Self { states, areas, tz, minutes_per_week, start, end, pay_cents_per_minute, .. } = self;
        let line = format!("{states:?} {areas:?} {tz} {minutes_per_week} {start} {end} {pay_cents_per_minute:?} {n}");
        let digest = u128::from_str_radix(&sha256(line)[..32], 16).unwrap_or_default();
        EducatorId::from_uuid(uuid::Builder::from_custom_bytes(digest.to_be_bytes()).into_uuid())
    }
}

/// More minutes a week for those who are there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Longer {
    /// None named means everybody.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>, max_items = 1000)]
    pub educators: Vec<EducatorId>,
    #[schema(minimum = 1, maximum = 10_080)]
    pub minutes_per_week: i64,
}

impl RunSettings {
    /// Whether it plans with people or hours that are not there.
    #[must_use]
    pub fn supposes_supply(&self) -> bool {
        !self.with.is_empty() || self.longer.is_some()
    }

    /// Those who are only supposed, with the lines that describe them and their number among those of one line. Their ids are
    /// the same in every run that supposes the same line, so that two such runs can be compared.
    #[must_use]
    pub fn supposed(&self) -> Vec<(EducatorId, &Supposed, i64)> {
        let mut found: Vec<(EducatorId, &Supposed, i64)> = Vec::new();
        for one in &self.with {
            let before = found.iter().filter(|(_, other, _)| other.is_like(one)).count();
            let before = i64::try_from(before).unwrap_or(0);
            found.extend((before + 1..=before + one.count.max(0)).map(|n| (one.id(n), one, n)));
        }
        found
    }

    /// What those are called who are only supposed. Every id is hashed: make it once, not for each name.
    #[must_use]
    pub fn supposed_names(&self) -> BTreeMap<EducatorId, String> {
        let name =
            |one: &Supposed, n: i64| format!("Supposed {n}: {}, {}", one.areas.join(", "), one.states.join(", "));
        self.supposed().into_iter().map(|(id, one, n)| (id, name(one, n))).collect()
    }

    /// Adds what is wrong with the supposed supply.
    pub fn check_supply(&self, errors: &mut Vec<FieldIssue>) {
        let mut require = |holds: bool, pointer: String, message: &str| {
            if !holds {
                errors.push(FieldIssue { pointer, message: message.into() });
            }
        };
        require(self.with.len() <= LINES, "/with".into(), "describe the supposed educators in at most 20 lines");
        let all: i64 = self.with.iter().map(|one| one.count.clamp(0, MOST + 1)).sum();
        require(all <= MOST, "/with".into(), "suppose at most 200 educators");
        for (n, one) in self.with.iter().enumerate() {
            let at = |field: &str| format!("/with/{n}/{field}");
            require((1..=100).contains(&one.count), at("count"), "give 1 to 100 educators");
            let state = |state: &String| state.len() == 2 && state.bytes().all(|b| b.is_ascii_uppercase());
            let states = !one.states.is_empty() && one.states.len() <= 60 && one.states.iter().all(state);
            require(states, at("states"), "give postal codes of two capital letters, such as AZ");
            let area = |area: &String| !area.trim().is_empty() && area.len() <= 200 && !area.contains('\0');
            let areas = !one.areas.is_empty() && one.areas.len() <= 60 && one.areas.iter().all(area);
            require(areas, at("areas"), "name at least one license area");
            require(WEEK.contains(&one.minutes_per_week), at("minutes_per_week"), "give 1 to 10080 minutes");
            require(one.start < one.end, at("end"), "let the end be later than the start");
            let pay = one.pay_cents_per_minute.is_none_or(|cents| (0..=1_000_000).contains(&cents));
            require(pay, at("pay_cents_per_minute"), "give 0 to 1000000 cents, or leave it out for the usual pay");
        }
        if let Some(longer) = &self.longer {
            require(
                WEEK.contains(&longer.minutes_per_week),
                "/longer/minutes_per_week".into(),
                "give 1 to 10080 minutes",
            );
            require(longer.educators.len() <= 1000, "/longer/educators".into(), "name at most 1000 educators");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(count: i64, area: &str) -> Supposed {
        Supposed {
            count,
            states: vec!["AZ".into()],
            areas: vec![area.into()],
            tz: Tz::America__Phoenix,
            minutes_per_week: 1500,
            start: "08:00".parse().expect("a clock"),
            end: "16:00".parse().expect("a clock"),
            pay_cents_per_minute: None,
        }
    }

    #[test]
    fn who_is_supposed_keeps_the_id_and_is_nobody_of_the_records() {
        let ids = |with: Vec<Supposed>| -> Vec<EducatorId> {
            let settings = RunSettings { with, ..RunSettings::default() };
            settings.supposed().into_iter().map(|(id, ..)| id).collect()
        };
        let two = ids(vec![line(1, "math"), line(1, "math")]);
        assert_eq!(two, ids(vec![line(2, "math")]), "however it is written");
        assert_eq!(ids(vec![line(1, "art"), line(2, "math")])[1..], two);
        let all = ids(vec![line(3, "math"), line(2, "art")]);
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 5);
        assert!(all.iter().all(|id| id.uuid().get_version_num() == 8), "{all:?}");
        let settings = RunSettings { with: vec![line(2, "math")], ..RunSettings::default() };
        let names = settings.supposed_names();
        assert_eq!(names.get(&two[1]).map(String::as_str), Some("Supposed 2: math, AZ"));
        assert_eq!(names.len(), 2);
    }
}
