//! The collector is connected again within seconds, whatever the broker did, and never takes
//! a broker that sends nothing for a healthy one.

use std::time::{Duration, Instant};

use fenghuo_model::{Reading, Reason, Value};

use crate::broker::{Broker, say};
use crate::collector::Collector;
use crate::scripted::{Manners, Scripted};
use crate::server::{Server, until};

fn source(url: &str, more: &str) -> String {
    format!(
        "[[mqtt]]\nname = \"devices\"\nurl = \"{url}\"\n{more}\
         [[mqtt.topic]]\nfilter = \"a\"\npayload = \"text\"\n\
         [[mqtt.topic.point]]\nkey = \"a\"\nkind = \"level\"\nunit = \"m\"\ntype = \"f64\"\n"
    )
}

fn is_connected(collector: &Collector) -> bool {
    collector.metric("fenghuo_collector_source_connected{source=\"devices\"}") == Some(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_come_again_after_a_restart_without_persistence() {
    for version in [4, 5] {
        let (up, mut devices) = (Broker::start(), Broker::start());
        let server = Server::start(up.port);
        let sources = source(&devices.url(), &format!("mqtt_version = {version}\n"));
        let mut collector = Collector::new(&up.url(), &sources);
        collector.start();
        until("connected", 20, || is_connected(&collector)).await;
        let good = |number| Reading::Good(Value::F64(number));
        say(devices.port, "a", "1");
        until("the first value has come", 20, || {
            server.samples().remove("a") == Some(vec![good(1.0)])
        })
        .await;
        devices.kill();
        until("it is missed", 20, || !is_connected(&collector)).await;
        // Long enough for the longest pause between two tries.
        tokio::time::sleep(Duration::from_secs(8)).await;
        devices.restart();
        let restarted = Instant::now();
        until("connected again", 20, || is_connected(&collector)).await;
        let took = restarted.elapsed();
        assert!(took < Duration::from_secs(6), "{took:?}");
        say(devices.port, "a", "2");
        until("the values have come", 20, || {
            let got = server.samples().remove("a").unwrap_or_default();
            got.first() == Some(&good(1.0)) && got.last() == Some(&good(2.0))
        })
        .await;
        let got = server.samples().remove("a").unwrap();
        let between = &got[1..got.len() - 1];
        let lost = Reading::Bad(Reason::NotConnected);
        assert!(
            !between.is_empty() && between.iter().all(|it| *it == lost),
            "{got:?}"
        );
        assert!(collector.stop().success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_never_answers_is_given_up_and_tried_again() {
    let up = Broker::start();
    for manners in [Manners::Mute, Manners::Forgetful] {
        let broker = Scripted::start(manners).await;
        let mut collector = Collector::new(&up.url(), &source(&broker.url(), ""));
        collector.start();
        until("it is a trouble", 12, || {
            collector.page("/healthz").contains("source_down")
        })
        .await;
        assert!(!is_connected(&collector));
        broker.turn(Manners::Kind);
        until("connected", 15, || is_connected(&collector)).await;
        assert!(!collector.page("/healthz").contains("source_down"));
        assert!(collector.stop().success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_subscription_is_a_trouble_until_it_is_granted() {
    let up = Broker::start();
    let server = Server::start(up.port);
    let broker = Scripted::start(Manners::Refusing).await;
    let mut collector = Collector::new(&up.url(), &source(&broker.url(), ""));
    collector.start();
    until("it is a trouble", 12, || {
        let page = collector.page("/healthz");
        page.contains("subscription_refused") && page.contains("refuses to send a")
    })
    .await;
    let lost = Reading::Bad(Reason::NotConnected);
    until("its point has no value", 10, || {
        server
            .samples()
            .remove("a")
            .is_some_and(|got| got.contains(&lost))
    })
    .await;
    broker.turn(Manners::Kind);
    until("it is asked for again", 20, || {
        !collector.page("/healthz").contains("subscription_refused")
    })
    .await;
    assert!(collector.stop().success());
}
