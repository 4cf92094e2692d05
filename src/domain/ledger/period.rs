//! The periods over which a line owes minutes, and how much each owes. Knows nothing of sessions.

use chrono::{Datelike, Months};

use super::School;
use crate::domain::calendar::{DateSpan, SchoolDay};
use crate::domain::line::{Form, Interval};
use crate::domain::policy::{Anchor, MinutesPolicy, Policies, ShortRule};
use crate::domain::time::Date;

/// One period of a line. `span` is whole; the line may begin or end inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Says which one it is, and how it was cut: `2026-09`, `week 2026-08-10`, `2026-08-31/2026-09-29`.
    pub id: String,
    pub span: DateSpan,
    pub owed: i64,
    /// School days of the line in it.
    pub days: i64,
    /// How `owed` came about, for the reader of a report.
    pub why: &'static str,
}

/// The periods of a line that runs over `span`, in order, each with what it owes.
///
/// Where periods begin is settled by the policy of the line's first day; what a short one owes by that of its own.
#[must_use]
pub fn periods(form: &Form, span: DateSpan, school: &School, policies: &Policies) -> Vec<Period> {
    let wholes = wholes(form.interval, span, &school.days, policies.on(span.first));
    wholes.into_iter().map(|whole| period(form, whole, span, school, policies)).collect()
}

/// Where the periods lie that touch `span`, each whole, in order. `days` are the school's; weeks and months need none.
#[must_use]
pub fn wholes(interval: Interval, span: DateSpan, days: &[SchoolDay<'_>], policy: &MinutesPolicy) -> Vec<DateSpan> {
    match interval {
        Interval::Day => days.iter().filter(|day| span.contains(day.date)).map(|day| one(day.date)).collect(),
        Interval::Week => weeks(span, policy),
        Interval::Cycle => cycles(span, days),
        Interval::Month => months(span, policy, 1),
        Interval::Quarter => months(span, policy, 3),
        Interval::Semester => months(span, policy, 6),
        Interval::Year => months(span, policy, 12),
    }
}

fn one(date: Date) -> DateSpan {
    DateSpan { first: date, last: date }
}

fn weeks(span: DateSpan, policy: &MinutesPolicy) -> Vec<DateSpan> {
    let weekday = match policy.anchor {
        Anchor::Calendar => policy.week_start,
        Anchor::Anchored => span.first.weekday(),
    };
    let back = (span.first.weekday() as i64 - weekday as i64).rem_euclid(7);
    let mut first = span.first.plus_days(-back);
    let mut found = Vec::new();
    while first <= span.last {
        found.push(DateSpan { first, last: first.plus_days(6) });
        first = first.plus_days(7);
    }
    found
}

fn cycles(span: DateSpan, days: &[SchoolDay<'_>]) -> Vec<DateSpan> {
    let mut found: Vec<(usize, DateSpan)> = Vec::new();
    for day in days {
        match found.last_mut() {
            Some((pass, whole)) if *pass == day.cycle_pass => whole.last = day.date,
            _ => found.push((day.cycle_pass, one(day.date))),
        }
    }
    let touches = |whole: &DateSpan| whole.first <= span.last && whole.last >= span.first;
    found.into_iter().map(|(_, whole)| whole).filter(touches).collect()
}

/// Runs of `length` months. Each is counted from the anchor itself, so that one of the 31st comes back to the 31st
/// after a shorter month.
fn months(span: DateSpan, policy: &MinutesPolicy, length: u32) -> Vec<DateSpan> {
    let anchor = match policy.anchor {
        Anchor::Anchored => span.first,
        // School years, and what divides them, begin on July 1.
        Anchor::Calendar => {
            let since_july = (span.first.month0() + 6) % 12;
            let back = since_july % length;
            let first = Date(span.first.with_day(1).unwrap_or(*span.first));
            Date(first.checked_sub_months(Months::new(back)).unwrap_or(*first))
        }
    };
    let start = |n: u32| anchor.checked_add_months(Months::new(n * length)).map(Date);
    let mut found = Vec::new();
    for n in 0..1200 {
        let (Some(first), Some(next)) = (start(n), start(n + 1)) else { break };
        if first > span.last {
            break;
        }
        found.push(DateSpan { first, last: next.plus_days(-1) });
    }
    found
}

fn period(form: &Form, whole: DateSpan, span: DateSpan, school: &School, policies: &Policies) -> Period {
    let inside = DateSpan { first: whole.first.max(span.first), last: whole.last.min(span.last) };
    let policy = policies.on(inside.first);
    let days = school.open(inside);
    let regular = match form.interval {
        Interval::Day => 1,
        Interval::Cycle => school.cycle_length,
        Interval::Week | Interval::Month => school.regular(whole),
        Interval::Quarter => policy.weeks.quarter * school.week_length(),
        Interval::Semester => policy.weeks.semester * school.week_length(),
        Interval::Year => policy.weeks.year * school.week_length(),
    };
    let total = form.total.least;
    let cut = inside != whole;
    let rule = if cut { policy.partial_period } else { policy.short_period };
    let (owed, why) = if days == 0 {
        (0, "no school day of the line")
    } else if days >= regular {
        (total, "whole")
    } else {
        let (share, of, why) = match (rule, cut) {
            (ShortRule::Full, true) => (1, 1, "cut by the line's dates, owed in full"),
            (ShortRule::Full, false) => (1, 1, "short, owed in full"),
            (ShortRule::Prorate, true) => (days, regular, "cut by the line's dates, by school days"),
            (ShortRule::Prorate, false) => (days, regular, "short, by school days"),
            (ShortRule::WeeksInSession, _) => {
                let of = (regular + school.week_length() - 1) / school.week_length();
                (school.weeks_open(inside).min(of), of, "by weeks in session")
            }
        };
        // A part of a minute is owed as a whole one.
        ((total * share + of - 1) / of.max(1), why)
    };
    Period { id: id(form.interval, whole), span: whole, owed, days, why }
}

fn id(interval: Interval, whole: DateSpan) -> String {
    let month = |date: Date| date.format("%Y-%m").to_string();
    let calendar = whole.first.day() == 1 && whole.last.plus_days(1).day() == 1;
    match interval {
        Interval::Day => whole.first.to_string(),
        Interval::Week => format!("week {}", whole.first),
        Interval::Month if calendar => month(whole.first),
        Interval::Quarter | Interval::Semester | Interval::Year if calendar => {
            format!("{}/{}", month(whole.first), month(whole.last))
        }
        _ => format!("{}/{}", whole.first, whole.last),
    }
}
