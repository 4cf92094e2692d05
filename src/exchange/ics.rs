//! iCalendar feeds (RFC 5545): dated sessions, on the school's clock, with the definition of its zone.
//!
//! Titles say what and where, never who: no student is named or numbered in a feed.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveTime, Utc};
use icalendar::{Calendar, CalendarDateTime, Component as _, Event, EventLike as _, EventStatus, Property};

use super::vtimezone::vtimezone;
use crate::domain::time::{Clock, DAY_MINUTES, Date, Tz};

/// One line of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Stable as long as the meeting is the same one.
    pub id: String,
    pub sequence: i64,
    pub updated_at: DateTime<Utc>,
    pub held_on: Date,
    pub starts: Clock,
    pub ends: Clock,
    /// The zone of `held_on`, `starts` and `ends`.
    pub tz: Tz,
    pub title: String,
    pub place: String,
}

/// The whole feed as text, with line ends as the standard wants them.
#[must_use]
pub fn feed(name: &str, entries: &[Entry]) -> String {
    // Without METHOD: a published message of iTIP would have to name an organizer of each event (RFC 5546 §3.2.1).
    let mut calendar = calendar("-//Bellwether//Calendar feed//EN");
    calendar.name(&plain(name));
    calendar.append_property(Property::new("REFRESH-INTERVAL;VALUE=DURATION", "PT1H"));
    for entry in entries {
        calendar.push(event(entry));
    }
    let days = || entries.iter().map(|entry| entry.held_on);
    let zones: Vec<Tz> = entries.iter().map(|entry| entry.tz).collect();
    with_zones(&calendar.to_string(), &zones, days().min().zip(days().max()))
}

/// A calendar with what every one must have, once each (RFC 5545 §3.6): the crate's own default names the crate as its
/// maker, and a second name beside it.
pub(super) fn calendar(maker: &str) -> Calendar {
    let mut calendar = Calendar::empty();
    for (name, value) in [("VERSION", "2.0"), ("PRODID", maker), ("CALSCALE", "GREGORIAN")] {
        calendar.append_property(Property::new(name, value));
    }
    calendar
}

/// A calendar's text with the definition of each zone, good for all dates of `span`.
///
/// The crate writes DTSTAMP and UID into every component, which a VTIMEZONE may not have: so it is set in here.
pub(super) fn with_zones(text: &str, zones: &[Tz], span: Option<(Date, Date)>) -> String {
    let names: BTreeMap<&str, Tz> = zones.iter().map(|tz| (tz.name(), *tz)).collect();
    let zones: String =
        span.iter().flat_map(|&(first, last)| names.values().map(move |&tz| vtimezone(tz, first, last))).collect();
    let at = text.find("BEGIN:VEVENT").or_else(|| text.find("END:VCALENDAR")).unwrap_or(text.len());
    format!("{}{zones}{}", &text[..at], &text[at..])
}

/// A clock time of a date, as the calendar of a zone writes it.
pub(super) fn local(tz: Tz, on: Date, clock: Clock) -> CalendarDateTime {
    let days = i64::from(clock.minutes() / DAY_MINUTES);
    let minute = u32::from(clock.minutes() % DAY_MINUTES);
    let time = NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap_or(NaiveTime::MIN);
    CalendarDateTime::WithTimezone { date_time: on.plus_days(days).and_time(time), tzid: tz.name().into() }
}

fn event(entry: &Entry) -> Event {
    let mut event = Event::new();
    event
        .uid(&format!("{}@bellwether", plain(&entry.id)))
        .sequence(u32::try_from(entry.sequence).unwrap_or(u32::MAX))
        .timestamp(entry.updated_at)
        .starts(local(entry.tz, entry.held_on, entry.starts))
        .ends(local(entry.tz, entry.held_on, entry.ends))
        .summary(&plain(&entry.title))
        .location(&plain(&entry.place))
        .status(EventStatus::Confirmed);
    event.add_property("LAST-MODIFIED", entry.updated_at.format("%Y%m%dT%H%M%SZ").to_string());
    event.done()
}

/// One line of text without control characters: what no reader can take for a line of the format.
pub(super) fn plain(text: &str) -> String {
    let visible = |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use calcard::icalendar::ICalendar;

    fn entry(id: &str, date: Date, tz: Tz, title: &str) -> Entry {
        Entry {
            id: id.into(),
            sequence: 2,
            updated_at: DateTime::UNIX_EPOCH,
            held_on: date,
            starts: "13:00".parse().expect("a clock"),
            ends: "13:45".parse().expect("a clock"),
            tz,
            title: title.into(),
            place: "Lincoln Elementary".into(),
        }
    }

    #[test]
    fn a_feed_has_each_zone_once_and_is_read_back_by_another_library() {
        let entries = [
            entry("a", Date::ymd(2026, 11, 2), Tz::America__New_York, "Algebra I"),
            entry("b", Date::ymd(2027, 3, 15), Tz::America__New_York, "Algebra I"),
            entry("c", Date::ymd(2027, 4, 5), Tz::America__Phoenix, "Service session"),
        ];
        let text = feed("An educator's week", &entries);
        let read = ICalendar::parse(&text).expect("a calendar");
        let kinds = |name: &str| read.components.iter().filter(|c| c.component_type.as_str() == name).count();
        assert_eq!((kinds("VTIMEZONE"), kinds("VEVENT")), (2, 3));
        assert!(text.contains("DTSTART;TZID=America/New_York:20261102T130000\r\n"), "{text}");
        assert!(text.contains("UID:a@bellwether\r\n"));
        assert_eq!(text.matches("DTSTAMP").count(), 3, "a zone has no stamp");
        for once in ["VERSION:", "PRODID:", "CALSCALE:"] {
            assert_eq!(text.matches(&format!("\r\n{once}")).count(), 1, "{text}");
        }
        assert!(!text.contains("METHOD"), "nobody is invited by a feed");
    }

    #[test]
    fn no_title_can_add_a_line_to_the_format() {
        let hostile = "x\r\nBEGIN:VALARM\nTRIGGER:0\rEND:VALARM\u{2028};,\\\"\u{0}é";
        let text = feed(hostile, &[entry("a\r\nb", Date::ymd(2026, 11, 2), Tz::America__New_York, hostile)]);
        assert!(text.lines().all(|line| line.len() <= 75), "folded at 75 octets");
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
        // The first line of all begins without a line before it.
        assert_eq!(text.matches("\r\nBEGIN:").count() + 1, text.matches("\r\nEND:").count());
        assert!(!text.contains("\r\nBEGIN:VALARM"));
        assert!(ICalendar::parse(&text).is_ok());
    }
}
