//! Why there is no alarm: what cannot be told, and what nobody watches.

use super::*;

#[test]
fn what_cannot_be_told_says_why() {
    let mut world = World::new();
    world.feed(1, &[(0, Reading::Bad(Reason::NotConnected))]);
    let [zh, en] = world.says("gas", "CH4-1");
    assert_eq!(zh, "[alarm] 无法判断，不报警也不解除：未连接到设备。");
    assert!(en.contains("neither fires nor clears"), "{en}");
    world.gas(2, 0.5);
    for second in 3..=9 {
        world.feed(second, &[]);
    }
    let [zh, _] = world.says("gas", "CH4-1");
    assert!(zh.contains("超时未上报"), "{zh}");
    let all = world.ask("gas", "CH4-1");
    let own = &watched(&all[0]).inputs[0];
    assert_eq!(own.away, Some(Hold::Reading(Reason::Stale)));
    assert_eq!((own.heard, own.stale_after_ms), (Some(at(2)), Some(5_000)));
    assert_eq!(own.last.as_ref().unwrap().0.seq, 2);
}

#[test]
fn a_silent_gateway_says_what_was_known_last() {
    let mut world = World::new();
    world.gas(1, 0.5);
    for second in 2..=40 {
        world.put(Entry::Tick {
            at: at(second),
            hearing: true,
        });
    }
    let [zh, en] = world.says("gas", "CH4-1");
    assert_eq!(
        zh,
        "[alarm] 无法判断：网关失联；最后一次判断于 21:46:41：当前值 0.5 %CH4 低于限值 1 %CH4。"
    );
    assert!(en.contains("the gateway is silent"), "{en}");
}

#[test]
fn an_interlock_names_the_point_that_cannot_be_told() {
    let mut world = World::new();
    world.feed(1, &[(3, state(true)), (4, state(true))]);
    let [zh, _] = world.says("dust", "run");
    assert_eq!(zh, "未报警：联锁要求已满足（状态 1）。");
    world.feed(2, &[(4, Reading::Bad(Reason::Timeout))]);
    let [zh, en] = world.says("dust", "run");
    assert_eq!(
        zh,
        "无法判断，不报警也不解除：设备应答超时（mine/gw1/fan）。"
    );
    assert!(en.ends_with("(mine/gw1/fan)."), "{en}");
    world.feed(3, &[(4, state(false))]);
    let [zh, _] = world.says("dust", "fan");
    assert!(
        zh.contains("报警中") && zh.contains("所需测点未投运"),
        "{zh}"
    );
}

#[test]
fn a_rule_that_does_not_watch_a_point_says_which_label_differs() {
    let mut world = World::new();
    world.gas(1, 0.5);
    assert_eq!(
        world.says("gas", "CH4-2"),
        [
            "未监视：标签 place 为 return，规则要求 face。",
            "Not watched: its label place is return, the rule wants face."
        ]
    );
    let [zh, _] = world.says("gas", "T-1");
    assert_eq!(
        zh,
        "未监视：标签 kind 为 level，规则要求 concentration；缺少标签 place，规则要求 face。"
    );
    let [zh, en] = world.says("hot", "T-1");
    assert!(zh.starts_with("未监视：已选中但无法监视："), "{zh}");
    assert!(en.contains("cannot be watched"), "{en}");
    assert!(world.says("gas", "CH4-9")[1].contains("never named the point"));
    assert!(world.says("nothing", "CH4-1")[1].contains("there is no rule nothing"));
    assert!(world.says(crate::gateway::emit::SILENT_RULE, "T-1")[0].contains("静默"));
    let point = "mine/gw9/CH4-1".parse().unwrap();
    let said = world.engine.explain("gas", &point);
    assert_eq!(said[0].answer, Answer::Unwatched(Unwatched::NoGateway));
    let smaller = Catalog::new(catalog().points()[1..].to_vec()).unwrap();
    world.catalog = smaller.id();
    world.put(Entry::Catalog(GATEWAY.parse().unwrap(), Arc::new(smaller)));
    // It speaks for the gateway from the first frame that names it.
    world.gas(2, 0.5);
    assert!(world.says("gas", "CH4-1")[0].contains("已从网关的测点表中删除"));
}

#[test]
fn a_limit_that_the_site_must_give_is_not_armed() {
    let mut world = World::new();
    world.feed(1, &[(2, good(3.0))]);
    assert_eq!(
        world.says("tank", "T-1"),
        [
            "[H] 未报警：当前值 3 m 低于限值 9 m。级别 HH 未设限值，未投用。",
            "[H] No alarm: the value 3 m is below the limit 9 m. Level HH has no limit yet and is not armed."
        ]
    );
    let all = world.ask("tank", "T-1");
    let level = &watched(&all[0]).levels[1];
    assert_eq!((level.why, level.limit), (Why::Unarmed, None));
}

#[test]
fn a_calendar_that_is_closed_says_so() {
    let mut world = World::new();
    world.gas(1, 0.5);
    let said = world.says("dark", "CH4-1");
    let all = world.ask("dark", "CH4-1");
    let gate = watched(&all[0]).gate.clone().unwrap();
    // It is 21:46 by China's clock, which the calendar follows.
    assert_eq!((&*gate.calendar, gate.inside), ("night", true));
    assert_eq!(gate.open, said[0].contains("报警中"), "{said:?}");
    world.gas(36_000, 0.5);
    let all = world.ask("dark", "CH4-1");
    assert!(!watched(&all[0]).gate.clone().unwrap().open);
    assert!(world.says("dark", "CH4-2")[0].contains("规则只在日历 night 之内生效"));
}

#[test]
fn a_stale_rule_says_when_the_last_value_was() {
    let mut world = World::new();
    world.gas(1, 0.5);
    assert_eq!(world.says("quiet", "CH4-1")[0], "未报警：20s 内有数值。");
    for second in 2..=30 {
        world.feed(second, &[]);
    }
    let [zh, _] = world.says("quiet", "CH4-1");
    assert_eq!(zh, "报警中（始于 21:47:01）：已有 20s 没有数值。");
}
