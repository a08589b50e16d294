//! The messages as prost sees them: the twin of `proto/fenghuo.proto`, nothing else.
//!
//! Types here may hold anything a peer sends; the other modules turn them into types that
//! cannot hold a wrong state.
#![expect(missing_docs, reason = "documented in proto/fenghuo.proto")]

use std::collections::BTreeMap;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Envelope {
    #[prost(bytes = "vec", tag = "1")]
    pub frame: Vec<u8>,
    #[prost(sint64, tag = "2")]
    pub sent: i64,
    #[prost(uint64, tag = "3")]
    pub live_from: u64,
    #[prost(uint64, tag = "4")]
    pub oldest: u64,
    #[prost(uint64, tag = "5")]
    pub live_oldest: u64,
    #[prost(message, repeated, tag = "6")]
    pub gaps: Vec<Gap>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Frame {
    #[prost(uint32, tag = "1")]
    pub version: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub catalog: Vec<u8>,
    #[prost(fixed64, tag = "3")]
    pub epoch: u64,
    #[prost(uint64, tag = "4")]
    pub seq: u64,
    #[prost(uint64, tag = "5")]
    pub epoch_first: u64,
    #[prost(sint64, tag = "6")]
    pub watermark: i64,
    #[prost(message, repeated, tag = "7")]
    pub records: Vec<Record>,
    #[prost(bytes = "vec", tag = "8")]
    pub packed: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Records {
    #[prost(message, repeated, tag = "7")]
    pub records: Vec<Record>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Record {
    #[prost(oneof = "record::Is", tags = "1, 2, 3, 4")]
    pub is: Option<record::Is>,
}

pub mod record {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Is {
        #[prost(message, tag = "1")]
        Samples(super::SampleColumns),
        #[prost(message, tag = "2")]
        Gap(super::Gap),
        #[prost(message, tag = "3")]
        ClockStep(super::ClockStep),
        #[prost(message, tag = "4")]
        Custody(super::Custody),
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct SampleColumns {
    #[prost(uint32, repeated, tag = "1")]
    pub point: Vec<u32>,
    #[prost(sint64, repeated, tag = "2")]
    pub time: Vec<i64>,
    #[prost(uint32, repeated, tag = "3")]
    pub quality: Vec<u32>,
    #[prost(double, repeated, tag = "4")]
    pub f64: Vec<f64>,
    #[prost(sint64, repeated, tag = "5")]
    pub i64: Vec<i64>,
    #[prost(uint64, repeated, tag = "6")]
    pub u64: Vec<u64>,
    #[prost(bool, repeated, tag = "7")]
    pub bool: Vec<bool>,
    #[prost(string, repeated, tag = "8")]
    pub text: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Gap {
    #[prost(sint64, tag = "1")]
    pub from: i64,
    #[prost(sint64, tag = "2")]
    pub until: i64,
    #[prost(uint64, tag = "3")]
    pub count: u64,
    #[prost(uint32, tag = "4")]
    pub why: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ClockStep {
    #[prost(sint64, tag = "1")]
    pub at: i64,
    #[prost(sint64, tag = "2")]
    pub by: i64,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Custody {
    #[prost(sint64, tag = "1")]
    pub hour: i64,
    #[prost(sint64, tag = "2")]
    pub from: i64,
    #[prost(sint64, tag = "3")]
    pub until: i64,
    #[prost(uint32, repeated, tag = "4")]
    pub skip: Vec<u32>,
    #[prost(uint32, repeated, tag = "5")]
    pub points: Vec<u32>,
    #[prost(uint32, repeated, tag = "6")]
    pub due: Vec<u32>,
    #[prost(uint32, repeated, tag = "7")]
    pub made: Vec<u32>,
    #[prost(uint32, repeated, tag = "8")]
    pub good: Vec<u32>,
    #[prost(uint32, repeated, tag = "9")]
    pub unchanged: Vec<u32>,
    #[prost(uint32, repeated, tag = "10")]
    pub sent: Vec<u32>,
    #[prost(uint32, repeated, tag = "11")]
    pub unchanged_bad: Vec<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Hello {
    #[prost(uint32, tag = "1")]
    pub version: u32,
    #[prost(fixed64, tag = "2")]
    pub nonce: u64,
    #[prost(fixed64, tag = "3")]
    pub epoch: u64,
    #[prost(uint64, tag = "4")]
    pub oldest: u64,
    #[prost(uint64, tag = "5")]
    pub newest: u64,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub catalogs: Vec<Vec<u8>>,
    #[prost(sint64, tag = "7")]
    pub sent: i64,
    #[prost(bytes = "vec", tag = "8")]
    pub log_id: Vec<u8>,
    #[prost(uint64, tag = "9")]
    pub trimmed_below: u64,
    #[prost(fixed64, tag = "10")]
    pub trimmed_epoch: u64,
    #[prost(message, repeated, tag = "11")]
    pub epochs: Vec<EpochSpan>,
    #[prost(string, tag = "12")]
    pub software: String,
    #[prost(uint64, tag = "13")]
    pub offered: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Again {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(sint64, tag = "2")]
    pub from: i64,
    #[prost(sint64, tag = "3")]
    pub until: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct EpochSpan {
    #[prost(fixed64, tag = "1")]
    pub epoch: u64,
    #[prost(uint64, tag = "2")]
    pub first: u64,
    #[prost(uint64, tag = "3")]
    pub last: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CatalogPart {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub part: u32,
    #[prost(uint32, tag = "3")]
    pub parts: u32,
    #[prost(message, repeated, tag = "4")]
    pub points: Vec<Point>,
}

/// The tag of a catalog part's points.
pub const CATALOG_POINTS: u32 = 4;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Point {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub title_zh: String,
    #[prost(string, tag = "3")]
    pub title_en: String,
    #[prost(string, tag = "4")]
    pub kind: String,
    #[prost(string, tag = "5")]
    pub unit: String,
    #[prost(uint32, tag = "6")]
    pub value_type: u32,
    #[prost(double, optional, tag = "7")]
    pub low: Option<f64>,
    #[prost(double, optional, tag = "8")]
    pub high: Option<f64>,
    #[prost(uint32, tag = "9")]
    pub interval_ms: u32,
    #[prost(btree_map = "string, string", tag = "10")]
    pub labels: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Receipt {
    #[prost(bytes = "vec", tag = "1")]
    pub log_id: Vec<u8>,
    #[prost(fixed64, tag = "2")]
    pub nonce: u64,
    #[prost(message, repeated, tag = "3")]
    pub epochs: Vec<EpochReceipt>,
    #[prost(message, repeated, tag = "4")]
    pub refused: Vec<Refusal>,
    #[prost(bytes = "vec", repeated, tag = "5")]
    pub want_catalogs: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "6")]
    pub live: Option<Window>,
    #[prost(message, optional, tag = "7")]
    pub backlog: Option<Window>,
    #[prost(message, optional, tag = "8")]
    pub again: Option<Again>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct EpochReceipt {
    #[prost(fixed64, tag = "1")]
    pub epoch: u64,
    #[prost(message, repeated, tag = "2")]
    pub ranges: Vec<Range>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Range {
    #[prost(uint64, tag = "1")]
    pub from: u64,
    #[prost(uint64, tag = "2")]
    pub to: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Refusal {
    #[prost(fixed64, tag = "1")]
    pub epoch: u64,
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    #[prost(uint32, tag = "3")]
    pub why: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Window {
    #[prost(uint32, tag = "1")]
    pub frames: u32,
    #[prost(uint32, tag = "2")]
    pub bytes: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct State {
    #[prost(bool, tag = "1")]
    pub online: bool,
    #[prost(fixed64, tag = "2")]
    pub epoch: u64,
}
