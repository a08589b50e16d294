//! A set of rules in figures: what a person looks at before it goes into force.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Level, Rule, RuleSet, Ship};

/// A set of rules in figures. The system's own rules do not count.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Rules, those switched off included.
    pub rules: usize,
    /// Rules that are switched off.
    pub off: Vec<Arc<str>>,
    /// Levels of the rules that are switched on.
    pub levels: usize,
    /// Of these, the ones whose limit only the site's design can say and no site file says,
    /// by rule: they watch nothing.
    pub unarmed: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// Rules by the class of their numbers.
    pub ships: BTreeMap<Ship, usize>,
    /// Rules that do not say where their numbers come from.
    pub unsourced: usize,
    /// The site's own limits.
    pub site_limits: usize,
    /// Required targets.
    pub targets: usize,
    /// Registered enterprises.
    pub enterprises: usize,
    /// Kinds of plant in the register for which no target is required: a pack is missing, or
    /// the name is misspelt.
    pub unknown_plants: Vec<Arc<str>>,
}

impl Summary {
    /// Levels that watch something, once there are points.
    #[must_use]
    pub fn armed(&self) -> usize {
        self.levels - self.unarmed.values().map(Vec::len).sum::<usize>()
    }
}

impl RuleSet {
    /// The set in figures.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary {
            site_limits: self.site.len(),
            targets: self.targets.len(),
            enterprises: self.register.len(),
            unknown_plants: self.unknown_plants(),
            ..Summary::default()
        };
        for rule in self.rules.values().filter(|rule| !rule.is_builtin()) {
            summary.rules += 1;
            match &rule.source {
                Some(source) => *summary.ships.entry(source.ship).or_default() += 1,
                None => summary.unsourced += 1,
            }
            if !rule.enabled {
                summary.off.push(rule.id.clone());
                continue;
            }
            summary.levels += rule.levels.len();
            let unarmed = rule.levels.iter().filter(|it| !self.is_armed(rule, it));
            let unarmed: Vec<_> = unarmed.map(|level| level.name.clone()).collect();
            if !unarmed.is_empty() {
                summary.unarmed.insert(rule.id.clone(), unarmed);
            }
        }
        summary
    }

    /// Whether its limit is known, somewhere at least.
    fn is_armed(&self, rule: &Rule, level: &Level) -> bool {
        let said = self.site_limits(&rule.id, &level.name);
        let by_site = said.iter().any(|limit| limit.value.is_some());
        level.limit.is_none_or(|limit| limit.value.is_some()) || by_site
    }

    fn unknown_plants(&self) -> Vec<Arc<str>> {
        let plants = self.register.values().flat_map(|it| &it.plants);
        let is_known = |plant: &Arc<str>| self.targets.iter().any(|it| it.plant == *plant);
        let mut unknown: Vec<_> = plants.filter(|plant| !is_known(plant)).cloned().collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }
}
