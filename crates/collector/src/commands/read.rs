//! `read FILE POINT`: one value, live, with its raw words. Only ever reads.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use fenghuo_model::{PointDef, Reading, Sample, SourceKind, Value};
use rumqttc::{Event, Packet, QoS};

use super::near;
use crate::clock::ReadClock;
use crate::config::{self, Config};
use crate::source::modbus::Line;
use crate::source::modbus::connection::{Connection, Failure, Reply};
use crate::source::modbus::plan::plan;
use crate::source::mqtt::mapping::{Mapped, Mapping};
use crate::source::mqtt::{self, Feed};

/// How long a device may take to publish.
const PUBLISH_WAIT: Duration = Duration::from_secs(30);
/// Largest payload that is shown.
const PAYLOAD_BYTES_MAX: usize = 256 << 10;
/// Requests of the client: one subscription.
const REQUESTS_MAX: usize = 4;

/// Reads one point and describes what came.
///
/// # Errors
/// When the point is not in the file, or nothing came at all.
pub async fn read(path: &Path, key: &str) -> anyhow::Result<String> {
    let config = config::load(path)?;
    let points = config.catalog.points();
    let Some(at) = points.iter().position(|point| point.key.as_str() == key) else {
        let measured = points
            .iter()
            .filter(|point| SourceKind::of(point).is_none());
        let hint = near::hint(key, measured.map(|point| point.key.as_str()));
        bail!("{}: no point `{key}`; {hint}", path.display());
    };
    if SourceKind::of(&points[at]).is_some() {
        bail!(
            "{}: `{key}` is the collector's own: it says whether a line or device answers; read \
             a point behind it",
            path.display()
        );
    }
    let index = u32::try_from(at).context("points are few")?;
    for line in &config.modbus {
        if let Some(text) = modbus(line, index, &points[at]).await? {
            return Ok(text);
        }
    }
    for feed in &config.mqtt {
        let topics = feed.topics.iter();
        let topic = topics
            .into_iter()
            .find(|topic| topic.fields.iter().any(|f| f.index == index));
        if let Some(topic) = topic {
            return payload(&config, feed, topic, index, &points[at]).await;
        }
    }
    bail!("{}: point `{key}` has no source", path.display())
}

async fn modbus(line: &Line, index: u32, def: &PointDef) -> anyhow::Result<Option<String>> {
    let found = line.units.iter().find_map(|unit| {
        let point = unit.points.iter().find(|point| point.index == index)?;
        Some((unit, point))
    });
    let Some((unit, point)) = found else {
        return Ok(None);
    };
    let register = point.register.clone();
    let blocks = plan(std::slice::from_ref(&register), &unit.reach);
    let block = blocks.first().context("one point is one block")?;
    let link = Connection::open(&line.way, line.timeout, true)
        .await
        .with_context(|| format!("{} at {}", line.name, line.way.port))?;
    let (answer, _) = link.read(unit.id, block, line.timeout).await;
    let mut text = format!(
        "{} ({} / {})\nfrom {} unit {} {:?} {}..{}\n",
        def.key,
        def.title.zh,
        def.title.en,
        line.way.port,
        unit.id,
        block.table,
        block.start,
        u32::from(block.start) + u32::from(block.count) - 1,
    );
    let reading = match answer {
        Ok(Reply::Words(words)) => {
            let raw: Vec<String> = words.iter().map(|word| format!("{word:04x}")).collect();
            writeln!(text, "raw words (hex) {}", raw.join(" "))?;
            register.of_words(block.start, &words)
        }
        Ok(Reply::Bits(bits)) => {
            let bit = bits.first().copied().context("a reply has its bits")?;
            writeln!(text, "raw bit {}", u8::from(bit))?;
            register.decode.bit(bit)
        }
        Err(Failure::Exception(reason) | Failure::Broken { reason, .. }) => Reading::Bad(reason),
    };
    describe(&mut text, &reading, def)?;
    Ok(Some(text))
}

async fn payload(
    config: &Config,
    feed: &Feed,
    topic: &Mapping,
    index: u32,
    def: &PointDef,
) -> anyhow::Result<String> {
    // An id of its own, so that a running collector keeps its connection.
    let id = format!("{}/read/{}", config.gateway, std::process::id());
    let options = mqtt::options(&id, &feed.broker, PAYLOAD_BYTES_MAX);
    let (client, mut events) = mqtt::client(options, REQUESTS_MAX);
    let wait = async {
        loop {
            match events.poll().await? {
                Event::Incoming(Packet::ConnAck(_)) => {
                    client.try_subscribe(topic.filter.clone(), QoS::AtMostOnce)?;
                }
                Event::Incoming(Packet::Publish(publish)) => return anyhow::Ok(publish),
                _ => {}
            }
        }
    };
    let waited = tokio::time::timeout(PUBLISH_WAIT, wait).await;
    let publish = waited
        .with_context(|| format!("nothing was published on {} in 30 s", topic.filter))?
        .with_context(|| format!("broker {}:{}", feed.broker.host, feed.broker.port))?;
    let now = ReadClock::start(None).now();
    let (Mapped::Samples(samples) | Mapped::Malformed(samples)) =
        topic.read(&publish.payload, publish.retain, now);
    let sample = samples.into_iter().find(|(at, _)| *at == index);
    let Sample { time, reading } = sample.context("a mapping reads all its fields")?.1;
    let shown: String = String::from_utf8_lossy(&publish.payload)
        .chars()
        .take(2_000)
        .collect();
    let mut text = format!(
        "{} ({} / {})\nfrom {} retained {}\npayload {shown}\ntime {time}\n",
        def.key, def.title.zh, def.title.en, publish.topic, publish.retain
    );
    describe(&mut text, &reading, def)?;
    Ok(text)
}

fn describe(text: &mut String, reading: &Reading, def: &PointDef) -> std::fmt::Result {
    match reading.value() {
        Some(value) => {
            let value = match value {
                Value::Bool(state) => state.to_string(),
                Value::I64(number) => number.to_string(),
                Value::U64(number) => number.to_string(),
                Value::F64(number) => number.to_string(),
                Value::Text(words) => format!("{words:?}"),
            };
            writeln!(text, "value {value} {}", def.unit)?;
        }
        None => writeln!(text, "no value")?,
    }
    match reading.reason() {
        Some(reason) => writeln!(text, "quality {} ({})", reading.quality(), reason.as_str()),
        None => writeln!(text, "quality {}", reading.quality()),
    }
}
