//! The server: what arrives is kept, judged, written down, shown and told.
//!
//! ```text
//!  broker ─► intake ─► ingest ─► LOG ─► feed ─┬─► judge ─► JOURNAL ─► board ─► api, notify
//!                        │                    ├─► historian ─► history
//!                        └─► receipts         └─► sink
//! ```
//!
//! Each arrow is a bounded queue or a cursor on something durable. The modules stand in the
//! order of the flow.

pub mod cli;
pub mod clock;
pub mod config;
pub mod instant;

pub mod entry;
pub mod intake;
pub mod transport;

pub mod feed;
pub mod ingest;

pub mod journal;
pub mod judge;
pub mod snapshot;
pub mod upgrade;
pub mod view;

pub mod board;
pub mod custody;
pub mod historian;

pub mod api;
pub mod metrics;
pub mod notify;
pub mod sink;

pub mod backtest;
pub mod check;
pub mod coverage;
pub mod explain;
pub mod inquire;
pub mod rebuild;
pub mod replay;
pub mod rules_test;
pub mod serve;
