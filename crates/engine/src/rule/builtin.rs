//! The system's own rules: one communication alarm for each line and device that does not
//! answer. (A gateway's own silence is counted in ticks, not judged by a rule.)

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_model::source::{LABEL_SOURCE, is_broker};
use fenghuo_model::{PointDef, Severity, Title};
use serde::{Deserialize, Serialize};

use super::{Detector, Is, Level, OnUnknown, Rule, RuleSet, SHELVE_MS_DEFAULT, Select};

/// The rule of a line that does not answer.
pub const LINE_RULE: &str = "fenghuo.line-down";
/// The rule of a device that does not answer.
pub const DEVICE_RULE: &str = "fenghuo.device-down";

/// How long what carries data must be away before it is an alarm. Until then what lies behind
/// it is unknown, and its alarms are held; nothing of it is an alarm of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Communication {
    /// A line to devices, in milliseconds: one refused attempt to connect again is not yet a
    /// line that is down.
    pub line_for_ms: u64,
    /// A line to a broker, in milliseconds. The broker may be the server's own: its restart,
    /// and the wait until its clients try again (up to 12.5 s), is no fault of the plant.
    pub broker_for_ms: u64,
}

impl Default for Communication {
    fn default() -> Self {
        Self {
            line_for_ms: 5_000,
            broker_for_ms: 30_000,
        }
    }
}

/// How long a line must be away, where that is not what its rule says: it leads to a broker.
#[must_use]
pub fn broker_for_ms(set: &RuleSet, rule: &Rule, state: &PointDef) -> Option<u64> {
    let its_own = *rule.id == *LINE_RULE && is_broker(state);
    its_own.then_some(set.communication.broker_for_ms)
}

/// Adds them.
pub fn add(set: &mut RuleSet) {
    let line = ("通信线路中断", "Line does not answer");
    let device = ("设备通信中断", "Device does not answer");
    let line_for = set.communication.line_for_ms;
    for (id, source, (zh, en), severity, for_ms) in [
        (LINE_RULE, "line", line, Severity::Orange, line_for),
        // A device is told silent only after several requests.
        (DEVICE_RULE, "device", device, Severity::Yellow, 0),
    ] {
        let rule = rule(id, source, (zh, en), severity, for_ms);
        set.rules.insert(rule.id.clone(), Arc::new(rule));
    }
}

fn rule(id: &str, source: &str, (zh, en): (&str, &str), severity: Severity, for_ms: u64) -> Rule {
    let level = Level {
        name: "alarm".into(),
        severity,
        for_ms,
        off_ms: 0,
        limit: None,
        needs: None,
        latch: false,
        shelve_ms: SHELVE_MS_DEFAULT,
        realarm_ms: None,
    };
    Rule {
        id: id.into(),
        title: Title {
            zh: zh.to_owned(),
            en: en.to_owned(),
        },
        select: Select(BTreeMap::from([(
            LABEL_SOURCE.to_owned(),
            vec![source.to_owned()],
        )])),
        unit: None,
        detector: Detector::State {
            is: Is::Off,
            not: false,
        },
        levels: vec![level],
        unknown: OnUnknown::Hold,
        gate: None,
        suppress: None,
        first_out: None,
        source: None,
        enabled: true,
        version: "".into(),
    }
    .sealed()
}
