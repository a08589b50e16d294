//! The built collector, and what its own log says it spooled.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::clock::WallClock;
use crate::disk::Disk;
use crate::point::Point;
use crate::process::Process;
use crate::{binary, http, port, wait};

/// How long a PLC usually has to answer: test machines are shared.
const TIMEOUT_MS: u32 = 10_000;

/// A collector.
#[derive(Debug)]
pub struct Collector {
    /// `enterprise/gateway`.
    pub gateway: String,
    /// Its folder: configuration, spool, logs.
    pub dir: PathBuf,
    /// Where counters and health are.
    pub status: u16,
    destinations: Vec<Destination>,
    /// What starts it on a disk of its own, where it is supervised as well.
    entrance: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    process: Option<Process>,
    runs: u32,
}

/// Where it delivers to.
#[derive(Debug)]
struct Destination {
    name: &'static str,
    broker: u16,
    /// Further keys of its configuration, a line each.
    keys: String,
}

/// A frame that is durable in a spool, by the collector's log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Spooled {
    /// The run.
    pub epoch: u64,
    /// The number.
    pub seq: u64,
    /// How many samples it holds.
    pub samples: u32,
    /// When it was closed, by the collector's clock without its steps.
    pub steady: i64,
}

impl Collector {
    /// One that delivers to a broker. It is not started.
    ///
    /// # Panics
    /// When its configuration cannot be written.
    #[must_use]
    pub fn new(dir: &Path, gateway: &str, broker: u16, sources: &str) -> Self {
        let dir = dir.join(gateway.replace('/', "-"));
        std::fs::create_dir_all(&dir).unwrap();
        let mut collector = Self {
            gateway: gateway.to_owned(),
            dir,
            status: port::free(),
            destinations: Vec::new(),
            entrance: Vec::new(),
            environment: Vec::new(),
            process: None,
            runs: 0,
        };
        collector.deliver_to("server", broker, "");
        collector.configure(sources);
        collector
    }

    /// Delivers there as well, from the next [`Collector::configure`] on. `keys` are further
    /// ones of the configuration, a line each.
    pub fn deliver_to(&mut self, name: &'static str, broker: u16, keys: &str) {
        self.destinations.push(Destination {
            name,
            broker,
            keys: keys.to_owned(),
        });
    }

    /// Its spool is on this disk, from the next start on. Such a disk may change what is on it:
    /// a collector that finds that ends, and is started again as systemd does it.
    pub fn live_on(&mut self, disk: &Disk) {
        self.entrance = disk.entrance();
    }

    /// It sees this wall clock, from the next start on.
    pub fn look_at(&mut self, clock: &WallClock) {
        self.environment = clock.environment();
    }

    /// Writes its configuration with other sources; for the next start or reload.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn configure(&self, sources: &str) {
        let (enterprise, gateway) = self.gateway.split_once('/').unwrap();
        let destinations = self.destinations.iter().map(|it| {
            let (name, port, keys) = (it.name, it.broker, &it.keys);
            format!("[[destination]]\nname = {name:?}\nurl = \"mqtt://127.0.0.1:{port}\"\n{keys}")
        });
        let destinations: Vec<_> = destinations.collect();
        let text = format!(
            "enterprise = {enterprise:?}\ngateway = {gateway:?}\n\
             [spool]\ndir = {:?}\nbudget_mb = 64\nflush_ms = 100\n{}\
             [status]\nlisten = \"127.0.0.1:{}\"\n{sources}",
            self.spool(),
            destinations.concat(),
            self.status
        );
        std::fs::write(self.config(), text).unwrap();
    }

    /// Writes its configuration with other sources, and waits until it has gone over to them.
    ///
    /// # Panics
    /// When it does not run, or does not take them.
    pub fn reload(&self, sources: &str) {
        let done = || self.figure("config_reloads_total{result=\"done\"}");
        let before = done().unwrap();
        self.configure(sources);
        self.process.as_ref().unwrap().signal("-HUP");
        let what = format!("{} to load its configuration again", self.gateway);
        wait::until(wait::LONG, &what, || done() > Some(before));
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.join("collector.toml")
    }

    /// Its spool's folder.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.dir.join("spool")
    }

    /// Starts it and waits until it answers.
    pub fn start(&mut self) {
        self.start_only();
        self.wait_up();
    }

    /// Starts it.
    pub fn start_only(&mut self) {
        self.runs += 1;
        let program = binary::command("fenghuo-collector");
        let mut command = match self.entrance.split_first() {
            None => program,
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program.get_program());
                command
            }
        };
        command
            .envs(self.environment.iter().cloned())
            .arg("--log-json")
            .arg("run")
            .arg(self.config())
            .env("RUST_LOG", "info,fenghuo_collector::spool=debug");
        let log = self.dir.join(format!("run-{:04}.log", self.runs));
        self.process = Some(Process::start(&self.gateway, &mut command, &log));
    }

    /// Starts it where it cannot run; answers what it said when it had ended by itself.
    ///
    /// # Panics
    /// When it ends with success, or not at all.
    pub fn start_in_vain(&mut self) -> String {
        self.start_only();
        let mut process = self.process.take().unwrap();
        let status = process.wait(wait::LONG);
        assert!(!status.success(), "{} ended with {status}", self.gateway);
        process.log()
    }

    /// Whether its files may grow, from now on. It must be [`Collector::live_on`] a disk.
    ///
    /// # Panics
    /// When it does not run.
    pub fn let_write(&self, may: bool) {
        let limit = if may { "unlimited" } else { "0" };
        let id = self.process.as_ref().unwrap().id().to_string();
        let mut prlimit = Command::new("prlimit");
        prlimit.args(["--pid", &id, &format!("--fsize={limit}:")]);
        assert!(prlimit.status().unwrap().success(), "prlimit of {id}");
    }

    /// Waits until it answers.
    pub fn wait_up(&mut self) {
        let (status, what) = (self.status, format!("{} to start", self.gateway));
        wait::until(wait::LONG, &what, || {
            self.supervise();
            if let Some(process) = &mut self.process {
                process.must_run();
            }
            http::get(status, "/healthz").is_some()
        });
    }

    /// Starts it again when it has ended for the one reason for which it may.
    ///
    /// # Panics
    /// When it has ended for another.
    pub fn supervise(&mut self) {
        if self.entrance.is_empty() || !self.process.as_mut().is_some_and(Process::has_ended) {
            return;
        }
        let said = self.process.take().unwrap().log();
        assert!(is_damage(&said), "{} ended: {said}", self.gateway);
        self.start_only();
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.supervise();
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
        self.supervise();
        if let Some(process) = self.process.take() {
            let is_supervised = !self.entrance.is_empty();
            process.stop_or(|said| is_supervised && is_damage(said));
        }
    }

    /// How often it was started.
    #[must_use]
    pub const fn runs(&self) -> u32 {
        self.runs
    }

    /// A figure of its metrics, without the prefix.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<f64> {
        http::figure(self.status, &format!("fenghuo_collector_{name}"))
    }

    /// A figure of the delivery to its first destination.
    pub fn delivery(&self, name: &str) -> Option<f64> {
        self.figure(&format!("{name}{{destination=\"server\"}}"))
    }

    /// Waits until every destination has everything.
    pub fn wait_delivered(&mut self) {
        let what = format!("{} to deliver what it has", self.gateway);
        wait::until(wait::LONG, &what, || {
            self.supervise();
            let mut names = self.destinations.iter().map(|it| it.name);
            names.all(|name| self.has_delivered(name))
        });
    }

    fn has_delivered(&self, destination: &str) -> bool {
        let figure = |what: &str| self.figure(&format!("{what}{{destination={destination:?}}}"));
        figure("link_up") == Some(1.0) && figure("frames_pending") == Some(0.0)
    }

    /// Every frame that its logs say is durable, in the order of the runs.
    ///
    /// # Panics
    /// When a log cannot be read.
    #[must_use]
    pub fn spooled(&self) -> Vec<Spooled> {
        let logs = 1..=self.runs;
        logs.flat_map(|run| self.spooled_in(run)).collect()
    }

    /// The same for one run.
    ///
    /// # Panics
    /// When its log cannot be read.
    #[must_use]
    pub fn spooled_in(&self, run: u32) -> Vec<Spooled> {
        let path = self.dir.join(format!("run-{run:04}.log"));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().filter_map(spooled).collect()
    }
}

/// Whether a collector has ended because its disk had changed what was on it.
fn is_damage(log: &str) -> bool {
    log.contains("the spool is damaged; it is set aside at the next start")
}

/// Reads a line of the log. The last one may be cut off by a kill: its frame is then not
/// known to be spooled, and may be there or not.
fn spooled(line: &str) -> Option<Spooled> {
    let line: Json = serde_json::from_str(line).ok()?;
    let fields = &line["fields"];
    (fields["message"] == "frame spooled").then_some(())?;
    Some(Spooled {
        epoch: fields["epoch"].as_u64()?,
        seq: fields["seq"].as_u64()?,
        samples: u32::try_from(fields["samples"].as_u64()?).ok()?,
        steady: fields["steady"].as_i64()?,
    })
}

/// A `[[modbus]]` table for points, unit by unit.
///
/// # Panics
/// Never: writing into a text cannot fail.
#[must_use]
pub fn modbus(plc: u16, interval_ms: u32, points: &[Point]) -> String {
    let address = format!("address = \"127.0.0.1:{plc}\"");
    modbus_over(&address, interval_ms, points)
}

/// The same for a line that is reached by these keys.
///
/// # Panics
/// Never: writing into a text cannot fail.
#[must_use]
pub fn modbus_over(keys: &str, interval_ms: u32, points: &[Point]) -> String {
    modbus_within(TIMEOUT_MS, keys, interval_ms, points)
}

/// The same with so many milliseconds to answer.
///
/// # Panics
/// Never: writing into a text cannot fail.
#[must_use]
pub fn modbus_within(timeout_ms: u32, keys: &str, interval_ms: u32, points: &[Point]) -> String {
    let keys = format!("name = \"plc\"\n{keys}\ntimeout_ms = {timeout_ms}");
    modbus_line(&keys, interval_ms, points)
}

/// The same for a line with all of its keys.
///
/// # Panics
/// Never: writing into a text cannot fail.
#[must_use]
pub fn modbus_line(keys: &str, interval_ms: u32, points: &[Point]) -> String {
    let mut text = format!("[[modbus]]\n{keys}\n");
    let mut unit = None;
    for point in points {
        if unit != Some(point.unit) {
            unit = Some(point.unit);
            let id = point.unit;
            writeln!(
                text,
                "[[modbus.unit]]\nid = {id}\ninterval_ms = {interval_ms}"
            )
            .unwrap();
        }
        text.push_str(&point.toml());
    }
    text
}
