//! The built collector between a scripted PLC, Debian's mosquitto and a small server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod broker;
mod certificates;
mod collector;
mod plc;
mod server;

mod commands;
mod delivery;
mod devices;
mod disk;
mod narrow;
mod page;
mod payloads;
mod reconnect;
mod reload;
mod scripted;
mod service;
mod sieve;
mod slow;
mod sparkplug;
mod states;
mod tls;
