//! The whole path: frames by MQTT into a running server, receipts and screen events back.
//!
//! Throughput counts samples that are durable, judged and in history, until the last of
//! them is; latency is from the moment a frame is handed to the MQTT client to the moment
//! its alarm event has come out of the SSE stream.

mod gateway;
mod screen;
pub mod server;
mod storm;

use std::time::{Duration, Instant};

use crate::machine;
use crate::table::{Table, rate};
use gateway::Gateway;
use screen::Screen;
use server::Running;

/// A limit on every level.
pub const RULES: &str = r#"
[[rule]]
id = "bench"
select = { kind = "level" }
[[rule.level]]
name = "H"
above = 100.0
severity = "yellow"
"#;

pub fn run(table: &mut Table, wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    if wanted("path-storm") {
        storm::storm(table, RULES)?;
    }
    if wanted("path-restart") {
        storm::restart(table, RULES)?;
    }
    if !wanted("path-speed") {
        return Ok(());
    }
    for (frame, samples) in [(5_000, 20_000_000), (200, 4_000_000)] {
        throughput(table, frame, samples)?;
    }
    for rate in [10_000, 100_000] {
        latency(table, rate, 200)?;
    }
    Ok(())
}

fn throughput(table: &mut Table, frame: usize, samples: u64) -> anyhow::Result<()> {
    let server = Running::start(RULES)?;
    let mut gateway = Gateway::connect(&server, frame)?;
    let own = std::process::id();
    let (cpu, own_cpu) = (
        machine::cpu_seconds(server.pid()),
        machine::cpu_seconds(own),
    );
    let begun = Instant::now();
    while gateway.sent_samples() < samples {
        gateway.send(frame, None)?;
    }
    gateway.wait_receipted()?;
    let receipted = begun.elapsed().as_secs_f64();
    let sent = gateway.sent_samples();
    server.wait_in_history(sent)?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = machine::cpu_seconds(server.pid()) - cpu;
    let own_cpu = machine::cpu_seconds(own) - own_cpu;
    table.row(
        &format!("whole path, frames of {frame}"),
        rate(sent as f64, seconds),
        &format!(
            "durable at {}, then judged and in history; server CPU {:.2} cores, generator {:.2}; server {:.0} MB",
            rate(sent as f64, receipted),
            cpu / seconds,
            own_cpu / seconds,
            machine::resident_mb(server.pid()),
        ),
    );
    Ok(())
}

fn latency(table: &mut Table, per_second: usize, frame: usize) -> anyhow::Result<()> {
    const SECONDS: u64 = 20;
    /// Every tenth of a second one point crosses its limit, or returns.
    const EVERY: Duration = Duration::from_millis(100);
    let server = Running::start(RULES)?;
    let screen = Screen::open(server.http)?;
    let mut gateway = Gateway::connect(&server, 2_000)?;
    let pause = Duration::from_secs_f64(frame as f64 / per_second as f64);
    let begun = Instant::now();
    let (mut next, mut next_jump, mut up, mut point) =
        (begun, begun + Duration::from_secs(2), false, 0);
    let mut jumps = Vec::new();
    while begun.elapsed() < Duration::from_secs(SECONDS) {
        let now = Instant::now();
        if now < next {
            std::thread::sleep(next - now);
        }
        next += pause;
        let jump = (Instant::now() >= next_jump).then(|| {
            next_jump += EVERY;
            if up {
                up = false;
                (point, 0.0)
            } else {
                up = true;
                point = (point + 1) % frame;
                (point, 200.0)
            }
        });
        let at = Instant::now();
        gateway.send(frame, jump)?;
        if jump.is_some() {
            jumps.push(at);
        }
    }
    gateway.wait_receipted()?;
    let seen = screen.wait(jumps.len(), Duration::from_secs(5));
    anyhow::ensure!(
        seen.len() == jumps.len(),
        "{} events for {} jumps",
        seen.len(),
        jumps.len()
    );
    let mut delays: Vec<f64> = jumps
        .iter()
        .zip(&seen)
        .map(|(sent, seen)| seen.duration_since(*sent).as_secs_f64() * 1e3)
        .collect();
    delays.sort_by(f64::total_cmp);
    let quantile = |q: f64| delays[((delays.len() - 1) as f64 * q).round() as usize];
    table.row(
        &format!("frame to screen at {per_second} samples/s"),
        format!(
            "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            quantile(0.5),
            quantile(0.99),
            quantile(1.0)
        ),
        &format!(
            "{} events over {SECONDS} s, frames of {frame}, snapshots every 5 s",
            delays.len()
        ),
    );
    Ok(())
}
