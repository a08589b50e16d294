//! What devices say reaches the server with the right value, time and quality.

use fenghuo_model::{Reading, Reason, Value};

use crate::broker::{Broker, say};
use crate::collector::Collector;
use crate::plc::Plc;
use crate::server::{Server, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_become_samples_with_their_reasons() {
    let broker = Broker::start();
    let server = Server::start(broker.port);
    let sources = format!(
        "[[mqtt]]\nname = \"devices\"\nurl = \"{}\"\n\
         [[mqtt.topic]]\nfilter = \"plant/+/gas\"\n\
         [[mqtt.topic.point]]\nkey = \"lel\"\nkind = \"concentration\"\nunit = \"%LEL\"\n\
         pointer = \"/values/lel\"\ntype = \"f64\"\nrange = {{ low = 0, high = 100 }}\n",
        broker.url()
    );
    let mut collector = Collector::new(&broker.url(), &sources);
    collector.start();
    until("subscribed", 20, || {
        collector
            .page("/metrics")
            .contains("source_connected{source=\"devices\"} 1")
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    for payload in [
        "{\"values\":{\"lel\":12.5}}",
        "{\"values\":{\"lel\":120}}",
        "{\"values\":{}}",
        "{\"values\":{\"lel\":\"12\"}}",
        "nonsense",
    ] {
        say(broker.port, "plant/a/gas", payload);
    }
    let expected = [
        Reading::Good(Value::F64(12.5)),
        Reading::Bad(Reason::OutOfRange),
        Reading::Bad(Reason::MissingField),
        Reading::Bad(Reason::WrongType),
        Reading::Bad(Reason::BadPayload),
    ];
    until("all have come", 20, || {
        server
            .samples()
            .get("lel")
            .is_some_and(|got| got.len() >= expected.len())
    })
    .await;
    assert_eq!(server.samples()["lel"], expected);
    assert!(collector.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_register_and_a_dead_plc_have_their_reasons() {
    let (broker, plc) = (Broker::start(), Plc::start().await);
    let server = Server::start(broker.port);
    let nobody = crate::broker::free_port();
    let point = |key: &str, address: u16| {
        format!(
            "[[modbus.unit.point]]\nkey = \"{key}\"\nkind = \"count\"\n\
             table = \"holding\"\naddress = {address}\ntype = \"u64\"\n"
        )
    };
    let line = |name: &str, address: &str| {
        format!("[[modbus]]\nname = \"{name}\"\naddress = \"{address}\"\n")
    };
    let unit = "[[modbus.unit]]\nid = 1\ninterval_ms = 50\n";
    let sources = [
        line("plc1", &plc.address),
        unit.to_owned(),
        point("n", 100),
        point("gone", 901),
        line("plc2", &format!("127.0.0.1:{nobody}")),
        unit.to_owned(),
        point("dead", 100),
    ]
    .concat();
    let mut collector = Collector::new(&broker.url(), &sources);
    collector.start();
    let states = [
        "fenghuo.device.plc1.1",
        "fenghuo.line.plc1",
        "fenghuo.device.plc2.1",
        "fenghuo.line.plc2",
    ];
    until("all have come", 20, || {
        let samples = server.samples();
        let has = |key: &str, least| samples.get(key).is_some_and(|s| s.len() >= least);
        // The first frames may come last: the server had to ask for the catalog.
        ["n", "gone", "dead"].iter().all(|key| has(key, 6)) && states.iter().all(|key| has(key, 1))
    })
    .await;
    let samples = server.samples();
    let all = |key: &str, reading: &Reading| samples[key].iter().all(|got| got == reading);
    assert!(all("gone", &Reading::Bad(Reason::IllegalAddress)));
    assert!(all("dead", &Reading::Bad(Reason::NotConnected)));
    // Who says that there is no such register is there.
    let state = |up| Reading::Good(Value::Bool(up));
    let nobody_knows = Reading::Bad(Reason::NotConnected);
    let expected = [&state(true), &state(true), &nobody_knows, &state(false)];
    for (key, reading) in states.iter().zip(expected) {
        assert!(all(key, reading), "{key}: {:?}", samples[*key]);
    }
    assert!(collector.page("/healthz").contains("source_down"));
    assert!(collector.stop().success());
}
