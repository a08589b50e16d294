//! The outbox against a lossy link and an inbox, with crashes and restores on both sides.

use std::collections::BTreeMap;

use super::*;
use crate::inbox::{Inbox, Offer};
use crate::receipt::RefusalReason;

/// A small generator of our own, so that a seed means the same run everywhere (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

const WINDOW: Window = Window {
    frames: 8,
    bytes: 1_000,
};

#[derive(Clone, Default)]
struct Disk {
    /// seq -> (epoch, content)
    frames: BTreeMap<u64, (u64, u64)>,
    next: u64,
    log_id: Option<[u8; 16]>,
}

#[derive(Clone, Default)]
struct Server {
    inbox: Inbox,
    log_id: [u8; 16],
    log: Vec<(u64, u64, u64)>,
    nonce: u64,
}

enum Up {
    Hello(u64),
    Frame {
        epoch: u64,
        seq: u64,
        content: u64,
        oldest: u64,
    },
}

struct World {
    dice: Dice,
    disk: Disk,
    backup: Option<Disk>,
    server: Server,
    old_logs: Vec<Vec<(u64, u64, u64)>>,
    outbox: Outbox,
    epoch: u64,
    up: VecDeque<Up>,
    down: VecDeque<Receipt>,
    now: u64,
    written: u64,
    /// Contents that went with a disk that was replaced by an older copy of itself before
    /// they were receipted: nobody has them any more.
    burnt: BTreeSet<u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let disk = Disk {
            next: 1,
            ..Disk::default()
        };
        let mut world = Self {
            dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            outbox: start(&disk, 0, seed),
            disk,
            backup: None,
            server: Server {
                log_id: [1; 16],
                ..Server::default()
            },
            old_logs: Vec::new(),
            epoch: 1,
            up: VecDeque::new(),
            down: VecDeque::new(),
            now: 0,
            written: 0,
            burnt: BTreeSet::new(),
        };
        world.outbox.connected(0);
        world
    }

    fn spool(&mut self) {
        let seq = self.disk.next;
        self.written += 1;
        self.disk.frames.insert(seq, (self.epoch, self.written));
        self.disk.next += 1;
        let clock = i64::try_from(self.now).unwrap();
        self.outbox.spooled(seq, self.epoch, clock, clock);
    }

    fn drive(&mut self) {
        let clock = i64::try_from(self.now).unwrap();
        for _ in 0..64 {
            match self.outbox.poll(self.now, clock) {
                None => return,
                Some(Action::Hello(nonce)) => self.up.push_back(Up::Hello(nonce)),
                Some(Action::Send(seq, lane)) => {
                    assert_eq!(lane == Lane::Live, seq >= self.outbox.live_from());
                    let (epoch, content) = self.disk.frames[&seq];
                    self.outbox.sent(seq, 10);
                    let oldest = self.outbox.oldest();
                    self.up.push_back(Up::Frame {
                        epoch,
                        seq,
                        content,
                        oldest,
                    });
                }
                Some(Action::Trim(below)) => {
                    self.disk.log_id = self.outbox.log_id();
                    self.disk.frames = self.disk.frames.split_off(&below);
                }
                Some(other) => panic!("{other:?}"),
            }
        }
    }

    fn serve(&mut self, message: Up) {
        let server = &mut self.server;
        let mut receipt = Receipt {
            log_id: server.log_id,
            live: WINDOW,
            backlog: WINDOW,
            ..Receipt::default()
        };
        match message {
            Up::Hello(nonce) => {
                server.nonce = nonce;
                let epochs = self.outbox.epochs().map(|span| span.epoch);
                let oldest = self.outbox.oldest();
                receipt.epochs = epochs
                    .map(|epoch| server.inbox.receipt(epoch, oldest))
                    .collect();
            }
            Up::Frame {
                epoch,
                seq,
                content,
                oldest,
            } => {
                let crc = u32::try_from(content).unwrap();
                match server.inbox.offer(epoch, seq, crc) {
                    Offer::New => {
                        server.inbox.accept(epoch, seq, crc);
                        server.log.push((epoch, seq, content));
                    }
                    Offer::Duplicate => {}
                    Offer::Conflict => panic!("an epoch is drawn at each start"),
                }
                receipt.epochs = vec![server.inbox.receipt(epoch, oldest)];
            }
        }
        receipt.nonce = server.nonce;
        self.down.push_back(receipt);
    }

    fn restart_collector(&mut self) {
        self.epoch = self.dice.roll(u64::MAX);
        self.outbox = start(&self.disk, i64::try_from(self.now).unwrap(), self.epoch);
        self.cut();
    }

    fn cut(&mut self) {
        self.up.clear();
        self.down.clear();
        self.outbox.disconnected();
        self.outbox.connected(self.now);
    }

    fn step(&mut self) {
        self.now += self.dice.roll(2_000);
        match self.dice.roll(100) {
            0..45 => self.spool(),
            45..48 => self.cut(),
            48..50 => self.restart_collector(),
            50..52 => {
                // The server restarts: its log and inbox are one transaction, its talk is not.
                self.server.nonce = 0;
                self.cut();
            }
            52 => self.backup = Some(self.disk.clone()),
            53 => self.restore_collector(),
            54 => self.replace_server(),
            _ => {}
        }
        self.drive();
        self.carry();
    }

    fn restore_collector(&mut self) {
        if let Some(backup) = self.backup.take() {
            let lost = self.disk.frames.values().map(|(_, content)| *content);
            let kept: BTreeSet<_> = backup
                .frames
                .values()
                .map(|(_, content)| *content)
                .collect();
            self.burnt
                .extend(lost.filter(|content| !kept.contains(content)));
            self.disk = backup;
            self.restart_collector();
        }
    }

    fn replace_server(&mut self) {
        let byte = u8::try_from(2 + self.old_logs.len()).unwrap();
        let new = Server {
            log_id: [byte; 16],
            ..Server::default()
        };
        let old = std::mem::replace(&mut self.server, new);
        self.old_logs.push(old.log);
        self.cut();
    }

    /// The link loses, repeats and reorders.
    fn carry(&mut self) {
        for _ in 0..self.dice.roll(12) {
            if !self.up.is_empty() {
                let at = self.dice.roll(self.up.len() as u64).min(self.dice.roll(4));
                let at = usize::try_from(at).unwrap();
                if self.dice.roll(10) > 0
                    && let Some(message) = self.up.remove(at)
                {
                    self.serve(message);
                }
            }
            if let Some(receipt) = self.down.pop_front() {
                let copies = [0, 1, 1, 1, 1, 1, 1, 2][usize::try_from(self.dice.roll(8)).unwrap()];
                for _ in 0..copies {
                    self.outbox.receipt(&receipt, self.now);
                }
            }
        }
    }

    fn settle(&mut self) {
        for _ in 0..2_000 {
            self.now += 1_000;
            self.drive();
            while let Some(message) = self.up.pop_front() {
                self.serve(message);
            }
            while let Some(receipt) = self.down.pop_front() {
                self.outbox.receipt(&receipt, self.now);
            }
            if self.outbox.pending() == 0 {
                self.drive();
                return;
            }
        }
        panic!("delivery does not come to its end: {:?}", self.outbox);
    }
}

fn start(disk: &Disk, clock: i64, seed: u64) -> Outbox {
    let mut epochs: Vec<EpochSpan> = Vec::new();
    for (&seq, &(epoch, _)) in &disk.frames {
        match epochs.last_mut() {
            Some(span) if span.epoch == epoch => span.last = seq,
            _ => epochs.push(EpochSpan {
                epoch,
                first: seq,
                last: seq,
            }),
        }
    }
    let start = Start {
        nonce_seed: seed,
        log_id: disk.log_id,
        oldest: disk.frames.keys().next().copied().unwrap_or(disk.next),
        next: disk.next,
        oldest_watermark: disk.frames.keys().next().map(|_| 0),
        epochs,
        refused: Vec::new(),
    };
    Outbox::new(Timing::default(), &start, clock)
}

fn run(seed: u64) -> (u64, usize) {
    let mut world = World::new(seed);
    for _ in 0..400 {
        world.step();
    }
    world.settle();
    // No log holds a number twice.
    let logs = world.old_logs.iter().chain([&world.server.log]);
    let mut everywhere = BTreeSet::new();
    for log in logs {
        let ids: BTreeSet<_> = log.iter().map(|(epoch, seq, _)| (epoch, seq)).collect();
        assert_eq!(ids.len(), log.len(), "seed {seed}: doubled in one log");
        everywhere.extend(log.iter().map(|(_, _, content)| *content));
    }
    for content in 1..=world.written {
        assert!(
            everywhere.contains(&content) || world.burnt.contains(&content),
            "seed {seed}: content {content} is lost"
        );
    }
    assert!(
        world.disk.frames.is_empty(),
        "seed {seed}: receipted frames were not freed"
    );
    (world.written, world.old_logs.len())
}

#[test]
fn nothing_is_lost_or_doubled_over_a_lossy_link_with_crashes_and_restores() {
    let (mut frames, mut replaced) = (0, 0);
    for seed in 1..=1_000 {
        let (written, servers) = run(seed);
        frames += written;
        replaced += servers;
    }
    assert!(frames > 100_000 && replaced > 1_000, "{frames} {replaced}");
}

fn plain(next: u64, oldest_watermark: i64, clock: i64) -> Outbox {
    let start = Start {
        nonce_seed: 7,
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

use crate::receipt::EpochReceipt;

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
    let sent: Vec<_> = std::iter::from_fn(|| outbox.poll(0, 0)).collect();
    assert_eq!(sent, [1, 2, 3].map(|seq| Action::Send(seq, Lane::Live)));
}
