//! The built server.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::Value as Json;

use crate::history::Kept;
use crate::process::Process;
use crate::{binary, history, http, log, port, wait};

/// Longest wait for a start.
const START: Duration = Duration::from_secs(60);
/// How often a server is started again so that its history reaches the log's end.
const CATCH_UPS: u32 = 5;

/// What a test may want otherwise.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The port of another broker; the embedded one without.
    pub broker: Option<u16>,
    /// The rules.
    pub rules: String,
    /// Whether the log is trimmed.
    pub trim: bool,
    /// Snapshots kept.
    pub snapshots: u32,
    /// `[log] reserve_mb`.
    pub reserve_mb: u32,
    /// `[log] budget_mb`.
    pub budget_mb: Option<u32>,
    /// The data folder, when it is not in the test's.
    pub data: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            broker: None,
            rules: String::new(),
            trim: false,
            snapshots: 2,
            reserve_mb: 8,
            budget_mb: None,
            data: None,
        }
    }
}

/// A server.
#[derive(Debug)]
pub struct Server {
    /// Console, API and metrics.
    pub http: u16,
    /// The broker, embedded or not.
    pub mqtt: u16,
    /// Its data folder.
    pub data: PathBuf,
    dir: PathBuf,
    process: Option<Process>,
    runs: u32,
}

impl Server {
    /// One in a folder. It is not started.
    ///
    /// # Panics
    /// When its configuration cannot be written.
    #[must_use]
    pub fn new(dir: &Path, settings: &Settings) -> Self {
        let dir = dir.join("server");
        std::fs::create_dir_all(&dir).unwrap();
        let server = Self {
            http: port::free(),
            mqtt: settings.broker.unwrap_or_else(port::free),
            data: settings.data.clone().unwrap_or_else(|| dir.join("data")),
            dir,
            process: None,
            runs: 0,
        };
        server.configure(settings);
        server
    }

    /// Writes its configuration; for the next start.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn configure(&self, settings: &Settings) {
        let mqtt = match settings.broker {
            Some(port) => format!("broker = \"mqtt://127.0.0.1:{port}\""),
            None => format!("listen = \"127.0.0.1:{}\"", self.mqtt),
        };
        let mut text = format!(
            "data_dir = {:?}\nrules = [\"rules.toml\"]\n[http]\nlisten = \"127.0.0.1:{}\"\n\
             [mqtt]\n{mqtt}\n[snapshot]\nevery = \"1s\"\nkeep = {}\n\
             [log]\nreserve_mb = {}\ntrim = {}\n",
            self.data, self.http, settings.snapshots, settings.reserve_mb, settings.trim
        );
        if let Some(budget) = settings.budget_mb {
            writeln!(text, "budget_mb = {budget}").unwrap();
        }
        std::fs::write(self.config(), text).unwrap();
        std::fs::write(self.dir.join("rules.toml"), &settings.rules).unwrap();
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.join("server.toml")
    }

    /// Starts it and waits until it answers.
    pub fn start(&mut self) {
        self.start_only();
        self.wait_up();
    }

    /// Starts it.
    pub fn start_only(&mut self) {
        self.runs += 1;
        let mut command = binary::command("fenghuo");
        command.arg("serve").arg(self.config()).env("NO_COLOR", "1");
        let log = self.dir.join(format!("run-{:04}.log", self.runs));
        self.process = Some(Process::start("server", &mut command, &log));
    }

    /// Waits until it answers.
    pub fn wait_up(&mut self) {
        let port = self.http;
        wait::until(START, "the server to start", || {
            if let Some(process) = &mut self.process {
                process.must_run();
            }
            http::get(port, "/api/v1/health").is_some_and(|answer| answer.status == 200)
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Its resident memory in MB, while it runs.
    #[must_use]
    pub fn resident_mb(&self) -> Option<u64> {
        self.process.as_ref()?.resident_mb()
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop();
        }
    }

    /// Stops it with its history at the log's end, and reads that. What the historian had
    /// not reached it reaches after another start.
    ///
    /// # Panics
    /// When it does not get there.
    #[must_use]
    pub fn stop_and_read(&mut self) -> Kept {
        for _ in 0..CATCH_UPS {
            self.stop();
            let kept = history::read(&self.data);
            if log::last_frame(&self.data).is_none_or(|last| kept.replay_from > last) {
                return kept;
            }
            self.start();
        }
        panic!("history does not reach the end of the log");
    }

    /// A GET of the API.
    ///
    /// # Panics
    /// When there is no answer, or none with success.
    #[must_use]
    pub fn api(&self, path: &str) -> Json {
        let answer = http::get(self.http, path).unwrap_or_else(|| panic!("{path}: no answer"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// What it says of a gateway.
    #[must_use]
    pub fn gateway(&self, key: &str) -> Option<Json> {
        let (enterprise, gateway) = key.split_once('/')?;
        let all = self.api("/api/v1/gateways");
        let mut all = all.as_array()?.iter();
        all.find(|it| it["enterprise"] == enterprise && it["gateway"] == gateway)
            .cloned()
    }

    /// A figure of its metrics, without the prefix.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<f64> {
        http::figure(self.http, &format!("fenghuo_{name}"))
    }

    /// Runs another command of the program on its configuration.
    ///
    /// # Panics
    /// When it cannot be run.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Output {
        binary::command("fenghuo")
            .arg(arguments[0])
            .arg(self.config())
            .args(&arguments[1..])
            .output()
            .unwrap()
    }

    /// Checks the journal's chain and that a replay gives the journal. Not while it runs.
    ///
    /// # Panics
    /// When either does not hold.
    #[must_use]
    pub fn prove(&self, replay: &[&str]) -> String {
        let verified = self.command(&["verify"]);
        assert!(verified.status.success(), "{}", words(&verified));
        let replayed = self.command(&[&["replay"], replay].concat());
        assert!(replayed.status.success(), "{}", words(&replayed));
        words(&verified) + &words(&replayed)
    }
}

/// Everything that a command said.
#[must_use]
pub fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
