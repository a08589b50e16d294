//! What a number means: its unit, and for temperatures whether it is one or a difference.
//!
//! A temperature is a point on a scale whose zero is arbitrary (0 °C is 273.15 K); a
//! difference of two is a span, which converts without the offset. A bare number may be
//! either, in any unit; what is made of it stays open until its neighbour settles it
//! (`value - 5` is five degrees less, or how far the value lies from 5 °C: the same number
//! in the same unit). Everything that is not a temperature is a span.

use fenghuo_model::Unit;

/// How to convert: `number * factor + offset`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Conversion {
    pub factor: f64,
    pub offset: f64,
}

impl Conversion {
    pub const NONE: Self = Self {
        factor: 1.0,
        offset: 0.0,
    };
}

/// A set of `POINT` and `SPAN`: what a number may still be.
type Roles = u8;
const POINT: Roles = 1;
const SPAN: Roles = 2;
const EITHER: Roles = POINT | SPAN;

/// What two roles give together, where that makes sense: a row is (left, right, result).
type Sense = &'static [(Roles, Roles, Roles)];
const SUM: Sense = &[
    (POINT, SPAN, POINT),
    (SPAN, POINT, POINT),
    (SPAN, SPAN, SPAN),
];
const DIFFERENCE: Sense = &[
    (POINT, POINT, SPAN),
    (POINT, SPAN, POINT),
    (SPAN, SPAN, SPAN),
];
const ALIKE: Sense = &[(POINT, POINT, POINT), (SPAN, SPAN, SPAN)];
const SPANS: Sense = &[(SPAN, SPAN, SPAN)];

/// What a number means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scale {
    /// None for a bare number: it takes the unit of its neighbour.
    unit: Option<Unit>,
    roles: Roles,
}

/// Two numbers side by side: what they give, once the right one is converted.
pub type Joined = Result<(Scale, Conversion), String>;

fn is_temperature(unit: Unit) -> bool {
    Unit::parse("K").is_ok_and(|kelvin| unit.to(kelvin).is_ok())
}

impl Scale {
    /// A number as it is written.
    pub const BARE: Self = Self {
        unit: None,
        roles: EITHER,
    };

    /// A reading, or a quantity, in this unit.
    pub fn of(unit: Unit) -> Self {
        let roles = if is_temperature(unit) { POINT } else { SPAN };
        let unit = Some(unit);
        Self { unit, roles }
    }

    /// A number without unit that is not bare any more.
    pub const fn plain() -> Self {
        Self {
            unit: Some(Unit::ONE),
            roles: SPAN,
        }
    }

    /// Whether it may scale another quantity.
    pub fn is_plain(self) -> bool {
        self.unit.is_none_or(|unit| unit == Unit::ONE)
    }

    const fn is_bare(self) -> bool {
        self.unit.is_none()
    }

    fn symbol(self) -> &'static str {
        self.unit.map_or("a bare number", Unit::symbol)
    }

    /// A bare number beside `other`: beside a span it is one too.
    fn beside(self, other: Self) -> Self {
        match other.roles {
            _ if !self.is_bare() || other.is_bare() => self,
            SPAN => other,
            _ => Self {
                roles: EITHER,
                ..other
            },
        }
    }

    fn join(self, right: Self, sense: Sense, nonsense: &str) -> Joined {
        let (left, right) = (self.beside(right), right.beside(self));
        let (Some(to), Some(from)) = (left.unit, right.unit) else {
            return Ok((Self::BARE, Conversion::NONE));
        };
        let (factor, offset) = from.to(to).map_err(|error| error.to_string())?;
        let (mut roles, mut right_roles) = (0, 0);
        for (a, b, result) in sense {
            if left.roles & a != 0 && right.roles & b != 0 {
                roles |= result;
                right_roles |= b;
            }
        }
        if roles == 0 {
            return Err(format!("{nonsense} (`{}`, `{}`)", to.symbol(), from));
        }
        let joined = Self {
            unit: Some(to),
            roles,
        };
        let right = Self {
            unit: Some(from),
            roles: right_roles,
        };
        Ok((joined, right.conversion(to, factor, offset)?))
    }

    fn conversion(self, to: Unit, factor: f64, offset: f64) -> Result<Conversion, String> {
        match self.roles {
            _ if self.unit == Some(to) => Ok(Conversion::NONE),
            POINT => Ok(Conversion { factor, offset }),
            SPAN => Ok(Conversion {
                factor,
                offset: 0.0,
            }),
            _ => Err(format!(
                "from `{}` to `{to}`: this may be a temperature or a difference of two; \
                 use `in_unit` on its parts",
                self.symbol()
            )),
        }
    }

    pub fn sum(self, right: Self) -> Joined {
        self.join(right, SUM, "two temperatures cannot be added")
    }

    pub fn difference(self, right: Self) -> Joined {
        let nonsense = "a temperature cannot be taken from a difference of temperatures";
        self.join(right, DIFFERENCE, nonsense)
    }

    /// Side by side to be compared or chosen from.
    pub fn alike(self, right: Self) -> Joined {
        let nonsense = "a temperature and a difference of temperatures do not compare; \
                        write the difference as a bare number";
        self.join(right, ALIKE, nonsense)
    }

    pub fn remainder(self, right: Self) -> Joined {
        self.join(right, SPANS, NO_ZERO)
    }

    pub fn product(self, right: Self) -> Joined {
        let scale = match (self.is_plain(), right.is_plain()) {
            (true, _) if !right.is_bare() => right,
            (_, true) => self,
            _ => {
                let what = format!(
                    "`{}` times `{}` has no unit here; use `in_unit(.., ..)`",
                    self.symbol(),
                    right.symbol()
                );
                return Err(what);
            }
        };
        Ok((scale.span()?, Conversion::NONE))
    }

    pub fn ratio(self, right: Self) -> Joined {
        if right.is_plain() {
            let scale = if self.is_bare() { right } else { self };
            return Ok((scale.span()?, Conversion::NONE));
        }
        if self.is_plain() {
            let what = format!(
                "a plain number by `{}` has no unit here; use `in_unit(.., ..)`",
                right.symbol()
            );
            return Err(what);
        }
        let (_, conversion) = self.join(right, SPANS, NO_ZERO)?;
        Ok((Self::plain(), conversion))
    }

    /// What may be scaled, negated or taken without sign: a bare number stays bare.
    pub fn span(self) -> Result<Self, String> {
        if self.is_bare() {
            return Ok(self);
        }
        match self.roles & SPAN {
            0 => Err(format!("{NO_ZERO} (`{}`)", self.symbol())),
            roles => Ok(Self { roles, ..self }),
        }
    }

    /// What has a root here.
    pub fn root(self) -> Result<Self, String> {
        if self.is_plain() {
            Ok(self)
        } else {
            let what = "the root of `{}` has no unit here; use `in_unit(.., ..)`";
            Err(what.replace("{}", self.symbol()))
        }
    }

    /// Into a plain number counted in `unit`.
    pub fn in_unit(self, unit: Unit) -> Result<Conversion, String> {
        let Some(own) = self.unit else {
            return Err("a bare number has no unit; `quantity(.., ..)` gives it one".to_owned());
        };
        let (factor, offset) = own.to(unit).map_err(|error| error.to_string())?;
        self.conversion(unit, factor, offset)
    }

    /// Into what the rule wants: a bare number is in that unit.
    pub fn wanted(self, unit: Unit) -> Result<Conversion, String> {
        if self.is_bare() {
            return Ok(Conversion::NONE);
        }
        self.in_unit(unit)
    }
}

const NO_ZERO: &str = "a temperature has no natural zero to scale from; use `in_unit(.., \"K\")`";
