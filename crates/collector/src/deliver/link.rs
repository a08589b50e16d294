//! The connection to the server's broker.
//!
//! The session is clean: only receipts count, so there is nothing that a resumed session
//! could add, and a broker must not keep stale frames for us. On a new session the client
//! library drops, without a word, all that was queued and not yet acknowledged; that is
//! harmless, since the outbox sends again whatever has no receipt.
//!
//! Two tasks, so that neither can wait for the other for ever: one polls the client's event
//! loop and does nothing that needs the loop; the other hands messages to the client and
//! waits there while the connection is slow. Messages of an older connection are thrown
//! away unseen. Everything is bounded: [`OUT_MAX`] messages wait here, [`REQUESTS_MAX`] in
//! the client, and no more is taken while the link has enough for [`QUEUE_MS_MAX`]: a ping and
//! a live frame must not wait behind a minute's worth of backlog.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fenghuo_model::GatewayKey;
use fenghuo_uplink::PAYLOAD_BYTES_MAX;
use fenghuo_uplink::topic::{Channel, Topic};
use fenghuo_uplink::wire::State;
use prost::Message;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::Broker;
use crate::dice::{Backoff, Dice};
use crate::mqtt::{
    self, CONNECT_SECONDS, Client, Connection, Event, Manner, Surety, Trouble, WAIT_MS,
    WAIT_MS_MAX, Will,
};

/// Messages that wait for the client.
pub const OUT_MAX: usize = 4;
/// Requests that wait in the client.
pub const REQUESTS_MAX: usize = 8;
/// Messages that may be without the broker's acknowledgement.
pub const INFLIGHT_MAX: u16 = 64;
/// A link that needs this long for what is on its way gets no more.
const QUEUE_MS_MAX: u64 = 5_000;
/// Receipts and connection changes that wait for the driver.
const EVENTS_MAX: usize = 64;
/// Room for topic and headers around a payload.
const PACKET_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 1_024;

/// A message for the server.
#[derive(Debug)]
pub struct Outgoing {
    /// Where to.
    pub channel: Channel,
    /// What.
    pub payload: Vec<u8>,
    /// The connection it was meant for.
    pub generation: u64,
}

/// What the link says.
#[derive(Debug)]
pub enum LinkEvent {
    /// Connected and subscribed to receipts: the connection of this number.
    Up(u64),
    /// The connection is gone, or could not be made.
    Down(Trouble),
    /// A receipt's payload.
    Receipt(Vec<u8>),
}

/// The connection and its tasks, which end with it.
#[derive(Debug)]
pub struct Link {
    /// What happens.
    pub events: mpsc::Receiver<LinkEvent>,
    /// The way out.
    pub out: mpsc::Sender<Outgoing>,
    /// Messages that the client does not know of yet.
    waiting: Arc<AtomicUsize>,
    client: Client,
    gateway: GatewayKey,
    epoch: u64,
    _tasks: JoinSet<()>,
}

fn state(online: bool, epoch: u64) -> Vec<u8> {
    State { online, epoch }.encode_to_vec()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Link {
    /// Starts connecting, for ever.
    #[must_use]
    pub fn open(broker: &Broker, gateway: &GatewayKey, epoch: u64, seed: u64) -> Self {
        let topic = |channel| Topic::new(gateway.clone(), channel).to_string();
        let manner = Manner {
            client_id: gateway.to_string(),
            packet_bytes_max: PACKET_BYTES_MAX,
            message_bytes_max: Some(PAYLOAD_BYTES_MAX),
            requests_max: REQUESTS_MAX,
            inflight_max: INFLIGHT_MAX,
            will: Some(Will {
                topic: topic(Channel::State),
                payload: state(false, epoch),
                is_retained: false,
            }),
        };
        let (client, events) = mqtt::open(broker, manner);
        let (tell, told) = mpsc::channel(EVENTS_MAX);
        let (out, outgoing) = mpsc::channel(OUT_MAX);
        let (current, now_current) = watch::channel(0);
        let waiting = Arc::new(AtomicUsize::new(0));
        let watcher = Watcher {
            client: client.clone(),
            receipts: topic(Channel::Receipt),
            state: (topic(Channel::State), state(true, epoch)),
            tell,
            current,
            generation: 0,
            granted_by: None,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(watcher.run(events, Backoff::new(WAIT_MS, WAIT_MS_MAX, Dice::new(seed))));
        let publisher = Publisher {
            client: client.clone(),
            gateway: gateway.clone(),
            outgoing,
            current: now_current,
            waiting: waiting.clone(),
        };
        tasks.spawn(publisher.run());
        Self {
            events: told,
            out,
            waiting,
            client,
            gateway: gateway.clone(),
            epoch,
            _tasks: tasks,
        }
    }

    /// Instead of this connection one to another broker, or to the same in another way.
    pub fn reopen(&mut self, broker: &Broker, seed: u64) {
        *self = Self::open(broker, &self.gateway, self.epoch, seed);
    }

    /// How long the link needs for what is on its way, in milliseconds: next to nothing, if it
    /// is not slow.
    pub fn needs_ms(&self) -> u64 {
        millis(self.client.link_time())
    }

    /// How long it needs for a message of so many bytes, once it has come to that.
    pub fn needs_ms_for(&self, payload_bytes: usize) -> u64 {
        millis(self.client.link_time_of(payload_bytes))
    }

    /// Hands over a message.
    pub fn send(&self, place: mpsc::OwnedPermit<Outgoing>, message: Outgoing) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        place.send(message);
    }

    /// Whether the broker has all that was handed over.
    pub fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0 && self.client.link_time().is_zero()
    }

    /// Whether it has enough to carry for now.
    pub fn is_full(&self) -> bool {
        self.needs_ms() >= QUEUE_MS_MAX
    }

    /// Says goodbye, so that the last will need not; does not wait.
    pub fn close(&self) {
        let topic = Topic::new(self.gateway.clone(), Channel::State).to_string();
        let goodbye = state(false, self.epoch);
        let said = self
            .client
            .try_publish(topic, Surety::Acknowledged, false, goodbye)
            .and_then(|()| self.client.try_disconnect());
        if let Err(error) = said {
            tracing::debug!(%error, "no goodbye to the broker");
        }
    }
}

struct Publisher {
    client: Client,
    gateway: GatewayKey,
    outgoing: mpsc::Receiver<Outgoing>,
    /// The connection that messages may go to; 0 while there is none.
    current: watch::Receiver<u64>,
    waiting: Arc<AtomicUsize>,
}

impl Publisher {
    /// Hands messages to the client until the driver is gone.
    async fn run(mut self) {
        while let Some(message) = self.outgoing.recv().await {
            let published = self.publish(message).await;
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            if let Err(error) = published {
                tracing::debug!(%error, "the client takes no message");
                return;
            }
        }
    }

    /// One that waits for room in the client when its connection ends goes on none.
    async fn publish(&mut self, message: Outgoing) -> Result<(), mqtt::NotTaken> {
        if message.generation != *self.current.borrow_and_update() {
            return Ok(());
        }
        let topic = Topic::new(self.gateway.clone(), message.channel).to_string();
        let sent = self
            .client
            .publish(topic, Surety::Acknowledged, message.payload);
        tokio::select! {
            biased;
            _ = self.current.changed() => Ok(()),
            sent = sent => sent,
        }
    }
}

struct Watcher {
    client: Client,
    receipts: String,
    state: (String, Vec<u8>),
    tell: mpsc::Sender<LinkEvent>,
    /// The connection that messages may go to; 0 while there is none.
    current: watch::Sender<u64>,
    generation: u64,
    /// By when the broker has to answer the subscription.
    granted_by: Option<Instant>,
}

/// The driver is gone.
struct Gone;

impl Watcher {
    async fn run(mut self, mut connection: Connection, mut backoff: Backoff) {
        loop {
            let down = match self.wait(&mut connection).await {
                Ok(event) => match self.take(event).await {
                    Ok(Ok(is_up)) => {
                        if is_up {
                            backoff.reset();
                        }
                        continue;
                    }
                    Ok(Err(what)) => {
                        // The connection is of no use without receipts.
                        connection.drop_connection();
                        what
                    }
                    Err(Gone) => return,
                },
                Err(trouble) => trouble,
            };
            self.granted_by = None;
            self.current.send_replace(0);
            if self.tell.send(LinkEvent::Down(down)).await.is_err() {
                return;
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    /// A broker that greets and never grants the receipts is given up.
    async fn wait(&self, connection: &mut Connection) -> Result<Event, Trouble> {
        let Some(end) = self.granted_by else {
            return connection.poll().await;
        };
        match tokio::time::timeout_at(end, connection.poll()).await {
            Ok(polled) => polled,
            Err(_) => {
                connection.drop_connection();
                Err(Trouble::mute())
            }
        }
    }

    /// Whether the link came up by this event, or why it cannot be used.
    async fn take(&mut self, event: Event) -> Result<Result<bool, Trouble>, Gone> {
        let event = match event {
            Event::Connected => {
                let receipts = std::iter::once(self.receipts.as_str());
                let asked = self.client.try_subscribe(receipts).map(|()| false);
                self.granted_by = Some(Instant::now() + Duration::from_secs(CONNECT_SECONDS));
                let said =
                    |error: mqtt::NotTaken| Trouble::new(error.to_string(), error.to_string());
                return Ok(asked.map_err(said));
            }
            Event::Subscribed(answers) => {
                self.granted_by = None;
                if answers.iter().any(Result::is_err) {
                    return Ok(Err(Trouble::new(
                        "服务器拒绝订阅回执主题",
                        "the broker refuses the receipt topic",
                    )));
                }
                self.generation += 1;
                self.current.send_replace(self.generation);
                let (topic, payload) = self.state.clone();
                let online = self
                    .client
                    .try_publish(topic, Surety::Acknowledged, false, payload);
                if let Err(error) = online {
                    tracing::debug!(%error, "state is not told");
                }
                self.tell
                    .send(LinkEvent::Up(self.generation))
                    .await
                    .map_err(|_| Gone)?;
                return Ok(Ok(true));
            }
            Event::Message(message) => LinkEvent::Receipt(message.payload().to_vec()),
            Event::Acknowledged | Event::Other => return Ok(Ok(false)),
        };
        self.tell.send(event).await.map_err(|_| Gone)?;
        Ok(Ok(false))
    }
}

#[cfg(test)]
mod tests;
