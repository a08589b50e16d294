//! The tank farm's points, registers, devices and knobs.
//!
//! Unit 1 is the tank PLC, which mixes word orders as grown plants do; unit 2 is the gas
//! panel. The devices `gas1` (with a time in milliseconds) and `gas2` (without a time)
//! publish over MQTT.

use super::super::parts::{Device, Json, Knob, Row, STATE, Span, Stamp, flag, published, register};
use super::TankFarm;
use crate::register::Table::{Coil, Discrete, Holding, Input};
use crate::register::{Encoding, Raw};

const LEVEL: (&str, f64, f64) = ("m", 0.0, 12.0);
const TEMPERATURE: (&str, f64, f64) = ("°C", -40.0, 120.0);
const VAPOUR: (&str, f64, f64) = ("kPa", -10.0, 20.0);
const PUMP: (&str, f64, f64) = ("MPa", 0.0, 1.6);
const FLOW: (&str, f64, f64) = ("m3/h", 0.0, 2_000.0);
const LEL: (&str, f64, f64) = ("%LEL", 0.0, 100.0);
const H2S: (&str, f64, f64) = ("ppm", 0.0, 100.0);

const F32: Encoding = Encoding::wide(Raw::F32, "ABCD", 1.0);
const F32_SWAPPED: Encoding = Encoding::wide(Raw::F32, "CDAB", 1.0);
const TENTHS_FROM_MINUS_40: Encoding = Encoding::word(Raw::U16, 0.1, -40.0);
const HUNDREDTHS: Encoding = Encoding::word(Raw::I16, 0.01, 0.0);
const THOUSANDTHS: Encoding = Encoding::word(Raw::U16, 0.001, 0.0);
const TENTHS: Encoding = Encoding::word(Raw::U16, 0.1, 0.0);

macro_rules! rows {
    ($($point:expr => $read:expr;)*) => {
        pub static ROWS: &[Row<TankFarm>] = &[$(Row { point: $point, read: $read },)*];
    };
}

rows! {
    register("T-101.level", LEVEL, (1, Holding, 100), F32) => |p| p.tanks[0].shown;
    register("T-102.level", LEVEL, (1, Holding, 102), F32_SWAPPED) => |p| p.tanks[1].shown;
    register("T-103.level", LEVEL, (1, Holding, 104), F32) => |p| p.tanks[2].shown;
    register("T-104.level", LEVEL, (1, Holding, 106), F32_SWAPPED) => |p| p.tanks[3].shown;
    register("T-101.temperature", TEMPERATURE, (1, Holding, 110),
        Encoding::word(Raw::I16, 0.01, 50.0)) => |p| p.tanks[0].temperature.value();
    register("T-102.temperature", TEMPERATURE, (1, Holding, 111), TENTHS_FROM_MINUS_40)
        => |p| p.tanks[1].temperature.value();
    register("T-103.temperature", TEMPERATURE, (1, Holding, 112), TENTHS_FROM_MINUS_40)
        => |p| p.tanks[2].temperature.value();
    register("T-104.temperature", TEMPERATURE, (1, Holding, 113), TENTHS_FROM_MINUS_40)
        => |p| p.tanks[3].temperature.value();
    register("T-101.pressure", VAPOUR, (1, Holding, 120), HUNDREDTHS)
        => |p| p.tanks[0].vapour_kpa.value();
    register("T-101.inflow", FLOW, (1, Holding, 122), Encoding::wide(Raw::U32, "ABCD", 0.01))
        => |p| p.tanks[0].inflow.value();
    register("T-101.outflow", FLOW, (1, Holding, 124), Encoding::wide(Raw::U32, "CDAB", 0.01))
        => |p| p.tanks[0].outflow;
    register("P-101.pressure", PUMP, (1, Holding, 130), THOUSANDTHS)
        => |p| p.tanks[0].pump_mpa.value();
    register("P-103.pressure", PUMP, (1, Holding, 131), THOUSANDTHS)
        => |p| p.tanks[2].pump_mpa.value();
    register("P-101.running", STATE, (1, Holding, 140), Encoding::register_bit(0))
        => |p| flag(p.tanks[0].pump);
    register("P-103.running", STATE, (1, Holding, 140), Encoding::register_bit(9))
        => |p| flag(p.tanks[2].pump);
    register("T-101.received", ("m3", 0.0, 1e9), (1, Input, 10),
        Encoding::wide(Raw::F64, "ABCDEFGH", 1.0)) => |p| p.received_m3;
    register("P-102.running", STATE, (1, Coil, 3), Encoding::bit()) => |p| flag(p.tanks[1].pump);
    register("XV-101.open", STATE, (1, Discrete, 0), Encoding::bit())
        => |p| flag(p.inlet_open(0));
    register("XV-103.open", STATE, (1, Discrete, 2), Encoding::bit())
        => |p| flag(p.inlet_open(2));
    register("GD-02.lel", LEL, (2, Input, 0), TENTHS) => |p| p.lel[1].value();
    register("GD-03.lel", LEL, (2, Input, 1), TENTHS) => |p| p.lel[2].value();
    published("GD-01.lel", LEL, "gas1", "/values/lel", Json::Number) => |p| p.lel[0].value();
    published("GD-01.temperature", TEMPERATURE, "gas1", "/values/temperature", Json::Number)
        => |p| p.tanks[0].temperature.value() + 1.5;
    published("GD-04.h2s", H2S, "gas2", "/h2s/ppm", Json::Number) => |p| p.h2s.value();
}

pub static KNOBS: &[Knob<TankFarm>] = &[
    Knob {
        name: "T-101.inlet-stuck",
        normal: 0.0,
        low: 0.0,
        high: 1.0,
        turn: |plant, to| plant.stuck = to,
    },
    Knob {
        name: "T-101.drain",
        normal: 0.0,
        low: 0.0,
        high: 1_000.0,
        turn: |plant, to| plant.drain = to,
    },
    Knob {
        name: "GD-02.leak",
        normal: 0.0,
        low: 0.0,
        high: 90.0,
        turn: |plant, to| plant.leak_lel = to,
    },
    Knob {
        name: "GD-04.leak",
        normal: 0.0,
        low: 0.0,
        high: 90.0,
        turn: |plant, to| plant.leak_h2s = to,
    },
];

pub static SPANS: &[Span] = &[
    Span::new(1, Holding, 100, 149),
    Span::new(1, Input, 10, 19),
    Span::new(1, Coil, 0, 15),
    Span::new(1, Discrete, 0, 15),
    Span::new(2, Input, 0, 15),
];

pub static DEVICES: &[Device] = &[
    Device {
        name: "gas1",
        stamp: Stamp::Millis("/ts"),
    },
    Device {
        name: "gas2",
        stamp: Stamp::None,
    },
];
