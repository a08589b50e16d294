//! Samples as lines.
//!
//! ```text
//!  sample,enterprise=..,gateway=..,kind=..,point=..,unit=..  value=1.5,quality="good"  <ms>
//! ```
//!
//! | type of the point | fields of a value |
//! | --- | --- |
//! | f64 | `value` |
//! | i64 | `value` (as float), `int` (exact) |
//! | u64 | `value` (as float), `uint` (exact) |
//! | bool | `value` (0 or 1), `state` |
//! | text | `text` |
//!
//! So one field draws every number, no field ever has two types, and integers beyond 2^53
//! are not lost. Each sample has `quality`; one that is not good has `reason` too; a bad one
//! has nothing else. The points' free labels are not written: they are not bounded.
//!
//! A line is identified by its tags and its millisecond. Of several samples of one point in
//! one millisecond the last by identity is written; when they come in different batches the
//! database merges their fields, the later batch over the earlier one. History keeps all.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use fenghuo_model::{GatewayKey, Kind, PointKey, Sample, SampleId, Unit, Value};

use super::line::{Fields, tag};

/// Most lines in one request.
pub const LINES_MAX: usize = 5_000;
/// Most bytes in one request, unless one line has more.
pub const BODY_BYTES_MAX: usize = 4 << 20;

/// A series as lines begin: measurement and tags.
pub type Prefix = Arc<str>;

/// The beginning of every line of a point.
#[must_use]
pub fn prefix(gateway: &GatewayKey, point: &PointKey, kind: Kind, unit: Unit) -> Prefix {
    let mut out = String::from("sample");
    tag(&mut out, "enterprise", gateway.enterprise.as_str());
    tag(&mut out, "gateway", gateway.gateway.as_str());
    tag(&mut out, "kind", kind.as_str());
    tag(&mut out, "point", point.as_str());
    tag(&mut out, "unit", unit.symbol());
    out.into()
}

/// A sample of a series.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which series.
    pub series: Prefix,
    /// Its identity.
    pub id: SampleId,
    /// The sample.
    pub sample: Sample,
}

/// Lines for one request each. A request's lines are whole, one a text line.
#[must_use]
pub fn bodies(mut rows: Vec<Row>) -> Vec<Bytes> {
    let place = |row: &Row| (row.sample.time, row.id);
    rows.sort_unstable_by(|a, b| a.series.cmp(&b.series).then(place(a).cmp(&place(b))));
    let mut bodies = Bodies::default();
    let mut rows = rows.iter().peekable();
    while let Some(row) = rows.next() {
        let is_last = rows
            .peek()
            .is_none_or(|next| next.series != row.series || next.sample.time != row.sample.time);
        if is_last {
            bodies.add(|out| line(out, row));
        }
    }
    bodies.end()
}

/// Collects lines into bodies of bounded size.
#[derive(Debug, Default)]
pub struct Bodies {
    done: Vec<Bytes>,
    text: String,
    lines: usize,
}

impl Bodies {
    /// Adds one line.
    pub fn add(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
        self.lines += 1;
        if self.lines >= LINES_MAX || self.text.len() >= BODY_BYTES_MAX {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.lines = 0;
        self.done.push(Bytes::from(std::mem::take(&mut self.text)));
    }

    /// All of them.
    #[must_use]
    pub fn end(mut self) -> Vec<Bytes> {
        if self.lines > 0 {
            self.cut();
        }
        self.done
    }
}

fn line(out: &mut String, row: &Row) {
    out.push_str(&row.series);
    let reading = &row.sample.reading;
    let mut fields = Fields::new(out);
    if let Some(number) = reading.value().and_then(Value::as_f64) {
        fields.float("value", number);
    }
    match reading.value() {
        Some(Value::I64(number)) => fields.int("int", *number),
        Some(Value::U64(number)) => fields.uint("uint", *number),
        Some(Value::Bool(state)) => fields.state("state", *state),
        Some(Value::Text(text)) => fields.text("text", text),
        Some(Value::F64(_)) | None => {}
    }
    fields.text("quality", reading.quality());
    if let Some(reason) = reading.reason() {
        fields.text("reason", reason.as_str());
    }
    fields.end(row.sample.time.as_millis());
}

/// How many lines a body has.
#[must_use]
pub fn lines(body: &[u8]) -> usize {
    body.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .count()
}

/// Cuts a body between two lines, about in its middle; none when it has but one.
#[must_use]
pub fn halves(body: &Bytes) -> Option<(Bytes, Bytes)> {
    let end = body.len().checked_sub(1)?;
    let is_break = |at: &usize| body[*at] == b'\n';
    let middle = body.len() / 2;
    let cut = (middle..end)
        .find(is_break)
        .or_else(|| (0..middle).rev().find(is_break))?
        + 1;
    Some((body.slice(..cut), body.slice(cut..)))
}

/// A body for messages: its first line, cut.
#[must_use]
pub fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut shown: String = text
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect();
    if lines(body) > 1 && write!(shown, " .. ({} lines)", lines(body)).is_err() {
        shown.push_str(" ..");
    }
    shown
}

#[cfg(test)]
mod tests;
