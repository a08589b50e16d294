//! Points that count reads: each of their values is served once, so that what is missing or
//! doubled shows by the value alone.

use std::collections::BTreeSet;

use fenghuo_e2e::collector::Spooled;
use fenghuo_e2e::history::Kept;
use fenghuo_e2e::plc::Plc;
use fenghuo_e2e::point::{Point, Wave};
use fenghuo_model::SampleId;

/// The role of the point that breaks its limit again and again.
pub const SAW: &str = "saw";

/// A rule on it: two levels, crossed every period.
pub const RULES: &str = r#"
[[rule]]
id     = "e2e.saw"
title  = { zh = "锯齿越限", en = "Saw tooth high" }
select = { role = "saw" }
unit   = ""
[[rule.level]]
name     = "H"
above    = 1000.0
reset    = 500.0
for      = "0s"
severity = "yellow"
[[rule.level]]
name     = "HH"
above    = 1500.0
reset    = 700.0
for      = "200ms"
severity = "orange"
"#;

/// Counters of one unit, and a saw tooth of two seconds.
pub fn points(unit: u8, count: u16) -> Vec<Point> {
    let key = |what: &str| format!("u{unit}.{what}");
    let mut points: Vec<_> = (0..count)
        .map(|at| Point {
            unit,
            ..Point::new(&key(&format!("count{at}")), "holding", at * 2, "u32").wave(Wave::Count)
        })
        .collect();
    let saw = Point::new(&key(SAW), "input", 7, "u16");
    points.push(Point {
        unit,
        role: SAW,
        ..saw.linear(1.0, 0.0).wave(Wave::Saw(2_000))
    });
    points
}

/// Checks that a gateway's history has no value that was not served, and none twice; answers
/// the served values that it lacks, for the counter that lacks most.
pub fn check_values(plc: &Plc, kept: &Kept, gateway: &str, unit: u8) -> BTreeSet<u64> {
    let prefix = format!("u{unit}.count");
    let counters = plc.served_once(&prefix).into_iter();
    let mut most = BTreeSet::new();
    for (key, served) in counters {
        let rows = kept.point(gateway, &key);
        let values: Vec<_> = rows
            .iter()
            .filter(|row| row.told.starts_with("u:"))
            .collect();
        let once: BTreeSet<_> = values.iter().map(|row| row.told.clone()).collect();
        assert_eq!(once.len(), values.len(), "{gateway} {key}: doubled values");
        let invented: Vec<_> = once.difference(&served).collect();
        assert!(
            invented.is_empty(),
            "{gateway} {key}: {invented:?} was never served"
        );
        let lacks: BTreeSet<u64> = served
            .difference(&once)
            .filter_map(|told| told.strip_prefix("u:")?.parse().ok())
            .collect();
        if lacks.len() > most.len() {
            most = lacks;
        }
    }
    most
}

/// The places of a frame's samples that are in history.
pub fn found(kept: &Kept, gateway: &str, frame: &Spooled) -> Vec<u32> {
    let id = |index| SampleId {
        epoch: frame.epoch,
        seq: frame.seq,
        index,
    };
    let rows = kept.of(gateway).range(id(0)..=id(u32::MAX));
    rows.map(|(id, _)| id.index).collect()
}

/// Checks that every sample of these frames is in history, and nothing beside them in their
/// frames. Answers how many.
pub fn check_spooled(kept: &Kept, gateway: &str, spooled: &[Spooled]) -> usize {
    let mut count = 0;
    for frame in spooled {
        let found = found(kept, gateway, frame);
        let expected: Vec<_> = (0..frame.samples).collect();
        assert_eq!(found, expected, "{gateway} {frame:?}");
        count += found.len();
    }
    count
}
