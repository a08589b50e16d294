//! What systemd is told, by a socket as it has.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::broker::free_port;
use crate::collector::Collector;

#[test]
fn systemd_hears_ready_a_watchdog_that_is_fed_a_reload_and_stopping() {
    let nobody = free_port();
    let source = format!(
        "[[modbus]]\nname = \"plc\"\naddress = \"127.0.0.1:{nobody}\"\n\
         [[modbus.unit]]\nid = 1\n[[modbus.unit.point]]\nkey = \"n\"\nkind = \"count\"\n\
         table = \"holding\"\naddress = 1\ntype = \"u16\"\n"
    );
    let broker = format!("mqtt://127.0.0.1:{nobody}");
    let mut collector = Collector::new(&broker, &source);
    let path = collector.dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let path = path.display().to_string();
    collector.start_with(&[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "5000000")]);
    let heard = || {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).expect("systemd hears something");
        String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
    };
    assert_eq!(heard(), "READY=1");
    // Nothing can be read and nobody can be reached, and the work goes on all the same.
    assert_eq!([heard(), heard()], ["WATCHDOG=1", "WATCHDOG=1"]);
    collector.hang_up();
    let mut said = heard();
    while said == "WATCHDOG=1" {
        said = heard();
    }
    let (reloading, time) = said.split_once('\n').unwrap();
    let time = time.strip_prefix("MONOTONIC_USEC=").unwrap();
    assert!(reloading == "RELOADING=1" && time.parse::<u64>().unwrap() > 0);
    let mut said = heard();
    while said == "WATCHDOG=1" {
        said = heard();
    }
    assert_eq!(said, "READY=1");
    assert!(collector.stop().success());
    let mut last = heard();
    while last == "WATCHDOG=1" {
        last = heard();
    }
    assert_eq!(last, "STOPPING=1");
}

/// The service's user is nobody that a file could belong to.
#[test]
fn the_service_may_read_what_its_instructions_install() {
    let unit = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/systemd/fenghuo-collector.service"
    );
    let unit = std::fs::read_to_string(unit).unwrap();
    let installs = unit
        .lines()
        .find(|line| line.contains("collector.toml /etc"));
    let words: Vec<_> = installs.unwrap().split_whitespace().collect();
    let group = words
        .iter()
        .position(|word| *word == "-g")
        .map(|at| words[at + 1]);
    let group = group.expect("root's file is installed for a group");
    assert!(unit.contains(&format!("groupadd --system --force {group}\n")));
    let groups = unit
        .lines()
        .find_map(|line| line.strip_prefix("SupplementaryGroups="));
    assert!(groups.unwrap().split_whitespace().any(|it| it == group));
}
