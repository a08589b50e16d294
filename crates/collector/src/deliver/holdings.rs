//! What the spool holds for one destination, as a hello tells it. Pure.

use std::collections::{BTreeSet, VecDeque};

use fenghuo_model::CatalogId;
use fenghuo_uplink::hello::{CATALOGS_MAX, Hello};

use crate::spool::{Custody, Found, Span};

/// Runs, catalogs and what the destination already has.
#[derive(Debug)]
pub struct Holdings {
    custody: Custody,
    /// Runs in the spool and their catalogs, oldest first; at least the newest.
    spans: VecDeque<Span>,
    epoch: u64,
    next: u64,
}

impl Holdings {
    /// Takes over a spool as it was found.
    pub fn new(found: &Found, custody: Custody, epoch: u64) -> Self {
        Self {
            custody,
            spans: found.spans.iter().copied().collect(),
            epoch,
            next: found.next,
        }
    }

    /// A frame is durable. Returns whether the one before named another catalog.
    pub fn spooled(&mut self, seq: u64, epoch: u64, catalog: CatalogId) -> bool {
        self.next = seq + 1;
        let last = self.spans.back().map(|span| (span.epoch, span.catalog));
        if last != Some((epoch, catalog)) {
            self.epoch = epoch;
            self.spans.push_back(Span {
                epoch,
                first: seq,
                catalog,
            });
        }
        last.is_none_or(|(_, before)| before != catalog)
    }

    /// Everything below is done, and `receipted` (seq, epoch) is the newest frame of it that
    /// this log has. What was dropped, refused or damaged was not receipted, so it is not said
    /// to be: the server would take itself for an older copy of its log.
    pub fn done(
        &mut self,
        below: u64,
        log_id: Option<[u8; 16]>,
        receipted: Option<(u64, u64)>,
    ) -> Custody {
        if let Some((seq, epoch)) = receipted {
            self.custody.log_id = log_id;
            self.custody.trimmed_below = seq + 1;
            self.custody.trimmed_epoch = epoch;
        }
        self.custody.done_below = below;
        self.custody
    }

    /// Frames below are not in the spool any more.
    pub fn gone_below(&mut self, below: u64) {
        while self
            .spans
            .get(1)
            .is_some_and(|second| second.first <= below)
        {
            self.spans.pop_front();
        }
    }

    /// Whether spooled frames name this catalog.
    pub fn names(&self, id: CatalogId) -> bool {
        self.spans.iter().any(|span| span.catalog == id)
    }

    /// The catalog that a frame names.
    pub fn catalog_of(&self, seq: u64) -> Option<CatalogId> {
        let after = self.spans.partition_point(|span| span.first <= seq);
        let span = after.checked_sub(1).and_then(|at| self.spans.get(at));
        span.map(|span| span.catalog)
    }

    /// The part of a hello that is known here.
    pub fn hello(&self) -> Hello {
        let mut seen = BTreeSet::new();
        let newest_first = self.spans.iter().rev().map(|span| span.catalog);
        let mut catalogs: Vec<CatalogId> = newest_first
            .filter(|id| seen.insert(*id))
            .take(CATALOGS_MAX)
            .collect();
        catalogs.reverse();
        Hello {
            epoch: self.epoch,
            newest: self.next.saturating_sub(1),
            catalogs,
            log_id: self.custody.log_id,
            trimmed_below: self.custody.trimmed_below,
            trimmed_epoch: self.custody.trimmed_epoch,
            ..Hello::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: CatalogId = CatalogId([1; 16]);
    const B: CatalogId = CatalogId([2; 16]);

    #[test]
    fn custody_follows_receipts_and_not_drops() {
        let mut holdings = Holdings::new(
            &Found {
                next: 1,
                ..Found::default()
            },
            Custody::default(),
            7,
        );
        let mut anew = Vec::new();
        for seq in 1..=10 {
            let epoch = if seq < 6 { 7 } else { 8 };
            let catalog = if seq < 6 { A } else { B };
            anew.extend(holdings.spooled(seq, epoch, catalog).then_some(seq));
        }
        assert_eq!(anew, [1, 6]);
        assert_eq!(holdings.hello().catalogs, [A, B]);
        assert_eq!(
            [5, 6].map(|seq| holdings.catalog_of(seq)),
            [Some(A), Some(B)]
        );
        assert!(holdings.names(A) && !holdings.names(CatalogId([3; 16])));
        assert_eq!((holdings.hello().epoch, holdings.hello().newest), (8, 10));
        let custody = holdings.done(4, Some([9; 16]), None);
        assert_eq!((custody.log_id, custody.trimmed_below), (None, 0));
        let custody = holdings.done(6, Some([9; 16]), Some((4, 7)));
        assert_eq!((custody.trimmed_below, custody.trimmed_epoch), (5, 7));
        assert_eq!(custody.done_below, 6);
        assert_eq!(holdings.hello().catalogs, [A, B]);
        holdings.gone_below(6);
        assert_eq!(holdings.hello().catalogs, [B]);
        let custody = holdings.done(11, Some([9; 16]), Some((10, 8)));
        assert_eq!((custody.trimmed_below, custody.trimmed_epoch), (11, 8));
        holdings.gone_below(11);
        assert_eq!(holdings.hello().catalogs, [B]);
        // Within a run too.
        assert!(holdings.spooled(11, 8, A));
        assert!(!holdings.spooled(12, 8, A));
        assert_eq!(holdings.hello().catalogs, [B, A]);
        assert_eq!(holdings.hello().epoch, 8);
    }
}
