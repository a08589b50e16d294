//! `check` and `read` as a person meets them.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::broker::free_port;
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
    assert!(
        said.contains("oil/gw1: 1 points and 2 states of lines and devices"),
        "{said}"
    );
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
            .ends_with("no point `nobody`; its points are n\n")
    );
    let said = complaint(&["read"], &collector.file(), &["fenghuo.line.plc1"]);
    assert!(said.contains("is the collector's own"), "{said}");
}

fn complaint(arguments: &[&str], file: &Path, more: &[&str]) -> String {
    let output = ask(arguments, file, more);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn check_tries_the_spool_and_warns_of_manual_addresses() {
    let sources = counter("127.0.0.1:502", 500).replace("address = 100", "address = 40101");
    let collector = Collector::new("mqtt://127.0.0.1:1883", &sources);
    let output = ask(&["check"], &collector.file(), &[]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(said.contains("where 40101 is 100"), "{said}");
    let spool = collector.dir.path().join("spool");
    assert!(!spool.exists(), "check leaves nothing behind");
    std::fs::write(&spool, "no folder").unwrap();
    let said = complaint(&["check"], &collector.file(), &[]);
    assert!(said.contains("spool.dir: a spool cannot be kept"), "{said}");
}

#[test]
fn what_is_in_use_is_said_once_with_the_key_to_change() {
    let mut first = Collector::new("mqtt://127.0.0.1:1", &counter("127.0.0.1:1", 500));
    first.start();
    let end = Instant::now() + Duration::from_secs(10);
    while !first.log().contains("data is kept on disk") {
        assert!(Instant::now() < end, "{}", first.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(first.log().contains("destination=server"));
    let said = complaint(&["run"], &first.file(), &[]);
    assert!(said.contains("status.listen"), "{said}");
    assert_eq!(said.matches("os error").count(), 1, "{said}");
    let text = std::fs::read_to_string(first.file()).unwrap();
    let other = first.dir.path().join("other.toml");
    let (from, to) = (first.status.to_string(), free_port().to_string());
    std::fs::write(&other, text.replace(&from, &to)).unwrap();
    let said = complaint(&["run"], &other, &[]);
    assert!(said.contains("a spool.dir of its own"), "{said}");
    assert!(first.stop().success());
    let said = complaint(&["check"], &first.dir.path().join("nowhere.toml"), &[]);
    assert_eq!(said.matches("os error").count(), 1, "{said}");
}
