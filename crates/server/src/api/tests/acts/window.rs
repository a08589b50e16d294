//! Bookings and silences.

use super::*;

pub(super) fn deed(name: &str) -> Json {
    let now = clock::now().as_millis();
    json!({
        "deed": name, (if name == "book" { "booking" } else { "silence" }): "T101 校验",
        "select": {"key": ["T101"]}, "from": now + 1_000, "until": now + HOUR_MS
    })
}

fn booked(booking: &str, from: i64, until: i64) -> (String, BookingView) {
    let view = BookingView {
        booking: booking.to_owned(),
        select: [("key".to_owned(), vec!["T101".to_owned()])].into(),
        from,
        until,
        ..BookingView::default()
    };
    (booking.to_owned(), view)
}

fn silenced(world: &World, silence: &str, until: i64) {
    let view = SilenceView {
        silence: silence.to_owned(),
        from: until - 10,
        until,
        ..SilenceView::default()
    };
    let mut board = world.api.board.write();
    board.silences.insert(silence.to_owned(), view);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_change_no_alarm_and_are_done_all_the_same() {
    let mut world = World::new();
    let now = clock::now().as_millis();
    world
        .api
        .board
        .write()
        .bookings
        .extend([booked("old", 1, now + HOUR_MS)]);
    silenced(&world, "quiet", now + HOUR_MS);
    let (judge, logged) = world.judging(true);
    for asked in [
        deed("book"),
        json!({"deed": "unbook", "booking": "old"}),
        deed("silence"),
        json!({"deed": "unsilence", "silence": "quiet"}),
    ] {
        let answer = world.act(asked.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{asked}: {}", answer.text);
        assert_eq!(answer.json()["events"], json!([]));
    }
    let logged = logged.lock().unwrap();
    assert!(matches!(&logged[0].2, Deed::Book(it) if it.id == "T101 校验"));
    assert!(matches!(&logged[2].2, Deed::Silence(it) if it.select.0["key"] == ["T101"]));
    assert_eq!(logged.len(), 4);
    drop(logged);
    world.api.intake.close();
    judge.join().unwrap();
}

#[tokio::test]
async fn what_covers_too_much_is_refused() {
    let world = World::new();
    let now = clock::now().as_millis();
    let day = 24 * HOUR_MS;
    world.api.board.write().bookings.extend([
        booked("taken", 1, now + HOUR_MS),
        booked("over", 1, now - 1),
    ]);
    silenced(&world, "quiet", now + HOUR_MS);
    silenced(&world, "over", now - 1);
    let with = |name: &str, field: &str, value: Json| {
        let mut deed = deed(name);
        deed[field] = value;
        deed
    };
    for (asked, status, why) in [
        (with("book", "select", json!({})), 400, "invalid"),
        (with("silence", "select", json!({})), 400, "invalid"),
        (with("book", "select", json!({"key": []})), 400, "invalid"),
        (with("book", "booking", json!(" ")), 400, "invalid"),
        (with("book", "from", json!(now - HOUR_MS)), 400, "invalid"),
        (
            with("book", "from", json!(now + 2 * HOUR_MS)),
            400,
            "invalid",
        ),
        (with("silence", "from", json!(-1)), 400, "invalid"),
        (with("silence", "until", json!(now - 1)), 400, "invalid"),
        (
            with("book", "until", json!(now + 32 * day)),
            400,
            "too_long",
        ),
        (with("silence", "until", json!(i64::MAX)), 400, "too_long"),
        (with("book", "booking", json!("taken")), 409, "name_taken"),
        (
            json!({"deed": "unbook", "booking": "none"}),
            404,
            "unknown_booking",
        ),
        (
            json!({"deed": "unbook", "booking": "over"}),
            409,
            "booking_over",
        ),
        (json!({"deed": "unsilence", "silence": ""}), 400, "invalid"),
        (
            json!({"deed": "offer_again", "gateway": "no/body", "from": 1, "until": 2}),
            404,
            "unknown_gateway",
        ),
        (
            json!({"deed": "unsilence", "silence": "over"}),
            404,
            "unknown_silence",
        ),
        (
            with("silence", "silence", json!("quiet")),
            409,
            "name_taken",
        ),
    ] {
        let answer = world.act(asked.clone()).await;
        assert_eq!(answer.refused(status), why, "{asked}");
    }
}

#[tokio::test]
async fn bookings_are_listed_by_begin() {
    let world = World::new();
    let listed = [booked("a", 20, 30), booked("b", 10, 30)];
    world.api.board.write().bookings.extend(listed);
    let list = world.get("/api/v1/bookings").await.json();
    assert_eq!(list[0]["booking"], "b");
    assert_eq!(list[1]["select"], json!({"key": ["T101"]}));
    assert_eq!(list[1]["until"], 30);
}

#[tokio::test]
async fn silences_are_listed_by_begin() {
    let world = World::new();
    silenced(&world, "a", 30);
    silenced(&world, "b", 20);
    let list = world.get("/api/v1/silences").await.json();
    assert_eq!(
        (&list[0]["silence"], &list[0]["until"]),
        (&json!("b"), &json!(20))
    );
    assert_eq!(list[1]["silence"], "a");
}

#[tokio::test]
async fn there_is_an_end_to_windows() {
    let world = World::new();
    let until = clock::now().as_millis() + HOUR_MS;
    let many = (0..fenghuo_engine::alarm::BOOKINGS_MAX).map(|at| booked(&at.to_string(), 1, until));
    world.api.board.write().bookings.extend(many);
    assert_eq!(world.act(deed("book")).await.refused(409), "too_many");
    for at in 0..fenghuo_engine::plan::SILENCES_MAX {
        silenced(&world, &at.to_string(), until);
    }
    assert_eq!(world.act(deed("silence")).await.refused(409), "too_many");
}
