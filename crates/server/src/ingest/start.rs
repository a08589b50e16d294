//! Starting: what the log remembers of deliveries, and the entries of a start.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use fenghuo_log::{Batch, Log, LogError};
use fenghuo_model::{CatalogId, GatewayKey};
use fenghuo_uplink::receipt::Again;
use prost::Message;

use super::gate::{Gate, Stored};
use super::{Ingest, KeepFrom, Shared, push};
use crate::entry::{self, Catalogs, RawFile, RawGateways, RawRules, RawTime};
use crate::feed::Feed;
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::transport::Receipts;

/// What ingest works with.
pub struct Parts {
    /// The log.
    pub log: Log,
    /// Where things wait.
    pub intake: Intake,
    /// Where they go.
    pub feed: Feed,
    /// Where receipts go.
    pub receipts: Receipts,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// What is shared with others.
    pub shared: Arc<Shared>,
    /// Bytes that frames may not take.
    pub reserve_bytes: u64,
    /// How far the log must be kept.
    pub keep_from: KeepFrom,
}

impl Ingest {
    /// Reads what was delivered before, and puts the start into the log: the instant, the
    /// rules when they are other ones, and the gateways that are expected.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be read or written.
    pub fn start(
        parts: Parts,
        rules: &[(String, String)],
        expected: &[GatewayKey],
    ) -> Result<Self, LogError> {
        let stored = gates(&parts.log)?;
        let catalogs = catalogs(&parts.log)?;
        let mut gates = HashMap::new();
        for (key, stored) in stored {
            let mut gate = Gate::default();
            gate.restore(Some(stored));
            gates.insert(key, gate);
        }
        let mut ingest = Self {
            log: parts.log,
            intake: parts.intake,
            feed: parts.feed,
            receipts: parts.receipts,
            metrics: parts.metrics,
            shared: parts.shared,
            gates,
            catalogs,
            reserve_bytes: parts.reserve_bytes,
            keep_from: parts.keep_from,
            unsure: false,
            cared: None,
        };
        ingest
            .shared
            .has_room
            .store(true, std::sync::atomic::Ordering::Relaxed);
        ingest.put_start(rules, expected)?;
        Ok(ingest)
    }

    fn put_start(
        &mut self,
        rules: &[(String, String)],
        expected: &[GatewayKey],
    ) -> Result<(), LogError> {
        let (mut batch, mut entries) = (Batch::default(), Vec::new());
        let file = |(name, text): &(String, String)| RawFile {
            name: name.clone(),
            text: text.clone(),
        };
        let rules = RawRules {
            files: rules.iter().map(file).collect(),
        };
        let rules = rules.encode_to_vec();
        if self.log.mark("rules")?.as_deref() != Some(&rules) {
            push(&mut batch, &mut entries, entry::RULES, rules.clone());
            batch.mark("rules", Some(rules));
        }
        let expected = RawGateways {
            gateways: expected.iter().map(ToString::to_string).collect(),
        };
        push(
            &mut batch,
            &mut entries,
            entry::EXPECTED,
            expected.encode_to_vec(),
        );
        let at = crate::clock::now().as_millis();
        push(
            &mut batch,
            &mut entries,
            entry::STARTED,
            RawTime { at }.encode_to_vec(),
        );
        self.append(&batch, entries).map(drop)
    }
}

/// What the log's marks say of each gateway.
///
/// # Errors
/// [`LogError`] when they cannot be read.
pub fn gates(log: &Log) -> Result<HashMap<GatewayKey, Stored>, LogError> {
    let mut gates: HashMap<GatewayKey, Stored> = HashMap::new();
    for (mark, bytes) in log.marks("seen/")? {
        let parsed = mark.strip_prefix("seen/").and_then(split);
        let epoch = parsed
            .as_ref()
            .and_then(|(_, hex)| u64::from_str_radix(hex, 16).ok());
        let restored = match (parsed, epoch) {
            (Some((key, _)), Some(epoch)) => {
                gates.entry(key).or_default().inbox.restore(epoch, &bytes)
            }
            _ => false,
        };
        if !restored {
            tracing::error!(mark, "a mark of the log cannot be read");
        }
    }
    for (mark, _) in log.marks("uses/")? {
        let parsed = mark.strip_prefix("uses/").and_then(split);
        if let Some((key, id)) = parsed.and_then(|(key, hex)| Some((key, catalog_id(hex)?))) {
            let catalogs: &mut BTreeSet<_> = &mut gates.entry(key).or_default().catalogs;
            catalogs.insert(id);
        }
    }
    for (mark, bytes) in log.marks("again/")? {
        let key = mark.strip_prefix("again/").and_then(|key| key.parse().ok());
        match (key, Again::decode(&*bytes)) {
            (Some(key), Ok(again)) => gates.entry(key).or_default().again = Some(again),
            _ => tracing::error!(mark, "a mark of the log cannot be read"),
        }
    }
    Ok(gates)
}

fn split(text: &str) -> Option<(GatewayKey, &str)> {
    let (key, last) = text.rsplit_once('/')?;
    Some((key.parse().ok()?, last))
}

fn catalog_id(hex: &str) -> Option<CatalogId> {
    let mut id = [0; 16];
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(CatalogId(id))
}

fn catalogs(log: &Log) -> Result<Catalogs, LogError> {
    let mut catalogs = Catalogs::new();
    for (mark, bytes) in log.marks("catalog/")? {
        match fenghuo_uplink::catalog::from_bytes(&bytes) {
            Ok(catalog) => drop(catalogs.insert(catalog.id(), Arc::new(catalog))),
            Err(error) => tracing::error!(mark, %error, "a stored catalog cannot be read"),
        }
    }
    Ok(catalogs)
}
