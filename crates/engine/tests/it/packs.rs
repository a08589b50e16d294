//! The packs themselves: every rule of every pack is proved by scenarios, and the packs stand
//! beside each other and under a site's file.
//!
//! A pack's scenarios stand in `config/packs/tests/<pack>.txt`; the first word of a scenario's
//! name is the rule that it is about, or where it shows that one of several levels keeps quiet,
//! `rule/level`. That they give what they say is tested elsewhere; here, that none is missing.
//! Levels that compare a number are tried next to their limits by [`crate::limits`], too.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use fenghuo_engine::RuleSet;
use fenghuo_engine::rule::{Rule, Ship};
use fenghuo_model::Severity;

use crate::limits::is_tried;

pub const PACKS: [&str; 5] = ["hazchem", "coal-mine", "noncoal-mine", "tailings", "dust"];

pub fn read(path: &str) -> (String, String) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let text = std::fs::read_to_string(root.join(path)).unwrap();
    (path.to_owned(), text)
}

pub fn parse(files: &[&str]) -> RuleSet {
    let files: Vec<_> = files.iter().map(|file| read(file)).collect();
    RuleSet::parse(&files).unwrap_or_else(|faults| {
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        panic!("{}", faults.join("\n"))
    })
}

pub fn own(set: &RuleSet) -> impl Iterator<Item = &Rule> {
    let rules = set.rules.values().map(|rule| &**rule);
    rules.filter(|rule| !rule.is_builtin())
}

/// What the scenarios of a file say of rules.
#[derive(Default)]
struct Proved {
    /// `rule/level` that is raised somewhere.
    raised: BTreeSet<String>,
    /// `rule/level` that is over somewhere: returned, or waiting for a person's reset.
    over: BTreeSet<String>,
    /// Rules or `rule/level` with a scenario of their own in which they raise nothing.
    quiet: BTreeSet<String>,
}

fn proved(pack: &str) -> Proved {
    let (_, text) = read(&format!("packs/tests/{pack}.txt"));
    let mut proved = Proved::default();
    for scenario in text.split("\n== ").skip(1) {
        let about = scenario.split_whitespace().next().unwrap_or_default();
        let (_, expected) = scenario.split_once("\n--\n").unwrap_or((scenario, ""));
        let mut raises = false;
        for line in expected.lines() {
            let mut words = line.split_whitespace().skip(1);
            let (Some(what), Some(alarm)) = (words.next(), words.next()) else {
                continue;
            };
            let level = alarm.split('@').next().unwrap_or_default();
            match what {
                "raise" => proved.raised.insert(level.to_owned()),
                "return" | "latch" => proved.over.insert(level.to_owned()),
                _ => false,
            };
            let is_own = level == about || level.split('/').next() == Some(about);
            raises |= what == "raise" && is_own;
        }
        if !raises {
            proved.quiet.insert(about.to_owned());
        }
    }
    proved
}

#[test]
fn every_level_of_every_pack_is_seen_to_raise_to_keep_quiet_and_to_clear() {
    let mut missing = String::new();
    for pack in PACKS {
        let set = parse(&[&format!("packs/{pack}.toml")]);
        let proved = proved(pack);
        for rule in own(&set) {
            for level in &rule.levels {
                let name = format!("{}/{}", rule.id, level.name);
                let rule_is_quiet = rule.levels.len() == 1 || is_tried(rule);
                let quiet = rule_is_quiet && proved.quiet.contains(&*rule.id);
                if !quiet && !proved.quiet.contains(&name) {
                    writeln!(missing, "{name}: no scenario just inside its limit").unwrap();
                }
                if !proved.raised.contains(&name) {
                    writeln!(missing, "{name}: no scenario raises it").unwrap();
                }
                if !proved.over.contains(&name) {
                    writeln!(missing, "{name}: no scenario clears it").unwrap();
                }
            }
        }
    }
    assert!(missing.is_empty(), "\n{missing}");
}

#[test]
fn every_rule_says_where_its_numbers_come_from_in_both_languages() {
    for pack in PACKS {
        let set = parse(&[&format!("packs/{pack}.toml")]);
        assert_eq!(&*set.packs[0].id, pack);
        assert!(!set.targets.is_empty(), "{pack} asks for no measurement");
        for rule in own(&set) {
            assert!(
                !rule.title.zh.is_empty() && !rule.title.en.is_empty(),
                "{}",
                rule.id
            );
            let source = rule.source.as_ref();
            assert!(
                source.is_some_and(|it| !it.standard.is_empty()),
                "{}",
                rule.id
            );
        }
        for target in &set.targets {
            assert!(!target.seed.is_empty(), "{} serves no clause", target.id);
        }
    }
}

#[test]
fn what_only_the_design_can_say_has_no_number_in_a_pack() {
    for pack in PACKS {
        let set = parse(&[&format!("packs/{pack}.toml")]);
        for rule in own(&set) {
            let design = rule.source.as_ref().is_some_and(|it| it.ship == Ship::Des);
            let open = |level: &fenghuo_engine::rule::Level| {
                level.limit.is_some_and(|limit| limit.value.is_none())
            };
            assert_eq!(rule.levels.iter().any(open), design, "{}", rule.id);
            assert_eq!(rule.levels.iter().all(open), design, "{}", rule.id);
        }
    }
}

/// What is red, the second level of a gas (C1, C3, D10), every cut-off (K rows) and the dust
/// interlock (D1).
#[test]
fn what_is_severe_cannot_be_shelved() {
    for pack in PACKS {
        let set = parse(&[&format!("packs/{pack}.toml")]);
        let levels = own(&set).flat_map(|rule| rule.levels.iter().map(move |it| (rule, it)));
        for (rule, level) in levels {
            let severe = level.severity == Severity::Red
                || ["L2", "cut-off", "cut"].contains(&&*level.name)
                || &*rule.id == "dust.collector-off";
            if severe {
                assert_eq!(level.shelve_ms, 0, "{}/{}", rule.id, level.name);
            }
        }
    }
}

const HOUR: u64 = 60;

/// The steps of the closed loop in minutes: acknowledged, cause stated, verified.
const STEPS: [(Severity, [Option<u64>; 3]); 4] = [
    (Severity::Blue, [Some(60), Some(24 * HOUR), None]),
    (Severity::Yellow, [Some(30), Some(4 * HOUR), Some(4 * HOUR)]),
    (Severity::Orange, [Some(15), Some(HOUR), Some(HOUR)]),
    (Severity::Red, [Some(5), Some(30), Some(15)]),
];

#[test]
fn the_closed_loop_that_is_shipped_has_the_times_of_the_domain() {
    let set = parse(&["closed-loop.toml"]);
    assert_eq!(set.closed_loop.repeat, 3);
    assert_eq!(set.closed_loop.duties.len(), STEPS.len());
    for (severity, steps) in STEPS {
        let duty = &set.closed_loop.duties[&severity];
        let said = [duty.acknowledge_ms, duty.cause_ms, duty.verify_ms];
        assert_eq!(said.map(|ms| ms.map(|ms| ms / 60_000)), steps);
        assert_eq!(duty.close_by_person, severity == Severity::Red);
        assert_eq!(duty.second_person, severity >= Severity::Orange);
    }
    // What a site sees commented out is the same.
    let keys = |name: &str| -> Vec<String> {
        let (_, text) = read(name);
        let lines = text.lines().map(|line| line.trim_start_matches(['#', ' ']));
        let mut lines = lines.skip_while(|line| *line != "[closed_loop]").skip(1);
        let keys = ["repeat", "blue", "yellow", "orange", "red"];
        let is_key = |line: &&str| keys.contains(&line.split(' ').next().unwrap_or_default());
        let lines = lines.by_ref().filter(is_key);
        lines.take(keys.len()).map(str::to_owned).collect()
    };
    assert_eq!(keys("notify.toml"), keys("closed-loop.toml"));
    assert!(read("server.toml").1.contains("\"closed-loop.toml\""));
}

/// Milligrams in a cubic metre by law, and the molar mass in grams.
const TOXIC: [(&str, f64, f64); 17] = [
    ("h2s", 10.0, 34.08),
    ("co", 20.0, 28.01),
    ("nh3", 20.0, 17.031),
    ("cl2", 1.0, 70.906),
    ("so2", 5.0, 64.066),
    ("no2", 5.0, 46.006),
    ("hcl", 7.5, 36.461),
    ("hcn", 1.0, 27.026),
    ("hf", 2.0, 20.006),
    ("phosgene", 0.5, 98.916),
    ("methanol", 25.0, 32.042),
    ("benzene", 3.0, 78.114),
    ("toluene", 50.0, 92.141),
    ("xylene", 50.0, 106.168),
    ("vinyl-chloride", 10.0, 62.498),
    ("acrylonitrile", 1.0, 53.064),
    ("ethylene-oxide", 0.6, 44.053),
];
/// Litres of a mole at 20 °C and 101.3 kPa.
const MOLAR_LITRES: f64 = 24.04;

/// The ppm are neither looser than the law in mg/m3 nor stricter by more than the third digit.
#[test]
fn limits_in_ppm_are_the_law_s_mass_converted_and_cut_behind_the_third_digit() {
    let set = parse(&["packs/hazchem.toml"]);
    let limits = |id: String| -> Vec<f64> {
        let levels = set.rules[&*id].levels.iter();
        levels.map(|it| it.limit.unwrap().value.unwrap()).collect()
    };
    let converted = own(&set).filter(|rule| rule.id.ends_with(".ppm")).count();
    assert_eq!(converted, TOXIC.len());
    for (gas, mass, molar) in TOXIC {
        let law = [mass, 2.0 * mass];
        assert_eq!(limits(format!("hazchem.gas.{gas}.mass")), law, "{gas}");
        for (ppm, law) in limits(format!("hazchem.gas.{gas}.ppm"))
            .into_iter()
            .zip(law)
        {
            let exact = law * MOLAR_LITRES / molar;
            let digit = 10_f64.powf(exact.log10().floor() - 2.0);
            let looser = ppm - exact;
            assert!(looser <= 0.0, "{gas}: {ppm} ppm is looser than {exact}");
            assert!(-looser < digit, "{gas}: {ppm} ppm is stricter than {exact}");
            let digits = ppm / digit;
            assert!((digits - digits.round()).abs() < 1e-6, "{gas}: {ppm} ppm");
        }
    }
}

#[test]
fn all_packs_stand_together_under_the_example_of_a_site() {
    let mut files: Vec<_> = PACKS
        .iter()
        .map(|pack| format!("packs/{pack}.toml"))
        .collect();
    files.push("site-example.toml".to_owned());
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    let set = parse(&files);
    assert_eq!(set.packs.len(), PACKS.len());
    let plants: BTreeSet<_> = set.targets.iter().map(|target| &target.plant).collect();
    for enterprise in set.register.values() {
        for plant in &enterprise.plants {
            assert!(plants.contains(plant), "{}: {plant}", enterprise.id);
        }
    }
}
