//! Severity: one internal order, 1 to 4. Every standard's own level name is a label.

use serde::{Deserialize, Serialize};

/// How bad an alarm is: blue < yellow < orange < red.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Severity {
    /// 1: to know.
    Blue = 1,
    /// 2: to look after.
    Yellow = 2,
    /// 3: to act on now.
    Orange = 3,
    /// 4: life is at risk.
    Red = 4,
}

impl Severity {
    /// All of them, the lowest first.
    pub const ALL: [Self; 4] = [Self::Blue, Self::Yellow, Self::Orange, Self::Red];

    /// By the colour's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// The ordinal, 1 to 4.
    #[must_use]
    pub const fn ordinal(self) -> u8 {
        self as u8
    }

    /// The next worse one; red stays red.
    #[must_use]
    pub const fn worse(self) -> Self {
        match self {
            Self::Blue => Self::Yellow,
            Self::Yellow => Self::Orange,
            Self::Orange | Self::Red => Self::Red,
        }
    }

    /// The colour's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Yellow => "yellow",
            Self::Orange => "orange",
            Self::Red => "red",
        }
    }
}
