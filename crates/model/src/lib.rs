//! The words of the house: ids, time, samples, quality, units, the point catalog.
//!
//! Pure: nothing here reads a clock, a file or a socket, and nothing can fail except by
//! returning a value. What must stay true:
//! - a [`Reading`] without a value cannot carry one, and a number in it is never NaN or
//!   infinite (sentence 5: no value is invented);
//! - an id is checked once, where it is made, and is safe in a topic, a path and a label;
//! - a catalog's id is a hash of its content, so equal catalogs have equal ids everywhere.

pub mod catalog;
pub mod ids;
pub mod quality;
pub mod sample;
pub mod severity;
pub mod share;
pub mod source;
pub mod time;
pub mod unit;

pub use catalog::{Catalog, CatalogId, Kind, Limits, PointDef, Title, ValueType};
pub use ids::{EnterpriseId, GatewayId, GatewayKey, IdError, PointKey, PointRef};
pub use quality::Reason;
pub use sample::{Reading, Sample, SampleId, Value};
pub use severity::Severity;
pub use source::SourceKind;
pub use time::{CHINA_OFFSET_MIN, Timestamp, date_of};
pub use unit::{Unit, UnitError};
