//! What is refused, and the exact place. A case is a text, a line of carets under the fault
//! (`|` where something is missing), and the words.

use super::*;

fn faults(text: &str) -> Vec<Fault> {
    match Source::parse(text) {
        Err(faults) => faults,
        Ok(source) => compile(&source, &inputs(), Want::Bool)
            .err()
            .unwrap_or_default(),
    }
}

fn carets(text: &str, span: &Range<usize>) -> String {
    let before = text[..span.start].chars().count();
    let width = text[span.clone()].chars().count();
    let mark = if width == 0 {
        "|".to_owned()
    } else {
        "^".repeat(width)
    };
    format!("{}{mark}", " ".repeat(before))
}

fn check(cases: &[(&str, &str, &str)]) {
    for (text, place, what) in cases {
        let found = faults(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].what.contains(what), "{text}: {found:?}");
        assert_eq!(carets(text, &found[0].span), *place, "{text}: {found:?}");
    }
}

#[test]
fn grammar() {
    check(&[
        ("", "|", "an expression is expected"),
        ("// only words", "|", "an expression is expected"),
        ("value > ", "       |", "missing at the end"),
        ("b ? c", "     |", "missing at the end"),
        ("value 3", "      ^", "`3` is not expected here"),
        ("value > > 3", "        ^", "`>` is not expected here"),
        ("b and c", "  ^^^", "write `&&`"),
        ("b or c", "  ^^", "write `||`"),
        ("max(n,)  > 3", "      ^", "`)` is not expected here"),
        ("(b && c", "^", "never closed"),
        ("true(b)", "    ^", "`(` is not expected here"),
        ("'a'(b)", "   ^", "`(` is not expected here"),
        ("b && ()", "      ^", "`)` is not expected here"),
        ("b, c", " ^", "`,` is not expected here"),
        ("b && c)", "      ^", "closes nothing"),
        ("if > 3", "^^", "reserved word"),
        ("'中文' == s s", "          ^", "`s` is not expected here"),
        ("1e999 > n", "^^^^^", "too large"),
        (
            "n > 99999999999999999999",
            "    ^^^^^^^^^^^^^^^^^^^^",
            "too large",
        ),
        (
            "n > -9007199254740993",
            "     ^^^^^^^^^^^^^^^^",
            "too large to be exact",
        ),
    ]);
    let text = "b &&\n  '中' == * s";
    assert_eq!(faults(text)[0].span, text.len() - 3..text.len() - 2);
}

#[test]
fn words() {
    check(&[
        ("value = 3", "      ^", "write `==`"),
        ("b & c", "  ^", "write `&&`"),
        ("value ＞ 3", "      ^", "full-width `＞`: write `>`"),
        ("s == 'a", "     ^^", "this text has no end"),
        ("s == 'a\nb'", "     ^^", "this text has no end"),
        ("s == 'a\\qb'", "       ^^", "can stand after"),
        ("s == r'a'", "     ^", "a text has no prefix"),
        ("n > 5.", "    ^^", "`5.` is not a number"),
        ("n > 1.2.3", "    ^^^^^", "is not a number"),
        ("n > 5u", "    ^^", "is not a number"),
        ("n > 0x", "    ^^", "is not a number"),
        ("n > 1e", "    ^^", "is not a number"),
        ("n > 25kPa", "    ^^^^^", "is not a number"),
    ]);
    // Two marks, two faults.
    assert_eq!(faults("s == “a”").len(), 2);
    assert_eq!(faults("温度 > 3").len(), 2);
}

#[test]
fn what_the_rule_language_has_not() {
    check(&[
        ("value == null", "         ^^^^", "known(x)"),
        ("n in n", "  ^^", "`in`"),
        ("has(b)", "^^^", "macros"),
        ("exists (b, c, b)", "^^^^^^", "macros"),
        ("n.size > 3", " ^", "members and methods"),
        ("foo(n) > 3", "^^^", "unknown function `foo`"),
        (
            "3 + abs(n, 2) > 3",
            "    ^^^^^^^^^",
            "`abs` takes 1, this gives 2",
        ),
        (
            "min(n) > 3",
            "^^^^^^",
            "`min` takes 2 or more, this gives 1",
        ),
        ("known() || b", "^^^^^^^", "takes 1, this gives 0"),
        (
            "quantity(n, 'foot') > 3",
            "            ^^^^^^",
            "unknown unit `foot`",
        ),
        ("quantity(n, n) > 3", "            ^", "a unit is expected"),
        ("age(n + 1) > 3", "    ^^^^^", "by its name"),
        ("age((n + 1)) > 3", "    ^^^^^^^", "by its name"),
    ]);
    // A method, a list and what it asks for: each is named.
    assert_eq!(faults("[1, 2].all(x, x > 0)").len(), 4);
    assert_eq!(faults("b && foo(n) && bar(n)").len(), 2);
}

#[test]
fn types_and_units() {
    check(&[
        (
            "value > quantity(25, '°C')",
            "        ^^^^^^^^^^^^^^^^^^",
            "`°C` (temperature)",
        ),
        (
            "b && (value + t) > 3",
            "              ^",
            "`°C` (temperature)",
        ),
        (
            "quantity(1, 'm') > value",
            "^^^^^^^^^^^^^^^^",
            "`m` (length)",
        ),
        (
            "b && value",
            "     ^^^^^",
            "true or false is expected here, this is a number",
        ),
        ("!value", " ^^^^^", "true or false is expected"),
        (
            "value > 'a'",
            "        ^^^",
            "a number is expected here, this is a text",
        ),
        ("b == 1", "     ^", "true or false is expected"),
        ("b == - 1.5", "     ^^^^^", "true or false is expected"),
        ("s == 1", "     ^", "a text is expected"),
        ("1 == s", "     ^", "a number is expected"),
        (
            "b ? 1 : s",
            "        ^",
            "a number is expected here, this is a text",
        ),
        (
            "value + (1 + 2)",
            "^^^^^^^^^^^^^^^",
            "true or false is expected",
        ),
        ("(value)", "^^^^^^^", "true or false is expected"),
        (
            "vlaue > 3",
            "^^^^^",
            "unknown input `vlaue`; known: `b`, `c`, `k`",
        ),
        (
            "n > 1 / 0",
            "    ^^^^^",
            "not a number, whatever the inputs",
        ),
        (
            "n > 1 + sqrt(-1)",
            "        ^^^^^^^^",
            "not a number, whatever the inputs",
        ),
        ("-t > (-3)", " ^", "no natural zero"),
        ("2 * (t) > -3", "    ^^^", "no natural zero"),
    ]);
    assert_eq!(faults("s < 'a' && x > 1 && value > t").len(), 4);
}

#[test]
fn size() {
    let long = format!("b{}", " ".repeat(TEXT_MAX));
    assert!(faults(&long)[0].what.contains("bytes"));
    let many = vec!["b"; NODES_MAX / 2 + 1].join("&&");
    assert!(faults(&many)[0].what.contains("more than 256"));
    let fits = vec!["b"; NODES_MAX / 2].join("&&");
    assert_eq!(faults(&fits), []);
    let nested = |depth: usize| format!("{}b{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(faults(&nested(DEPTH_MAX)), []);
    assert_eq!(faults(&nested(DEPTH_MAX + 1))[0].span, 32..33);
    let sum = |terms: usize| format!("n > {}", vec!["n"; terms].join("+"));
    assert_eq!(faults(&sum(DEPTH_MAX - 1)), []);
    assert!(faults(&sum(DEPTH_MAX))[0].what.contains("nested deeper"));
    let chain = "b ? b : ".repeat(DEPTH_MAX + 1) + "b";
    assert!(faults(&chain)[0].what.contains("nested deeper"));
    let names: Vec<_> = (0..=INPUTS_MAX).map(|at| format!("x{at}")).collect();
    let fault = &Source::parse(&names.join("&&")).unwrap_err()[0];
    assert_eq!(fault.what, "more than 32 inputs");
    assert!(Source::parse(&names[1..].join("&&")).is_ok());
    let wrong = "= ".repeat(500);
    assert_eq!(faults(&wrong).len(), FAULTS_MAX);
}

/// The parser recurses: the worst that passes its bounds must fit a small stack.
#[test]
fn the_deepest_expression_fits_a_small_stack() {
    let deep = format!(
        "{}n{}",
        "abs(n+".repeat(DEPTH_MAX / 2 - 1),
        ")".repeat(DEPTH_MAX / 2 - 1)
    );
    let texts = [
        format!("{deep} > 0"),
        format!("{}b{}", "(".repeat(DEPTH_MAX), ")".repeat(DEPTH_MAX)),
        format!("{}b{}", "!(".repeat(DEPTH_MAX), ")".repeat(DEPTH_MAX)),
        vec!["n"; NODES_MAX / 2].join("+"),
        format!("{}b", "!".repeat(NODES_MAX - 1)),
        format!("{}n", "-".repeat(NODES_MAX - 1)),
        "b ? b : ".repeat(DEPTH_MAX) + "b",
        format!("{}{}", "(".repeat(DEPTH_MAX), "n*".repeat(200)),
        "b?".repeat(DEPTH_MAX),
    ];
    let small = std::thread::Builder::new().stack_size(512 * 1024);
    let run = small.spawn(move || {
        for text in &texts {
            std::hint::black_box(faults(text));
        }
    });
    run.unwrap().join().unwrap();
}
