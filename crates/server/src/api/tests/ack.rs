//! Acknowledging: what is checked, what is waited for, what is answered.

use super::*;

fn asked(occurrence: &str) -> Json {
    json!({"alarm": "gas/L1@mine/gw1/ch4", "occurrence": occurrence, "by": " 李工 ",
           "comment": "去现场"})
}

fn acknowledged(before: AlarmView, request: &ActRequest, state: &str) -> AlarmView {
    AlarmView {
        acked_by: Some(request.by.clone()),
        acked_at: Some(9),
        comment: Some(request.comment.clone()),
        ..with_state(before, state)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_is_answered_when_it_was_judged() {
    let mut world = World::new();
    world.event("7.0", "raise", alarm("7.0", "red", 1));
    let judge = world.judge(|journal, board, request| {
        let after = acknowledged(alarm("7.0", "red", 1), &request, "acknowledged");
        request.answer.send(Ok(50)).unwrap();
        // The answer must wait for what comes after the position is known.
        std::thread::sleep(Duration::from_millis(50));
        write(journal, "50.0", "acknowledge", after.clone());
        show(board, "50.0", "acknowledge", after);
        Some(50)
    });
    let answer = world.post("/api/v1/ack", &asked("7.0")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let shown = answer.json();
    assert_eq!(shown["state"], "acknowledged");
    assert_eq!(shown["acked_by"], "李工");
    assert_eq!(shown["comment"], "去现场");
    assert_eq!(shown["event"], "50.0");

    let again = world.post("/api/v1/ack", &asked("7.0")).await;
    assert_eq!(again.refused(409), "already_acknowledged");
    world.api.intake.close();
    judge.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_that_is_over_by_it_comes_from_the_journal() {
    let mut world = World::new();
    world.event("7.0", "raise", alarm("7.0", "red", 1));
    let returned = with_state(alarm("7.0", "red", 1), "returned_unacknowledged");
    world.event("8.0", "return", returned);
    let judge = world.judge(|journal, board, request| {
        let after = acknowledged(alarm("7.0", "red", 1), &request, "normal");
        write(journal, "50.0", "acknowledge", after.clone());
        show(board, "50.0", "acknowledge", after);
        request.answer.send(Ok(50)).unwrap();
        Some(50)
    });
    let answer = world.post("/api/v1/ack", &asked("7.0")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json()["state"], "normal");
    assert_eq!(
        world.post("/api/v1/ack", &asked("7.0")).await.refused(409),
        "over"
    );
    world.api.intake.close();
    judge.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_second_is_told_so() {
    let mut world = World::new();
    world.event("7.0", "raise", alarm("7.0", "red", 1));
    let judge = world.judge(|journal, board, request| {
        // Another person's act stands before this one in the log.
        let after = AlarmView {
            acked_by: Some("王工".to_owned()),
            ..with_state(alarm("7.0", "red", 1), "acknowledged")
        };
        write(journal, "49.0", "acknowledge", after.clone());
        show(board, "49.0", "acknowledge", after);
        request.answer.send(Ok(50)).unwrap();
        Some(50)
    });
    let answer = world.post("/api/v1/ack", &asked("7.0")).await;
    assert_eq!(answer.refused(409), "already_acknowledged");
    assert!(answer.text.contains("王工"), "{}", answer.text);
    world.api.intake.close();
    judge.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_that_is_not_taken_is_refused() {
    let mut world = World::new();
    world.event("7.0", "raise", alarm("7.0", "red", 1));
    let judge = world.judge(|_, _, request| {
        request
            .answer
            .send(Err("the disk is full".to_owned()))
            .unwrap();
        None
    });
    assert_eq!(
        world.post("/api/v1/ack", &asked("7.0")).await.refused(503),
        "not_taken"
    );
    world.api.intake.close();
    judge.join().unwrap();

    let judge_gone = World::new();
    show(
        &judge_gone.api.board,
        "7.0",
        "raise",
        alarm("7.0", "red", 1),
    );
    for tick in 0..i64::try_from(crate::intake::CONTROL_MAX).unwrap() {
        judge_gone.api.intake.control(Control::Tick(tick)).unwrap();
    }
    assert_eq!(
        judge_gone
            .post("/api/v1/ack", &asked("7.0"))
            .await
            .refused(503),
        "not_taken"
    );
}

#[tokio::test]
async fn an_act_whose_fate_is_unknown_is_not_called_done() {
    let world = World::new();
    show(&world.api.board, "7.0", "raise", alarm("7.0", "red", 1));
    let intake = world.api.intake.clone();
    // Ingest dies with the act in its hands.
    let dropper = std::thread::spawn(move || {
        drop(intake.take(1, false, false, Duration::from_secs(5)));
    });
    assert_eq!(
        world.post("/api/v1/ack", &asked("7.0")).await.refused(503),
        "not_confirmed"
    );
    dropper.join().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_judge_is_not_waited_for_for_ever() {
    let world = World::new();
    show(&world.api.board, "7.0", "raise", alarm("7.0", "red", 1));
    let intake = world.api.intake.clone();
    let taker = tokio::spawn(async move {
        loop {
            for control in intake.take(1, false, false, Duration::ZERO).control {
                if let Control::Act(request) = control {
                    request.answer.send(Ok(50)).unwrap();
                    return;
                }
            }
            tokio::task::yield_now().await;
        }
    });
    let answer = world.post("/api/v1/ack", &asked("7.0")).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    assert_eq!(answer.json()["state"], "unacknowledged");
    taker.await.unwrap();
}

#[tokio::test]
async fn what_may_not_be_is_named() {
    let world = World::new();
    show(&world.api.board, "7.0", "raise", alarm("7.0", "red", 1));
    for (field, value, words) in [
        ("by", json!(" "), "by:"),
        ("by", json!("x".repeat(65)), "by:"),
        ("by", json!("a\nb"), "by:"),
        ("comment", json!("长".repeat(1_001)), "comment:"),
        ("occurrence", json!("7"), "position.ordinal"),
        (
            "occurrence",
            json!("18446744073709551615.0"),
            "position.ordinal",
        ),
    ] {
        let mut body = asked("7.0");
        body[field] = value;
        let answer = world.post("/api/v1/ack", &body).await;
        assert_eq!(answer.refused(400), "invalid");
        assert!(answer.text.contains(words), "{}", answer.text);
    }
    let mut other = asked("7.0");
    other["alarm"] = json!("gas/L2@mine/gw1/ch4");
    assert_eq!(
        world.post("/api/v1/ack", &other).await.refused(404),
        "unknown_alarm"
    );
    assert_eq!(
        world.post("/api/v1/ack", &asked("8.0")).await.refused(404),
        "unknown_alarm"
    );
    let nothing = world.post("/api/v1/ack", &json!({"alarm": 1})).await;
    assert_eq!(nothing.refused(400), "bad_body");
}
