//! A plant with a rule of every kind, and random stories of what its points read.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_engine::{Engine, Event, FrameInput, Input};
use fenghuo_model::{
    Catalog, CatalogId, GatewayKey, Kind, PointDef, PointKey, Reading, Reason, Sample, Timestamp,
    Title, Unit, Value, ValueType,
};

/// Every detector: windows short enough to fill and empty many times in a story. `age` and
/// counts of samples are left out: that nothing comes is what they look for.
pub const RULES: &str = r#"
[[rule]]
id = "level"
select = { kind = "level" }
suppress = { select = { role = "second" }, while = "on" }
first_out = "group"
[[rule.level]]
name = "now"
above = 8
reset = 7
severity = "yellow"
[[rule.level]]
name = "late"
above = 9
for = "3s"
off_for = "2s"
latch = true
severity = "red"
[[rule]]
id = "rate"
detector = "rate"
over = "5s"
absolute = true
select = { kind = "level" }
level = [{ name = "H", above = 2, reset = 1, severity = "yellow" }]
[[rule]]
id = "deviation"
detector = "deviation"
from = { kind = "level" }
select = { key = "x0" }
level = [{ name = "H", above = 2, severity = "yellow" }]
[[rule]]
id = "vote"
detector = "vote"
k = 2
group = "group"
select = { kind = "level" }
level = [{ name = "H", above = 8, reset = 7, severity = "red" }]
[[rule]]
id = "flat"
detector = "flat"
within = "6s"
band = 0.5
select = { kind = "level" }
level = [{ name = "L", severity = "blue" }]
[[rule]]
id = "rises"
detector = "count"
of = "rises"
over = "20s"
select = { role = "first" }
level = [{ name = "H", above = 3, severity = "blue" }, { name = "L", under = 1, severity = "blue" }]
[[rule]]
id = "increase"
detector = "count"
of = "increase"
over = "10s"
select = { key = "x1" }
level = [{ name = "H", above = 5, severity = "blue" }]
[[rule]]
id = "mean"
detector = "window"
stat = "mean"
over = "8s"
missing = 0
select = { kind = "level" }
level = [{ name = "H", above = 8, severity = "blue" }, { name = "L", below = 6, severity = "blue" }]
[[rule]]
id = "median"
detector = "window"
stat = "quantile"
last = 5
missing = 0
select = { kind = "level" }
level = [{ name = "H", above = 8, off_for = "2s", severity = "blue" }]
[[rule]]
id = "sd"
detector = "window"
stat = "stddev"
over = "10s"
tumbling = true
missing = 0
select = { key = "x2" }
level = [{ name = "H", above = 1, severity = "blue" }]
[[rule]]
id = "state"
detector = "state"
is = "on"
select = { role = "first" }
level = [{ name = "L", for = "2s", severity = "blue" }]
[[rule]]
id = "interlock"
detector = "interlock"
when = "on"
select = { role = "first" }
requires = { role = "second" }
level = [{ name = "L", for = "1s", severity = "orange" }]
[[rule]]
id = "follows"
detector = "sequence"
within = "4s"
select = { role = "first" }
then = { role = "second" }
level = [{ name = "L", severity = "orange" }]
[[rule]]
id = "missing"
detector = "sequence"
alarm_if = "missing"
within = "4s"
select = { role = "first" }
then = { role = "second" }
level = [{ name = "L", severity = "orange" }]
[[rule]]
id = "forecast"
detector = "forecast"
over = "20s"
ahead = "10s"
select = { kind = "level" }
level = [{ name = "H", above = 10, severity = "yellow" }]
[[rule]]
id = "anomaly"
detector = "anomaly"
floor = 1
select = { kind = "level" }
level = [{ name = "H", above = 6, severity = "blue" }]
[[rule]]
id = "expression"
detector = "expression"
when = "value > 7 && other < 7"
inputs = { other = { key = "x1" } }
select = { key = "x0" }
level = [{ name = "L", severity = "blue" }]
[[rule]]
id = "rollup"
detector = "rollup"
rules = ["level", "vote"]
group = "group"
select = { kind = "level" }
level = [{ name = "two", count = 2, of = "yellow", severity = "orange" }]
[[rule]]
id = "rollups"
detector = "rollup"
rules = ["rollup"]
group = "group"
select = { kind = "level" }
level = [{ name = "one", count = 1, of = "orange", severity = "red" }]
[[rule]]
id = "stale"
detector = "stale"
within = "12s"
select = { kind = "level" }
level = [{ name = "L", severity = "blue" }]
"#;

/// Points of [`catalog`]: three levels, two states.
pub const POINTS: u32 = 5;

/// The catalog of each gateway.
pub fn catalog() -> Catalog {
    let point = |key: &str, kind: Kind, role: &str| PointDef {
        key: PointKey::new(key).unwrap(),
        title: Title::default(),
        kind,
        unit: Unit::ONE,
        value_type: match kind {
            Kind::State => ValueType::Bool,
            _ => ValueType::F64,
        },
        range: None,
        interval_ms: 1_000,
        labels: BTreeMap::from([
            ("role".to_owned(), role.to_owned()),
            ("group".to_owned(), "g".to_owned()),
        ]),
    };
    Catalog::new(vec![
        point("x0", Kind::Level, ""),
        point("x1", Kind::Level, ""),
        point("x2", Kind::Level, ""),
        point("s0", Kind::State, "first"),
        point("s1", Kind::State, "second"),
    ])
    .unwrap()
}

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_750_000_000_000 + ms)
}

/// Xorshift: the same seed, the same story.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn value(&mut self, point: u32) -> Value {
        if point < 3 {
            Value::F64(5.0 + self.roll(12) as f64 * 0.5)
        } else {
            Value::Bool(self.roll(2) == 0)
        }
    }

    pub fn bad(&mut self) -> Reading {
        let reasons = [Reason::Timeout, Reason::DeviceFailure, Reason::NotConnected];
        Reading::Bad(reasons[usize::try_from(self.roll(3)).unwrap()])
    }

    /// What a point reads, often what it read before.
    pub fn reading(&mut self, point: u32, before: &Reading) -> Reading {
        match self.roll(12) {
            0 => self.bad(),
            1 => Reading::Uncertain(self.value(point), Reason::Clock),
            2..6 => Reading::Good(self.value(point)),
            _ => before.clone(),
        }
    }
}

/// Frames of one gateway, one a second; now and then a point says nothing.
pub fn story(dice: &mut Dice, gateway: &str, seconds: i64) -> Vec<FrameInput> {
    let gateway: GatewayKey = gateway.parse().unwrap();
    let catalog = catalog().id();
    let mut now: Vec<Reading> = (0..POINTS).map(|_| dice.bad()).collect();
    let mut quiet = vec![0_u64; POINTS as usize];
    (1..=seconds)
        .map(|second| {
            let mut samples = Vec::new();
            for point in 0..POINTS {
                let place = point as usize;
                if quiet[place] > 0 || dice.roll(60) == 0 {
                    quiet[place] = quiet[place].checked_sub(1).unwrap_or_else(|| dice.roll(20));
                    continue;
                }
                now[place] = dice.reading(point, &now[place]);
                let time = at(second * 1_000 - i64::try_from(dice.roll(900)).unwrap());
                let reading = now[place].clone();
                samples.push((point, Sample { time, reading }));
            }
            frame(&gateway, catalog, second, samples)
        })
        .collect()
}

/// The frame that a gateway closes at a second of its story; its number is the second.
pub fn frame(
    gateway: &GatewayKey,
    catalog: CatalogId,
    second: i64,
    samples: Vec<(u32, Sample)>,
) -> FrameInput {
    FrameInput {
        gateway: gateway.clone(),
        received: at(second * 1_000),
        epoch: 1,
        seq: second.unsigned_abs(),
        epoch_first: 1,
        oldest: 1,
        live_from: 1,
        live_oldest: 1,
        watermark: at(second * 1_000),
        catalog,
        samples,
        clock_step_ms: 0,
    }
}

/// A fold and its events.
#[derive(Default)]
pub struct Fold {
    pub engine: Engine,
    pub events: Vec<Event>,
    position: u64,
}

impl Fold {
    /// With the rules, and catalogs of these gateways.
    pub fn new(gateways: &[&str]) -> Self {
        let mut fold = Self::default();
        fold.put(Input::Rules(vec![("r.toml".to_owned(), RULES.to_owned())]));
        assert!(fold.engine.rules().rules.len() > 20, "the rules are read");
        let catalog = Arc::new(catalog());
        for gateway in gateways {
            fold.put(Input::Catalog(gateway.parse().unwrap(), catalog.clone()));
        }
        assert_eq!(fold.engine.problems().next(), None);
        fold.put(Input::Started(at(0)));
        fold
    }

    pub fn put(&mut self, input: Input) {
        self.position += 1;
        let mut changes = Vec::new();
        self.engine.apply(self.position, input, &mut changes);
        self.events.extend(changes.into_iter().map(|it| it.event));
        assert_eq!(self.engine.impossible(), 0);
    }

    /// Events of a gateway without what depends on their places in the log.
    pub fn told(&self, gateway: &str) -> Vec<String> {
        let of = |event: &&Event| event.alarm.subject.gateway().to_string() == gateway;
        let line = |event: &Event| {
            let kind = event.transition.as_str();
            format!("{} {kind} {}", event.at.as_millis(), event.alarm)
        };
        self.events.iter().filter(of).map(line).collect()
    }

    pub fn restore(&mut self) {
        let bytes = self.engine.snapshot().unwrap();
        self.engine = Engine::restore(&bytes).unwrap();
    }
}
