//! What the rules in force and the points that there are make of an alarm's name.
//!
//! What must stay true: nothing red is ever shelved, whether the rule makes it red, the site's
//! limit does at its point, or it came up red and is still there.

use std::collections::BTreeMap;

use fenghuo_model::{GatewayKey, Severity};

use crate::gateway::Gateway;
use crate::gateway::bind::Bound;
use crate::gateway::emit::SILENT_RULE;
use crate::rule::{RuleSet, SHELVE_MS_DEFAULT};
use crate::{Alarm, AlarmKey, Book, Subject};

/// The gateways and the rules.
#[derive(Clone, Copy)]
pub struct Plant<'a> {
    pub gateways: &'a BTreeMap<GatewayKey, Gateway>,
    pub rules: &'a RuleSet,
}

impl Plant<'_> {
    /// Whether some rule in force can raise it.
    pub fn can_be(self, key: &AlarmKey) -> bool {
        if let Subject::Gateway(gateway) = &key.subject {
            return *key.rule == *SILENT_RULE && self.gateways.contains_key(gateway);
        }
        self.severity(key).is_some()
    }

    /// The longest that it may be shelved, in milliseconds; 0 when it must not be, or when there
    /// is no such level.
    pub fn shelve_ms(self, book: &Book, key: &AlarmKey) -> u64 {
        if *key.rule == *SILENT_RULE {
            return SHELVE_MS_DEFAULT;
        }
        let rule = self.rules.rules.get(&key.rule);
        let level = rule.and_then(|rule| rule.levels.iter().find(|it| it.name == key.level));
        let record = book.newest(key, false);
        let is_red = record.is_some_and(Alarm::is_red) || self.is_made_red(key);
        match level {
            Some(level) if !is_red => level.shelve_ms,
            _ => 0,
        }
    }

    /// Whether the site makes it red where it is.
    fn is_made_red(self, key: &AlarmKey) -> bool {
        let site = self.rules.site_limits(&key.rule, &key.level);
        let red = site.iter().filter(|it| it.severity == Some(Severity::Red));
        match &key.subject {
            Subject::Gateway(_) => false,
            // Shown for every alarm: not all detectors are gone through for each.
            Subject::Point(point) => {
                let gateway = self.gateways.get(&point.gateway).into_iter();
                let mut slots = gateway.flat_map(|gateway| gateway.watched(&point.key));
                slots.any(|slot| red.clone().any(|it| it.is_for(&slot.point, &slot.def)))
            }
            Subject::Group(..) => red.count() > 0 && self.severity(key) == Some(Severity::Red),
        }
    }

    /// How bad the rules in force make it; none when none of them can raise it.
    fn severity(self, key: &AlarmKey) -> Option<Severity> {
        let gateway = self.gateways.get(key.subject.gateway())?;
        let bound = gateway.wires.bound.iter();
        let bound = bound.filter(|bound| {
            bound.rule.id == key.rule && bound.subject(&gateway.slots) == key.subject
        });
        let severity = |bound: &Bound| {
            let mut levels = bound.rule.levels.iter().zip(&bound.levels);
            let level = levels.find(|(level, _)| level.name == key.level);
            level.map(|(_, bound)| bound.severity)
        };
        bound.filter_map(severity).max()
    }
}
