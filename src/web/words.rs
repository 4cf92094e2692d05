//! Figures as people read them: dollars, percentages, lengths of time, dates, times with their zone.

use chrono::{DateTime, Timelike as _, Utc};

use crate::domain::time::{Date, Tz, spoken};

/// `1234567` is `1,234,567`.
pub fn count(number: impl TryInto<i64>) -> String {
    let number: i64 = number.try_into().unwrap_or(i64::MAX);
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "−" } else { "" });
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Cents as dollars: `$1,234.50`.
pub fn dollars(cents: i64) -> String {
    let sign = if cents < 0 { "−" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}${}.{:02}", count(i64::try_from(cents / 100).unwrap_or(i64::MAX)), cents % 100)
}

/// A ratio as a percentage, never rounded down to nothing: `0.4 %`, `< 0.01 %`, `0 %`.
pub fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent <= 0.0 {
        return "0 %".into();
    }
    if percent < 0.01 {
        return "< 0.01 %".into();
    }
    let digits = if percent < 1.0 { 2 } else { 1 };
    let text = format!("{percent:.digits$}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `1 section`, `2 sections`.
pub fn plural(number: usize, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A kind of service as people write it: `speech-language` is `Speech language`; `SLP` stays.
pub fn kind(service: &str) -> String {
    let mut letters = service.chars().map(|c| if matches!(c, '-' | '_') { ' ' } else { c });
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Whole seconds as `48 s`, `3 min 20 s`, `2 h 5 min`.
pub fn seconds(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// An instant of the program's own doings, in UTC: it belongs to no school.
pub fn instant(at: DateTime<Utc>) -> String {
    at.format("%b %-d, %Y, %-I:%M %p UTC").to_string()
}

/// `Mon, Nov 9`.
pub fn day(date: Date) -> String {
    date.format("%a, %b %-d").to_string()
}

/// `November 9, 2026`.
pub fn long_date(date: Date) -> String {
    date.format("%B %-d, %Y").to_string()
}

/// `November 9 – 15, 2026`, as short as it can be said.
pub fn week(monday: Date) -> String {
    let sunday = monday.plus_days(6);
    let first = match (monday.format("%Y").to_string() == sunday.format("%Y").to_string(), monday.format("%m")) {
        (true, month) if month.to_string() == sunday.format("%m").to_string() => {
            return format!("{} – {}", monday.format("%B %-d"), sunday.format("%-d, %Y"));
        }
        (true, _) => monday.format("%B %-d"),
        (false, _) => monday.format("%B %-d, %Y"),
    };
    format!("{first} – {}", sunday.format("%B %-d, %Y"))
}

/// The zone's abbreviation at an instant: `EST`, or its offset where it has none.
pub fn zone(at: DateTime<Utc>, tz: Tz) -> String {
    let abbreviation = at.with_timezone(&tz).format("%Z").to_string();
    if abbreviation.starts_with(['+', '-']) { format!("UTC{abbreviation}") } else { abbreviation }
}

/// `1:00 PM EST`: the clock that people in the United States read.
pub fn time(at: DateTime<Utc>, tz: Tz) -> String {
    format!("{} {}", at.with_timezone(&tz).format("%-I:%M %p"), zone(at, tz))
}

/// `1:00–1:30 PM EST`, and across noon `11:45 AM–12:15 PM EST`.
pub fn times(from: DateTime<Utc>, to: DateTime<Utc>, tz: Tz) -> String {
    let minutes = |at: DateTime<Utc>| i64::from(at.with_timezone(&tz).num_seconds_from_midnight() / 60);
    format!("{} {}", spoken(minutes(from), minutes(to)), zone(to, tz))
}

/// The hour of a day as a clock says it: `8 AM`, `12 PM`.
pub fn hour(hour: u16) -> String {
    let half = if hour % 24 < 12 { "AM" } else { "PM" };
    format!("{} {half}", if hour.is_multiple_of(12) { 12 } else { hour % 12 })
}

/// `13:05`, as the engine writes clocks, as people here say it: `1:05 PM`. None if it is no clock.
pub fn clock(text: &str) -> Option<String> {
    let time = chrono::NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| text.len() == 5)?;
    Some(time.format("%-I:%M %p").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_and_counts_have_their_commas() {
        assert_eq!(dollars(123_456_789), "$1,234,567.89");
        assert_eq!((dollars(5), dollars(-100_005)), ("$0.05".into(), "−$1,000.05".into()));
        assert_eq!((count(999), count(1000), plural(1, "need")), ("999".into(), "1,000".into(), "1 need".into()));
    }

    #[test]
    fn a_gap_that_is_not_nothing_never_reads_as_nothing() {
        let said: Vec<String> = [0.0, 0.000_01, 0.004, 0.01, 0.1234, 1.0].map(percent).into();
        assert_eq!(said, ["0 %", "< 0.01 %", "0.4 %", "1 %", "12.3 %", "100 %"]);
    }

    #[test]
    fn a_week_is_said_as_shortly_as_it_can_be() {
        let said: Vec<String> =
            [(2026, 11, 9), (2026, 11, 30), (2026, 12, 28)].map(|(y, m, d)| week(Date::ymd(y, m, d))).into();
        let wanted = ["November 9 – 15, 2026", "November 30 – December 6, 2026", "December 28, 2026 – January 3, 2027"];
        assert_eq!(said, wanted);
    }

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
        assert_eq!([0, 8, 12, 15, 24, 25].map(hour), ["12 AM", "8 AM", "12 PM", "3 PM", "12 AM", "1 AM"]);
        assert_eq!(instant(at("2026-11-09T00:05:00Z")), "Nov 9, 2026, 12:05 AM UTC");
    }

    #[test]
    fn the_clock_of_the_engine_is_said_in_hours_of_half_a_day() {
        let said: Vec<Option<String>> = ["00:05", "12:00", "13:05", "24:00", "9:05", "x"].map(clock).into();
        let clock = |text: &str| Some(text.to_owned());
        assert_eq!(said, [clock("12:05 AM"), clock("12:00 PM"), clock("1:05 PM"), None, None, None]);
    }
}
