//! Sample custody through the whole path: a PLC that dies and comes back, a collector that is
//! stopped and one that is killed; at the end every read is good or has one cause.

use std::thread::sleep;
use std::time::Duration;

use fenghuo_e2e::collector::{Collector, modbus_within};
use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::plc::Plc;
use fenghuo_e2e::point::{Point, Wave};
use fenghuo_e2e::server::{Server, Settings};
use fenghuo_e2e::wait;
use serde_json::Value as Json;

const GATEWAY: &str = "oil/gw1";
const INTERVAL_MS: u32 = 100;
pub const HOUR_MS: i64 = 3_600_000;
/// How long there is no collector.
const GAP: Duration = Duration::from_secs(2);

/// A counter that is always sent, one that must change by 1,000 to be, and a register that is
/// not there.
fn sources(plc: &Plc) -> String {
    let every = Point::new("every", "holding", 10, "u32").wave(Wave::Count);
    let held = Point::new("held", "holding", 12, "u32").wave(Wave::Count);
    let none = Point::new("none", "holding", 900, "u16");
    let sources = modbus_within(300, &plc.keys(), INTERVAL_MS, &[every, held, none]);
    sources.replace(
        "key = \"held\"\n",
        "key = \"held\"\ndeadband = 1000.0\nheartbeat_ms = 60000\n",
    )
}

fn served() -> [Point; 2] {
    [("every", 10), ("held", 12)]
        .map(|(key, at)| Point::new(key, "holding", at, "u32").wave(Wave::Count))
}

/// A point's counts over the hours of the test: one, or two where it ran over an hour's end.
pub fn custody(server: &Server, from: i64, point: &str) -> Vec<Json> {
    let to = from + 2 * HOUR_MS;
    let view = server.api(&format!(
        "/api/v1/custody?gateway={GATEWAY}&from={from}&to={to}&point={point}"
    ));
    let points = view["points"].as_array().cloned().unwrap_or_default();
    let hours = points.first().map(|point| point["hours"].clone());
    hours
        .and_then(|it| it.as_array().cloned())
        .unwrap_or_default()
}

pub fn sum(cells: &[Json], of: &str) -> u64 {
    cells.iter().map(|cell| cell[of].as_u64().unwrap()).sum()
}

pub fn caused(cells: &[Json], why: &str) -> u64 {
    let causes = cells
        .iter()
        .flat_map(|cell| cell["causes"].as_array().unwrap());
    let reads = causes.filter(|it| why.is_empty() || it["why"] == why);
    reads.map(|it| it["reads"].as_u64().unwrap()).sum()
}

pub fn assert_whole(cells: &[Json]) {
    for cell in cells {
        let cell = std::slice::from_ref(cell);
        assert_eq!(
            sum(cell, "good") + caused(cell, ""),
            sum(cell, "due"),
            "{cell:?}"
        );
    }
}

fn reads(plc: &Plc, more: usize) {
    let count = || plc.served().get("every").map_or(0, Vec::len);
    let before = count();
    wait::until(wait::LONG, "the plc to serve", || count() >= before + more);
}

pub fn wall_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}

#[test]
fn every_read_is_good_or_has_a_cause() {
    let dir = Folder::new();
    let began = wall_ms();
    let from = began / HOUR_MS * HOUR_MS;
    let mut plc = Plc::start(dir.path(), &served());
    let mut server = Server::new(dir.path(), &Settings::default());
    server.start();
    let sources = sources(&plc);
    let mut collector = Collector::new(dir.path(), GATEWAY, server.mqtt, &sources);
    let every = || custody(&server, from, "every");

    // A run in which the PLC is away for a while, told when it stops.
    collector.start();
    reads(&plc, 50);
    plc.kill();
    wait::until(wait::LONG, "samples without a value", || {
        caused(&every(), "not_connected") >= 10
    });
    plc.restart();
    reads(&plc, 20);
    collector.stop();
    let first = plc.served()["every"].len() as u64;
    sleep(GAP);
    // One that is killed before it told anything.
    collector.start();
    reads(&plc, 30);
    collector.kill();
    sleep(GAP);
    // And one more, which is told by the next: a stop leaves the last frames in the spool.
    collector.start();
    reads(&plc, 10);
    collector.stop();
    let good = plc.served()["every"].len() as u64;
    collector.start();
    let gaps = 2 * GAP.as_millis() as u64 / u64::from(INTERVAL_MS);
    wait::until(wait::LONG, "the dark to be told", || {
        let every = every();
        caused(&every, "restart") + caused(&every, "no_account") >= gaps
    });
    collector.wait_delivered();

    let every = every();
    assert_whole(&every);
    // What a kill takes with it is what was not yet on disk: a fifth of a second, and a read.
    assert!(
        sum(&every, "good") + 10 >= good,
        "{good} were served: {every:?}"
    );
    assert!(caused(&every, "not_connected") >= 10, "{every:?}");
    let elapsed = u64::try_from(wall_ms() - began).unwrap() / u64::from(INTERVAL_MS);
    assert!(
        sum(&every, "due") <= elapsed,
        "{elapsed} were due at most: {every:?}"
    );

    // Reads that are held back are made all the same. A killed run's are not told.
    let held = custody(&server, from, "held");
    assert_whole(&held);
    assert!(
        sum(&held, "unchanged") + 40 >= first,
        "{first} in the first run: {held:?}"
    );
    let same = caused(&held, "unchanged_without_value");
    assert!(
        sum(&held, "good") >= sum(&held, "unchanged") - same,
        "{held:?}"
    );
    let none = custody(&server, from, "none");
    assert_whole(&none);
    assert_eq!(sum(&none, "good"), 0);
    assert!(caused(&none, "illegal_address") >= 50, "{none:?}");
    println!("every {every:?}\nheld {held:?}\nnone {none:?}");
    collector.stop();
    server.stop();
}
