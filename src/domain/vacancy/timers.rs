//! How long vacancies took, from their steps: to the first proposal, to a live class, and the instructional days on which
//! nobody taught; for one and over many.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::Stage;
use crate::domain::calendar::{Calendar, DateSpan};
use crate::domain::time::{Date, Tz};

/// How long a vacancy took
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Timers {
    /// From its first opening to the first proposal; none while there is none.
    pub minutes_to_propose: Option<i64>,
    /// From its first opening until it was live.
    pub minutes_to_fill: Option<i64>,
    /// Instructional days since its opening, or since its needs began, on which it was not live.
    pub days_lost: i64,
}

/// What a vacancy's clock is read from. `steps` are in order; its needs fall into `needed`, in school time of `tz`.
#[derive(Clone, Copy, Debug)]
pub struct History<'h> {
    pub steps: &'h [(Stage, DateTime<Utc>)],
    /// None where the district has none: then no day is counted.
    pub calendar: Option<&'h Calendar>,
    pub needed: DateSpan,
    pub tz: Tz,
}

impl History<'_> {
    fn at(&self, wanted: Stage) -> Option<DateTime<Utc>> {
        self.steps.iter().find(|(stage, _)| *stage == wanted).map(|(_, at)| *at)
    }

    /// The timers at the instant `now`.
    #[must_use]
    pub fn timers(&self, now: DateTime<Utc>) -> Timers {
        let Some(opened) = self.at(Stage::Open) else { return Timers::default() };
        let minutes = |until: Option<DateTime<Utc>>| until.map(|until| (until - opened).num_minutes());
        Timers {
            minutes_to_propose: minutes(self.at(Stage::Proposed)),
            minutes_to_fill: minutes(self.at(Stage::Live)),
            days_lost: i64::try_from(self.lost(now).len()).unwrap_or(i64::MAX),
        }
    }

    /// The instructional days that are over and on which it was open and not live.
    #[must_use]
    pub fn lost(&self, now: DateTime<Utc>) -> Vec<Date> {
        let (Some(opened), Some(calendar)) = (self.at(Stage::Open), self.calendar) else { return Vec::new() };
        let local = |at: DateTime<Utc>| Date(at.with_timezone(&self.tz).date_naive());
        // Where it ended without being filled, the days after that are nobody's loss.
        let over = |stage: Stage| matches!(stage, Stage::Live | Stage::Closed | Stage::Withdrawn | Stage::Cancelled);
        let end = self.steps.iter().find(|(stage, _)| over(*stage)).map_or(now, |(_, at)| *at);
        let lost = DateSpan {
            first: self.needed.first.max(local(opened)),
            last: self.needed.last.min(local(end).plus_days(-1)),
        };
        calendar.instructional_days(lost).iter().map(|day| day.date).collect()
    }
}

/// How long many vacancies took
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Summary {
    /// Those that were ever opened.
    pub vacancies: usize,
    /// Those that went live.
    pub filled: usize,
    /// Of those that somebody was proposed for; of an even number the lower of the two in the middle.
    pub median_minutes_to_propose: Option<i64>,
    /// Of those that went live.
    pub median_minutes_to_fill: Option<i64>,
    /// Summed over all of them.
    pub days_lost: i64,
}

/// Sums up the timers of vacancies that were opened.
#[must_use]
pub fn summary(all: &[Timers]) -> Summary {
    let filled: Vec<i64> = all.iter().filter_map(|timers| timers.minutes_to_fill).collect();
    Summary {
        vacancies: all.len(),
        filled: filled.len(),
        median_minutes_to_propose: median(all.iter().filter_map(|timers| timers.minutes_to_propose).collect()),
        median_minutes_to_fill: median(filled),
        days_lost: all.iter().map(|timers| timers.days_lost).sum(),
    }
}

/// The middle one; of an even number the lower of the two.
#[must_use]
pub fn median(mut of: Vec<i64>) -> Option<i64> {
    of.sort_unstable();
    of.get(of.len().checked_sub(1)? / 2).copied()
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
    use crate::domain::time::Weekday;

    fn calendar(closed: &[Date]) -> Calendar {
        Calendar {
            first: Date::ymd(2026, 8, 10),
            last: Date::ymd(2027, 5, 28),
            weekdays: Weekday::ALL[..5].to_vec(),
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
    fn the_clock_of_a_vacancy_runs_from_its_opening_over_instructional_days() {
        let at = |day: u32| format!("2026-09-{day:02}T18:00:00Z").parse::<DateTime<Utc>>().expect("an instant");
        let calendar = calendar(&[Date::ymd(2026, 9, 7)]);
        let needed = DateSpan { first: Date::ymd(2026, 8, 10), last: Date::ymd(2027, 5, 28) };
        let of = |steps: &[(Stage, DateTime<Utc>)], now| {
            History { steps, calendar: Some(&calendar), needed, tz: Tz::America__Phoenix }.timers(now)
        };
        let steps = [(Stage::Draft, at(1)), (Stage::Open, at(2)), (Stage::Proposed, at(3))];
        // 2, 3, 4 and 8 September; Labor Day and the weekend are no loss, and today is not over.
        let open = Timers { minutes_to_propose: Some(1440), minutes_to_fill: None, days_lost: 4 };
        assert_eq!(of(&steps, at(9)), open);
        let live = [&steps[..], &[(Stage::Live, at(8)), (Stage::Ending, at(20))]].concat();
        let filled = Timers { minutes_to_propose: Some(1440), minutes_to_fill: Some(6 * 1440), days_lost: 3 };
        assert_eq!(of(&live, at(30)), filled);
        assert_eq!(of(&steps[..1], at(30)), Timers::default());
        // Opened again after it was declined, it has been open since the first time.
        let again = [&steps[..], &[(Stage::Declined, at(4)), (Stage::Open, at(8)), (Stage::Proposed, at(9))]].concat();
        assert_eq!(of(&again, at(10)), Timers { days_lost: 5, ..open });
    }

    #[test]
    fn a_day_is_lost_where_the_school_is() {
        let calendar = calendar(&[]);
        let needed = DateSpan { first: Date::ymd(2026, 9, 1), last: Date::ymd(2026, 9, 30) };
        // Half past ten on Tuesday evening in Phoenix is Wednesday in UTC: Tuesday is not over there.
        let opened: DateTime<Utc> = "2026-09-01T15:00:00Z".parse().expect("an instant");
        let now = "2026-09-02T05:30:00Z".parse().expect("an instant");
        let lost = |tz| {
            let steps = [(Stage::Open, opened)];
            History { steps: &steps, calendar: Some(&calendar), needed, tz }.lost(now)
        };
        assert_eq!((lost(Tz::America__Phoenix), lost(Tz::UTC)), (vec![], vec![Date::ymd(2026, 9, 1)]));
    }

    #[test]
    fn many_are_summed_up_by_the_one_in_the_middle() {
        let one = |propose, fill, days_lost| Timers { minutes_to_propose: propose, minutes_to_fill: fill, days_lost };
        let all = [one(Some(10), Some(90), 2), one(Some(30), None, 5), one(None, None, 1), one(Some(20), Some(40), 0)];
        let expected = Summary {
            vacancies: 4,
            filled: 2,
            median_minutes_to_propose: Some(20),
            median_minutes_to_fill: Some(40),
            days_lost: 8,
        };
        assert_eq!(summary(&all), expected);
        assert_eq!(summary(&[]), Summary::default());
    }
}
