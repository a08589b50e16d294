//! `/metrics` and `/healthz`. Plain HTTP without login, so it listens on loopback unless
//! told otherwise; it shows counters and problems, never values or secrets.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

use super::Status;
use super::health::{Problem, State};

/// What `/healthz` answers.
#[derive(Debug, Serialize)]
struct Healthz {
    status: State,
    problems: Vec<Problem>,
    gateway: String,
    version: &'static str,
    frames_pending: i64,
    backlog_seconds: i64,
    link_up: bool,
}

#[derive(Clone)]
struct Page {
    status: Status,
    gateway: String,
}

/// Answers until the future is dropped.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, status: Status, gateway: String) -> std::io::Result<()> {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .with_state(Page { status, gateway });
    axum::serve(listener, router).await
}

async fn metrics(Shared(page): Shared<Page>) -> Response {
    match page.status.metrics.text() {
        Ok(text) => ([("content-type", "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn healthz(Shared(page): Shared<Page>) -> Response {
    let (status, problems) = page.status.health.report();
    let metrics = &page.status.metrics;
    let code = match status {
        State::Ok | State::Degraded => StatusCode::OK,
        State::Failing => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = Healthz {
        status,
        problems,
        gateway: page.gateway,
        version: env!("CARGO_PKG_VERSION"),
        frames_pending: metrics.frames_pending.get(),
        backlog_seconds: metrics.backlog_seconds.get(),
        link_up: metrics.link_up.get() == 1,
    };
    (code, Json(body)).into_response()
}
