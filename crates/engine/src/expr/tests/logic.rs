//! Three-valued logic, doubt, and what is no number.

use super::*;

const U: Answer = Answer::Unknown(Hold::Reading(Reason::Timeout));

const fn is(value: bool, doubtful: bool) -> Answer {
    Answer::Truth { value, doubtful }
}

#[test]
fn unknown_is_neither_true_nor_false() {
    // T, F, U; t and f are doubtful.
    let input = |letter: char| match letter {
        'T' => truth(true),
        'F' => truth(false),
        't' => doubted(truth(true)),
        'f' => doubted(truth(false)),
        _ => unknown(Reason::Timeout),
    };
    let answer = |letter: char| match letter {
        'T' => is(true, false),
        'F' => is(false, false),
        't' => is(true, true),
        'f' => is(false, true),
        _ => U,
    };
    for row in [
        // left, right, &&, ||
        "TTTT", "TFFT", "FTFT", "FFFF", "TUUT", "UTUT", "FUFU", "UFFU", "UUUU", //
        "tTtT", "TttT", "tttt", "tFFt", "FtFt", "TffT", "fTfT", "ffff", "fFFf", "FfFf", //
        "tUUt", "UtUt", "fUfU", "UffU", "tfft", "ftft",
    ] {
        let row: Vec<char> = row.chars().collect();
        let [left, right, and, or] = row[..] else {
            panic!("{row:?}")
        };
        let given = [("b", input(left)), ("c", input(right))];
        let got = ask("b && c", Want::Bool, &given);
        assert_eq!(got, answer(and), "{left} && {right}");
        let got = ask("b || c", Want::Bool, &given);
        assert_eq!(got, answer(or), "{left} || {right}");
    }
}

#[test]
fn a_comparison_with_unknown_is_unknown_and_the_first_reason_stands() {
    let stale = [("p", unknown(Reason::Stale)), ("value", number(1.0))];
    for text in ["value > p", "value == p", "value != p", "p + value > 0"] {
        let wanted = Answer::Unknown(Hold::Reading(Reason::Stale));
        assert_eq!(ask(text, Want::Bool, &stale), wanted, "{text}");
    }
    let two = [("p", unknown(Reason::Stale)), ("b", unknown(Reason::Clock))];
    assert_eq!(
        ask("b && p > 1", Want::Bool, &two),
        Answer::Unknown(Hold::Reading(Reason::Clock))
    );
    let linked = Input::Unknown {
        reason: Hold::Break,
        age_ms: None,
    };
    assert_eq!(
        ask("!b", Want::Bool, &[("b", linked)]),
        Answer::Unknown(Hold::Break)
    );
}

#[test]
fn what_is_no_number_is_unknown_and_never_invented() {
    let given = [("n", number(0.0)), ("p", number(1e308))];
    let nan = Answer::Unknown(Hold::Reading(Reason::NotANumber));
    for text in [
        "1 / n > 0",
        "n / n == n / n",
        "5 % n == 0",
        "sqrt(n - 1) >= 0",
        "p * 10 > 0",
        "in_unit(p, 'Pa') > 0",
        "-sqrt(n - 1) < 5",
    ] {
        assert_eq!(ask(text, Want::Bool, &given), nan, "{text}");
    }
    assert!(holds("n > 0 && 1 / n > 3 || n == 0", &given));
}

#[test]
fn known_good_doubtful_and_age_always_answer() {
    let never = unknown(Reason::GatewaySilent);
    let once = Input::Unknown {
        reason: Hold::Reading(Reason::Timeout),
        age_ms: Some(90_000),
    };
    for (input, known, good, doubtful) in [
        (number(1.0), true, true, false),
        (doubted(number(1.0)), true, false, true),
        (never, false, false, false),
    ] {
        let given = [("value", input)];
        assert_eq!(holds("known(value)", &given), known);
        assert_eq!(holds("good(value)", &given), good);
        assert_eq!(holds("doubtful(value)", &given), doubtful);
        assert_eq!(holds("known(value / 0.5 + 1)", &given), known);
    }
    assert!(holds("age(value) > quantity(1, 'min')", &[("value", once)]));
    assert!(holds("age(value) == 1.5", &[("value", number(1.0))]));
    assert_eq!(
        ask("age(value) > 5", Want::Bool, &[("value", never)]),
        Answer::Unknown(Hold::Reading(Reason::GatewaySilent))
    );
    let untimed = Input::Number {
        value: 1.0,
        doubtful: false,
        age_ms: None,
    };
    assert_eq!(
        ask("age(value) > 5", Want::Bool, &[("value", untimed)]),
        Answer::Unknown(Hold::Reading(Reason::Clock))
    );
}

#[test]
fn doubt_follows_what_decided() {
    let given = [
        ("value", doubted(number(5.0))),
        ("n", number(2.0)),
        ("b", doubted(truth(true))),
    ];
    for (text, value, doubtful) in [
        ("value > 3", true, true),
        ("n > 3", false, false),
        ("n > 1 || value > 3", true, false),
        ("n > 3 && value > 3", false, false),
        ("n > 1 && value > 3", true, true),
        ("b ? n > 1 : value > 3", true, true),
        ("n > 1 ? n > 1 : value > 3", true, false),
        ("max(value, 1) > 3", true, true),
        ("doubtful(value) && n > 1", true, false),
    ] {
        assert_eq!(ask(text, Want::Bool, &given), is(value, doubtful), "{text}");
    }
}

#[test]
fn a_choice_needs_its_condition_and_only_what_it_chose() {
    let given = [("b", truth(true)), ("value", number(5.0))];
    assert!(holds("b ? value > 1 : p > 1", &given));
    assert_eq!(ask("b ? p > 1 : value > 1", Want::Bool, &given), U);
    assert_eq!(ask("c ? true : true", Want::Bool, &given), U);
}
