//! The state of lines and devices reaches the server: what is dead, and no more than that.

use fenghuo_model::{Reading, Reason, Value};

use crate::broker::{Broker, free_port};
use crate::collector::Collector;
use crate::plc::Plc;
use crate::server::{Server, until};

const UP: Reading = Reading::Good(Value::Bool(true));
const DOWN: Reading = Reading::Good(Value::Bool(false));
const UNKNOWN: Reading = Reading::Bad(Reason::NotConnected);

const LINE: &str = "fenghuo.line.plc1";
const UNIT_1: &str = "fenghuo.device.plc1.1";
const UNIT_2: &str = "fenghuo.device.plc1.2";

/// A line with two units of one point.
fn sources(address: &str) -> String {
    let unit = |id: u8| {
        format!(
            "[[modbus.unit]]\nid = {id}\ninterval_ms = 100\n\
             [[modbus.unit.point]]\nkey = \"n{id}\"\nkind = \"count\"\n\
             table = \"holding\"\naddress = 100\ntype = \"u64\"\n"
        )
    };
    let line = format!("[[modbus]]\nname = \"plc1\"\naddress = \"{address}\"\ntimeout_ms = 200\n");
    line + &unit(1) + &unit(2)
}

/// What was told of a point, without repetitions.
fn changes(server: &Server, key: &str) -> Vec<Reading> {
    let mut told = server.samples().remove(key).unwrap_or_default();
    told.dedup();
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_device_on_a_live_line_is_told_until_it_answers() {
    let (broker, plc) = (Broker::start(), Plc::start().await);
    let server = Server::start(broker.port);
    let mut collector = Collector::new(&broker.url(), &sources(&plc.address));
    collector.start();
    until("all answer", 20, || changes(&server, UNIT_2) == [UP]).await;
    plc.set_dumb(2, true);
    until("it is told", 30, || changes(&server, UNIT_2) == [UP, DOWN]).await;
    let before = server.samples()[UNIT_2].len();
    until("it is told again", 10, || {
        server.samples()[UNIT_2].len() > before
    })
    .await;
    plc.set_dumb(2, false);
    // It is asked again within its backoff.
    until("it answers", 40, || {
        changes(&server, UNIT_2) == [UP, DOWN, UP]
    })
    .await;
    assert_eq!(changes(&server, LINE), [UP]);
    assert_eq!(changes(&server, UNIT_1), [UP]);
    assert!(collector.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_line_is_one_state_and_its_devices_are_unknown() {
    let broker = Broker::start();
    let address = format!("127.0.0.1:{}", free_port());
    let server = Server::start(broker.port);
    let mut collector = Collector::new(&broker.url(), &sources(&address));
    collector.start();
    until("it is refused", 20, || changes(&server, LINE) == [DOWN]).await;
    let plc = Plc::start_at(&address).await;
    until("all answer", 30, || {
        changes(&server, UNIT_1).ends_with(&[UP]) && changes(&server, UNIT_2).ends_with(&[UP])
    })
    .await;
    drop(plc);
    until("it is refused again", 20, || {
        changes(&server, LINE) == [DOWN, UP, DOWN]
    })
    .await;
    let plc = Plc::start_at(&address).await;
    let all = [UNKNOWN, UP, UNKNOWN, UP];
    until("all answer again", 30, || {
        [UNIT_1, UNIT_2]
            .iter()
            .all(|key| changes(&server, key) == all)
    })
    .await;
    assert_eq!(changes(&server, LINE), [DOWN, UP, DOWN, UP]);
    drop(plc);
    assert!(collector.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_with_devices_is_a_line() {
    let (broker, mut devices) = (Broker::start(), Broker::start());
    let server = Server::start(broker.port);
    let sources = format!(
        "[[mqtt]]\nname = \"devices\"\nurl = \"{}\"\n[[mqtt.topic]]\nfilter = \"a\"\n\
         [[mqtt.topic.point]]\nkey = \"x\"\nkind = \"other\"\npointer = \"\"\ntype = \"f64\"\n",
        devices.url()
    );
    let mut collector = Collector::new(&broker.url(), &sources);
    collector.start();
    let line = || changes(&server, "fenghuo.line.devices");
    until("it is open", 20, || line() == [UP]).await;
    until("a heartbeat comes", 10, || {
        server.samples()["fenghuo.line.devices"].len() > 1
    })
    .await;
    devices.kill();
    until("it is lost", 20, || line() == [UP, DOWN]).await;
    devices.restart();
    until("it is open again", 30, || line() == [UP, DOWN, UP]).await;
    assert!(collector.stop().success());
}
