//! Made-up districts and schools: states and zones as often as they occur, calendars, cycles and bells as districts publish them.

use std::collections::{BTreeMap, BTreeSet};

use super::draw::Draw;
use crate::domain::calendar::{BellChoice, BellSchedule, Calendar, DateSpan, Period};
use crate::domain::time::{Clock, Date, Tz, Weekday};
use crate::engine::problem::{District, School};

/// A state's postal code, its weight (public-school enrollment, 100,000s), its zones and their shares.
type State = (&'static str, usize, &'static [(Tz, usize)]);

pub const STATES: &[State] = &[
    ("CA", 58, &[(Tz::America__Los_Angeles, 100)]),
    ("TX", 55, &[(Tz::America__Chicago, 94), (Tz::America__Denver, 6)]),
    ("FL", 29, &[(Tz::America__New_York, 92), (Tz::America__Chicago, 8)]),
    ("NY", 25, &[(Tz::America__New_York, 100)]),
    ("IL", 18, &[(Tz::America__Chicago, 100)]),
    ("GA", 17, &[(Tz::America__New_York, 100)]),
    ("OH", 17, &[(Tz::America__New_York, 100)]),
    ("MI", 14, &[(Tz::America__Detroit, 95), (Tz::America__Menominee, 5)]),
    ("AZ", 11, &[(Tz::America__Phoenix, 94), (Tz::America__Denver, 6)]), // the Navajo Nation moves its clocks
    ("WA", 11, &[(Tz::America__Los_Angeles, 100)]),
    ("TN", 10, &[(Tz::America__Chicago, 60), (Tz::America__New_York, 40)]),
    ("IN", 10, &[(Tz::America__Indiana__Indianapolis, 85), (Tz::America__Chicago, 15)]),
    ("CO", 9, &[(Tz::America__Denver, 100)]),
    ("NM", 3, &[(Tz::America__Denver, 100)]),
    ("ID", 3, &[(Tz::America__Boise, 80), (Tz::America__Los_Angeles, 20)]),
    ("HI", 2, &[(Tz::Pacific__Honolulu, 100)]),
    ("AK", 2, &[(Tz::America__Anchorage, 100)]),
];

/// Days on which most districts are closed.
const HOLIDAYS: [(i32, u32, u32); 8] = [
    (2026, 9, 7),
    (2026, 11, 11),
    (2026, 11, 25),
    (2026, 11, 26),
    (2026, 11, 27),
    (2027, 1, 18),
    (2027, 2, 15),
    (2027, 5, 31),
];
const CYCLES: [&[&str]; 4] =
    [&["A", "B"], &["1", "2", "3", "4"], &["1", "2", "3", "4", "5"], &["A", "B", "C", "D", "E", "F"]];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Elementary,
    Middle,
    High,
}

/// A school, and what those who make up its needs must know.
#[derive(Clone, Debug)]
pub struct Place {
    pub school: School,
    pub level: Level,
    pub state: &'static str,
    pub tz: Tz,
    pub weekdays: Vec<Weekday>,
    /// Labels of the rotating days that this school teaches by; none where it teaches by weekdays.
    pub cycle: Vec<String>,
    pub periods: Vec<String>,
}

#[must_use]
pub fn term() -> DateSpan {
    DateSpan { first: Date::ymd(2026, 8, 10), last: Date::ymd(2027, 6, 18) }
}

#[must_use]
pub fn clock(minutes: u16) -> Clock {
    Clock::from_minutes(minutes.min(1440)).expect("not after midnight")
}

/// A district and its schools. The first district of a problem has every level.
pub fn district(draw: &mut Draw, number: usize, schools_so_far: usize) -> (District, Vec<Place>) {
    let (state, _, zones) = draw.weighted(STATES, |state| state.1);
    let tz = draw.weighted(zones, |zone| zone.1).0;
    let long = draw.chance(35);
    let drawn: Option<&&[&str]> = long.then(|| draw.weighted(&CYCLES, |cycle: &&[&str]| 12 / cycle.len()));
    let cycle = drawn.copied().unwrap_or_default();
    let weekdays = if draw.chance(6) { Weekday::ALL[..4].to_vec() } else { Weekday::ALL[..5].to_vec() };
    let calendar = calendar(draw, &weekdays, cycle);
    let id = format!("d{number:03}");
    let mut places = Vec::new();
    let levels = [
        vec![Level::High; 1 + usize::from(draw.chance(40))],
        vec![Level::Middle],
        vec![Level::Elementary; 1 + draw.below(3)],
    ];
    for level in levels.concat() {
        let sid = format!("sc{:04}", schools_so_far + places.len());
        // In states with two zones some schools keep the other clock than their district's office.
        let own_tz = draw.weighted(zones, |zone| zone.1).0;
        let own_tz = (own_tz != tz && draw.chance(60)).then_some(own_tz);
        let own_calendar = draw.chance(5).then(|| self::calendar(draw, &weekdays, cycle));
        let by_cycle = !cycle.is_empty() && (level == Level::High || cycle.len() > 2);
        let bell_schedules = bells(draw, level, by_cycle && cycle.len() == 2);
        places.push(Place {
            level,
            state,
            tz: own_tz.unwrap_or(tz),
            weekdays: weekdays.clone(),
            cycle: if by_cycle { cycle.iter().map(|&label| label.into()).collect() } else { Vec::new() },
            periods: bell_schedules[0].periods.iter().map(|period| period.id.clone()).collect(),
            school: School {
                name: format!("{level:?} School {sid}"),
                id: sid,
                district: id.clone(),
                tz: own_tz,
                calendar: own_calendar,
                bell_schedules,
            },
        });
    }
    (District { name: format!("District {number:03}"), id, state: (*state).into(), tz, calendar }, places)
}

fn calendar(draw: &mut Draw, weekdays: &[Weekday], cycle: &[&str]) -> Calendar {
    let first = term().first.plus_days(draw.pick(&[0, 2, 7, 9, 14, 21, 28]));
    let last = first.plus_days(draw.between(282, 296)).min(term().last);
    let mut closed: BTreeSet<Date> = BTreeSet::new();
    closed.extend(HOLIDAYS.iter().filter(|_| draw.chance(90)).map(|&(y, m, d)| Date::ymd(y, m, d)));
    let winter = Date::ymd(2026, 12, 21);
    closed.extend((0..draw.pick(&[12, 14, 15])).map(|day| winter.plus_days(day)));
    let spring = Date::ymd(2027, 3, 8).plus_days(7 * draw.between(0, 5));
    closed.extend((0..5).map(|day| spring.plus_days(day)));
    for _ in 0..draw.between(3, 8) {
        closed.insert(first.plus_days(draw.between(20, 280)));
    }
    let mut by_weekday = BTreeMap::new();
    if draw.chance(30) {
        by_weekday.insert(draw.pick(&[Weekday::Wed, Weekday::Wed, Weekday::Mon]), "early-release".to_owned());
    }
    let mut by_date = BTreeMap::new();
    for _ in 0..4 {
        let date = first.plus_days(draw.between(5, 270));
        by_date.insert(date, draw.pick(&["early-release", "early-release", "late-start"]).to_owned());
    }
    Calendar {
        first,
        last,
        weekdays: weekdays.to_vec(),
        closed: closed.into_iter().filter(|date| (first..=last).contains(date)).collect(),
        cycle: cycle.iter().map(|&label| label.into()).collect(),
        bell_schedule: BellChoice { default: "regular".into(), weekdays: by_weekday, dates: by_date },
    }
}

/// Seven periods, or four long ones; each day also in a short and a late form.
fn bells(draw: &mut Draw, level: Level, block: bool) -> Vec<BellSchedule> {
    let start = match level {
        Level::High => draw.pick(&[440, 455, 470, 480, 500]),
        Level::Middle => draw.pick(&[470, 480, 490, 510]),
        Level::Elementary => draw.pick(&[465, 480, 495, 540]),
    };
    let length = if block { draw.pick(&[84, 90]) } else { draw.pick(&[45, 48, 50, 55]) };
    bell_day(start, length, if block { 4 } else { 7 })
}

/// The three bell schedules of a school whose regular day begins at `start` with `count` periods of `length` minutes.
pub fn bell_day(start: u16, length: u16, count: u16) -> Vec<BellSchedule> {
    let day = |id: &str, start: u16, length: u16, pause: u16| {
        let mut at = start;
        let period = |n: u16| {
            let period = Period { id: format!("P{n}"), start: clock(at), end: clock(at + length) };
            at += length + 5 + if n == count / 2 + 1 { pause } else { 0 };
            period
        };
        BellSchedule { id: id.into(), periods: (1..=count).map(period).collect() }
    };
    vec![
        day("regular", start, length, 30),
        day("early-release", start, length * 3 / 4, 25),
        day("late-start", start + 90, length * 3 / 4, 30),
    ]
}
