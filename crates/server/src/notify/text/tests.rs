use super::words::number;
use super::*;
use crate::view::{Plain, Stamps};

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
        unwatched: None,
        source: None,
        event: "7.0".to_owned(),
        stamps: Stamps::default(),
        ..AlarmView::default()
    }
}

#[test]
fn a_line_says_what_where_how_much_and_since_when() {
    let words = line(&alarm(), &Names::default(), false);
    assert_eq!(
        words.zh,
        "【红色】kaijiang-oil g 1号罐区 可燃气体超限 二级 52.3 %LEL (≥ 50 %LEL)，始于 2026-11-23 08:00:00 +08:00"
    );
    assert_eq!(
        words.en,
        "[RED] kaijiang-oil g Tank area 1: Combustible gas high level 2 52.3 %LEL (≥ 50 %LEL), \
         since 2026-11-23 08:00:00 +08:00"
    );
}

#[test]
fn held_and_retrospective_are_said() {
    let mut alarm = alarm();
    alarm.retrospective = true;
    alarm.held = Some("timeout".to_owned());
    let words = line(&alarm, &Names::default(), true);
    assert!(
        words
            .zh
            .ends_with("（补传数据中发现；补传完成，仍在报警；当前状态未知：设备应答超时）")
    );
    assert!(words.en.ends_with(
        " (found in late data; still active now; state unknown: the device did not answer in time)"
    ));
}

#[test]
fn a_gateway_alarm_has_neither_point_nor_value() {
    let mut alarm = alarm();
    (alarm.point, alarm.point_title, alarm.value, alarm.limit) = (None, None, None, None);
    alarm.title = Words::new("网关失联", "Gateway silent");
    alarm.level = "alarm".to_owned();
    let words = line(&alarm, &Names::default(), false);
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
    alarm.level = "alarm".to_owned();
    assert_eq!(
        line(&alarm, &Names::default(), false).zh,
        "【红色】kaijiang-oil g 1号罐区 生产运行而除尘停止，始于 2026-11-23 08:00:00 +08:00"
    );
}

#[test]
fn a_line_stays_one_bounded_line() {
    let mut alarm = alarm();
    alarm.title = Words::new("坏\n\r\u{2028}名", "x".repeat(2_000));
    let words = line(&alarm, &Names::default(), false);
    assert!(words.zh.contains("坏   名"));
    assert_eq!(words.en.chars().count(), LINE_CHARS_MAX);
}

#[test]
fn numbers_read_well() {
    let register = |value: f32| number(f64::from(value));
    let shown = [0.1, 123.4, 0.000_1, 16_777.3].map(register);
    assert_eq!(shown, ["0.1", "123.4", "0.0001", "16777.3"]);
    let shown = [0.0, -0.5, 1e-9, 123_456.75, 12_345_678.4, 1e20, 0.1 + 0.2].map(number);
    let expected = ["0", "-0.5", "1e-9", "123457", "12345678", "1e20", "0.3"];
    assert_eq!(shown, expected);
}

#[test]
fn a_level_is_said_in_words_where_it_says_more_than_the_colour() {
    for (level, zh, en) in [
        ("HH", "超限 高高(HH) 52.3", "high HH 52.3"),
        ("low-low", "超限 低低(LL) 52.3", "high LL 52.3"),
        ("L1", "超限 一级 52.3", "high level 1 52.3"),
        ("cut-off", "超限 断电 52.3", "high cut-off 52.3"),
        ("storm", "超限 storm 52.3", "high storm 52.3"),
        ("alarm", "超限 52.3", "high 52.3"),
        ("red", "超限 52.3", "high 52.3"),
    ] {
        let mut alarm = alarm();
        alarm.level = level.to_owned();
        let words = line(&alarm, &Names::default(), false);
        assert!(words.zh.contains(zh), "{}", words.zh);
        assert!(words.en.contains(en), "{}", words.en);
    }
}

#[test]
fn an_enterprise_is_called_by_its_name() {
    let name = Words::new("开江油品", "Kaijiang Oil");
    let names = Names([("kaijiang-oil".to_owned(), name)].into());
    let words = line(&alarm(), &names, false);
    assert!(words.zh.starts_with("【红色】开江油品 g 1号罐区 "));
    assert!(words.en.starts_with("[RED] Kaijiang Oil g Tank area 1: "));
}

#[test]
fn that_a_line_is_a_line_is_said_once() {
    let mut alarm = alarm();
    (alarm.value, alarm.limit, alarm.level) = (None, None, "alarm".to_owned());
    alarm.rule = "fenghuo.line-down".to_owned();
    alarm.title = Words::new("通信线路中断", "Line does not answer");
    alarm.point_title = Some(Words::new("线路 plc1 通信", "Line plc1 communication"));
    let words = line(&alarm, &Names::default(), false);
    let zh = "【红色】kaijiang-oil g 线路 plc1 通信中断，始于 ";
    assert!(words.zh.starts_with(zh), "{}", words.zh);
    let en = "[RED] kaijiang-oil g Line plc1 communication lost, since ";
    assert!(words.en.starts_with(en), "{}", words.en);
}

#[test]
fn a_point_without_a_name_is_its_key_and_a_group_is_itself() {
    let mut alarm = alarm();
    alarm.point_title = None;
    let text = |alarm: &AlarmView| line(alarm, &Names::default(), false).zh;
    assert!(text(&alarm).contains("kaijiang-oil g p 可燃气体超限"));
    (alarm.point, alarm.group) = (None, Some("item=i1".to_owned()));
    assert!(text(&alarm).contains("kaijiang-oil g item=i1 可燃气体超限"));
}
