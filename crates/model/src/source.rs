//! Where a point's samples come from, as data: the names by which a gateway tells the state
//! of its lines and devices, and which points lie behind which.
//!
//! A *line* is a connection, a *device* one unit behind it. Each has a state point of type
//! bool: `true` answers, `false` does not, no value when nobody can know. The state point and
//! every measured point behind it bear the same labels, so a reader needs no other list.
//! What must stay true: names that begin with [`RESERVED`] are never a person's.

use crate::catalog::PointDef;
use crate::ids::{ID_BYTES_MAX, IdError, PointKey};

/// How keys and labels begin that are the system's own.
pub const RESERVED: &str = "fenghuo.";
/// Label of a state point: of what. See [`SourceKind`].
pub const LABEL_SOURCE: &str = "fenghuo.source";
/// Label of a state point and of every point behind the line: the line's name.
pub const LABEL_LINE: &str = "fenghuo.line";
/// Label of a state point and of every point of the device: `line/unit`.
pub const LABEL_DEVICE: &str = "fenghuo.device";
/// Label of a line's state point: how the line is spoken to, [`MQTT`] or [`MODBUS`].
pub const LABEL_PROTOCOL: &str = "fenghuo.protocol";
/// Label of a point that is reported when it changed, and its value: see [`CHANGES`].
pub const LABEL_REPORT: &str = "fenghuo.report";
/// Between two samples the point has not changed by more than its deadband.
pub const CHANGES: &str = "changes";
/// Label of a point that is read more often than it is reported: how often in milliseconds.
pub const LABEL_READ_MS: &str = "fenghuo.read_ms";
/// The line is a connection to a broker, which may be the server's own.
pub const MQTT: &str = "mqtt";
/// The line is a connection to devices that are asked.
pub const MODBUS: &str = "modbus";
/// How often a state is told even when it has not changed, in milliseconds.
pub const HEARTBEAT_MS: u32 = 5_000;

const LINE_KEY: &str = "fenghuo.line.";
const DEVICE_KEY: &str = "fenghuo.device.";
/// A dot and a unit's number.
const UNIT_BYTES_MAX: usize = 4;
/// Longest name of a line in bytes: the keys of its state points hold it.
pub const LINE_BYTES_MAX: usize = ID_BYTES_MAX - DEVICE_KEY.len() - UNIT_BYTES_MAX;

/// What a state point tells of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SourceKind {
    /// A connection.
    Line,
    /// A unit behind one.
    Device,
}

impl SourceKind {
    /// The value of [`LABEL_SOURCE`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Device => "device",
        }
    }

    /// What a point tells of; `None` for a measured point.
    #[must_use]
    pub fn of(point: &PointDef) -> Option<Self> {
        let label = point.labels.get(LABEL_SOURCE)?;
        [Self::Line, Self::Device]
            .into_iter()
            .find(|kind| kind.as_str() == label)
    }
}

/// Whether a state point tells of a broker: one that restarts takes its lines with it.
#[must_use]
pub fn is_broker(point: &PointDef) -> bool {
    let protocol = point.labels.get(LABEL_PROTOCOL);
    SourceKind::of(point) == Some(SourceKind::Line) && protocol.is_some_and(|it| it == MQTT)
}

/// The key of a line's state point.
///
/// # Errors
/// [`IdError`] when a key cannot hold the name; see [`LINE_BYTES_MAX`].
pub fn line_key(line: &str) -> Result<PointKey, IdError> {
    PointKey::new(&format!("{LINE_KEY}{line}"))
}

/// The key of a device's state point.
///
/// # Errors
/// As [`line_key`].
pub fn device_key(line: &str, unit: u8) -> Result<PointKey, IdError> {
    PointKey::new(&format!("{DEVICE_KEY}{line}.{unit}"))
}

/// The value of [`LABEL_DEVICE`].
#[must_use]
pub fn device_label(line: &str, unit: u8) -> String {
    format!("{line}/{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hold_the_longest_name_and_unit() {
        let longest = "x".repeat(LINE_BYTES_MAX);
        let key = device_key(&longest, 255).unwrap();
        assert_eq!(key.as_str().len(), ID_BYTES_MAX);
        assert_eq!(line_key("plc1").unwrap().as_str(), "fenghuo.line.plc1");
        assert_eq!(
            device_key("a.1", 2).unwrap().as_str(),
            "fenghuo.device.a.1.2"
        );
        assert!(device_key(&format!("{longest}x"), 255).is_err());
        assert!(device_key("a/b", 1).is_err());
    }

    #[test]
    fn only_state_points_tell_of_a_source() {
        let mut point = PointDef {
            key: line_key("plc1").unwrap(),
            title: crate::Title::default(),
            kind: crate::Kind::State,
            unit: crate::Unit::parse("").unwrap(),
            value_type: crate::ValueType::Bool,
            range: None,
            interval_ms: HEARTBEAT_MS,
            labels: [(LABEL_LINE.to_owned(), "plc1".to_owned())].into(),
        };
        assert_eq!(SourceKind::of(&point), None);
        for kind in [SourceKind::Line, SourceKind::Device] {
            let label = kind.as_str().to_owned();
            point.labels.insert(LABEL_SOURCE.to_owned(), label);
            assert_eq!(SourceKind::of(&point), Some(kind));
            assert!(!is_broker(&point));
        }
        for (kind, protocol, broker) in [
            (SourceKind::Line, MQTT, true),
            (SourceKind::Line, MODBUS, false),
            (SourceKind::Device, MQTT, false),
        ] {
            let labels = [(LABEL_SOURCE, kind.as_str()), (LABEL_PROTOCOL, protocol)];
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
            point.labels.extend(labels);
            assert_eq!(is_broker(&point), broker);
        }
    }
}
