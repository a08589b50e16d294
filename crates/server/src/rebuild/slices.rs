//! Samples from history in slices of time, as the frames that carried them.
//!
//! A slice is read point by point and put into frames by (gateway, epoch, seq). Its length
//! follows how dense the data is, so that memory stays bounded by [`SAMPLES_MAX`]: a slice
//! that turns out too large is read again, shorter.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use fenghuo_history::{Fault, History};
use fenghuo_model::{GatewayKey, PointKey, PointRef, Sample, SampleId, Timestamp, Unit, ValueType};

use super::lookout::Lookout;
use super::tail::{self, Newest, Tail};
use super::{Plan, Sources};

/// Most samples held at once.
pub const SAMPLES_MAX: usize = 1_000_000;
/// The shortest slice: more samples than [`SAMPLES_MAX`] in it are an error.
const SPAN_MIN: Duration = Duration::from_secs(1);
/// The longest slice.
const SPAN_MAX: Duration = Duration::from_secs(3_600);
/// The first one.
const SPAN_BEGIN: Duration = Duration::from_secs(60);

/// Whose samples a column holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Column {
    /// The gateway's number.
    pub gateway: u32,
    /// The point.
    pub key: PointKey,
    /// In which unit.
    pub unit: Unit,
    /// Of which type.
    pub value_type: ValueType,
}

/// One sample on its way into a frame.
#[derive(Clone, PartialEq, Debug)]
pub struct Piece {
    /// The gateway's number.
    pub gateway: u32,
    /// Which sample of the gateway.
    pub id: SampleId,
    /// Whose: a number of [`Slices::column`].
    pub column: u32,
    /// Itself.
    pub sample: Sample,
}

/// A frame as it can be told from history. Without samples: one that only said "I am here".
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    /// The time of its newest sample.
    pub at: Timestamp,
    /// The gateway's number.
    pub gateway: u32,
    /// The run of the collector, and the number.
    pub number: (u64, u64),
    /// Column and sample, in the frame's order.
    pub samples: Vec<(u32, Sample)>,
}

/// A stretch of time.
#[derive(Debug)]
pub struct Slice {
    /// Its end, exclusive.
    pub until: Timestamp,
    /// By time.
    pub frames: Vec<Frame>,
}

/// Reads a span slice by slice.
pub struct Slices {
    points: Vec<(u32, PointRef)>,
    gateways: Vec<GatewayKey>,
    columns: Vec<Column>,
    by_column: BTreeMap<Column, u32>,
    tail: Option<Tail>,
    newest: HashMap<GatewayKey, Newest>,
    lookout: Lookout,
    next: Timestamp,
    until: Timestamp,
    span: Duration,
    faults: Vec<Fault>,
}

impl Slices {
    /// Over a plan's span.
    pub fn new(plan: &Plan, sources: &Sources) -> anyhow::Result<Self> {
        let mut points: Vec<_> = sources
            .history
            .series()
            .into_iter()
            .map(|m| m.point)
            .collect();
        points.retain(|point| {
            plan.gateway
                .as_ref()
                .is_none_or(|only| *only == point.gateway)
        });
        points.sort();
        points.dedup();
        let mut gateways: Vec<GatewayKey> = Vec::new();
        let mut numbered = Vec::new();
        for point in points {
            if gateways.last() != Some(&point.gateway) {
                gateways.push(point.gateway.clone());
            }
            numbered.push((u32::try_from(gateways.len() - 1)?, point));
        }
        Ok(Self {
            lookout: Lookout::new(gateways.len()),
            points: numbered,
            gateways,
            columns: Vec::new(),
            by_column: BTreeMap::new(),
            tail: Tail::of(sources)?,
            newest: tail::newest(sources)?,
            next: plan.from,
            until: plan.until,
            span: SPAN_BEGIN,
            faults: Vec::new(),
        })
    }

    /// A gateway by its number.
    pub fn gateway(&self, number: u32) -> &GatewayKey {
        &self.gateways[number as usize]
    }

    /// A column by its number.
    pub fn column(&self, number: u32) -> &Column {
        &self.columns[number as usize]
    }

    /// Stored samples that could not be read.
    pub fn faults(self) -> Vec<Fault> {
        self.faults
    }

    /// The next slice; none at the end of the span.
    pub fn next(&mut self, sources: &Sources) -> anyhow::Result<Option<Slice>> {
        if self.next >= self.until {
            return Ok(None);
        }
        let from = self.next;
        let (pieces, until) = loop {
            let until = from.plus(self.span).min(self.until);
            if let Some(pieces) = self.read(sources, from, until)? {
                break (pieces, until);
            }
            anyhow::ensure!(
                self.span > SPAN_MIN,
                "more than {SAMPLES_MAX} samples in the second from {from}"
            );
            self.span = (self.span / 2).max(SPAN_MIN);
        };
        if pieces.len() < SAMPLES_MAX / 4 {
            self.span = (self.span * 2).min(SPAN_MAX);
        }
        self.next = until;
        let mut frames = into_frames(pieces);
        self.watch(sources, from, until, &mut frames);
        frames.sort_by_key(|frame| (frame.at, frame.gateway, frame.number));
        Ok(Some(Slice { until, frames }))
    }

    /// Every sample of a stretch; none when there are too many.
    fn read(
        &mut self,
        sources: &Sources,
        from: Timestamp,
        until: Timestamp,
    ) -> anyhow::Result<Option<Vec<Piece>>> {
        let mut pieces = Vec::new();
        let mut faults = Vec::new();
        for at in 0..self.points.len() {
            let (gateway, point) = self.points[at].clone();
            let room = SAMPLES_MAX - pieces.len();
            let range = sources.history.range_identified(&point, from, until, room);
            if range.truncated {
                return Ok(None);
            }
            faults.extend(range.faults);
            for (meta, samples) in range.series {
                let column = self.column_of(Column {
                    gateway,
                    key: meta.point.key,
                    unit: meta.unit,
                    value_type: meta.value_type,
                });
                pieces.extend(samples.into_iter().map(|(id, sample)| Piece {
                    gateway,
                    id,
                    column,
                    sample,
                }));
            }
        }
        if let Some(mut tail) = self.tail.take() {
            let whole = tail.read(sources, from, until, |key, def, id, sample| {
                let Some(gateway) = self.gateway_of(key) else {
                    return true;
                };
                let column = self.column_of(Column {
                    gateway,
                    key: def.key.clone(),
                    unit: def.unit,
                    value_type: def.value_type,
                });
                pieces.push(Piece {
                    gateway,
                    id,
                    column,
                    sample: sample.clone(),
                });
                pieces.len() <= SAMPLES_MAX
            });
            self.tail = Some(tail);
            if !whole? {
                return Ok(None);
            }
        }
        self.faults.append(&mut faults);
        Ok(Some(pieces))
    }

    fn gateway_of(&self, key: &GatewayKey) -> Option<u32> {
        let at = self.gateways.binary_search(key).ok()?;
        u32::try_from(at).ok()
    }

    fn column_of(&mut self, column: Column) -> u32 {
        if let Some(known) = self.by_column.get(&column) {
            return *known;
        }
        let number = u32::try_from(self.columns.len()).unwrap_or(u32::MAX);
        self.columns.push(column.clone());
        self.by_column.insert(column, number);
        number
    }

    /// Adds the frames that said nothing, where the numbers show that there were some.
    fn watch(
        &mut self,
        sources: &Sources,
        from: Timestamp,
        until: Timestamp,
        frames: &mut Vec<Frame>,
    ) {
        frames.sort_by_key(|frame| (frame.gateway, frame.at, frame.number));
        let mut quiet = Vec::new();
        for gateway in 0..self.gateways.len() {
            let number = u32::try_from(gateway).unwrap_or(u32::MAX);
            let begin = frames.partition_point(|frame| frame.gateway < number);
            let end = frames.partition_point(|frame| frame.gateway <= number);
            let seen: Vec<_> = frames[begin..end]
                .iter()
                .map(|frame| (frame.at, frame.number))
                .collect();
            let begin = self.points.partition_point(|(it, _)| *it < number);
            let end = self.points.partition_point(|(it, _)| *it <= number);
            let own = &self.points[begin..end];
            let newest = self.newest.get(&self.gateways[gateway]).copied();
            let later = |after| first_after(&sources.history, own, after).or(newest);
            let found = self.lookout.quiet(gateway, &seen, (from, until), later);
            quiet.extend(found.into_iter().map(|(at, sent)| Frame {
                at,
                gateway: number,
                number: sent,
                samples: Vec::new(),
            }));
        }
        frames.append(&mut quiet);
    }
}

/// Puts samples into the frames that carried them. The same one may be there twice, from
/// history and from the log.
fn into_frames(mut pieces: Vec<Piece>) -> Vec<Frame> {
    pieces.sort_by_key(|piece| (piece.gateway, piece.id));
    pieces.dedup_by_key(|piece| (piece.gateway, piece.id));
    let mut frames: Vec<Frame> = Vec::new();
    for piece in pieces {
        let number = (piece.id.epoch, piece.id.seq);
        match frames.last_mut() {
            Some(frame) if (frame.gateway, frame.number) == (piece.gateway, number) => {
                frame.at = frame.at.max(piece.sample.time);
                frame.samples.push((piece.column, piece.sample));
            }
            _ => frames.push(Frame {
                at: piece.sample.time,
                gateway: piece.gateway,
                number,
                samples: vec![(piece.column, piece.sample)],
            }),
        }
    }
    frames
}

/// The first sample of any of these points after an instant, within [`super::lookout::AHEAD`]:
/// its time and its frame's number.
fn first_after(
    history: &History,
    points: &[(u32, PointRef)],
    after: Timestamp,
) -> Option<(Timestamp, (u64, u64))> {
    let mut window = SPAN_BEGIN;
    loop {
        let until = after.plus(window);
        let first = points.iter().filter_map(|(_, point)| {
            let range = history.range_identified(point, after, until, 1);
            let firsts = range.series.into_iter().flat_map(|(_, samples)| samples);
            firsts
                .map(|(id, sample)| (sample.time, (id.epoch, id.seq)))
                .min()
        });
        let first = first.min();
        if first.is_some() || window >= super::lookout::AHEAD {
            return first;
        }
        window = (window * 8).min(super::lookout::AHEAD);
    }
}
