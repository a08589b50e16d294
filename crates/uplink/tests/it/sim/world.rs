//! What happens to them, and when.

use std::collections::{BTreeSet, VecDeque};

use fenghuo_uplink::outbox::Timing;

use super::collector::{Collector, Disk};
use super::dice::Dice;
use super::server::{Log, Server};
use super::{Truth, Up};

/// How long a good link may need until all is delivered, in simulated milliseconds: the
/// longest wait to send again, the longest silence, and room for a window of 8.
const SETTLE_MS: u64 = 300_000;
/// How long reading goes on then, and how soon no more than a few frames wait.
const READING_MS: u64 = 150_000;
const CATCH_UP_MS: u64 = 140_000;
const FEW: u64 = 8;

/// Events of one kind in all runs, so that a test can see that they came.
#[derive(Default, Debug)]
pub struct Tally {
    pub frames: u64,
    /// That an older copy of the log had lost and got back.
    pub returned: u64,
    pub kills: u64,
    pub restores: u64,
    pub full: u64,
    pub lost_by_disk: u64,
    pub renewed: u64,
}

pub struct World {
    dice: Dice,
    pub collector: Collector,
    pub server: Server,
    pub truth: Truth,
    pub tally: Tally,
    disk_backup: Option<Disk>,
    log_backup: Option<Log>,
    lives: u8,
    up: VecDeque<Up>,
    down: VecDeque<Vec<u8>>,
    now: u64,
    written: u64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut collector = Collector::new(dice.roll(u64::MAX));
        collector.outbox.connected(0);
        Self {
            dice,
            collector,
            server: Server::new(Log::new(1)),
            truth: Truth::default(),
            tally: Tally::default(),
            disk_backup: None,
            log_backup: None,
            lives: 1,
            up: VecDeque::new(),
            down: VecDeque::new(),
            now: 0,
            written: 0,
        }
    }

    fn clock(&self) -> i64 {
        i64::try_from(self.now).unwrap()
    }

    /// Up to two seconds pass, and something happens.
    pub fn step(&mut self) {
        self.now += self.dice.roll(2_000);
        match self.dice.roll(200) {
            0..90 => self.read(),
            90..96 => self.cut(),
            96..100 => self.kill_collector(),
            100..104 => self.kill_server(),
            104..106 => self.disk_backup = Some(self.collector.disk.clone()),
            106 => self.restore_collector(),
            107..109 => self.log_backup = Some(self.server.log.clone()),
            109 => self.restore_server(),
            110 => self.replace_server(),
            111..113 => self.collector.is_full ^= true,
            113..115 => self.server.set_full(!self.server.is_full),
            115..119 => {
                let open = self.dice.roll(4);
                self.server.set_windows([open > 0, open != 1]);
            }
            119 => {
                let pick = self.dice.roll(1_000);
                self.collector.rot(pick);
            }
            // A long outage: what waits becomes backlog.
            120..122 => {
                self.now += 90_000;
                self.cut();
            }
            _ => {}
        }
        self.tally.full += u64::from(self.server.is_full);
        if !self.dice.one_in(3) {
            let clock = self.clock();
            self.collector.sync(clock, &mut self.truth);
        }
        self.collector
            .drive(self.now, &mut self.truth, &mut self.up);
        self.carry();
    }

    fn read(&mut self) {
        for _ in 0..=self.dice.roll(2) {
            self.written += 1;
            self.collector.read(self.written, self.clock());
        }
    }

    /// The collector's connection breaks and comes back; what a broker has may still arrive.
    fn cut(&mut self) {
        if !self.dice.one_in(3) {
            self.up.clear();
        }
        self.down.clear();
        self.collector.outbox.disconnected();
        self.collector.outbox.connected(self.now);
    }

    fn kill_collector(&mut self) {
        self.tally.kills += 1;
        let epoch = self.dice.roll(u64::MAX);
        let full = self.collector.is_full;
        self.collector.restart(epoch, self.clock());
        self.collector.is_full = full;
        self.cut();
    }

    /// Behind a broker of its own the server dies and the collector's connection stays;
    /// what is in the broker may still arrive.
    fn kill_server(&mut self) {
        self.tally.kills += 1;
        self.server.restart();
        match self.dice.roll(3) {
            0 => self.cut(),
            1 => self.up.clear(),
            _ => {}
        }
    }

    fn restore_collector(&mut self) {
        let Some(backup) = self.disk_backup.take() else {
            return;
        };
        self.tally.restores += 1;
        let lost = self.collector.contents();
        self.collector.disk = backup;
        let kept = self.collector.contents();
        for content in lost.difference(&kept) {
            self.truth.gone.insert(*content);
            self.truth.owed.remove(content);
            self.tally.lost_by_disk += 1;
        }
        self.kill_collector();
    }

    /// The server's disk is an older copy of itself; it does not know that it is.
    fn restore_server(&mut self) {
        let Some(backup) = self.log_backup.take() else {
            return;
        };
        self.tally.restores += 1;
        self.check_once();
        self.server.log = backup;
        self.server.restart();
        self.only_spooled_is_owed();
        self.forget_talk();
    }

    /// Another server, or the same one with an older copy of its log and a new id for it.
    fn replace_server(&mut self) {
        self.tally.restores += 1;
        self.check_once();
        self.lives += 1;
        let mut log = Log::new(self.lives);
        if self.dice.one_in(2)
            && let Some(backup) = self.log_backup.take()
        {
            let id = log.id;
            log = backup;
            log.id = id;
        }
        self.log_backup = None;
        self.server.log = log;
        self.server.restart();
        self.only_spooled_is_owed();
        self.forget_talk();
    }

    /// No receipt of the old life is under way when a disk has been changed.
    fn forget_talk(&mut self) {
        self.down.clear();
        if self.dice.one_in(2) {
            self.cut();
        }
    }

    /// What the old log had and this one has not is lost with it, unless it is spooled yet.
    fn only_spooled_is_owed(&mut self) {
        let mut owed = self.collector.contents();
        let here: BTreeSet<u64> = self.contents_logged().collect();
        self.truth.at_risk = owed.difference(&here).copied().collect();
        let logged = &self.truth.logged;
        self.truth
            .at_risk
            .retain(|content| logged.contains(content));
        owed.extend(here);
        owed.retain(|content| !self.truth.gone.contains(content));
        self.truth.owed = owed;
    }

    /// The link loses, repeats and reorders.
    fn carry(&mut self) {
        for _ in 0..self.dice.roll(12) {
            if !self.up.is_empty() {
                let at = self.dice.roll(self.up.len() as u64).min(self.dice.roll(4));
                let at = usize::try_from(at).unwrap();
                let message = self.up.get(at).cloned();
                if !self.dice.one_in(20) {
                    self.up.remove(at);
                }
                if !self.dice.one_in(10) {
                    message.into_iter().for_each(|up| self.server.take(up));
                }
            }
            if self.dice.one_in(3) {
                self.down.extend(self.server.commit(&mut self.truth));
            }
            if let Some(receipt) = self.down.pop_front() {
                let copies = [0, 1, 1, 1, 1, 1, 1, 2];
                for _ in 0..copies[usize::try_from(self.dice.roll(8)).unwrap()] {
                    self.collector.receipt(&receipt, self.now);
                }
            }
        }
    }

    /// From here on nothing breaks: all must be delivered, in bounded time. Sometimes reading
    /// goes on at first, over a last restored server, so that the server is never silent and nothing is mended by a hello for that.
    pub fn settle(&mut self) {
        self.collector.is_full = false;
        self.server.set_full(false);
        self.server.set_windows([true; 2]);
        let (begun, end) = (self.now, self.now + SETTLE_MS);
        let is_reading = self.dice.one_in(4);
        if is_reading {
            self.restore_server();
        }
        let mut has_caught_up = false;
        while self.now < end {
            self.now += 500;
            if !has_caught_up && self.collector.outbox.pending() <= FEW {
                has_caught_up = true;
                let here: BTreeSet<u64> = self.contents_logged().collect();
                self.tally.returned = self.truth.at_risk.intersection(&here).count() as u64;
            }
            assert!(
                has_caught_up || self.now < begun + CATCH_UP_MS,
                "backlog waits while live frames flow: {:?}",
                self.collector.outbox
            );
            if is_reading && self.now < begun + READING_MS && self.now % 1_000 < 500 {
                self.written += 1;
                self.collector.read(self.written, self.clock());
            }
            let clock = self.clock();
            self.collector.sync(clock, &mut self.truth);
            self.collector
                .drive(self.now, &mut self.truth, &mut self.up);
            while let Some(message) = self.up.pop_front() {
                self.server.take(message);
            }
            self.down.extend(self.server.commit(&mut self.truth));
            while let Some(receipt) = self.down.pop_front() {
                self.collector.receipt(&receipt, self.now);
            }
            // A server that was restored in silence is found out by the next hello.
            if self.now > begun + 2 * Timing::default().quiet_ms && self.collector.is_done() {
                self.tally.frames = self.written;
                self.tally.renewed = u64::from(self.server.renewed);
                return;
            }
        }
        panic!(
            "delivery does not come to its end: {:?}",
            self.collector.outbox
        );
    }

    fn contents_logged(&self) -> impl Iterator<Item = u64> {
        self.server.log.frames.iter().map(|frame| frame.content)
    }

    /// No log holds a number twice; looked at before a log goes, and at the end.
    fn check_once(&self) {
        let frames = &self.server.log.frames;
        let numbers: BTreeSet<_> = frames.iter().map(|f| (f.epoch, f.seq)).collect();
        assert_eq!(numbers.len(), frames.len(), "doubled in one log");
    }

    /// What was promised, at the end.
    pub fn check(&mut self) {
        self.check_once();
        let here: BTreeSet<u64> = self.contents_logged().collect();
        let frames = &self.server.log.frames;
        assert_eq!(here.len(), frames.len(), "a content is in one log twice");
        let missing: Vec<_> = self.truth.owed.difference(&here).collect();
        assert!(missing.is_empty(), "lost: {missing:?}");
    }
}
