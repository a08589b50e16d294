//! A small disk of a program's own, that can be full, read-only and damaged: a file system in a
//! name space that nobody else sees, kept by a process that only waits.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Process;
use crate::wait;

/// Written at once to fill it; the last bytes of a page may stay free.
const FILL: usize = 4_096;
const BALLAST: &str = "fill";

/// A disk.
#[derive(Debug)]
pub struct Disk {
    keeper: Process,
    at: PathBuf,
}

impl Disk {
    /// One of so many MB, mounted on a folder that is made for it.
    ///
    /// # Panics
    /// When it cannot be had: user name spaces are needed.
    #[must_use]
    pub fn mount(at: &Path, mb: u32) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let mut command = Command::new("unshare");
        let script = format!("mount -t tmpfs -o size={mb}m none \"$0\" && exec sleep infinity");
        command
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg(script)
            .arg(at);
        let keeper = Process::start("disk", &mut command, &at.with_extension("disk.log"));
        let mut disk = Self {
            keeper,
            at: at.to_owned(),
        };
        let mounts = format!("/proc/{}/mounts", disk.keeper.id());
        wait::until(wait::LONG, "a disk to be mounted", || {
            disk.keeper.must_run();
            let mounts = std::fs::read_to_string(&mounts).unwrap_or_default();
            mounts.contains(&*at.to_string_lossy())
        });
        disk
    }

    /// What starts a program that sees it, and is told by errors, not by a signal, that a file
    /// may not grow.
    #[must_use]
    pub fn entrance(&self) -> Vec<OsString> {
        let keeper = self.keeper.id().to_string();
        let enter = ["nsenter", "--user", "--mount", "--preserve-credentials"];
        let enter = enter.into_iter().chain(["--target", &keeper]);
        let deaf = ["env", "--ignore-signal=XFSZ"];
        enter.chain(deaf).map(OsString::from).collect()
    }

    /// One of its files, as the rest of the machine can reach it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        let at = self.at.strip_prefix("/").unwrap_or(&self.at);
        root.join(at).join(name)
    }

    /// Leaves no room on it.
    ///
    /// # Panics
    /// When it cannot be reached.
    pub fn fill(&self) {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(self.file(BALLAST));
        let mut file = file.unwrap();
        while file.write_all(&[0; FILL]).is_ok() {}
    }

    /// There is room again.
    ///
    /// # Panics
    /// When it was not filled.
    pub fn drain(&self) {
        std::fs::remove_file(self.file(BALLAST)).unwrap();
    }

    /// It can only be read, or be written again. Nobody may have a file of it open.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn set_read_only(&self, is_read_only: bool) {
        let entrance = self.entrance();
        let option = if is_read_only {
            "remount,ro"
        } else {
            "remount,rw"
        };
        let mut command = Command::new(&entrance[0]);
        command.args(&entrance[1..]).args(["mount", "-o", option]);
        let done = command.arg(&self.at).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "mount -o {option}: {said}");
    }
}
