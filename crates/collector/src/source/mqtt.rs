//! MQTT devices: subscribe, map payloads, hand on. The client stays connected for ever.
//!
//! The session is clean on purpose: what a broker kept while the collector was away would
//! arrive with a wrong time of arrival. Losing the broker costs every point a sample without
//! value, at once and then every [`AWAY_EVERY_MS`], because silence is not health; so does a
//! subscription that the broker refuses, for the points behind it. A broker counts as
//! connected when it has answered the subscriptions, not before: one that lets us in and sends
//! nothing would look healthy for ever. Whether it answers is told as the line's state point;
//! see [`crate::source::state`].
//! While the batcher is busy nothing is taken from the broker, which then holds messages
//! back; after [`HANDOVER`] a payload is dropped, counted, and leaves a gap record.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::ReadClock;
use crate::config::Broker;
use crate::dice::{Backoff, Dice};
use crate::mqtt::{self, Connection, Event, Manner, Trouble, WAIT_MS, WAIT_MS_MAX};
use crate::source::stop::{Asked, until_asked};
use crate::source::{Closed, Outlet};

mod desk;
mod listener;
pub mod mapping;
pub mod point;
mod repeat;
pub mod sparkplug;
pub mod time;
pub mod topic;

use listener::{Listener, Waited};
use mapping::Mapping;
use sparkplug::Plan;
use topic::Filter;

/// While the broker is away, points get a sample without value this often; refused
/// subscriptions are asked for again as often.
pub const AWAY_EVERY_MS: u64 = 10_000;
/// Payloads of one topic that cannot be read are reported at most this often.
pub const MALFORMED_EVERY_MS: u64 = 1_000;
/// Longest wait for the batcher before a payload is dropped. Below half the keep-alive, so
/// that the broker does not take the collector for dead.
pub const HANDOVER: Duration = Duration::from_secs(4);
/// Longest wait for the answer to a subscription.
pub const SUBSCRIBE_MS: u64 = 5_000;
/// A larger packet ends the connection, so this is far above what is looked at.
const PACKET_BYTES_MAX: usize = 1 << 20;
/// Requests are subscriptions and, for Sparkplug, births asked for.
const REQUESTS_MAX: usize = 1_024;
const INFLIGHT_MAX: u16 = 64;

/// One broker with devices. Its points are numbered from 0, so that a feed is the same
/// wherever it stands in a file; see [`crate::source::Outlet`].
#[derive(Clone, PartialEq, Debug)]
pub struct Feed {
    /// Its name in metrics and logs.
    pub name: String,
    /// Its state point's number.
    pub state: u32,
    /// Where it is.
    pub broker: Broker,
    /// The client's id there; made from the gateway's and the feed's names without.
    pub client_id: Option<String>,
    /// As which Sparkplug host it says that it is there, if it does.
    pub host_id: Option<String>,
    /// What is listened to.
    pub subscriptions: Vec<Subscription>,
}

/// A filter that is told to the broker, and what is made of its messages.
#[derive(Clone, PartialEq, Debug)]
pub struct Subscription {
    /// As it is told to the broker.
    pub filter: Filter,
    /// What comes through it.
    pub carries: Carries,
}

/// What comes through a subscription.
#[derive(Clone, PartialEq, Debug)]
pub enum Carries {
    /// Payloads; those on topics that no mapping means are left and counted.
    Payloads(Vec<Mapping>),
    /// The messages of a Sparkplug edge node.
    Edge(Plan),
}

/// Where one point is read from.
#[derive(Clone, Copy, Debug)]
pub enum Place<'f> {
    /// The point of a payload.
    Payload(&'f Mapping, usize),
    /// The metric of an edge node.
    Edge(&'f Plan, usize),
}

impl Feed {
    /// Every point: its number, the filter that it comes through, and where it
    /// stands there.
    pub fn points(&self) -> impl Iterator<Item = (u32, &Filter, Place<'_>)> {
        self.subscriptions.iter().flat_map(|it| {
            let places: Vec<(u32, Place<'_>)> = match &it.carries {
                Carries::Payloads(mappings) => mappings
                    .iter()
                    .flat_map(|mapping| {
                        let points = mapping.payload.points().into_iter().enumerate();
                        points
                            .map(move |(slot, point)| (point.index, Place::Payload(mapping, slot)))
                    })
                    .collect(),
                Carries::Edge(plan) => {
                    let metrics = plan.metrics.iter().enumerate();
                    metrics
                        .map(|(slot, it)| (it.point.index, Place::Edge(plan, slot)))
                        .collect()
                }
            };
            places
                .into_iter()
                .map(|(index, place)| (index, &it.filter, place))
        })
    }

    /// Where the point of this number is read from.
    #[must_use]
    pub fn find(&self, index: u32) -> Option<(&Filter, Place<'_>)> {
        let mut points = self.points();
        let (_, filter, place) = points.find(|(at, ..)| *at == index)?;
        Some((filter, place))
    }
}

/// Listens until asked to end.
///
/// # Errors
/// [`Closed`] when there is no batcher any more.
pub async fn run(
    feed: Feed,
    client_id: &str,
    clock: Arc<ReadClock>,
    out: Outlet,
    seed: u64,
    asked: Asked,
) -> Result<(), Closed> {
    let manner = Manner {
        client_id: feed.client_id.clone().unwrap_or(client_id.to_owned()),
        packet_bytes_max: PACKET_BYTES_MAX,
        message_bytes_max: None,
        requests_max: REQUESTS_MAX,
        inflight_max: INFLIGHT_MAX,
        will: None,
    };
    let (client, connection) = mqtt::open(&feed.broker, manner);
    let mut listener = Listener::new(feed, client, clock, out.clone());
    let backoff = Backoff::new(WAIT_MS, WAIT_MS_MAX, Dice::new(seed));
    until_asked(&out, asked, listen(&mut listener, connection, backoff)).await?;
    listener.end().await
}

async fn listen(
    listener: &mut Listener,
    mut connection: Connection,
    mut backoff: Backoff,
) -> Result<(), Closed> {
    connection.set_will(listener.will());
    loop {
        let trouble = match listener.waiting(connection.poll()).await? {
            Waited::Done(Ok(Event::Connected)) => listener.connected(),
            Waited::Done(Ok(Event::Subscribed(answers))) => {
                backoff.reset();
                listener.subscribed(answers).await?;
                None
            }
            Waited::Done(Ok(Event::Message(message))) => {
                listener.take(&message).await?;
                None
            }
            Waited::Done(Ok(Event::Acknowledged | Event::Other)) => None,
            Waited::Done(Err(trouble)) => Some(trouble),
            Waited::Mute => Some(Trouble::new(
                "服务器没有应答订阅",
                "the broker does not answer the subscription",
            )),
        };
        if let Some(trouble) = trouble {
            connection.drop_connection();
            connection.set_will(listener.will());
            listener.away(&trouble, backoff.tries() == 0).await?;
            let pause = tokio::time::sleep(backoff.next_wait());
            listener.waiting(pause).await?;
        }
    }
}
