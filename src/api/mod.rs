//! Floor 3: JSON over HTTP.
//!
//! To add routes: write `pub(super) fn routes() -> OpenApiRouter<State>` in a file of its own, with
//! `#[utoipa::path]` over full paths (`/api/v1/…`), take input through [`extract`], refuse with
//! [`error::Error`], and name it in [`routes`]. Refusals are described by status alone; `document`
//! gives them their body and adds those that every route has.

pub mod absences;
pub mod access;
mod accounts;
mod again;
mod away;
mod candidates;
mod caps;
mod document;
mod doors;
pub mod error;
pub mod extract;
mod feeds;
mod fidelity;
mod health;
pub mod hours;
mod identities;
pub mod join;
mod kept;
mod layers;
mod mail;
mod make_ups;
mod minutes;
mod once;
mod passkeys;
pub mod passwords;
mod problems;
pub mod providers;
mod publish;
mod records;
pub mod repairs;
mod room;
mod runs;
pub mod second;
mod serve;
mod service_log;
mod sessions;
pub mod sign_in;
mod standing;
mod suppose;
pub mod vacancies;
pub mod withdrawals;

use std::sync::Arc;

use axum::Router;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::config::Settings;
use crate::domain::id::{AbsenceId, RunId, TermId};
use crate::domain::time::Date;
use crate::engine::outcome::Report;
use crate::store::minutes::{Account, Wanted};
use crate::store::{Db, queue::Queue};
use candidates::Desks;
use doors::Doors;
use error::Error;
use kept::Kept;
use repairs::{StandingChanges, TermNews};

pub use accounts::Wanted as WantedToken;
pub use health::record_metrics;
pub use minutes::AtRisk;
pub use serve::{GRACE, HEADER_TIMEOUT, serve};

/// What every handler may use.
#[derive(Clone)]
pub struct State {
    pub db: Db,
    pub settings: Arc<Settings>,
    /// Calls a worker; without it workers find a run by looking, a second later.
    pub queue: Option<Arc<dyn Queue>>,
    /// What identity providers say of themselves.
    pub known: Arc<providers::Known>,
    /// How often anyone may ask.
    pub doors: Arc<Doors>,
    /// Schedules that are open for questions about candidates.
    pub desks: Arc<Desks>,
    /// What befell terms, and what repairs would change.
    news: Arc<Kept<TermId, TermNews>>,
    changes: Arc<Kept<(RunId, Option<String>), StandingChanges>>,
    /// What stands, counted anew.
    standing: Arc<Kept<standing::Part, Option<Report>>>,
    /// Who could stand in for whom.
    plans: Arc<Kept<AbsenceId, absences::Standing>>,
    /// Every ledger of a term as of a day.
    ledgers: Arc<Kept<(Wanted, Date), Vec<Account>>>,
    /// Cancelled when the server stops: streams that would never end by themselves must watch it.
    pub closing: CancellationToken,
}

impl State {
    #[must_use]
    pub fn new(db: Db, settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let doors = Arc::new(Doors::new(settings.requests_per_minute));
        Self {
            db,
            queue: None,
            settings,
            known: Arc::default(),
            doors,
            desks: Arc::default(),
            news: Arc::default(),
            changes: Arc::default(),
            standing: Arc::default(),
            plans: Arc::default(),
            ledgers: Arc::default(),
            closing: CancellationToken::new(),
        }
    }
}

/// Every route of the API but those of the records, each with its description.
fn routes() -> OpenApiRouter<State> {
    let kept = OpenApiRouter::new().merge(health::routes()).merge(problems::routes());
    kept.merge(runs::routes())
        .merge(sessions::routes())
        .merge(feeds::routes())
        .merge(accounts::routes())
        .merge(identities::routes())
        .merge(minutes::routes())
        .merge(service_log::routes())
        .merge(make_ups::routes())
        .merge(fidelity::routes())
        .merge(caps::routes())
        .merge(mail::routes())
        .merge(candidates::routes())
        .merge(absences::routes())
        .merge(withdrawals::routes())
        .merge(vacancies::routes())
        .merge(repairs::routes())
}

/// The whole API.
pub fn router(state: State) -> Router {
    app(state, Router::new())
}

/// The whole API and `pages`, behind the same layers.
pub fn app(state: State, pages: Router<State>) -> Router {
    record_metrics();
    let settings = state.settings.clone();
    let router = document::publish(routes(), records::routes()).merge(pages);
    let router = router.fallback(async || Error::NoRoute).method_not_allowed_fallback(async || Error::NoMethod);
    let known = axum::middleware::from_fn_with_state(state.clone(), access::know);
    layers::around(router.layer(known).with_state(state), &settings)
}
