//! How findings are gathered: the checks that many places share, each told once with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display};
use std::ops::RangeInclusive;

use crate::domain::time::{Clock, DAY_MINUTES, Date};
use crate::engine::rule::{Flaw, Issue};

/// The most that any amount in cents may be; far beyond honest prices, far below overflow.
pub const MAX_CENTS: i64 = 1_000_000_000;
/// The most that any count or limit may be.
pub const MAX_COUNT: i64 = 1_000_000;

#[derive(Default)]
pub struct Findings(pub Vec<Issue>);

impl Findings {
    pub fn add(&mut self, flaw: Flaw, at: &str, field: impl Display, cause: impl Into<String>) {
        self.0.push(Issue::new(flaw, format!("{at}/{field}"), cause));
    }

    pub fn number(&mut self, at: &str, field: &str, value: i64, range: RangeInclusive<i64>) {
        if !range.contains(&value) {
            let cause = format!("{field} is {value}, where {} to {} is possible", range.start(), range.end());
            self.add(Flaw::Number, at, field, cause);
        }
    }

    pub fn cents(&mut self, at: &str, field: &str, value: i64) {
        self.number(at, field, value, 0..=MAX_CENTS);
    }

    pub fn date(&mut self, at: &str, field: impl Display, date: Date) {
        if date < Date::ymd(1900, 1, 1) || date > Date::ymd(2099, 12, 31) {
            self.add(Flaw::FarDate, at, field, format!("{date} is not between 1900 and 2099"));
        }
    }

    /// Two dates that begin and end something; one may be left out.
    pub fn dates(&mut self, at: &str, first: (&str, Option<Date>), last: (&str, Option<Date>)) {
        for (field, date) in [first, last] {
            if let Some(date) = date {
                self.date(at, field, date);
            }
        }
        if let ((_, Some(from)), (field, Some(to))) = (first, last)
            && to < from
        {
            self.add(Flaw::InvertedDates, at, field, format!("{to} is before {from}"));
        }
    }

    pub fn clocks(&mut self, at: &str, start: Clock, end: Clock) {
        if start.minutes() == DAY_MINUTES {
            self.add(Flaw::StartAtMidnight, at, "start", "24:00 can only end something");
        } else if end <= start {
            self.add(Flaw::InvertedClocks, at, "end", format!("{end} is not after {start}"));
        }
    }

    pub fn not_empty<T>(&mut self, at: &str, field: &str, list: &[T]) {
        if list.is_empty() {
            self.add(Flaw::EmptyList, at, field, format!("{field} is empty"));
        }
    }

    pub fn no_repeats<T: Ord + Debug>(&mut self, at: &str, field: &str, list: &[T]) {
        let mut seen = BTreeSet::new();
        for (n, item) in list.iter().enumerate().filter(|(_, item)| !seen.insert(*item)) {
            self.add(Flaw::Repeated, &format!("{at}/{field}"), n, format!("{item:?} is listed twice"));
        }
    }

    pub fn text(&mut self, at: &str, field: impl Display, text: &str) {
        if text.is_empty() {
            let cause = format!("{field} is empty");
            self.add(Flaw::EmptyId, at, field, cause);
        }
    }

    /// The rows of a kind by id, refusing empty ids and ids that an earlier row has.
    pub fn index<'r, Row>(&mut self, at: &str, rows: &'r [Row], id: fn(&Row) -> &str) -> BTreeMap<&'r str, &'r Row> {
        let mut index: BTreeMap<&str, &Row> = BTreeMap::new();
        for (n, row) in rows.iter().enumerate() {
            let (at, id) = (format!("{at}/{n}"), id(row));
            self.text(&at, "id", id);
            if index.contains_key(id) {
                self.add(Flaw::DuplicateId, &at, "id", format!("{id:?} is the id of an earlier row"));
            } else if !id.is_empty() {
                index.insert(id, row);
            }
        }
        index
    }

    /// Whether a reference leads somewhere.
    pub fn known(&mut self, at: &str, field: impl Display, kind: &str, name: &str, is_known: bool) {
        if !is_known {
            self.add(Flaw::Dangling, at, field, format!("there is no {kind} {name:?}"));
        }
    }
}
