//! What a change of rules or points leaves behind.

use std::collections::{BTreeMap, BTreeSet};

use fenghuo_model::{GatewayKey, Timestamp};

use crate::event::Transition;
use crate::gateway::Gateway;
use crate::gateway::emit::Emit;
use crate::{Alarm, AlarmKey, Subject};

/// An alarm whose rule or level went away has nobody to judge it: it is over. One that
/// nothing suppresses any more, because its rule says so no longer, has nobody to take the
/// cover off: it is shown again.
pub fn end_orphans(gateways: &BTreeMap<GatewayKey, Gateway>, at: Timestamp, emit: &mut Emit<'_>) {
    let watched: BTreeSet<_> = gateways
        .values()
        .flat_map(|gateway| std::iter::once(&gateway.live).chain(&gateway.backlog))
        .flat_map(|lane| &lane.states)
        .filter_map(|state| state.alarm)
        .collect();
    let is_orphan = |alarm: &&Alarm| {
        !matches!(alarm.key.subject, Subject::Gateway(_))
            && alarm.place.life.is_active()
            && !watched.contains(&alarm.occurrence)
    };
    let orphans = emit.book.iter().filter(is_orphan);
    let orphans: Vec<_> = orphans.map(|alarm| alarm.occurrence).collect();
    for occurrence in orphans {
        emit.change(occurrence, at, Transition::Return);
    }
    for occurrence in uncovered(gateways, emit) {
        emit.change(occurrence, at, Transition::Unsuppress);
    }
}

/// The alarms that are suppressed though no detector in force would.
fn uncovered(gateways: &BTreeMap<GatewayKey, Gateway>, emit: &Emit<'_>) -> Vec<crate::EventId> {
    let suppressed = || emit.book.iter().filter(|alarm| alarm.place.suppressed);
    let theirs: BTreeSet<_> = suppressed().map(|it| it.key.subject.gateway()).collect();
    let gateways = theirs.into_iter().filter_map(|key| gateways.get(key));
    let covering: BTreeSet<_> = gateways.flat_map(suppressible).collect();
    let is_left = |alarm: &&Alarm| !covering.contains(&alarm.key);
    suppressed()
        .filter(is_left)
        .map(|alarm| alarm.occurrence)
        .collect()
}

/// The levels of a gateway that the plant's state may suppress.
fn suppressible(gateway: &Gateway) -> impl Iterator<Item = AlarmKey> + '_ {
    let bound = gateway.wires.bound.iter();
    let suppresses = bound.filter(|bound| {
        let extra = bound.extra.as_ref();
        extra.is_some_and(|extra| extra.suppress.is_some())
    });
    suppresses.flat_map(|bound| {
        let levels = bound.rule.levels.iter().enumerate();
        let may = levels.filter(|(_, level)| level.shelve_ms > 0);
        may.map(|(number, _)| bound.key(number, &gateway.slots))
    })
}
