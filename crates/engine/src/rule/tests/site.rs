//! What a site may say of a pack's rules, and what it may not.

use super::*;

const PACK: &str = r#"
[[rule]]
id     = "gas"
select = { kind = "concentration" }
unit   = "%LEL"
source = { standard = "GB/T 50493-2019", clause = "5.5.2", ship = "REG", confidence = "V" }
[[rule.level]]
name     = "above"
above    = 25
reset    = 20
for      = "3s"
severity = "yellow"
latch    = true
[[rule.level]]
name     = "over"
over     = 50
severity = "orange"
[[rule.level]]
name     = "below"
below    = 10
reset    = 12
severity = "yellow"
[[rule.level]]
name     = "under"
under    = 5
severity = "yellow"
[[rule.level]]
name     = "design"
above    = "design"
deadband_span = 0.05
for      = "5s"
severity = "yellow"
[[rule]]
id       = "fan"
select   = { kind = "state" }
detector = "state"
is       = "off"
source   = { standard = "CMSR", clause = "160", ship = "REG-pending", confidence = "M" }
[[rule.level]]
name     = "stopped"
severity = "red"
[[rule]]
id       = "house"
select   = { kind = "level" }
source   = { ship = "DEF", confidence = "U" }
enabled  = false
[[rule.level]]
name     = "H"
above    = 5
reset    = 4
for      = "5s"
severity = "yellow"
latch    = true
"#;

fn with(site: &str) -> Result<RuleSet, Vec<RuleFault>> {
    RuleSet::parse(&[
        ("site.toml".to_owned(), site.to_owned()),
        ("pack.toml".to_owned(), PACK.to_owned()),
    ])
}

fn limit(rule: &str, level: &str, says: &str) -> String {
    format!("[[limit]]\nrule = \"{rule}\"\nlevel = \"{level}\"\ndocument = \"D-1\"\n{says}\n")
}

#[test]
fn a_site_may_only_make_law_stricter() {
    // level, what is just as strict, what is stricter, what is looser.
    let table = [
        ("above", "value = 25", "value = 24.9", "value = 25.1"),
        ("over", "value = 50", "value = 49.9", "value = 50.1"),
        (
            "below",
            "value = 10",
            "value = 10.1\nreset = 12",
            "value = 9.9",
        ),
        ("under", "value = 5", "value = 5.1", "value = 4.9"),
        ("above", "reset = 20", "reset = 19", "reset = 20.1"),
        ("over", "reset = 50", "reset = 49", "reset = 50.1"),
        ("below", "reset = 12", "reset = 13", "reset = 11.9"),
        ("under", "reset = 5", "reset = 6", "reset = 4.9"),
        ("above", "for = \"3s\"", "for = \"0s\"", "for = \"3.1s\""),
        (
            "above",
            "severity = \"yellow\"",
            "severity = \"red\"",
            "severity = \"blue\"",
        ),
        ("over", "latch = false", "latch = true", "for = \"1s\""),
        ("above", "latch = true", "value = 15", "latch = false"),
        ("design", "for = \"5s\"", "for = \"1s\"", "for = \"6s\""),
        ("design", "value = 90", "value = 10", "severity = \"blue\""),
    ];
    for (level, same, stricter, looser) in table {
        for fits in [same, stricter] {
            let set = with(&limit("gas", level, fits));
            assert!(set.is_ok(), "{level} {fits}: {set:#?}");
        }
        let faults = with(&limit("gas", level, looser)).unwrap_err();
        let what = &faults[0].what;
        assert!(
            what.contains(&format!(
                "level `{level}` of rule `gas` is REG by GB/T 50493-2019 5.5.2"
            )) || what.contains("lies beyond the limit"),
            "{level} {looser}: {what}"
        );
        assert_eq!(faults[0].line, 5, "{level} {looser}");
    }
}

#[test]
fn a_refusal_names_rule_level_and_clause_under_a_caret() {
    let faults = with(&limit("gas", "above", "value = 30")).unwrap_err();
    assert_eq!(
        faults[0].to_string(),
        "site.toml:5:9: `value` 30 lies above the pack's 25: level `above` of rule `gas` is REG \
         by GB/T 50493-2019 5.5.2, and a site may only make it stricter\n  | value = 30\n  \
         |         ^^"
    );
    let says = "value = 30\nreset = 22\nfor = \"1m\"\nseverity = \"blue\"\nlatch = false";
    let faults = with(&limit("gas", "above", says)).unwrap_err();
    let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [5, 6, 7, 8, 9]);
}

#[test]
fn law_without_a_number_keeps_its_delay_and_its_colour() {
    for says in ["for = \"1s\"", "severity = \"orange\""] {
        let what = with(&limit("fan", "stopped", says))
            .unwrap_err()
            .remove(0)
            .what;
        assert!(what.contains("is REG-pending by CMSR 160"), "{what}");
    }
    let what = with(&limit("fan", "stopped", "value = 1"))
        .unwrap_err()
        .remove(0)
        .what;
    assert_eq!(what, "level `stopped` has no limit that `value` could move");
}

#[test]
fn a_default_is_the_sites_to_change() {
    let says =
        "value = 9\nreset = 8.5\nfor = \"1m\"\nseverity = \"blue\"\nlatch = false\nby = \"张工\"";
    let set = with(&limit("house", "H", says)).unwrap();
    let [only] = set.site_limits("house", "H") else {
        panic!("one is expected");
    };
    assert_eq!((only.value, only.by.as_deref()), (Some(9.0), Some("张工")));
    assert!(set.site_limits("house", "HH").is_empty());
}

#[test]
fn limits_that_mean_nothing_are_refused() {
    let site_line = |text: &str, line: usize, what: &str| {
        let faults = with(text).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:#?}");
        assert!(faults[0].what.contains(what), "{}", faults[0]);
        assert_eq!((&*faults[0].file, faults[0].line), ("site.toml", line));
    };
    site_line(
        &limit("gaz", "above", "value = 1"),
        2,
        "no file has a rule `gaz`",
    );
    site_line(
        &limit("gas", "L9", "value = 1"),
        3,
        "rule `gas` has no level `L9`; it has `above`, `over`, `below`, `under`, `design`",
    );
    site_line(
        &limit("fenghuo.line-down", "alarm", "latch = true"),
        2,
        "the system's own",
    );
    site_line(&limit("gas", "above", ""), 1, "at least one of `value`");
    site_line(
        &limit("gas", "above", "value = 5").replace("document = \"D-1\"\n", ""),
        1,
        "`document` is missing",
    );
    site_line(
        &limit("gas", "above", "value = 5").replace("D-1", " "),
        4,
        "`document` must name",
    );
    site_line(
        &limit("house", "H", "value = 3\nreset = 3.5"),
        6,
        "`reset` 3.5 lies beyond the limit 3: it would never hold",
    );
    site_line(
        "[[enable]]\nrule = \"gaz\"\n",
        2,
        "no file has a rule `gaz`",
    );
}

#[test]
fn a_broken_rule_is_not_called_missing_too() {
    let pack = PACK.replace("unit   = \"%LEL\"", "unit = \"furlong\"");
    let files = [
        ("site.toml".to_owned(), limit("gas", "above", "value = 5")),
        ("pack.toml".to_owned(), pack),
    ];
    let faults = RuleSet::parse(&files).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert!(faults[0].what.contains("furlong"));
}

#[test]
fn a_rule_that_is_off_waits_for_the_site() {
    let version = |set: &RuleSet| set.rules["house"].version.clone();
    let off = with("").unwrap();
    assert!(!off.rules["house"].enabled && off.rules["gas"].enabled);
    let on = with("[[enable]]\nrule = \"house\"\ndocument = \"D-2\"\n").unwrap();
    assert!(on.rules["house"].enabled);
    assert_eq!(on.enables[0].document.as_deref(), Some("D-2"));
    assert_eq!(version(&off), version(&on));
}

#[test]
fn a_summary_counts_what_is_armed_and_where_numbers_come_from() {
    let of = |site: &str| with(site).unwrap().summary();
    let bare = of("");
    assert_eq!((bare.rules, bare.levels, bare.armed()), (3, 6, 5));
    assert_eq!(bare.off.len(), 1);
    assert_eq!(&*bare.unarmed["gas"][0], "design");
    let ships: Vec<_> = bare.ships.iter().map(|(it, n)| (it.as_str(), *n)).collect();
    assert_eq!(ships, [("REG", 1), ("REG-pending", 1), ("DEF", 1)]);
    let site = "[[enable]]\nrule = \"house\"\n".to_owned()
        + &limit("gas", "design", "value = 90")
        + "[[enterprise]]\nid = \"e\"\nname = \"n\"\ntownship = \"t\"\n\
           industry = \"hazchem\"\nplants = [\"tank-farm\"]\n";
    let full = of(&site);
    assert_eq!((full.levels, full.armed(), full.off.len()), (7, 7, 0));
    assert_eq!((full.site_limits, full.enterprises), (1, 1));
    assert_eq!(&*full.unknown_plants[0], "tank-farm");
}

#[test]
fn a_later_closed_loop_changes_only_what_it_says() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let shipped = "[closed_loop]\nrepeat = 3\nblue = { cause = '1h' }\nred = { cause = '1h' }\n";
    let set = RuleSet::parse(&[
        file("shipped", shipped),
        file("site", "[closed_loop]\nred = { acknowledge = '1m' }\n"),
    ])
    .unwrap();
    assert_eq!(set.closed_loop.repeat, 3);
    let duty = |severity| &set.closed_loop.duties[&severity];
    assert_eq!(duty(Severity::Blue).cause_ms, Some(3_600_000));
    assert_eq!(duty(Severity::Red).cause_ms, None);
    assert_eq!(duty(Severity::Red).acknowledge_ms, Some(60_000));
    let set = RuleSet::parse(&[
        file("shipped", shipped),
        file("site", "[closed_loop]\nrepeat = 0\n"),
    ]);
    assert_eq!(set.unwrap().closed_loop.repeat, 0);
}
