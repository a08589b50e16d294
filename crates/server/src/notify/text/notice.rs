//! The line of a notice: why somebody is told, and of what.

use super::{Language, Names, line, local, one_line, unwatched, what};
use crate::view::{AlarmView, NoticeLineView, NoticeView, RaisesView, Words};

/// Alarms that a line about several names.
const NAMED_MAX: usize = 3;

/// What a line should say that the notice does not hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Gathered {
    /// How long a digest of a flood gathers, in milliseconds; 0 when it is not known.
    pub flood_ms: u64,
    /// The one alarm was known from late data and is live now.
    pub promoted: bool,
    /// What people call the enterprises.
    pub names: Names,
}

/// What a notice says, in one line.
#[must_use]
pub fn notice(notice: &NoticeView, gathered: &Gathered) -> Words {
    let (zh, en) = match (notice.alarms.as_slice(), notice.more) {
        ([one], 0) if !notice.kind.starts_with("digest") => single(notice, one, gathered),
        _ => several(notice, gathered),
    };
    Words::new(one_line(&zh), one_line(&en))
}

fn single(notice: &NoticeView, one: &NoticeLineView, gathered: &Gathered) -> (String, String) {
    let Words { zh, en } = line(&one.alarm, &gathered.names, gathered.promoted);
    match one.about.as_str() {
        "called" if one.times > 1 => (
            format!("{zh}（共{}次）", one.times),
            format!("{en} ({} times)", one.times),
        ),
        "fleeting" | "returned" if one.alarm.unwatched.is_some() => {
            let why = unwatched(one.alarm.unwatched.as_deref().unwrap_or_default());
            (
                format!(
                    "不再监视（{}），并非恢复：{zh}{}",
                    why.zh,
                    end_zh(&one.alarm)
                ),
                format!(
                    "no longer watched ({}), which is no return to normal: {en}{}",
                    why.en,
                    end_en(&one.alarm)
                ),
            )
        }
        "fleeting" => (
            format!("短时报警，已自行恢复：{zh}{}", end_zh(&one.alarm)),
            format!("came and went: {en}{}", end_en(&one.alarm)),
        ),
        "repeated" => {
            let nth = one.nth.max(1);
            (
                format!("第{nth}次提醒，仍未确认：{zh}"),
                format!("reminder {nth}, not acknowledged: {en}"),
            )
        }
        "overdue" => {
            let (step, tier) = escalation(notice);
            (
                format!("{}，已升级到第{tier}级：{zh}", step.zh),
                format!("{}, escalated to tier {tier}: {en}", step.en),
            )
        }
        "returned" => (
            format!("已恢复：{zh}{}", end_zh(&one.alarm)),
            format!("returned to normal: {en}{}", end_en(&one.alarm)),
        ),
        _ => (zh, en),
    }
}

fn end_zh(alarm: &AlarmView) -> String {
    let end = alarm.returned_at.map(local);
    end.map(|end| format!("，止于 {end}")).unwrap_or_default()
}

fn end_en(alarm: &AlarmView) -> String {
    let end = alarm.returned_at.map(local);
    end.map(|end| format!(", until {end}")).unwrap_or_default()
}

fn escalation(notice: &NoticeView) -> (Words, u8) {
    let step = match notice.step.as_deref() {
        Some("acknowledge") => Words::new("超时未核警", "not acknowledged in time"),
        Some("cause") => Words::new("超时未说明原因", "no cause stated in time"),
        Some("verify") => Words::new("超时未核查", "not verified in time"),
        Some("close") => Words::new("超时未销警", "not closed in time"),
        _ => Words::new("处置超时", "a step is overdue"),
    };
    (step, notice.tier.unwrap_or(1))
}

fn several(notice: &NoticeView, gathered: &Gathered) -> (String, String) {
    let head = head(notice, gathered);
    let told = told(notice);
    let names = named(notice, &gathered.names);
    (
        format!("{}{}{}", head.zh, told.zh, names.zh),
        format!("{}{}{}", head.en, told.en, names.en),
    )
}

fn head(notice: &NoticeView, gathered: &Gathered) -> Words {
    match notice.kind.as_str() {
        "repeat" => Words::new("提醒，仍未确认：", "reminder, not acknowledged: "),
        "escalation" => {
            let (step, tier) = escalation(notice);
            Words::new(
                format!("{}，已升级到第{tier}级：", step.zh),
                format!("{}, escalated to tier {tier}: ", step.en),
            )
        }
        "returned" => Words::new("已恢复：", "returned to normal: "),
        "digest_flood" => {
            let (zh, en) = span(gathered.flood_ms);
            Words::new(
                format!("报警集中，汇总：{zh}"),
                format!("many alarms, digest: {en}"),
            )
        }
        "digest_quiet" => Words::new("静音时段汇总：", "digest of the quiet hours: "),
        "digest_settled" => Words::new("启动后汇总：", "digest after the start: "),
        _ => Words::default(),
    }
}

fn span(ms: u64) -> (String, String) {
    match (ms, ms / 1_000) {
        (0, _) => (String::new(), String::new()),
        (_, seconds) if seconds.is_multiple_of(60) => {
            let minutes = seconds / 60;
            (format!("{minutes}分钟内"), format!("within {minutes} min "))
        }
        (_, seconds) => (format!("{seconds}秒内"), format!("within {seconds} s ")),
    }
}

/// How many of what: `12条报警：红1 黄11；恢复3条`.
fn told(notice: &NoticeView) -> Words {
    // What nobody watches any more did not return, whatever is told of its end.
    let unwatched = |line: &&NoticeLineView| {
        let ends = matches!(&*line.about, "fleeting" | "returned");
        ends && line.alarm.unwatched.is_some()
    };
    let count = |about: &str| {
        let lines = notice.alarms.iter();
        match about {
            "unwatched" => lines.filter(unwatched).count(),
            about => lines
                .filter(|it| it.about == about && !unwatched(it))
                .count(),
        }
    };
    let raises = notice.raises.sum();
    let mut parts = Vec::new();
    if raises > 0 {
        let (zh, en) = by_severity(notice.raises);
        parts.push((
            format!("{raises}条报警：{zh}"),
            format!("{raises} alarms: {en}"),
        ));
    }
    for (about, zh, en) in [
        ("fleeting", "其中已自行恢复", "came and went"),
        ("repeated", "未确认", "not acknowledged"),
        ("overdue", "超时", "overdue"),
        ("returned", "恢复", "returned"),
        ("unwatched", "不再监视", "no longer watched"),
    ] {
        let lines = count(about);
        if lines > 0 {
            parts.push((format!("{zh}{lines}条"), format!("{lines} {en}")));
        }
    }
    let (zh, en): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    Words::new(zh.join("；"), en.join("; "))
}

fn by_severity(raises: RaisesView) -> (String, String) {
    let counts = [
        ("红", "red", raises.red),
        ("橙", "orange", raises.orange),
        ("黄", "yellow", raises.yellow),
        ("蓝", "blue", raises.blue),
    ];
    let counts: Vec<_> = counts.into_iter().filter(|it| it.2 > 0).collect();
    let zh: Vec<_> = counts
        .iter()
        .map(|it| format!("{}{}", it.0, it.2))
        .collect();
    let en: Vec<_> = counts
        .iter()
        .map(|it| format!("{} {}", it.1, it.2))
        .collect();
    (zh.join(" "), en.join(", "))
}

/// The worst alarms by name, with value and limit, and how many others there are.
fn named(notice: &NoticeView, names: &Names) -> Words {
    let named = notice.alarms.iter().take(NAMED_MAX);
    let (zh, en): (Vec<_>, Vec<_>) = named
        .map(|line| {
            let alarm = &line.alarm;
            let zh = what(alarm, names, Language::Chinese);
            (zh, what(alarm, names, Language::English))
        })
        .unzip();
    let listed = u32::try_from(notice.alarms.len()).unwrap_or(u32::MAX);
    let named = u32::try_from(NAMED_MAX).unwrap_or(u32::MAX);
    let others = notice.more.saturating_add(listed.saturating_sub(named));
    if zh.is_empty() {
        return Words::default();
    }
    let (mut zh, mut en) = (
        format!("；{}", zh.join("、")),
        format!("; {}", en.join(", ")),
    );
    if others > 0 {
        zh += &format!(" 等，另{others}个");
        en += &format!(" and {others} more");
    }
    Words::new(zh, en)
}

#[cfg(test)]
mod tests;
