//! From TOML text to rules.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use fenghuo_model::{Kind, Severity, Title, Unit};
use toml::de::DeTable;

use super::table::{File, RuleFault, Table, text};
use super::{Detector, LEVELS_MAX, Level, Limit, Op, RULES_MAX, Rule, RuleSet, Select, Source};

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
        set.rules.insert(rule.id.clone(), rule);
    }
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
    let detector = read_detector(file, &mut table);
    let levels = read_levels(file, &mut table, detector.as_ref());
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
        detector: detector?,
        levels,
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

fn read_detector(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    let named = table.text(file, "detector");
    let name = named.as_ref().map_or("level", |(name, _)| name.as_str());
    match name {
        "level" => {
            let unit = match table.text(file, "unit") {
                None => None,
                Some((symbol, span)) => match Unit::parse(&symbol) {
                    Ok(unit) => Some(unit),
                    Err(error) => {
                        file.fault(span, error.to_string());
                        None
                    }
                },
            };
            Some(Detector::Level { unit })
        }
        "stale" => {
            table.need(file, "within")?;
            let within_ms = table.duration(file, "within")?;
            Some(Detector::Stale { within_ms })
        }
        "interlock" => {
            let (when, span) = table.need_text(file, "when")?;
            if !["on", "off"].contains(&when.as_str()) {
                file.fault(span, "`when` must be \"on\" or \"off\"");
            }
            table.need(file, "requires")?;
            let requires = read_select(file, table, "requires")?;
            let when_on = when == "on";
            Some(Detector::Interlock { when_on, requires })
        }
        other => {
            let span = named
                .as_ref()
                .map_or(table.span(), |(_, span)| span.clone());
            let what = format!("unknown detector `{other}`; known: `level`, `stale`, `interlock`");
            file.fault(span, what);
            None
        }
    }
}

fn read_levels(
    file: &mut File<'_>,
    table: &mut Table<'_, '_>,
    detector: Option<&Detector>,
) -> Vec<Level> {
    let tables = table.tables(file, "level");
    if tables.is_empty() {
        file.fault(table.span(), "a rule needs at least one [[rule.level]]");
    }
    if tables.len() > LEVELS_MAX {
        file.fault(table.span(), format!("more than {LEVELS_MAX} levels"));
    }
    let limited = matches!(detector, Some(Detector::Level { .. }));
    let mut levels: Vec<Level> = Vec::new();
    for table in tables {
        let span = table.span();
        let Some(level) = read_level(file, table, limited) else {
            continue;
        };
        if levels.iter().any(|other| other.name == level.name) {
            file.fault(span, format!("level `{}` stands twice", level.name));
        }
        levels.push(level);
    }
    levels
}

fn read_level(file: &mut File<'_>, mut table: Table<'_, '_>, limited: bool) -> Option<Level> {
    let name = table
        .need_text(file, "name")
        .and_then(|(name, span)| check_id(file, name, span));
    let severity = table.need_text(file, "severity").and_then(|(word, span)| {
        let severity = severity(&word);
        if severity.is_none() {
            file.fault(span, "`severity` must be blue, yellow, orange or red");
        }
        severity
    });
    let for_ms = table.duration(file, "for").unwrap_or(0);
    let limit = limited.then(|| read_limit(file, &mut table));
    table.done(file);
    Some(Level {
        name: name?.into(),
        severity: severity?,
        for_ms,
        limit: limit.flatten(),
    })
}

fn severity(word: &str) -> Option<Severity> {
    [
        Severity::Blue,
        Severity::Yellow,
        Severity::Orange,
        Severity::Red,
    ]
    .into_iter()
    .find(|severity| severity.as_str() == word)
}

fn read_limit(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Limit> {
    let mut found = Vec::new();
    for op in [Op::Above, Op::Over, Op::Below, Op::Under] {
        if let Some(value) = table.number(file, op.as_str()) {
            found.push((op, value));
        }
    }
    let reset = table.number(file, "reset");
    let [(op, value)] = found.as_slice() else {
        file.fault(
            table.span(),
            "a level needs exactly one of `above`, `over`, `below`, `under`",
        );
        return None;
    };
    let reset = reset.unwrap_or(*value);
    let wrong_side = if op.is_upper() {
        reset > *value
    } else {
        reset < *value
    };
    if wrong_side {
        let what = format!("`reset` {reset} lies beyond the limit {value}: it would never hold");
        file.fault(table.span(), what);
        return None;
    }
    Some(Limit {
        op: *op,
        value: *value,
        reset,
    })
}
