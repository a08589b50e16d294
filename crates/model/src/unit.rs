//! Units of measurement and conversion between those of one dimension.
//!
//! A unit is a symbol of the table below; conversion is linear, `base = value * factor +
//! offset`. Fractions of different meaning (%LEL, %VOL, %OEL) are dimensions of their own:
//! converting one into another needs the substance and is never done silently.
//! Factors: the SI brochure (9th edition) and ISO 80000; mmHg and inch-based units are
//! left out on purpose.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A known unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Unit(u8);

struct Row {
    symbol: &'static str,
    dimension: &'static str,
    factor: f64,
    offset: f64,
}

const fn row(symbol: &'static str, dimension: &'static str, factor: f64, offset: f64) -> Row {
    Row {
        symbol,
        dimension,
        factor,
        offset,
    }
}

const TABLE: &[Row] = &[
    row("1", "number", 1.0, 0.0),
    row("%", "ratio", 0.01, 0.0),
    row("‰", "ratio", 0.001, 0.0),
    row("°C", "temperature", 1.0, 273.15),
    row("K", "temperature", 1.0, 0.0),
    row("Pa", "pressure", 1.0, 0.0),
    row("hPa", "pressure", 1e2, 0.0),
    row("kPa", "pressure", 1e3, 0.0),
    row("MPa", "pressure", 1e6, 0.0),
    row("bar", "pressure", 1e5, 0.0),
    row("mbar", "pressure", 1e2, 0.0),
    row("µm", "length", 1e-6, 0.0),
    row("mm", "length", 1e-3, 0.0),
    row("cm", "length", 1e-2, 0.0),
    row("m", "length", 1.0, 0.0),
    row("km", "length", 1e3, 0.0),
    row("mm/s", "speed", 1e-3, 0.0),
    row("m/s", "speed", 1.0, 0.0),
    row("km/h", "speed", 1.0 / 3.6, 0.0),
    row("mm/h", "slow speed", 1.0, 0.0),
    row("mm/d", "slow speed", 1.0 / 24.0, 0.0),
    row("m3", "volume", 1.0, 0.0),
    row("L", "volume", 1e-3, 0.0),
    row("m3/h", "volume flow", 1.0 / 3600.0, 0.0),
    row("m3/min", "volume flow", 1.0 / 60.0, 0.0),
    row("m3/s", "volume flow", 1.0, 0.0),
    row("L/min", "volume flow", 1e-3 / 60.0, 0.0),
    row("kg", "mass", 1.0, 0.0),
    row("t", "mass", 1e3, 0.0),
    row("kg/h", "mass flow", 1.0, 0.0),
    row("t/h", "mass flow", 1e3, 0.0),
    row("%LEL", "explosive fraction", 1.0, 0.0),
    row("LEL·m", "explosive path", 1.0, 0.0),
    row("%OEL", "exposure fraction", 1.0, 0.0),
    row("%VOL", "volume fraction", 1e-2, 0.0),
    row("%CH4", "volume fraction", 1e-2, 0.0),
    row("ppm", "volume fraction", 1e-6, 0.0),
    row("ppb", "volume fraction", 1e-9, 0.0),
    row("mg/m3", "mass concentration", 1.0, 0.0),
    row("g/m3", "mass concentration", 1e3, 0.0),
    row("µg/m3", "mass concentration", 1e-3, 0.0),
    row("A", "current", 1.0, 0.0),
    row("mA", "current", 1e-3, 0.0),
    row("V", "voltage", 1.0, 0.0),
    row("kV", "voltage", 1e3, 0.0),
    row("W", "power", 1.0, 0.0),
    row("kW", "power", 1e3, 0.0),
    row("MW", "power", 1e6, 0.0),
    row("kWh", "energy", 3.6e6, 0.0),
    row("Hz", "frequency", 1.0, 0.0),
    row("rpm", "rotation", 1.0, 0.0),
    row("s", "time", 1.0, 0.0),
    row("min", "time", 60.0, 0.0),
    row("h", "time", 3600.0, 0.0),
    row("°", "angle", 1.0, 0.0),
    row("lx", "illuminance", 1.0, 0.0),
    row("dB", "level", 1.0, 0.0),
    row("NTU", "turbidity", 1.0, 0.0),
    row("pH", "acidity", 1.0, 0.0),
];

/// Why a unit cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not in the table.
    #[error("unknown unit `{0}`")]
    Unknown(String),
    /// The two units measure different things.
    #[error("`{from}` ({from_dimension}) cannot be converted to `{to}` ({to_dimension})")]
    Dimension {
        /// The unit that was given.
        from: Unit,
        /// What it measures.
        from_dimension: &'static str,
        /// The unit that was wanted.
        to: Unit,
        /// What it measures.
        to_dimension: &'static str,
    },
}

impl Unit {
    /// A plain number without unit.
    pub const ONE: Self = Self(0);

    /// Finds a unit by its symbol; the empty text is a plain number.
    ///
    /// # Errors
    /// [`UnitError::Unknown`] when the table lacks it.
    pub fn parse(symbol: &str) -> Result<Self, UnitError> {
        if symbol.is_empty() {
            return Ok(Self::ONE);
        }
        TABLE
            .iter()
            .position(|row| row.symbol == symbol)
            .and_then(|at| u8::try_from(at).ok())
            .map(Self)
            .ok_or_else(|| UnitError::Unknown(symbol.to_owned()))
    }

    fn row(self) -> &'static Row {
        &TABLE[usize::from(self.0)]
    }

    /// The symbol, as written in configuration.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        self.row().symbol
    }

    /// How to turn a number in `self` into one in `to`: `(factor, offset)`, to be used as
    /// `number * factor + offset`.
    ///
    /// # Errors
    /// [`UnitError::Dimension`] when they measure different things.
    pub fn to(self, to: Self) -> Result<(f64, f64), UnitError> {
        let (a, b) = (self.row(), to.row());
        if a.dimension != b.dimension {
            return Err(UnitError::Dimension {
                from: self,
                from_dimension: a.dimension,
                to,
                to_dimension: b.dimension,
            });
        }
        if self == to {
            return Ok((1.0, 0.0));
        }
        Ok((a.factor / b.factor, (a.offset - b.offset) / b.factor))
    }
}

impl TryFrom<String> for Unit {
    type Error = UnitError;
    fn try_from(symbol: String) -> Result<Self, UnitError> {
        Self::parse(&symbol)
    }
}

impl From<Unit> for String {
    fn from(unit: Unit) -> Self {
        unit.symbol().to_owned()
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(number: f64, from: &str, to: &str) -> f64 {
        let (factor, offset) = Unit::parse(from)
            .unwrap()
            .to(Unit::parse(to).unwrap())
            .unwrap();
        number * factor + offset
    }

    #[test]
    fn units_of_one_dimension_convert() {
        assert!((convert(0.8, "MPa", "kPa") - 800.0).abs() < 1e-9);
        assert!((convert(0.0, "°C", "K") - 273.15).abs() < 1e-9);
        assert!((convert(300.0, "K", "°C") - 26.85).abs() < 1e-9);
        assert!((convert(24.0, "ppm", "%VOL") - 0.0024).abs() < 1e-12);
    }

    #[test]
    fn units_of_different_dimensions_do_not() {
        let error = Unit::parse("MPa")
            .unwrap()
            .to(Unit::parse("°C").unwrap())
            .unwrap_err();
        assert!(matches!(error, UnitError::Dimension { .. }));
        assert!(
            Unit::parse("%LEL")
                .unwrap()
                .to(Unit::parse("%VOL").unwrap())
                .is_err()
        );
        assert!(Unit::parse("furlong").is_err());
    }

    #[test]
    fn symbols_are_unique_and_convert_to_themselves() {
        for (at, row) in TABLE.iter().enumerate() {
            let unit = Unit::parse(row.symbol).unwrap();
            assert_eq!(usize::from(unit.0), at, "{} stands twice", row.symbol);
            assert_eq!(unit.to(unit).unwrap(), (1.0, 0.0));
        }
    }
}
