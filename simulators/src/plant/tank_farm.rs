//! A tank farm: four tanks with inlet control, pumps, valves and gas detectors.
//!
//! Level integrates flow, so it cannot jump. Each inlet valve is held by a proportional
//! controller, except T-103, which is filled in batches by its pump. A knob can force
//! T-101's inlet open (`stuck`), as a valve that does not close does.

mod map;

use super::Physics;
use super::parts::{Device, Knob, Row, Span};
use crate::rng::Rng;
use crate::signal::{Lag, Wander};

const TANK_COUNT: usize = 4;
const AREA_M2: f64 = 6.0;
const HEIGHT_M: f64 = 12.0;
const INLET_M3H_MAX: f64 = 720.0;
const DEMAND_M3H: f64 = 120.0;
/// Valve opening per metre of missing level.
const GAIN_PER_M: f64 = 0.5;
/// T-103's pump starts below and stops above.
const BATCH_M: (f64, f64) = (3.4, 4.6);
const BATCH_M3H: f64 = 210.0;
const SETPOINT_M: [f64; TANK_COUNT] = [9.0, 6.5, 4.0, 7.2];
/// T-102 is worked up and down slowly, as a day tank is.
const SWING_M: f64 = 1.4;
const SWING_PERIOD_S: f64 = 900.0;
const DAY_S: f64 = 86_400.0;
/// Above this level of T-101, displaced vapour reaches detector GD-01.
const BREATHING_M: f64 = 10.0;

#[derive(Debug)]
struct Tank {
    level: f64,
    shown: f64,
    inflow: Lag,
    outflow: f64,
    demand: Wander,
    temperature: Lag,
    vapour_kpa: Lag,
    pump: bool,
    pump_mpa: Lag,
}

impl Tank {
    fn new(setpoint: f64) -> Self {
        Self {
            level: setpoint,
            shown: setpoint,
            inflow: Lag::at(DEMAND_M3H),
            outflow: DEMAND_M3H,
            demand: Wander::default(),
            temperature: Lag::at(24.0),
            vapour_kpa: Lag::at(1.2),
            pump: true,
            pump_mpa: Lag::at(0.5),
        }
    }

    /// Moves the stock: `feed` is what the inlet is asked for, `drain` is drawn besides
    /// the usual demand. A full tank takes no more and an empty one gives no more.
    fn flow(&mut self, feed: f64, drain: f64, rng: &mut Rng, dt: f64) {
        let demand = DEMAND_M3H * 0.08f64.mul_add(self.demand.drift(rng, 90.0, dt), 1.0);
        self.outflow = if self.level > 0.05 {
            demand + drain
        } else {
            0.0
        };
        self.inflow.follow(feed, 3.0, dt);
        let rate = (self.inflow.value() - self.outflow) / 3600.0 / AREA_M2;
        self.level = (self.level + rate * dt).clamp(0.0, HEIGHT_M);
        self.shown = 0.003f64.mul_add(rng.noise(), self.level);
        self.pump = feed > 5.0;
        let share = self.inflow.value() / INLET_M3H_MAX;
        let pressure = if self.pump {
            0.56 - 0.14 * share * share
        } else {
            0.02
        };
        self.pump_mpa
            .follow(pressure + 0.002 * rng.noise(), 1.5, dt);
        let breathing = 1.2 + 0.004 * (self.inflow.value() - self.outflow);
        self.vapour_kpa
            .follow(breathing + 0.01 * rng.noise(), 8.0, dt);
    }

    fn controlled(&self, setpoint: f64) -> f64 {
        let opening = DEMAND_M3H / INLET_M3H_MAX + GAIN_PER_M * (setpoint - self.level);
        opening.clamp(0.0, 1.0) * INLET_M3H_MAX
    }
}

/// See the module.
#[derive(Debug)]
pub struct TankFarm {
    rng: Rng,
    time_s: f64,
    tanks: [Tank; TANK_COUNT],
    batch: bool,
    received_m3: f64,
    ambient: Wander,
    lel: [Lag; 3],
    h2s: Lag,
    stuck: f64,
    drain: f64,
    leak_lel: f64,
    leak_h2s: f64,
}

impl TankFarm {
    fn feed(&mut self, tank: usize) -> f64 {
        let level = self.tanks[tank].level;
        match tank {
            0 => self.tanks[0]
                .controlled(SETPOINT_M[0])
                .max(self.stuck * INLET_M3H_MAX),
            1 => {
                let phase = std::f64::consts::TAU * self.time_s / SWING_PERIOD_S;
                self.tanks[1].controlled(SWING_M.mul_add(phase.sin(), SETPOINT_M[1]))
            }
            2 => {
                self.batch = level < BATCH_M.0 || (self.batch && level < BATCH_M.1);
                if self.batch { BATCH_M3H } else { 0.0 }
            }
            _ => self.tanks[tank].controlled(SETPOINT_M[tank]),
        }
    }

    fn warm(&mut self, dt: f64) {
        let phase = std::f64::consts::TAU * self.time_s / DAY_S;
        let ambient = 5.0f64.mul_add(phase.sin(), 24.0) + self.ambient.value();
        for tank in &mut self.tanks {
            let product = 3.0 * tank.inflow.value() / INLET_M3H_MAX;
            let target = ambient + product;
            tank.temperature.follow(target, 900.0, dt);
        }
    }

    fn smell(&mut self, dt: f64) {
        let breathing = 14.0 * (self.tanks[0].level - BREATHING_M).clamp(0.0, 1.0);
        let targets = [1.2 + breathing, 0.9 + self.leak_lel, 1.0];
        for (detector, target) in self.lel.iter_mut().zip(targets) {
            let noisy = 0.6f64.mul_add(self.rng.noise(), target);
            detector.follow(noisy, 5.0, dt);
        }
        let noisy = 0.15f64.mul_add(self.rng.noise(), 0.4 + self.leak_h2s);
        self.h2s.follow(noisy, 6.0, dt);
    }

    const fn inlet_open(&self, tank: usize) -> bool {
        self.tanks[tank].inflow.value() > 5.0
    }
}

impl Physics for TankFarm {
    const ROWS: &'static [Row<Self>] = map::ROWS;
    const KNOBS: &'static [Knob<Self>] = map::KNOBS;
    const SPANS: &'static [Span] = map::SPANS;
    const DEVICES: &'static [Device] = map::DEVICES;

    fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            time_s: 0.0,
            tanks: SETPOINT_M.map(Tank::new),
            batch: false,
            received_m3: 18_240.0,
            ambient: Wander::default(),
            lel: [Lag::at(1.0); 3],
            h2s: Lag::at(0.4),
            stuck: 0.0,
            drain: 0.0,
            leak_lel: 0.0,
            leak_h2s: 0.0,
        }
    }

    fn step(&mut self, dt: f64) {
        self.time_s += dt;
        self.ambient.drift(&mut self.rng, 1_800.0, dt);
        for at in 0..TANK_COUNT {
            let feed = self.feed(at);
            let drain = if at == 0 { self.drain } else { 0.0 };
            self.tanks[at].flow(feed, drain, &mut self.rng, dt);
        }
        self.received_m3 += self.tanks[0].inflow.value() * dt / 3600.0;
        self.warm(dt);
        self.smell(dt);
    }
}
