//! What is read from an edge node, found by device and metric name. Pure.

use std::collections::HashMap;

use crate::source::mqtt::point::Point;

/// One edge node and what is read from it.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// Its group.
    pub group: String,
    /// Its name there.
    pub edge: String,
    /// What is taken out.
    pub metrics: Vec<Wanted>,
}

/// One point and the metric that it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Wanted {
    /// What it is.
    pub point: Point,
    /// The device behind the edge node; the edge node itself without.
    pub device: Option<String>,
    /// The metric's name.
    pub name: String,
}

/// The places of metrics in a plan: by device (empty for the edge node itself), then by name.
/// More than one point may be made of a metric.
#[derive(Debug)]
pub struct Index(HashMap<String, HashMap<String, Vec<usize>>>);

impl Index {
    /// Of this plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut index: HashMap<String, HashMap<String, Vec<usize>>> = HashMap::new();
        for (slot, wanted) in plan.metrics.iter().enumerate() {
            let device = wanted.device.clone().unwrap_or_default();
            let names = index.entry(device).or_default();
            names.entry(wanted.name.clone()).or_default().push(slot);
        }
        Self(index)
    }

    /// Whether anything of this device is read.
    #[must_use]
    pub fn has_device(&self, device: &str) -> bool {
        self.0.contains_key(device)
    }

    /// The places of one metric; none when nobody wants it.
    #[must_use]
    pub fn find(&self, device: Option<&str>, name: &str) -> &[usize] {
        let names = self.0.get(device.unwrap_or_default());
        names
            .and_then(|names| names.get(name))
            .map_or(&[], Vec::as_slice)
    }
}
