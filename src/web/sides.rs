//! Two schedules side by side in figures: what each costs, what each leaves unserved, and what each run supposed.

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use super::{suppose, words};
use crate::api::State;
use crate::api::error::Error;
use crate::domain::id::{DistrictId, EducatorId};
use crate::domain::run::{Run, RunSettings};
use crate::engine::outcome::{Cost, Counts};
use crate::store::{runs, schedules};

/// Of a run's report, what is compared.
#[derive(Deserialize)]
struct Figures {
    cost: Cost,
    counts: Counts,
    unserved: Vec<IgnoredAny>,
}

/// One of the two; without figures where the run ended without a report.
pub struct Side {
    figures: Option<Figures>,
    settings: RunSettings,
    /// Those it covers.
    districts: BTreeSet<DistrictId>,
}

impl Side {
    pub fn of(run: &Run, report: Option<Json>) -> Result<Self, Error> {
        let figures = report.map(serde_json::from_value).transpose().map_err(Error::internal)?;
        let districts = run.district_ids.iter().copied().collect();
        Ok(Self { figures, settings: run.settings.clone(), districts })
    }

    /// Of what stands published, for comparison with a run; none where nothing does. It is counted anew where the run is for
    /// other districts than one publication was, if all of them are published.
    pub async fn standing(state: &State, run: &Run) -> Result<Option<Self>, Error> {
        let mut tx = state.db.read().await?;
        let coverage = schedules::coverage(&mut tx, run.term_id).await?;
        let standing: BTreeSet<DistrictId> = coverage.values().flatten().copied().collect();
        let wanted: BTreeSet<DistrictId> = run.district_ids.iter().copied().collect();
        let (figures, districts) = match coverage.keys().next() {
            None => return Ok(None),
            Some(one) if coverage.len() == 1 && standing == wanted => {
                let published = schedules::get(&mut tx, *one).await?.run_id;
                let report = runs::answer(&mut tx, published).await?.1;
                return Self::of(&runs::get(&mut tx, published).await?, report).map(Some);
            }
            Some(_) if wanted.is_subset(&standing) => {
                tx.rollback().await?;
                let report = state.standing_report(run.term_id, wanted.clone()).await?;
                let figures = report.as_ref().as_ref().map(|report| {
                    let unserved = report.unserved.iter().map(|_| IgnoredAny).collect();
                    Figures { cost: report.cost, counts: report.counts, unserved }
                });
                (figures, wanted)
            }
            Some(_) => (None, standing),
        };
        Ok(Some(Self { figures, settings: RunSettings::default(), districts }))
    }
}

/// A row: what is counted, the way it is written, and whether less of it is better.
type Row = (&'static str, fn(&Figures) -> i64, fn(i64) -> String);

fn whole(number: i64) -> String {
    words::count(usize::try_from(number).unwrap_or(0))
}

fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

const ROWS: [Row; 8] = [
    ("Cost", |f| f.cost.total, words::dollars),
    ("of it for minutes not served", |f| f.cost.unserved, words::dollars),
    ("of it for pay", |f| f.cost.pay, words::dollars),
    ("Minutes not served", |f| f.counts.minutes_owed - f.counts.minutes_served, whole),
    ("Needs not, or not wholly, served", |f| signed(f.unserved.len()), whole),
    ("Sections served", |f| signed(f.counts.sections_served), whole),
    ("Services fully served", |f| signed(f.counts.services_served), whole),
    ("Educators with work", |f| signed(f.counts.educators_used), whole),
];

/// The table: before, after and the difference. Figures of other districts are no measure of each other: then a sentence
/// says so.
pub fn show(before: &Side, after: &Side, name: impl Fn(EducatorId) -> String + Copy) -> Markup {
    if before.districts != after.districts {
        return apart(before, after);
    }
    let cell = |side: &Side, (_, count, said): &Row| side.figures.as_ref().map_or("–".into(), |f| said(count(f)));
    let difference = |(_, count, said): &Row| {
        let both = before.figures.as_ref().zip(after.figures.as_ref());
        both.map_or("–".into(), |(before, after)| match count(after) - count(before) {
            0 => "none".to_owned(),
            more if more > 0 => format!("+{}", said(more)),
            less => format!("−{}", said(-less)),
        })
    };
    html! {
        section.card aria-labelledby="figures" {
            h2 #figures { "In figures" }
            table.stack {
                caption.unseen { "Figures of both" }
                thead { tr { th scope="col" { "What" } th.number scope="col" { "Before" } th.number scope="col" { "This run" } th.number scope="col" { "Difference" } } }
                tbody {
                    @for row in &ROWS {
                        tr {
                            th scope="row" { (row.0) }
                            td.number data-label="Before" { (cell(before, row)) }
                            td.number data-label="This run" { (cell(after, row)) }
                            td.number data-label="Difference" { (difference(row)) }
                        }
                    }
                }
            }
            @for (which, side) in [("The schedule before", before), ("This run", after)] {
                @let said = suppose::told(&side.settings, name);
                @if !said.is_empty() { p { (which) " supposes " (said.join("; ")) "." } }
            }
        }
    }
}

/// Why there is no table.
fn apart(before: &Side, after: &Side) -> Markup {
    let covers = |side: &Side| words::plural(side.districts.len(), "district");
    let shared = before.districts.intersection(&after.districts).count();
    html! {
        section.card aria-labelledby="figures" {
            h2 #figures { "In figures" }
            p { "Costs and counts are not set side by side: they are of different districts. The schedule before covers " (covers(before)) ", this run " (covers(after)) "; both cover " (words::count(shared)) "." }
            p.soft { "Compare with a run of the same districts to see what each costs. Below stands what changes, need by need." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RecordId as _;
    use crate::domain::run::RunState;
    use crate::engine::outcome::Status;
    use crate::web::samples;

    #[test]
    fn both_stand_beside_each_other_with_the_difference_and_what_was_supposed() {
        let mut run = samples::run(RunState::Succeeded, Some("optimal"));
        let report = samples::report(Status::Optimal, 0.0);
        let before = Side::of(&run, serde_json::to_value(&report).ok()).expect("figures");
        let mut cheaper = report;
        cheaper.cost = Cost { unserved: 900_000, pay: 244_567, ..Cost::default() }.summed();
        cheaper.counts.minutes_served += 400;
        cheaper.unserved.pop();
        run.settings.change_cents = Some(500);
        let after = Side::of(&run, serde_json::to_value(&cheaper).ok()).expect("figures");
        let text = show(&before, &after, |_| String::new()).into_string();
        for part in [
            "$12,345.67",
            "$11,445.67",
            "−$900.00",
            "+$100.00",
            "−400",
            "−1",
            "none",
            "This run supposes $5.00 for a need",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let none = show(&Side::of(&run, None).expect("no figures"), &after, |_| String::new()).into_string();
        assert!(none.contains("–") && !none.contains("−$900"), "{none}");
    }

    #[test]
    fn figures_of_other_districts_are_not_set_side_by_side() {
        let (one, other) = (DistrictId::fresh(), DistrictId::fresh());
        let report = serde_json::to_value(samples::report(Status::Optimal, 0.0)).ok();
        let covering = |districts: &[DistrictId]| {
            let run = Run { district_ids: districts.to_vec(), ..samples::run(RunState::Succeeded, Some("optimal")) };
            Side::of(&run, report.clone()).expect("figures")
        };
        let shown = |before: &[DistrictId], after: &[DistrictId]| {
            show(&covering(before), &covering(after), |_| String::new()).into_string()
        };
        let text = shown(&[one, other], &[one]);
        assert!(text.contains("covers 2 districts, this run 1 district; both cover 1."), "{text}");
        assert!(!text.contains('$') && !text.contains("<table"), "{text}");
        // As many, and not the same.
        assert!(shown(&[other], &[one]).contains("both cover 0."));
        assert!(shown(&[one, other], &[other, one]).contains("$12,345.67"), "in whatever order");
    }
}
