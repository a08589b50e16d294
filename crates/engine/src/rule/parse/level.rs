//! `[[rule.level]]`: a name, how bad, a limit where there is a number, and the alarm's life.

use fenghuo_model::Severity;
use toml::Spanned;

use super::check_id;
use crate::rule::table::{File, Table};
use crate::rule::{Detector, LEVELS_MAX, Level, Limit, Needs, Op, Reset, SHELVE_MS_DEFAULT, Scale};

/// What stands instead of a number that only the site's design can give.
const DESIGN: &str = "design";

pub fn read_all(
    file: &mut File<'_>,
    table: &mut Table<'_, '_>,
    detector: Option<&Detector>,
    design_only: bool,
) -> Vec<Level> {
    let tables = table.tables(file, "level");
    if tables.is_empty() {
        file.fault(table.span(), "a rule needs at least one [[rule.level]]");
    }
    if tables.len() > LEVELS_MAX {
        file.fault(table.span(), format!("more than {LEVELS_MAX} levels"));
    }
    let mut levels: Vec<Level> = Vec::new();
    for table in tables {
        let span = table.span();
        let Some(level) = read(file, table, detector, design_only) else {
            continue;
        };
        if levels.iter().any(|other| other.name == level.name) {
            file.fault(span, format!("level `{}` stands twice", level.name));
        }
        levels.push(level);
    }
    levels
}

fn read(
    file: &mut File<'_>,
    mut table: Table<'_, '_>,
    detector: Option<&Detector>,
    design_only: bool,
) -> Option<Level> {
    let name = table
        .need_text(file, "name")
        .and_then(|(name, span)| check_id(file, name, span));
    let severity = read_severity(file, &mut table, "severity", true);
    let for_ms = table.duration(file, "for").unwrap_or(0);
    let off_ms = table.duration(file, "off_for").unwrap_or(0);
    let limited = detector.is_some_and(|detector| detector.scale() != Scale::Truth);
    let limit = limited.then(|| read_limit(file, &mut table, design_only));
    let counts = matches!(detector, Some(Detector::Rollup { .. }));
    let needs = counts.then(|| read_needs(file, &mut table));
    let latch = table.truth(file, "latch").unwrap_or(false);
    let shelve_ms = read_shelf(file, &mut table, severity);
    let realarm_ms = table.duration(file, "realarm");
    table.done(file);
    Some(Level {
        name: name?.into(),
        severity: severity?,
        for_ms,
        off_ms,
        limit: limit.flatten(),
        needs: needs.flatten(),
        latch,
        shelve_ms,
        realarm_ms,
    })
}

/// The longest it may be shelved. What is red may never be: putting the worst alarms out of
/// sight is left to nobody who writes a rule.
fn read_shelf(file: &mut File<'_>, table: &mut Table<'_, '_>, severity: Option<Severity>) -> u64 {
    let place = ["shelve_max", "shelvable"].map(|key| table.get(key));
    let place = place.into_iter().flatten().next().map(Spanned::span);
    let shelvable = table.truth(file, "shelvable");
    let longest = table.duration(file, "shelve_max");
    if severity == Some(Severity::Red) {
        if let Some(place) = place.filter(|_| shelvable == Some(true) || longest.is_some()) {
            let what = "红色报警不可搁置 a red alarm can never be shelved; with a permit its point \
                        may be taken out of service";
            file.fault(place, what);
        }
        return 0;
    }
    if shelvable == Some(false) {
        return 0;
    }
    longest.unwrap_or(SHELVE_MS_DEFAULT)
}

pub fn read_severity(
    file: &mut File<'_>,
    table: &mut Table<'_, '_>,
    key: &'static str,
    needed: bool,
) -> Option<Severity> {
    let (word, span) = if needed {
        table.need_text(file, key)?
    } else {
        table.text(file, key)?
    };
    let found = Severity::parse(&word);
    if found.is_none() {
        file.fault(span, format!("`{key}` must be blue, yellow, orange or red"));
    }
    found
}

fn read_needs(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Needs> {
    table.need(file, "count");
    let count = table.whole(file, "count", 1..=10_000);
    let of = read_severity(file, table, "of", true);
    Some(Needs {
        count: u32::try_from(count?).ok()?,
        of: of?,
    })
}

fn read_limit(file: &mut File<'_>, table: &mut Table<'_, '_>, design_only: bool) -> Option<Limit> {
    let mut found = Vec::new();
    for op in [Op::Above, Op::Over, Op::Below, Op::Under] {
        if let Some(value) = read_value(file, table, op.as_str(), design_only) {
            found.push((op, value));
        }
    }
    let reset = table.number(file, "reset");
    let deadband = table.number(file, "deadband_span");
    let [(op, value)] = found.as_slice() else {
        file.fault(
            table.span(),
            "a level needs exactly one of `above`, `over`, `below`, `under`",
        );
        return None;
    };
    let reset = match (reset, deadband) {
        (Some(_), Some(_)) => {
            let what = "`reset` and `deadband_span` both say where it clears";
            file.fault(table.span(), what);
            return None;
        }
        (Some(reset), None) => Reset::At(reset),
        (None, Some(share)) if (0.0..=0.5).contains(&share) => Reset::Span(share),
        (None, Some(_)) => {
            file.fault(table.span(), "`deadband_span` must be from 0 to 0.5");
            return None;
        }
        (None, None) => Reset::Limit,
    };
    let limit = Limit {
        op: *op,
        value: *value,
        reset,
    };
    check_reset(file, table, limit).then_some(limit)
}

/// A number, or the word that says that the site's design gives it. Of a rule whose numbers
/// are the design's, only a site file has them.
#[expect(clippy::option_option, reason = "missing, design, number")]
fn read_value(
    file: &mut File<'_>,
    table: &mut Table<'_, '_>,
    key: &'static str,
    design_only: bool,
) -> Option<Option<f64>> {
    let value = table.get(key)?;
    if value.get_ref().as_str() == Some(DESIGN) {
        return Some(None);
    }
    if design_only {
        let what = format!(
            "a pack has no number for a DES level: write `{key} = \"{DESIGN}\"`, and the site's \
             [[limit]] gives it"
        );
        file.fault(value.span(), what);
    }
    table.number(file, key).map(Some)
}

fn check_reset(file: &mut File<'_>, table: &Table<'_, '_>, limit: Limit) -> bool {
    let (Some(value), Reset::At(reset)) = (limit.value, limit.reset) else {
        if let (None, Reset::At(_)) = (limit.value, limit.reset) {
            let what = "a limit from the design brings its own reset: use `deadband_span` here";
            file.fault(table.span(), what);
            return false;
        }
        return true;
    };
    let wrong_side = if limit.op.is_upper() {
        reset > value
    } else {
        reset < value
    };
    if wrong_side {
        let what = format!("`reset` {reset} lies beyond the limit {value}: it would never hold");
        file.fault(table.span(), what);
    }
    !wrong_side
}
