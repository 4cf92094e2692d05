//! Who could serve a need in a run's schedule, at what cost and displacing what; or which rule refuses them.
//!
//! To open a schedule for such questions takes seconds at the size of a vendor, to answer one takes milliseconds: so
//! each opened schedule stays on a desk of its own for a while, which is a thread, because what the engine opens
//! borrows from the problem it is of.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State as Axum;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::access::Planner;
use super::error::Error;
use super::extract::{Path, Query};
use crate::domain::id::{NeedId, RunId};
use crate::engine::candidates::{Candidate, Candidates};
use crate::engine::grid::Grid;
use crate::engine::outcome::Schedule;
use crate::engine::problem::Problem;
use crate::store::runs;

/// Schedules open at once: each holds its whole problem expanded.
const DESKS: usize = 2;
/// After so long without a question a desk is cleared.
const IDLE: Duration = Duration::from_mins(10);

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list))
}

struct Question {
    need: NeedId,
    answer: oneshot::Sender<Option<Vec<Candidate>>>,
}

struct Desk {
    run: RunId,
    /// SHA-256 of the schedule: that of a run at work changes.
    schedule: String,
    questions: Sender<Question>,
}

/// The open schedules, the one asked last at the end; and who opens one, for one at a time is enough for any machine.
#[derive(Default)]
pub struct Desks {
    open: Mutex<Vec<Desk>>,
    opening: tokio::sync::Mutex<()>,
}

impl Desks {
    /// Where to ask about this schedule, if it is open.
    fn find(&self, run: RunId, schedule: &str) -> Option<Sender<Question>> {
        let mut desks = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let place = desks.iter().position(|desk| desk.run == run && desk.schedule == schedule)?;
        let desk = desks.remove(place);
        let questions = desk.questions.clone();
        desks.push(desk);
        Some(questions)
    }

    /// Opens a schedule. The thread ends by itself: when nobody asks, or when its place is needed.
    fn open(&self, run: RunId, sha256: String, problem: String, schedule: String) -> Result<Sender<Question>, Error> {
        let (questions, asked) = channel();
        std::thread::Builder::new()
            .name("candidates".into())
            .spawn(move || attend(&problem, &schedule, &asked))
            .map_err(Error::internal)?;
        let mut desks = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        desks.retain(|desk| desk.run != run);
        let over = (desks.len() + 1).saturating_sub(DESKS);
        desks.drain(..over);
        desks.push(Desk { run, schedule: sha256, questions: questions.clone() });
        Ok(questions)
    }
}

/// Answers until nobody asks any more. What cannot be read leaves every question unanswered, which is an error there.
fn attend(problem: &str, schedule: &str, questions: &Receiver<Question>) {
    let (Ok(problem), Ok(schedule)) =
        (serde_json::from_str::<Problem>(problem), serde_json::from_str::<Schedule>(schedule))
    else {
        return;
    };
    let grid = Grid::new(&problem);
    let mut open = Candidates::new(&grid, &schedule);
    while let Ok(question) = questions.recv_timeout(IDLE) {
        let found = open.of(&question.need.to_string());
        // Whoever asked may have gone meanwhile.
        question.answer.send(found).ok();
    }
}

impl State {
    /// Every educator for one need of a run, the cheapest first, then those refused, by rule.
    pub async fn candidates(&self, id: RunId, need: NeedId) -> Result<Vec<Candidate>, Error> {
        let known = |found: Option<_>| found.ok_or(Error::NotFound { kind: "need of this run", id: need.to_string() });
        if let Some(desk) = self.desk(id).await?
            && let Ok(found) = asked(&desk, need).await
        {
            return known(found);
        }
        let _turn = self.desks.opening.lock().await;
        // Whoever was before may have opened it; and a desk may be cleared between finding and asking it.
        for fresh in [false, true] {
            let desk = match self.desk(id).await? {
                Some(desk) if !fresh => desk,
                _ => self.open(id).await?,
            };
            if let Ok(found) = asked(&desk, need).await {
                return known(found);
            }
        }
        Err(Error::internal("the run's problem or schedule cannot be read"))
    }

    async fn desk(&self, id: RunId) -> Result<Option<Sender<Question>>, Error> {
        let run = runs::get(&mut self.db.read().await?, id).await?;
        let sha256 = run.schedule_sha256.ok_or_else(no_schedule)?;
        Ok(self.desks.find(id, &sha256))
    }

    async fn open(&self, id: RunId) -> Result<Sender<Question>, Error> {
        let mut tx = self.db.read().await?;
        let sha256 = runs::get(&mut tx, id).await?.schedule_sha256.ok_or_else(no_schedule)?;
        let problem = runs::problem(&mut tx, id).await?;
        let schedule = runs::answer(&mut tx, id).await?.0.ok_or_else(no_schedule)?;
        self.desks.open(id, sha256, problem, schedule)
    }
}

fn no_schedule() -> Error {
    Error::Conflict("the run has no schedule yet".into())
}

/// Nobody sits at the desk any more: it was cleared, or nobody had asked for long.
struct Gone;

async fn asked(desk: &Sender<Question>, need: NeedId) -> Result<Option<Vec<Candidate>>, Gone> {
    let (answer, answered) = oneshot::channel();
    desk.send(Question { need, answer }).map_err(|_| Gone)?;
    answered.await.map_err(|_| Gone)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A section or a service of the run.
    #[param(value_type = Uuid)]
    need: NeedId,
}

/// Every educator for one need
#[derive(Serialize, ToSchema)]
struct Ranked {
    #[schema(value_type = Uuid)]
    need: NeedId,
    /// The cheapest first: `educator`, `serves` (serves it today), `marginal_cents` (what the schedule costs more than
    /// with the need unserved; pay is in it, and so is the price of unserved minutes, so less than 0 is the rule),
    /// `sessions` of a service, `displaces` (what leaves their desk, and to whom it goes), `warnings` (what speaks against
    /// it without forbidding it: `code` and `said`; a pin lists in `overrides` those that it was made against). After them
    /// those who may not, by rule: `refused` with `rule` and `filter`.
    #[schema(value_type = Vec<Object>)]
    candidates: Vec<Candidate>,
}

/// Rank every educator for one need of a run
///
/// Against the best schedule that the run has. The first question to a run of thousands of needs takes seconds, the
/// next ones milliseconds.
#[utoipa::path(get, path = "/api/v1/runs/{id}/candidates", operation_id = "runCandidates", tag = "runs", params(("id" = Uuid, Path), Asked), responses(
    (status = 200, description = "the educators", body = Ranked),
    (status = 404, description = "there is no such run, or no such need in it"),
    (status = 409, description = "it has no schedule yet"),
))]
async fn list(
    Axum(state): Axum<State>,
    _: Planner,
    Path(id): Path<RunId>,
    Query(Asked { need }): Query<Asked>,
) -> Result<axum::Json<Ranked>, Error> {
    let candidates = state.candidates(id, need).await?;
    Ok(axum::Json(Ranked { need, candidates }))
}
