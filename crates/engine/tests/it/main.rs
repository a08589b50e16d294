//! The engine against texts and against Prometheus.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its files has failed"
)]

mod bounds;
mod clock;
mod fold;
mod limits;
mod packs;
mod plant;
mod prometheus;
mod random;
mod scenarios;
mod unknown;
