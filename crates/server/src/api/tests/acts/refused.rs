//! Every code with which an act is refused before it is logged.

use super::*;

async fn code(alarm: AlarmView, deed: Json) -> String {
    let world = World::holding(alarm);
    let code = world.act(deed).await.refused_code();
    let waiting = world.api.intake.take(1, false, false, Duration::ZERO);
    assert!(waiting.control.is_empty(), "a refused act is not logged");
    code
}

#[tokio::test]
async fn what_cannot_happen_now_is_refused_with_its_code() {
    let asked = |it: &mut AlarmView| it.permit = Some(permit(None));
    let out = |it: &mut AlarmView| it.permit = Some(permit(Some("赵工")));
    let own = |it: &mut AlarmView| {
        it.permit = Some(PermitView {
            by: "王科".to_owned(),
            ..permit(None)
        });
    };
    let on_shelf = |it: &mut AlarmView| it.shelf = Some(shelf());
    for (name, alarm, why) in [
        (
            "acknowledge",
            with("acknowledged", |_| {}),
            "already_acknowledged",
        ),
        ("acknowledge", with("normal", |_| {}), "over"),
        (
            "reset",
            with("latched_unacknowledged", |_| {}),
            "not_acknowledged",
        ),
        (
            "reset",
            with("acknowledged", |it| it.latch = true),
            "still_active",
        ),
        ("reset", with("unacknowledged", |_| {}), "nothing_to_reset"),
        ("reset", with("normal", |_| {}), "over"),
        (
            "shelve",
            with("unacknowledged", |it| it.shelve_max_ms = 0),
            "not_shelvable",
        ),
        (
            "shelve",
            with("unacknowledged", on_shelf),
            "already_shelved",
        ),
        ("shelve", with("acknowledged", out), "out_of_service"),
        ("unshelve", with("unacknowledged", |_| {}), "not_shelved"),
        ("ask_out", with("unacknowledged", asked), "already_asked"),
        ("ask_out", with("unacknowledged", out), "out_of_service"),
        ("agree_out", with("unacknowledged", |_| {}), "not_asked"),
        ("agree_out", with("unacknowledged", own), "same_person"),
        ("agree_out", with("unacknowledged", out), "out_of_service"),
        ("put_back", with("unacknowledged", |_| {}), "not_out"),
    ] {
        assert_eq!(code(alarm, deed(name)).await, why, "{name}");
    }
}

#[tokio::test]
async fn the_steps_of_a_case_come_one_after_another() {
    let at = |step: &str| {
        let case = case(step);
        with("normal", |it| {
            it.case = Some(case);
            it.over = false;
        })
    };
    let still = |state: &str| {
        let mut alarm = at("close");
        state.clone_into(&mut alarm.life);
        alarm
    };
    let mut own_cause = at("verify");
    own_cause.case.as_mut().unwrap().cause_by = Some("王科".to_owned());
    let mut own = at("close");
    own.case.as_mut().unwrap().cause_by = Some("王科".to_owned());
    for (name, alarm, why) in [
        ("state", with("acknowledged", |_| {}), "no_case"),
        ("state", with("normal", |_| {}), "over"),
        ("state", at("close"), "already_verified"),
        ("verify", with("acknowledged", |_| {}), "no_case"),
        ("verify", at("cause"), "cause_missing"),
        ("verify", own_cause, "same_person"),
        ("verify", at("close"), "already_verified"),
        ("close", with("acknowledged", |_| {}), "no_case"),
        ("close", at("verify"), "not_answered"),
        ("close", own, "same_person"),
        ("close", still("acknowledged"), "still_active"),
        (
            "close",
            still("returned_unacknowledged"),
            "not_acknowledged",
        ),
        ("close", still("latched_acknowledged"), "not_reset"),
    ] {
        assert_eq!(code(alarm, deed(name)).await, why, "{name}");
    }
}

#[tokio::test]
async fn a_reason_is_asked_for_where_it_matters() {
    let world = World::holding(with("unacknowledged", |_| {}));
    let refusal = json!({"deed": "verify", "occurrence": "7.0", "accepted": false});
    let named = ["shelve", "ask_out", "put_back", "state"].map(deed);
    let windows = ["book", "silence"].map(window::deed);
    for deed in named.into_iter().chain(windows).chain([refusal]) {
        let body = json!({"by": "王科", "comment": " \n ", "deed": deed});
        let answer = world.post("/api/v1/acts", &body).await;
        assert_eq!(answer.refused(400), "comment_required", "{body}");
    }
    for (name, why) in [
        ("reset", "nothing_to_reset"),
        ("unshelve", "not_shelved"),
        ("agree_out", "not_asked"),
        ("verify", "no_case"),
        ("close", "no_case"),
    ] {
        let body = json!({"by": "王科", "deed": deed(name)});
        let answer = world.post("/api/v1/acts", &body).await;
        assert_eq!(answer.refused(409), why, "{name} needs no reason");
    }
}

#[tokio::test]
async fn an_end_is_in_the_future_and_not_too_far() {
    let now = clock::now().as_millis();
    let shelve = |until: i64| json!({"deed": "shelve", "alarm": ALARM, "until": until});
    let out =
        |until: i64| json!({"deed": "ask_out", "alarm": ALARM, "permit": "P", "until": until});
    let day = 24 * HOUR_MS;
    for (deed, why) in [
        (shelve(now - 1), "invalid"),
        (shelve(i64::MIN), "invalid"),
        (shelve(now + 9 * HOUR_MS), "too_long"),
        (shelve(i64::MAX), "too_long"),
        (out(now), "invalid"),
        (out(now + 31 * day), "too_long"),
    ] {
        assert_eq!(
            code(with("unacknowledged", |_| {}), deed.clone()).await,
            why,
            "{deed}"
        );
    }
    let world = World::holding(with("unacknowledged", |_| {}));
    let answer = world.act(shelve(now + 9 * HOUR_MS)).await;
    assert!(answer.text.contains("最长 8 小时"), "{}", answer.text);
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    for (deed, why) in [
        (json!({"deed": "acknowledge", "occurrence": "x"}), "invalid"),
        (
            json!({"deed": "acknowledge", "occurrence": "8.0"}),
            "unknown_alarm",
        ),
        (
            json!({"deed": "shelve", "alarm": "x", "until": 1}),
            "invalid",
        ),
        (
            json!({"deed": "ask_out", "alarm": ALARM, "permit": " ", "until": i64::MAX}),
            "too_long",
        ),
        (
            json!({"deed": "state", "occurrence": "7.0", "cause": "odd"}),
            "bad_body",
        ),
        (
            json!({"deed": "reset", "occurrence": "7.0", "more": 1}),
            "bad_body",
        ),
        (json!({"deed": "odd"}), "bad_body"),
        (json!({}), "bad_body"),
    ] {
        assert_eq!(
            code(with("unacknowledged", |_| {}), deed.clone()).await,
            why,
            "{deed}"
        );
    }
    let mut nameless = body(deed("acknowledge"));
    nameless["by"] = json!(" ");
    let world = World::holding(with("unacknowledged", |_| {}));
    assert_eq!(
        world.post("/api/v1/acts", &nameless).await.refused(400),
        "invalid"
    );
    let mut permit = deed("ask_out");
    permit["permit"] = json!("长".repeat(65));
    assert_eq!(world.act(permit).await.refused(400), "invalid");
}
