//! What the log's entries are, as bytes and decoded.

use std::collections::HashMap;
use std::sync::Arc;

use fenghuo_engine::{Act, Deed, FrameInput, Input};
use fenghuo_model::{Catalog, CatalogId, GatewayKey, Timestamp};
use fenghuo_uplink::custody::Account;
use fenghuo_uplink::frame::{Frame, FrameError, FrameHead, FrameSample, Gap, Record};
use prost::Message;

/// A frame; see [`RawFrame`].
pub const FRAME: u8 = 1;
/// A gateway's catalog.
pub const CATALOG: u8 = 2;
/// A person's act.
pub const ACT: u8 = 3;
/// The rule files.
pub const RULES: u8 = 4;
/// The gateways that are expected.
pub const EXPECTED: u8 = 5;
/// The server started.
pub const STARTED: u8 = 6;
/// A second passed.
pub const TICK: u8 = 7;

/// Whether an entry is copied to the journal before the log may drop it: all but frames
/// (whose samples history has) and ticks.
#[must_use]
pub const fn is_kept(kind: u8) -> bool {
    !matches!(kind, FRAME | TICK)
}

/// A frame as the log holds it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RawFrame {
    /// `enterprise/gateway`.
    #[prost(string, tag = "1")]
    pub gateway: String,
    /// When it came, by the server's clock.
    #[prost(sint64, tag = "2")]
    pub received: i64,
    /// When it was sent, by the collector's read clock.
    #[prost(sint64, tag = "3")]
    pub sent: i64,
    /// No smaller number will come that is not here.
    #[prost(uint64, tag = "4")]
    pub oldest: u64,
    /// Smaller numbers are backlog.
    #[prost(uint64, tag = "5")]
    pub live_from: u64,
    /// The frame's own bytes, CRC included.
    #[prost(bytes = "vec", tag = "6")]
    pub frame: Vec<u8>,
    /// No smaller live number will come that is not here.
    #[prost(uint64, tag = "7")]
    pub live_oldest: u64,
    /// What this server will never get.
    #[prost(message, repeated, tag = "8")]
    pub gaps: Vec<Gap>,
}

/// A catalog as the log holds it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RawCatalog {
    /// `enterprise/gateway`.
    #[prost(string, tag = "1")]
    pub gateway: String,
    /// The catalog as one message.
    #[prost(bytes = "vec", tag = "2")]
    pub catalog: Vec<u8>,
}

/// An act as the log holds it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RawAct {
    /// By the server's clock.
    #[prost(sint64, tag = "1")]
    pub at: i64,
    /// Who.
    #[prost(string, tag = "2")]
    pub by: String,
    /// Their words.
    #[prost(string, tag = "3")]
    pub comment: String,
    /// What they did: a [`Deed`] as JSON.
    #[prost(string, tag = "5")]
    pub deed: String,
}

/// The rule files as the log holds them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RawRules {
    /// In the order in which they were named.
    #[prost(message, repeated, tag = "1")]
    pub files: Vec<RawFile>,
}

/// One rule file.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RawFile {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its text.
    #[prost(string, tag = "2")]
    pub text: String,
}

/// A list of gateways.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RawGateways {
    /// `enterprise/gateway`.
    #[prost(string, repeated, tag = "1")]
    pub gateways: Vec<String>,
}

/// An instant.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct RawTime {
    /// By the server's clock.
    #[prost(sint64, tag = "1")]
    pub at: i64,
}

/// A second that passed.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct RawTick {
    /// By the server's clock.
    #[prost(sint64, tag = "1")]
    pub at: i64,
    /// No frames were taken in it, for want of room.
    #[prost(bool, tag = "2")]
    pub deaf: bool,
}

/// What a person did, as the log holds it.
#[must_use]
pub fn deed_text(deed: &Deed) -> String {
    serde_json::to_string(deed).expect("a deed of texts and numbers can be written as JSON")
}

/// Why bytes in the log are not an entry. Ingest checks what it writes, so this means a
/// damaged file.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Not the message of its kind.
    #[error("kind {kind}: {source}")]
    Message {
        /// The entry's kind.
        kind: u8,
        /// What the decoder said.
        source: prost::DecodeError,
    },
    /// A kind that this version does not know.
    #[error("unknown kind {0}")]
    Kind(u8),
    /// A name that is not one.
    #[error("bad name: {0}")]
    Name(#[from] fenghuo_model::IdError),
    /// The frame in it.
    #[error("frame: {0}")]
    Frame(#[from] FrameError),
    /// The catalog in it.
    #[error("catalog: {0}")]
    Catalog(#[from] fenghuo_uplink::catalog::CatalogError),
    /// A frame names a catalog that is not stored.
    #[error("catalog {0} is not stored")]
    NoCatalog(CatalogId),
    /// An act that is none.
    #[error("bad act: {0}")]
    Deed(serde_json::Error),
}

/// A frame, ready to be judged and stored.
#[derive(Clone, Debug)]
pub struct FrameEntry {
    /// Whose.
    pub gateway: GatewayKey,
    /// When it came, by the server's clock.
    pub received: i64,
    /// No smaller number will come that is not here.
    pub oldest: u64,
    /// Smaller numbers are backlog.
    pub live_from: u64,
    /// No smaller live number will come that is not here.
    pub live_oldest: u64,
    /// What it says of itself.
    pub head: FrameHead,
    /// Its catalog.
    pub catalog: Arc<Catalog>,
    /// Its samples, in index order.
    pub samples: Vec<FrameSample>,
    /// What is missing before it.
    pub gaps: Vec<Gap>,
    /// What became of reads, as the collector counted.
    pub accounts: Vec<Account>,
    /// How far the clock was set forward within it.
    pub clock_step_ms: i64,
}

/// A decoded entry.
#[derive(Clone, Debug)]
pub enum Decoded {
    /// A frame.
    Frame(FrameEntry),
    /// Any other entry, as the engine takes it, with its kind and bytes for the journal.
    Small(u8, Vec<u8>, Input),
}

impl FrameEntry {
    /// Puts an envelope's facts and a decoded frame together.
    ///
    /// # Errors
    /// [`FrameError`] when the frame does not fit the catalog.
    pub fn new(
        raw: &RawFrame,
        gateway: GatewayKey,
        frame: &Frame,
        catalog: Arc<Catalog>,
    ) -> Result<Self, FrameError> {
        let mut samples = Vec::new();
        frame.samples(&catalog, &mut samples)?;
        let (mut gaps, mut clock_step_ms) = (raw.gaps.clone(), 0_i64);
        let mut accounts = Vec::new();
        for record in &frame.records {
            match record {
                Record::Gap(gap) => gaps.push(*gap),
                Record::Custody(account) => accounts.push(account.clone()),
                Record::ClockStep(step) => clock_step_ms = clock_step_ms.saturating_add(step.by),
                Record::Samples(_) => {}
            }
        }
        Ok(Self {
            gateway,
            received: raw.received,
            oldest: raw.oldest,
            live_from: raw.live_from,
            live_oldest: raw.live_oldest,
            head: frame.head,
            catalog,
            samples,
            gaps,
            accounts,
            clock_step_ms,
        })
    }

    /// As the engine takes it.
    #[must_use]
    pub fn input(&self) -> FrameInput {
        FrameInput {
            gateway: self.gateway.clone(),
            received: Timestamp::from_millis(self.received),
            epoch: self.head.epoch,
            seq: self.head.seq,
            epoch_first: self.head.epoch_first,
            oldest: self.oldest,
            live_from: self.live_from,
            live_oldest: self.live_oldest,
            watermark: self.head.watermark,
            catalog: self.head.catalog,
            samples: self
                .samples
                .iter()
                .map(|s| (s.point, s.sample.clone()))
                .collect(),
            clock_step_ms: self.clock_step_ms,
        }
    }
}

/// Catalogs by id, shared by all who decode frames.
pub type Catalogs = HashMap<CatalogId, Arc<Catalog>>;

/// Decodes an entry. `find` answers for catalogs.
///
/// # Errors
/// [`EntryError`] when the bytes are not what their kind says.
pub fn decode(
    kind: u8,
    body: Vec<u8>,
    find: impl FnOnce(CatalogId) -> Option<Arc<Catalog>>,
) -> Result<Decoded, EntryError> {
    if kind == FRAME {
        let raw =
            RawFrame::decode(&*body).map_err(|source| EntryError::Message { kind, source })?;
        let frame = Frame::decode(&raw.frame)?;
        let id = frame.head.catalog;
        let catalog = find(id).ok_or(EntryError::NoCatalog(id))?;
        let gateway = raw.gateway.parse()?;
        return Ok(Decoded::Frame(FrameEntry::new(
            &raw, gateway, &frame, catalog,
        )?));
    }
    let input = small(kind, &body)?;
    Ok(Decoded::Small(kind, body, input))
}

/// Decodes an entry that is not a frame.
///
/// # Errors
/// [`EntryError`] when the bytes are not what their kind says.
pub fn small(kind: u8, body: &[u8]) -> Result<Input, EntryError> {
    let message = |source| EntryError::Message { kind, source };
    let time = || {
        RawTime::decode(body)
            .map(|raw| Timestamp::from_millis(raw.at))
            .map_err(message)
    };
    match kind {
        CATALOG => {
            let raw = RawCatalog::decode(body).map_err(message)?;
            let catalog = fenghuo_uplink::catalog::from_bytes(&raw.catalog)?;
            Ok(Input::Catalog(raw.gateway.parse()?, Arc::new(catalog)))
        }
        ACT => {
            let raw = RawAct::decode(body).map_err(message)?;
            Ok(Input::Act(Act {
                at: Timestamp::from_millis(raw.at),
                by: raw.by,
                comment: raw.comment,
                deed: serde_json::from_str(&raw.deed).map_err(EntryError::Deed)?,
            }))
        }
        RULES => {
            let raw = RawRules::decode(body).map_err(message)?;
            Ok(Input::Rules(
                raw.files
                    .into_iter()
                    .map(|file| (file.name, file.text))
                    .collect(),
            ))
        }
        EXPECTED => {
            let raw = RawGateways::decode(body).map_err(message)?;
            let keys = raw
                .gateways
                .iter()
                .map(|name| name.parse())
                .collect::<Result<_, _>>()?;
            Ok(Input::Expected(keys))
        }
        STARTED => Ok(Input::Started(time()?)),
        TICK => {
            let raw = RawTick::decode(body).map_err(message)?;
            Ok(Input::Tick {
                at: Timestamp::from_millis(raw.at),
                hearing: !raw.deaf,
            })
        }
        other => Err(EntryError::Kind(other)),
    }
}
