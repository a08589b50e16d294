//! A Sparkplug B edge node as a source: what of its messages may be believed. Pure; the time
//! is passed in, and what is to be sent is said, not sent.
//!
//! After the Eclipse Sparkplug specification 3.0, chapters 5 and 6, as a host that reads:
//! - Only a birth says which alias is which metric, and its numbers count on by one to the
//!   last message before the death. After a number that does not follow nothing is believed
//!   (a birth may have been lost, and every value since): all points lose their values, and
//!   the edge node is asked to give birth again.
//! - A death of another birth than the one at hand (by `bdSeq`) is an old will, and ignored.
//! - A value in a birth is the current one, whenever it was taken, so it has the time of the
//!   birth; other values have their own time. A historical one is backlog: it has its own time
//!   or none, and without it is not placed anywhere.
//! - A metric that its birth does not name has no value.
//!
//! The request for a birth (`Node Control/Rebirth`) is the only thing that the collector ever
//! says to an edge node. Bounded by the configuration: devices and aliases that nothing is read
//! of are not kept, whatever names a broker sends.

use std::collections::{BTreeMap, BTreeSet};

use fenghuo_model::{Reading, Reason, Timestamp};
use prost::Message as _;

use super::mapping::{Arrival, Slotted};
use super::point::Raw;
use crate::source::bad;

pub mod payload;
mod plan;
mod topic;

pub use plan::{Plan, Wanted};
pub use topic::{Kind, Topic, command, filter, state_topic};

use payload::{BOOLEAN, Metric, MetricValue, Payload};
use plan::Index;

/// How often an edge node without birth is asked for one, at most.
pub const REBIRTH_EVERY_MS: u64 = 5_000;
/// How often points without value are told again.
pub const TELL_EVERY_MS: u64 = 10_000;
const BIRTH_AND_DEATH: &str = "bdSeq";
const REBIRTH: &str = "Node Control/Rebirth";

/// What a message, or the passing of time, comes to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By the places of the plan's metrics.
    pub samples: Vec<Slotted>,
    /// The edge node is to be asked for a birth now.
    pub asks_birth: bool,
    /// Historical values that could not be placed in time.
    pub unplaced: u64,
}

/// One edge node, and what is known of it.
#[derive(Debug)]
pub struct Edge {
    plan: Plan,
    index: Index,
    life: Life,
    asked_at: Option<u64>,
    told_at: u64,
}

#[derive(Debug)]
enum Life {
    /// Nothing of it can be believed.
    Unborn(Reason),
    Born(Birth),
}

#[derive(Debug)]
struct Birth {
    bd_seq: Option<u64>,
    /// The number of the last message.
    seq: u64,
    /// Devices that live, of those that are read.
    devices: BTreeSet<String>,
    /// The datatype of each wanted metric that was born, by its place.
    datatypes: BTreeMap<usize, u32>,
    /// Aliases of wanted metrics, by their places.
    aliases: BTreeMap<u64, Vec<usize>>,
}

/// The next message did not follow the last one.
struct Broken;

impl Edge {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            index: Index::of(&plan),
            plan,
            life: Life::Unborn(Reason::NotConnected),
            asked_at: None,
            told_at: 0,
        }
    }

    /// What is read from it.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Subscribed anew: whatever was known before may have changed meanwhile.
    pub fn subscribed(&mut self, tick: u64) -> Outcome {
        self.life = Life::Unborn(Reason::NotConnected);
        self.asked_at = Some(tick);
        self.told_at = tick;
        Outcome {
            asks_birth: true,
            ..Outcome::default()
        }
    }

    /// The connection to the broker is gone.
    pub fn away(&mut self, tick: u64, now: Timestamp) -> Vec<Slotted> {
        self.life = Life::Unborn(Reason::NotConnected);
        self.told_at = tick;
        self.all(None, now, Reason::NotConnected)
    }

    /// A message of this edge node, or of a device behind it.
    pub fn take(
        &mut self,
        topic: &Topic<'_>,
        bytes: &[u8],
        arrival: Arrival,
        tick: u64,
    ) -> Outcome {
        let Some(payload) = Payload::decode(bytes).ok() else {
            return self.broken(arrival.now, tick);
        };
        let device = topic.device;
        let taken = match topic.kind {
            Kind::NodeBirth => Ok(self.node_birth(&payload, arrival)),
            Kind::NodeDeath => Ok(self.node_death(&payload, arrival.now, tick)),
            Kind::DeviceBirth => self.device_birth(device, &payload, arrival),
            Kind::DeviceDeath => self.device_death(device, &payload, arrival.now),
            Kind::NodeData | Kind::DeviceData => self.data(device, &payload, arrival),
        };
        taken.unwrap_or_else(|Broken| self.broken(arrival.now, tick))
    }

    /// What is due by the time alone: an edge node without birth is asked again, and what has
    /// no value is told again.
    pub fn beat(&mut self, tick: u64, now: Timestamp) -> Outcome {
        let mut outcome = Outcome::default();
        if let Life::Unborn(reason) = self.life
            && reason != Reason::DeviceOffline
        {
            outcome.asks_birth = self.may_ask(tick);
        }
        if tick < self.told_at + TELL_EVERY_MS {
            return outcome;
        }
        self.told_at = tick;
        outcome.samples = match &self.life {
            Life::Unborn(reason) => self.all(None, now, *reason),
            Life::Born(birth) => {
                let wanted = self.plan.metrics.iter().enumerate();
                let dead = wanted.filter(|(_, it)| {
                    let device = it.device.as_ref();
                    device.is_some_and(|device| !birth.devices.contains(device))
                });
                dead.map(|(slot, _)| (slot, bad(now, Reason::DeviceOffline)))
                    .collect()
            }
        };
        outcome
    }

    /// The next time at which [`Edge::beat`] may have something to say.
    #[must_use]
    pub fn next_beat(&self) -> u64 {
        let told = self.told_at + TELL_EVERY_MS;
        match self.life {
            Life::Unborn(Reason::DeviceOffline) | Life::Born(_) => told,
            Life::Unborn(_) => told.min(self.asked_at.map_or(0, |at| at + REBIRTH_EVERY_MS)),
        }
    }

    fn may_ask(&mut self, tick: u64) -> bool {
        let may = self.asked_at.is_none_or(|at| tick >= at + REBIRTH_EVERY_MS);
        if may {
            self.asked_at = Some(tick);
        }
        may
    }

    /// Points of a device, or all, without value.
    fn all(&self, device: Option<&str>, now: Timestamp, reason: Reason) -> Vec<Slotted> {
        let wanted = self.plan.metrics.iter().enumerate();
        let of = wanted.filter(|(_, it)| device.is_none() || it.device.as_deref() == device);
        of.map(|(slot, _)| (slot, bad(now, reason))).collect()
    }

    fn broken(&mut self, now: Timestamp, tick: u64) -> Outcome {
        let was_born = matches!(self.life, Life::Born(_));
        if was_born {
            self.life = Life::Unborn(Reason::BadReply);
            self.told_at = tick;
        }
        Outcome {
            samples: match was_born {
                true => self.all(None, now, Reason::BadReply),
                false => Vec::new(),
            },
            asks_birth: self.may_ask(tick),
            unplaced: 0,
        }
    }

    fn node_birth(&mut self, payload: &Payload, arrival: Arrival) -> Outcome {
        self.life = Life::Born(Birth {
            bd_seq: bd_seq(payload),
            // It must be 0; some edge nodes go on counting, which serves as well. They count
            // to 255, but the message could hold any number.
            seq: payload.seq.unwrap_or(0) % 256,
            devices: BTreeSet::new(),
            datatypes: BTreeMap::new(),
            aliases: BTreeMap::new(),
        });
        self.asked_at = None;
        self.born(None, payload, arrival)
    }

    fn node_death(&mut self, payload: &Payload, now: Timestamp, tick: u64) -> Outcome {
        if let Life::Born(birth) = &self.life
            && let (Some(born), Some(dead)) = (birth.bd_seq, bd_seq(payload))
            && born != dead
        {
            return Outcome::default();
        }
        self.life = Life::Unborn(Reason::DeviceOffline);
        self.told_at = tick;
        Outcome {
            samples: self.all(None, now, Reason::DeviceOffline),
            ..Outcome::default()
        }
    }

    fn device_birth(
        &mut self,
        device: Option<&str>,
        payload: &Payload,
        arrival: Arrival,
    ) -> Result<Outcome, Broken> {
        let read = device.filter(|device| self.index.has_device(device));
        let birth = self.following(payload)?;
        birth.devices.extend(read.map(str::to_owned));
        Ok(self.born(device, payload, arrival))
    }

    fn device_death(
        &mut self,
        device: Option<&str>,
        payload: &Payload,
        now: Timestamp,
    ) -> Result<Outcome, Broken> {
        let birth = self.following(payload)?;
        let device = device.ok_or(Broken)?;
        birth.devices.remove(device);
        Ok(Outcome {
            samples: self.all(Some(device), now, Reason::DeviceOffline),
            ..Outcome::default()
        })
    }

    fn data(
        &mut self,
        device: Option<&str>,
        payload: &Payload,
        arrival: Arrival,
    ) -> Result<Outcome, Broken> {
        let read = device.filter(|device| self.index.has_device(device));
        let birth = self.following(payload)?;
        if read.is_some_and(|device| !birth.devices.contains(device)) {
            return Err(Broken);
        }
        let mut outcome = Outcome::default();
        let Life::Born(birth) = &self.life else {
            return Err(Broken);
        };
        for metric in &payload.metrics {
            let slots = match (&metric.name, metric.alias) {
                (Some(name), _) => self.index.find(device, name),
                (None, Some(alias)) => match birth.aliases.get(&alias) {
                    None => &[],
                    Some(slots) => slots.as_slice(),
                },
                (None, None) => return Err(Broken),
            };
            for slot in slots {
                let wanted = &self.plan.metrics[*slot];
                let datatype = birth.datatypes.get(slot).copied();
                // An alias of another device, or a metric that was never born: a birth was lost.
                if wanted.device.as_deref() != device || datatype.is_none() {
                    return Err(Broken);
                }
                let own = metric.timestamp.or(payload.timestamp);
                outcome.place(*slot, wanted, metric, datatype, own, arrival);
            }
        }
        Ok(outcome)
    }

    /// The birth, when this message follows the last one.
    fn following(&mut self, payload: &Payload) -> Result<&mut Birth, Broken> {
        let Life::Born(birth) = &mut self.life else {
            return Err(Broken);
        };
        let seq = payload.seq.ok_or(Broken)?;
        if seq != (birth.seq + 1) % 256 {
            return Err(Broken);
        }
        birth.seq = seq;
        Ok(birth)
    }

    /// Takes down what a birth says of the edge node itself or of one device.
    fn born(&mut self, device: Option<&str>, payload: &Payload, arrival: Arrival) -> Outcome {
        let mut outcome = Outcome::default();
        let Life::Born(birth) = &mut self.life else {
            return outcome;
        };
        let wanted = self.plan.metrics.iter().enumerate();
        let of_it = wanted.filter(|(_, it)| it.device.as_deref() == device);
        let of_it: BTreeMap<usize, &Wanted> = of_it.collect();
        birth.datatypes.retain(|slot, _| !of_it.contains_key(slot));
        let is_other = |slots: &Vec<usize>| slots.iter().all(|slot| !of_it.contains_key(slot));
        birth.aliases.retain(|_, slots| is_other(slots));
        let mut named: BTreeMap<&str, &Metric> = BTreeMap::new();
        for metric in &payload.metrics {
            // The current value goes before those that were kept.
            if let Some(name) = &metric.name
                && (metric.is_historical != Some(true) || !named.contains_key(name.as_str()))
            {
                named.insert(name, metric);
            }
        }
        for (slot, wanted) in of_it {
            let Some(metric) = named.get(wanted.name.as_str()) else {
                let missing = bad(arrival.now, Reason::MissingField);
                outcome.samples.push((slot, missing));
                continue;
            };
            if let Some(datatype) = metric.datatype {
                birth.datatypes.insert(slot, datatype);
            }
            if let Some(alias) = metric.alias {
                birth.aliases.entry(alias).or_default().push(slot);
            }
            let time = match metric.is_historical {
                Some(true) => metric.timestamp,
                _ => payload.timestamp,
            };
            outcome.place(slot, wanted, metric, metric.datatype, time, arrival);
        }
        outcome
    }
}

impl Outcome {
    fn place(
        &mut self,
        slot: usize,
        wanted: &Wanted,
        metric: &Metric,
        datatype: Option<u32>,
        time: Option<u64>,
        arrival: Arrival,
    ) {
        let given = time.map(|ms| {
            let ms = i64::try_from(ms).ok()?;
            Some(Timestamp::from_millis(ms)).filter(|time| time.is_storable())
        });
        let when = arrival.when(given);
        if metric.is_historical == Some(true) && !(when.is_sure() && given.is_some()) {
            self.unplaced += 1;
            return;
        }
        // A metric may say its datatype again, and must not change it between births.
        let is_same = metric.datatype.is_none_or(|again| Some(again) == datatype);
        let raw = datatype
            .filter(|_| is_same)
            .map_or(Raw::Other, |datatype| metric.raw(datatype));
        let reading = match wanted.point.read(raw) {
            Reading::Good(_) if !metric.is_good() => Reading::Bad(Reason::DeviceFlag),
            reading => reading,
        };
        self.samples.push((slot, when.sample(reading)));
    }
}

fn bd_seq(payload: &Payload) -> Option<u64> {
    let mut metrics = payload.metrics.iter();
    let metric = metrics.find(|metric| metric.name.as_deref() == Some(BIRTH_AND_DEATH))?;
    match metric.value {
        Some(MetricValue::Int(number)) => Some(u64::from(number)),
        Some(MetricValue::Long(number)) => Some(number),
        _ => None,
    }
}

/// The request for a birth. A command carries no number of its own.
#[must_use]
pub fn rebirth(now: Timestamp) -> Vec<u8> {
    let timestamp = u64::try_from(now.as_millis()).ok();
    let payload = Payload {
        timestamp,
        metrics: vec![Metric {
            name: Some(REBIRTH.to_owned()),
            timestamp,
            datatype: Some(BOOLEAN),
            value: Some(MetricValue::Boolean(true)),
            ..Metric::default()
        }],
        seq: None,
    };
    payload.encode_to_vec()
}

/// What a host says of itself, for edge nodes that wait for one. Both words of a connection
/// have the same time, by which an edge node tells an old one.
#[must_use]
pub fn host_state(is_online: bool, since: Timestamp) -> Vec<u8> {
    let timestamp = since.as_millis();
    serde_json::json!({ "online": is_online, "timestamp": timestamp })
        .to_string()
        .into_bytes()
}

#[cfg(test)]
mod tests;
