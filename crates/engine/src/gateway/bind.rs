//! Binding: a rule and a point (or a group of points) become a detector with its limits in
//! the point's unit.
//!
//! A rule that selects a point which it cannot watch is not bound there, and says why; a
//! level whose limit only the site's design can give is bound but not armed, and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fenghuo_model::Severity;
use fenghuo_model::source::LABEL_SOURCE;

use super::Slot;
use super::verdict::Delays;
use crate::alarm::{AlarmKey, Subject};
use crate::rule::{Calendar, Detector, Op, Rule, RuleSet, Select, Span};

mod limit;
mod near;
mod refusal;
mod wire;

use near::{BESIDE_MAX, Near};
pub use refusal::{Refusal, Wanted};
pub use wire::{How, Watch, Wires, stale_after};

/// A rule bound to a point or a group.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The rule.
    pub rule: Arc<Rule>,
    /// The point that the alarms belong to; of a group, the first one.
    pub slot: u32,
    /// Where its levels' states begin in a lane.
    pub first: u32,
    /// What it looks at besides.
    pub test: Test,
    /// Its levels, as the rule has them.
    pub levels: Box<[BoundLevel]>,
    /// What few rules have.
    pub extra: Option<Box<Extra>>,
    /// Time alone may change what it sees.
    pub timed: bool,
}

/// A level bound to a point.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BoundLevel {
    /// The limit in the point's unit; none where there is no number, or none is known.
    pub limit: Option<BoundLimit>,
    /// Its delays.
    pub delays: Delays,
    /// How bad.
    pub severity: Severity,
    /// When it is over, a person must reset it.
    pub latch: bool,
    /// Whether its limit is known, where it needs one.
    pub armed: bool,
}

/// A limit in the point's unit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BoundLimit {
    /// The comparison.
    pub op: Op,
    /// With what.
    pub value: f64,
    /// Clears when the comparison with this no longer holds.
    pub reset: f64,
}

/// What a bound detector looks at besides its own point.
#[derive(Clone, PartialEq, Debug)]
pub enum Test {
    /// Nothing.
    Own,
    /// Nothing, and the point has not changed between two samples: it reports changes only.
    Held,
    /// Nothing, and this is the rule's small number in the point's unit.
    Scaled(f64),
    /// Other points; of a vote its members, the first included.
    Others(Box<[u32]>),
    /// Other detectors, each with the point that it stands for.
    Items(Box<[(u32, u32)]>),
    /// An expression over points.
    Program(Box<Program>),
}

/// A compiled expression and the slots that it reads.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    /// The code.
    pub code: crate::expr::Program,
    /// By input.
    pub slots: Box<[u32]>,
}

/// What few rules have.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Extra {
    /// The group, `label=value`, when the subject is one.
    pub group: Option<Arc<str>>,
    /// When it works: the calendars and whether inside of them.
    pub gate: Option<(Vec<Calendar>, bool)>,
    /// The points whose state makes its alarms meaningless, and whether on does.
    pub suppress: Option<(Box<[u32]>, bool)>,
    /// The first-out group, `label=value`.
    pub first_out: Option<Arc<str>>,
}

/// What a detector is bound to: its rule, its point, or its group instead.
pub type Name = (Arc<str>, u32, Option<Arc<str>>);

/// A rule that selected a point but cannot watch it, or a level that is not armed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unbound {
    /// The rule's id.
    pub rule: Arc<str>,
    /// The level, when the others are armed.
    pub level: Option<Arc<str>>,
    /// The point.
    pub point: String,
    /// Why.
    pub why: Refusal,
}

impl Bound {
    /// Every slot whose samples can change its verdict, each once.
    #[must_use]
    pub fn watched(&self) -> Vec<u32> {
        let mut slots = match &self.test {
            Test::Own | Test::Held | Test::Scaled(_) => vec![self.slot],
            Test::Others(others) => {
                let mut slots = others.to_vec();
                slots.push(self.slot);
                slots
            }
            Test::Items(_) => Vec::new(),
            Test::Program(program) => program.slots.to_vec(),
        };
        let suppress = self.extra.as_ref().and_then(|it| it.suppress.as_ref());
        slots.extend(suppress.iter().flat_map(|(points, _)| points.iter()));
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// What its alarms are about.
    #[must_use]
    pub fn subject(&self, slots: &[Slot]) -> Subject {
        let point = &slots[self.slot as usize].point;
        match self.extra.as_ref().and_then(|extra| extra.group.clone()) {
            Some(group) => Subject::Group(point.gateway.clone(), group),
            None => Subject::Point(point.clone()),
        }
    }

    /// The key of a level's alarm.
    #[must_use]
    pub fn key(&self, level: usize, slots: &[Slot]) -> AlarmKey {
        AlarmKey {
            rule: self.rule.id.clone(),
            level: self.rule.levels[level].name.clone(),
            subject: self.subject(slots),
        }
    }

    /// The longest that a level's alarm may be put out of sight, in milliseconds; 0 when it must
    /// not be. What the site makes red here is red, whatever the rule says of it elsewhere.
    #[must_use]
    pub fn shelve_ms(&self, level: usize) -> u64 {
        match self.levels[level].severity {
            Severity::Red => 0,
            _ => self.rule.levels[level].shelve_ms,
        }
    }

    /// What it is bound to: two bindings of the same name are the same, before and after.
    #[must_use]
    pub fn name(&self) -> Name {
        let group = self.extra.as_ref().and_then(|extra| extra.group.clone());
        let slot = if group.is_some() { 0 } else { self.slot };
        (self.rule.id.clone(), slot, group)
    }

    /// Whether it decides as another one; `all` and `others` are the lists in which the two
    /// stand.
    #[must_use]
    pub fn decides_as(&self, all: &[Self], other: &Self, others: &[Self]) -> bool {
        self.rule.version == other.rule.version
            && (self.slot, &self.levels, &self.extra) == (other.slot, &other.levels, &other.extra)
            && match (&self.test, &other.test) {
                (Test::Items(items), Test::Items(theirs)) => {
                    items.len() == theirs.len() && counted(items, all) == counted(theirs, others)
                }
                (test, theirs) => test == theirs,
            }
    }

    /// Where a level's state is in a lane.
    #[must_use]
    pub const fn state(&self, level: usize) -> usize {
        self.first as usize + level
    }
}

/// What a roll-up counts, by name: where detectors stand in their list changes with every rule
/// that is added before them.
pub fn counted(items: &[(u32, u32)], all: &[Bound]) -> BTreeSet<(u32, Option<Name>)> {
    let name = |at: u32| all.get(at as usize).map(Bound::name);
    items.iter().map(|(slot, at)| (*slot, name(*at))).collect()
}

/// Every binding of a gateway, and what could not be bound.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// In the order of rules and points; those that look at others' alarms after them.
    pub bound: Vec<Bound>,
    /// What is not watched.
    pub unbound: Vec<Unbound>,
}

/// Binds every rule that is switched on to every point that it selects.
#[must_use]
pub fn bind(rules: &RuleSet, slots: &[Slot]) -> Bindings {
    let mut all = Bindings::default();
    let plain =
        |rule: &&Arc<Rule>| rule.enabled && !matches!(rule.detector, Detector::Rollup { .. });
    for rule in rules.rules.values().filter(plain) {
        match &rule.detector {
            Detector::Vote { group, .. } => bind_groups(&mut all, rules, rule, group, slots),
            _ => bind_points(&mut all, rules, rule, slots),
        }
    }
    for id in &rules.rollups {
        if let Some(rule) = rules.rules.get(id).filter(|rule| rule.enabled) {
            bind_rollup(&mut all, rules, rule, slots);
        }
    }
    // There may be millions, and room that nobody uses is paid for like the rest.
    all.bound.shrink_to_fit();
    let mut first = 0;
    for bound in &mut all.bound {
        bound.first = first;
        first += u32::try_from(bound.levels.len()).unwrap_or(0);
    }
    all
}

/// The points that a rule selects. Status points are only for rules that ask for them.
fn selected<'a>(rule: &'a Rule, slots: &'a [Slot]) -> impl Iterator<Item = (u32, &'a Slot)> {
    let asks = rule.select.0.contains_key(LABEL_SOURCE);
    let fits = move |slot: &Slot| {
        !slot.retired
            && (asks || !slot.def.labels.contains_key(LABEL_SOURCE))
            && rule.select.matches(&slot.point, &slot.def)
    };
    (0..).zip(slots).filter(move |(_, slot)| fits(slot))
}

fn bind_points(all: &mut Bindings, rules: &RuleSet, rule: &Arc<Rule>, slots: &[Slot]) {
    let mut near = Near::new(slots);
    for (at, slot) in selected(rule, slots) {
        match test(rule, at, &mut near) {
            Ok(test) => add(all, rules, rule, (at, &mut near), test, None),
            Err(why) => all.refuse(rule, slot, why),
        }
    }
}

fn bind_groups(all: &mut Bindings, rules: &RuleSet, rule: &Arc<Rule>, label: &str, slots: &[Slot]) {
    let mut groups: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (at, slot) in selected(rule, slots) {
        match slot.def.labels.get(label) {
            Some(value) => groups.entry(value).or_default().push(at),
            None => all.refuse(rule, slot, Refusal::NoLabel(label.into())),
        }
    }
    let mut near = Near::new(slots);
    for (value, members) in groups {
        let first = &slots[members[0] as usize];
        let unit = |at: &&u32| slots[**at as usize].def.unit != first.def.unit;
        if let Some(odd) = members.iter().find(unit) {
            let odd = &slots[*odd as usize];
            let why = Refusal::OtherUnit {
                point: odd.point.to_string(),
                unit: odd.def.unit,
                wanted: first.def.unit,
            };
            all.refuse(rule, odd, why);
            continue;
        }
        let group = Arc::from(format!("{label}={value}"));
        let at = members[0];
        let test = Test::Others(members.into());
        add(all, rules, rule, (at, &mut near), test, Some(group));
    }
}

fn bind_rollup(all: &mut Bindings, rules: &RuleSet, rule: &Arc<Rule>, slots: &[Slot]) {
    let Detector::Rollup { of, group } = &rule.detector else {
        return;
    };
    let mut groups: BTreeMap<String, Vec<(u32, u32)>> = BTreeMap::new();
    for (at, item) in (0..).zip(&all.bound) {
        let slot = &slots[item.slot as usize];
        let counts = of.contains(&item.rule.id) && rule.select.matches(&slot.point, &slot.def);
        if let (true, Some(value)) = (counts, slot.def.labels.get(&**group)) {
            let items = groups.entry(value.clone()).or_default();
            items.push((item.slot, at));
        }
    }
    let mut near = Near::new(slots);
    for (value, mut items) in groups {
        items.sort_unstable();
        let at = items[0].0;
        let name = Arc::from(format!("{group}={value}"));
        let test = Test::Items(items.into());
        add(all, rules, rule, (at, &mut near), test, Some(name));
    }
}

fn add<'a>(
    all: &mut Bindings,
    rules: &RuleSet,
    rule: &'a Arc<Rule>,
    (at, near): (u32, &mut Near<'a>),
    test: Test,
    group: Option<Arc<str>>,
) {
    let slot = &near.slots[at as usize];
    let levels = match limit::levels(rules, rule, slot) {
        Ok(levels) => levels,
        Err(why) => return all.refuse(rule, slot, why),
    };
    let extra = match extra(rules, rule, slot, near, group) {
        Ok(extra) => extra,
        Err(why) => return all.refuse(rule, slot, why),
    };
    for (level, bound) in rule.levels.iter().zip(&*levels) {
        if !bound.armed {
            all.unbound.push(Unbound {
                rule: rule.id.clone(),
                level: Some(level.name.clone()),
                point: slot.point.to_string(),
                why: Refusal::Design,
            });
        }
    }
    all.bound.push(Bound {
        rule: rule.clone(),
        slot: at,
        first: 0,
        levels,
        timed: is_timed(rule, &test) || extra.as_ref().is_some_and(|it| it.gate.is_some()),
        test,
        extra,
    });
}

/// Whether time alone may change what a detector sees.
fn is_timed(rule: &Rule, test: &Test) -> bool {
    if let Test::Program(program) = test {
        return program.code.asks_age();
    }
    match &rule.detector {
        Detector::Stale { .. } => true,
        // Only its samples move it, where they come by themselves.
        Detector::Rate(_) => *test == Test::Held,
        Detector::Window(window) if matches!(window.span, Span::Samples(_)) => false,
        detector => crate::detect::Memory::of(detector) != crate::detect::Memory::None,
    }
}

impl Bindings {
    fn refuse(&mut self, rule: &Rule, slot: &Slot, why: Refusal) {
        self.unbound.push(Unbound {
            rule: rule.id.clone(),
            level: None,
            point: slot.point.to_string(),
            why,
        });
    }
}

fn extra<'a>(
    rules: &RuleSet,
    rule: &'a Rule,
    slot: &Slot,
    near: &mut Near<'a>,
    group: Option<Arc<str>>,
) -> Result<Option<Box<Extra>>, Refusal> {
    let gate = match &rule.gate {
        None => None,
        Some(gate) => {
            let fits = |calendar: &&Calendar| {
                let select = calendar.select.as_ref();
                calendar.id == gate.calendar
                    && select.is_none_or(|select| select.matches(&slot.point, &slot.def))
            };
            let found: Vec<_> = rules.calendars.iter().filter(fits).cloned().collect();
            if found.is_empty() {
                return Err(Refusal::NoCalendar(gate.calendar.clone()));
            }
            Some((found, gate.inside))
        }
    };
    let suppress = match &rule.suppress {
        None => None,
        Some(suppress) => {
            let points = near.beside(&suppress.select, slot);
            few(&points)?;
            Some((points.into(), suppress.while_on))
        }
    };
    let first_out = rule.first_out.as_ref().and_then(|label| {
        let value = slot.def.labels.get(&**label)?;
        Some(Arc::from(format!("{label}={value}")))
    });
    let extra = Extra {
        group,
        gate,
        suppress,
        first_out,
    };
    Ok((extra != Extra::default()).then(|| Box::new(extra)))
}

fn few(beside: &[u32]) -> Result<(), Refusal> {
    if beside.len() <= BESIDE_MAX {
        return Ok(());
    }
    Err(Refusal::Crowd(beside.len()))
}

fn test<'a>(rule: &'a Rule, at: u32, near: &mut Near<'a>) -> Result<Test, Refusal> {
    let slots = near.slots;
    let slot = &slots[at as usize];
    let is_text = slot.def.value_type == fenghuo_model::ValueType::Text;
    let takes_text = matches!(
        rule.detector,
        Detector::Stale { .. } | Detector::State { .. } | Detector::Expression(_)
    );
    if is_text && !takes_text {
        return Err(Refusal::Text);
    }
    let mut needed = |select: &'a Select, wanted: Wanted| {
        let found = near.beside(select, slot);
        if found.is_empty() {
            return Err(Refusal::Nothing(wanted));
        }
        few(&found)?;
        Ok(Test::Others(found.into()))
    };
    match &rule.detector {
        Detector::Interlock { requires, .. } => needed(requires, Wanted::Required),
        Detector::Sequence(sequence) => needed(&sequence.then, Wanted::Awaited),
        Detector::Deviation { from, .. } => {
            let own = |other: &u32| slots[*other as usize].point != slot.point;
            let others: Vec<_> = near.beside(from, slot).into_iter().filter(own).collect();
            let odd = others
                .iter()
                .find(|other| slots[**other as usize].def.unit != slot.def.unit);
            match (others.is_empty(), odd) {
                (true, _) => Err(Refusal::Nothing(Wanted::Compared)),
                (_, Some(odd)) => {
                    let odd = &slots[*odd as usize];
                    Err(Refusal::OtherUnit {
                        point: odd.point.to_string(),
                        unit: odd.def.unit,
                        wanted: slot.def.unit,
                    })
                }
                _ => few(&others).map(|()| Test::Others(others.into())),
            }
        }
        Detector::Flat(flat) => limit::difference(rule, slot, flat.band).map(Test::Scaled),
        Detector::Anomaly(it) => limit::difference(rule, slot, it.floor).map(Test::Scaled),
        Detector::Expression(expression) => wire::program(expression, at, near),
        Detector::Rate(_) if slot.def.reports_changes() => Ok(Test::Held),
        _ => Ok(Test::Own),
    }
}
