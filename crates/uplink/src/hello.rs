//! The collector's opening words after every connect.

use fenghuo_model::CatalogId;
use prost::Message;

use crate::{VERSION, wire};

pub use wire::EpochSpan;

/// Most runs that a hello names; with more in the spool it names the oldest, and says hello
/// again when they are gone.
pub const EPOCHS_MAX: usize = 64;
/// Most catalogs that a hello names.
pub const CATALOGS_MAX: usize = 64;

/// What a collector has for this server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hello {
    /// Drawn for each hello; receipts echo it.
    pub nonce: u64,
    /// The run that says it.
    pub epoch: u64,
    /// Oldest seq that this server has not receipted.
    pub oldest: u64,
    /// Newest seq in the spool; `oldest - 1` when there is none.
    pub newest: u64,
    /// Catalogs that spooled frames name, the current one last.
    pub catalogs: Vec<CatalogId>,
    /// The collector's read clock.
    pub sent: i64,
    /// Log id of the receipts it trimmed on so far.
    pub log_id: Option<[u8; 16]>,
    /// The spool was trimmed below this on that log's receipts.
    pub trimmed_below: u64,
    /// The epoch of the frame `trimmed_below - 1`.
    pub trimmed_epoch: u64,
    /// The runs in the spool, oldest first.
    pub epochs: Vec<EpochSpan>,
    /// Name and version of the program.
    pub software: String,
    /// Id of the last request to offer a period again that was obeyed; 0: none in this run.
    pub offered: u64,
}

/// Why a message is not a hello.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a hello: {0}")]
pub struct HelloError(String);

impl Hello {
    /// The MQTT payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::Hello {
            version: VERSION,
            nonce: self.nonce,
            epoch: self.epoch,
            oldest: self.oldest,
            newest: self.newest,
            catalogs: self.catalogs.iter().map(|id| id.0.to_vec()).collect(),
            sent: self.sent,
            log_id: self.log_id.map(Vec::from).unwrap_or_default(),
            trimmed_below: self.trimmed_below,
            trimmed_epoch: self.trimmed_epoch,
            epochs: self.epochs.clone(),
            software: self.software.clone(),
            offered: self.offered,
        }
        .encode_to_vec()
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`HelloError`] says what is wrong.
    pub fn decode(payload: &[u8]) -> Result<Self, HelloError> {
        let bad = |what: &str| HelloError(what.to_owned());
        let raw = wire::Hello::decode(payload).map_err(|error| HelloError(error.to_string()))?;
        if raw.version != VERSION {
            return Err(HelloError(format!(
                "version {}; this is {VERSION}",
                raw.version
            )));
        }
        if raw.epochs.len() > EPOCHS_MAX || raw.catalogs.len() > CATALOGS_MAX {
            return Err(bad("too many epochs or catalogs"));
        }
        if raw.software.len() > 128 {
            return Err(bad("software name too long"));
        }
        let log_id = match raw.log_id.as_slice() {
            [] => None,
            id => Some(id.try_into().map_err(|_| bad("log id"))?),
        };
        let catalogs = raw
            .catalogs
            .iter()
            .map(|id| {
                id.as_slice()
                    .try_into()
                    .map(CatalogId)
                    .map_err(|_| bad("catalog id"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            nonce: raw.nonce,
            epoch: raw.epoch,
            oldest: raw.oldest,
            newest: raw.newest,
            catalogs,
            sent: raw.sent,
            log_id,
            trimmed_below: raw.trimmed_below,
            trimmed_epoch: raw.trimmed_epoch,
            epochs: raw.epochs,
            software: raw.software,
            offered: raw.offered,
        })
    }
}
