//! The system's own rules: one communication alarm for each line and device that does not
//! answer. (A gateway's own silence is counted in ticks, not judged by a rule.)

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_model::source::LABEL_SOURCE;
use fenghuo_model::{Severity, Title};

use super::{Detector, Is, Level, OnUnknown, Rule, RuleSet, SHELVE_MS_DEFAULT, Select};

/// The rule of a line that does not answer.
pub const LINE_RULE: &str = "fenghuo.line-down";
/// The rule of a device that does not answer.
pub const DEVICE_RULE: &str = "fenghuo.device-down";

/// One refused attempt to connect again is not yet a line that is down.
const LINE_FOR_MS: u64 = 5_000;

/// Adds them.
pub fn add(set: &mut RuleSet) {
    let line = ("通信线路中断", "Line does not answer");
    let device = ("设备通信中断", "Device does not answer");
    for (id, source, (zh, en), severity, for_ms) in [
        (LINE_RULE, "line", line, Severity::Orange, LINE_FOR_MS),
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
