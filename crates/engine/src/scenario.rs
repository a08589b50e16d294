//! Text scenarios: a rule file's tests, in virtual time, input and expected output in one
//! file.
//!
//! A file holds any number of scenarios. Lines before the first one (rules, gateways,
//! points) belong to all of them.
//!
//! ```text
//! rules ../coal-mine.toml
//! point ch4 concentration %CH4 every=1s range=0..4 substance=methane location=face
//!
//! == 甲烷：到限即报警 / methane alarms at the limit
//! 0s    ch4 0.5
//! 10s   ch4 1.0
//! 12s   ack ch4 by=li "seen"
//! 20s   ch4 0.99
//! --
//! 10s raise mine.methane.face/alarm@ch4 yellow 1 >= 1 %CH4
//! 12s acknowledge mine.methane.face/alarm@ch4 by li "seen" -> acknowledged
//! 20s return mine.methane.face/alarm@ch4 -> normal
//! ```
//!
//! Set-up: `rules FILE`, or `rules:` and an indented block; `start DATE TIME ZONE`;
//! `gateway enterprise/name` before its points; `point key kind [unit] [every=] [range=]
//! [type=] label=value ..`; `expected enterprise/name` for a gateway that should report.
//!
//! Timed lines begin with the time since the start (`10s`, `1h30m`) or since the line before
//! (`+5s`). A value stays: the point is read at its interval with that value until another
//! line says otherwise.
//!
//! | line | what happens |
//! | --- | --- |
//! | `ch4 1.2`, `ch4 bad(timeout)`, `ch4 uncertain(1.2,clock)` | it reads this from now on |
//! | `ch4 1.2 for 60s` | .. for a minute, and then nothing |
//! | `ch4 0.5..1.5 over 60s` | a straight line, then its end |
//! | `once ch4 1.2 [time=-5m]` | one sample, with a device's own time |
//! | `quiet ch4` | it reports no more |
//! | `point ..`, `remove ch4` | the catalog changes |
//! | `silent [gw] [30s]` | the gateway is without power, and comes back as a new run |
//! | `lose [gw] 90s [gone] [rate=10]` | no link; then live frames, then backlog (or `gone`) |
//! | `shuffle [gw] 30s` | frames arrive in another order |
//! | `clock [gw] +90s`, `replace [gw]` | its clock is set; it gets a new disk |
//! | `ack ALARM-OR-POINT [by=] ["comment"]` | a person acts |
//! | `reload FILE ..` or `reload:` and a block | other rules |
//! | `restart [20s]`, `deaf 20s`, `server-clock +1h` | what happens to the server |
//! | `end` | time goes on at least to here |
//!
//! Every second each gateway sends a frame and the server ticks. Every scenario is run again
//! with the engine restored from a snapshot in the middle and behind every event; that must
//! change nothing. What must stay true: parsing and running touch no disk and no clock, rule
//! files come through a function that the caller passes, and the same text gives the same
//! lines.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

use fenghuo_model::PointRef;

use crate::RuleSet;
use crate::rule::table;

mod act;
mod diff;
mod gateway;
mod line;
mod link;
mod plan;
mod print;
mod read;
mod text;
mod time;
mod value;
mod world;

pub use crate::rule::RuleFault as Fault;

use plan::{Rules, Setup, Step, What};
use world::Texts;

/// Longest scenario file in bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Most timed lines in a scenario.
pub const LINES_MAX: usize = 10_000;
/// Most samples in a scenario.
pub const SAMPLES_MAX: usize = 1_000_000;
/// Most log entries (frames, ticks, acts) in a scenario.
pub const ENTRIES_MAX: u64 = 10_000_000;
/// Most frames that wait for their links at once.
pub const WAITING_MAX: usize = 1_000_000;
/// Most snapshots in the second run of a scenario.
const CUTS_MAX: usize = 64;

/// Brings the text of a rule file, named as the scenario names it, or says why not.
pub type Load<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// A file of scenarios.
#[derive(Clone, Debug)]
pub struct Script {
    name: String,
    text: String,
    scenarios: Vec<Scenario>,
}

/// One scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    name: String,
    line: usize,
    setup: Setup,
    steps: Vec<Step>,
    names: print::Names,
    expected: Vec<String>,
    /// The bytes of the file that hold the expected lines.
    place: Range<usize>,
}

/// What came of a scenario.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// The lines that it gave.
    pub lines: Vec<String>,
    /// What is wrong beside them: rules that cannot be read, a restore that changed
    /// something.
    pub problems: Vec<String>,
    /// Against the expected lines; empty when they are the same.
    pub diff: Vec<String>,
    /// Rules that select a point here and watch none, and why: what is not raised by them
    /// proves nothing.
    pub idle: Vec<String>,
}

impl Outcome {
    /// Whether everything came as expected.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.problems.is_empty() && self.diff.is_empty()
    }
}

impl Scenario {
    /// What must be true.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its line in the file, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Whether what it reads can raise anything at all: a point that no rule selects would
    /// otherwise prove that nothing is raised.
    fn is_watched(&self, watched: &BTreeSet<PointRef>) -> bool {
        let mut reads = self.steps.iter().filter_map(|step| match &step.what {
            What::Read(spot, _) => Some(spot),
            _ => None,
        });
        let point = |spot: &plan::Spot| PointRef {
            gateway: self.setup.plants[spot.gateway].gateway.clone(),
            key: spot.key.clone(),
        };
        let nothing_read = reads.clone().next().is_none();
        nothing_read || reads.any(|spot| watched.contains(&point(spot)))
    }

    /// The rule files that it names, as it names them.
    pub fn rule_files(&self) -> impl Iterator<Item = &str> {
        let later = self.steps.iter().flat_map(|step| match &step.what {
            What::Reload(rules) => rules.as_slice(),
            _ => &[],
        });
        self.setup
            .rules
            .iter()
            .chain(later)
            .filter_map(|rules| match rules {
                Rules::File { path, .. } => Some(path.as_str()),
                Rules::Inline(_) => None,
            })
    }
}

impl Script {
    /// Reads a file of scenarios.
    ///
    /// # Errors
    /// Every problem with its line and column.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Fault>> {
        match read::read(text) {
            Ok(scenarios) => Ok(Self {
                name: name.to_owned(),
                text: text.to_owned(),
                scenarios,
            }),
            Err(faults) => {
                let mut file = table::File::new(name, text);
                for (span, what) in faults {
                    file.fault(span, what);
                }
                Err(file.faults)
            }
        }
    }

    /// Its scenarios, in order.
    #[must_use]
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }

    /// Runs a scenario of this file, twice: as a whole, and cut by snapshots.
    #[must_use]
    pub fn run(&self, scenario: &Scenario, load: &Load<'_>) -> Outcome {
        let rules = match self.rules(scenario, load) {
            Ok(rules) => rules,
            Err(problems) => {
                return Outcome {
                    problems,
                    ..Outcome::default()
                };
            }
        };
        let whole = match world::run(scenario, &rules, &BTreeSet::new()) {
            Ok(run) => run,
            Err(problem) => {
                return Outcome {
                    problems: vec![problem],
                    ..Outcome::default()
                };
            }
        };
        let mut problems = cut_and_compare(scenario, &rules, &whole);
        if whole.impossible > 0 {
            problems.push(format!(
                "the engine refused {} events of its own",
                whole.impossible
            ));
        }
        if !scenario.is_watched(&whole.watched) {
            problems.push(
                "没有规则监视本情景读取的任何测点 no rule watches any point that this scenario reads"
                    .to_owned(),
            );
            problems.extend(whole.unused);
        }
        let lines: Vec<_> = whole
            .lines
            .into_iter()
            .map(|(line, _)| plain(&line))
            .collect();
        let diff = if lines == scenario.expected {
            Vec::new()
        } else {
            diff::diff(&scenario.expected, &lines)
        };
        Outcome {
            lines,
            problems,
            diff,
            idle: whole.idle,
        }
    }

    /// The file with the expected lines of these outcomes, one for each scenario in order.
    #[must_use]
    pub fn updated(&self, outcomes: &[Outcome]) -> String {
        let mut text = String::with_capacity(self.text.len());
        let mut at = 0;
        for (scenario, outcome) in self.scenarios.iter().zip(outcomes) {
            text.push_str(&self.text[at..scenario.place.start]);
            if !text.ends_with('\n') {
                text.push('\n');
            }
            for line in &outcome.lines {
                text.push_str(line);
                text.push('\n');
            }
            at = scenario.place.end;
        }
        text.push_str(&self.text[at..]);
        text
    }

    /// The rule sets of a scenario as texts: the first one, then one for each reload.
    fn rules(&self, scenario: &Scenario, load: &Load<'_>) -> Result<Vec<Texts>, Vec<String>> {
        let reloads = scenario.steps.iter().filter_map(|step| match &step.what {
            What::Reload(rules) => Some(rules),
            _ => None,
        });
        let mut problems = Vec::new();
        let mut sets = Vec::new();
        for rules in std::iter::once(&scenario.setup.rules).chain(reloads) {
            let mut texts = Vec::new();
            for part in rules {
                match self.text_of(part, load) {
                    Ok(text) => texts.push(text),
                    Err(problem) => problems.push(problem),
                }
            }
            if let Err(faults) = RuleSet::parse(&texts) {
                problems.extend(faults.iter().map(ToString::to_string));
            }
            sets.push(texts);
        }
        if problems.is_empty() {
            Ok(sets)
        } else {
            Err(problems)
        }
    }

    fn text_of(&self, rules: &Rules, load: &Load<'_>) -> Result<(String, String), String> {
        match rules {
            Rules::File { path, span } => {
                let text = load(path).map_err(|why| {
                    let mut file = table::File::new(&self.name, &self.text);
                    file.fault(span.clone(), why);
                    file.faults
                        .iter()
                        .map(ToString::to_string)
                        .collect::<String>()
                })?;
                Ok((path.clone(), text))
            }
            // Empty lines in front keep the lines of the scenario's file.
            Rules::Inline(place) => {
                let above = self.text[..place.start].matches('\n').count();
                let text = "\n".repeat(above) + &self.text[place.clone()];
                Ok((self.name.clone(), text))
            }
        }
    }
}

/// Runs again with snapshots in the middle and behind events: nothing may change.
fn cut_and_compare(scenario: &Scenario, rules: &[Texts], whole: &world::Run) -> Vec<String> {
    let every = whole.eventful.len().div_ceil(CUTS_MAX).max(1);
    let behind = whole.eventful.iter().step_by(every).copied();
    let cuts: BTreeSet<_> = behind.chain([whole.entries / 2]).collect();
    let parts = match world::run(scenario, rules, &cuts) {
        Ok(run) => run,
        Err(problem) => return vec![format!("after a restore: {problem}")],
    };
    if parts.lines == whole.lines {
        return Vec::new();
    }
    let lines = |run: &world::Run| -> Vec<String> {
        let with_id = |(line, id): &(String, Option<crate::EventId>)| {
            let mut line = line.clone();
            if let Some(id) = id {
                write!(line, " [{id}]").unwrap_or_default();
            }
            line
        };
        run.lines.iter().map(with_id).collect()
    };
    let mut problems = vec!["restoring a snapshot changed what came:".to_owned()];
    problems.extend(diff::diff(&lines(whole), &lines(&parts)));
    problems
}

/// A line with single blanks: how it is aligned does not count.
fn plain(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
