//! The windows that the server knows: bookings (calibration, test, drill) and silences.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::Shared;
use super::error::Refusals;
use crate::view::{BookingView, SilenceView};

/// Booked windows, by begin. Those that are over stay until their room is needed.
#[utoipa::path(
    get, path = "/api/v1/bookings", tag = "alarms",
    responses((status = 200, description = "Booked windows", body = [BookingView]), Refusals)
)]
pub(super) async fn bookings(State(shared): State<Arc<Shared>>) -> Json<Vec<BookingView>> {
    let mut list: Vec<BookingView> = {
        let shown = shared.api.board.read();
        shown.bookings.values().cloned().collect()
    };
    list.sort_by_key(|it| it.from);
    Json(list)
}

/// Silences, by begin: those in force, those to come, and those that were over last.
#[utoipa::path(
    get, path = "/api/v1/silences", tag = "alarms",
    responses((status = 200, description = "Silences", body = [SilenceView]), Refusals)
)]
pub(super) async fn silences(State(shared): State<Arc<Shared>>) -> Json<Vec<SilenceView>> {
    let mut list: Vec<SilenceView> = {
        let shown = shared.api.board.read();
        shown.silences.values().cloned().collect()
    };
    list.sort_by_key(|it| it.from);
    Json(list)
}
