//! `source = { .. }`: read, and refused where it claims more than it can.

use std::ops::Range;

use super::read_title;
use crate::rule::table::{File, Table};
use crate::rule::{Confidence, Day, Ship, Source};

/// Years that a standard in force can be of.
const YEARS: std::ops::RangeInclusive<u64> = 1949..=2100;

pub fn read(file: &mut File<'_>, mut table: Table<'_, '_>) -> Option<Source> {
    let standard = table.text(file, "standard");
    let year = table.whole(file, "year", YEARS);
    let clause = table.text(file, "clause");
    let ship = read_ship(file, &mut table);
    let confidence = read_confidence(file, &mut table);
    let evidence = table.text(file, "evidence");
    let note = table.table(file, "note").map(|note| read_title(file, note));
    let until = read_day(file, &mut table, "until");
    let supersedes = table.text(file, "supersedes");
    let word = |text: Option<(String, Range<usize>)>| text.map(|(text, _)| text);
    let whole = table.span();
    table.done(file);
    let (ship, ship_span) = ship?;
    let source = Source {
        standard: word(standard).unwrap_or_default(),
        year: year.and_then(|year| u16::try_from(year).ok()),
        clause: word(clause).unwrap_or_default(),
        ship,
        confidence: confidence?,
        evidence: word(evidence),
        note,
        until,
        supersedes: word(supersedes),
    };
    check_claim(file, &source, ship_span, whole);
    Some(source)
}

/// No number passes as law that nobody has read, or that no clause is named for.
fn check_claim(file: &mut File<'_>, source: &Source, ship: Range<usize>, whole: Range<usize>) {
    let confidence = source.confidence;
    match source.ship {
        Ship::RegPending if confidence == Confidence::Unsure => file.fault(
            ship,
            "an unsure number (confidence U) is not from a regulation: write `ship = \"DEF\"`",
        ),
        Ship::Reg if confidence == Confidence::Unsure => file.fault(
            ship,
            "an unsure number (confidence U) is never shown as law: write `ship = \"DEF\"`",
        ),
        Ship::Reg if !confidence.is_read() => file.fault(
            ship,
            "a number that nobody has read in the regulation (confidence M) waits for a \
             signature: write `ship = \"REG-pending\"`",
        ),
        _ => {}
    }
    if source.ship.is_legal() {
        for (key, text) in [("standard", &source.standard), ("clause", &source.clause)] {
            if text.trim().is_empty() {
                let ship = source.ship.as_str();
                let what = format!("`ship = \"{ship}\"` must name its `{key}`");
                file.fault(whole.clone(), what);
            }
        }
    }
}

fn read_ship(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<(Ship, Range<usize>)> {
    let (word, span) = table.need_text(file, "ship")?;
    let found = Ship::ALL.iter().find(|ship| ship.as_str() == word);
    if found.is_none() {
        file.fault(span.clone(), "`ship` must be REG, REG-pending, DES or DEF");
    }
    found.map(|ship| (*ship, span))
}

fn read_confidence(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<Confidence> {
    let (word, span) = table.need_text(file, "confidence")?;
    let found = Confidence::ALL.iter().find(|it| it.as_str() == word);
    if found.is_none() {
        file.fault(span, "`confidence` must be V, V*, M or U");
    }
    found.copied()
}

fn read_day(file: &mut File<'_>, table: &mut Table<'_, '_>, key: &'static str) -> Option<Day> {
    let (text, span) = table.text(file, key)?;
    let day = Day::parse(&text);
    if day.is_none() {
        file.fault(
            span,
            format!("`{key}` must be a day such as \"2027-01-01\""),
        );
    }
    day
}
