//! The names of functions and operators.

use cel::common::ast::operators;

use super::tree::{Binary, Extreme, Unary};

/// Known functions, for a fault that names them.
pub const FUNCTIONS: &str = "`abs`, `min`, `max`, `sqrt`, `floor`, `ceil`, `round`, `quantity`, \
                         `in_unit`, `known`, `good`, `doubtful`, `age`";

/// A function of the rule language.
#[derive(Clone, Copy)]
pub enum Function {
    Unary(Unary),
    Extreme(Extreme),
    Quantity,
    InUnit,
    Age,
}

impl Function {
    /// How many arguments it needs.
    pub const fn takes(self) -> usize {
        match self {
            Self::Unary(_) | Self::Age => 1,
            Self::Extreme(_) | Self::Quantity | Self::InUnit => 2,
        }
    }

    /// Whether it takes any number beyond that.
    pub const fn takes_more(self) -> bool {
        matches!(self, Self::Extreme(_))
    }
}

/// A function by its name.
pub fn function(name: &str) -> Option<Function> {
    Some(match name {
        "abs" => Function::Unary(Unary::Abs),
        "sqrt" => Function::Unary(Unary::Sqrt),
        "floor" => Function::Unary(Unary::Floor),
        "ceil" => Function::Unary(Unary::Ceil),
        "round" => Function::Unary(Unary::Round),
        "known" => Function::Unary(Unary::Known),
        "good" => Function::Unary(Unary::Good),
        "doubtful" => Function::Unary(Unary::Doubtful),
        "min" => Function::Extreme(Extreme::Min),
        "max" => Function::Extreme(Extreme::Max),
        "quantity" => Function::Quantity,
        "in_unit" => Function::InUnit,
        "age" => Function::Age,
        _ => return None,
    })
}

/// An operator by the name that the parser gives it.
pub fn binary(name: &str) -> Option<Binary> {
    Some(match name {
        operators::ADD => Binary::Add,
        operators::SUBSTRACT => Binary::Subtract,
        operators::MULTIPLY => Binary::Multiply,
        operators::DIVIDE => Binary::Divide,
        operators::MODULO => Binary::Remainder,
        operators::LESS => Binary::Less,
        operators::LESS_EQUALS => Binary::LessEqual,
        operators::GREATER => Binary::Greater,
        operators::GREATER_EQUALS => Binary::GreaterEqual,
        operators::EQUALS => Binary::Equal,
        operators::NOT_EQUALS => Binary::Unequal,
        operators::LOGICAL_AND => Binary::And,
        operators::LOGICAL_OR => Binary::Or,
        _ => return None,
    })
}
