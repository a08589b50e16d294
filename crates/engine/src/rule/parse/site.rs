//! `[[limit]]` and `[[enable]]`: what a site says of the packs' rules.
//!
//! They are read with their file and judged when every file is read, for the rule that they
//! name may stand in any of them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use fenghuo_model::Severity;

use super::{level::read_severity, read_select};
use crate::rule::site::{Enable, SITE_LIMITS_MAX, SiteLimit};
use crate::rule::table::{File, RuleFault, Table};
use crate::rule::{Level, Limit, RULES_MAX, Reset, Rule, RuleSet, Ship};

type Place = Range<usize>;

/// What a site file says, with the places of its keys.
#[derive(Default)]
pub struct Said {
    /// Rules that could not be read: their own faults are told, not that they are missing.
    pub broken: BTreeSet<Arc<str>>,
    limits: Vec<Entry>,
    enables: Vec<(usize, Enable, Place)>,
}

struct Entry {
    file: usize,
    limit: SiteLimit,
    places: Places,
}

#[derive(Default)]
struct Places {
    rule: Place,
    select: Place,
    level: Place,
    value: Place,
    reset: Place,
    for_ms: Place,
    severity: Place,
    latch: Place,
}

/// Whether a file speaks for a site: there, numbers from the design may stand in rules too.
pub fn is_site(root: &mut Table<'_, '_>) -> bool {
    ["limit", "enable", "enterprise"]
        .into_iter()
        .any(|key| root.get(key).is_some())
}

pub fn read(file: &mut File<'_>, number: usize, root: &mut Table<'_, '_>, said: &mut Said) {
    for table in root.tables(file, "limit") {
        if said.limits.len() >= SITE_LIMITS_MAX {
            file.fault(table.span(), format!("more than {SITE_LIMITS_MAX} limits"));
            return;
        }
        let entry = read_limit(file, number, table);
        said.limits.extend(entry);
    }
    for mut table in root.tables(file, "enable") {
        if said.enables.len() >= RULES_MAX {
            file.fault(table.span(), format!("more than {RULES_MAX} rules"));
            return;
        }
        let rule = table.need_text(file, "rule");
        let document = table.text(file, "document").map(|(text, _)| text);
        let by = table.text(file, "by").map(|(text, _)| text);
        table.done(file);
        if let Some((rule, place)) = rule {
            let rule = rule.into();
            let enable = Enable { rule, document, by };
            said.enables.push((number, enable, place));
        }
    }
}

fn read_limit(file: &mut File<'_>, number: usize, mut table: Table<'_, '_>) -> Option<Entry> {
    let before = file.faults.len();
    let rule = table.need_text(file, "rule");
    let level = table.need_text(file, "level");
    let select = read_select(file, &mut table, "select");
    let value = table.number(file, "value");
    let reset = table.number(file, "reset");
    let for_ms = table.duration(file, "for");
    let severity = read_severity(file, &mut table, "severity", false);
    let latch = table.truth(file, "latch");
    let document = table.need_text(file, "document");
    let by = table.text(file, "by").map(|(text, _)| text);
    let mut place = |key| table.get(key).map(toml::Spanned::span).unwrap_or_default();
    let places = Places {
        rule: place("rule"),
        select: place("select"),
        level: place("level"),
        value: place("value"),
        reset: place("reset"),
        for_ms: place("for"),
        severity: place("severity"),
        latch: place("latch"),
    };
    if let Some((document, span)) = &document
        && document.trim().is_empty()
    {
        file.fault(span.clone(), "`document` must name what the limit is from");
    }
    let says_nothing = (value, reset, for_ms, severity, latch) == (None, None, None, None, None);
    if says_nothing {
        let what = "a limit must give at least one of `value`, `reset`, `for`, `severity`, `latch`";
        file.fault(table.span(), what);
    }
    table.done(file);
    if file.faults.len() > before {
        return None;
    }
    let limit = SiteLimit {
        rule: rule?.0.into(),
        level: level?.0.into(),
        select,
        value,
        reset,
        for_ms,
        severity,
        latch,
        document: document?.0,
        by,
    };
    Some(Entry {
        file: number,
        limit,
        places,
    })
}

/// Puts what was said into force, or says why it cannot be.
pub fn settle(
    set: &mut RuleSet,
    said: Said,
    files: &[(String, String)],
    faults: &mut Vec<RuleFault>,
) {
    let mut fault = |number: usize, place: &Place, what: String| {
        if let Some((name, text)) = files.get(number) {
            let mut file = File::new(name, text);
            file.fault(place.clone(), what);
            faults.append(&mut file.faults);
        }
    };
    let is_broken = |rule: &Arc<str>| said.broken.contains(rule);
    for (number, enable, place) in said.enables {
        if is_broken(&enable.rule) {
            continue;
        }
        let Some(rule) = set.rules.get_mut(&enable.rule) else {
            fault(number, &place, unknown_rule(&enable.rule));
            continue;
        };
        Arc::make_mut(rule).enabled = true;
        set.enables.push(enable);
    }
    for entry in said.limits {
        if is_broken(&entry.limit.rule) {
            continue;
        }
        match check(set, &entry) {
            Ok(()) => set.site.push(entry.limit),
            Err(wrong) => wrong
                .into_iter()
                .for_each(|(place, what)| fault(entry.file, &place, what)),
        }
    }
    set.sort_site_limits();
}

fn unknown_rule(id: &str) -> String {
    format!("no file has a rule `{id}`")
}

type Wrong = Vec<(Place, String)>;

fn check(set: &RuleSet, entry: &Entry) -> Result<(), Wrong> {
    let (said, places) = (&entry.limit, &entry.places);
    let Some(rule) = set.rules.get(&said.rule) else {
        return Err(vec![(places.rule.clone(), unknown_rule(&said.rule))]);
    };
    if rule.is_builtin() {
        let what = format!("rule `{}` is the system's own", rule.id);
        return Err(vec![(places.rule.clone(), what)]);
    }
    let Some(level) = rule.levels.iter().find(|level| level.name == said.level) else {
        let known: Vec<_> = rule.levels.iter().map(|level| &*level.name).collect();
        let known = known.join("`, `");
        let what = format!(
            "rule `{}` has no level `{}`; it has `{known}`",
            rule.id, said.level
        );
        return Err(vec![(places.level.clone(), what)]);
    };
    let mut wrong = check_shape(level, entry);
    if said
        .select
        .as_ref()
        .is_some_and(|it| it.excludes(&rule.select))
    {
        let what = format!(
            "`select` 与规则不相容，不会用于任何测点 excludes every point of rule `{}`: \
             the limit would be for none",
            rule.id
        );
        wrong.push((places.select.clone(), what));
    }
    if rule.source.as_ref().is_some_and(|it| it.ship.is_legal()) {
        wrong.extend(check_stricter(rule, level, entry));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// A limit where there is none to move, or one that clears beyond itself.
fn check_shape(level: &Level, entry: &Entry) -> Wrong {
    let (said, places) = (&entry.limit, &entry.places);
    let mut wrong = Vec::new();
    let Some(limit) = level.limit else {
        for (key, number, place) in [
            ("value", said.value, &places.value),
            ("reset", said.reset, &places.reset),
        ] {
            if number.is_some() {
                let what = format!(
                    "level `{}` has no limit that `{key}` could move",
                    level.name
                );
                wrong.push((place.clone(), what));
            }
        }
        return wrong;
    };
    if let (Some(value), Some(reset)) = (said.value.or(limit.value), said.reset)
        && limit.op.is_beyond(reset, value)
    {
        let what = format!("`reset` {reset} lies beyond the limit {value}: it would never hold");
        wrong.push((places.reset.clone(), what));
    }
    wrong
}

/// A level from a regulation only moves toward normal.
fn check_stricter(rule: &Rule, level: &Level, entry: &Entry) -> Wrong {
    let (said, places) = (&entry.limit, &entry.places);
    let mut wrong = Vec::new();
    let mut refuse = |place: &Place, what: String| {
        wrong.push((place.clone(), format!("{what}: {}", law(rule, level))));
    };
    if let Some((limit, pack)) = level.limit.and_then(|it| Some((it, it.value?))) {
        let side = if limit.op.is_upper() {
            "above"
        } else {
            "below"
        };
        if let Some(value) = said.value.filter(|value| limit.op.is_beyond(*value, pack)) {
            let what = format!("`value` {value} lies {side} the pack's {pack}");
            refuse(&places.value, what);
        }
        let reset = said.reset.zip(pack_reset(limit, pack));
        if let Some((reset, pack)) = reset.filter(|(new, old)| limit.op.is_beyond(*new, *old)) {
            let what = format!("`reset` {reset} lies nearer to the limit than the pack's {pack}");
            refuse(&places.reset, what);
        }
    }
    if let Some(for_ms) = said.for_ms.filter(|for_ms| *for_ms > level.for_ms) {
        let what = format!(
            "`for` {for_ms} ms is longer than the pack's {} ms",
            level.for_ms
        );
        refuse(&places.for_ms, what);
    }
    if let Some(severity) = said.severity.filter(|severity| *severity < level.severity) {
        let name = Severity::as_str;
        let what = format!(
            "`severity` {} is lower than the pack's {}",
            name(severity),
            name(level.severity)
        );
        refuse(&places.severity, what);
    }
    if level.latch && said.latch == Some(false) {
        refuse(&places.latch, "`latch` cannot be taken away".to_owned());
    }
    wrong
}

/// Where the pack's level clears, if that can be told without the instrument's span.
fn pack_reset(limit: Limit, value: f64) -> Option<f64> {
    match limit.reset {
        Reset::Limit => Some(value),
        Reset::At(reset) => Some(reset),
        Reset::Span(_) => None,
    }
}

fn law(rule: &Rule, level: &Level) -> String {
    let source = rule.source.as_ref();
    let ship = source.map_or(Ship::Reg, |source| source.ship).as_str();
    let citation = source
        .map(crate::rule::Source::citation)
        .unwrap_or_default();
    format!(
        "level `{}` of rule `{}` is {ship} by {citation}, and a site may only make it stricter",
        level.name, rule.id
    )
}
