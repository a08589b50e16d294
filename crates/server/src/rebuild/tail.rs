//! The newest samples, which a running server's history holds in memory only: the log still
//! has them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fenghuo_log::Reader;
use fenghuo_model::{Catalog, CatalogId, GatewayKey, PointDef, Sample, SampleId, Timestamp};
use fenghuo_uplink::frame::Frame;
use prost::Message;

use super::{Sources, times};
use crate::entry::{self, Decoded, RawFrame};
use crate::feed::catalog_mark;

/// Entries read at once.
const READ_ENTRIES: usize = 256;
/// Bytes read at once.
const READ_BYTES: usize = 4 << 20;
/// A sample is in the log at most so long before the server's clock shows its time.
const SKEW: Duration = Duration::from_secs(60);

/// Entries at the log's end in which each gateway's newest frame is looked for.
const NEWEST_ENTRIES: u64 = 20_000;

/// A frame's watermark, and its run and number.
pub type Newest = (Timestamp, (u64, u64));

/// Each gateway's newest frame, as far as it stands near the log's end: a quiet gateway's
/// last frames have no samples that history could know them by.
pub fn newest(sources: &Sources) -> anyhow::Result<HashMap<GatewayKey, Newest>> {
    let mut newest = HashMap::new();
    let Some(log) = &sources.log else {
        return Ok(newest);
    };
    let last = log.last()?.unwrap_or(0);
    let mut next = last.saturating_sub(NEWEST_ENTRIES);
    loop {
        let entries = log.read(next, READ_ENTRIES, READ_BYTES)?;
        let Some(entry) = entries.last() else {
            return Ok(newest);
        };
        next = entry.position + 1;
        for entry in entries.iter().filter(|it| it.kind == entry::FRAME) {
            let raw = RawFrame::decode(&*entry.body)?;
            let head = Frame::decode(&raw.frame)?.head;
            let found = (head.watermark, (head.epoch, head.seq));
            let known = newest.entry(raw.gateway.parse()?).or_insert(found);
            *known = (*known).max(found);
        }
    }
}

/// What the log has that history's files may lack.
#[derive(Debug)]
pub struct Tail {
    /// Everything below is in the files.
    floor: u64,
    begin: Timestamp,
    catalogs: HashMap<CatalogId, Arc<Catalog>>,
}

impl Tail {
    /// Where it is needed.
    pub fn of(sources: &Sources) -> anyhow::Result<Option<Self>> {
        let (Some(log), true) = (&sources.log, sources.unsealed) else {
            return Ok(None);
        };
        let floor = sources.history.replay_from();
        let begin = times::time_after(log, floor)?;
        Ok(begin.map(|(_, begin)| Self {
            floor,
            begin,
            catalogs: HashMap::new(),
        }))
    }

    /// Gives every sample of a stretch, until `take` wants no more; whether it was all.
    pub fn read(
        &mut self,
        sources: &Sources,
        from: Timestamp,
        until: Timestamp,
        mut take: impl FnMut(&GatewayKey, &PointDef, SampleId, &Sample) -> bool,
    ) -> anyhow::Result<bool> {
        let Some(log) = sources
            .log
            .as_ref()
            .filter(|_| until.plus(SKEW) > self.begin)
        else {
            return Ok(true);
        };
        let begin = times::position_at(log, from.minus(SKEW))?;
        let mut next = begin.unwrap_or(0).max(self.floor);
        loop {
            let entries = log.read(next, READ_ENTRIES, READ_BYTES)?;
            let Some(last) = entries.last() else {
                return Ok(true);
            };
            next = last.position + 1;
            for entry in entries.into_iter().filter(|it| it.kind == entry::FRAME) {
                let decoded = entry::decode(entry.kind, entry.body, |id| self.catalog(log, id))?;
                let Decoded::Frame(frame) = decoded else {
                    continue;
                };
                for (index, sample) in (0..).zip(&frame.samples) {
                    if !(from..until).contains(&sample.sample.time) {
                        continue;
                    }
                    let id = SampleId {
                        epoch: frame.head.epoch,
                        seq: frame.head.seq,
                        index,
                    };
                    let def = &frame.catalog.points()[sample.point as usize];
                    if !take(&frame.gateway, def, id, &sample.sample) {
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn catalog(&mut self, log: &Reader, id: CatalogId) -> Option<Arc<Catalog>> {
        if let Some(known) = self.catalogs.get(&id) {
            return Some(known.clone());
        }
        let bytes = log.mark(&catalog_mark(id)).ok().flatten()?;
        let catalog = Arc::new(fenghuo_uplink::catalog::from_bytes(&bytes).ok()?);
        self.catalogs.insert(id, catalog.clone());
        Some(catalog)
    }
}
