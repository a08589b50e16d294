//! State: the point is (or is not) in a state.
//!
//! - **Sees** the newest reading: on (true, or a number that is not 0), off (false, or 0), a
//!   number (a code of an enumeration, compared exactly) or a text. How long it must last is
//!   the level's `for`.
//! - **Unknown**: without a value, for its reason. Asked for what the point cannot be (a text
//!   point for on, off or a number; another one for a text) it is unknown for `wrong_type`,
//!   for `is_not` as well: it is never true because nothing could be compared. The words
//!   `on` and `off` are always these states, never texts.
//! - **In doubt** when the reading is.
//! - **Memory** none, **cost** one comparison.
//!
//! ```toml
//! [[rule]]
//! id       = "dust.collector.stopped"
//! title    = { zh = "除尘器停机", en = "Dust collector stopped" }
//! select   = { kind = "state", device = "dust_collector" }
//! detector = "state"
//! is       = "off"
//! [[rule.level]]
//! name     = "L1"
//! for      = "30s"
//! severity = "orange"
//! ```

use fenghuo_model::{Reason, Value};

use super::Seen;
use crate::event::Hold;
use crate::rule::Is;

#[cfg(test)]
mod tests;

/// Whether the point is in the state `is`, or with `not`, in another one.
#[must_use]
pub fn see(is: &Is, not: bool, reading: Result<(&Value, bool), Hold>) -> Seen {
    match reading {
        Ok((value, doubtful)) => compare(is, value)
            .map_or(Seen::Unknown(Hold::Reading(Reason::WrongType)), |equal| {
                Seen::Truth(equal != not, doubtful)
            }),
        Err(hold) => Seen::Unknown(hold),
    }
}

/// None when the two cannot be compared.
fn compare(is: &Is, value: &Value) -> Option<bool> {
    match (is, value) {
        (Is::Text(wanted), Value::Text(text)) => Some(wanted == text),
        (Is::Text(_), _) => None,
        (Is::On, value) => value.as_f64().map(|number| number != 0.0),
        (Is::Off, value) => value.as_f64().map(|number| number == 0.0),
        (Is::Number(wanted), value) => value.as_f64().map(|number| number == *wanted),
    }
}
