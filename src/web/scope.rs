//! Which needs a run plans for, and of which districts: what two schedules can be compared in, and what one alone has.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use serde::Deserialize;

use super::words;
use crate::api::error::Error;
use crate::domain::id::TermId;
use crate::engine::outcome::Schedule;
use crate::store::{Tx, runs, schedules};

/// Districts that a sentence names.
const NAMED: usize = 6;

/// Of a problem, where each need belongs.
#[derive(Deserialize)]
struct Outline {
    districts: Vec<District>,
    schools: Vec<School>,
    sections: Vec<Need>,
    services: Vec<Need>,
}

#[derive(Deserialize)]
struct District {
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct School {
    id: String,
    district: String,
}

#[derive(Deserialize)]
struct Need {
    id: String,
    school: String,
}

/// Needs with the ids of their districts, and what those are called.
#[derive(Clone, Default)]
pub struct Scope {
    needs: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
}

impl Scope {
    /// Of a problem's text.
    pub fn of(problem: &str) -> Result<Self, Error> {
        let outline: Outline = serde_json::from_str(problem).map_err(Error::internal)?;
        let district: BTreeMap<&str, &str> =
            outline.schools.iter().map(|school| (school.id.as_str(), school.district.as_str())).collect();
        let needs = outline.sections.into_iter().chain(outline.services);
        let of = |need: Need| {
            let district = district.get(need.school.as_str()).map_or_else(String::new, ToString::to_string);
            (need.id, district)
        };
        let needs = needs.map(of).collect();
        Ok(Self { needs, names: outline.districts.into_iter().map(|one| (one.id, one.name)).collect() })
    }

    /// Of what stands published in a term: each schedule for the districts for which it is the last.
    pub async fn standing(tx: &mut Tx, term: TermId) -> Result<Self, Error> {
        let mut whole = Self::default();
        for (schedule, districts) in schedules::coverage(tx, term).await? {
            let run = schedules::get(tx, schedule).await?.run_id;
            let mut scope = Self::of(&runs::problem(tx, run).await?)?;
            let districts: BTreeSet<String> = districts.iter().map(ToString::to_string).collect();
            scope.needs.retain(|_, district| districts.contains(district));
            whole.needs.append(&mut scope.needs);
            whole.names.append(&mut scope.names);
        }
        Ok(whole)
    }

    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }

    pub fn has(&self, need: &str) -> bool {
        self.needs.contains_key(need)
    }

    /// What is in this scope and not in the other, with how much of it a schedule serves.
    pub fn alone(&self, other: &Self, schedule: &Schedule) -> Alone {
        let sections = schedule.sections.iter().map(|row| row.section.as_str());
        let services = schedule.services.iter().filter(|row| !row.sessions.is_empty());
        let served: BTreeSet<&str> = sections.chain(services.map(|row| row.service.as_str())).collect();
        let mut alone = Alone::default();
        for (need, district) in self.needs.iter().filter(|(need, _)| !other.has(need)) {
            alone.served += usize::from(served.contains(need.as_str()));
            let name = self.names.get(district).cloned().unwrap_or_default();
            *alone.districts.entry(name).or_default() += 1;
        }
        alone
    }
}

/// Needs that one of two schedules was made for, and the other was not.
#[derive(Default)]
pub struct Alone {
    /// How many, by the name of the district.
    districts: BTreeMap<String, usize>,
    pub served: usize,
}

impl Alone {
    fn count(&self) -> usize {
        self.districts.values().sum()
    }

    fn where_they_are(&self) -> String {
        let named: Vec<String> =
            self.districts.iter().take(NAMED).map(|(name, count)| format!("{name} {}", words::count(*count))).collect();
        let more = self.districts.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(", and {}", words::plural(more, "more district")) } else { String::new() };
        format!("{}{more}", named.join(", "))
    }
}

/// What only one of the two plans for, in a sentence each.
pub fn told(before: &Alone, after: &Alone) -> Markup {
    let served = |alone: &Alone| format!("{} of them served", words::count(alone.served));
    html! {
        @if after.count() > 0 {
            p.soft { "Counted apart, because the schedule before did not plan for them: " (words::plural(after.count(), "need")) " (" (after.where_they_are()) "), " (served(after)) " by this run." }
        }
        @if before.count() > 0 {
            p.soft { "The schedule before plans for " (words::plural(before.count(), "need")) " that this run does not (" (before.where_they_are()) "), " (served(before)) ". They are not compared." }
        }
    }
}
