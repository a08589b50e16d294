//! The register maps as a table, for people who configure a reader.

use crate::mqtt_face::topic;
use crate::plant::{Place, PlantKind, Point, Stamp};
use crate::register::Raw;

/// Every plant's points, one a line, in Markdown.
#[must_use]
pub fn all() -> String {
    PlantKind::ALL.into_iter().map(plant).collect()
}

fn plant(kind: PlantKind) -> String {
    let mut lines = vec![
        format!("## {kind}\n"),
        "| point | unit | range | where | type | order | scale | offset |".to_owned(),
        "| --- | --- | --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    lines.extend(kind.points().iter().map(|point| row(kind, point)));
    lines.push("\nReadable cells; any other address answers exception 2:".to_owned());
    lines.extend(kind.spans().iter().map(|span| {
        let table = span.table.as_str();
        format!(
            "- unit {} {table} {}..={}",
            span.unit, span.first, span.last
        )
    }));
    lines.push("\nDevices:".to_owned());
    lines.extend(kind.devices().iter().map(|device| {
        let time = match device.stamp {
            Stamp::Millis(pointer) => format!("time in ms at {pointer}"),
            Stamp::Seconds(pointer) => format!("time in s at {pointer}"),
            Stamp::None => "no time".to_owned(),
        };
        format!("- {} ({time})", topic(kind, device.name))
    }));
    let knobs = kind.knobs().into_iter();
    let knobs = knobs.map(|knob| format!("{} ({}..{})", knob.name, knob.low, knob.high));
    let knobs = knobs.collect::<Vec<_>>().join(", ");
    lines.push(format!("\nKnobs: {knobs}\n\n"));
    lines.join("\n")
}

fn row(kind: PlantKind, point: &Point) -> String {
    let head = format!(
        "| {} | {} | {}..{} |",
        point.key, point.unit, point.low, point.high
    );
    match point.place {
        Place::Register {
            unit,
            table,
            address,
            encoding,
        } => {
            let name = match encoding.raw {
                Raw::RegisterBit(bit) => format!("bool, bit {bit}"),
                raw => raw.as_str().to_owned(),
            };
            format!(
                "{head} unit {unit} {} {address} | {name} | {} | {} | {} |",
                table.as_str(),
                encoding.order,
                encoding.scale,
                encoding.offset
            )
        }
        Place::Device {
            device,
            pointer,
            json,
        } => format!(
            "{head} {} {pointer} | {json:?} | | | |",
            topic(kind, device)
        ),
    }
}
