//! One timed line: its words become a step.

use fenghuo_model::{PointDef, ValueType};

use super::act;
use super::plan::{Plant, Signal, Spot, What};
use super::text::{Fault, Word, Words};
use super::{time, value};

/// Words that begin a timed line and are no point.
const WORDS: &[&str] = &[
    "once",
    "quiet",
    "point",
    "remove",
    "silent",
    "lose",
    "shuffle",
    "replace",
    "clock",
    "server-clock",
    "deaf",
    "restart",
    "reload",
    "reload:",
    "end",
];

/// The gateways and points as they are at the line that is being read.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    /// With their newest definitions.
    pub plants: Vec<Plant>,
}

impl Stage {
    /// Takes a point: a new one or a new definition of a known one.
    pub fn define(&mut self, gateway: usize, def: PointDef, name: &Word<'_>) -> Result<(), Fault> {
        if WORDS.contains(&name.text) || act::is_verb(name.text) {
            return Err(name.fault(format!("`{}` is a word of scenarios", name.text)));
        }
        let points = &mut self.plants[gateway].points;
        match points.iter_mut().find(|point| point.key == def.key) {
            Some(known) => *known = def,
            None => points.push(def),
        }
        Ok(())
    }

    /// The gateway that a word names, by its full name or its last part.
    fn gateway_named(&self, text: &str) -> Option<usize> {
        let fits = |plant: &Plant| {
            plant.gateway.to_string() == text || plant.gateway.gateway.as_str() == text
        };
        let mut found = (0..).zip(&self.plants).filter(|(_, plant)| fits(plant));
        let (at, _) = found.next()?;
        found.next().is_none().then_some(at)
    }

    /// The gateway that the next word names; without one, the only one there is.
    fn gateway(&self, words: &mut Words<'_>) -> Result<usize, Fault> {
        if let Some(at) = words.peek().and_then(|word| self.gateway_named(word.text)) {
            words.take();
            return Ok(at);
        }
        if self.plants.len() == 1 {
            return Ok(0);
        }
        let word = words.need("which gateway")?;
        Err(word.fault(format!("no gateway is called `{}` here", word.text)))
    }

    /// A point: `key`, or `gateway:key` where several gateways have it.
    fn spot(&self, word: &Word<'_>) -> Result<(Spot, &PointDef), Fault> {
        let mut found = Vec::new();
        for (gateway, plant) in self.plants.iter().enumerate() {
            let prefix = [plant.gateway.to_string(), plant.gateway.gateway.to_string()];
            for point in &plant.points {
                let named = |prefix: &String| word.text == format!("{prefix}:{}", point.key);
                if word.text == point.key.as_str() || prefix.iter().any(named) {
                    found.push((gateway, point));
                }
            }
        }
        match found[..] {
            [(gateway, def)] => Ok((
                Spot {
                    gateway,
                    key: def.key.clone(),
                },
                def,
            )),
            [] => Err(word.fault(format!(
                "`{}` is no point and no word of scenarios; the words: {}, {}",
                word.text,
                WORDS.join(", "),
                act::verbs().collect::<Vec<_>>().join(", ")
            ))),
            _ => Err(word.fault("several gateways have it: write gateway:point")),
        }
    }

    /// Reads what stands behind a line's time; `reload` is the caller's.
    pub fn what(&mut self, words: &mut Words<'_>) -> Result<What, Fault> {
        let first = words.need("what happens")?;
        if let Some(act) = act::read(first.text, words)? {
            return Ok(What::Act(act));
        }
        Ok(match first.text {
            "once" => {
                let word = words.need("the point")?;
                let (spot, def) = self.spot(&word)?;
                let shift = words.take_key("time").map(|(word, text)| {
                    time::signed(text).ok_or_else(|| word.fault("`time` is a step such as -5m"))
                });
                let reading = value::reading(&words.need("the value")?, def)?;
                What::Read(spot, Signal::Once(reading, shift.transpose()?.unwrap_or(0)))
            }
            "quiet" => What::Read(self.spot(&words.need("the point")?)?.0, Signal::Quiet),
            "remove" => {
                let spot = self.spot(&words.need("the point")?)?.0;
                let points = &mut self.plants[spot.gateway].points;
                points.retain(|point| point.key != spot.key);
                What::Remove(spot)
            }
            "point" => self.redefine(words)?,
            "server-clock" => What::ServerClock(time::need_signed(&words.need("the step")?)?),
            "deaf" => What::Deaf(time::need_span(&words.need("how long")?)?),
            "restart" => What::Restart(optional_span(words)?.unwrap_or(0)),
            "end" => What::End,
            "silent" | "lose" | "shuffle" | "replace" | "clock" => {
                let gateway = self.gateway(words)?;
                on_gateway(first.text, gateway, words)?
            }
            _ => return self.read(&first, words),
        })
    }

    /// A point on the gateway that `on=` names, that has it already, or that is the only one.
    fn redefine(&mut self, words: &mut Words<'_>) -> Result<What, Fault> {
        let on = words.take_key("on");
        let name = words.need("the point's name")?;
        words.put_back(name.clone());
        let has = |plant: &Plant| plant.points.iter().any(|p| p.key.as_str() == name.text);
        let gateway = match &on {
            Some((_, gateway)) => self.gateway_named(gateway),
            None if self.plants.len() == 1 => Some(0),
            None => self.plants.iter().position(has),
        };
        let place = on.as_ref().map_or(&name, |(word, _)| word);
        let gateway = gateway.ok_or_else(|| place.fault("on=GATEWAY must name a gateway here"))?;
        let def = value::point(words)?;
        self.define(gateway, def.clone(), &name)?;
        Ok(What::Define(gateway, Box::new(def)))
    }

    /// `<point> <value> [for <time>]` or `<point> <from>..<to> over <time>`.
    fn read(&self, first: &Word<'_>, words: &mut Words<'_>) -> Result<What, Fault> {
        let (spot, def) = self.spot(first)?;
        let word = words.need("the value")?;
        let signal = if words.take_if("over") {
            let ends = word
                .text
                .split_once("..")
                .and_then(|(from, to)| Some((value::finite(from)?, value::finite(to)?)));
            let (from, to) =
                ends.ok_or_else(|| word.fault("a span such as 0.5..1.5 is expected"))?;
            if matches!(def.value_type, ValueType::Bool | ValueType::Text) {
                return Err(word.fault("only numbers can rise or fall"));
            }
            let over = time::need_span(&words.need("how long")?)?;
            Signal::Ramp { from, to, over }
        } else {
            let reading = value::reading(&word, def)?;
            let span = words.take_if("for").then(|| words.need("how long"));
            let span = span.transpose()?.map(|word| time::need_span(&word));
            match span.transpose()? {
                // A point that reports on change says its value once.
                None if def.interval_ms == 0 => Signal::Once(reading, 0),
                span => Signal::Keep(reading, span),
            }
        };
        if def.interval_ms == 0 && !matches!(signal, Signal::Once(..)) {
            return Err(word.fault("a point with every=0 reports on change only"));
        }
        Ok(What::Read(spot, signal))
    }
}

fn on_gateway(verb: &str, gateway: usize, words: &mut Words<'_>) -> Result<What, Fault> {
    Ok(match verb {
        "silent" => What::Silent(gateway, optional_span(words)?),
        "shuffle" => What::Shuffle(gateway, time::need_span(&words.need("how long")?)?),
        "replace" => What::Replace(gateway),
        "clock" => What::Clock(gateway, time::need_signed(&words.need("the step")?)?),
        _ => {
            let rate = words.take_key("rate").map(|(word, text)| {
                let rate = text.parse().ok().filter(|rate| *rate > 0);
                rate.ok_or_else(|| word.fault("`rate` is a number of frames a second"))
            });
            What::Lose {
                gateway,
                span: time::need_span(&words.need("how long")?)?,
                gone: words.take_if("gone"),
                rate: rate.transpose()?,
            }
        }
    })
}

fn optional_span(words: &mut Words<'_>) -> Result<Option<i64>, Fault> {
    words.take().map(|word| time::need_span(&word)).transpose()
}
