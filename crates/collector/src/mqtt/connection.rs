//! Both versions of the protocol behind one face.

use std::time::Duration;

use rumqttc::{TlsConfiguration, Transport, v5};
use tokio::time::Instant;

use super::queue::Queue;
use super::{CONNECT_SECONDS, KEEP_ALIVE, Manner, Surety, Trouble, Will};
use crate::config::Broker;
use crate::mqtt::tls::Tls;

/// A ping that is later than this was held up by a write.
const LATE: Duration = Duration::from_millis(100);

/// The handle to ask for something; the work is done by polling the [`Connection`].
#[derive(Clone, Debug)]
pub struct Client {
    hand: Hand,
    queue: Queue,
}

#[derive(Clone, Debug)]
enum Hand {
    V4(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

/// The client takes no request: it has no room, or its connection is gone for ever.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotTaken(String);

/// The connection to one broker, made again whenever it is polled after a failure.
pub struct Connection {
    events: Events,
    tls: Option<Tls>,
    queue: Queue,
    message_bytes_max: Option<usize>,
    is_fresh: bool,
    /// While the broker lets us in: this often it is asked whether it is there.
    keep_alive: Option<Duration>,
    /// When that was, as long as no answer has come: for the first and for the last time.
    asked: Option<(Instant, Instant)>,
    /// What the last connection had under way when it ended, in time of the link.
    left_over: Duration,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

enum Events {
    V4(Box<rumqttc::EventLoop>),
    V5(Box<v5::EventLoop>),
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The broker let us in. Nothing is subscribed yet.
    Connected,
    /// The answer to a subscription: for each filter, why it was refused, if it was.
    Subscribed(Vec<Result<(), String>>),
    /// A message on a topic that we subscribed to.
    Message(Message),
    /// The broker has taken the oldest message that it had to acknowledge.
    Acknowledged,
    /// Something of the protocol's own.
    Other,
}

/// A message from the broker.
#[derive(Debug)]
pub struct Message(Said);

#[derive(Debug)]
enum Said {
    V4(rumqttc::Publish),
    V5(v5::mqttbytes::v5::Publish),
}

#[cfg(test)]
impl Message {
    /// One that a broker might send.
    pub fn of(topic: &str, payload: &str, is_retained: bool) -> Self {
        let mut publish = rumqttc::Publish::new(topic, rumqttc::QoS::AtLeastOnce, payload);
        publish.retain = is_retained;
        Self(Said::V4(publish))
    }
}

impl Message {
    /// Where it was said; `None` when that is no text.
    #[must_use]
    pub fn topic(&self) -> Option<&str> {
        match &self.0 {
            Said::V4(publish) => Some(&publish.topic),
            Said::V5(publish) => std::str::from_utf8(&publish.topic).ok(),
        }
    }

    /// What was said.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        match &self.0 {
            Said::V4(publish) => &publish.payload,
            Said::V5(publish) => &publish.payload,
        }
    }

    /// Whether the broker had kept it: it may be of any age.
    #[must_use]
    pub const fn is_retained(&self) -> bool {
        match &self.0 {
            Said::V4(publish) => publish.retain,
            Said::V5(publish) => publish.retain,
        }
    }
}

pub(super) fn open_v4(broker: &Broker, manner: Manner) -> (Client, Connection) {
    let Manner {
        client_id,
        packet_bytes_max: bytes,
        ..
    } = &manner;
    let mut options = rumqttc::MqttOptions::new(client_id, &broker.host, broker.port);
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(true)
        .set_inflight(manner.inflight_max)
        .set_max_packet_size(*bytes, *bytes);
    if let Some((username, password)) = &broker.login {
        options.set_credentials(username, password.reveal());
    }
    let (client, mut events) = rumqttc::AsyncClient::new(options, manner.requests_max);
    let network = &mut events.network_options;
    network
        .set_connection_timeout(CONNECT_SECONDS)
        .set_tcp_nodelay(true);
    let hand = Hand::V4(client);
    Connection::between(hand, Events::V4(Box::new(events)), broker, manner)
}

pub(super) fn open_v5(broker: &Broker, manner: Manner) -> (Client, Connection) {
    let mut options = v5::MqttOptions::new(&manner.client_id, &broker.host, broker.port);
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_start(true)
        .set_connection_timeout(CONNECT_SECONDS)
        .set_outgoing_inflight_upper_limit(manner.inflight_max)
        .set_max_packet_size(u32::try_from(manner.packet_bytes_max).ok());
    let mut network = options.network_options();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    if let Some((username, password)) = &broker.login {
        options.set_credentials(username, password.reveal());
    }
    let (client, events) = v5::AsyncClient::new(options, manner.requests_max);
    let hand = Hand::V5(client);
    Connection::between(hand, Events::V5(Box::new(events)), broker, manner)
}

impl Connection {
    fn between(hand: Hand, events: Events, broker: &Broker, manner: Manner) -> (Client, Self) {
        let queue = Queue::default();
        let mut connection = Self {
            events,
            tls: broker.tls.clone(),
            queue: queue.clone(),
            message_bytes_max: manner.message_bytes_max,
            is_fresh: true,
            keep_alive: None,
            asked: None,
            left_over: Duration::ZERO,
        };
        connection.set_will(manner.will);
        (Client { hand, queue }, connection)
    }

    /// The last will of the connections to come.
    pub fn set_will(&mut self, will: Option<Will>) {
        let Some(will) = will else { return };
        match &mut self.events {
            Events::V4(events) => {
                let qos = rumqttc::QoS::AtLeastOnce;
                let will = rumqttc::LastWill::new(will.topic, will.payload, qos, will.is_retained);
                events.mqtt_options.set_last_will(will);
            }
            Events::V5(events) => {
                let qos = v5::mqttbytes::QoS::AtLeastOnce;
                let (topic, payload) = (will.topic, will.payload);
                let will =
                    v5::mqttbytes::v5::LastWill::new(topic, payload, qos, will.is_retained, None);
                events.options.set_last_will(will);
            }
        }
    }

    /// What happens next. After a trouble the next poll connects again; the pause between is
    /// the caller's.
    ///
    /// # Errors
    /// Why there is no connection, or no longer.
    pub async fn poll(&mut self) -> Result<Event, Trouble> {
        if std::mem::take(&mut self.is_fresh) {
            self.renew().inspect_err(|_| self.is_fresh = true)?;
        }
        self.bear_with_the_link();
        let (event, ping) = match &mut self.events {
            Events::V4(events) => {
                let polled = events.poll().await;
                let ping = polled.as_ref().ok().and_then(ping_v4);
                (of_v4(polled), ping)
            }
            Events::V5(events) => {
                let polled = events.poll().await;
                let ping = polled.as_ref().ok().and_then(ping_v5);
                (of_v5(polled), ping)
            }
        };
        match ping {
            Some(Ping::Asked) => {
                let now = Instant::now();
                self.asked = Some((self.asked.map_or(now, |(first, _)| first), now));
            }
            Some(Ping::Answered) => self.asked = None,
            None => {}
        }
        match &event {
            Ok(Event::Connected) => {
                let wanted = Some(self.asked_after()).filter(|it| !it.is_zero());
                self.keep_alive = Some(wanted.unwrap_or(KEEP_ALIVE).min(KEEP_ALIVE));
            }
            Ok(Event::Acknowledged) => self.queue.acknowledged(Instant::now()),
            Ok(_) => {}
            Err(_) => self.ended(),
        }
        event
    }

    /// The library waits for a ping's answer until the next ping, and for a write as long as for
    /// a connection: on a slow link both are too short while a large message goes out. The pings
    /// themselves go as often as ever: a longer pause, once begun, would outlast its reason.
    fn bear_with_the_link(&mut self) {
        let Some(keep_alive) = self.keep_alive else {
            return;
        };
        let is_borne = self.asked.is_some_and(|(first, last)| {
            // Whether an answer may come later than the next ping. What is quickly carried is
            // not worth another one. And while it writes the library reads no answer.
            self.queue.borne() > first.elapsed() + keep_alive * 3 / 4
                || last.elapsed() > keep_alive + LATE
        });
        let largest = self.message_bytes_max.unwrap_or_default();
        match &mut self.events {
            Events::V4(events) => {
                events.mqtt_options.set_keep_alive(keep_alive);
                events.state.await_pingresp &= !is_borne;
                let write = self.queue.borne_with(largest).as_secs();
                let network = &mut events.network_options;
                network.set_connection_timeout(CONNECT_SECONDS + write);
            }
            // Here no write is given up.
            Events::V5(events) => {
                events.options.set_keep_alive(keep_alive);
                events.state.await_pingresp &= !is_borne;
            }
        }
    }

    /// As we told the broker, or as it wants it.
    fn asked_after(&self) -> Duration {
        match &self.events {
            Events::V4(events) => events.mqtt_options.keep_alive(),
            Events::V5(events) => events.options.keep_alive(),
        }
    }

    /// The library drops what it had when a connection ends, and keeps it when none was made.
    fn ended(&mut self) {
        self.is_fresh = true;
        self.asked = None;
        if self.keep_alive.take().is_some() {
            self.left_over = self.queue.end(Instant::now());
        }
    }

    /// Ends the connection, with what was queued for it; the next poll makes a new one.
    pub fn drop_connection(&mut self) {
        match &mut self.events {
            Events::V4(events) => events.clean(),
            Events::V5(events) => events.clean(),
        }
        self.ended();
    }

    /// Before each connection: the certificates as they are now. What a broker asked for in
    /// the last connection does not bind the next.
    ///
    /// Some brokers take a message that comes in for silence until its last byte is there, and
    /// end the connection after one and a half of the keep-alives that they are told. So they
    /// are told of more when the last connection ended under something large.
    fn renew(&mut self) -> Result<(), Trouble> {
        let transport = match &self.tls {
            None => Transport::Tcp,
            Some(tls) => Transport::Tls(TlsConfiguration::Rustls(tls.load()?)),
        };
        let keep_alive = KEEP_ALIVE + self.left_over;
        match &mut self.events {
            Events::V4(events) => {
                let network = &mut events.network_options;
                network.set_connection_timeout(CONNECT_SECONDS);
                events.mqtt_options.set_keep_alive(keep_alive);
                events.mqtt_options.set_transport(transport);
            }
            Events::V5(events) => {
                events.options.set_keep_alive(keep_alive);
                events.options.set_transport(transport);
            }
        }
        Ok(())
    }
}

/// Whether the broker was asked if it is there, or has answered that.
enum Ping {
    Asked,
    Answered,
}

const fn ping_v4(event: &rumqttc::Event) -> Option<Ping> {
    match event {
        rumqttc::Event::Outgoing(rumqttc::Outgoing::PingReq) => Some(Ping::Asked),
        rumqttc::Event::Incoming(rumqttc::Packet::PingResp) => Some(Ping::Answered),
        _ => None,
    }
}

const fn ping_v5(event: &v5::Event) -> Option<Ping> {
    match event {
        v5::Event::Outgoing(rumqttc::Outgoing::PingReq) => Some(Ping::Asked),
        v5::Event::Incoming(v5::mqttbytes::v5::Packet::PingResp(_)) => Some(Ping::Answered),
        _ => None,
    }
}

fn of_v4(event: Result<rumqttc::Event, rumqttc::ConnectionError>) -> Result<Event, Trouble> {
    use rumqttc::{ConnectReturnCode as Code, ConnectionError, Packet, SubscribeReasonCode};
    match event {
        Ok(rumqttc::Event::Incoming(packet)) => Ok(match packet {
            Packet::ConnAck(_) => Event::Connected,
            Packet::SubAck(ack) => Event::Subscribed(
                ack.return_codes
                    .iter()
                    .map(|code| match code {
                        SubscribeReasonCode::Success(_) => Ok(()),
                        SubscribeReasonCode::Failure => Err(format!("{code:?}")),
                    })
                    .collect(),
            ),
            Packet::Publish(publish) => Event::Message(Message(Said::V4(publish))),
            Packet::PubAck(_) => Event::Acknowledged,
            _ => Event::Other,
        }),
        Ok(rumqttc::Event::Outgoing(_)) => Ok(Event::Other),
        Err(ConnectionError::ConnectionRefused(code)) => {
            let is_login = matches!(code, Code::BadUserNamePassword | Code::NotAuthorized);
            Err(Trouble::refused(&code, is_login))
        }
        Err(ConnectionError::NetworkTimeout) => Err(Trouble::mute()),
        Err(error) => Err(Trouble::of(&error)),
    }
}

fn of_v5(event: Result<v5::Event, v5::ConnectionError>) -> Result<Event, Trouble> {
    use v5::ConnectionError;
    use v5::mqttbytes::v5::{ConnectReturnCode as Code, Packet, SubscribeReasonCode};
    match event {
        Ok(v5::Event::Incoming(packet)) => Ok(match packet {
            Packet::ConnAck(_) => Event::Connected,
            Packet::SubAck(ack) => Event::Subscribed(
                ack.return_codes
                    .iter()
                    .map(|code| match code {
                        SubscribeReasonCode::Success(_) => Ok(()),
                        code => Err(format!("{code:?}")),
                    })
                    .collect(),
            ),
            Packet::Publish(publish) => Event::Message(Message(Said::V5(publish))),
            Packet::PubAck(_) => Event::Acknowledged,
            _ => Event::Other,
        }),
        Ok(v5::Event::Outgoing(_)) => Ok(Event::Other),
        Err(ConnectionError::ConnectionRefused(code)) => {
            let is_login = matches!(code, Code::BadUserNamePassword | Code::NotAuthorized);
            Err(Trouble::refused(&code, is_login))
        }
        Err(ConnectionError::Timeout(_)) => Err(Trouble::mute()),
        // The library does not say what this error was made of.
        Err(ConnectionError::MqttState(v5::StateError::Deserialization(error))) => {
            Err(Trouble::of(&error))
        }
        Err(error) => Err(Trouble::of(&error)),
    }
}

impl Client {
    /// Hands over a message; waits while the client has no room. Never call it in the task
    /// that polls the connection.
    ///
    /// # Errors
    /// [`NotTaken`] when the connection is gone for ever.
    pub async fn publish(
        &self,
        topic: String,
        surety: Surety,
        payload: Vec<u8>,
    ) -> Result<(), NotTaken> {
        self.hand_over(surety, payload.len());
        match &self.hand {
            Hand::V4(client) => {
                let sent = client.publish(topic, surety.v4(), false, payload).await;
                sent.map_err(|error| NotTaken(error.to_string()))
            }
            Hand::V5(client) => {
                let sent = client.publish(topic, surety.v5(), false, payload).await;
                sent.map_err(|error| NotTaken(error.to_string()))
            }
        }
    }

    /// Before it is, so that no acknowledgement comes first.
    fn hand_over(&self, surety: Surety, payload_bytes: usize) {
        if surety == Surety::Acknowledged {
            self.queue.handed(payload_bytes, Instant::now());
        }
    }

    /// How long the link needs for what is on its way to the broker.
    #[must_use]
    pub fn link_time(&self) -> Duration {
        self.queue.time()
    }

    /// How long it needs for a message of so many bytes, once it has come to that.
    #[must_use]
    pub fn link_time_of(&self, payload_bytes: usize) -> Duration {
        self.queue.time_of(payload_bytes)
    }

    /// Hands over a message if there is room.
    ///
    /// # Errors
    /// [`NotTaken`] when there is none.
    pub fn try_publish(
        &self,
        topic: String,
        surety: Surety,
        is_retained: bool,
        payload: Vec<u8>,
    ) -> Result<(), NotTaken> {
        self.hand_over(surety, payload.len());
        let sent = match &self.hand {
            Hand::V4(client) => client
                .try_publish(topic, surety.v4(), is_retained, payload)
                .map_err(|error| error.to_string()),
            Hand::V5(client) => client
                .try_publish(topic, surety.v5(), is_retained, payload)
                .map_err(|error| error.to_string()),
        };
        sent.map_err(|error| {
            if surety == Surety::Acknowledged {
                self.queue.not_taken();
            }
            NotTaken(error)
        })
    }

    /// Asks for these topics, acknowledged, if there is room.
    ///
    /// # Errors
    /// [`NotTaken`] when there is none.
    pub fn try_subscribe<'f>(
        &self,
        filters: impl Iterator<Item = &'f str>,
    ) -> Result<(), NotTaken> {
        let asked = match &self.hand {
            Hand::V4(client) => {
                let qos = rumqttc::QoS::AtLeastOnce;
                let filter = |path: &str| rumqttc::SubscribeFilter::new(path.to_owned(), qos);
                let asked = client.try_subscribe_many(filters.map(filter));
                asked.map_err(|error| error.to_string())
            }
            Hand::V5(client) => {
                let qos = v5::mqttbytes::QoS::AtLeastOnce;
                let filter = |path: &str| v5::mqttbytes::v5::Filter::new(path.to_owned(), qos);
                let asked = client.try_subscribe_many(filters.map(filter));
                asked.map_err(|error| error.to_string())
            }
        };
        asked.map_err(NotTaken)
    }

    /// Says goodbye, if there is room.
    ///
    /// # Errors
    /// [`NotTaken`] when there is none.
    pub fn try_disconnect(&self) -> Result<(), NotTaken> {
        let said = match &self.hand {
            Hand::V4(client) => client.try_disconnect().map_err(|error| error.to_string()),
            Hand::V5(client) => client.try_disconnect().map_err(|error| error.to_string()),
        };
        said.map_err(NotTaken)
    }
}

impl Surety {
    const fn v4(self) -> rumqttc::QoS {
        match self {
            Self::Once => rumqttc::QoS::AtMostOnce,
            Self::Acknowledged => rumqttc::QoS::AtLeastOnce,
        }
    }

    const fn v5(self) -> v5::mqttbytes::QoS {
        match self {
            Self::Once => v5::mqttbytes::QoS::AtMostOnce,
            Self::Acknowledged => v5::mqttbytes::QoS::AtLeastOnce,
        }
    }
}
