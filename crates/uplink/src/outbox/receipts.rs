//! What a receipt changes, and what is offered a second time.

use super::{Action, Link, Outbox};
use crate::receipt::{Receipt, Refusal, RefusalReason};

impl Outbox {
    /// A receipt came. Returns whether it was live; others are ignored.
    pub fn receipt(&mut self, receipt: &Receipt, now: u64) -> bool {
        let nonce = match self.link {
            Link::Down => return false,
            Link::Greeting { nonce, .. } | Link::Up { nonce, .. } => nonce,
        };
        if receipt.nonce == 0 && matches!(self.link, Link::Up { .. }) {
            self.connected(now);
            return false;
        }
        if receipt.nonce != nonce {
            return false;
        }
        let is_other = self.log_id.replace(receipt.log_id) != Some(receipt.log_id);
        if is_other {
            self.receipted = None;
        }
        if matches!(self.link, Link::Greeting { .. }) {
            self.begin_again();
        } else if is_other {
            // It speaks of what an older hello asked about.
            self.connected(now);
            return true;
        }
        self.link = Link::Up { nonce, heard: now };
        self.window = [receipt.live, receipt.backlog];
        self.take_durable(receipt, now);
        for refusal in &receipt.refused {
            self.take_refusal(*refusal);
        }
        self.wanted.extend(&receipt.want_catalogs);
        self.advance();
        true
    }

    fn take_durable(&mut self, receipt: &Receipt, now: u64) {
        for epoch in &receipt.epochs {
            let spans: Vec<_> = self
                .epochs
                .iter()
                .filter(|s| s.epoch == epoch.epoch)
                .copied()
                .collect();
            for (span, (from, to)) in spans
                .iter()
                .flat_map(|span| epoch.ranges.iter().map(move |range| (span, *range)))
            {
                let (from, to) = (from.max(span.first).max(self.oldest), to.min(span.last));
                if from > to {
                    continue;
                }
                self.done.insert_range(from, to);
                let mut rest = self.flights.split_off(&from);
                self.flights.append(&mut rest.split_off(&(to + 1)));
                for flight in rest.into_values() {
                    let after = now.saturating_sub(flight.begun);
                    self.pace.delivered(flight.lane, flight.bytes, after, now);
                }
            }
        }
    }

    fn take_refusal(&mut self, refusal: Refusal) {
        let span = self.epochs.iter().find(|span| span.epoch == refusal.epoch);
        let ours = span.is_some_and(|span| (span.first..=span.last).contains(&refusal.seq));
        if !ours || refusal.seq < self.oldest || self.done.contains(refusal.seq) {
            return;
        }
        self.give_up(refusal.seq, refusal.seq);
        self.flights.remove(&refusal.seq);
        self.events.push_back(Action::Refused(refusal));
        if refusal.why == RefusalReason::Conflict {
            self.events.push_back(Action::NewEpoch);
        }
    }

    /// The log may be an older copy of itself, and not know it: whatever is in the spool and
    /// not in this receipt is offered.
    fn begin_again(&mut self) {
        self.oldest = self.verify_from.min(self.oldest);
        self.done = self.given_up.clone();
        self.rewind();
    }

    /// Offers again what was refused of `from..=to`, as far as it is still in the spool. The
    /// hello that follows names all that is, and its receipt tells what the server has.
    pub fn offer_again(&mut self, from: u64, to: u64, now: u64) {
        self.given_up.remove_range(from.max(self.first), to);
        if self.link != Link::Down {
            self.connected(now);
        }
    }
}
