//! Python with what the tests need of it, installed once into the target folder.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use crate::binary;

/// Pinned: pymodbus' simulator has an API that is young and still moves. It needs pyserial for
/// serial ports. The others publish; they encode what tests compare.
const PACKAGES: &str =
    "pymodbus==3.16.1 pyserial==3.5 paho-mqtt==1.6.1 pysparkplug==0.6.1 protobuf==7.36.2";

/// The interpreter that has it.
///
/// # Panics
/// When it is not there and cannot be installed.
#[must_use]
pub fn interpreter() -> PathBuf {
    let dir = binary::target().join("e2e-python");
    let python = dir.join("bin/python");
    let done = dir.join("installed");
    // Test threads, and test runs, may come here at once.
    let lock = File::create(binary::target().join("e2e-python.lock")).unwrap();
    lock.lock().unwrap();
    if std::fs::read_to_string(&done).is_ok_and(|text| text == PACKAGES) {
        return python;
    }
    eprintln!("installing {PACKAGES} into {} (once)", dir.display());
    run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&dir),
        "apt-get install python3 python3-venv",
    );
    run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(PACKAGES.split(' ')),
        "PyPI must be reachable, by a mirror in pip's configuration if need be",
    );
    std::fs::write(&done, PACKAGES).unwrap();
    python
}

fn run(command: &mut Command, hint: &str) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}: {hint}"));
    assert!(
        output.status.success(),
        "{command:?} failed: {hint}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
