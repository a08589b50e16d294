//! What people can do: each deed when it can happen, when it cannot, and when it changed
//! nothing.

use std::sync::Mutex;

use fenghuo_engine::Deed;

use super::*;
use crate::view::{BookingView, CaseView, LimitView, PermitView, ShelfView, SilenceView};

mod many;
mod refused;
mod window;

/// The alarm that most of these tests are about.
const ALARM: &str = "gas/L1@mine/gw1/ch4";
const HOUR_MS: i64 = 3_600_000;

pub(super) fn permit(agreed_by: Option<&str>) -> PermitView {
    PermitView {
        by: "李工".to_owned(),
        comment: "换探头".to_owned(),
        permit: "P-7".to_owned(),
        until: 9,
        agreed_by: agreed_by.map(str::to_owned),
    }
}

pub(super) fn shelf() -> ShelfView {
    ShelfView {
        by: "李工".to_owned(),
        comment: "探头检修".to_owned(),
        until: 9,
        one_shot: false,
    }
}

/// A case at a step, with everything before it done.
pub(super) fn case(step: &str) -> CaseView {
    let done = ["acknowledge", "cause", "verify", "close"];
    let at = done.iter().position(|it| *it == step).unwrap();
    CaseView {
        grade: "orange".to_owned(),
        opened: 1,
        step: step.to_owned(),
        due: Some(9),
        overdue: None,
        tier: 0,
        asks: done.iter().map(|it| (*it).to_owned()).collect(),
        acknowledged: at > 0,
        answered: at == 3,
        second_person: true,
        cause: (at > 1).then(|| "true".to_owned()),
        cause_by: (at > 1).then(|| "李工".to_owned()),
        measure: (at > 1).then(|| "通风".to_owned()),
        verified_by: (at > 2).then(|| "王科".to_owned()),
    }
}

/// The alarm with more about it.
fn with(state: &str, more: impl FnOnce(&mut AlarmView)) -> AlarmView {
    let mut alarm = with_state(alarm("7.0", "orange", 1), state);
    alarm.shelve_max_ms = 8 * 3_600_000;
    more(&mut alarm);
    alarm
}

fn body(deed: Json) -> Json {
    json!({"by": " 王科 ", "comment": " 已到现场 ", "deed": deed})
}

/// Deeds by name, aimed at [`ALARM`].
fn deed(name: &str) -> Json {
    let now = clock::now().as_millis();
    match name {
        "shelve" => json!({"deed": name, "alarm": ALARM, "until": now + HOUR_MS}),
        "ask_out" => {
            json!({"deed": name, "alarm": ALARM, "permit": "P-7", "until": now + 24 * HOUR_MS})
        }
        "unshelve" | "agree_out" | "put_back" => json!({"deed": name, "alarm": ALARM}),
        "state" => json!({"deed": name, "occurrence": "7.0", "cause": "sensor_fault"}),
        "verify" => json!({"deed": name, "occurrence": "7.0", "accepted": true}),
        _ => json!({"deed": name, "occurrence": "7.0"}),
    }
}

/// What came into the log.
type Logged = Arc<Mutex<Vec<(String, String, Deed)>>>;

impl World {
    /// A world with one alarm, whose level and point are known.
    fn holding(alarm: AlarmView) -> Self {
        let mut world = Self::new();
        world.event("7.0", "raise", alarm);
        world
    }

    /// Lets every act change the alarm that it is about, or not, at positions from 50 on.
    fn judging(&mut self, takes_effect: bool) -> (JoinHandle<()>, Logged) {
        let logged = Logged::default();
        let (log, mut position) = (Arc::clone(&logged), 49);
        let judge = self.judge(move |journal, board, request| {
            position += 1;
            let occurrence = match &request.deed {
                Deed::Acknowledge { alarm } => *alarm,
                _ => "7.0".parse().unwrap(),
            };
            let window = matches!(
                request.deed,
                Deed::Book(_) | Deed::Unbook { .. } | Deed::Silence(_) | Deed::Unsilence { .. }
            );
            let act = (request.by, request.comment, request.deed);
            log.lock().unwrap().push(act);
            let before = board.read().alarms.get(&occurrence).cloned();
            if let (true, false, Some(before)) = (takes_effect, window, before) {
                let id = format!("{position}.0");
                write(journal, &id, "done", AlarmView::clone(&before));
                show(board, &id, "done", AlarmView::clone(&before));
            }
            request.answer.send(Ok(position)).unwrap();
            Some(position)
        });
        (judge, logged)
    }

    async fn act(&self, deed: Json) -> Answer {
        self.post("/api/v1/acts", &body(deed)).await
    }
}

/// Each deed with an alarm on which it can be done.
fn allowed() -> Vec<(&'static str, AlarmView)> {
    vec![
        ("acknowledge", with("unacknowledged", |_| {})),
        ("reset", with("latched_acknowledged", |it| it.latch = true)),
        ("shelve", with("unacknowledged", |_| {})),
        (
            "unshelve",
            with("acknowledged", |it| it.shelf = Some(shelf())),
        ),
        ("ask_out", with("unacknowledged", |_| {})),
        (
            "agree_out",
            with("acknowledged", |it| it.permit = Some(permit(None))),
        ),
        (
            "put_back",
            with("normal", |it| it.permit = Some(permit(Some("赵工")))),
        ),
        (
            "state",
            with("acknowledged", |it| it.case = Some(case("cause"))),
        ),
        (
            "verify",
            with("acknowledged", |it| it.case = Some(case("verify"))),
        ),
        (
            "close",
            with("normal", |it| {
                it.case = Some(case("close"));
                it.over = false;
            }),
        ),
    ]
}

fn is(deed: &Deed, name: &str) -> bool {
    serde_json::to_value(deed).unwrap()["deed"] == name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_deed_is_answered_with_what_followed_from_it() {
    for (name, mut alarm) in allowed() {
        alarm.over = false;
        let mut world = World::holding(alarm);
        let (judge, logged) = world.judging(true);
        let answer = world.act(deed(name)).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.text);
        let done = answer.json();
        assert_eq!(done["position"], 50, "{name}");
        assert_eq!(done["events"][0]["event"], "50.0", "{name}");
        assert_eq!(done["refused"], json!([]), "{name}");
        let logged = logged.lock().unwrap();
        let (by, comment, deed) = &logged[0];
        assert_eq!((by.as_str(), comment.as_str()), ("王科", "已到现场"));
        assert!(is(deed, name), "{name}: {deed:?}");
        drop(logged);
        world.api.intake.close();
        judge.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_that_changed_nothing_is_never_called_done() {
    for (name, mut alarm) in allowed() {
        alarm.over = false;
        let mut world = World::holding(alarm);
        let (judge, _) = world.judging(false);
        assert_eq!(
            world.act(deed(name)).await.refused(409),
            "no_effect",
            "{name}"
        );
        world.api.intake.close();
        judge.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_slower_hears_what_came_in_between() {
    let mut world = World::holding(with("unacknowledged", |_| {}));
    let judge = world.judge(|journal, board, request| {
        let shelved = with("unacknowledged", |it| it.shelf = Some(shelf()));
        write(journal, "49.0", "shelve", shelved.clone());
        show(board, "49.0", "shelve", shelved);
        request.answer.send(Ok(50)).unwrap();
        Some(50)
    });
    assert_eq!(
        world.act(deed("shelve")).await.refused(409),
        "already_shelved"
    );
    world.api.intake.close();
    judge.join().unwrap();
}

fn limit(level: &str, severity: &str) -> LimitView {
    LimitView {
        rule: "gas".to_owned(),
        level: level.to_owned(),
        op: "above".to_owned(),
        value: 1.0,
        reset: 1.0,
        severity: severity.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_normal_alarm_can_be_shelved_and_taken_out_beforehand() {
    let mut world = World::new();
    let gateway = crate::view::GatewayView {
        enterprise: "mine".to_owned(),
        gateway: "gw1".to_owned(),
        ..crate::view::GatewayView::default()
    };
    world.api.board.gateway(gateway);
    {
        let mut shown = world.api.board.write();
        shown.levels.insert("gas/L1".to_owned(), 3_600_000);
        shown.levels.insert("gas/L2".to_owned(), 0);
        shown
            .levels
            .insert("gas/LL".to_owned(), HOUR_MS.unsigned_abs());
        let mut point = lists::point("mine/gw1/ch4");
        point.limits = vec![limit("L1", "yellow"), limit("LL", "red")];
        shown.points.insert(point.id.clone(), Arc::new(point));
    }
    let (judge, logged) = world.judging(false);
    let code = async |name: &str, alarm: &str| {
        let mut deed = deed(name);
        deed["alarm"] = json!(alarm);
        world.act(deed).await.refused_code()
    };
    // Into the log, as far as these judge: the alarm has no record that could change.
    assert_eq!(code("shelve", ALARM).await, "no_effect");
    assert_eq!(code("ask_out", "gas/L2@mine/gw1/ch4").await, "no_effect");
    let silent = "fenghuo.gateway-silent/alarm@mine/gw1";
    assert_eq!(code("shelve", silent).await, "no_effect");
    assert_eq!(logged.lock().unwrap().len(), 3);
    for (name, alarm, why) in [
        ("shelve", "gas/L2@mine/gw1/ch4", "not_shelvable"),
        // The site made it red at this point.
        ("shelve", "gas/LL@mine/gw1/ch4", "not_shelvable"),
        ("unshelve", ALARM, "not_shelved"),
        ("agree_out", ALARM, "not_asked"),
        ("put_back", ALARM, "not_out"),
        ("shelve", "gas/L3@mine/gw1/ch4", "unknown_alarm"),
        ("shelve", "gas/L1@mine/gw1/co", "unknown_alarm"),
        ("shelve", "gas/L1@mine/gw1", "unknown_alarm"),
        ("shelve", "gas/L1@mine/gw1[area=1]", "unknown_alarm"),
        (
            "shelve",
            "fenghuo.gateway-silent/alarm@mine/gw2",
            "unknown_alarm",
        ),
        ("shelve", "gas/L1", "invalid"),
    ] {
        assert_eq!(code(name, alarm).await, why, "{name} {alarm}");
    }
    assert_eq!(logged.lock().unwrap().len(), 3);
    world.api.intake.close();
    judge.join().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_act_that_is_not_judged_in_time_is_not_called_done() {
    let world = World::holding(with("unacknowledged", |_| {}));
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
    let answer = world.act(deed("shelve")).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    assert_eq!(answer.json()["events"], json!([]));
    taker.await.unwrap();
}
