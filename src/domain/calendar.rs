//! School time: calendars, rotating cycles, bell schedules, and the instructional days they make.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::{Clock, Date, Weekday};

/// Two dates, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateSpan {
    pub first: Date,
    pub last: Date,
}

impl DateSpan {
    #[must_use]
    pub fn contains(self, date: Date) -> bool {
        self.first <= date && date <= self.last
    }
}

/// The days on which a school is open, and which bell schedule rings on each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    pub first: Date,
    pub last: Date,
    #[serde(default = "monday_to_friday")]
    pub weekdays: Vec<Weekday>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<Date>,
    /// Labels dealt out in turn to instructional days from `first` on, for example `["A", "B"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cycle: Vec<String>,
    pub bell_schedule: BellChoice,
}

fn monday_to_friday() -> Vec<Weekday> {
    Weekday::ALL[..5].to_vec()
}

/// Which bell schedule a day uses: the one for its date, else for its weekday, else the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BellChoice {
    pub default: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "each_once")]
    pub weekdays: BTreeMap<Weekday, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "each_once")]
    pub dates: BTreeMap<Date, String>,
}

/// A map that refuses a key given twice, of which serde would keep the last.
fn each_once<'de, K, D>(from: D) -> Result<BTreeMap<K, String>, D::Error>
where
    K: Deserialize<'de> + Ord,
    D: Deserializer<'de>,
{
    struct Once<K>(PhantomData<K>);
    impl<'de, K: Deserialize<'de> + Ord> Visitor<'de> for Once<K> {
        type Value = BTreeMap<K, String>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = from.next_entry()? {
                if map.insert(key, value).is_some() {
                    return Err(A::Error::custom("a key is given twice"));
                }
            }
            Ok(map)
        }
    }
    from.deserialize_map(Once(PhantomData))
}

impl BellChoice {
    #[must_use]
    pub fn on(&self, date: Date) -> &str {
        self.dates.get(&date).or_else(|| self.weekdays.get(&date.weekday())).unwrap_or(&self.default)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BellSchedule {
    pub id: String,
    pub periods: Vec<Period>,
}

impl BellSchedule {
    #[must_use]
    pub fn period(&self, id: &str) -> Option<&Period> {
        self.periods.iter().find(|period| period.id == id)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Period {
    pub id: String,
    pub start: Clock,
    pub end: Clock,
}

/// One instructional day of a school.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchoolDay<'c> {
    pub date: Date,
    /// Label of the rotating day, where the calendar has a cycle.
    pub cycle_day: Option<&'c str>,
    /// How many times the cycle has been gone through before this day (without a cycle: its index).
    pub cycle_pass: usize,
    /// This is the `nth` instructional occurrence of its weekday in its month, from 1.
    pub nth: u8,
}

impl SchoolDay<'_> {
    /// Whether `day`, a weekday name or a cycle label, names this day.
    #[must_use]
    pub fn is(&self, day: &str) -> bool {
        self.date.weekday().name() == day || self.cycle_day == Some(day)
    }
}

impl Calendar {
    /// Every instructional day inside `term`, in order. Cycle labels and monthly counts run from the
    /// calendar's own first day, whether or not it lies in the term.
    #[must_use]
    pub fn instructional_days(&self, term: DateSpan) -> Vec<SchoolDay<'_>> {
        let mut days = Vec::new();
        let mut seen: BTreeMap<(i32, u32, Weekday), u8> = BTreeMap::new();
        let mut turn = 0;
        let mut date = self.first;
        let cycle_length = self.cycle.len().max(1);
        let closed: std::collections::BTreeSet<Date> = self.closed.iter().copied().collect();
        while date <= self.last {
            if self.weekdays.contains(&date.weekday()) && !closed.contains(&date) {
                let nth = seen
                    .entry((chrono::Datelike::year(&*date), chrono::Datelike::month(&*date), date.weekday()))
                    .or_insert(0);
                *nth += 1;
                if term.contains(date) {
                    days.push(SchoolDay {
                        date,
                        cycle_day: self.cycle.get(turn % cycle_length).map(String::as_str),
                        cycle_pass: turn / cycle_length,
                        nth: *nth,
                    });
                }
                turn += 1;
            }
            date = date.plus_days(1);
        }
        days
    }
}
