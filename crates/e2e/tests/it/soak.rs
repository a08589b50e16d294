//! A long run in which something fails all the time, and the whole truth at its end.
//!
//! Four plants with a collector each: one reads over TCP and through a serial server, one from
//! a serial port and from a modem that dials in, one from devices that publish (JSON and
//! Sparkplug B) by way of a broker of theirs, and delivers to a county's server as well, and one
//! has a clock that is set again and again. Every
//! line has a unit that was never there. Every second or so a fault is drawn: programs are
//! killed, stopped and told otherwise, devices reboot, lie and die, cables are pulled out, links
//! are cut, hold and lose what they carry, the server has no room, a collector's disk is full,
//! read-only, refuses writes or changes what is on it. Several faults
//! hold at once. Then all is healed and delivered, and every value in the server's history is
//! compared with what the devices wrote down that they served.
//!
//! `FENGHUO_SOAK_SEED` repeats the faults (not the machine's timing), `FENGHUO_SOAK_SECONDS`
//! says how long they last; `make soak` is half an hour.

use std::time::{Duration, Instant};

use fastrand::Rng;
use fenghuo_e2e::folder::Folder;

use crate::proof;

mod fault;
mod memory;
mod plant;
mod truth;
mod world;

use fault::{Deck, Fault};
use memory::Memory;
use world::World;

const SECONDS: u64 = 120;
/// Between two faults.
const PAUSE_MS: std::ops::Range<u64> = 300..1_300;
/// How long a fault holds; now and then, in a long run, so long that backlog comes of it.
const HOLD_MS: std::ops::Range<u64> = 300..5_000;
const LONG_HOLD_MS: std::ops::Range<u64> = 60_000..100_000;
const LONG_RUN: Duration = Duration::from_mins(10);
const LONG_ONE_IN: u32 = 20;
/// How often faults are begun and ended.
const STEP: Duration = Duration::from_millis(50);

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap())
}

/// A fault that holds.
struct Held {
    fault: Fault,
    until: Instant,
}

/// Tells the story when the test fails.
struct Story {
    begun: Instant,
    lines: Vec<String>,
}

impl Story {
    fn tell(&mut self, what: &str, fault: Fault) {
        let ms = self.begun.elapsed().as_millis();
        self.lines.push(format!("{ms:>8} ms  {what} {fault:?}"));
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the faults ---\n{}", self.lines.join("\n"));
        }
    }
}

/// Begins and ends faults until the time is over; then ends those that hold.
fn trouble(world: &mut World, rng: &mut Rng, lasts: Duration, story: &mut Story) -> Memory {
    let (mut deck, mut held) = (Deck::default(), Vec::<Held>::new());
    let (begun, mut next, mut memory) = (Instant::now(), Instant::now(), Memory::default());
    while begun.elapsed() < lasts || !held.is_empty() {
        let now = Instant::now();
        let is_over = begun.elapsed() >= lasts;
        while let Some(at) = held.iter().position(|it| is_over || it.until <= now) {
            let Held { fault, .. } = held.swap_remove(at);
            story.tell("ends ", fault);
            world.end(fault);
        }
        if now >= next && !is_over {
            let is_well = |target| held.iter().all(|it| !it.fault.targets().contains(&target));
            if let Some(fault) = deck.draw(rng, is_well) {
                story.tell("begins", fault);
                world.begin(fault, rng);
                let is_long = lasts >= LONG_RUN && rng.u32(0..LONG_ONE_IN) == 0;
                let hold = if is_long { LONG_HOLD_MS } else { HOLD_MS };
                let until = Instant::now() + Duration::from_millis(rng.u64(hold));
                held.push(Held { fault, until });
            }
            next = Instant::now() + Duration::from_millis(rng.u64(PAUSE_MS));
        }
        world.supervise();
        memory.look(world);
        std::thread::sleep(STEP);
    }
    memory
}

#[test]
fn every_value_is_one_that_a_device_held_and_none_is_missing_unsaid() {
    let seed = number("FENGHUO_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    let seconds = number("FENGHUO_SOAK_SECONDS").unwrap_or(SECONDS);
    println!("seed {seed}: repeat with FENGHUO_SOAK_SEED={seed} FENGHUO_SOAK_SECONDS={seconds}");
    let dir = Folder::new();
    let mut rng = Rng::with_seed(seed);
    let mut story = Story {
        begun: Instant::now(),
        lines: Vec::new(),
    };
    let mut world = World::start(dir.path());
    let lasts = Duration::from_secs(seconds);
    let memory = trouble(&mut world, &mut rng, lasts, &mut story);
    let runs = world.settle();
    let raised = proof::events(&world.server);
    assert!(raised > 0, "the saw tooth raises alarms all the time");
    let faults = story.lines.iter().filter(|it| it.contains("begins"));
    println!("{} faults in {seconds} s", faults.count());
    let kept = world.server.stop_and_read();
    truth::check(&world, &kept, &runs);
    let kept = world.county.stop_and_read();
    truth::check_county(&world, &kept, &runs);
    // Where a disk changes what is on it the first frame of a run may be lost.
    let whole = world.collectors.iter().enumerate();
    let whole = whole.filter(|(at, _)| *at != plant::ON_A_DISK);
    let whole: Vec<_> = whole.map(|(_, it)| it).collect();
    let gaps = proof::gaps(&world.server.data, &whole);
    println!("{gaps} runs after the first of a gateway began with a gap record");
    for server in [&world.server, &world.county] {
        println!("{}", server.prove(&[]));
    }
    memory.check(lasts);
}
