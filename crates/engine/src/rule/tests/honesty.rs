//! Sources that claim more than their confidence bears are refused.

use super::*;

fn rule(source: &str, level: &str) -> String {
    format!(
        "[[rule]]\nid = \"r\"\nselect = {{ kind = \"level\" }}\nsource = {{ {source} }}\n\
         [[rule.level]]\nname = \"H\"\n{level}\nseverity = \"yellow\"\n"
    )
}

/// The one fault, as a person reads it.
fn refused(text: &str) -> String {
    let faults = parse(text).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults[0].to_string()
}

#[test]
fn law_that_nobody_has_read_is_pending() {
    let text = refused(&rule(
        r#"standard = "S", clause = "1", confidence = "M", ship = "REG""#,
        "above = 1",
    ));
    assert_eq!(
        text,
        "site.toml:4:67: a number that nobody has read in the regulation (confidence M) waits \
         for a signature: write `ship = \"REG-pending\"`\n  \
         | source = { standard = \"S\", clause = \"1\", confidence = \"M\", ship = \"REG\" }\n  \
         |                                                                   ^^^^^"
    );
}

#[test]
fn an_unsure_number_is_never_law() {
    for ship in ["REG", "REG-pending"] {
        let source = format!(r#"standard = "S", clause = "1", confidence = "U", ship = "{ship}""#);
        let text = refused(&rule(&source, "above = 1"));
        assert!(
            text.starts_with("site.toml:4:67: an unsure number"),
            "{text}"
        );
        assert!(text.contains("write `ship = \"DEF\"`"), "{text}");
        assert!(text.ends_with(&"^".repeat(ship.len() + 2)), "{text}");
    }
}

#[test]
fn law_names_its_standard_and_clause() {
    for ship in ["REG", "REG-pending"] {
        for (given, missing) in [("standard", "clause"), ("clause", "standard")] {
            let source = format!(r#"{given} = "x", confidence = "V", ship = "{ship}""#);
            let text = refused(&rule(&source, "above = 1"));
            let what = format!("`ship = \"{ship}\"` must name its `{missing}`");
            assert!(text.starts_with("site.toml:4:10: "), "{text}");
            assert!(text.contains(&what), "{text}");
        }
    }
}

#[test]
fn a_pack_has_no_number_where_the_design_decides() {
    let source = r#"confidence = "U", ship = "DES""#;
    let text = refused(&rule(source, "above = 9.5"));
    assert_eq!(
        text,
        "site.toml:7:9: a pack has no number for a DES level: write `above = \"design\"`, and \
         the site's [[limit]] gives it\n  | above = 9.5\n  |         ^^^"
    );
    let set = parse(&rule(source, "above = \"design\"")).unwrap();
    assert_eq!(set.rules["r"].levels[0].limit.unwrap().value, None);
    // A site's own file speaks for the design.
    let site =
        "[[enterprise]]\nid = \"e\"\nname = \"企业\"\ntownship = \"镇\"\nindustry = \"hazchem\"\n";
    parse(&(rule(source, "above = 9.5") + site)).unwrap();
}

#[test]
fn every_honest_pair_is_taken() {
    for (confidence, ship) in [
        ("V", "REG"),
        ("V*", "REG"),
        ("V", "REG-pending"),
        ("M", "REG-pending"),
        ("U", "DEF"),
        ("M", "DEF"),
        ("V", "DEF"),
    ] {
        let source = format!(
            "standard = \"S\", year = 2019, clause = \"1\", confidence = \"{confidence}\", \
             ship = \"{ship}\", evidence = \"1,2\", note = {{ zh = \"注\", en = \"note\" }}, \
             until = \"2027-01-01\", supersedes = \"old\""
        );
        let set = parse(&rule(&source, "above = 1")).unwrap();
        let read = set.rules["r"].source.clone().unwrap();
        assert_eq!(
            (read.confidence.as_str(), read.ship.as_str()),
            (confidence, ship)
        );
        assert_eq!(read.year, Some(2019));
        assert_eq!(read.until, Day::parse("2027-01-01"));
        assert_eq!(read.supersedes.as_deref(), Some("old"));
    }
}

#[test]
fn words_that_a_source_does_not_know_are_named() {
    for (source, what) in [
        (
            r#"confidence = "X", ship = "DEF""#,
            "`confidence` must be V, V*, M or U",
        ),
        (
            r#"confidence = "V", ship = "LAW""#,
            "`ship` must be REG, REG-pending",
        ),
        (r#"ship = "DEF""#, "`confidence` is missing"),
        (r#"confidence = "V""#, "`ship` is missing"),
        (
            r#"confidence = "V", ship = "DEF", until = "2027-02-30""#,
            "`until` must be a day",
        ),
        (
            r#"confidence = "V", ship = "DEF", year = 19"#,
            "`year` must be a whole number from 1949",
        ),
    ] {
        let text = refused(&rule(source, "above = 1"));
        assert!(text.contains(what), "{text}");
    }
}

#[test]
fn a_standard_past_its_day_needs_a_note() {
    let text = rule(
        r#"standard = "S", clause = "1", confidence = "V", ship = "REG", until = "2026-12-31""#,
        "above = 1",
    );
    let files = [("pack.toml".to_owned(), text.clone())];
    let set = RuleSet::parse(&files).unwrap();
    let on = |day| set.outdated(&files, Day::parse(day).unwrap());
    assert_eq!(on("2026-12-31"), []);
    let fault = on("2027-01-01").remove(0).to_string();
    assert!(
        fault.starts_with("pack.toml:4:82: `r` rests on S, which was valid until 2026-12-31"),
        "{fault}"
    );
    assert!(fault.ends_with(&"^".repeat(12)), "{fault}");
    let noted = text.replace(
        "until =",
        "note = { zh = \"新标准未改限值\", en = \"same limit\" }, until =",
    );
    let files = [("pack.toml".to_owned(), noted)];
    let set = RuleSet::parse(&files).unwrap();
    assert_eq!(set.outdated(&files, Day::parse("2030-01-01").unwrap()), []);
}
