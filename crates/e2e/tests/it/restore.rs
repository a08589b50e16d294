//! Disks that come and go: a server that lost its data, a collector that got an old copy of
//! its spool back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fenghuo_e2e::collector::{Collector, modbus};
use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::history::{Kept, Row};
use fenghuo_e2e::plc::Plc;
use fenghuo_e2e::server::{Server, Settings};
use fenghuo_e2e::wait;
use fenghuo_model::SampleId;

use crate::counted;

const GATEWAY: &str = "mine/gw1";
const COUNTERS: u16 = 20;
/// Between two reads.
const INTERVAL_MS: u32 = 50;
/// Frames that are delivered, or held back, before the disks change.
const FRAMES: usize = 15;

struct Plant {
    plc: Plc,
    server: Server,
    collector: Collector,
}

impl Plant {
    fn start(dir: &Path) -> Self {
        let points = counted::points(1, COUNTERS);
        let plc = Plc::start(dir, &points);
        let settings = Settings {
            rules: counted::RULES.to_owned(),
            ..Settings::default()
        };
        let mut server = Server::new(dir, &settings);
        server.start();
        let sources = modbus(plc.port, INTERVAL_MS, &points);
        let mut collector = Collector::new(dir, GATEWAY, server.mqtt, &sources);
        collector.start();
        Self {
            plc,
            server,
            collector,
        }
    }

    /// Waits until so many more frames are spooled.
    fn spool(&self, frames: usize) {
        let before = self.collector.spooled().len();
        wait::until(wait::LONG, "frames to be spooled", || {
            self.collector.spooled().len() >= before + frames
        });
    }

    /// Waits until so many more frames are receipted.
    fn deliver(&mut self, frames: usize) {
        let receipted = || {
            self.collector
                .delivery("frames_receipted_total")
                .unwrap_or(0.0) as usize
        };
        let before = receipted();
        wait::until(wait::LONG, "frames to be receipted", || {
            receipted() >= before + frames
        });
        self.collector.wait_delivered();
    }

    /// Every value served is there, but for the read that each stop broke off.
    fn check(&self, kept: &Kept) {
        let spooled = self.collector.spooled();
        let count = counted::check_spooled(kept, GATEWAY, &spooled);
        let lacks = counted::check_values(&self.plc, kept, GATEWAY, 1);
        let stops = self.collector.runs() as usize;
        assert!(
            lacks.len() <= stops,
            "{lacks:?} are missing after {stops} stops"
        );
        println!(
            "{count} samples of {} spooled frames are in history, {} of {} values were broken off",
            spooled.len(),
            lacks.len(),
            self.plc.served_once("u1.count0")["u1.count0"].len()
        );
    }
}

#[test]
fn a_server_that_lost_its_data_gets_what_the_spool_has() {
    let dir = Folder::new();
    let mut plant = Plant::start(dir.path());
    plant.deliver(FRAMES);
    plant.server.kill();
    plant.spool(FRAMES);

    let lost = dir.path().join("lost-data");
    fs::rename(&plant.server.data, &lost).unwrap();
    plant.server.start();
    plant.deliver(FRAMES);
    plant.collector.stop();
    let new = plant.server.stop_and_read();

    // Another server closes the books of the old disk, which was torn from a running one.
    let settings = Settings {
        data: Some(lost),
        ..Settings::default()
    };
    let mut old_server = Server::new(&dir.path().join("old"), &settings);
    old_server.start();
    let old = old_server.stop_and_read();

    let (union, overlap) = unite(old.of(GATEWAY), new.of(GATEWAY));
    println!("{overlap} samples were durable on the lost disk and not receipted");
    let fresh = new.of(GATEWAY).len() - overlap;
    assert!(
        fresh > FRAMES * usize::from(COUNTERS),
        "{fresh} new samples"
    );
    let gateways = BTreeMap::from([(GATEWAY.to_owned(), union)]);
    plant.check(&Kept {
        gateways,
        ..Kept::default()
    });
    println!("{}", plant.server.prove(&[]));
}

/// Both histories as one. What both have must be the same.
fn unite(
    old: &BTreeMap<SampleId, Row>,
    new: &BTreeMap<SampleId, Row>,
) -> (BTreeMap<SampleId, Row>, usize) {
    let (mut union, mut overlap) = (old.clone(), 0);
    for (id, row) in new {
        if let Some(before) = union.insert(*id, row.clone()) {
            assert_eq!(&before, row, "{id:?}");
            overlap += 1;
        }
    }
    (union, overlap)
}

#[test]
fn an_old_copy_of_a_spool_loses_and_doubles_nothing() {
    let dir = Folder::new();
    let mut plant = Plant::start(dir.path());
    plant.deliver(FRAMES);
    plant.server.stop();
    plant.spool(FRAMES);
    plant.collector.stop();
    let copy = dir.path().join("copy");
    copy_folder(&plant.collector.spool(), &copy);

    plant.server.start();
    plant.collector.start();
    plant.deliver(FRAMES);
    plant.collector.stop();

    // The copy holds frames that the server has, and knows nothing of those after it.
    fs::remove_dir_all(plant.collector.spool()).unwrap();
    copy_folder(&copy, &plant.collector.spool());
    plant.collector.start();
    plant.deliver(FRAMES);
    let gateway = plant.server.gateway(GATEWAY).unwrap();
    println!("{} frames came again", gateway["duplicates"]);
    assert_eq!(gateway["refused"], 0, "{gateway}");
    plant.collector.stop();
    let kept = plant.server.stop_and_read();
    plant.check(&kept);
    println!("{}", plant.server.prove(&[]));
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
