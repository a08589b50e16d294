//! Coverage: what must be measured, what is connected, and what gives values now.
//!
//! The register says which kinds of plant an enterprise runs, the packs say what each kind
//! must measure. What must stay true: connected and live never exceed what is required, so
//! that a surplus at one place hides no gap at another; a registered enterprise that nobody
//! connected counts with all its targets; who reports without being registered is named.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use std::sync::Arc;

use fenghuo_model::{EnterpriseId, PointDef, PointRef, Title};

use crate::rule::{RuleSet, Target};

/// The label that says at which kind of plant a point is. Points without it count for every
/// kind that their enterprise runs.
pub const PLANT: &str = "plant";

/// A point as coverage sees it.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// Its name.
    pub point: &'a PointRef,
    /// Its definition.
    pub def: &'a PointDef,
    /// It gives values now.
    pub live: bool,
}

/// Points that are required, connected, and live now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Must be there.
    pub required: u64,
    /// Are there, of those required.
    pub connected: u64,
    /// Give values now, of those required.
    pub live: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.required += other.required;
        self.connected += other.connected;
        self.live += other.live;
    }
}

/// One target at one enterprise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetCoverage {
    /// The target's id.
    pub id: Arc<str>,
    /// The kind of plant that needs it.
    pub plant: Arc<str>,
    /// What people call it.
    pub title: Title,
    /// The clauses of the county's plan that it serves.
    pub seed: Vec<Arc<str>>,
    /// How far it is met.
    pub counts: Counts,
}

/// Where an enterprise stands in the register.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registered {
    /// What people call it.
    pub name: Title,
    /// Where it is.
    pub township: Title,
    /// Its industry.
    pub industry: Arc<str>,
    /// Its kinds of plant for which no pack in force requires anything: a pack is missing,
    /// or the name is misspelt.
    pub unknown_plants: Vec<Arc<str>>,
}

/// One enterprise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnterpriseCoverage {
    /// Its id.
    pub id: EnterpriseId,
    /// Its place in the register; none when it reports without being registered.
    pub registered: Option<Registered>,
    /// Gateways known.
    pub gateways: usize,
    /// Points known.
    pub points: usize,
    /// Every target of its plants.
    pub targets: Vec<TargetCoverage>,
}

impl EnterpriseCoverage {
    /// The sum of its targets.
    #[must_use]
    pub fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        for target in &self.targets {
            sum += target.counts;
        }
        sum
    }
}

/// All enterprises, by id.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    /// Registered ones and those that report.
    pub enterprises: Vec<EnterpriseCoverage>,
}

impl Coverage {
    /// The sum of everything.
    #[must_use]
    pub fn total(&self) -> Counts {
        let mut sum = Counts::default();
        for enterprise in &self.enterprises {
            sum += enterprise.sum();
        }
        sum
    }

    /// By industry.
    #[must_use]
    pub fn by_industry(&self) -> BTreeMap<Arc<str>, Counts> {
        self.by(|it| it.industry.clone())
    }

    /// By the township's Chinese name.
    #[must_use]
    pub fn by_township(&self) -> BTreeMap<Arc<str>, Counts> {
        self.by(|it| it.township.zh.as_str().into())
    }

    /// By clause of the county's plan; a target that serves several counts in each.
    #[must_use]
    pub fn by_seed(&self) -> BTreeMap<Arc<str>, Counts> {
        let mut sums: BTreeMap<_, Counts> = BTreeMap::new();
        for target in self.enterprises.iter().flat_map(|it| &it.targets) {
            for seed in &target.seed {
                *sums.entry(seed.clone()).or_default() += target.counts;
            }
        }
        sums
    }

    /// Enterprises that report without being registered.
    pub fn unregistered(&self) -> impl Iterator<Item = &EnterpriseCoverage> {
        self.enterprises.iter().filter(|it| it.registered.is_none())
    }

    fn by(&self, key: impl Fn(&Registered) -> Arc<str>) -> BTreeMap<Arc<str>, Counts> {
        let mut sums: BTreeMap<_, Counts> = BTreeMap::new();
        for enterprise in &self.enterprises {
            if let Some(registered) = &enterprise.registered {
                *sums.entry(key(registered)).or_default() += enterprise.sum();
            }
        }
        sums
    }
}

/// Counts one enterprise, given the points of each of its gateways.
#[must_use]
pub fn enterprise(
    rules: &RuleSet,
    id: &EnterpriseId,
    gateways: &[Vec<Measured<'_>>],
) -> EnterpriseCoverage {
    let entry = rules.register.get(id);
    let plants = entry.map_or(&[][..], |entry| &entry.plants);
    let required = rules.targets.iter();
    let required: Vec<_> = required.filter(|it| plants.contains(&it.plant)).collect();
    let is_known = |plant: &&Arc<str>| required.iter().any(|target| target.plant == **plant);
    let registered = entry.map(|entry| Registered {
        name: entry.name.clone(),
        township: entry.township.clone(),
        industry: entry.industry.clone(),
        unknown_plants: plants.iter().filter(|it| !is_known(it)).cloned().collect(),
    });
    let targets = required.iter().map(|target| TargetCoverage {
        id: target.id.clone(),
        plant: target.plant.clone(),
        title: target.title.clone(),
        seed: target.seed.clone(),
        counts: count(target, gateways),
    });
    EnterpriseCoverage {
        id: id.clone(),
        registered,
        gateways: gateways.len(),
        points: gateways.iter().map(Vec::len).sum(),
        targets: targets.collect(),
    }
}

fn count(target: &Target, gateways: &[Vec<Measured<'_>>]) -> Counts {
    let need = u64::from(target.at_least);
    let of_plant = |it: &&Measured<'_>| {
        let plant = it.def.labels.get(PLANT);
        plant.is_none_or(|plant| **plant == *target.plant)
    };
    let Some(label) = &target.each else {
        let all = gateways.iter().flatten().filter(of_plant);
        return met(target, need, all);
    };
    let mut sum = Counts::default();
    for points in gateways {
        let value = |it: &Measured<'_>| it.def.labels.get(&**label).cloned();
        let mut things: BTreeMap<String, Vec<&Measured<'_>>> = BTreeMap::new();
        for point in points.iter().filter(of_plant) {
            if let Some(thing) = value(point) {
                things.entry(thing).or_default().push(point);
            }
        }
        for points in things.into_values() {
            sum += met(target, need, points.into_iter());
        }
    }
    // A plant of which nothing is known has at least one of what it must measure.
    if sum == Counts::default() {
        sum.required = need;
    }
    sum
}

fn met<'a>(target: &Target, need: u64, points: impl Iterator<Item = &'a Measured<'a>>) -> Counts {
    let mut counts = Counts {
        required: need,
        ..Counts::default()
    };
    for it in points.filter(|it| target.select.matches(it.point, it.def)) {
        counts.connected += 1;
        counts.live += u64::from(it.live);
    }
    counts.connected = counts.connected.min(need);
    counts.live = counts.live.min(need);
    counts
}

/// The enterprises that are registered or that report.
#[must_use]
pub fn enterprises<'a>(
    rules: &'a RuleSet,
    reporting: impl Iterator<Item = &'a EnterpriseId>,
) -> BTreeSet<EnterpriseId> {
    rules.register.keys().chain(reporting).cloned().collect()
}

#[cfg(test)]
mod tests;
