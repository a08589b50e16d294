//! Nothing is known of any point from an instant on, and meanwhile calendars begin and end,
//! rules go, change and come, and points go, change and come: nothing fires, and what is up
//! either stays or says that nobody watches it any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use fenghuo_engine::{Input, Transition};
use fenghuo_model::{Catalog, GatewayKey, Sample, Unit};

use super::plant::{Dice, Fold, POINTS, RULES, at, catalog, frame, story};

const GATEWAY: &str = "a/gw1";
const STORIES: u64 = 24;
const SECONDS: i64 = 150;
const UNKNOWN: i64 = 200;

/// Hours of the site that begin 20 s after the story and end 50 s after the last value, and
/// the rules that go by them.
const GATED: &str = r#"
[[calendar]]
id = "shift"
from = "23:07"
to = "23:10"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
[[rule]]
id = "on-shift"
during = "shift"
select = { kind = "level" }
level = [{ name = "H", above = 6, severity = "red" }, { name = "L", latch = true, below = 8, severity = "red" }]
[[rule]]
id = "off-shift"
outside = "shift"
select = { kind = "level" }
level = [{ name = "H", above = 6, severity = "blue" }]
[[rule]]
id = "vote-on-shift"
detector = "vote"
during = "shift"
k = 2
group = "group"
select = { kind = "level" }
level = [{ name = "H", above = 6, severity = "red" }]
"#;

/// Rules that no roll-up counts: they may go.
const DROPPED: &[&str] = &[
    "rate", "flat", "median", "state", "forecast", "mean", "on-shift",
];

/// The rules without one of them, or with another limit for one.
fn rules(dice: &mut Dice) -> Vec<(String, String)> {
    let all = format!("{RULES}{GATED}");
    let text = match dice.roll(4) {
        0 => all,
        1 => all.replacen("above = 8", "above = 7.5", 1),
        _ => {
            let at = usize::try_from(dice.roll(DROPPED.len() as u64)).unwrap();
            let gone = format!("id = \"{}\"", DROPPED[at]);
            let blocks = all.split("[[rule]]").filter(|it| !it.contains(&gone));
            blocks.collect::<Vec<_>>().join("[[rule]]")
        }
    };
    vec![("r.toml".to_owned(), text)]
}

/// The points, or without one, or with one in another unit. Two levels of the group are always
/// there: with one alone it would be known that a vote of two does not hold.
fn points(dice: &mut Dice) -> Catalog {
    let mut points = catalog().points().to_vec();
    match dice.roll(5) {
        0 => drop(points.pop()),
        1 => drop(points.remove(2)),
        2 => points[1].unit = Unit::parse("m").unwrap(),
        3 => drop(
            points[0]
                .labels
                .insert("role".to_owned(), "other".to_owned()),
        ),
        _ => {}
    }
    Catalog::new(points).unwrap()
}

/// What an event may not say of an alarm while nothing is known.
fn is_wrong(transition: &Transition) -> bool {
    matches!(
        transition,
        Transition::Raise(_) | Transition::Return | Transition::Latch | Transition::Release
    )
}

/// How many alarms were up at the end, and how many nobody watches any more.
fn run(seed: u64, silent: bool) -> (usize, usize) {
    let mut dice = Dice(seed);
    let mut fold = Fold::new(&[GATEWAY]);
    let text = format!("{RULES}{GATED}");
    fold.put(Input::Rules(vec![("r.toml".to_owned(), text)]));
    let is_read = |id: &str| fold.engine.rules().rules.contains_key(id);
    assert!(
        is_read("on-shift") && is_read("vote-on-shift"),
        "they are read"
    );
    for frame in story(&mut dice, GATEWAY, SECONDS) {
        fold.put(Input::Frame(frame));
    }
    let gateway: GatewayKey = GATEWAY.parse().unwrap();
    let mut named = Arc::new(catalog());
    for second in SECONDS + 1..=SECONDS + UNKNOWN {
        match dice.roll(12) {
            0 => fold.put(Input::Rules(rules(&mut dice))),
            1 => {
                named = Arc::new(points(&mut dice));
                fold.put(Input::Catalog(gateway.clone(), named.clone()));
            }
            _ => {}
        }
        let count = u32::try_from(named.points().len()).unwrap().min(POINTS);
        let mut samples = Vec::new();
        for point in (0..count).filter(|_| !silent) {
            let (time, reading) = (at(second * 1_000), dice.bad());
            samples.push((point, Sample { time, reading }));
        }
        fold.put(Input::Frame(frame(&gateway, named.id(), second, samples)));
    }
    // A point that says nothing is believed for five seconds.
    let end = at((SECONDS + if silent { 5 } else { 1 }) * 1_000);
    let after = || fold.events.iter().filter(|event| event.at > end);
    let wrong = after().find(|it| is_wrong(&it.transition) && &*it.alarm.rule != "stale");
    assert_eq!(wrong, None, "seed {seed:#x}, silent {silent}");
    let events = fold.events.iter();
    let unwatched = events.filter(|it| matches!(it.transition, Transition::Unwatch { .. }));
    let ended: BTreeSet<_> = unwatched.map(|it| it.occurrence).collect();
    let up = fold.engine.book().iter();
    let up = up.filter(|alarm| alarm.place.life.is_active() && &*alarm.key.rule != "stale");
    let (held, known): (Vec<_>, Vec<_>) = up.partition(|alarm| alarm.held.is_some());
    // A count keeps what it had, as a doubtful one; and what is held still counts as up.
    let counts = ["rises", "increase", "rollup", "rollups"];
    let mut known = known.iter();
    let known = known.find(|it| !counts.contains(&&*it.key.rule));
    assert_eq!(known, None, "seed {seed:#x}, silent {silent}");
    (held.len(), ended.len())
}

#[test]
fn whatever_changes_meanwhile_unknown_neither_fires_nor_clears() {
    let (mut up, mut ended) = (0, 0);
    for number in 1..=STORIES {
        let seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for silent in [false, true] {
            let told = run(seed, silent);
            (up, ended) = (up + told.0, ended + told.1);
        }
    }
    assert!(up > 100 && ended > 100, "little was up: {up}, {ended}");
}
