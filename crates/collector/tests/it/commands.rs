//! `check` and `read` as a person meets them.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

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

/// A modem's device with the registers 100 to 105, each holding its own address.
async fn dial_in(port: u16, id: &'static str, is_rtu: bool) {
    loop {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            answer(stream, id, is_rtu).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn answer(mut stream: TcpStream, id: &str, is_rtu: bool) -> Option<()> {
    stream.write_all(id.as_bytes()).await.ok()?;
    // The unit, function, address and count; before them a header, or behind them a checksum.
    let mut request = vec![0; if is_rtu { 8 } else { 12 }];
    loop {
        stream.read_exact(&mut request).await.ok()?;
        let asked = if is_rtu { &request[..6] } else { &request[6..] };
        let first = u16::from_be_bytes([asked[2], asked[3]]);
        let count = u16::from_be_bytes([asked[4], asked[5]]);
        let is_there = asked[1] == 3 && (100..=105).contains(&first) && first + count <= 106;
        let reply = if is_there {
            let words = (first..first + count).flat_map(u16::to_be_bytes);
            let bytes = u8::try_from(count * 2).unwrap();
            [asked[0], 3, bytes].into_iter().chain(words).collect()
        } else {
            vec![asked[0], asked[1] | 0x80, 2]
        };
        let whole = if is_rtu {
            let crc = crc(&reply).to_le_bytes();
            [reply, crc.to_vec()].concat()
        } else {
            let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
            [request[..4].to_vec(), length.to_vec(), reply].concat()
        };
        stream.write_all(&whole).await.ok()?;
    }
}

fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xa001 } else { 0 }
        })
    })
}

/// What it writes is a configuration that this very modem can be read with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probe_waits_for_a_modem_and_asks_the_device_behind_it() {
    for framing in ["rtu", "tcp"] {
        let port = free_port();
        let modem = tokio::spawn(dial_in(port, "DTU-7", framing == "rtu"));
        let listen = format!("0.0.0.0:{port}");
        let more = ["--register", "DTU-7", "--framing", framing];
        let range = ["--from", "98", "--to", "109", "--timeout-ms", "500"];
        let output = ask(
            &["probe"],
            Path::new(&listen),
            &[more.as_slice(), &range].concat(),
        );
        let error = String::from_utf8(output.stderr).unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{error}");
        let keys = format!(
            "transport = \"dial_in\"\nlisten = \"{listen}\"\nregister = \"DTU-7\"\n\
             framing = \"{framing}\"\n"
        );
        for words in ["# holding 100..105: 6 registers\n", &keys] {
            assert!(said.contains(words), "{words}\n{said}");
        }
        let collector = Collector::new("mqtt://127.0.0.1:1883", &said);
        let output = ask(&["check"], &collector.file(), &[]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{error}\n{said}");
        let point = said
            .lines()
            .find_map(|line| line.strip_prefix("key = \""))
            .unwrap();
        let output = ask(&["read"], &collector.file(), &[point.trim_end_matches('"')]);
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains("quality good"), "{shown}");
        modem.abort();
    }
}
