//! A pymodbus device that nobody knows, probed; and the result read as a configuration.

use std::fs;

use fenghuo_e2e::binary;
use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::plc::Plc;
use fenghuo_e2e::point::{Point, Wave};

/// Drifting floats in an odd order, then a hole, then plain registers. None leaps between two
/// looks, whenever the probe comes: a leap is what tells no float.
fn points() -> Vec<Point> {
    let point = |key: String, at, kind| Point::new(&key, "holding", at, kind).wave(Wave::Drift);
    let float = |at: u16| point(format!("f{at}"), at, "f32").order("CDAB");
    let plain = |at: u16| point(format!("u{at}"), at, "u16");
    let floats = (0..5).map(|n| float(40 + 2 * n));
    floats.chain((60..63).map(plain)).collect()
}

#[test]
fn a_device_that_nobody_knows_becomes_a_configuration() {
    let dir = Folder::new();
    let plc = Plc::start(dir.path(), &points());
    let probed = binary::command("fenghuo-collector")
        .args(["probe", &format!("127.0.0.1:{}", plc.port)])
        .args(["--from", "20", "--to", "99", "--timeout-ms", "5000"])
        .output()
        .unwrap();
    let said = String::from_utf8(probed.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&probed.stderr).into_owned();
    assert!(probed.status.success(), "{complaint}");
    for wanted in [
        "# holding 40..49: 10 registers",
        "# holding 60..62: 3 registers",
        "holes = [\"holding 50-59\"]",
        "max_registers = 10",
    ] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
    for at in [40, 42, 44, 46, 48] {
        let wanted = format!("address = {at}\ntype = \"f32\"\norder = \"CDAB\"");
        assert!(said.contains(&wanted), "{wanted}\n{said}");
    }
    let head = "enterprise = \"e\"\ngateway = \"g\"\n[spool]\ndir = \"spool\"\n\
                [[destination]]\nname = \"server\"\nurl = \"mqtt://127.0.0.1:1883\"\n";
    let file = dir.path().join("probed.toml");
    fs::write(&file, format!("{head}{said}")).unwrap();
    let checked = binary::command("fenghuo-collector")
        .arg("check")
        .arg(&file)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success(), "{complaint}\n{said}");
}

#[test]
fn a_device_that_is_not_there_is_named() {
    let dir = Folder::new();
    let plc = Plc::start(dir.path(), &points());
    let ask = |address: &str, from: &str| {
        let output = binary::command("fenghuo-collector")
            .args(["probe", address, "--from", from, "--to", "600"])
            .args(["--timeout-ms", "2000"])
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let said = ask(&format!("127.0.0.1:{}", plc.port), "500");
    assert!(
        said.contains("no holding register from 500 to 600"),
        "{said}"
    );
    let nobody = fenghuo_e2e::port::free();
    let said = ask(&format!("127.0.0.1:{nobody}"), "0");
    assert!(said.contains("cannot connect to 127.0.0.1:"), "{said}");
}
