use super::*;

const WRONG: Seen = Seen::Unknown(Hold::Reading(Reason::WrongType));

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn states_compare_by_kind() {
    let yes = Seen::Truth(true, false);
    let no = Seen::Truth(false, false);
    let cases = [
        (Is::On, Value::Bool(true), yes),
        (Is::On, Value::F64(-0.5), yes),
        (Is::On, Value::F64(-0.0), no),
        (Is::On, Value::U64(0), no),
        (Is::Off, Value::Bool(false), yes),
        (Is::Off, Value::I64(7), no),
        (Is::Number(3.0), Value::U64(3), yes),
        (Is::Number(3.0), Value::I64(-3), no),
        (Is::Number(1.0), Value::Bool(true), yes),
        (Is::Text("run".into()), text("run"), yes),
        (Is::Text("run".into()), text("Run"), no),
        (Is::On, text("on"), WRONG),
        (Is::Number(1.0), text("1"), WRONG),
        (Is::Text("1".into()), Value::I64(1), WRONG),
    ];
    for (is, value, expected) in cases {
        assert_eq!(
            see(&is, false, Ok((&value, false))),
            expected,
            "{is:?} {value:?}"
        );
        let opposite = match expected {
            Seen::Truth(truth, doubtful) => Seen::Truth(!truth, doubtful),
            other => other,
        };
        assert_eq!(
            see(&is, true, Ok((&value, false))),
            opposite,
            "not {is:?} {value:?}"
        );
    }
}

#[test]
fn doubt_and_reasons_pass_through() {
    assert_eq!(
        see(&Is::On, false, Ok((&Value::Bool(true), true))),
        Seen::Truth(true, true)
    );
    let hold = Hold::Reading(Reason::Timeout);
    assert_eq!(see(&Is::Off, true, Err(hold)), Seen::Unknown(hold));
}
