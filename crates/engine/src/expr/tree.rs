//! An expression as a tree: names resolved to a closed set of operations, units known, each
//! node with its place. Every node is used once and the depth is bounded by the parser.

use std::ops::Range;

use fenghuo_model::Unit;

/// A node and where it stands, with the brackets around it.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    pub span: Range<usize>,
    pub kind: Kind,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    Number(f64),
    Truth(bool),
    Text(String),
    Name(String),
    Unary(Unary, Box<Node>),
    Binary(Binary, Box<[Node; 2]>),
    /// At least two.
    Extreme(Extreme, Vec<Node>),
    Choose(Box<[Node; 3]>),
    /// A plain number gets a unit.
    Quantity(Box<Node>, Unit),
    /// A quantity becomes a plain number in this unit.
    InUnit(Box<Node>, Unit),
    /// The time since this input's last value.
    Age(Box<Node>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unary {
    Not,
    Negate,
    Abs,
    Sqrt,
    Floor,
    Ceil,
    Round,
    Known,
    Good,
    Doubtful,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    Unequal,
    And,
    Or,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extreme {
    Min,
    Max,
}

impl Node {
    /// Whether it gives true or false, where that does not depend on what the inputs are.
    pub fn gives_truth(&self) -> Option<bool> {
        match &self.kind {
            Kind::Name(_) => None,
            Kind::Truth(_) => Some(true),
            Kind::Number(_) | Kind::Text(_) | Kind::Extreme(..) => Some(false),
            Kind::Quantity(..) | Kind::InUnit(..) | Kind::Age(_) => Some(false),
            Kind::Unary(op, _) => Some(matches!(
                op,
                Unary::Not | Unary::Known | Unary::Good | Unary::Doubtful
            )),
            Kind::Binary(op, _) => Some(!matches!(
                op,
                Binary::Add
                    | Binary::Subtract
                    | Binary::Multiply
                    | Binary::Divide
                    | Binary::Remainder
            )),
            Kind::Choose(three) => three[1].gives_truth().or_else(|| three[2].gives_truth()),
        }
    }

    /// Calls `found` with every use of an input, in the order of the text.
    pub fn names<'a>(&'a self, found: &mut impl FnMut(&'a str, &Range<usize>)) {
        match &self.kind {
            Kind::Number(_) | Kind::Truth(_) | Kind::Text(_) => {}
            Kind::Name(name) => found(name, &self.span),
            Kind::Unary(_, x) | Kind::Quantity(x, _) | Kind::InUnit(x, _) | Kind::Age(x) => {
                x.names(found);
            }
            Kind::Binary(_, pair) => pair.iter().for_each(|node| node.names(found)),
            Kind::Extreme(_, nodes) => nodes.iter().for_each(|node| node.names(found)),
            Kind::Choose(three) => three.iter().for_each(|node| node.names(found)),
        }
    }
}
