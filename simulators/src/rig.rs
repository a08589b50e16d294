//! A plant with its story: plant time goes in, images come out.
//!
//! Pure and deterministic: the same seed, scenario and plant time give the same image,
//! however the time was cut into calls.

use std::sync::Arc;

use crate::image::{Image, RegisterMap};
use crate::plant::{Plant, PlantKind};
use crate::scenario::{Fault, Scenario, Story};

/// Seconds of one step of the physics.
pub const STEP_S: f64 = 0.1;

/// See the module.
#[derive(Debug)]
pub struct Rig {
    plant: Plant,
    map: Arc<RegisterMap>,
    story: Story,
    loop_s: f64,
    steps: u64,
}

impl Rig {
    /// A plant at the start of its story.
    #[must_use]
    pub fn new(kind: PlantKind, scenario: &Scenario, seed: u64) -> Self {
        Self {
            plant: Plant::new(kind, seed.wrapping_add(kind as u64)),
            map: Arc::new(RegisterMap::new(kind)),
            story: scenario.story(kind),
            loop_s: scenario.loop_s,
            steps: 0,
        }
    }

    /// Seconds of plant time since the start.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "2^53 steps are 28 million years"
    )]
    pub fn plant_s(&self) -> f64 {
        self.steps as f64 * STEP_S
    }

    /// One step of [`STEP_S`].
    pub fn step(&mut self) {
        let at = self.plant_s() % self.loop_s;
        for (knob, track) in &self.story.tracks {
            self.plant.turn(*knob, track.at(at));
        }
        self.plant.step(STEP_S);
        self.steps += 1;
    }

    /// Steps up to `plant_s`, but at most `steps_max` times; returns whether it got there.
    pub fn run_to(&mut self, plant_s: f64, steps_max: u32) -> bool {
        for _ in 0..steps_max {
            if self.plant_s() + STEP_S > plant_s {
                return true;
            }
            self.step();
        }
        false
    }

    /// What the interfaces show now.
    #[must_use]
    pub fn image(&self) -> Image {
        let (map, values) = (Arc::clone(&self.map), self.plant.read());
        Image::new(map, self.plant_s(), values, self.faults())
    }

    fn faults(&self) -> Vec<Fault> {
        let at = self.plant_s() % self.loop_s;
        let on = |window: &&crate::scenario::FaultWindow| at >= window.from_s && at < window.to_s;
        let windows = self.story.faults.iter().filter(on);
        windows.map(|window| window.fault.clone()).collect()
    }
}
