//! Roll-ups follow what makes an alarm somebody's concern, and what takes that away.

use std::collections::{BTreeMap, BTreeSet};

use fenghuo_model::GatewayKey;

use crate::event::{Change, EventId, Transition};
use crate::gateway::Gateway;

/// Lets roll-ups count again what these changes covered, uncovered, or ended the plan of: at
/// the next frame, which comes within a second of the gateway's life. Only for changes that
/// people, the server's clock, rules or catalogs made: a lane follows its own, in its own time.
pub fn count_anew(gateways: &mut BTreeMap<GatewayKey, Gateway>, changes: &[Change]) {
    let matters = |change: &&Change| {
        matches!(
            change.event.transition,
            Transition::Suppress { .. }
                | Transition::Unsuppress
                | Transition::TakeOut(_)
                | Transition::PutBack(_)
                | Transition::PlanOver { .. }
        )
    };
    let mut changed: BTreeMap<&GatewayKey, BTreeSet<EventId>> = BTreeMap::new();
    for change in changes.iter().filter(matters) {
        let gateway = change.event.alarm.subject.gateway();
        let occurrences = changed.entry(gateway).or_default();
        occurrences.insert(change.event.occurrence);
    }
    for (key, occurrences) in changed {
        if let Some(gateway) = gateways.get_mut(key) {
            gateway.recount(&occurrences);
        }
    }
}
