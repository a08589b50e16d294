//! Samples of one series as rows in memory: what the head holds and what chunks merge to.
//!
//! A row is 40 bytes in one place, so that appending to one of thousands of series touches
//! one line of memory; columns are made when a chunk is packed.

use fenghuo_model::{Reading, Sample, SampleId, Timestamp, Value, ValueType};

use crate::quality::Quality;

/// One sample. `bits` holds the value in the series' type: the bits of a float, a number as
/// it is, 0 or 1 for a state, the place in the block's texts for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) time: i64,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) bits: u64,
    pub(crate) index: u32,
    pub(crate) quality: Quality,
}

impl Entry {
    /// The order that samples are stored and answered in: time, then identity.
    pub(crate) const fn key(&self) -> (i64, SampleId) {
        (self.time, self.id())
    }

    pub(crate) const fn id(&self) -> SampleId {
        SampleId {
            epoch: self.epoch,
            seq: self.seq,
            index: self.index,
        }
    }
}

/// Samples of one series, with their texts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub(crate) entries: Vec<Entry>,
    pub(crate) texts: Vec<Box<str>>,
    text_bytes: usize,
}

impl Block {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Its size in memory, counted in rows; texts weigh as many rows as their bytes fill.
    pub(crate) fn weight(&self) -> usize {
        self.entries.len() + self.text_bytes / size_of::<Entry>()
    }

    /// Appends a sample whose value, if any, has the series' type.
    pub(crate) fn push(&mut self, id: SampleId, sample: &Sample) {
        let bits = match sample.reading.value() {
            None => 0,
            Some(Value::Bool(state)) => u64::from(*state),
            Some(Value::I64(number)) => number.cast_unsigned(),
            Some(Value::U64(number)) => *number,
            Some(Value::F64(number)) => number.to_bits(),
            Some(Value::Text(text)) => self.put_text(text.as_str().into()),
        };
        self.entries.push(Entry {
            time: sample.time.as_millis(),
            epoch: id.epoch,
            seq: id.seq,
            bits,
            index: id.index,
            quality: Quality::of(&sample.reading),
        });
    }

    pub(crate) fn put_text(&mut self, text: Box<str>) -> u64 {
        self.text_bytes += text.len() + size_of::<Box<str>>();
        self.texts.push(text);
        self.texts.len() as u64 - 1
    }

    /// Appends all of `other`, a block of the same series.
    pub(crate) fn append(&mut self, other: &Self) {
        self.append_where(other, |_| true);
    }

    /// Appends those of `other` that `keep` wants.
    pub(crate) fn append_where(&mut self, other: &Self, keep: impl Fn(&Entry) -> bool) {
        let is_text = !other.texts.is_empty();
        for entry in other.entries.iter().filter(|entry| keep(entry)) {
            let mut entry = *entry;
            if is_text && entry.quality.has_value() {
                entry.bits = self.put_text(other.text(entry.bits).into());
            }
            self.entries.push(entry);
        }
    }

    /// Sorts by time, then identity; costs one look at each row when it is sorted already.
    pub(crate) fn sort(&mut self) {
        if !self.entries.is_sorted_by_key(Entry::key) {
            self.entries.sort_unstable_by_key(Entry::key);
        }
    }

    /// Drops the second of two rows with the same time and identity; needs sorted rows.
    pub(crate) fn dedup(&mut self) {
        self.entries.dedup_by_key(|entry| entry.key());
    }

    /// Forgets the rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.texts.clear();
        self.text_bytes = 0;
    }

    fn text(&self, place: u64) -> &str {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        self.texts.get(place).map_or("", |text| text)
    }

    /// A row as a sample again.
    pub(crate) fn sample(&self, value_type: ValueType, entry: &Entry) -> Sample {
        Sample {
            time: Timestamp::from_millis(entry.time),
            reading: reading(value_type, entry.quality, entry.bits, &self.texts),
        }
    }
}

/// The reading that `bits` stand for.
pub(crate) fn reading(
    value_type: ValueType,
    quality: Quality,
    bits: u64,
    texts: &[Box<str>],
) -> Reading {
    quality.reading(|| match value_type {
        ValueType::F64 => Value::F64(f64::from_bits(bits)),
        ValueType::I64 => Value::I64(bits.cast_signed()),
        ValueType::U64 => Value::U64(bits),
        ValueType::Bool => Value::Bool(bits != 0),
        ValueType::Text => {
            let text = usize::try_from(bits).ok().and_then(|at| texts.get(at));
            Value::Text(text.map_or_else(String::new, |text| text.as_ref().to_owned()))
        }
    })
}

/// The number that `bits` stand for; texts have none.
#[expect(clippy::cast_precision_loss, reason = "a trend is drawn in f64")]
pub(crate) fn number(value_type: ValueType, bits: u64) -> Option<f64> {
    match value_type {
        ValueType::F64 => Some(f64::from_bits(bits)),
        ValueType::I64 => Some(bits.cast_signed() as f64),
        ValueType::U64 => Some(bits as f64),
        ValueType::Bool => Some(if bits != 0 { 1.0 } else { 0.0 }),
        ValueType::Text => None,
    }
}
