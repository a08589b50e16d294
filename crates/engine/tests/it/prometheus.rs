//! The oracle: level alarms against Prometheus' own `for` and `keep_firing_for`.
//!
//! Random series, sampled on the evaluation grid without gaps, go through the engine; which
//! alarms are up at every second becomes the expectation of a `promtool test rules` file, so
//! Prometheus itself says whether every series agrees at every step. The reset equals the
//! limit, as Prometheus has none. `off_for` stands for `keep_firing_for`.
//!
//! Delays are whole steps of the grid. Between two steps the two differ on purpose: when a
//! delay of 2.5 s has run out and the next sample, at 3 s, says otherwise, Prometheus never
//! looked in between, while the engine says what was so at 2.5 s.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use fenghuo_engine::{Engine, FrameInput, Input, Subject, Transition};
use fenghuo_model::{
    Catalog, Kind, PointDef, PointKey, Reading, Sample, Timestamp, Title, Unit, Value, ValueType,
};

const SERIES: usize = 1_280;
const STEPS: u32 = 90;
const LIMIT: f64 = 5.0;
const ON_MS: [u32; 5] = [0, 1_000, 2_000, 4_000, 9_000];
const OFF_MS: [u32; 4] = [0, 1_000, 3_000, 8_000];
const OPS: [(&str, &str); 4] = [
    ("above", ">="),
    ("over", ">"),
    ("below", "<="),
    ("under", "<"),
];
const SEED: u64 = 0x5eed_0fa1_a700;

struct Rule {
    op: (&'static str, &'static str),
    on_ms: u32,
    off_ms: u32,
}

/// Every combination.
fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    for op in OPS {
        for on_ms in ON_MS {
            for off_ms in OFF_MS {
                rules.push(Rule { op, on_ms, off_ms });
            }
        }
    }
    rules
}

fn our_rule(number: usize, rule: &Rule) -> String {
    let (op, on_ms) = (rule.op.0, rule.on_ms);
    let off = match rule.off_ms {
        0 => String::new(),
        off_ms => format!("off_for = \"{off_ms}ms\"\n"),
    };
    format!(
        "[[rule]]\nid = \"r{number}\"\nselect = {{ rule = \"r{number}\" }}\n[[rule.level]]\n\
         name = \"x\"\n{op} = {LIMIT}\nfor = \"{on_ms}ms\"\nseverity = \"red\"\n{off}"
    )
}

fn their_rules(rules: &[Rule]) -> String {
    let mut text = "groups:\n- name: g\n  interval: 1s\n  rules:\n".to_owned();
    for (number, rule) in rules.iter().enumerate() {
        let (op, on_ms, off_ms) = (rule.op.1, rule.on_ms, rule.off_ms);
        writeln!(
            text,
            "  - alert: r{number}\n    expr: m{{rule=\"r{number}\"}} {op} {LIMIT}\n    \
             for: {on_ms}ms\n    keep_firing_for: {off_ms}ms"
        )
        .unwrap();
    }
    text
}

/// Small whole numbers round the limit, often the same for a while.
fn series() -> Vec<Vec<u32>> {
    let mut dice = SEED;
    let mut roll = move |sides: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        u32::try_from(dice % sides).unwrap()
    };
    (0..SERIES)
        .map(|_| {
            let stays = 2 + roll(8);
            let mut value = 3 + roll(5);
            (0..STEPS)
                .map(|_| {
                    if roll(10) >= stays {
                        value = 3 + roll(5);
                    }
                    value
                })
                .collect()
        })
        .collect()
}

fn catalog(rules: usize) -> Catalog {
    let points = (0..SERIES).map(|number| PointDef {
        key: PointKey::new(&format!("s{number}")).unwrap(),
        title: Title::default(),
        kind: Kind::Level,
        unit: Unit::ONE,
        value_type: ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: BTreeMap::from([("rule".to_owned(), format!("r{}", number % rules))]),
    });
    Catalog::new(points.collect()).unwrap()
}

/// Which series alarm after each second, as the engine sees it.
fn ours(rules: &[Rule], series: &[Vec<u32>]) -> Vec<BTreeSet<usize>> {
    let at = |step: u32| Timestamp::from_millis(1_000_000_000 + i64::from(step) * 1_000);
    let texts = rules
        .iter()
        .enumerate()
        .map(|(at, rule)| our_rule(at, rule));
    let catalog = Arc::new(catalog(rules.len()));
    let gateway: fenghuo_model::GatewayKey = "site/gw1".parse().unwrap();
    let mut engine = Engine::default();
    let mut log = vec![
        Input::Rules(vec![("r.toml".to_owned(), texts.collect())]),
        Input::Catalog(gateway.clone(), catalog.clone()),
    ];
    log.extend((0..STEPS).map(|step| {
        let seq = u64::from(step) + 1;
        let reading = |values: &[u32]| Reading::Good(Value::F64(values[step as usize].into()));
        let samples = (0..).zip(series).map(|(point, values)| {
            let (time, reading) = (at(step), reading(values));
            (point, Sample { time, reading })
        });
        Input::Frame(FrameInput {
            gateway: gateway.clone(),
            received: at(step),
            epoch: 1,
            seq,
            epoch_first: 1,
            oldest: seq,
            live_from: seq,
            live_oldest: seq,
            watermark: at(step),
            catalog: catalog.id(),
            samples: samples.collect(),
            clock_step_ms: 0,
        })
    }));
    let (mut up, mut seen) = (BTreeSet::new(), Vec::new());
    for (position, input) in (1..).zip(log) {
        let mut changes = Vec::new();
        engine.apply(position, input, &mut changes);
        for change in changes {
            let Subject::Point(point) = &change.event.alarm.subject else {
                panic!("{change:?}");
            };
            let number: usize = point.key.as_str()[1..].parse().unwrap();
            match change.event.transition {
                Transition::Raise(_) => assert!(up.insert(number), "raised twice"),
                Transition::Return => assert!(up.remove(&number), "returned twice"),
                other => panic!("{other:?}"),
            }
        }
        if position > 2 {
            seen.push(up.clone());
        }
    }
    seen
}

fn expectation(rules: usize, series: &[Vec<u32>], up: &[BTreeSet<usize>]) -> String {
    let mut text = "rule_files: [rules.yml]\nevaluation_interval: 1s\ntests:\n- interval: 1s\n  \
                    input_series:\n"
        .to_owned();
    for (number, values) in series.iter().enumerate() {
        let rule = number % rules;
        let values: Vec<_> = values.iter().map(u32::to_string).collect();
        let values = values.join(" ");
        writeln!(text, "  - series: 'm{{rule=\"r{rule}\",s=\"{number}\"}}'").unwrap();
        writeln!(text, "    values: '{values}'").unwrap();
    }
    text.push_str("  promql_expr_test:\n");
    for (step, up) in up.iter().enumerate() {
        writeln!(text, "  - expr: ALERTS{{alertstate=\"firing\"}}").unwrap();
        writeln!(text, "    eval_time: {step}s\n    exp_samples:").unwrap();
        for number in up {
            let rule = number % rules;
            writeln!(
                text,
                "    - labels: 'ALERTS{{alertname=\"r{rule}\",alertstate=\"firing\",\
                 rule=\"r{rule}\",s=\"{number}\"}}'\n      value: 1"
            )
            .unwrap();
        }
    }
    text
}

fn promtool(name: &str, rules: &str, test: &str) -> Output {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("prometheus-{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("rules.yml"), rules).unwrap();
    std::fs::write(folder.join("test.yml"), test).unwrap();
    Command::new("promtool")
        .args(["test", "rules", "test.yml"])
        .current_dir(&folder)
        .output()
        .unwrap_or_else(|error| {
            panic!("promtool: {error}; install it with Debian's package `prometheus`")
        })
}

#[test]
fn level_alarms_agree_with_prometheus() {
    let (rules, series) = (rules(), series());
    let up = ours(&rules, &series);
    let firing: usize = up.iter().map(BTreeSet::len).sum();
    let cells = SERIES * STEPS as usize;
    println!(
        "{SERIES} series, {} rules, {STEPS} steps, {firing} of {cells} firing, seed {SEED:#x}",
        rules.len()
    );
    assert!(
        firing > cells / 10 && firing < cells,
        "the series say little"
    );
    let test = expectation(rules.len(), &series, &up);
    let output = promtool("agree", &their_rules(&rules), &test);
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let start: String = said.chars().take(4_000).collect();
    assert!(output.status.success(), "seed {SEED:#x}: {start}");
    assert!(said.contains("SUCCESS"), "{start}");
}

/// The oracle is awake: one alarm more or less at one step is refused.
#[test]
fn prometheus_refuses_a_wrong_expectation() {
    let rules = rules();
    let series = &series()[..rules.len()];
    let right = ours(&rules, &self::series());
    for add in [true, false] {
        let mut up: Vec<BTreeSet<usize>> = right
            .iter()
            .map(|up| up.iter().copied().filter(|at| *at < series.len()).collect())
            .collect();
        let wrong = &mut up[STEPS as usize / 2];
        if add {
            let missing = (0..series.len()).find(|at| !wrong.contains(at)).unwrap();
            wrong.insert(missing);
        } else {
            wrong.pop_first().unwrap();
        }
        let test = expectation(rules.len(), series, &up);
        let output = promtool(&format!("wrong-{add}"), &their_rules(&rules), &test);
        assert!(!output.status.success());
    }
}
