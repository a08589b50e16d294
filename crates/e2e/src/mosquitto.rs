//! Debian's mosquitto: a broker to be killed, and its command-line publisher as a device.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::process::Process;
use crate::{binary, port};

/// How to get it.
const HINT: &str = "apt-get install mosquitto mosquitto-clients";

/// A broker.
#[derive(Debug)]
pub struct Mosquitto {
    process: Option<Process>,
    /// Where it listens.
    pub port: u16,
    dir: PathBuf,
    starts: u32,
}

impl Mosquitto {
    /// Starts one that keeps nothing over a restart.
    #[must_use]
    pub fn start(dir: &Path) -> Self {
        let mut broker = Self {
            process: None,
            port: port::free(),
            dir: dir.to_owned(),
            starts: 0,
        };
        broker.restart();
        broker
    }

    /// Starts it again where it was.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        let program = binary::installed(&["/usr/sbin/mosquitto", "/usr/bin/mosquitto"], HINT);
        self.starts += 1;
        let file = self.dir.join("mosquitto.conf");
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\npersistence false\n",
            self.port
        );
        std::fs::write(&file, text).unwrap();
        let log = self.dir.join(format!("mosquitto-{}.log", self.starts));
        let mut command = Command::new(program);
        command.arg("-c").arg(&file);
        self.process = Some(Process::start("mosquitto", &mut command, &log));
        port::wait_for(self.port, "mosquitto to listen");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }
}

/// `mosquitto_pub` that publishes what it reads, a line a message.
#[derive(Debug)]
pub struct Device {
    child: Child,
}

impl Device {
    /// Connects to a broker.
    ///
    /// # Panics
    /// When the program is not there.
    #[must_use]
    pub fn connect(broker: u16, topic: &str) -> Self {
        let program = binary::installed(&["/usr/bin/mosquitto_pub"], HINT);
        let child = Command::new(program)
            .args([
                "-h",
                "127.0.0.1",
                "-q",
                "1",
                "-l",
                "-p",
                &broker.to_string(),
            ])
            .args(["-t", topic])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child }
    }

    /// Publishes a payload of one line.
    ///
    /// # Panics
    /// When the program has ended.
    pub fn publish(&mut self, payload: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(payload.as_bytes()).unwrap();
        stdin.write_all(b"\n").unwrap();
        stdin.flush().unwrap();
    }

    /// Ends it when everything is published.
    ///
    /// # Panics
    /// When it did not go well.
    pub fn finish(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success(), "mosquitto_pub");
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let is_over = matches!(self.child.try_wait(), Ok(Some(_)));
        if !is_over && (self.child.kill().is_err() || self.child.wait().is_err()) {
            eprintln!("mosquitto_pub could not be ended");
        }
    }
}
