//! Where a rule's numbers come from, and how sure we are of them.
//!
//! What must stay true: a number that nobody has read in a regulation is never shown as law.
//! The loader refuses a source that claims more than its confidence bears.

use fenghuo_model::Title;
use serde::{Deserialize, Serialize};

use super::Day;

/// What kind of number it is: who may change it, and how.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Ship {
    /// From a regulation, read there: a site may only make it stricter.
    #[serde(rename = "REG")]
    Reg,
    /// From a regulation as known; a person has yet to sign the clause off. Binds as `REG`.
    #[serde(rename = "REG-pending")]
    RegPending,
    /// No default exists: only the site's design can say.
    #[serde(rename = "DES")]
    Des,
    /// A default that a site confirms or changes.
    #[serde(rename = "DEF")]
    Def,
}

impl Ship {
    /// Every class.
    pub const ALL: &[Self] = &[Self::Reg, Self::RegPending, Self::Des, Self::Def];

    /// The stable name in files and APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reg => "REG",
            Self::RegPending => "REG-pending",
            Self::Des => "DES",
            Self::Def => "DEF",
        }
    }

    /// Whether a site may only make it stricter.
    #[must_use]
    pub const fn is_legal(self) -> bool {
        matches!(self, Self::Reg | Self::RegPending)
    }
}

/// How sure we are of a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Confidence {
    /// Read on a page that quotes the standard.
    #[serde(rename = "V")]
    Read,
    /// Read on a regulator's page or in the standard's own clause.
    #[serde(rename = "V*")]
    ReadAtSource,
    /// Known, but not checked against a page.
    #[serde(rename = "M")]
    Known,
    /// Unsure: never shown as law.
    #[serde(rename = "U")]
    Unsure,
}

impl Confidence {
    /// Every degree.
    pub const ALL: &[Self] = &[Self::Read, Self::ReadAtSource, Self::Known, Self::Unsure];

    /// The stable name in files and APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "V",
            Self::ReadAtSource => "V*",
            Self::Known => "M",
            Self::Unsure => "U",
        }
    }

    /// Whether somebody has read the number.
    #[must_use]
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Read | Self::ReadAtSource)
    }
}

/// Where numbers come from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Source {
    /// The standard; empty only where no regulation is claimed.
    pub standard: String,
    /// The standard's year.
    pub year: Option<u16>,
    /// The clause; empty only where no regulation is claimed.
    pub clause: String,
    /// What kind of number it is.
    pub ship: Ship,
    /// How sure we are of it.
    pub confidence: Confidence,
    /// What was read: page numbers, a file, a link.
    pub evidence: Option<String>,
    /// What a reader should know besides.
    pub note: Option<Title>,
    /// The last day of the standard's validity.
    pub until: Option<Day>,
    /// What it takes the place of.
    pub supersedes: Option<String>,
}

impl Source {
    /// The standard and its clause, for people.
    #[must_use]
    pub fn citation(&self) -> String {
        format!("{} {}", self.standard, self.clause)
            .trim()
            .to_owned()
    }

    /// Whether the standard's validity is over on a day, and no note says what that means.
    #[must_use]
    pub fn is_stale_on(&self, today: Day) -> bool {
        self.note.is_none() && self.until.is_some_and(|until| until < today)
    }
}
