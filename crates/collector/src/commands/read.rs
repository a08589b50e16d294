//! `read FILE POINT`: one value, live, with its raw words. Only ever reads.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use fenghuo_model::{PointDef, Reading, SourceKind, Value};

use super::call::Called;
use super::near;
use crate::config;
use crate::source::modbus::Line;
use crate::source::modbus::connection::{Failure, Reply};
use crate::source::modbus::plan::plan;

mod mqtt;

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
        let number = config.number_at(&line.name, index);
        if let Some(text) = modbus(line, number, &points[at]).await? {
            return Ok(text);
        }
    }
    for feed in &config.mqtt {
        let number = config.number_at(&feed.name, index);
        if let Some(text) = mqtt::read(&config, feed, number, &points[at]).await? {
            return Ok(text);
        }
    }
    bail!("{}: point `{key}` has no source", path.display())
}

async fn modbus(
    line: &Line,
    number: Option<u32>,
    def: &PointDef,
) -> anyhow::Result<Option<String>> {
    let found = line.units.iter().find_map(|unit| {
        let mut points = unit.points.iter();
        let point = points.find(|point| Some(point.index) == number)?;
        Some((unit, point))
    });
    let Some((unit, point)) = found else {
        return Ok(None);
    };
    let register = point.register.clone();
    let blocks = plan(std::slice::from_ref(&register), &unit.reach);
    let block = blocks.first().context("one point is one block")?;
    let place = || format!("{} at {}", line.name, line.way.port);
    let called = Called::new(line.way.clone()).await.with_context(place)?;
    let link = called.connect(line.timeout).await.with_context(place)?;
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

#[cfg(test)]
mod tests;
