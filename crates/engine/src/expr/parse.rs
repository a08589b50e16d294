//! From text to tree: `cel` finds the grammar, this module keeps what the rule language has
//! and finds each node's place again.
//!
//! The parser gets the text flat, a pair of brackets at a time ([`super::flat`]); what was
//! taken out of a segment is parsed as segments of its own.

use std::collections::BTreeSet;
use std::ops::Range;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};
use cel::parser::Parser;
use fenghuo_model::Unit;

use super::flat::{Flat, after, first};
use super::names::{FUNCTIONS, Function, binary, function};
use super::scan::{self, Token, scan};
use super::tree::{Kind, Node, Unary};
use super::{DEPTH_MAX, FAULTS_MAX, Fault, INPUTS_MAX};

/// Whole numbers beyond it are not exact.
const WHOLE_MAX: i64 = 1 << 53;

/// Parses and checks a text.
///
/// # Errors
/// Every problem.
pub fn parse(text: &str) -> Result<Node, Vec<Fault>> {
    let tokens = scan(text)?;
    if tokens.is_empty() {
        return Err(vec![Fault::new(0..0, "an expression is expected")]);
    }
    let mut reader = Reader {
        text,
        tokens: &tokens,
        faults: Vec::new(),
    };
    let root = reader.segment(0..tokens.len(), 1);
    if let Some(root) = &root {
        reader.count_inputs(root);
    }
    let mut faults = reader.faults;
    match root {
        Some(root) if faults.is_empty() => Ok(root),
        _ => {
            if faults.is_empty() {
                faults.push(Fault::new(0..text.len(), "this cannot be read"));
            }
            faults.sort_by_key(|fault| fault.span.start);
            faults.truncate(FAULTS_MAX);
            Err(faults)
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token],
    faults: Vec<Fault>,
}

/// The parser's places in one segment.
struct Places {
    info: SourceInfo,
    start: usize,
}

impl Reader<'_> {
    fn fault<T>(&mut self, span: Range<usize>, what: impl Into<String>) -> Option<T> {
        self.faults.push(Fault::new(span, what));
        None
    }

    fn segment(&mut self, range: Range<usize>, depth: usize) -> Option<Node> {
        if range.is_empty() {
            return self.unexpected(range.start, "");
        }
        let flat = Flat::new(self.text, self.tokens, range.clone());
        match Parser::new().parse_with_source_info(&flat.text) {
            Ok((root, info)) => {
                let start = flat.start;
                self.node(&Places { info, start }, root, depth)
            }
            Err(errors) => {
                let (what, place) = first(&errors.errors);
                let at = flat.byte_of(place);
                let inside = &self.tokens[range.clone()];
                let found = inside.iter().position(|token| token.span.end > at);
                self.unexpected(found.map_or(range.end, |at| range.start + at), what)
            }
        }
    }

    /// The parser's complaint in our words: it lists what its grammar would take, most of
    /// which the rule language has not.
    fn unexpected(&mut self, at: usize, error: &str) -> Option<Node> {
        let Some(Token { span, kind }) = self.tokens.get(at) else {
            let end = self.tokens.last().map_or(0, |token| token.span.end);
            return self.fault(end..end, "something is missing at the end");
        };
        let word = &self.text[span.clone()];
        let what = match (kind, word) {
            (scan::Kind::Number, _) if error.starts_with("invalid") => {
                format!("`{word}` is too large")
            }
            (scan::Kind::Word, _) if error.starts_with("reserved") => {
                format!("`{word}` is a reserved word")
            }
            (scan::Kind::Word, "and" | "AND") => "write `&&` for and".to_owned(),
            (scan::Kind::Word, "or" | "OR") => "write `||` for or".to_owned(),
            _ => format!("`{word}` is not expected here"),
        };
        self.fault(span.clone(), what)
    }

    /// The token that the parser gave a node's number to.
    fn token_of(&mut self, places: &Places, id: u64) -> Option<usize> {
        let found = places.info.offset_for(id).and_then(|(start, _)| {
            let start = places.start + usize::try_from(start).ok()?;
            self.tokens
                .binary_search_by_key(&start, |token| token.span.start)
                .ok()
        });
        if found.is_none() {
            self.faults
                .push(Fault::new(0..self.text.len(), "this cannot be read"));
        }
        found
    }

    /// One node, with all below it even when a part is wrong.
    fn node(&mut self, places: &Places, node: IdedExpr, depth: usize) -> Option<Node> {
        let at = self.token_of(places, node.id)?;
        let span = self.tokens[at].span.clone();
        if depth > DEPTH_MAX {
            return self.fault(span, format!("nested deeper than {DEPTH_MAX}"));
        }
        match node.expr {
            Expr::Literal(literal) => self.literal(at, literal),
            Expr::Ident(name) => self.name(at, name, depth),
            Expr::Call(call) if call.target.is_none() => self.operator(places, at, call, depth),
            _ => self.fault(span, "this is not part of the rule language"),
        }
    }

    /// A name, or what was taken out: a call, a group.
    fn name(&mut self, at: usize, name: String, depth: usize) -> Option<Node> {
        let span = self.tokens[at].span.clone();
        if let scan::Kind::Open(close) = self.tokens[at].kind {
            let inner = self.segment(at + 1..close, depth)?;
            let span = span.start..self.tokens[close].span.end;
            return Some(Node { span, ..inner });
        }
        match self.tokens.get(at + 1).map(|next| next.kind) {
            Some(scan::Kind::Open(close)) => self.function(at, close, &name, depth),
            _ => leaf(span, Kind::Name(name)),
        }
    }

    fn literal(&mut self, at: usize, literal: LiteralValue) -> Option<Node> {
        let span = self.tokens[at].span.clone();
        let called = self.tokens[at].kind == scan::Kind::Word && after(self.tokens, at) > at + 1;
        match literal {
            LiteralValue::Boolean(_) if called => self.unexpected(at + 1, ""),
            LiteralValue::Boolean(value) => leaf(span, Kind::Truth(value.into_inner())),
            LiteralValue::String(value) => leaf(span, Kind::Text(value.inner().to_owned())),
            LiteralValue::Double(value) => self.number(at, value.into_inner()),
            LiteralValue::Int(value) => {
                let value = value.into_inner();
                if !(-WHOLE_MAX..=WHOLE_MAX).contains(&value) {
                    return self.fault(span, "too large to be exact; write it as 1.0e16");
                }
                self.number(at, value as f64)
            }
            _ => self.fault(span, "this is not part of the rule language"),
        }
    }

    /// The parser folds a minus before a number into it but leaves it out of the place.
    fn number(&self, at: usize, value: f64) -> Option<Node> {
        let first = at - usize::from(value.is_sign_negative() && at > 0);
        let span = self.tokens[first].span.start..self.tokens[at].span.end;
        leaf(span, Kind::Number(value))
    }

    fn operator(
        &mut self,
        places: &Places,
        at: usize,
        call: CallExpr,
        depth: usize,
    ) -> Option<Node> {
        let own = self.tokens[at].span.clone();
        let count = call.args.len();
        let mut nodes = Vec::with_capacity(count);
        for arg in call.args {
            nodes.extend(self.node(places, arg, depth + 1));
        }
        if nodes.len() != count {
            return None;
        }
        let start = nodes.first().map_or(own.start, |node| node.span.start);
        let end = nodes.last().map_or(own.end, |node| node.span.end);
        let span = start.min(own.start)..end;
        let kind = match call.func_name.as_str() {
            operators::CONDITIONAL => nodes.try_into().ok().map(Kind::Choose),
            operators::LOGICAL_NOT => nodes.pop().map(|x| Kind::Unary(Unary::Not, x.into())),
            operators::NEGATE => nodes.pop().map(|x| Kind::Unary(Unary::Negate, x.into())),
            name => binary(name)
                .zip(nodes.try_into().ok())
                .map(|(op, pair)| Kind::Binary(op, pair)),
        };
        match kind {
            Some(kind) => leaf(span, kind),
            None => self.fault(own, "this is not part of the rule language"),
        }
    }

    /// A named function, from its name to the bracket that closes it.
    fn function(&mut self, at: usize, close: usize, name: &str, depth: usize) -> Option<Node> {
        let word = self.tokens[at].span.clone();
        let span = word.start..self.tokens[close].span.end;
        let (args, count) = self.arguments(at + 2..close, depth);
        let Some(function) = function(name) else {
            let what = format!("unknown function `{name}`; known: {FUNCTIONS}");
            return self.fault(word, what);
        };
        let args = args?;
        let takes = function.takes();
        if count != takes && !(function.takes_more() && count > takes) {
            let more = if function.takes_more() {
                " or more"
            } else {
                ""
            };
            let what = format!("`{name}` takes {takes}{more}, this gives {count}");
            return self.fault(span, what);
        }
        let kind = self.function_kind(function, args)?;
        leaf(span, kind)
    }

    /// What stands between the commas: all of it when nothing is wrong, and how many.
    fn arguments(&mut self, range: Range<usize>, depth: usize) -> (Option<Vec<Node>>, usize) {
        let mut nodes = Vec::new();
        let mut count = 0;
        let mut start = range.start;
        let mut at = range.start;
        while at <= range.end && !range.is_empty() {
            if at == range.end || self.tokens[at].kind == scan::Kind::Comma {
                count += 1;
                nodes.extend(self.segment(start..at, depth + 1));
                start = at + 1;
                at += 1;
            } else {
                at = after(self.tokens, at);
            }
        }
        let whole = nodes.len() == count;
        (whole.then_some(nodes), count)
    }

    fn function_kind(&mut self, function: Function, mut args: Vec<Node>) -> Option<Kind> {
        match function {
            Function::Extreme(extreme) => Some(Kind::Extreme(extreme, args)),
            Function::Unary(unary) => Some(Kind::Unary(unary, Box::new(args.pop()?))),
            Function::Age => {
                let of = args.pop()?;
                if !matches!(of.kind, Kind::Name(_)) {
                    return self.fault(of.span, "`age` asks an input by its name");
                }
                Some(Kind::Age(Box::new(of)))
            }
            Function::Quantity | Function::InUnit => {
                let unit = args.pop()?;
                let unit = self.unit(unit)?;
                let of = Box::new(args.pop()?);
                Some(match function {
                    Function::Quantity => Kind::Quantity(of, unit),
                    _ => Kind::InUnit(of, unit),
                })
            }
        }
    }

    fn unit(&mut self, node: Node) -> Option<Unit> {
        let Kind::Text(symbol) = node.kind else {
            return self.fault(node.span, "a unit is expected, as a text: \"kPa\"");
        };
        match Unit::parse(&symbol) {
            Ok(unit) => Some(unit),
            Err(error) => self.fault(node.span, error.to_string()),
        }
    }

    fn count_inputs(&mut self, root: &Node) {
        let mut seen = BTreeSet::new();
        let mut first_over = None;
        root.names(&mut |name, span| {
            if seen.insert(name) && seen.len() == INPUTS_MAX + 1 {
                first_over = Some(span.clone());
            }
        });
        if let Some(span) = first_over {
            self.faults
                .push(Fault::new(span, format!("more than {INPUTS_MAX} inputs")));
        }
    }
}

fn leaf(span: Range<usize>, kind: Kind) -> Option<Node> {
    Some(Node { span, kind })
}
