//! From tree to code: types and units are settled here, conversions put in, constants folded.
//!
//! What must stay true: every problem is found in one go; what comes out needs no check when
//! it runs; a constant that is no number is a fault here, not an unknown for ever after.

use std::collections::BTreeMap;
use std::ops::Range;

use fenghuo_model::Unit;

use super::cell::{Cell, State};
use super::code::{Code, Type, both, in_15_digits, leaf};
use super::program::{Op, Program, STACK_MAX};
use super::scale::{Conversion, Joined, Scale};
use super::tree::{Binary, Extreme, Kind, Node, Unary};
use super::{Fault, FaultKind, Ty, Want};

/// Lowers a tree for these inputs.
///
/// # Errors
/// Every problem.
pub fn lower(
    root: &Node,
    inputs: &BTreeMap<String, Ty>,
    want: Want,
) -> Result<Program, Vec<Fault>> {
    let mut slots = BTreeMap::new();
    root.names(&mut |name, _| {
        slots.entry(name).or_insert(0);
    });
    // At most INPUTS_MAX, so the numbers fit.
    for (number, slot) in (0_u8..).zip(slots.values_mut()) {
        *slot = number;
    }
    let mut lowering = Lowering {
        inputs,
        slots: &slots,
        texts: Vec::new(),
        faults: Vec::new(),
    };
    let code = lowering
        .node(root)
        .and_then(|code| lowering.wanted(code, want));
    let mut faults = lowering.faults;
    match code {
        Some(code) if faults.is_empty() && code.stack <= STACK_MAX => Ok(Program {
            ops: code.ops.into(),
            texts: lowering.texts.into(),
            inputs: slots.keys().map(|name| (*name).to_owned()).collect(),
            stack: code.stack,
            truth: want == Want::Bool,
        }),
        _ => {
            if faults.is_empty() {
                faults.push(Fault::new(root.span.clone(), "too deep to be evaluated"));
            }
            faults.sort_by_key(|fault| fault.span.start);
            Err(faults)
        }
    }
}

struct Lowering<'a> {
    inputs: &'a BTreeMap<String, Ty>,
    slots: &'a BTreeMap<&'a str, u8>,
    texts: Vec<Box<str>>,
    faults: Vec<Fault>,
}

impl Lowering<'_> {
    fn fault<T>(&mut self, span: &Range<usize>, what: impl Into<String>) -> Option<T> {
        self.fault_of(FaultKind::Language, span, what)
    }

    fn fault_of<T>(
        &mut self,
        kind: FaultKind,
        span: &Range<usize>,
        what: impl Into<String>,
    ) -> Option<T> {
        self.faults.push(Fault::of(kind, span.clone(), what));
        None
    }

    fn node(&mut self, node: &Node) -> Option<Code> {
        let span = &node.span;
        match &node.kind {
            Kind::Number(value) => leaf(span, Op::Constant(*value), Type::Number(Scale::BARE)),
            Kind::Truth(value) => leaf(span, Op::Always(*value), Type::Truth),
            Kind::Text(text) => {
                let Ok(at) = u8::try_from(self.texts.len()) else {
                    return self.fault(span, "too many texts");
                };
                self.texts.push(text.as_str().into());
                leaf(span, Op::Words(at), Type::Text)
            }
            Kind::Name(name) => self.input(name, span),
            Kind::Unary(op, of) => self.unary(*op, of, span),
            Kind::Binary(op, pair) => self.binary(*op, pair, span),
            Kind::Extreme(op, nodes) => self.extreme(*op, nodes, span),
            Kind::Choose(three) => self.choose(three, span),
            Kind::Quantity(of, unit) => self.quantity(of, *unit, span),
            Kind::InUnit(of, unit) => self.in_unit(of, *unit, span),
            Kind::Age(of) => self.age(of, span),
        }
    }

    fn input(&mut self, name: &str, span: &Range<usize>) -> Option<Code> {
        let Some((ty, slot)) = self.inputs.get(name).zip(self.slots.get(name)) else {
            let known: Vec<_> = self.inputs.keys().map(String::as_str).collect();
            let what = format!("unknown input `{name}`; known: `{}`", known.join("`, `"));
            return self.fault_of(FaultKind::UnknownInput, span, what);
        };
        match *ty {
            Ty::Bool => leaf(span, Op::Truth(*slot), Type::Truth),
            Ty::Text => leaf(span, Op::Text(*slot), Type::Text),
            Ty::Number(unit) => leaf(span, Op::Number(*slot), Type::Number(Scale::of(unit))),
        }
    }

    fn age(&mut self, of: &Node, span: &Range<usize>) -> Option<Code> {
        let mut code = self.node(of)?;
        let [Op::Number(slot) | Op::Truth(slot) | Op::Text(slot)] = code.ops.as_slice() else {
            return self.fault(span, "`age` asks an input by its name");
        };
        code.ops = vec![Op::Age(*slot)];
        code.ty = Type::Number(Unit::parse("s").map_or(Scale::plain(), Scale::of));
        code.span = span.clone();
        Some(code)
    }

    fn number(&mut self, code: &Code) -> Option<Scale> {
        match code.ty {
            Type::Number(scale) => Some(scale),
            other => self.expected(code, "a number", other),
        }
    }

    fn truth(&mut self, code: &Code) -> Option<()> {
        match code.ty {
            Type::Truth => Some(()),
            other => self.expected(code, "true or false", other),
        }
    }

    fn expected<T>(&mut self, code: &Code, wanted: &str, found: Type) -> Option<T> {
        let what = format!("{wanted} is expected here, this is {}", found.name());
        self.fault_of(FaultKind::Type, &code.span, what)
    }

    fn unary(&mut self, op: Unary, of: &Node, span: &Range<usize>) -> Option<Code> {
        let mut code = self.node(of)?;
        let scale = match op {
            Unary::Known | Unary::Good | Unary::Doubtful => None,
            Unary::Not => {
                self.truth(&code)?;
                None
            }
            Unary::Floor | Unary::Ceil | Unary::Round => Some(Ok(self.number(&code)?)),
            Unary::Sqrt => Some(self.number(&code)?.root()),
            Unary::Negate | Unary::Abs => Some(self.number(&code)?.span()),
        };
        code.ty = match scale {
            None => Type::Truth,
            Some(Ok(scale)) => Type::Number(scale),
            Some(Err(what)) => return self.fault_of(FaultKind::Unit, &code.span, what),
        };
        let constant = code
            .constant()
            .filter(|_| matches!(code.ty, Type::Number(_)));
        code.span = span.clone();
        match constant {
            Some(value) => self.fold(code, Cell::constant(value).unary(op)),
            None => {
                code.ops.push(Op::Unary(op));
                Some(code)
            }
        }
    }

    fn binary(&mut self, op: Binary, pair: &[Node; 2], span: &Range<usize>) -> Option<Code> {
        let (left, right) = (self.node(&pair[0]), self.node(&pair[1]));
        let (left, right) = (left?, right?);
        match op {
            Binary::And | Binary::Or => {
                let (a, b) = (self.truth(&left), self.truth(&right));
                a.and(b)?;
                Some(both(left, right, Op::Binary(op), Type::Truth, span))
            }
            Binary::Equal | Binary::Unequal if !matches!(left.ty, Type::Number(_)) => {
                if left.ty != right.ty {
                    return self.expected(&right, left.ty.name(), right.ty);
                }
                let op = match left.ty {
                    Type::Text => Op::Same(op == Binary::Equal),
                    _ => Op::Binary(op),
                };
                Some(both(left, right, op, Type::Truth, span))
            }
            Binary::Add
            | Binary::Subtract
            | Binary::Multiply
            | Binary::Divide
            | Binary::Remainder => self.arithmetic(op, left, right, span),
            _ => self.comparison(op, left, right, span),
        }
    }

    fn arithmetic(
        &mut self,
        op: Binary,
        left: Code,
        right: Code,
        span: &Range<usize>,
    ) -> Option<Code> {
        let (a, b) = (self.number(&left), self.number(&right));
        let (a, b) = (a?, b?);
        let joined = match op {
            Binary::Subtract => a.difference(b),
            Binary::Multiply => a.product(b),
            Binary::Divide => a.ratio(b),
            Binary::Remainder => a.remainder(b),
            _ => a.sum(b),
        };
        let (scale, right) = self.joined(joined, right)?;
        let constants = left.constant().zip(right.constant());
        let code = both(left, right, Op::Binary(op), Type::Number(scale), span);
        match constants {
            Some((a, b)) => {
                let cell = Cell::constant(a).binary(op, Cell::constant(b));
                self.fold(code, cell)
            }
            None => Some(code),
        }
    }

    /// The right side is converted, or the left one when only it is a constant: so a point's
    /// own reading is compared as it is, and the constant rounded.
    fn comparison(
        &mut self,
        op: Binary,
        left: Code,
        right: Code,
        span: &Range<usize>,
    ) -> Option<Code> {
        let (a, b) = (self.number(&left), self.number(&right));
        let (a, b) = (a?, b?);
        let (left, right) = if left.constant().is_some() && right.constant().is_none() {
            let (_, left) = self.joined(b.alike(a), left)?;
            (left, right)
        } else {
            let (_, right) = self.joined(a.alike(b), right)?;
            (left, right)
        };
        Some(both(left, right, Op::Binary(op), Type::Truth, span))
    }

    fn joined(&mut self, joined: Joined, converted: Code) -> Option<(Scale, Code)> {
        match joined {
            Ok((scale, conversion)) => Some((scale, self.convert(converted, conversion)?)),
            Err(what) => self.fault_of(FaultKind::Unit, &converted.span, what),
        }
    }

    fn convert(&mut self, mut code: Code, conversion: Conversion) -> Option<Code> {
        let Conversion { factor, offset } = conversion;
        if conversion == Conversion::NONE {
            return Some(code);
        }
        if let Some(value) = code.constant() {
            let value = in_15_digits(value * factor + offset);
            return self.fold(code, Cell::constant(value));
        }
        code.ops.push(Op::Convert { factor, offset });
        Some(code)
    }

    fn fold(&mut self, code: Code, cell: Cell) -> Option<Code> {
        match cell.state {
            State::Good => Some(Code {
                ops: vec![Op::Constant(cell.value)],
                stack: 1,
                ..code
            }),
            _ => self.fault(&code.span, "this is not a number, whatever the inputs"),
        }
    }

    fn extreme(&mut self, op: Extreme, nodes: &[Node], span: &Range<usize>) -> Option<Code> {
        // All of them first, so that each one's problems are found.
        let numbers: Vec<Option<(Code, Scale)>> = nodes
            .iter()
            .map(|node| {
                let code = self.node(node)?;
                let scale = self.number(&code)?;
                Some((code, scale))
            })
            .collect();
        let mut numbers = numbers.into_iter().collect::<Option<Vec<_>>>()?.into_iter();
        let (mut left, mut scale) = numbers.next()?;
        for (right, own) in numbers {
            let (common, right) = self.joined(scale.alike(own), right)?;
            let constants = left.constant().zip(right.constant());
            scale = common;
            left = both(left, right, Op::Extreme(op), Type::Number(scale), span);
            if let Some((a, b)) = constants {
                let cell = Cell::constant(a).extreme(op, Cell::constant(b));
                left = self.fold(left, cell)?;
            }
        }
        Some(left)
    }

    fn choose(&mut self, three: &[Node; 3], span: &Range<usize>) -> Option<Code> {
        let [condition, yes, no] = three.each_ref().map(|node| self.node(node));
        let known = condition.as_ref().map(|code| self.truth(code));
        let (condition, yes, no) = (condition?, yes?, no?);
        let (ty, no) = match (yes.ty, no.ty) {
            (Type::Number(a), Type::Number(b)) => {
                let (scale, no) = self.joined(a.alike(b), no)?;
                (Type::Number(scale), no)
            }
            (a, b) if a == b => (a, no),
            (a, b) => return self.expected(&no, a.name(), b),
        };
        known??;
        let stack = condition.stack.max(1 + yes.stack).max(2 + no.stack);
        let mut ops = condition.ops;
        ops.extend(yes.ops);
        ops.extend(no.ops);
        ops.push(Op::Choose);
        let span = span.clone();
        Some(Code {
            ops,
            ty,
            stack,
            span,
        })
    }

    fn quantity(&mut self, of: &Node, unit: Unit, span: &Range<usize>) -> Option<Code> {
        let code = self.node(of)?;
        if !self.number(&code)?.is_plain() {
            let what = "a plain number is expected here, this has a unit; use `in_unit(.., ..)`";
            return self.fault_of(FaultKind::Unit, &code.span, what);
        }
        let ty = Type::Number(Scale::of(unit));
        let span = span.clone();
        Some(Code { ty, span, ..code })
    }

    fn in_unit(&mut self, of: &Node, unit: Unit, span: &Range<usize>) -> Option<Code> {
        let code = self.node(of)?;
        let conversion = self.number(&code)?.in_unit(unit);
        let conversion = match conversion {
            Ok(conversion) => conversion,
            Err(what) => return self.fault_of(FaultKind::Unit, &code.span, what),
        };
        let ty = Type::Number(Scale::plain());
        let span = span.clone();
        self.convert(Code { ty, span, ..code }, conversion)
    }

    fn wanted(&mut self, code: Code, want: Want) -> Option<Code> {
        match want {
            Want::Bool => self.truth(&code).map(|()| code),
            Want::Number(unit) => match self.number(&code)?.wanted(unit) {
                Ok(conversion) => self.convert(code, conversion),
                Err(what) => self.fault_of(FaultKind::Unit, &code.span, what),
            },
        }
    }
}
