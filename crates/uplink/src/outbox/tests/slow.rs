//! A link with a queue before it: what is sent again must not make it longer.

use super::*;

const FRAME_BYTES: usize = 2_000;

/// A link that carries so many bytes in a second, one message after the other.
struct Link {
    bytes_per_second: u64,
    free_at: u64,
    /// What arrives, and when.
    under_way: VecDeque<(u64, u64)>,
    sent: u64,
}

impl Link {
    fn take(&mut self, outbox: &mut Outbox, now: u64, clock: i64) {
        while let Some(action) = outbox.poll(now, clock) {
            if let Action::Send(seq, _) = action {
                outbox.sent(seq, FRAME_BYTES);
                let takes = FRAME_BYTES as u64 * 1_000 / self.bytes_per_second;
                self.free_at = self.free_at.max(now) + takes;
                self.under_way.push_back((self.free_at, seq));
                self.sent += 1;
            }
        }
    }
}

/// A frame a second on a link that carries two and a half, after 50 s without it. Returns how
/// often a frame was sent, and what still waits after ten minutes.
fn after_an_outage(first: u64) -> (u64, u64) {
    let mut link = Link {
        bytes_per_second: 5_000,
        free_at: 0,
        under_way: VecDeque::new(),
        sent: 0,
    };
    let clock = |now: u64| i64::try_from(now).unwrap();
    let mut outbox = plain(2, 0, 0);
    for seq in 2..=first {
        let at = clock(seq * 1_000);
        outbox.spooled(seq, 5, at, at);
    }
    let begun = (first + 1) * 1_000;
    outbox.connected(begun);
    let Some(Action::Hello(nonce)) = outbox.poll(begun, clock(begun)) else {
        panic!("no hello");
    };
    let window = Window {
        frames: 64,
        bytes: 8 << 20,
    };
    let mut receipt = Receipt {
        nonce,
        live: window,
        backlog: window,
        ..Receipt::default()
    };
    outbox.receipt(&receipt, begun);
    let (mut seq, mut got) = (first, Ranges::default());
    for now in (begun..begun + 600_000).step_by(100) {
        if now % 1_000 == 0 {
            seq += 1;
            outbox.spooled(seq, 5, clock(now), clock(now));
        }
        while link.under_way.front().is_some_and(|(at, _)| *at <= now) {
            let (_, seq) = link.under_way.pop_front().unwrap();
            got.insert(seq);
            receipt.epochs = vec![EpochReceipt {
                epoch: 5,
                ranges: got.iter().map(|it| (*it.start(), *it.end())).collect(),
            }];
            outbox.receipt(&receipt, now);
        }
        link.take(&mut outbox, now, clock(now));
    }
    (link.sent * 100 / seq, outbox.pending())
}

#[test]
fn a_queue_on_the_link_drains_though_receipts_come_late() {
    let (percent, pending) = after_an_outage(50);
    assert!(
        pending < 5 && percent < 150,
        "{percent} % sent, {pending} wait"
    );
}

/// The wait for a receipt begins when the link has carried the frame.
#[test]
fn a_large_frame_is_not_sent_again_while_it_is_going_out() {
    let mut outbox = plain(2, 0, 0);
    let receipt = greet(&mut outbox);
    assert!(outbox.receipt(&receipt, 0));
    assert_eq!(outbox.poll(0, 0), Some(Action::Send(1, Lane::Live)));
    outbox.sent(1, 200_000);
    outbox.takes(1, 25_000);
    for now in (1_000..28_000).step_by(1_000) {
        assert_eq!(outbox.poll(now, 0), None, "at {now}");
    }
    assert_eq!(outbox.poll(29_000, 0), Some(Action::Send(1, Lane::Live)));
}

/// A link is slow until it has proven more: a frame that the server had no room for must not
/// wait for minutes because of that.
#[test]
fn a_frame_that_was_carried_at_once_is_sent_again_as_soon_as_ever() {
    let mut outbox = plain(2, 0, 0);
    let receipt = greet(&mut outbox);
    assert!(outbox.receipt(&receipt, 0));
    assert_eq!(outbox.poll(0, 0), Some(Action::Send(1, Lane::Live)));
    outbox.sent(1, 200_000);
    outbox.takes(1, 333_000);
    outbox.carried(500);
    outbox.carried(3_000);
    for now in (1_000..=3_500).step_by(500) {
        assert_eq!(outbox.poll(now, 0), None, "at {now}");
    }
    assert_eq!(outbox.poll(4_500, 0), Some(Action::Send(1, Lane::Live)));
}
