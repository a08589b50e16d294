//! The workshop's points, registers, devices and knobs.
//!
//! Unit 1 is the collector's PLC, unit 3 a power meter behind the same address. Holding
//! 206..=209 of unit 1 do not exist on purpose: a reader that coalesces across the gap is
//! answered exception 2 and must split its read. The device `meter1` has no time in its
//! payload, `room1` gives milliseconds.

use super::super::parts::{Device, Json, Knob, Row, STATE, Span, Stamp, flag, published, register};
use super::{DUCT_MPS, DustWorkshop, FAN_RPM};
use crate::register::Table::{Coil, Discrete, Holding, Input};
use crate::register::{Encoding, Raw};

const TEMPERATURE: (&str, f64, f64) = ("°C", -20.0, 200.0);
const CURRENT: (&str, f64, f64) = ("A", 0.0, 400.0);
const POWER: (&str, f64, f64) = ("kW", 0.0, 500.0);

const TENTHS: Encoding = Encoding::word(Raw::U16, 0.1, 0.0);
const TENTHS_SIGNED: Encoding = Encoding::word(Raw::I16, 0.1, 0.0);

macro_rules! rows {
    ($($point:expr => $read:expr;)*) => {
        pub static ROWS: &[Row<DustWorkshop>] = &[$(Row { point: $point, read: $read },)*];
    };
}

rows! {
    register("production.running", STATE, (1, Coil, 0), Encoding::bit())
        => |p| flag(p.production_on());
    register("collector.running", STATE, (1, Coil, 1), Encoding::bit())
        => |p| flag(p.collector_on());
    register("lock-valve.fault", STATE, (1, Discrete, 10), Encoding::bit())
        => |p| flag(p.lock_fault >= 0.5);
    register("isolation-valve.open", STATE, (1, Discrete, 11), Encoding::bit()) => |_| 1.0;
    register("filter.pressure-drop", ("Pa", 0.0, 5_000.0), (1, Holding, 200),
        Encoding::word(Raw::U16, 1.0, 0.0)) => |p| p.pressure_pa.value();
    register("hopper.temperature", TEMPERATURE, (1, Holding, 201), TENTHS_SIGNED)
        => |p| p.hopper.value();
    register("duct.temperature", TEMPERATURE, (1, Holding, 202), TENTHS_SIGNED)
        => |p| p.duct.value();
    register("pulse-air.pressure", ("MPa", 0.0, 1.0), (1, Holding, 203),
        Encoding::word(Raw::U16, 0.001, 0.0)) => |p| p.air_mpa.value();
    register("fan.current", CURRENT, (1, Holding, 204), TENTHS) => |p| p.fan_amps;
    register("fan.rotation", ("rpm", 0.0, 3_000.0), (1, Holding, 210),
        Encoding::word(Raw::U16, 1.0, 0.0)) => |p| FAN_RPM * p.fan.value();
    register("duct.air-speed", ("m/s", 0.0, 50.0), (1, Holding, 211),
        Encoding::wide(Raw::F32, "BADC", 1.0)) => |p| DUCT_MPS * p.fan.value();
    register("duct.sparks", ("1", 0.0, 4e9), (1, Holding, 213),
        Encoding::wide(Raw::U32, "ABCD", 1.0)) => |p| p.sparks;
    register("fan.power", POWER, (3, Input, 0), Encoding::wide(Raw::F32, "ABCD", 1.0))
        => |p| p.fan_kw();
    register("meter.energy", ("kWh", 0.0, 1e12), (3, Input, 2),
        Encoding::wide(Raw::U64, "GHEFCDAB", 0.01)) => |p| p.energy_kwh;
    register("grinders.power", POWER, (3, Input, 6), Encoding::wide(Raw::F32, "DCBA", 1.0))
        => |p| p.grinders_kw();
    published("grinders.current-a", CURRENT, "meter1", "/phases/0/i", Json::Number)
        => |p| p.phase_ampere(1.0);
    published("grinders.current-b", CURRENT, "meter1", "/phases/1/i", Json::Number)
        => |p| p.phase_ampere(0.97);
    published("mains.voltage", ("V", 0.0, 500.0), "meter1", "/phases/0/u", Json::Number)
        => |p| p.volts();
    published("room.dust", ("mg/m3", 0.0, 200.0), "room1", "/values/dust", Json::Number)
        => |p| p.room_dust.value();
}

pub static KNOBS: &[Knob<DustWorkshop>] = &[
    Knob {
        name: "collector.stop",
        normal: 0.0,
        low: 0.0,
        high: 1.0,
        turn: |plant, to| plant.collector_stop = to,
    },
    Knob {
        name: "production.stop",
        normal: 0.0,
        low: 0.0,
        high: 1.0,
        turn: |plant, to| plant.production_stop = to,
    },
    Knob {
        name: "hopper.smoulder",
        normal: 0.0,
        low: 0.0,
        high: 120.0,
        turn: |plant, to| plant.smoulder = to,
    },
    Knob {
        name: "pulse-air.leak",
        normal: 0.0,
        low: 0.0,
        high: 0.4,
        turn: |plant, to| plant.air_leak = to,
    },
    Knob {
        name: "duct.sparks",
        normal: 0.0,
        low: 0.0,
        high: 1e6,
        turn: |plant, to| plant.sparks = to.round(),
    },
    Knob {
        name: "lock-valve.fault",
        normal: 0.0,
        low: 0.0,
        high: 1.0,
        turn: |plant, to| plant.lock_fault = to,
    },
];

pub static SPANS: &[Span] = &[
    Span::new(1, Coil, 0, 7),
    Span::new(1, Discrete, 8, 15),
    Span::new(1, Holding, 200, 205),
    Span::new(1, Holding, 210, 219),
    Span::new(3, Input, 0, 19),
];

pub static DEVICES: &[Device] = &[
    Device {
        name: "meter1",
        stamp: Stamp::None,
    },
    Device {
        name: "room1",
        stamp: Stamp::Millis("/ts"),
    },
];
