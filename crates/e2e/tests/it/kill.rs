//! Kill -9 of collectors, server and broker at random times under load.
//!
//! What is known to be spooled is what the collectors' logs name after the commit; what the
//! log entries were is read from the server's log, which one run keeps whole. The seed is
//! printed; `FENGHUO_E2E_SEED` repeats the choice of victims and pauses (not the machine's
//! timing), `FENGHUO_E2E_KILLS` makes the run longer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use fastrand::Rng;
use fenghuo_e2e::collector::{Collector, modbus};
use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::history::Kept;
use fenghuo_e2e::log;
use fenghuo_e2e::mosquitto::Mosquitto;
use fenghuo_e2e::plc::Plc;
use fenghuo_e2e::server::{Server, Settings};

use crate::{counted, proof};

/// Kills in CI, where the log is kept and where it is trimmed.
const KILLS: u32 = 50;
const KILLS_TRIMMED: u32 = 24;
/// Collectors, one unit each.
const COLLECTORS: u8 = 3;
const COUNTERS: u16 = 60;
/// Between two reads of a collector.
const INTERVAL_MS: u32 = 100;
/// In the trimmed run the server is restarted in order after so many kills: it seals its
/// history then, and the log can be trimmed.
const ORDERLY_EVERY: u32 = 6;
/// Snapshots kept there, one a second: the oldest is what the last replay begins with.
const SNAPSHOTS: u32 = 12;
/// Reads that a kill may cost: those of one flush, and more on a machine that stalls.
const LOST_READS_MAX: usize = 10;
/// Longest time that a victim stays down, and that all run before the next kill.
const DOWN_MS: u64 = 600;
const UP_MS: u64 = 1_200;

/// Everything that can be killed, and the PLC that cannot.
struct World {
    rng: Rng,
    plc: Plc,
    broker: Mosquitto,
    server: Server,
    collectors: Vec<Collector>,
    kills: BTreeMap<&'static str, u32>,
}

fn seed() -> u64 {
    let given = std::env::var("FENGHUO_E2E_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |text| text.parse().unwrap());
    println!("seed {seed}: repeat with FENGHUO_E2E_SEED={seed}");
    seed
}

fn kills(usual: u32) -> u32 {
    let given = std::env::var("FENGHUO_E2E_KILLS").ok();
    given.map_or(usual, |text| text.parse().unwrap())
}

fn gateway(unit: u8) -> String {
    format!("plant{unit}/gw")
}

impl World {
    fn start(dir: &Path, trim: bool) -> Self {
        let points: Vec<_> = (1..=COLLECTORS)
            .map(|unit| counted::points(unit, COUNTERS))
            .collect();
        let plc = Plc::start(dir, &points.concat());
        let broker = Mosquitto::start(dir);
        let settings = Settings {
            broker: Some(broker.port),
            rules: counted::RULES.to_owned(),
            trim,
            snapshots: if trim { SNAPSHOTS } else { 2 },
            ..Settings::default()
        };
        let mut server = Server::new(dir, &settings);
        server.start();
        let collectors = (1..).zip(&points).map(|(unit, points)| {
            let sources = modbus(plc.port, INTERVAL_MS, points);
            Collector::new(dir, &gateway(unit), broker.port, &sources)
        });
        let mut collectors: Vec<_> = collectors.collect();
        for collector in &mut collectors {
            collector.start();
        }
        Self {
            rng: Rng::with_seed(seed()),
            plc,
            broker,
            server,
            collectors,
            kills: BTreeMap::new(),
        }
    }

    /// The only sleeps of these tests: they are the random times, not a synchronisation.
    fn pause(&mut self, most_ms: u64) {
        sleep(Duration::from_millis(self.rng.u64(0..most_ms)));
    }

    /// Kills something, and starts it again a moment later. It may be killed again before
    /// it is up; now and then two are down at once.
    fn strike(&mut self) {
        self.pause(UP_MS);
        let victim = self.rng.u8(0..3 + COLLECTORS);
        match victim {
            0 => self.strike_broker(),
            1 | 2 => self.strike_server(),
            _ => self.strike_collector(usize::from(victim - 3)),
        }
    }

    fn strike_broker(&mut self) {
        self.count("broker");
        self.broker.kill();
        self.pause(DOWN_MS);
        self.broker.restart();
    }

    fn strike_server(&mut self) {
        self.count("server");
        self.server.kill();
        self.pause(DOWN_MS);
        self.server.start_only();
    }

    fn strike_collector(&mut self, at: usize) {
        self.count("collector");
        self.collectors[at].kill();
        self.pause(DOWN_MS);
        self.collectors[at].start_only();
    }

    fn restart_server(&mut self) {
        self.server.wait_up();
        self.server.stop();
        self.server.start_only();
    }

    fn count(&mut self, what: &'static str) {
        *self.kills.entry(what).or_default() += 1;
    }

    /// Everything is up, and everything that was spooled is at the server. The PLC goes
    /// first. Answers how often each collector ran.
    fn settle(&mut self) -> Vec<usize> {
        self.server.wait_up();
        for collector in &mut self.collectors {
            collector.wait_up();
            collector.stop();
        }
        let runs = self.collectors.iter();
        let runs = runs.map(|it| it.runs() as usize).collect();
        proof::drain(&mut self.collectors, self.broker.port);
        runs
    }

    /// Every sample that was spooled is there once; nothing else is but frames that a kill
    /// kept from being named, at most the last of a run's.
    fn check_samples(&self, kept: &Kept, runs: &[usize]) {
        for ((unit, collector), runs) in (1..).zip(&self.collectors).zip(runs) {
            let gateway = gateway(unit);
            let runs = 1..=u32::try_from(*runs).unwrap();
            let spooled: Vec<_> = runs.flat_map(|run| collector.spooled_in(run)).collect();
            let samples = counted::check_spooled(kept, &gateway, &spooled);
            let lacks = counted::check_values(&self.plc, kept, &gateway, unit);
            let served = self.plc.served_once(&format!("u{unit}.count0"));
            let frames: BTreeSet<_> = kept
                .of(&gateway)
                .keys()
                .map(|id| (id.epoch, id.seq))
                .collect();
            let named: BTreeSet<_> = spooled
                .iter()
                .filter(|frame| frame.samples > 0)
                .map(|frame| (frame.epoch, frame.seq))
                .collect();
            println!(
                "{gateway}: {} runs spooled {} frames of {samples} samples, all in history \
                 once; {} reads of {} were lost before they were spooled; {} frames were \
                 spooled and not named",
                collector.runs(),
                spooled.len(),
                lacks.len(),
                served.values().map(BTreeSet::len).max().unwrap_or(0),
                frames.difference(&named).count()
            );
            assert!(samples > 0, "{gateway}");
            let runs = spooled
                .iter()
                .map(|frame| frame.epoch)
                .collect::<BTreeSet<_>>();
            assert!(
                lacks.len() <= LOST_READS_MAX * runs.len(),
                "{gateway}: {lacks:?}"
            );
        }
    }

    /// Every run says what may be missing before it.
    fn check_gaps(&self) {
        let collectors: Vec<_> = self.collectors.iter().collect();
        let gaps = proof::gaps(&self.server.data, &collectors);
        let killed = self.kills.get("collector").copied().unwrap_or(0);
        println!(
            "{gaps} runs after the first of a gateway began with a gap record; {killed} kills"
        );
    }
}

fn run(trim: bool, kills: u32, replay: &[&str]) {
    let dir = Folder::new();
    let begun = Instant::now();
    let mut world = World::start(dir.path(), trim);
    for kill in 1..=kills {
        world.strike();
        if trim && kill % ORDERLY_EVERY == 0 {
            world.restart_server();
        }
    }
    let runs = world.settle();
    world.server.wait_up();
    let raised = proof::events(&world.server);
    assert!(raised > 0, "the saw tooth raises alarms all the time");
    let kept = world.server.stop_and_read();
    println!(
        "{kills} kills in {} s: {:?}",
        begun.elapsed().as_secs(),
        world.kills
    );
    world.check_samples(&kept, &runs);
    if trim {
        let first = log::first(&world.server.data);
        println!("the log begins at {first}");
        assert!(first > 1, "nothing was trimmed");
    } else {
        world.check_gaps();
    }
    println!("{}", world.server.prove(replay));
}

#[test]
fn nothing_is_lost_or_doubled_by_kills_and_the_log_folds_to_the_journal() {
    run(false, kills(KILLS), &[]);
}

#[test]
fn a_trimmed_log_folds_from_its_oldest_snapshot_to_the_journal() {
    run(true, kills(KILLS_TRIMMED), &["--from-snapshot"]);
}
