//! One value out of what a device publishes next. Subscribes, and says nothing.

use anyhow::Context as _;
use fenghuo_model::{PointDef, Sample};
use std::fmt::Write as _;
use std::time::Duration;

use super::describe;
use crate::clock::ReadClock;
use crate::config::Config;
use crate::mqtt::{self, Event, Manner, Message};
use crate::source::mqtt::mapping::{Arrival, Mapped, Mapping};
use crate::source::mqtt::sparkplug::{Edge, Topic};
use crate::source::mqtt::topic::Filter;
use crate::source::mqtt::{Feed, Place};

/// How long a device may take to publish.
const PUBLISH_WAIT: Duration = Duration::from_secs(30);
/// Largest payload that is taken.
const PAYLOAD_BYTES_MAX: usize = 256 << 10;
/// Requests of the client: one subscription.
const REQUESTS_MAX: usize = 4;

/// The point that has this number in the feed, if it is the feed's own.
pub async fn read(
    config: &Config,
    feed: &Feed,
    number: Option<u32>,
    def: &PointDef,
) -> anyhow::Result<Option<String>> {
    let Some((filter, place)) = number.and_then(|number| feed.find(number)) else {
        return Ok(None);
    };
    let mut source = Source::of(place);
    let wait = next(config, feed, filter, &mut source);
    let waited = tokio::time::timeout(PUBLISH_WAIT, wait).await;
    let (message, sample) = waited
        .with_context(|| {
            let kind = source.lack();
            format!("{kind} on {} in 30 s", filter.as_str())
        })?
        .with_context(|| format!("broker {}:{}", feed.broker.host, feed.broker.port))?;
    let mut text = format!(
        "{} ({} / {})\nfrom {} retained {}\n",
        def.key,
        def.title.zh,
        def.title.en,
        message.topic().unwrap_or_default(),
        message.is_retained()
    );
    if matches!(source, Source::Payload(..)) {
        let shown = String::from_utf8_lossy(message.payload());
        let shown: String = shown.chars().take(2_000).collect();
        writeln!(text, "payload {shown}")?;
    }
    writeln!(text, "time {}", sample.time)?;
    describe(&mut text, &sample.reading, def)?;
    Ok(Some(text))
}

enum Source<'f> {
    Payload(&'f Mapping, usize),
    Edge(Box<Edge>, usize),
}

impl<'f> Source<'f> {
    fn of(place: Place<'f>) -> Self {
        match place {
            Place::Payload(mapping, slot) => Self::Payload(mapping, slot),
            Place::Edge(plan, slot) => Self::Edge(Box::new(Edge::new(plan.clone())), slot),
        }
    }

    const fn lack(&self) -> &'static str {
        match self {
            Self::Payload(..) => "nothing of this point was published",
            Self::Edge(..) => "no birth with this metric was published (none is asked for here)",
        }
    }

    fn take(&mut self, message: &Message) -> Option<Sample> {
        let (now, topic) = (ReadClock::start(None).now(), message.topic()?);
        let arrival = Arrival {
            now,
            is_retained: message.is_retained(),
        };
        let (samples, wanted) = match self {
            Self::Payload(mapping, slot) if mapping.filter.matches(topic) => {
                let read = mapping
                    .payload
                    .read(message.payload(), arrival.is_retained, now);
                let (Mapped::Samples(samples) | Mapped::Malformed(samples)) = read;
                (samples, *slot)
            }
            Self::Payload(..) => return None,
            Self::Edge(edge, slot) => {
                let topic = Topic::parse(topic)?;
                (
                    edge.take(&topic, message.payload(), arrival, 0).samples,
                    *slot,
                )
            }
        };
        let sample = samples.into_iter().rev().find(|(slot, _)| *slot == wanted);
        sample.map(|(_, sample)| sample)
    }
}

async fn next(
    config: &Config,
    feed: &Feed,
    filter: &Filter,
    source: &mut Source<'_>,
) -> anyhow::Result<(Message, Sample)> {
    let manner = Manner {
        // An id of its own, so that a running collector keeps its connection.
        client_id: format!("{}/read/{}", config.gateway, std::process::id()),
        packet_bytes_max: PAYLOAD_BYTES_MAX,
        message_bytes_max: None,
        requests_max: REQUESTS_MAX,
        inflight_max: 1,
        will: None,
    };
    let (client, mut connection) = mqtt::open(&feed.broker, manner);
    loop {
        let event = connection.poll().await;
        match event.map_err(|trouble| anyhow::anyhow!("{trouble}"))? {
            Event::Connected => client.try_subscribe(std::iter::once(filter.as_str()))?,
            Event::Subscribed(answers) => {
                for answer in answers {
                    answer
                        .map_err(|code| anyhow::anyhow!("the subscription is refused: {code}"))?;
                }
            }
            Event::Message(message) => {
                if let Some(sample) = source.take(&message) {
                    return Ok((message, sample));
                }
            }
            Event::Acknowledged | Event::Other => {}
        }
    }
}
