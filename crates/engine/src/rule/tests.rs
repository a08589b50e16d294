use super::*;

mod honesty;
mod refused;
mod register;
mod site;

fn parse(text: &str) -> Result<RuleSet, Vec<RuleFault>> {
    RuleSet::parse(&[("site.toml".to_owned(), text.to_owned())])
}

const GAS: &str = r#"
[[rule]]
id     = "gas.combustible"
title  = { zh = "可燃气体超限", en = "Combustible gas high" }
select = { kind = "concentration", substance = ["combustible", "lpg"] }
unit   = "%LEL"
source = { standard = "GB/T 50493-2019", clause = "5.5.2", ship = "REG", confidence = "V" }
[[rule.level]]
name     = "L1"
above    = 25.0
reset    = 20.0
severity = "yellow"
[[rule.level]]
name     = "L2"
above    = 50
for      = "1.5s"
severity = "orange"
"#;

#[test]
fn a_rule_reads_as_written() {
    let set = parse(GAS).unwrap();
    let rule = &set.rules["gas.combustible"];
    assert_eq!(rule.levels.len(), 2);
    assert_eq!(rule.levels[1].for_ms, 1_500);
    let limit = rule.levels[1].limit.unwrap();
    assert_eq!(
        (limit.op, limit.value, limit.reset),
        (Op::Above, Some(50.0), Reset::Limit)
    );
    assert_eq!(rule.source.as_ref().unwrap().clause, "5.5.2");
}

#[test]
fn how_long_a_line_may_be_away_is_read_and_bounded() {
    let usual = Communication::default();
    assert_eq!(parse("").unwrap().communication, usual);
    let said = parse("[communication]\nbroker_for = \"1m\"").unwrap();
    let expected = Communication {
        broker_for_ms: 60_000,
        ..usual
    };
    assert_eq!(said.communication, expected);
    let faults = parse("[communication]\nline_for = \"11m\"\nfor = \"1s\"").unwrap_err();
    let has = |what: &str| faults.iter().any(|fault| fault.what.contains(what));
    assert!(has("at most 10 min") && has("unknown key"), "{faults:?}");
}

#[test]
fn a_text_does_not_change_the_version_and_a_limit_does() {
    let version = |text: &str| {
        parse(text).unwrap().rules["gas.combustible"]
            .version
            .clone()
    };
    assert_eq!(
        version(GAS),
        version(&GAS.replace("Combustible gas high", "Gas!"))
    );
    assert_ne!(version(GAS), version(&GAS.replace("25.0", "24.0")));
}

#[test]
fn every_problem_is_reported_at_once_with_its_place() {
    let text = r#"
[[rule]]
id = "a b"
select = { kind = "level" }
unit = "furlong"
colour = "green"
[[rule.level]]
name = "H"
above = 5
below = 2
severity = "purple"
[[rule]]
id = "dust"
detector = "interlock"
select = {}
when = "maybe"
[[rule.level]]
name = "x"
severity = "red"
for = "5 parsecs"
"#;
    let faults = parse(text).unwrap_err();
    let seen: Vec<_> = faults
        .iter()
        .map(|fault| (fault.line, fault.what.as_str()))
        .collect();
    let has = |line: usize, word: &str| {
        assert!(
            seen.iter()
                .any(|(at, what)| *at == line && what.contains(word)),
            "no fault at line {line} about {word}: {seen:#?}"
        );
    };
    has(3, "letters, digits");
    has(5, "unknown unit `furlong`");
    has(6, "unknown key `colour`");
    has(7, "exactly one of");
    has(11, "severity");
    has(15, "at least one label");
    has(16, "`when` must be");
    has(12, "`requires` is missing");
    has(20, "a time such as");
}

#[test]
fn a_fault_shows_a_caret_under_its_word() {
    let fault = parse("[[rule]]\nid = \"r\"\nselect = { kind = \"level\" }\nunit = \"furlong\"\n")
        .unwrap_err()
        .remove(0);
    assert_eq!(
        fault.to_string(),
        "site.toml:4:8: unknown unit `furlong`\n  | unit = \"furlong\"\n  |        ^^^^^^^^^"
    );
}

#[test]
fn broken_toml_names_its_line() {
    let faults = parse("[[rule]]\nid = \n").unwrap_err();
    assert_eq!((faults.len(), faults[0].line), (1, 2));
}

#[test]
fn a_misspelt_kind_is_no_silent_hole() {
    let faults = parse(&GAS.replace("\"concentration\"", "\"concentrtion\"")).unwrap_err();
    assert!(
        faults[0].what.starts_with("unknown kind `concentrtion`"),
        "{}",
        faults[0]
    );
}

#[test]
fn a_reset_on_the_wrong_side_is_refused() {
    let text = GAS.replace("reset    = 20.0", "reset = 30.0");
    assert!(parse(&text).unwrap_err()[0].what.contains("never hold"));
}
