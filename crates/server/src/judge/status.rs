//! Once a second: gateways and health, as screens and supervisors see them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fenghuo_history::History;
use fenghuo_model::Severity;
use tokio::sync::Notify;

use super::Judge;
use crate::clock;
use crate::ingest::GateView;
use crate::intake::Intake;
use crate::metrics::{GatewayState, Queue};
use crate::notify::carriers;
use crate::view::{GatewayView, HealthView, HistoryView, LogView, Trouble};

/// A gateway's clock may be off by this much before it is called a fault.
const SKEW_MS_MAX: i64 = 5_000;
/// The judge may lag this much before it is called a fault.
const LAG_MS_MAX: i64 = 5_000;
/// A rule of a pack that has nothing to watch here: told, but no fault of the server.
const UNUSED_RULE: &str = "unused_rule";
/// A level whose limit the site's design must give: told, but no fault of the server.
const UNARMED: &str = "unarmed";
/// A receiver names a carrier that the server does not have.
const NO_CARRIER: &str = "no_carrier";
/// A standard past its day: told, but no fault of the server.
pub const OUTDATED: &str = "outdated_standard";
/// What a person must decide, while the server does all it can.
const NO_FAULTS: [&str; 3] = [UNUSED_RULE, UNARMED, OUTDATED];
/// Unbound rules named one by one; the rest is counted.
const UNBOUND_SHOWN: usize = 20;
/// Rules without a point that are named.
const UNUSED_SHOWN: usize = 5;

/// Where health looks besides the judge's own state.
#[derive(Clone)]
pub struct Sources {
    /// The log's id.
    pub log_id: String,
    /// The store of samples.
    pub history: History,
    /// What went wrong with history last, if it still is.
    pub history_fault: Arc<std::sync::Mutex<Option<String>>>,
    /// Woken when events were written: carriers look at their queues then.
    pub told: Arc<Notify>,
    /// What is wrong with each carrier and sink, while it is.
    pub outward: Vec<Arc<std::sync::Mutex<Option<Trouble>>>>,
    /// The queues in front of the log.
    pub intake: Intake,
    /// Faults found at start.
    pub at_start: Vec<Trouble>,
}

/// Shows gateways and health.
pub fn show(judge: &mut Judge) {
    show_gateways(judge);
    let health = health(judge);
    judge.parts.board.health(health);
    let mut counts = [0; 4];
    for alarm in judge.engine.book().iter() {
        counts[usize::from(alarm.severity().ordinal()) - 1] += 1;
    }
    for severity in Severity::ALL {
        let count = counts[usize::from(severity.ordinal()) - 1];
        judge.parts.metrics.alarms_active(severity, count);
    }
    judge.parts.metrics.tick();
    let intake = &judge.parts.sources.intake;
    let (live, backlog) = intake.waiting();
    judge.parts.metrics.intake_waiting(live, backlog);
    for (queue, count) in [
        (Queue::Live, &intake.drops.live),
        (Queue::Backlog, &intake.drops.backlog),
        (Queue::Control, &intake.drops.control),
        (Queue::Malformed, &intake.drops.malformed),
    ] {
        judge
            .parts
            .metrics
            .intake_dropped(queue, count.load(Ordering::Relaxed));
    }
}

fn show_gateways(judge: &Judge) {
    let gates = judge
        .parts
        .shared
        .gates
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clone();
    let mut states = BTreeMap::new();
    for seen in judge.engine.gateways() {
        let gate = gates.get(&seen.key).cloned().unwrap_or_default();
        let view = gateway(&seen, &gate);
        *states.entry(view.state.clone()).or_insert(0) += 1;
        let key = seen.key.to_string();
        let changed = judge.parts.board.read().gateways.get(&key) != Some(&view);
        if changed {
            judge.parts.board.gateway(view);
        }
    }
    for (name, state) in [
        ("live", GatewayState::Live),
        ("backlog", GatewayState::Backlog),
        ("silent", GatewayState::Silent),
        ("unknown", GatewayState::Unknown),
    ] {
        judge
            .parts
            .metrics
            .gateways(state, states.get(name).copied().unwrap_or(0));
    }
}

fn gateway(seen: &fenghuo_engine::GatewayView, gate: &GateView) -> GatewayView {
    let state = match (seen.silent, seen.heard, seen.backlog) {
        (true, ..) => "silent",
        (false, false, _) => "unknown",
        (false, true, Some(_)) => "backlog",
        (false, true, None) => "live",
    };
    GatewayView {
        enterprise: seen.key.enterprise.to_string(),
        gateway: seen.key.gateway.to_string(),
        state: state.to_owned(),
        connected: gate.connected,
        last_seen: seen.last_seen.map(|at| at.as_millis()),
        watermark: seen.watermark.map(|at| at.as_millis()),
        lag_ms: gate.lag_ms,
        skew_ms: gate.skew_ms,
        backlog_frames: seen
            .backlog
            .map_or(0, |(next, until)| until.saturating_sub(next)),
        epoch: format!("{:016x}", gate.epoch),
        points: seen.points,
        refused: gate.refused,
        duplicates: gate.duplicates,
        corrupt: gate.corrupt,
        gaps: gate.gaps,
        faults: faults(seen, gate),
    }
}

fn faults(seen: &fenghuo_engine::GatewayView, gate: &GateView) -> Vec<Trouble> {
    let mut faults = Vec::new();
    if let Some(skew) = gate.skew_ms.filter(|skew| skew.abs() > SKEW_MS_MAX) {
        let seconds = skew / 1_000;
        faults.push(Trouble::new(
            "clock_skew",
            format!("网关时钟偏差 {seconds} 秒"),
            format!("gateway clock is off by {seconds} s"),
        ));
    }
    for (count, code, zh, en) in [
        (
            gate.refused,
            "refused",
            "帧被永久拒收",
            "frames refused for ever",
        ),
        (
            gate.corrupt,
            "corrupt",
            "帧在途中损坏",
            "frames damaged on the way",
        ),
        (
            gate.malformed,
            "malformed",
            "无法识别的报文",
            "messages that cannot be read",
        ),
        (
            seen.unjudged,
            "unjudged",
            "帧无法判定",
            "frames that could not be judged",
        ),
    ] {
        if count > 0 {
            faults.push(Trouble::new(
                code,
                format!("{zh} {count}"),
                format!("{count} {en}"),
            ));
        }
    }
    faults
}

/// Everything that is wrong, the most pressing first.
fn problems(judge: &Judge) -> Vec<Trouble> {
    let shared = &judge.parts.shared;
    let lag = shared.judge_lag_ms.load(Ordering::Relaxed);
    let room = shared.has_room.load(Ordering::Relaxed);
    let mut problems = judge.parts.sources.at_start.clone();
    if !room {
        problems.push(Trouble::new(
            "no_room",
            "磁盘空间不足：暂停接收数据，腾出空间后自动恢复",
            "no room on the disk: data is refused until there is room again",
        ));
    }
    let log_fault = shared
        .fault
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clone();
    let history_fault = judge.parts.sources.history_fault.lock();
    let history_fault = history_fault
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clone();
    for (what, code, zh) in [
        (judge.fault.clone(), "judge", "判定停顿"),
        (log_fault, "log", "日志写入失败"),
        (history_fault, "history", "历史库写入失败"),
    ] {
        if let Some(what) = what {
            problems.push(Trouble::new(code, format!("{zh}：{what}"), what));
        }
    }
    if lag > LAG_MS_MAX {
        problems.push(Trouble::new(
            "judge_lag",
            format!("判定延迟 {lag} 毫秒"),
            format!("judging lags {lag} ms"),
        ));
    }
    if judge.differences > 0 || judge.engine.impossible() > 0 {
        let count = judge.differences + judge.engine.impossible();
        problems.push(Trouble::new(
            "replay_differs",
            format!("重放与日志簿不一致 {count} 处"),
            format!("{count} differences between replay and journal"),
        ));
    }
    for fault in &judge.parts.sources.outward {
        let fault = fault
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        problems.extend(fault.clone());
    }
    no_carrier(judge, &mut problems);
    unbound(judge, &mut problems);
    problems
}

fn health(judge: &Judge) -> HealthView {
    let shared = &judge.parts.shared;
    let problems = problems(judge);
    let lag = shared.judge_lag_ms.load(Ordering::Relaxed);
    let room = shared.has_room.load(Ordering::Relaxed);
    let sound = problems
        .iter()
        .all(|it| NO_FAULTS.contains(&it.code.as_str()));
    let status = match (room, sound) {
        (false, _) => "refusing",
        (true, false) => "degraded",
        (true, true) => "ok",
    };
    let stats = judge.parts.sources.history.stats();
    HealthView {
        status: status.to_owned(),
        problems,
        now: clock::now().as_millis(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        log: LogView {
            id: judge.parts.sources.log_id.clone(),
            first: Some(shared.log_first.load(Ordering::Relaxed)),
            next: shared.log_next.load(Ordering::Relaxed),
            bytes: shared.log_bytes.load(Ordering::Relaxed),
            free_bytes: shared.free_bytes.load(Ordering::Relaxed),
        },
        judge_lag_ms: lag,
        history: HistoryView {
            series: stats.series,
            head_samples: stats.head_samples,
            bytes: stats.bytes,
        },
    }
}

/// Somebody would not be told.
fn no_carrier(judge: &Judge, problems: &mut Vec<Trouble>) {
    let receivers = &judge.engine.rules().receivers;
    let missing = carriers::missing(receivers, &judge.parts.carriers);
    for (receiver, carrier) in missing.into_iter().take(UNBOUND_SHOWN) {
        problems.push(Trouble::new(
            NO_CARRIER,
            format!("接收者 {receiver} 的通道不存在：{carrier}"),
            format!("receiver {receiver} names a carrier that the server does not have: {carrier}"),
        ));
    }
}

fn unbound(judge: &Judge, problems: &mut Vec<Trouble>) {
    // A pack is written for every plant of its kind: most of its rules find nothing at one.
    let unused = judge.engine.unused_rules();
    if !unused.is_empty() {
        let some = unused[..unused.len().min(UNUSED_SHOWN)].join(", ");
        let count = unused.len();
        problems.push(Trouble::new(
            UNUSED_RULE,
            format!("{count} 条规则没有选中任何测点：{some} 等"),
            format!("{count} rules select no point: {some} .."),
        ));
    }
    let all = || judge.engine.problems();
    for problem in all().filter(|it| it.level.is_none()).take(UNBOUND_SHOWN) {
        let (rule, point, why) = (&problem.rule, &problem.point, problem.why.say());
        problems.push(Trouble::new(
            "unbound",
            format!("规则无法生效：{rule} @ {point}：{}", why.zh),
            format!("rule cannot watch: {rule} @ {point}: {}", why.en),
        ));
    }
    let unarmed = all().filter_map(|it| Some((it, it.level.as_ref()?)));
    for (problem, level) in unarmed.take(UNBOUND_SHOWN) {
        let what = format!("{}/{level} @ {}", problem.rule, problem.point);
        problems.push(Trouble::new(
            UNARMED,
            format!("缺设计限值，未布防：{what}"),
            format!("not armed, its limit must come from the site's design: {what}"),
        ));
    }
}
