use std::collections::BTreeMap;

use fenghuo_model::{Reason, Unit};

use super::*;

mod faults;
mod logic;
mod properties;
mod reference;
mod units;

fn unit(symbol: &str) -> Unit {
    Unit::parse(symbol).unwrap()
}

/// The inputs of all tests.
fn inputs() -> BTreeMap<String, Ty> {
    [
        ("value", Ty::Number(unit("kPa"))),
        ("p", Ty::Number(unit("MPa"))),
        ("n", Ty::Number(Unit::ONE)),
        ("t", Ty::Number(unit("°C"))),
        ("k", Ty::Number(unit("K"))),
        ("b", Ty::Bool),
        ("c", Ty::Bool),
        ("s", Ty::Text),
    ]
    .into_iter()
    .map(|(name, ty)| (name.to_owned(), ty))
    .collect()
}

fn bound(text: &str, want: Want) -> Result<Program, Vec<Fault>> {
    compile(&Source::parse(text)?, &inputs(), want)
}

fn number(value: f64) -> Input<'static> {
    Input::Number {
        value,
        doubtful: false,
        age_ms: Some(1_500),
    }
}

fn truth(value: bool) -> Input<'static> {
    Input::Bool {
        value,
        doubtful: false,
        age_ms: Some(0),
    }
}

const fn unknown(reason: Reason) -> Input<'static> {
    Input::Unknown {
        reason: Hold::Reading(reason),
        age_ms: None,
    }
}

const fn doubted(input: Input<'_>) -> Input<'_> {
    match input {
        Input::Number { value, age_ms, .. } => Input::Number {
            value,
            doubtful: true,
            age_ms,
        },
        Input::Bool { value, age_ms, .. } => Input::Bool {
            value,
            doubtful: true,
            age_ms,
        },
        other => other,
    }
}

/// Evaluates with these inputs; those left out are timeouts.
fn ask(text: &str, want: Want, given: &[(&str, Input<'static>)]) -> Answer {
    let program = bound(text, want).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
    program.eval(|slot| {
        let name = &program.inputs()[slot];
        let found = given.iter().find(|(given, _)| given == name);
        found.map_or(unknown(Reason::Timeout), |(_, input)| *input)
    })
}

fn holds(text: &str, given: &[(&str, Input<'static>)]) -> bool {
    match ask(text, Want::Bool, given) {
        Answer::Truth {
            value,
            doubtful: false,
        } => value,
        other => panic!("{text}: {other:?}"),
    }
}

fn plain(text: &str, given: &[(&str, Input<'static>)]) -> f64 {
    match ask(text, Want::Number(Unit::ONE), given) {
        Answer::Number {
            value,
            doubtful: false,
        } => value,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_source_is_its_text() {
    let source = Source::parse("value > 3 && b").unwrap();
    assert_eq!(source.text(), "value > 3 && b");
    assert_eq!(
        source.names().into_iter().collect::<Vec<_>>(),
        ["b", "value"]
    );
    assert_eq!(format!("{source:?}"), "Source(\"value > 3 && b\")");
    let bytes = postcard::to_allocvec(&source).unwrap();
    assert_eq!(postcard::from_bytes::<Source>(&bytes).unwrap(), source);
    let broken = postcard::to_allocvec("value >").unwrap();
    assert!(postcard::from_bytes::<Source>(&broken).is_err());
}

#[test]
fn an_input_has_a_plain_name() {
    for name in ["value", "_", "_a1", "Lid", "abs", "has"] {
        assert!(is_input_name(name), "{name}");
    }
    for name in [
        "", "1a", "a b", "(a)", "true", "null", "in", "if", "a.b", "罐", " a", "a//",
    ] {
        assert!(!is_input_name(name), "{name}");
    }
}

#[test]
fn operators_bind_as_in_cel() {
    for (text, wanted) in [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("7 - 2 - 1", 4.0),
        ("1 / 2", 0.5),
        ("-7 % 4", -3.0),
        ("- (2 + 3)", -5.0),
        ("2--3", 5.0),
        ("0x10 + 1e1 + .5", 26.5),
        ("true ? 1 : false ? 2 : 3", 1.0),
        ("1 < 2 == true || false && false ? 1 : 2", 1.0),
        ("!true || true ? 1 : 2", 1.0),
        ("abs(-3) + min(4, 2, 3) + max(1, 5) + sqrt(16)", 14.0),
        ("floor(-1.5) + ceil(1.2) * 10 + round(2.5) * 100", 318.0),
        ("1 + // a comment\n 2", 3.0),
    ] {
        assert_eq!(plain(text, &[]), wanted, "{text}");
    }
    assert!(holds("'中文' == \"中文\" && 'a\\'b' != \"ab\"", &[]));
}

#[test]
fn inputs_are_slots_in_the_order_of_their_names() {
    let program = bound("value > n * p / p && b", Want::Bool);
    // A quantity against a plain number.
    assert!(program.is_err());
    let program = bound("value > value * n && b && value > p", Want::Bool).unwrap();
    assert_eq!(program.inputs(), ["b", "n", "p", "value"]);
}

#[test]
fn an_input_of_another_type_or_no_number_is_unknown() {
    let given = |input| ask("value > 3", Want::Bool, &[("value", input)]);
    let reading = |reason| Answer::Unknown(Hold::Reading(reason));
    assert_eq!(given(truth(true)), reading(Reason::WrongType));
    assert_eq!(given(number(f64::NAN)), reading(Reason::NotANumber));
    assert_eq!(given(number(f64::INFINITY)), reading(Reason::NotANumber));
    assert_eq!(given(unknown(Reason::Stale)), reading(Reason::Stale));
}

#[test]
fn texts_are_equal_or_not() {
    let is = |value| Input::Text {
        value,
        doubtful: true,
        age_ms: None,
    };
    let given = [("s", is("停机")), ("b", truth(true))];
    let answer = |text| match ask(text, Want::Bool, &given) {
        Answer::Truth {
            value,
            doubtful: true,
        } => value,
        other => panic!("{text}: {other:?}"),
    };
    assert!(answer("s == '停机' && s != '' && s == s"));
    assert!(answer("(b ? s : 'x') == '停机' && '停机' == (b ? s : s)"));
    assert!(!answer("s == 'x' || s != s"));
    assert!(!holds("(b ? 'x' : s) == '停机'", &given));
    let unknown = ask("s == '停机' || s != '停机'", Want::Bool, &[]);
    assert_eq!(unknown, Answer::Unknown(Hold::Reading(Reason::Timeout)));
    let wrong = ask("s == s", Want::Bool, &[("s", number(0.0))]);
    assert_eq!(wrong, Answer::Unknown(Hold::Reading(Reason::WrongType)));
}

#[test]
fn a_small_program_is_small() {
    assert!(std::mem::size_of::<program::Op>() <= 24);
    assert!(std::mem::size_of::<cell::Cell>() <= 16);
}
