//! Text, CSV, items and parts of topics, through Debian's mosquitto.

use fenghuo_model::{Reading, Reason, Value};

use crate::broker::{Broker, say};
use crate::collector::Collector;
use crate::server::{Server, until};

const TOPICS: &str = r#"
[[mqtt.topic]]
filter = "罐区/+/level"
parts = ["T-1", "T-2"]
payload = "text"
[[mqtt.topic.point]]
key = "{1}.level"
kind = "level"
unit = "m"
type = "f64"
labels = { tank = "{1}" }
[[mqtt.topic]]
filter = "logger"
payload = "csv"
header = true
time = { column = "time", format = "%Y-%m-%d %H:%M:%S", offset = "+08:00" }
[[mqtt.topic.point]]
key = "flow"
kind = "flow"
unit = "m3/h"
type = "f64"
column = "flow"
[[mqtt.topic]]
filter = "gateway/#"
items = "/d"
name_pointer = "/n"
value_pointer = "/v"
quality = { pointer = "/q", good = [0] }
[[mqtt.topic.point]]
key = "p"
name = "PT-1"
kind = "pressure"
unit = "kPa"
type = "f64"
scale = 0.1
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_of_every_kind_are_read() {
    let broker = Broker::start();
    let server = Server::start(broker.port);
    let sources = format!(
        "[[mqtt]]\nname = \"devices\"\nurl = \"{}\"\n{TOPICS}",
        broker.url()
    );
    let mut collector = Collector::new(&broker.url(), &sources);
    collector.start();
    until("subscribed", 20, || {
        collector.metric("fenghuo_collector_source_connected{source=\"devices\"}") == Some(1)
    })
    .await;
    for (topic, payload) in [
        ("罐区/T-1/level", "3.25"),
        ("罐区/T-2/level", "full"),
        ("罐区/T-3/level", "9"),
        ("罐区/T-3/level", "9"),
        (
            "logger",
            "time,flow\n2026-10-01 08:00:00,1.5\n2026-10-01 08:00:01,",
        ),
        (
            "gateway/1",
            r#"{"d":[{"n":"PT-1","v":1013,"q":0},{"n":"x","v":1},{"n":"PT-1","v":2,"q":4}]}"#,
        ),
    ] {
        say(broker.port, topic, payload);
    }
    let good = |number| Reading::Good(Value::F64(number));
    let bad = Reading::Bad;
    let wanted = [
        ("T-1.level", vec![good(3.25)]),
        ("T-2.level", vec![bad(Reason::WrongType)]),
        ("flow", vec![good(1.5), bad(Reason::MissingField)]),
        ("p", vec![good(1013.0 * 0.1), bad(Reason::DeviceFlag)]),
    ];
    until("all have come", 20, || {
        let samples = server.samples();
        wanted.iter().all(|(key, wanted)| {
            samples
                .get(*key)
                .is_some_and(|got| got.len() >= wanted.len())
        })
    })
    .await;
    let samples = server.samples();
    for (key, wanted) in &wanted {
        assert_eq!(&samples[*key], wanted, "{key}");
    }
    let first = 1_790_812_800_000;
    assert_eq!(server.times("flow"), [first, first + 1_000]);
    // The part that is not in the list is counted, and named once.
    let unknown = "fenghuo_collector_reads_total{result=\"unknown\",source=\"devices\"}";
    assert_eq!(collector.metric(unknown), Some(2));
    assert_eq!(collector.log().matches("罐区/T-3/level").count(), 1);
    assert!(collector.stop().success());
}
