//! `detector = ".."` and the keys that each of them has.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{read_select, setting};
use crate::rule::table::{File, Table};
use crate::rule::{
    Anomaly, Count, Counted, Detector, Expression, Flat, Forecast, Is, Order, Rate, Select,
    Sequence, Span, Stat, Window,
};

const NAMES: &str = "`level`, `rate`, `deviation`, `vote`, `stale`, `flat`, `count`, `window`, \
                     `state`, `interlock`, `sequence`, `rollup`, `forecast`, `anomaly`, \
                     `expression`";
/// Most samples of a window that is counted in samples.
const SAMPLES_MAX: u64 = 4_096;
/// Most other points that an expression names.
const INPUTS_MAX: usize = 32;

pub fn read(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    let named = table.text(file, "detector");
    let name = named.as_ref().map_or("level", |(name, _)| name.as_str());
    match name {
        "level" => Some(Detector::Level),
        "rate" => rate(file, table),
        "deviation" => {
            let from = needed_select(file, table, "from");
            let absolute = table.truth(file, "absolute").unwrap_or(true);
            from.map(|from| Detector::Deviation { from, absolute })
        }
        "vote" => vote(file, table),
        "stale" => {
            needed_time(file, table, "within").map(|within_ms| Detector::Stale { within_ms })
        }
        "flat" => {
            let within_ms = needed_time(file, table, "within");
            let band = table.number(file, "band").unwrap_or(0.0).abs();
            within_ms.map(|within_ms| Detector::Flat(Flat { within_ms, band }))
        }
        "count" => count(file, table),
        "window" => window(file, table),
        "state" => state(file, table),
        "interlock" => interlock(file, table),
        "sequence" => sequence(file, table),
        "rollup" => rollup(file, table),
        "forecast" => forecast(file, table),
        "anomaly" => anomaly(file, table),
        "expression" => expression(file, table),
        other => {
            let span = named
                .as_ref()
                .map_or(table.span(), |(_, span)| span.clone());
            file.fault(span, format!("unknown detector `{other}`; known: {NAMES}"));
            None
        }
    }
}

fn needed_time(file: &mut File<'_>, table: &mut Table<'_, '_>, key: &'static str) -> Option<u64> {
    let value = table.need(file, key)?;
    let time = table.duration(file, key)?;
    if time == 0 {
        file.fault(value.span(), format!("`{key}` must be longer than 0"));
        return None;
    }
    Some(time)
}

fn needed_select(
    file: &mut File<'_>,
    table: &mut Table<'_, '_>,
    key: &'static str,
) -> Option<Select> {
    table.need(file, key)?;
    read_select(file, table, key)
}

/// One of a few words; the first is what stands when the key is left out.
fn word<T: Copy>(
    file: &mut File<'_>,
    table: &mut Table<'_, '_>,
    key: &'static str,
    words: &[(&str, T)],
) -> Option<T> {
    let Some((text, span)) = table.text(file, key) else {
        return words.first().map(|(_, meaning)| *meaning);
    };
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let what = format!("`{key}` must be one of `{}`", known.join("`, `"));
        file.fault(span, what);
    }
    found.map(|(_, meaning)| *meaning)
}

fn rate(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    let over_ms = needed_time(file, table, "over");
    let per_ms = table.duration(file, "per").filter(|per| *per > 0);
    let absolute = table.truth(file, "absolute").unwrap_or(false);
    over_ms.map(|over_ms| {
        Detector::Rate(Rate {
            over_ms,
            per_ms: per_ms.unwrap_or(over_ms),
            absolute,
        })
    })
}

fn vote(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    table.need(file, "k");
    let k = table.whole(file, "k", 1..=1_000);
    let group = table.need_text(file, "group");
    Some(Detector::Vote {
        k: u32::try_from(k?).ok()?,
        group: group?.0.into(),
    })
}

fn count(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    let words = [
        ("rises", Counted::Rises),
        ("increase", Counted::Increase),
        ("samples", Counted::Samples),
    ];
    let of = word(file, table, "of", &words);
    let over_ms = needed_time(file, table, "over");
    Some(Detector::Count(Count {
        of: of?,
        over_ms: over_ms?,
    }))
}

fn window(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    table.need(file, "stat");
    let words = [
        ("mean", Stat::Mean),
        ("min", Stat::Min),
        ("max", Stat::Max),
        ("stddev", Stat::Deviation),
        ("quantile", Stat::Quantile(0.5)),
        ("sum", Stat::Sum),
        ("delta", Stat::Delta),
    ];
    let stat = word(file, table, "stat", &words);
    let quantile = share(file, table, "q", 0.5);
    let over = table.duration(file, "over").filter(|over| *over > 0);
    let last = table.whole(file, "last", 2..=SAMPLES_MAX);
    let tumbling = table.truth(file, "tumbling").unwrap_or(false);
    let missing = share(file, table, "missing", 0.2);
    let span = match (over, last) {
        (Some(over), None) => Span::Time(over),
        (None, Some(last)) => Span::Samples(u32::try_from(last).ok()?),
        _ => {
            let what = "a window needs either `over` (a time) or `last` (a number of samples)";
            file.fault(table.span(), what);
            return None;
        }
    };
    let stat = match stat? {
        Stat::Quantile(_) => Stat::Quantile(quantile),
        other => other,
    };
    Some(Detector::Window(Window {
        stat,
        span,
        tumbling,
        missing,
    }))
}

fn share(file: &mut File<'_>, table: &mut Table<'_, '_>, key: &'static str, usual: f64) -> f64 {
    let value = table.number(file, key).unwrap_or(usual);
    if !(0.0..=1.0).contains(&value) {
        file.fault(table.span(), format!("`{key}` must be from 0 to 1"));
    }
    value
}

fn state(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    let (is, is_not) = (table.get("is"), table.get("is_not"));
    let (key, value, not) = match (is, is_not) {
        (Some(value), None) => ("is", value, false),
        (None, Some(value)) => ("is_not", value, true),
        _ => {
            file.fault(table.span(), "a state needs either `is` or `is_not`");
            return None;
        }
    };
    let is = match value.get_ref().as_str() {
        Some("on") => Is::On,
        Some("off") => Is::Off,
        Some(text) => Is::Text(text.to_owned()),
        None => Is::Number(table.number(file, key)?),
    };
    Some(Detector::State { is, not })
}

fn interlock(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    table.need(file, "when");
    let when_on = word(file, table, "when", &[("on", true), ("off", false)]);
    let requires = needed_select(file, table, "requires");
    Some(Detector::Interlock {
        when_on: when_on?,
        requires: requires?,
    })
}

fn sequence(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    let then = needed_select(file, table, "then");
    let within_ms = needed_time(file, table, "within");
    let words = [("follows", Order::Follows), ("missing", Order::Missing)];
    let order = word(file, table, "alarm_if", &words);
    Some(Detector::Sequence(Sequence {
        then: then?,
        within_ms: within_ms?,
        order: order?,
    }))
}

fn rollup(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    table.need(file, "rules");
    let rules = table.texts(file, "rules");
    if rules.is_empty() {
        file.fault(table.span(), "`rules` must name at least one rule");
    }
    let group = table.need_text(file, "group");
    let of: Vec<Arc<str>> = rules.into_iter().map(|(rule, _)| rule.into()).collect();
    Some(Detector::Rollup {
        of,
        group: group?.0.into(),
    })
}

fn forecast(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    let over_ms = needed_time(file, table, "over");
    let ahead_ms = needed_time(file, table, "ahead");
    let confidence = table.number(file, "confidence").unwrap_or(0.8);
    if !(0.5..=0.99).contains(&confidence) {
        file.fault(table.span(), "`confidence` must be from 0.5 to 0.99");
    }
    Some(Detector::Forecast(Forecast {
        over_ms: over_ms?,
        ahead_ms: ahead_ms?,
        confidence,
    }))
}

fn anomaly(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    let weeks = table.whole(file, "weeks", 3..=16).unwrap_or(8);
    let trust = table.whole(file, "trust", 3..=16).unwrap_or(3);
    if trust > weeks {
        file.fault(table.span(), "`trust` must not be more than `weeks`");
    }
    table.need(file, "floor");
    let floor = table.number(file, "floor");
    let utc_offset_min = setting::read_offset(file, table);
    let floor = floor?;
    if floor <= 0.0 {
        file.fault(table.span(), "`floor` must be more than 0");
    }
    Some(Detector::Anomaly(Anomaly {
        weeks: u32::try_from(weeks).ok()?,
        trust: u32::try_from(trust).ok()?,
        floor,
        utc_offset_min,
    }))
}

fn expression(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Detector> {
    let when = table.need_text(file, "when");
    let number = table.truth(file, "number").unwrap_or(false);
    let mut inputs = BTreeMap::new();
    if let Some(names) = table.table(file, "inputs") {
        let mut named: Vec<_> = names.entries().map(|(name, _)| name.to_owned()).collect();
        if named.len() > INPUTS_MAX {
            file.fault(names.span(), format!("more than {INPUTS_MAX} inputs"));
            named.truncate(INPUTS_MAX);
        }
        for name in named {
            if !crate::expr::is_input_name(&name) {
                file.fault(
                    names.span(),
                    format!("`{name}` cannot be a name in an expression"),
                );
            }
            if let Some(select) = super::read_labels(file, &names, &name) {
                inputs.insert(name, select);
            }
        }
    }
    let (when, span) = when?;
    let when = match crate::expr::Source::parse(&when) {
        Ok(when) => when,
        Err(faults) => {
            for fault in faults {
                // The text begins after its quote; escapes before the place move it a little.
                let at = span.start + 1 + fault.span.start;
                let end = (span.start + 1 + fault.span.end).max(at);
                file.fault(at..end, fault.what);
            }
            return None;
        }
    };
    check_expression(file, &when, &span, &inputs, number);
    Some(Detector::Expression(Expression {
        when,
        inputs,
        number,
    }))
}

/// What can be told of an expression before its points are known.
fn check_expression(
    file: &mut File<'_>,
    when: &crate::expr::Source,
    span: &std::ops::Range<usize>,
    inputs: &BTreeMap<String, Select>,
    number: bool,
) {
    let from = span.start + 1;
    let is_input = |name: &str| name == "value" || inputs.contains_key(name);
    for (name, place) in when.strangers(is_input) {
        let known: Vec<_> = std::iter::once("value")
            .chain(inputs.keys().map(String::as_str))
            .collect();
        let what = format!(
            "未知输入 unknown input `{name}`; 已声明 known: `{}`",
            known.join("`, `")
        );
        file.fault(from + place.start..from + place.end, what);
    }
    match (when.gives_truth(), number) {
        (Some(false), false) => file.fault(
            span.clone(),
            "`when` 的结果必须是真假值 must give true or false; 要与限值比较请写 to compare it \
             with limits write `number = true`",
        ),
        (Some(true), true) => file.fault(
            span.clone(),
            "`number = true`，但 `when` 的结果是真假值 but `when` gives true or false",
        ),
        _ => {}
    }
}
