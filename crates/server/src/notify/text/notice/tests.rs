use super::super::tests::alarm;
use super::*;

fn told(about: &str) -> NoticeLineView {
    NoticeLineView {
        about: about.to_owned(),
        times: u32::from(about == "called"),
        nth: 0,
        alarm: alarm(),
    }
}

fn notice_of(kind: &str, alarms: Vec<NoticeLineView>) -> NoticeView {
    NoticeView {
        kind: kind.to_owned(),
        alarms,
        ..NoticeView::default()
    }
}

fn said(view: &NoticeView) -> Words {
    notice(view, &Gathered::default())
}

const LINE_ZH: &str = "【红色】kaijiang-oil g 1号罐区 可燃气体超限 二级 52.3 %LEL (≥ 50 %LEL)，始于 2026-11-23 08:00:00 +08:00";
const LINE_EN: &str = "[RED] kaijiang-oil g Tank area 1: Combustible gas high level 2 52.3 %LEL (≥ 50 %LEL), since 2026-11-23 08:00:00 +08:00";

#[test]
fn one_alarm_is_its_line() {
    let words = said(&notice_of("alarm", vec![told("called")]));
    assert_eq!((words.zh.as_str(), words.en.as_str()), (LINE_ZH, LINE_EN));
}

#[test]
fn a_reminder_says_which_one_it_is() {
    let mut line = told("repeated");
    line.nth = 3;
    let words = said(&notice_of("repeat", vec![line]));
    assert_eq!(words.zh, format!("第3次提醒，仍未确认：{LINE_ZH}"));
    assert_eq!(words.en, format!("reminder 3, not acknowledged: {LINE_EN}"));
}

#[test]
fn an_escalation_says_what_was_not_done_and_how_far_it_goes() {
    for (step, zh) in [
        ("acknowledge", "超时未核警，已升级到第2级："),
        ("cause", "超时未说明原因，已升级到第2级："),
        ("verify", "超时未核查，已升级到第2级："),
        ("close", "超时未销警，已升级到第2级："),
    ] {
        let mut view = notice_of("escalation", vec![told("overdue")]);
        (view.step, view.tier) = (Some(step.to_owned()), Some(2));
        let words = said(&view);
        assert_eq!(words.zh, format!("{zh}{LINE_ZH}"));
        assert!(
            words.en.contains(", escalated to tier 2: [RED]"),
            "{}",
            words.en
        );
    }
}

#[test]
fn an_end_says_when() {
    for (about, kind, zh) in [
        ("returned", "returned", "已恢复："),
        ("fleeting", "alarm", "短时报警，已自行恢复："),
    ] {
        let mut line = told(about);
        line.alarm.returned_at = Some(1_795_392_060_000);
        let words = said(&notice_of(kind, vec![line]));
        let until = "，止于 2026-11-23 08:01:00 +08:00";
        assert_eq!(words.zh, format!("{zh}{LINE_ZH}{until}"));
    }
}

#[test]
fn a_digest_counts_and_names_the_worst() {
    let mut alarms = vec![told("called"); 4];
    alarms.push(told("returned"));
    let mut view = notice_of("digest_flood", alarms);
    view.more = 7;
    view.raises = RaisesView {
        yellow: 10,
        red: 1,
        ..RaisesView::default()
    };
    let gathered = Gathered {
        flood_ms: 600_000,
        ..Gathered::default()
    };
    let words = notice(&view, &gathered);
    let name = "kaijiang-oil g 1号罐区 可燃气体超限 二级 52.3 %LEL (≥ 50 %LEL)";
    let zh = format!(
        "报警集中，汇总：10分钟内11条报警：红1 黄10；恢复1条；{name}、{name}、{name} 等，另9个"
    );
    assert_eq!(words.zh, zh);
    let en = "many alarms, digest: within 10 min 11 alarms: red 1, yellow 10; 1 returned; ";
    assert!(words.en.starts_with(en), "{}", words.en);
    assert!(words.en.ends_with(" and 9 more"), "{}", words.en);
}

#[test]
fn a_digest_of_one_still_says_that_it_is_one() {
    let mut view = notice_of("digest_quiet", vec![told("called")]);
    view.raises.red = 1;
    let words = said(&view);
    let zh = "静音时段汇总：1条报警：红1；kaijiang-oil g 1号罐区 可燃气体超限 二级 52.3 %LEL (≥ 50 %LEL)";
    assert_eq!(words.zh, zh);
}

#[test]
fn what_was_only_counted_is_told_without_names() {
    let mut view = notice_of("digest_settled", Vec::new());
    (view.more, view.raises.blue) = (2, 2);
    assert_eq!(said(&view).zh, "启动后汇总：2条报警：蓝2");
}

#[test]
fn what_nobody_watches_any_more_did_not_return() {
    for (about, kind) in [("returned", "returned"), ("fleeting", "alarm")] {
        let mut line = told(about);
        line.alarm.unwatched = Some("rule".to_owned());
        let words = said(&notice_of(kind, vec![line.clone()]));
        let zh = "不再监视（规则已移除或停用），并非恢复：";
        assert!(
            words.zh.starts_with(&format!("{zh}{LINE_ZH}")),
            "{}",
            words.zh
        );
        let en = "no longer watched (its rule is in force no more), which is no return to normal: ";
        assert!(
            words.en.starts_with(&format!("{en}{LINE_EN}")),
            "{}",
            words.en
        );
        let words = said(&notice_of("digest_flood", vec![told(about), line]));
        assert!(words.zh.contains("不再监视1条"), "{}", words.zh);
        assert!(words.en.contains("1 no longer watched"), "{}", words.en);
    }
}
