//! `check` and `read` as a person meets them.

use crate::collector::{Collector, ask, counter};
use crate::plc::Plc;

#[test]
fn check_names_every_problem_and_exits_2() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("collector.toml");
    std::fs::write(&file, "gateway = \"gw 1\"\n[spool]\ndir = 3\n").unwrap();
    let output = ask(&["check"], &file, &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    let name = file.display();
    for problem in [
        format!("{name}:1: enterprise: is missing"),
        format!("{name}:1: gateway: `gw 1` has the character ' '"),
        format!("{name}:3: spool.dir: is of type integer; a text is needed"),
        format!("{name}:1: destination: is missing"),
    ] {
        assert!(said.contains(&problem), "{problem}\n{said}");
    }
    assert_eq!(ask(&["run"], &file, &[]).status.code(), Some(2));
}

#[test]
fn check_sums_up_a_good_file() {
    let collector = Collector::new("mqtt://127.0.0.1:1883", &counter("127.0.0.1:502", 500));
    let output = ask(&["check"], &collector.file(), &[]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("oil/gw1: 1 points"), "{said}");
    assert!(
        said.contains("unit 1: 1 points in 1 reads every 500 ms"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_shows_words_value_and_quality() {
    let plc = Plc::start().await;
    let collector = Collector::new("mqtt://127.0.0.1:1883", &counter(&plc.address, 500));
    let output = ask(&["read"], &collector.file(), &["n"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("raw words (hex) 0000 0000 0000 0001"),
        "{said}"
    );
    assert!(
        said.contains("value 1 1") && said.contains("quality good"),
        "{said}"
    );
    let output = ask(&["read"], &collector.file(), &["nobody"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("no point `nobody`")
    );
}
