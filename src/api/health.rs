//! What operators ask: are you alive, are you ready, how are you doing.

use std::sync::OnceLock;

use axum::extract::State as Axum;
use axum::http::header;
use axum::response::IntoResponse;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::access::Operator;
use super::error::Error;

const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The one recorder of the process.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder of metrics, once; what is counted before is lost.
pub fn record_metrics() -> &'static PrometheusHandle {
    RECORDER.get_or_init(|| {
        let seconds = Matcher::Suffix("_seconds".into());
        let builder =
            PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS).expect("the list is not empty");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // A recorder that a test or an embedding program installed first is left in place.
        metrics::set_global_recorder(recorder).ok();
        handle
    })
}

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready)).routes(routes!(measurements))
}

#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
    version: &'static str,
}

const OK: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// Is the process alive
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, description = "it is", body = Health)))]
async fn live() -> impl IntoResponse {
    axum::Json(OK)
}

/// Is the database reachable and migrated
#[utoipa::path(get, path = "/readyz", tag = "operations", responses(
    (status = 200, description = "it is", body = Health),
    (status = 503, description = "it is not"),
))]
async fn ready(Axum(state): Axum<State>) -> Result<impl IntoResponse, Error> {
    let pending = state.db.pending().await.map_err(|error| {
        tracing::warn!(%error, "not ready");
        Error::NotReady("it does not answer")
    })?;
    if !pending.is_empty() {
        return Err(Error::NotReady("migrations are missing; run bellwether migrate"));
    }
    Ok(axum::Json(OK))
}

/// Measurements for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "text exposition format 0.0.4", body = String, content_type = "text/plain; version=0.0.4")))]
async fn measurements(_: Operator) -> impl IntoResponse {
    let recorder = record_metrics();
    recorder.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], recorder.render())
}
