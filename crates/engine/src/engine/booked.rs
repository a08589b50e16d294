//! Which point an alarm is booked by.

use std::collections::BTreeMap;

use fenghuo_model::{GatewayKey, PointDef, PointRef};

use crate::AlarmKey;
use crate::gateway::Gateway;

/// The point by which an alarm is planned: its own, or the first of its group.
pub fn point<'g>(
    gateways: &'g BTreeMap<GatewayKey, Gateway>,
    key: &AlarmKey,
) -> Option<(&'g PointRef, &'g PointDef)> {
    let gateway = gateways.get(key.subject.gateway())?;
    let mut bound = gateway.wires.bound.iter();
    let bound =
        bound.find(|it| it.rule.id == key.rule && it.subject(&gateway.slots) == key.subject)?;
    let slot = &gateway.slots[bound.slot as usize];
    Some((&slot.point, &slot.def))
}
