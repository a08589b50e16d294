//! What must be true of the fold for every detector: replay equals live, cuts and orders
//! change nothing, no orphan clear and no double raise, unknown neither fires nor clears.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fenghuo_engine::{Act, Deed, Event, FrameInput, Input, Transition};
use fenghuo_model::{Catalog, Reading, Sample, Timestamp};

use super::plant::{Dice, Fold, POINTS, at, catalog, frame, story};

const GATEWAY: &str = "a/gw1";
const OTHER: &str = "a/gw2";
const STORIES: u64 = 16;
const SECONDS: i64 = 150;

fn seeds() -> impl Iterator<Item = u64> {
    (1..=STORIES).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Entries of a story with ticks, people, a silence and a backlog.
fn log(seed: u64) -> Vec<Input> {
    let mut dice = Dice(seed);
    let frames = story(&mut dice, GATEWAY, SECONDS);
    broken(&mut dice, frames)
}

/// The link is away for a while.
fn broken(dice: &mut Dice, frames: Vec<FrameInput>) -> Vec<Input> {
    let cut = 40 + i64::try_from(dice.roll(60)).unwrap();
    let back = cut + 15 + i64::try_from(dice.roll(30)).unwrap();
    let mut log = Vec::new();
    let mut waiting = Vec::new();
    for (second, mut frame) in (1..).zip(frames) {
        if (cut..back).contains(&second) {
            waiting.push(frame);
        } else {
            if second >= back {
                frame.live_from = back.unsigned_abs();
                frame.live_oldest = frame.live_from;
                frame.oldest = waiting.first().map_or(frame.seq, |first| first.seq);
            }
            log.push(Input::Frame(frame));
            for mut late in waiting.drain(..waiting.len().min(2)) {
                late.live_from = back.unsigned_abs();
                late.oldest = late.seq;
                late.live_oldest = late.live_from;
                log.push(Input::Frame(late));
            }
        }
        let (now, hearing) = (at(second * 1_000), true);
        log.push(Input::Tick { at: now, hearing });
    }
    log
}

/// What a person does to some alarm of the book, or nothing.
fn act(fold: &Fold, dice: &mut Dice, second: i64) -> Option<Input> {
    let alarms: Vec<_> = fold.engine.book().iter().collect();
    let place = dice.roll(u64::try_from(alarms.len()).unwrap().max(1));
    let alarm = alarms.get(usize::try_from(place).unwrap())?;
    let (occurrence, key) = (alarm.occurrence, alarm.key.clone());
    let until = at(second * 1_000 + 20_000);
    let deed = match dice.roll(9) {
        0..3 => Deed::Acknowledge { alarm: occurrence },
        3 => Deed::Reset { alarm: occurrence },
        4 => Deed::Shelve {
            alarm: key,
            until,
            one_shot: dice.roll(2) == 0,
        },
        5 => Deed::Unshelve { alarm: key },
        6 => Deed::AskOut {
            alarm: key,
            permit: "P".to_owned(),
            until,
        },
        7 => Deed::AgreeOut { alarm: key },
        _ => Deed::PutBack { alarm: key },
    };
    let by = if dice.roll(2) == 0 { "li" } else { "wang" };
    Some(Input::Act(Act {
        at: at(second * 1_000),
        by: by.to_owned(),
        comment: String::new(),
        deed,
    }))
}

/// A whole run with people in it, and the log that it made.
fn run(seed: u64) -> (Fold, Vec<Input>) {
    let mut fold = Fold::new(&[GATEWAY]);
    let mut dice = Dice(seed ^ 0x55);
    let mut done = Vec::new();
    for input in log(seed) {
        let tick = matches!(input, Input::Tick { .. });
        done.push(input.clone());
        fold.put(input);
        if tick && dice.roll(3) == 0 {
            let second = i64::try_from(fold.engine.now().since(at(0)).as_secs()).unwrap();
            if let Some(input) = act(&fold, &mut dice, second) {
                done.push(input.clone());
                fold.put(input);
            }
        }
    }
    (fold, done)
}

#[test]
fn replay_equals_live_and_any_cut_changes_nothing() {
    let mut kinds = BTreeSet::new();
    let mut raised = BTreeSet::new();
    for seed in seeds() {
        let (live, log) = run(seed);
        for event in &live.events {
            kinds.insert(event.transition.as_str());
            if matches!(event.transition, Transition::Raise(_)) {
                raised.insert(event.alarm.rule.to_string());
            }
        }
        let every = 1 + usize::try_from(seed % 7).unwrap();
        let (mut replay, mut cut) = (Fold::new(&[GATEWAY]), Fold::new(&[GATEWAY]));
        for (number, input) in log.into_iter().enumerate() {
            replay.put(input.clone());
            cut.put(input);
            if number % every == 0 {
                cut.restore();
            }
        }
        assert_eq!(live.events, replay.events, "seed {seed:#x}");
        assert_eq!(live.events, cut.events, "seed {seed:#x}, cuts");
    }
    println!("transitions {kinds:?}, rules {raised:?}");
    assert!(kinds.len() >= 14, "the stories say little: {kinds:?}");
    assert!(raised.len() >= 18, "the stories say little: {raised:?}");
}

/// A restored engine has drawn no conclusions yet, so it evaluates the first sample of each
/// detector in full; one that runs on passes over numbers at which nothing can change. With
/// one sample a frame every one of them is evaluated in full.
#[test]
fn the_short_way_of_a_sample_finds_what_the_whole_evaluation_finds() {
    for seed in seeds().take(6) {
        let mut frames = story(&mut Dice(seed), GATEWAY, 4 * SECONDS);
        for (second, frame) in frames.iter_mut().enumerate() {
            let one = second % frame.samples.len().max(1);
            let mut place = 0..;
            frame.samples.retain(|_| place.next() == Some(one));
        }
        let (mut short, mut whole) = (Fold::new(&[GATEWAY]), Fold::new(&[GATEWAY]));
        for frame in frames {
            short.put(Input::Frame(frame.clone()));
            whole.restore();
            whole.put(Input::Frame(frame));
        }
        assert_eq!(short.events, whole.events, "seed {seed:#x}");
        assert!(short.events.len() > 20, "seed {seed:#x} says little");
        let (mut short, log) = (Fold::new(&[GATEWAY]), run(seed).1);
        let mut whole = Fold::new(&[GATEWAY]);
        for input in log {
            short.put(input.clone());
            whole.restore();
            whole.put(input);
        }
        assert_eq!(short.events, whole.events, "seed {seed:#x}, many a frame");
    }
}

#[test]
fn any_interleaving_of_gateways_gives_the_same_alarms() {
    for seed in seeds() {
        let mut dice = Dice(seed);
        let one = story(&mut dice, GATEWAY, SECONDS);
        let two = story(&mut dice, OTHER, SECONDS);
        let mut after = Fold::new(&[GATEWAY, OTHER]);
        let mut mixed = Fold::new(&[GATEWAY, OTHER]);
        for frame in one.iter().chain(&two) {
            after.put(Input::Frame(frame.clone()));
        }
        let (mut one, mut two) = (one.into_iter().peekable(), two.into_iter().peekable());
        while one.peek().is_some() || two.peek().is_some() {
            let next = match dice.roll(2) {
                0 => one.next().or_else(|| two.next()),
                _ => two.next().or_else(|| one.next()),
            };
            mixed.put(Input::Frame(next.unwrap()));
        }
        for gateway in [GATEWAY, OTHER] {
            assert_eq!(after.told(gateway), mixed.told(gateway), "seed {seed:#x}");
        }
        assert!(!after.told(OTHER).is_empty());
    }
}

#[test]
fn any_order_of_a_gateways_frames_gives_the_same_alarms() {
    for seed in seeds() {
        let mut dice = Dice(seed);
        let frames = story(&mut dice, GATEWAY, SECONDS);
        let mut ordered = Fold::new(&[GATEWAY]);
        for frame in &frames {
            ordered.put(Input::Frame(frame.clone()));
        }
        let mut shuffled = frames;
        for from in (1..shuffled.len()).rev() {
            let to = dice.roll(u64::try_from(from).unwrap() + 1);
            shuffled.swap(from, usize::try_from(to).unwrap());
        }
        let mut wild = Fold::new(&[GATEWAY]);
        for frame in shuffled {
            wild.put(Input::Frame(frame));
        }
        assert_eq!(ordered.told(GATEWAY), wild.told(GATEWAY), "seed {seed:#x}");
    }
}

/// The catalog without the last two points.
fn smaller() -> Catalog {
    let points = catalog().points().to_vec();
    let few = points[..points.len() - 2].to_vec();
    Catalog::new(few).unwrap()
}

/// From one second on the gateway has fewer points, from another one all of them again; and its
/// clock is set, forward or back.
fn changed(dice: &mut Dice, mut frames: Vec<FrameInput>) -> Vec<FrameInput> {
    let few = smaller();
    let left = u32::try_from(few.points().len()).unwrap();
    let second = |dice: &mut Dice, from| from + i64::try_from(dice.roll(40)).unwrap();
    let (gone, set) = (second(dice, 30), second(dice, 40));
    let back = second(dice, gone + 5);
    let by = [-90_000, -7_000, 3_000, 90_000][usize::try_from(dice.roll(4)).unwrap()];
    for (number, frame) in (1..).zip(&mut frames) {
        if (gone..back).contains(&number) {
            frame.catalog = few.id();
            frame.samples.retain(|(point, _)| *point < left);
        }
        if number >= set {
            let moved = |at: Timestamp| Timestamp::from_millis(at.as_millis() + by);
            frame.watermark = moved(frame.watermark);
            for (_, sample) in &mut frame.samples {
                sample.time = moved(sample.time);
            }
        }
        if number == set {
            frame.clock_step_ms = by;
        }
    }
    frames
}

/// A fold that knows both catalogs.
fn begin() -> Fold {
    let mut fold = Fold::new(&[GATEWAY]);
    let few = Arc::new(smaller());
    fold.put(Input::Catalog(GATEWAY.parse().unwrap(), few));
    fold
}

/// While two lanes are judged, too: nothing is raised twice or ended without having been there,
/// and a restore changes nothing.
#[test]
fn catalogs_and_clocks_change_across_a_break() {
    let mut told = 0;
    for seed in seeds() {
        let mut dice = Dice(seed);
        let frames = story(&mut dice, GATEWAY, SECONDS);
        let frames = changed(&mut dice, frames);
        let (mut whole, mut cut) = (begin(), begin());
        for input in broken(&mut dice, frames) {
            whole.put(input.clone());
            cut.put(input);
            cut.restore();
        }
        assert_eq!(whole.events, cut.events, "seed {seed:#x}");
        assert_eq!(whole.engine.impossible(), 0, "seed {seed:#x}");
        told += whole.events.len();
        let mut alarms: BTreeMap<_, Seen> = BTreeMap::new();
        for event in &whole.events {
            let seen = alarms.entry(event.occurrence).or_default();
            assert!(check(seen, event), "seed {seed:#x}: {event:?}");
        }
    }
    assert!(told > 500, "the stories say little: {told}");
}

#[test]
fn catalogs_and_clocks_are_followed_in_the_order_of_the_frames() {
    let (mut gone, mut told) = (0, 0);
    for seed in seeds() {
        let mut dice = Dice(seed);
        let frames = story(&mut dice, GATEWAY, SECONDS);
        let frames = changed(&mut dice, frames);
        let mut ordered = begin();
        for frame in &frames {
            ordered.put(Input::Frame(frame.clone()));
        }
        let mut shuffled = frames;
        for from in (1..shuffled.len()).rev() {
            let to = dice.roll(u64::try_from(from).unwrap() + 1);
            shuffled.swap(from, usize::try_from(to).unwrap());
        }
        let (mut wild, mut cut) = (begin(), begin());
        for frame in shuffled {
            wild.put(Input::Frame(frame.clone()));
            cut.put(Input::Frame(frame));
            cut.restore();
        }
        assert_eq!(ordered.told(GATEWAY), wild.told(GATEWAY), "seed {seed:#x}");
        assert_eq!(wild.events, cut.events, "seed {seed:#x}, cuts");
        let unwatched = |it: &&Event| matches!(it.transition, Transition::Unwatch { .. });
        gone += ordered.events.iter().filter(unwatched).count();
        told += ordered.events.len();
        assert_eq!(ordered.engine.impossible() + wild.engine.impossible(), 0);
    }
    assert!(
        gone > 10 && told > 500,
        "the stories say little: {gone} of {told}"
    );
}

/// What the event stream says of an alarm, kept apart from the engine's own table.
#[derive(Default, PartialEq, Debug)]
struct Seen {
    up: bool,
    acknowledged: bool,
    latched: bool,
    held: bool,
    covers: BTreeSet<&'static str>,
}

fn check(seen: &mut Seen, event: &Event) -> bool {
    let covered = !seen.covers.is_empty();
    match &event.transition {
        Transition::Raise(_) => {
            let fits = !seen.up;
            (seen.up, seen.acknowledged, seen.latched, seen.held) = (true, false, false, false);
            fits
        }
        Transition::Return
        | Transition::Latch
        | Transition::Merge(_)
        | Transition::Unwatch { .. } => {
            let fits = seen.up;
            seen.latched = matches!(
                event.transition,
                Transition::Latch | Transition::Unwatch { latched: true, .. }
            );
            (seen.up, seen.held) = (false, false);
            fits
        }
        Transition::Hold(_) => seen.up && !std::mem::replace(&mut seen.held, true),
        Transition::Release => seen.up && std::mem::replace(&mut seen.held, false),
        Transition::Acknowledge { .. } => !std::mem::replace(&mut seen.acknowledged, true),
        Transition::Reset(_) => {
            !seen.up && seen.acknowledged && std::mem::replace(&mut seen.latched, false)
        }
        Transition::Shelve { .. } => seen.covers.insert("shelf"),
        Transition::Unshelve { .. } => seen.covers.remove("shelf"),
        Transition::Suppress { .. } => seen.covers.insert("design"),
        Transition::Unsuppress => seen.covers.remove("design"),
        Transition::TakeOut(_) => seen.covers.insert("out"),
        Transition::PutBack(_) => {
            seen.covers.remove("out");
            true
        }
        Transition::Realarm => !covered && std::mem::replace(&mut seen.acknowledged, false),
        _ => true,
    }
}

#[test]
fn no_orphan_clear_and_no_double_raise() {
    for seed in seeds() {
        let (fold, _) = run(seed);
        let mut known: BTreeMap<_, Seen> = BTreeMap::new();
        let mut live_up: BTreeMap<String, bool> = BTreeMap::new();
        let mut last = None;
        for event in &fold.events {
            assert!(Some(event.id) > last, "ids grow");
            last = Some(event.id);
            let seen = known.entry(event.occurrence).or_default();
            assert!(check(seen, event), "seed {seed:#x}: {event:?}");
            // Two occurrences of one key are up together only when one is of the backlog.
            if let Transition::Raise(raised) = &event.transition {
                let lane = format!("{} {}", raised.retrospective, event.alarm);
                let others = known.iter().filter(|(id, _)| **id != event.occurrence);
                let up = others.filter(|(_, seen)| seen.up).map(|(id, _)| *id);
                let same = up.filter(|id| {
                    let key = |it: &&Event| it.occurrence == *id && it.alarm == event.alarm;
                    fold.events.iter().any(|it| key(&it))
                });
                assert!(same.count() <= 1, "seed {seed:#x}: {lane}");
                live_up.insert(lane, true);
            }
        }
        let mut in_book = fold.engine.book().iter();
        assert!(
            in_book.all(|alarm| known[&alarm.occurrence].up == alarm.place.life.is_active()),
            "seed {seed:#x}: the book and the events disagree"
        );
    }
}

/// After an instant every point only gives bad readings, or nothing at all.
#[test]
fn unknown_neither_fires_nor_clears() {
    // A point that says nothing is believed for this long.
    const STALE_S: i64 = 5;
    let mut up = 0;
    for seed in seeds() {
        for silent in [false, true] {
            let mut dice = Dice(seed);
            let mut fold = Fold::new(&[GATEWAY]);
            let frames = story(&mut dice, GATEWAY, SECONDS);
            let (gateway, catalog) = (frames[0].gateway.clone(), catalog().id());
            for frame in frames {
                fold.put(Input::Frame(frame));
            }
            for second in SECONDS + 1..SECONDS + 200 {
                let mut samples = Vec::new();
                for point in (0..POINTS).filter(|_| !silent) {
                    let (time, reading) = (at(second * 1_000), dice.bad());
                    let _: &Reading = &reading;
                    samples.push((point, Sample { time, reading }));
                }
                let frame = frame(&gateway, catalog, second, samples);
                fold.put(Input::Frame(frame));
            }
            let grace = if silent { STALE_S } else { 1 };
            let end = at((SECONDS + grace) * 1_000);
            let wrong = fold.events.iter().find(|event| {
                let decides = matches!(
                    event.transition,
                    Transition::Raise(_) | Transition::Return | Transition::Latch
                );
                decides && event.at > end && &*event.alarm.rule != "stale"
            });
            assert_eq!(wrong, None, "seed {seed:#x}, silent {silent}");
            up += fold.engine.book().len();
        }
    }
    assert!(up > 100, "little was up: {up}");
}
