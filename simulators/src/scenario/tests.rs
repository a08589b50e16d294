use super::*;

fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse(Path::new("story.toml"), text)
}

#[test]
fn tracks_step_ramp_and_hold() {
    let mut track = Track::new(1.0);
    assert!(track.push(10.0, 0.0, 5.0));
    assert!(track.push(20.0, 10.0, 0.0));
    assert!(!track.push(25.0, 1.0, 3.0), "still moving");
    let at = |t| track.at(t);
    assert_eq!([at(0.0), at(10.0), at(20.0)], [1.0, 5.0, 5.0]);
    assert!((at(25.0) - 2.5).abs() < 1e-9);
    assert_eq!([at(30.0), at(99.0)], [0.0, 0.0]);
    assert_eq!(track.end(), (30.0, 0.0));
}

#[test]
fn every_problem_is_named_at_once() {
    let text = r#"
title = "broken"
loop_s = 100
[[event]]
at = 5
plant = "tank-farm"
set = "T-101.drain"
to = 9000
[[event]]
at = 6
plant = "harbour"
set = "crane"
to = 1
[[event]]
at = 7
plant = "tank-farm"
set = "GD-02.leak"
to = 40
[[fault]]
at = 90
for = 20
plant = "coal-mine"
kind = "drop"
[[fault]]
at = 0
for = 1
plant = "coal-mine"
kind = "nan"
point = "face.ch4"
[[expect]]
plant = "coal-mine"
point = "face.ch5"
above = 1
first = [1, 2]
last = [3, 4]
"#;
    let message = parse(text).unwrap_err().to_string();
    for part in [
        "story.toml",
        "event 1: `to` = 9000 is not within 0..1000",
        "event 2: unknown plant `harbour`",
        "`GD-02.leak` of tank-farm must be back at 0",
        "fault 1: `for` = 20 does not end in the loop",
        "fault 2: `face.ch4` is not a float",
        "expect 1: coal-mine has no point `face.ch5`",
    ] {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}

#[test]
fn a_misspelt_key_is_refused_with_its_line() {
    let error = parse("title = \"x\"\nloop_s = 10\nspeed = 3\n").unwrap_err();
    assert!(error.to_string().contains("line 3"), "{error}");
}
