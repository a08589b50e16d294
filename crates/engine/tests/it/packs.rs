//! The packs themselves: every rule of every pack is proved by scenarios, and the packs stand
//! beside each other and under a site's file.
//!
//! A pack's scenarios stand in `config/packs/tests/<pack>.txt`; the first word of a scenario's
//! name is the rule that it is about. That they give what they say is tested elsewhere; here,
//! that none is missing.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use fenghuo_engine::RuleSet;
use fenghuo_engine::rule::{Rule, Ship};

const PACKS: [&str; 5] = ["hazchem", "coal-mine", "noncoal-mine", "tailings", "dust"];

fn read(path: &str) -> (String, String) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let text = std::fs::read_to_string(root.join(path)).unwrap();
    (path.to_owned(), text)
}

fn parse(files: &[&str]) -> RuleSet {
    let files: Vec<_> = files.iter().map(|file| read(file)).collect();
    RuleSet::parse(&files).unwrap_or_else(|faults| {
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        panic!("{}", faults.join("\n"))
    })
}

fn own(set: &RuleSet) -> impl Iterator<Item = &Rule> {
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
    /// Rules with a scenario of their own in which they raise nothing.
    quiet: BTreeSet<String>,
}

fn proved(pack: &str) -> Proved {
    let (_, text) = read(&format!("packs/tests/{pack}.txt"));
    let mut proved = Proved::default();
    for scenario in text.split("\n== ").skip(1) {
        let rule = scenario.split_whitespace().next().unwrap_or_default();
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
            raises |= what == "raise" && level.split('/').next() == Some(rule);
        }
        if !raises {
            proved.quiet.insert(rule.to_owned());
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
            if !proved.quiet.contains(&*rule.id) {
                writeln!(missing, "{}: no scenario just inside its limit", rule.id).unwrap();
            }
            for level in &rule.levels {
                let name = format!("{}/{}", rule.id, level.name);
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
