//! Splits a line into session plans that the problem format can carry: at most five a week, four a month, or some in
//! each pass of the school's cycle.

use super::{Form, Interval, LineIssue};
use crate::domain::need::Per;

/// One row of a problem: so many sessions of so many minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Plan {
    pub times: i64,
    pub per: Per,
    pub minutes: i64,
}

/// How many weeks of school the longer intervals stand for. A policy, not a law: 180 days are 36 weeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchoolWeeks {
    pub year: i64,
    pub semester: i64,
    pub quarter: i64,
}

impl Default for SchoolWeeks {
    fn default() -> Self {
        Self { year: 36, semester: 18, quarter: 9 }
    }
}

/// Sessions of one plan in a week (a school day holds one) and in a month (the problem's patterns of weeks).
const MOST_A_WEEK: i64 = 5;
const MOST_A_MONTH: i64 = 4;
/// Sessions of one plan in a pass of a cycle whose length the line does not say.
const MOST_A_CYCLE: i64 = 31;
/// Sessions that one line may ask for in an interval, in plans.
const MOST_PLANS: i64 = 6;
/// Longest session that is planned where the split is free.
const LONGEST: i64 = 240;

impl Form {
    /// The plans that together give at least the least of this line, and as little more as plans can.
    ///
    /// `preferred` is the length in minutes of a session where the line leaves the split free.
    pub fn plans(&self, preferred: i64, weeks: SchoolWeeks) -> Result<Vec<Plan>, LineIssue> {
        let plans = match (self.times, self.session) {
            (Some(times), Some(session)) => self.fixed(times, session.least, weeks),
            _ => vec![self.free(preferred, weeks)],
        };
        if plans.len() > usize::try_from(MOST_PLANS).unwrap_or(usize::MAX) {
            return Err(LineIssue {
                code: "L10",
                cause: format!("{self} needs more sessions than a school's weeks have room for"),
                action: "write fewer and longer sessions, or split the line in two",
            });
        }
        match plans.iter().find(|plan| plan.minutes > 1440) {
            None => Ok(plans),
            Some(_) => Err(LineIssue {
                code: "L10",
                cause: format!("{self} needs sessions longer than a day"),
                action: "write more and shorter sessions",
            }),
        }
    }

    fn fixed(&self, times: i64, minutes: i64, weeks: SchoolWeeks) -> Vec<Plan> {
        let split = |times: i64, most: i64, per: Per| -> Vec<Plan> {
            let full = usize::try_from(times / most).unwrap_or(0).min(100);
            let rest = (times % most > 0).then_some(times % most);
            let each = std::iter::repeat_n(most, full).chain(rest);
            each.map(|times| Plan { times, per, minutes }).collect()
        };
        match self.interval {
            Interval::Day => {
                let a_day = usize::try_from(times).unwrap_or(0).min(100);
                vec![Plan { times: MOST_A_WEEK, per: Per::Week, minutes }; a_day]
            }
            Interval::Week => split(times, MOST_A_WEEK, Per::Week),
            Interval::Month => split(times, MOST_A_MONTH, Per::Month),
            Interval::Cycle => split(times, self.cycle_days.unwrap_or(MOST_A_CYCLE), Per::Cycle),
            Interval::Quarter | Interval::Semester | Interval::Year => {
                let span = self.weeks(weeks);
                // So many a week and the rest by the month: the least that is not too few.
                let enough = |(weekly, monthly): &(i64, i64)| weekly * span + monthly * span / 4 >= times;
                let ways =
                    (0..=MOST_A_WEEK * MOST_PLANS).flat_map(|weekly| (0..=MOST_A_MONTH).map(move |m| (weekly, m)));
                let (weekly, monthly) = ways
                    .filter(enough)
                    .min_by_key(|(weekly, monthly)| (weekly * span + monthly * span / 4, *monthly))
                    .unwrap_or((MOST_A_WEEK * (MOST_PLANS + 1), 0));
                [split(weekly, MOST_A_WEEK, Per::Week), split(monthly, MOST_A_MONTH, Per::Month)].concat()
            }
        }
    }

    /// The one plan that comes nearest to the preferred length of a session, exact where it can be.
    fn free(&self, preferred: i64, weeks: SchoolWeeks) -> Plan {
        let total = self.total.least;
        let weekly = |span: i64| (1..=MOST_A_WEEK).map(move |times| (Per::Week, times, times * span));
        let monthly = |span: i64| (1..=MOST_A_MONTH).map(move |times| (Per::Month, times, times * span / 4));
        let ways: Vec<(Per, i64, i64)> = match self.interval {
            Interval::Day => vec![(Per::Week, MOST_A_WEEK, 1)],
            Interval::Week => weekly(1).collect(),
            Interval::Month => monthly(4).collect(),
            Interval::Cycle => {
                (1..=self.cycle_days.unwrap_or(MOST_A_WEEK)).map(|times| (Per::Cycle, times, times)).collect()
            }
            Interval::Quarter | Interval::Semester | Interval::Year => {
                let span = self.weeks(weeks);
                weekly(span).chain(monthly(span)).collect()
            }
        };
        let plan = |(per, times, sessions): (Per, i64, i64)| {
            let sessions = sessions.max(1);
            let minutes = (total + sessions - 1) / sessions;
            let off = (minutes - preferred).abs() + if minutes > LONGEST { 10_000 } else { 0 };
            // A session ten minutes off what was preferred is worse than a few minutes too many.
            (off / 10, minutes * sessions - total, off, Plan { times, per, minutes })
        };
        let best = ways.into_iter().map(plan).min_by_key(|(coarse, waste, off, _)| (*coarse, *waste, *off));
        best.map_or(Plan { times: 1, per: Per::Week, minutes: total }, |(.., plan)| plan)
    }

    fn weeks(&self, weeks: SchoolWeeks) -> i64 {
        let span = match self.interval {
            Interval::Quarter => weeks.quarter,
            Interval::Semester => weeks.semester,
            _ => weeks.year,
        };
        span.clamp(4, 53)
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn plans(text: &str) -> Vec<(i64, Per, i64)> {
        let form = read(text).unwrap_or_else(|issue| panic!("{text}: {issue}"));
        let plans = form.plans(30, SchoolWeeks::default()).unwrap_or_else(|issue| panic!("{text}: {issue}"));
        plans.iter().map(|plan| (plan.times, plan.per, plan.minutes)).collect()
    }

    #[test]
    fn every_line_becomes_plans_that_a_problem_can_carry() {
        use Per::{Cycle, Month, Week};
        for (text, expected) in [
            ("30 min 2×/week", vec![(2, Week, 30)]),
            ("7 x 20 min per week", vec![(5, Week, 20), (2, Week, 20)]),
            ("6Mx30ST", vec![(4, Month, 30), (2, Month, 30)]),
            ("8 x 30 min/month", vec![(4, Month, 30), (4, Month, 30)]),
            ("2 x 15 min daily", vec![(5, Week, 15), (5, Week, 15)]),
            ("60 min/week", vec![(2, Week, 30)]),
            ("850 min/week", vec![(5, Week, 170)]),
            ("120 min/month", vec![(4, Month, 30)]),
            ("1,080 min/year", vec![(1, Week, 30)]),
            ("18 sessions/semester, 30 min", vec![(1, Week, 30)]),
            ("40 x 30 min/year", vec![(1, Week, 30), (1, Month, 30)]),
            ("7 x 30 min per 6-day cycle", vec![(6, Cycle, 30), (1, Cycle, 30)]),
            ("90 min per 6-day cycle", vec![(3, Cycle, 30)]),
            ("30-45 min 3x/week", vec![(3, Week, 30)]),
        ] {
            assert_eq!(plans(text), expected, "{text}");
        }
    }

    #[test]
    fn plans_never_give_less_than_the_line_owes() {
        let weeks = SchoolWeeks::default();
        for total in (10..2000).step_by(7) {
            for interval in [Interval::Week, Interval::Month, Interval::Semester, Interval::Year] {
                let form = Form::minutes(crate::domain::line::Minutes::exactly(total), interval);
                let Ok(plans) = form.plans(30, weeks) else { continue };
                let span = match interval {
                    Interval::Week => 1,
                    Interval::Month => 4,
                    Interval::Semester => 18,
                    _ => 36,
                };
                let sessions =
                    |plan: &Plan| if plan.per == Per::Week { plan.times * span } else { plan.times * span / 4 };
                let given: i64 = plans.iter().map(|plan| plan.minutes * sessions(plan)).sum();
                assert!(given >= total, "{total} {interval:?}: {plans:?}");
            }
        }
    }

    #[test]
    fn what_no_school_week_has_room_for_is_refused() {
        for text in ["40 x 30 min per week", "9000 min per week"] {
            let form = read(text).expect("reads");
            assert_eq!(form.plans(30, SchoolWeeks::default()).map_err(|issue| issue.code), Err("L10"), "{text}");
        }
    }
}
