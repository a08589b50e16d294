//! What is known of one line and the devices behind it, as samples of their state points.
//! Pure: the time is passed in, and what happened is told by whoever owns the connection.
//!
//! - A **line** answers once its connection stands, and does not once one could not be opened.
//!   A connection that was lost says nothing yet: most are open again at once.
//! - A **device** answers at any valid reply, an exception included; it does not after
//!   [`SILENT_REQUESTS`] requests in a row without one, and no sooner than [`SILENT_MS`] after
//!   the first of them. From its first failure, and while its line is down, it is unknown.
//! - A change is told at once, and everything that is known once every [`HEARTBEAT_MS`].
//!   Before the first attempt has ended nothing is known, and nothing is told.
//!
//! What must stay true: while a line is told as down, none of its devices is told as anything
//! but unknown, so that one dead line is one alarm. Bounded by the configuration: one entry a
//! device.

use fenghuo_model::source::HEARTBEAT_MS;
use fenghuo_model::{Reading, Reason, Sample, Timestamp, Value};

/// Requests in a row without a valid reply after which a device is told as silent.
pub const SILENT_REQUESTS: u32 = 3;
/// Shortest such row, from its first failure, in milliseconds.
pub const SILENT_MS: u64 = 5_000;

const BEAT_MS: u64 = HEARTBEAT_MS as u64;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answers {
    Yes,
    No,
    Unknown,
}

impl Answers {
    const fn reading(self) -> Reading {
        match self {
            Self::Yes => Reading::Good(Value::Bool(true)),
            Self::No => Reading::Good(Value::Bool(false)),
            Self::Unknown => Reading::Bad(Reason::NotConnected),
        }
    }
}

/// A state point and what it was last told as.
#[derive(Clone, Copy, Debug)]
struct Entry {
    point: u32,
    known: Option<Answers>,
    told: Option<Answers>,
}

impl Entry {
    const fn new(point: u32) -> Self {
        Self {
            point,
            known: None,
            told: None,
        }
    }

    fn has_changed(&self) -> bool {
        self.known != self.told
    }

    fn tell(&mut self, time: Timestamp, is_beat: bool, out: &mut Vec<(u32, Sample)>) {
        let Some(known) = self.known else {
            return;
        };
        if is_beat || self.has_changed() {
            self.told = self.known;
            let reading = known.reading();
            out.push((self.point, Sample { time, reading }));
        }
    }
}

/// Requests in a row without a valid reply.
#[derive(Clone, Copy, Debug)]
struct Row {
    since: u64,
    requests: u32,
}

#[derive(Clone, Copy, Debug)]
struct Device {
    entry: Entry,
    row: Option<Row>,
}

impl Device {
    /// When the row has lasted long enough, if it is only time that lacks.
    fn silent_at(&self) -> Option<u64> {
        let row = self.row.filter(|row| row.requests >= SILENT_REQUESTS)?;
        (self.entry.known != Some(Answers::No)).then_some(row.since + SILENT_MS)
    }
}

/// What is known of a line and its devices.
#[derive(Clone, Debug)]
pub struct LineState {
    line: Entry,
    devices: Vec<Device>,
    beat_at: u64,
}

impl LineState {
    /// Nothing is known yet. Points are named by their numbers in their source.
    #[must_use]
    pub fn new(line: u32, devices: impl IntoIterator<Item = u32>, now: u64) -> Self {
        let devices = devices.into_iter().map(|point| Device {
            entry: Entry::new(point),
            row: None,
        });
        Self {
            line: Entry::new(line),
            devices: devices.collect(),
            beat_at: now + BEAT_MS,
        }
    }

    /// The connection stands.
    pub const fn connected(&mut self) {
        self.line.known = Some(Answers::Yes);
    }

    /// A connection could not be opened.
    pub fn connect_failed(&mut self) {
        self.line.known = Some(Answers::No);
        for device in &mut self.devices {
            device.row = None;
            device.entry.known = Some(Answers::Unknown);
        }
    }

    /// A device gave a valid reply.
    pub fn answered(&mut self, device: usize) {
        self.connected();
        if let Some(device) = self.devices.get_mut(device) {
            device.row = None;
            device.entry.known = Some(Answers::Yes);
        }
    }

    /// A device gave none to a request that went out.
    pub fn unanswered(&mut self, device: usize, now: u64) {
        // Whoever cannot be asked is not silent.
        let is_down = self.line.known == Some(Answers::No);
        let Some(device) = self.devices.get_mut(device).filter(|_| !is_down) else {
            return;
        };
        let row = device.row.get_or_insert(Row {
            since: now,
            requests: 0,
        });
        row.requests = row.requests.saturating_add(1);
        device.entry.known.get_or_insert(Answers::Unknown);
    }

    /// When to ask for a report next; 0 when there is something to tell already.
    #[must_use]
    pub fn next_due(&self) -> u64 {
        let devices = self.devices.iter();
        let has_changed =
            self.line.has_changed() || devices.clone().any(|device| device.entry.has_changed());
        if has_changed {
            return 0;
        }
        let silent_at = devices.filter_map(Device::silent_at);
        silent_at.fold(self.beat_at, u64::min)
    }

    /// What is to be told now: changes, and everything when the heartbeat is due.
    pub fn report(&mut self, now: u64, time: Timestamp, out: &mut Vec<(u32, Sample)>) {
        let is_beat = now >= self.beat_at;
        if is_beat {
            // On the beat again, however late this one is.
            self.beat_at += (now - self.beat_at) / BEAT_MS * BEAT_MS + BEAT_MS;
        }
        self.line.tell(time, is_beat, out);
        for device in &mut self.devices {
            if device.silent_at().is_some_and(|at| now >= at) {
                device.entry.known = Some(Answers::No);
            }
            device.entry.tell(time, is_beat, out);
        }
    }
}

#[cfg(test)]
mod tests;
