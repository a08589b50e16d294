//! The fold gives the same however it is cut and whatever order the wire had.

use proptest::prelude::*;

use super::backlog::{backlog, cut_for_an_hour};
use super::*;

/// Frames of a run with alarms in it, as (second, samples).
pub(super) fn story(seed: u64, length: u64) -> Vec<(f64, Vec<(u32, Reading)>)> {
    let mut dice = seed | 1;
    let mut roll = move |sides: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % sides
    };
    let mut second = 0.0;
    (0..length)
        .map(|_| {
            second += 0.5 + roll(4) as f64;
            let reading = match roll(8) {
                0 => Reading::Bad(Reason::Timeout),
                1 => Reading::Uncertain(Value::F64(7.0 + roll(5) as f64), Reason::Clock),
                _ => Reading::Good(Value::F64(7.0 + roll(5) as f64)),
            };
            let samples = match roll(4) {
                0 => vec![],
                1 => vec![(1, bool(roll(2) == 0)), (2, bool(roll(2) == 0))],
                _ => vec![(0, reading)],
            };
            (second, samples)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_cut_into_snapshot_and_rest_gives_the_same_events(seed in 1_u64.., cut in 0_usize..120) {
        let (mut whole, mut parts) = (World::new(), World::new());
        for (at_frame, (second, samples)) in story(seed, 120).into_iter().enumerate() {
            if at_frame == 60 {
                // A break, so that snapshots hold two lanes too.
                for world in [&mut whole, &mut parts] {
                    world.live_from = world.next + 3;
                    world.next += 3;
                }
            }
            whole.feed(second, &samples);
            parts.feed(second, &samples);
            if at_frame == cut {
                let bytes = parts.engine.snapshot().unwrap();
                parts.engine = Engine::restore(&bytes).unwrap();
            }
        }
        prop_assert_eq!(&whole.out, &parts.out);
        prop_assert_eq!(whole.engine.snapshot().unwrap(), parts.engine.snapshot().unwrap());
    }

    #[test]
    fn a_restore_after_every_entry_changes_nothing(seed in 1_u64.., quiet in 0_usize..60) {
        let (mut whole, mut parts) = (World::new(), World::new());
        for (number, (second, samples)) in story(seed, 60).into_iter().enumerate() {
            // Long pauses, silence and a break, so that timers are in every state.
            let second = if number >= quiet { second + 100.0 } else { second };
            for world in [&mut whole, &mut parts] {
                if number == quiet {
                    world.ticks(12, second);
                    world.live_from = world.next + 2;
                    world.next += 2;
                }
                world.feed(second, &samples);
            }
            parts.engine = Engine::restore(&parts.engine.snapshot().unwrap()).unwrap();
        }
        prop_assert_eq!(&whole.out, &parts.out);
    }

    #[test]
    fn any_order_on_the_wire_gives_the_same_alarms(seed in 1_u64.., swaps in prop::collection::vec((0_usize..80, 1_usize..6), 0..40)) {
        let mut ordered = World::new();
        let mut frames: Vec<_> = story(seed, 80)
            .iter()
            .zip(1..)
            .map(|((second, samples), seq)| ordered.frame(seq, *second, samples))
            .collect();
        let mut shuffled = World::new();
        for frame in frames.clone() {
            ordered.put(frame);
        }
        for (from, by) in swaps {
            let to = (from + by).min(frames.len() - 1);
            frames.swap(from, to);
        }
        for frame in frames {
            shuffled.put(frame);
        }
        prop_assert_eq!(ordered.told(), shuffled.told());
    }
}

#[test]
fn a_snapshot_of_another_version_is_refused() {
    let bytes = postcard::to_allocvec(&(VERSION + 1, 0_u8)).unwrap();
    assert_eq!(
        Engine::restore(&bytes).unwrap_err(),
        SnapshotError::Version(VERSION + 1)
    );
    assert!(matches!(
        Engine::restore(&[]),
        Err(SnapshotError::Damaged(_))
    ));
    assert_eq!(
        "12.3".parse(),
        Ok(EventId {
            position: 12,
            ordinal: 3
        })
    );
}

/// The same entries give the same events with the same ids, from the beginning or from a
/// snapshot anywhere.
#[test]
fn state_is_a_fold_of_the_log() {
    let mut whole = World::new();
    cut_for_an_hour(&mut whole);
    whole.level(3_602.0, 9.5);
    backlog(
        &mut whole,
        |second| if second % 700 < 30 { 10.5 } else { 7.0 },
    );
    for cut in [1, 5, 1_000, 3_601] {
        let mut parts = World::new();
        cut_for_an_hour(&mut parts);
        parts.level(3_602.0, 9.5);
        for second in 2..=3_601 {
            if second == cut {
                parts.engine = Engine::restore(&parts.engine.snapshot().unwrap()).unwrap();
            }
            let level = if second % 700 < 30 { 10.5 } else { 7.0 };
            let samples = [(0, Reading::Good(Value::F64(level)))];
            let frame = parts.frame(second, second as f64, &samples);
            parts.put(frame);
        }
        assert_eq!(whole.out, parts.out, "cut at {cut}");
    }
}

#[test]
fn a_gateway_that_goes_back_to_an_older_catalog_is_watched_again() {
    let mut world = World::new();
    let all = catalog();
    let one = Catalog::new(vec![point("run", Kind::State, "", "production")]).unwrap();
    let key: GatewayKey = GATEWAY.parse().unwrap();
    let mut position = world.engine.position();
    let mut out = Vec::new();
    let mut apply = |engine: &mut Engine, input, out: &mut Vec<Change>| {
        position += 1;
        engine.apply(position, input, out);
    };
    let frame = |seq: u64, catalog: &Catalog, level: f64| {
        let sample = Sample {
            time: at(seq as f64),
            reading: Reading::Good(Value::F64(level)),
        };
        Input::Frame(FrameInput {
            gateway: key.clone(),
            received: at(seq as f64),
            epoch: 77,
            seq,
            epoch_first: 1_000,
            oldest: seq,
            live_from: 0,
            live_oldest: seq,
            watermark: at(seq as f64),
            catalog: catalog.id(),
            samples: if catalog.points().len() > 1 {
                vec![(0, sample)]
            } else {
                Vec::new()
            },
            clock_step_ms: 0,
        })
    };
    apply(
        &mut world.engine,
        Input::Catalog(key.clone(), Arc::new(all.clone())),
        &mut out,
    );
    apply(&mut world.engine, frame(1_000, &all, 1.0), &mut out);
    // Asked for because of backlog: it changes nothing by itself.
    apply(
        &mut world.engine,
        Input::Catalog(key.clone(), Arc::new(one.clone())),
        &mut out,
    );
    assert_eq!(world.engine.points().count(), 3);
    apply(&mut world.engine, frame(1_001, &one, 1.0), &mut out);
    assert_eq!(world.engine.points().count(), 1);
    apply(&mut world.engine, frame(1_002, &all, 9.5), &mut out);
    assert_eq!(world.engine.points().count(), 3);
    let raised = |change: &Change| matches!(change.event.transition, Transition::Raise(_));
    assert_eq!(out.iter().filter(|it| raised(it)).count(), 1);
}
