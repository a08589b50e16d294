//! A grinding workshop with a bag-filter dust collector.
//!
//! Differential pressure goes with the square of the fan's speed and with the clogging of
//! the bags, which pulse cleaning takes off again: a saw tooth. Without the collector, dust
//! stays in the room. A knob heats the hopper, as smouldering dust does.

mod map;

use super::Physics;
use super::parts::{Device, Knob, Row, Span};
use crate::rng::Rng;
use crate::signal::{Lag, Wander};

const PULSE_EVERY_S: f64 = 40.0;
const PULSE_DIP_MPA: f64 = 0.06;
const AIR_SUPPLY_MPA: f64 = 0.48;
const CLEAN_PA: f64 = 980.0;
const CLOG_PA_PER_S: f64 = 4.5;
/// What a pulse leaves of the clogging.
const PULSE_KEEPS: f64 = 0.15;
const FAN_RPM: f64 = 1_450.0;
const FAN_AMPERE: f64 = 86.0;
const DUCT_MPS: f64 = 21.0;
const GRINDERS_KW: f64 = 64.0;
const MAINS_V: f64 = 228.0;

/// See the module.
#[derive(Debug)]
pub struct DustWorkshop {
    rng: Rng,
    fan: Lag,
    load: Lag,
    load_wander: Wander,
    clog_pa: f64,
    since_pulse_s: f64,
    pressure_pa: Lag,
    air_mpa: Lag,
    hopper: Lag,
    duct: Lag,
    room_dust: Lag,
    fan_amps: f64,
    energy_kwh: f64,
    sparks: f64,
    collector_stop: f64,
    production_stop: f64,
    smoulder: f64,
    air_leak: f64,
    lock_fault: f64,
}

impl DustWorkshop {
    const fn collector_on(&self) -> bool {
        self.collector_stop < 0.5
    }

    const fn production_on(&self) -> bool {
        self.production_stop < 0.5
    }

    fn turn_fan(&mut self, dt: f64) {
        let target = if self.collector_on() { 1.0 } else { 0.0 };
        self.fan.follow(target, 3.0, dt);
        let work = if self.production_on() { 1.0 } else { 0.0 };
        self.load_wander.drift(&mut self.rng, 25.0, dt);
        self.load.follow(work, 4.0, dt);
        let drag = 0.02f64.mul_add(self.rng.noise(), 1.0);
        self.fan_amps = if self.collector_on() {
            let starting = 1.0 - self.fan.value();
            FAN_AMPERE * drag * starting.mul_add(1.6, 1.0)
        } else {
            0.0
        };
    }

    fn filter(&mut self, dt: f64) {
        self.clog_pa += CLOG_PA_PER_S * self.load.value() * self.fan.value() * dt;
        self.since_pulse_s += dt;
        let pulse = self.since_pulse_s >= PULSE_EVERY_S && self.fan.value() > 0.5;
        if pulse {
            self.since_pulse_s = 0.0;
            self.clog_pa *= PULSE_KEEPS;
        }
        let drop = (CLEAN_PA + self.clog_pa) * self.fan.value() * self.fan.value();
        let noisy = 4.0f64.mul_add(self.rng.noise(), drop);
        self.pressure_pa.follow(noisy.max(0.0), 1.2, dt);
        let supply = AIR_SUPPLY_MPA - self.air_leak;
        if pulse {
            self.air_mpa = Lag::at((self.air_mpa.value() - PULSE_DIP_MPA).max(0.0));
        }
        let supply = 0.002f64.mul_add(self.rng.noise(), supply);
        self.air_mpa.follow(supply, 5.0, dt);
    }

    fn heat(&mut self, dt: f64) {
        let work = self.load.value();
        let hopper = 29.0 + 7.0 * work + self.smoulder;
        self.hopper
            .follow(0.3f64.mul_add(self.rng.noise(), hopper), 20.0, dt);
        let duct = 27.0 + 9.0 * work;
        self.duct
            .follow(0.2f64.mul_add(self.rng.noise(), duct), 30.0, dt);
        let escaping = 55.0 * work * (1.0 - self.fan.value());
        let room = 1.5f64.mul_add(work, 0.5) + escaping;
        let noisy = 0.2f64.mul_add(self.rng.noise(), room).max(0.0);
        self.room_dust.follow(noisy, 25.0, dt);
    }

    fn fan_kw(&self) -> f64 {
        1.732 * 0.4 * 0.86 * self.fan_amps
    }

    fn grinders_kw(&self) -> f64 {
        let swing = 0.08f64.mul_add(self.load_wander.value(), 1.0);
        GRINDERS_KW * self.load.value() * swing
    }

    /// Current in one phase; the phases differ a little, as real ones do.
    fn phase_ampere(&self, share: f64) -> f64 {
        self.grinders_kw() * 1000.0 / 3.0 / MAINS_V / 0.85 * share
    }

    fn volts(&self) -> f64 {
        0.8f64.mul_add(self.load_wander.value(), MAINS_V) - 3.0 * self.load.value()
    }
}

impl Physics for DustWorkshop {
    const ROWS: &'static [Row<Self>] = map::ROWS;
    const KNOBS: &'static [Knob<Self>] = map::KNOBS;
    const SPANS: &'static [Span] = map::SPANS;
    const DEVICES: &'static [Device] = map::DEVICES;

    fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            fan: Lag::at(1.0),
            load: Lag::at(1.0),
            load_wander: Wander::default(),
            clog_pa: 40.0,
            since_pulse_s: 0.0,
            pressure_pa: Lag::at(CLEAN_PA + 40.0),
            air_mpa: Lag::at(AIR_SUPPLY_MPA),
            hopper: Lag::at(36.0),
            duct: Lag::at(36.0),
            room_dust: Lag::at(2.0),
            fan_amps: FAN_AMPERE,
            energy_kwh: 482_310.0,
            sparks: 0.0,
            collector_stop: 0.0,
            production_stop: 0.0,
            smoulder: 0.0,
            air_leak: 0.0,
            lock_fault: 0.0,
        }
    }

    fn step(&mut self, dt: f64) {
        self.turn_fan(dt);
        self.filter(dt);
        self.heat(dt);
        self.energy_kwh += (self.fan_kw() + self.grinders_kw()) * dt / 3600.0;
    }
}
