//! Running: gateways, a server and people, moment by moment in virtual time.
//!
//! At each moment (every whole second, and wherever a line says so): what comes back comes
//! back; lines about points, gateways and clocks take effect; points are read; each gateway
//! closes a frame; frames arrive; the server ticks (at whole seconds); people act, rules are
//! reloaded, the server restarts.

use std::collections::{BTreeMap, BTreeSet};

use fenghuo_model::{PointRef, Timestamp};

use super::act::ActLine;
use super::gateway::Gateway;
use super::plan::{Step, What};
use super::print::Printer;
use super::{ENTRIES_MAX, SAMPLES_MAX, Scenario, WAITING_MAX, act, time};
use crate::{Engine, EventId, Input};

/// A rule set as texts: (name, text).
pub type Texts = Vec<(String, String)>;

/// What a run gave.
#[derive(Debug, Default)]
pub struct Run {
    /// Each line, with its event's id.
    pub lines: Vec<(String, Option<EventId>)>,
    /// The log positions that gave events.
    pub eventful: Vec<u64>,
    /// How many entries the log had.
    pub entries: u64,
    /// Events that the engine refused: its own faults.
    pub impossible: u64,
    /// Points that a rule watched at some time.
    pub watched: BTreeSet<PointRef>,
    /// Rules that select points at the end and watch none, and why.
    pub idle: Vec<String>,
    /// Rules that select no point at the end.
    pub unused: Vec<String>,
}

/// Rules named, of each sort.
const IDLE_MAX: usize = 20;

struct World<'a> {
    engine: Engine,
    printer: Printer<'a>,
    scenario: &'a Scenario,
    gateways: Vec<Gateway>,
    start: Timestamp,
    now: i64,
    /// How far the server's clock is ahead of the scenario's.
    clock: i64,
    /// The server is away until then, and starts from this.
    down: Option<(i64, Vec<u8>)>,
    deaf_until: i64,
    cuts: &'a BTreeSet<u64>,
    run: Run,
}

/// Runs a scenario with its rule sets (the first one, then one for each reload); after each
/// entry in `cuts` the engine is written to a snapshot and restored.
pub fn run(scenario: &Scenario, rules: &[Texts], cuts: &BTreeSet<u64>) -> Result<Run, String> {
    let start = scenario.setup.start.unwrap_or(time::START);
    let plants = scenario.setup.plants.iter();
    let mut world = World {
        engine: Engine::default(),
        printer: Printer::new(&scenario.names, start),
        scenario,
        gateways: plants.map(|plant| Gateway::new(plant, start)).collect(),
        start,
        now: 0,
        clock: 0,
        down: None,
        deaf_until: i64::MIN,
        cuts,
        run: Run::default(),
    };
    let mut rules = rules.iter();
    world.set_up(rules.next().cloned().unwrap_or_default())?;
    let mut steps: BTreeMap<i64, Vec<&Step>> = BTreeMap::new();
    for step in &scenario.steps {
        steps.entry(step.at).or_default().push(step);
        steps.entry(step.until()).or_default();
    }
    let last = steps.last_key_value().map_or(0, |(at, _)| *at);
    let mut second = 0;
    while second < last + 1_000 || !steps.is_empty() {
        let between = steps.first_key_value().is_some_and(|(at, _)| *at < second);
        let (at, now) = match steps.first_entry() {
            Some(entry) if between || *entry.key() == second => (*entry.key(), entry.remove()),
            _ => (second, Vec::new()),
        };
        if !between {
            second += 1_000;
        }
        world.moment(at, &now, &mut rules)?;
    }
    world.run.impossible = world.engine.impossible();
    for idle in world.engine.idle_rules() {
        let why = idle.say();
        let text = format!(
            "规则未监视任何测点 rule `{}` watches nothing: {} {}",
            idle.rule.id, why.zh, why.en
        );
        let list = if idle.refused.is_empty() {
            &mut world.run.unused
        } else {
            &mut world.run.idle
        };
        if list.len() < IDLE_MAX {
            list.push(text);
        }
    }
    Ok(world.run)
}

impl World<'_> {
    fn server_clock(&self) -> Timestamp {
        Timestamp::from_millis(self.start.as_millis() + self.now + self.clock)
    }

    fn put(&mut self, input: Input) -> Result<(), String> {
        self.run.entries += 1;
        if self.run.entries > ENTRIES_MAX {
            return Err(format!("more than {ENTRIES_MAX} log entries"));
        }
        let mut changes = Vec::new();
        self.engine.apply(self.run.entries, input, &mut changes);
        if !changes.is_empty() {
            self.run.eventful.push(self.run.entries);
        }
        for change in &changes {
            let line = self.printer.line(change);
            self.run.lines.push((line, Some(change.event.id)));
        }
        if self.cuts.contains(&self.run.entries) {
            let bytes = self.snapshot()?;
            self.restore(&bytes)?;
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Vec<u8>, String> {
        self.engine.snapshot().map_err(|error| error.to_string())
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.engine = Engine::restore(bytes).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn set_up(&mut self, rules: Texts) -> Result<(), String> {
        self.put(Input::Rules(rules))?;
        for gateway in 0..self.gateways.len() {
            self.tell_catalog(gateway)?;
        }
        let expected = &self.scenario.setup.expected;
        if !expected.is_empty() {
            self.put(Input::Expected(expected.clone()))?;
        }
        self.put(Input::Started(self.start))?;
        self.look();
        Ok(())
    }

    fn look(&mut self) {
        for point in self.engine.watched() {
            if !self.run.watched.contains(point) {
                self.run.watched.insert(point.clone());
            }
        }
    }

    fn tell_catalog(&mut self, gateway: usize) -> Result<(), String> {
        let gateway = &mut self.gateways[gateway];
        let catalog = gateway.catalog().map_err(|error| error.to_string())?;
        let key = gateway.key.clone();
        self.put(Input::Catalog(key, catalog))
    }

    fn moment<'t>(
        &mut self,
        now: i64,
        steps: &[&Step],
        rules: &mut impl Iterator<Item = &'t Texts>,
    ) -> Result<(), String> {
        for gateway in &mut self.gateways {
            gateway.read_until(now);
        }
        self.now = now;
        self.come_back()?;
        for step in steps {
            self.plant(&step.what)?;
        }
        let (mut samples, mut waiting) = (0, 0);
        for gateway in &mut self.gateways {
            gateway.read_until(now + 1);
            gateway.close(now, now % 1_000 == 0);
            samples += gateway.samples;
            waiting += gateway.link.waiting();
        }
        if waiting > WAITING_MAX {
            return Err(format!("more than {WAITING_MAX} frames wait for a link"));
        }
        if samples > SAMPLES_MAX {
            return Err(format!("more than {SAMPLES_MAX} samples"));
        }
        self.deliver()?;
        if now % 1_000 == 0 && self.down.is_none() {
            let (at, hearing) = (self.server_clock(), now >= self.deaf_until);
            self.put(Input::Tick { at, hearing })?;
        }
        for step in steps {
            self.people(&step.what, rules)?;
        }
        Ok(())
    }

    fn hears(&self) -> bool {
        self.down.is_none() && self.now >= self.deaf_until
    }

    /// Server, gateways and links whose time away is over.
    fn come_back(&mut self) -> Result<(), String> {
        if let Some((until, bytes)) = self.down.take() {
            if self.now < until {
                self.down = Some((until, bytes));
            } else {
                self.restore(&bytes)?;
                self.put(Input::Started(self.server_clock()))?;
            }
        }
        let hears = self.hears();
        for gateway in &mut self.gateways {
            gateway.wake(self.now);
            if hears && gateway.is_on() {
                let clock = gateway.clock(self.now);
                gateway.link.wake(self.now, clock);
            }
        }
        Ok(())
    }

    fn deliver(&mut self) -> Result<(), String> {
        if !self.hears() {
            return Ok(());
        }
        for at in 0..self.gateways.len() {
            if self.gateways[at].is_on() {
                let received = self.server_clock();
                for frame in self.gateways[at].link.deliver(self.now, received) {
                    self.put(Input::Frame(frame))?;
                }
            }
        }
        Ok(())
    }

    /// Steps that take effect before points are read.
    fn plant(&mut self, what: &What) -> Result<(), String> {
        let now = self.now;
        match what {
            What::Read(spot, signal) => self.gateways[spot.gateway].play(&spot.key, signal, now),
            What::Define(gateway, def) => {
                self.gateways[*gateway].define(def, now);
                self.learn(*gateway)?;
            }
            What::Remove(spot) => {
                self.gateways[spot.gateway].remove(&spot.key, now);
                self.learn(spot.gateway)?;
            }
            What::Silent(gateway, span) => {
                let until = span.map_or(i64::MAX, |span| now + span);
                self.gateways[*gateway].silence(until);
            }
            What::Lose {
                gateway,
                span,
                gone,
                rate,
            } => self.gateways[*gateway].link.lose(now + span, *gone, *rate),
            What::Shuffle(gateway, span) => self.gateways[*gateway].link.shuffle(now + span),
            What::Replace(gateway) => self.gateways[*gateway].link.replace(),
            What::Clock(gateway, by) => self.gateways[*gateway].set_clock(*by, now),
            What::ServerClock(by) => self.clock += by,
            What::Deaf(span) => self.deaf_until = now + span,
            What::Restart(_) | What::Reload(_) | What::Act(_) | What::End => {}
        }
        Ok(())
    }

    /// The frame that the change closed arrives before the new catalog.
    fn learn(&mut self, gateway: usize) -> Result<(), String> {
        self.deliver()?;
        self.tell_catalog(gateway)?;
        self.look();
        Ok(())
    }

    /// Steps that see what the moment's frames brought.
    fn people<'t>(
        &mut self,
        what: &What,
        rules: &mut impl Iterator<Item = &'t Texts>,
    ) -> Result<(), String> {
        match what {
            What::Restart(span) => {
                let bytes = self.snapshot()?;
                self.down = Some((self.now + span, bytes));
                if *span == 0 {
                    self.come_back()?;
                }
            }
            What::Reload(_) => {
                self.put(Input::Rules(rules.next().cloned().unwrap_or_default()))?;
                self.look();
            }
            What::Act(line) => self.act(line)?,
            _ => {}
        }
        Ok(())
    }

    /// What changed nothing is told too: that the engine refuses is part of its promise.
    fn act(&mut self, line: &ActLine) -> Result<(), String> {
        let at = self.server_clock();
        let before = self.run.lines.len();
        let booked: Vec<_> = self.engine.book().bookings().cloned().collect();
        let names = &self.scenario.names;
        let inputs = act::inputs(line, &self.engine, names, at);
        let why = match inputs {
            Ok(inputs) => {
                inputs.into_iter().try_for_each(|input| self.put(input))?;
                "refused"
            }
            Err(why) => why,
        };
        // A window is no event: it shows in what is planned by it.
        let books = !self.engine.book().bookings().eq(&booked);
        if self.run.lines.len() == before && !books {
            let line = self.printer.nothing(at, line.verb, &line.target, why);
            self.run.lines.push((line, None));
        }
        Ok(())
    }
}
