//! By which booked window an alarm that is up is planned.

use std::collections::BTreeMap;

use fenghuo_model::{GatewayKey, Timestamp};

use crate::gateway::Gateway;
use crate::input::Booking;
use crate::{Alarm, Book};

/// The window that plans an alarm at an instant, as its points read now.
pub fn window(
    gateways: &BTreeMap<GatewayKey, Gateway>,
    book: &Book,
    alarm: &Alarm,
    at: Timestamp,
) -> Option<Booking> {
    let key = &alarm.key;
    let gateway = gateways.get(key.subject.gateway())?;
    let mut bound = gateway.wires.bound.iter();
    let bound =
        bound.find(|it| it.rule.id == key.rule && it.subject(&gateway.slots) == key.subject)?;
    let mut levels = bound.rule.levels.iter();
    let number = levels.position(|level| level.name == key.level)?;
    let live = &gateway.live;
    live.planned((bound, number), &gateway.slots, book, at)
        .cloned()
}
