//! Health and metrics.

use super::Server;
use actix_web::HttpResponse;
use actix_web::web::{self, Data};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

/// The routes of the admin port.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/metrics", web::get().to(metrics))
        .route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz));
}

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// `GET /readyz`: every slot is owned, the journal takes commits, and boards are restored.
pub(super) async fn readyz(server: Data<Server>) -> HttpResponse {
    if server.core.is_ready() && server.tournaments.is_restored() {
        HttpResponse::Ok().json(json!({"status": "ready"}))
    } else {
        HttpResponse::ServiceUnavailable().json(json!({"status": "not ready"}))
    }
}

async fn metrics(server: Data<Server>, handle: Data<PrometheusHandle>) -> HttpResponse {
    let small = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    metrics::gauge!("palio_commands_in_flight").set(small(server.core.in_flight()));
    metrics::gauge!("palio_wallets_awake").set(small(server.core.awake()));
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(handle.render())
}
