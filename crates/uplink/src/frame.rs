//! Frames: batches of samples as they are spooled, sent and logged.
//!
//! A spooled frame is a protobuf message, its records compressed where that helps, followed by its CRC-32C (Castagnoli, RFC 3720),
//! four bytes little endian. Decoding has two steps, because the types of values stand in
//! the catalog: [`Frame::decode`] checks everything that needs no catalog, and
//! [`Frame::samples`] the rest. Both are total: any bytes give a frame or an error.

use fenghuo_model::{
    Catalog, CatalogId, PointDef, Reading, Reason, Sample, Timestamp, Value, ValueType,
};
use prost::Message;

use crate::custody::Account;
use crate::wire::{self, record::Is};
use crate::{FRAME_BYTES_MAX, FRAME_SAMPLES_MAX, VERSION};

pub use wire::{ClockStep, Gap};

mod builder;
mod pack;
pub use builder::{FrameBuilder, Head};
pub use pack::Packer;

/// Version of a frame whose records are packed. A server that does not know it refuses the
/// frame: it must not take it for an empty one.
const PACKED: u32 = 2;

/// Why a gap record stands where something is missing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum GapReason {
    /// Not known (or a newer collector's reason).
    Unknown = 0,
    /// The spool's disk budget was full; the oldest frames went.
    Budget = 1,
    /// The server refused the frame for ever.
    Refused = 2,
    /// The collector was killed: reads after its last synced frame.
    Restart = 3,
    /// A spooled frame was damaged on disk.
    Corrupt = 4,
    /// A source's queue was full.
    Queue = 5,
}

impl GapReason {
    /// From the number on the wire; unknown numbers are [`GapReason::Unknown`].
    #[must_use]
    pub const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Budget,
            2 => Self::Refused,
            3 => Self::Restart,
            4 => Self::Corrupt,
            5 => Self::Queue,
            _ => Self::Unknown,
        }
    }

    /// The stable name in APIs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Budget => "budget",
            Self::Refused => "refused",
            Self::Restart => "restart",
            Self::Corrupt => "corrupt",
            Self::Queue => "queue",
        }
    }
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than [`FRAME_BYTES_MAX`] or shorter than a CRC.
    #[error("a frame of {0} bytes; at most {FRAME_BYTES_MAX}")]
    Size(usize),
    /// The CRC does not fit the bytes: damaged on the way or on disk.
    #[error("crc {found:08x} instead of {expected:08x}")]
    Crc {
        /// Over the bytes that came.
        expected: u32,
        /// The one that came with them.
        found: u32,
    },
    /// Not the protobuf message.
    #[error("not a frame: {0}")]
    Protobuf(String),
    /// Another version of the protocol.
    #[error("version {0}; this is version {VERSION}")]
    Version(u32),
    /// A field that cannot be right, named.
    #[error("bad {0}")]
    Field(&'static str),
    /// The columns do not fit each other or the catalog.
    #[error("sample {index}: bad {what}")]
    Sample {
        /// The sample's place in the frame.
        index: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A time that storage cannot hold.
    #[error("a time outside 1970 to 2109")]
    Time,
    /// It names another catalog than the one it was to be read with.
    #[error("it was written with another catalog")]
    Catalog,
}

/// What a frame says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameHead {
    /// The catalog that point indexes refer to.
    pub catalog: CatalogId,
    /// The collector's run that wrote it.
    pub epoch: u64,
    /// Its number, from 1.
    pub seq: u64,
    /// The first number of its epoch.
    pub epoch_first: u64,
    /// The collector's read clock when it was closed.
    pub watermark: Timestamp,
}

/// One part of a frame.
#[derive(Clone, PartialEq, Debug)]
pub enum Record {
    /// Samples, still in columns.
    Samples(wire::SampleColumns),
    /// Something is missing.
    Gap(Gap),
    /// The collector's clock was set.
    ClockStep(ClockStep),
    /// What became of the reads of an hour.
    Custody(Account),
}

/// One sample of a frame.
#[derive(Clone, PartialEq, Debug)]
pub struct FrameSample {
    /// The point's index in the catalog.
    pub point: u32,
    /// What was read, when.
    pub sample: Sample,
}

/// A decoded frame whose head and shape are right.
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    /// What it says of itself.
    pub head: FrameHead,
    /// Its parts, in order.
    pub records: Vec<Record>,
    /// CRC-32C of its bytes: with (epoch, seq), tells a repeat from a conflict.
    pub crc: u32,
}

impl Frame {
    /// Decodes spooled bytes and checks all that needs no catalog.
    ///
    /// # Errors
    /// [`FrameError::Crc`] when the bytes are damaged; any other error is for ever.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        if bytes.len() > FRAME_BYTES_MAX {
            return Err(FrameError::Size(bytes.len()));
        }
        let (body, crc) = bytes
            .split_last_chunk::<4>()
            .ok_or(FrameError::Size(bytes.len()))?;
        let (expected, found) = (crc32c::crc32c(body), u32::from_le_bytes(*crc));
        if expected != found {
            return Err(FrameError::Crc { expected, found });
        }
        let raw = wire::Frame::decode(body).map_err(|e| FrameError::Protobuf(e.to_string()))?;
        let head = head(&raw)?;
        let records = match raw.version {
            PACKED if raw.records.is_empty() => pack::unpack(&raw.packed)?,
            PACKED => return Err(FrameError::Field("records beside packed ones")),
            _ => raw.records,
        };
        let records = records
            .into_iter()
            .map(record)
            .collect::<Result<Vec<_>, _>>()?;
        let samples: usize = records.iter().map(Record::sample_count).sum();
        if samples > FRAME_SAMPLES_MAX {
            return Err(FrameError::Field("number of samples"));
        }
        Ok(Self {
            head,
            records,
            crc: found,
        })
    }

    /// Epoch and seq of bytes that may be no frame otherwise, so that they can be refused by
    /// their number. `None` when there is no number to be found.
    #[must_use]
    pub fn numbers(bytes: &[u8]) -> Option<(u64, u64)> {
        #[derive(Clone, PartialEq, prost::Message)]
        struct Numbered {
            #[prost(fixed64, tag = "3")]
            epoch: u64,
            #[prost(uint64, tag = "4")]
            seq: u64,
        }
        let (body, _) = bytes.split_last_chunk::<4>()?;
        let found = Numbered::decode(body).ok().filter(|found| found.seq > 0)?;
        Some((found.epoch, found.seq))
    }

    /// How many samples it holds.
    #[must_use]
    pub fn sample_count(&self) -> usize {
        self.records.iter().map(Record::sample_count).sum()
    }

    /// Appends its samples to `out` in index order: a sample's index in the frame is its
    /// place among what was appended.
    ///
    /// # Errors
    /// On an error `out` is as it was; the frame can never be read with this catalog.
    pub fn samples(&self, catalog: &Catalog, out: &mut Vec<FrameSample>) -> Result<(), FrameError> {
        if catalog.id() != self.head.catalog {
            return Err(FrameError::Catalog);
        }
        let start = out.len();
        out.reserve(self.sample_count());
        for record in &self.records {
            if let Record::Samples(columns) = record
                && let Err(error) =
                    unpack(columns, self.head.watermark, catalog.points(), start, out)
            {
                out.truncate(start);
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Whether spooled bytes still have their CRC: what a sender checks before every send,
/// without decoding.
#[must_use]
pub fn is_whole(bytes: &[u8]) -> bool {
    bytes
        .split_last_chunk::<4>()
        .is_some_and(|(body, crc)| crc32c::crc32c(body) == u32::from_le_bytes(*crc))
}

impl Record {
    fn sample_count(&self) -> usize {
        match self {
            Self::Samples(columns) => columns.point.len(),
            Self::Gap(_) | Self::ClockStep(_) | Self::Custody(_) => 0,
        }
    }
}

fn head(raw: &wire::Frame) -> Result<FrameHead, FrameError> {
    if raw.version != VERSION && raw.version != PACKED {
        return Err(FrameError::Version(raw.version));
    }
    let catalog = raw
        .catalog
        .as_slice()
        .try_into()
        .map_err(|_| FrameError::Field("catalog id"))?;
    let watermark = Timestamp::from_millis(raw.watermark);
    if !watermark.is_storable() {
        return Err(FrameError::Time);
    }
    if raw.seq == 0 || raw.seq >= u64::MAX / 2 {
        return Err(FrameError::Field("seq"));
    }
    if raw.epoch_first == 0 || raw.epoch_first > raw.seq {
        return Err(FrameError::Field("first seq of the epoch"));
    }
    Ok(FrameHead {
        catalog: CatalogId(catalog),
        epoch: raw.epoch,
        seq: raw.seq,
        epoch_first: raw.epoch_first,
        watermark,
    })
}

fn record(raw: wire::Record) -> Result<Record, FrameError> {
    match raw.is {
        Some(Is::Samples(columns)) => {
            let samples = columns.point.len();
            if columns.time.len() != samples {
                return Err(FrameError::Field("length of the time column"));
            }
            if !columns.quality.is_empty() && columns.quality.len() != samples {
                return Err(FrameError::Field("length of the quality column"));
            }
            Ok(Record::Samples(columns))
        }
        Some(Is::Gap(gap)) => Ok(Record::Gap(gap)),
        Some(Is::ClockStep(step)) => Ok(Record::ClockStep(step)),
        Some(Is::Custody(raw)) => Account::from_wire(&raw)
            .map(Record::Custody)
            .map_err(FrameError::Field),
        None => Err(FrameError::Field("record")),
    }
}

/// The value columns, each read from its front.
struct Values<'a> {
    f64: std::slice::Iter<'a, f64>,
    i64: std::slice::Iter<'a, i64>,
    u64: std::slice::Iter<'a, u64>,
    bool: std::slice::Iter<'a, bool>,
    text: std::slice::Iter<'a, String>,
}

impl<'a> Values<'a> {
    fn new(columns: &'a wire::SampleColumns) -> Self {
        Self {
            f64: columns.f64.iter(),
            i64: columns.i64.iter(),
            u64: columns.u64.iter(),
            bool: columns.bool.iter(),
            text: columns.text.iter(),
        }
    }

    /// The next value of a type; `None` when its column is over or holds no value.
    fn next(&mut self, value_type: ValueType) -> Option<Value> {
        match value_type {
            ValueType::F64 => self.f64.next().copied().and_then(Value::finite),
            ValueType::I64 => self.i64.next().copied().map(Value::I64),
            ValueType::U64 => self.u64.next().copied().map(Value::U64),
            ValueType::Bool => self.bool.next().copied().map(Value::Bool),
            ValueType::Text => self
                .text
                .next()
                .filter(|text| text.len() <= fenghuo_model::sample::TEXT_BYTES_MAX)
                .cloned()
                .map(Value::Text),
        }
    }

    fn is_over(&self) -> bool {
        self.f64.as_slice().is_empty()
            && self.i64.as_slice().is_empty()
            && self.u64.as_slice().is_empty()
            && self.bool.as_slice().is_empty()
            && self.text.as_slice().is_empty()
    }
}

fn unpack(
    columns: &wire::SampleColumns,
    watermark: Timestamp,
    points: &[PointDef],
    start: usize,
    out: &mut Vec<FrameSample>,
) -> Result<(), FrameError> {
    let mut values = Values::new(columns);
    let mut time = watermark.as_millis();
    for (at, (&point, &delta)) in columns.point.iter().zip(&columns.time).enumerate() {
        let index = out.len() - start;
        let bad = |what| FrameError::Sample { index, what };
        let def = points.get(point as usize).ok_or(bad("point index"))?;
        time = time.checked_add(delta).ok_or(FrameError::Time)?;
        let instant = Timestamp::from_millis(time);
        if !instant.is_storable() {
            return Err(FrameError::Time);
        }
        let quality = columns.quality.get(at).copied().unwrap_or(0);
        let reading = reading(quality, def.value_type, &mut values).map_err(bad)?;
        out.push(FrameSample {
            point,
            sample: Sample {
                time: instant,
                reading,
            },
        });
    }
    if values.is_over() {
        Ok(())
    } else {
        Err(FrameError::Field("number of values"))
    }
}

fn reading(
    quality: u32,
    value_type: ValueType,
    values: &mut Values<'_>,
) -> Result<Reading, &'static str> {
    if quality == 0 {
        return values.next(value_type).map(Reading::Good).ok_or("value");
    }
    let reason = u8::try_from(quality / 2)
        .ok()
        .and_then(Reason::from_code)
        .ok_or("quality")?;
    if quality % 2 == 1 {
        return Ok(Reading::Bad(reason));
    }
    let value = values.next(value_type).ok_or("value")?;
    Ok(Reading::Uncertain(value, reason))
}

#[cfg(test)]
mod tests;
