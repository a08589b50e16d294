//! Why, over HTTP.

use fenghuo_engine::Engine;

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
async fn without_a_judge_the_answer_is_busy() {
    let mut world = World::new();
    drop(world.questions.take());
    let answer = world
        .get("/api/v1/explain?rule=gas&point=mine/gw1/CH4-1")
        .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}
