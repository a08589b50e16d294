//! From TOML text to rules.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use fenghuo_model::{Kind, Title, Unit};
use toml::de::DeTable;

use super::table::{File, RuleFault, Table, text};
use super::{Gate, OnUnknown, RULES_MAX, Rule, RuleSet, Select, Source, Suppress};

mod detector;
mod level;
mod notify;
mod order;
mod setting;

pub fn parse(files: &[(String, String)]) -> Result<RuleSet, Vec<RuleFault>> {
    let mut set = RuleSet::default();
    let mut faults = Vec::new();
    for (name, text) in files {
        let mut file = File::new(name, text);
        match DeTable::parse(text) {
            Ok(root) => read_file(&mut file, root.get_ref(), &mut set),
            Err(error) => file.fault(error.span().unwrap_or(0..0), error.message().to_owned()),
        }
        faults.append(&mut file.faults);
    }
    super::builtin::add(&mut set);
    order::rollups(&mut set, files, &mut faults);
    notify::check_calendars(files, &set, &mut faults);
    if faults.is_empty() {
        Ok(set)
    } else {
        Err(faults)
    }
}

fn read_file(file: &mut File<'_>, root: &DeTable<'_>, set: &mut RuleSet) {
    let mut root = Table::new(root, 0..0);
    for table in root.tables(file, "rule") {
        let span = table.span();
        let Some(rule) = read_rule(file, table) else {
            continue;
        };
        if set.rules.len() >= RULES_MAX {
            file.fault(span, format!("more than {RULES_MAX} rules"));
            return;
        }
        if set.rules.contains_key(&rule.id) {
            file.fault(span, format!("rule `{}` stands twice", rule.id));
            continue;
        }
        set.rules.insert(rule.id.clone(), Arc::new(rule));
    }
    setting::read_calendars(file, &mut root, set);
    setting::read_closed_loop(file, &mut root, set);
    notify::read_receivers(file, &mut root, set);
    root.done(file);
}

/// Reads all of a rule even when a part is wrong, so that all its problems come at once.
fn read_rule(file: &mut File<'_>, mut table: Table<'_, '_>) -> Option<Rule> {
    let before = file.faults.len();
    let id = table
        .need_text(file, "id")
        .and_then(|(id, span)| check_id(file, id, span));
    let title = table
        .table(file, "title")
        .map(|title| read_title(file, title));
    let select = table.need(file, "select").is_some();
    let select = select
        .then(|| read_select(file, &mut table, "select"))
        .flatten();
    let source = table
        .table(file, "source")
        .map(|source| read_source(file, source));
    let unit = read_unit(file, &mut table);
    let detector = detector::read(file, &mut table);
    let levels = level::read_all(file, &mut table, detector.as_ref());
    let unknown = read_unknown(file, &mut table);
    let gate = read_gate(file, &mut table);
    let suppress = table
        .table(file, "suppress")
        .and_then(|suppress| read_suppress(file, suppress));
    let first_out = table.text(file, "first_out").map(|(label, _)| label.into());
    table.done(file);
    if file.faults.len() > before {
        return None;
    }
    let id: Arc<str> = id?.into();
    let title = title.unwrap_or_else(|| Title {
        zh: id.to_string(),
        en: id.to_string(),
    });
    let rule = Rule {
        id,
        title,
        select: select?,
        unit,
        detector: detector?,
        levels,
        unknown,
        gate,
        suppress,
        first_out,
        source,
        version: "".into(),
    };
    Some(rule.sealed())
}

/// Ids and level names stand in alarm names: `rule/level@subject`.
fn check_id(file: &mut File<'_>, id: String, span: Range<usize>) -> Option<String> {
    let fits = |c: char| c.is_alphanumeric() || "_-.:".contains(c);
    if id.is_empty() || id.len() > 64 || !id.chars().all(fits) {
        file.fault(
            span,
            "1 to 64 bytes of letters, digits and `_ - . :` are expected",
        );
        return None;
    }
    if id.starts_with("fenghuo.") {
        file.fault(
            span,
            "names that begin with `fenghuo.` are the system's own",
        );
        return None;
    }
    Some(id)
}

fn read_title(file: &mut File<'_>, mut table: Table<'_, '_>) -> Title {
    let mut word = |key| {
        table
            .need_text(file, key)
            .map(|(text, _)| text)
            .unwrap_or_default()
    };
    let title = Title {
        zh: word("zh"),
        en: word("en"),
    };
    table.done(file);
    title
}

fn read_source(file: &mut File<'_>, mut table: Table<'_, '_>) -> Source {
    let mut word = |key| {
        table
            .text(file, key)
            .map(|(text, _)| text)
            .unwrap_or_default()
    };
    let source = Source {
        standard: word("standard"),
        clause: word("clause"),
        ship: String::new(),
        confidence: word("confidence"),
    };
    let ship = table.text(file, "ship");
    if let Some((ship, span)) = &ship
        && !["REG", "REG-pending", "DES", "DEF"].contains(&ship.as_str())
    {
        file.fault(span.clone(), "`ship` must be REG, REG-pending, DES or DEF");
    }
    table.done(file);
    Source {
        ship: ship.map(|(ship, _)| ship).unwrap_or_default(),
        ..source
    }
}

fn read_select(
    file: &mut File<'_>,
    table: &mut Table<'_, '_>,
    key: &'static str,
) -> Option<Select> {
    let select = table.table(file, key)?;
    labels(file, &select, key)
}

/// The labels of a key that is not known beforehand.
fn read_labels(file: &mut File<'_>, table: &Table<'_, '_>, key: &str) -> Option<Select> {
    let select = table.table_at(file, key)?;
    labels(file, &select, key)
}

fn labels(file: &mut File<'_>, select: &Table<'_, '_>, key: &str) -> Option<Select> {
    let mut labels = BTreeMap::new();
    for (name, value) in select.entries() {
        let values = match value.get_ref().as_array() {
            Some(array) => array.iter().filter_map(|item| text(file, item)).collect(),
            None => text(file, value).into_iter().collect::<Vec<String>>(),
        };
        let unknown = values
            .iter()
            .find(|value| !Kind::ALL.iter().any(|kind| kind.as_str() == **value));
        if let (true, Some(unknown)) = (name == "kind", unknown) {
            let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            let what = format!("unknown kind `{unknown}`; known: `{}`", known.join("`, `"));
            file.fault(value.span(), what);
        }
        labels.insert(name.to_owned(), values);
    }
    if labels.is_empty() {
        file.fault(
            select.span(),
            format!("`{key}` must name at least one label"),
        );
        return None;
    }
    Some(Select(labels))
}

fn read_unit(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Unit> {
    let (symbol, span) = table.text(file, "unit")?;
    match Unit::parse(&symbol) {
        Ok(unit) => Some(unit),
        Err(error) => {
            file.fault(span, error.to_string());
            None
        }
    }
}

fn read_unknown(file: &mut File<'_>, table: &mut Table<'_, '_>) -> OnUnknown {
    match table.text(file, "unknown") {
        Some((word, _)) if word == "alarm" => OnUnknown::Alarm,
        Some((word, span)) if word != "hold" => {
            file.fault(span, "`unknown` must be \"hold\" or \"alarm\"");
            OnUnknown::Hold
        }
        _ => OnUnknown::Hold,
    }
}

fn read_gate(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Gate> {
    let during = table.text(file, "during");
    let outside = table.text(file, "outside");
    let gate = |(calendar, _): (String, _), inside| Gate {
        calendar: calendar.into(),
        inside,
    };
    match (during, outside) {
        (Some(_), Some((_, span))) => {
            file.fault(span, "a rule works either `during` or `outside` a calendar");
            None
        }
        (Some(during), None) => Some(gate(during, true)),
        (None, Some(outside)) => Some(gate(outside, false)),
        (None, None) => None,
    }
}

fn read_suppress(file: &mut File<'_>, mut table: Table<'_, '_>) -> Option<Suppress> {
    let select = table
        .need(file, "select")
        .is_some()
        .then(|| read_select(file, &mut table, "select"))
        .flatten();
    let (word, span) = table.need_text(file, "while")?;
    if !["on", "off"].contains(&word.as_str()) {
        file.fault(span, "`while` must be \"on\" or \"off\"");
    }
    table.done(file);
    Some(Suppress {
        select: select?,
        while_on: word == "on",
    })
}
