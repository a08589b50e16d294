//! What devices wrote down that they served.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value as Json;

/// One value that was served.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Served {
    /// The device's clock, in milliseconds, just before it was.
    pub time: i64,
    /// Which read or message of the device it was, from 1.
    pub step: u64,
    /// How many values it brought.
    pub among: usize,
    /// What the collector must make of it.
    pub told: String,
}

impl Served {
    /// The number that a counter served.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn number(&self) -> u64 {
        let number = self.told.strip_prefix("u:").map(str::parse);
        number.unwrap().unwrap()
    }
}

fn lines(file: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    // What comes after the last line end is a line that is being written.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// Everything of a record, by point, in order.
///
/// # Panics
/// When the record is not what devices write.
#[must_use]
pub fn read(file: &Path) -> BTreeMap<String, Vec<Served>> {
    let mut all: BTreeMap<String, Vec<Served>> = BTreeMap::new();
    for line in lines(file) {
        let Some(values) = line["values"].as_array() else {
            continue;
        };
        let time = line["t"].as_i64().unwrap();
        let step = line["step"].as_u64().unwrap();
        for value in values {
            let (key, told) = (value[0].as_str().unwrap(), value[1].as_str().unwrap());
            all.entry(key.to_owned()).or_default().push(Served {
                time,
                step,
                among: values.len(),
                told: told.to_owned(),
            });
        }
    }
    all
}

/// The numbers of messages that a broker has taken, by a record.
///
/// # Panics
/// When the record is not what devices write.
#[must_use]
pub fn taken(file: &Path) -> BTreeSet<u64> {
    let lines = lines(file).into_iter();
    lines.filter_map(|line| line["taken"].as_u64()).collect()
}
