//! What a run supposes: other prices, educators who are not there or no longer, more hours. The records stay as they are.

use std::collections::BTreeSet;

use crate::domain::educator::Availability;
use crate::domain::license::{Grade, License};
use crate::domain::run::RunSettings;
use crate::domain::supply::{Supposed, WEEK};
use crate::domain::time::Weekday;
use crate::engine::problem::{Educator, Problem};

/// Makes of what the records say what a run is asked to suppose.
pub fn shape(problem: &mut Problem, settings: &RunSettings) {
    let weights = &mut problem.weights;
    weights.unserved_cents_per_minute = settings.unserved_cents_per_minute.unwrap_or(weights.unserved_cents_per_minute);
    weights.change_cents = settings.change_cents.unwrap_or(weights.change_cents);
    let without: BTreeSet<String> = settings.without.iter().map(ToString::to_string).collect();
    problem.educators.retain(|educator| !without.contains(&educator.id));
    problem.incumbents.retain(|pair| !without.contains(&pair.educator));
    problem.pins.retain(|pair| !without.contains(&pair.educator));
    problem.vetoes.retain(|veto| !without.contains(&veto.educator));
    if let Some(longer) = &settings.longer {
        let named: BTreeSet<String> = longer.educators.iter().map(ToString::to_string).collect();
        for educator in problem.educators.iter_mut().filter(|one| named.is_empty() || named.contains(&one.id)) {
            educator.max_minutes_per_week = (educator.max_minutes_per_week + longer.minutes_per_week).min(*WEEK.end());
        }
    }
    let usual = Usual::of(&problem.educators);
    for (id, one, _) in settings.supposed() {
        let supposed = educator(id.to_string(), one, problem, usual);
        problem.educators.push(supposed);
    }
}

/// What most educators cost: medians, in cents.
#[derive(Clone, Copy)]
struct Usual {
    pay: i64,
    activation: i64,
    prep: i64,
}

impl Usual {
    fn of(educators: &[Educator]) -> Self {
        let median = |cents: fn(&Educator) -> i64| {
            let mut all: Vec<i64> = educators.iter().map(cents).collect();
            all.sort_unstable();
            all.get(all.len() / 2).copied().unwrap_or(0)
        };
        let pay = median(|educator| educator.pay_cents_per_minute);
        Self { pay, activation: median(|educator| educator.activation_cents), prep: median(|e| e.prep_cents) }
    }
}

fn educator(id: String, one: &Supposed, problem: &Problem, usual: Usual) -> Educator {
    let states: BTreeSet<&String> = one.states.iter().collect();
    let areas: BTreeSet<&str> = one.areas.iter().map(|area| area.trim()).collect();
    let license = |state: &String, area: &str| License {
        state: state.clone(),
        area: area.to_owned(),
        grades: Grade::all().collect(),
        issued: problem.term.first,
        expires: problem.term.last,
    };
    let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri].to_vec();
    Educator {
        id,
        tz: one.tz,
        licenses: states.iter().flat_map(|state| areas.iter().map(|area| license(state, area))).collect(),
        clearances: states.into_iter().cloned().collect(),
        availability: vec![Availability { days, start: one.start, end: one.end }],
        time_off: Vec::new(),
        max_minutes_per_week: one.minutes_per_week,
        max_minutes_per_day: 1440,
        max_preps: 99,
        max_sections: 99,
        max_students: None,
        buffer_minutes: 0,
        languages: Vec::new(),
        pay_cents_per_minute: one.pay_cents_per_minute.unwrap_or(usual.pay),
        activation_cents: usual.activation,
        prep_cents: usual.prep,
    }
}
