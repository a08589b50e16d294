//! `[[receiver]]`: who is told of alarms, and when.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use fenghuo_model::Severity;

use super::{check_id, level, read_select};
use crate::plan::settings::{CARRIERS_MAX, FLOOD_OVER_MAX, GROUP_LABELS_MAX, RECEIVERS_MAX};
use crate::plan::{Flood, Quiet, Receiver, SEVERE};
use crate::rule::table::{File, Table};
use crate::rule::{RuleSet, Select};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// A group that waits longer than this is no warning.
const WAIT_MS: RangeInclusive<u64> = 0..=10 * MINUTE_MS;
const REPEAT_MS: RangeInclusive<u64> = MINUTE_MS..=24 * HOUR_MS;
const SETTLE_MS: RangeInclusive<u64> = 0..=10 * MINUTE_MS;
const FLOOD_SPAN_MS: RangeInclusive<u64> = MINUTE_MS..=HOUR_MS;
const DIGEST_MS: RangeInclusive<u64> = 10_000..=HOUR_MS;

pub fn read_receivers(file: &mut File<'_>, root: &mut Table<'_, '_>, set: &mut RuleSet) {
    for table in root.tables(file, "receiver") {
        let span = table.span();
        if set.receivers.len() >= RECEIVERS_MAX {
            file.fault(span, format!("more than {RECEIVERS_MAX} receivers"));
            return;
        }
        let Some(receiver) = read_receiver(file, table) else {
            continue;
        };
        if set.receivers.iter().any(|it| it.name == receiver.name) {
            file.fault(span, format!("receiver `{}` stands twice", receiver.name));
            continue;
        }
        set.receivers.push(receiver);
    }
}

fn read_receiver(file: &mut File<'_>, mut table: Table<'_, '_>) -> Option<Receiver> {
    let before = file.faults.len();
    let name = table
        .need_text(file, "name")
        .and_then(|(name, span)| check_id(file, name, span));
    let receiver = Receiver {
        role: table.text(file, "role").map(|(role, _)| role),
        select: read_whom(file, &mut table),
        severities: read_severities(file, &mut table),
        group_by: read_group(file, &mut table),
        wait_ms: span_of(file, &mut table, "wait", WAIT_MS).unwrap_or(0),
        repeat_ms: span_of(file, &mut table, "repeat", REPEAT_MS),
        returned: table.truth(file, "returned").unwrap_or(true),
        quiet: table
            .table(file, "quiet")
            .and_then(|quiet| read_quiet(file, quiet)),
        flood: Some(read_flood(file, &mut table)),
        ..Receiver::new(&name.unwrap_or_default(), &read_carriers(file, &mut table))
    };
    let receiver = read_tier(file, &mut table, receiver);
    table.done(file);
    (file.faults.len() == before).then_some(receiver)
}

fn read_carriers(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Vec<String> {
    let carriers = table.texts(file, "carriers");
    if carriers.is_empty() || carriers.len() > CARRIERS_MAX {
        let what = format!("`carriers` must name 1 to {CARRIERS_MAX} carriers");
        file.fault(table.span(), what);
    }
    let mut names: Vec<String> = Vec::new();
    for (name, span) in carriers {
        if names.contains(&name) {
            file.fault(span, format!("carrier `{name}` stands twice"));
        } else {
            names.push(name);
        }
    }
    names
}

/// An alarm knows its point's labels, but not what kind of point it is.
fn read_whom(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Select> {
    let select = read_select(file, table, "select")?;
    if select.0.contains_key("kind") {
        let span = table.get("select").map_or(0..0, toml::Spanned::span);
        file.fault(
            span,
            "alarms have no `kind`; select by `rule`, `level`, `severity`, `enterprise`, `gateway`, `key` or a label",
        );
    }
    Some(select)
}

fn read_severities(file: &mut File<'_>, table: &mut Table<'_, '_>) -> BTreeSet<Severity> {
    let at_least = level::read_severity(file, table, "at_least", false);
    let named = table.texts(file, "severities");
    if let (Some(_), Some((_, span))) = (at_least, named.first()) {
        file.fault(
            span.clone(),
            "either `severities` or `at_least` says how bad",
        );
    }
    let mut severities = BTreeSet::new();
    for (word, span) in &named {
        match Severity::parse(word) {
            Some(severity) => {
                severities.insert(severity);
            }
            None => file.fault(
                span.clone(),
                "`severities` are blue, yellow, orange and red",
            ),
        }
    }
    if named.is_empty() {
        let all = Severity::ALL.into_iter();
        severities = all.filter(|it| Some(*it) >= at_least).collect();
    }
    severities
}

fn read_group(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Vec<Arc<str>> {
    let labels = table.texts(file, "group_by");
    if let Some((_, span)) = labels.get(GROUP_LABELS_MAX) {
        let what = format!("`group_by` names at most {GROUP_LABELS_MAX} labels");
        file.fault(span.clone(), what);
    }
    labels.into_iter().map(|(label, _)| label.into()).collect()
}

fn read_tier(file: &mut File<'_>, table: &mut Table<'_, '_>, receiver: Receiver) -> Receiver {
    let tiers = 0..=u64::from(crate::alarm::TIERS);
    let tier = table.whole(file, "tier", tiers).unwrap_or(0);
    let at_once = level::read_severity(file, table, "at_once", false);
    if let (0, Some(value)) = (tier, table.get("at_once")) {
        let what = "tier 0 is told of everything at once; `at_once` is for tiers 1 to 3";
        file.fault(value.span(), what);
    }
    let settle = span_of(file, table, "settle", SETTLE_MS);
    Receiver {
        tier: u8::try_from(tier).unwrap_or(0),
        at_once,
        settle_ms: settle.unwrap_or(receiver.settle_ms),
        ..receiver
    }
}

fn read_quiet(file: &mut File<'_>, mut table: Table<'_, '_>) -> Option<Quiet> {
    let calendar = table.need_text(file, "calendar");
    let place = table.get("below").map_or(table.span(), toml::Spanned::span);
    let below = level::read_severity(file, &mut table, "below", true);
    if below.is_some_and(|below| below > SEVERE || below == Severity::Blue) {
        file.fault(
            place,
            "`below` must be yellow or orange: what is worse is never kept for later",
        );
    }
    table.done(file);
    Some(Quiet {
        calendar: calendar?.0.into(),
        below: below?,
    })
}

fn read_flood(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Flood {
    let usual = Flood::default();
    let Some(mut table) = table.table(file, "flood") else {
        return usual;
    };
    let most = u64::from(FLOOD_OVER_MAX);
    let mut count = |file: &mut File<'_>, key| table.whole(file, key, 1..=most);
    let (over, under) = (count(file, "over"), count(file, "under"));
    let number =
        |found: Option<u64>, usual| found.and_then(|it| u32::try_from(it).ok()).unwrap_or(usual);
    let flood = Flood {
        over: number(over, usual.over),
        under: number(under, usual.under),
        span_ms: span_of(file, &mut table, "within", FLOOD_SPAN_MS).unwrap_or(usual.span_ms),
        digest_ms: span_of(file, &mut table, "digest", DIGEST_MS).unwrap_or(usual.digest_ms),
    };
    if flood.under > flood.over {
        let what = "a flood must end with fewer raises than it begins with: `under` > `over`";
        file.fault(table.span(), what);
    }
    table.done(file);
    flood
}

/// A time within bounds.
fn span_of(
    file: &mut File<'_>,
    table: &mut Table<'_, '_>,
    key: &'static str,
    bounds: RangeInclusive<u64>,
) -> Option<u64> {
    let ms = table.duration(file, key)?;
    if !bounds.contains(&ms) {
        let span = table.get(key).map_or(table.span(), toml::Spanned::span);
        let (low, high) = (bounds.start() / 1_000, bounds.end() / 1_000);
        file.fault(span, format!("`{key}` must be from {low} s to {high} s"));
    }
    Some(ms)
}
