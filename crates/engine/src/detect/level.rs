//! Level: the value itself. What a rule is that names no detector.
//!
//! - **Sees** the newest reading as a number (on and off are 1 and 0), in the point's unit; the
//!   limits of a rule in another unit are converted once, when it is bound. Each level compares
//!   by itself: `above` and `below` hold at the limit, `over` and `under` only beyond it. It
//!   clears where the same comparison with `reset` no longer holds: `above = 25, reset = 20`
//!   clears under 20, not at it. Between the two, what is up stays and nothing comes up.
//! - **Unknown** while the reading is bad, for its reason (a text is `wrong_type`); before the
//!   first one, as learning; while the gateway or the line is away, which have alarms of their
//!   own. What is up stays and is held, and no `for` runs. With `unknown = "alarm"` a bad
//!   reading counts as beyond the limit; one that is still to come, or away, does not.
//! - **In doubt** when the reading is: beyond the limit it raises, and it clears nothing.
//! - **Memory** none. **Cost** a comparison or two a level.
//!
//! The comparing is done where levels are judged, for every detector that gives a number.
//!
//! ```toml
//! [[rule]]
//! id     = "tank.pressure"
//! title  = { zh = "储罐压力高", en = "Tank pressure high" }
//! select = { kind = "pressure", target = "tank-pressure" }
//! unit   = "MPa"
//! [[rule.level]]
//! name     = "H"
//! above    = 1.2
//! reset    = 1.15
//! for      = "15s"
//! severity = "yellow"
//! ```
