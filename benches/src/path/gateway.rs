//! A gateway that has no PLC: makes frames and delivers them within the server's window.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fenghuo_model::{Catalog, GatewayKey};
use fenghuo_uplink::frame::FrameBuilder;
use fenghuo_uplink::hello::Hello;
use fenghuo_uplink::receipt::Receipt;
use fenghuo_uplink::topic::{Channel, Topic};
use fenghuo_uplink::{PAYLOAD_BYTES_MAX, catalog as catalogs, wire};
use prost::Message as _;
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

use super::server::Running;
use crate::data;

const EPOCH: u64 = 0xbe_ac_04;

/// The gateway.
pub struct Gateway {
    client: Client,
    receipts: Receiver<Receipt>,
    key: GatewayKey,
    catalog: Arc<Catalog>,
    builder: FrameBuilder,
    seq: u64,
    durable: u64,
    window: u64,
    samples: u64,
}

fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(0)
}

impl Gateway {
    /// Connects, says hello, and gives its catalog.
    pub fn connect(server: &Running, points: usize) -> anyhow::Result<Self> {
        let mut options =
            MqttOptions::new("bench/gw", server.mqtt.ip().to_string(), server.mqtt.port());
        options.set_max_packet_size(PAYLOAD_BYTES_MAX + 4_096, PAYLOAD_BYTES_MAX + 4_096);
        options.set_inflight(500);
        let (client, mut connection) = Client::new(options, 256);
        let (sender, receipts) = sync_channel(4_096);
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let Ok(receipt) = Receipt::decode(&publish.payload) else {
                            continue;
                        };
                        if sender.send(receipt).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        let catalog = data::catalog(points);
        let mut gateway = Self {
            client,
            receipts,
            key: "bench/gw".parse()?,
            builder: FrameBuilder::new(catalog.clone()),
            catalog,
            seq: 0,
            durable: 0,
            window: 0,
            samples: 0,
        };
        let receipt = gateway.topic(Channel::Receipt);
        gateway.client.subscribe(receipt, QoS::AtLeastOnce)?;
        std::thread::sleep(Duration::from_millis(300));
        gateway.greet()?;
        Ok(gateway)
    }

    fn topic(&self, channel: Channel) -> String {
        Topic::new(self.key.clone(), channel).to_string()
    }

    fn publish(&self, channel: Channel, payload: Vec<u8>) -> anyhow::Result<()> {
        Ok(self
            .client
            .publish(self.topic(channel), QoS::AtLeastOnce, false, payload)?)
    }

    fn greet(&mut self) -> anyhow::Result<()> {
        let hello = Hello {
            nonce: 1,
            epoch: EPOCH,
            oldest: 1,
            catalogs: vec![self.catalog.id()],
            sent: now(),
            software: "bench".to_owned(),
            ..Hello::default()
        };
        self.publish(Channel::Hello, hello.encode())?;
        loop {
            let receipt = self.receipts.recv_timeout(Duration::from_secs(10))?;
            if receipt.want_catalogs.is_empty() {
                self.window = u64::from(receipt.live.frames);
                return Ok(());
            }
            for part in catalogs::to_parts(&self.catalog) {
                self.publish(Channel::Catalog, part)?;
            }
        }
    }

    /// Samples sent so far.
    pub const fn sent_samples(&self) -> u64 {
        self.samples
    }

    /// Sends the next frame, as soon as the window has room.
    pub fn send(&mut self, samples: usize, jump: Option<(usize, f64)>) -> anyhow::Result<()> {
        let points = self.catalog.points().len();
        self.send_frame(samples, |builder, seq, time| {
            data::fill(builder, points, samples, seq, time, jump);
        })
    }

    /// Sends a frame in which these points have this value.
    pub fn send_all(&mut self, points: std::ops::Range<usize>, value: f64) -> anyhow::Result<()> {
        self.send_frame(points.len(), |builder, _, time| {
            data::fill_with(builder, points, time, value);
        })
    }

    fn send_frame(
        &mut self,
        samples: usize,
        fill: impl FnOnce(&mut FrameBuilder, u64, i64),
    ) -> anyhow::Result<()> {
        while let Ok(receipt) = self.receipts.try_recv() {
            self.take(&receipt)?;
        }
        self.wait_for_window(self.window.max(2) - 1)?;
        self.seq += 1;
        let time = now();
        fill(&mut self.builder, self.seq, time);
        let envelope = wire::Envelope {
            frame: self.builder.finish(EPOCH, self.seq, 1, time),
            sent: time,
            live_from: 1,
            oldest: self.durable + 1,
            live_oldest: self.durable + 1,
            gaps: Vec::new(),
        };
        self.samples += samples as u64;
        self.publish(Channel::Data, envelope.encode_to_vec())
    }

    fn wait_for_window(&mut self, under_way: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.seq - self.durable > under_way {
            let receipt = self.receipts.recv_timeout(Duration::from_secs(20))?;
            self.take(&receipt)?;
            anyhow::ensure!(
                begun.elapsed() < Duration::from_secs(60),
                "no receipt for a minute"
            );
        }
        Ok(())
    }

    fn take(&mut self, receipt: &Receipt) -> anyhow::Result<()> {
        anyhow::ensure!(receipt.refused.is_empty(), "refused: {:?}", receipt.refused);
        if receipt.live.frames > 0 {
            self.window = u64::from(receipt.live.frames);
        }
        for epoch in receipt.epochs.iter().filter(|epoch| epoch.epoch == EPOCH) {
            for &(from, to) in &epoch.ranges {
                if from <= self.durable + 1 {
                    self.durable = self.durable.max(to);
                }
            }
        }
        Ok(())
    }

    /// Waits until everything sent is durable.
    pub fn wait_receipted(&mut self) -> anyhow::Result<()> {
        self.wait_for_window(0)
    }
}
