//! Dates and times as people in the United States read them, on pages and in mail: a clock of twelve hours, and the
//! zone's abbreviation.

use chrono::{DateTime, Timelike as _, Utc};

use super::time::{self, Clock, Date, Tz, spoken, to_utc};

/// An instant of the program's own doings, which belongs to no school, on its reader's clock.
#[must_use]
pub fn instant(at: DateTime<Utc>, tz: Tz) -> String {
    format!("{} {}", at.with_timezone(&tz).format("%b %-d, %Y, %-I:%M %p"), zone(at, tz))
}

/// `Mon, Nov 9`.
#[must_use]
pub fn day(date: Date) -> String {
    date.format("%a, %b %-d").to_string()
}

/// `November 9, 2026`.
#[must_use]
pub fn long_date(date: Date) -> String {
    date.format("%B %-d, %Y").to_string()
}

/// The zone's abbreviation at an instant: `EST`, or its offset where it has none.
#[must_use]
pub fn zone(at: DateTime<Utc>, tz: Tz) -> String {
    let abbreviation = at.with_timezone(&tz).format("%Z").to_string();
    if abbreviation.starts_with(['+', '-']) { format!("UTC{abbreviation}") } else { abbreviation }
}

/// `1:00 PM EST`: the clock that people in the United States read.
#[must_use]
pub fn time(at: DateTime<Utc>, tz: Tz) -> String {
    format!("{} {}", at.with_timezone(&tz).format("%-I:%M %p"), zone(at, tz))
}

/// `1:00–1:30 PM EST`, and across noon `11:45 AM–12:15 PM EST`.
#[must_use]
pub fn times(from: DateTime<Utc>, to: DateTime<Utc>, tz: Tz) -> String {
    let minutes = |at: DateTime<Utc>| i64::from(at.with_timezone(&tz).num_seconds_from_midnight() / 60);
    format!("{} {}", spoken(minutes(from), minutes(to)), zone(to, tz))
}

/// A meeting on its school's clock: `Fri, Sep 4, 8:00–8:45 AM EDT`.
#[must_use]
pub fn meeting(tz: Tz, on: Date, starts: Clock, ends: Clock) -> String {
    let at = |clock: Clock| time::instant(to_utc(tz, on, clock.minutes()));
    format!("{}, {}", day(on), times(at(starts), at(ends), tz))
}

/// The same hours on several dates, first to last: `1:00–1:45 PM EST`, and where clocks change between them
/// `1:00–1:45 PM EDT/EST`.
#[must_use]
pub fn usual_times(tz: Tz, (first, last): (Date, Date), starts: Clock, ends: Clock) -> String {
    let at = |on: Date| zone(time::instant(to_utc(tz, on, ends.minutes())), tz);
    let hours = spoken(starts.minutes().into(), ends.minutes().into());
    let (before, after) = (at(first), at(last));
    if before == after { format!("{hours} {before}") } else { format!("{hours} {before}/{after}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_with_the_zone_that_holds_on_that_day() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
        let (from, to) = (at("2026-11-09T18:00:00Z"), at("2026-11-09T18:30:00Z"));
        assert_eq!(times(from, to, Tz::America__New_York), "1:00–1:30 PM EST");
        assert_eq!(
            times(at("2026-11-09T16:45:00Z"), at("2026-11-09T17:15:00Z"), Tz::America__New_York),
            "11:45 AM–12:15 PM EST"
        );
        assert_eq!(
            (time(from, Tz::America__Phoenix), times(from, to, Tz::America__Phoenix)),
            ("11:00 AM MST".into(), "11:00–11:30 AM MST".into())
        );
        let summer = at("2026-07-01T13:05:00Z");
        assert_eq!(times(summer, summer + chrono::TimeDelta::minutes(45), Tz::America__New_York), "9:05–9:50 AM EDT");
        assert_eq!(times(from, to, Tz::America__Sao_Paulo), "3:00–3:30 PM UTC-03");
        let said = |tz| instant(at("2026-11-09T00:05:00Z"), tz);
        assert_eq!(said(Tz::UTC), "Nov 9, 2026, 12:05 AM UTC");
        assert_eq!(said(Tz::America__Chicago), "Nov 8, 2026, 6:05 PM CST");
    }

    #[test]
    fn a_meeting_keeps_its_hours_where_the_zone_changes_its_name() {
        let clock = |text: &str| text.parse::<Clock>().expect("a clock");
        let (starts, ends) = (clock("08:00"), clock("08:45"));
        let said = |tz, on| meeting(tz, on, starts, ends);
        assert_eq!(said(Tz::America__New_York, Date::ymd(2026, 9, 4)), "Fri, Sep 4, 8:00–8:45 AM EDT");
        assert_eq!(said(Tz::America__New_York, Date::ymd(2026, 11, 6)), "Fri, Nov 6, 8:00–8:45 AM EST");
        let span = (Date::ymd(2026, 9, 4), Date::ymd(2026, 11, 6));
        let said = [Tz::America__New_York, Tz::America__Phoenix].map(|tz| usual_times(tz, span, starts, ends));
        assert_eq!(said, ["8:00–8:45 AM EDT/EST", "8:00–8:45 AM MST"]);
    }
}
