//! The server's answer: what is durable, what is refused, what it wants, how much may be
//! under way.

use fenghuo_model::CatalogId;
use prost::Message;

use crate::wire;

pub use wire::{Again, Window};

/// Most ranges of one epoch in a receipt: the lowest and the highest ones; the next receipt
/// tells more.
pub const RANGES_MAX: usize = 64;
/// Most epochs, refusals and wanted catalogs in a receipt.
pub const LIST_MAX: usize = 256;

/// Why a frame can never be accepted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum RefusalReason {
    /// A newer server's reason.
    Unknown = 0,
    /// The same number came before with other bytes.
    Conflict = 1,
    /// It does not fit its catalog or the bounds.
    Invalid = 2,
    /// Times beyond what can be kept.
    Future = 3,
    /// A version that this server does not speak.
    Version = 4,
}

impl RefusalReason {
    const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Conflict,
            2 => Self::Invalid,
            3 => Self::Future,
            4 => Self::Version,
            _ => Self::Unknown,
        }
    }

    /// The stable name in APIs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Future => "future",
            Self::Version => "version",
        }
    }
}

/// A frame that will never be accepted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Refusal {
    /// Its epoch.
    pub epoch: u64,
    /// Its number.
    pub seq: u64,
    /// Why.
    pub why: RefusalReason,
}

/// Durable seqs of one epoch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EpochReceipt {
    /// Which run.
    pub epoch: u64,
    /// `(from, to)`, both included, ascending.
    pub ranges: Vec<(u64, u64)>,
}

/// What the server says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Receipt {
    /// The life of the log that holds the frames.
    pub log_id: [u8; 16],
    /// The hello it answers; 0: say hello.
    pub nonce: u64,
    /// What is durable.
    pub epochs: Vec<EpochReceipt>,
    /// What will never be.
    pub refused: Vec<Refusal>,
    /// Catalogs to send.
    pub want_catalogs: Vec<CatalogId>,
    /// How much live data may be under way.
    pub live: Window,
    /// How much backlog.
    pub backlog: Window,
    /// A period to offer again.
    pub again: Option<Again>,
}

/// Why a message is not a receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a receipt: {0}")]
pub struct ReceiptError(String);

impl Receipt {
    /// The MQTT payload. Lists longer than their bounds are cut.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let range = |&(from, to): &(u64, u64)| wire::Range { from, to };
        wire::Receipt {
            log_id: self.log_id.to_vec(),
            nonce: self.nonce,
            epochs: self
                .epochs
                .iter()
                .take(LIST_MAX)
                .map(|epoch| wire::EpochReceipt {
                    epoch: epoch.epoch,
                    ranges: epoch.ranges.iter().take(RANGES_MAX).map(range).collect(),
                })
                .collect(),
            refused: self
                .refused
                .iter()
                .take(LIST_MAX)
                .map(|refusal| wire::Refusal {
                    epoch: refusal.epoch,
                    seq: refusal.seq,
                    why: refusal.why as u32,
                })
                .collect(),
            want_catalogs: self
                .want_catalogs
                .iter()
                .take(LIST_MAX)
                .map(|id| id.0.to_vec())
                .collect(),
            live: Some(self.live),
            backlog: Some(self.backlog),
            again: self.again,
        }
        .encode_to_vec()
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`ReceiptError`] says what is wrong.
    pub fn decode(payload: &[u8]) -> Result<Self, ReceiptError> {
        let bad = |what: &str| ReceiptError(what.to_owned());
        let raw =
            wire::Receipt::decode(payload).map_err(|error| ReceiptError(error.to_string()))?;
        if [raw.epochs.len(), raw.refused.len(), raw.want_catalogs.len()]
            .into_iter()
            .chain(raw.epochs.iter().map(|epoch| epoch.ranges.len()))
            .any(|length| length > LIST_MAX)
        {
            return Err(bad("a list is too long"));
        }
        if raw
            .epochs
            .iter()
            .flat_map(|epoch| &epoch.ranges)
            .any(|range| range.from > range.to)
        {
            return Err(bad("a range is upside down"));
        }
        let want = |id: &Vec<u8>| id.as_slice().try_into().map(CatalogId);
        Ok(Self {
            log_id: raw
                .log_id
                .as_slice()
                .try_into()
                .map_err(|_| bad("log id"))?,
            nonce: raw.nonce,
            epochs: raw
                .epochs
                .iter()
                .map(|epoch| EpochReceipt {
                    epoch: epoch.epoch,
                    ranges: epoch
                        .ranges
                        .iter()
                        .map(|range| (range.from, range.to))
                        .collect(),
                })
                .collect(),
            refused: raw
                .refused
                .iter()
                .map(|refusal| Refusal {
                    epoch: refusal.epoch,
                    seq: refusal.seq,
                    why: RefusalReason::from_code(refusal.why),
                })
                .collect(),
            want_catalogs: raw
                .want_catalogs
                .iter()
                .map(want)
                .collect::<Result<_, _>>()
                .map_err(|_| bad("catalog id"))?,
            live: raw.live.unwrap_or_default(),
            backlog: raw.backlog.unwrap_or_default(),
            again: raw.again.filter(|again| again.id > 0),
        })
    }
}
