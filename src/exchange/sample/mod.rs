//! Made-up problems: districts of any size from a seed, and the term of the demo.
//!
//! The same request gives the same bytes on every machine. Nothing here is about a real person or school; the shapes
//! (calendars, cycles, bells, zones, loads) follow published US practice.

pub mod demo;
mod draw;
mod needs;
mod places;
mod supply;

use draw::Draw;
use places::Place;
use supply::Demand;

use crate::engine::problem::{FORMAT, Pair, Problem, Veto, Weights};

/// How large a problem is wanted, and from which seed.
#[derive(Clone, Debug)]
pub struct Request {
    pub name: Option<String>,
    pub districts: usize,
    pub sections: usize,
    pub services: usize,
    pub educators: usize,
    pub seed: u64,
    pub grid_minutes: i64,
    /// Of a hundred sections, how many have an incumbent.
    pub incumbents_percent: usize,
}

impl Request {
    /// The size called us-s, of `bench/README.md`.
    #[must_use]
    pub fn us_s(seed: u64) -> Self {
        let (districts, sections, services, educators) = (8, 120, 150, 60);
        Self { name: None, districts, sections, services, educators, seed, grid_minutes: 15, incumbents_percent: 0 }
    }
}

/// A problem as requested; one without districts has no needs, and one without needs no educators.
#[must_use]
pub fn problem(request: &Request) -> Problem {
    let mut draw = Draw::new(request.seed);
    let (mut districts, mut places) = (Vec::new(), Vec::<Place>::new());
    for number in 0..request.districts {
        let (district, its_places) = places::district(&mut draw, number, places.len());
        districts.push(district);
        places.extend(its_places);
    }
    let (wanted_sections, wanted_services) =
        if places.is_empty() { (0, 0) } else { (request.sections, request.services) };
    let (sections, mut together) = needs::sections(&mut draw, &places, wanted_sections);
    let (services, by_student) = needs::services(&mut draw, &places, wanted_services, request.grid_minutes);
    together.extend(by_student);

    let courses = needs::courses();
    let place = |school: &str| places.iter().find(|place| place.school.id == school);
    let areas = |course: &str| courses.iter().find(|row| row.id == course).map(|row| row.areas.clone());
    let of_sections = sections.iter().filter_map(|row| Some((place(&row.school)?, areas(&row.course)?)));
    let of_services = services.iter().filter_map(|row| Some((place(&row.school)?, row.areas.clone())));
    let demand: Vec<Demand> = of_sections
        .chain(of_services)
        .map(|(place, areas)| Demand { state: place.state, areas, tz: place.tz })
        .collect();
    let count = if demand.is_empty() { 0 } else { request.educators };
    let educators: Vec<_> = (0..count).map(|number| supply::educator(&mut draw, number, &demand)).collect();

    let mut vetoes = Vec::new();
    let mut incumbents = Vec::new();
    if !educators.is_empty() {
        for educator in &educators {
            if draw.chance(4) {
                vetoes.push(Veto { educator: educator.id.clone(), school: draw.pick(&places).school.id });
            }
        }
        for section in &sections {
            if draw.chance(request.incumbents_percent) {
                incumbents.push(Pair { need: section.id.clone(), educator: draw.pick(&educators).id });
            }
        }
    }
    let Request { sections: s, services: i, educators: e, seed, .. } = request;
    Problem {
        format: FORMAT.into(),
        name: request.name.clone().unwrap_or_else(|| format!("made-up-{s}-{i}-{e}-s{seed}")),
        term: places::term(),
        grid_minutes: request.grid_minutes,
        weights: Weights::default(),
        districts,
        schools: places.into_iter().map(|place| place.school).collect(),
        courses,
        sections,
        services,
        educators,
        incumbents,
        pins: Vec::new(),
        vetoes,
        together,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::problem;

    fn request(seed: u64) -> Request {
        Request {
            name: None,
            districts: 6,
            sections: 60,
            services: 60,
            educators: 25,
            seed,
            grid_minutes: 5,
            incumbents_percent: 30,
        }
    }

    fn bytes(problem: &Problem) -> Vec<u8> {
        serde_json::to_vec(problem).expect("a problem is JSON")
    }

    #[test]
    fn the_same_request_gives_the_same_bytes_and_another_seed_others() {
        assert_eq!(bytes(&super::problem(&request(7))), bytes(&super::problem(&request(7))));
        assert_ne!(bytes(&super::problem(&request(7))), bytes(&super::problem(&request(8))));
    }

    #[test]
    fn every_made_up_problem_passes_every_check_of_the_input() {
        for seed in 0..40 {
            let made_up = super::problem(&request(seed));
            assert_eq!((made_up.sections.len(), made_up.services.len()), (60, 60));
            assert_eq!(problem::read(&bytes(&made_up)), Ok(made_up), "seed {seed}");
        }
    }

    #[test]
    fn the_term_of_the_demo_is_of_the_promised_size_and_passes_every_check() {
        let demo = demo::problem();
        let zones: std::collections::BTreeSet<&str> = demo.districts.iter().map(|row| row.tz.name()).collect();
        assert!(zones.len() == 4 && zones.contains("America/Phoenix"), "{zones:?}");
        assert_eq!((demo.sections.len(), demo.services.len(), demo.educators.len()), (120, 150, 60));
        assert_eq!(problem::read(&bytes(&demo)), Ok(demo));
    }
}
