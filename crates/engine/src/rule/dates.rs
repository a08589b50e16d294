//! Standards whose validity is over.

use super::table::{File, RuleFault};
use super::{Day, RuleSet, Source};

pub fn outdated(set: &RuleSet, files: &[(String, String)], today: Day) -> Vec<RuleFault> {
    let rules = set.rules.values();
    let rules = rules.filter_map(|rule| Some((&*rule.id, rule.source.as_ref()?)));
    let targets = set.targets.iter();
    let targets = targets.filter_map(|target| Some((&*target.id, target.source.as_ref()?)));
    rules
        .chain(targets)
        .filter(|(_, source)| source.is_stale_on(today))
        .flat_map(|(id, source)| fault(files, id, source))
        .collect()
}

/// Names the place where the day stands: the first after the id.
fn fault(files: &[(String, String)], id: &str, source: &Source) -> Vec<RuleFault> {
    let Some(until) = source.until else {
        return Vec::new();
    };
    let (id_text, day) = (format!("\"{id}\""), format!("\"{until}\""));
    let found = files.iter().find_map(|(name, text)| {
        let from = text.find(&id_text)?;
        Some((name, text, from + text[from..].find(&day)?))
    });
    let nowhere = (String::new(), String::new());
    let (name, text, at) = found.unwrap_or((&nowhere.0, &nowhere.1, 0));
    let mut file = File::new(name, text);
    let standard = &source.standard;
    let what = format!(
        "`{id}` rests on {standard}, which was valid until {until}: name its successor, or say \
         in a `note` why it still holds"
    );
    file.fault(at..at + day.len(), what);
    file.faults
}
