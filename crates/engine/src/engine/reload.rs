//! What a change of the rules did: who reads it knows which timers and windows began anew.

use std::sync::Arc;

use crate::gateway::lane::Rebound;
use crate::rule::RuleSet;

/// What a change of the rules did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reload {
    /// Rules that were not there before.
    pub added: Vec<Arc<str>>,
    /// Rules whose definition changed: their delays and windows began anew, their alarms
    /// stayed.
    pub changed: Vec<Arc<str>>,
    /// Rules that are gone: their alarms are over.
    pub removed: Vec<Arc<str>>,
    /// Bound detectors that went on as they were.
    pub kept: usize,
    /// Bound detectors that began anew.
    pub reset: usize,
}

impl Reload {
    /// Compares two sets of rules; one that is switched off counts as not there.
    #[must_use]
    pub fn between(before: &RuleSet, now: &RuleSet) -> Self {
        let mut reload = Self::default();
        for (id, rule) in now.rules.iter().filter(|(_, rule)| rule.enabled) {
            match before.rules.get(id).filter(|old| old.enabled) {
                None => reload.added.push(id.clone()),
                Some(old) if old.version != rule.version => reload.changed.push(id.clone()),
                Some(_) => {}
            }
        }
        let is_on = |set: &RuleSet, id| set.rules.get(id).is_some_and(|rule| rule.enabled);
        let gone = before
            .rules
            .keys()
            .filter(|id| is_on(before, *id) && !is_on(now, *id));
        reload.removed = gone.cloned().collect();
        reload
    }

    /// Adds what became of one gateway's detectors.
    pub const fn add(&mut self, did: Rebound) {
        self.kept += did.kept;
        self.reset += did.reset;
    }
}
