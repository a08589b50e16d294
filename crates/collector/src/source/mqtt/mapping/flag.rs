//! What a device says of its own value: a mark beside it that it is good or is not. Pure.

use fenghuo_model::{Reading, Reason};
use serde_json::Value as Json;

/// Which marks leave a value good. Marks are compared as texts: `true`, `192`, `"ok"`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Marks {
    /// These do; any other, or none at all, does not.
    Good(Vec<String>),
    /// All but these do, and no mark at all does too.
    Bad(Vec<String>),
}

impl Marks {
    fn is_good(&self, mark: Option<&str>) -> bool {
        let stands_in = |list: &[String]| mark.is_some_and(|mark| list.iter().any(|it| it == mark));
        match self {
            Self::Good(list) => stands_in(list),
            Self::Bad(list) => !stands_in(list),
        }
    }

    /// The reading under this mark. What had no value anyway keeps its own reason.
    #[must_use]
    pub fn judge(&self, mark: Option<&str>, reading: Reading) -> Reading {
        match reading {
            Reading::Good(_) | Reading::Uncertain(..) if !self.is_good(mark) => {
                Reading::Bad(Reason::DeviceFlag)
            }
            reading => reading,
        }
    }
}

/// A mark in JSON, as a text; `None` when there is none.
#[must_use]
pub fn of_json(mark: Option<&Json>) -> Option<String> {
    match mark? {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
