//! Integration tests of the simulators: stories in virtual time, faces over loopback, and
//! the demo's configuration held against the register maps.

#![allow(clippy::unwrap_used, reason = "clippy takes helpers of tests for code")]

mod configs;
mod devices;
mod faces;
mod pack;
mod story;
