//! Units: what converts, what takes its neighbour's, and what is refused.

use super::*;

fn refused(text: &str) -> String {
    let mut faults = bound(text, Want::Bool).expect_err(text);
    assert_eq!(faults.len(), 1, "{text}: {faults:?}");
    faults.remove(0).what
}

#[test]
fn a_rule_in_mpa_on_a_point_in_kpa_converts() {
    let text = "value > quantity(1.2, 'MPa')";
    for (value, wanted) in [(1_200.0, false), (1_200.1, true), (1.3, false)] {
        assert_eq!(holds(text, &[("value", number(value))]), wanted, "{value}");
    }
    let both = [("value", number(900.0)), ("p", number(0.5))];
    assert!(holds("value > p", &both));
    assert!(holds("p < value", &both));
    assert!(holds("value - p == quantity(400, 'kPa')", &both));
    assert!(holds("max(p, value) == quantity(0.9, 'MPa')", &both));
    assert!(holds("(true ? value : p) == 900", &both));
    assert_eq!(plain("value / p", &both), 1.8);
    assert_eq!(plain("in_unit(p + value, 'MPa')", &both), 1.4);
}

#[test]
fn a_bare_number_takes_the_unit_beside_it() {
    let given = [("value", number(30.0)), ("p", number(30.0))];
    assert!(holds("value > 25 && p > 25", &given));
    assert!(holds(
        "value + 5 == 35 && 2 * p == 60 && p / 2 == 15",
        &given
    ));
    assert!(holds(
        "min(40, value) == 30 && 25 < p && p % 7 == 2",
        &given
    ));
    // 0.8 bar are 80 kPa.
    assert!(holds("value < quantity(2 * 0.4, 'bar')", &given));
}

#[test]
fn a_converted_limit_is_what_a_person_would_write() {
    // In binary, 0.07 * 100 is above 7, and 57 * 0.01 above 0.57.
    assert!(holds(
        "value >= quantity(0.07, 'bar')",
        &[("value", number(7.0))]
    ));
    assert!(holds(
        "quantity(0.57, 'bar') >= value",
        &[("value", number(57.0))]
    ));
    assert!(holds(
        "quantity(0.57, 'bar') <= value",
        &[("value", number(57.0))]
    ));
}

#[test]
fn different_dimensions_are_refused_naming_both() {
    for (text, wanted) in [
        (
            "p > quantity(25, '°C')",
            "`°C` (temperature) cannot be converted to `MPa` (pressure)",
        ),
        (
            "t + p > 0",
            "`MPa` (pressure) cannot be converted to `°C` (temperature)",
        ),
        (
            "quantity(3, '%LEL') > quantity(3, '%VOL')",
            "`%VOL` (volume fraction) cannot be converted to `%LEL` (explosive fraction)",
        ),
        (
            "n > value",
            "`kPa` (pressure) cannot be converted to `1` (number)",
        ),
        (
            "in_unit(value, 'm') > 3",
            "`kPa` (pressure) cannot be converted to `m` (length)",
        ),
        (
            "value * p > 3",
            "`kPa` times `MPa` has no unit here; use `in_unit(.., ..)`",
        ),
        (
            "10 / value > 3",
            "a plain number by `kPa` has no unit here; use `in_unit(.., ..)`",
        ),
        (
            "sqrt(value) > 3",
            "the root of `kPa` has no unit here; use `in_unit(.., ..)`",
        ),
        (
            "in_unit(3, 'kPa') > 3",
            "a bare number has no unit; `quantity(.., ..)` gives it one",
        ),
        (
            "quantity(value, 'MPa') > 3",
            "a plain number is expected here, this has a unit; use `in_unit(.., ..)`",
        ),
    ] {
        assert_eq!(refused(text), wanted, "{text}");
    }
    let fahrenheit = Source::parse("t > quantity(100, '°F')").unwrap_err();
    assert_eq!(fahrenheit[0].what, "unknown unit `°F`");
}

#[test]
fn temperatures_compare_with_their_offset_and_differ_without() {
    let given = [("t", number(20.0)), ("k", number(288.15))];
    let close = |text: &str, wanted: f64| {
        let got = plain(text, &given);
        assert!((got - wanted).abs() < 1e-9, "{text}: {got}");
    };
    assert!(holds("t > k && k < t && t > quantity(290, 'K')", &given));
    close("in_unit(t, 'K')", 293.15);
    close("in_unit(t - k, '°C')", 5.0);
    close("in_unit(t - k, 'K')", 5.0);
    close("in_unit(k - t, 'K')", -5.0);
    close("in_unit(t + (t - k), 'K')", 298.15);
    close("in_unit(max(t, k), 'K')", 293.15);
    // A bare number is degrees: up or down, or how far from it.
    assert!(holds("t - k > 4.9 && t - k < 5.1", &given));
    assert!(holds("t + 5 > 24 && 5 + t == 25 && t - 5 == 15", &given));
    assert!(holds(
        "k < t - 4 && !(k < t - 6) && abs(t - 30) == 10",
        &given
    ));
    close("in_unit((t - k) + 1, 'K')", 6.0);
    close("in_unit(2 * (t - k), 'K')", 10.0);
    close("(t - k) / (k - t)", -1.0);
}

#[test]
fn what_temperatures_cannot_do_is_refused() {
    for (text, wanted) in [
        ("t + k > 3", "two temperatures cannot be added (`°C`, `K`)"),
        ("t + t > 3", "two temperatures cannot be added (`°C`, `°C`)"),
        (
            "t * 2 > 3",
            "a temperature has no natural zero to scale from; use `in_unit(.., \"K\")` (`°C`)",
        ),
        (
            "abs(t) > 3",
            "a temperature has no natural zero to scale from; use `in_unit(.., \"K\")` (`°C`)",
        ),
        (
            "t / k > 3",
            "a temperature has no natural zero to scale from; use `in_unit(.., \"K\")` (`°C`, `K`)",
        ),
        (
            "t - k > t",
            "a temperature and a difference of temperatures do not compare; \
             write the difference as a bare number (`°C`, `°C`)",
        ),
        (
            "(t - k) - t > 0",
            "a temperature cannot be taken from a difference of temperatures (`°C`, `°C`)",
        ),
        (
            "in_unit(t - 5, 'K') > 3",
            "from `°C` to `K`: this may be a temperature or a difference of two; \
             use `in_unit` on its parts",
        ),
    ] {
        assert_eq!(refused(text), wanted, "{text}");
    }
}

#[test]
fn the_wanted_unit_is_given() {
    let given = [("p", number(1.5)), ("value", number(1.0))];
    let in_kpa = |text| ask(text, Want::Number(unit("kPa")), &given);
    let is = |value| Answer::Number {
        value,
        doubtful: false,
    };
    assert_eq!(in_kpa("p"), is(1_500.0));
    assert_eq!(in_kpa("2 + 3"), is(5.0));
    assert_eq!(in_kpa("quantity(2, 'bar')"), is(200.0));
    let fault = &bound("t", Want::Number(unit("kPa"))).unwrap_err()[0];
    assert_eq!(
        fault.what,
        "`°C` (temperature) cannot be converted to `kPa` (pressure)"
    );
}

/// The scale of temperatures is found by asking for `K`: a unit with an offset in another
/// dimension would be taken for one without.
#[test]
fn only_temperatures_have_an_offset() {
    for symbol in ["kPa", "MPa", "mm", "%", "ppm", "mg/m3", "V", "s", "pH", "1"] {
        let own = unit(symbol);
        for other in ["Pa", "m", "‰", "%VOL", "g/m3", "kV", "h", "pH", "1"] {
            assert_eq!(own.to(unit(other)).map_or(0.0, |(_, offset)| offset), 0.0);
        }
    }
    assert!(scale::Scale::of(unit("°C")).span().is_err());
    assert!(scale::Scale::of(unit("kPa")).span().is_ok());
}
