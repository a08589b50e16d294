//! The broker against clients that nobody here wrote: rumqttc, and mosquitto's where present.

#![allow(clippy::unwrap_used, reason = "a helper of tests may fail like a test")]

mod access;
mod devices;
mod gateways;
mod life;
mod load;
mod support;
