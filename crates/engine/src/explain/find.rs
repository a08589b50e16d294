//! What a detector sees, in words.

use fenghuo_model::Unit;

use super::say::{Pair, pair};
use super::words::{self, number, span, with_unit};
use super::{LevelAnswer, Watched};
use crate::detect::Seen;
use crate::gateway::bind::BoundLimit;
use crate::gateway::verdict::Condition;
use crate::rule::{Counted, Detector, Is, Order, Rule, Scale, Span, Stat, Window};

/// What the detector sees, beside the limit.
pub fn finding(rule: &Rule, watched: &Watched, level: &LevelAnswer) -> Pair {
    let unit = unit(rule, watched.unit);
    if let Some(tally) = level.tally {
        return tallied(tally, level.limit, unit);
    }
    match (watched.seen, &rule.detector) {
        (None, _) => pair("没有数据", "there is no data"),
        (Some(Seen::Unknown(why)), _) if level.condition == Some(Condition::True) => {
            let (zh, en) = words::hold(why);
            pair(
                format!("{zh}，此规则把无法判断视为报警条件"),
                format!("{en}, which this rule takes for its condition"),
            )
        }
        (Some(Seen::Unknown(why)), _) => {
            let (zh, en) = words::hold(why);
            pair(zh, en)
        }
        (Some(Seen::Number(value, _)), Detector::Forecast(spec)) => {
            forecast(spec.ahead_ms, value, level, unit)
        }
        (Some(Seen::Number(value, _)), _) => {
            let (what_zh, what_en) = quantity(rule, value, unit);
            let Some(limit) = level.limit else {
                return (what_zh, what_en);
            };
            let (zh, en) = words::compared(limit.op, limit.op.holds(value, limit.value));
            let limit = with_unit(limit.value, unit);
            pair(
                format!("{what_zh} {zh}限值 {limit}"),
                format!("{what_en} {en} the limit {limit}"),
            )
        }
        (Some(Seen::Truth(truth, _)), detector) => {
            let last = watched.inputs.first().and_then(|input| input.last.as_ref());
            let last = last.and_then(|(_, sample)| sample.reading.value());
            let last = last.map(|value| words::value(value, watched.unit.symbol()));
            stated(detector, truth, &last.unwrap_or_else(|| "-".to_owned()))
        }
    }
}

fn tallied(tally: super::Tally, limit: Option<BoundLimit>, unit: &str) -> Pair {
    let super::Tally {
        beyond,
        unknown,
        of,
        needed,
    } = tally;
    let (mut zh, mut en) = match limit {
        Some(limit) => {
            let (op_zh, op_en) = words::compared(limit.op, true);
            let limit = with_unit(limit.value, unit);
            pair(
                format!("{of} 个测点中 {beyond} 个{op_zh}限值 {limit}，须 {needed} 个"),
                format!(
                    "{beyond} of {of} points: value {op_en} the limit {limit}, and {needed} are needed"
                ),
            )
        }
        None => pair(
            format!("{of} 个测点中 {beyond} 个正在报警，须 {needed} 个"),
            format!("{beyond} of {of} points are in alarm, and {needed} are needed"),
        ),
    };
    if unknown > 0 {
        zh += &format!("，{unknown} 个无法判断");
        en += &format!(", {unknown} cannot be told");
    }
    (zh, en)
}

fn forecast(ahead_ms: u64, value: f64, level: &LevelAnswer, unit: &str) -> Pair {
    let now = with_unit(value, unit);
    let limit = level
        .limit
        .map_or_else(String::new, |it| with_unit(it.value, unit));
    let within = span(ahead_ms);
    let sure = level.ahead.and_then(|ahead| ahead.sure_ms);
    match sure.map(|ms| span(ms / 1_000 * 1_000)) {
        Some(wait) => pair(
            format!("当前值 {now}，按此趋势约 {wait} 后到限值 {limit}（预警期 {within}）"),
            format!(
                "the value {now} reaches the limit {limit} in about {wait} on this trend ({within} counts)"
            ),
        ),
        None => pair(
            format!("当前值 {now}，按此趋势不会在 {within} 内到限值 {limit}"),
            format!(
                "the value {now} does not reach the limit {limit} within {within} on this trend"
            ),
        ),
    }
}

/// The unit of the detector's number.
pub fn unit(rule: &Rule, unit: Unit) -> &'static str {
    match rule.detector.scale() {
        Scale::Value | Scale::Difference => unit.symbol(),
        Scale::Bare | Scale::Truth => "",
    }
}

/// What the number is.
pub fn quantity(rule: &Rule, value: f64, unit: &str) -> Pair {
    let value = with_unit(value, unit);
    match &rule.detector {
        Detector::Rate(rate) => {
            let per = span(rate.per_ms);
            pair(
                format!("变化率 {value} / {per}"),
                format!("the rate {value} per {per}"),
            )
        }
        Detector::Deviation { .. } => pair(
            format!("与其他测点中位数之差 {value}"),
            format!("the distance {value} from the median of the others"),
        ),
        Detector::Count(count) => {
            let over = span(count.over_ms);
            let (zh, en) = match count.of {
                Counted::Rises => ("启动次数", "starts"),
                Counted::Increase => ("增量", "the increase"),
                Counted::Samples => ("样本数", "samples"),
            };
            pair(
                format!("{over} 内{zh} {value}"),
                format!("{en} within {over}, {value},"),
            )
        }
        Detector::Window(window) => statistic(window, &value),
        Detector::Anomaly(_) => pair(
            format!("偏离本时段常态 {value} 倍标准差"),
            format!("the distance from what is usual at this hour, {value} deviations,"),
        ),
        Detector::Expression(expression) => pair(
            format!("表达式 {} 的值 {value}", expression.when),
            format!("the value {value} of the expression {}", expression.when),
        ),
        _ => pair(format!("当前值 {value}"), format!("the value {value}")),
    }
}

fn statistic(window: &Window, value: &str) -> Pair {
    let over = match window.span {
        Span::Time(ms) => span(ms),
        Span::Samples(count) => format!("{count} samples"),
    };
    let (zh, en) = match window.stat {
        Stat::Min => ("最小值".to_owned(), "the minimum".to_owned()),
        Stat::Max => ("最大值".to_owned(), "the maximum".to_owned()),
        Stat::Mean => ("平均值".to_owned(), "the mean".to_owned()),
        Stat::Deviation => ("标准差".to_owned(), "the standard deviation".to_owned()),
        Stat::Quantile(share) => (
            format!("{} 分位数", number(share)),
            format!("the {} quantile", number(share)),
        ),
        Stat::Sum => ("总和".to_owned(), "the sum".to_owned()),
        Stat::Delta => ("变化量".to_owned(), "the change".to_owned()),
    };
    pair(
        format!("{over} 窗口{zh} {value}"),
        format!("{en} over {over}, {value},"),
    )
}

/// What a detector that gives a truth says; `last` is its own point's value.
fn stated(detector: &Detector, truth: bool, last: &str) -> Pair {
    match detector {
        Detector::State { is, not } => state(is, *not, last),
        Detector::Interlock { when_on, .. } => interlock(*when_on, truth, last),
        Detector::Stale { within_ms } => {
            let within = span(*within_ms);
            let (zh, en) = choose(
                truth,
                ("没有数值", "there was no value for"),
                ("有数值", "there was a value within"),
            );
            let already = if truth { "已有 " } else { "" };
            let inside = if truth { " " } else { " 内" };
            pair(
                format!("{already}{within}{inside}{zh}"),
                format!("{en} {within}"),
            )
        }
        Detector::Flat(flat) => {
            let within = span(flat.within_ms);
            let (zh, en) = choose(
                truth,
                ("没有变化", "it has not moved for"),
                ("有变化", "it moved within"),
            );
            pair(
                format!("{within} 内{zh}，当前值 {last}"),
                format!("{en} {within}, the value is {last}"),
            )
        }
        Detector::Sequence(sequence) => {
            let within = span(sequence.within_ms);
            let (zh, en) = choose(
                truth == (sequence.order == Order::Follows),
                ("后一动作已跟随", "the second followed"),
                ("没有后一动作跟随", "the second did not follow"),
            );
            pair(format!("{within} 内{zh}"), format!("{en} within {within}"))
        }
        Detector::Expression(expression) => {
            let when = &expression.when;
            let (zh, en) = choose(truth, ("成立", "holds"), ("不成立", "does not hold"));
            pair(
                format!("表达式{zh}：{when}"),
                format!("the expression {en}: {when}"),
            )
        }
        _ => {
            let (zh, en) = choose(truth, ("成立", "holds"), ("不成立", "does not hold"));
            pair(format!("条件{zh}"), format!("the condition {en}"))
        }
    }
}

fn state(is: &Is, not: bool, last: &str) -> Pair {
    let wanted = match is {
        Is::On => "1".to_owned(),
        Is::Off => "0".to_owned(),
        Is::Number(code) => number(*code),
        Is::Text(text) => format!("\"{text}\""),
    };
    let (zh, en) = if not {
        ("不是 ", "other than ")
    } else {
        ("", "")
    };
    pair(
        format!("状态为 {last}（报警条件：{zh}{wanted}）"),
        format!("the state is {last} (it alarms at {en}{wanted})"),
    )
}

fn interlock(when_on: bool, truth: bool, last: &str) -> Pair {
    if !truth {
        return pair(
            format!("联锁要求已满足（状态 {last}）"),
            format!("what it requires is given (its state is {last})"),
        );
    }
    let (zh, en) = choose(when_on, ("投运", "on"), ("停运", "off"));
    pair(
        format!("该测点为{zh}，而所需测点未投运"),
        format!("it is {en} while a point that it requires is off"),
    )
}

const fn choose(
    truth: bool,
    holds: (&'static str, &'static str),
    holds_not: (&'static str, &'static str),
) -> (&'static str, &'static str) {
    if truth { holds } else { holds_not }
}
