//! A wrong configuration: every problem is named, with its key, and nothing runs.

use std::process::Command;

use fenghuo_e2e::binary;
use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::server::words;

const SERVER: &str = r#"
data_dri = "data"
rules = ["missing.toml", "rules.toml"]
expected = ["no slash"]
[http]
listen = "0.0.0.0:8080"
[mqtt]
listen = "nowhere"
[log]
reserve_mb = "much"
[[webhook]]
name = "duty-room"
bearer = "secret"
"#;

const RULES: &str = r#"
[[rule]]
id = "tank.level"
select = { kind = "level" }
unit = "furlong"
[[rule.level]]
name = "H"
above = 9.0
reset = 9.5
severity = "pink"
"#;

const COLLECTOR: &str = r#"
enterprise = "a b"
[spool]
budget_mb = 1
[[destination]]
name = "server"
url = "http://server"
[[modbus]]
name = "plc"
address = "plc"
[[modbus.unit]]
id = 300
[[modbus.unit.point]]
key = "x"
kind = "weather"
table = "shelf"
address = 70000
type = "f23"
deadbnad = 0.1
"#;

/// Runs a program that must exit 2, and answers what it said.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = words(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

fn assert_names(said: &str, expected: &[&str]) {
    for problem in expected {
        assert!(
            said.contains(problem),
            "`{problem}` is not named in:\n{said}"
        );
    }
}

#[test]
fn the_server_names_every_problem_and_does_not_start() {
    let dir = Folder::new();
    let file = dir.path().join("server.toml");
    std::fs::write(&file, SERVER).unwrap();
    std::fs::write(dir.path().join("rules.toml"), RULES).unwrap();
    let expected = [
        "`data_dir` is missing",
        "server.toml:2:1: unknown key `data_dri`",
        "server.toml:3:10: missing.toml",
        "server.toml:4:13:",
        "server.toml:6:10: without users the console",
        "server.toml:8:10:",
        "server.toml:10:14: `reserve_mb`",
        "`url` is missing",
        "server.toml:13:10: secrets do not stand in the file",
    ];
    for act in ["check", "serve"] {
        let said = refused(binary::command("fenghuo").arg(act).arg(&file));
        assert_names(&said, &expected);
    }
    assert!(!dir.path().join("data").exists(), "nothing was made");
}

#[test]
fn rules_are_checked_with_their_file_and_line() {
    let dir = Folder::new();
    let file = dir.path().join("server.toml");
    std::fs::write(&file, "data_dir = \"data\"\nrules = [\"rules.toml\"]\n").unwrap();
    std::fs::write(dir.path().join("rules.toml"), RULES).unwrap();
    for act in ["check", "serve"] {
        let said = refused(binary::command("fenghuo").arg(act).arg(&file));
        assert_names(
            &said,
            &["rules.toml:5:8:", "furlong", "rules.toml:10:12:", "pink"],
        );
    }
}

#[test]
fn the_collector_names_every_problem_and_does_not_start() {
    let dir = Folder::new();
    let file = dir.path().join("collector.toml");
    std::fs::write(&file, COLLECTOR).unwrap();
    let expected = [
        "collector.toml:2: enterprise",
        "gateway",
        "collector.toml:3: spool.dir",
        "collector.toml:4: spool.budget_mb",
        "collector.toml:7: destination",
        "collector.toml:10: modbus",
        "collector.toml:12:",
        "`weather`",
        "`shelf`",
        "address",
        "`f23`",
        "deadbnad",
    ];
    for act in ["check", "run"] {
        let said = refused(binary::command("fenghuo-collector").arg(act).arg(&file));
        assert_names(&said, &expected);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    for (program, act) in [("fenghuo", "serve"), ("fenghuo-collector", "run")] {
        let said = refused(binary::command(program).arg(act).arg("no-such-file.toml"));
        assert_names(&said, &["no-such-file.toml"]);
    }
}
