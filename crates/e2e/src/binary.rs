//! Where the built programs are.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program of this workspace, built by `make build` into the folder of this test.
///
/// # Panics
/// When it is not there.
#[must_use]
fn built(name: &str) -> PathBuf {
    let path = target_profile().join(name);
    assert!(
        path.exists(),
        "{} is missing: run `make build` before the end-to-end tests",
        path.display()
    );
    path
}

/// The program as a command, without what the environment of the tests may tell it.
#[must_use]
pub fn command(name: &str) -> Command {
    let mut command = Command::new(built(name));
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("FENGHUO_") {
            command.env_remove(key);
        }
    }
    command
}

/// The folder of the build: `target/debug`, wherever it is.
fn target_profile() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let deps = test.parent().unwrap();
    deps.parent().unwrap().to_owned()
}

/// The target folder itself, for what tests install once.
#[must_use]
pub fn target() -> PathBuf {
    target_profile().parent().unwrap().to_owned()
}

/// The first of these programs that is there.
///
/// # Panics
/// When none is; the words say how to get it.
#[must_use]
pub fn installed(paths: &[&str], hint: &str) -> PathBuf {
    let found = paths.iter().find(|path| Path::new(path).exists());
    PathBuf::from(found.unwrap_or_else(|| panic!("{} is missing: {hint}", paths[0])))
}

/// A folder of this workspace.
#[must_use]
pub fn workspace(path: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.join("../..").join(path)
}
