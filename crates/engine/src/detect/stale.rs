//! Stale: a point has given no valid value for too long.
//!
//! - **Sees** the truth of "no value for `within`", counted in the gateway's time from the last
//!   reading that had one, good or doubtful; before the first one, from where the gateway's
//!   data begin. A bad reading is none, whatever its reason: an instrument that answers with
//!   errors is as silent as one that does not answer. A value that repeats itself is one (see
//!   [`flat`](super::flat)).
//! - **Unknown** while the gateway is silent or the point's line or device is down: one alarm
//!   says so of all its points, and what is up here stays and is held. Also while the point is
//!   not in the gateway's catalog.
//! - **In doubt** never.
//! - **Memory** none besides the instant of the point's last value. **Cost** O(1), and a timer
//!   `within` after that value: it needs no sample to come true.
//!
//! ```toml
//! [[rule]]
//! id       = "gas.silent"
//! title    = { zh = "气体测点无有效数据", en = "Gas point gives no valid value" }
//! select   = { kind = "concentration" }
//! detector = "stale"
//! within   = "5m"
//! [[rule.level]]
//! name     = "silent"
//! severity = "orange"
//! ```
