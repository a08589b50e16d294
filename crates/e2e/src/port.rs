//! Ports for those who are started and killed again on the same one.

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use crate::wait;

/// Below what the system gives to outgoing connections, so that nobody takes a port while
/// its owner is down.
const FIRST: u16 = 20_100;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that nobody listens on, given out once in this process.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free() -> u16 {
    let start = u16::try_from(std::process::id() % 1_000).unwrap() * 11;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start + step) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
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
