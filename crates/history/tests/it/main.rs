//! The promises of the store, each tested through its public face.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends by panicking"
)]

mod damage;
mod kill;
mod model;
mod once;
mod queries;
mod retention;
mod world;
