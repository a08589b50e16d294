//! Which line and device a point lies behind: the labels that say so, and the state points.
//!
//! The labels are those of [`fenghuo_model::source`]; a person's file can set none of them.

use std::rc::Rc;

use fenghuo_model::source::{
    self, HEARTBEAT_MS, LABEL_DEVICE, LABEL_LINE, LABEL_PROTOCOL, LABEL_SOURCE, LINE_BYTES_MAX,
};
use fenghuo_model::{Kind, PointDef, PointKey, SourceKind, Title, Unit, ValueType};

use super::table::Table;

/// Most labels that an origin adds to a measured point.
pub const ORIGIN_LABELS: usize = 2;

/// A line, or a device behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    line: String,
    protocol: &'static str,
    unit: Option<u8>,
}

impl Origin {
    /// The line of this table, by its `name`; what is wrong with the name is noted.
    pub fn line(table: &Table<'_>, protocol: &'static str) -> Rc<Self> {
        let name = table.needed_text("name");
        if let Some(name) = name
            && let Err(what) = is_sound(name)
        {
            table.problem("name", what);
        }
        Rc::new(Self {
            line: name.unwrap_or_default().to_owned(),
            protocol,
            unit: None,
        })
    }

    /// A device behind this line.
    pub fn device(&self, unit: u8) -> Rc<Self> {
        Rc::new(Self {
            line: self.line.clone(),
            protocol: self.protocol,
            unit: Some(unit),
        })
    }

    /// What every point behind it is labelled with.
    pub fn labels(&self) -> impl Iterator<Item = (String, String)> {
        let device = self.unit.map(|unit| {
            let label = source::device_label(&self.line, unit);
            (LABEL_DEVICE.to_owned(), label)
        });
        let line = (LABEL_LINE.to_owned(), self.line.clone());
        [line].into_iter().chain(device)
    }

    /// Its state point, which has its labels yet to come; none when no key can hold the line's name.
    pub fn state_point(&self) -> Option<PointDef> {
        let line = &self.line;
        let (kind, key, title) = match self.unit {
            None => {
                let title = Title {
                    zh: format!("线路 {line} 通信"),
                    en: format!("Line {line} communication"),
                };
                (SourceKind::Line, source::line_key(line), title)
            }
            Some(unit) => {
                let name = source::device_label(line, unit);
                let title = Title {
                    zh: format!("设备 {name} 通信"),
                    en: format!("Device {name} communication"),
                };
                (SourceKind::Device, source::device_key(line, unit), title)
            }
        };
        let protocol = (LABEL_PROTOCOL, self.protocol);
        let protocol = self.unit.is_none().then_some(protocol);
        let labels = [(LABEL_SOURCE, kind.as_str())].into_iter().chain(protocol);
        let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Some(PointDef {
            key: key.ok()?,
            title,
            kind: Kind::State,
            unit: Unit::parse("").ok()?,
            value_type: ValueType::Bool,
            range: None,
            interval_ms: HEARTBEAT_MS,
            labels: labels.map(text).collect(),
        })
    }
}

/// The keys of state points hold the name, so it is as narrow as they are.
fn is_sound(name: &str) -> Result<(), String> {
    let len = name.len();
    if !(1..=LINE_BYTES_MAX).contains(&len) {
        return Err(format!(
            "`{name}` has {len} bytes; 1 to {LINE_BYTES_MAX} are allowed"
        ));
    }
    PointKey::new(name)
        .map(|_| ())
        .map_err(|error| error.to_string())
}
