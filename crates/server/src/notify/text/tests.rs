use super::*;
use crate::view::Stamps;

pub(super) fn alarm() -> AlarmView {
    AlarmView {
        alarm: "gas/L2@a/g/p".to_owned(),
        occurrence: "7.0".to_owned(),
        rule: "gas".to_owned(),
        rule_version: "v".to_owned(),
        level: "L2".to_owned(),
        title: Words::new("可燃气体超限", "Combustible gas high"),
        severity: "red".to_owned(),
        state: "unacknowledged".to_owned(),
        enterprise: "kaijiang-oil".to_owned(),
        gateway: "g".to_owned(),
        point: Some("kaijiang-oil/g/p".to_owned()),
        point_title: Some(Words::new("1号罐区", "Tank area 1")),
        unit: "%LEL".to_owned(),
        value: Some(Plain::Float(52.300_000_000_000_004)),
        limit: Some(50.0),
        op: Some("above".to_owned()),
        raised_at: 1_795_392_000_000,
        raises: 1,
        changed_at: 1_795_392_000_000,
        returned_at: None,
        acked_at: None,
        acked_by: None,
        comment: None,
        retrospective: false,
        held: None,
        source: None,
        event: "7.0".to_owned(),
        stamps: Stamps::default(),
        ..AlarmView::default()
    }
}

#[test]
fn a_line_says_what_where_how_much_and_since_when() {
    let words = line(&alarm(), false);
    assert_eq!(
        words.zh,
        "【红色】kaijiang-oil 1号罐区 可燃气体超限 52.3 %LEL (≥ 50 %LEL)，始于 2026-11-23 08:00:00 +08:00"
    );
    assert_eq!(
        words.en,
        "[RED] kaijiang-oil Tank area 1: Combustible gas high 52.3 %LEL (≥ 50 %LEL), \
         since 2026-11-23 08:00:00 +08:00"
    );
}

#[test]
fn held_and_retrospective_are_said() {
    let mut alarm = alarm();
    alarm.retrospective = true;
    alarm.held = Some("timeout".to_owned());
    let words = line(&alarm, true);
    assert!(
        words
            .zh
            .ends_with("（补传数据中发现；补传完成，仍在报警；当前状态未知：timeout）")
    );
    assert!(
        words
            .en
            .ends_with(" (found in late data; still active now; state unknown: timeout)")
    );
}

#[test]
fn a_gateway_alarm_has_neither_point_nor_value() {
    let mut alarm = alarm();
    (alarm.point, alarm.point_title, alarm.value, alarm.limit) = (None, None, None, None);
    alarm.title = Words::new("网关失联", "Gateway silent");
    let words = line(&alarm, false);
    assert_eq!(
        words.zh,
        "【红色】kaijiang-oil g 网关失联，始于 2026-11-23 08:00:00 +08:00"
    );
}

#[test]
fn a_state_is_not_told_as_a_number() {
    let mut alarm = alarm();
    (alarm.value, alarm.limit, alarm.op) = (Some(Plain::Bool(true)), None, None);
    alarm.unit = "1".to_owned();
    alarm.title = Words::new(
        "生产运行而除尘停止",
        "Production runs without its collector",
    );
    assert_eq!(
        line(&alarm, false).zh,
        "【红色】kaijiang-oil 1号罐区 生产运行而除尘停止，始于 2026-11-23 08:00:00 +08:00"
    );
}

#[test]
fn a_line_stays_one_bounded_line() {
    let mut alarm = alarm();
    alarm.title = Words::new("坏\n\r\u{2028}名", "x".repeat(2_000));
    let words = line(&alarm, false);
    assert!(words.zh.contains("坏   名"));
    assert_eq!(words.en.chars().count(), LINE_CHARS_MAX);
}

#[test]
fn numbers_read_well() {
    let shown = [0.0, -0.5, 1e-9, 123_456.75, 1e20, 0.1 + 0.2].map(number);
    assert_eq!(shown, ["0", "-0.5", "1e-9", "123456.75", "1e20", "0.3"]);
}
