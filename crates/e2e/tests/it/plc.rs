//! A pymodbus PLC through the whole path, compared value by value.

use std::collections::BTreeMap;

use fenghuo_e2e::collector::{Collector, modbus_over};
use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::history::{Kept, Row};
use fenghuo_e2e::plc::{Over, Plc};
use fenghuo_e2e::point::Point;
use fenghuo_e2e::served::Served;
use fenghuo_e2e::server::{Server, Settings};
use fenghuo_e2e::wait;

const GATEWAY: &str = "oil/gw1";
/// Between two reads of a unit.
const INTERVAL_MS: u32 = 50;
/// Reads of each block that are waited for.
const READS: usize = 100;
/// The PLC writes its time before it answers, so a sample is never older than that; it is
/// younger by the way of one answer on a busy machine.
const ANSWER_MS_MAX: i64 = 10_000;

/// Every table, type and order, some scaled, some with a range that the values leave.
fn points() -> Vec<Point> {
    let orders = |width| match width {
        1 => ["AB", "BA"].as_slice(),
        2 => ["ABCD", "CDAB", "BADC", "DCBA"].as_slice(),
        _ => ["ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"].as_slice(),
    };
    let kinds = [
        ("u16", 1),
        ("i16", 1),
        ("u32", 2),
        ("i32", 2),
        ("f32", 2),
        ("u64", 4),
        ("i64", 4),
        ("f64", 4),
    ];
    let mut points = Vec::new();
    for table in ["holding", "input"] {
        // Far enough from 0 that a read which begins too low would be refused.
        let mut address = 100;
        for (kind, width) in kinds {
            for order in orders(width) {
                let key = format!("{table}.{kind}.{order}");
                points.push(Point::new(&key, table, address, kind).order(order));
                address += width;
            }
        }
        let scaled = |key: &str, at| Point::new(&format!("{table}.{key}"), table, at, "i16");
        points.push(scaled("scaled", address).linear(0.1, -40.0));
        points.push(
            scaled("ranged", address + 1)
                .linear(0.01, 0.0)
                .range(-50.0, 200.0),
        );
        for bit in [0, 7, 15] {
            let mut point = Point::new(
                &format!("{table}.bit{bit}"),
                table,
                address + 2 + bit,
                "bool",
            );
            point.bit = Some(u8::try_from(bit).unwrap());
            points.push(point);
        }
    }
    for table in ["coil", "discrete"] {
        let bits = (16..32).map(|at| Point::new(&format!("{table}.{at}"), table, at, "bool"));
        points.extend(bits);
    }
    points
}

#[test]
fn every_value_of_a_pymodbus_plc_is_in_history_and_no_other() {
    every_value(Over::Tcp);
}

#[test]
fn every_value_over_rtu_in_tcp_is_in_history_and_no_other() {
    every_value(Over::RtuOverTcp);
}

#[test]
fn every_value_of_a_serial_line_is_in_history_and_no_other() {
    every_value(Over::Serial);
}

fn every_value(over: Over) {
    let dir = Folder::new();
    let served = points();
    let mut plc = Plc::start_over(over, dir.path(), &served);
    let mut server = Server::new(dir.path(), &Settings::default());
    server.start();

    // Two that the PLC does not have: in the middle of a block, and beyond all.
    let mut asked = served.clone();
    asked.insert(3, Point::new("unknown.near", "holding", 180, "u16"));
    asked.push(Point::new("unknown.far", "input", 40_000, "f32"));
    let sources = modbus_over(&plc.keys(), INTERVAL_MS, &asked);
    let mut collector = Collector::new(dir.path(), GATEWAY, server.mqtt, &sources);
    collector.start();
    wait::until(wait::LONG, "the plc to serve", || {
        let all = plc.served();
        all.len() == served.len() && all.values().all(|values| values.len() >= READS)
    });
    collector.stop();
    let kept = server.stop_and_read();
    plc.kill();

    let mut all = plc.served();
    if over != Over::Tcp {
        // Replies without numbers: the first read only proves the line, and is no value.
        let values = all.values_mut();
        values.for_each(|values| values.retain(|served| served.step > 1));
    }
    let mut compared = 0;
    for point in &served {
        compared += compare(&point.key, &all[&point.key], &kept);
    }
    for key in ["unknown.near", "unknown.far"] {
        let rows = kept.point(GATEWAY, key);
        assert!(rows.len() >= READS / 2, "{key}: {} samples", rows.len());
        let odd = rows.iter().find(|row| row.told != "x:illegal_address");
        assert_eq!(odd, None, "{key}");
    }
    println!("{compared} values of {} points are equal", served.len());
    // A PLC that says that it has no such register is there, all the time.
    for state in ["fenghuo.line.plc", "fenghuo.device.plc.1"] {
        let rows = kept.point(GATEWAY, state);
        let odd = rows.iter().find(|row| row.told != "b:1");
        assert!(!rows.is_empty() && odd.is_none(), "{state}: {odd:?}");
    }
    assert_kinds(&kept);
}

/// What was served and what is kept, one by one. The read that the stop broke off may have
/// been answered to nobody.
fn compare(key: &str, served: &[Served], kept: &Kept) -> usize {
    let rows = kept.point(GATEWAY, key);
    let missing = served.len().checked_sub(rows.len());
    assert!(
        matches!(missing, Some(0 | 1)),
        "{key}: {} served, {} kept",
        served.len(),
        rows.len()
    );
    for (at, (row, served)) in rows.iter().zip(served).enumerate() {
        let late = row.time - served.time;
        assert_eq!(row.told, served.told, "{key}, sample {at}");
        assert!(
            (-1..ANSWER_MS_MAX).contains(&late),
            "{key}, sample {at}: {late} ms"
        );
    }
    rows.len()
}

/// The comparison means something only if there was something of each kind to compare.
fn assert_kinds(kept: &Kept) {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for Row { told, .. } in kept.of(GATEWAY).values() {
        let kind = if told.starts_with("x:") {
            told.as_str()
        } else {
            &told[..2]
        };
        *kinds.entry(kind).or_default() += 1;
    }
    for kind in ["b:", "f:", "i:", "u:", "x:not_a_number", "x:out_of_range"] {
        assert!(
            kinds.get(kind).is_some_and(|count| *count > READS / 2),
            "{kind}: {kinds:?}"
        );
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
}
