//! What a plant is described with: points and where they are found, devices, knobs, spans.

use crate::register::{Encoding, Table};

/// Where a device on MQTT writes the time into its payload.
#[derive(Debug, Clone, Copy)]
pub enum Stamp {
    /// Whole milliseconds since 1970 at this JSON pointer.
    Millis(&'static str),
    /// Whole seconds since 1970 at this JSON pointer.
    Seconds(&'static str),
    /// The payload has no time.
    None,
}

/// A device that publishes JSON.
#[derive(Debug, Clone, Copy)]
pub struct Device {
    /// Its name, the last part of its topic.
    pub name: &'static str,
    /// Its time field.
    pub stamp: Stamp,
}

/// The JSON type of a published value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Json {
    /// A number rounded to three decimals.
    Number,
    /// A whole number.
    Whole,
    /// true or false.
    Bool,
}

/// Where a point is found.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// In registers of the plant's PLC.
    Register {
        /// Modbus unit id.
        unit: u8,
        /// Address space.
        table: Table,
        /// First cell, zero-based as on the wire.
        address: u16,
        /// How the value stands there.
        encoding: Encoding,
    },
    /// In the payload of a device.
    Device {
        /// The device's name.
        device: &'static str,
        /// JSON pointer.
        pointer: &'static str,
        /// JSON type.
        json: Json,
    },
}

/// One measured point of a plant.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// Its key, as in the collector's configuration.
    pub key: &'static str,
    /// Unit symbol; empty for states.
    pub unit: &'static str,
    /// What the instrument can measure.
    pub low: f64,
    /// What the instrument can measure.
    pub high: f64,
    /// Where it is found.
    pub place: Place,
}

/// A point and how to read it from its plant.
#[derive(Debug)]
pub struct Row<P> {
    /// The point.
    pub point: Point,
    /// Its value now; states are 0 and 1.
    pub read: fn(&P) -> f64,
}

/// Something that a scenario may change.
#[derive(Debug)]
pub struct Knob<P> {
    /// Its name in scenarios.
    pub name: &'static str,
    /// Where it stands when nothing is wrong.
    pub normal: f64,
    /// Lowest setting.
    pub low: f64,
    /// Highest setting.
    pub high: f64,
    /// Turns it.
    pub turn: fn(&mut P, f64),
}

/// A knob as scenarios see it.
#[derive(Debug, Clone, Copy)]
pub struct KnobSpec {
    /// Its name.
    pub name: &'static str,
    /// Where it stands when nothing is wrong.
    pub normal: f64,
    /// Lowest setting.
    pub low: f64,
    /// Highest setting.
    pub high: f64,
}

/// Cells that the PLC answers for; outside of all spans it answers exception 2. A cell
/// inside a span that no point uses reads as 0.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Modbus unit id.
    pub unit: u8,
    /// Address space.
    pub table: Table,
    /// First address.
    pub first: u16,
    /// Last address.
    pub last: u16,
}

impl Span {
    pub(super) const fn new(unit: u8, table: Table, first: u16, last: u16) -> Self {
        Self {
            unit,
            table,
            first,
            last,
        }
    }
}

/// A point in registers.
pub(super) const fn register(
    key: &'static str,
    (unit, low, high): (&'static str, f64, f64),
    (slave, table, address): (u8, Table, u16),
    encoding: Encoding,
) -> Point {
    Point {
        key,
        unit,
        low,
        high,
        place: Place::Register {
            unit: slave,
            table,
            address,
            encoding,
        },
    }
}

/// A point in a device's payload.
pub(super) const fn published(
    key: &'static str,
    (unit, low, high): (&'static str, f64, f64),
    device: &'static str,
    pointer: &'static str,
    json: Json,
) -> Point {
    Point {
        key,
        unit,
        low,
        high,
        place: Place::Device {
            device,
            pointer,
            json,
        },
    }
}

/// The unit, low and high of a state.
pub(super) const STATE: (&str, f64, f64) = ("", 0.0, 1.0);

/// A state as a number.
pub(super) const fn flag(on: bool) -> f64 {
    if on { 1.0 } else { 0.0 }
}
