//! One broker with devices at work: what comes in, what comes due, and what is told when
//! nothing can come.

use std::collections::BTreeSet;
use std::sync::Arc;

use fenghuo_model::{Reason, Timestamp};

use super::desk::{self, EdgeDesk, Reader, Refusal};
use super::mapping::Arrival;
use super::repeat::Repeats;
use super::sparkplug::{self, Outcome};
use super::topic::{Filter, Routes, TOPIC_BYTES_MAX};
use super::{AWAY_EVERY_MS, Carries, Feed, HANDOVER, SUBSCRIBE_MS, Subscription};
use crate::clock::ReadClock;
use crate::mqtt::{Client, Message, Surety, Trouble, Will};
use crate::source::state::LineState;
use crate::source::{Closed, Outlet, Reads, Report};

/// Topics that nothing is about are named in the log up to this many; all are counted.
const UNKNOWN_NAMED_MAX: usize = 32;

/// A time that has not come: what is due must be looked for anew.
const NEVER: u64 = u64::MAX;

/// What waiting for the broker came to.
pub enum Waited<T> {
    /// What was waited for.
    Done(T),
    /// The broker owes an answer for too long.
    Mute,
}

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Away,
    /// The broker has let us in, and not yet answered the first subscriptions.
    Greeted,
    Subscribed,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Payloads { subscription: usize, reader: usize },
    Edge { subscription: usize },
}

#[derive(Debug)]
struct Channel {
    filter: Filter,
    refusal: Refusal,
    flow: Flow,
}

#[derive(Debug)]
enum Flow {
    Payloads(Vec<Reader>),
    Edge(Box<EdgeDesk>),
}

pub struct Listener {
    name: String,
    address: String,
    host_id: Option<String>,
    client: Client,
    channels: Vec<Channel>,
    routes: Routes<Target>,
    clock: Arc<ReadClock>,
    out: Outlet,
    state: LineState,
    stage: Stage,
    /// Since when an answer is owed for subscriptions, by their places in its order. Only one
    /// request is out at a time, so that no answer can be taken for another's.
    asked: Option<(u64, Vec<usize>)>,
    /// When the last will of this connection was written.
    born_at: Timestamp,
    away_at: Option<u64>,
    /// When it was last looked for what is due, and what was due next then.
    looked_at: u64,
    due_at: u64,
    missed: Option<(Timestamp, Timestamp, u64)>,
    repeats: Repeats,
    unknown: BTreeSet<String>,
}

impl Listener {
    pub fn new(feed: Feed, client: Client, clock: Arc<ReadClock>, out: Outlet) -> Self {
        let mut targets = Vec::new();
        let channels = feed.subscriptions.into_iter().enumerate();
        let channels = channels.map(|(at, it)| Channel::new(at, it, &mut targets));
        Self {
            name: feed.name,
            address: format!("{}:{}", feed.broker.host, feed.broker.port),
            host_id: feed.host_id,
            channels: channels.collect(),
            routes: Routes::new(targets.into_iter()),
            state: LineState::new(feed.state, [], clock.monotonic()),
            stage: Stage::Away,
            asked: None,
            born_at: clock.now(),
            client,
            clock,
            out,
            away_at: None,
            looked_at: NEVER,
            due_at: 0,
            missed: None,
            repeats: Repeats::default(),
            unknown: BTreeSet::new(),
        }
    }

    /// What the broker is to say for us when the next connection is lost.
    pub fn will(&mut self) -> Option<Will> {
        self.born_at = self.clock.now();
        let topic = sparkplug::state_topic(self.host_id.as_ref()?);
        Some(Will {
            topic,
            payload: sparkplug::host_state(false, self.born_at),
            is_retained: true,
        })
    }

    /// Waits, and does meanwhile what comes due.
    pub async fn waiting<T>(&mut self, work: impl Future<Output = T>) -> Result<Waited<T>, Closed> {
        let mut work = std::pin::pin!(work);
        loop {
            // A flood of messages must not hold this up: looked at once a millisecond.
            let tick = self.clock.monotonic();
            if tick != self.looked_at {
                self.looked_at = tick;
                if self.answer_due().is_some_and(|due| tick >= due) {
                    return Ok(Waited::Mute);
                }
                self.due_at = self.next_due();
                if tick >= self.due_at {
                    self.beat(tick).await?;
                    self.due_at = self.next_due();
                }
            }
            tokio::select! {
                biased;
                done = &mut work => return Ok(Waited::Done(done)),
                () = self.clock.sleep_until(self.due_at.max(tick + 1)) => {}
            }
        }
    }

    /// When the broker is given up, if it owes an answer.
    fn answer_due(&self) -> Option<u64> {
        let (since, _) = self.asked.as_ref()?;
        Some(since + SUBSCRIBE_MS)
    }

    fn next_due(&self) -> u64 {
        let due = self.state.next_due();
        let due = self.answer_due().map_or(due, |answer| due.min(answer));
        if self.stage != Stage::Subscribed {
            return due;
        }
        let channels = self.channels.iter().filter_map(Channel::next_due);
        channels.fold(due, u64::min)
    }

    async fn beat(&mut self, tick: u64) -> Result<(), Closed> {
        let now = self.clock.now();
        let mut reads = Reads::default();
        self.state.report(tick, now, &mut reads.samples);
        if self.stage == Stage::Subscribed {
            self.beat_channels(tick, now, &mut reads);
        }
        self.hand_over(reads).await
    }

    fn beat_channels(&mut self, tick: u64, now: Timestamp, out: &mut Reads) {
        let mut again = Vec::new();
        for (at, channel) in self.channels.iter_mut().enumerate() {
            if channel.refusal.due_at().is_some_and(|due| tick >= due) {
                channel.refusal.set(true, tick);
                self.repeats.forget();
                channel.all_bad(tick, now, out);
                again.push(at);
            } else if let Flow::Edge(edge) = &mut channel.flow
                && !channel.refusal.stands()
            {
                let outcome = edge.edge.beat(tick, now);
                edge.desk.tell(outcome.samples, out);
                if outcome.asks_birth {
                    ask_birth(&self.client, &self.name, edge, now);
                }
            }
        }
        if !again.is_empty() && self.asked.is_none() {
            self.ask(again);
        }
    }

    /// The broker let us in: everything is asked for. What came in the way, if anything did.
    pub fn connected(&mut self) -> Option<Trouble> {
        self.looked_at = NEVER;
        self.stage = Stage::Greeted;
        self.ask((0..self.channels.len()).collect())
    }

    /// The loop is polled by this very task, so waiting for room could wait for ever.
    fn ask(&mut self, channels: Vec<usize>) -> Option<Trouble> {
        let filters = channels.iter().map(|at| self.channels[*at].filter.as_str());
        let asked = self.client.try_subscribe(filters);
        self.asked = Some((self.clock.monotonic(), channels));
        let error = asked.err()?;
        tracing::error!(feed = %self.name, %error, "cannot subscribe");
        Some(Trouble::new(
            "无法发出订阅",
            "the subscription cannot be sent",
        ))
    }

    /// The broker's answer to what was asked last.
    pub async fn subscribed(&mut self, answers: Vec<Result<(), String>>) -> Result<(), Closed> {
        let (tick, now) = (self.clock.monotonic(), self.clock.now());
        let is_first = self.stage != Stage::Subscribed;
        self.looked_at = NEVER;
        if is_first {
            tracing::info!(feed = %self.name, address = %self.address, "connected");
            self.stage = Stage::Subscribed;
            self.away_at = None;
            self.out.meter().connected();
            self.state.connected();
            self.tell_host();
        }
        let mut reads = Reads::default();
        let asked = self.asked.take().map_or_else(Vec::new, |(_, asked)| asked);
        for (at, answer) in desk::answered(asked, answers) {
            let channel = &mut self.channels[at];
            let stood = channel.refusal.stands();
            channel.refusal.set(answer.is_err(), tick);
            if let Err(code) = &answer {
                if !stood || is_first {
                    let filter = channel.filter.as_str();
                    tracing::error!(feed = %self.name, filter, code, "the broker refuses a subscription");
                    self.repeats.forget();
                    channel.all_bad(tick, now, &mut reads);
                }
            } else if let Flow::Edge(edge) = &mut channel.flow {
                let outcome = edge.edge.subscribed(tick);
                if outcome.asks_birth {
                    ask_birth(&self.client, &self.name, edge, now);
                }
            }
        }
        let refused = self.channels.iter().filter(|it| it.refusal.stands());
        let refused: Vec<String> = refused.map(|it| it.filter.as_str().to_owned()).collect();
        self.out.meter().refused_subscriptions(&refused);
        self.hand_over(reads).await
    }

    /// Edge nodes that wait for a host learn that this one is there.
    fn tell_host(&self) {
        let Some(host) = &self.host_id else { return };
        let (topic, online) = (
            sparkplug::state_topic(host),
            sparkplug::host_state(true, self.born_at),
        );
        let told = self
            .client
            .try_publish(topic, Surety::Acknowledged, true, online);
        if let Err(error) = told {
            tracing::warn!(feed = %self.name, %error, "the host's state is not told");
        }
    }

    /// A message that came through one of the subscriptions.
    pub async fn take(&mut self, message: &Message) -> Result<(), Closed> {
        let Some(topic) = message.topic().filter(|it| it.len() <= TOPIC_BYTES_MAX) else {
            self.out.meter().unknown();
            return Ok(());
        };
        let (tick, now) = (self.clock.monotonic(), self.clock.now());
        let arrival = Arrival {
            now,
            is_retained: message.is_retained(),
        };
        let mut reads = Reads::default();
        let is_known = self.routes.find(topic).next().is_some();
        let is_repeat = is_known && self.repeats.repeats(topic, message.payload());
        let is_new = !(is_repeat && message.is_retained());
        for target in self.routes.find(topic) {
            match target {
                Target::Payloads {
                    subscription,
                    reader,
                } => {
                    if let Flow::Payloads(readers) = &mut self.channels[subscription].flow
                        && readers[reader].take(
                            (message.payload(), is_new),
                            arrival,
                            tick,
                            &mut reads,
                        )
                    {
                        tracing::warn!(feed = %self.name, topic, "payload is not what the mapping expects");
                    }
                }
                Target::Edge { subscription } => {
                    let Some(topic) = sparkplug::Topic::parse(topic) else {
                        continue;
                    };
                    if let Flow::Edge(edge) = &mut self.channels[subscription].flow {
                        let outcome = edge.edge.take(&topic, message.payload(), arrival, tick);
                        let asks = outcome.asks_birth;
                        pass(edge, outcome, &self.out, &mut reads);
                        if asks {
                            ask_birth(&self.client, &self.name, edge, now);
                        }
                    }
                }
            }
        }
        if is_known {
            self.out.meter().read();
        } else {
            let topic = topic.to_owned();
            self.take_unknown(topic);
        }
        self.hand_over(reads).await
    }

    /// Counts what nothing is about, and names each topic once, up to a bound.
    fn take_unknown(&mut self, topic: String) {
        self.out.meter().unknown();
        if self.unknown.len() >= UNKNOWN_NAMED_MAX || self.unknown.contains(&topic) {
            return;
        }
        tracing::warn!(feed = %self.name, %topic, "no part of the configuration is about this topic");
        self.unknown.insert(topic);
        if self.unknown.len() == UNKNOWN_NAMED_MAX {
            tracing::warn!(feed = %self.name, "further unknown topics are counted and not named");
        }
    }

    async fn hand_over(&mut self, reads: Reads) -> Result<(), Closed> {
        if reads.is_empty() {
            return Ok(());
        }
        let (now, count) = (self.clock.now(), reads.samples.len() as u64);
        if let Some((from, until, count)) = self.missed {
            let report = Report::Missed { from, until, count };
            match tokio::time::timeout(HANDOVER, self.out.report(report)).await {
                Ok(sent) => {
                    sent?;
                    self.missed = None;
                    self.out.meter().flows();
                }
                Err(_) => return self.miss(now, count),
            }
        }
        match tokio::time::timeout(HANDOVER, self.out.reads(reads)).await {
            Ok(sent) => sent,
            Err(_) => self.miss(now, count),
        }
    }

    /// Nothing more will come: what had to be dropped last is told.
    pub async fn end(mut self) -> Result<(), Closed> {
        match self.missed.take() {
            Some((from, until, count)) => {
                let report = Report::Missed { from, until, count };
                self.out.report(report).await
            }
            None => Ok(()),
        }
    }

    fn miss(&mut self, now: Timestamp, count: u64) -> Result<(), Closed> {
        let (from, _, before) = self.missed.unwrap_or((now, now, 0));
        self.missed = Some((from, now, before + count));
        self.repeats.forget();
        self.out.meter().dropped(count);
        tracing::error!(feed = %self.name, count, "the queue is full, readings are dropped");
        Ok(())
    }

    /// There is no connection, or no longer.
    pub async fn away(&mut self, trouble: &Trouble, is_first: bool) -> Result<(), Closed> {
        let (tick, now) = (self.clock.monotonic(), self.clock.now());
        let stage = std::mem::replace(&mut self.stage, Stage::Away);
        self.asked = None;
        self.looked_at = NEVER;
        if is_first {
            tracing::warn!(feed = %self.name, address = %self.address, error = %trouble, "no connection");
        }
        let meter = self.out.meter();
        meter.connect_failed_in_words(&self.address, &trouble.zh, &trouble.en);
        let mut reads = Reads::default();
        // A connection that was lost is often open again at once; one that cannot be opened
        // is a line that is down.
        if stage != Stage::Subscribed {
            self.state.connect_failed();
            self.state.report(tick, now, &mut reads.samples);
        }
        if self.away_at.is_none_or(|at| tick >= at + AWAY_EVERY_MS) {
            self.away_at = Some(tick);
            // What the broker kept is what its points have again, once it is back.
            self.repeats.forget();
            for channel in &mut self.channels {
                channel.all_bad(tick, now, &mut reads);
            }
        }
        self.hand_over(reads).await
    }
}

fn pass(edge: &mut EdgeDesk, outcome: Outcome, out: &Outlet, reads: &mut Reads) {
    if outcome.unplaced > 0 {
        out.meter().failed();
    }
    edge.desk.pass(outcome.samples, reads);
}

/// Asks an edge node for a birth: the only thing that is ever said to one.
fn ask_birth(client: &Client, feed: &str, edge: &EdgeDesk, now: Timestamp) {
    let plan = edge.edge.plan();
    let topic = sparkplug::command(&plan.group, &plan.edge);
    tracing::info!(feed, topic, "asking for a birth");
    let asked = client.try_publish(topic, Surety::Once, false, sparkplug::rebirth(now));
    if let Err(error) = asked {
        tracing::warn!(feed, %error, "the request for a birth is not sent");
    }
}

impl Channel {
    fn new(at: usize, it: Subscription, targets: &mut Vec<(Filter, Target)>) -> Self {
        let flow = match it.carries {
            Carries::Payloads(mappings) => {
                for (reader, mapping) in mappings.iter().enumerate() {
                    let target = Target::Payloads {
                        subscription: at,
                        reader,
                    };
                    targets.push((mapping.filter.clone(), target));
                }
                Flow::Payloads(mappings.into_iter().map(Reader::new).collect())
            }
            Carries::Edge(plan) => {
                targets.push((it.filter.clone(), Target::Edge { subscription: at }));
                Flow::Edge(Box::new(EdgeDesk::new(plan)))
            }
        };
        Self {
            filter: it.filter,
            refusal: Refusal::default(),
            flow,
        }
    }

    fn next_due(&self) -> Option<u64> {
        match (self.refusal.due_at(), &self.flow) {
            (Some(due), _) => Some(due),
            (None, Flow::Edge(edge)) => Some(edge.edge.next_beat()),
            (None, Flow::Payloads(_)) => None,
        }
    }

    /// Every point without value, since nothing can come.
    fn all_bad(&mut self, tick: u64, now: Timestamp, out: &mut Reads) {
        match &mut self.flow {
            Flow::Payloads(readers) => {
                for reader in readers {
                    reader.all_bad(now, Reason::NotConnected, out);
                }
            }
            Flow::Edge(edge) => {
                let samples = edge.edge.away(tick, now);
                edge.desk.tell(samples, out);
            }
        }
    }
}

#[cfg(test)]
mod tests;
