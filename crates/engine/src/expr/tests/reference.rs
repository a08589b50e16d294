//! The same language as a plain recursive evaluator over its own tree, and random trees.
//!
//! It shares nothing with the compiler but `Unit::to`. Logic is done with -1, 0, 1; a result
//! is doubtful when it would not be known if every doubtful input were unknown, which is what
//! doubt means, computed the long way.

use fenghuo_model::{Reason, Unit};

use super::{Hold, Input, unit};

#[derive(Clone, Debug)]
pub enum E {
    Num(f64),
    Name(&'static str),
    Word(&'static str),
    Truth(bool),
    Not(Box<E>),
    Neg(Box<E>),
    Call(&'static str, Vec<E>),
    Bin(&'static str, Box<E>, Box<E>),
    If(Box<E>, Box<E>, Box<E>),
    Quantity(Box<E>, &'static str),
    InUnit(Box<E>, &'static str),
}

/// A tree from bytes, so that a failure shrinks.
pub struct Dice<'a>(pub &'a [u8]);

impl Dice<'_> {
    pub fn roll(&mut self, sides: u8) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first % sides
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.roll(u8::try_from(of.len()).unwrap()))]
    }

    fn literal(&mut self) -> E {
        let whole = f64::from(self.roll(20)) - 4.0;
        E::Num(whole + self.pick(&[0.0, 0.5, 0.07]))
    }

    /// Something true, false or unknown.
    pub fn truth(&mut self, depth: u8) -> E {
        if depth == 0 {
            return self
                .pick(&[E::Name("b"), E::Name("c"), E::Truth(true)].each_ref())
                .clone();
        }
        let depth = depth - 1;
        match self.roll(9) {
            0..=2 => {
                let op = self.pick(&["&&", "||", "==", "!="]);
                E::Bin(op, self.truth(depth).into(), self.truth(depth).into())
            }
            3 => E::Not(self.truth(depth).into()),
            4 => E::If(
                self.truth(depth).into(),
                self.truth(depth).into(),
                self.truth(depth).into(),
            ),
            5 => {
                let ask = self.pick(&["known", "good", "doubtful"]);
                let of = if self.roll(2) == 0 {
                    self.truth(depth)
                } else {
                    self.any(depth).0
                };
                E::Call(ask, vec![of])
            }
            6 => {
                let op = self.pick(&["==", "!="]);
                E::Bin(op, E::Name("s").into(), E::Word("中'\\文").into())
            }
            _ => {
                let op = self.pick(&["<", "<=", ">", ">=", "==", "!="]);
                let (left, kind) = self.any(depth);
                let right = self.same(kind, depth);
                let (left, right) = if self.roll(2) == 0 {
                    (left, right)
                } else {
                    (right, left)
                };
                E::Bin(op, left.into(), right.into())
            }
        }
    }

    fn any(&mut self, depth: u8) -> (E, Kind) {
        let kind = self.pick(&[Kind::Pressure, Kind::Plain, Kind::Point, Kind::Span]);
        (self.number(kind, depth), kind)
    }

    /// The same kind, or a bare number.
    fn same(&mut self, kind: Kind, depth: u8) -> E {
        if self.roll(4) == 0 {
            self.literal()
        } else {
            self.number(kind, depth)
        }
    }

    pub fn number(&mut self, kind: Kind, depth: u8) -> E {
        if depth == 0 || self.roll(6) == 0 {
            return self.leaf(kind);
        }
        let depth = depth - 1;
        let roll = self.roll(8);
        match (kind, roll) {
            (_, 0) => {
                let (a, b) = (self.same(kind, depth), self.number(kind, depth));
                E::Call(
                    self.pick(&["min", "max"]),
                    vec![a, b, self.same(kind, depth)],
                )
            }
            (_, 1) => E::If(
                self.truth(depth).into(),
                self.same(kind, depth).into(),
                self.number(kind, depth).into(),
            ),
            (_, 2) => {
                let round = self.pick(&["floor", "ceil", "round"]);
                E::Call(round, vec![self.number(kind, depth)])
            }
            (Kind::Point, _) => {
                let (point, span) = (self.number(kind, depth), self.same(Kind::Span, depth));
                if roll > 4 {
                    E::Bin("+", span.into(), point.into())
                } else {
                    E::Bin("+", point.into(), span.into())
                }
            }
            (Kind::Span, 3) => self.leaf(kind),
            (Kind::Plain, 3) => {
                let (of, unit) = match self.roll(3) {
                    0 => (Kind::Pressure, self.pick(&["kPa", "bar"])),
                    1 => (Kind::Point, self.pick(&["K", "°C"])),
                    _ => (Kind::Span, self.pick(&["K", "°C"])),
                };
                E::InUnit(self.number(of, depth).into(), unit)
            }
            (Kind::Plain, 4) => {
                let of = self.pick(&[Kind::Pressure, Kind::Span]);
                E::Bin(
                    "/",
                    self.number(of, depth).into(),
                    self.number(of, depth).into(),
                )
            }
            (Kind::Plain, 5) => E::Call("sqrt", vec![self.number(kind, depth)]),
            (_, 6) => {
                let (x, n) = (self.number(kind, depth), self.same(Kind::Plain, depth));
                match self.roll(3) {
                    0 => E::Bin("*", n.into(), x.into()),
                    1 => E::Bin("*", x.into(), n.into()),
                    _ => E::Bin("/", x.into(), n.into()),
                }
            }
            (_, 7) => match self.roll(2) {
                0 => E::Neg(self.number(kind, depth).into()),
                _ => E::Call("abs", vec![self.number(kind, depth)]),
            },
            _ => {
                let op = self.pick(&["+", "-", "%"]);
                E::Bin(
                    op,
                    self.number(kind, depth).into(),
                    self.same(kind, depth).into(),
                )
            }
        }
    }

    fn leaf(&mut self, kind: Kind) -> E {
        match (kind, self.roll(3)) {
            (Kind::Pressure, 0) => E::Name("value"),
            (Kind::Pressure, 1) => E::Name("p"),
            (Kind::Pressure, _) => {
                let unit = self.pick(&["bar", "Pa", "MPa"]);
                E::Quantity(self.literal().into(), unit)
            }
            (Kind::Plain, 0) => E::InUnit(
                E::Call("age", vec![E::Name(self.pick(&["b", "p"]))]).into(),
                "min",
            ),
            (Kind::Plain, _) => E::Name("n"),
            (Kind::Point, 0) => E::Name("t"),
            (Kind::Point, 1) => E::Name("k"),
            (Kind::Point, _) => E::Quantity(self.literal().into(), self.pick(&["K", "°C"])),
            (Kind::Span, roll) => {
                let (a, b) = if roll == 0 { ("t", "k") } else { ("k", "t") };
                E::Bin("-", E::Name(a).into(), E::Name(b).into())
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    Pressure,
    Plain,
    /// A temperature.
    Point,
    /// A difference of temperatures.
    Span,
}

impl E {
    pub fn print(&self) -> String {
        match self {
            Self::Num(x) => format!("{x:?}"),
            Self::Name(name) => (*name).to_owned(),
            Self::Word(word) => format!("\"{}\"", word.replace('\\', "\\\\")),
            Self::Truth(value) => value.to_string(),
            Self::Not(x) => format!("!({})", x.print()),
            Self::Neg(x) => format!("-({})", x.print()),
            Self::Call(name, args) => {
                let args: Vec<_> = args.iter().map(Self::print).collect();
                format!("{name}({})", args.join(", "))
            }
            Self::Bin(op, a, b) => format!("({} {op} {})", a.print(), b.print()),
            Self::If(c, a, b) => format!("({} ? {} : {})", c.print(), a.print(), b.print()),
            Self::Quantity(x, unit) => format!("quantity({}, '{unit}')", x.print()),
            Self::InUnit(x, unit) => format!("in_unit({}, '{unit}')", x.print()),
        }
    }

    fn constant(&self) -> bool {
        match self {
            Self::Num(_) => true,
            Self::Neg(x) | Self::Quantity(x, _) | Self::InUnit(x, _) => x.constant(),
            Self::Call(name, args) => {
                !["known", "good", "doubtful"].contains(name) && args.iter().all(Self::constant)
            }
            Self::Bin(op, a, b) => "+-*/%".contains(op) && a.constant() && b.constant(),
            _ => false,
        }
    }

    /// The unit that the number is in, and whether it is a point; none for a bare one.
    fn scale(&self) -> Option<(Unit, bool)> {
        match self {
            Self::Name("value") => Some((unit("kPa"), false)),
            Self::Name("p") => Some((unit("MPa"), false)),
            Self::Name("n") | Self::InUnit(..) => Some((Unit::ONE, false)),
            Self::Name("t") => Some((unit("°C"), true)),
            Self::Name("k") => Some((unit("K"), true)),
            Self::Quantity(_, symbol) => Some((unit(symbol), "K°C".contains(symbol))),
            Self::Call("age", _) => Some((unit("s"), false)),
            Self::Neg(x) => x.scale(),
            Self::Call(_, args) => args.iter().find_map(Self::scale),
            Self::If(_, a, b) => a.scale().or(b.scale()),
            Self::Bin("*", a, b) => match (a.scale(), b.scale()) {
                (Some((Unit::ONE, _)) | None, Some(other)) => Some(other),
                (own, _) => own,
            },
            Self::Bin("/", a, b) => match (a.scale(), b.scale()) {
                (own @ Some(_), None | Some((Unit::ONE, _))) => own,
                (None, None) => None,
                _ => Some((Unit::ONE, false)),
            },
            Self::Bin(op, a, b) => {
                let (a, b) = (a.scale(), b.scale());
                let points = (a.is_some_and(|a| a.1), b.is_some_and(|b| b.1));
                let point = match *op {
                    "+" => points.0 || points.1,
                    _ => points.0 && !points.1,
                };
                a.or(b).map(|(unit, _)| (unit, point))
            }
            _ => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum V {
    Num(f64),
    Truth(bool),
    Text(&'static str),
    Unknown(Hold),
}

type Get<'g> = dyn Fn(&str) -> Input<'static> + 'g;

fn finite(x: f64) -> V {
    if x.is_finite() {
        V::Num(x)
    } else {
        V::Unknown(Hold::Reading(Reason::NotANumber))
    }
}

/// A value, and whether it is doubtful.
pub fn eval(e: &E, get: &Get<'_>) -> (V, bool) {
    let value = plain(e, get);
    let strict = |name: &str| match get(name) {
        Input::Number { doubtful: true, .. } | Input::Bool { doubtful: true, .. } => {
            super::unknown(Reason::Clock)
        }
        other => other,
    };
    (value, known(e, get, &strict))
}

/// Whether doubt had a part: nothing below a question counts.
fn known(e: &E, get: &Get<'_>, strict: &Get<'_>) -> bool {
    let asked = replaced(e, get);
    matches!(plain(&asked, strict), V::Unknown(_)) && !matches!(plain(e, get), V::Unknown(_))
}

/// The tree with every question about knowledge, and every age, answered beforehand.
fn replaced(e: &E, get: &Get<'_>) -> E {
    let again = |x: &E| Box::new(replaced(x, get));
    match e {
        E::Call("known" | "good" | "doubtful", _) => match plain(e, get) {
            V::Truth(value) => E::Truth(value),
            other => panic!("{other:?}"),
        },
        E::Call("age", _) => match plain(e, get) {
            V::Num(x) => E::Quantity(E::Num(x).into(), "s"),
            _ => E::Call("age", vec![E::Name("never")]),
        },
        E::Not(x) => E::Not(again(x)),
        E::Neg(x) => E::Neg(again(x)),
        E::Call(name, args) => E::Call(name, args.iter().map(|x| replaced(x, get)).collect()),
        E::Bin(op, a, b) => E::Bin(op, again(a), again(b)),
        E::If(c, a, b) => E::If(again(c), again(a), again(b)),
        E::Quantity(x, unit) => E::Quantity(again(x), unit),
        E::InUnit(x, unit) => E::InUnit(again(x), unit),
        leaf => leaf.clone(),
    }
}

fn plain(e: &E, get: &Get<'_>) -> V {
    match e {
        E::Num(x) => V::Num(*x),
        E::Word(word) => V::Text(word),
        E::Truth(value) => V::Truth(*value),
        E::Name(name) => match get(name) {
            Input::Number { value, .. } => finite(value),
            Input::Bool { value, .. } => V::Truth(value),
            Input::Text { value, .. } => V::Text(value),
            Input::Unknown { reason, .. } => V::Unknown(reason),
        },
        E::Not(x) => match plain(x, get) {
            V::Truth(value) => V::Truth(!value),
            other => other,
        },
        E::Neg(x) => match plain(x, get) {
            V::Num(x) => V::Num(-x),
            other => other,
        },
        E::Quantity(x, _) => plain(x, get),
        E::InUnit(x, symbol) => into(x, plain(x, get), unit(symbol)),
        E::If(c, a, b) => match plain(c, get) {
            V::Truth(true) => plain(a, get),
            V::Truth(false) => beside(a.scale(), b, get),
            other => other,
        },
        E::Call(name, args) => call(name, args, get),
        E::Bin(op, a, b) => binary(op, a, b, get),
    }
}

/// Converts what `e` gave into a unit.
fn into(e: &E, value: V, to: Unit) -> V {
    let (Some((own, point)), V::Num(x)) = (e.scale(), value) else {
        return value;
    };
    if own == to {
        return value;
    }
    let (factor, offset) = own.to(to).unwrap();
    let x = x * factor + if point { offset } else { 0.0 };
    if e.constant() {
        return finite(format!("{x:.14e}").parse().unwrap());
    }
    finite(x)
}

fn beside(left: Option<(Unit, bool)>, e: &E, get: &Get<'_>) -> V {
    let value = plain(e, get);
    left.map_or(value, |(unit, _)| into(e, value, unit))
}

fn call(name: &str, args: &[E], get: &Get<'_>) -> V {
    if name == "age" {
        let E::Name(of) = &args[0] else {
            panic!("{args:?}")
        };
        return match get(of) {
            Input::Number { age_ms, .. } | Input::Bool { age_ms, .. } => {
                V::Num(age_ms.unwrap() as f64 / 1e3)
            }
            Input::Unknown {
                age_ms: Some(ms), ..
            } => V::Num(ms as f64 / 1e3),
            Input::Unknown { reason, .. } => V::Unknown(reason),
            Input::Text { .. } => panic!("{of}"),
        };
    }
    if ["known", "good", "doubtful"].contains(&name) {
        let (value, doubtful) = eval(&args[0], get);
        let known = !matches!(value, V::Unknown(_));
        return V::Truth(match name {
            "known" => known,
            "good" => known && !doubtful,
            _ => known && doubtful,
        });
    }
    let mut best = plain(&args[0], get);
    let mut scale = args[0].scale();
    for arg in &args[1..] {
        let next = beside(scale, arg, get);
        scale = scale.or(arg.scale());
        best = match (best, next) {
            (V::Num(a), V::Num(b)) if name == "min" => V::Num(if b < a { b } else { a }),
            (V::Num(a), V::Num(b)) => V::Num(if b > a { b } else { a }),
            (V::Num(_), unknown) => unknown,
            (unknown, _) => unknown,
        };
    }
    match (name, best) {
        ("abs", V::Num(x)) => V::Num(if x < 0.0 { -x } else { x }),
        ("sqrt", V::Num(x)) => finite(x.sqrt()),
        ("floor", V::Num(x)) => V::Num(x.floor()),
        ("ceil", V::Num(x)) => V::Num(x.ceil()),
        ("round", V::Num(x)) => V::Num(x.round()),
        (_, other) => other,
    }
}

fn binary(op: &str, left: &E, right: &E, get: &Get<'_>) -> V {
    if op == "&&" || op == "||" {
        let (a, b) = (plain(left, get), plain(right, get));
        let sign = |v: V| match v {
            V::Truth(true) => 1,
            V::Truth(false) => -1,
            _ => 0,
        };
        let both = match op {
            "&&" => sign(a).min(sign(b)),
            _ => sign(a).max(sign(b)),
        };
        return match (both, a) {
            (0, V::Unknown(_)) => a,
            (0, _) => b,
            (sign, _) => V::Truth(sign > 0),
        };
    }
    let compares = ["<", "<=", ">", ">=", "==", "!="].contains(&op);
    let product = op == "*" || op == "/" && right.scale().is_none_or(|(u, _)| u == Unit::ONE);
    let (a, b) = if product {
        (plain(left, get), plain(right, get))
    } else if compares && left.constant() && !right.constant() {
        (beside(right.scale(), left, get), plain(right, get))
    } else {
        (plain(left, get), beside(left.scale(), right, get))
    };
    match (a, b) {
        (V::Unknown(_), _) => a,
        (_, V::Unknown(_)) => b,
        (V::Num(a), V::Num(b)) => match op {
            "+" => finite(a + b),
            "-" => finite(a - b),
            "*" => finite(a * b),
            "/" => finite(a / b),
            "%" => finite(a % b),
            "<" => V::Truth(a < b),
            "<=" => V::Truth(a <= b),
            ">" => V::Truth(a > b),
            ">=" => V::Truth(a >= b),
            "==" => V::Truth(a == b),
            _ => V::Truth(a != b),
        },
        (a, b) => V::Truth((a == b) == (op == "==")),
    }
}
