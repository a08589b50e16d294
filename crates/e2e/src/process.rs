//! A child process that ends with its value, and shows its log when a test fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::wait;

/// Longest wait for an orderly end.
const STOP: Duration = Duration::from_secs(30);
/// Lines of a log that are shown, without those for tests.
const SHOWN: usize = 40;

/// A running program.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program with its output in a file.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory in MB; none when it has ended.
    #[must_use]
    pub fn resident_mb(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kb: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kb >> 10)
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it has ended by itself.
    ///
    /// # Panics
    /// When that cannot be known.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Panics when it has ended by itself.
    ///
    /// # Panics
    /// When it has.
    pub fn must_run(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("{} ended by itself: {status}\n{}", self.name, self.log());
        }
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// When it has ended by itself before.
    pub fn kill(mut self) {
        self.must_run();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Panics
    /// When it does not end, or not with success.
    pub fn stop(self) {
        self.stop_or(|_| false);
    }

    /// The same, where it may also end without success if its log says why.
    ///
    /// # Panics
    /// When it does not end, or not so.
    pub fn stop_or(mut self, is_fine: impl Fn(&str) -> bool) {
        self.must_run();
        self.signal("-TERM");
        let status = self.wait(STOP);
        let is_fine = status.success() || is_fine(&self.log());
        assert!(is_fine, "{} ended with {status}", self.name);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn wait(&mut self, most: Duration) -> ExitStatus {
        let what = format!("{} to end", self.name);
        wait::for_some(most, &what, || self.child.try_wait().unwrap())
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success(), "kill {signal} {id}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let is_over = matches!(self.child.try_wait(), Ok(Some(_)));
        if !is_over && (self.child.kill().is_err() || self.child.wait().is_err()) {
            eprintln!("{} could not be ended", self.name);
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().filter(|line| !line.contains("DEBUG")).collect();
            let tail = &lines[lines.len().saturating_sub(SHOWN)..];
            eprintln!(
                "--- the end of {}'s log ---\n{}",
                self.name,
                tail.join("\n")
            );
        }
    }
}
