//! A gateway by hand: speaks the uplink over MQTT without any of the collector's code, so
//! that it can do what no collector does.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fenghuo_model::{Catalog, GatewayKey};
use fenghuo_uplink::hello::{EpochSpan, Hello};
use fenghuo_uplink::receipt::Receipt;
use fenghuo_uplink::topic::{Channel, Topic};
use fenghuo_uplink::wire::Envelope;
use prost::Message;
use rumqttc::{Client, Connection, Event, MqttOptions, Outgoing, Packet, QoS};

/// Receipts that may wait; far more than a test looks away from.
const RECEIPTS_MAX: usize = 4_096;
/// Requests that may wait in the client.
const REQUESTS_MAX: usize = 64;
/// Largest packet that the client sends: more than the server takes.
const PACKET_BYTES_MAX: usize = 1 << 20;
/// Longest wait for a receipt.
const WAIT: Duration = Duration::from_secs(20);

/// A gateway by hand.
pub struct Gateway {
    key: GatewayKey,
    client: Client,
    receipts: Receiver<Receipt>,
    thread: Option<JoinHandle<()>>,
    /// Its run.
    pub epoch: u64,
    nonce: u64,
}

/// What stands around a frame.
#[derive(Clone, Copy, Debug)]
pub struct Around {
    /// Frames below are backlog.
    pub live_from: u64,
    /// No frame below will come.
    pub oldest: u64,
    /// The gateway's clock when it was sent.
    pub sent: i64,
}

/// Now, in milliseconds since 1970.
///
/// # Panics
/// When the machine's clock is before 1970.
#[must_use]
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

impl Gateway {
    /// Connects to a broker.
    ///
    /// # Panics
    /// When it cannot.
    #[must_use]
    pub fn connect(broker: u16, key: &str, epoch: u64) -> Self {
        let key: GatewayKey = key.parse().unwrap();
        let mut options = MqttOptions::new(format!("{key}/by-hand"), "127.0.0.1", broker);
        options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
        let (client, connection) = Client::new(options, REQUESTS_MAX);
        let (sender, receipts) = sync_channel(RECEIPTS_MAX);
        let (up, is_up) = sync_channel(1);
        let topic = Topic::new(key.clone(), Channel::Receipt).to_string();
        client.subscribe(topic, QoS::AtMostOnce).unwrap();
        let thread = std::thread::spawn(move || listen(connection, &up, &sender));
        is_up.recv_timeout(WAIT).expect("the broker subscribes");
        Self {
            key,
            client,
            receipts,
            thread: Some(thread),
            epoch,
            nonce: 1,
        }
    }

    /// Says hello with these frames in the spool; answers the receipt to it.
    pub fn hello(&mut self, catalog: &Arc<Catalog>, oldest: u64, newest: u64) -> Receipt {
        self.nonce += 1;
        let hello = Hello {
            nonce: self.nonce,
            epoch: self.epoch,
            oldest,
            newest,
            catalogs: vec![catalog.id()],
            sent: now(),
            epochs: vec![EpochSpan {
                epoch: self.epoch,
                first: 1,
                last: newest,
            }],
            ..Hello::default()
        };
        self.publish(Channel::Hello, hello.encode());
        let nonce = self.nonce;
        self.receipt("the answer to hello", |receipt| receipt.nonce == nonce)
    }

    /// Sends a catalog; waits until nothing is wanted any more.
    pub fn catalog(&mut self, catalog: &Catalog) -> Receipt {
        for part in fenghuo_uplink::catalog::to_parts(catalog) {
            self.publish(Channel::Catalog, part);
        }
        self.receipt("the catalog to be taken", |it| it.want_catalogs.is_empty())
    }

    /// Sends a frame as it is.
    pub fn send(&mut self, frame: Vec<u8>, around: Around) {
        let envelope = Envelope {
            frame,
            sent: around.sent,
            live_from: around.live_from,
            oldest: around.oldest,
            ..Envelope::default()
        };
        self.publish(Channel::Data, envelope.encode_to_vec());
    }

    /// Publishes anything.
    ///
    /// # Panics
    /// When the client is gone.
    pub fn publish(&self, channel: Channel, payload: Vec<u8>) {
        let topic = Topic::new(self.key.clone(), channel).to_string();
        let published = self.client.publish(topic, QoS::AtLeastOnce, false, payload);
        published.unwrap();
    }

    /// Waits for a receipt that is as wanted; older ones go.
    ///
    /// # Panics
    /// When none comes in time.
    pub fn receipt(&self, what: &str, is_it: impl Fn(&Receipt) -> bool) -> Receipt {
        let end = Instant::now() + WAIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.receipts.recv_timeout(left) {
                Ok(receipt) if is_it(&receipt) => return receipt,
                Ok(_) => {}
                Err(error) => panic!("waited for {what}: {error}"),
            }
        }
    }

    /// Waits until a frame is receipted.
    pub fn wait_receipted(&self, seq: u64) -> Receipt {
        let (epoch, what) = (self.epoch, format!("the receipt of {seq}"));
        self.receipt(&what, |receipt| holds(receipt, epoch, seq))
    }

    /// Waits until the broker has cut the connection.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_end(&self) {
        let thread = self.thread.as_ref().unwrap();
        crate::wait::until(WAIT, "the broker to cut the connection", || {
            thread.is_finished()
        });
    }

    /// Every receipt that is here already.
    pub fn drain(&self) -> Vec<Receipt> {
        self.receipts.try_iter().collect()
    }
}

/// Whether a receipt says that a frame is durable.
#[must_use]
pub fn holds(receipt: &Receipt, epoch: u64, seq: u64) -> bool {
    let mut ranges = receipt.epochs.iter().filter(|it| it.epoch == epoch);
    ranges.any(|it| {
        it.ranges
            .iter()
            .any(|(from, to)| (from..=to).contains(&&seq))
    })
}

fn listen(
    mut connection: Connection,
    up: &std::sync::mpsc::SyncSender<()>,
    receipts: &std::sync::mpsc::SyncSender<Receipt>,
) {
    for event in connection.iter() {
        let is_wanted = match event {
            Ok(Event::Incoming(Packet::SubAck(_))) => up.try_send(()).is_ok(),
            Ok(Event::Incoming(Packet::Publish(publish))) => Receipt::decode(&publish.payload)
                .is_ok_and(|receipt| receipts.try_send(receipt).is_ok()),
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
            Ok(_) => true,
            // The broker cut it, or went: whoever waits for something will say so.
            Err(_) => return,
        };
        if !is_wanted {
            return;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let is_over = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        if !is_over && self.client.disconnect().is_err() {
            eprintln!("gateway by hand: its connection was gone");
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("gateway by hand: its thread panicked");
        }
    }
}
