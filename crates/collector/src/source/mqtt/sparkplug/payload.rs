//! The payload of Sparkplug B, as far as a reader of values needs it. Field numbers are those
//! of `sparkplug_b.proto` in the Eclipse Sparkplug specification 3.0, chapter 6.4; datatypes
//! those of its 6.4.16. What is not listed here (templates, data sets, metadata) is skipped.

use prost::{Message, Oneof};

use crate::source::mqtt::point::Raw;

/// `org.eclipse.tahu.protobuf.Payload`.
#[derive(Clone, PartialEq, Message)]
pub struct Payload {
    /// When the message was sent, in milliseconds since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// What it brings.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// Its number, 0 to 255, counted by the edge node.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
}

/// `Payload.Metric`.
#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    /// Always in a birth; elsewhere the alias may stand for it.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Unique in an edge node, devices included.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// When the value was taken, in milliseconds since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// Always in a birth.
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// It was kept while there was no connection: it is not the current value.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// There is no value.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// What else is known of it.
    #[prost(message, optional, tag = "9")]
    pub properties: Option<PropertySet>,
    /// The value.
    #[prost(oneof = "MetricValue", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18")]
    pub value: Option<MetricValue>,
}

/// `Payload.Metric.value`.
#[derive(Clone, PartialEq, Oneof)]
pub enum MetricValue {
    /// Up to 32 bits; signed ones in two's complement.
    #[prost(uint32, tag = "10")]
    Int(u32),
    /// Up to 64 bits; signed ones in two's complement.
    #[prost(uint64, tag = "11")]
    Long(u64),
    /// A number of 32 bits.
    #[prost(float, tag = "12")]
    Float(f32),
    /// A number of 64 bits.
    #[prost(double, tag = "13")]
    Double(f64),
    /// A truth.
    #[prost(bool, tag = "14")]
    Boolean(bool),
    /// A text.
    #[prost(string, tag = "15")]
    String(String),
    /// Bytes, which no point can hold.
    #[prost(bytes = "vec", tag = "16")]
    Bytes(Vec<u8>),
    /// A table, unread.
    #[prost(message, tag = "17")]
    DataSet(Unread),
    /// A structure, unread.
    #[prost(message, tag = "18")]
    Template(Unread),
}

/// A message that is skipped.
#[derive(Clone, PartialEq, Message)]
pub struct Unread {}

/// `Payload.PropertySet`.
#[derive(Clone, PartialEq, Message)]
pub struct PropertySet {
    /// The names, in the order of the values.
    #[prost(string, repeated, tag = "1")]
    pub keys: Vec<String>,
    /// The values.
    #[prost(message, repeated, tag = "2")]
    pub values: Vec<PropertyValue>,
}

/// `Payload.PropertyValue`, of which only whole numbers are read.
#[derive(Clone, PartialEq, Message)]
pub struct PropertyValue {
    /// `int_value`; signed ones in two's complement.
    #[prost(uint32, optional, tag = "3")]
    pub int: Option<u32>,
    /// `long_value`, which some encoders write instead.
    #[prost(uint64, optional, tag = "4")]
    pub long: Option<u64>,
}

/// The datatype of a truth.
pub const BOOLEAN: u32 = 11;
/// The property that says whether a value is good, and its value for one that is.
const QUALITY: (&str, u64) = ("Quality", 192);

impl Metric {
    /// The value as its datatype says.
    #[must_use]
    pub fn raw(&self, datatype: u32) -> Raw<'_> {
        let Some(value) = self.value.as_ref().filter(|_| self.is_null != Some(true)) else {
            return Raw::Absent;
        };
        let bits = match value {
            // The specification puts up to 32 bits into `int_value`, and its own reference
            // encoder some of them into `long_value`.
            MetricValue::Int(bits) => u64::from(*bits),
            MetricValue::Long(bits) => *bits,
            MetricValue::Float(number) if datatype == 9 => return Raw::Number(f64::from(*number)),
            MetricValue::Double(number) if datatype == 10 => return Raw::Number(*number),
            MetricValue::Boolean(truth) if datatype == BOOLEAN => return Raw::Truth(*truth),
            MetricValue::String(text) if matches!(datatype, 12 | 14 | 15) => {
                return Raw::Text(text);
            }
            _ => return Raw::Other,
        };
        let whole = |number: Option<i64>| number.map_or(Raw::Other, Raw::Whole);
        let natural = |size: u32| match bits.checked_shr(size).unwrap_or(0) {
            0 => i64::try_from(bits).map_or(Raw::Natural(bits), Raw::Whole),
            _ => Raw::Other,
        };
        match datatype {
            1 => whole(signed(8, bits)),
            2 => whole(signed(16, bits)),
            3 => whole(signed(32, bits)),
            4 => whole(signed(64, bits)),
            5 => natural(8),
            6 => natural(16),
            7 => natural(32),
            // Unsigned, or a time, which is one in milliseconds.
            8 | 13 => natural(64),
            _ => Raw::Other,
        }
    }

    /// Whether its edge node calls it good; it does when it says nothing.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let properties = self.properties.as_ref();
        let mut pairs = properties
            .into_iter()
            .flat_map(|set| set.keys.iter().zip(&set.values));
        let quality = pairs.find(|(key, _)| *key == QUALITY.0);
        quality.is_none_or(|(_, value)| {
            let number = value.int.map(u64::from).or(value.long);
            number == Some(QUALITY.1)
        })
    }
}

/// A whole number in two's complement of so many bits, alone or carried on to 32 or 64 bits,
/// as encoders do both. Anything else is no number of that size.
#[expect(
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "two's complement"
)]
fn signed(size: u32, bits: u64) -> Option<i64> {
    let shift = 64 - size;
    let number = ((bits << shift) as i64) >> shift;
    let alone = (bits << shift) >> shift;
    let carried = [alone, u64::from(number as i32 as u32), number as u64];
    let is_one = carried.contains(&bits) && (size > 32 || i32::try_from(number).is_ok());
    is_one.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(value: MetricValue) -> Metric {
        Metric {
            value: Some(value),
            ..Metric::default()
        }
    }

    #[test]
    fn whole_numbers_are_of_their_size_and_sign() {
        use MetricValue::{Int, Long};
        let raw = |datatype, value| metric(value).raw(datatype).clone_whole();
        assert_eq!(raw(1, Int(0xff)), Ok(-1));
        assert_eq!(raw(1, Int(0xffff_ffff)), Ok(-1));
        assert_eq!(raw(1, Int(127)), Ok(127));
        assert_eq!(raw(1, Int(0x1_7f)), Err(()));
        assert_eq!(raw(2, Int(0x8000)), Ok(-32_768));
        assert_eq!(raw(3, Int(0xffff_fffe)), Ok(-2));
        assert_eq!(raw(3, Long(u64::MAX)), Ok(-1));
        assert_eq!(raw(4, Long(u64::MAX)), Ok(-1));
        assert_eq!(raw(5, Int(256)), Err(()));
        assert_eq!(raw(6, Int(65_535)), Ok(65_535));
        assert_eq!(raw(7, Int(u32::MAX)), Ok(4_294_967_295));
        assert_eq!(raw(7, Long(4_294_967_295)), Ok(4_294_967_295));
        assert_eq!(raw(7, Long(4_294_967_296)), Err(()));
        let largest = metric(Long(u64::MAX));
        assert_eq!(largest.raw(8), Raw::Natural(u64::MAX));
    }

    impl Raw<'_> {
        fn clone_whole(self) -> Result<i64, ()> {
            match self {
                Raw::Whole(number) => Ok(number),
                _ => Err(()),
            }
        }
    }

    #[test]
    fn values_of_another_type_than_their_datatype_are_none() {
        assert_eq!(metric(MetricValue::Int(1)).raw(BOOLEAN), Raw::Other);
        assert_eq!(metric(MetricValue::Boolean(true)).raw(3), Raw::Other);
        assert_eq!(metric(MetricValue::Float(1.5)).raw(9), Raw::Number(1.5));
        assert_eq!(metric(MetricValue::Float(1.5)).raw(10), Raw::Other);
        let text = metric(MetricValue::String("开".to_owned()));
        assert_eq!(text.raw(12), Raw::Text("开"));
        assert_eq!(metric(MetricValue::Bytes(vec![1])).raw(17), Raw::Other);
        let mut null = metric(MetricValue::Double(1.0));
        null.is_null = Some(true);
        assert_eq!(null.raw(10), Raw::Absent);
        assert_eq!(Metric::default().raw(10), Raw::Absent);
    }

    #[test]
    fn a_quality_other_than_good_is_told() {
        let quality = |int| Metric {
            properties: Some(PropertySet {
                keys: vec!["Quality".to_owned()],
                values: vec![PropertyValue { int, long: None }],
            }),
            ..Metric::default()
        };
        assert!(Metric::default().is_good());
        assert!(quality(Some(192)).is_good());
        for bad in [Some(0), Some(500), None] {
            assert!(!quality(bad).is_good(), "{bad:?}");
        }
    }
}
