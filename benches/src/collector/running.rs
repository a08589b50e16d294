//! A collector for one figure: the release binary, its counters, and what it costs.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::machine;
use crate::path::server::program;

/// Longest wait for a start or an end.
const WAIT: Duration = Duration::from_secs(30);

/// A program that ends with its value.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A running collector.
pub struct Collector {
    process: Ended,
    status: SocketAddr,
}

impl Collector {
    /// Starts one, on one core if it is given, and waits until it answers.
    pub fn start(file: &Path, status: SocketAddr, core: Option<usize>) -> anyhow::Result<Self> {
        let program = program("fenghuo-collector")?;
        let mut command = match core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.arg("-c").arg(core.to_string()).arg(program);
                command
            }
            None => Command::new(program),
        };
        let child = command
            .arg("run")
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut running = Self {
            process: Ended(child),
            status,
        };
        let begun = Instant::now();
        while running.metrics().is_none() {
            let ended = running.process.0.try_wait()?;
            anyhow::ensure!(ended.is_none(), "the collector ended: {ended:?}");
            anyhow::ensure!(begun.elapsed() < WAIT, "the collector does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    /// Its process; `taskset` gives its own to it.
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// CPU seconds so far.
    pub fn cpu_seconds(&self) -> f64 {
        machine::cpu_seconds(self.pid())
    }

    /// Its metrics page.
    pub fn metrics(&self) -> Option<Counted> {
        let mut stream = TcpStream::connect(self.status).ok()?;
        let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(Counted(text))
    }

    /// The same, when it must be there.
    pub fn counted(&self) -> anyhow::Result<Counted> {
        self.metrics()
            .ok_or_else(|| anyhow::anyhow!("the collector does not answer"))
    }

    /// Stops it in order: everything that was read is on disk then.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let sent = Command::new("kill").arg(self.pid().to_string()).status()?;
        anyhow::ensure!(sent.success(), "the collector cannot be signalled");
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.0.try_wait()? {
                anyhow::ensure!(status.success(), "the collector ended with {status}");
                return Ok(());
            }
            anyhow::ensure!(begun.elapsed() < WAIT, "the collector does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A metrics page at one moment.
pub struct Counted(String);

impl Counted {
    /// The sum of a figure over all sources: `name` with some of its labels, as
    /// `reads_total{result="due"`.
    pub fn sum(&self, name: &str) -> f64 {
        let name = format!("fenghuo_collector_{name}");
        let lines = self.0.lines().filter_map(|line| line.strip_prefix(&name));
        lines
            .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }
}

/// Keeps the calling thread on one core.
pub fn pin_this_thread(core: usize) -> anyhow::Result<()> {
    // The last part of `PID/task/TID`.
    let thread = std::fs::read_link("/proc/thread-self")?;
    let thread = thread
        .file_name()
        .ok_or_else(|| anyhow::anyhow!("/proc names no thread"))?;
    let done = Command::new("taskset")
        .args(["-cp", &core.to_string()])
        .arg(thread)
        .stdout(Stdio::null())
        .status()?;
    anyhow::ensure!(done.success(), "taskset refuses core {core}");
    Ok(())
}
