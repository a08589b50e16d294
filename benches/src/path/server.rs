//! A server of its own for each figure: the release binary on free ports.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// A running server, stopped when dropped.
pub struct Running {
    child: Child,
    config: PathBuf,
    /// Console and API.
    pub http: SocketAddr,
    /// The broker.
    pub mqtt: SocketAddr,
    _dir: tempfile::TempDir,
}

/// A program beside this one.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(
        path.exists(),
        "{} is missing: run make bench",
        path.display()
    );
    Ok(path)
}

impl Running {
    /// Starts a server with these rules.
    pub fn start(rules: &str) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let http = free()?;
        let mqtt = free()?;
        std::fs::write(dir.path().join("rules.toml"), rules)?;
        let config = dir.path().join("server.toml");
        let text = format!(
            "data_dir = \"{}\"\nrules = [\"rules.toml\"]\n[http]\nlisten = \"{http}\"\n\
             [mqtt]\nlisten = \"{mqtt}\"\n[snapshot]\nevery = \"5s\"\n",
            dir.path().join("data").display()
        );
        std::fs::write(&config, text)?;
        let child = serve(&config)?;
        let running = Self {
            child,
            config,
            http,
            mqtt,
            _dir: dir,
        };
        running.wait_for(&[http, mqtt])?;
        Ok(running)
    }

    fn wait_for(&self, addresses: &[SocketAddr]) -> anyhow::Result<()> {
        for address in addresses {
            let begun = Instant::now();
            while TcpStream::connect(address).is_err() {
                anyhow::ensure!(
                    begun.elapsed() < Duration::from_secs(20),
                    "the server does not start"
                );
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(())
    }

    /// Kills it and starts it again on the same data; the time until it answers and has
    /// judged what the log holds.
    pub fn restart(&mut self) -> anyhow::Result<Duration> {
        self.child.kill()?;
        self.child.wait()?;
        let begun = Instant::now();
        self.child = serve(&self.config)?;
        self.wait_for(&[self.http])?;
        while self.metric("fenghuo_judge_position").unwrap_or(0.0) < 1.0 {
            anyhow::ensure!(
                begun.elapsed() < Duration::from_secs(60),
                "the judge does not come back"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(begun.elapsed())
    }

    /// How many alarm events of a kind it has written since its start.
    pub fn events(&self, transition: &str) -> anyhow::Result<f64> {
        self.metric(&format!(
            "fenghuo_alarm_events_total{{transition=\"{transition}\"}}"
        ))
    }

    /// How many alarms of a severity are not over.
    pub fn alarms(&self, severity: &str) -> anyhow::Result<f64> {
        self.metric(&format!("fenghuo_alarms_active{{severity=\"{severity}\"}}"))
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An answer of the API.
    pub fn get(&self, path: &str) -> anyhow::Result<Json> {
        let text = self.text(path)?;
        let (_, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        serde_json::from_str(body).map_err(|error| anyhow::anyhow!("{path}: {error} in {text}"))
    }

    fn text(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(self.http)?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.http);
        stream.write_all(request.as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }

    /// A figure of `/metrics`.
    fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let text = self.text("/metrics")?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.trim().parse().ok())
            .ok_or_else(|| anyhow::anyhow!("no figure {name} in /metrics"))
    }

    /// Waits until history has taken this many samples, and the judge has come as far.
    pub fn wait_in_history(&self, samples: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let stored = self.metric("fenghuo_history_samples_total")?;
            let judged = self.metric("fenghuo_judge_position")?;
            let next = self.metric("fenghuo_log_next_position").unwrap_or(0.0);
            if stored >= samples as f64 && judged + 3.0 >= next {
                return Ok(());
            }
            anyhow::ensure!(
                begun.elapsed() < Duration::from_secs(120),
                "history has {stored} of {samples} samples, judged {judged} of {next}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn serve(config: &PathBuf) -> anyhow::Result<Child> {
    Ok(Command::new(program("fenghuo")?)
        .arg("serve")
        .arg(config)
        .env("RUST_LOG", "error")
        .stdout(Stdio::null())
        .spawn()?)
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
