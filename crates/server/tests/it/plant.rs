//! A server's stores without its sockets: log, journal and history in a folder, filled with
//! frames and events, and a stand-in for ingest that stores the sinks' marks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fenghuo_engine::{EventId, NoticeId};
use fenghuo_history::{History, Options, Row};
use fenghuo_log::{Batch, Log};
use fenghuo_model::{
    Catalog, GatewayKey, Kind, PointDef, PointKey, PointRef, Sample, SampleId, Title, Unit,
    ValueType,
};
use fenghuo_server::entry::{self, RawFrame, RawTime};
use fenghuo_server::feed::{Feed, catalog_mark};
use fenghuo_server::intake::{Control, Intake};
use fenghuo_server::journal::notices::WrittenNotice;
use fenghuo_server::journal::{Journal, Written};
use fenghuo_server::metrics::Metrics;
use fenghuo_server::notify::text::Gathered;
use fenghuo_server::sink::InfluxParts;
use fenghuo_server::view::{
    AlarmView, EventView, NoticeLineView, NoticeView, Plain, Stamps, Words,
};
use fenghuo_uplink::frame::FrameBuilder;
use prost::Message;
use tempfile::TempDir;

/// 2026-11-23T00:00:00Z.
pub const T0: i64 = 1_795_392_000_000;

pub const TYPES: [(&str, ValueType, &str); 5] = [
    ("p.f64", ValueType::F64, "°C"),
    ("p.i64", ValueType::I64, "1"),
    ("p.u64", ValueType::U64, "L/min"),
    ("p.bool", ValueType::Bool, "1"),
    ("p.text", ValueType::Text, "1"),
];

/// One point of each type.
pub fn catalog() -> Arc<Catalog> {
    let point = |(key, value_type, unit): &(&str, ValueType, &str)| PointDef {
        key: PointKey::new(key).unwrap(),
        title: Title::default(),
        kind: Kind::Flow,
        unit: Unit::parse(unit).unwrap(),
        value_type: *value_type,
        range: None,
        interval_ms: 1_000,
        labels: BTreeMap::from([("hostile".to_owned(), "a b,c=d\n\"\\".to_owned())]),
    };
    Arc::new(Catalog::new(TYPES.iter().map(point).collect()).unwrap())
}

pub fn gateway() -> GatewayKey {
    GatewayKey::new("kaijiang-oil", "gw-1").unwrap()
}

/// An alarm event as screens see it.
pub fn event(position: u64, transition: &str) -> EventView {
    let id = format!("{position}.0");
    EventView {
        transition: transition.to_owned(),
        alarm: AlarmView {
            alarm: "gas.combustible/L2@kaijiang-oil/gw-1/p.f64".to_owned(),
            occurrence: "1.0".to_owned(),
            rule: "gas.combustible".to_owned(),
            rule_version: "v1".to_owned(),
            level: "L2 hostile,=\\".to_owned(),
            title: Words::new("可燃气体超限", "Combustible gas high"),
            severity: "orange".to_owned(),
            state: "unacknowledged".to_owned(),
            enterprise: "kaijiang-oil".to_owned(),
            gateway: "gw-1".to_owned(),
            point: Some("kaijiang-oil/gw-1/p.f64".to_owned()),
            point_title: None,
            unit: "%LEL".to_owned(),
            value: Some(Plain::Float(51.5)),
            limit: Some(50.0),
            op: Some("above".to_owned()),
            raised_at: T0,
            raises: 1,
            changed_at: T0 + i64::try_from(position).unwrap(),
            returned_at: None,
            acked_at: None,
            acked_by: Some("operator \"1\"\nalarm,evil=1 raises=666i 1".to_owned()),
            comment: None,
            retrospective: false,
            held: None,
            unwatched: None,
            source: None,
            event: id,
            stamps: Stamps::default(),
            ..AlarmView::default()
        },
    }
}

/// Writes one event for each position, to be brought by the carriers.
pub fn write_events(
    journal: &mut Journal,
    positions: impl Iterator<Item = u64>,
    carriers: &[&str],
) {
    let positions: Vec<u64> = positions.collect();
    let written = |position: &u64| Written {
        id: event_id(*position),
        occurrence: event_id(*position),
        body: format!("{{\"position\":{position}}}"),
        view: event(*position, "raise"),
    };
    let events: Vec<_> = positions.iter().map(written).collect();
    let notices = positions.iter().map(|at| notice(*at, carriers));
    let notices: Vec<_> = notices.collect();
    let batch = fenghuo_server::journal::Batch {
        events: &events,
        notices: &notices,
        noticed: positions.last().copied(),
        ..Default::default()
    };
    journal.write(batch).unwrap();
}

const fn event_id(position: u64) -> EventId {
    EventId {
        position,
        ordinal: 0,
    }
}

/// A notice of the event at a position.
pub fn notice(position: u64, carriers: &[&str]) -> WrittenNotice {
    let line = NoticeLineView {
        about: "called".to_owned(),
        times: 1,
        nth: 0,
        alarm: event(position, "raise").alarm,
    };
    let mut view = NoticeView {
        receiver: "all".to_owned(),
        kind: "alarm".to_owned(),
        at: T0,
        alarms: vec![line],
        ..NoticeView::default()
    };
    view.text = fenghuo_server::notify::text::notice(&view, &Gathered::default());
    WrittenNotice {
        id: NoticeId {
            position,
            ordinal: 0,
        },
        carriers: carriers.iter().map(ToString::to_string).collect(),
        missing: Vec::new(),
        view,
        event: Some(event_id(position)),
    }
}

/// The stores.
pub struct Plant {
    pub dir: TempDir,
    pub log: Arc<Mutex<Log>>,
    pub journal: Journal,
    pub history: History,
    pub intake: Intake,
    pub catalog: Arc<Catalog>,
    feed: Feed,
    seq: u64,
    stop: Arc<AtomicBool>,
    ingest: Option<JoinHandle<()>>,
}

impl Plant {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(&dir.path().join("log.db"), None).unwrap();
        let catalog = catalog();
        let mut batch = Batch::default();
        let bytes = fenghuo_uplink::catalog::to_bytes(&catalog);
        batch.mark(catalog_mark(catalog.id()), Some(bytes));
        batch.mark(
            format!("uses/{}/{}", gateway(), catalog.id()),
            Some(Vec::new()),
        );
        log.append(&batch).unwrap();
        let journal = Journal::open(&dir.path().join("journal.db")).unwrap();
        let history = History::open(&dir.path().join("history"), Options::new("log")).unwrap();
        let (intake, stop) = (Intake::default(), Arc::new(AtomicBool::new(false)));
        let feed = Feed::new(log.head());
        let log = Arc::new(Mutex::new(log));
        let ingest = {
            let (log, intake, stop) = (log.clone(), intake.clone(), stop.clone());
            std::thread::spawn(move || store_marks(&log, &intake, &stop))
        };
        Self {
            dir,
            log,
            journal,
            history,
            intake,
            catalog,
            feed,
            seq: 0,
            stop,
            ingest: Some(ingest),
        }
    }

    pub fn journal_path(&self) -> PathBuf {
        self.dir.path().join("journal.db")
    }

    pub fn parts(&self) -> InfluxParts {
        InfluxParts {
            feed: self.feed.clone(),
            journal: self.journal_path(),
            history: self.history.clone(),
            intake: self.intake.clone(),
            metrics: Arc::new(Metrics::new()),
        }
    }

    /// Appends a frame of (point index, sample) to the log and to history, and a tick.
    pub fn frame(&mut self, received: i64, samples: &[(u32, Sample)]) -> u64 {
        self.seq += 1;
        let mut builder = FrameBuilder::new(self.catalog.clone());
        for (point, sample) in samples {
            builder.push(*point, sample).unwrap();
        }
        let raw = RawFrame {
            gateway: gateway().to_string(),
            received,
            sent: received,
            oldest: 1,
            live_from: 1,
            live_oldest: 1,
            frame: builder.finish(7, self.seq, 1, received),
            gaps: Vec::new(),
        };
        let mut batch = Batch::default();
        batch.push(entry::FRAME, raw.encode_to_vec());
        batch.push(entry::TICK, RawTime { at: received }.encode_to_vec());
        let position = self.log.lock().unwrap().append(&batch).unwrap().start;
        self.keep(position, samples);
        position
    }

    fn keep(&self, position: u64, samples: &[(u32, Sample)]) {
        let wanted: Vec<_> = self
            .catalog
            .points()
            .iter()
            .map(|def| {
                let point = PointRef {
                    gateway: gateway(),
                    key: def.key.clone(),
                };
                (point, def.unit, def.value_type)
            })
            .collect();
        let series = self.history.series_for_all(&wanted).unwrap();
        let row = |(index, (point, sample)): (u32, &(u32, Sample))| Row {
            series: series[*point as usize],
            id: SampleId {
                epoch: 7,
                seq: self.seq,
                index,
            },
            sample: sample.clone(),
        };
        let rows: Vec<_> = (0..).zip(samples).map(row).collect();
        self.history.apply(position, &rows).unwrap();
    }

    /// The log's mark of the InfluxDB sink is forgotten.
    pub fn forget_cursor(&self) {
        let mut batch = Batch::default();
        batch.mark(fenghuo_server::sink::influx::cursor::MARK, None);
        self.log.lock().unwrap().append(&batch).unwrap();
    }

    pub fn stored_cursor(&self) -> Option<fenghuo_server::sink::influx::cursor::Cursor> {
        let mark = fenghuo_server::sink::influx::cursor::MARK;
        let bytes = self.log.lock().unwrap().mark(mark).unwrap()?;
        fenghuo_server::sink::influx::cursor::Cursor::decode(&bytes)
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.intake.close();
        if let Some(ingest) = self.ingest.take() {
            ingest.join().unwrap();
        }
    }
}

fn store_marks(log: &Mutex<Log>, intake: &Intake, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let taken = intake.take(1, true, true, Duration::from_millis(20));
        let mut batch = Batch::default();
        for control in taken.control {
            if let Control::Mark(key, value) = control {
                batch.mark(key, Some(value));
            }
        }
        if !batch.is_empty() {
            log.lock().unwrap().append(&batch).unwrap();
        }
    }
}
