//! Varints, runs and a reader that never runs past its end.

use super::Refusal;

const VARINT_BYTES_MAX: u32 = 10;

/// LEB128.
pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Runs of equal numbers, each as (number, length).
pub(super) fn put_runs(out: &mut Vec<u8>, numbers: impl Iterator<Item = u64>) {
    let mut run: Option<(u64, u64)> = None;
    for number in numbers {
        match &mut run {
            Some((current, length)) if *current == number => *length += 1,
            _ => {
                if let Some((current, length)) = run.replace((number, 1)) {
                    put_varint(out, current);
                    put_varint(out, length);
                }
            }
        }
    }
    if let Some((current, length)) = run {
        put_varint(out, current);
        put_varint(out, length);
    }
}

/// Reads from the front.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn byte(&mut self) -> Result<u8, Refusal> {
        let (first, rest) = self.bytes.split_first().ok_or("cut short")?;
        self.bytes = rest;
        Ok(*first)
    }

    pub(super) fn varint(&mut self) -> Result<u64, Refusal> {
        let mut number = 0_u64;
        for place in 0..VARINT_BYTES_MAX {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if place == VARINT_BYTES_MAX - 1 && part > 1 {
                break;
            }
            number |= part << (7 * place);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("a number is too long".to_owned())
    }

    /// A number of bytes in what follows.
    pub(super) fn length(&mut self) -> Result<usize, Refusal> {
        let length = self.varint()?;
        usize::try_from(length).map_err(|_| "a length is too large".to_owned())
    }

    /// A number of things, from 1 to `max`.
    pub(super) fn count(&mut self, max: usize) -> Result<usize, Refusal> {
        let count = self.length()?;
        if count == 0 || count > max {
            return Err(format!("{count} samples"));
        }
        Ok(count)
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let (front, rest) = self.bytes.split_at_checked(length).ok_or("cut short")?;
        self.bytes = rest;
        Ok(front)
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// What [`put_runs`] wrote: exactly `count` numbers.
    pub(super) fn runs(&mut self, count: usize) -> Result<Vec<u64>, Refusal> {
        let mut numbers = Vec::with_capacity(count);
        while numbers.len() < count {
            let (number, length) = (self.varint()?, self.length()?);
            if length == 0 || length > count - numbers.len() {
                return Err("a run is too long".to_owned());
            }
            numbers.resize(numbers.len() + length, number);
        }
        Ok(numbers)
    }
}
