//! The server's clock may be set at any time, by any amount: people are told the same things,
//! at the same moments of real life, as if it had not been.

use fenghuo_engine::input::Silence;
use fenghuo_engine::rule::Select;
use fenghuo_engine::{Act, Deed, Input, Notice};

use super::plant::{Dice, Fold, RULES, at, story};

const GATEWAY: &str = "a/gw1";
const SECONDS: i64 = 400;
const STORIES: u64 = 12;

/// Everything of the planner that waits: a group, repeats, floods, digests, steps overdue.
const RECEIVERS: &str = r#"
[closed_loop]
repeat = 3
[closed_loop.blue]
acknowledge = "40s"
[closed_loop.red]
acknowledge = "7s"
cause = "50s"
[[receiver]]
name = "duty"
carriers = ["*"]
group_by = ["group"]
wait = "9s"
repeat = "1m"
flood = { over = 6, under = 2, within = "1m", digest = "30s" }
[[receiver]]
name = "leader"
tier = 1
carriers = ["*"]
repeat = "2m"
"#;

struct Run {
    fold: Fold,
    notices: Vec<Notice>,
}

impl Run {
    fn new() -> Self {
        let mut fold = Fold::new(&[GATEWAY]);
        let text = format!("{RULES}{RECEIVERS}");
        fold.put(Input::Rules(vec![("r.toml".to_owned(), text)]));
        assert!(!fold.engine.rules().receivers.is_empty(), "they are read");
        Self {
            fold,
            notices: Vec::new(),
        }
    }

    fn put(&mut self, input: Input) {
        self.fold.put(input);
        self.notices.extend(self.fold.engine.notices());
    }

    /// A person acts by the server's clock, which is so far from the time that passes.
    fn act(&mut self, dice: &mut Dice, second: i64, set_ms: i64) {
        let alarms: Vec<_> = self.fold.engine.book().iter().collect();
        let roll = dice.roll(6);
        let place = dice.roll(u64::try_from(alarms.len()).unwrap().max(1));
        let Some(alarm) = alarms.get(usize::try_from(place).unwrap()) else {
            return;
        };
        let (occurrence, key) = (alarm.occurrence, alarm.key.clone());
        let now = at(second * 1_000 + set_ms);
        let until = at(second * 1_000 + set_ms + 25_000);
        let deed = match roll {
            0 => Deed::Acknowledge { alarm: occurrence },
            1 | 2 => Deed::Shelve {
                alarm: key,
                until,
                one_shot: false,
            },
            3 => Deed::AskOut {
                alarm: key,
                permit: "P".to_owned(),
                until,
            },
            4 => Deed::AgreeOut { alarm: key },
            _ => Deed::Silence(Silence {
                id: "s".to_owned(),
                select: Select([("rule".to_owned(), vec![key.rule.to_string()])].into()),
                from: now,
                until,
            }),
        };
        let by = if roll == 4 { "wang" } else { "li" };
        self.put(Input::Act(Act {
            at: now,
            by: by.to_owned(),
            comment: String::new(),
            deed,
        }));
    }

    /// What was told, without the clock's readings.
    fn told(&self) -> Vec<String> {
        let line = |notice: &Notice| {
            let alarms = notice.alarms.iter().map(|it| {
                let about = format!("{:?} {}", it.about, it.state.as_str());
                format!("{} {about} {}.{}.{}", it.alarm, it.raise, it.times, it.nth)
            });
            let (id, receiver, kind) = (notice.id, &notice.receiver, notice.kind);
            let alarms: Vec<_> = alarms.collect();
            format!("{id} {receiver} {kind:?} {alarms:?} {}", notice.more)
        };
        self.notices.iter().map(line).collect()
    }

    fn happened(&self) -> Vec<String> {
        let events = self.fold.events.iter();
        let line = |it: &fenghuo_engine::Event| {
            format!("{} {} {}", it.id, it.transition.as_str(), it.alarm)
        };
        events.map(line).collect()
    }
}

/// The first lines that differ.
fn differs(one: &[String], other: &[String]) -> Option<(Option<String>, Option<String>)> {
    let both = 0..one.len().max(other.len());
    let mut both = both.map(|at| (one.get(at).cloned(), other.get(at).cloned()));
    both.find(|(one, other)| one != other)
}

/// A story in which the server's clock is set where `set` says so.
fn run(seed: u64, sets: bool, restored: bool) -> Run {
    let mut run = Run::new();
    let mut dice = Dice(seed);
    let mut clock = Dice(seed ^ 0x77);
    let mut set_ms = 0;
    let frames = story(&mut dice, GATEWAY, SECONDS);
    for (second, frame) in (1..).zip(frames) {
        if sets && clock.roll(25) == 0 {
            let steps = [
                -86_400_000,
                -3_600_000,
                -5_000,
                7_000,
                3_600_000,
                86_400_000,
            ];
            set_ms += steps[usize::try_from(clock.roll(6)).unwrap()];
        }
        run.put(Input::Frame(frame));
        // Now and then somebody acts by a clock that no tick has shown yet.
        let early = dice.roll(2) == 0;
        if early && dice.roll(5) == 0 {
            run.act(&mut dice, second - 1, set_ms);
        }
        let now = at(second * 1_000 + set_ms);
        run.put(Input::Tick {
            at: now,
            hearing: true,
        });
        if !early && dice.roll(5) == 0 {
            run.act(&mut dice, second, set_ms);
        }
        if restored && second % 3 == 0 {
            run.fold.restore();
        }
    }
    run
}

#[test]
fn a_server_clock_that_is_set_changes_nothing_that_people_wait_for() {
    let mut kinds = std::collections::BTreeSet::new();
    for number in 1..=STORIES {
        let seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (still, set) = (run(seed, false, false), run(seed, true, true));
        assert_eq!(
            differs(&still.happened(), &set.happened()),
            None,
            "{seed:#x}"
        );
        assert_eq!(differs(&still.told(), &set.told()), None, "{seed:#x}");
        kinds.extend(set.notices.iter().map(|notice| notice.kind.as_str()));
        let undone = set.fold.events.iter().map(|it| it.transition.as_str());
        kinds.extend(undone.filter(|it| ["unshelve", "put_back_in_service"].contains(it)));
    }
    for kind in [
        "alarm",
        "repeat",
        "escalation",
        "digest_flood",
        "returned",
        "unshelve",
        "put_back_in_service",
    ] {
        assert!(kinds.contains(kind), "the stories say little: {kinds:?}");
    }
}
