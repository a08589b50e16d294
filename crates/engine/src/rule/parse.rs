//! From TOML text to rules.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use fenghuo_model::{Kind, Title, Unit};
use toml::de::DeTable;

use super::table::{File, RuleFault, Table, text};
use super::{Gate, OnUnknown, RULES_MAX, Rule, RuleSet, Select, Ship, Suppress};

mod detector;
mod gate;
pub mod ladder;
mod level;
mod notify;
mod order;
mod register;
mod setting;
mod site;
mod source;
mod target;

pub fn parse(files: &[(String, String)]) -> Result<RuleSet, Vec<RuleFault>> {
    let mut set = RuleSet::default();
    let mut faults = Vec::new();
    let mut said = site::Said::default();
    for (number, (name, text)) in files.iter().enumerate() {
        let mut file = File::new(name, text);
        match DeTable::parse(text) {
            Ok(root) => {
                let mut root = Table::new(root.get_ref(), 0..0);
                read_file(&mut file, &mut root, &mut set, &mut said);
                site::read(&mut file, number, &mut root, &mut said);
                root.done(&mut file);
            }
            Err(error) => file.fault(error.span().unwrap_or(0..0), error.message().to_owned()),
        }
        faults.append(&mut file.faults);
    }
    super::builtin::add(&mut set);
    site::settle(&mut set, said, files, &mut faults);
    order::rollups(&mut set, files, &mut faults);
    gate::check(&set, files, &mut faults);
    ladder::check(&set, files, &mut faults);
    if faults.is_empty() {
        Ok(set)
    } else {
        Err(faults)
    }
}

fn read_file(
    file: &mut File<'_>,
    root: &mut Table<'_, '_>,
    set: &mut RuleSet,
    said: &mut site::Said,
) {
    target::read_pack(file, root, set);
    let is_site = site::is_site(root);
    for table in root.tables(file, "rule") {
        let span = table.span();
        let id = table.peek("id");
        let Some(rule) = read_rule(file, table, is_site) else {
            said.broken.extend(id.map(Arc::from));
            continue;
        };
        if set.rules.len() >= RULES_MAX {
            file.fault(span, format!("more than {RULES_MAX} rules"));
            break;
        }
        if set.rules.contains_key(&rule.id) {
            file.fault(span, format!("rule `{}` stands twice", rule.id));
            continue;
        }
        set.rules.insert(rule.id.clone(), Arc::new(rule));
    }
    setting::read_calendars(file, root, set);
    setting::read_closed_loop(file, root, set);
    setting::read_communication(file, root, set);
    target::read_all(file, root, set);
    register::read_all(file, root, set);
    notify::read_receivers(file, root, set);
}

/// Reads all of a rule even when a part is wrong, so that all its problems come at once.
fn read_rule(file: &mut File<'_>, mut table: Table<'_, '_>, is_site: bool) -> Option<Rule> {
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
        .and_then(|source| source::read(file, source));
    let ship = source.as_ref().map(|source| source.ship);
    let enabled = table.truth(file, "enabled").unwrap_or(true);
    let unit = read_unit(file, &mut table);
    let detector = detector::read(file, &mut table);
    let levels = level::read_all(
        file,
        &mut table,
        detector.as_ref(),
        ship == Some(Ship::Des) && !is_site,
    );
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
        enabled,
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
