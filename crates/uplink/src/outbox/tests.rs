//! Single decisions of the outbox. The whole of it, with a link and a server that break, is
//! played in `tests/it`.

use super::*;
use crate::receipt::{EpochReceipt, Receipt, RefusalReason};

mod receipts;
mod slow;

const WINDOW: Window = Window {
    frames: 8,
    bytes: 1_000,
};

fn plain(next: u64, oldest_watermark: i64, clock: i64) -> Outbox {
    let start = Start {
        nonce_seed: 7,
        first: 1,
        oldest: 1,
        next,
        oldest_watermark: Some(oldest_watermark),
        epochs: vec![EpochSpan {
            epoch: 5,
            first: 1,
            last: next - 1,
        }],
        ..Start::default()
    };
    Outbox::new(Timing::default(), &start, clock)
}

fn greet(outbox: &mut Outbox) -> Receipt {
    outbox.connected(0);
    let Some(Action::Hello(nonce)) = outbox.poll(0, 0) else {
        panic!("no hello");
    };
    Receipt {
        nonce,
        live: WINDOW,
        backlog: WINDOW,
        ..Receipt::default()
    }
}

#[test]
fn nothing_is_sent_or_trimmed_before_a_live_receipt() {
    let mut outbox = plain(10, 0, 0);
    let mut receipt = greet(&mut outbox);
    assert_eq!(outbox.poll(0, 0), None);
    receipt.epochs = vec![EpochReceipt {
        epoch: 5,
        ranges: vec![(1, 9)],
    }];
    receipt.nonce ^= 2;
    assert!(
        !outbox.receipt(&receipt, 1),
        "a receipt of another hello was believed"
    );
    assert_eq!(outbox.poll(1, 0), None);
    assert_eq!(outbox.pending(), 9);
    receipt.nonce ^= 2;
    assert!(outbox.receipt(&receipt, 1));
    assert_eq!(outbox.poll(1, 0), Some(Action::Trim(10)));
}

#[test]
fn live_frames_overtake_a_day_of_backlog() {
    let day = 86_400_000;
    let mut outbox = plain(5_000, 0, day);
    let receipt = greet(&mut outbox);
    outbox.spooled(5_000, 5, day, day);
    assert!(outbox.receipt(&receipt, 1));
    assert_eq!(outbox.poll(1, day), Some(Action::Send(5_000, Lane::Live)));
    assert_eq!(outbox.poll(1, day), Some(Action::Send(1, Lane::Backlog)));
    outbox.spooled(5_001, 5, day + 500, day + 500);
    assert_eq!(outbox.poll(2, day), Some(Action::Send(5_001, Lane::Live)));
}

#[test]
fn a_window_of_zero_stops_a_lane() {
    let mut outbox = plain(100, 0, 86_400_000);
    let mut receipt = greet(&mut outbox);
    receipt.backlog = Window::default();
    outbox.receipt(&receipt, 1);
    assert_eq!(outbox.poll(1, 86_400_000), None);
    outbox.spooled(100, 5, 86_400_000, 86_400_000);
    assert_eq!(
        outbox.poll(1, 86_400_000),
        Some(Action::Send(100, Lane::Live))
    );
    assert_eq!(outbox.poll(1, 86_400_000), None);
}

#[test]
fn a_lost_receipt_never_leaves_the_outbox_mute() {
    let mut outbox = plain(10, 0, 0);
    let mut receipt = greet(&mut outbox);
    receipt.live = Window::default();
    receipt.backlog = Window::default();
    outbox.receipt(&receipt, 1);
    assert_eq!(outbox.poll(2, 0), None, "the server said stop");
    // The receipt that opens the window again is lost; the deadline wakes the driver.
    let due = outbox.deadline().unwrap();
    assert!(matches!(outbox.poll(due, 0), Some(Action::Hello(_))));
}

#[test]
fn a_spool_of_unknown_age_is_backlog() {
    let start = Start {
        first: 1,
        oldest: 1,
        next: 100,
        ..Start::default()
    };
    let outbox = Outbox::new(Timing::default(), &start, 0);
    assert_eq!(outbox.live_from(), 100);
}

#[test]
fn a_lost_frame_comes_again_with_growing_waits() {
    let mut outbox = plain(2, 0, 0);
    let receipt = greet(&mut outbox);
    outbox.receipt(&receipt, 0);
    let mut sends = Vec::new();
    for now in 0..200_000 {
        if let Some(Action::Send(1, _)) = outbox.poll(now, 0) {
            sends.push(now);
        }
        // The server answers, but never for this frame.
        outbox.receipt(&receipt, now);
    }
    let waits: Vec<_> = sends.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(sends.len() >= 5, "{sends:?}");
    assert!(
        waits
            .windows(2)
            .all(|pair| pair[1] >= pair[0] || pair[1] >= 60_000),
        "{waits:?}"
    );
    assert!(
        waits.iter().all(|wait| (3_000..=75_000).contains(wait)),
        "{waits:?}"
    );
}

#[test]
fn a_refused_frame_is_told_once_and_not_sent_again() {
    let mut outbox = plain(4, 0, 0);
    let mut receipt = greet(&mut outbox);
    let refusal = Refusal {
        epoch: 5,
        seq: 2,
        why: RefusalReason::Conflict,
    };
    receipt.refused = vec![refusal];
    outbox.receipt(&receipt, 0);
    outbox.receipt(&receipt, 0);
    assert_eq!(outbox.poll(0, 0), Some(Action::Refused(refusal)));
    assert_eq!(outbox.poll(0, 0), Some(Action::NewEpoch));
    assert_eq!(outbox.poll(0, 0), Some(Action::Send(1, Lane::Live)));
    assert_eq!(outbox.poll(0, 0), Some(Action::Send(3, Lane::Live)));
    assert_eq!(outbox.poll(0, 0), None);
}

#[test]
fn a_new_log_gets_everything_that_is_still_spooled() {
    let mut outbox = plain(4, 0, 0);
    let mut receipt = greet(&mut outbox);
    receipt.epochs = vec![EpochReceipt {
        epoch: 5,
        ranges: vec![(2, 3)],
    }];
    outbox.receipt(&receipt, 0);
    assert_eq!(outbox.poll(0, 0), Some(Action::Send(1, Lane::Live)));
    receipt.log_id = [9; 16];
    receipt.epochs.clear();
    outbox.receipt(&receipt, 0);
    let Some(Action::Hello(nonce)) = outbox.poll(0, 0) else {
        panic!("the other log is asked what it has");
    };
    outbox.receipt(&Receipt { nonce, ..receipt }, 0);
    let sent: Vec<_> = std::iter::from_fn(|| outbox.poll(0, 0)).collect();
    assert_eq!(sent, [1, 2, 3].map(|seq| Action::Send(seq, Lane::Live)));
}

#[test]
fn what_was_receipted_is_offered_to_a_log_that_lost_it_while_it_is_spooled() {
    let mut outbox = plain(6, 0, 0);
    let mut receipt = greet(&mut outbox);
    receipt.epochs = vec![EpochReceipt {
        epoch: 5,
        ranges: vec![(1, 5)],
    }];
    outbox.receipt(&receipt, 0);
    assert_eq!(outbox.poll(0, 0), Some(Action::Trim(6)));
    outbox.gone_below(3);
    let mut receipt = greet(&mut outbox);
    assert_eq!((outbox.verify_from(), outbox.oldest()), (3, 6));
    outbox.receipt(&receipt, 0);
    let sent: Vec<_> = std::iter::from_fn(|| outbox.poll(0, 0)).collect();
    let again = [3, 4, 5].map(|seq| Action::Send(seq, Lane::Backlog));
    assert_eq!(sent[0], Action::Trim(3));
    assert_eq!(sent[1..], again);
    receipt.refused = vec![Refusal {
        epoch: 5,
        seq: 4,
        why: RefusalReason::Invalid,
    }];
    outbox.receipt(&receipt, 0);
    assert_eq!(outbox.poll(0, 0), Some(Action::Refused(receipt.refused[0])));
    outbox.offer_again(1, 9, 0);
    let receipt = greet(&mut outbox);
    outbox.receipt(&receipt, 0);
    let sent: Vec<_> = std::iter::from_fn(|| outbox.poll(0, 0)).collect();
    assert!(sent.contains(&again[1]), "{sent:?}");
}

#[test]
fn an_older_copy_of_the_same_log_gets_what_it_had_and_has_not() {
    let mut outbox = plain(6, 0, 0);
    let mut receipt = greet(&mut outbox);
    receipt.epochs = vec![EpochReceipt {
        epoch: 5,
        ranges: vec![(2, 5)],
    }];
    outbox.receipt(&receipt, 0);
    assert_eq!(outbox.poll(0, 0), Some(Action::Send(1, Lane::Live)));
    // The server restarts over a backup: the log id is the same, the frames are not there.
    receipt.nonce = 0;
    assert!(!outbox.receipt(&receipt, 1));
    let Some(Action::Hello(nonce)) = outbox.poll(1, 0) else {
        panic!("no hello");
    };
    receipt.nonce = nonce;
    receipt.epochs[0].ranges = vec![(2, 3)];
    outbox.receipt(&receipt, 1);
    let sent: Vec<_> = std::iter::from_fn(|| outbox.poll(1, 0)).collect();
    assert_eq!(sent, [1, 4, 5].map(|seq| Action::Send(seq, Lane::Live)));
}

#[test]
fn a_frame_that_was_given_up_is_never_said_to_be_receipted() {
    let mut outbox = plain(6, 0, 0);
    let mut receipt = greet(&mut outbox);
    receipt.epochs = vec![EpochReceipt {
        epoch: 5,
        ranges: vec![(1, 3)],
    }];
    let why = RefusalReason::Invalid;
    receipt.refused = vec![Refusal {
        epoch: 5,
        seq: 4,
        why,
    }];
    outbox.receipt(&receipt, 0);
    outbox.lost(5);
    assert_eq!(outbox.oldest(), 5, "nothing is freed but on a receipt");
    outbox.receipt(&receipt, 1);
    assert_eq!((outbox.oldest(), outbox.receipted()), (6, Some((3, 5))));
    receipt.log_id = [9; 16];
    outbox.receipt(&receipt, 1);
    assert_eq!(outbox.receipted(), None, "the new log has not got it");
}

#[test]
fn what_cannot_go_yet_is_not_waited_for_in_a_circle() {
    let mut outbox = plain(6, 0, 0);
    let mut receipt = greet(&mut outbox);
    outbox.receipt(&receipt, 0);
    while outbox.poll(0, 0).is_some() {}
    let due = outbox.deadline().unwrap();
    assert!((3_000..5_000).contains(&due), "{due}");
    receipt.live = Window::default();
    outbox.receipt(&receipt, due);
    assert_eq!(outbox.poll(due + 1, 0), None);
    assert_eq!(outbox.deadline(), Some(due + Timing::default().quiet_ms));
}

#[test]
fn another_catalog_goes_before_the_frames_that_name_it() {
    let catalog = CatalogId([9; 16]);
    let mut outbox = plain(1, 0, 0);
    // Without a connection the next hello names it.
    outbox.tell_catalog(CatalogId([8; 16]));
    let receipt = greet(&mut outbox);
    assert!(outbox.receipt(&receipt, 1));
    outbox.tell_catalog(catalog);
    outbox.spooled(1, 5, 0, 1);
    assert_eq!(outbox.poll(2, 2), Some(Action::Catalog(catalog)));
    assert_eq!(outbox.poll(2, 2), Some(Action::Send(1, Lane::Live)));
}
