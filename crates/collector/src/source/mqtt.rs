//! MQTT devices: subscribe, map payloads, hand on. The client stays connected for ever.
//!
//! The session is clean on purpose: what a broker kept while the collector was away would
//! arrive with a wrong time of arrival. Losing the broker costs every point a sample without
//! value, at once and then every [`AWAY_EVERY_MS`], because silence is not health. Whether the
//! broker answers is told as the line's state point; see [`crate::source::state`].
//! While the batcher is busy nothing is taken from the broker, which then holds messages
//! back; after [`HANDOVER`] a payload is dropped, counted, and leaves a gap record.

use std::sync::Arc;
use std::time::Duration;

use fenghuo_model::{Reason, Sample, Timestamp};
use rumqttc::SubscribeReasonCode;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS, SubscribeFilter};

use crate::clock::ReadClock;
use crate::config::Broker;
use crate::dice::{Backoff, Dice};
use crate::source::change::ChangeFilter;
use crate::source::state::LineState;
use crate::source::{Closed, Outlet, Report};

pub mod mapping;
pub mod time;

use mapping::{Mapped, Mapping};

/// While the broker is away, points get a sample without value this often.
pub const AWAY_EVERY_MS: u64 = 10_000;
/// Payloads of one topic that are no JSON are reported at most this often.
pub const MALFORMED_EVERY_MS: u64 = 1_000;
/// Longest wait for the batcher before a payload is dropped. Below the keep-alive, so that
/// the broker does not take the collector for dead.
pub const HANDOVER: Duration = Duration::from_secs(5);
/// A larger packet ends the connection, so this is far above what is looked at.
const PACKET_BYTES_MAX: usize = 1 << 20;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const CONNECT_SECONDS: u64 = 5;
/// Requests are subscriptions only.
const REQUESTS_MAX: usize = 16;

/// One broker with devices.
#[derive(Clone, PartialEq, Debug)]
pub struct Feed {
    /// Its name in metrics and logs.
    pub name: String,
    /// The place of its state point in the catalog.
    pub state: u32,
    /// Where it is.
    pub broker: Broker,
    /// The client's id there; made from the gateway's and the feed's names without.
    pub client_id: Option<String>,
    /// What is listened to.
    pub topics: Vec<Mapping>,
}

/// Client options that every link of the collector shares.
#[must_use]
pub fn options(client_id: &str, broker: &Broker, packet_bytes_max: usize) -> MqttOptions {
    let mut options = MqttOptions::new(client_id, &broker.host, broker.port);
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(true)
        .set_max_packet_size(packet_bytes_max, packet_bytes_max);
    if let Some((username, password)) = &broker.login {
        options.set_credentials(username, password.reveal());
    }
    options
}

/// Opens no connection yet; polling the loop does.
#[must_use]
pub fn client(options: MqttOptions, requests_max: usize) -> (AsyncClient, EventLoop) {
    let (client, mut events) = AsyncClient::new(options, requests_max);
    events
        .network_options
        .set_connection_timeout(CONNECT_SECONDS);
    events.network_options.set_tcp_nodelay(true);
    (client, events)
}

/// Listens until the batcher is gone; drop the future to stop it.
///
/// # Errors
/// [`Closed`] when there is no batcher any more.
pub async fn run(
    feed: Feed,
    client_id: &str,
    clock: Arc<ReadClock>,
    out: Outlet,
    seed: u64,
) -> Result<(), Closed> {
    let client_id = feed.client_id.as_deref().unwrap_or(client_id);
    let options = options(client_id, &feed.broker, PACKET_BYTES_MAX);
    let (client, mut events) = client(options, REQUESTS_MAX);
    let mut listener = Listener::new(feed, clock, out);
    let mut backoff = Backoff::new(200, 10_000, Dice::new(seed));
    loop {
        match listener.telling(events.poll()).await? {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                backoff.reset();
                listener.connected(&client);
            }
            Ok(Event::Incoming(Packet::SubAck(ack))) => listener.subscribed(&ack.return_codes),
            Ok(Event::Incoming(Packet::Publish(publish))) => listener.take(&publish).await?,
            Ok(_) => {}
            Err(error) => {
                listener.away(&error, backoff.tries() == 0).await?;
                let pause = tokio::time::sleep(backoff.next_wait());
                listener.telling(pause).await?;
            }
        }
    }
}

#[derive(Debug)]
struct Topic {
    mapping: Mapping,
    filters: Vec<ChangeFilter>,
    malformed_at: Option<u64>,
}

#[derive(Debug)]
struct Listener {
    name: String,
    address: String,
    topics: Vec<Topic>,
    clock: Arc<ReadClock>,
    out: Outlet,
    state: LineState,
    is_connected: bool,
    away_at: Option<u64>,
    missed: Option<(Timestamp, Timestamp, u64)>,
}

impl Listener {
    fn new(feed: Feed, clock: Arc<ReadClock>, out: Outlet) -> Self {
        let topics = feed.topics.into_iter().map(|mapping| Topic {
            filters: mapping
                .fields
                .iter()
                .map(|field| ChangeFilter::new(field.exception))
                .collect(),
            mapping,
            malformed_at: None,
        });
        Self {
            name: feed.name,
            address: format!("{}:{}", feed.broker.host, feed.broker.port),
            topics: topics.collect(),
            state: LineState::new(feed.state, [], clock.monotonic()),
            is_connected: false,
            clock,
            out,
            away_at: None,
            missed: None,
        }
    }

    /// Waits for the broker, and tells meanwhile what comes due of the line's state.
    async fn telling<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Closed> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = self.clock.sleep_until(self.state.next_due()) => self.tell().await?,
            }
        }
    }

    async fn tell(&mut self) -> Result<(), Closed> {
        let mut samples = Vec::new();
        let (now, time) = (self.clock.monotonic(), self.clock.now());
        self.state.report(now, time, &mut samples);
        if samples.is_empty() {
            return Ok(());
        }
        self.hand_over(samples).await
    }

    fn connected(&mut self, client: &AsyncClient) {
        tracing::info!(feed = %self.name, address = %self.address, "connected");
        self.out.meter().connected();
        self.state.connected();
        self.is_connected = true;
        self.away_at = None;
        let filter =
            |topic: &Topic| SubscribeFilter::new(topic.mapping.filter.clone(), QoS::AtLeastOnce);
        // The loop is polled by this very task, so waiting for room could wait for ever;
        // after a connect there is room.
        if let Err(error) = client.try_subscribe_many(self.topics.iter().map(filter)) {
            tracing::error!(feed = %self.name, %error, "cannot subscribe");
        }
    }

    fn subscribed(&self, codes: &[SubscribeReasonCode]) {
        for (topic, code) in self.topics.iter().zip(codes) {
            if *code == SubscribeReasonCode::Failure {
                let filter = &topic.mapping.filter;
                tracing::error!(feed = %self.name, %filter, "the broker refused a subscription");
            }
        }
    }

    async fn take(&mut self, publish: &Publish) -> Result<(), Closed> {
        let (now, tick) = (self.clock.now(), self.clock.monotonic());
        let mut samples = Vec::new();
        for topic in &mut self.topics {
            if rumqttc::matches(&publish.topic, &topic.mapping.filter) {
                topic.take(publish, now, tick, &mut samples);
            }
        }
        self.out.meter().read();
        self.hand_over(samples).await
    }

    async fn hand_over(&mut self, samples: Vec<(u32, Sample)>) -> Result<(), Closed> {
        let (now, count) = (self.clock.now(), samples.len() as u64);
        if let Some((from, until, count)) = self.missed {
            let report = Report::Missed { from, until, count };
            match tokio::time::timeout(HANDOVER, self.out.report(report)).await {
                Ok(sent) => {
                    sent?;
                    self.missed = None;
                    self.out.meter().flows();
                }
                Err(_) => return self.miss(now, samples.len() as u64),
            }
        }
        match tokio::time::timeout(HANDOVER, self.out.samples(samples)).await {
            Ok(sent) => sent,
            Err(_) => self.miss(now, count),
        }
    }

    fn miss(&mut self, now: Timestamp, count: u64) -> Result<(), Closed> {
        let (from, _, before) = self.missed.unwrap_or((now, now, 0));
        self.missed = Some((from, now, before + count));
        self.out.meter().dropped(count);
        tracing::error!(feed = %self.name, count, "the queue is full, readings are dropped");
        Ok(())
    }

    async fn away(
        &mut self,
        error: &rumqttc::ConnectionError,
        is_first: bool,
    ) -> Result<(), Closed> {
        if is_first {
            tracing::warn!(feed = %self.name, address = %self.address, %error, "no connection");
        }
        self.out.meter().connect_failed(&self.address, error);
        // A connection that was lost is often open again at once; one that cannot be opened
        // is a line that is down.
        if !std::mem::take(&mut self.is_connected) {
            self.state.connect_failed();
            self.tell().await?;
        }
        let tick = self.clock.monotonic();
        if self.away_at.is_some_and(|at| tick < at + AWAY_EVERY_MS) {
            return Ok(());
        }
        self.away_at = Some(tick);
        let now = self.clock.now();
        let bad = |topic: &Topic| topic.mapping.all_bad(now, Reason::NotConnected);
        let samples = self.topics.iter().flat_map(bad).collect();
        self.hand_over(samples).await
    }
}

impl Topic {
    fn take(&mut self, publish: &Publish, now: Timestamp, tick: u64, out: &mut Vec<(u32, Sample)>) {
        match self.mapping.read(&publish.payload, publish.retain, now) {
            Mapped::Samples(samples) => {
                let passing = samples.into_iter().zip(&mut self.filters);
                let passing = passing.filter_map(|(s, filter)| filter.passes(&s.1).then_some(s));
                out.extend(passing);
            }
            Mapped::Malformed(samples) => {
                if self
                    .malformed_at
                    .is_none_or(|at| tick >= at + MALFORMED_EVERY_MS)
                {
                    self.malformed_at = Some(tick);
                    tracing::warn!(topic = %publish.topic, "payload is not what the mapping expects");
                    out.extend(samples);
                }
            }
        }
    }
}
