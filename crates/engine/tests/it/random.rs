//! Random scenarios: whatever plants, links, clocks, people and servers do, a restore
//! changes nothing and the engine refuses none of its own events.

use std::fmt::Write as _;

use fenghuo_engine::scenario::Script;

const SCENARIOS: u64 = 150;
const STEPS: usize = 25;
const SEED: u64 = 0xfe96_0a0b_0c0d_0e0f;

const HEAD: &str = r#"
gateway a/gw1
point x level m group=g
point y level m every=0 group=g
gateway a/gw2
point z level m every=500ms group=g
point run state role=p
point fan state role=c
rules:
    [[rule]]
    id = "level"
    select = { kind = "level" }
    [[rule.level]]
    name = "H"
    above = 9
    reset = 8
    for = "5s"
    severity = "red"
    [[rule.level]]
    name = "L"
    above = 7
    severity = "blue"
    [[rule]]
    id = "silent"
    detector = "stale"
    within = "20s"
    select = { kind = "level" }
    [[rule.level]]
    name = "alarm"
    severity = "yellow"
    [[rule]]
    id = "vote"
    detector = "vote"
    k = 2
    group = "group"
    select = { kind = "level" }
    [[rule.level]]
    name = "H"
    above = 9
    reset = 8
    severity = "red"
    [[rule]]
    id = "mean"
    detector = "window"
    stat = "mean"
    over = "15s"
    select = { kind = "level" }
    [[rule.level]]
    name = "H"
    above = 8
    off_for = "4s"
    severity = "yellow"
    [[rule]]
    id = "rate"
    detector = "rate"
    over = "10s"
    select = { kind = "level" }
    [[rule.level]]
    name = "fast"
    above = 3
    severity = "yellow"
    [[rule]]
    id = "flat"
    detector = "flat"
    within = "30s"
    select = { kind = "level" }
    [[rule.level]]
    name = "alarm"
    severity = "blue"
    [[rule]]
    id = "interlock"
    detector = "interlock"
    select = { role = "p" }
    when = "on"
    requires = { role = "c" }
    [[rule.level]]
    name = "a"
    for = "2s"
    severity = "red"
"#;
/// Rules that a random moment brings in place of the first ones: changed, gone and new.
const RELOADED: &str = r#"reload:
    [[rule]]
    id = "level"
    select = { kind = "level" }
    suppress = { select = { role = "c" }, while = "off" }
    [[rule.level]]
    name = "H"
    above = 9
    reset = 8
    for = "5s"
    severity = "red"
    [[rule.level]]
    name = "L"
    above = 8
    latch = true
    realarm = "30s"
    severity = "blue"
    [[rule]]
    id = "silent"
    detector = "stale"
    within = "20s"
    select = { kind = "level" }
    [[rule.level]]
    name = "alarm"
    severity = "yellow"
    [[rule]]
    id = "old"
    detector = "expression"
    when = "age(value) > 25"
    select = { kind = "level" }
    [[rule.level]]
    name = "alarm"
    severity = "blue"
    [[rule]]
    id = "many"
    detector = "rollup"
    rules = ["level"]
    group = "group"
    select = { kind = "level" }
    [[rule.level]]
    name = "two"
    count = 2
    of = "blue"
    severity = "orange"
    [closed_loop.blue]
    acknowledge = "20s"
    cause = "40s"
    [closed_loop.red]
    acknowledge = "0s""#;
const VALUES: &[&str] = &[
    "5",
    "7.5",
    "8.5",
    "9.5",
    "bad(timeout)",
    "uncertain(9.5,clock)",
    "uncertain(5,clock)",
];

struct Dice(u64);

impl Dice {
    fn of<'a>(&mut self, sides: &[&'a str]) -> &'a str {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let at = (self.0 >> 11) % sides.len() as u64;
        sides[usize::try_from(at).unwrap()]
    }

    fn line(&mut self) -> String {
        let verbs = [
            "read",
            "read",
            "read",
            "read",
            "read",
            "read",
            "read",
            "state",
            "state",
            "quiet",
            "silent",
            "lose",
            "lose",
            "shuffle",
            "clock",
            "replace",
            "restart",
            "ack",
            "deaf",
            "ack",
            "shelve",
            "unshelve",
            "reset",
            "out",
            "agree",
            "put-back",
            "cause",
            "book",
            "book",
            "reload",
            "point",
            "server-clock",
        ];
        let (point, gateway) = (self.of(&["x", "y", "z"]), self.of(&["gw1", "gw2"]));
        let span = self.of(&["3s", "15s", "70s", "130s"]);
        match self.of(&verbs) {
            "read" => format!("{point} {}", self.of(VALUES)),
            "state" => {
                let state = self.of(&["on", "off", "bad(timeout)"]);
                format!("{} {state}", self.of(&["run", "fan"]))
            }
            verb @ ("quiet" | "ack" | "unshelve" | "reset" | "put-back") => {
                format!("{verb} {point}")
            }
            "shelve" => format!("shelve {point} for={span} once={}", self.of(&["yes", "no"])),
            "out" => format!("ask-out {point} by=li permit=P for={span}"),
            "agree" => format!("agree-out {point} by={}", self.of(&["li", "wang"])),
            "cause" => format!("state {point} cause=true"),
            "book" => format!("book {point} for={span}"),
            "reload" => RELOADED.to_owned(),
            "point" => {
                let group = self.of(&["g", "h"]);
                format!("point extra level m on={gateway} every=2s group={group}")
            }
            "lose" => format!("lose {gateway} {span} {}", self.of(&["", "gone", "rate=3"])),
            "clock" => format!("clock {gateway} {}", self.of(&["+90s", "-30s", "+3s"])),
            "server-clock" => format!("server-clock {}", self.of(&["+24h", "-1h", "+3s"])),
            "replace" => format!("replace {gateway}"),
            verb @ ("restart" | "deaf") => format!("{verb} {span}"),
            verb => format!("{verb} {gateway} {span}"),
        }
    }

    fn scenario(&mut self) -> String {
        let mut text = format!("{HEAD}\n== random\n0s x 5\n");
        for _ in 0..STEPS {
            let pause = self.of(&["0s", "1s", "2s", "3s", "7s", "12s", "500ms", "30s"]);
            let line = self.line();
            writeln!(text, "+{pause} {line}").unwrap();
        }
        text + "+200s end\n--\n"
    }
}

#[test]
fn whatever_happens_a_restore_changes_nothing() {
    let mut dice = Dice(SEED);
    let mut lines = 0;
    for number in 0..SCENARIOS {
        let text = dice.scenario();
        let script = Script::parse("random.txt", &text).unwrap_or_else(|faults| {
            panic!("{}\n{text}", faults[0]);
        });
        let outcome = script.run(&script.scenarios()[0], &|path| Err(path.to_owned()));
        assert!(
            outcome.problems.is_empty(),
            "{number}: {:#?}\n{text}",
            outcome.problems
        );
        lines += outcome.lines.len();
    }
    println!("{SCENARIOS} scenarios, {lines} lines, seed {SEED:#x}");
    assert!(lines > 1_000, "the scenarios say little: {lines}");
}
