//! Rule expressions: what is not a limit, written as `when = "<expression>"`.
//!
//! The syntax is that of CEL, and the `cel` crate parses it; the language is smaller than CEL
//! and judges more carefully:
//! - numbers (one kind only: `1 / 2` is 0.5), `true`, `false`, "texts", and names of inputs;
//!   `value` is the rule's own point, the others come from its `[rule.inputs]`;
//! - `+ - * / %`, `< <= > >= == !=`, `&& || !`, `c ? a : b`;
//! - `abs(x)` `min(a, b, ..)` `max(a, b, ..)` `sqrt(x)` `floor(x)` `ceil(x)` `round(x)`;
//! - `quantity(1.2, "MPa")` gives a plain number a unit; `in_unit(x, "kPa")` takes it away;
//! - `known(x)` `good(x)` `doubtful(x)` are always true or false; `age(x)` is the time since
//!   the input's last value. `x == null`, members, lists and macros are refused.
//!
//! **Units** are checked when a rule is bound ([`compile`]). The right side is converted into
//! the unit of the left one; in a comparison a constant is converted instead, and rounded to
//! 15 digits, so that `quantity(0.07, "bar")` is exactly 7 kPa. A bare number takes the unit of
//! the other side: `value > 25` means the point's own. Different dimensions are a fault. A
//! product needs a plain number on one side; a ratio within one dimension is a plain number.
//! Temperatures have no natural zero: two cannot be added or multiplied, and their difference
//! is a difference, converted without the offset.
//!
//! **Unknown** is neither true nor false (Kleene): `false && unknown` is false, `true ||
//! unknown` is true, and else what is made of an unknown is unknown, with the first reason.
//! What is not a number (`x / 0`, `sqrt(-1)`, overflow) is unknown, never an invented value.
//! `doubtful` follows whatever decided: a good `false` decides an `&&` alone.
//!
//! **Bounds**: [`TEXT_MAX`] bytes, [`NODES_MAX`] nodes, [`DEPTH_MAX`] deep, [`INPUTS_MAX`]
//! inputs, all checked before the parser runs or before anything recurses. A program takes 24
//! bytes a node; evaluation allocates nothing, has no jumps and runs each operation once: a
//! few nanoseconds each (5 measured), at most [`NODES_MAX`] and the conversions between them.
//!
//! ```toml
//! when   = "value > 0.8 * rated && known(valve) && !valve"
//! inputs = { rated = "tank.rated-pressure", valve = "tank.relief-valve" }
//! ```
//! ```
//! use std::collections::BTreeMap;
//! use fenghuo_engine::expr::{Answer, Input, Source, Ty, Want, compile};
//! use fenghuo_model::Unit;
//!
//! let source = Source::parse(r#"value > quantity(1.2, "MPa") && !valve"#)?;
//! let inputs = BTreeMap::from([
//!     ("value".to_owned(), Ty::Number(Unit::parse("kPa").unwrap())),
//!     ("valve".to_owned(), Ty::Bool),
//! ]);
//! let program = compile(&source, &inputs, Want::Bool)?;
//! assert_eq!(program.inputs(), ["value", "valve"]);
//! let answer = program.eval(|slot| match slot {
//!     0 => Input::Number { value: 1_250.0, doubtful: false, age_ms: Some(200) },
//!     _ => Input::Bool { value: false, doubtful: true, age_ms: Some(900) },
//! });
//! assert_eq!(answer, Answer::Truth { value: true, doubtful: true });
//!
//! let faults = compile(&Source::parse(r#"value > quantity(25, "°C")"#)?, &inputs, Want::Bool);
//! let fault = &faults.unwrap_err()[0];
//! assert_eq!(fault.span, 8..27);
//! assert_eq!(
//!     fault.what,
//!     "`°C` (temperature) cannot be converted to `kPa` (pressure)"
//! );
//! # Ok::<(), Vec<fenghuo_engine::expr::Fault>>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use fenghuo_model::Unit;
use serde::{Deserialize, Serialize};

use crate::event::Hold;

mod cell;
mod code;
mod flat;
mod lower;
mod names;
mod parse;
mod program;
mod scale;
mod scan;
mod tree;

pub use program::Program;

use tree::Node;

/// Longest text, in bytes.
pub const TEXT_MAX: usize = 2_048;
/// Most values, names, operators and calls in one expression.
pub const NODES_MAX: usize = 256;
/// Deepest nesting, in brackets and in the tree.
pub const DEPTH_MAX: usize = 32;
/// Most inputs of one expression.
pub const INPUTS_MAX: usize = 32;
/// Most problems that are reported for one expression.
pub const FAULTS_MAX: usize = 20;

/// One problem in an expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where, in bytes of the text. Empty when something is missing there.
    pub span: Range<usize>,
    /// What sort of problem.
    pub kind: FaultKind,
    /// What is wrong.
    pub what: String,
}

/// What sort of problem an expression has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// It is not of the rule language.
    Language,
    /// It uses a name that is no input.
    UnknownInput,
    /// A truth value stands where a number is wanted, or the other way.
    Type,
    /// Units that do not fit each other.
    Unit,
}

impl FaultKind {
    /// In Chinese; [`Fault::what`] has the details.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Language => "不符合表达式语法",
            Self::UnknownInput => "引用了未声明的输入",
            Self::Type => "类型不符：需要真假值处是数值，或相反",
            Self::Unit => "单位不能换算或不能这样运算",
        }
    }
}

impl Fault {
    fn new(span: Range<usize>, what: impl Into<String>) -> Self {
        Self::of(FaultKind::Language, span, what)
    }

    fn of(kind: FaultKind, span: Range<usize>, what: impl Into<String>) -> Self {
        Self {
            span,
            kind,
            what: what.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.span.start, self.what)
    }
}

impl std::error::Error for Fault {}

/// A text that was parsed and checked, as far as that is possible without its inputs. It is
/// stored, compared and shown as its text.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Source {
    text: String,
    root: Node,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl Source {
    /// Parses and checks.
    ///
    /// # Errors
    /// Every problem, in the order of its place; of grammatical ones only the first in a pair of
    /// brackets, because those after it are mostly its echo.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let root = parse::parse(text)?;
        let text = text.to_owned();
        Ok(Self { text, root })
    }

    /// The text, as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it gives true or false, where that does not depend on what the inputs are.
    #[must_use]
    pub fn gives_truth(&self) -> Option<bool> {
        self.root.gives_truth()
    }

    /// The first use of each name that is no input, with its place.
    #[must_use]
    pub fn strangers(&self, is_input: impl Fn(&str) -> bool) -> Vec<(&str, Range<usize>)> {
        let mut strangers: Vec<(&str, Range<usize>)> = Vec::new();
        self.root.names(&mut |name, span| {
            if !is_input(name) && strangers.iter().all(|(known, _)| *known != name) {
                strangers.push((name, span.clone()));
            }
        });
        strangers
    }

    /// The names of the inputs that it uses.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.root.names(&mut |name, _| {
            names.insert(name);
        });
        names
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.text).finish()
    }
}

impl TryFrom<String> for Source {
    type Error = Fault;
    fn try_from(text: String) -> Result<Self, Fault> {
        Self::parse(&text).map_err(|faults| {
            let first = faults.into_iter().next();
            first.unwrap_or_else(|| Fault::new(0..0, "not an expression"))
        })
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.text
    }
}

/// Whether an expression can name an input so: a letter or `_`, then letters, digits and `_`,
/// and no word of the language's own.
#[must_use]
pub fn is_input_name(name: &str) -> bool {
    Source::parse(name).is_ok_and(|source| source.names().contains(name))
}

/// What an input is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ty {
    /// On or off.
    Bool,
    /// A number in this unit; [`Unit::ONE`] is a plain number.
    Number(Unit),
    /// A text; it can only be compared for equality.
    Text,
}

/// What an expression must give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// True or false.
    Bool,
    /// A number, given in this unit. A bare number is taken to be in it.
    Number(Unit),
}

/// Checks the units and types of an expression against its inputs, and lowers it.
///
/// # Errors
/// Every problem, in the order of its place.
pub fn compile(
    source: &Source,
    inputs: &BTreeMap<String, Ty>,
    want: Want,
) -> Result<Program, Vec<Fault>> {
    lower::lower(&source.root, inputs, want)
}

/// What an input is now. `age_ms` is the time since its last value; `None` when it never had
/// one, or when the clock was stepped since and nobody can tell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Input<'a> {
    /// A number in the input's unit.
    Number {
        /// The number.
        value: f64,
        /// Its quality is uncertain.
        doubtful: bool,
        /// Milliseconds since this value.
        age_ms: Option<u64>,
    },
    /// On or off.
    Bool {
        /// On.
        value: bool,
        /// Its quality is uncertain.
        doubtful: bool,
        /// Milliseconds since this value.
        age_ms: Option<u64>,
    },
    /// A text.
    Text {
        /// The text.
        value: &'a str,
        /// Its quality is uncertain.
        doubtful: bool,
        /// Milliseconds since this value.
        age_ms: Option<u64>,
    },
    /// It has no value.
    Unknown {
        /// Why not.
        reason: Hold,
        /// Milliseconds since the last value that it had.
        age_ms: Option<u64>,
    },
}

/// What an expression says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Answer {
    /// A number, always finite, in the unit that was wanted.
    Number {
        /// The number.
        value: f64,
        /// Something uncertain had a part in it.
        doubtful: bool,
    },
    /// True or false.
    Truth {
        /// Which.
        value: bool,
        /// Something uncertain had a part in it.
        doubtful: bool,
    },
    /// Nobody can tell; the first reason, in the order of the text.
    Unknown(Hold),
}

#[cfg(test)]
mod tests;
