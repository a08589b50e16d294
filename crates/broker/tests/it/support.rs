//! A broker on a free port, an intake that remembers, and a client that hands out its events.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fenghuo_broker::{Broker, Config, Incoming, Intake, Password, Scope, Taken, User};
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, MqttOptions, Outgoing, Packet, Publish,
    QoS, SubscribeReasonCode,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long a test watches that nothing comes.
pub const QUIET: Duration = Duration::from_millis(300);
pub const PASSWORD: &str = "correct horse";

/// Remembers what it was given; drops everything while `full`.
#[derive(Default)]
pub struct Memory {
    pub messages: Mutex<Vec<Incoming>>,
    pub gone: Mutex<Vec<String>>,
    pub full: AtomicBool,
}

impl Intake for Memory {
    fn take(&self, message: Incoming) -> Taken {
        if self.full.load(Ordering::Relaxed) {
            return Taken::Dropped;
        }
        self.messages.lock().unwrap().push(message);
        Taken::Queued
    }

    fn disconnected(&self, client: &str) {
        self.gone.lock().unwrap().push(client.to_owned());
    }
}

impl Memory {
    pub fn len(&self) -> usize {
        self.messages.lock().unwrap().len()
    }

    /// Waits for at least `count` messages and gives them all.
    pub async fn wait(&self, count: usize) -> Vec<Incoming> {
        until("messages at the intake", || self.len() >= count).await;
        self.messages.lock().unwrap().clone()
    }
}

/// Polls a condition; panics when it does not come true.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = tokio::time::Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn loopback() -> Config {
    Config::new(([127, 0, 0, 1], 0).into())
}

pub fn open_config() -> Config {
    let mut config = loopback();
    config.anonymous = true;
    config
}

/// Users gw1 and gw2 for the gateways oil/gw1 and oil/gw2, and a device.
pub fn closed_config() -> Config {
    let user = |name: &str, scope| User {
        name: name.to_owned(),
        password: Password::new(PASSWORD),
        scope,
    };
    let mut config = loopback();
    config.users = vec![
        user("gw1", Scope::Gateway("oil/gw1".parse().unwrap())),
        user("gw2", Scope::Gateway("oil/gw2".parse().unwrap())),
        user("device", Scope::Device),
    ];
    config
}

pub async fn start(config: Config) -> (Broker, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let broker = Broker::start(config, Arc::clone(&memory) as Arc<dyn Intake>).await;
    (broker.unwrap(), memory)
}

pub fn options(address: SocketAddr, id: &str, user: Option<&str>) -> MqttOptions {
    let mut options = MqttOptions::new(id, address.ip().to_string(), address.port());
    options.set_max_packet_size(1 << 20, 1 << 20);
    options.set_inflight(100);
    if let Some(user) = user {
        options.set_credentials(user, PASSWORD);
    }
    options
}

/// A connected client.
pub struct Client {
    pub mqtt: AsyncClient,
    events: mpsc::Receiver<Packet>,
    pump: JoinHandle<()>,
}

impl Client {
    pub async fn connect(address: SocketAddr, id: &str, user: Option<&str>) -> Self {
        Self::with(options(address, id, user)).await.unwrap()
    }

    /// Connects once; the error is what the broker or the network said.
    pub async fn with(options: MqttOptions) -> Result<Self, ConnectionError> {
        let (mqtt, mut eventloop) = AsyncClient::new(options, 1000);
        let first = tokio::time::timeout(PATIENCE, eventloop.poll()).await;
        let connected = first.expect("a connack in time")?;
        assert!(matches!(connected, Event::Incoming(Packet::ConnAck(_))));
        let (sender, events) = mpsc::channel(100_000);
        let pump = tokio::spawn(async move {
            // Ends with the connection: reconnecting is each test's own business.
            while let Ok(event) = eventloop.poll().await {
                match event {
                    Event::Incoming(packet) => {
                        if sender.send(packet).await.is_err() {
                            return;
                        }
                    }
                    Event::Outgoing(Outgoing::Disconnect) => return,
                    Event::Outgoing(_) => {}
                }
            }
        });
        Ok(Self { mqtt, events, pump })
    }

    pub async fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        let sent = self.mqtt.publish(topic, QoS::AtLeastOnce, false, payload);
        sent.await.unwrap();
    }

    /// Publishes and waits for the PUBACK.
    pub async fn publish_acked(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.publish(topic, payload).await;
        self.next(|packet| matches!(packet, Packet::PubAck(_)).then_some(()))
            .await;
    }

    /// Subscribes and says whether the broker granted it.
    pub async fn subscribe(&mut self, filter: &str) -> bool {
        let sent = self.mqtt.subscribe(filter, QoS::AtLeastOnce);
        sent.await.unwrap();
        let granted = |packet| match packet {
            Packet::SubAck(ack) => Some(ack.return_codes),
            _ => None,
        };
        let codes = self.next(granted).await;
        matches!(codes[..], [SubscribeReasonCode::Success(_)])
    }

    pub async fn message(&mut self) -> Publish {
        self.next(|packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        })
        .await
    }

    /// The message that came within a short time, if any.
    pub async fn message_soon(&mut self) -> Option<Publish> {
        tokio::time::timeout(QUIET, self.message()).await.ok()
    }

    async fn next<T>(&mut self, mut pick: impl FnMut(Packet) -> Option<T>) -> T {
        let wait = async {
            loop {
                let packet = self.events.recv().await.expect("the connection is open");
                if let Some(found) = pick(packet) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap()
    }

    /// Waits until the broker has closed the connection.
    pub async fn closed(&mut self) {
        let drained = async { while self.events.recv().await.is_some() {} };
        tokio::time::timeout(PATIENCE, drained).await.unwrap();
    }

    /// Goes without a word, as when a link breaks.
    pub async fn vanish(self) {
        self.pump.abort();
        assert!(self.pump.await.is_err());
    }
}

pub fn refusal(result: Result<Client, ConnectionError>) -> ConnectReturnCode {
    match result {
        Err(ConnectionError::ConnectionRefused(code)) => code,
        Err(other) => panic!("refused in another way: {other}"),
        Ok(_) => panic!("let in"),
    }
}
