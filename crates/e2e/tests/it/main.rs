//! The built programs against parts that nobody here wrote.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod counted;
mod custody;
mod proof;

mod backlog;
mod browser;
mod disk;
mod frames;
mod kill;
mod libmodbus;
mod mqtt;
mod plc;
mod probe;
mod reload;
mod restore;
mod soak;
mod upgrade;
mod wrong;
