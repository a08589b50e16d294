//! Bookings and silences as screens see them.

use super::*;

#[test]
fn windows_and_levels_are_shown_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    let act = |deed: Deed| crate::entry::RawAct {
        at: 1_000_000,
        by: "a".to_owned(),
        comment: "b".to_owned(),
        deed: entry::deed_text(&deed),
    };
    let booking = fenghuo_engine::input::Booking {
        id: "T101".to_owned(),
        select: fenghuo_engine::rule::Select::default(),
        from: fenghuo_model::Timestamp::from_millis(1_000_000),
        until: fenghuo_model::Timestamp::from_millis(9_000_000),
    };
    let mut batch = Batch::default();
    batch.push(entry::ACT, act(Deed::Book(booking)).encode_to_vec());
    world.log.append(&batch).unwrap();
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let until = |world: &World| world.board.read().bookings["T101"].until;
    assert_eq!(until(&world), 9_000_000);
    judge.take_snapshot();
    drop(judge);

    world.board = Arc::new(Board::default());
    let mut judge = world.judge();
    assert_eq!(until(&world), 9_000_000, "a restart knows it");
    assert!(world.board.read().levels["fenghuo.line-down/alarm"] > 0);
    let booking = "T101".to_owned();
    let mut batch = Batch::default();
    batch.push(entry::ACT, act(Deed::Unbook { booking }).encode_to_vec());
    world.log.append(&batch).unwrap();
    World::catch_up(&mut judge);
    assert_eq!(until(&world), 1_000_000);
}

#[test]
fn windows_say_who_made_and_ended_them_and_a_restart_knows_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    let now = crate::clock::now().as_millis();
    let at = |ms: i64| fenghuo_model::Timestamp::from_millis(now + ms);
    let silence = |id: &str, until: i64| {
        Deed::Silence(fenghuo_engine::input::Silence {
            id: id.to_owned(),
            select: fenghuo_engine::rule::Select::default(),
            from: at(0),
            until: at(until),
        })
    };
    let booking = fenghuo_engine::input::Booking {
        id: "T101".to_owned(),
        select: fenghuo_engine::rule::Select::default(),
        from: at(0),
        until: at(9_000_000),
    };
    let ended = "short".to_owned();
    let acts = [
        ("a", Deed::Book(booking)),
        ("b", silence("long", 8_000_000)),
        ("c", silence("short", 8_000_000)),
        (
            "d",
            Deed::Unsilence {
                silence: ended.clone(),
            },
        ),
        (
            "e",
            Deed::Unbook {
                booking: "T101".to_owned(),
            },
        ),
        // What is over cannot be ended again.
        ("f", Deed::Unsilence { silence: ended }),
    ];
    let batch = a_second_apart(now, &acts);
    world.log.append(&batch).unwrap();
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let shown = |world: &World| {
        let board = world.board.read();
        (board.bookings.clone(), board.silences.clone())
    };
    let (bookings, silences) = shown(&world);
    let by = |done: &Option<crate::view::DoneView>| done.as_ref().map(|it| it.by.clone());
    let booked = &bookings["T101"];
    assert_eq!(booked.until, now + 4_000);
    assert_eq!(
        (by(&booked.made), by(&booked.ended)),
        (Some("a".into()), Some("e".into()))
    );
    assert_eq!(booked.made.as_ref().unwrap().comment, "why a");
    let (long, short) = (&silences["long"], &silences["short"]);
    assert_eq!(
        (long.until, by(&long.made), by(&long.ended)),
        (now + 8_000_000, Some("b".into()), None)
    );
    assert_eq!(
        (short.until, by(&short.ended)),
        (now + 3_000, Some("d".into()))
    );
    judge.take_snapshot();
    drop(judge);

    world.board = Arc::new(Board::default());
    let judge = world.judge();
    assert_eq!(shown(&world), (bookings, silences));
    drop(judge);
}

/// Each act by its person, who says why.
fn a_second_apart(now: i64, acts: &[(&str, Deed)]) -> Batch {
    let mut batch = Batch::default();
    for (second, (by, deed)) in (0..).zip(acts) {
        let act = crate::entry::RawAct {
            at: now + second * 1_000,
            by: (*by).to_owned(),
            comment: format!("why {by}"),
            deed: entry::deed_text(deed),
        };
        batch.push(entry::ACT, act.encode_to_vec());
    }
    batch
}
