//! A coal face: methane carried off by the air that the main fan draws, with the mine's
//! own methane-electric lock.
//!
//! Methane at the face follows inflow over air flow with the time constant of the face's
//! volume; the return and the upper corner follow the face. At the cut-off limits the lock
//! takes the face's power, which also slows the coal and with it the methane; a person
//! feeds power again after a check, here [`REFEED_S`] after everything is below 1.0 %.

mod map;

use super::Physics;
use super::parts::{Device, Knob, Row, Span};
use crate::rng::Rng;
use crate::signal::{Lag, Wander};

/// Air through the face with the main fan at full speed.
const AIR_M3S: f64 = 20.0;
const FACE_VOLUME_M3: f64 = 200.0;
const ROADWAY_M2: f64 = 10.0;
/// Methane from cutting coal, and from the standing face.
const GAS_CUTTING_M3S: f64 = 0.08;
const GAS_STANDING_M3S: f64 = 0.045;
/// Natural ventilation when no fan runs.
const NATURAL_SHARE: f64 = 0.08;
const CUT_OFF_CH4: f64 = 1.5;
const RESTORE_CH4: f64 = 1.0;
const REFEED_S: f64 = 15.0;
const FAN_RPM: f64 = 980.0;

#[derive(Debug)]
struct Gas {
    face: Lag,
    corner: Lag,
    back: Lag,
    heading: Lag,
}

/// See the module.
#[derive(Debug)]
pub struct CoalMine {
    rng: Rng,
    time_s: f64,
    fan: Lag,
    local_fan: Lag,
    cutting: Lag,
    gas: Gas,
    shown: Gas,
    bed: Wander,
    air_wander: Wander,
    co: [Lag; 3],
    co_drift: Wander,
    temperature: Lag,
    belt_temperature: Lag,
    power_on: bool,
    calm_s: f64,
    gush: f64,
    fan_stop: f64,
    local_fan_stop: f64,
    co_source: f64,
    smoke: f64,
}

impl CoalMine {
    fn air(&self) -> f64 {
        AIR_M3S
            * self.fan.value().max(NATURAL_SHARE)
            * 0.01f64.mul_add(self.air_wander.value(), 1.0)
    }

    fn ventilate(&mut self, dt: f64) {
        self.fan.follow(1.0 - self.fan_stop, 12.0, dt);
        self.local_fan.follow(1.0 - self.local_fan_stop, 6.0, dt);
        self.air_wander.drift(&mut self.rng, 40.0, dt);
        self.bed.drift(&mut self.rng, 60.0, dt);
        let cutting = if self.power_on { 1.0 } else { 0.0 };
        self.cutting.follow(cutting, 20.0, dt);
    }

    fn release(&mut self, dt: f64) {
        let air = self.air();
        let coal =
            (GAS_CUTTING_M3S - GAS_STANDING_M3S).mul_add(self.cutting.value(), GAS_STANDING_M3S);
        let inflow = coal.mul_add(0.05f64.mul_add(self.bed.value(), 1.0), self.gush);
        let gas = &mut self.gas;
        gas.face
            .follow(100.0 * inflow / air, FACE_VOLUME_M3 / air, dt);
        gas.corner
            .follow(1.1f64.mul_add(gas.face.value(), 0.04), 6.0, dt);
        gas.back.follow(0.8 * gas.face.value(), 22.0, dt);
        let duct = self.local_fan.value().max(NATURAL_SHARE);
        gas.heading.follow(0.32 / duct, 30.0 / duct, dt);
        let pairs = [
            (&mut self.shown.face, gas.face.value()),
            (&mut self.shown.corner, gas.corner.value()),
            (&mut self.shown.back, gas.back.value()),
            (&mut self.shown.heading, gas.heading.value()),
        ];
        for (shown, true_value) in pairs {
            shown.follow(0.02f64.mul_add(self.rng.noise(), true_value), 1.0, dt);
        }
    }

    /// The methane-electric lock, and the person who feeds power again.
    fn lock(&mut self, dt: f64) {
        let (face, corner, back) = (
            self.shown.face.value(),
            self.shown.corner.value(),
            self.shown.back.value(),
        );
        if face >= CUT_OFF_CH4 || corner >= CUT_OFF_CH4 || back >= RESTORE_CH4 {
            self.power_on = false;
        }
        let calm = face.max(corner).max(back) < RESTORE_CH4;
        self.calm_s = if calm { self.calm_s + dt } else { 0.0 };
        self.power_on |= self.calm_s >= REFEED_S;
    }

    fn surroundings(&mut self, dt: f64) {
        self.co_drift.drift(&mut self.rng, 120.0, dt);
        let base = 0.5f64.mul_add(self.co_drift.value(), 4.0);
        let diluted = self.co_source * AIR_M3S / self.air();
        let targets = [base, base + 1.0 + diluted, 3.0 + 4.0 * self.smoke];
        for (sensor, target) in self.co.iter_mut().zip(targets) {
            sensor.follow(0.4f64.mul_add(self.rng.noise(), target).max(0.0), 8.0, dt);
        }
        let heat = 24.2 + 1.2 * self.cutting.value() + 4.0 * (1.0 - self.fan.value());
        let noisy = 0.05f64.mul_add(self.rng.noise(), heat);
        self.temperature.follow(noisy, 240.0, dt);
        let belt = 27.0 + 5.0 * self.cutting.value() + 20.0 * self.smoke;
        self.belt_temperature.follow(belt, 120.0, dt);
    }

    const fn main_fan_running(&self) -> bool {
        self.fan_stop < 0.5
    }

    const fn local_fan_running(&self) -> bool {
        self.local_fan_stop < 0.5
    }

    /// Fewer people at night; a whole number.
    fn people(&self) -> f64 {
        let phase = std::f64::consts::TAU * self.time_s / 86_400.0;
        28.0f64.mul_add(phase.cos(), 92.0).round()
    }

    /// Air speed in the roadway.
    fn speed(&self) -> f64 {
        self.air() / ROADWAY_M2
    }
}

impl Physics for CoalMine {
    const ROWS: &'static [Row<Self>] = map::ROWS;
    const KNOBS: &'static [Knob<Self>] = map::KNOBS;
    const SPANS: &'static [Span] = map::SPANS;
    const DEVICES: &'static [Device] = map::DEVICES;

    fn new(seed: u64) -> Self {
        let gas = || Gas {
            face: Lag::at(0.4),
            corner: Lag::at(0.48),
            back: Lag::at(0.32),
            heading: Lag::at(0.32),
        };
        Self {
            rng: Rng::new(seed),
            time_s: 0.0,
            fan: Lag::at(1.0),
            local_fan: Lag::at(1.0),
            cutting: Lag::at(1.0),
            gas: gas(),
            shown: gas(),
            bed: Wander::default(),
            air_wander: Wander::default(),
            co: [Lag::at(4.0), Lag::at(5.0), Lag::at(3.0)],
            co_drift: Wander::default(),
            temperature: Lag::at(25.4),
            belt_temperature: Lag::at(32.0),
            power_on: true,
            calm_s: 0.0,
            gush: 0.0,
            fan_stop: 0.0,
            local_fan_stop: 0.0,
            co_source: 0.0,
            smoke: 0.0,
        }
    }

    fn step(&mut self, dt: f64) {
        self.time_s += dt;
        self.ventilate(dt);
        self.release(dt);
        self.lock(dt);
        self.surroundings(dt);
    }
}
