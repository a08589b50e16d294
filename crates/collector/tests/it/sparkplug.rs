//! A Sparkplug edge node, as an independent library encodes it, through Debian's mosquitto.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use fenghuo_model::{Reading, Reason, Value};

use crate::broker::Broker;
use crate::collector::Collector;
use crate::server::{Server, until};

/// Pinned: it encodes what the test compares.
const LIBRARY: &str = "pysparkplug==0.6.1";

/// Python with the library, installed once into the target folder.
fn interpreter() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_fenghuo-collector"));
    let target = binary.parent().unwrap().parent().unwrap();
    let dir = target.join("collector-python");
    let (python, done) = (dir.join("bin/python"), dir.join("installed"));
    // Test runs may come here at once.
    let lock = File::create(target.join("collector-python.lock")).unwrap();
    lock.lock().unwrap();
    if std::fs::read_to_string(&done).is_ok_and(|text| text == LIBRARY) {
        return python;
    }
    let run = |command: &mut Command, hint: &str| {
        let output = command.output().expect(hint);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {hint}\n{said}");
    };
    let venv = "apt-get install python3 python3-venv";
    run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&dir),
        venv,
    );
    run(
        Command::new(&python).args(["-m", "pip", "install", "--quiet", LIBRARY]),
        "PyPI must be reachable, by a mirror in pip's configuration if need be",
    );
    std::fs::write(&done, LIBRARY).unwrap();
    python
}

/// The edge node; see `edge.py` for what it can be told.
struct Edge {
    child: Child,
    orders: ChildStdin,
    said: Receiver<String>,
}

impl Edge {
    fn start(port: u16) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/edge.py");
        let mut child = Command::new(interpreter())
            .arg(script)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, said) = sync_channel(64);
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let edge = Self {
            orders: child.stdin.take().unwrap(),
            child,
            said,
        };
        edge.says("ready");
        edge
    }

    fn tell(&mut self, what: &str) {
        writeln!(self.orders, "{what}").unwrap();
        self.orders.flush().unwrap();
    }

    fn says(&self, wanted: &str) {
        let said = self.said.recv_timeout(Duration::from_secs(20));
        assert_eq!(said.as_deref(), Ok(wanted));
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(|_| ()).unwrap_or_default();
    }
}

fn sources(url: &str) -> String {
    let point = |key: &str, metric: &str, device: &str, kind: &str| {
        format!(
            "[[mqtt.sparkplug.point]]\nkey = \"{key}\"\nmetric = \"{metric}\"\n{device}\
             kind = \"other\"\ntype = \"{kind}\"\n"
        )
    };
    let device = "device = \"tank1\"\n";
    [
        format!("[[mqtt]]\nname = \"scada\"\nurl = \"{url}\"\nhost_id = \"fenghuo\"\n"),
        "[[mqtt.sparkplug]]\ngroup = \"kaijiang\"\nedge = \"gw7\"\n".to_owned(),
        point("load", "Load", "", "f64"),
        point("level", "Level", device, "f64"),
        point("count", "Count", device, "i64"),
    ]
    .concat()
}

const fn good(number: f64) -> Reading {
    Reading::Good(Value::F64(number))
}

/// What was told of a point, without repetitions.
fn told(server: &Server, key: &str) -> Vec<Reading> {
    let mut told = server.samples().remove(key).unwrap_or_default();
    told.dedup();
    told
}

async fn comes(server: &Server, key: &str, reading: &Reading) {
    until(&format!("{key}: {reading:?}"), 20, || {
        told(server, key).last() == Some(reading)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn births_data_gaps_and_deaths_of_an_edge_node() {
    let broker = Broker::start();
    let server = Server::start(broker.port);
    let mut edge = Edge::start(broker.port);
    let mut collector = Collector::new(&broker.url(), &sources(&broker.url()));
    collector.start();
    // Whatever was born before is unknown: a birth is asked for.
    edge.says("asked");
    comes(&server, "level", &good(3.5)).await;
    comes(&server, "count", &Reading::Good(Value::I64(-7))).await;
    edge.tell("data 4.25 12");
    comes(&server, "level", &good(4.25)).await;
    comes(&server, "count", &Reading::Good(Value::I64(12))).await;
    edge.tell("named 4.5");
    comes(&server, "level", &good(4.5)).await;
    edge.tell("null");
    comes(&server, "level", &Reading::Bad(Reason::MissingField)).await;
    edge.tell("history 2.5 3600");
    comes(&server, "level", &good(2.5)).await;
    let times = server.times("level");
    let [.., before, last] = times.as_slice() else {
        panic!("{times:?}");
    };
    assert!(
        (3_590_000..3_610_000).contains(&(before - last)),
        "{times:?}"
    );
    // After a gap no value is believed, and a birth is asked for, which brings 3.5.
    edge.tell("gap 99");
    edge.says("asked");
    comes(&server, "level", &good(3.5)).await;
    let level = told(&server, "level");
    let gap = Reading::Bad(Reason::BadReply);
    assert!(level.ends_with(&[gap, good(3.5)]), "{level:?}");
    assert!(!level.contains(&good(99.0)), "{level:?}");
    edge.tell("death-device");
    let offline = Reading::Bad(Reason::DeviceOffline);
    comes(&server, "level", &offline).await;
    assert_eq!(told(&server, "load").last(), Some(&good(0.5)));
    edge.tell("die");
    comes(&server, "load", &offline).await;
    edge.tell("birth");
    comes(&server, "load", &good(0.5)).await;
    assert!(is_online(broker.port), "the host has said that it is there");
    assert!(collector.stop().success());
}

/// The host's state, which the broker keeps.
fn is_online(port: u16) -> bool {
    let said = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &port.to_string()])
        .args(["-t", "spBv1.0/STATE/fenghuo", "-C", "1", "-W", "5"])
        .output()
        .expect("mosquitto_sub is missing: apt-get install mosquitto-clients");
    String::from_utf8_lossy(&said.stdout).contains("\"online\":true")
}
