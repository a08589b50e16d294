//! A serial port of the gateway whose cable ends at a port of this machine: a pseudo terminal
//! that `socat` joins to it. It can be pulled out, and the device file goes with it.

use std::path::PathBuf;
use std::process::Command;

use crate::process::Process;
use crate::wait;

/// A serial port.
#[derive(Debug)]
pub struct Cable {
    /// Its device file.
    pub port: PathBuf,
    to: u16,
    process: Option<Process>,
}

impl Cable {
    /// Plugs it in.
    #[must_use]
    pub fn lay(port: PathBuf, to: u16) -> Self {
        let mut cable = Self {
            port,
            to,
            process: None,
        };
        cable.plug();
        cable
    }

    /// Plugs it in again.
    ///
    /// # Panics
    /// When the port does not come up.
    pub fn plug(&mut self) {
        let near = format!("pty,raw,echo=0,link={}", self.port.display());
        let far = format!("tcp:127.0.0.1:{}", self.to);
        let mut socat = Command::new("socat");
        socat.args([near, far]);
        let log = self.port.with_extension("socat.log");
        self.process = Some(Process::start("socat", &mut socat, &log));
        let port = self.port.clone();
        wait::until(wait::LONG, "the serial port", || port.exists());
    }

    /// Pulls it out.
    ///
    /// # Panics
    /// When `socat` has gone by itself.
    pub fn pull(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
            // It could not take its name away.
            drop(std::fs::remove_file(&self.port));
        }
    }
}
