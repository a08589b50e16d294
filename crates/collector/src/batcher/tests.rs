//! A gateway whose clock is wrong, from reports to the frames on disk.

use std::collections::BTreeMap;

use fenghuo_model::{Catalog, Kind, PointDef, PointKey, Title, Unit, Value, ValueType};
use fenghuo_uplink::frame::{ClockStep, Frame, Record};

use super::*;
use crate::spool::{self, Store, Terms};

/// 2026-11-23T00:00:00Z.
const TODAY: i64 = 1_795_392_000_000;
const YEAR: i64 = 365 * 86_400_000;
const SOURCE: SourceId = SourceId(7);

fn catalog() -> Arc<Catalog> {
    let point = PointDef {
        key: PointKey::new("p").unwrap(),
        title: Title::default(),
        kind: Kind::Level,
        unit: Unit::ONE,
        value_type: ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: BTreeMap::new(),
    };
    Arc::new(Catalog::new(vec![point]).unwrap())
}

fn report(time: Timestamp, reading: Reading) -> Report {
    Report::Reads(SOURCE, vec![(0, Sample { time, reading })].into())
}

fn good() -> Reading {
    Reading::Good(Value::F64(1.0))
}

/// One run on a spool: what `script` does with the clock and the way to the batcher.
async fn run<F: Future<Output = ()>>(
    dir: &std::path::Path,
    wall: i64,
    script: impl FnOnce(Arc<ReadClock>, mpsc::Sender<Report>) -> F,
) {
    let epoch = crate::dice::draw().unwrap();
    let opened = Store::open(dir, Terms::alone(64 << 20), epoch);
    let (store, found) = opened.unwrap();
    let clock = Arc::new(ReadClock::start_at(wall, found.watermark));
    let status = Status::default();
    let (commands, mut events, thread) =
        spool::spawn(store, clock.clone(), status.clone()).unwrap();
    let drain = tokio::spawn(async move { while events[0].recv().await.is_some() {} });
    let (out, reports) = mpsc::channel(REPORTS_MAX);
    let placement = Placement {
        catalog: catalog(),
        places: BTreeMap::from([(SOURCE, 0..1)]),
        flush: Duration::from_millis(20),
    };
    let batch = super::run(placement, clock.clone(), reports, commands, status);
    let batch = tokio::spawn(batch);
    script(clock, out).await;
    batch.await.unwrap().unwrap();
    drain.await.unwrap();
    thread.join().unwrap();
}

fn frames(dir: &std::path::Path) -> Vec<Frame> {
    let reader = fenghuo_log::Reader::open(&dir.join(spool::FILE)).unwrap();
    let entries = reader.read(1, 10_000, 64 << 20).unwrap();
    let frames = entries.iter().map(|entry| Frame::decode(&entry.body));
    frames.collect::<Result<_, _>>().unwrap()
}

fn steps(frame: &Frame) -> Vec<ClockStep> {
    let steps = frame.records.iter().filter_map(|record| match record {
        Record::ClockStep(step) => Some(*step),
        _ => None,
    });
    steps.collect()
}

fn samples(frames: &[Frame]) -> Vec<(Timestamp, Reading)> {
    let catalog = catalog();
    let mut samples = Vec::new();
    for frame in frames {
        frame.samples(&catalog, &mut samples).unwrap();
    }
    samples
        .into_iter()
        .map(|it| (it.sample.time, it.sample.reading))
        .collect()
}

/// Within an epoch watermarks never decrease, and from frame to frame they move as far as the
/// steps say, but for the time that passed.
fn assert_steps_explain_watermarks(frames: &[Frame]) {
    for pair in frames.windows(2) {
        let [before, after] = pair else { continue };
        let moved = after.head.watermark.as_millis() - before.head.watermark.as_millis();
        if before.head.epoch == after.head.epoch {
            assert!(moved >= 0, "{pair:?}");
        }
        let by: i64 = steps(after).iter().map(|step| step.by).sum();
        assert!(
            (0..60_000).contains(&(moved - by)),
            "moved {moved}, said {by}"
        );
    }
}

const PAUSE: Duration = Duration::from_millis(60);

#[tokio::test]
async fn a_gateway_without_a_clock_is_in_doubt_until_it_is_set() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), 0, async |clock, out| {
        out.send(report(clock.now(), good())).await.unwrap();
        out.send(report(clock.now(), Reading::Bad(Reason::Timeout)))
            .await
            .unwrap();
        tokio::time::sleep(PAUSE).await;
    })
    .await;
    // It boots again, wrong again; a device has a clock of its own.
    run(dir.path(), 7_000, async |clock, out| {
        out.send(report(clock.now(), good())).await.unwrap();
        let device = Timestamp::from_millis(TODAY - 5_000);
        out.send(report(device, good())).await.unwrap();
        tokio::time::sleep(PAUSE).await;
        let before = clock.now();
        clock.compare_at(TODAY - YEAR, clock.elapsed());
        // Read before the step, and handed on after it.
        out.send(report(before, good())).await.unwrap();
        out.send(report(clock.now(), good())).await.unwrap();
        tokio::time::sleep(PAUSE).await;
        clock.compare_at(TODAY, clock.elapsed());
        out.send(report(clock.now(), good())).await.unwrap();
    })
    .await;

    let frames = frames(dir.path());
    assert_steps_explain_watermarks(&frames);
    let epochs: std::collections::BTreeSet<_> = frames.iter().map(|it| it.head.epoch).collect();
    assert_eq!(epochs.len(), 2);
    let told: Vec<_> = frames.iter().flat_map(steps).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    let readings = samples(&frames);
    let doubt = Reading::Uncertain(Value::F64(1.0), Reason::Clock);
    let expected = [
        doubt.clone(),
        Reading::Bad(Reason::Timeout),
        doubt.clone(),
        good(),
        doubt,
        good(),
        good(),
    ];
    assert_eq!(readings.len(), expected.len());
    for (place, ((_, reading), expected)) in readings.iter().zip(&expected).enumerate() {
        assert_eq!(reading, expected, "sample {place}");
    }
    assert_eq!(readings[3].0.as_millis(), TODAY - 5_000);
    assert!((0..60_000).contains(&(readings[6].0.as_millis() - TODAY)));
    // What was read just before a step is placed right by the steps after it.
    let by: i64 = told.iter().map(|step| step.by).sum();
    let placed = readings[4].0.as_millis() + by;
    assert!((TODAY - 60_000..=TODAY).contains(&placed), "{placed}");
}

#[tokio::test]
async fn where_the_clock_goes_back_a_new_epoch_begins_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    // A spool that an earlier version filled in the year 2099.
    let watermark = Timestamp::from_millis(TODAY + 73 * YEAR);
    let opened = Store::open(dir.path(), Terms::alone(64 << 20), 1);
    let (mut store, _) = opened.unwrap();
    let mut builder = FrameBuilder::new(catalog());
    let reading = good();
    builder
        .push(
            0,
            &Sample {
                time: watermark,
                reading,
            },
        )
        .unwrap();
    let closed = Closed {
        builder,
        watermark,
        steady: watermark,
    };
    let mut sealed = store.seal([closed]);
    store.write(&mut sealed).unwrap();
    drop(store);

    run(dir.path(), TODAY, async |clock, out| {
        let floor = clock.now();
        assert!((TODAY..TODAY + 60_000).contains(&floor.as_millis()));
        out.send(report(clock.now(), good())).await.unwrap();
        tokio::time::sleep(PAUSE).await;
        // Within the run: a plausible future, and the way back.
        clock.compare_at(TODAY + YEAR, clock.elapsed());
        out.send(report(clock.now(), good())).await.unwrap();
        tokio::time::sleep(PAUSE).await;
        let now = clock.elapsed();
        clock.compare_at(TODAY, now);
        assert!(clock.standing().is_doubted);
        clock.compare_at(TODAY + 3_600_000, now + 3_600_000);
        out.send(report(clock.now(), good())).await.unwrap();
    })
    .await;

    let frames = frames(dir.path());
    assert_eq!(samples(&frames).len(), 4);
    assert_steps_explain_watermarks(&frames[1..]);
    let mut epochs: Vec<_> = frames.iter().map(|frame| frame.head.epoch).collect();
    epochs.dedup();
    assert_eq!(
        epochs.len(),
        3,
        "2099, the run, and the run after its way back"
    );
    for (at, frame) in (1..).zip(&frames) {
        assert_eq!(frame.head.seq, at);
    }
    let last = frames.last().unwrap().head.watermark.as_millis();
    assert!((TODAY..TODAY + 60_000).contains(&last));
}

/// Reads that the accounts tell of, each run's newest word on an hour counting alone.
fn told(frames: &[Frame]) -> u32 {
    let mut newest = std::collections::BTreeMap::new();
    for frame in frames {
        for record in &frame.records {
            if let Record::Custody(account) = record {
                let due = account.stretches.iter().map(|it| it.tally.due).sum::<u32>();
                newest.insert((frame.head.epoch, account.hour), due);
            }
        }
    }
    newest.values().sum()
}

#[tokio::test]
async fn what_was_counted_before_the_clock_went_back_is_told_of_its_own_run() {
    // Before the first telling, and with an account of its in the frame that is open.
    for wait in [PAUSE, Duration::from_millis(crate::ledger::FIRST_MS + 300)] {
        let dir = tempfile::tempdir().unwrap();
        run(dir.path(), TODAY, async |clock, out| {
            clock.compare_at(TODAY + YEAR, clock.elapsed());
            tokio::time::sleep(PAUSE).await;
            out.send(report(clock.now(), good())).await.unwrap();
            tokio::time::sleep(wait).await;
            out.send(report(clock.now(), good())).await.unwrap();
            let now = clock.elapsed();
            clock.compare_at(TODAY, now);
            clock.compare_at(TODAY + 3_600_000, now + 3_600_000);
            tokio::time::sleep(PAUSE).await;
            out.send(report(clock.now(), good())).await.unwrap();
        })
        .await;
        let frames = frames(dir.path());
        let mut epochs: Vec<_> = frames.iter().map(|frame| frame.head.epoch).collect();
        epochs.dedup();
        assert_eq!(epochs.len(), 2);
        assert_eq!(told(&frames), 3);
        let in_first = frames.iter().filter(|it| it.head.epoch == epochs[0]);
        let first: Vec<_> = in_first.cloned().collect();
        assert_eq!(told(&first), 2, "{wait:?}");
    }
}

mod reload;

#[tokio::test]
async fn what_a_source_had_to_drop_is_a_gap_of_the_queue_in_the_next_frame() {
    let dir = tempfile::tempdir().unwrap();
    let at = |ms| Timestamp::from_millis(TODAY + ms);
    run(dir.path(), TODAY, async |clock, out| {
        let (from, until, count) = (at(1_000), at(5_000), 7);
        let missed = Report::Missed { from, until, count };
        out.send(missed).await.unwrap();
        out.send(report(clock.now(), good())).await.unwrap();
        tokio::time::sleep(PAUSE).await;
    })
    .await;
    let frames = frames(dir.path());
    let gaps = frames.iter().flat_map(|frame| &frame.records);
    let gaps: Vec<_> = gaps
        .filter_map(|record| match record {
            Record::Gap(gap) if gap.why == GapReason::Queue as u32 => Some(*gap),
            _ => None,
        })
        .collect();
    let [gap] = gaps.as_slice() else {
        panic!("{gaps:?}");
    };
    let (from, until) = (at(1_000).as_millis(), at(5_000).as_millis());
    assert_eq!((gap.from, gap.until, gap.count), (from, until, 7));
}
