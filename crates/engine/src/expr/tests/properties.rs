//! Against the reference, and against hostile text.

use proptest::collection::vec;
use proptest::prelude::*;

use super::reference::{Dice, E, Kind, V, eval};
use super::*;

/// Each input good, doubtful or unknown.
fn given(dice: &mut Dice<'_>, name: &str) -> Input<'static> {
    let state = dice.roll(4);
    if state == 3 {
        let age_ms = (dice.roll(2) == 0).then_some(61_500);
        let reason = Hold::Reading([Reason::Stale, Reason::Timeout][usize::from(dice.roll(2))]);
        return Input::Unknown { reason, age_ms };
    }
    let value = f64::from(dice.roll(30)) / 2.0 - 5.0;
    let input = match name {
        "b" | "c" => truth(value > 0.0),
        "s" => {
            return Input::Text {
                value: if value > 0.0 { "中'\\文" } else { "" },
                doubtful: false,
                age_ms: None,
            };
        }
        "value" => number(value * 1_000.0),
        "k" => number(value + 273.15),
        _ => number(value),
    };
    if state == 2 { doubted(input) } else { input }
}

fn agree(tree: &E, want: Want, dice: &mut Dice<'_>) -> Result<(), TestCaseError> {
    let text = tree.print();
    let program = match bound(&text, want) {
        Ok(program) => program,
        Err(faults) => {
            let bounds = |fault: &Fault| {
                let what = &fault.what;
                what.contains("not a number, whatever")
                    || what.contains("more than")
                    || what.contains("deeper than")
                    || what.contains("longer than")
            };
            prop_assert!(faults.iter().all(bounds), "{text}: {faults:?}");
            return Ok(());
        }
    };
    let known: BTreeMap<String, Input<'static>> = inputs()
        .into_keys()
        .map(|name| {
            let input = given(dice, &name);
            (name, input)
        })
        .collect();
    let never = unknown(Reason::Clock);
    let get = |name: &str| known.get(name).copied().unwrap_or(never);
    let answer = program.eval(|slot| get(&program.inputs()[slot]));
    let wanted = match eval(tree, &get) {
        (V::Num(value), doubtful) => Answer::Number { value, doubtful },
        (V::Truth(value), doubtful) => Answer::Truth { value, doubtful },
        (V::Unknown(reason), _) => Answer::Unknown(reason),
        (V::Text(_), _) => panic!("{text}"),
    };
    prop_assert_eq!(answer, wanted, "{} {:?}", text, known);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn truths_are_what_the_reference_says(
        shape in vec(any::<u8>(), 0..120),
        values in vec(any::<u8>(), 40),
        depth in 0_u8..5,
    ) {
        let tree = Dice(&shape).truth(depth);
        agree(&tree, Want::Bool, &mut Dice(&values))?;
    }

    #[test]
    fn numbers_are_what_the_reference_says(
        shape in vec(any::<u8>(), 0..120),
        values in vec(any::<u8>(), 40),
        depth in 0_u8..5,
    ) {
        let tree = Dice(&shape).number(Kind::Plain, depth);
        agree(&tree, Want::Number(Unit::ONE), &mut Dice(&values))?;
    }

    #[test]
    fn any_text_is_answered_within_its_bounds(text in any::<String>()) {
        hostile(&text)?;
    }

    #[test]
    fn any_words_are_answered_within_their_bounds(words in vec(word(), 0..60)) {
        hostile(&words.concat())?;
    }

    #[test]
    fn a_damaged_expression_is_answered(
        shape in vec(any::<u8>(), 0..80),
        cuts in vec((any::<prop::sample::Index>(), word()), 1..4),
    ) {
        let mut text: Vec<char> = Dice(&shape).truth(4).print().chars().collect();
        for (at, word) in cuts {
            let at = at.index(text.len());
            text.splice(at..=at, word.chars());
            if text.is_empty() {
                break;
            }
        }
        hostile(&text.into_iter().collect::<String>())?;
    }
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "value",
        "b",
        "true",
        "false",
        "null",
        "in",
        "if",
        "abs",
        "min",
        "quantity",
        "age",
        "known",
        "has",
        "_",
        "(",
        ")",
        "(",
        ")",
        ",",
        ".",
        "[",
        "]",
        "{",
        "}",
        "?",
        ":",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "!=",
        "==",
        "=",
        "<",
        ">=",
        "&&",
        "||",
        "&",
        " ",
        "\n",
        "\t",
        "//",
        "1",
        "0.5",
        ".5",
        "5.",
        "1e9",
        "1e",
        "0x1F",
        "9007199254740993",
        "'a'",
        "\"",
        "'",
        "\\",
        "'\\n'",
        "\"中\"",
        "温",
        "’",
        "\u{feff}",
        "\0",
        "'kPa'",
        "r'a'",
        "`",
    ])
}

/// It parses or is refused, with every place inside of the text, on character borders; what
/// parses gives itself again and is bound or refused.
fn hostile(text: &str) -> Result<(), TestCaseError> {
    let check = |faults: &[Fault]| {
        prop_assert!(!faults.is_empty());
        for fault in faults {
            prop_assert!(text.get(fault.span.clone()).is_some(), "{text:?} {fault:?}");
            prop_assert!(fault.what != "this cannot be read", "{text:?}");
        }
        Ok(())
    };
    match Source::parse(text) {
        Err(faults) => check(&faults),
        Ok(source) => {
            for want in [Want::Bool, Want::Number(unit("kPa"))] {
                match compile(&source, &inputs(), want) {
                    Err(faults) => check(&faults)?,
                    Ok(program) => {
                        program.eval(|_| unknown(Reason::Stale));
                    }
                }
            }
            Ok(())
        }
    }
}
