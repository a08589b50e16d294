//! The data that figures are made with: points, samples, frames; the same at each run.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_model::{
    Catalog, Kind, PointDef, PointKey, Reading, Sample, Timestamp, Title, Unit, Value, ValueType,
};
use fenghuo_uplink::frame::FrameBuilder;

/// Where the clock of the data begins.
pub const BEGIN: i64 = 1_795_392_000_000;

/// A catalog of numbered level points.
pub fn catalog(points: usize) -> Arc<Catalog> {
    let point = |at: usize| PointDef {
        key: PointKey::new(&format!("p{at}")).expect("a short name of letters and digits"),
        title: Title::default(),
        kind: Kind::Level,
        unit: Unit::ONE,
        value_type: ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: labels(at),
    };
    Arc::new(Catalog::new((0..points).map(point).collect()).expect("names differ"))
}

/// A hundred points an area, the first of which others depend on.
fn labels(at: usize) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([("area".to_owned(), (at / 100).to_string())]);
    if at % 100 == 0 {
        labels.insert("role".to_owned(), "guard".to_owned());
    }
    labels
}

/// A good number at a time.
pub const fn good(time: i64, value: f64) -> Sample {
    Sample {
        time: Timestamp::from_millis(time),
        reading: Reading::Good(Value::F64(value)),
    }
}

/// A value that moves like a level: slowly, with a little noise, below 100.
pub fn wander(point: usize, step: usize) -> f64 {
    let slow = (step % 997) as f64 / 997.0 * 60.0;
    let noise = ((point * 31 + step * 17) % 100) as f64 / 100.0;
    slow + noise
}

/// A frame of `samples` samples over the catalog's first points.
pub fn frame(catalog: &Arc<Catalog>, epoch: u64, seq: u64, samples: usize, time: i64) -> Vec<u8> {
    let mut builder = FrameBuilder::new(catalog.clone());
    fill(
        &mut builder,
        catalog.points().len(),
        samples,
        seq,
        time,
        None,
    );
    builder.finish(epoch, seq, 1, time)
}

/// Puts samples into a builder; `jump` replaces one point's value.
pub fn fill(
    builder: &mut FrameBuilder,
    points: usize,
    samples: usize,
    seq: u64,
    time: i64,
    jump: Option<(usize, f64)>,
) {
    let step = usize::try_from(seq).unwrap_or(0);
    for at in 0..samples {
        let point = at % points;
        let value = match jump {
            Some((jumping, value)) if jumping == at => value,
            _ => wander(point, step),
        };
        let point = u32::try_from(point).expect("a small catalog");
        builder
            .push(point, &good(time, value))
            .expect("a finite number of a known point");
    }
}
