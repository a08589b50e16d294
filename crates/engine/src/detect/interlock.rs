//! Interlock: one state without another that it needs.
//!
//! - **Sees** the truth of "the own point is in the state `when` and one of the required points
//!   is off". Those are all points of the gateway that `requires` names, of the own `area` where
//!   the own point has one, together with those that have none. Each of them must be on: of two
//!   fans neither stands for the other. A number is on when it is not 0. How long it must last
//!   is the level's `for`.
//! - **Unknown** while the own point is, for its reason; and while the own point is in that
//!   state and a required one is unknown, unless another one is off, which decides. Where the own
//!   point is in the other state, nothing is required and the answer is no. With no required
//!   point at all the rule is not bound, and the list of rules says so.
//! - **In doubt** when the own reading is; and a "no" when a required reading is.
//! - **Memory** none. **Cost** one look at each required point.
//!
//! ```toml
//! [[rule]]
//! id       = "dust.unguarded"
//! title    = { zh = "生产运行而除尘停止", en = "Production without its dust collector" }
//! select   = { kind = "state", role = "production" }
//! detector = "interlock"
//! when     = "on"
//! requires = { kind = "state", role = "dust-collector" }
//! [[rule.level]]
//! name     = "alarm"
//! for      = "30s"
//! severity = "red"
//! ```
