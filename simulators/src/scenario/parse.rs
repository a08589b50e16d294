//! From text to a scenario that holds together.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::{
    ENTRIES_MAX, Expect, Fault, FaultWindow, LATE_MS_MAX, LOOP_S_MAX, Passes, Scenario,
    ScenarioError, Story, Track,
};
use crate::plant::{Place, PlantKind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    title: String,
    loop_s: f64,
    #[serde(default)]
    event: Vec<RawEvent>,
    #[serde(default)]
    fault: Vec<RawFault>,
    #[serde(default)]
    expect: Vec<RawExpect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvent {
    at: f64,
    plant: String,
    set: String,
    to: f64,
    #[serde(default)]
    over: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawKind {
    Exception,
    Late,
    Drop,
    Silent,
    Nan,
    Quiet,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFault {
    at: f64,
    #[serde(rename = "for")]
    lasts: f64,
    plant: String,
    kind: RawKind,
    point: Option<String>,
    device: Option<String>,
    code: Option<u8>,
    ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExpect {
    plant: String,
    point: String,
    above: Option<f64>,
    below: Option<f64>,
    first: [f64; 2],
    last: [f64; 2],
}

/// Collects what is wrong, so that one run of the program shows all of it.
struct Checker {
    loop_s: f64,
    stories: BTreeMap<PlantKind, Story>,
    problems: Vec<String>,
}

pub fn parse(path: &Path, text: &str) -> Result<Scenario, ScenarioError> {
    let raw: RawScenario = toml::from_str(text).map_err(|source| ScenarioError::Toml {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let mut checker = Checker {
        loop_s: raw.loop_s,
        stories: BTreeMap::new(),
        problems: Vec::new(),
    };
    checker.header(&raw);
    checker.events(raw.event);
    for (nth, fault) in raw.fault.into_iter().enumerate() {
        checker.entry("fault", nth, |checker| checker.fault(fault));
    }
    for (nth, expect) in raw.expect.into_iter().enumerate() {
        checker.entry("expect", nth, |checker| checker.expect(expect));
    }
    if !checker.problems.is_empty() {
        return Err(ScenarioError::Invalid {
            path: path.to_owned(),
            problems: checker.problems,
        });
    }
    Ok(Scenario {
        title: raw.title,
        loop_s: raw.loop_s,
        stories: checker.stories,
    })
}

impl Checker {
    fn header(&mut self, raw: &RawScenario) {
        if !(raw.loop_s > 0.0 && raw.loop_s <= LOOP_S_MAX) {
            let problem = format!("`loop_s` = {} is not within 0..{LOOP_S_MAX}", raw.loop_s);
            self.problems.push(problem);
        }
        let counts = [raw.event.len(), raw.fault.len(), raw.expect.len()];
        if counts.iter().any(|count| *count > ENTRIES_MAX) {
            let problem = format!("more than {ENTRIES_MAX} entries of one sort");
            self.problems.push(problem);
        }
    }

    /// Runs one check and names the entry in what it finds.
    fn entry(
        &mut self,
        sort: &str,
        nth: usize,
        check: impl FnOnce(&mut Self) -> Result<(), String>,
    ) {
        if let Err(problem) = check(self) {
            self.problems.push(format!("{sort} {}: {problem}", nth + 1));
        }
    }

    fn events(&mut self, mut events: Vec<RawEvent>) {
        events.sort_by(|a, b| a.at.total_cmp(&b.at));
        for (nth, event) in events.into_iter().enumerate() {
            self.entry("event", nth, |checker| checker.event(&event));
        }
        let mut open = Vec::new();
        for (plant, story) in &self.stories {
            let knobs = plant.knobs();
            for (knob, track) in &story.tracks {
                let knob = knobs[*knob];
                let (ends, at) = track.end();
                #[expect(clippy::float_cmp, reason = "both come from text, unchanged")]
                let back = at == knob.normal && ends <= self.loop_s;
                if !back {
                    open.push(format!(
                        "`{}` of {plant} must be back at {} when the loop ends",
                        knob.name, knob.normal
                    ));
                }
            }
        }
        self.problems.append(&mut open);
    }

    fn event(&mut self, event: &RawEvent) -> Result<(), String> {
        let plant = self.plant(&event.plant)?;
        self.within_loop("at", event.at)?;
        if !(event.over >= 0.0 && event.over <= self.loop_s) {
            return Err(format!("`over` = {} is not within the loop", event.over));
        }
        let knobs = plant.knobs();
        let Some(knob) = knobs.iter().position(|knob| knob.name == event.set) else {
            let known: Vec<&str> = knobs.iter().map(|knob| knob.name).collect();
            let known = known.join(", ");
            return Err(format!("{plant} has no `{}`; it has {known}", event.set));
        };
        let spec = knobs[knob];
        if !(spec.low..=spec.high).contains(&event.to) {
            let (low, high) = (spec.low, spec.high);
            return Err(format!("`to` = {} is not within {low}..{high}", event.to));
        }
        let tracks = &mut self.stories.entry(plant).or_default().tracks;
        let at = tracks.iter().position(|(have, _)| *have == knob);
        let at = at.unwrap_or_else(|| {
            tracks.push((knob, Track::new(spec.normal)));
            tracks.len() - 1
        });
        if tracks[at].1.push(event.at, event.over, event.to) {
            Ok(())
        } else {
            Err(format!(
                "`{}` is still moving from the event before",
                event.set
            ))
        }
    }

    fn fault(&mut self, raw: RawFault) -> Result<(), String> {
        let plant = self.plant(&raw.plant)?;
        self.within_loop("at", raw.at)?;
        let to_s = raw.at + raw.lasts;
        if !(raw.lasts > 0.0 && to_s <= self.loop_s) {
            return Err(format!("`for` = {} does not end in the loop", raw.lasts));
        }
        let fault = match raw.kind {
            RawKind::Drop => Fault::Drop,
            RawKind::Silent => Fault::Silent,
            RawKind::Late => match raw.ms {
                Some(ms @ 1..=LATE_MS_MAX) => Fault::Late { ms },
                _ => return Err(format!("`late` needs `ms` of 1..={LATE_MS_MAX}")),
            },
            RawKind::Exception => Fault::Exception {
                code: raw
                    .code
                    .filter(|code| *code > 0)
                    .ok_or("`exception` needs a `code` above 0")?,
                point: raw
                    .point
                    .map(|key| register_point(plant, &key))
                    .transpose()?,
            },
            RawKind::Nan => {
                let key = raw.point.ok_or("`nan` needs a `point`")?;
                Fault::Nan {
                    point: float_point(plant, &key)?,
                }
            }
            RawKind::Quiet => {
                let name = raw.device.ok_or("`quiet` needs a `device`")?;
                let mut devices = plant.devices().iter();
                let device = devices.find(|device| device.name == name);
                Fault::Quiet {
                    device: device
                        .ok_or_else(|| format!("{plant} has no device `{name}`"))?
                        .name,
                }
            }
        };
        self.stories
            .entry(plant)
            .or_default()
            .faults
            .push(FaultWindow {
                from_s: raw.at,
                to_s,
                fault,
            });
        Ok(())
    }

    fn expect(&mut self, raw: RawExpect) -> Result<(), String> {
        let plant = self.plant(&raw.plant)?;
        if !plant.points().iter().any(|point| point.key == raw.point) {
            return Err(format!("{plant} has no point `{}`", raw.point));
        }
        let passes = match (raw.above, raw.below) {
            (Some(limit), None) => Passes::Above(limit),
            (None, Some(limit)) => Passes::Below(limit),
            _ => return Err("needs one of `above` and `below`".to_owned()),
        };
        for [from, to] in [raw.first, raw.last] {
            if from > to {
                return Err(format!("[{from}, {to}] is upside down"));
            }
            self.within_loop("a window", from)?;
            self.within_loop("a window", to)?;
        }
        self.stories.entry(plant).or_default().expects.push(Expect {
            point: raw.point,
            passes,
            first_s: raw.first,
            last_s: raw.last,
        });
        Ok(())
    }

    fn plant(&self, name: &str) -> Result<PlantKind, String> {
        name.parse().map_err(|error| format!("{error}"))
    }

    fn within_loop(&self, what: &str, at: f64) -> Result<(), String> {
        if (0.0..=self.loop_s).contains(&at) {
            Ok(())
        } else {
            Err(format!("{what} = {at} is not within the loop"))
        }
    }
}

fn register_point(plant: PlantKind, key: &str) -> Result<usize, String> {
    let on_plc = |point: &crate::plant::Point| {
        point.key == key && matches!(point.place, Place::Register { .. })
    };
    let at = plant.points().iter().position(on_plc);
    at.ok_or_else(|| format!("{plant} has no point `{key}` in registers"))
}

fn float_point(plant: PlantKind, key: &str) -> Result<usize, String> {
    let at = register_point(plant, key)?;
    match plant.points()[at].place {
        Place::Register { encoding, .. } if encoding.raw.is_float() => Ok(at),
        _ => Err(format!("`{key}` is not a float and cannot be NaN")),
    }
}
