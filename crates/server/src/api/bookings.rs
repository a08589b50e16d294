//! The booked windows (calibration, test, drill) that the server knows.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::Shared;
use super::error::Refusals;
use crate::view::BookingView;

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
