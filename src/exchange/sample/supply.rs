//! Made-up educators: licensed where needs are, with the limits, gaps and oddities that real rosters have.

use super::draw::Draw;
use super::needs::{COURSES, owned};
use super::places::{STATES, clock, term};
use crate::domain::calendar::DateSpan;
use crate::domain::educator::Availability;
use crate::domain::license::{Grade, License};
use crate::domain::time::{Date, Tz, Weekday};
use crate::engine::problem::Educator;

/// What is wanted somewhere: the state, any of these areas, the zone.
pub struct Demand {
    pub state: &'static str,
    pub areas: Vec<String>,
    pub tz: Tz,
}

pub fn educator(draw: &mut Draw, number: usize, demand: &[Demand]) -> Educator {
    let wanted = &demand[draw.below(demand.len())];
    let area = draw.pick(&wanted.areas);
    let mut areas = vec![area.clone()];
    if draw.chance(25) && !area.contains("therapy") && !area.contains("speech") {
        areas.push(COURSES[draw.below(COURSES.len())].2[0].into());
        areas.sort();
        areas.dedup();
    }
    let (home, tz) = if draw.chance(60) {
        (wanted.state, wanted.tz)
    } else {
        let state = draw.weighted(STATES, |state| state.1);
        (state.0, state.2[0].0)
    };
    let mut states = vec![home, wanted.state];
    for _ in 0..draw.pick(&[0, 1, 1, 2, 3, 5]) {
        states.push(demand[draw.below(demand.len())].state);
    }
    states.sort_unstable();
    states.dedup();
    let grades = grades_of(draw, &area);
    let mut licenses = Vec::new();
    for state in &states {
        for held in &areas {
            licenses.push(License {
                state: (*state).into(),
                area: held.clone(),
                grades: if *held == area { grades.clone() } else { every_grade()[7..].to_vec() },
                issued: if draw.chance(4) { Date::ymd(2026, 10, 1) } else { Date::ymd(2021, 7, 1) },
                expires: if draw.chance(8) { mid_term(draw) } else { Date::ymd(2030, 6, 30) },
            });
        }
    }
    let bilingual = areas.iter().any(|area| area == "spanish") || draw.chance(15);
    Educator {
        id: format!("e{number:05}"),
        tz,
        licenses,
        clearances: states.iter().filter(|_| draw.chance(95)).map(|&state| state.into()).collect(),
        availability: availability(draw),
        time_off: (0..draw.pick(&[0, 0, 0, 0, 1, 1, 2])).map(|_| time_off(draw)).collect(),
        max_minutes_per_week: draw.pick(&[600, 900, 1200, 1500, 1500, 1800]),
        max_minutes_per_day: draw.pick(&[300, 360, 420]),
        max_preps: draw.pick(&[2, 3, 3, 4]),
        max_sections: draw.pick(&[5, 6, 6, 25]),
        max_students: Some(draw.pick(&[40, 55, 60])),
        buffer_minutes: draw.pick(&[0, 5, 5, 5, 10]),
        languages: if bilingual { owned(&["es"]) } else { Vec::new() },
        pay_cents_per_minute: draw.between(60, 130),
        activation_cents: draw.pick(&[20_000, 35_000, 50_000]),
        prep_cents: 30_000,
    }
}

fn mid_term(draw: &mut Draw) -> Date {
    draw.pick(&[Date::ymd(2026, 12, 31), Date::ymd(2027, 3, 1), Date::ymd(2027, 6, 30)])
}

pub fn every_grade() -> Vec<Grade> {
    Grade::NAMES.iter().map(|name| name.parse().expect("its own name")).collect()
}

/// PK to 12 where licenses usually cover all of it, else the upper or the lower grades.
fn grades_of(draw: &mut Draw, area: &str) -> Vec<Grade> {
    let all = every_grade();
    match area {
        "special-education" | "speech-language-pathology" | "occupational-therapy" | "esl" | "spanish" | "french" => {
            all
        }
        "elementary" => all[1..9].to_vec(),
        "early-childhood-special-education" => all[..5].to_vec(),
        area if area.starts_with("school-") => all,
        _ => all[draw.pick(&[6, 7, 8])..].to_vec(),
    }
}

fn availability(draw: &mut Draw) -> Vec<Availability> {
    let window = |days: &[usize], start: u16, end: u16| Availability {
        days: days.iter().map(|&n| Weekday::ALL[n]).collect(),
        start: clock(start),
        end: clock(end),
    };
    let week = [0, 1, 2, 3, 4];
    match draw.below(20) {
        0..=10 => vec![window(&week, draw.pick(&[360, 420, 450, 480]), draw.pick(&[930, 960, 1020, 1080]))],
        11..=14 => vec![window(&week, 420, draw.pick(&[720, 750, 780]))],
        15..=16 => vec![window(&week, draw.pick(&[660, 720]), 1140)],
        17 => vec![window(&week, 420, 690), window(&week, 750, 1020)],
        _ => {
            let days = draw.pick(&[&[0, 2, 4][..], &[1, 3], &[0, 1, 2, 3]]);
            vec![window(days, 420, 1020)]
        }
    }
}

fn time_off(draw: &mut Draw) -> DateSpan {
    let first = term().first.plus_days(10 + draw.between(0, 260));
    DateSpan { first, last: first.plus_days(draw.pick(&[0, 1, 4, 9])) }
}
