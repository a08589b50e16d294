//! Breaks, backlog, restored and replaced spools.

use super::*;

/// The link is cut for an hour: live data comes first, then the backlog.
pub fn cut_for_an_hour(world: &mut World) {
    world.level(1.0, 9.5);
    // Frames 2..=3601 stay in the spool; at 3600 s the link is back.
    world.live_from = 3_602;
    world.next = 3_602;
    world.oldest = 2;
}

pub fn backlog(world: &mut World, level: impl Fn(u64) -> f64) {
    for second in 2..=3_601 {
        let samples = [(0, Reading::Good(Value::F64(level(second))))];
        let frame = world.frame(second, second as f64, &samples);
        world.put(frame);
    }
}

#[test]
fn backlog_is_judged_in_its_own_time_and_a_live_alarm_stays() {
    let mut world = World::new();
    cut_for_an_hour(&mut world);
    world.level(3_602.0, 9.5);
    assert_eq!(
        world.told(),
        "1 raise level/H\n3602 hold level/H break\n3602 release level/H\n"
    );
    // In the hour it cleared, and overfilled for ten minutes.
    backlog(&mut world, |second| match second {
        1_000..1_600 => 10.5,
        _ => 7.0,
    });
    assert_eq!(
        world.told(),
        "1000 raise level/H (retrospective)\n\
         1005 raise level/HH (retrospective)\n\
         1600 return level/H\n\
         1600 return level/HH\n"
    );
    let live: Vec<_> = world
        .engine
        .book()
        .iter()
        .filter(|alarm| !alarm.retrospective)
        .collect();
    assert_eq!(live.len(), 1, "the live alarm is still there");
    assert_eq!(live[0].state, crate::State::Unacknowledged);
    assert!(
        world.engine.gateways().next().unwrap().backlog.is_none(),
        "the lanes joined"
    );
}

#[test]
fn an_alarm_that_began_in_the_backlog_gets_its_true_begin() {
    let mut world = World::new();
    world.level(1.0, 7.0);
    world.live_from = 3_602;
    world.next = 3_602;
    world.oldest = 2;
    world.level(3_602.0, 9.5);
    assert_eq!(world.told(), "3602 raise level/H\n");
    backlog(&mut world, |second| if second < 3_000 { 7.0 } else { 9.2 });
    assert_eq!(
        world.told(),
        "3000 raise level/H (retrospective)\n3602 amend level/H\n3602 merge level/H\n"
    );
    let alarm = world.engine.book().iter().next().unwrap();
    assert_eq!(alarm.raised_at, at(3_000.0));
}

#[test]
fn an_alarm_found_in_backlog_and_still_up_becomes_live() {
    let mut world = World::new();
    world.level(1.0, 7.0);
    world.live_from = 3_602;
    world.next = 3_602;
    world.oldest = 2;
    world.feed(3_602.0, &[]);
    backlog(&mut world, |second| if second < 3_000 { 7.0 } else { 9.2 });
    assert_eq!(
        world.told(),
        "3000 raise level/H (retrospective)\n3602 promote level/H\n"
    );
    world.level(3_603.0, 9.2);
    world.level(3_604.0, 1.0);
    assert_eq!(world.told(), "3604 return level/H\n");
}

#[test]
fn a_second_break_adds_to_the_same_backlog() {
    let mut world = World::new();
    cut_for_an_hour(&mut world);
    world.level(3_602.0, 7.0);
    world.live_from = 3_703;
    world.next = 3_703;
    world.level(3_703.0, 7.0);
    world.told();
    backlog(&mut world, |_| 7.0);
    assert_eq!(
        world.told(),
        "2 amend level/H\n",
        "backlog knows when it really ended"
    );
    assert!(world.engine.gateways().next().unwrap().backlog.is_some());
    for second in 3_603..=3_702 {
        let level = if second == 3_650 { 9.5 } else { 7.0 };
        let frame = world.frame(
            second,
            second as f64,
            &[(0, Reading::Good(Value::F64(level)))],
        );
        world.put(frame);
    }
    assert_eq!(
        world.told(),
        "3650 raise level/H (retrospective)\n3651 return level/H\n"
    );
    assert!(world.engine.gateways().next().unwrap().backlog.is_none());
}

#[test]
fn a_restored_spool_with_a_new_run_is_judged_at_once() {
    let mut world = World::new();
    for second in 1..=200 {
        world.level(f64::from(second), 7.0);
    }
    // The disk of second 100 comes back; the new run numbers on from there.
    world.oldest = 101;
    let mut frame = world.frame(101, 300.0, &[(0, Reading::Good(Value::F64(9.5)))]);
    if let Input::Frame(frame) = &mut frame {
        (frame.epoch, frame.epoch_first) = (2, 101);
    }
    world.put(frame);
    assert_eq!(world.told(), "300 raise level/H\n");
}

#[test]
fn an_on_delay_goes_on_over_a_link_that_flaps() {
    let mut world = World::new();
    world.level(0.0, 10.5);
    world.told();
    // The frames of twelve seconds come late but in order: event time has no hole.
    world.ticks(12, 12.0);
    for second in 1..=12 {
        world.level(f64::from(second), 10.5);
    }
    let told = world.told();
    assert!(told.contains("5 raise level/HH"), "{told}");
}

#[test]
fn a_hole_in_live_data_waits_for_no_backlog() {
    let mut world = World::new();
    world.level(1.0, 7.0);
    world.oldest = 2;
    world.live_from = 2_000;
    for (seq, level) in [(2_000, 7.0), (2_002, 9.5)] {
        let second = seq as f64;
        let mut frame = world.frame(seq, second, &[(0, Reading::Good(Value::F64(level)))]);
        if let Input::Frame(frame) = &mut frame {
            // 2001 was refused: nothing live below 2002 will come any more.
            frame.live_oldest = seq;
        }
        world.put(frame);
    }
    assert_eq!(world.told(), "2002 raise level/H\n");
}

#[test]
fn a_replaced_spool_with_backlog_is_judged_in_both_lanes() {
    let mut world = World::new();
    for second in 1..=6_010 {
        world.level(f64::from(second), 7.0);
    }
    // A new disk: another run, numbered from 1, of which 1 to 4999 are backlog.
    let put = |world: &mut World, seq: u64, second: f64, level: f64| {
        world.oldest = 1;
        world.live_from = 5_000;
        let mut frame = world.frame(seq, second, &[(0, Reading::Good(Value::F64(level)))]);
        if let Input::Frame(frame) = &mut frame {
            frame.epoch = 2;
        }
        world.put(frame);
    };
    put(&mut world, 5_000, 12_000.0, 9.5);
    assert!(world.told().contains("12000 raise level/H\n"));
    for seq in 1..5_000 {
        put(
            &mut world,
            seq,
            6_011.0 + seq as f64,
            if seq == 100 { 9.5 } else { 7.0 },
        );
    }
    let told = world.told();
    assert!(told.contains("raise level/H (retrospective)"), "{told}");
    assert!(
        world
            .engine
            .gateways()
            .all(|gateway| gateway.backlog.is_none() && gateway.unjudged == 0)
    );
}

#[test]
fn a_backlog_whose_last_frames_are_gone_joins_all_the_same() {
    let mut world = World::new();
    world.level(1.0, 7.0);
    world.oldest = 2;
    world.live_from = 901;
    let live = |world: &mut World, seq: u64, oldest: u64| {
        world.oldest = oldest;
        let mut frame = world.frame(seq, seq as f64, &[]);
        if let Input::Frame(frame) = &mut frame {
            (frame.epoch, frame.epoch_first) = (2, 901);
        }
        world.put(frame);
    };
    live(&mut world, 901, 2);
    world.oldest = 2;
    let frame = world.frame(2, 2.0, &[(0, Reading::Good(Value::F64(9.5)))]);
    world.put(frame);
    assert!(world.engine.gateways().next().unwrap().backlog.is_some());
    // The disk budget took 3 to 900.
    live(&mut world, 902, 901);
    assert!(world.engine.gateways().next().unwrap().backlog.is_none());
    assert!(world.told().contains("promote level/H"));
}

#[test]
fn joining_does_not_end_an_alarm_between_limit_and_reset() {
    let mut world = World::new();
    world.level(1.0, 7.0);
    world.live_from = 3_602;
    world.next = 3_602;
    world.oldest = 2;
    world.level(3_602.0, 8.5);
    backlog(&mut world, |second| if second < 3_000 { 7.0 } else { 9.2 });
    assert_eq!(
        world.told(),
        "3000 raise level/H (retrospective)\n3602 promote level/H\n"
    );
}

#[test]
fn a_point_that_is_there_in_outages_only_is_watched_in_each_of_them() {
    let mut world = World::new();
    world.level(1.0, 7.0);
    let points = catalog().points().to_vec();
    let wider = [points, vec![point("T-2", Kind::Level, "m", "")]].concat();
    let wider = Catalog::new(wider).unwrap();
    let id = wider.id();
    // Of which the gateway tells once.
    world.put(Input::Catalog(GATEWAY.parse().unwrap(), Arc::new(wider)));
    for first in [2, 6] {
        let border = first + 3;
        world.oldest = first;
        (world.live_from, world.next) = (border, border);
        world.level(border as f64, 7.0);
        for (seq, level) in (first..border).zip([7.0, 9.5, 9.5]) {
            let mut frame = world.frame(seq, seq as f64, &[(3, Reading::Good(Value::F64(level)))]);
            if let Input::Frame(frame) = &mut frame {
                frame.catalog = id;
            }
            world.put(frame);
        }
        let raised = first + 1;
        let told = format!("{raised} raise level/H (retrospective)\n{border} unwatch level/H\n");
        assert_eq!(world.told(), told);
    }
}
