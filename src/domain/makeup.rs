//! When a missed session can be made up: times that are free for the student and the educator, inside the service's
//! windows, on days of school, on both clocks.

use std::collections::BTreeMap;
use std::fmt;

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
    /// Minutes of meetings by the educator's own dates, of whole weeks (rules H07 and H08).
    pub loads: &'e BTreeMap<Date, i64>,
    pub max_week: i64,
    pub max_day: i64,
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

/// Why a time does not suit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It has begun.
    Past,
    /// The educator teaches no more.
    Inactive,
    /// The service is not owed on that day.
    NotOwed,
    /// No day of school, or not one that is looked at.
    Closed,
    /// Outside the times at which the service may be held, or off the grid.
    Window,
    /// The student is elsewhere.
    Student,
    /// The educator is elsewhere.
    Educator,
    Away,
    Unlicensed,
    /// Not in the educator's hours.
    Hours,
    /// Minutes that the educator would have in the week of the Monday, and may have at most.
    Week(Date, i64, i64),
    /// The same of a day.
    Day(Date, i64, i64),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Past => "it has begun",
            Self::Inactive => "the educator teaches no more",
            Self::NotOwed => "the service is not owed on that day",
            Self::Closed => "it is no day of school in the next weeks",
            Self::Window => "it lies outside the times at which the service may be held",
            Self::Student => "the student has another session or class then",
            Self::Educator => "the educator has another session then, or too little time between",
            Self::Away => "the educator is away",
            Self::Unlicensed => "the educator has no license and clearance for the service on that day",
            Self::Hours => "it lies outside the educator’s hours",
            Self::Week(monday, minutes, most) => {
                return write!(
                    f,
                    "the educator would have {minutes} of at most {most} minutes in the week of {monday}"
                );
            }
            Self::Day(date, minutes, most) => {
                return write!(f, "the educator would have {minutes} of at most {most} minutes on {date}");
            }
        })
    }
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
            starts.filter_map(|start| slot(missing, day.date, start, educator, after).ok()).collect();
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

/// The slot that begins on this date at this time.
///
/// # Errors
/// The first reason for which it does not suit.
pub fn slot_at(
    missing: &Missing<'_>,
    days: &[SchoolDay<'_>],
    educator: &Free<'_>,
    after: UtcMinute,
    (on, at): (Date, Clock),
) -> Result<Slot, Unfit> {
    let day = days.iter().find(|day| day.date == on).ok_or(Unfit::Closed)?;
    let mut windows = missing.windows.iter().filter(|window| window.days.iter().any(|name| day.is(name)));
    if !windows.any(|window| starts(window, missing).any(|start| start == at.minutes())) {
        return Err(Unfit::Window);
    }
    slot(missing, on, at.minutes(), educator, after)
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

fn slot(missing: &Missing<'_>, date: Date, start: u16, educator: &Free<'_>, after: UtcMinute) -> Result<Slot, Unfit> {
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
    let monday = local.monday();
    let loads = educator.loads.range(monday..=monday.plus_days(6));
    let week = loads.map(|(_, minutes)| minutes).sum::<i64>() + missing.minutes;
    let day = educator.loads.get(&local).copied().unwrap_or(0) + missing.minutes;
    let refused = [
        (from < after, Unfit::Past),
        (educator.away.iter().any(|span| span.contains(date) || span.contains(local)), Unfit::Away),
        (!educator.licensed.iter().any(|span| span.contains(date)), Unfit::Unlicensed),
        (!available, Unfit::Hours),
        (overlaps(missing.student_busy, 0), Unfit::Student),
        (overlaps(educator.busy, educator.buffer), Unfit::Educator),
        (day > educator.max_day, Unfit::Day(local, day, educator.max_day)),
        (week > educator.max_week, Unfit::Week(monday, week, educator.max_week)),
    ];
    if let Some((_, why)) = refused.into_iter().find(|(refused, _)| *refused) {
        return Err(why);
    }
    let end = u16::try_from(i64::from(start) + missing.minutes).ok().and_then(Clock::from_minutes);
    Ok(Slot {
        educator_id: educator.id,
        held_on: date,
        starts: Clock::from_minutes(start).ok_or(Unfit::Window)?,
        ends: end.ok_or(Unfit::Window)?,
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
            loads: &BTreeMap::new(),
            max_week: 1500,
            max_day: 1440,
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
        let at_once =
            |on, at| slot_at(&missing, &days, &educator, new_york(monday, 0), (on, clock(at))).map(|slot| slot.held_on);
        for on in [monday, monday.plus_days(1)] {
            assert_eq!(at_once(on, "13:15"), Ok(on), "also what is not proposed");
        }
        for (on, at, why) in [
            (monday, "13:00", Unfit::Student),
            (monday, "13:20", Unfit::Window),
            (monday, "14:15", Unfit::Hours),
            (monday, "13:30", Unfit::Educator),
            (monday.plus_days(2), "13:15", Unfit::Closed),
        ] {
            assert_eq!(at_once(on, at), Err(why), "{on} {at}");
        }
        let ended = [DateSpan { first: Date::ymd(2026, 7, 1), last: monday }];
        assert_eq!(at(&Free { licensed: &ended, ..educator.clone() }), monday_slots);

        // Thirty minutes more than 100 on Tuesday are too many for the day, than 200 in the week for the week.
        let loads = BTreeMap::from([(monday, 100), (monday.plus_days(1), 100), (monday.plus_days(7), 900)]);
        let loaded = |max_week, max_day| Free { loads: &loads, max_week, max_day, ..educator.clone() };
        assert_eq!(at(&loaded(230, 130)), [&monday_slots[..], &tuesday_slots].concat());
        assert_eq!(at(&loaded(229, 130)), [""; 0]);
        let first = (monday, clock("13:15"));
        let refused =
            |free: &Free<'_>| slot_at(&missing, &days, free, new_york(monday, 0), first).expect_err("is refused");
        assert_eq!(refused(&loaded(229, 130)), Unfit::Week(monday, 230, 229));
        assert_eq!(refused(&loaded(229, 129)), Unfit::Day(monday, 130, 129));
    }
}
