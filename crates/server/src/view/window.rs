//! Windows as screens show them: bookings (calibration, test, drill), in which alarms are
//! planned, and silences, in which notices are not sent. Each says who made it and why.

use std::collections::BTreeMap;

use fenghuo_engine::Act;
use fenghuo_engine::input::{Booking, Silence};
use serde::Serialize;
use utoipa::ToSchema;

/// Who did something, when and why.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct DoneView {
    /// Who.
    pub by: String,
    /// Their words.
    pub comment: String,
    /// When, by the server's clock.
    pub at: i64,
}

impl From<&Act> for DoneView {
    fn from(act: &Act) -> Self {
        Self {
            by: act.by.clone(),
            comment: act.comment.clone(),
            at: act.at.as_millis(),
        }
    }
}

/// A window in which alarms of some points are planned.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct BookingView {
    /// Its name.
    pub booking: String,
    /// The points, by their labels: each name with the values that fit.
    pub select: BTreeMap<String, Vec<String>>,
    /// Begin, in the time of the data.
    pub from: i64,
    /// End, in the time of the data; earlier than was booked when it was ended early.
    pub until: i64,
    /// Who booked it, and why.
    pub made: Option<DoneView>,
    /// Who ended it early or took it back.
    pub ended: Option<DoneView>,
}

/// A time in which notices of some alarms are not sent. The alarms go on.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct SilenceView {
    /// Its name.
    pub silence: String,
    /// The alarms, by their labels: each name with the values that fit.
    pub select: BTreeMap<String, Vec<String>>,
    /// Begin, by the server's clock.
    pub from: i64,
    /// End, by the server's clock; earlier than was asked when it was ended early.
    pub until: i64,
    /// Who made it, and why.
    pub made: Option<DoneView>,
    /// Who ended it early.
    pub ended: Option<DoneView>,
}

/// Shows a booking.
#[must_use]
pub fn booking(booking: &Booking) -> BookingView {
    BookingView {
        booking: booking.id.clone(),
        select: booking.select.0.clone(),
        from: booking.from.as_millis(),
        until: booking.until.as_millis(),
        made: None,
        ended: None,
    }
}

/// Shows a silence.
#[must_use]
pub fn silence(silence: &Silence) -> SilenceView {
    SilenceView {
        silence: silence.id.clone(),
        select: silence.select.0.clone(),
        from: silence.from.as_millis(),
        until: silence.until.as_millis(),
        made: None,
        ended: None,
    }
}
