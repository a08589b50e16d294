//! Devices that publish their readings, of parts that nobody here wrote: paho, and pysparkplug.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Process;
use crate::served::{self, Served};
use crate::{binary, python};

/// Devices on one connection to a broker.
#[derive(Debug)]
pub struct Devices {
    process: Option<Process>,
    broker: u16,
    dir: PathBuf,
    starts: u32,
}

impl Devices {
    /// Starts them.
    #[must_use]
    pub fn start(dir: &Path, broker: u16) -> Self {
        let mut devices = Self {
            process: None,
            broker,
            dir: dir.to_owned(),
            starts: 0,
        };
        devices.restart();
        devices
    }

    /// Starts them again: they go on counting.
    pub fn restart(&mut self) {
        self.starts += 1;
        let mut command = Command::new(python::interpreter());
        command
            .arg("-u")
            .arg(binary::workspace("crates/e2e/python/devices.py"))
            .arg(self.broker.to_string())
            .arg(self.record());
        let log = self.dir.join(format!("devices-{}.log", self.starts));
        self.process = Some(Process::start("devices", &mut command, &log));
    }

    fn record(&self) -> PathBuf {
        self.dir.join("published.jsonl")
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Everything that they published or meant to, by point, in order.
    #[must_use]
    pub fn served(&self) -> BTreeMap<String, Vec<Served>> {
        served::read(&self.record())
    }

    /// The numbers of the fan's messages that the broker has taken.
    #[must_use]
    pub fn taken(&self) -> BTreeSet<u64> {
        served::taken(&self.record())
    }

    /// A collector's `[[mqtt]]` table for them, by way of this port.
    #[must_use]
    pub fn sources(broker: u16) -> String {
        format!(
            "[[mqtt]]\nname = \"field\"\nurl = \"mqtt://127.0.0.1:{broker}\"\n\
             [[mqtt.topic]]\nfilter = \"plant/fan\"\n\
             time = {{ pointer = \"/ts\", format = \"ms\" }}\n\
             [[mqtt.topic.point]]\nkey = \"fan.count\"\nkind = \"count\"\npointer = \"/n\"\n\
             type = \"u64\"\n\
             [[mqtt.sparkplug]]\ngroup = \"plant\"\nedge = \"edge\"\n\
             [[mqtt.sparkplug.point]]\nkey = \"edge.count\"\nmetric = \"Count\"\n\
             kind = \"count\"\ntype = \"u64\"\n"
        )
    }
}
