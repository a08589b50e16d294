//! What the site makes of a level at a point, in the point's unit.

use std::collections::BTreeMap;

use fenghuo_model::{Kind, Limits, PointDef, PointKey, PointRef, Severity, Title, ValueType};

use proptest::prelude::*;

use super::*;
use crate::rule::Op;

fn slot(unit: &str, key: &str) -> Slot {
    Slot {
        point: PointRef {
            gateway: "oil/gw1".parse().unwrap(),
            key: PointKey::new(key).unwrap(),
        },
        def: PointDef {
            key: PointKey::new(key).unwrap(),
            title: Title::default(),
            kind: Kind::Level,
            unit: Unit::parse(unit).unwrap(),
            value_type: ValueType::F64,
            range: Some(Limits {
                low: 0.0,
                high: 1_000.0,
            }),
            interval_ms: 1_000,
            labels: BTreeMap::new(),
        },
        retired: false,
        leaving: false,
        is_source: false,
    }
}

/// A rule in metres with one level, and what the site says of it.
fn bound(ship: &str, level: &str, site: &[&str], slot: &Slot) -> BoundLevel {
    let confidence = if ship == "REG" { "V" } else { "U" };
    let mut text = format!(
        "[[rule]]\nid = \"r\"\nselect = {{ kind = \"level\" }}\nunit = \"m\"\nsource = {{ \
         standard = \"S\", clause = \"1\", ship = \"{ship}\", confidence = \"{confidence}\" }}\n\
         [[rule.level]]\nname = \"H\"\nseverity = \"yellow\"\nfor = \"9s\"\n{level}\n"
    );
    for says in site {
        let head = "[[limit]]\nrule = \"r\"\nlevel = \"H\"\ndocument = \"D\"\n";
        text += &format!("{head}{}\n", says.replace("; ", "\n"));
    }
    let rules = RuleSet::parse(&[("site.toml".to_owned(), text)]).unwrap();
    levels(&rules, &rules.rules["r"], slot).unwrap()[0]
}

/// Limit and reset.
fn limits(ship: &str, level: &str, site: &[&str]) -> (f64, f64) {
    let limit = bound(ship, level, site, &slot("m", "T-1")).limit.unwrap();
    (limit.value, limit.reset)
}

#[test]
fn the_packs_limit_stands_where_the_site_says_nothing() {
    assert_eq!(limits("REG", "above = 10\nreset = 8", &[]), (10.0, 8.0));
    assert_eq!(limits("REG", "under = 2", &[]), (2.0, 2.0));
    assert_eq!(
        limits("DEF", "above = 900\ndeadband_span = 0.05", &[]),
        (900.0, 850.0)
    );
}

#[test]
fn a_limit_that_moves_takes_its_reset_along() {
    for (level, site, limit, reset) in [
        ("above = 10\nreset = 8", "value = 9.7", 9.7, 7.7),
        ("over = 10", "value = 9", 9.0, 9.0),
        ("below = 2\nreset = 3", "value = 2.5", 2.5, 3.5),
        ("under = 2", "value = 3", 3.0, 3.0),
        (
            "above = 900\ndeadband_span = 0.05",
            "value = 800",
            800.0,
            750.0,
        ),
        (
            "below = 100\ndeadband_span = 0.05",
            "value = 200",
            200.0,
            250.0,
        ),
    ] {
        for ship in ["REG", "DEF"] {
            assert_eq!(
                limits(ship, level, &[site]),
                (limit, reset),
                "{ship} {level}"
            );
        }
    }
    // Where the pack's own reset stays strict enough, the site may keep it.
    let kept = limits("REG", "above = 10\nreset = 8", &["value = 9; reset = 8"]);
    assert_eq!(kept, (9.0, 8.0));
}

#[test]
fn the_strictest_of_several_wins_whatever_their_order() {
    let upper = [
        ("value = 9; reset = 7.5", "value = 8"),
        ("value = 8.5; reset = 6", "value = 9; reset = 8"),
    ];
    let wants = [(8.0, 6.0), (8.5, 6.0)];
    for ((a, b), want) in upper.into_iter().zip(wants) {
        assert_eq!(limits("REG", "above = 10\nreset = 8", &[a, b]), want);
        assert_eq!(limits("REG", "above = 10\nreset = 8", &[b, a]), want);
    }
    for (level, a, b, want) in [
        ("over = 10", "value = 9", "value = 8", (8.0, 8.0)),
        (
            "below = 2",
            "value = 3; reset = 4",
            "value = 2.5; reset = 5",
            (3.0, 5.0),
        ),
        ("under = 2", "value = 3", "value = 4", (4.0, 4.0)),
        // A reset that another entry's limit has passed clears at that limit.
        (
            "above = \"design\"",
            "value = 10.8; reset = 10.2",
            "value = 9",
            (9.0, 9.0),
        ),
    ] {
        let ship = if level.contains("design") {
            "DES"
        } else {
            "REG"
        };
        assert_eq!(limits(ship, level, &[a, b]), want, "{level}");
        assert_eq!(limits(ship, level, &[b, a]), want, "{level}");
    }
    let says = [
        "for = \"5s\"; severity = \"orange\"",
        "for = \"2s\"; latch = true",
    ];
    let level = bound("REG", "above = 10", &says, &slot("m", "T-1"));
    assert_eq!(level.delays.for_ms, 2_000);
    assert_eq!((level.severity, level.latch), (Severity::Orange, true));
}

#[test]
fn a_legal_reset_never_lies_beyond_the_packs() {
    let level = "above = 900\ndeadband_span = 0.1";
    // The pack clears at 800 here, which only the point's span could tell.
    assert_eq!(limits("REG", level, &["reset = 850"]), (900.0, 800.0));
    assert_eq!(limits("DEF", level, &["reset = 850"]), (900.0, 850.0));
}

#[test]
fn a_default_may_be_loosened() {
    let level = "above = 10\nreset = 8\nlatch = true";
    let says = "value = 12; for = \"1m\"; severity = \"blue\"; latch = false";
    let level = bound("DEF", level, &[says], &slot("m", "T-1"));
    let limit = level.limit.unwrap();
    assert_eq!((limit.value, limit.reset), (12.0, 10.0));
    assert_eq!(level.delays.for_ms, 60_000);
    assert_eq!((level.severity, level.latch), (Severity::Blue, false));
    let widened = limits("DEF", "above = 10\nreset = 8", &["reset = 9.5"]);
    assert_eq!(widened, (10.0, 9.5));
}

#[test]
fn site_limits_are_in_the_rules_unit() {
    for (unit, times) in [("cm", 100.0), ("mm", 1_000.0), ("m", 1.0)] {
        for (level, says, limit, reset) in [
            ("above = 10\nreset = 8", "value = 9.1", 9.1, 7.1),
            ("over = 10", "value = 9; reset = 8.5", 9.0, 8.5),
            ("below = 2\nreset = 3", "value = 2.2", 2.2, 3.2),
            ("under = 2", "value = 3; reset = 3.3", 3.0, 3.3),
        ] {
            let bound = bound("REG", level, &[says], &slot(unit, "T-1"));
            let found = bound.limit.unwrap();
            let want: [f64; 2] = [limit * times, reset * times].map(tidy);
            assert_eq!([found.value, found.reset], want, "{level} in {unit}");
        }
    }
}

#[test]
fn a_design_limit_arms_its_level_where_it_is_given() {
    let says =
        "select = { enterprise = \"oil\", key = \"T-101.level\" }; value = 10.8; reset = 10.2";
    let at = |key| bound("DES", "above = \"design\"", &[says], &slot("cm", key));
    let armed = at("T-101.level");
    assert!(armed.armed);
    let limit = armed.limit.unwrap();
    assert_eq!((limit.value, limit.reset), (1_080.0, 1_020.0));
    let other = at("T-102.level");
    assert!(!other.armed && other.limit.is_none());
}

#[test]
fn an_unarmed_level_is_told_and_a_rule_that_is_off_is_not_bound() {
    let text = "[[rule]]\nid = \"r\"\nselect = { kind = \"level\" }\n[[rule.level]]\n\
                name = \"H\"\nabove = \"design\"\nseverity = \"yellow\"\n[[rule.level]]\n\
                name = \"HH\"\nabove = 5\nseverity = \"red\"\n[[rule]]\nid = \"off\"\n\
                enabled = false\nselect = { kind = \"level\" }\n[[rule.level]]\nname = \"H\"\n\
                above = 1\nseverity = \"blue\"\n";
    let site = "[[limit]]\nrule = \"r\"\nlevel = \"H\"\nvalue = 4\ndocument = \"D\"\n\
                [[enable]]\nrule = \"off\"\n";
    let bind = |text: String| {
        let rules = RuleSet::parse(&[("site.toml".to_owned(), text)]).unwrap();
        let bindings = super::super::bind(&rules, &[slot("m", "T-1")]);
        let unarmed = bindings.unbound.iter().filter_map(|it| it.level.clone());
        let bound = bindings.bound.iter().map(|it| it.rule.id.to_string());
        (bound.collect::<Vec<_>>(), unarmed.collect::<Vec<_>>())
    };
    assert_eq!(
        bind(text.to_owned()),
        (vec!["r".to_owned()], vec!["H".into()])
    );
    let both = vec!["off".to_owned(), "r".to_owned()];
    assert_eq!(bind(text.to_owned() + site), (both, vec![]));
}

const OPS: [Op; 4] = [Op::Above, Op::Over, Op::Below, Op::Under];

/// A legal level of the pack and what several entries of a site make of it, where the loader
/// takes them.
fn settled(op: Op, at: (i32, u32), says: &[(Option<i32>, Option<i32>)]) -> Option<[BoundLimit; 2]> {
    let (value, back) = (at.0, i32::try_from(at.1).unwrap());
    let reset = if op.is_upper() {
        value - back
    } else {
        value + back
    };
    let mut text = format!(
        "[[rule]]\nid = \"r\"\nselect = {{ kind = \"level\" }}\nsource = {{ standard = \"S\", \
         clause = \"1\", ship = \"REG\", confidence = \"V\" }}\n[[rule.level]]\nname = \"H\"\n\
         severity = \"yellow\"\n{} = {value}\nreset = {reset}\n",
        op.as_str()
    );
    let bind = |text: &str| {
        let rules = RuleSet::parse(&[("site.toml".to_owned(), text.to_owned())]).ok()?;
        levels(&rules, &rules.rules["r"], &slot("m", "T-1")).unwrap()[0].limit
    };
    let pack = bind(&text)?;
    for (value, reset) in says {
        let line = |key: &str, number: Option<i32>| {
            number.map_or(String::new(), |number| format!("{key} = {number}\n"))
        };
        text += "[[limit]]\nrule = \"r\"\nlevel = \"H\"\ndocument = \"D\"\nfor = \"0s\"\n";
        text += &(line("value", *value) + &line("reset", *reset));
    }
    Some([pack, bind(&text)?])
}

proptest! {
    #[test]
    fn whatever_a_site_says_law_raises_no_later_and_clears_no_earlier(
        op in 0_usize..4,
        at in (-20_i32..20, 0_u32..10),
        says in prop::collection::vec(
            (prop::option::of(-25_i32..25), prop::option::of(-30_i32..30)),
            0..3,
        ),
    ) {
        let op = OPS[op];
        if let Some([pack, site]) = settled(op, at, &says) {
            for tenths in -400..400 {
                let value = f64::from(tenths) / 10.0;
                prop_assert!(!op.holds(value, pack.value) || op.holds(value, site.value));
                prop_assert!(!op.holds(value, pack.reset) || op.holds(value, site.reset));
            }
            prop_assert!(!op.is_beyond(site.reset, site.value));
        }
    }
}
