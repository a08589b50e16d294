//! What a receipt changes, and what is offered a second time.

use super::{Action, Link, Outbox};
use crate::hello::EpochSpan;
use crate::receipt::{LIST_MAX, Receipt, Refusal, RefusalReason};

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
        // A number that came before with other bytes is durable there, but what is spooled
        // here under it is not.
        let is_conflict = |refusal: &&Refusal| refusal.why == RefusalReason::Conflict;
        for refusal in receipt.refused.iter().filter(is_conflict) {
            if self.take_refusal(*refusal) {
                self.events.push_back(Action::NewEpoch);
            }
        }
        self.find_taken(receipt);
        self.take_durable(receipt, now);
        for refusal in &receipt.refused {
            self.take_refusal(*refusal);
        }
        // What there is no room for is wanted by the next receipt too.
        let room = LIST_MAX.saturating_sub(self.wanted.len());
        self.wanted.extend(receipt.want_catalogs.iter().take(room));
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
                    self.receipted_after(after, flight.tries);
                    self.pace.delivered(flight.lane, flight.bytes, after, now);
                }
            }
        }
    }

    /// Follows how long receipts take: up at once, down by and by. Of a frame that was sent
    /// again nobody knows which one arrived; half of its time is not too little for long, and
    /// not too much for one that was lost.
    fn receipted_after(&mut self, after_ms: u64, tries: u32) {
        let after_ms = after_ms >> tries.min(1);
        let after_ms = after_ms.min(self.timing.resend_ms_max);
        self.late_ms = after_ms.max(self.late_ms - self.late_ms.saturating_sub(after_ms) / 8);
    }

    /// The server has numbers of this run that were not given yet: two machines go on from
    /// one memory. The numbers are the other one's.
    fn find_taken(&mut self, receipt: &Receipt) {
        let Some(span) = self
            .epochs
            .back()
            .filter(|span| Some(span.epoch) == self.own)
        else {
            return;
        };
        let (epoch, last) = (span.epoch, span.last);
        let of_it = receipt.epochs.iter().filter(|it| it.epoch == epoch);
        let until = of_it.flat_map(|it| &it.ranges).map(|(_, to)| *to).max();
        if let Some(until) = until.filter(|until| *until > last && !self.is_taken(epoch, *until)) {
            if self.taken.is_none_or(|(taken, _)| taken != epoch) {
                self.events.push_back(Action::NewEpoch);
            }
            self.taken = Some((epoch, until));
        }
    }

    pub(super) fn is_taken(&self, epoch: u64, seq: u64) -> bool {
        self.taken
            .is_some_and(|(taken, until)| taken == epoch && seq <= until)
    }

    /// Returns whether it is new.
    pub(super) fn take_refusal(&mut self, refusal: Refusal) -> bool {
        let is_it = |span: &EpochSpan| {
            span.epoch == refusal.epoch && (span.first..=span.last).contains(&refusal.seq)
        };
        let is_ours = self.epochs.iter().any(is_it);
        if !is_ours || refusal.seq < self.oldest || self.done.contains(refusal.seq) {
            return false;
        }
        self.give_up(refusal.seq, refusal.seq);
        self.flights.remove(&refusal.seq);
        self.events.push_back(Action::Refused(refusal));
        true
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
