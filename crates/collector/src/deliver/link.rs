//! The connection to the server's broker. The only file that knows the MQTT client.
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
//! the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fenghuo_model::GatewayKey;
use fenghuo_uplink::PAYLOAD_BYTES_MAX;
use fenghuo_uplink::topic::{Channel, Topic};
use fenghuo_uplink::wire::State;
use prost::Message;
use rumqttc::{AsyncClient, Event, EventLoop, LastWill, Packet, QoS, SubscribeReasonCode};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::config::Broker;
use crate::dice::{Backoff, Dice};
use crate::source::mqtt::{client, options};

/// Messages that wait for the client.
pub const OUT_MAX: usize = 4;
/// Requests that wait in the client.
pub const REQUESTS_MAX: usize = 8;
/// Messages that may be without the broker's acknowledgement.
pub const INFLIGHT_MAX: u16 = 64;
/// Receipts and connection changes that wait for the driver.
const EVENTS_MAX: usize = 64;
/// Room for topic and headers around a payload.
const PACKET_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 1_024;
/// First and longest wait between two tries to connect. The longest is short, because it is
/// what a restart of the server costs in fresh data, and a try costs the server little.
const WAIT_MS: u64 = 200;
const WAIT_MS_MAX: u64 = 3_000;

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
    Down(String),
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
    client: AsyncClient,
    gateway: GatewayKey,
    epoch: u64,
    _tasks: JoinSet<()>,
}

fn state(online: bool, epoch: u64) -> Vec<u8> {
    State { online, epoch }.encode_to_vec()
}

impl Link {
    /// Starts connecting, for ever.
    #[must_use]
    pub fn open(broker: &Broker, gateway: &GatewayKey, epoch: u64, seed: u64) -> Self {
        let topic = |channel| Topic::new(gateway.clone(), channel).to_string();
        let mut options = options(&gateway.to_string(), broker, PACKET_BYTES_MAX);
        options.set_inflight(INFLIGHT_MAX);
        options.set_last_will(LastWill::new(
            topic(Channel::State),
            state(false, epoch),
            QoS::AtLeastOnce,
            false,
        ));
        let (client, events) = client(options, REQUESTS_MAX);
        let (tell, told) = mpsc::channel(EVENTS_MAX);
        let (out, outgoing) = mpsc::channel(OUT_MAX);
        let current = Arc::new(AtomicU64::new(0));
        let watcher = Watcher {
            client: client.clone(),
            receipts: topic(Channel::Receipt),
            state: (topic(Channel::State), state(true, epoch)),
            tell,
            current: current.clone(),
            generation: 0,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(watcher.run(events, Backoff::new(WAIT_MS, WAIT_MS_MAX, Dice::new(seed))));
        tasks.spawn(publish(client.clone(), gateway.clone(), outgoing, current));
        Self {
            events: told,
            out,
            client,
            gateway: gateway.clone(),
            epoch,
            _tasks: tasks,
        }
    }

    /// Says goodbye, so that the last will need not; does not wait.
    pub fn close(&self) {
        let topic = Topic::new(self.gateway.clone(), Channel::State).to_string();
        let goodbye = state(false, self.epoch);
        let said = self
            .client
            .try_publish(topic, QoS::AtLeastOnce, false, goodbye)
            .and_then(|()| self.client.try_disconnect());
        if let Err(error) = said {
            tracing::debug!(%error, "no goodbye to the broker");
        }
    }
}

/// Hands messages to the client until the driver is gone.
async fn publish(
    client: AsyncClient,
    gateway: GatewayKey,
    mut outgoing: mpsc::Receiver<Outgoing>,
    current: Arc<AtomicU64>,
) {
    while let Some(message) = outgoing.recv().await {
        if message.generation != current.load(Ordering::Acquire) {
            continue;
        }
        let topic = Topic::new(gateway.clone(), message.channel).to_string();
        let sent = client.publish(topic, QoS::AtLeastOnce, false, message.payload);
        if let Err(error) = sent.await {
            tracing::debug!(%error, "the client takes no message");
            return;
        }
    }
}

struct Watcher {
    client: AsyncClient,
    receipts: String,
    state: (String, Vec<u8>),
    tell: mpsc::Sender<LinkEvent>,
    /// The connection that messages may go to; 0 while there is none.
    current: Arc<AtomicU64>,
    generation: u64,
}

/// The driver is gone.
struct Gone;

impl Watcher {
    async fn run(mut self, mut events: EventLoop, mut backoff: Backoff) {
        loop {
            let down = match events.poll().await {
                Ok(Event::Incoming(packet)) => match self.incoming(packet).await {
                    Ok(Ok(is_up)) => {
                        if is_up {
                            backoff.reset();
                        }
                        continue;
                    }
                    Ok(Err(what)) => {
                        // The connection is of no use without receipts.
                        events.clean();
                        what
                    }
                    Err(Gone) => return,
                },
                Ok(Event::Outgoing(_)) => continue,
                Err(error) => error.to_string(),
            };
            self.current.store(0, Ordering::Release);
            if self.tell.send(LinkEvent::Down(down)).await.is_err() {
                return;
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    /// Whether the link came up by this packet, or why it cannot be used.
    async fn incoming(&mut self, packet: Packet) -> Result<Result<bool, String>, Gone> {
        let event = match packet {
            Packet::ConnAck(_) => {
                let asked = self.client.try_subscribe(&self.receipts, QoS::AtLeastOnce);
                return Ok(asked.map(|()| false).map_err(|error| error.to_string()));
            }
            Packet::SubAck(ack) => {
                if ack.return_codes.contains(&SubscribeReasonCode::Failure) {
                    return Ok(Err("the broker refuses the receipt topic".to_owned()));
                }
                self.generation += 1;
                self.current.store(self.generation, Ordering::Release);
                let (topic, payload) = self.state.clone();
                let online = self
                    .client
                    .try_publish(topic, QoS::AtLeastOnce, false, payload);
                if let Err(error) = online {
                    tracing::debug!(%error, "state is not told");
                }
                self.tell
                    .send(LinkEvent::Up(self.generation))
                    .await
                    .map_err(|_| Gone)?;
                return Ok(Ok(true));
            }
            Packet::Publish(publish) => LinkEvent::Receipt(publish.payload.to_vec()),
            _ => return Ok(Ok(false)),
        };
        self.tell.send(event).await.map_err(|_| Gone)?;
        Ok(Ok(false))
    }
}
