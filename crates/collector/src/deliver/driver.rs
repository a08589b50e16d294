//! Carries out what the outbox decides.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fenghuo_log::Reader;
use fenghuo_model::{Catalog, CatalogId, GatewayKey, Timestamp};
use fenghuo_uplink::frame::{Gap, is_whole};
use fenghuo_uplink::hello::{EPOCHS_MAX, Hello};
use fenghuo_uplink::outbox::{Action, Lane, Outbox, Start, Timing};
use fenghuo_uplink::receipt::{Again, Receipt};
use fenghuo_uplink::topic::Channel;
use fenghuo_uplink::wire::Envelope;
use prost::Message;
use tokio::sync::watch;

use super::fetch::Fetch;
use super::gauges::Gauges;
use super::holdings::Holdings;
use super::link::{Link, LinkEvent, Outgoing};
use super::outage::Outage;
use super::patience::Patience;
use super::settings::Settings;
use crate::clock::ReadClock;
use crate::config::Destination;
use crate::dice::Dice;
use crate::spool::{Command, Commands, Due, Event, Events, Found};
use crate::status::{Code, DestinationMeter, Status};

/// Orders for the spool that may wait; with more, nothing new is decided.
const ORDERS_MAX: usize = 64;
/// Longest sleep, so that gauges stay fresh.
const PULSE_MS: u64 = 1_000;
/// How long a stopping collector still tries to deliver.
const FAREWELL_MS: u64 = 1_000;
/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_millis(100);

/// What a driver is connected with.
#[derive(Debug)]
pub struct Wiring {
    /// The destination's number at the spool.
    pub number: usize,
    /// How it is reached; it may be told otherwise later, but for its name.
    pub settings: watch::Receiver<Destination>,
    /// Who says all this.
    pub gateway: GatewayKey,
    /// The clock.
    pub clock: Arc<ReadClock>,
    /// The way to the spool.
    pub spool: Commands,
    /// What the spool says.
    pub events: Events,
    /// A reader of the spool.
    pub reader: Reader,
    /// The catalog at the start of this run.
    pub catalog: Arc<Catalog>,
    /// Counters and problems.
    pub status: Status,
    /// Of this run; goes into hellos.
    pub epoch: u64,
    /// Random, for nonces and delays.
    pub seed: u64,
}

/// The watermark that tells how old the frames of earlier runs are. None while that cannot be
/// told, because one of the clocks was wrong: they count as old then.
fn told_by(clock: &ReadClock, due: &Due) -> Option<Timestamp> {
    let now = clock.now();
    let is_told = |watermark: &Timestamp| !clock.standing().is_doubted && *watermark <= now;
    due.oldest_watermark.filter(is_told)
}

/// Delivery to one destination.
#[derive(Debug)]
pub struct Driver {
    number: usize,
    settings: Settings,
    seed: u64,
    clock: Arc<ReadClock>,
    spool: Commands,
    events: Events,
    fetch: Fetch,
    link: Link,
    status: Status,
    meter: DestinationMeter,
    outbox: Outbox,
    /// Gap records that go with a frame's envelope.
    notes: BTreeMap<u64, Vec<Gap>>,
    holdings: Holdings,
    /// Catalogs of spooled frames that cannot be read any more.
    missing: BTreeSet<CatalogId>,
    /// The connection of this number is up.
    generation: Option<u64>,
    /// The last run that the last hello named, when there were more.
    named_until: Option<u64>,
    /// The period that the server wants again, the request that the spool is about to note,
    /// and the last one that was obeyed.
    wanted: Option<Again>,
    asked: Option<u64>,
    offered: u64,
    orders: VecDeque<Command>,
    outgoing: VecDeque<(Channel, Vec<u8>)>,
    gauges: Gauges,
    outage: Outage,
    patience: Patience,
    /// Whether the outbox may have something to do.
    is_due: bool,
}

impl Driver {
    /// Takes over a spool as it was found.
    #[must_use]
    pub fn new(wiring: Wiring, found: &Found) -> Self {
        let settings = Settings::new(wiring.settings);
        let timing = Timing {
            limits: settings.limits(),
            ..Timing::default()
        };
        let to = settings.now();
        let due = &found.destinations[wiring.number];
        let start = Start {
            nonce_seed: wiring.seed,
            log_id: due.custody.log_id,
            first: found.first,
            oldest: due.oldest,
            next: found.next,
            oldest_watermark: told_by(&wiring.clock, due).map(Timestamp::as_millis),
            epochs: found.epochs(),
            refused: due.given_up.clone(),
        };
        let notes = due.notes.iter().map(|note| (note.seq, note.gaps.clone()));
        let clock = wiring.clock.steady().as_millis();
        let meter = wiring.status.destination(&to.name);
        let mut gauges = Gauges::new(&to.name, &wiring.status, meter.clone());
        if let Some(watermark) = due.oldest_watermark {
            gauges.spooled(due.oldest, watermark);
        }
        Self {
            outbox: Outbox::new(timing, &start, clock),
            outage: Outage::new(&to.name),
            number: wiring.number,
            link: Link::open(&to.broker, &wiring.gateway, wiring.epoch, wiring.seed),
            settings,
            seed: wiring.seed,
            meter,
            notes: notes.collect(),
            spool: wiring.spool,
            events: wiring.events,
            fetch: Fetch::new(wiring.reader, Arc::downgrade(&wiring.catalog)),
            status: wiring.status,
            holdings: Holdings::new(found, due.custody, wiring.epoch),
            missing: BTreeSet::new(),
            generation: None,
            named_until: None,
            wanted: None,
            asked: None,
            offered: 0,
            orders: VecDeque::new(),
            outgoing: VecDeque::new(),
            gauges,
            patience: Patience::new(Dice::new(wiring.seed)),
            is_due: true,
            clock: wiring.clock,
        }
    }

    /// Delivers until `stop` turns true; then for at most a second more, while anything is
    /// left to deliver.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut farewell = None;
        loop {
            if farewell.is_some_and(|end| self.is_over(end)) {
                break;
            }
            self.look_at_the_connection().await;
            let wake = self.wake(farewell);
            let clock = self.clock.clone();
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(event) => self.spooled(event),
                    None => break,
                },
                event = self.link.events.recv() => match event {
                    Some(event) => self.linked(event),
                    None => break,
                },
                slot = self.spool.clone().reserve_owned(), if !self.orders.is_empty() => match slot {
                    Ok(slot) => if let Some(order) = self.orders.pop_front() {
                        slot.send(order);
                    },
                    Err(_) => break,
                },
                slot = self.link.out.clone().reserve_owned(), if self.has_work() => match slot {
                    Ok(slot) => {
                        // A queue that is full at each look may move all the same.
                        self.patience.room(true, self.clock.monotonic());
                        if let Some(message) = self.next_message().await {
                            let needs_ms = self.link.needs_ms_for(message.payload.len());
                            self.patience.sends(needs_ms);
                            self.link.send(slot, message);
                        }
                    }
                    Err(_) => break,
                },
                Ok(()) = self.settings.changed() => self.resettle().await,
                () = clock.sleep_until(wake) => self.is_due = true,
                stopped = stop.changed(), if farewell.is_none() => {
                    if stopped.is_err() || *stop.borrow() {
                        farewell = Some(self.clock.monotonic() + FAREWELL_MS);
                    }
                }
            }
            self.gauges
                .show(&self.outbox, self.patience.silent_since(), &self.clock);
        }
        self.hand_over_orders();
        self.link.close();
        tokio::time::sleep(GOODBYE).await;
    }

    fn is_over(&self, end: u64) -> bool {
        let is_done = self.outbox.pending() == 0 && self.orders.is_empty();
        is_done || self.clock.monotonic() >= end
    }

    fn has_work(&self) -> bool {
        let is_wanted = !self.outgoing.is_empty() || self.is_due;
        is_wanted && self.orders.len() < ORDERS_MAX && !self.link.is_full()
    }

    fn wake(&self, farewell: Option<u64>) -> u64 {
        let pulse = self.clock.monotonic() + PULSE_MS;
        // While the link is full the outbox is not asked, whatever is due.
        let due = self.outbox.deadline().filter(|_| !self.link.is_full());
        let due = due.into_iter().chain(farewell);
        let due = due.chain(self.gauges.due()).chain(self.patience.ends_at());
        due.fold(pulse, u64::min)
    }

    /// The destination is to be reached in another way, or at another pace.
    async fn resettle(&mut self) {
        let is_reached_otherwise = self.settings.take();
        self.outbox.limit(self.settings.limits());
        self.is_due = true;
        if is_reached_otherwise {
            tracing::info!(destination = %self.settings.now().name, "connecting anew");
            self.connect_anew().await;
        }
    }

    /// Leaves a connection on which nothing moves any more. It must not depend on room in the
    /// client: one whose messages are never acknowledged has none, for ever.
    async fn look_at_the_connection(&mut self) {
        let now = self.clock.monotonic();
        self.patience.room(self.link.out.capacity() > 0, now);
        if self.link.is_empty() {
            self.patience.carried(now);
            self.outbox.carried(now);
        }
        if self.patience.ends_at().is_none_or(|end| now < end) {
            return;
        }
        let what = "connected, but nothing is answered; the connection is made anew";
        self.outage.failed(what, self.outbox.pending(), now);
        self.patience.lost();
        self.connect_anew().await;
    }

    async fn connect_anew(&mut self) {
        self.link.close();
        tokio::time::sleep(GOODBYE).await;
        self.seed = self.seed.wrapping_add(1);
        self.link.reopen(&self.settings.now().broker, self.seed);
        self.left();
    }

    /// There is no connection any more.
    fn left(&mut self) {
        self.patience.disconnected();
        self.generation = None;
        self.outgoing.clear();
        self.outbox.disconnected();
    }

    /// What could not be ordered in time is not lost: it is decided again after the start.
    fn hand_over_orders(&mut self) {
        while let Some(order) = self.orders.pop_front() {
            if self.spool.try_send(order).is_err() {
                tracing::debug!("an order to the spool is left for the next run");
                return;
            }
        }
    }

    fn spooled(&mut self, event: Event) {
        self.is_due = true;
        let clock = self.clock.steady().as_millis();
        match event {
            Event::Spooled {
                seq,
                epoch,
                steady,
                catalog,
            } => {
                if self.holdings.spooled(seq, epoch, catalog) {
                    self.outbox.tell_catalog(catalog);
                }
                self.gauges.spooled(seq, steady);
                self.outbox.spooled(seq, epoch, steady.as_millis(), clock);
            }
            Event::Note(note) if note.gaps.is_empty() => {
                self.notes.remove(&note.seq);
            }
            Event::Note(note) => {
                self.notes.insert(note.seq, note.gaps);
            }
            Event::GoneBelow(seq) => {
                self.outbox.gone_below(seq);
                self.holdings.gone_below(seq);
                self.notes = self.notes.split_off(&seq);
            }
            Event::OfferAgain(noted) => {
                let id = self.asked.take();
                if let (Some(id), Some((first, last))) = (id, noted) {
                    self.offered = id;
                    let now = self.clock.monotonic();
                    self.outbox.offer_again(first, last, now);
                }
            }
        }
    }

    fn linked(&mut self, event: LinkEvent) {
        self.is_due = true;
        let now = self.clock.monotonic();
        match event {
            LinkEvent::Up(generation) => {
                self.gauges.reached();
                self.meter.connects.inc();
                self.patience.connected(now);
                self.generation = Some(generation);
                self.outgoing.clear();
                self.outbox.connected(now);
            }
            LinkEvent::Down(what) => {
                self.outage.failed(&what.en, self.outbox.pending(), now);
                self.gauges.failed(what);
                self.left();
            }
            LinkEvent::Receipt(payload) => match Receipt::decode(&payload) {
                Ok(receipt) => {
                    let before = self.outbox.pending();
                    let was_up = self.outbox.is_up();
                    let is_live = self.outbox.receipt(&receipt, now);
                    if is_live {
                        self.patience.answered(now, self.link.needs_ms());
                    }
                    if is_live && !was_up {
                        self.outage.over(before, now);
                    }
                    let done = before.saturating_sub(self.outbox.pending());
                    self.meter.receipted.inc_by(done);
                    let is_new = |again: &Again| {
                        is_live && again.id != self.offered && Some(again.id) != self.asked
                    };
                    self.wanted = receipt.again.filter(is_new);
                    self.greet_again(now);
                }
                Err(error) => tracing::warn!(%error, "a receipt cannot be read"),
            },
        }
    }

    /// A hello names a bounded number of runs; when those are done it is said again.
    fn greet_again(&mut self, now: u64) {
        if self
            .named_until
            .is_some_and(|last| self.outbox.oldest() > last)
        {
            self.named_until = None;
            self.outbox.name_more(now);
        }
    }

    /// Asks the outbox until there is something to put on the link.
    async fn next_message(&mut self) -> Option<Outgoing> {
        if let Some((channel, payload)) = self.outgoing.pop_front() {
            return self.message(channel, payload);
        }
        if let Some(again) = self.wanted.take() {
            self.look_up(again).await;
        }
        let steady = self.clock.steady().as_millis();
        let Some(action) = self.outbox.poll(self.clock.monotonic(), steady) else {
            self.is_due = false;
            return None;
        };
        match action {
            Action::Hello(nonce) => {
                let hello = self.hello(nonce, self.clock.now()).encode();
                self.message(Channel::Hello, hello)
            }
            Action::Catalog(id) => {
                self.queue_catalog(id).await;
                None
            }
            Action::Send(seq, lane) => {
                let envelope = self.envelope(seq, lane).await?;
                self.meter.sent.inc();
                self.message(Channel::Data, envelope)
            }
            Action::Trim(below) => {
                self.done(below);
                None
            }
            Action::Refused(refusal) => {
                self.meter.refused.inc();
                // The spool sends it with another frame.
                self.notes.remove(&refusal.seq);
                self.refused(refusal.seq, refusal.why.as_str());
                let order = Command::Refused(self.number, refusal.seq, refusal.why);
                self.orders.push_back(order);
                None
            }
            Action::NewEpoch => {
                self.orders.push_back(Command::NewEpoch);
                None
            }
        }
    }

    /// Asks the spool to offer a period again. Only when it is on disk that nothing of it is
    /// refused any more may a hello say so: the server asks no more then.
    async fn look_up(&mut self, again: Again) {
        let (from, until) = (again.from, again.until);
        let period = (Timestamp::from_millis(from), Timestamp::from_millis(until));
        match self.fetch.period(period.0, period.1).await {
            Ok((first, last)) => {
                tracing::info!(from, until, first, last, "the server wants a period again");
                self.asked = Some(again.id);
                let order = Command::OfferAgain(self.number, first, last);
                self.orders.push_back(order);
            }
            // The next receipt asks again.
            Err(error) => tracing::warn!(%error, "a period cannot be found in the spool"),
        }
    }

    fn message(&self, channel: Channel, payload: Vec<u8>) -> Option<Outgoing> {
        Some(Outgoing {
            channel,
            payload,
            generation: self.generation?,
        })
    }

    fn refused(&self, seq: u64, why: &str) {
        self.status.health.raise(
            Code::Refused,
            &self.settings.now().name,
            format!("服务器永久拒收数据帧 {seq}（{why}），已存入死信"),
            format!("the server refused frame {seq} for ever ({why}); it is kept as a dead letter"),
        );
    }

    fn hello(&mut self, nonce: u64, clock: Timestamp) -> Hello {
        let epochs: Vec<_> = self.outbox.epochs().take(EPOCHS_MAX).copied().collect();
        let is_cut = self.outbox.epochs().count() > epochs.len();
        self.named_until = epochs.last().filter(|_| is_cut).map(|span| span.last);
        Hello {
            nonce,
            oldest: self.outbox.verify_from(),
            sent: clock.as_millis(),
            epochs,
            offered: self.offered,
            software: concat!("fenghuo-collector ", env!("CARGO_PKG_VERSION")).to_owned(),
            ..self.holdings.hello()
        }
    }

    async fn queue_catalog(&mut self, id: CatalogId) {
        match self.fetch.catalog(id).await {
            Ok(Some(catalog)) => {
                let parts = fenghuo_uplink::catalog::to_parts(&catalog).into_iter();
                self.outgoing
                    .extend(parts.map(|part| (Channel::Catalog, part)));
            }
            // Its frames can be delivered no more and must not hold up the others.
            Ok(None) if self.holdings.names(id) => {
                if self.missing.insert(id) {
                    tracing::error!(%id, "a catalog of spooled frames is damaged");
                }
            }
            Ok(None) => tracing::warn!(%id, "the server wants a catalog that is not here"),
            Err(error) => tracing::warn!(%error, "a catalog cannot be read from the spool"),
        }
    }

    /// A frame's bytes, or the pages that held them, are damaged.
    fn damaged(&mut self, seq: u64) {
        self.meter.corrupt.inc();
        self.status.health.raise(
            Code::Corrupt,
            &self.settings.now().name,
            format!("本地缓存中的数据帧 {seq} 已损坏"),
            format!("spooled frame {seq} is damaged"),
        );
        self.outbox.lost(seq);
        self.notes.remove(&seq);
        self.orders.push_back(Command::Corrupt(self.number, seq));
    }

    /// The payload of a frame; `None` when it cannot be sent now, or ever.
    async fn envelope(&mut self, seq: u64, lane: Lane) -> Option<Vec<u8>> {
        if !self.missing.is_empty()
            && self
                .holdings
                .catalog_of(seq)
                .is_some_and(|id| self.missing.contains(&id))
        {
            self.damaged(seq);
            return None;
        }
        let frame = match self.fetch.frame(seq, lane).await {
            Ok(Some(frame)) if is_whole(&frame) => frame,
            Ok(Some(_)) => {
                self.damaged(seq);
                return None;
            }
            // It was dropped for want of room; the spool's word for it is on its way.
            Ok(None) => {
                self.outbox.lost(seq);
                return None;
            }
            Err(error) if error.is_damage() => {
                tracing::error!(seq, %error, "a frame cannot be read from the spool any more");
                self.damaged(seq);
                return None;
            }
            // The outbox offers it again.
            Err(error) => {
                tracing::warn!(seq, %error, "a frame cannot be read from the spool");
                return None;
            }
        };
        self.outbox.sent(seq, frame.len());
        let needs_ms = self.link.needs_ms() + self.link.needs_ms_for(frame.len());
        self.outbox.takes(seq, needs_ms);
        let envelope = Envelope {
            frame,
            sent: self.clock.now().as_millis(),
            live_from: self.outbox.live_from(),
            oldest: self.outbox.oldest(),
            live_oldest: self.outbox.live_oldest(),
            gaps: self.notes.get(&seq).cloned().unwrap_or_default(),
        };
        Some(envelope.encode_to_vec())
    }

    /// Notes how far the destination has all.
    fn done(&mut self, below: u64) {
        let log_id = self.outbox.log_id();
        let custody = self.holdings.done(below, log_id, self.outbox.receipted());
        if let Some(Command::Done(_, last)) = self.orders.back_mut() {
            *last = custody;
        } else {
            self.orders.push_back(Command::Done(self.number, custody));
        }
    }
}
