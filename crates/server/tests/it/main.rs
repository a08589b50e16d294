//! What leaves the server, against peers that nobody here wrote: an HTTP server, and
//! Debian's VictoriaMetrics as the database that takes InfluxDB 2 writes.

#![allow(clippy::unwrap_used, reason = "a helper of tests may fail like a test")]

mod influx;
mod peers;
mod plant;
mod webhook;
