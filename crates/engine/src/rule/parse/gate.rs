//! The calendars that rules and receivers name: each must be there, and none may loosen law.
//!
//! They may stand in a later file, so they are looked for when all files are read. A legal
//! rule works at any time unless its own pack, with its clause, says otherwise: a calendar
//! that a site writes would decide when the law holds.

use std::ops::Range;

use toml::de::DeTable;

use crate::rule::table::{File, RuleFault, Table};
use crate::rule::{Rule, RuleSet};

/// A calendar's name, and where somebody names it.
type Named = (String, Range<usize>);

pub fn check(set: &RuleSet, files: &[(String, String)], faults: &mut Vec<RuleFault>) {
    for (name, text) in files {
        // A text that is no TOML was reported when it was read.
        let Ok(root) = DeTable::parse(text) else {
            continue;
        };
        let root = root.get_ref();
        let mut file = File::new(name, text);
        let gates = gates(name, text, root);
        let rules = gates.iter().map(|(_, named)| named);
        for (calendar, span) in rules.chain(&quiets(name, text, root)) {
            if !set.calendars.iter().any(|it| *it.id == **calendar) {
                let what = format!("没有日历 there is no calendar `{calendar}`");
                file.fault(span.clone(), what);
            }
        }
        let own = ids(name, text, root, "calendar");
        let is_pack = root.get("pack").is_some();
        for (id, (calendar, span)) in &gates {
            let legal = set.rules.get(id.as_str());
            let legal = legal.filter(|it| it.source.as_ref().is_some_and(|it| it.ship.is_legal()));
            if let Some(rule) = legal
                && !(is_pack && own.contains(calendar))
            {
                file.fault(span.clone(), loosens(rule, calendar));
            }
        }
        faults.append(&mut file.faults);
    }
}

fn loosens(rule: &Rule, calendar: &str) -> String {
    let source = rule.source.as_ref();
    let (ship, citation) =
        source.map_or(("", String::new()), |it| (it.ship.as_str(), it.citation()));
    format!(
        "现场不得用日历 `{calendar}` 限制法定规则 `{id}` 的时间 a site may not limit when `{id}` \
         works, by the calendar `{calendar}`: {ship} {citation}",
        id = rule.id
    )
}

/// The calendars of rules, each with the rule's id.
fn gates(name: &str, text: &str, root: &DeTable<'_>) -> Vec<(String, Named)> {
    // Whatever else is wrong was reported before.
    let mut file = File::new(name, text);
    let mut gates = Vec::new();
    for mut table in Table::new(root, 0..0).tables(&mut file, "rule") {
        let id = table.peek("id").unwrap_or_default().to_owned();
        for key in ["during", "outside"] {
            let named = table.text(&mut file, key);
            gates.extend(named.map(|named| (id.clone(), named)));
        }
    }
    gates
}

/// The calendars of quiet hours.
fn quiets(name: &str, text: &str, root: &DeTable<'_>) -> Vec<Named> {
    let mut file = File::new(name, text);
    let receivers = Table::new(root, 0..0).tables(&mut file, "receiver");
    let calendar = |mut table: Table<'_, '_>| {
        let mut quiet = table.table(&mut file, "quiet")?;
        quiet.text(&mut file, "calendar")
    };
    receivers.into_iter().filter_map(calendar).collect()
}

fn ids(name: &str, text: &str, root: &DeTable<'_>, key: &'static str) -> Vec<String> {
    let mut file = File::new(name, text);
    let tables = Table::new(root, 0..0).tables(&mut file, key);
    let ids = tables.iter().filter_map(|table| table.peek("id"));
    ids.map(str::to_owned).collect()
}
