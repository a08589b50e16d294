//! Numbers, spans of time and reasons in words, Chinese and English.

use fenghuo_model::{Reason, Title, Value};

use crate::event::Hold;
use crate::rule::Op;

/// Between the items of a list, in Chinese.
pub const LIST_ZH: &str = "；";
/// Between the items of a list, in English.
pub const LIST_EN: &str = "; ";

/// A text in both languages.
pub fn both(zh: impl Into<String>, en: impl Into<String>) -> Title {
    Title {
        zh: zh.into(),
        en: en.into(),
    }
}

/// Six digits are more than any instrument means; very large and small numbers keep their
/// exponent.
pub fn number(value: f64) -> String {
    let short: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    if short != 0.0 && !(1e-4..1e12).contains(&short.abs()) {
        return format!("{short:e}");
    }
    format!("{short}")
}

/// A number with its unit.
pub fn with_unit(value: f64, unit: &str) -> String {
    if unit.is_empty() {
        return number(value);
    }
    format!("{} {unit}", number(value))
}

/// A reading's value as a person reads it.
pub fn value(value: &Value, unit: &str) -> String {
    match value {
        Value::Bool(true) => "1".to_owned(),
        Value::Bool(false) => "0".to_owned(),
        Value::Text(text) => format!("\"{text}\""),
        other => with_unit(other.as_f64().unwrap_or_default(), unit),
    }
}

/// A span as rule files write it: `500ms`, `5s`, `2m`, `1h`, `7d`.
pub fn span(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ];
    let whole = UNITS
        .iter()
        .find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) => format!("{}{name}", ms / unit),
        None if ms >= 1_000 => format!("{}.{:03}s", ms / 1_000, ms % 1_000),
        None => format!("{ms}ms"),
    }
}

/// What a number does that is beyond a limit, and one that is not.
pub const fn compared(op: Op, beyond: bool) -> (&'static str, &'static str) {
    match (op, beyond) {
        (Op::Above, true) => ("达到或超过", "is at or above"),
        (Op::Above, false) => ("低于", "is below"),
        (Op::Over, true) => ("超过", "is over"),
        (Op::Over, false) => ("未超过", "is not over"),
        (Op::Below, true) => ("达到或低于", "is at or below"),
        (Op::Below, false) => ("高于", "is above"),
        (Op::Under, true) => ("低于", "is under"),
        (Op::Under, false) => ("不低于", "is not under"),
    }
}

/// Why something is unknown.
pub const fn hold(why: Hold) -> (&'static str, &'static str) {
    match why {
        Hold::Reading(reason) => reading(reason),
        Hold::Break => (
            "通信中断期间的数据尚未补传",
            "the data of a break of the link is still to come",
        ),
        Hold::Rule => ("规则已改变或无法判断", "the rule changed or cannot tell"),
        Hold::Source => ("其线路或设备无应答", "its line or device does not answer"),
        Hold::Learning => (
            "数据积累不足（窗口未满或常态未学成）",
            "not enough was seen yet (a window that is not filled, a profile not learned)",
        ),
    }
}

/// The words of a reason by its stable name ([`Hold::as_str`]); none when there is no such.
#[must_use]
pub fn why_held(code: &str) -> Option<Title> {
    let others = [Hold::Break, Hold::Rule, Hold::Source, Hold::Learning];
    let readings = Reason::ALL.iter().map(|reason| Hold::Reading(*reason));
    let mut all = others.into_iter().chain(readings);
    let (zh, en) = hold(all.find(|why| why.as_str() == code)?);
    Some(both(zh, en))
}

/// Why a reading has no value, or a doubtful one.
pub const fn reading(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::Timeout => ("设备应答超时", "the device did not answer in time"),
        Reason::NotConnected => ("未连接到设备", "there is no connection to the device"),
        Reason::BadReply => ("设备应答有误", "the device's answer does not fit"),
        Reason::IllegalFunction => (
            "设备不支持该功能码",
            "the device does not know the function",
        ),
        Reason::IllegalAddress => ("设备没有该寄存器", "the device has no such register"),
        Reason::IllegalValue => ("设备拒绝该请求", "the device refuses the request"),
        Reason::DeviceFailure => ("设备故障", "the device failed"),
        Reason::DeviceBusy => ("设备忙", "the device is busy"),
        Reason::GatewayPath => ("中间网关无通路", "the gateway in between has no path"),
        Reason::OtherException => ("设备返回异常码", "the device answered an exception"),
        Reason::NotANumber => ("不是有效数值", "it is not a number"),
        Reason::OutOfRange => ("超出量程", "it is outside of the instrument's range"),
        Reason::BadPayload => ("报文格式有误", "the payload is not what was expected"),
        Reason::MissingField => ("报文缺少字段", "the payload lacks the field"),
        Reason::WrongType => ("数值类型不符", "the value has another type"),
        Reason::DeviceFlag => (
            "设备自报数据无效",
            "the device marked its value as not good",
        ),
        Reason::Clock => ("网关时钟被调整", "the gateway's clock was set"),
        Reason::DeviceTime => (
            "设备时间有误或早已过去",
            "the device's time cannot be right, or is long past",
        ),
        Reason::Stale => ("超时未上报", "it did not report in time"),
        Reason::GatewaySilent => ("网关失联", "the gateway is silent"),
        Reason::SuspectMapping => ("寄存器映射可疑", "the mapping to a register is suspect"),
        Reason::DeviceOffline => ("设备已离线", "the device went offline"),
    }
}
