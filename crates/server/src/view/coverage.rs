//! Coverage as the API and `fenghuo coverage` show it.

use std::collections::BTreeMap;

use fenghuo_engine::coverage::{Counts, Coverage, EnterpriseCoverage, TargetCoverage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Words;

/// What the rows are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Enterprises, with their targets.
    #[default]
    Enterprise,
    /// Industries.
    Industry,
    /// Townships.
    Township,
}

/// Points required, connected and live.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CountsView {
    /// Must be there.
    pub required: u64,
    /// Are there, of those required.
    pub connected: u64,
    /// Give values now, of those required.
    pub live: u64,
}

impl From<Counts> for CountsView {
    fn from(counts: Counts) -> Self {
        Self {
            required: counts.required,
            connected: counts.connected,
            live: counts.live,
        }
    }
}

/// One target at one enterprise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct TargetView {
    /// The target's id.
    pub id: String,
    /// The kind of plant that needs it.
    pub plant: String,
    /// What people call it.
    pub title: Words,
    /// The clauses of the county's plan that it serves.
    pub seed: Vec<String>,
    /// How far it is met.
    pub counts: CountsView,
}

/// An enterprise, an industry or a township.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct CoverageRow {
    /// The enterprise's id, the industry, or the township's Chinese name.
    pub key: String,
    /// What people call it.
    pub title: Words,
    /// The sum.
    pub counts: CountsView,
    /// Of an enterprise: its targets.
    pub targets: Vec<TargetView>,
    /// Of an enterprise: its kinds of plant for which no pack in force requires anything.
    pub unknown_plants: Vec<String>,
}

/// An enterprise that reports without being registered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct StrangerView {
    /// Its id.
    pub enterprise: String,
    /// Gateways known.
    pub gateways: usize,
    /// Points known.
    pub points: usize,
}

/// What must be measured, what is connected, what gives values now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct CoverageView {
    /// What the rows are.
    pub by: By,
    /// The sum of everything.
    pub total: CountsView,
    /// By key.
    pub rows: Vec<CoverageRow>,
    /// By clause of the county's plan; a target that serves several counts in each.
    pub seeds: BTreeMap<String, CountsView>,
    /// Who reports without being registered.
    pub unregistered: Vec<StrangerView>,
}

/// Shows coverage.
#[must_use]
pub fn coverage(coverage: &Coverage, by: By) -> CoverageView {
    let rows = match by {
        By::Enterprise => coverage.enterprises.iter().filter_map(enterprise).collect(),
        By::Industry => sums(coverage.by_industry(), |key| Words::new(key, key)),
        By::Township => sums(coverage.by_township(), |key| township(coverage, key)),
    };
    let seeds = coverage.by_seed().into_iter();
    let strangers = coverage.unregistered().map(|it| StrangerView {
        enterprise: it.id.to_string(),
        gateways: it.gateways,
        points: it.points,
    });
    CoverageView {
        by,
        total: coverage.total().into(),
        rows,
        seeds: seeds
            .map(|(seed, counts)| (seed.to_string(), counts.into()))
            .collect(),
        unregistered: strangers.collect(),
    }
}

fn enterprise(it: &EnterpriseCoverage) -> Option<CoverageRow> {
    let registered = it.registered.as_ref()?;
    let unknown = registered.unknown_plants.iter();
    Some(CoverageRow {
        key: it.id.to_string(),
        title: Words::from(&registered.name),
        counts: it.sum().into(),
        targets: it.targets.iter().map(target).collect(),
        unknown_plants: unknown.map(ToString::to_string).collect(),
    })
}

fn target(it: &TargetCoverage) -> TargetView {
    TargetView {
        id: it.id.to_string(),
        plant: it.plant.to_string(),
        title: Words::from(&it.title),
        seed: it.seed.iter().map(ToString::to_string).collect(),
        counts: it.counts.into(),
    }
}

fn sums(
    sums: BTreeMap<std::sync::Arc<str>, Counts>,
    title: impl Fn(&str) -> Words,
) -> Vec<CoverageRow> {
    let row = |(key, counts): (std::sync::Arc<str>, Counts)| CoverageRow {
        title: title(&key),
        key: key.to_string(),
        counts: counts.into(),
        targets: Vec::new(),
        unknown_plants: Vec::new(),
    };
    sums.into_iter().map(row).collect()
}

/// The township's name in both languages, as the first enterprise there has it.
fn township(coverage: &Coverage, key: &str) -> Words {
    let registered = coverage
        .enterprises
        .iter()
        .filter_map(|it| it.registered.as_ref());
    let mut names = registered.map(|it| &it.township);
    let name = names.find(|name| name.zh == key);
    name.map_or_else(|| Words::new(key, key), Words::from)
}
