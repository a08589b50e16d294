//! The engine on one core: level rules with on-delay, one a point.

use std::sync::Arc;
use std::time::Instant;

use fenghuo_engine::{Engine, FrameInput, Input};
use fenghuo_model::{GatewayKey, Timestamp};

use crate::data::{BEGIN, catalog, good, wander};
use crate::table::{Table, rate};

const RULES: &str = r#"
[[rule]]
id = "level"
select = { kind = "level" }
[[rule.level]]
name = "H"
above = 100.0
for = "5s"
severity = "yellow"
"#;

/// Frames of this many samples.
const FRAME: usize = 5_000;

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    for points in [1_000, 10_000, 100_000] {
        let frames = 2_000_000 / FRAME.min(points);
        let (samples, seconds, bytes) = fold(points, frames)?;
        table.row(
            &format!("engine, {points} points, a level rule each"),
            rate(samples as f64, seconds),
            &format!(
                "one core; {:.0} bytes of snapshot a point",
                bytes as f64 / points as f64
            ),
        );
    }
    Ok(())
}

fn fold(points: usize, frames: usize) -> anyhow::Result<(usize, f64, usize)> {
    let gateway = GatewayKey::new("bench", "gw")?;
    let catalog = catalog(points);
    let mut engine = Engine::default();
    let mut out = Vec::new();
    engine.apply(
        1,
        Input::Rules(vec![("r".to_owned(), RULES.to_owned())]),
        &mut out,
    );
    engine.apply(
        2,
        Input::Catalog(gateway.clone(), Arc::clone(&catalog)),
        &mut out,
    );
    let size = FRAME.min(points);
    let mut inputs = Vec::with_capacity(frames);
    for at in 0..frames {
        let first = at * size % points;
        let time = BEGIN + (at * size / points) as i64 * 1_000;
        let sample = |point: usize| {
            (
                u32::try_from(point).unwrap_or(0),
                good(time, wander(point, at)),
            )
        };
        inputs.push(Input::Frame(FrameInput {
            gateway: gateway.clone(),
            received: Timestamp::from_millis(time),
            epoch: 1,
            seq: at as u64 + 1,
            epoch_first: 1,
            oldest: 1,
            live_from: 1,
            live_oldest: 1,
            watermark: Timestamp::from_millis(time),
            catalog: catalog.id(),
            samples: (first..(first + size).min(points)).map(sample).collect(),
            clock_step_ms: 0,
        }));
    }
    let begun = Instant::now();
    for (position, input) in (3..).zip(inputs) {
        engine.apply(position, input, &mut out);
    }
    let seconds = begun.elapsed().as_secs_f64();
    anyhow::ensure!(
        engine.impossible() == 0 && out.is_empty(),
        "the data breaks no limit"
    );
    Ok((frames * size, seconds, engine.snapshot()?.len()))
}
