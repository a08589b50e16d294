//! A booked window (calibration, test, drill) as screens show it.

use std::collections::BTreeMap;

use fenghuo_engine::input::Booking;
use serde::Serialize;
use utoipa::ToSchema;

/// A window in which alarms of some points are planned.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct BookingView {
    /// Its name.
    pub booking: String,
    /// The points, by their labels: each name with the values that fit.
    pub select: BTreeMap<String, Vec<String>>,
    /// Begin, in the time of the data.
    pub from: i64,
    /// End, in the time of the data.
    pub until: i64,
}

/// Shows a booking.
#[must_use]
pub fn booking(booking: &Booking) -> BookingView {
    BookingView {
        booking: booking.id.clone(),
        select: booking.select.0.clone(),
        from: booking.from.as_millis(),
        until: booking.until.as_millis(),
    }
}
