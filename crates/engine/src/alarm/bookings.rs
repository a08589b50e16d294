//! Booked windows (calibration, test, drill): alarms that are raised in them are planned.
//!
//! What must stay true: an alarm is planned no longer than the windows that cover its point
//! last. One that is still there then is somebody's duty.

use std::collections::BTreeMap;

use fenghuo_model::{PointDef, PointRef, Timestamp};
use serde::{Deserialize, Serialize};

use crate::input::Booking;

/// Most windows booked at once; those that are over make room.
pub const BOOKINGS_MAX: usize = 10_000;

/// The windows, by name.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Bookings(BTreeMap<String, Booking>);

impl Bookings {
    /// Adds one, or takes the place of the one of its name, while there is room.
    pub fn add(&mut self, booking: Booking, now: Timestamp) {
        if self.0.len() >= BOOKINGS_MAX {
            self.0.retain(|_, booking| booking.until > now);
        }
        if self.0.len() < BOOKINGS_MAX {
            self.0.insert(booking.id.clone(), booking);
        }
    }

    /// Ends one early.
    pub fn cut(&mut self, id: &str, at: Timestamp) {
        if let Some(booking) = self.0.get_mut(id) {
            booking.until = booking.until.min(at);
        }
    }

    /// The end of a window, if it is known.
    #[must_use]
    pub fn until(&self, id: &str) -> Option<Timestamp> {
        self.0.get(id).map(|booking| booking.until)
    }

    /// The window that covers a point at an instant, of several the one that lasts longest.
    #[must_use]
    pub fn covering(&self, point: &PointRef, def: &PointDef, at: Timestamp) -> Option<&Booking> {
        let covers = |booking: &&Booking| {
            (booking.from..booking.until).contains(&at) && booking.select.matches(point, def)
        };
        let covering = self.0.values().filter(covers);
        covering.max_by_key(|booking| booking.until)
    }

    /// Every window that is known.
    pub fn iter(&self) -> impl Iterator<Item = &Booking> {
        self.0.values()
    }
}
