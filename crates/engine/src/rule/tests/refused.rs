//! What can never work, or would loosen law, is refused by the file alone.

use super::*;

const LEVEL: &str = "[[rule.level]]\nname = \"H\"\nseverity = \"yellow\"\n";

/// The one fault, as a person reads it.
fn refused(files: &[(&str, &str)]) -> String {
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    let faults = RuleSet::parse(&files).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults[0].to_string()
}

fn expression(keys: &str) -> String {
    format!(
        "[[rule]]\nid = \"e\"\nselect = {{ kind = \"level\" }}\ndetector = \"expression\"\n{keys}\n\
         {LEVEL}"
    )
}

#[test]
fn an_expression_knows_its_inputs() {
    let text =
        expression("when = \"value > rated && valve\"\ninputs = { rated = { key = \"r\" } }");
    let text = refused(&[("a.toml", &text)]);
    assert!(
        text.starts_with("a.toml:5:26: 未知输入 unknown input `valve`"),
        "{text}"
    );
    assert!(text.contains("`value`, `rated`"), "{text}");
    assert!(text.ends_with(&"^".repeat("valve".len())), "{text}");
}

#[test]
fn an_expression_without_limits_gives_a_truth_value() {
    for when in [
        "value * 2",
        "max(value, 3)",
        "value > 1 ? 2 : 3",
        "-value",
        "7",
    ] {
        let text = refused(&[("a.toml", &expression(&format!("when = \"{when}\"")))]);
        assert!(text.contains("必须是真假值"), "{when}: {text}");
    }
    for when in [
        "value > 2",
        "!value",
        "known(value)",
        "value",
        "true",
        "value ? value : value",
    ] {
        parse(&expression(&format!("when = \"{when}\""))).unwrap();
    }
    let number = expression("when = \"value > 2\"\nnumber = true")
        .replace("severity", "above = 1\nseverity");
    let text = refused(&[("a.toml", &number)]);
    assert!(text.contains("结果是真假值"), "{text}");
}

fn gated(source: &str) -> String {
    format!(
        "[[rule]]\nid = \"gas\"\nselect = {{ kind = \"level\" }}\n{source}during = \"day\"\n\
         [[rule.level]]\nname = \"H\"\nabove = 1\nseverity = \"yellow\"\n"
    )
}

const LAW: &str =
    "source = { standard = \"GB 1\", clause = \"5.5\", ship = \"REG\", confidence = \"V\" }\n";
const DAY: &str = "[[calendar]]\nid = \"day\"\n";
const PACK: &str = "[pack]\nid = \"p\"\ntitle = { zh = \"包\", en = \"Pack\" }\n";

#[test]
fn a_rule_names_a_calendar_that_is_there() {
    let text = refused(&[("a.toml", &gated(""))]);
    assert!(
        text.starts_with("a.toml:4:10: 没有日历 there is no calendar `day`"),
        "{text}"
    );
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    RuleSet::parse(&[file("a", &gated("")), file("b", DAY)]).unwrap();
}

#[test]
fn a_site_may_not_limit_when_law_works() {
    let law = gated(LAW);
    // A site's own rule by law, a pack's rule by a site's calendar, both ways round.
    let own = law.clone() + DAY;
    let pack = format!("{PACK}{law}");
    for files in [
        vec![("site.toml", own.as_str())],
        vec![("pack.toml", pack.as_str()), ("site.toml", DAY)],
        vec![("site.toml", DAY), ("pack.toml", pack.as_str())],
    ] {
        let text = refused(&files);
        assert!(
            text.contains("现场不得用日历 `day` 限制法定规则 `gas`"),
            "{text}"
        );
        assert!(text.contains("REG GB 1 5.5"), "{text}");
    }
    let pending = own
        .replace("\"REG\"", "\"REG-pending\"")
        .replace("during", "outside");
    assert!(refused(&[("site.toml", &pending)]).contains("REG-pending GB 1 5.5"));
    // The pack itself says so, with its clause; and what is no law is the site's own.
    parse(&format!("{PACK}{law}{DAY}")).unwrap();
    parse(&(gated("source = { ship = \"DEF\", confidence = \"U\" }\n") + DAY)).unwrap();
}

#[test]
fn calendars_of_one_name_are_for_different_points() {
    let two = |a: &str, b: &str| {
        let one = |select: &str| format!("[[calendar]]\nid = \"day\"\n{select}\n");
        one(a) + &one(b)
    };
    let (oil, gas) = (
        "select = { enterprise = \"oil\" }",
        "select = { enterprise = [\"gas\", \"coal\"] }",
    );
    parse(&two(oil, gas)).unwrap();
    let area = "select = { area = \"a\" }";
    for (a, b) in [("", ""), (oil, ""), ("", oil), (oil, oil), (oil, area)] {
        let text = refused(&[("a.toml", &two(a, b))]);
        assert!(
            text.contains("日历 calendar `day` 重复 stands twice"),
            "{text}"
        );
        assert!(text.starts_with("a.toml:4:1: "), "the second one: {text}");
    }
}

fn tank(levels: &[(&str, &str, &str)]) -> String {
    let head = "[[rule]]\nid = \"tank\"\nselect = { kind = \"level\" }\n";
    let level = |(name, limit, severity): &(&str, &str, &str)| {
        format!("[[rule.level]]\nname = \"{name}\"\n{limit}\nseverity = \"{severity}\"\n")
    };
    head.to_owned() + &levels.iter().map(level).collect::<String>()
}

#[test]
fn a_high_high_limit_is_not_under_the_high_one() {
    let up = tank(&[("HH", "above = 10", "red"), ("H", "above = 10.8", "yellow")]);
    let text = refused(&[("a.toml", &up)]);
    assert!(text.contains("`HH`（10）先于 `H`（10.8）"), "{text}");
    let down = tank(&[("L", "below = 1", "yellow"), ("LL", "under = 2", "yellow")]);
    assert!(refused(&[("a.toml", &down)]).contains("`LL` (2) is reached before `L` (1)"));
    parse(&tank(&[
        ("H", "above = 9", "yellow"),
        ("HH", "above = 9", "red"),
    ]))
    .unwrap();
    parse(&tank(&[
        ("H", "above = 9", "yellow"),
        ("LL", "below = 1", "red"),
    ]))
    .unwrap();
}

#[test]
fn a_site_s_limits_are_in_order_where_they_meet() {
    let rule = tank(&[("H", "above = 9", "yellow"), ("HH", "above = 10", "red")]);
    let limit = |level: &str, value: f64, select: &str| {
        format!(
            "[[limit]]\nrule = \"tank\"\nlevel = \"{level}\"\nvalue = {value}\ndocument = \"D\"\n\
             {select}\n"
        )
    };
    let site = limit("HH", 8.5, "");
    let text = refused(&[("pack.toml", &rule), ("site.toml", &site)]);
    assert!(
        text.starts_with("site.toml:4:9: 规则 `tank` 的限值次序颠倒"),
        "{text}"
    );
    let at = "select = { key = \"T-1\" }";
    let both = limit("HH", 8.5, at) + &limit("H", 8.0, at);
    parse(&format!("{rule}{both}")).unwrap();
    let other = limit("HH", 8.5, at) + &limit("H", 8.0, "select = { key = \"T-2\" }");
    refused(&[("pack.toml", &rule), ("site.toml", &other)]);
}

#[test]
fn crossed_severities_are_found_and_refuse_nothing() {
    let text = tank(&[("L2", "above = 20", "red"), ("L1", "above = 25", "yellow")]);
    let files = [("a.toml".to_owned(), text)];
    let found = RuleSet::parse(&files).unwrap().crossed(&files);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].line, found[0].file.as_str()), (2, "a.toml"));
    let slower = tank(&[
        ("L2", "for = \"9s\"\nabove = 20", "red"),
        ("L1", "above = 25", "yellow"),
    ]);
    let files = [("a.toml".to_owned(), slower)];
    assert_eq!(RuleSet::parse(&files).unwrap().crossed(&files), []);
}

#[test]
fn a_limit_for_no_point_of_its_rule_is_refused() {
    let rule = tank(&[("H", "above = 9", "yellow")]);
    let limit = "[[limit]]\nrule = \"tank\"\nlevel = \"H\"\nvalue = 8\ndocument = \"D\"\n\
                 select = { kind = \"pressure\" }\n";
    let text = refused(&[("pack.toml", &rule), ("site.toml", limit)]);
    assert!(
        text.starts_with("site.toml:6:10: `select` 与规则不相容"),
        "{text}"
    );
}

#[test]
fn what_is_red_can_never_be_shelved() {
    let shelf = |severity: &str, keys: &str| tank(&[("HH", &format!("above = 9{keys}"), severity)]);
    let longest = |text: &str| parse(text).unwrap().rules["tank"].levels[0].shelve_ms;
    assert_eq!(longest(&shelf("red", "")), 0);
    assert_eq!(longest(&shelf("red", "\nshelvable = false")), 0);
    for keys in ["\nshelvable = true", "\nshelve_max = \"1h\""] {
        let text = refused(&[("a.toml", &shelf("red", keys))]);
        assert!(text.starts_with("a.toml:7:"), "{text}");
        assert!(text.contains("红色报警不可搁置"), "{text}");
    }
    assert_eq!(longest(&shelf("orange", "")), SHELVE_MS_DEFAULT);
    assert_eq!(longest(&shelf("orange", "\nshelvable = false")), 0);
    assert_eq!(
        longest(&shelf("orange", "\nshelve_max = \"1h\"")),
        3_600_000
    );
}
