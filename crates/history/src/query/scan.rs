//! One series over a stretch of time, in order, from memory and files.
//!
//! Chunks and the copy of the head are grouped into stretches that do not overlap. A
//! stretch of one chunk, the usual case, is handed on as decoded columns; where parts
//! overlap (late samples, a seal under way) they are merged and sorted as rows.

use std::ops::{ControlFlow, Range};

use fenghuo_model::{Sample, SampleId, Timestamp, ValueType};
use rusqlite::Connection;

use crate::block::{Block, reading};
use crate::codec::{Chunk, Values};
use crate::file::read::{self, Place};
use crate::quality::Quality;
use crate::store::Inner;
use crate::{Fault, Month, SeriesMeta};

/// Samples in order, none of them outside of what was asked for.
pub(super) enum Run {
    /// One chunk, decoded by column; `shown` are its samples in the stretch.
    Columns {
        times: Vec<i64>,
        qualities: Vec<Quality>,
        values: Values,
        shown: Range<usize>,
    },
    /// Merged rows.
    Rows(Block),
}

impl Run {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Columns { shown, .. } => shown.len(),
            Self::Rows(block) => block.len(),
        }
    }

    /// Calls `f` with time, quality and value bits of each sample in turn.
    pub(super) fn each(&self, mut f: impl FnMut(i64, Quality, u64)) {
        match self {
            Self::Rows(block) => {
                let rows = block.entries.iter();
                rows.for_each(|row| f(row.time, row.quality, row.bits));
            }
            Self::Columns {
                times,
                qualities,
                values,
                shown,
            } if qualities.is_empty() => {
                let rows = times[shown.clone()].iter().zip(&values.bits[shown.clone()]);
                rows.for_each(|(time, bits)| f(*time, Quality::GOOD, *bits));
            }
            Self::Columns {
                times,
                qualities,
                values,
                shown,
            } => {
                let valued = |quality: &&Quality| quality.has_value();
                let skipped = qualities[..shown.start].iter().filter(valued).count();
                let mut bits = values.bits[skipped..].iter();
                for at in shown.clone() {
                    let quality = qualities[at];
                    let bits = if quality.has_value() {
                        bits.next()
                    } else {
                        None
                    };
                    f(times[at], quality, bits.copied().unwrap_or(0));
                }
            }
        }
    }

    fn texts(&self) -> &[Box<str>] {
        match self {
            Self::Columns { values, .. } => &values.texts,
            Self::Rows(block) => &block.texts,
        }
    }

    /// Appends the first `count` samples.
    pub(super) fn samples(&self, value_type: ValueType, count: usize, out: &mut Vec<Sample>) {
        let end = out.len() + count;
        out.reserve(count);
        self.each(|time, quality, bits| {
            if out.len() < end {
                let time = Timestamp::from_millis(time);
                let reading = reading(value_type, quality, bits, self.texts());
                out.push(Sample { time, reading });
            }
        });
    }

    /// Appends the first `count` samples with their identities; needs rows.
    pub(super) fn identified(
        &self,
        value_type: ValueType,
        count: usize,
        out: &mut Vec<(SampleId, Sample)>,
    ) {
        if let Self::Rows(block) = self {
            let rows = block.entries.iter().take(count);
            out.extend(rows.map(|row| (row.id(), block.sample(value_type, row))));
        }
    }
}

/// Something that holds samples from `first` to `last` at most.
enum Part {
    Stored(Place),
    Held(Block),
}

impl Part {
    fn first(&self) -> i64 {
        match self {
            Self::Stored(place) => place.first,
            Self::Held(block) => block.entries.iter().map(|row| row.time).min().unwrap_or(0),
        }
    }

    fn last(&self) -> i64 {
        match self {
            Self::Stored(place) => place.key(),
            Self::Held(block) => block.entries.iter().map(|row| row.time).max().unwrap_or(0),
        }
    }
}

pub(super) struct Scan<'a> {
    inner: &'a Inner,
    meta: &'a SeriesMeta,
    from: i64,
    until: i64,
    identities: bool,
    pub(super) faults: Vec<Fault>,
}

type Sink<'s> = dyn FnMut(&Run) -> ControlFlow<()> + 's;

impl<'a> Scan<'a> {
    pub(super) fn new(
        inner: &'a Inner,
        meta: &'a SeriesMeta,
        from: Timestamp,
        until: Timestamp,
        identities: bool,
    ) -> Self {
        Self {
            inner,
            meta,
            from: from.as_millis(),
            until: until.as_millis(),
            identities,
            faults: Vec::new(),
        }
    }

    /// Hands every run to `sink`, in time order, until it breaks off.
    pub(super) fn run(&mut self, sink: &mut Sink<'_>) {
        if self.from >= self.until {
            return;
        }
        // First the head, then the list of months: what is sealed in between shows twice,
        // never not at all.
        let mut held = self.inner.heads().copy(self.meta.id, self.from, self.until);
        let mut months = self.inner.months.between(self.from, self.until);
        months.extend(held.iter().map(|(month, _)| *month));
        months.sort_unstable();
        months.dedup();
        for month in months {
            let at = held.iter().position(|(of, _)| *of == month);
            let held = at.map(|at| held.swap_remove(at).1);
            if self.month(month, held, sink).is_break() {
                return;
            }
        }
    }

    fn month(&mut self, month: Month, held: Option<Block>, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let path = self.inner.months.path(month);
        if self
            .inner
            .months
            .between(month.start().as_millis(), month.end().as_millis())
            .is_empty()
        {
            return self.stretches(
                None,
                month,
                held.map(Part::Held).into_iter().collect(),
                sink,
            );
        }
        let connection = match self.inner.readers.take(month, &path) {
            Ok(connection) => connection,
            Err(error) => {
                self.fault(month, None, error.to_string());
                let parts = held.map(Part::Held).into_iter().collect();
                return self.stretches(None, month, parts, sink);
            }
        };
        let flow = self.file(&connection, month, held, sink);
        self.inner.readers.give(month, connection);
        flow
    }

    /// Places and chunks come from one snapshot of the file.
    fn file(
        &mut self,
        connection: &Connection,
        month: Month,
        held: Option<Block>,
        sink: &mut Sink<'_>,
    ) -> ControlFlow<()> {
        let snapshot = connection.unchecked_transaction();
        let places = read::places(connection, self.meta.id, self.from, self.until);
        let mut parts = Vec::new();
        match snapshot
            .as_ref()
            .map_err(ToString::to_string)
            .and(places.map_err(|e| e.to_string()))
        {
            Ok(places) => parts.extend(places.into_iter().map(Part::Stored)),
            Err(what) => self.fault(month, None, what),
        }
        parts.extend(held.map(Part::Held));
        self.stretches(Some(connection), month, parts, sink)
    }

    /// Cuts parts into stretches that do not overlap, and emits each.
    fn stretches(
        &mut self,
        connection: Option<&Connection>,
        month: Month,
        mut parts: Vec<Part>,
        sink: &mut Sink<'_>,
    ) -> ControlFlow<()> {
        parts.sort_by_cached_key(Part::first);
        let mut stretch: Vec<Part> = Vec::new();
        let mut end = i64::MIN;
        for part in parts {
            if !stretch.is_empty() && part.first() > end {
                let whole = std::mem::take(&mut stretch);
                self.stretch(connection, month, whole, sink)?;
            }
            end = end.max(part.last());
            stretch.push(part);
        }
        self.stretch(connection, month, stretch, sink)
    }

    fn stretch(
        &mut self,
        connection: Option<&Connection>,
        month: Month,
        parts: Vec<Part>,
        sink: &mut Sink<'_>,
    ) -> ControlFlow<()> {
        let alone = parts.len() == 1 && !self.identities;
        let mut rows = Block::default();
        for part in parts {
            match part {
                Part::Held(block) => rows.append(&block),
                Part::Stored(place) => {
                    let loaded = load(connection, place);
                    let run = loaded.and_then(|data| self.decode(&data, alone));
                    match run {
                        Ok(Run::Rows(block)) => rows.append(&block),
                        Ok(run) => emit(&run, sink)?,
                        Err(what) => self.fault(month, Some(place.id), what),
                    }
                }
            }
        }
        rows.sort();
        rows.dedup();
        emit(&Run::Rows(rows), sink)
    }

    fn decode(&self, data: &[u8], alone: bool) -> Result<Run, String> {
        let chunk = Chunk::open(self.meta.id.number(), self.meta.value_type, data)?;
        if !alone {
            let (from, until) = (self.from, self.until);
            let mut block = Block::default();
            block.append_where(&chunk.block()?, |row| (from..until).contains(&row.time));
            return Ok(Run::Rows(block));
        }
        let (times, qualities) = (chunk.times()?, chunk.qualities()?);
        let values = chunk.values(&qualities)?;
        let start = times.partition_point(|time| *time < self.from);
        let end = times.partition_point(|time| *time < self.until);
        Ok(Run::Columns {
            times,
            qualities,
            values,
            shown: start..end,
        })
    }

    fn fault(&mut self, month: Month, chunk: Option<i64>, what: String) {
        self.faults.push(Fault {
            path: self.inner.months.path(month),
            series: self.meta.id,
            chunk,
            what,
        });
    }
}

fn load(connection: Option<&Connection>, place: Place) -> Result<Vec<u8>, String> {
    let connection = connection.ok_or("the file is not open")?;
    read::data(connection, place.id).map_err(|error| error.to_string())
}

fn emit(run: &Run, sink: &mut Sink<'_>) -> ControlFlow<()> {
    if run.len() == 0 {
        return ControlFlow::Continue(());
    }
    sink(run)
}
