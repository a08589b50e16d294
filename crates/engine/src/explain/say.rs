//! The sentences of an explanation.

use fenghuo_model::Title;

use super::find::{finding, quantity, unit};
use super::words::{self, both, span, with_unit};
use super::{LevelAnswer, Watched, Why};
use crate::detect::Seen;
use crate::event::Hold;
use crate::gateway::verdict::Verdict;
use crate::rule::Rule;

/// Chinese and English.
pub type Pair = (String, String);

pub fn pair(zh: impl Into<String>, en: impl Into<String>) -> Pair {
    (zh.into(), en.into())
}

/// The sentence of a binding: that of the level that matters most, and which levels are not
/// armed.
pub fn whole(watched: &Watched) -> Title {
    let Some(level) = watched.levels.iter().min_by_key(|level| weight(level)) else {
        return both("规则没有级别。", "The rule has no level.");
    };
    let mut said = level.verdict.clone();
    if watched.levels.len() > 1 {
        said.zh = format!("[{}] {}", level.name, said.zh);
        said.en = format!("[{}] {}", level.name, said.en);
    }
    if watched.backlog {
        said.zh.insert_str(0, "补传数据：");
        said.en.insert_str(0, "In backlog: ");
    }
    let unarmed = |it: &&LevelAnswer| it.why == Why::Unarmed && level.why != Why::Unarmed;
    for other in watched.levels.iter().filter(unarmed) {
        said.zh += &format!("级别 {} 未设限值，未投用。", other.name);
        said.en += &format!(" Level {} has no limit yet and is not armed.", other.name);
    }
    said
}

/// What matters most comes first: of what is up the worst, of what is not the one that
/// would come first.
fn weight(level: &LevelAnswer) -> (u8, i16) {
    let severity = i16::from(level.severity.ordinal());
    let rank = match level.why {
        Why::Up => 0,
        Why::Held => 1,
        Why::Kept => 2,
        Why::Clearing => 3,
        Why::Latched => 4,
        Why::Returned => 5,
        Why::Due => 6,
        Why::Pending => 7,
        Why::Unknown(_) => 8,
        Why::Silent => 9,
        Why::NoData => 10,
        Why::Between => 11,
        Why::Normal => 12,
        Why::Closed => 13,
        Why::Unarmed => 14,
    };
    (rank, if rank <= 7 { -severity } else { severity })
}

/// The sentence of a level.
pub fn level(rule: &Rule, watched: &Watched, level: &LevelAnswer) -> Title {
    let (mut zh, mut en) = if level.alarm.is_some() && !is_absent(level.why) {
        standing(rule, watched, level)
    } else {
        absent(rule, watched, level)
    };
    for (cover_zh, cover_en) in covers(level) {
        zh += &format!("；{cover_zh}");
        en += &format!("; {cover_en}");
    }
    both(format!("{zh}。"), format!("{en}."))
}

const fn is_absent(why: Why) -> bool {
    !why.is_up() && !matches!(why, Why::Returned | Why::Latched)
}

/// An alarm that is not normal.
fn standing(rule: &Rule, watched: &Watched, level: &LevelAnswer) -> Pair {
    let alarm = level.alarm.as_ref();
    let since = alarm.map(|alarm| alarm.raised_at).unwrap_or_default();
    let returned = alarm.and_then(|alarm| alarm.returned_at).unwrap_or(since);
    let (found_zh, found_en) = finding(rule, watched, level);
    match level.why {
        Why::Held => {
            let held = alarm.and_then(|alarm| alarm.held);
            let (zh, en) = words::hold(held.unwrap_or(Hold::Rule));
            pair(
                format!("报警保持（始于 {since:#}）：{zh}，能判断之前不会解除"),
                format!(
                    "Alarm held (since {since:#}): {en}, and it does not clear before that is known"
                ),
            )
        }
        Why::Kept => {
            let (zh, en) = between(rule, watched, level);
            pair(
                format!("仍在报警（始于 {since:#}）：{zh}，尚不能解除"),
                format!("Still in alarm (since {since:#}): {en}, which does not clear it"),
            )
        }
        Why::Clearing => {
            let (from, due) = running(level);
            let wait = span(level.off_ms.into());
            pair(
                format!("即将解除：{found_zh}，自 {from} 起，须持续 {wait}，到 {due} 解除"),
                format!(
                    "About to clear: {found_en} since {from}; it must last {wait}, until {due}"
                ),
            )
        }
        Why::Returned => pair(
            format!("报警已于 {returned:#} 恢复，尚无人确认；现在{found_zh}"),
            format!(
                "The alarm was over at {returned:#}, and nobody has acknowledged it; now {found_en}"
            ),
        ),
        Why::Latched => pair(
            format!("报警已于 {returned:#} 恢复，但已自锁，须人工复位；现在{found_zh}"),
            format!(
                "The alarm was over at {returned:#}, and is latched: a person must reset it; now {found_en}"
            ),
        ),
        _ => pair(
            format!("报警中（始于 {since:#}）：{found_zh}"),
            format!("In alarm (since {since:#}): {found_en}"),
        ),
    }
}

/// A level without an alarm.
fn absent(rule: &Rule, watched: &Watched, level: &LevelAnswer) -> Pair {
    let (found_zh, found_en) = finding(rule, watched, level);
    match level.why {
        Why::Unarmed => pair(
            "未投用：限值须由现场设计给出，尚未设定",
            "Not armed: its limit must come from the site's design and is not set yet",
        ),
        Why::NoData => pair(
            "未报警：网关尚未送来可判断的数据",
            "No alarm: the gateway has sent nothing to judge yet",
        ),
        Why::Closed => closed(watched),
        Why::Silent => {
            let at = watched.at.unwrap_or_default();
            pair(
                format!("无法判断：网关失联；最后一次判断于 {at:#}：{found_zh}"),
                format!("Unknown: the gateway is silent; when last judged, at {at:#}, {found_en}"),
            )
        }
        Why::Unknown(why) => {
            let (zh, en) = words::hold(why);
            let (by_zh, by_en) = culprit(watched, why);
            pair(
                format!("无法判断，不报警也不解除：{zh}{by_zh}"),
                format!("Unknown, so it neither fires nor clears: {en}{by_en}"),
            )
        }
        Why::Pending => {
            let (from, due) = running(level);
            let wait = span(level.for_ms.into());
            pair(
                format!("尚未报警：{found_zh}，自 {from} 起，须持续 {wait}，到 {due} 报警"),
                format!(
                    "Not yet in alarm: {found_en} since {from}; it must last {wait}, until {due}"
                ),
            )
        }
        Why::Due => pair(
            format!("尚未报警：{found_zh}，下一帧判断时报警"),
            format!("Not yet in alarm: {found_en}, and it comes with the next frame"),
        ),
        Why::Between => {
            let (zh, en) = between(rule, watched, level);
            pair(
                format!("未报警：{zh}，此时不产生新报警"),
                format!("No alarm: {en}, where none begins"),
            )
        }
        _ => pair(
            format!("未报警：{found_zh}"),
            format!("No alarm: {found_en}"),
        ),
    }
}

fn closed(watched: &Watched) -> Pair {
    let Some(gate) = &watched.gate else {
        return pair(
            "未报警：规则现在不生效",
            "No alarm: the rule does not work now",
        );
    };
    let (zh, en) = if gate.inside {
        ("之内", "inside")
    } else {
        ("之外", "outside")
    };
    pair(
        format!(
            "未报警：规则只在日历 {} {zh}生效，现在不生效",
            gate.calendar
        ),
        format!(
            "No alarm: the rule works {en} of the calendar {} only, which is not now",
            gate.calendar
        ),
    )
}

/// Since when something runs, and until when.
fn running(level: &LevelAnswer) -> Pair {
    let since = match &level.state {
        Verdict::Pending { since, .. } | Verdict::Clearing { since } => format!("{since:#}"),
        _ => String::new(),
    };
    (
        since,
        level.due.map(|due| format!("{due:#}")).unwrap_or_default(),
    )
}

fn covers(level: &LevelAnswer) -> Vec<Pair> {
    let mut covers = Vec::new();
    let Some(alarm) = &level.alarm else {
        return covers;
    };
    if let Some(shelf) = &alarm.shelf {
        let (by, until) = (&shelf.by, shelf.until);
        covers.push(pair(
            format!("已由 {by} 搁置至 {until:#}"),
            format!("shelved by {by} until {until:#}"),
        ));
    }
    if let Some(by) = &alarm.suppressed_by {
        covers.push(pair(
            format!("因 {by} 的状态被设计抑制"),
            format!("suppressed by design, by the state of {by}"),
        ));
    }
    if let Some(permit) = &alarm.out {
        let (number, until) = (&permit.permit, permit.until);
        covers.push(pair(
            format!("凭许可 {number} 停用至 {until:#}"),
            format!("out of service under permit {number} until {until:#}"),
        ));
    }
    if let Some(booking) = &alarm.planned {
        covers.push(pair(
            format!("发生在计划窗口 {booking} 内"),
            format!("raised within the planned window {booking}"),
        ));
    }
    covers
}

/// Which point cannot be told, when it is not the detector's own.
fn culprit(watched: &Watched, why: Hold) -> Pair {
    let bad = |input: &&super::Input| {
        let reason = input
            .last
            .as_ref()
            .and_then(|(_, sample)| match sample.reading {
                fenghuo_model::Reading::Bad(reason) => Some(Hold::Reading(reason)),
                _ => None,
            });
        input.away.or(reason) == Some(why)
    };
    let Some(input) = watched.inputs.iter().find(bad) else {
        return Pair::default();
    };
    if let [down, ..] = input.down.as_slice() {
        return pair(format!("（{down}）"), format!(" ({down})"));
    }
    if input.role == super::Role::Own {
        return Pair::default();
    }
    pair(
        format!("（{}）", input.point),
        format!(" ({})", input.point),
    )
}

/// Between reset and limit, or in doubt.
fn between(rule: &Rule, watched: &Watched, level: &LevelAnswer) -> Pair {
    match (watched.seen, level.limit, level.tally) {
        (Some(Seen::Number(value, doubtful)), Some(limit), None) => {
            let unit = unit(rule, watched.unit);
            let (what_zh, what_en) = quantity(rule, value, unit);
            if doubtful && !limit.op.holds(value, limit.reset) {
                return pair(
                    format!("{what_zh} 可疑（质量为 uncertain）"),
                    format!("{what_en} is in doubt (its quality is uncertain)"),
                );
            }
            let (reset, limit) = (with_unit(limit.reset, unit), with_unit(limit.value, unit));
            pair(
                format!("{what_zh} 介于复位值 {reset} 与限值 {limit} 之间"),
                format!("{what_en} lies between the reset {reset} and the limit {limit}"),
            )
        }
        _ => {
            let (zh, en) = finding(rule, watched, level);
            pair(
                format!("{zh}，但数值可疑或未过复位值"),
                format!("{en}, in doubt or not past the reset"),
            )
        }
    }
}
