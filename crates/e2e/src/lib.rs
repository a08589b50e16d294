//! The harness of the end-to-end tests: starts the built binaries, a pymodbus PLC, devices that
//! publish and Debian's mosquitto, and reads what came out of them.
//!
//! Everything is on loopback and in a temporary folder. A child process ends with its value,
//! also when a test panics, and its log is printed then. A test waits for a condition with a
//! deadline ([`wait`]), never for a time.
#![expect(clippy::unwrap_used, reason = "a test harness fails by panicking")]

pub mod binary;
pub mod folder;
pub mod port;
pub mod wait;

pub mod cable;
pub mod clock;
pub mod disk;
pub mod http;
pub mod process;
pub mod proxy;
pub mod python;

pub mod point;

pub mod collector;
pub mod devices;
pub mod mosquitto;
pub mod plc;
pub mod served;
pub mod server;

pub mod gateway;
pub mod history;
pub mod log;
