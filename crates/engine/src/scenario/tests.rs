use super::*;

const HEAD: &str = "\
point T-1 level m
rules:
    [[rule]]
    id = \"level\"
    select = { kind = \"level\" }
    [[rule.level]]
    name = \"H\"
    above = 9
    reset = 8
    severity = \"yellow\"
";

fn script(text: &str) -> Script {
    Script::parse("t.txt", text).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn no_files(path: &str) -> Result<String, String> {
    Err(format!("{path}: no such file"))
}

fn outcomes(text: &str) -> Vec<Outcome> {
    let script = script(text);
    let scenarios = script.scenarios().iter();
    scenarios
        .map(|scenario| script.run(scenario, &no_files))
        .collect()
}

fn faults(text: &str) -> Vec<String> {
    let faults = Script::parse("t.txt", text).unwrap_err();
    faults
        .iter()
        .map(|fault| format!("{}:{} {}", fault.line, fault.column, fault.what))
        .collect()
}

fn fault(line: &str) -> String {
    let text = format!("{HEAD}== x\n{line}\n--\n");
    faults(&text).remove(0)
}

#[test]
fn a_scenario_that_fails_shows_the_difference() {
    let text = format!(
        "{HEAD}== x\n0s T-1 5\n10s T-1 9\n20s T-1 7\n--\n\
         10s raise level/H@T-1 yellow 9 >= 9 m\n\
         19s return level/H@T-1 -> returned_unacknowledged\n"
    );
    let outcome = outcomes(&text).remove(0);
    assert!(!outcome.passed() && outcome.problems.is_empty());
    assert_eq!(
        outcome.diff,
        [
            "  10s raise level/H@T-1 yellow 9 >= 9 m",
            "- 19s return level/H@T-1 -> returned_unacknowledged",
            "+ 20s return level/H@T-1 -> returned_unacknowledged",
        ]
    );
}

#[test]
fn an_update_touches_only_the_expected_lines() {
    let text = format!(
        "# head\n{HEAD}\n== first  # kept\n0s T-1 9 # comment\n--\nwrong\nlines\n\n\
         # between\n== second\n0s T-1 5\n--"
    );
    let script = script(&text);
    let outcomes = outcomes(&text);
    let updated = script.updated(&outcomes);
    let wanted = text.replace("wrong\nlines\n", "0s raise level/H@T-1 yellow 9 >= 9 m\n") + "\n";
    assert_eq!(updated, wanted);
    assert!(self::outcomes(&updated).iter().all(Outcome::passed));
    assert_eq!(
        self::script(&updated).updated(&self::outcomes(&updated)),
        updated
    );
}

#[test]
fn alignment_does_not_count() {
    let text = format!("{HEAD}== x\n0s T-1 9\n--\n0s   raise  level/H@T-1 yellow  9 >= 9 m\n");
    assert!(outcomes(&text)[0].passed());
}

#[test]
fn a_scenario_that_no_rule_watches_fails() {
    let text = format!("{HEAD}== x\n0s T-1 5\n--\n").replace("kind = \"level\"", "kind = \"flow\"");
    let outcome = outcomes(&text).remove(0);
    assert!(
        outcome.problems[0].contains("no rule watches"),
        "{outcome:?}"
    );
}

#[test]
fn rules_that_cannot_be_read_are_named_with_their_line() {
    let text = format!("{HEAD}== x\n0s T-1 5\n--\n").replace("above = 9", "above = \"9\"");
    let outcome = outcomes(&text).remove(0);
    assert!(
        outcome.problems[0].starts_with("t.txt:8:13: `above` must be"),
        "{outcome:?}"
    );
    let text = "rules nowhere.toml\npoint T-1 level m\n== x\n0s T-1 5\n--\n";
    let outcome = outcomes(text).remove(0);
    assert!(
        outcome.problems[0].starts_with("t.txt:1:7: nowhere.toml: no such file"),
        "{outcome:?}"
    );
}

#[test]
fn rule_files_come_through_the_caller() {
    let text = "rules a.toml\npoint T-1 level m\n== x\n0s T-1 5\n1s reload b.toml\n--\n";
    let script = script(text);
    let scenario = &script.scenarios()[0];
    assert_eq!(
        scenario.rule_files().collect::<Vec<_>>(),
        ["a.toml", "b.toml"]
    );
    assert_eq!((scenario.name(), scenario.line()), ("x", 3));
    let limit = |above: u32| {
        format!(
            "[[rule]]\nid = \"r\"\nselect = {{ kind = \"level\" }}\n\
             [[rule.level]]\nname = \"H\"\nabove = {above}\nseverity = \"red\"\n"
        )
    };
    let load = |path: &str| Ok(limit(if path == "a.toml" { 6 } else { 5 }));
    let outcome = script.run(scenario, &load);
    // The changed rule is judged with the next frame; there is none after the last line.
    assert_eq!(outcome.lines, [""; 0]);
    let longer = self::script(&text.replace("--", "2s end\n--"));
    let outcome = longer.run(&longer.scenarios()[0], &load);
    assert_eq!(outcome.lines, ["1s raise r/H@T-1 red 5 >= 5 m"]);
}

#[test]
fn every_problem_has_its_line_and_column() {
    assert_eq!(
        faults("point T-1 levl m\n== \n0s T-1 5\n--\n== y\n0s T-2 5\n5s T-1\n"),
        [
            "1:11 a kind is one of temperature, pressure, level, displacement, concentration, \
             power, flow, speed, state, count, other",
            "2:1 a scenario needs a name: `== what must be true`",
            "3:4 `T-1` is no point and no word of scenarios; the words: once, quiet, point, \
             remove, silent, lose, shuffle, replace, clock, server-clock, deaf, restart, reload, \
             reload:, end, ack, reset, shelve, unshelve, ask-out, agree-out, put-back, state, \
             verify, close, book, unbook",
            "6:4 `T-2` is no point and no word of scenarios; the words: once, quiet, point, \
             remove, silent, lose, shuffle, replace, clock, server-clock, deaf, restart, reload, \
             reload:, end, ack, reset, shelve, unshelve, ask-out, agree-out, put-back, state, \
             verify, close, book, unbook",
            "7:4 `T-1` is no point and no word of scenarios; the words: once, quiet, point, \
             remove, silent, lose, shuffle, replace, clock, server-clock, deaf, restart, reload, \
             reload:, end, ack, reset, shelve, unshelve, ask-out, agree-out, put-back, state, \
             verify, close, book, unbook",
            "5:1 the line `--` is missing; below it stands what must come",
        ]
    );
}

#[test]
fn wrong_lines_say_what_is_expected() {
    for (line, what) in [
        ("0s T-1", "12:7 the value is missing"),
        ("0s T-1 warm", "12:8 a number is expected for `T-1`"),
        ("0s T-1 NaN", "12:8 a number is expected for `T-1`"),
        ("0s T-1 5 6", "12:10 `6` is not expected here"),
        ("0s T-1 bad(tired)", "12:8 a reason is one of timeout"),
        (
            "0s T-1 bad(timeout",
            "12:8 a quote or parenthesis is not closed",
        ),
        (
            "0s T-1 5 over 3s",
            "12:8 a span such as 0.5..1.5 is expected",
        ),
        ("0s T-1 5 for 3 s", "12:14 a time such as 500ms"),
        ("0s lose", "12:8 how long is missing"),
        ("0s clock 90s", "12:10 a step such as +90s"),
        ("5 T-1 5", "12:1 a time such as 10s"),
        ("61d end", "12:1 a time such as 10s"),
        ("0s ack", "12:7 the alarm, point or gateway is missing"),
        (
            "0s ack T-1 colour=red",
            "12:12 `colour=red` is not expected here",
        ),
        ("0s point end level m", "12:10 `end` is a word of scenarios"),
        ("0s point T-2 level m on=gw9", "12:22 on=GATEWAY must name"),
        (
            "0s end\n+60d end\n+1s end",
            "14:1 a scenario lasts at most 60 days",
        ),
        ("5s T-1 5\n4s T-1 6", "13:1 time goes back"),
        (
            "0s end\nstart 2026-01-05 08:00",
            "13:1 `start` stands before the first timed line",
        ),
        ("start 2026-13-05 08:00", "12:7 a moment such as"),
        ("point T-1 level m", "12:7 point `T-1` is listed twice"),
    ] {
        let found = fault(line);
        assert!(found.starts_with(what), "{line}: {found}");
    }
    let after = format!("{HEAD}== x\n0s T-1 5\n--\n0s a\n\n0s b\n");
    assert!(faults(&after)[0].starts_with("16:1 expected lines stand together"));
    let bare = faults("== x\n0s point T level m\n0s silent gw1\n--\n");
    assert!(bare[0].starts_with("2:10 on=GATEWAY must") && bare[1].starts_with("3:11 no gateway"));
    assert!(faults("0s T-1 5\n")[0].starts_with("1:1 timed lines stand in a scenario"));
}

#[test]
fn limits_hold() {
    let long = "#".repeat(FILE_BYTES_MAX + 1);
    assert!(faults(&long)[0].contains("at most 1048576"));
    let many = format!("{HEAD}== x\n{}--\n", "1s end\n".repeat(LINES_MAX + 1));
    assert!(faults(&many)[0].contains("more than 10000 timed lines"));
    let samples = format!("{HEAD}point f level m every=10ms\n== x\n0s f 5\n3h end\n--\n");
    assert!(outcomes(&samples)[0].problems[0].contains("more than 1000000 samples"));
    let away = format!("{HEAD}== x\n0s T-1 5\n1s lose 20d\n--\n")
        .replace("T-1 level m", "T-1 level m every=1d");
    assert!(outcomes(&away)[0].problems[0].contains("frames wait for a link"));
    let bad = "0s x\n".repeat(1_000);
    assert_eq!(faults(&bad).len(), 100);
}

#[test]
fn the_start_is_a_date() {
    let start = |text| time::instant("2026-01-05", "08:00", text).map(|at| at.as_millis());
    assert_eq!(start("+08:00"), Some(time::START.as_millis()));
    assert_eq!(start("Z"), Some(time::START.as_millis() + 8 * 3_600_000));
    let leap = time::instant("2028-02-29", "23:59:30", "-01:30").unwrap();
    assert_eq!(leap.to_string(), "2028-03-01T09:29:30.000+08:00");
    assert_eq!(start("08:00"), None);
    assert_eq!(time::instant("2026-01-05", "24:00", "Z"), None);
}

#[test]
fn offsets_are_written_as_they_are_read() {
    for (ms, text) in [
        (0, "0s"),
        (500, "0.5s"),
        (599_999, "599.999s"),
        (600_000, "10m"),
        (3_602_000, "1h2s"),
        (90_061_500, "1d1h1m1.5s"),
    ] {
        assert_eq!(time::offset(ms), text);
        assert_eq!(time::span(text), Some(ms), "{text}");
    }
    assert_eq!(time::offset(-1_500), "-1.5s");
    for text in ["", "5", "s", "1s2m", "-1s", "1w", "61d", "1e9h"] {
        assert_eq!(time::span(text), None, "{text}");
    }
}

#[test]
fn a_difference_is_the_smallest_one() {
    let lines = |text: &str| text.chars().map(|c| c.to_string()).collect::<Vec<_>>();
    let shown = |a: &str, b: &str| diff::diff(&lines(a), &lines(b)).join("|");
    assert_eq!(shown("abcd", "axcyd"), "  a|- b|+ x|  c|+ y|  d");
    assert_eq!(shown("", "ab"), "+ a|+ b");
    assert_eq!(shown("ab", ""), "- a|- b");
    assert_eq!(shown("ab", "ab"), "  a|  b");
}

#[test]
fn any_text_gives_scenarios_or_faults() {
    let words = [
        "== x",
        "--",
        "\n",
        "0s",
        "T-1",
        "point",
        "level",
        "m",
        "5",
        "\"",
        "(",
        "#",
        "rules:",
        "  [[rule]]",
        "ack",
        "lose",
        "+5s",
        "é",
        "every=",
        "1..2",
        "over",
    ];
    let mut dice = 7_u64;
    for _ in 0..3_000 {
        let mut text = String::new();
        for _ in 0..30 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let at = usize::try_from(dice % words.len() as u64).unwrap();
            text.push_str(words[at]);
            text.push(if dice & 0x300 == 0 { '\n' } else { ' ' });
        }
        if let Ok(script) = Script::parse("t.txt", &text) {
            for scenario in script.scenarios() {
                let outcome = script.run(scenario, &no_files);
                assert!(
                    outcome.problems.iter().all(|p| !p.contains("restor")),
                    "{text}"
                );
            }
        }
    }
}
