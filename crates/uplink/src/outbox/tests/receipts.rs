//! Receipts that do not fit what is spooled: conflicts, other people's numbers, absurd sizes.

use super::*;
use crate::receipt::LIST_MAX;

fn durable(epoch: u64, ranges: &[(u64, u64)]) -> Vec<EpochReceipt> {
    vec![EpochReceipt {
        epoch,
        ranges: ranges.to_vec(),
    }]
}

fn refusal(seq: u64, why: RefusalReason) -> Refusal {
    Refusal { epoch: 5, seq, why }
}

fn rest(outbox: &mut Outbox) -> Vec<Action> {
    std::iter::from_fn(|| outbox.poll(0, 0)).collect()
}

#[test]
fn a_refusal_is_taken_wherever_its_run_stands_in_the_spool() {
    let span = |first, last| EpochSpan {
        epoch: 5,
        first,
        last,
    };
    let start = Start {
        first: 1,
        oldest: 1,
        next: 7,
        // One run with two catalogs.
        epochs: vec![span(1, 3), span(4, 6)],
        ..Start::default()
    };
    let mut outbox = Outbox::new(Timing::default(), &start, 0);
    let mut receipt = greet(&mut outbox);
    receipt.epochs = durable(5, &[(1, 4), (6, 6)]);
    receipt.refused = vec![refusal(5, RefusalReason::Invalid)];
    outbox.receipt(&receipt, 0);
    let refused = Action::Refused(receipt.refused[0]);
    assert_eq!(rest(&mut outbox), [refused, Action::Trim(7)]);
}

#[test]
fn a_conflict_is_no_delivery_though_its_number_is_receipted() {
    let mut outbox = plain(4, 0, 0);
    let mut receipt = greet(&mut outbox);
    receipt.epochs = durable(5, &[(1, 3)]);
    receipt.refused = vec![refusal(3, RefusalReason::Conflict)];
    outbox.receipt(&receipt, 0);
    let said = [
        Action::Refused(receipt.refused[0]),
        Action::NewEpoch,
        Action::Trim(4),
    ];
    assert_eq!(rest(&mut outbox), said);
    assert_eq!(outbox.receipted(), Some((2, 5)));
}

/// A machine that runs on from a snapshot of its memory gives numbers a second time.
#[test]
fn numbers_that_the_server_has_already_are_not_given_again() {
    let mut outbox = plain(4, 0, 0);
    outbox.spooled(4, 6, 0, 0);
    let mut receipt = greet(&mut outbox);
    receipt.epochs = durable(6, &[(4, 6)]);
    outbox.receipt(&receipt, 0);
    outbox.receipt(&receipt, 0);
    let said = rest(&mut outbox);
    let again = said.iter().filter(|action| **action == Action::NewEpoch);
    assert_eq!(again.count(), 1, "{said:?}");
    // Written before the spool heard of it.
    outbox.spooled(5, 6, 0, 0);
    outbox.spooled(6, 6, 0, 0);
    outbox.spooled(7, 9, 0, 0);
    let conflict = |seq| {
        let why = RefusalReason::Conflict;
        Action::Refused(Refusal { epoch: 6, seq, why })
    };
    let next = Action::Send(7, Lane::Live);
    assert_eq!(rest(&mut outbox), [conflict(5), conflict(6), next]);
}

#[test]
fn an_older_copy_of_the_spool_is_no_second_machine() {
    let mut outbox = plain(4, 0, 0);
    let mut receipt = greet(&mut outbox);
    receipt.epochs = durable(5, &[(1, 900)]);
    outbox.receipt(&receipt, 0);
    assert_eq!(rest(&mut outbox), [Action::Trim(4)]);
}

#[test]
fn an_absurd_receipt_asks_for_no_more_than_a_bound() {
    let mut outbox = plain(100_000, 0, 0);
    let mut receipt = greet(&mut outbox);
    let most = Window {
        frames: u32::MAX,
        bytes: u32::MAX,
    };
    (receipt.live, receipt.backlog) = (most, most);
    for round in 0..9_u8 {
        let id = |at: u16| {
            CatalogId(
                [round, at.to_le_bytes()[0], 7].repeat(6)[..16]
                    .try_into()
                    .unwrap(),
            )
        };
        receipt.want_catalogs = (0..256).map(id).collect();
        receipt.epochs = durable(5, &[(0, 0), (u64::MAX - 1, u64::MAX)]);
        outbox.receipt(&receipt, 0);
    }
    let said = rest(&mut outbox);
    let catalogs = said
        .iter()
        .filter(|said| matches!(said, Action::Catalog(_)));
    assert_eq!(catalogs.count(), LIST_MAX);
    let sent = said.iter().filter(|said| matches!(said, Action::Send(..)));
    assert_eq!(sent.count(), FLIGHTS_MAX);
}
