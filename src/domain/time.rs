//! Dates, clock times, weekdays and zones as schools write them, and the one conversion to instants.
//!
//! School wall time is the truth; an instant is derived from it with the zone database that is
//! compiled in ([`TZDB_VERSION`]). This file owns the only reading of the system clock ([`now`]).

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, Offset, TimeZone, Timelike, Utc};
pub use chrono_tz::{OffsetComponents, OffsetName, Tz};
/// The version of the zone database that every derived instant was computed with.
pub const TZDB_VERSION: &str = chrono_tz::IANA_TZDB_VERSION;

/// Minutes in a day; also the largest [`Clock`], `24:00`.
pub const DAY_MINUTES: u16 = 1440;

/// Minutes since 1970-01-01T00:00Z.
pub type UtcMinute = i64;

/// The present instant, cut to microseconds (what both databases keep). The only clock of the program.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> DateTime<Utc> {
    let now = Utc::now();
    now.with_nanosecond(now.nanosecond() / 1000 * 1000).unwrap_or(now)
}

/// A local calendar date, written `YYYY-MM-DD` and in no other way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub NaiveDate);

impl Date {
    /// The date of a year, month and day that are known to exist (for constants and tests).
    ///
    /// # Panics
    /// If there is no such date.
    #[must_use]
    pub fn ymd(year: i32, month: u32, day: u32) -> Self {
        Self(NaiveDate::from_ymd_opt(year, month, day).expect("a date that exists"))
    }

    #[must_use]
    pub fn weekday(self) -> Weekday {
        Weekday::ALL[self.0.weekday().num_days_from_monday() as usize]
    }

    /// Days since 1970-01-01; the difference of two is a number of days.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0.signed_duration_since(NaiveDate::default()).num_days()
    }

    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self(self.0 + Duration::days(days))
    }

    /// The same day so many years earlier; of February 29th the 28th where there is none.
    #[must_use]
    pub fn years_before(self, years: i64) -> Self {
        let months = u32::try_from(years.saturating_mul(12)).unwrap_or(0);
        Self(self.0.checked_sub_months(chrono::Months::new(months)).unwrap_or(NaiveDate::MIN))
    }

    /// Monday of the week this date lies in.
    #[must_use]
    pub fn monday(self) -> Self {
        self.plus_days(-(self.weekday() as i64))
    }
}

impl Deref for Date {
    type Target = NaiveDate;
    fn deref(&self) -> &NaiveDate {
        &self.0
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Date {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(|(n, b)| if n == 4 || n == 7 { b == b'-' } else { b.is_ascii_digit() });
        shaped
            .then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a date of the form YYYY-MM-DD"))
    }
}

/// A wall-clock time in minutes after midnight, written `HH:MM`, from `00:00` to `24:00` inclusive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clock(u16);

impl Clock {
    #[must_use]
    pub fn from_minutes(minutes: u16) -> Option<Self> {
        (minutes <= DAY_MINUTES).then_some(Self(minutes))
    }

    #[must_use]
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Clock {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is not a clock time of the form HH:MM between 00:00 and 24:00");
        let bytes = text.as_bytes();
        if bytes.len() != 5 || bytes[2] != b':' {
            return Err(refuse());
        }
        let digit = |n: usize| bytes[n].is_ascii_digit().then(|| u16::from(bytes[n] - b'0')).ok_or_else(refuse);
        let (hours, minutes) = (digit(0)? * 10 + digit(1)?, digit(3)? * 10 + digit(4)?);
        if minutes > 59 {
            return Err(refuse());
        }
        Self::from_minutes(hours * 60 + minutes).ok_or_else(refuse)
    }
}

/// A day of the week, written `mon` … `sun`; weeks begin on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    #[must_use]
    pub fn name(self) -> &'static str {
        ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][self as usize]
    }

    /// As people read it: `Mon`.
    #[must_use]
    pub fn title(self) -> &'static str {
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][self as usize]
    }
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Weekday {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|day| day.name() == text)
            .ok_or_else(|| format!("{text:?} is not a weekday; use mon, tue, wed, thu, fri, sat or sun"))
    }
}

/// Serialize through `Display`, deserialize through `FromStr`.
macro_rules! serde_as_text {
    ($($name:ty),+) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
pub(crate) use serde_as_text;
serde_as_text!(Date, Clock, Weekday);

/// The UTC offset, in minutes, of a wall time at a place.
///
/// A wall time that a spring-forward gap skips takes the offset before the change; one that an
/// autumn fold repeats takes its first reading (`spec/problem.md` §5; Python's `fold=0`).
#[must_use]
pub fn offset_minutes(zone: Tz, local: NaiveDateTime) -> i64 {
    // Walk back until the wall time exists: the longest gap on record is a whole day (Apia, 2011).
    (0..=26)
        .find_map(|hours| zone.offset_from_local_datetime(&(local - Duration::hours(hours))).earliest())
        .map_or(0, |offset| i64::from(offset.fix().local_minus_utc()).div_euclid(60))
}

/// The instant of minute `at` (0 ≤ at, may pass midnight) after local midnight of `date` in `zone`.
#[must_use]
pub fn to_utc(zone: Tz, date: Date, at: u16) -> UtcMinute {
    let local = date.0.and_time(chrono::NaiveTime::MIN) + Duration::minutes(i64::from(at));
    date.number() * i64::from(DAY_MINUTES) + i64::from(at) - offset_minutes(zone, local)
}

/// The local date and minute of the day of an instant in `zone`.
#[must_use]
pub fn from_utc(zone: Tz, at: UtcMinute) -> (Date, u16) {
    let local = instant(at).with_timezone(&zone).naive_local();
    let minute = local.hour() * 60 + local.minute();
    (Date(local.date()), u16::try_from(minute).unwrap_or(0))
}

/// Part of a day as people in the United States read it, from minutes after midnight: `9:05–9:50 AM`, and across noon
/// `11:45 AM–12:15 PM`.
#[must_use]
pub fn spoken(start: i64, end: i64) -> String {
    let clock = |at: i64| format!("{}:{:02}", (at / 60 + 11).rem_euclid(12) + 1, at.rem_euclid(60));
    let half = |at: i64| if at.rem_euclid(i64::from(DAY_MINUTES)) < 720 { "AM" } else { "PM" };
    let begins = if half(start) == half(end) { clock(start) } else { format!("{} {}", clock(start), half(start)) };
    format!("{begins}–{} {}", clock(end), half(end))
}

/// A minute count as a timestamp.
#[must_use]
pub fn instant(at: UtcMinute) -> DateTime<Utc> {
    DateTime::from_timestamp(at.saturating_mul(60), 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_clocks_have_one_spelling() {
        assert_eq!("2026-08-10".parse::<Date>().map(|d| d.to_string()), Ok("2026-08-10".into()));
        for bad in ["2026-8-10", " 2026-08-10", "2026-02-30", "+026-08-10", "20260810", ""] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
        assert_eq!("24:00".parse::<Clock>().map(Clock::minutes), Ok(1440));
        for bad in ["24:01", "7:30", "07:60", "0730", "07:3a", "٠٧:٣٠"] {
            assert!(bad.parse::<Clock>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_span_of_a_day_is_spoken_on_a_clock_of_twelve_hours() {
        let said = [(545, 590), (705, 735), (720, 750), (0, 60), (1380, 1440)].map(|(start, end)| spoken(start, end));
        assert_eq!(said, ["9:05–9:50 AM", "11:45 AM–12:15 PM", "12:00–12:30 PM", "12:00–1:00 AM", "11:00 PM–12:00 AM"]);
    }

    #[test]
    fn a_gap_takes_the_offset_before_and_a_fold_its_first_reading() {
        let new_york = Tz::America__New_York;
        // 2027-03-14 02:30 does not exist; before the change New York is at UTC-5.
        assert_eq!(to_utc(new_york, Date::ymd(2027, 3, 14), 150), to_utc(Tz::UTC, Date::ymd(2027, 3, 14), 450));
        // 2027-11-07 01:30 exists twice; the first reading is at UTC-4.
        assert_eq!(to_utc(new_york, Date::ymd(2027, 11, 7), 90), to_utc(Tz::UTC, Date::ymd(2027, 11, 7), 330));
        // Apia skipped the whole of 2011-12-30.
        let skipped = to_utc(Tz::Pacific__Apia, Date::ymd(2011, 12, 30), 600);
        assert_eq!(from_utc(Tz::UTC, skipped), (Date::ymd(2011, 12, 30), 1200));
    }

    /// Golden vector 1 of the domain research.
    #[test]
    fn arizona_is_three_hours_behind_new_york_in_summer_and_two_in_winter() {
        for (date, clock) in [
            (Date::ymd(2026, 8, 17), "10:00"),
            (Date::ymd(2026, 10, 30), "10:00"),
            (Date::ymd(2026, 11, 2), "11:00"),
            (Date::ymd(2027, 3, 12), "11:00"),
            (Date::ymd(2027, 3, 15), "10:00"),
        ] {
            let (day, minute) = from_utc(Tz::America__Phoenix, to_utc(Tz::America__New_York, date, 780));
            assert_eq!((day, Clock::from_minutes(minute).map(|c| c.to_string())), (date, Some(clock.into())));
        }
    }
}
