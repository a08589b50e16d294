//! From registers to the spool: how many points a second one core takes.
//!
//! The collector has one core for itself and the devices the other. Nobody takes the frames:
//! the spool holds the whole run. What counts is what the spool's frames hold, with the
//! watermarks of the time that was measured; the collector's own counters must agree.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fenghuo_log::Reader;
use fenghuo_uplink::frame::Frame;

use super::config::{self, Plan};
use super::device;
use super::running::Collector;
use crate::machine;
use crate::path::server::free;
use crate::table::Table;

const COLLECTOR_CORE: usize = 0;
const DEVICE_CORE: usize = 1;
/// Before counting, and while.
const WARM: Duration = Duration::from_secs(4);
const COUNTED: Duration = Duration::from_secs(10);
/// Holds a run of two million points a second.
const BUDGET_MB: u64 = 1_024;
/// So often that no cycle is done when the next is due.
const SATURATING_MS: u64 = 5;
/// How much slower each try is than the last, until none is late.
const SLOWER: f64 = 1.1;
const TRIES: usize = 12;
/// Registers in one read, at most.
const REGISTERS: usize = 125;
/// What the counters and the frames may differ by: they are not read in one instant.
const AGREE: f64 = 0.1;

/// What a run gave, a second.
struct Speed {
    points: f64,
    requests: f64,
    cores: f64,
    resident: f64,
    /// Cycles that were not done when the next was due.
    skipped: f64,
}

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let device = device::start(Some(DEVICE_CORE))?;
    let wide = Plan {
        lines: 100,
        points: 7 * REGISTERS,
        step: 1,
        interval_ms: SATURATING_MS,
    };
    let name = "collector, registers to spool, saturated";
    report(table, name, &wide, &one(device, &wide)?);
    paced(table, "collector, registers to spool", device, wide, 2e6)?;
    let name = "collector, a request for each point";
    let few = Plan {
        lines: 50,
        points: 30,
        step: 2,
        interval_ms: 100,
    };
    report(table, name, &few, &one(device, &few)?);
    // The shape of the peer's own figure: 500 devices of 30 points, once a second.
    let many = Plan {
        lines: 500,
        interval_ms: 1_000,
        ..few
    };
    report(table, name, &many, &one(device, &many)?);
    let saturated = Plan {
        interval_ms: SATURATING_MS,
        ..many
    };
    let name = "collector, a request for each point, saturated";
    report(table, name, &saturated, &one(device, &saturated)?);
    Ok(())
}

/// The first rate, from `most` points a second down, at which no cycle is late.
fn paced(
    table: &mut Table,
    name: &str,
    device: SocketAddr,
    plan: Plan,
    most: f64,
) -> anyhow::Result<()> {
    let mut wanted = most;
    for _ in 0..TRIES {
        let plan = Plan {
            interval_ms: (plan.total() as f64 / wanted * 1e3).ceil() as u64,
            ..plan
        };
        let speed = one(device, &plan)?;
        if speed.skipped == 0.0 {
            report(table, name, &plan, &speed);
            return Ok(());
        }
        wanted /= SLOWER;
    }
    anyhow::bail!("{name}: cycles are late even at {wanted:.0} points/s")
}

fn report(table: &mut Table, name: &str, plan: &Plan, speed: &Speed) {
    let Plan {
        lines,
        points,
        interval_ms,
        ..
    } = plan;
    table.row(
        name,
        format!(
            "{:.0} k points/s; {:.1} MB resident",
            speed.points / 1e3,
            speed.resident
        ),
        &format!(
            "durable in the spool; {lines} connections of {points} points every {interval_ms} ms, \
             {:.1} k requests/s, {:.2} of one core, {:.0} % of cycles late",
            speed.requests / 1e3,
            speed.cores,
            speed.skipped * 100.0
        ),
    );
}

fn one(device: SocketAddr, plan: &Plan) -> anyhow::Result<Speed> {
    let dir = tempfile::tempdir()?;
    let (nobody, status) = (free()?, free()?);
    let file = config::write(dir.path(), nobody, status, BUDGET_MB, &plan.toml(device))?;
    let collector = Collector::start(&file, status, Some(COLLECTOR_CORE))?;
    std::thread::sleep(WARM);
    let (before, cpu, from) = (collector.counted()?, collector.cpu_seconds(), now());
    std::thread::sleep(COUNTED);
    let (after, cpu, until) = (collector.counted()?, collector.cpu_seconds() - cpu, now());
    let resident = machine::resident_mb(collector.pid());
    collector.stop()?;
    let more = |name: &str| after.sum(name) - before.sum(name);
    let seconds = (until - from) as f64 / 1e3;
    let bad = after.sum("samples_total{quality=\"bad\"");
    let lost = after.sum("frames_dropped_total") + after.sum("readings_dropped_total");
    // Before the first reply the state of a device is told as unknown, if at all.
    anyhow::ensure!(bad <= plan.lines as f64, "{bad} samples without a value");
    anyhow::ensure!(lost == 0.0, "{lost} frames or readings were dropped");
    let spooled = spooled(&config::spool(dir.path()), from..until)? as f64;
    let counted = more("samples_total{quality=\"good\"");
    anyhow::ensure!(
        (spooled - counted).abs() < AGREE * counted,
        "the spool's frames hold {spooled} samples, the counters say {counted}"
    );
    Ok(Speed {
        points: spooled / seconds,
        requests: more("reads_total{result=\"answered\"") / seconds,
        cores: cpu / seconds,
        resident,
        skipped: more("reads_total{result=\"skipped\"")
            / more("reads_total{result=\"due\"").max(1.0),
    })
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}

/// Samples in the frames of a spool that were closed within a time.
fn spooled(dir: &Path, time: std::ops::Range<i64>) -> anyhow::Result<usize> {
    const FRAMES: usize = 64;
    const BYTES: usize = 32 << 20;
    let reader = Reader::open(&dir.join("spool.db"))?;
    let (mut from, mut samples) = (1, 0);
    loop {
        let entries = reader.read(from, FRAMES, BYTES)?;
        let Some(last) = entries.last() else {
            return Ok(samples);
        };
        from = last.position + 1;
        for entry in &entries {
            let frame = Frame::decode(&entry.body)?;
            if time.contains(&frame.head.watermark.as_millis()) {
                samples += frame.sample_count();
            }
        }
    }
}
