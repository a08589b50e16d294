//! A day's figures, from a journal made up here.

use super::*;

/// 2026-11-22, midnight in China.
const DAY_MS: i64 = 1_795_276_800_000;

fn world() -> World {
    let mut world = World::new();
    let at = |second: i64| DAY_MS + second * 1_000;
    let told = |occurrence: &str, state: &str, second: i64| {
        let mut alarm = with_state(alarm(occurrence, "yellow", at(second)), state);
        alarm.stamps.journaled = Some(at(second));
        alarm
    };
    // Eleven within a minute are a flood; the alarm chatters.
    for (position, second) in (1..).zip(0..11) {
        let id = format!("{position}.0");
        let raised = told(&id, "unacknowledged", 3_600 + second);
        world.journaled(&id, "raise", raised);
    }
    world.journaled(
        "12.0",
        "return",
        told("1.0", "returned_unacknowledged", 3_620),
    );
    world.journaled("13.0", "acknowledge", told("1.0", "normal", 3_660));
    world.journaled("14.0", "shelve", told("2.0", "shelved", 3_670));
    // Not of this day, and not of this enterprise.
    world.journaled("15.0", "raise", told("15.0", "unacknowledged", 86_400));
    let mut other = told("16.0", "unacknowledged", 100);
    other.enterprise = "oil".to_owned();
    other.severity = "red".to_owned();
    world.journaled("16.0", "raise", other);
    world
}

fn figure(answer: &Json, name: &str) -> Json {
    let figures = answer["figures"].as_array().unwrap();
    let found = figures.iter().find(|it| it["name"] == name);
    found.unwrap().clone()
}

#[tokio::test]
async fn a_days_figures_stand_beside_their_recommendations() {
    let world = world();
    let answer = world.get("/api/v1/figures?day=2026-11-22&enterprise=mine");
    let answer = answer.await.json();
    assert_eq!(answer["from"], DAY_MS);
    assert_eq!(answer["until"], DAY_MS + 86_400_000);
    assert_eq!(answer["complete"], true);
    assert_eq!(
        (&answer["announced"], &answer["floods"]),
        (&json!(11), &json!(1))
    );
    assert_eq!(answer["by_severity"], json!([0, 11, 0, 0]));
    let peak = figure(&answer, "peak_ten_minutes");
    assert_eq!(
        (&peak["value"], &peak["met"]),
        (&json!(11.0), &json!(false))
    );
    assert_eq!(peak["title"]["zh"], "最多十分钟报警数");
    assert_eq!(figure(&answer, "per_hour")["met"], true);
    assert_eq!(figure(&answer, "fleeting")["value"], 1.0);
    assert_eq!(answer["chattering"], json!(["gas/L1@mine/gw1/ch4"]));
    assert_eq!(answer["top"][0]["count"], 11);
    let shelved = json!({"kind": "shelve", "title": {"zh": "搁置", "en": "Shelved"},
                         "begun": 1, "standing": 1});
    assert_eq!(answer["covers"][0], shelved);
    let unseen = &answer["unacknowledged"];
    assert_eq!(
        (&unseen["seen"], &unseen["unseen"]),
        (&json!(1), &json!(10))
    );
    assert_eq!(unseen["longest_ms"], 82_799_000);
    for figure in answer["figures"].as_array().unwrap() {
        let title = figure["title"]["zh"].as_str().unwrap();
        assert!(!title.is_ascii(), "{figure}");
    }
}

#[tokio::test]
async fn all_enterprises_and_other_clocks() {
    let world = world();
    let all = world.get("/api/v1/figures?day=2026-11-22").await.json();
    assert_eq!(all["by_severity"], json!([0, 11, 0, 1]));
    let utc = world.get("/api/v1/figures?day=2026-11-22&utc_offset=0");
    let utc = utc.await.json();
    assert_eq!(utc["from"], DAY_MS + 28_800_000);
    assert_eq!(utc["announced"], 1);
}

#[tokio::test]
async fn a_day_that_is_none_is_refused() {
    let world = world();
    for query in [
        "day=2026-02-30",
        "day=2026",
        "day=2999-01-01",
        "day=9999-99-99",
        "day=2026-11-22&utc_offset=900",
    ] {
        let answer = world.get(&format!("/api/v1/figures?{query}")).await;
        assert_eq!(answer.refused(400), "invalid", "{query}");
    }
    assert_eq!(world.get("/api/v1/figures").await.refused(400), "bad_query");
}
