//! The HTTP API, the console and the figures, on one port.
//!
//! ```text
//!  guard (host, deadline, headers, count) ─► routes ─┬─► board     what is shown now
//!                                                    ├─► journal   alarm events for good
//!                                                    ├─► history   trends
//!                                                    ├─► intake    a person's act, into the log
//!                                                    └─► console   the page itself
//! ```
//!
//! The API shows the shapes of [`crate::view`] only, and its OpenAPI document is made from
//! the handlers. What must stay true:
//! - nothing a client sends can make a handler panic, hold a thread of the runtime, or keep
//!   more than a bounded amount of memory: bodies, spans, limits, screens and blocking reads
//!   have bounds, and every request but the stream has a deadline;
//! - every error is `{code, message: {zh, en}}` with a code that does not change;
//! - an act is answered from the journal's events, never from hope.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use fenghuo_history::History;
use tokio::sync::{Semaphore, watch};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::board::Board;
use crate::explain::Desk;
use crate::intake::Intake;
use crate::metrics::Metrics;

mod ack;
mod acts;
mod alarms;
mod coverage;
mod custody;
mod error;
mod explain;
mod figures;
mod guard;
mod page;
mod person;
mod pool;
mod range;
mod rules;
mod shown;
mod stream;
#[cfg(test)]
mod tests;
mod windows;

pub use error::{ApiError, ErrorView};
pub use pool::JournalPool;

/// Longest body of a request.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Most screens that read the stream at once.
pub const SCREENS_MAX: usize = 256;
/// Most reads of history at once.
pub const HISTORY_READS_MAX: usize = 16;

/// What the handlers need of the server.
#[derive(Clone)]
pub struct Api {
    /// Who knows why.
    pub desk: Desk,
    /// What is shown.
    pub board: Arc<Board>,
    /// Readers of the journal.
    pub journal: Arc<JournalPool>,
    /// Trends.
    pub history: History,
    /// The book of custody.
    pub custody: PathBuf,
    /// Where a person's act goes.
    pub intake: Intake,
    /// The last log position that was judged, journaled and shown.
    pub judged: watch::Receiver<u64>,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// True when the server stops: streams end then.
    pub stop: watch::Receiver<bool>,
    /// The server listens on loopback only, so only loopback names may stand in a request's
    /// `Host`: a foreign page that points its own name here (DNS rebinding) is refused.
    pub loopback_only: bool,
}

/// The API's parts with what bounds their use.
struct Shared {
    api: Api,
    history_reads: Arc<Semaphore>,
    screens: Arc<Semaphore>,
    /// Patterns of our own routes: labels of the request count.
    paths: BTreeSet<String>,
    /// The OpenAPI document.
    document: String,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Fenghuo",
        description = "Sensor monitoring and early warning. Times are integer milliseconds \
                       since the Unix epoch; a point's id is `enterprise/gateway/key`; an \
                       event's id is `position.ordinal`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "alarms", description = "Alarms, their events and what people do about them"),
        (name = "points", description = "What is measured"),
        (name = "server", description = "The server itself")
    )
)]
struct Document;

fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(shown::health))
        .routes(routes!(shown::gateways))
        .routes(routes!(shown::points))
        .routes(routes!(shown::current))
        .routes(routes!(coverage::coverage))
        .routes(routes!(rules::rules))
        .routes(routes!(figures::figures))
        .routes(routes!(range::range))
        .routes(routes!(custody::custody))
        .routes(routes!(alarms::alarms))
        .routes(routes!(alarms::events))
        .routes(routes!(ack::acknowledge))
        .routes(routes!(acts::act))
        .routes(routes!(windows::bookings))
        .routes(routes!(windows::silences))
        .routes(routes!(explain::explain))
        .routes(routes!(stream::stream))
        .routes(routes!(page::openapi))
        .routes(routes!(page::healthz))
        .routes(routes!(page::metrics))
}

/// Everything that the server answers over HTTP.
pub fn router(api: Api) -> Router {
    let (routes, document) = routes().split_for_parts();
    let shared = Arc::new(Shared {
        api,
        history_reads: Arc::new(Semaphore::new(HISTORY_READS_MAX)),
        screens: Arc::new(Semaphore::new(SCREENS_MAX)),
        paths: document.paths.paths.keys().cloned().collect(),
        document: written(&document),
    });
    routes
        .fallback(page::page)
        .method_not_allowed_fallback(page::method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(Arc::clone(&shared), guard::guard))
        .with_state(shared)
}

/// The OpenAPI document of this API, as the server answers it.
#[must_use]
pub fn openapi() -> String {
    written(routes().get_openapi())
}

fn written(document: &utoipa::openapi::OpenApi) -> String {
    document
        .to_pretty_json()
        .expect("a document of texts and numbers can be written as JSON")
}
