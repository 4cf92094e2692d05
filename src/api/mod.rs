//! Floor 3: JSON over HTTP.
//!
//! To add routes: write `pub(super) fn routes() -> OpenApiRouter<State>` in a file of its own, with
//! `#[utoipa::path]` over full paths (`/api/v1/…`), take input through [`extract`], refuse with
//! [`error::Error`], and name it in [`routes`]. Refusals are described by status alone; `document`
//! gives them their body and adds those that every route has.

mod document;
pub mod error;
pub mod extract;
mod feeds;
mod health;
mod layers;
mod problems;
mod publish;
mod records;
mod runs;
mod serve;
mod sessions;

use std::sync::Arc;

use axum::Router;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::config::Settings;
use crate::store::{Db, queue::Queue};
use error::Error;

pub use health::record_metrics;
pub use serve::{GRACE, HEADER_TIMEOUT, serve};

/// What every handler may use.
#[derive(Clone)]
pub struct State {
    pub db: Db,
    pub settings: Arc<Settings>,
    /// Calls a worker; without it workers find a run by looking, a second later.
    pub queue: Option<Arc<dyn Queue>>,
    /// Who acts. Everyone is the same until there are accounts.
    pub principal: Arc<str>,
    /// Cancelled when the server stops: streams that would never end by themselves must watch it.
    pub closing: CancellationToken,
}

impl State {
    #[must_use]
    pub fn new(db: Db, settings: Settings) -> Self {
        let settings = Arc::new(settings);
        Self { db, queue: None, settings, principal: "local".into(), closing: CancellationToken::new() }
    }
}

/// Every route of the API but those of the records, each with its description.
fn routes() -> OpenApiRouter<State> {
    let kept = OpenApiRouter::new().merge(health::routes()).merge(problems::routes());
    kept.merge(runs::routes()).merge(sessions::routes()).merge(feeds::routes())
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
    layers::around(router.with_state(state), &settings)
}
