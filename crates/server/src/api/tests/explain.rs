//! Why, over HTTP.

use fenghuo_engine::Engine;
use fenghuo_log::{Batch, Log};
use prost::Message;

use crate::entry::{self, RawTick, RawTime};

use super::*;

#[tokio::test]
async fn a_question_is_answered_by_the_judge() {
    let mut world = World::new();
    let questions = world.questions.take().unwrap();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let judge = {
        let stop = stop.clone();
        std::thread::spawn(move || {
            let engine = Engine::default();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                questions.answer(&engine);
                std::thread::sleep(Duration::from_millis(1));
            }
        })
    };
    let answer = world
        .get("/api/v1/explain?rule=gas&point=mine/gw1/CH4-1")
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let said = answer.json();
    assert_eq!(said["basis"], "live");
    let one = &said["explanations"][0];
    assert_eq!(one["unwatched"]["why"], "no_rule");
    assert_eq!(one["verdict"]["zh"], "未监视：没有规则 gas。");
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    judge.join().unwrap();
}

#[tokio::test]
async fn what_is_not_a_question_is_refused() {
    let world = World::new();
    for wrong in [
        "",
        "?rule=gas",
        "?rule=gas&point=mine",
        "?rule=gas&point=mine/gw1/x&at=gestern",
        "?rule=gas&point=mine/gw1/x&occurrence=1.0",
        "?occurrence=x",
    ] {
        let answer = world.get(&format!("/api/v1/explain{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let answer = world.get("/api/v1/explain?occurrence=1.0").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_instant_outside_of_what_is_kept_is_refused_with_the_range() {
    let world = World::new();
    let ask = |at: &str| format!("/api/v1/explain?rule=gas&point=mine/gw1/x&at={at}");
    let empty = world.get(&ask("2026-11-01T08:00:00Z")).await;
    assert_eq!(empty.status, StatusCode::NOT_FOUND);
    assert_eq!(empty.json()["code"], "outside_range");

    let begin = 1_793_491_200_000;
    let mut log = Log::open(&world.api.desk.files.log, None).unwrap();
    let mut batch = Batch::default();
    batch.push(entry::STARTED, RawTime { at: begin }.encode_to_vec());
    for second in 1..=60 {
        let at = begin + second * 1_000;
        batch.push(entry::TICK, RawTick { at, deaf: false }.encode_to_vec());
    }
    log.append(&batch).unwrap();
    for (at, status) in [
        ("2026-10-31T23:59:59Z", StatusCode::NOT_FOUND),
        ("2026-11-01T00:00:00Z", StatusCode::OK),
        ("2026-11-01T00:01:00Z", StatusCode::OK),
        ("2026-11-01T00:01:01Z", StatusCode::NOT_FOUND),
    ] {
        let answer = world.get(&ask(at)).await;
        assert_eq!(answer.status, status, "{at} {}", answer.text);
        if status == StatusCode::NOT_FOUND {
            let said = answer.json();
            assert_eq!(said["code"], "outside_range");
            let range = "2026-11-01T08:00:00.000+08:00 … 2026-11-01T08:01:00.000+08:00";
            for language in ["zh", "en"] {
                let words = said["message"][language].as_str().unwrap();
                assert!(words.contains(range), "{words}");
            }
        }
    }
}

#[tokio::test]
async fn without_a_judge_the_answer_is_busy() {
    let mut world = World::new();
    drop(world.questions.take());
    let answer = world
        .get("/api/v1/explain?rule=gas&point=mine/gw1/CH4-1")
        .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}
