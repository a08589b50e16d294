//! What the engine knows that coverage counts.

use std::collections::BTreeSet;

use fenghuo_model::{EnterpriseId, GatewayKey};

use super::Engine;
use crate::coverage::{self, Coverage, EnterpriseCoverage, Measured};
use crate::gateway::Gateway;

/// The first name that a gateway can have, in the order of names.
const FIRST_GATEWAY: &str = "-";

impl Engine {
    /// How far what must be measured is measured. Reads every point: on a large server
    /// [`Engine::coverage_of`] does it one enterprise at a time.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let ids = self.enterprises();
        Coverage {
            enterprises: ids.iter().map(|id| self.coverage_of(id)).collect(),
        }
    }

    /// The same, of one enterprise.
    #[must_use]
    pub fn coverage_of(&self, id: &EnterpriseId) -> EnterpriseCoverage {
        let gateways: Vec<_> = self.gateways_of(id).map(measured).collect();
        coverage::enterprise(&self.rules, id, &gateways)
    }

    /// The enterprises that are registered or that report.
    #[must_use]
    pub fn enterprises(&self) -> BTreeSet<EnterpriseId> {
        let reporting = self.gateways.keys().map(|key| &key.enterprise);
        coverage::enterprises(&self.rules, reporting)
    }

    fn gateways_of(&self, id: &EnterpriseId) -> impl Iterator<Item = &Gateway> {
        let first = GatewayKey::new(id.as_str(), FIRST_GATEWAY);
        let from = first.map(|first| self.gateways.range(first..));
        let from = from.into_iter().flatten();
        from.take_while(move |(key, _)| key.enterprise == *id)
            .map(|(_, gateway)| gateway)
    }
}

/// The newest catalog's points; those that stand for a line or a device measure nothing.
fn measured(gateway: &Gateway) -> Vec<Measured<'_>> {
    let slots = gateway.slots.iter().enumerate();
    let in_use = slots.filter(|(_, slot)| !slot.retired && !slot.is_source);
    in_use
        .map(|(at, slot)| {
            let state = gateway.live.points.get(at);
            Measured {
                point: &slot.point,
                def: &slot.def,
                live: !gateway.silent && state.is_some_and(|state| state.is_live()),
            }
        })
        .collect()
}
