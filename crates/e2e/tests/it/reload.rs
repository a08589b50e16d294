//! The configuration is loaded again and again while a PLC is read: history has what was served,
//! under the right points, and custody tells of every read.

use std::collections::BTreeSet;

use fenghuo_e2e::collector::{Collector, modbus_over};
use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::plc::Plc;
use fenghuo_e2e::point::{Point, Wave};
use fenghuo_e2e::server::{Server, Settings};
use fenghuo_e2e::wait;

use crate::counted;
use crate::custody::{HOUR_MS, assert_whole, caused, custody, sum, wall_ms};

const GATEWAY: &str = "oil/gw1";
const INTERVAL_MS: u32 = 50;
/// A point that is read like the others, and told once.
const HELD: &str = "u1.held";

/// A line of its own for a unit.
fn line(name: &str, plc: &Plc, points: &[Point]) -> String {
    let line = modbus_over(&plc.keys(), INTERVAL_MS, points);
    line.replace("name = \"plc\"", &format!("name = {name:?}"))
}

fn counters(unit: u8, count: u16) -> Vec<Point> {
    let point = |at: u16| Point {
        unit,
        ..Point::new(&format!("u{unit}.count{at}"), "holding", at * 2, "u32").wave(Wave::Count)
    };
    (0..count).map(point).collect()
}

#[test]
fn history_has_every_value_of_every_configuration_under_its_point() {
    let dir = Folder::new();
    let from = wall_ms() / HOUR_MS * HOUR_MS;
    let (mut stays, moves) = (counters(1, 3), counters(2, 4));
    stays.push(Point::new(HELD, "holding", 20, "u32").wave(Wave::Count));
    let mut plc = Plc::start(dir.path(), &[stays.clone(), moves.clone()].concat());
    let mut server = Server::new(dir.path(), &Settings::default());
    server.start();
    let key = format!("key = {HELD:?}\n");
    let held = format!("{key}deadband = 1000000.0\nheartbeat_ms = 600000\n");
    let one = line("one", &plc, &stays).replace(&key, &held);
    let files = [
        one.clone() + &line("two", &plc, &moves),
        line("two", &plc, &moves[..2]) + &one,
        one.clone(),
        line("two", &plc, &moves[1..]) + &one,
    ];
    let mut collector = Collector::new(dir.path(), GATEWAY, server.mqtt, &files[0]);
    collector.start();
    let reads = |more: usize| {
        let count = || plc.served().get("u1.count0").map_or(0, Vec::len);
        let before = count();
        wait::until(wait::LONG, "the plc to serve", || count() >= before + more);
    };
    reads(10);
    for round in 1..=8 {
        collector.reload(&files[round % files.len()]);
        reads(5);
    }
    let opened = "source_connects_total{result=\"opened\",source=\"one\"}";
    assert_eq!(collector.figure(opened), Some(1.0), "never connected anew");
    // A stop may leave its last frames to the next run.
    collector.stop();
    let served = plc.served();
    collector.start();
    reads(5);
    collector.wait_delivered();

    let cells = custody(&server, from, "u1.count0");
    assert_whole(&cells);
    let all = served["u1.count0"].len() as u64;
    assert!(sum(&cells, "good") + 1 >= all, "{all} served: {cells:?}");
    let dark = caused(&cells, "restart") + caused(&cells, "no_account");
    // On a machine that is late, reads may be late too, and that is said.
    let late = caused(&cells, "skipped");
    assert_eq!(caused(&cells, ""), dark + late, "{cells:?}");
    // Of what is held back nobody but the collector can tell; the last run has not told yet.
    let cells = custody(&server, from, HELD);
    assert_whole(&cells);
    let all = served[HELD].len() as u64;
    assert!(sum(&cells, "good") + 1 >= all, "{all} served: {cells:?}");
    collector.stop();
    let kept = server.stop_and_read();
    plc.kill();

    // One answer may be under way at each stop, and what the last run left is in its spool.
    let before_last: BTreeSet<u64> = (1..=all).collect();
    let lacks = counted::check_values(&plc, &kept, GATEWAY, 1);
    let lost: Vec<_> = lacks.intersection(&before_last).collect();
    assert!(lost.len() <= 1, "{lost:?} of what goes on all the time");
    let lacks = counted::check_values(&plc, &kept, GATEWAY, 2);
    assert!(lacks.len() <= 20, "{lacks:?}");
    // Told once by each of the two runs, whatever was loaded in between.
    assert_eq!(kept.point(GATEWAY, HELD).len(), 2);
    for point in stays.iter().chain(&moves) {
        assert!(!kept.point(GATEWAY, &point.key).is_empty(), "{}", point.key);
    }
}
