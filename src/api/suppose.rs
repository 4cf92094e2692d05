//! What a run supposes: other prices, educators who are not there or no longer, more hours. The records stay as they are.

use std::collections::BTreeSet;

use crate::domain::educator::Availability;
use crate::domain::license::{Grade, License};
use crate::domain::record::FieldIssue;
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

/// Two words that are this like each other (Jaro–Winkler, 0 to 1) are probably meant to be the same.
const ALIKE: f64 = 0.8;
/// Areas that a refusal lists.
const LISTED: usize = 12;

/// License areas of supposed educators that could not matter to these needs: misspelled, or asked for by none of them. The
/// pointers are those of a request for a run.
pub fn useless_areas(problem: &Problem, settings: &RunSettings) -> Vec<FieldIssue> {
    let needed = needed_areas(problem);
    let held = problem.educators.iter().flat_map(|educator| &educator.licenses).map(|license| license.area.as_str());
    let known: BTreeSet<&str> = needed.iter().copied().chain(held).collect();
    let mut found = Vec::new();
    for (n, line) in settings.with.iter().enumerate() {
        let mut refuse = |message| found.push(FieldIssue { pointer: format!("/with/{n}/areas"), message });
        let areas = || line.areas.iter().map(|area| area.trim());
        let strange: Vec<&str> = areas().filter(|area| !known.contains(area)).collect();
        for area in &strange {
            let instead = meant(area, &known).map_or_else(|| listed(&needed), |one| format!("did you mean “{one}”?"));
            refuse(format!("no need and no educator of this run has the license area “{area}”; {instead}"));
        }
        if strange.is_empty() && !areas().any(|area| needed.contains(area)) {
            let areas: Vec<String> = areas().map(|area| format!("“{area}”")).collect();
            refuse(format!("no need of this run asks for {}; {}", areas.join(" or "), listed(&needed)));
        }
    }
    found
}

fn needed_areas(problem: &Problem) -> BTreeSet<&str> {
    let taught: BTreeSet<&str> = problem.sections.iter().map(|section| section.course.as_str()).collect();
    let courses = problem.courses.iter().filter(|course| taught.contains(course.id.as_str()));
    let of_sections = courses.flat_map(|course| &course.areas);
    of_sections.chain(problem.services.iter().flat_map(|service| &service.areas)).map(String::as_str).collect()
}

/// The known area that is most like what was written.
fn meant<'a>(area: &str, known: &BTreeSet<&'a str>) -> Option<&'a str> {
    let area = area.to_lowercase();
    let like = |one: &&str| strsim::jaro_winkler(&area, &one.to_lowercase());
    let best = known.iter().max_by(|a, b| like(a).total_cmp(&like(b)))?;
    (like(best) >= ALIKE).then_some(*best)
}

fn listed(needed: &BTreeSet<&str>) -> String {
    let mut some: Vec<&str> = needed.iter().copied().take(LISTED).collect();
    if needed.len() > LISTED {
        some.push("…");
    }
    if some.is_empty() { "it has no needs".into() } else { format!("its needs ask for {}", some.join(", ")) }
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
