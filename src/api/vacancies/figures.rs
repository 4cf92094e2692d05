//! How long vacancies take, over many of them: by district, by state, by license area, and month by month.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::State;
use crate::api::error::Error;
use crate::domain::actor::{Actor, Thing, Verb};
use crate::domain::calendar::{Calendar, DateSpan};
use crate::domain::id::{DistrictId, TermId, VacancyId};
use crate::domain::records as kept;
use crate::domain::time::Date;
use crate::domain::vacancy::Stage;
use crate::domain::vacancy::timers::{History, Summary, Timers, median, summary};
use crate::store::vacancies::pipeline::{self, Told};
use crate::store::{self, Tx};

/// How long vacancies take
///
/// Counted are those that were ever opened. Minutes are of the clock, days are instructional days of the district.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Figures {
    pub total: Summary,
    pub districts: Vec<Group>,
    pub states: Vec<Group>,
    /// By the first license area of each course; a vacancy of several courses counts in each area.
    pub areas: Vec<Group>,
    /// From the first month in which anything was filled or lost to the last.
    pub months: Vec<Month>,
}

/// Vacancies that have something in common
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Group {
    /// Of a district.
    #[schema(value_type = Option<Uuid>)]
    pub id: Option<DistrictId>,
    pub name: String,
    #[serde(flatten)]
    pub summary: Summary,
}

/// A calendar month
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Month {
    /// `2026-09`.
    pub month: String,
    /// Vacancies that went live in it.
    pub filled: usize,
    /// Of those.
    pub median_minutes_to_fill: Option<i64>,
    /// Instructional days lost in it.
    pub days_lost: i64,
}

/// A vacancy that was opened, with its clock.
struct Clocked {
    told: Told,
    timers: Timers,
    lost: Vec<Date>,
}

impl State {
    /// How long the vacancies that this actor may see take, of one term where it is given.
    pub async fn vacancy_figures(&self, actor: &Actor, term: Option<TermId>) -> Result<Figures, Error> {
        let reach = actor.reach(Verb::Read, Thing::Record("vacancy"));
        if reach.is_nothing() {
            return Err(Error::Forbidden);
        }
        let mut tx = self.db.read().await?;
        let now = tx.at;
        let told = pipeline::told(&mut tx, &reach, term).await?;
        Ok(figures(clocked(&mut tx, told, now).await?))
    }
}

impl State {
    /// The clock of each vacancy that this actor may see and that was opened.
    pub async fn vacancy_clocks(&self, actor: &Actor) -> Result<BTreeMap<VacancyId, Timers>, Error> {
        let reach = actor.reach(Verb::Read, Thing::Record("vacancy"));
        let mut tx = self.db.read().await?;
        let now = tx.at;
        let told = pipeline::told(&mut tx, &reach, None).await?;
        Ok(clocked(&mut tx, told, now).await?.into_iter().map(|one| (one.told.id, one.timers)).collect())
    }
}

async fn clocked(tx: &mut Tx, told: Vec<Told>, now: DateTime<Utc>) -> Result<Vec<Clocked>, Error> {
    let mut calendars: BTreeMap<DistrictId, BTreeMap<TermId, Calendar>> = BTreeMap::new();
    let mut clocked = Vec::new();
    for told in told {
        if !told.steps.iter().any(|(stage, _)| *stage == Stage::Open) {
            continue;
        }
        if let Entry::Vacant(place) = calendars.entry(told.district_id) {
            let rows = store::children::<kept::Calendar>(tx, "district_id", told.district_id).await?;
            let shared = rows.into_iter().filter(|row| row.body.school_id.is_none());
            place.insert(shared.map(|row| (row.body.term_id, row.body.into())).collect());
        }
        let calendar = calendars.get(&told.district_id).and_then(|terms| terms.get(&told.term_id));
        let whole = calendar.map(|calendar| DateSpan { first: calendar.first, last: calendar.last });
        let Some(needed) = told.needed.or(whole) else { continue };
        let history = History { steps: &told.steps, calendar, needed, tz: told.tz };
        let (timers, lost) = (history.timers(now), history.lost(now));
        clocked.push(Clocked { told, timers, lost });
    }
    Ok(clocked)
}

fn figures(all: Vec<Clocked>) -> Figures {
    let mut districts: BTreeMap<(String, DistrictId), Vec<Timers>> = BTreeMap::new();
    let mut states: BTreeMap<String, Vec<Timers>> = BTreeMap::new();
    let mut areas: BTreeMap<String, Vec<Timers>> = BTreeMap::new();
    let mut months: BTreeMap<String, (Vec<i64>, i64)> = BTreeMap::new();
    let month = |on: Date| on.to_string()[..7].to_owned();
    for Clocked { told, timers, lost } in &all {
        districts.entry((told.district_name.clone(), told.district_id)).or_default().push(*timers);
        states.entry(told.state.clone()).or_default().push(*timers);
        for area in &told.areas {
            areas.entry(area.clone()).or_default().push(*timers);
        }
        for on in lost {
            months.entry(month(*on)).or_default().1 += 1;
        }
        let live = told.steps.iter().find(|(stage, _)| *stage == Stage::Live);
        if let (Some((_, at)), Some(minutes)) = (live, timers.minutes_to_fill) {
            let on = Date(at.with_timezone(&told.tz).date_naive());
            months.entry(month(on)).or_default().0.push(minutes);
        }
    }
    let plain = |(name, of): (String, Vec<Timers>)| Group { id: None, name, summary: summary(&of) };
    let timers: Vec<Timers> = all.iter().map(|one| one.timers).collect();
    Figures {
        total: summary(&timers),
        districts: districts
            .into_iter()
            .map(|((name, id), of)| Group { id: Some(id), name, summary: summary(&of) })
            .collect(),
        states: states.into_iter().map(plain).collect(),
        areas: areas.into_iter().map(plain).collect(),
        months: months
            .into_iter()
            .map(|(month, (filled, days_lost))| Month {
                month,
                filled: filled.len(),
                median_minutes_to_fill: median(filled),
                days_lost,
            })
            .collect(),
    }
}
