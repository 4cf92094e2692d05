//! VTIMEZONE: what a reader that does not know a zone needs in order to show our times in it.
//!
//! Written from the same zone database that derives our instants, one observance for each change of clocks
//! near the dated sessions. (The one crate that ships ready texts is GPL, and lags a tzdb release behind.)

use std::fmt::Write as _;

use chrono::{Duration, NaiveDateTime, Offset as _, TimeZone as _};

use crate::domain::time::{Date, OffsetComponents as _, OffsetName as _, Tz};

/// The component for `tz`, good for every date from `first` to `last`.
#[must_use]
pub fn vtimezone(tz: Tz, first: Date, last: Date) -> String {
    // From a year before, so that a reader finds an observance in force at the first date.
    let (mut at, end) = (midnight(first.plus_days(-366)), midnight(last.plus_days(2)));
    let mut text = format!("BEGIN:VTIMEZONE\r\nTZID:{}\r\n", tz.name());
    observance(&mut text, tz, at, at, at);
    while at < end {
        let next = at + Duration::days(1);
        if seconds(tz, at) != seconds(tz, next) {
            let change = first_after(tz, at, next);
            // The change happens at a wall time of the offset before it.
            observance(
                &mut text,
                tz,
                change - Duration::seconds(1),
                change,
                change + Duration::seconds(i64::from(seconds(tz, at))),
            );
        }
        at = next;
    }
    text + "END:VTIMEZONE\r\n"
}

fn midnight(date: Date) -> NaiveDateTime {
    date.and_time(chrono::NaiveTime::MIN)
}

/// Seconds east of UTC at an instant, given in UTC.
fn seconds(tz: Tz, utc: NaiveDateTime) -> i32 {
    tz.offset_from_utc_datetime(&utc).fix().local_minus_utc()
}

/// The first second after `from` whose offset differs from the one there; there is one up to `to`.
fn first_after(tz: Tz, from: NaiveDateTime, to: NaiveDateTime) -> NaiveDateTime {
    let (mut same, mut changed) = (0, (to - from).num_seconds());
    while changed - same > 1 {
        let middle = i64::midpoint(same, changed);
        if seconds(tz, from + Duration::seconds(middle)) == seconds(tz, from) {
            same = middle;
        } else {
            changed = middle;
        }
    }
    from + Duration::seconds(changed)
}

/// The clock that runs from the instant `utc` on, begun at wall time `starts`; `before` is an instant before it.
fn observance(text: &mut String, tz: Tz, before: NaiveDateTime, utc: NaiveDateTime, starts: NaiveDateTime) {
    let offset = tz.offset_from_utc_datetime(&utc);
    let kind = if offset.dst_offset().is_zero() { "STANDARD" } else { "DAYLIGHT" };
    let name = offset.abbreviation().unwrap_or("LMT");
    let (from, to) = (written(seconds(tz, before)), written(seconds(tz, utc)));
    let starts = starts.format("%Y%m%dT%H%M%S");
    write!(
        text,
        "BEGIN:{kind}\r\nDTSTART:{starts}\r\nTZOFFSETFROM:{from}\r\nTZOFFSETTO:{to}\r\nTZNAME:{name}\r\nEND:{kind}\r\n"
    )
    .expect("writing to a string cannot fail");
}

/// `-0500`; seconds are written where a zone has them.
fn written(seconds: i32) -> String {
    let (sign, s) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let rest = if s % 60 == 0 { String::new() } else { format!("{:02}", s % 60) };
    format!("{sign}{:02}{:02}{rest}", s / 3600, s / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_york_changes_at_two_and_arizona_never() {
        let (first, last) = (Date::ymd(2026, 8, 10), Date::ymd(2027, 6, 18));
        let text = vtimezone(Tz::America__New_York, first, last);
        for line in [
            "TZID:America/New_York",
            "BEGIN:STANDARD\r\nDTSTART:20261101T020000\r\nTZOFFSETFROM:-0400\r\nTZOFFSETTO:-0500\r\nTZNAME:EST",
            "BEGIN:DAYLIGHT\r\nDTSTART:20270314T020000\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0400\r\nTZNAME:EDT",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        let phoenix = vtimezone(Tz::America__Phoenix, first, last);
        assert_eq!(
            (phoenix.matches("BEGIN:STANDARD").count(), phoenix.matches("BEGIN:DAYLIGHT").count()),
            (1, 0),
            "{phoenix}"
        );
    }
}
