//! A PLC that nobody here wrote: pymodbus, with a log of every value that it served.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::point::Point;
use crate::process::Process;
use crate::served::{self, Served};
use crate::{binary, port, python, wait};

/// How a PLC is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// Modbus TCP.
    Tcp,
    /// RTU frames in a TCP connection.
    RtuOverTcp,
    /// RTU on a serial port: a pair of pseudo terminals that `socat` joins.
    Serial,
}

/// A PLC.
#[derive(Debug)]
pub struct Plc {
    process: Option<Process>,
    over: Over,
    cable: Option<Process>,
    /// Where it listens.
    pub port: u16,
    dir: PathBuf,
    starts: u32,
}

/// Waits until a process has a file open.
fn wait_for_file(process: u32, file: &Path) {
    let file = file.canonicalize().unwrap();
    wait::until(wait::LONG, "the plc to open its port", || {
        let open = std::fs::read_dir(format!("/proc/{process}/fd"));
        let mut open = open.into_iter().flatten().flatten();
        open.any(|it| std::fs::read_link(it.path()).is_ok_and(|to| to == file))
    });
}

/// Two serial ports, `tty-plc` and `tty-gateway`, joined.
///
/// # Panics
/// When `socat` does not make them.
#[must_use]
pub fn cable(dir: &Path) -> Process {
    let end = |name: &str| format!("pty,raw,echo=0,link={}", dir.join(name).display());
    let mut socat = Command::new("socat");
    socat.args([end("tty-plc"), end("tty-gateway")]);
    let cable = Process::start("socat", &mut socat, &dir.join("socat.log"));
    wait::until(wait::LONG, "the serial ports", || {
        ["tty-plc", "tty-gateway"]
            .iter()
            .all(|name| dir.join(name).exists())
    });
    cable
}

impl Drop for Plc {
    fn drop(&mut self) {
        self.kill();
        if let Some(cable) = self.cable.take() {
            cable.kill();
        }
    }
}

impl Plc {
    /// Starts one with these points.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(dir: &Path, points: &[Point]) -> Self {
        Self::start_over(Over::Tcp, dir, points)
    }

    /// The same over another wire.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_over(over: Over, dir: &Path, points: &[Point]) -> Self {
        let list: Vec<Json> = points
            .iter()
            .enumerate()
            .map(|(at, p)| p.json(at))
            .collect();
        std::fs::write(dir.join("points.json"), Json::Array(list).to_string()).unwrap();
        let mut plc = Self {
            process: None,
            over,
            cable: (over == Over::Serial).then(|| cable(dir)),
            port: port::free(),
            dir: dir.to_owned(),
            starts: 0,
        };
        plc.restart();
        plc
    }

    /// Starts it again where it was.
    pub fn restart(&mut self) {
        self.starts += 1;
        let mut command = Command::new(python::interpreter());
        command
            .arg("-u")
            .arg(binary::workspace("crates/e2e/python/plc.py"))
            .arg(self.listens_at())
            .arg(self.dir.join("points.json"))
            .arg(self.dir.join("served.jsonl"));
        let log = self.dir.join(format!("plc-{}.log", self.starts));
        let process = Process::start("plc", &mut command, &log);
        if self.over == Over::Serial {
            wait_for_file(process.id(), &self.dir.join("tty-plc"));
        } else {
            port::wait_for(self.port, "the plc to listen");
        }
        self.process = Some(process);
    }

    fn listens_at(&self) -> String {
        match self.over {
            Over::Tcp => self.port.to_string(),
            Over::RtuOverTcp => format!("rtu:{}", self.port),
            Over::Serial => self.dir.join("tty-plc").display().to_string(),
        }
    }

    /// How a collector reaches it.
    #[must_use]
    pub fn keys(&self) -> String {
        let address = format!("address = \"127.0.0.1:{}\"", self.port);
        match self.over {
            Over::Tcp => address,
            Over::RtuOverTcp => format!("transport = \"rtu_over_tcp\"\n{address}"),
            Over::Serial => {
                let tty = self.dir.join("tty-gateway");
                format!("transport = \"rtu\"\nport = {tty:?}\nbaud = 115200\nparity = \"none\"")
            }
        }
    }

    /// Ends it.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Everything it served, by point, in order.
    ///
    /// # Panics
    /// When its log is not what it writes.
    #[must_use]
    pub fn served(&self) -> BTreeMap<String, Vec<Served>> {
        served::read(&self.dir.join("served.jsonl"))
    }

    /// The same as sets, for points whose values never come twice, by the begin of their keys.
    ///
    /// # Panics
    /// When a value came twice.
    #[must_use]
    pub fn served_once(&self, prefix: &str) -> BTreeMap<String, BTreeSet<String>> {
        let served = self.served().into_iter();
        served
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(key, values)| {
                let count = values.len();
                let once: BTreeSet<_> = values.into_iter().map(|it| it.told).collect();
                assert_eq!(once.len(), count, "{key} counts");
                (key, once)
            })
            .collect()
    }
}
