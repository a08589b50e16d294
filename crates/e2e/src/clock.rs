//! A machine's clock that a test sets: libfaketime shows a program another wall clock, and
//! leaves the monotonic one alone, as a clock that is set does.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A wall clock.
#[derive(Debug)]
pub struct WallClock {
    file: PathBuf,
    library: PathBuf,
}

impl WallClock {
    /// One that shows what the machine's does.
    ///
    /// # Panics
    /// When libfaketime is not there.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        let clock = Self {
            file: dir.join("clock"),
            library: library().expect("libfaketime is missing: apt-get install libfaketime"),
        };
        clock.set(0);
        clock
    }

    /// So many milliseconds ahead of the machine's.
    ///
    /// # Panics
    /// When its file cannot be written.
    pub fn set(&self, ahead_ms: i64) {
        // Programs read it at any moment: it is there as a whole, always.
        let new = self.file.with_extension("new");
        let sign = if ahead_ms < 0 { "-" } else { "+" };
        let (seconds, ms) = (ahead_ms.abs() / 1_000, ahead_ms.abs() % 1_000);
        std::fs::write(&new, format!("{sign}{seconds}.{ms:03}\n")).unwrap();
        std::fs::rename(&new, &self.file).unwrap();
    }

    /// What a program must be started with.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("LD_PRELOAD", self.library.clone().into()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone().into()),
            ("FAKETIME_NO_CACHE", "1".into()),
            // By its name of before, and by the one of now.
            ("DONT_FAKE_MONOTONIC", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("NO_FAKE_STAT", "1".into()),
        ]
    }
}

/// The one for programs with threads, in Debian's folder of the machine's kind.
fn library() -> Option<PathBuf> {
    let kinds = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let mut files = kinds.map(|kind| kind.path().join("faketime/libfaketimeMT.so.1"));
    files.find(|file| file.exists())
}
