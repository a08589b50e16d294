//! The catalog: what a gateway measures. Frames name points by their place in it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{PointKey, Unit};

/// Most points in one catalog.
pub const POINTS_MAX: usize = 100_000;
/// Most labels on one point.
pub const LABELS_MAX: usize = 32;

/// The type of a point's values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// 64-bit float.
    F64,
    /// Signed 64-bit integer.
    I64,
    /// Unsigned 64-bit integer.
    U64,
    /// A yes-no state.
    Bool,
    /// A text.
    Text,
}

/// What is measured. The list follows the county plan's words, with `other` for the rest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// °C, K.
    Temperature,
    /// Pa to MPa.
    Pressure,
    /// Fill height or share.
    Level,
    /// Movement of ground, slope or structure.
    Displacement,
    /// Gas or dust in air.
    Concentration,
    /// Electrical power, current, voltage, energy.
    Power,
    /// Volume or mass per time.
    Flow,
    /// Air or belt speed, rotation.
    Speed,
    /// On, off, open, closed, fault.
    State,
    /// Pulses, people, events.
    Count,
    /// Anything else.
    Other,
}

impl Kind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Temperature,
        Self::Pressure,
        Self::Level,
        Self::Displacement,
        Self::Concentration,
        Self::Power,
        Self::Flow,
        Self::Speed,
        Self::State,
        Self::Count,
        Self::Other,
    ];

    /// The stable name in configuration, APIs and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::Pressure => "pressure",
            Self::Level => "level",
            Self::Displacement => "displacement",
            Self::Concentration => "concentration",
            Self::Power => "power",
            Self::Flow => "flow",
            Self::Speed => "speed",
            Self::State => "state",
            Self::Count => "count",
            Self::Other => "other",
        }
    }
}

/// A text for people, Chinese first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// The span that an instrument can measure; values outside are not values.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Lowest possible value, in the point's unit.
    pub low: f64,
    /// Highest possible value, in the point's unit.
    pub high: f64,
}

/// One measured point.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PointDef {
    /// Its key, unique in the catalog.
    pub key: PointKey,
    /// What people call it.
    pub title: Title,
    /// What is measured.
    pub kind: Kind,
    /// The unit of its values.
    pub unit: Unit,
    /// The type of its values.
    pub value_type: ValueType,
    /// What the instrument can measure.
    pub range: Option<Limits>,
    /// The longest time between two of its samples while all is well, in milliseconds: how
    /// often it is read, or of a point that is reported when it changes, its heartbeat. 0 when
    /// it comes on change alone.
    pub interval_ms: u32,
    /// Free labels that rules select by: substance, area, target (the plan's monitoring
    /// target), ..
    pub labels: BTreeMap<String, String>,
}

impl PointDef {
    /// Whether it is reported when it changes: between two samples it has not changed.
    #[must_use]
    pub fn reports_changes(&self) -> bool {
        let report = self.labels.get(crate::source::LABEL_REPORT);
        self.interval_ms == 0 || report.is_some_and(|report| report == crate::source::CHANGES)
    }
}

/// A catalog's identity: the first 16 bytes of SHA-256 over its canonical text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CatalogId(pub [u8; 16]);

impl fmt::Display for CatalogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CatalogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a list of points is not a catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// More than [`POINTS_MAX`].
    #[error("{0} points; a catalog holds at most {POINTS_MAX}")]
    TooMany(usize),
    /// The same key twice.
    #[error("point `{0}` is listed twice")]
    Twice(PointKey),
    /// More than [`LABELS_MAX`] labels.
    #[error("point `{key}` has {count} labels; at most {LABELS_MAX}")]
    Labels {
        /// Which point.
        key: PointKey,
        /// How many labels it has.
        count: usize,
    },
    /// A range that is empty or not finite.
    #[error("point `{0}` has a range that is empty or not finite")]
    Range(PointKey),
}

/// The points of a gateway, in the order that frames index them.
#[derive(Clone, PartialEq, Debug)]
pub struct Catalog {
    id: CatalogId,
    points: Vec<PointDef>,
}

impl Catalog {
    /// Checks the list and derives its id.
    ///
    /// # Errors
    /// [`CatalogError`] for the first thing that is wrong.
    pub fn new(points: Vec<PointDef>) -> Result<Self, CatalogError> {
        if points.len() > POINTS_MAX {
            return Err(CatalogError::TooMany(points.len()));
        }
        let mut keys = std::collections::BTreeSet::new();
        for point in &points {
            if !keys.insert(&point.key) {
                return Err(CatalogError::Twice(point.key.clone()));
            }
            if point.labels.len() > LABELS_MAX {
                return Err(CatalogError::Labels {
                    key: point.key.clone(),
                    count: point.labels.len(),
                });
            }
            if let Some(range) = point.range
                && !(range.low < range.high && range.low.is_finite() && range.high.is_finite())
            {
                return Err(CatalogError::Range(point.key.clone()));
            }
        }
        Ok(Self {
            id: hash(&points),
            points,
        })
    }

    /// The hash of its content.
    #[must_use]
    pub const fn id(&self) -> CatalogId {
        self.id
    }

    /// The points, in index order.
    #[must_use]
    pub fn points(&self) -> &[PointDef] {
        &self.points
    }
}

/// Hashes every field with its length before it, so that no two different catalogs share
/// a text. The layout is part of the wire contract.
fn hash(points: &[PointDef]) -> CatalogId {
    let mut sha = Sha256::new();
    let mut put = |bytes: &[u8]| {
        sha.update((bytes.len() as u64).to_le_bytes());
        sha.update(bytes);
    };
    put(b"fenghuo catalog 1");
    for point in points {
        put(point.key.as_str().as_bytes());
        put(point.title.zh.as_bytes());
        put(point.title.en.as_bytes());
        put(point.kind.as_str().as_bytes());
        put(point.unit.symbol().as_bytes());
        put(&[point.value_type as u8]);
        match point.range {
            Some(range) => {
                put(&range.low.to_bits().to_le_bytes());
                put(&range.high.to_bits().to_le_bytes());
            }
            None => put(b"-"),
        }
        put(&point.interval_ms.to_le_bytes());
        put(&(point.labels.len() as u64).to_le_bytes());
        for (name, value) in &point.labels {
            put(name.as_bytes());
            put(value.as_bytes());
        }
    }
    let digest = sha.finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    CatalogId(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(key: &str) -> PointDef {
        PointDef {
            key: PointKey::new(key).unwrap(),
            title: Title::default(),
            kind: Kind::Level,
            unit: Unit::parse("m").unwrap(),
            value_type: ValueType::F64,
            range: Some(Limits {
                low: 0.0,
                high: 10.0,
            }),
            interval_ms: 1_000,
            labels: BTreeMap::from([("area".to_owned(), "tank farm".to_owned())]),
        }
    }

    #[test]
    fn the_id_follows_the_content() {
        let a = Catalog::new(vec![point("a"), point("b")]).unwrap();
        let same = Catalog::new(vec![point("a"), point("b")]).unwrap();
        let turned = Catalog::new(vec![point("b"), point("a")]).unwrap();
        assert_eq!(a.id(), same.id());
        assert_ne!(a.id(), turned.id());
        let mut relabelled = point("a");
        relabelled.labels.insert("x".to_owned(), String::new());
        assert_ne!(
            Catalog::new(vec![relabelled]).unwrap().id(),
            Catalog::new(vec![point("a")]).unwrap().id()
        );
    }

    #[test]
    fn a_bad_list_is_refused_by_name() {
        let twice = Catalog::new(vec![point("a"), point("a")]).unwrap_err();
        assert_eq!(twice.to_string(), "point `a` is listed twice");
        let mut upside_down = point("a");
        upside_down.range = Some(Limits {
            low: 1.0,
            high: 1.0,
        });
        assert!(matches!(
            Catalog::new(vec![upside_down]),
            Err(CatalogError::Range(_))
        ));
    }
}
