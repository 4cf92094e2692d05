//! What a vacancy comes to for one educator, as it was when it was proposed or offered: when each class meets on the
//! school's clock and on theirs, minutes, courses, pay, and the papers that allow it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::calendar::{Calendar, DateSpan, Period};
use crate::domain::need::Meet;
use crate::domain::spoken::{long_date, usual_times};
use crate::domain::time::{Clock, Date, Tz, Weekday, from_utc, to_utc};

/// What is proposed or offered
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Terms {
    #[serde(default)]
    pub sections: Vec<Class>,
    /// Of the fullest week.
    #[serde(default)]
    pub weekly_minutes: i64,
    /// From the first meeting to the last.
    #[serde(default)]
    pub total_minutes: i64,
    #[serde(default)]
    pub courses_to_prepare: Vec<String>,
    /// For the fullest week; only in offers, for pay is between the educator and the office.
    #[serde(default)]
    pub pay_cents_per_week: Option<i64>,
    /// The licenses and clearances that cover it.
    #[serde(default)]
    pub papers: Vec<Paper>,
}

/// A section as it is offered
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Class {
    pub course: String,
    pub school: String,
    /// The school's zone.
    #[schema(value_type = String)]
    pub tz: Tz,
    /// The educator's zone.
    #[schema(value_type = String)]
    pub own_tz: Tz,
    pub patterns: Vec<Pattern>,
}

/// Meetings at the same hours of both clocks
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pattern {
    pub days: Vec<Weekday>,
    #[schema(value_type = String)]
    pub starts: Clock,
    #[schema(value_type = String)]
    pub ends: Clock,
    #[schema(value_type = String)]
    pub own_starts: Clock,
    #[schema(value_type = String)]
    pub own_ends: Clock,
    pub first_on: Date,
    pub last_on: Date,
    pub meetings: usize,
}

/// A license or a clearance
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Paper {
    pub what: String,
    /// None is for good.
    #[serde(default)]
    pub expires_on: Option<Date>,
}

impl Paper {
    /// `AZ license in mathematics, until June 30, 2027`.
    #[must_use]
    pub fn said(&self) -> String {
        match self.expires_on {
            Some(on) => format!("{}, until {}", self.what, long_date(on)),
            None => self.what.clone(),
        }
    }
}

/// A pattern as people read it
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// `Mon, Wed`.
    pub days: String,
    /// On the school's clock: `1:00–1:45 PM EST`.
    pub school: String,
    /// On the educator's; none where both read the same.
    pub own: Option<String>,
    /// `8 meetings, September 7, 2026 to October 26, 2026`.
    pub dates: String,
}

impl Class {
    /// Each pattern on both clocks.
    #[must_use]
    pub fn said(&self) -> Vec<Said> {
        let said = |pattern: &Pattern| {
            let Pattern { first_on, last_on, meetings, .. } = pattern;
            let span = (*first_on, *last_on);
            let school = usual_times(self.tz, span, pattern.starts, pattern.ends);
            let own = usual_times(self.own_tz, span, pattern.own_starts, pattern.own_ends);
            let days: Vec<&str> = pattern.days.iter().map(|day| day.title()).collect();
            let dates = if first_on == last_on {
                format!("1 meeting, {}", long_date(*first_on))
            } else {
                format!("{meetings} meetings, {} to {}", long_date(*first_on), long_date(*last_on))
            };
            Said { days: days.join(", "), own: (own != school).then_some(own), school, dates }
        };
        self.patterns.iter().map(said).collect()
    }
}

/// When a section meets, and how many minutes in each week (by its Monday).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Met {
    pub patterns: Vec<Pattern>,
    pub minutes: BTreeMap<Date, i64>,
}

/// Deals out the meetings of a section in `span`, gathered by their hours on both clocks, the earliest first. `bells` are
/// the periods of each bell schedule by its key; a period that the day's schedule lacks does not meet.
#[must_use]
pub fn met(
    meets: &[Meet],
    calendar: &Calendar,
    bells: &BTreeMap<String, Vec<Period>>,
    span: DateSpan,
    (tz, own_tz): (Tz, Tz),
) -> Met {
    let own = |on: Date, clock: Clock| {
        let (_, minute) = from_utc(own_tz, to_utc(tz, on, clock.minutes()));
        Clock::from_minutes(minute).unwrap_or(clock)
    };
    let mut dates: BTreeMap<[Clock; 4], BTreeSet<Date>> = BTreeMap::new();
    let mut minutes: BTreeMap<Date, i64> = BTreeMap::new();
    for day in calendar.instructional_days(span) {
        let on = day.date;
        let Some(periods) = bells.get(calendar.bell_schedule.on(on)) else { continue };
        for meet in meets {
            let weekday = meet.days.as_ref().is_none_or(|days| days.contains(&on.weekday()));
            let of_cycle = |days: &Vec<String>| days.iter().any(|label| Some(label.as_str()) == day.cycle_day);
            let Some(period) = periods.iter().find(|period| period.id == meet.period) else { continue };
            if weekday && meet.cycle_days.as_ref().is_none_or(of_cycle) {
                let Period { start, end, .. } = *period;
                dates.entry([start, end, own(on, start), own(on, end)]).or_default().insert(on);
                *minutes.entry(on.monday()).or_default() += i64::from(end.minutes()) - i64::from(start.minutes());
            }
        }
    }
    let pattern = |([starts, ends, own_starts, own_ends], on): ([Clock; 4], BTreeSet<Date>)| {
        let days: BTreeSet<Weekday> = on.iter().map(|on| on.weekday()).collect();
        Some(Pattern {
            days: days.into_iter().collect(),
            starts,
            ends,
            own_starts,
            own_ends,
            first_on: *on.first()?,
            last_on: *on.last()?,
            meetings: on.len(),
        })
    };
    let mut patterns: Vec<Pattern> = dates.into_iter().filter_map(pattern).collect();
    patterns.sort_by_key(|pattern| (pattern.first_on, pattern.starts));
    Met { patterns, minutes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::BellChoice;

    fn clock(text: &str) -> Clock {
        text.parse().expect("a clock")
    }

    fn calendar(cycle: &[&str]) -> Calendar {
        Calendar {
            first: Date::ymd(2026, 10, 26),
            last: Date::ymd(2026, 11, 6),
            weekdays: Weekday::ALL[..5].to_vec(),
            closed: vec![Date::ymd(2026, 11, 3)],
            cycle: cycle.iter().map(|&label| label.into()).collect(),
            bell_schedule: BellChoice {
                default: "regular".into(),
                weekdays: BTreeMap::from([(Weekday::Wed, "early".into())]),
                dates: BTreeMap::new(),
            },
        }
    }

    fn bells() -> BTreeMap<String, Vec<Period>> {
        let period = |start: &str, end: &str| vec![Period { id: "P1".into(), start: clock(start), end: clock(end) }];
        BTreeMap::from([("regular".into(), period("13:00", "13:50")), ("early".into(), period("12:00", "12:30"))])
    }

    #[test]
    fn meetings_are_gathered_by_their_hours_on_both_clocks() {
        let span = DateSpan { first: Date::ymd(2026, 10, 27), last: Date::ymd(2026, 11, 30) };
        let meets = [Meet { period: "P1".into(), days: None, cycle_days: None }];
        let zones = (Tz::America__New_York, Tz::America__Phoenix);
        let met = met(&meets, &calendar(&[]), &bells(), span, zones);
        let class = Class {
            course: "Algebra".into(),
            school: "Lincoln".into(),
            tz: zones.0,
            own_tz: zones.1,
            patterns: met.patterns,
        };
        // New York turns its clocks back on 1 November, Phoenix never does; 3 November is closed.
        let expected = [
            "Tue, Thu, Fri 1:00–1:50 PM EDT (10:00–10:50 AM MST); 3 meetings, October 27, 2026 to October 30, 2026",
            "Wed 12:00–12:30 PM EDT (9:00–9:30 AM MST); 1 meeting, October 28, 2026",
            "Mon, Thu, Fri 1:00–1:50 PM EST (11:00–11:50 AM MST); 3 meetings, November 2, 2026 to November 6, 2026",
            "Wed 12:00–12:30 PM EST (10:00–10:30 AM MST); 1 meeting, November 4, 2026",
        ];
        // New York turns its clocks back on 1 November, Phoenix never does; 3 November is closed.
        let said = |Said { days, school, own, dates }: Said| {
            format!("{days} {school} ({}); {dates}", own.expect("two clocks"))
        };
        assert_eq!(class.said().into_iter().map(said).collect::<Vec<_>>(), expected);
        let weeks = [(Date::ymd(2026, 10, 26), 180), (Date::ymd(2026, 11, 2), 180)];
        assert_eq!(met.minutes, BTreeMap::from(weeks));
    }

    #[test]
    fn filters_of_weekday_and_cycle_both_hold_and_one_clock_is_said_once() {
        let span = DateSpan { first: Date::ymd(2026, 10, 26), last: Date::ymd(2026, 11, 6) };
        let meet = |days: Option<Vec<Weekday>>, cycle: &str| Meet {
            period: "P1".into(),
            days,
            cycle_days: Some(vec![cycle.into()]),
        };
        let zones = (Tz::America__Chicago, Tz::America__Chicago);
        let found = |meet: Meet| met(&[meet], &calendar(&["A", "B"]), &bells(), span, zones);
        // A days: 26, 28 and 30 October, 4 and 6 November (the third is closed and takes no turn).
        let all = found(meet(None, "A"));
        assert_eq!(all.patterns.iter().map(|pattern| pattern.meetings).sum::<usize>(), 5);
        let mondays = found(meet(Some(vec![Weekday::Mon]), "A"));
        assert_eq!(mondays.patterns.iter().map(|pattern| pattern.meetings).sum::<usize>(), 1);
        let tz = zones.0;
        let class = Class { course: "x".into(), school: "y".into(), tz, own_tz: tz, patterns: mondays.patterns };
        assert_eq!(class.said()[0].own, None);
    }
}
