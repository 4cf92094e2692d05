//! What stands published, counted anew as if it were the answer of one run: where districts were published apart, or a run is
//! for some of those that were published.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::State;
use super::error::Error;
use crate::domain::id::{DistrictId, TermId};
use crate::engine::outcome::{Report, Schedule};
use crate::engine::problem::Problem;
use crate::engine::{self, verify};
use crate::store::{schedules, snapshot};

/// A term, and some of its districts.
pub(super) type Part = (TermId, BTreeSet<DistrictId>);

impl State {
    /// The report of what stands for these districts of a term, by today's records and prices. Everything else that stands is
    /// left out of it. None where what stands breaks a rule by now: then it is to be repaired first.
    pub async fn standing_report(
        &self,
        term: TermId,
        districts: BTreeSet<DistrictId>,
    ) -> Result<Arc<Option<Report>>, Error> {
        let mut tx = self.db.read().await?;
        let mut turn = self.standing.turn(&mut tx).await?;
        let part = (term, districts);
        if let Some(report) = turn.find(&part) {
            return Ok(report);
        }
        let districts: Vec<DistrictId> = part.1.iter().copied().collect();
        let problem = snapshot::within(&mut tx, term, &districts).await?;
        let schedule = schedules::standing(&mut tx, term).await?;
        let counted = tokio::task::spawn_blocking(move || counted(&problem, schedule));
        Ok(turn.keep(part, counted.await.map_err(Error::internal)?))
    }
}

/// Takes its time.
fn counted(problem: &Problem, mut schedule: Schedule) -> Option<Report> {
    let sections = problem.sections.iter().map(|section| section.id.as_str());
    let needs: BTreeSet<&str> = sections.chain(problem.services.iter().map(|service| service.id.as_str())).collect();
    schedule.sections.retain(|row| needs.contains(row.section.as_str()));
    schedule.services.retain(|row| needs.contains(row.service.as_str()));
    // Of what stands nothing is to be proven.
    let valid = verify::verify(problem, &schedule).valid;
    valid.then(|| engine::conclude(problem, schedule, (0, String::new()), 0.0).report)
}
