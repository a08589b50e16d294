//! Ports for those who are started and killed again on the same one.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use crate::wait;

/// Below what the system gives to outgoing connections, so that nobody takes a port while
/// its owner is down.
const FIRST: u16 = 20_100;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);
/// A lock for each port that was given out, until this process ends: another test run on this
/// machine takes others, also while the owner of one is down.
static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// Whether no other process has taken a port; it is ours then.
fn take(port: u16) -> bool {
    let dir = std::env::temp_dir().join("fenghuo-e2e-ports");
    let file =
        std::fs::create_dir_all(&dir).and_then(|()| File::create(dir.join(port.to_string())));
    let Ok(file) = file else {
        // Another user's folder: without a lock it is as likely to be free as before.
        return true;
    };
    let is_ours = file.try_lock().is_ok();
    if is_ours {
        TAKEN.lock().unwrap().push(file);
    }
    is_ours
}

/// A port that nobody listens on, given out once on this machine while this process lives.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free() -> u16 {
    let start = u16::try_from(std::process::id() % 1_000).unwrap() * 11;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start + step) % COUNT;
        if take(port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port");
}

/// Waits until somebody listens there.
pub fn wait_for(port: u16, what: &str) {
    wait::until(Duration::from_secs(20), what, || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
}
