//! Acknowledging several at once.

use super::*;

fn several(occurrences: &[&str]) -> Json {
    json!({"deed": "acknowledge_all", "occurrences": occurrences})
}

fn named(done: &Json) -> Vec<(&str, &str)> {
    let refused = done["refused"].as_array().unwrap().iter();
    refused
        .map(|it| {
            (
                it["occurrence"].as_str().unwrap(),
                it["code"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn severe_ones_are_left_and_named() {
    let mut world = World::new();
    for (id, severity) in [
        ("1.0", "blue"),
        ("2.0", "yellow"),
        ("3.0", "orange"),
        ("4.0", "red"),
    ] {
        world.event(id, "raise", alarm(id, severity, 1));
    }
    let repeated = AlarmView {
        case: Some(case("acknowledge")),
        ..alarm("5.0", "yellow", 1)
    };
    world.event("5.0", "raise", repeated);
    let seen = with_state(alarm("6.0", "blue", 1), "acknowledged");
    world.event("6.0", "raise", seen);
    let (judge, logged) = world.judging(true);
    let all = ["1.0", "2.0", "2.0", "3.0", "4.0", "5.0", "6.0", "99.0"];
    let answer = world.act(several(&all)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let done = answer.json();
    assert_eq!(done["position"], 51);
    let events = done["events"].as_array().unwrap().iter();
    let events: Vec<_> = events
        .map(|it| it["occurrence"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["1.0", "2.0"]);
    assert_eq!(
        named(&done),
        [
            ("3.0", "severe"),
            ("4.0", "severe"),
            ("5.0", "severe"),
            ("6.0", "already_acknowledged"),
            ("99.0", "unknown_alarm")
        ]
    );
    assert_eq!(logged.lock().unwrap().len(), 2);

    let none = world.act(several(&["3.0", "6.0"])).await;
    assert_eq!(none.refused(409), "none_taken");
    assert!(
        none.text.contains("3.0") && none.text.contains("逐条"),
        "{}",
        none.text
    );
    assert_eq!(logged.lock().unwrap().len(), 2);
    world.api.intake.close();
    judge.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_without_effect_are_named() {
    let mut world = World::new();
    world.event("1.0", "raise", alarm("1.0", "blue", 1));
    let (judge, _) = world.judging(false);
    let answer = world.act(several(&["1.0"])).await;
    assert_eq!(answer.refused(409), "none_taken");
    world.api.intake.close();
    judge.join().unwrap();
}

#[tokio::test]
async fn a_list_is_neither_empty_nor_too_long() {
    let world = World::new();
    assert_eq!(world.act(several(&[])).await.refused(400), "invalid");
    let many: Vec<String> = (0..201).map(|at| format!("{at}.0")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(world.act(several(&many)).await.refused(400), "invalid");
    assert_eq!(world.act(several(&["1"])).await.refused(400), "invalid");
}
