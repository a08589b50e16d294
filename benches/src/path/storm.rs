//! A storm: thousands of alarms that come and go every second; and a restart while a hundred
//! thousand are up.

use std::time::{Duration, Instant};

use super::gateway::Gateway;
use super::server::Running;
use crate::machine;
use crate::table::Table;

/// Transitions a second: each of so many points crosses its limit once.
const POINTS: usize = 5_000;
const SECONDS: u64 = 60;
/// Active alarms over which the server restarts.
const ALARMS: usize = 100_000;
const FRAME: usize = 5_000;

pub fn storm(table: &mut Table, rules: &str) -> anyhow::Result<()> {
    let server = Running::start(rules)?;
    let mut gateway = Gateway::connect(&server, POINTS)?;
    let begun = Instant::now();
    let mut early = 0.0;
    for second in 0..SECONDS {
        let at = Duration::from_secs(second).saturating_sub(begun.elapsed());
        std::thread::sleep(at);
        let value = if second % 2 == 0 { 200.0 } else { 0.0 };
        gateway.send_all(0..POINTS, value)?;
        if second == SECONDS / 3 {
            early = machine::resident_mb(server.pid());
        }
    }
    gateway.wait_receipted()?;
    server.wait_in_history(gateway.sent_samples())?;
    let seconds = begun.elapsed().as_secs_f64();
    let wanted = (POINTS as u64 * SECONDS / 2) as f64;
    wait_for_events(&server, "raise", wanted)?;
    wait_for_events(&server, "return", wanted)?;
    table.row(
        "storm, 5000 transitions a second",
        format!("{:.0} in {seconds:.1} s", wanted * 2.0),
        &format!(
            "through judge and journal, none lost; server {early:.0} MB after a third, {:.0} MB at the end, {:.2} cores",
            machine::resident_mb(server.pid()),
            machine::cpu_seconds(server.pid()) / seconds,
        ),
    );
    Ok(())
}

pub fn restart(table: &mut Table, rules: &str) -> anyhow::Result<()> {
    let mut server = Running::start(rules)?;
    let mut gateway = Gateway::connect(&server, ALARMS)?;
    for first in (0..ALARMS).step_by(FRAME) {
        gateway.send_all(first..first + FRAME, 200.0)?;
    }
    gateway.wait_receipted()?;
    server.wait_in_history(gateway.sent_samples())?;
    wait_for_events(&server, "raise", ALARMS as f64)?;
    // A snapshot of all of it is there then. The gateway goes on meanwhile: one that falls
    // silent would add a hundred thousand events of held alarms.
    for _ in 0..8 {
        gateway.send_all(0..1, 200.0)?;
        std::thread::sleep(Duration::from_secs(1));
    }
    let took = server.restart()?;
    let begun = Instant::now();
    while server.alarms("yellow")? < ALARMS as f64 {
        anyhow::ensure!(
            begun.elapsed() < Duration::from_secs(20),
            "alarms were lost over the restart"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let again = server.events("raise").unwrap_or(0.0);
    table.row(
        "restart with 100000 active alarms, after a kill",
        format!("{:.2} s", took.as_secs_f64()),
        &format!("until it answers and judges again; {again:.0} alarms raised again"),
    );
    Ok(())
}

/// Waits until exactly so many events of a kind are in the journal.
fn wait_for_events(server: &Running, kind: &str, wanted: f64) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let written = server.events(kind).unwrap_or(0.0);
        anyhow::ensure!(written <= wanted, "{written} of {wanted} events: {kind}");
        if written == wanted {
            return Ok(());
        }
        anyhow::ensure!(
            begun.elapsed() < Duration::from_secs(30),
            "{written} of {wanted} events: {kind}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
