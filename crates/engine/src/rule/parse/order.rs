//! Roll-ups count the alarms of other rules, roll-ups among them: they are judged in an order
//! in which each comes after what it counts, so there must be no ring.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::rule::table::{File, RuleFault};
use crate::rule::{Detector, RuleSet};

pub fn rollups(set: &mut RuleSet, files: &[(String, String)], faults: &mut Vec<RuleFault>) {
    let counts = |id: &Arc<str>| match &set.rules.get(id)?.detector {
        Detector::Rollup { of, .. } => Some(of.clone()),
        _ => None,
    };
    let mut waiting: Vec<_> = set
        .rules
        .keys()
        .filter_map(|id| Some((id.clone(), counts(id)?)))
        .collect();
    for (id, of) in &waiting {
        for missing in of.iter().filter(|other| !set.rules.contains_key(*other)) {
            let what = format!("rule `{id}` counts `{missing}`, which no file has");
            fault(files, id, what, faults);
        }
    }
    let mut done = Vec::new();
    while !waiting.is_empty() {
        let open: BTreeSet<_> = waiting.iter().map(|(id, _)| id.clone()).collect();
        let ready = |(_, of): &(Arc<str>, Vec<Arc<str>>)| of.iter().all(|it| !open.contains(it));
        let (next, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(ready);
        if next.is_empty() {
            let (id, _) = &later[0];
            let what = format!("rule `{id}` counts itself, directly or through others");
            fault(files, id, what, faults);
            break;
        }
        done.extend(next.into_iter().map(|(id, _)| id));
        waiting = later;
    }
    set.rollups = done;
}

/// Names the place where the rule's id stands.
fn fault(files: &[(String, String)], id: &str, what: String, faults: &mut Vec<RuleFault>) {
    let quoted = format!("\"{id}\"");
    let found = files
        .iter()
        .find_map(|(name, text)| Some((name, text, text.find(&quoted)?)));
    let nowhere = (String::new(), String::new());
    let (name, text, at) = found.unwrap_or((&nowhere.0, &nowhere.1, 0));
    let mut file = File::new(name, text);
    file.fault(at..at + quoted.len(), what);
    faults.append(&mut file.faults);
}
