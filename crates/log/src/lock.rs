//! One writer a log: an advisory lock on a file beside it, freed by the kernel when the
//! process ends however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::LogError;

/// Held as long as the log is open.
#[derive(Debug)]
pub struct WriterLock(#[expect(dead_code, reason = "held for its drop")] File);

impl WriterLock {
    pub fn take(log: &Path) -> Result<Self, LogError> {
        let path = log.with_extension("lock");
        let io = |source| LogError::Io {
            path: path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(LogError::InUse {
                path: log.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}
