//! What is wrong behind one connection: units that do not answer or refuse, and a line on
//! which bytes come that nobody asked for.

use fenghuo_model::Reason;

use super::{Code, SourceMeter};

impl SourceMeter {
    fn unit(&self, unit: u8) -> String {
        format!("{}/{unit}", self.name)
    }

    /// A unit behind the connection gives no reply, for this reason.
    pub fn unit_silent(&self, unit: u8, reason: Reason) {
        let name = &self.name;
        let (zh, en) = match reason {
            Reason::NotConnected => (
                format!("数据源 {name} 的连接在询问从站 {unit} 时被对方关闭"),
                format!("source {name} ends the connection when unit {unit} is asked"),
            ),
            Reason::BadReply => (
                format!("数据源 {name} 的从站 {unit} 的应答不可用"),
                format!("the replies of unit {unit} of source {name} cannot be used"),
            ),
            _ => (
                format!("数据源 {name} 的从站 {unit} 无应答"),
                format!("unit {unit} of source {name} does not answer"),
            ),
        };
        let health = &self.status.health;
        health.raise(Code::UnitSilent, &self.unit(unit), zh, en);
    }

    /// It answers again.
    pub fn unit_answers(&self, unit: u8) {
        let health = &self.status.health;
        health.clear(Code::UnitSilent, &self.unit(unit));
    }

    /// A unit answers, and refuses or fails whatever it is asked for; or does not any more.
    pub fn unit_refuses(&self, unit: u8, reason: Option<Reason>) {
        let words = reason.map(|reason| {
            let (name, why) = (&self.name, reason.as_str());
            (
                format!("数据源 {name} 的从站 {unit} 有应答，但所有读取都被拒绝或失败：{why}"),
                format!("unit {unit} of source {name} answers, but gives no value: {why}"),
            )
        });
        let health = &self.status.health;
        health.set(Code::UnitRefuses, &self.unit(unit), words);
    }

    /// Bytes came again and again that nobody asked for, so late; or do not any more.
    pub fn line_suspect(&self, lateness_ms: Option<u64>) {
        let words = lateness_ms.map(|ms| {
            let name = &self.name;
            // Nothing that came could be told for the reply to something.
            let (latest_zh, latest) = if ms == 0 {
                (String::new(), String::new())
            } else {
                (
                    format!("（最迟 {ms} 毫秒）"),
                    format!(" (by {ms} ms at most)"),
                )
            };
            (
                format!(
                    "数据源 {name} 的线路上屡次出现未经请求的字节或迟到的应答{latest_zh}：\
                     可能超时过短、线路有干扰，或另有主站"
                ),
                format!(
                    "bytes came again and again on source {name} that nobody asked for, or \
                     late{latest}: the time-out is too short, the line is noisy, or \
                     another master talks on it"
                ),
            )
        });
        self.status.health.set(Code::LineSuspect, &self.name, words);
    }
}
