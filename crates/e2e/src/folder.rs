//! A test's folder: removed with its value, kept when the test fails.

use std::path::Path;

use tempfile::TempDir;

/// Set to keep every folder.
const KEEP: &str = "FENGHUO_E2E_KEEP";

/// A temporary folder.
#[derive(Debug)]
pub struct Folder(Option<TempDir>);

impl Folder {
    /// A new one.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        Self(Some(tempfile::tempdir().unwrap()))
    }

    /// Where it is.
    ///
    /// # Panics
    /// Never: it is there until it is dropped.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.as_ref().unwrap().path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() && std::env::var_os(KEEP).is_none() {
            return;
        }
        if let Some(dir) = self.0.take() {
            eprintln!(
                "configuration, logs and data are kept in {}",
                dir.keep().display()
            );
        }
    }
}
