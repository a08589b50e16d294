//! The MQTT face of a plant: its devices publish JSON to
//! `plant/<plant>/device/<device>` once a [`PERIOD`].
//!
//! One client a plant, connecting again for ever with backoff. While there is no
//! connection a device measures and forgets, as cheap ones do, and the face counts what
//! was not sent. A payload with a time goes at QoS 1; one without goes at QoS 0, because a
//! repeated one would pass for a new reading.

mod payload;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::sync::watch;

use crate::image::Image;
use crate::modbus_face::now_ms;
use crate::plant::{Device, PlantKind, Stamp};
use crate::record::Recorder;
use crate::rng::Rng;
use crate::scenario::Fault;
use crate::stop::Stop;

pub use payload::{Payload, payload};

/// How often a device publishes, in real time.
pub const PERIOD: Duration = Duration::from_secs(1);
/// Messages that wait for the connection.
const QUEUE: usize = 64;
const KEEP_ALIVE: Duration = Duration::from_secs(10);
const BACKOFF_FIRST: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// A broker's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// The topic of a device.
#[must_use]
pub fn topic(plant: PlantKind, device: &str) -> String {
    format!("plant/{plant}/device/{device}")
}

/// The devices of one plant.
#[derive(Debug)]
pub struct Devices {
    images: watch::Receiver<Arc<Image>>,
    record: Option<Recorder>,
    connected: AtomicBool,
    unsent: AtomicU64,
}

impl Devices {
    /// Devices that measure from the newest image.
    #[must_use]
    pub const fn new(images: watch::Receiver<Arc<Image>>, record: Option<Recorder>) -> Self {
        Self {
            images,
            record,
            connected: AtomicBool::new(false),
            unsent: AtomicU64::new(0),
        }
    }

    /// Payloads that were measured and not sent.
    pub fn unsent(&self) -> u64 {
        self.unsent.load(Ordering::Relaxed)
    }

    /// Publishes until `stop`.
    pub async fn run(&self, broker: &Broker, mut stop: Stop) {
        let plant = self.images.borrow().map().kind();
        let id = format!("fenghuo-sim-{plant}-{}", std::process::id());
        let mut options = MqttOptions::new(id, &broker.host, broker.port);
        options.set_keep_alive(KEEP_ALIVE);
        let (client, mut connection) = AsyncClient::new(options, QUEUE);
        tokio::select! {
            () = self.keep_connected(plant, &mut connection) => {}
            () = self.publish_all(&client) => {}
            () = stop.stopped() => {}
        }
        goodbye(&client, &mut connection).await;
    }

    /// Drives the connection; never returns.
    async fn keep_connected(&self, plant: PlantKind, connection: &mut EventLoop) {
        let mut backoff = BACKOFF_FIRST;
        let mut rng = Rng::new(now_ms());
        loop {
            match connection.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    backoff = BACKOFF_FIRST;
                    self.connected.store(true, Ordering::Relaxed);
                    tracing::info!(%plant, "devices are connected");
                }
                Ok(_) => {}
                Err(error) => {
                    if self.connected.swap(false, Ordering::Relaxed) {
                        tracing::warn!(%plant, %error, "devices lost their broker");
                    }
                    tokio::time::sleep(backoff.mul_f64(0.5 + rng.unit())).await;
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }

    /// Measures and publishes; never returns.
    async fn publish_all(&self, client: &AsyncClient) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let image = Arc::clone(&self.images.borrow());
            for device in image.map().kind().devices() {
                let quiet = Fault::Quiet {
                    device: device.name,
                };
                if !image.faults.contains(&quiet) {
                    self.publish(client, &image, device).await;
                }
            }
        }
    }

    async fn publish(&self, client: &AsyncClient, image: &Image, device: &Device) {
        let plant = image.map().kind();
        let time_ms = now_ms();
        let Payload { json, values } = payload(image, device, time_ms);
        let qos = match device.stamp {
            Stamp::None => QoS::AtMostOnce,
            Stamp::Millis(_) | Stamp::Seconds(_) => QoS::AtLeastOnce,
        };
        if !self.connected.load(Ordering::Relaxed) {
            self.unsent.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let topic = topic(plant, device.name);
        if let Err(error) = client.try_publish(topic, qos, false, json.to_string()) {
            self.unsent.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(device = device.name, %error, "payload was not sent");
            return;
        }
        let Some(record) = &self.record else { return };
        for (key, value) in values {
            record
                .published(time_ms, (plant, key), device.name, value)
                .await;
        }
    }
}

/// Tells the broker, if it is there, that the devices go.
async fn goodbye(client: &AsyncClient, connection: &mut EventLoop) {
    if let Err(error) = client.try_disconnect() {
        tracing::debug!(%error, "no goodbye");
        return;
    }
    let sent = async {
        while let Ok(event) = connection.poll().await {
            if matches!(event, Event::Outgoing(rumqttc::Outgoing::Disconnect)) {
                break;
            }
        }
    };
    if tokio::time::timeout(GOODBYE, sent).await.is_err() {
        tracing::debug!("the broker did not take the goodbye in time");
    }
}
