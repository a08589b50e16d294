//! Stories in virtual time.

use std::path::PathBuf;

use fenghuo_simulators::image::RegisterMap;
use fenghuo_simulators::plant::{Place, Plant, PlantKind};
use fenghuo_simulators::rig::Rig;
use fenghuo_simulators::scenario::{Expect, Scenario};

fn scenario(name: &str) -> Scenario {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    Scenario::load(&path.join(name)).unwrap()
}

/// First and last time that a point is past its value in one loop.
fn observed(trend: &[(f64, f64)], expect: &Expect) -> Option<(f64, f64)> {
    let past = |row: &&(f64, f64)| expect.passes.holds(row.1);
    let first = trend.iter().find(past)?.0;
    let last = trend.iter().rev().find(past)?.0;
    Some((first, last))
}

#[test]
fn the_demo_story_comes_true_in_every_loop_and_for_every_seed() {
    let scenario = scenario("demo.toml");
    for seed in 1..=5 {
        for kind in PlantKind::ALL {
            let story = scenario.story(kind);
            let mut rig = Rig::new(kind, &scenario, seed);
            for turn in 0..3 {
                let start_s = f64::from(turn) * scenario.loop_s;
                let mut trends = vec![Vec::new(); story.expects.len()];
                while rig.plant_s() < start_s + scenario.loop_s {
                    rig.step();
                    let image = rig.image();
                    for (trend, expect) in trends.iter_mut().zip(&story.expects) {
                        let value = image.value(&expect.point).unwrap();
                        trend.push((rig.plant_s() - start_s, value));
                    }
                }
                for (trend, expect) in trends.iter().zip(&story.expects) {
                    let seen = observed(trend, expect);
                    let fits = seen.is_some_and(|(first, last)| {
                        (expect.first_s[0]..=expect.first_s[1]).contains(&first)
                            && (expect.last_s[0]..=expect.last_s[1]).contains(&last)
                    });
                    assert!(
                        fits,
                        "{kind} seed {seed} loop {turn}: {expect:?}, seen {seen:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn calm_plants_break_no_limit() {
    // The limits of the demo's rules that the calm plants must stay clear of.
    let limits = [
        (PlantKind::CoalMine, "face.ch4", 0.0, 0.9),
        (PlantKind::CoalMine, "corner.ch4", 0.0, 0.9),
        (PlantKind::CoalMine, "return.ch4", 0.0, 0.9),
        (PlantKind::CoalMine, "return.co", 0.0, 20.0),
        (PlantKind::CoalMine, "face.air-speed", 1.0, 3.5),
        (PlantKind::CoalMine, "face.temperature", 20.0, 29.0),
        (PlantKind::TankFarm, "T-101.level", 8.0, 9.4),
        (PlantKind::TankFarm, "T-102.level", 2.0, 9.0),
        (PlantKind::TankFarm, "T-103.level", 3.0, 5.0),
        (PlantKind::TankFarm, "T-104.level", 6.0, 8.4),
        (PlantKind::TankFarm, "GD-01.lel", 0.0, 10.0),
        (PlantKind::TankFarm, "GD-04.h2s", 0.0, 5.0),
        (PlantKind::DustWorkshop, "hopper.temperature", 10.0, 50.0),
        (
            PlantKind::DustWorkshop,
            "filter.pressure-drop",
            820.0,
            1_400.0,
        ),
        (PlantKind::DustWorkshop, "pulse-air.pressure", 0.35, 0.6),
    ];
    let scenario = scenario("calm.toml");
    for kind in PlantKind::ALL {
        let mut rig = Rig::new(kind, &scenario, 9);
        while rig.plant_s() < 3_600.0 {
            assert!(rig.run_to(rig.plant_s() + 1.0, 20));
            let image = rig.image();
            for (_, key, low, high) in limits.iter().filter(|limit| limit.0 == kind) {
                let value = image.value(key).unwrap();
                let at = rig.plant_s();
                assert!((*low..=*high).contains(&value), "{key} = {value} at {at} s");
            }
        }
    }
}

#[test]
fn a_day_stays_in_physical_range_with_every_knob_turned() {
    for kind in PlantKind::ALL {
        let (points, knobs) = (kind.points(), kind.knobs());
        let mut plant = Plant::new(kind, 3);
        let mut lively = vec![(f64::INFINITY, f64::NEG_INFINITY); points.len()];
        for second in 0..86_400_u32 {
            // Each knob in turn stands at its highest for ten minutes of an hour.
            if second % 600 == 0 {
                let turn = (second / 600) as usize % 6;
                for (at, knob) in knobs.iter().enumerate() {
                    plant.turn(at, if at == turn { knob.high } else { knob.normal });
                }
            }
            plant.step(1.0);
            for ((value, point), seen) in plant.read().into_iter().zip(&points).zip(&mut lively) {
                assert!(
                    value.is_finite() && (point.low..=point.high).contains(&value),
                    "{kind} {} = {value} at {second} s",
                    point.key
                );
                *seen = (seen.0.min(value), seen.1.max(value));
            }
        }
        for ((low, high), point) in lively.iter().zip(&points) {
            let constant = matches!(point.key, "standby-fan.ready" | "isolation-valve.open");
            assert!(low < high || constant, "{kind} {} never moved", point.key);
        }
    }
}

#[test]
fn one_seed_gives_one_story_however_time_is_cut() {
    let scenario = scenario("demo.toml");
    let mut fine = Rig::new(PlantKind::CoalMine, &scenario, 4);
    let mut coarse = Rig::new(PlantKind::CoalMine, &scenario, 4);
    assert!(coarse.run_to(90.05, 2_000));
    for tenth in 0..=900 {
        assert!(fine.run_to(f64::from(tenth) * 0.1 + 0.05, 5));
    }
    assert_eq!(fine.image().values(), coarse.image().values());
}

#[test]
fn register_maps_hold_together() {
    for kind in PlantKind::ALL {
        let map = RegisterMap::new(kind);
        assert_eq!(map.clashes(), Vec::<String>::new());
        let points = kind.points();
        assert!(
            (12..=30).contains(&points.len()),
            "{kind}: {}",
            points.len()
        );
        for point in &points {
            assert!(
                fenghuo_model::Unit::parse(point.unit).is_ok(),
                "{}",
                point.unit
            );
            assert!(
                fenghuo_model::PointKey::new(point.key).is_ok(),
                "{}",
                point.key
            );
            match point.place {
                Place::Register {
                    unit,
                    table,
                    address,
                    encoding,
                } => {
                    let last = address + encoding.raw.cells() - 1;
                    let spans = kind.spans().iter();
                    let fits = |span: &fenghuo_simulators::plant::Span| {
                        span.unit == unit
                            && span.table == table
                            && span.first <= address
                            && last <= span.last
                    };
                    assert!(spans.into_iter().any(fits), "{} is outside", point.key);
                }
                Place::Device { device, .. } => {
                    assert!(kind.devices().iter().any(|known| known.name == device));
                }
            }
        }
    }
}

#[test]
fn every_scenario_of_the_house_loads() {
    for name in ["calm.toml", "demo.toml", "faults.toml"] {
        assert!(scenario(name).loop_s > 0.0);
    }
}
