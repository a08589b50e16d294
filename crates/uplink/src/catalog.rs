//! Catalogs on the wire: in parts of bounded size, and whole for storage.

use std::collections::BTreeMap;

use fenghuo_model::catalog::{LABELS_MAX, POINTS_MAX};
use fenghuo_model::{Catalog, CatalogId, Kind, Limits, PointDef, PointKey, Title, Unit, ValueType};
use prost::Message;

use crate::wire;

/// Bytes of points that one part aims for.
const PART_BYTES: usize = 128 << 10;
/// Most parts of a catalog.
const PARTS_MAX: u32 = 4_096;
/// Longest title or label in bytes.
const WORD_BYTES_MAX: usize = 512;

/// Why a message is not a catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Not the protobuf message, or a field out of bounds.
    #[error("not a catalog part: {0}")]
    Malformed(String),
    /// A point that cannot be right.
    #[error("point `{key}`: bad {what}")]
    Point {
        /// Its key, as it came.
        key: String,
        /// What is wrong.
        what: String,
    },
    /// The content does not have the hash that it claims.
    #[error("the content's id is {found}, not {claimed}")]
    Id {
        /// What the parts said.
        claimed: CatalogId,
        /// What their content gives.
        found: CatalogId,
    },
}

/// The catalog as MQTT payloads.
#[must_use]
pub fn to_parts(catalog: &Catalog) -> Vec<Vec<u8>> {
    let mut groups = vec![Vec::new()];
    for point in catalog.points() {
        if groups.last().is_none_or(|group| group.len() > PART_BYTES) {
            groups.push(Vec::new());
        }
        if let Some(group) = groups.last_mut() {
            put(point, group);
        }
    }
    let parts = u32::try_from(groups.len()).unwrap_or(u32::MAX);
    (0..)
        .zip(groups)
        .map(|(part, points)| [head(catalog, part, parts), points].concat())
        .collect()
}

/// The catalog as one message, for spool and log.
#[must_use]
pub fn to_bytes(catalog: &Catalog) -> Vec<u8> {
    let mut bytes = head(catalog, 0, 1);
    for point in catalog.points() {
        put(point, &mut bytes);
    }
    bytes
}

/// A part's bytes before its points, which come last in it.
fn head(catalog: &Catalog, part: u32, parts: u32) -> Vec<u8> {
    wire::CatalogPart {
        id: catalog.id().0.to_vec(),
        part,
        parts,
        points: Vec::new(),
    }
    .encode_to_vec()
}

/// Adds a point to a part. One by one: all of them as messages are several times as large as
/// the catalog, and a gateway is small.
fn put(point: &PointDef, bytes: &mut Vec<u8>) {
    prost::encoding::message::encode(wire::CATALOG_POINTS, &to_wire(point), bytes);
}

/// Reads what [`to_bytes`] wrote.
///
/// # Errors
/// [`CatalogError`] names what is wrong.
pub fn from_bytes(bytes: &[u8]) -> Result<Catalog, CatalogError> {
    let part = decode(bytes)?;
    assemble(part.id, part.points)
}

struct Part {
    id: CatalogId,
    part: u32,
    parts: u32,
    points: Vec<wire::Point>,
}

fn decode(bytes: &[u8]) -> Result<Part, CatalogError> {
    let malformed = |what: &str| CatalogError::Malformed(what.to_owned());
    let raw = wire::CatalogPart::decode(bytes)
        .map_err(|error| CatalogError::Malformed(error.to_string()))?;
    let id = raw.id.as_slice().try_into().map_err(|_| malformed("id"))?;
    if raw.parts == 0 || raw.parts > PARTS_MAX || raw.part >= raw.parts {
        return Err(malformed("part number"));
    }
    if raw.points.len() > POINTS_MAX {
        return Err(malformed("number of points"));
    }
    Ok(Part {
        id: CatalogId(id),
        part: raw.part,
        parts: raw.parts,
        points: raw.points,
    })
}

fn assemble(claimed: CatalogId, points: Vec<wire::Point>) -> Result<Catalog, CatalogError> {
    let points = points
        .into_iter()
        .map(from_wire)
        .collect::<Result<Vec<_>, _>>()?;
    let catalog =
        Catalog::new(points).map_err(|error| CatalogError::Malformed(error.to_string()))?;
    if catalog.id() == claimed {
        Ok(catalog)
    } else {
        Err(CatalogError::Id {
            claimed,
            found: catalog.id(),
        })
    }
}

/// Puts one gateway's catalog together from its parts, in any order. Holds one catalog at a
/// time: a part of another one starts over.
#[derive(Debug, Default)]
pub struct Assembler {
    id: Option<CatalogId>,
    parts: u32,
    points: usize,
    got: BTreeMap<u32, Vec<wire::Point>>,
}

impl Assembler {
    /// Takes a payload; returns the catalog when it was the last missing part.
    ///
    /// # Errors
    /// [`CatalogError`]; what was collected of that catalog is dropped when it cannot become
    /// right any more.
    pub fn take(&mut self, payload: &[u8]) -> Result<Option<Catalog>, CatalogError> {
        let part = decode(payload)?;
        if self.id != Some(part.id) || self.parts != part.parts {
            *self = Self {
                id: Some(part.id),
                parts: part.parts,
                ..Self::default()
            };
        }
        if self.got.contains_key(&part.part) {
            return Ok(None);
        }
        self.points += part.points.len();
        if self.points > POINTS_MAX {
            *self = Self::default();
            return Err(CatalogError::Malformed("number of points".to_owned()));
        }
        self.got.insert(part.part, part.points);
        if self.got.len() < part.parts as usize {
            return Ok(None);
        }
        let got = std::mem::take(self).got;
        assemble(part.id, got.into_values().flatten().collect()).map(Some)
    }
}

fn to_wire(point: &PointDef) -> wire::Point {
    wire::Point {
        key: point.key.as_str().to_owned(),
        title_zh: point.title.zh.clone(),
        title_en: point.title.en.clone(),
        kind: point.kind.as_str().to_owned(),
        unit: point.unit.symbol().to_owned(),
        value_type: point.value_type as u32,
        low: point.range.map(|range| range.low),
        high: point.range.map(|range| range.high),
        interval_ms: point.interval_ms,
        labels: point.labels.clone(),
    }
}

fn from_wire(raw: wire::Point) -> Result<PointDef, CatalogError> {
    let bad = |what: String| CatalogError::Point {
        key: raw.key.chars().take(80).collect(),
        what,
    };
    let words = [&raw.title_zh, &raw.title_en];
    let labels = raw.labels.iter().flat_map(|(name, value)| [name, value]);
    if words
        .into_iter()
        .chain(labels)
        .any(|word| word.len() > WORD_BYTES_MAX)
    {
        return Err(bad(format!("title or label over {WORD_BYTES_MAX} bytes")));
    }
    if raw.labels.len() > LABELS_MAX {
        return Err(bad("number of labels".to_owned()));
    }
    let range = match (raw.low, raw.high) {
        (None, None) => None,
        (Some(low), Some(high)) => Some(Limits { low, high }),
        _ => return Err(bad("range".to_owned())),
    };
    Ok(PointDef {
        key: PointKey::new(&raw.key).map_err(|error| bad(error.to_string()))?,
        kind: kind(&raw.kind).ok_or_else(|| bad(format!("kind `{}`", raw.kind)))?,
        unit: Unit::parse(&raw.unit).map_err(|error| bad(error.to_string()))?,
        value_type: value_type(raw.value_type).ok_or_else(|| bad("value type".to_owned()))?,
        range,
        interval_ms: raw.interval_ms,
        title: Title {
            zh: raw.title_zh,
            en: raw.title_en,
        },
        labels: raw.labels,
    })
}

fn kind(name: &str) -> Option<Kind> {
    Kind::ALL.iter().copied().find(|kind| kind.as_str() == name)
}

const fn value_type(code: u32) -> Option<ValueType> {
    match code {
        0 => Some(ValueType::F64),
        1 => Some(ValueType::I64),
        2 => Some(ValueType::U64),
        3 => Some(ValueType::Bool),
        4 => Some(ValueType::Text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(points: usize) -> Catalog {
        let point = |at: usize| PointDef {
            key: PointKey::new(&format!("p{at}")).unwrap(),
            title: Title {
                zh: "液位".to_owned(),
                en: "level".to_owned(),
            },
            kind: Kind::Level,
            unit: Unit::parse("m").unwrap(),
            value_type: ValueType::F64,
            range: Some(Limits {
                low: -1.0,
                high: 2.5,
            }),
            interval_ms: 500,
            labels: BTreeMap::from([("area".to_owned(), "罐区".to_owned())]),
        };
        Catalog::new((0..points).map(point).collect()).unwrap()
    }

    #[test]
    fn a_large_catalog_travels_in_parts_of_any_order() {
        let catalog = catalog(9_000);
        let mut parts = to_parts(&catalog);
        assert!(parts.len() > 3);
        assert!(
            parts
                .iter()
                .all(|part| part.len() < crate::PAYLOAD_BYTES_MAX)
        );
        parts.reverse();
        parts.insert(1, parts[0].clone());
        let mut assembler = Assembler::default();
        let (last, most) = parts.split_last().unwrap();
        for part in most {
            assert_eq!(assembler.take(part).unwrap(), None);
        }
        assert_eq!(assembler.take(last).unwrap(), Some(catalog.clone()));
        assert_eq!(from_bytes(&to_bytes(&catalog)).unwrap(), catalog);
    }

    #[test]
    fn a_changed_part_is_found_by_its_hash() {
        let mut raw = wire::CatalogPart::decode(to_bytes(&catalog(2)).as_slice()).unwrap();
        raw.points[1].unit = "cm".to_owned();
        let error = from_bytes(&raw.encode_to_vec()).unwrap_err();
        assert!(matches!(error, CatalogError::Id { .. }));
        raw.points[1].unit = "furlong".to_owned();
        let error = from_bytes(&raw.encode_to_vec()).unwrap_err();
        assert_eq!(error.to_string(), "point `p1`: bad unknown unit `furlong`");
    }
}
