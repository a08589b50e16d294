//! `/metrics` and `/healthz`. Plain HTTP without login, so it listens on loopback unless
//! told otherwise; it shows counters and problems, never values or secrets.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

use super::few::Few;
use super::health::{Problem, State};
use super::{DestinationMeter, Status};

/// What `/healthz` answers.
#[derive(Debug, Serialize)]
struct Healthz {
    status: State,
    problems: Vec<Problem>,
    gateway: String,
    version: &'static str,
    destinations: Vec<Delivery>,
}

/// How delivery to one destination goes.
#[derive(Debug, Serialize)]
struct Delivery {
    name: String,
    up: bool,
    frames_pending: i64,
    backlog_seconds: i64,
}

#[derive(Clone)]
struct Page {
    status: Status,
    gateway: String,
    destinations: Vec<DestinationMeter>,
}

/// Answers until the future is dropped.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    status: Status,
    gateway: String,
    destinations: Vec<String>,
) -> std::io::Result<()> {
    let destinations = destinations.iter();
    let page = Page {
        destinations: destinations.map(|name| status.destination(name)).collect(),
        status,
        gateway,
    };
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .with_state(page);
    axum::serve(Few::new(listener), router).await
}

async fn metrics(Shared(page): Shared<Page>) -> Response {
    match page.status.metrics.text() {
        Ok(text) => ([("content-type", "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn healthz(Shared(page): Shared<Page>) -> Response {
    let (status, problems) = page.status.health.report();
    let delivery = |meter: &DestinationMeter| Delivery {
        name: meter.name.clone(),
        up: meter.up.get() == 1,
        frames_pending: meter.pending.get(),
        backlog_seconds: meter.backlog_seconds.get(),
    };
    let code = match status {
        State::Ok | State::Degraded => StatusCode::OK,
        State::Failing => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = Healthz {
        status,
        problems,
        gateway: page.gateway,
        version: env!("CARGO_PKG_VERSION"),
        destinations: page.destinations.iter().map(delivery).collect(),
    };
    (code, Json(body)).into_response()
}
