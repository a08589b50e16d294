//! What all points have in common, whatever reads them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use fenghuo_model::catalog::{LABELS_MAX, POINTS_MAX};
use fenghuo_model::source::{CHANGES, LABEL_READ_MS, LABEL_REPORT, RESERVED};
use fenghuo_model::{Catalog, Kind, Limits, PointDef, PointKey, Title, Unit, ValueType};

use super::origin::{ORIGIN_LABELS, Origin};
use super::problem::Collector;
use super::table::Table;
use crate::source::change::{Exception, HEARTBEAT};

/// Longest title or label in bytes, as the uplink allows.
const WORD_BYTES_MAX: usize = 512;

/// What stands for the placeholders in keys, titles and labels.
#[derive(Clone, Debug, Default)]
pub struct Fill {
    name: Option<String>,
    number: Option<u64>,
    parts: Vec<String>,
}

/// What stands for the parts of a topic, in their order.
const PART_MARKS: [&str; 9] = [
    "{1}", "{2}", "{3}", "{4}", "{5}", "{6}", "{7}", "{8}", "{9}",
];
/// Most parts of a topic that can be named.
pub const PARTS_MAX: usize = PART_MARKS.len();

impl Fill {
    /// `{name}` for a unit that has one.
    pub fn named(name: Option<&str>) -> Self {
        Self {
            name: name.map(str::to_owned),
            ..Self::default()
        }
    }

    /// `{1}`, `{2}` and so on for the parts of a topic.
    pub fn parted(parts: Vec<String>) -> Self {
        Self {
            parts,
            ..Self::default()
        }
    }

    /// The same with a number for `{n}`.
    pub fn numbered(&self, number: u64) -> Self {
        Self {
            number: Some(number),
            ..self.clone()
        }
    }

    /// A text with its placeholders filled; what has nothing to stand for it is noted.
    pub fn fill(&self, table: &Table<'_>, key: &'static str, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let number = self.number.map(|number| number.to_string());
        let parts = PART_MARKS.iter().enumerate().map(|(at, mark)| {
            let part = self.parts.get(at);
            (*mark, part, "the topic has no such part in `parts`")
        });
        let marks = [
            ("{name}", self.name.as_ref(), "the unit has no name"),
            ("{n}", number.as_ref(), "this is not in a block"),
        ];
        let mut filled = text.to_owned();
        for (mark, value, lack) in marks.into_iter().chain(parts) {
            match value {
                Some(value) => filled = filled.replace(mark, value),
                None if filled.contains(mark) => {
                    table.problem(key, format!("holds `{mark}`, and {lack}"));
                }
                None => {}
            }
        }
        filled
    }
}

/// Where each source's points stand in the catalog, by the source's name.
pub type Places = BTreeMap<String, Range<u32>>;

/// The points found so far, in the order of the file. Those of one source stand together, and
/// are numbered from 0 there: what stands before a source does not change what it is.
#[derive(Debug)]
pub struct Points<'t> {
    /// Each with where it lies; its labels are added last, once for all.
    list: Vec<(PointDef, Rc<Origin>)>,
    keys: BTreeMap<PointKey, u32>,
    /// Of the sources that have been read whole.
    places: Places,
    /// Where the source that is being read begins.
    start: u32,
    problems: &'t Collector<'t>,
}

impl<'t> Points<'t> {
    /// None yet.
    #[must_use]
    pub const fn new(problems: &'t Collector<'t>) -> Self {
        Self {
            list: Vec::new(),
            keys: BTreeMap::new(),
            places: Places::new(),
            start: 0,
            problems,
        }
    }

    /// What follows is of one source, until [`Points::end_source`].
    pub fn begin_source(&mut self) {
        self.start = self.end();
    }

    /// That was all of it.
    pub fn end_source(&mut self, name: Option<&str>) {
        let place = self.start..self.end();
        // Without a name there is no configuration either.
        self.places
            .extend(name.map(|name| (name.to_owned(), place)));
    }

    /// Where each source's points stand.
    pub fn places(&mut self) -> Places {
        std::mem::take(&mut self.places)
    }

    fn end(&self) -> u32 {
        // Far more than a catalog can hold are refused below.
        u32::try_from(self.list.len()).unwrap_or(u32::MAX)
    }

    /// Reads what every point has, and gives it its place among its source's.
    pub fn add(
        &mut self,
        table: &Table<'_>,
        fill: &Fill,
        value_type: ValueType,
        report: Report,
        origin: &Rc<Origin>,
    ) -> Option<u32> {
        let key = key(table, fill);
        let kind = kind(table);
        let unit = unit(table);
        let mut labels = labels(table, fill);
        if report.is_by_change {
            labels.insert(LABEL_REPORT.to_owned(), CHANGES.to_owned());
            // No configuration is refused for want of room for it.
            if report.read_ms > 0 && labels.len() + ORIGIN_LABELS < LABELS_MAX {
                labels.insert(LABEL_READ_MS.to_owned(), report.read_ms.to_string());
            }
        }
        let def = PointDef {
            title: title(table, fill, key.as_ref()),
            range: range(table),
            key: key?,
            kind: kind?,
            unit: unit?,
            value_type,
            interval_ms: report.interval_ms,
            labels,
        };
        let key = def.key.clone();
        let index = self.place(def, origin);
        if index.is_none() {
            table.problem("key", format!("`{key}` is already another point"));
        }
        index
    }

    /// Gives the state point of a line or device its place, behind its points.
    pub fn add_state(&mut self, origin: &Rc<Origin>) -> Option<u32> {
        // A name that no key can hold, or that names two sources, is noted where it stands.
        self.place(origin.state_point()?, origin)
    }

    fn place(&mut self, def: PointDef, origin: &Rc<Origin>) -> Option<u32> {
        let index = u32::try_from(self.list.len()).ok()?;
        match self.keys.entry(def.key.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => {
                vacant.insert(index);
                self.list.push((def, origin.clone()));
                index.checked_sub(self.start)
            }
        }
    }

    /// The catalog of all points. Best when the file's text is gone: both are large, and a
    /// gateway is small.
    pub fn catalog(self) -> Option<Catalog> {
        if self.list.len() > POINTS_MAX {
            let what = format!("{} points; at most {POINTS_MAX}", self.list.len());
            self.problems.note(None, String::new(), what);
            return None;
        }
        let points = self.list.into_iter().map(|(mut def, origin)| {
            def.labels.extend(origin.labels());
            def
        });
        match Catalog::new(points.collect()) {
            Ok(catalog) => Some(catalog),
            Err(error) => {
                self.problems.note(None, String::new(), error.to_string());
                None
            }
        }
    }
}

fn key(table: &Table<'_>, fill: &Fill) -> Option<PointKey> {
    let text = fill.fill(table, "key", table.needed_text("key")?);
    match PointKey::new(&text) {
        Ok(key) if key.as_str().starts_with(RESERVED) => {
            let what = format!("`{key}` begins with `{RESERVED}`, as the collector's own do");
            table.problem("key", what);
            None
        }
        Ok(key) => Some(key),
        Err(error) => {
            table.problem("key", error.to_string());
            None
        }
    }
}

fn kind(table: &Table<'_>) -> Option<Kind> {
    let text = table.needed_text("kind")?;
    let kind = Kind::ALL.iter().find(|kind| kind.as_str() == text);
    if kind.is_none() {
        let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        table.problem(
            "kind",
            format!("`{text}` is not one of {}", known.join(", ")),
        );
    }
    kind.copied()
}

fn unit(table: &Table<'_>) -> Option<Unit> {
    match Unit::parse(table.text("unit").unwrap_or_default()) {
        Ok(unit) => Some(unit),
        Err(error) => {
            table.problem("unit", error.to_string());
            None
        }
    }
}

/// A missing title is the point's key; a missing language is the other one.
fn title(table: &Table<'_>, fill: &Fill, key: Option<&PointKey>) -> Title {
    let given = table.table("title");
    let word = |name| given.as_ref().and_then(|title| title.text(name));
    let (zh, en) = (word("zh"), word("en"));
    if let Some(title) = &given {
        title.finish();
    }
    let key = key.map_or("", PointKey::as_str);
    let title = Title {
        zh: fill.fill(table, "title", zh.or(en).unwrap_or(key)),
        en: fill.fill(table, "title", en.or(zh).unwrap_or(key)),
    };
    if title.zh.len().max(title.en.len()) > WORD_BYTES_MAX {
        table.problem("title", format!("is longer than {WORD_BYTES_MAX} bytes"));
    }
    title
}

fn labels(table: &Table<'_>, fill: &Fill) -> BTreeMap<String, String> {
    let mut labels = table.texts("labels");
    for value in labels.values_mut() {
        *value = fill.fill(table, "labels", value);
    }
    // One more says how it is reported.
    let most = LABELS_MAX - ORIGIN_LABELS - 1;
    if labels.len() > most {
        table.problem("labels", format!("{} labels; at most {most}", labels.len()));
    }
    let reserved = labels.keys().filter(|name| name.starts_with(RESERVED));
    for name in reserved {
        let what = format!("`{name}` begins with `{RESERVED}`, as the collector's own do");
        table.problem("labels", what);
    }
    let is_long = |(name, value): (&String, &String)| name.len().max(value.len()) > WORD_BYTES_MAX;
    if labels.iter().any(is_long) {
        table.problem(
            "labels",
            format!("one is longer than {WORD_BYTES_MAX} bytes"),
        );
    }
    labels
}

/// What the instrument can measure.
pub fn range(table: &Table<'_>) -> Option<Limits> {
    let range = table.table("range")?;
    for key in ["low", "high"] {
        if !range.has(key) {
            range.missing(key);
        }
    }
    let limits = (range.number("low"), range.number("high"));
    range.finish();
    let (Some(low), Some(high)) = limits else {
        return None;
    };
    if low >= high {
        table.problem("range", format!("{low} to {high} is empty"));
        return None;
    }
    Some(Limits { low, high })
}

/// Scale and offset, when there is either.
pub fn linear(table: &Table<'_>, is_number: bool) -> Option<(f64, f64)> {
    let (scale, offset) = (table.number("scale"), table.number("offset"));
    for key in ["scale", "offset"] {
        if !is_number && table.has(key) {
            table.problem(key, "is for numbers only");
        }
    }
    if scale == Some(0.0) {
        table.problem("scale", "is 0, which makes every value the same");
    }
    let given = scale.is_some() || offset.is_some();
    given.then(|| (scale.unwrap_or(1.0), offset.unwrap_or(0.0)))
}

/// When the server may expect a sample of a point.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    interval_ms: u32,
    read_ms: u32,
    is_by_change: bool,
}

impl Report {
    /// Of a point that is read so often. While it does not change, its heartbeat is all that
    /// comes: the server must not take it for silent before.
    pub fn of(interval_ms: u32, exception: Option<&Exception>) -> Self {
        let heartbeat = exception.map_or(0, |exception| exception.heartbeat.as_millis());
        Self {
            interval_ms: u32::try_from(heartbeat).map_or(u32::MAX, |it| it.max(interval_ms)),
            read_ms: interval_ms,
            is_by_change: exception.is_some(),
        }
    }
}

/// Report by exception, when the point asks for it.
pub fn exception(table: &Table<'_>) -> Option<Exception> {
    let deadband = table.number("deadband");
    let heartbeat = table.whole("heartbeat_ms", 100..=86_400_000);
    if deadband.is_some_and(|deadband| deadband < 0.0) {
        table.problem("deadband", "is below 0");
    }
    let given = deadband.is_some() || heartbeat.is_some();
    given.then(|| Exception {
        deadband: deadband.unwrap_or(0.0),
        heartbeat: heartbeat.map_or(HEARTBEAT, Duration::from_millis),
    })
}
