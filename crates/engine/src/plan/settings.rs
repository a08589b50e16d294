//! Who is told of what: receivers and their wishes, as typed settings.

use std::collections::BTreeSet;
use std::sync::Arc;

use fenghuo_model::Severity;
use serde::{Deserialize, Serialize};

use super::Known;
use crate::rule::{Calendar, RuleSet, Select};

/// Most receivers.
pub const RECEIVERS_MAX: usize = 100;
/// Most carriers of one receiver.
pub const CARRIERS_MAX: usize = 16;
/// Most labels by which a receiver groups.
pub const GROUP_LABELS_MAX: usize = 8;
/// From here on nothing waits: no group, no quiet hours, no digest, no settling.
pub const SEVERE: Severity = Severity::Orange;
/// After a start of the server, low notices gather for so long, in milliseconds.
pub const SETTLE_MS: u64 = 30_000;

/// Everything that the planner goes by.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    /// The receivers, each name once.
    pub receivers: Vec<Receiver>,
    /// The calendars that quiet hours name.
    pub calendars: Vec<Calendar>,
}

impl Settings {
    /// What the rule files say; where they name no receiver, every carrier is told of every
    /// call at once.
    #[must_use]
    pub fn new(set: &RuleSet, carriers: &[String]) -> Self {
        if set.receivers.is_empty() {
            return Self::plain(carriers);
        }
        Self {
            receivers: set.receivers.clone(),
            calendars: set.calendars.clone(),
        }
    }

    /// Every live raise goes to every carrier at once, and nothing else does.
    #[must_use]
    pub fn plain(carriers: &[String]) -> Self {
        let everybody = Receiver {
            returned: false,
            flood: None,
            settle_ms: 0,
            ..Receiver::new("all", carriers)
        };
        let receivers = if carriers.is_empty() {
            Vec::new()
        } else {
            vec![everybody]
        };
        Self {
            receivers,
            calendars: Vec::new(),
        }
    }
}

/// Somebody who is told: a duty room, a leader, a department.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Receiver {
    /// Its name.
    pub name: Arc<str>,
    /// What it is in the plan, in the site's words.
    pub role: Option<String>,
    /// What brings its notices.
    pub carriers: Vec<String>,
    /// Which alarms; all when left out.
    pub select: Option<Select>,
    /// How bad they are.
    pub severities: BTreeSet<Severity>,
    /// 0: told at once; 1 to 3: told when a step of the closed loop is overdue at that tier.
    pub tier: u8,
    /// Alarms at least this bad are told at once to a higher tier, too.
    pub at_once: Option<Severity>,
    /// The labels whose values make a group of low alarms that is told together.
    pub group_by: Vec<Arc<str>>,
    /// How long the first low alarm of a group waits for others, in milliseconds.
    pub wait_ms: u64,
    /// Told again after so long while nobody has seen it, in milliseconds.
    pub repeat_ms: Option<u64>,
    /// Told of the end of what it was told of.
    pub returned: bool,
    /// When low alarms are kept for later.
    pub quiet: Option<Quiet>,
    /// When low alarms become digests.
    pub flood: Option<Flood>,
    /// How long low notices gather after a start, in milliseconds.
    pub settle_ms: u64,
}

impl Receiver {
    /// A receiver of everything, at once.
    #[must_use]
    pub fn new(name: &str, carriers: &[String]) -> Self {
        Self {
            name: name.into(),
            role: None,
            carriers: carriers.to_vec(),
            select: None,
            severities: Severity::ALL.into_iter().collect(),
            tier: 0,
            at_once: None,
            group_by: Vec::new(),
            wait_ms: 0,
            repeat_ms: None,
            returned: true,
            quiet: None,
            flood: Some(Flood::default()),
            settle_ms: SETTLE_MS,
        }
    }

    /// Whether an alarm concerns it.
    #[must_use]
    pub(super) fn wants(&self, known: &Known) -> bool {
        self.severities.contains(&known.severity)
            && self.select.as_ref().is_none_or(|it| known.matches(it))
    }

    /// Whether it is told of such an alarm when it is raised.
    #[must_use]
    pub(super) fn calls_at_once(&self, severity: Severity) -> bool {
        self.tier == 0 || self.at_once.is_some_and(|from| severity >= from)
    }
}

/// Quiet hours: low alarms are kept and come as one digest at their end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quiet {
    /// The calendar's name.
    pub calendar: Arc<str>,
    /// Alarms under this are low; never worse than [`SEVERE`].
    pub below: Severity,
}

/// When too much comes at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flood {
    /// It begins with more than so many raises within the span.
    pub over: u32,
    /// It ends with fewer than so many.
    pub under: u32,
    /// The span, in milliseconds.
    pub span_ms: u64,
    /// A digest comes so often, in milliseconds.
    pub digest_ms: u64,
}

/// Most raises that a flood's threshold may ask for: so many instants are kept.
pub const FLOOD_OVER_MAX: u32 = 1_000;

impl Default for Flood {
    /// ISA-18.2: more than 10 in 10 minutes begin a flood, fewer than 5 end it.
    fn default() -> Self {
        Self {
            over: 10,
            under: 5,
            span_ms: 600_000,
            digest_ms: 60_000,
        }
    }
}
