//! An engine with gateways, points and rules, and frames to feed it.

use std::sync::Arc;
use std::time::Instant;

use fenghuo_engine::{Change, Engine, FrameInput, Input};
use fenghuo_model::{Catalog, GatewayKey, Timestamp};

use crate::data::{BEGIN, catalog, good, wander};

/// Most points of one gateway here: more points are more gateways, as in the field.
pub const POINTS_MAX: usize = 10_000;
/// Samples of a frame.
const FRAME: usize = 5_000;

/// How the times of a frame's samples lie.
#[derive(Clone, Copy)]
pub enum Times {
    /// All the same: one poll of one device.
    One,
    /// Spread over the second before, in an order other than that of the points.
    Spread,
}

/// The engine and what feeds it.
pub struct Fold {
    pub engine: Engine,
    gateways: Vec<GatewayKey>,
    catalog: Arc<Catalog>,
    position: u64,
    step: usize,
    pub events: Vec<Change>,
}

impl Fold {
    /// With so many points in all, and these rules.
    pub fn new(points: usize, rules: &str) -> anyhow::Result<Self> {
        let each = points.min(POINTS_MAX);
        let gateways = (0..points / each).map(|at| GatewayKey::new("bench", &format!("gw{at}")));
        let mut fold = Self {
            engine: Engine::default(),
            gateways: gateways.collect::<Result<_, _>>()?,
            catalog: catalog(each),
            position: 0,
            step: 0,
            events: Vec::new(),
        };
        for gateway in fold.gateways.clone() {
            let catalog = Arc::clone(&fold.catalog);
            fold.put(Input::Catalog(gateway, catalog));
        }
        fold.rules(rules);
        Ok(fold)
    }

    /// Puts other rules in force.
    pub fn rules(&mut self, rules: &str) {
        self.put(Input::Rules(vec![("bench".to_owned(), rules.to_owned())]));
    }

    fn put(&mut self, input: Input) {
        self.position += 1;
        self.engine.apply(self.position, input, &mut self.events);
    }

    /// One sample of every point, in frames.
    pub fn second(&mut self, times: Times, value: impl Fn(usize, usize) -> f64) -> Vec<FrameInput> {
        self.step += 1;
        let step = self.step;
        let now = BEGIN + step as i64 * 1_000;
        let each = self.catalog.points().len();
        let mut frames = Vec::new();
        for gateway in &self.gateways {
            for (part, first) in (0..each).step_by(FRAME).enumerate() {
                let parts = each.div_ceil(FRAME);
                let sample = |point: usize| {
                    let time = match times {
                        Times::One => now,
                        Times::Spread => now - (point * 7_919 % 1_000) as i64,
                    };
                    let index = u32::try_from(point).unwrap_or(0);
                    (index, good(time, value(point, step)))
                };
                frames.push(FrameInput {
                    gateway: gateway.clone(),
                    received: Timestamp::from_millis(now),
                    epoch: 1,
                    seq: ((step - 1) * parts + part) as u64 + 1,
                    epoch_first: 1,
                    oldest: 1,
                    live_from: 1,
                    live_oldest: 1,
                    watermark: Timestamp::from_millis(now),
                    catalog: self.catalog.id(),
                    samples: (first..(first + FRAME).min(each)).map(sample).collect(),
                    clock_step_ms: 0,
                });
            }
        }
        frames
    }

    /// Feeds frames; the seconds that the engine took, and the samples.
    pub fn feed(&mut self, frames: Vec<FrameInput>) -> (f64, usize) {
        let samples = frames.iter().map(|frame| frame.samples.len()).sum();
        let begun = Instant::now();
        for frame in frames {
            self.put(Input::Frame(frame));
        }
        (begun.elapsed().as_secs_f64(), samples)
    }

    /// Feeds so many seconds of quiet data; samples a second of the engine's time.
    pub fn quiet(&mut self, seconds: usize, times: Times) -> anyhow::Result<f64> {
        let (mut spent, mut samples) = (0.0, 0);
        for _ in 0..seconds {
            let frames = self.second(times, wander);
            let (seconds, count) = self.feed(frames);
            spent += seconds;
            samples += count;
        }
        anyhow::ensure!(
            self.engine.impossible() == 0 && self.events.is_empty(),
            "the data breaks no limit"
        );
        Ok(samples as f64 / spent)
    }
}
