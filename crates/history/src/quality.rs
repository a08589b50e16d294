//! A sample's quality in two bytes: good, or a verdict and its reason.

use fenghuo_model::{Reading, Reason, Value};

const GOOD: u16 = 0;
const UNCERTAIN: u16 = 0x100;
const BAD: u16 = 0x200;

/// Good is 0; otherwise the verdict in the high byte, the reason's number in the low one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Quality(u16);

impl Quality {
    pub(crate) const GOOD: Self = Self(GOOD);

    pub(crate) const fn of(reading: &Reading) -> Self {
        match reading {
            Reading::Good(_) => Self::GOOD,
            Reading::Uncertain(_, reason) => Self(UNCERTAIN | reason.code() as u16),
            Reading::Bad(reason) => Self(BAD | reason.code() as u16),
        }
    }

    /// The number on disk.
    pub(crate) const fn code(self) -> u16 {
        self.0
    }

    /// From the number on disk.
    pub(crate) fn from_code(code: u16) -> Option<Self> {
        let known = match code & 0xff00 {
            0 => code == GOOD,
            UNCERTAIN | BAD => Reason::from_code(code as u8).is_some(),
            _ => false,
        };
        known.then_some(Self(code))
    }

    /// Nothing when good; else whether there is a value, and the reason.
    pub(crate) fn verdict(self) -> Option<(bool, Reason)> {
        let reason = Reason::from_code(self.0 as u8)?;
        Some((self.has_value(), reason))
    }

    /// Whether a value goes with it.
    pub(crate) const fn has_value(self) -> bool {
        self.0 & BAD == 0
    }

    /// The reading again; `value` is asked only when there is one.
    pub(crate) fn reading(self, value: impl FnOnce() -> Value) -> Reading {
        let reason = || Reason::from_code(self.0 as u8).expect("the code was checked when made");
        match self.0 & 0xff00 {
            UNCERTAIN => Reading::Uncertain(value(), reason()),
            BAD => Reading::Bad(reason()),
            _ => Reading::Good(value()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quality_round_trips() {
        let mut readings = vec![Reading::Good(Value::Bool(true))];
        for reason in Reason::ALL {
            readings.push(Reading::Uncertain(Value::Bool(true), *reason));
            readings.push(Reading::Bad(*reason));
        }
        for reading in readings {
            let quality = Quality::of(&reading);
            let back = Quality::from_code(quality.code()).unwrap();
            assert_eq!(back.reading(|| Value::Bool(true)), reading);
            assert_eq!(back.has_value(), reading.value().is_some());
        }
        for code in [1, 0x100, 0x1ff, 0x200, 0x300, 0x301, 0xffff] {
            assert_eq!(Quality::from_code(code), None, "{code:#x}");
        }
    }
}
