//! The small things that the spool remembers beside its frames: their names and bytes.

use fenghuo_log::LogError;
use fenghuo_model::CatalogId;

use super::store::Span;

/// Whose frames these are: `enterprise/gateway`.
pub const GATEWAY: &str = "gateway";
/// Read clock of the last spooled frame, 8 bytes.
pub const WATERMARK: &str = "watermark";
/// Gap records that wait for the next frame.
pub const GAPS: &str = "gaps";
/// There when the last run ended in order.
pub const CLEAN: &str = "clean";
/// What a destination has: `destination/<name>`.
pub const DESTINATION: &str = "destination/";
/// A run in the spool: `epoch/<first seq>`.
pub const EPOCH: &str = "epoch/";
/// A catalog that spooled frames name: `catalog/<id>`.
pub const CATALOG: &str = "catalog/";
/// A frame in the spool that a destination refused, or that is damaged:
/// `refused/<seq>/<name>`.
pub const REFUSED: &str = "refused/";
/// Gap records for a destination that wait for the next frame: `owed/<name>`.
pub const OWED: &str = "owed/";
/// Gap records for a destination that go with a frame: `note/<seq>/<name>`.
pub const NOTE: &str = "note/";
/// A refused frame's bytes after its reason: `dead/<seq>`.
pub const DEAD: &str = "dead/";

/// What one destination is known to have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Custody {
    /// The log that the receipts came from.
    pub log_id: Option<[u8; 16]>,
    /// One above the newest frame that this log receipted, of those below `done_below`.
    pub trimmed_below: u64,
    /// The epoch of that frame.
    pub trimmed_epoch: u64,
    /// Nothing below has to be sent any more: it was receipted, refused, dropped or damaged.
    pub done_below: u64,
}

impl Custody {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.log_id.is_some())];
        bytes.extend_from_slice(&self.log_id.unwrap_or_default());
        bytes.extend_from_slice(&self.trimmed_below.to_le_bytes());
        bytes.extend_from_slice(&self.trimmed_epoch.to_le_bytes());
        bytes.extend_from_slice(&self.done_below.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (known, rest) = bytes.split_first_chunk::<1>()?;
        let (log_id, rest) = rest.split_first_chunk::<16>()?;
        let (below, rest) = rest.split_first_chunk::<8>()?;
        let (epoch, rest) = rest.split_first_chunk::<8>()?;
        let trimmed_below = u64::from_le_bytes(*below);
        let done_below = match rest {
            // Written before there could be two destinations.
            [] => trimmed_below,
            rest => u64::from_le_bytes(rest.try_into().ok()?),
        };
        Some(Self {
            log_id: (known[0] == 1).then_some(*log_id),
            trimmed_below,
            trimmed_epoch: u64::from_le_bytes(*epoch),
            done_below,
        })
    }
}

/// A key that sorts by its number.
pub fn numbered(prefix: &str, number: u64) -> String {
    format!("{prefix}{number:016x}")
}

/// The number of such a key.
pub fn number(prefix: &str, key: &str) -> Option<u64> {
    u64::from_str_radix(key.strip_prefix(prefix)?, 16).ok()
}

/// A destination's key.
pub fn of(prefix: &str, name: &str) -> String {
    format!("{prefix}{name}")
}

/// A destination's key that sorts by its number.
pub fn numbered_of(prefix: &str, number: u64, name: &str) -> String {
    format!("{prefix}{number:016x}/{name}")
}

/// The number of such a key, if it is this destination's.
pub fn number_of(prefix: &str, key: &str, name: &str) -> Option<u64> {
    let (number, whose) = key.strip_prefix(prefix)?.split_once('/')?;
    (whose == name).then(|| u64::from_str_radix(number, 16).ok())?
}

/// The destination that a key is of.
pub fn name_in<'k>(prefix: &str, key: &'k str) -> Option<&'k str> {
    let rest = key.strip_prefix(prefix)?;
    match prefix {
        NOTE | REFUSED => Some(rest.split_once('/')?.1),
        _ => Some(rest),
    }
}

pub fn catalog(id: CatalogId) -> String {
    format!("{CATALOG}{id}")
}

pub fn encode_span(span: &Span) -> Vec<u8> {
    let mut bytes = span.epoch.to_le_bytes().to_vec();
    bytes.extend_from_slice(&span.catalog.0);
    bytes
}

pub fn decode_span(key: &str, bytes: &[u8]) -> Option<Span> {
    let (epoch, catalog) = bytes.split_first_chunk::<8>()?;
    Some(Span {
        epoch: u64::from_le_bytes(*epoch),
        first: number(EPOCH, key)?,
        catalog: CatalogId(catalog.try_into().ok()?),
    })
}

/// A mark that cannot be what was written.
pub fn damaged(path: &std::path::Path, key: &str) -> LogError {
    LogError::Corrupt {
        path: path.to_owned(),
        what: format!("the mark `{key}` is damaged"),
    }
}
