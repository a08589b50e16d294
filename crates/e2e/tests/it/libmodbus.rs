//! The unit test server of Debian's libmodbus: a slave that nobody here wrote, with registers
//! that answer late, byte by byte, for somebody else, or with half of what was asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::process::Process;
use fenghuo_e2e::{binary, plc, port};

const SOURCE: &str = "/usr/share/doc/libmodbus-dev/examples/unit-test-server.c";
/// The id of the server's unit.
const UNIT: u8 = 17;
/// Enough for a register that answers after half a second, on a busy machine.
const PATIENT_MS: u32 = 3_000;

/// What is asked for, and what the answer must say.
struct Case {
    table: &'static str,
    address: u16,
    kind: &'static str,
    timeout_ms: u32,
    wanted: &'static str,
}

const fn case(
    table: &'static str,
    address: u16,
    kind: &'static str,
    timeout_ms: u32,
    wanted: &'static str,
) -> Case {
    Case {
        table,
        address,
        kind,
        timeout_ms,
        wanted,
    }
}

/// By the server's source: what it holds, and its registers with a will of their own.
const CASES: [Case; 9] = [
    case("input", 0x108, "u16", PATIENT_MS, "value 10 "),
    case("discrete", 0x1C4, "bool", PATIENT_MS, "value false "),
    case("discrete", 0x1C6, "bool", PATIENT_MS, "value true "),
    case("holding", 0x160, "u16", PATIENT_MS, "value 0 "),
    // Beyond its last register.
    case("holding", 0x180, "u16", PATIENT_MS, "illegal_address"),
    // Two registers are asked for, and one comes.
    case("holding", 0x160, "u32", 1_000, "no value"),
    // It says that it is busy; it answers for another; it takes half a second.
    case("holding", 0x170, "u16", PATIENT_MS, "device_busy"),
    case("holding", 0x171, "u16", 1_000, "no value"),
    case("holding", 0x172, "u16", 200, "timeout"),
];
/// It sends byte by byte, always as the reply of unit 255 over TCP: a value where that was
/// asked for, and nothing elsewhere.
const BYTES: Case = case("holding", 0x173, "u16", PATIENT_MS, "value 0 ");
const BYTES_FOR_NOBODY: Case = case("holding", 0x173, "u16", 1_000, "no value");

/// Its port and its serial port are written into it.
fn build(dir: &Path, port: u16) -> PathBuf {
    let source = fs::read_to_string(SOURCE)
        .unwrap_or_else(|error| panic!("{SOURCE}: {error}; apt-get install libmodbus-dev"));
    let tty = dir.join("tty-plc");
    let source = source
        .replace("1502", &port.to_string())
        .replace("/dev/ttyUSB0", &tty.display().to_string());
    let (file, program) = (dir.join("server.c"), dir.join("server"));
    fs::write(&file, source).unwrap();
    let include = Path::new(SOURCE).parent().unwrap();
    let built = Command::new("cc")
        .args(["-w", "-I/usr/include/modbus", "-I"])
        .arg(include)
        .arg("-o")
        .args([&program, &file])
        .arg("-lmodbus")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{words}");
    program
}

/// Reads one point of a server that was started for it: it serves one connection.
fn read(dir: &Path, program: &Path, over: &str, keys: &str, unit: u8, case: &Case) -> String {
    let config = format!(
        "enterprise = \"e\"\ngateway = \"g\"\n[spool]\ndir = \"spool\"\n\
         [[destination]]\nname = \"server\"\nurl = \"mqtt://127.0.0.1:1883\"\n\
         [[modbus]]\nname = \"line\"\n{keys}\ntimeout_ms = {}\n\
         [[modbus.unit]]\nid = {unit}\n\
         [[modbus.unit.point]]\nkey = \"p\"\nkind = \"other\"\ntable = {:?}\n\
         address = {}\ntype = {:?}\n",
        case.timeout_ms, case.table, case.address, case.kind
    );
    let file = dir.join("gateway.toml");
    fs::write(&file, config).unwrap();
    let log = dir.join("server.log");
    let mut server = Process::start("libmodbus", Command::new(program).arg(over), &log);
    let mut said = String::new();
    // Whether it listens cannot be tried: the first connection is the one that it serves.
    for _ in 0..50 {
        std::thread::sleep(Duration::from_millis(100));
        let asked = binary::command("fenghuo-collector")
            .arg("read")
            .args([file.as_os_str(), "p".as_ref()])
            .output()
            .unwrap();
        said = String::from_utf8(asked.stdout).unwrap();
        if asked.status.success() {
            break;
        }
        said.push_str(&String::from_utf8_lossy(&asked.stderr));
        server.must_run();
    }
    if over == "rtu" {
        server.kill();
    } else {
        // The connection was closed, and with it the server ends.
        server.wait(Duration::from_secs(10));
    }
    said
}

fn check(over: &str, keys: impl Fn(&Path, u16) -> String) {
    let dir = Folder::new();
    let port = port::free();
    let program = build(dir.path(), port);
    let keys = keys(dir.path(), port);
    let check = |unit: u8, case: &Case| {
        let said = read(dir.path(), &program, over, &keys, unit, case);
        let Case { table, address, .. } = case;
        assert!(
            said.contains(case.wanted),
            "{over} {table} {address:#x}: not {:?} but {said}",
            case.wanted
        );
    };
    CASES.iter().for_each(|case| check(UNIT, case));
    check(UNIT, &BYTES_FOR_NOBODY);
    if over == "tcp" {
        check(255, &BYTES);
    }
}

#[test]
fn nothing_that_libmodbus_sends_over_tcp_is_mistaken() {
    check("tcp", |_, port| format!("address = \"127.0.0.1:{port}\""));
}

#[test]
fn nothing_that_libmodbus_sends_on_a_serial_line_is_mistaken() {
    let dir = Folder::new();
    let cable = plc::cable(dir.path());
    let ends = dir.path().to_owned();
    check("rtu", |own, _| {
        let tty = ends.join("tty-plc");
        std::os::unix::fs::symlink(tty, own.join("tty-plc")).unwrap();
        let port = ends.join("tty-gateway");
        format!("transport = \"rtu\"\nport = {port:?}\nbaud = 115200\nparity = \"none\"")
    });
    cable.kill();
}
