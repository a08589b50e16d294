//! The examples in the documentation of detectors are rules.

use crate::RuleSet;

const TEXTS: [(&str, &str); 14] = [
    ("anomaly", include_str!("anomaly.rs")),
    ("count", include_str!("count.rs")),
    ("flat", include_str!("flat.rs")),
    ("forecast", include_str!("forecast.rs")),
    ("interlock", include_str!("interlock.rs")),
    ("level", include_str!("level.rs")),
    ("rate", include_str!("rate.rs")),
    ("sequence", include_str!("sequence.rs")),
    ("several", include_str!("several.rs")),
    ("stale", include_str!("stale.rs")),
    ("state", include_str!("state.rs")),
    ("window", include_str!("window.rs")),
    ("calendar", include_str!("../rule/calendar.rs")),
    ("detect", include_str!("../detect.rs")),
];

fn examples(text: &str) -> Vec<String> {
    let lines = text.lines().take_while(|line| line.starts_with("//!"));
    let lines: Vec<_> = lines.map(|line| line[3..].trim_start()).collect();
    let blocks = lines.split(|line| line.starts_with("```"));
    // Outside, inside, outside, ..
    blocks.skip(1).step_by(2).map(|it| it.join("\n")).collect()
}

#[test]
fn every_example_is_a_rule_and_every_detector_has_one() {
    for (name, text) in TEXTS {
        let found = examples(text);
        assert!(
            name == "detect" || !found.is_empty(),
            "{name} has no example"
        );
        for text in found {
            let faults = RuleSet::parse(&[(format!("{name}.toml"), text)]).err();
            let faults = faults.into_iter().flatten().map(|fault| fault.to_string());
            // A roll-up counts rules that stand elsewhere.
            let faults: Vec<_> = faults
                .filter(|it| !it.contains("which no file has"))
                .collect();
            assert!(faults.is_empty(), "{}", faults.join("\n"));
        }
    }
}
