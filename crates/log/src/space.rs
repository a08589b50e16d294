//! How much room there is: on the file system, and inside the log's own file.

use std::path::Path;

use crate::LogError;

/// Room taken and room left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Space {
    /// Bytes of the log's database file, free pages included.
    pub file_bytes: u64,
    /// Bytes of free pages inside it, which the next appends take first.
    pub free_page_bytes: u64,
    /// Bytes that the file system still gives to this process.
    pub disk_free_bytes: u64,
    /// Bytes that the file may still grow before its own budget is full.
    pub budget_left_bytes: u64,
}

impl Space {
    /// Bytes that can still be appended: free pages, and growth while both disk and budget
    /// allow it.
    #[must_use]
    pub fn appendable_bytes(&self) -> u64 {
        let growth = self.disk_free_bytes.min(self.budget_left_bytes);
        self.free_page_bytes.saturating_add(growth)
    }
}

/// Bytes that the file system of `dir` still gives to an ordinary process.
///
/// # Errors
/// [`LogError::Io`] when the system cannot tell.
pub fn free_bytes(dir: &Path) -> Result<u64, LogError> {
    let stat = rustix::fs::statvfs(dir).map_err(|errno| LogError::Io {
        path: dir.to_owned(),
        source: errno.into(),
    })?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
