//! What delivery shows of itself: gauges, and the problems that follow from them.

use fenghuo_model::Timestamp;
use fenghuo_uplink::outbox::Outbox;

use super::ages::Ages;
use crate::clock::ReadClock;
use crate::mqtt::Trouble;
use crate::status::{Code, DestinationMeter, Status};

/// How long the server may be silent before that is a problem.
const SILENT_MS: u64 = 10_000;
/// And how long a connection may be silent that answered before: the outbox says hello after
/// 30 s without a receipt.
const UNANSWERED_MS: u64 = 30_000 + SILENT_MS;
/// Data older than this waits: a problem. The outbox's default horizon.
const BACKLOG_SECONDS: i64 = 60;
/// Gauges are renewed at most this often.
const GAUGE_MS: u64 = 200;

/// The gauges of one destination.
#[derive(Debug)]
pub struct Gauges {
    destination: String,
    status: Status,
    meter: DestinationMeter,
    ages: Ages,
    silent_since: Option<u64>,
    next_at: u64,
    /// Why there is no connection.
    trouble: Option<Trouble>,
    /// Whether something changed since they were renewed.
    is_stale: bool,
}

impl Gauges {
    pub fn new(destination: &str, status: &Status, meter: DestinationMeter) -> Self {
        Self {
            destination: destination.to_owned(),
            status: status.clone(),
            meter,
            ages: Ages::default(),
            silent_since: None,
            trouble: None,
            next_at: 0,
            is_stale: false,
        }
    }

    /// There is no connection, for this reason.
    pub fn failed(&mut self, trouble: Trouble) {
        self.trouble = Some(trouble);
    }

    /// There is one.
    pub fn reached(&mut self) {
        self.trouble = None;
    }

    /// A frame waits for its receipt.
    pub fn spooled(&mut self, seq: u64, steady: Timestamp) {
        self.ages.add(seq, steady);
    }

    /// When they must be renewed though nothing happens, so that what is shown last is true.
    pub fn due(&self) -> Option<u64> {
        self.is_stale.then_some(self.next_at)
    }

    /// Renews them, if it is time. The connection was made, or last answered, when it was
    /// heard, but for what its link needs; never heard is no connection.
    pub fn show(&mut self, outbox: &Outbox, heard: Option<u64>, clock: &ReadClock) {
        let now = clock.monotonic();
        self.is_stale = now < self.next_at;
        if self.is_stale {
            return;
        }
        self.next_at = now + GAUGE_MS;
        let health = &self.status.health;
        let pending = outbox.pending();
        let backlog = if pending == 0 {
            0
        } else {
            self.ages.backlog_seconds(outbox.oldest(), clock.steady())
        };
        let frames = i64::try_from(pending).unwrap_or(i64::MAX);
        self.meter.pending.set(frames);
        self.meter.backlog_seconds.set(backlog);
        // The outbox alone would not notice while it is not asked for want of room.
        let is_mute = heard.is_some_and(|heard| now >= heard + UNANSWERED_MS);
        let is_up = outbox.is_up() && !is_mute;
        self.meter.up.set(i64::from(is_up));
        if is_up {
            self.silent_since = None;
        } else {
            self.silent_since.get_or_insert(now);
        }
        let is_silent = self
            .silent_since
            .is_some_and(|since| now > since + SILENT_MS);
        let is_connected = heard.is_some();
        let is_down = is_silent || is_mute || !is_connected;
        let words = is_down.then(|| self.silence(is_connected));
        health.set(Code::DestinationDown, &self.destination, words);
        let words = (backlog > BACKLOG_SECONDS).then(|| {
            (
                format!("有 {backlog} 秒前的数据等待上传"),
                format!("data from {backlog} s ago waits to be delivered"),
            )
        });
        health.set(Code::Backlog, &self.destination, words);
    }

    /// Who is silent: the broker, or the server behind it.
    fn silence(&self, is_connected: bool) -> (String, String) {
        let name = &self.destination;
        if is_connected {
            return (
                format!(
                    "上级目标 {name} 的代理已连上，但服务器没有回应（是否在运行、是否接同一代理、主题权限），数据保存在本地"
                ),
                format!(
                    "the broker of destination {name} is connected, but no server answers behind it (is it running, at this broker, allowed these topics?); data is kept here"
                ),
            );
        }
        let why = self.trouble.as_ref();
        let zh = why.map_or_else(String::new, |it| format!("：{}", it.zh));
        let en = why.map_or_else(String::new, |it| format!(": {}", it.en));
        (
            format!("上级目标 {name} 无应答，数据保存在本地{zh}"),
            format!("destination {name} does not answer; data is kept here{en}"),
        )
    }
}
