//! A day's backlog: how fast it goes out, and what live samples wait meanwhile.
//!
//! 1,000 points at 1 Hz. The backlog is written into a spool by the spool's own code, a frame a
//! second as a collector writes it, with times up to now; then the collector starts on it,
//! reads live devices, and delivers both to a server that judges every point.
//! One more point changes sides of its limit at every read, ten times a second: its
//! alarm events say how long a live sample took from its read to the journal's disk.
//! The same is measured before, without a backlog.
//!
//! `BENCH_DRAIN_HOURS` says how long the link was down; 6 without it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fenghuo_collector::spool::{self, Closed, Store};
use fenghuo_model::Timestamp;
use fenghuo_uplink::frame::FrameBuilder;
use serde_json::Value as Json;

use super::running::Collector;
use super::{config, device};
use crate::data;
use crate::machine;
use crate::path::RULES;
use crate::path::server::{Running, free};
use crate::table::{Table, rate};

const HOURS: &str = "BENCH_DRAIN_HOURS";
const HOURS_DEFAULT: u64 = 6;
const POINTS: usize = 1_000;
const PULSE: &str = "bench/gw/pulse";
const PULSE_MS: u64 = 100;
/// Frames in one transaction of the spool.
const TOGETHER: usize = 16;
/// 24 hours take a gigabyte.
const BUDGET_MB: u64 = 4_096;
/// How long the live latency is measured without a backlog.
const QUIET: Duration = Duration::from_secs(30);
/// Longest wait for the end.
const MOST: Duration = Duration::from_mins(15);
/// Pulses that must have come out, of those that were read.
const SEEN: f64 = 0.9;

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let hours = std::env::var(HOURS).ok();
    let hours: u64 = hours.map_or(Ok(HOURS_DEFAULT), |hours| hours.parse())?;
    let quiet = quiet()?;
    let drain = drain(hours * 3_600)?;
    let Drain {
        samples,
        durable,
        judged,
        kept,
        latency,
        server_mb,
        collector_mb,
    } = drain;
    table.row(
        &format!("backlog of {hours} h x {POINTS} points at 1 Hz"),
        format!("out in {durable:.1} s, {}", rate(samples, durable)),
        &format!(
            "durable at the server; judged and joined to live after {judged:.1} s, in history after \
             {kept:.1} s; server {server_mb:.0} MB, collector {collector_mb:.0} MB"
        ),
    );
    table.row(
        "live sample, read to journal, without backlog",
        quiet.to_string(),
        &format!("{} reads at 10 Hz; frames close every 200 ms", quiet.count),
    );
    table.row(
        "live sample, read to journal, while the backlog goes out",
        latency.to_string(),
        &format!("{} reads at 10 Hz, until it was judged", latency.count),
    );
    Ok(())
}

struct Drain {
    samples: f64,
    /// Seconds from the collector's start.
    durable: f64,
    judged: f64,
    kept: f64,
    latency: Latency,
    server_mb: f64,
    collector_mb: f64,
}

struct Latency {
    count: usize,
    p50: i64,
    p99: i64,
    max: i64,
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { p50, p99, max, .. } = self;
        write!(f, "p50 {p50} ms, p99 {p99} ms, max {max} ms")
    }
}

fn quiet() -> anyhow::Result<Latency> {
    let world = World::make()?;
    let collector = Collector::start(&world.file, world.status, None)?;
    world.wait(|it| Ok(it.gateway()?["state"] == "live"))?;
    let from = now();
    std::thread::sleep(QUIET);
    let until = now();
    collector.stop()?;
    world.latency(from..until)
}

fn drain(seconds: u64) -> anyhow::Result<Drain> {
    let world = World::make()?;
    let samples = (seconds * POINTS as u64) as f64;
    fill(&world.file, seconds)?;
    let (begun, from) = (Instant::now(), now());
    let collector = Collector::start(&world.file, world.status, None)?;
    // Everything but what is live just now.
    world.wait(|_| {
        let counted = collector.counted()?;
        Ok(counted.sum("link_up") == 1.0
            && counted.sum("frames_receipted_total") >= seconds as f64
            && counted.sum("backlog_seconds") <= 1.0)
    })?;
    let durable = begun.elapsed().as_secs_f64();
    world.wait(|it| {
        let gateway = it.gateway()?;
        Ok(gateway["state"] == "live" && gateway["backlog_frames"] == 0)
    })?;
    let (judged, until) = (begun.elapsed().as_secs_f64(), now());
    world.server.wait_in_history(seconds * POINTS as u64)?;
    let kept = begun.elapsed().as_secs_f64();
    let server_mb = machine::resident_mb(world.server.pid());
    let collector_mb = machine::resident_mb(collector.pid());
    collector.stop()?;
    Ok(Drain {
        samples,
        durable,
        judged,
        kept,
        latency: world.latency(from..until)?,
        server_mb,
        collector_mb,
    })
}

/// A server, devices, and the configuration of a collector between them.
struct World {
    server: Running,
    status: SocketAddr,
    file: PathBuf,
    _dir: tempfile::TempDir,
}

impl World {
    fn make() -> anyhow::Result<Self> {
        let device = device::start(None)?;
        let (server, dir, status) = (Running::start(RULES)?, tempfile::tempdir()?, free()?);
        let sources = sources(device);
        let file = config::write(dir.path(), server.mqtt, status, BUDGET_MB, &sources)?;
        Ok(Self {
            server,
            status,
            file,
            _dir: dir,
        })
    }

    fn wait(&self, is_so: impl Fn(&Self) -> anyhow::Result<bool>) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !is_so(self)? {
            anyhow::ensure!(begun.elapsed() < MOST, "the backlog does not end");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// What the server says of the gateway; nothing before it has heard of it.
    fn gateway(&self) -> anyhow::Result<Json> {
        let all = self.server.get("/api/v1/gateways")?;
        Ok(all.get(0).cloned().unwrap_or_default())
    }

    /// From read to journal, of the pulses that were read within a time.
    fn latency(&self, time: std::ops::Range<i64>) -> anyhow::Result<Latency> {
        let (mut after, mut reads) = ("0.0".to_owned(), std::collections::BTreeMap::new());
        loop {
            let page = self
                .server
                .get(&format!("/api/v1/events?after={after}&limit=1000"))?;
            let page = page.as_array().map_or(&[][..], Vec::as_slice);
            let Some(last) = page.last() else { break };
            after = last["event"].as_str().unwrap_or_default().to_owned();
            for event in page.iter().filter(|event| event["point"] == PULSE) {
                let written = event["stamps"]["journaled"].as_i64();
                let read = event["changed_at"].as_i64();
                if let (Some(read), Some(written)) = (read, written)
                    && time.contains(&read)
                {
                    reads.entry(read).or_insert(written - read);
                }
            }
        }
        let expected = (time.end - time.start) as f64 / PULSE_MS as f64;
        let mut all: Vec<i64> = reads.into_values().collect();
        anyhow::ensure!(
            all.len() as f64 >= SEEN * expected,
            "{} of {expected:.0} live changes have come out",
            all.len()
        );
        all.sort_unstable();
        let quantile = |q: f64| all[((all.len() - 1) as f64 * q).round() as usize];
        Ok(Latency {
            count: all.len(),
            p50: quantile(0.5),
            p99: quantile(0.99),
            max: quantile(1.0),
        })
    }
}

/// The points stand first in the catalog. A device's register changes by one at each read.
fn sources(device: SocketAddr) -> String {
    let mut text = format!(
        "[[modbus]]\nname = \"plc\"\naddress = \"{device}\"\n[[modbus.unit]]\nid = 1\n\
         [[modbus.unit.block]]\ncount = {POINTS}\nstep = 1\n[[modbus.unit.block.point]]\n\
         key = \"p{{n}}\"\nkind = \"level\"\ntable = \"holding\"\naddress = 0\ntype = \"u16\"\n\
         scale = 0.001\n"
    );
    // Writing to a String cannot fail.
    write!(
        text,
        "[[modbus]]\nname = \"pulse\"\naddress = \"{device}\"\n[[modbus.unit]]\nid = 1\n\
         interval_ms = {PULSE_MS}\n[[modbus.unit.point]]\nkey = \"pulse\"\nkind = \"level\"\n\
         table = \"holding\"\naddress = 0\ntype = \"u16\"\nbits = \"0-0\"\nscale = 200.0\n"
    )
    .unwrap_or_default();
    text
}

/// Writes a backlog that ends now.
fn fill(file: &Path, seconds: u64) -> anyhow::Result<()> {
    let config = fenghuo_collector::config::load(file)?;
    let wall = Timestamp::from_millis(now());
    let (dir, terms, catalog) = (&config.spool.dir, config.terms(), &config.catalog);
    let opened = spool::open(dir, &terms, catalog, 1, wall, &mut |_| ())?;
    let mut store: Store = opened.store;
    let begin = now() - i64::try_from(seconds)? * 1_000;
    let mut frames = Vec::with_capacity(TOGETHER);
    for second in 0..seconds {
        let at = begin + i64::try_from(second)? * 1_000;
        let mut builder = FrameBuilder::new(config.catalog.clone());
        for point in 0..POINTS {
            let value = data::wander(point, usize::try_from(second)?);
            builder.push(u32::try_from(point)?, &data::good(at, value))?;
        }
        frames.push(Closed {
            builder,
            watermark: Timestamp::from_millis(at),
            steady: Timestamp::from_millis(at),
        });
        if frames.len() == TOGETHER || second + 1 == seconds {
            let mut sealed = store.seal(frames.drain(..));
            store.write(&mut sealed)?;
        }
    }
    store.end()?;
    Ok(())
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}
