//! iTIP (RFC 5546): a run of meetings as the invitation to it, its update, or its cancellation.
//!
//! A run is one event that repeats every week, because Outlook knows no lists of dates (RDATE): the usual time on the
//! usual weekdays, less the days on which it is not held, and each day at another time as an exception to it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use icalendar::{Component as _, Event, EventLike as _, EventStatus, Property};

use super::ics::{calendar, local, plain, with_zones};
use crate::domain::mail::{Change, Series, Span, Told};
use crate::domain::time::{Date, Weekday, instant, to_utc};

/// What is asked of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Request,
    Cancel,
}

impl Method {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "REQUEST",
            Self::Cancel => "CANCEL",
        }
    }
}

impl From<&Change> for Method {
    fn from(change: &Change) -> Self {
        if *change == Change::Gone { Self::Cancel } else { Self::Request }
    }
}

/// Who invites and who is invited, by mail address.
#[derive(Clone, Copy, Debug)]
pub struct Parties<'p> {
    pub organizer: &'p str,
    pub attendee: &'p str,
}

/// The calendar object, with line ends as the standard wants them; none for a run without meetings.
#[must_use]
pub fn message(told: &Told, parties: Parties<'_>, at: DateTime<Utc>) -> Option<String> {
    let series = &told.series;
    let (first, last) = (*series.meetings.keys().next()?, *series.meetings.keys().next_back()?);
    let usual = usual(series)?;
    let method = Method::from(&told.change);
    let mut calendar = calendar("-//Bellwether//Invitations//EN");
    calendar.append_property(Property::new("METHOD", method.name()));
    let mut whole = event(told, method, parties, at, first, usual);
    if method == Method::Request {
        let days: BTreeSet<Weekday> = series.meetings.keys().map(|on| on.weekday()).collect();
        let codes: Vec<String> = days.iter().map(|day| day.name()[..2].to_uppercase()).collect();
        // In UTC, because the start has a zone (RFC 5545 §3.3.10).
        let until = instant(to_utc(series.tz, last, usual.starts.minutes())).format("%Y%m%dT%H%M%SZ");
        whole.add_property("RRULE", format!("FREQ=WEEKLY;UNTIL={until};BYDAY={}", codes.join(",")));
        let all = (0..).map(|n| first.plus_days(n)).take_while(|on| *on <= last);
        for on in all.filter(|on| days.contains(&on.weekday()) && !series.meetings.contains_key(on)) {
            whole.append_multi_property(zoned("EXDATE", series, on, usual));
        }
    }
    calendar.push(whole.done());
    if method == Method::Request {
        for (&on, &span) in series.meetings.iter().filter(|(_, span)| **span != usual) {
            let mut exception = event(told, method, parties, at, on, span);
            exception.append_property(zoned("RECURRENCE-ID", series, on, usual));
            calendar.push(exception.done());
        }
    }
    Some(with_zones(&calendar.to_string(), &[series.tz], Some((first, last))))
}

/// The time at which most meetings are held; of equally many the earliest.
fn usual(series: &Series) -> Option<Span> {
    let mut counts: BTreeMap<(u16, u16), (usize, Span)> = BTreeMap::new();
    for span in series.meetings.values() {
        counts.entry((span.starts.minutes(), span.ends.minutes())).or_insert((0, *span)).0 += 1;
    }
    counts.into_values().rev().max_by_key(|(count, _)| *count).map(|(_, span)| span)
}

fn event(told: &Told, method: Method, parties: Parties<'_>, at: DateTime<Utc>, on: Date, span: Span) -> Event {
    let series = &told.series;
    let mut event = Event::new();
    event
        .uid(&format!("{}@bellwether", told.uid))
        .sequence(u32::try_from(told.sequence).unwrap_or(u32::MAX))
        .timestamp(at)
        .starts(local(series.tz, on, span.starts))
        .ends(local(series.tz, on, span.ends))
        .summary(&plain(&series.title))
        .location(&plain(&series.place))
        .status(if method == Method::Cancel { EventStatus::Cancelled } else { EventStatus::Confirmed });
    event.append_property(Property::new("ORGANIZER", format!("mailto:{}", plain(parties.organizer))));
    let mut attendee = Property::new("ATTENDEE", format!("mailto:{}", plain(parties.attendee)));
    // Nobody reads replies: the schedule is changed through the office.
    attendee.add_parameter("RSVP", "FALSE").add_parameter("PARTSTAT", "NEEDS-ACTION");
    event.append_multi_property(attendee);
    event
}

fn zoned(name: &str, series: &Series, on: Date, span: Span) -> Property {
    let minutes = span.starts.minutes();
    let stamp = format!("{}T{:02}{:02}00", on.format("%Y%m%d"), minutes / 60, minutes % 60);
    let mut property = Property::new(name, stamp);
    property.add_parameter("TZID", series.tz.name());
    property
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{Clock, Tz};
    use calcard::icalendar::ICalendar;
    use uuid::Uuid;

    fn told(days: &[(u32, &str)], sequence: i64, change: Change) -> Told {
        let span = |starts: &str| {
            let starts: Clock = starts.parse().expect("a clock");
            Span { starts, ends: Clock::from_minutes(starts.minutes() + 45).expect("a clock") }
        };
        let meetings = days.iter().map(|(day, starts)| (Date::ymd(2026, 9, *day), span(starts))).collect();
        let series =
            Series { title: "Algebra I".into(), place: "Lincoln High".into(), tz: Tz::America__New_York, meetings };
        Told { uid: Uuid::nil(), sequence, series, change }
    }

    const US: Parties<'_> = Parties { organizer: "office@vendor.example", attendee: "ana@educator.example" };

    #[test]
    fn a_run_is_a_weekly_rule_less_the_days_off_and_with_its_odd_hours() {
        // Mondays and Wednesdays at one, not on Labor Day, and early on the 16th.
        let days = [(2, "13:00"), (9, "13:00"), (14, "13:00"), (16, "11:00"), (21, "13:00")];
        let text = message(&told(&days, 0, Change::New), US, DateTime::UNIX_EPOCH).expect("has meetings");
        let text = text.replace("\r\n ", "");
        for line in [
            "METHOD:REQUEST",
            "DTSTART;TZID=America/New_York:20260902T130000",
            "RRULE:FREQ=WEEKLY;UNTIL=20260921T170000Z;BYDAY=MO,WE",
            "EXDATE;TZID=America/New_York:20260907T130000",
            "RECURRENCE-ID;TZID=America/New_York:20260916T130000",
            "DTSTART;TZID=America/New_York:20260916T110000",
            "ORGANIZER:mailto:office@vendor.example",
            "STATUS:CONFIRMED",
        ] {
            assert!(text.contains(&format!("\r\n{line}\r\n")), "{line}\n{text}");
        }
        assert_eq!((text.matches("\r\nEXDATE").count(), text.matches("BEGIN:VEVENT").count()), (1, 2), "{text}");
        assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 1);
        assert!(ICalendar::parse(&text).is_ok());
    }

    /// Golden vector 25 of the domain research.
    #[test]
    fn an_update_keeps_the_uid_and_raises_the_sequence_and_a_cancellation_says_so_twice() {
        let read = |told: &Told| message(told, US, DateTime::UNIX_EPOCH).expect("has meetings");
        let first = read(&told(&[(2, "13:00")], 0, Change::New));
        let changed = Change::Changed { added: vec![], dropped: vec![], moved: vec![Date::ymd(2026, 9, 2)] };
        let update = read(&told(&[(2, "14:00")], 1, changed));
        let end = read(&told(&[(2, "14:00")], 2, Change::Gone));
        for (text, sequence, method, status) in
            [(first, 0, "REQUEST", "CONFIRMED"), (update, 1, "REQUEST", "CONFIRMED"), (end, 2, "CANCEL", "CANCELLED")]
        {
            assert!(text.contains(&format!("UID:{}@bellwether\r\n", Uuid::nil())), "{text}");
            assert!(text.contains(&format!("SEQUENCE:{sequence}\r\n")), "{text}");
            assert!(text.contains(&format!("METHOD:{method}\r\n")), "{text}");
            assert_eq!(text.matches("PRODID:").count(), 1, "{text}");
            assert!(text.contains(&format!("STATUS:{status}\r\n")), "{text}");
        }
    }
}
