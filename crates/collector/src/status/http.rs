//! `/metrics` and `/healthz`. Plain HTTP without login, so it listens on loopback unless
//! told otherwise; it shows counters and problems, never values or secrets.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

use super::health::{Problem, State};
use super::{Code, DestinationMeter, Status};
use crate::source::Closed;

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

/// Looks at the wall clock once a second and tells the batcher when it was set.
///
/// # Errors
/// [`Closed`] when there is no batcher any more.
pub async fn watch_clock(
    clock: &crate::clock::ReadClock,
    status: &Status,
    out: &tokio::sync::mpsc::Sender<crate::source::Report>,
) -> Result<(), Closed> {
    use crate::clock::Compared;
    use crate::source::Report;
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let step = match clock.compare() {
            Compared::Same => None,
            Compared::Forward { at, by } => {
                tracing::warn!(by_ms = by, "the wall clock was set forward");
                Some(Report::ClockStep { at, by })
            }
            Compared::Held { at, ahead } => {
                tracing::warn!(ahead_ms = ahead, "the wall clock was set back");
                Some(Report::ClockStep { at, by: 0 })
            }
        };
        if let Some(step) = step {
            out.send(step).await.map_err(|_| Closed)?;
        }
        let ahead = clock.ahead();
        status.metrics.clock_ahead_ms.set(ahead);
        let words = (ahead > 0).then(|| {
            (
                format!("系统时钟被回拨，采集时钟超前 {ahead} 毫秒"),
                format!("the wall clock was set back; the read clock is {ahead} ms ahead"),
            )
        });
        status.health.set(Code::ClockAhead, "", words);
    }
}
