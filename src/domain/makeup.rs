//! When a missed session can be made up: times that are free for the student and the educator, inside the service's
//! windows, on days of school, on both clocks.

use serde::Serialize;
use utoipa::ToSchema;

use super::calendar::{DateSpan, SchoolDay};
use super::educator::Availability;
use super::id::EducatorId;
use super::need::ServiceWindow;
use super::time::{Clock, Date, Tz, UtcMinute, from_utc, instant, to_utc};

/// A time that is free for both, on the school's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Slot {
    /// Who would hold it.
    #[schema(value_type = uuid::Uuid)]
    pub educator_id: EducatorId,
    pub held_on: Date,
    pub starts: Clock,
    pub ends: Clock,
    /// The school's zone.
    #[schema(value_type = String)]
    pub tz: Tz,
    pub starts_at: chrono::DateTime<chrono::Utc>,
}

/// An educator as a slot must suit them.
#[derive(Clone, Debug)]
pub struct Free<'e> {
    pub id: EducatorId,
    pub tz: Tz,
    pub availability: &'e [Availability],
    pub away: &'e [DateSpan],
    /// Spans in which a license and a clearance cover the service.
    pub licensed: &'e [DateSpan],
    /// Free minutes between any two meetings.
    pub buffer: i64,
    /// Meetings as instants, `[from, to)`.
    pub busy: &'e [(UtcMinute, UtcMinute)],
}

/// What is to be made up, and where.
#[derive(Clone, Debug)]
pub struct Missing<'m> {
    pub minutes: i64,
    pub tz: Tz,
    pub windows: &'m [ServiceWindow],
    /// Starts lie on multiples of this on the school's clock.
    pub grid: i64,
    /// When the student is elsewhere, `[from, to)`.
    pub student_busy: &'m [(UtcMinute, UtcMinute)],
}

/// The first slots after `after` that suit everybody: at most `most`, and two on one day.
#[must_use]
pub fn slots(
    missing: &Missing<'_>,
    days: &[SchoolDay<'_>],
    educator: &Free<'_>,
    after: UtcMinute,
    most: usize,
) -> Vec<Slot> {
    const ON_A_DAY: usize = 2;
    let mut found = Vec::new();
    for day in days {
        let windows = missing.windows.iter().filter(|window| window.days.iter().any(|name| day.is(name)));
        let starts = windows.flat_map(|window| starts(window, missing));
        let mut fitting: Vec<Slot> =
            starts.filter_map(|start| slot(missing, day.date, start, educator, after)).collect();
        fitting.sort_by_key(|slot| slot.starts);
        fitting.dedup();
        // Two that overlap each other are one offer.
        let mut until = None;
        let mut apart = fitting.into_iter().filter(|slot| {
            let apart = until.is_none_or(|until| until <= slot.starts);
            if apart {
                until = Some(slot.ends);
            }
            apart
        });
        found.extend(apart.by_ref().take(ON_A_DAY));
        if found.len() >= most {
            found.truncate(most);
            break;
        }
    }
    found
}

/// The slot that begins on this date at this time, if it suits everybody.
#[must_use]
pub fn slot_at(
    missing: &Missing<'_>,
    days: &[SchoolDay<'_>],
    educator: &Free<'_>,
    after: UtcMinute,
    (on, at): (Date, Clock),
) -> Option<Slot> {
    let day = days.iter().find(|day| day.date == on)?;
    let mut windows = missing.windows.iter().filter(|window| window.days.iter().any(|name| day.is(name)));
    let fits = windows.any(|window| starts(window, missing).any(|start| start == at.minutes()));
    fits.then(|| slot(missing, on, at.minutes(), educator, after)).flatten()
}

/// Minutes of the day at which a session may begin in a window.
fn starts(window: &ServiceWindow, missing: &Missing<'_>) -> impl Iterator<Item = u16> {
    let grid = u16::try_from(missing.grid).unwrap_or(1).max(1);
    let (from, to) = (window.start.minutes(), i64::from(window.end.minutes()));
    let minutes = missing.minutes;
    (from.div_ceil(grid) * grid..1440)
        .step_by(usize::from(grid))
        .take_while(move |start| i64::from(*start) + minutes <= to)
}

fn slot(missing: &Missing<'_>, date: Date, start: u16, educator: &Free<'_>, after: UtcMinute) -> Option<Slot> {
    let from = to_utc(missing.tz, date, start);
    let to = from + missing.minutes;
    let overlaps = |busy: &[(UtcMinute, UtcMinute)], margin: i64| {
        busy.iter().any(|(begins, ends)| *begins < to + margin && *ends > from - margin)
    };
    let (local, at) = from_utc(educator.tz, from);
    let until = i64::from(at) + missing.minutes;
    let available = educator.availability.iter().any(|stretch| {
        stretch.days.contains(&local.weekday())
            && stretch.start.minutes() <= at
            && until <= i64::from(stretch.end.minutes())
    });
    let away = educator.away.iter().any(|span| span.contains(date) || span.contains(local));
    let licensed = educator.licensed.iter().any(|span| span.contains(date));
    let free = from >= after
        && available
        && licensed
        && !away
        && !overlaps(educator.busy, educator.buffer)
        && !overlaps(missing.student_busy, 0);
    let end = u16::try_from(i64::from(start) + missing.minutes).ok().and_then(Clock::from_minutes)?;
    free.then_some(Slot {
        educator_id: educator.id,
        held_on: date,
        starts: Clock::from_minutes(start)?,
        ends: end,
        tz: missing.tz,
        starts_at: instant(from),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RecordId as _;
    use crate::domain::time::Weekday;

    fn clock(text: &str) -> Clock {
        text.parse().expect("a clock")
    }

    fn day(date: Date) -> SchoolDay<'static> {
        SchoolDay { date, cycle_day: None, cycle_pass: 0, nth: 1 }
    }

    #[test]
    fn a_slot_is_free_on_both_clocks_and_in_every_calendar() {
        let monday = Date::ymd(2026, 11, 9);
        let windows =
            [ServiceWindow { days: vec!["mon".into(), "tue".into()], start: clock("13:00"), end: clock("15:00") }];
        let available =
            [Availability { days: vec![Weekday::Mon, Weekday::Tue], start: clock("11:00"), end: clock("12:30") }];
        let new_york = |date, at| to_utc(Tz::America__New_York, date, at);
        // The student has a class until 13:15, the educator another session at 14:00.
        let student = [(new_york(monday, 770), new_york(monday, 795))];
        let busy = [(new_york(monday, 840), new_york(monday, 870))];
        let missing =
            Missing { minutes: 30, tz: Tz::America__New_York, windows: &windows, grid: 15, student_busy: &student };
        let year = [DateSpan { first: Date::ymd(2026, 7, 1), last: Date::ymd(2027, 6, 30) }];
        let educator = Free {
            id: EducatorId::fresh(),
            tz: Tz::America__Phoenix,
            availability: &available,
            away: &[],
            licensed: &year,
            buffer: 10,
            busy: &busy,
        };
        let days = [day(monday), day(monday.plus_days(1))];
        let at = |educator: &Free<'_>| -> Vec<String> {
            let found = slots(&missing, &days, educator, new_york(monday, 0), 10);
            found.iter().map(|slot| format!("{} {}-{}", slot.held_on, slot.starts, slot.ends)).collect()
        };
        // Phoenix is two hours behind: her 11:00 to 12:30 is 13:00 to 14:30 here.
        let monday_slots = ["2026-11-09 13:15-13:45"];
        let tuesday_slots = ["2026-11-10 13:00-13:30", "2026-11-10 13:30-14:00"];
        assert_eq!(at(&educator), [&monday_slots[..], &tuesday_slots].concat());
        let away = [DateSpan { first: monday, last: monday }];
        assert_eq!(at(&Free { away: &away, ..educator.clone() }), tuesday_slots);
        let at_once = |on, at| slot_at(&missing, &days, &educator, new_york(monday, 0), (on, clock(at))).is_some();
        assert!(at_once(monday, "13:15") && at_once(monday.plus_days(1), "13:15"), "also what is not proposed");
        for (on, at) in [(monday, "13:00"), (monday, "13:20"), (monday, "14:15"), (monday.plus_days(2), "13:15")] {
            assert!(!at_once(on, at), "{on} {at}");
        }
        let ended = [DateSpan { first: Date::ymd(2026, 7, 1), last: monday }];
        assert_eq!(at(&Free { licensed: &ended, ..educator.clone() }), monday_slots);
    }
}
