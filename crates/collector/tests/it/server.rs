//! A server as small as the uplink allows: keeps frames in memory and receipts them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fenghuo_model::{Catalog, CatalogId, Reading, Value};
use fenghuo_uplink::PAYLOAD_BYTES_MAX;
use fenghuo_uplink::catalog::Assembler;
use fenghuo_uplink::frame::{Frame, FrameSample, Gap, GapReason, Record};
use fenghuo_uplink::hello::Hello;
use fenghuo_uplink::inbox::{Inbox, Offer};
use fenghuo_uplink::receipt::{Again, Receipt, Refusal, RefusalReason, Window};
use fenghuo_uplink::topic::{Channel, FROM_COLLECTORS, Topic};
use fenghuo_uplink::wire::{Envelope, State};
use prost::Message;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::task::JoinHandle;

/// What the server knows.
#[derive(Default)]
pub struct Memory {
    pub log_id: [u8; 16],
    pub inbox: Inbox,
    pub catalogs: BTreeMap<CatalogId, Catalog>,
    pub frames: Vec<Frame>,
    /// Gap records that came around frames.
    pub missing: Vec<Gap>,
    pub hellos: Vec<Hello>,
    pub online: Option<bool>,
    /// Frames that are refused once.
    pub refuse: Vec<u64>,
    /// A period that is asked for until a hello says that it is offered.
    pub again: Option<Again>,
    /// Frames that came before their catalog.
    pub unreadable: usize,
    /// Takes frames and receipts nothing.
    pub is_mute: bool,
    assembler: Assembler,
    nonce: u64,
}

pub struct Server {
    pub memory: Arc<Mutex<Memory>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub fn start(port: u16) -> Self {
        let memory = Memory {
            log_id: [1; 16],
            ..Memory::default()
        };
        let memory = Arc::new(Mutex::new(memory));
        let task = tokio::spawn(serve(port, memory.clone()));
        Self { memory, task }
    }

    /// Every sample in the order of the log, by the points' keys.
    pub fn samples(&self) -> BTreeMap<String, Vec<Reading>> {
        let memory = self.memory.lock().unwrap();
        let mut all: BTreeMap<String, Vec<Reading>> = BTreeMap::new();
        for frame in &memory.frames {
            let catalog = &memory.catalogs[&frame.head.catalog];
            let mut samples: Vec<FrameSample> = Vec::new();
            frame.samples(catalog, &mut samples).unwrap();
            for sample in samples {
                let key = catalog.points()[sample.point as usize].key.to_string();
                all.entry(key).or_default().push(sample.sample.reading);
            }
        }
        all
    }

    /// The times of a point's samples in milliseconds, in the order of the log.
    pub fn times(&self, key: &str) -> Vec<i64> {
        let memory = self.memory.lock().unwrap();
        let mut times = Vec::new();
        for frame in &memory.frames {
            let catalog = &memory.catalogs[&frame.head.catalog];
            let mut samples: Vec<FrameSample> = Vec::new();
            frame.samples(catalog, &mut samples).unwrap();
            let points = catalog.points();
            let of_it = samples
                .iter()
                .filter(|it| points[it.point as usize].key.as_str() == key);
            times.extend(of_it.map(|it| it.sample.time.as_millis()));
        }
        times
    }

    /// The good whole numbers of a point.
    pub fn numbers(&self, key: &str) -> Vec<u64> {
        let samples = self.samples().remove(key).unwrap_or_default();
        let number = |reading: Reading| match reading {
            Reading::Good(Value::U64(number)) => Some(number),
            _ => None,
        };
        samples.into_iter().filter_map(number).collect()
    }

    /// Every gap record's reason.
    pub fn gaps(&self) -> Vec<GapReason> {
        let memory = self.memory.lock().unwrap();
        let records = memory.frames.iter().flat_map(|frame| &frame.records);
        let gaps = records.filter_map(|record| match record {
            Record::Gap(gap) => Some(GapReason::from_code(gap.why)),
            _ => None,
        });
        let around = memory
            .missing
            .iter()
            .map(|gap| GapReason::from_code(gap.why));
        gaps.chain(around).collect()
    }
}

/// Polls a condition until it holds.
pub async fn until(what: &str, seconds: u64, mut holds: impl FnMut() -> bool) {
    for _ in 0..seconds * 50 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within {seconds} s: {what}");
}

async fn serve(port: u16, memory: Arc<Mutex<Memory>>) {
    let mut options = MqttOptions::new(format!("server-{port}"), "127.0.0.1", port);
    options
        .set_clean_session(true)
        .set_max_packet_size(PAYLOAD_BYTES_MAX + 1_024, PAYLOAD_BYTES_MAX + 1_024);
    let (client, mut events) = AsyncClient::new(options, 1_000);
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                for filter in FROM_COLLECTORS {
                    client.try_subscribe(filter, QoS::AtLeastOnce).unwrap();
                }
                // A server that was away knows no conversation: it asks for a hello.
                memory.lock().unwrap().nonce = 0;
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let topic = Topic::parse(&publish.topic).unwrap();
                let receipt = memory.lock().unwrap().take(topic.channel, &publish.payload);
                if let Some(receipt) = receipt {
                    let to = Topic::new(topic.gateway, Channel::Receipt).to_string();
                    client
                        .try_publish(to, QoS::AtLeastOnce, false, receipt.encode())
                        .unwrap();
                }
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

impl Memory {
    fn take(&mut self, channel: Channel, payload: &[u8]) -> Option<Receipt> {
        let window = Window {
            frames: 64,
            bytes: 4 << 20,
        };
        let mut receipt = Receipt {
            log_id: self.log_id,
            live: window,
            backlog: window,
            again: self.again,
            ..Receipt::default()
        };
        match channel {
            Channel::Receipt => return None,
            Channel::State => {
                self.online = Some(State::decode(payload).unwrap().online);
                return None;
            }
            Channel::Hello => {
                let hello = Hello::decode(payload).unwrap();
                self.nonce = hello.nonce;
                let epochs = hello.epochs.iter();
                receipt.epochs = epochs
                    .map(|span| self.inbox.receipt(span.epoch, hello.oldest))
                    .collect();
                let unknown = hello.catalogs.iter();
                let unknown = unknown.filter(|id| !self.catalogs.contains_key(id));
                receipt.want_catalogs = unknown.copied().collect();
                self.again = self.again.filter(|again| again.id != hello.offered);
                receipt.again = self.again;
                self.hellos.push(hello);
            }
            Channel::Catalog => {
                if let Some(catalog) = self.assembler.take(payload).unwrap() {
                    self.catalogs.insert(catalog.id(), catalog);
                }
            }
            Channel::Data => self.data(payload, &mut receipt),
        }
        receipt.nonce = self.nonce;
        if self.is_mute {
            receipt.epochs.clear();
        }
        Some(receipt)
    }

    fn data(&mut self, payload: &[u8], receipt: &mut Receipt) {
        let envelope = Envelope::decode(payload).unwrap();
        let frame = Frame::decode(&envelope.frame).unwrap();
        let (epoch, seq) = (frame.head.epoch, frame.head.seq);
        if !self.catalogs.contains_key(&frame.head.catalog) {
            self.unreadable += 1;
            receipt.want_catalogs.push(frame.head.catalog);
            return;
        }
        if let Some(at) = self.refuse.iter().position(|refused| *refused == seq) {
            self.refuse.remove(at);
            let why = RefusalReason::Invalid;
            receipt.refused.push(Refusal { epoch, seq, why });
            return;
        }
        match self.inbox.offer(epoch, seq, frame.crc) {
            Offer::New => {
                self.inbox.accept(epoch, seq, frame.crc);
                self.frames.push(frame);
                self.missing.extend(envelope.gaps);
            }
            Offer::Duplicate => {}
            Offer::Conflict => panic!("an epoch is drawn at each start"),
        }
        receipt.epochs = vec![self.inbox.receipt(epoch, envelope.oldest)];
    }
}
