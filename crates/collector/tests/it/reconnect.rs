//! The collector is connected again within seconds, whatever the broker did, and never takes
//! a broker that sends nothing for a healthy one.

use std::time::{Duration, Instant};

use fenghuo_model::{Reading, Reason, Value};

use crate::broker::{Broker, say};
use crate::collector::{Collector, counter};
use crate::plc::Plc;
use crate::scripted::{Manners, Scripted};
use crate::server::{Server, until};
use crate::sieve::Sieve;

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
async fn a_broker_that_never_grants_the_receipts_is_left_again_and_again() {
    let devices = Broker::start();
    let broker = Scripted::start(Manners::Forgetful).await;
    let mut collector = Collector::new(&broker.url(), &source(&devices.url(), ""));
    collector.start();
    until("it is a trouble with its own words", 12, || {
        let page = collector.page("/healthz");
        page.contains("destination_down") && page.contains("no answer within 5 s")
    })
    .await;
    until("it is tried again", 20, || broker.connections() >= 3).await;
    broker.turn(Manners::Kind);
    until("it is granted", 20, || {
        collector
            .page("/healthz")
            .contains("no server answers behind it")
    })
    .await;
    assert!(collector.stop().success());
}

/// It greets, grants the receipts, answers pings and passes nothing on: nothing is amiss with
/// the connection, and only another one can help.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_behind_which_nobody_answers_is_left_for_another_connection() {
    let broker = Scripted::start(Manners::Kind).await;
    let mut collector = Collector::new(&broker.url(), &source(&broker.url(), ""));
    collector.start();
    until("server and source are connected", 20, || {
        broker.connections() == 2
    })
    .await;
    until("it is a trouble", 30, || {
        let page = collector.page("/healthz");
        page.contains("destination_down") && page.contains("no server answers behind it")
    })
    .await;
    until("it is left", 130, || broker.connections() == 3).await;
    assert!(is_connected(&collector), "the source has no part in it");
    assert!(collector.stop().success());
}

/// What the broker acknowledges is lost for a while, and the client has no room any more, for
/// ever: nobody acknowledges those messages again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_acknowledgements_do_not_stop_delivery_for_ever() {
    tokio::join!(loses_acknowledgements(4), loses_acknowledgements(5));
}

async fn loses_acknowledgements(version: u8) {
    let (plc, broker) = (Plc::start().await, Broker::start());
    let server = Server::start(broker.port);
    let sieve = Sieve::start(broker.port).await;
    let destination = format!(
        "[[destination]]\nname = \"server\"\nurl = \"{}\"\nmqtt_version = {version}\n",
        sieve.url()
    );
    let mut collector = Collector::with(&destination, &counter(&plc.address, 50));
    collector.start();
    let up = || collector.metric("fenghuo_collector_link_up{");
    until("it is delivered", 20, || server.numbers("n").len() > 20).await;
    assert_eq!(up(), Some(1));
    sieve.lose(true);
    until("it is no destination that answers", 60, || up() == Some(0)).await;
    sieve.lose(false);
    let got = server.numbers("n").len();
    assert!(collector.page("/healthz").contains("destination_down"));
    until("it is delivered again", 130, || {
        server.numbers("n").len() > got + 100 && up() == Some(1)
    })
    .await;
    assert_eq!(sieve.connections(), 2);
    assert!(!collector.page("/healthz").contains("destination_down"));
    assert!(collector.stop().success());
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
