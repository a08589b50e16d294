//! A small plant whose hours were really logged, judged and stored: for tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fenghuo_engine::Deed;
use fenghuo_history::{History, Options, Row};
use fenghuo_log::{Batch, Log};
use fenghuo_model::{
    Catalog, GatewayKey, Kind, PointDef, PointKey, Reading, Reason, Sample, SampleId, Timestamp,
    Title, Unit, Value, ValueType,
};
use fenghuo_uplink::frame::FrameBuilder;
use prost::Message;
use tokio::sync::{Notify, watch};

use crate::board::Board;
use crate::entry::{
    self, RawAct, RawCatalog, RawFile, RawFrame, RawGateways, RawRules, RawTick, RawTime,
};
use crate::feed::{Feed, catalog_mark};
use crate::historian::Historian;
use crate::journal::Journal;
use crate::judge::{Judge, Parts, Sources as JudgeSources};
use crate::metrics::Metrics;
use crate::serve::Files;
use crate::snapshot::Snapshots;

/// The plant's first second: 2026-11-01T00:00:00Z.
pub const BEGIN_MS: i64 = 1_793_491_200_000;

/// The rules that watch it.
pub const RULES: &str = r#"
[[rule]]
id = "gas"
title = { zh = "甲烷超限", en = "Methane high" }
select = { kind = "concentration" }
[[rule.level]]
name = "L1"
above = 1.0
reset = 0.8
severity = "yellow"
[[rule.level]]
name = "L2"
above = 1.1
for = "5s"
off_for = "3s"
severity = "red"
[[rule]]
id = "gas.mean"
select = { kind = "concentration" }
detector = "window"
stat = "mean"
over = "60s"
[[rule.level]]
name = "H"
above = 0.5
severity = "blue"
[[rule]]
id = "tank.quiet"
select = { kind = "level" }
detector = "stale"
within = "120s"
[[rule.level]]
name = "alarm"
severity = "blue"
"#;

/// An instant of the plant.
pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(BEGIN_MS + ms)
}

fn def(key: &str, kind: Kind, unit: &str, interval_ms: u32) -> PointDef {
    PointDef {
        key: PointKey::new(key).unwrap(),
        title: Title::default(),
        kind,
        unit: Unit::parse(unit).unwrap(),
        value_type: ValueType::F64,
        range: None,
        interval_ms,
        labels: BTreeMap::new(),
    }
}

/// A mine that reports every second, and a tank farm that reports once a minute.
fn catalogs() -> [(GatewayKey, Arc<Catalog>); 2] {
    let mine = vec![def("CH4-1", Kind::Concentration, "%CH4", 1_000)];
    let tank = vec![def("T-1", Kind::Level, "m", 0)];
    [("mine/gw1", mine), ("tank/gw1", tank)].map(|(key, points)| {
        (
            key.parse().unwrap(),
            Arc::new(Catalog::new(points).unwrap()),
        )
    })
}

/// What the gas does: a peak of ten seconds every 100 s, every other one small; sometimes
/// the detector does not answer.
fn gas(second: i64) -> Reading {
    let (peak, within) = (second / 100, second % 100);
    match within {
        50..60 if peak % 2 == 0 => Reading::Good(Value::F64(1.2)),
        50..60 => Reading::Good(Value::F64(0.95)),
        _ if second % 777 == 0 => Reading::Bad(Reason::Timeout),
        _ => Reading::Good(Value::F64(0.2)),
    }
}

/// Peaks that only a stricter limit sees, among so many seconds.
pub const fn small_peaks(seconds: i64) -> u64 {
    (seconds / 200).unsigned_abs()
}

/// The stores of the plant.
pub struct Plant {
    pub files: Files,
    pub history: History,
    log: Log,
    feed: Feed,
    seqs: [u64; 2],
}

impl Plant {
    /// An empty one under [`RULES`].
    pub fn open(dir: &Path) -> Self {
        Self::under(dir, RULES)
    }

    /// An empty one under other rules.
    pub fn under(dir: &Path, rules: &str) -> Self {
        let files = Files::new(dir);
        let mut log = Log::open(&files.log, None).unwrap();
        let mut batch = Batch::default();
        let gateways = vec!["mine/gw1".to_owned(), "tank/gw1".to_owned()];
        let files_of_rules = vec![RawFile {
            name: "plant.toml".to_owned(),
            text: rules.to_owned(),
        }];
        let rules = RawRules {
            files: files_of_rules,
        };
        batch.push(entry::RULES, rules.encode_to_vec());
        batch.push(entry::EXPECTED, RawGateways { gateways }.encode_to_vec());
        batch.push(
            entry::STARTED,
            RawTime {
                at: at(0).as_millis(),
            }
            .encode_to_vec(),
        );
        for (gateway, catalog) in catalogs() {
            let bytes = fenghuo_uplink::catalog::to_bytes(&catalog);
            batch.mark(catalog_mark(catalog.id()), Some(bytes.clone()));
            let raw = RawCatalog {
                gateway: gateway.to_string(),
                catalog: bytes,
            };
            batch.push(entry::CATALOG, raw.encode_to_vec());
        }
        log.append(&batch).unwrap();
        Self {
            feed: Feed::new(log.head()),
            history: History::open(&files.history, Options::new("plant")).unwrap(),
            files,
            log,
            seqs: [0; 2],
        }
    }

    /// Seconds pass at the plant. The tank farm is away (it writes no frames) in `away`.
    pub fn live(&mut self, seconds: std::ops::Range<i64>, away: std::ops::Range<i64>) {
        let mut batch = Batch::default();
        for second in seconds {
            let now = second * 1_000;
            self.frame(0, (now, now), Some(gas(second)), &mut batch);
            if !away.contains(&second) {
                let level = (second % 60 == 0).then_some(Reading::Good(Value::F64(3.0)));
                self.frame(1, (now, now), level, &mut batch);
            }
            let at = at(now + 370).as_millis();
            batch.push(entry::TICK, RawTick { at, deaf: false }.encode_to_vec());
            if second % 500 == 0 {
                self.log.append(&std::mem::take(&mut batch)).unwrap();
            }
        }
        self.log.append(&batch).unwrap();
    }

    /// Seconds pass while the mine's link is down; its frames come after that.
    pub fn cut_off(&mut self, seconds: std::ops::Range<i64>) {
        let mut batch = Batch::default();
        for second in seconds.clone() {
            let level = (second % 60 == 0).then_some(Reading::Good(Value::F64(3.0)));
            self.frame(1, (second * 1_000, second * 1_000), level, &mut batch);
            let at = at(second * 1_000 + 370).as_millis();
            batch.push(entry::TICK, RawTick { at, deaf: false }.encode_to_vec());
        }
        for second in seconds.clone() {
            let received = seconds.end * 1_000;
            self.frame(0, (second * 1_000, received), Some(gas(second)), &mut batch);
        }
        self.log.append(&batch).unwrap();
    }

    fn frame(
        &mut self,
        gateway: usize,
        (now, received): (i64, i64),
        reading: Option<Reading>,
        batch: &mut Batch,
    ) {
        let (key, catalog) = catalogs()[gateway].clone();
        let mut builder = FrameBuilder::new(catalog);
        if let Some(reading) = reading {
            let time = at(now + 10);
            builder.push(0, &Sample { time, reading }).unwrap();
        }
        self.seqs[gateway] += 1;
        let raw = RawFrame {
            gateway: key.to_string(),
            received: at(received + 60).as_millis(),
            sent: at(received + 50).as_millis(),
            // Receipts come at once: nothing is sent again.
            oldest: self.seqs[gateway],
            live_from: 1,
            frame: builder.finish(7, self.seqs[gateway], 1, at(now + 40).as_millis()),
            live_oldest: self.seqs[gateway],
            gaps: Vec::new(),
        };
        batch.push(entry::FRAME, raw.encode_to_vec());
    }

    /// Somebody does something.
    pub fn act(&mut self, ms: i64, deed: &Deed) {
        let raw = RawAct {
            at: at(ms).as_millis(),
            by: "张三".to_owned(),
            comment: "已到现场".to_owned(),
            deed: entry::deed_text(deed),
        };
        let mut batch = Batch::default();
        batch.push(entry::ACT, raw.encode_to_vec());
        self.log.append(&batch).unwrap();
    }

    /// Judges and stores all that is in the log, as the server does.
    pub fn judge(&self) {
        let stop = Arc::new(AtomicBool::new(false));
        let (judged, mut seen) = watch::channel(0);
        let snapshots = Snapshots::open(&self.files.snapshots, 2).unwrap();
        let engine = snapshots.newest().unwrap().engine;
        let journal = Journal::open(&self.files.journal).unwrap();
        let parts = Parts {
            feed: self.feed.reader(&self.files.log).unwrap(),
            alarms: journal.reader().unwrap().active().unwrap(),
            journal,
            snapshots,
            snapshot_every: Duration::from_secs(3_600),
            keep_notices: None,
            board: Arc::new(Board::default()),
            metrics: Arc::new(Metrics::new()),
            shared: Arc::default(),
            carriers: Vec::new(),
            judged,
            sources: JudgeSources {
                log_id: String::new(),
                history: self.history.clone(),
                history_fault: Arc::default(),
                told: Arc::new(Notify::new()),
                outward: Vec::new(),
                intake: crate::intake::Intake::default(),
                at_start: Vec::new(),
            },
            questions: crate::explain::Questions::default(),
            stop: stop.clone(),
        };
        let judge = Judge::new(parts, engine).unwrap();
        let historian = Historian {
            feed: self.feed.reader(&self.files.log).unwrap(),
            history: self.history.clone(),
            metrics: Arc::new(Metrics::new()),
            fault: Arc::default(),
            retention_months: 0,
            stop: stop.clone(),
        };
        let last = self.log.next() - 1;
        let samples = self.samples();
        let threads = [
            std::thread::spawn(move || judge.run()),
            std::thread::spawn(move || historian.run()),
        ];
        let deadline = Instant::now() + Duration::from_secs(120);
        while *seen.borrow_and_update() < last || self.stored() < samples {
            assert!(Instant::now() < deadline, "judge or historian is stuck");
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
        self.log.head().wake();
        for thread in threads {
            thread.join().unwrap();
        }
    }

    fn samples(&self) -> usize {
        let [mine, tank] = self.seqs;
        usize::try_from(mine + u64::from(tank > 0)).unwrap()
    }

    fn stored(&self) -> usize {
        let points = ["mine/gw1/CH4-1", "tank/gw1/T-1"].map(|point| point.parse().unwrap());
        let ever = (Timestamp::MIN, Timestamp::MAX);
        let count = |point| self.history.range(point, ever.0, ever.1, usize::MAX);
        let [mine, tank] = [&points[0], &points[1]].map(|point| {
            count(point)
                .series
                .iter()
                .map(|(_, all)| all.len())
                .sum::<usize>()
        });
        mine + usize::from(tank > 0)
    }

    /// A third gateway with many points, of which only what stays for good is written: its
    /// catalog in the journal and a sample of each point a second in history; and the log's
    /// end, so that so much can be told.
    pub fn widen(&mut self, points: u32, seconds: i64) {
        let gateway: GatewayKey = "wide/gw1".parse().unwrap();
        let defs = (0..points).map(|at| def(&format!("p{at}"), Kind::Concentration, "%CH4", 1_000));
        let catalog = Catalog::new(defs.collect()).unwrap();
        let raw = RawCatalog {
            gateway: gateway.to_string(),
            catalog: fenghuo_uplink::catalog::to_bytes(&catalog),
        };
        let mut journal = Journal::open(&self.files.journal).unwrap();
        let position = self.log.next();
        let body = raw.encode_to_vec();
        let kept = [(position, entry::CATALOG, body.as_slice())];
        journal.append(&[], &kept).unwrap();
        let wanted: Vec<_> = catalog
            .points()
            .iter()
            .map(|def| {
                let (gateway, key) = (gateway.clone(), def.key.clone());
                let point = fenghuo_model::PointRef { gateway, key };
                (point, def.unit, def.value_type)
            })
            .collect();
        let series = self.history.series_for_all(&wanted).unwrap();
        for second in 0..seconds {
            let seq = second.unsigned_abs() + 1;
            let rows: Vec<_> = (0..points)
                .map(|index| Row {
                    series: series[index as usize],
                    id: SampleId {
                        epoch: 7,
                        seq,
                        index,
                    },
                    sample: Sample {
                        time: at(second * 1_000 + 10),
                        reading: gas(second + i64::from(index)),
                    },
                })
                .collect();
            self.history.apply(position + seq, &rows).unwrap();
        }
        self.history.seal_all().unwrap();
        let at = at(seconds * 1_000).as_millis();
        let mut batch = Batch::default();
        batch.push(entry::TICK, RawTick { at, deaf: false }.encode_to_vec());
        self.log.append(&batch).unwrap();
    }

    /// Cuts the log off: everything below a position is gone.
    pub fn trim(&mut self, below: u64) {
        self.log.trim(below).unwrap();
    }

    /// The log.
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// The position that the next entry will get.
    pub fn next(&self) -> u64 {
        self.log.next()
    }
}
