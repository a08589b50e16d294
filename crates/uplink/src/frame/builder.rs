//! Building frames on the collector's side.

use std::sync::Arc;

use fenghuo_model::{Catalog, Reading, Sample, Value, ValueType};
use prost::Message;

use crate::custody::Account;

use super::pack::Packer;
use super::{ClockStep, FrameError, Gap, GapReason, PACKED};
use crate::wire::{self, record::Is};
use crate::{FRAME_BYTES_MAX, FRAME_SAMPLES_MAX, VERSION};

/// Room kept for head, other records and varint growth.
const SLACK_BYTES: usize = 4 << 10;

/// What a spool knows of a frame that it closes.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// The run that writes it.
    pub epoch: u64,
    /// Its number.
    pub seq: u64,
    /// The first number of the run.
    pub epoch_first: u64,
    /// The read clock, in milliseconds since the Unix epoch.
    pub watermark: i64,
}

/// Collects samples and other records for one frame.
#[derive(Debug)]
pub struct FrameBuilder {
    catalog: Arc<Catalog>,
    columns: wire::SampleColumns,
    any_not_good: bool,
    first_time: i64,
    last_time: i64,
    bytes: usize,
    others: Vec<Is>,
}

impl FrameBuilder {
    /// An empty frame over a catalog.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self {
            catalog,
            columns: wire::SampleColumns::default(),
            any_not_good: false,
            first_time: 0,
            last_time: 0,
            bytes: 0,
            others: Vec::new(),
        }
    }

    /// What its point numbers refer to.
    #[must_use]
    pub const fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Whether the frame holds nothing yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.point.is_empty() && self.others.is_empty()
    }

    /// How many samples it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.point.len()
    }

    /// Whether one more sample might pass a bound: close it then.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let text = fenghuo_model::sample::TEXT_BYTES_MAX;
        self.columns.point.len() >= FRAME_SAMPLES_MAX
            || self.bytes + text + 32 > FRAME_BYTES_MAX - SLACK_BYTES
            || self.others.len() >= 64
    }

    /// Adds a sample of the catalog's point number `point`.
    ///
    /// # Errors
    /// [`FrameError::Sample`] when the point is not in the catalog, the value has another
    /// type, the number is not finite, or the text is too long; nothing is added then.
    pub fn push(&mut self, point: u32, sample: &Sample) -> Result<(), FrameError> {
        let index = self.columns.point.len();
        let bad = |what| FrameError::Sample { index, what };
        let def = self
            .catalog
            .points()
            .get(point as usize)
            .ok_or(bad("point index"))?;
        if !sample.time.is_storable() {
            return Err(FrameError::Time);
        }
        if let Some(value) = sample.reading.value() {
            self.push_value(def.value_type, value).map_err(bad)?;
        }
        let quality = match &sample.reading {
            Reading::Good(_) => 0,
            Reading::Uncertain(_, reason) => u32::from(reason.code()) * 2,
            Reading::Bad(reason) => u32::from(reason.code()) * 2 + 1,
        };
        let time = sample.time.as_millis();
        if index == 0 {
            self.first_time = time;
            self.columns.time.push(0);
        } else {
            self.columns.time.push(time - self.last_time);
        }
        self.last_time = time;
        self.any_not_good |= quality != 0;
        self.columns.quality.push(quality);
        self.columns.point.push(point);
        self.bytes += 8;
        Ok(())
    }

    fn push_value(&mut self, value_type: ValueType, value: &Value) -> Result<(), &'static str> {
        if value.value_type() != value_type {
            return Err("value type");
        }
        match value {
            Value::F64(number) if !number.is_finite() => return Err("value"),
            Value::F64(number) => self.columns.f64.push(*number),
            Value::I64(number) => self.columns.i64.push(*number),
            Value::U64(number) => self.columns.u64.push(*number),
            Value::Bool(state) => self.columns.bool.push(*state),
            Value::Text(text) if text.len() > fenghuo_model::sample::TEXT_BYTES_MAX => {
                return Err("length of the text");
            }
            Value::Text(text) => self.columns.text.push(text.clone()),
        }
        self.bytes += match value {
            Value::Text(text) => text.len() + 4,
            _ => 10,
        };
        Ok(())
    }

    /// Adds a gap record.
    pub fn gap(&mut self, from: i64, until: i64, count: u64, why: GapReason) {
        self.others.push(Is::Gap(Gap {
            from,
            until,
            count,
            why: why as u32,
        }));
    }

    /// Adds a clock step record.
    pub fn clock_step(&mut self, step: ClockStep) {
        self.others.push(Is::ClockStep(step));
    }

    /// Adds an account of reads. It takes room as samples do: add it to a frame that is empty.
    pub fn custody(&mut self, account: &Account) {
        let raw = account.to_wire();
        self.bytes += raw.encoded_len() + 16;
        self.others.push(Is::Custody(raw));
    }

    /// Takes its accounts out, into a builder of their own.
    #[must_use]
    pub fn take_accounts(&mut self) -> Self {
        let others = std::mem::take(&mut self.others);
        let is_account = |is: &Is| matches!(is, Is::Custody(_));
        let (accounts, others) = others.into_iter().partition(is_account);
        self.others = others;
        let mut taken = Self::new(self.catalog.clone());
        taken.others = accounts;
        taken
    }

    /// Closes the frame and returns its bytes for the spool, packed where that saves room. Gaps,
    /// clock steps and accounts come before the samples. The builder is empty then and can be
    /// used again.
    #[must_use]
    pub fn finish_packed(&mut self, packer: &mut Packer, head: &Head) -> Vec<u8> {
        let records = wire::Records {
            records: self.records(head.watermark),
        };
        match packer.pack(&records) {
            Some(packed) => seal(&self.frame(PACKED, head, Vec::new(), packed)),
            None => seal(&self.frame(VERSION, head, records.records, Vec::new())),
        }
    }

    /// The same without packing.
    #[must_use]
    pub fn finish(&mut self, epoch: u64, seq: u64, epoch_first: u64, watermark: i64) -> Vec<u8> {
        let head = Head {
            epoch,
            seq,
            epoch_first,
            watermark,
        };
        let records = self.records(watermark);
        seal(&self.frame(VERSION, &head, records, Vec::new()))
    }

    fn records(&mut self, watermark: i64) -> Vec<wire::Record> {
        let mut columns = std::mem::take(&mut self.columns);
        if let Some(first) = columns.time.first_mut() {
            *first = self.first_time - watermark;
        }
        if !self.any_not_good {
            columns.quality.clear();
        }
        let mut records: Vec<_> = self.others.drain(..).map(as_record).collect();
        if !columns.point.is_empty() {
            records.push(as_record(Is::Samples(columns)));
        }
        self.any_not_good = false;
        self.bytes = 0;
        records
    }

    fn frame(
        &self,
        version: u32,
        head: &Head,
        records: Vec<wire::Record>,
        packed: Vec<u8>,
    ) -> wire::Frame {
        wire::Frame {
            version,
            catalog: self.catalog.id().0.to_vec(),
            epoch: head.epoch,
            seq: head.seq,
            epoch_first: head.epoch_first,
            watermark: head.watermark,
            records,
            packed,
        }
    }
}

const fn as_record(is: Is) -> wire::Record {
    wire::Record { is: Some(is) }
}

fn seal(raw: &wire::Frame) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.encoded_len() + 4);
    // A Vec grows, so encoding into it cannot run out of room.
    raw.encode_raw(&mut bytes);
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}
