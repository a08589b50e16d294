//! What a site says of the packs' rules: its own limits, and rules that it switches on.
//!
//! What must stay true: of several limits that meet at a point the strictest wins, key by
//! key, so that no entry can undo another; a level from a regulation only becomes stricter,
//! which the loader has made sure of for numbers and binding makes sure of for resets.

use std::sync::Arc;

use fenghuo_model::{PointDef, PointRef, Severity};
use serde::{Deserialize, Serialize};

use super::{Op, RuleSet, Select};

/// Most site limits.
pub const SITE_LIMITS_MAX: usize = 10_000;

/// A site's own limit for a level: what it leaves out stays as the pack has it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SiteLimit {
    /// The rule.
    pub rule: Arc<str>,
    /// Its level.
    pub level: Arc<str>,
    /// For which points; all that the rule selects when left out.
    pub select: Option<Select>,
    /// The limit, in the rule's unit.
    pub value: Option<f64>,
    /// Where it clears, in the rule's unit.
    pub reset: Option<f64>,
    /// How long the condition must last, in milliseconds.
    pub for_ms: Option<u64>,
    /// How bad.
    pub severity: Option<Severity>,
    /// Whether a person must reset it.
    pub latch: Option<bool>,
    /// The document that says so.
    pub document: String,
    /// Who entered it.
    pub by: Option<String>,
}

impl SiteLimit {
    /// Whether it is for a point.
    #[must_use]
    pub fn is_for(&self, point: &PointRef, def: &PointDef) -> bool {
        let select = self.select.as_ref();
        select.is_none_or(|select| select.matches(point, def))
    }
}

/// A rule that a site switches on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Enable {
    /// The rule.
    pub rule: Arc<str>,
    /// The document that says so.
    pub document: Option<String>,
    /// Who entered it.
    pub by: Option<String>,
}

impl Op {
    /// The stricter of two numbers: the one nearer to normal.
    #[must_use]
    pub const fn stricter(self, a: f64, b: f64) -> f64 {
        if self.is_upper() { a.min(b) } else { a.max(b) }
    }

    /// Whether `a` lies beyond `b`, on the side away from normal.
    #[must_use]
    pub fn is_beyond(self, a: f64, b: f64) -> bool {
        if self.is_upper() { a > b } else { a < b }
    }
}

impl RuleSet {
    /// The site's limits for a level; they are kept in the order of rule and level.
    #[must_use]
    pub fn site_limits(&self, rule: &str, level: &str) -> &[SiteLimit] {
        let wanted = (rule, level);
        let from = self.site.partition_point(|limit| name(limit) < wanted);
        let count = self.site[from..].partition_point(|limit| name(limit) == wanted);
        &self.site[from..from + count]
    }

    pub(super) fn sort_site_limits(&mut self) {
        self.site.sort_by(|a, b| name(a).cmp(&name(b)));
    }
}

fn name(limit: &SiteLimit) -> (&str, &str) {
    (&limit.rule, &limit.level)
}
