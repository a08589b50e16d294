//! A PLC that nobody here wrote: pymodbus, with a log of every value that it served.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::point::Point;
use crate::process::Process;
use crate::{binary, port, python};

/// A PLC.
#[derive(Debug)]
pub struct Plc {
    process: Option<Process>,
    /// Where it listens.
    pub port: u16,
    dir: PathBuf,
    starts: u32,
}

/// One value that was served.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Served {
    /// The PLC's clock, in milliseconds, just before the answer.
    pub time: i64,
    /// What the collector must make of it.
    pub told: String,
}

impl Plc {
    /// Starts one with these points.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(dir: &Path, points: &[Point]) -> Self {
        let list: Vec<Json> = points
            .iter()
            .enumerate()
            .map(|(at, p)| p.json(at))
            .collect();
        std::fs::write(dir.join("points.json"), Json::Array(list).to_string()).unwrap();
        let mut plc = Self {
            process: None,
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
            .arg(self.port.to_string())
            .arg(self.dir.join("points.json"))
            .arg(self.dir.join("served.jsonl"));
        let log = self.dir.join(format!("plc-{}.log", self.starts));
        self.process = Some(Process::start("plc", &mut command, &log));
        port::wait_for(self.port, "the plc to listen");
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
        let text = std::fs::read_to_string(self.dir.join("served.jsonl")).unwrap_or_default();
        let mut all: BTreeMap<String, Vec<Served>> = BTreeMap::new();
        for line in text.lines() {
            let line: Json = serde_json::from_str(line).unwrap();
            let time = line["t"].as_i64().unwrap();
            for value in line["values"].as_array().unwrap() {
                let (key, told) = (value[0].as_str().unwrap(), value[1].as_str().unwrap());
                all.entry(key.to_owned()).or_default().push(Served {
                    time,
                    told: told.to_owned(),
                });
            }
        }
        all
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
