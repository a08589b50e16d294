//! The mine's points, registers, devices and knobs.
//!
//! Unit 1 is the face's substation, unit 2 the fan house. The device `belt1` gives a time
//! in whole seconds, `people1` gives none. The CO sensor of the belt stands alone at
//! input 60, so that its failure takes no other point with it.

use super::super::parts::{Device, Json, Knob, Row, STATE, Span, Stamp, flag, published, register};
use super::{CoalMine, FAN_RPM};
use crate::register::Table::{Discrete, Holding, Input};
use crate::register::{Encoding, Raw};

const CH4: (&str, f64, f64) = ("%CH4", 0.0, 4.0);
const CO: (&str, f64, f64) = ("ppm", 0.0, 500.0);
const SPEED: (&str, f64, f64) = ("m/s", 0.0, 15.0);
const TEMPERATURE: (&str, f64, f64) = ("°C", 0.0, 100.0);

const HUNDREDTHS: Encoding = Encoding::word(Raw::U16, 0.01, 0.0);
const TENTHS: Encoding = Encoding::word(Raw::U16, 0.1, 0.0);

macro_rules! rows {
    ($($point:expr => $read:expr;)*) => {
        pub static ROWS: &[Row<CoalMine>] = &[$(Row { point: $point, read: $read },)*];
    };
}

rows! {
    register("face.ch4", CH4, (1, Input, 0), HUNDREDTHS) => |p| p.shown.face.value();
    register("corner.ch4", CH4, (1, Input, 1), HUNDREDTHS) => |p| p.shown.corner.value();
    register("heading.ch4", CH4, (1, Input, 2), HUNDREDTHS) => |p| p.shown.heading.value();
    register("return.ch4", CH4, (1, Input, 4), Encoding::wide(Raw::F32, "BADC", 1.0))
        => |p| p.shown.back.value();
    register("face.co", CO, (1, Input, 10), TENTHS) => |p| p.co[0].value();
    register("return.co", CO, (1, Input, 12), Encoding::wide(Raw::F32, "CDAB", 1.0))
        => |p| p.co[1].value();
    register("face.temperature", TEMPERATURE, (1, Input, 14), Encoding::word(Raw::I16, 0.1, 0.0))
        => |p| p.temperature.value();
    register("face.air-speed", SPEED, (1, Input, 16), HUNDREDTHS) => |p| p.speed();
    register("return.air-speed", SPEED, (1, Input, 18), Encoding::wide(Raw::F32, "DCBA", 1.0))
        => |p| p.speed() * 0.92;
    register("belt.co", CO, (1, Input, 60), TENTHS) => |p| p.co[2].value();
    register("face.power-feed", STATE, (1, Discrete, 0), Encoding::bit()) => |p| flag(p.power_on);
    register("face.cut-off", STATE, (1, Discrete, 1), Encoding::bit()) => |p| flag(!p.power_on);
    register("local-fan.running", STATE, (1, Discrete, 4), Encoding::bit())
        => |p| flag(p.local_fan_running());
    register("main-fan.pressure", ("Pa", -5_000.0, 1_000.0), (2, Holding, 0),
        Encoding::wide(Raw::I32, "CDAB", 1.0))
        => |p| -2_400.0 * p.fan.value() * p.fan.value() * 0.01f64.mul_add(p.air_wander.value(), 1.0);
    register("main-fan.current", ("A", 0.0, 400.0), (2, Holding, 2), TENTHS)
        => |p| if p.main_fan_running() { 182.0 + 2.0 * p.air_wander.value() } else { 0.0 };
    register("main-fan.power", ("kW", 0.0, 2_000.0), (2, Holding, 3), TENTHS)
        => |p| if p.main_fan_running() { 318.0 + 3.0 * p.air_wander.value() } else { 0.0 };
    register("main-fan.rotation", ("rpm", 0.0, 1_500.0), (2, Holding, 4),
        Encoding::word(Raw::U16, 1.0, 0.0)) => |p| FAN_RPM * p.fan.value();
    register("main-fan.running", STATE, (2, Holding, 10), Encoding::register_bit(0))
        => |p| flag(p.main_fan_running());
    register("standby-fan.ready", STATE, (2, Holding, 10), Encoding::register_bit(7))
        => |_| 1.0;
    published("belt.temperature", TEMPERATURE, "belt1", "/body/temperature", Json::Number)
        => |p| p.belt_temperature.value();
    published("belt.smoke", STATE, "belt1", "/body/smoke", Json::Bool) => |p| flag(p.smoke >= 0.5);
    published("people.underground", ("1", 0.0, 1_000.0), "people1", "/count", Json::Whole)
        => |p| p.people();
}

pub static KNOBS: &[Knob<CoalMine>] = &[
    Knob {
        name: "face.gush",
        normal: 0.0,
        low: 0.0,
        high: 0.6,
        turn: |plant, to| plant.gush = to,
    },
    Knob {
        name: "main-fan.stop",
        normal: 0.0,
        low: 0.0,
        high: 1.0,
        turn: |plant, to| plant.fan_stop = to,
    },
    Knob {
        name: "local-fan.stop",
        normal: 0.0,
        low: 0.0,
        high: 1.0,
        turn: |plant, to| plant.local_fan_stop = to,
    },
    Knob {
        name: "return.co-source",
        normal: 0.0,
        low: 0.0,
        high: 200.0,
        turn: |plant, to| plant.co_source = to,
    },
    Knob {
        name: "belt.smoke",
        normal: 0.0,
        low: 0.0,
        high: 1.0,
        turn: |plant, to| plant.smoke = to,
    },
];

pub static SPANS: &[Span] = &[
    Span::new(1, Input, 0, 19),
    Span::new(1, Input, 60, 60),
    Span::new(1, Discrete, 0, 7),
    Span::new(2, Holding, 0, 15),
];

pub static DEVICES: &[Device] = &[
    Device {
        name: "belt1",
        stamp: Stamp::Seconds("/head/time"),
    },
    Device {
        name: "people1",
        stamp: Stamp::None,
    },
];
