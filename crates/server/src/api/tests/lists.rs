//! Alarms, events, points, readings, gateways, health.

use super::*;
use crate::view::{CurrentView, GatewayView, Plain, PointView, ShelfView};

fn occurrences(list: &Json) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|it| it["occurrence"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn active_alarms_come_worst_first_then_newest() {
    let mut world = World::new();
    world.event("1.0", "raise", alarm("1.0", "red", 10));
    world.event("2.0", "raise", alarm("2.0", "blue", 99));
    world.event("3.0", "raise", alarm("3.0", "red", 20));
    let other = AlarmView {
        enterprise: "oil".to_owned(),
        ..alarm("4.0", "orange", 5)
    };
    world.event("4.0", "raise", other);
    let list = world.get("/api/v1/alarms").await.json();
    assert_eq!(occurrences(&list), ["3.0", "1.0", "4.0", "2.0"]);
    let list = world
        .get("/api/v1/alarms?state=active&enterprise=mine&limit=2")
        .await
        .json();
    assert_eq!(occurrences(&list), ["3.0", "1.0"]);
}

#[tokio::test]
async fn what_holds_comes_before_what_returned_and_unseen_before_seen() {
    let mut world = World::new();
    // In the order in which they must be listed.
    let rows = [
        ("9.0", "red", "unacknowledged", 10),
        ("2.0", "red", "acknowledged", 90),
        ("8.0", "blue", "unacknowledged", 50),
        ("4.0", "blue", "acknowledged", 60),
        ("7.0", "red", "returned_unacknowledged", 40),
        ("1.0", "red", "latched_unacknowledged", 30),
        ("6.0", "red", "latched_acknowledged", 99),
        ("3.0", "yellow", "returned_unacknowledged", 99),
        ("5.0", "red", "shelved", 99),
    ];
    for (id, severity, state, raised_at) in rows.iter().rev() {
        let it = with_state(alarm(id, severity, *raised_at), state);
        world.event(id, "raise", it);
    }
    let list = world.get("/api/v1/alarms?state=open").await.json();
    assert_eq!(occurrences(&list), rows.map(|(id, ..)| id));
}

#[tokio::test]
async fn what_is_covered_or_only_to_be_closed_calls_nobody() {
    let mut world = World::new();
    world.event("1.0", "raise", alarm("1.0", "red", 10));
    let covered = |occurrence: &str, state: &str| AlarmView {
        state: state.to_owned(),
        ..alarm(occurrence, "blue", 5)
    };
    let shelved = AlarmView {
        shelf: Some(ShelfView {
            by: "a".to_owned(),
            comment: "b".to_owned(),
            until: 9,
            one_shot: false,
        }),
        ..covered("2.0", "shelved")
    };
    world.event("2.0", "shelve", shelved);
    let suppressed = AlarmView {
        suppressed_by: Some("mine/gw1/stop".to_owned()),
        ..covered("3.0", "suppressed")
    };
    world.event("3.0", "suppress", suppressed);
    let out = AlarmView {
        permit: Some(acts::permit(Some("c"))),
        ..covered("4.0", "out_of_service")
    };
    world.event("4.0", "take_out_of_service", out);
    // Asked for, but in service still: it calls, and the second person finds it.
    let asked = AlarmView {
        permit: Some(acts::permit(None)),
        ..alarm("5.0", "yellow", 5)
    };
    world.event("5.0", "ask_out_of_service", asked);
    let mut case = AlarmView {
        case: Some(acts::case("cause")),
        ..alarm("6.0", "orange", 5)
    };
    world.event("6.0", "raise", case.clone());
    "7.0".clone_into(&mut case.occurrence);
    world.event("7.0", "return", with_state(case, "normal"));
    for (query, found) in [
        ("", vec!["1.0", "6.0", "5.0"]),
        ("?state=active&severity=orange", vec!["6.0"]),
        ("?state=shelved", vec!["2.0"]),
        ("?state=suppressed", vec!["3.0"]),
        ("?state=out_of_service", vec!["5.0", "4.0"]),
        ("?state=case", vec!["6.0", "7.0"]),
        ("?state=closing", vec!["7.0"]),
        ("?state=open&severity=blue", vec!["4.0", "3.0", "2.0"]),
    ] {
        let list = world.get(&format!("/api/v1/alarms{query}")).await.json();
        assert_eq!(occurrences(&list), found, "{query}");
    }
}

#[tokio::test]
async fn ended_alarms_come_from_the_journal() {
    let mut world = World::new();
    world.event("1.0", "raise", alarm("1.0", "red", 10));
    world.event("2.0", "raise", alarm("2.0", "red", 20));
    world.event(
        "3.0",
        "acknowledge",
        with_state(alarm("1.0", "red", 10), "normal"),
    );
    // Written, and about to be shown: found on the board and in the journal.
    world.journaled(
        "4.0",
        "acknowledge",
        with_state(alarm("2.0", "red", 20), "normal"),
    );
    let ended = world.get("/api/v1/alarms?state=ended").await.json();
    assert_eq!(occurrences(&ended), ["2.0", "1.0"]);
    let red = world.get("/api/v1/alarms?state=ended&severity=red").await;
    assert_eq!(occurrences(&red.json()), ["2.0", "1.0"]);
    let blue = world.get("/api/v1/alarms?state=ended&severity=blue").await;
    assert_eq!(occurrences(&blue.json()), [] as [&str; 0]);
    let all = world.get("/api/v1/alarms?state=all").await.json();
    assert_eq!(occurrences(&all), ["2.0", "1.0"]);
    assert_eq!(all[0]["state"], "normal");
}

#[tokio::test]
async fn events_are_paged_by_their_ids() {
    let mut world = World::new();
    for id in ["1.0", "1.1", "2.0"] {
        world.event(id, "raise", alarm(id, "red", 10));
    }
    let all = world.get("/api/v1/events").await.json();
    assert_eq!(occurrences(&all), ["1.0", "1.1", "2.0"]);
    assert_eq!(all[0]["transition"], "raise");
    let page = world.get("/api/v1/events?after=1.0&limit=1").await.json();
    assert_eq!(page[0]["event"], "1.1");
    for uri in [
        "/api/v1/events?limit=0",
        "/api/v1/events?limit=1001",
        "/api/v1/events?after=x",
        "/api/v1/alarms?limit=5001",
    ] {
        assert_eq!(world.get(uri).await.refused(400), "invalid", "{uri}");
    }
    for uri in [
        "/api/v1/events?limit=-1",
        "/api/v1/alarms?state=odd",
        "/api/v1/alarms?severity=3",
    ] {
        assert_eq!(world.get(uri).await.refused(400), "bad_query", "{uri}");
    }
}

fn reading(id: &str) -> CurrentView {
    CurrentView {
        id: id.to_owned(),
        time: 5,
        value: Some(Plain::Float(1.5)),
        quality: "good".to_owned(),
        reason: None,
    }
}

pub(super) fn point(id: &str) -> PointView {
    let mut parts = id.splitn(3, '/');
    let mut part = || parts.next().unwrap();
    serde_json::from_value(json!({
        "id": id, "enterprise": part(), "gateway": part(), "key": part(),
        "title": {"zh": "点", "en": "point"}, "kind": "level", "unit": "m",
        "value_type": "f64", "range": null, "interval_ms": 1000, "labels": {}, "limits": []
    }))
    .unwrap()
}

fn gateway(enterprise: &str, gateway: &str) -> GatewayView {
    GatewayView {
        enterprise: enterprise.to_owned(),
        gateway: gateway.to_owned(),
        state: "live".to_owned(),
        ..GatewayView::default()
    }
}

#[tokio::test]
async fn points_readings_and_gateways_are_narrowed() {
    let world = World::new();
    let board = &world.api.board;
    board.current(vec![
        reading("oil/a/p"),
        reading("mine/b/q"),
        reading("mine/a/p"),
    ]);
    board.gateway(gateway("oil", "a"));
    board.gateway(gateway("mine", "b"));
    for id in ["oil/a/p", "mine/b/q"] {
        let point = point(id);
        board.write().points.insert(id.to_owned(), Arc::new(point));
    }
    let ids = |list: Json, name: &str| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|it| it[name].as_str().unwrap().to_owned())
            .collect()
    };
    let all = world.get("/api/v1/current").await.json();
    assert_eq!(all[0]["value"], 1.5);
    assert_eq!(ids(all, "id"), ["mine/a/p", "mine/b/q", "oil/a/p"]);
    let one = world
        .get("/api/v1/current?enterprise=mine&gateway=b")
        .await
        .json();
    assert_eq!(ids(one, "id"), ["mine/b/q"]);
    let points = world.get("/api/v1/points?enterprise=oil").await.json();
    assert_eq!(ids(points, "id"), ["oil/a/p"]);
    let gateways = world.get("/api/v1/gateways?enterprise=mine").await.json();
    assert_eq!(ids(gateways, "gateway"), ["b"]);
}

#[tokio::test]
async fn health_is_believed_only_while_it_is_renewed() {
    let world = World::new();
    let says = |status: &str, age_ms: i64| {
        world.api.board.health(HealthView {
            status: status.to_owned(),
            now: clock::now().as_millis() - age_ms,
            ..HealthView::default()
        });
    };
    for (status, age_ms, code, word, shown) in [
        ("ok", 0, 200, "ok", "ok"),
        ("degraded", 0, 200, "degraded", "degraded"),
        ("refusing", 0, 503, "refusing", "refusing"),
        ("ok", 60_000, 503, "stalled", "degraded"),
        ("", 0, 503, "starting", "degraded"),
    ] {
        says(status, age_ms);
        let plain = world.get("/healthz").await;
        assert_eq!((plain.status.as_u16(), plain.text.trim()), (code, word));
        let body = world.get("/api/v1/health").await;
        assert_eq!(body.status, StatusCode::OK);
        assert_eq!(body.json()["status"], shown);
    }
}
