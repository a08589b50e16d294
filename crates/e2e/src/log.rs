//! The server's log, read beside it: which frames it took, and their gap records.

use std::path::Path;

use fenghuo_log::Reader;
use fenghuo_uplink::frame::{Frame, Gap, GapReason, Record};
use prost::Message;

/// The kind of a frame's entry.
const FRAME: u8 = 1;
/// Entries read in one go.
const ENTRIES: usize = 1_000;
const BYTES: usize = 64 << 20;

/// The part of a frame's entry that is looked at.
#[derive(Clone, PartialEq, prost::Message)]
struct RawFrame {
    #[prost(string, tag = "1")]
    gateway: String,
    #[prost(bytes = "vec", tag = "6")]
    frame: Vec<u8>,
    #[prost(message, repeated, tag = "8")]
    gaps: Vec<Gap>,
}

/// A frame in the log.
#[derive(Clone, Debug)]
pub struct Logged {
    /// `enterprise/gateway`.
    pub gateway: String,
    /// The frame.
    pub frame: Frame,
    /// What came around it: things that this server will never get.
    pub beside: Vec<Gap>,
}

impl Logged {
    /// Why things are missing before it.
    #[must_use]
    pub fn gaps(&self) -> Vec<GapReason> {
        let own = self.own_gaps();
        own.map(|gap| GapReason::from_code(gap.why)).collect()
    }

    fn own_gaps(&self) -> impl Iterator<Item = Gap> {
        self.frame.records.iter().filter_map(|record| match record {
            Record::Gap(gap) => Some(*gap),
            _ => None,
        })
    }

    /// Everything that is told with it to be missing.
    #[must_use]
    pub fn all_gaps(&self) -> Vec<Gap> {
        self.own_gaps().chain(self.beside.iter().copied()).collect()
    }
}

/// The position of the newest frame that is (still) there.
///
/// # Panics
/// When the log cannot be read.
#[must_use]
pub fn last_frame(data: &Path) -> Option<u64> {
    each(data, |position, _| Some(position)).pop()
}

/// The position of the oldest entry that is (still) there.
///
/// # Panics
/// When the log cannot be read, or is empty.
#[must_use]
pub fn first(data: &Path) -> u64 {
    let reader = Reader::open(&data.join("log.db")).unwrap();
    reader.read(1, 1, BYTES).unwrap()[0].position
}

/// Every frame that is (still) there, in order.
///
/// # Panics
/// When the log cannot be read.
#[must_use]
pub fn frames(data: &Path) -> Vec<Logged> {
    each(data, |_, body| {
        let raw = RawFrame::decode(body).unwrap();
        Some(Logged {
            frame: Frame::decode(&raw.frame).unwrap(),
            gateway: raw.gateway,
            beside: raw.gaps,
        })
    })
}

fn each<T>(data: &Path, mut take: impl FnMut(u64, &[u8]) -> Option<T>) -> Vec<T> {
    let reader = Reader::open(&data.join("log.db")).unwrap();
    let (mut from, mut found) = (1, Vec::new());
    loop {
        let entries = reader.read(from, ENTRIES, BYTES).unwrap();
        let Some(last) = entries.last() else {
            return found;
        };
        from = last.position + 1;
        let frames = entries.iter().filter(|entry| entry.kind == FRAME);
        found.extend(frames.filter_map(|entry| take(entry.position, &entry.body)));
    }
}
