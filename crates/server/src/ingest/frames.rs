//! Frames on their way into the log.

use std::collections::BTreeSet;

use fenghuo_log::Batch;
use fenghuo_model::GatewayKey;
use fenghuo_uplink::ENVELOPE_GAPS_MAX;
use fenghuo_uplink::frame::{Frame, FrameError};
use fenghuo_uplink::inbox::Offer;
use fenghuo_uplink::receipt::{Refusal, RefusalReason};
use prost::Message;

use super::{Ingest, gate};
use crate::entry::{self, Decoded, FrameEntry, RawFrame};
use crate::intake::Arrived;
use crate::metrics::FrameResult;

/// What one batch of frames comes to.
#[derive(Default)]
struct Pending {
    batch: Batch,
    entries: Vec<Decoded>,
    touched: BTreeSet<(GatewayKey, u64)>,
    accepted: u64,
    samples: u64,
}

impl Ingest {
    /// Checks frames, appends those that are new in one transaction, receipts all.
    pub(super) fn frames(&mut self, frames: Vec<Arrived>) {
        let mut pending = Pending::default();
        for arrived in frames {
            let key = arrived.gateway.clone();
            let result = self.frame(arrived, &mut pending);
            self.metrics.frame(result);
            if result == FrameResult::Corrupt {
                tracing::warn!(gateway = %key, "a frame was damaged on its way");
            }
        }
        for (key, epoch) in &pending.touched {
            if let Some(gate) = self.gates.get(key) {
                pending.batch.mark(
                    gate::seen_mark(key, *epoch),
                    Some(gate.inbox.encode(*epoch)),
                );
            }
        }
        if !pending.batch.is_empty() {
            match self.append(&pending.batch, pending.entries) {
                Ok(_) => self.metrics.samples(pending.samples),
                Err(error) => {
                    // Nothing was kept and nothing is receipted: the frames come again.
                    self.reload_gates();
                    if error.is_full() {
                        self.set_room(false);
                    }
                    return;
                }
            }
        }
        self.send_receipts();
    }

    fn frame(&mut self, arrived: Arrived, pending: &mut Pending) -> FrameResult {
        let Some(gate) = gate::of(&mut self.gates, &arrived.gateway) else {
            return FrameResult::Malformed;
        };
        let envelope = arrived.envelope;
        let frame = match Frame::decode(&envelope.frame) {
            Ok(frame) => frame,
            Err(error) => return refuse_undecoded(gate, &arrived.gateway, &envelope.frame, &error),
        };
        let (epoch, seq) = (frame.head.epoch, frame.head.seq);
        gate.heard(epoch, seq, envelope.oldest);
        gate.clocked(envelope.sent, arrived.received);
        match gate.inbox.offer(epoch, seq, frame.crc) {
            Offer::Duplicate => {
                gate.figures.duplicates += 1;
                return FrameResult::Duplicate;
            }
            Offer::Conflict => {
                return refuse(
                    gate,
                    &arrived.gateway,
                    epoch,
                    seq,
                    RefusalReason::Conflict,
                    "the same number with other bytes",
                );
            }
            Offer::New => {}
        }
        let known = gate.catalogs.contains(&frame.head.catalog);
        let Some(catalog) = self
            .catalogs
            .get(&frame.head.catalog)
            .filter(|_| known)
            .cloned()
        else {
            gate.want(frame.head.catalog);
            gate.figures.unknown_catalog += 1;
            return FrameResult::UnknownCatalog;
        };
        let raw = RawFrame {
            gateway: arrived.gateway.to_string(),
            received: arrived.received,
            sent: envelope.sent,
            oldest: envelope.oldest,
            live_from: envelope.live_from,
            live_oldest: envelope.live_oldest,
            gaps: envelope.gaps.into_iter().take(ENVELOPE_GAPS_MAX).collect(),
            frame: envelope.frame,
        };
        let decoded = match FrameEntry::new(&raw, arrived.gateway.clone(), &frame, catalog) {
            Ok(decoded) => decoded,
            Err(error) => {
                let why = reason(&error);
                return refuse(gate, &arrived.gateway, epoch, seq, why, &error.to_string());
            }
        };
        if let Some(forgotten) = gate.inbox.accept(epoch, seq, frame.crc) {
            pending
                .batch
                .mark(gate::seen_mark(&arrived.gateway, forgotten), None);
        }
        gate.delivered(&decoded);
        pending.accepted += 1;
        pending.samples += decoded.samples.len() as u64;
        pending.touched.insert((arrived.gateway, epoch));
        pending.batch.push(entry::FRAME, raw.encode_to_vec());
        pending.entries.push(Decoded::Frame(decoded));
        FrameResult::Accepted
    }
}

const fn reason(error: &FrameError) -> RefusalReason {
    match error {
        FrameError::Time => RefusalReason::Future,
        FrameError::Version(_) => RefusalReason::Version,
        _ => RefusalReason::Invalid,
    }
}

fn refuse(
    gate: &mut gate::Gate,
    key: &GatewayKey,
    epoch: u64,
    seq: u64,
    why: RefusalReason,
    what: &str,
) -> FrameResult {
    tracing::error!(gateway = %key, epoch, seq, why = why.as_str(), what, "frame refused for ever");
    gate.refuse(Refusal { epoch, seq, why });
    match why {
        RefusalReason::Conflict => FrameResult::Conflict,
        RefusalReason::Future => FrameResult::Future,
        RefusalReason::Version => FrameResult::Version,
        RefusalReason::Invalid | RefusalReason::Unknown => FrameResult::Invalid,
    }
}

/// A damaged frame is only counted: it comes again. One that is whole and still no frame is
/// refused by its number, if it has one.
fn refuse_undecoded(
    gate: &mut gate::Gate,
    key: &GatewayKey,
    bytes: &[u8],
    error: &FrameError,
) -> FrameResult {
    if matches!(error, FrameError::Crc { .. }) || bytes.len() < 4 {
        gate.figures.corrupt += 1;
        return FrameResult::Corrupt;
    }
    match Frame::numbers(bytes) {
        Some((epoch, seq)) => refuse(gate, key, epoch, seq, reason(error), &error.to_string()),
        None => {
            gate.malformed += 1;
            FrameResult::Malformed
        }
    }
}
