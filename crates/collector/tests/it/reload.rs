//! The configuration is loaded again while lines are read: what did not change goes on
//! without a missed reading, and every value stands under its own point.

use std::collections::BTreeMap;

use fenghuo_model::{Catalog, CatalogId, Reading, Value};
use fenghuo_uplink::frame::{Frame, FrameSample};

use crate::broker::{Broker, free_port, say};
use crate::collector::Collector;
use crate::plc::Plc;
use crate::server::{Server, until};

/// A line with one 64-bit counter, which is called as the line is.
fn line(name: &str, plc: &Plc, interval_ms: u32) -> String {
    format!(
        "[[modbus]]\nname = \"{name}\"\naddress = \"{}\"\n\
         [[modbus.unit]]\nid = 1\ninterval_ms = {interval_ms}\n\
         [[modbus.unit.point]]\nkey = \"{name}.n\"\nkind = \"count\"\n\
         table = \"holding\"\naddress = 100\ntype = \"u64\"\n",
        plc.address
    )
}

/// What the spool holds: every good number by the key that its own frame's catalog gives it,
/// and the catalogs that frames name, in their order.
fn spooled(collector: &Collector) -> (BTreeMap<String, Vec<u64>>, Vec<CatalogId>) {
    let file = collector.dir.path().join("spool/spool.db");
    let reader = fenghuo_log::Reader::open(&file).unwrap();
    let (mut numbers, mut named) = (BTreeMap::<String, Vec<u64>>::new(), Vec::new());
    let mut catalogs: BTreeMap<CatalogId, Catalog> = BTreeMap::new();
    for entry in reader.read(1, usize::MAX, usize::MAX).unwrap() {
        let frame = Frame::decode(&entry.body).unwrap();
        let id = frame.head.catalog;
        named.push(id);
        let catalog = catalogs.entry(id).or_insert_with(|| {
            let name = fenghuo_collector::spool::catalog_mark(id);
            let bytes = reader.mark(&name).unwrap().unwrap();
            fenghuo_uplink::catalog::from_bytes(&bytes).unwrap()
        });
        let mut samples: Vec<FrameSample> = Vec::new();
        frame.samples(catalog, &mut samples).unwrap();
        for FrameSample { point, sample } in samples {
            if let Reading::Good(Value::U64(number)) = sample.reading {
                let key = catalog.points()[point as usize].key.to_string();
                numbers.entry(key).or_default().push(number);
            }
        }
    }
    named.dedup();
    (numbers, named)
}

/// Every number that a device gave but for the last `open`, once and in order, and nobody
/// else's. A number that was under way when its line was stopped was never read.
fn assert_whole(told: &[u64], plc: &Plc, open: usize) {
    assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
    let served = plc.served();
    let strange = told.iter().filter(|n| served.binary_search(n).is_err());
    assert_eq!(strange.collect::<Vec<_>>(), Vec::<&u64>::new());
    assert!(
        told.len() + open >= served.len(),
        "{} of {}",
        told.len(),
        served.len()
    );
}

fn connections(collector: &Collector, source: &str) -> i64 {
    let name =
        format!("fenghuo_collector_source_connects_total{{result=\"opened\",source=\"{source}\"}}");
    collector.metric(&name).unwrap_or(0)
}

async fn until_read(what: &str, plc: &Plc, more: usize) {
    let before = plc.served().len();
    until(what, 20, || plc.served().len() > before + more).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unchanged_line_misses_nothing_while_others_come_change_and_go() {
    let broker = Broker::start();
    let server = Server::start(broker.port);
    let (stays, changes) = (Plc::start().await, Plc::above(1_000_000).await);
    let comes = Plc::above(2_000_000).await;
    let own = line("stays", &stays, 100);
    let first = line("changes", &changes, 50) + &own;
    let mut collector = Collector::new(&broker.url(), &first);
    collector.start();
    until_read("both are read", &stays, 5).await;
    // Whatever stands before it: another line, more points, and then less.
    collector.write(&(line("comes", &comes, 50) + &line("changes", &changes, 20) + &own));
    collector.reload().await;
    until_read("it goes on", &stays, 5).await;
    until("the new one is told", 20, || {
        !server.numbers("comes.n").is_empty()
    })
    .await;
    collector.write(&own);
    collector.reload().await;
    let gone = (changes.served().len(), comes.served().len());
    until_read("it goes on", &stays, 5).await;
    assert_eq!(gone, (changes.served().len(), comes.served().len()));
    assert!(!collector.page("/metrics").contains("source=\"comes\""));
    let skipped = "fenghuo_collector_reads_total{result=\"skipped\",source=\"stays\"}";
    assert_eq!(collector.metric(skipped), Some(0));
    let last = *stays.served().last().unwrap();
    until("all of it has come", 20, || {
        server.numbers("stays.n").contains(&last)
    })
    .await;
    assert!(collector.stop().success());
    assert_eq!((stays.connections(), changes.connections()), (1, 2));
    assert_eq!(comes.connections(), 1);
    let (numbers, named) = spooled(&collector);
    assert_eq!(named.len(), 3);
    for (key, plc, open) in [
        ("stays.n", &stays, 1),
        ("changes.n", &changes, 2),
        ("comes.n", &comes, 1),
    ] {
        assert_whole(&numbers[key], plc, open);
    }
    // The server was told each catalog before the frames that name it.
    let memory = server.memory.lock().unwrap();
    assert_eq!(memory.catalogs.len(), 3);
    assert!(memory.unreadable <= 1, "{}", memory.unreadable);
    let log = collector.log();
    for said in [
        "fate=\"kept\"",
        "fate=\"changed\"",
        "fate=\"started\"",
        "fate=\"stopped\"",
    ] {
        assert!(log.contains(said), "{said} in {log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_reloads_under_load_lose_no_reading() {
    let broker = Broker::start();
    let server = Server::start(broker.port);
    let (stays, other) = (Plc::start().await, Plc::above(1_000_000).await);
    let more = Plc::above(2_000_000).await;
    let own = line("stays", &stays, 2);
    let files = [
        own.clone() + &line("other", &other, 3),
        line("more", &more, 3) + &line("other", &other, 2) + &own,
    ];
    let mut collector = Collector::new(&broker.url(), &files[0]);
    collector.start();
    until_read("it is read", &stays, 20).await;
    for round in 1..=50 {
        collector.write(&files[round % 2]);
        collector.reload().await;
    }
    until_read("it goes on", &stays, 20).await;
    let last = *stays.served().last().unwrap();
    until("all of it has come", 30, || {
        server.numbers("stays.n").contains(&last)
    })
    .await;
    assert!(collector.stop().success());
    assert_eq!(stays.connections(), 1);
    let (numbers, named) = spooled(&collector);
    assert!(named.len() > 40, "{}", named.len());
    assert_whole(&numbers["stays.n"], &stays, 1);
    // Each stop may find one answer under way.
    assert_whole(&numbers["other.n"], &other, 51);
    assert_whole(&numbers["more.n"], &more, 26);
    let told = server.samples();
    for (key, numbers) in &numbers {
        let at_server = server.numbers(key);
        assert!(numbers.starts_with(&at_server), "{key}");
    }
    assert!(
        told["fenghuo.line.stays"]
            .iter()
            .all(|it| *it == Reading::Good(Value::Bool(true)))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_refused_changes_nothing() {
    let nobody = format!("mqtt://127.0.0.1:{}", free_port());
    let (plc, other) = (Plc::start().await, Plc::above(1_000_000).await);
    let good = line("plc", &plc, 20);
    let mut collector = Collector::new(&nobody, &good);
    collector.start();
    until_read("it is read", &plc, 5).await;
    let success = "fenghuo_collector_config_last_reload_successful";
    assert_eq!(collector.metric(success), Some(1));
    let since = "fenghuo_collector_config_last_reload_success_timestamp_seconds";
    let loaded = collector.metric(since).unwrap();

    // Two problems, in a file that would else bring a line.
    let bad = good.replace("\"count\"", "\"cuont\"") + &line("new", &other, 20);
    collector.write(&bad.replace("interval_ms = 20\n", "interval_ms = 20\nwhat = 1\n"));
    collector.reload_in_vain().await;
    let page = collector.page("/healthz");
    for named in [
        "reload_refused",
        "cuont",
        "what",
        "新配置未生效",
        "stays in force",
    ] {
        assert!(page.contains(named), "{named} in {page}");
    }
    assert!(collector.log().contains("cuont"));
    assert_eq!(collector.metric(success), Some(0));
    // What needs a restart refuses the whole, and is named with its like.
    collector.write_with(
        "\"oil\"",
        "\"gas\"",
        &(good.clone() + &line("new", &other, 20)),
    );
    collector.reload_in_vain().await;
    let page = collector.page("/healthz");
    assert!(page.contains("need a restart: enterprise"), "{page}");
    // A port that another has.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let modem = format!("transport = \"dial_in\"\nlisten = \"{listen}\"\nregister = \"M\"");
    let address = format!("address = \"{}\"", other.address);
    let modem = line("new", &other, 20).replace(&address, &modem);
    collector.write(&(good.clone() + &modem));
    collector.reload_in_vain().await;
    assert!(
        collector
            .page("/healthz")
            .contains("cannot listen for modems")
    );
    std::fs::remove_file(collector.file()).unwrap();
    collector.reload_in_vain().await;
    assert!(collector.page("/healthz").contains("collector.toml"));
    until_read("it goes on", &plc, 5).await;
    assert_eq!((plc.connections(), other.connections()), (1, 0));
    assert_eq!(collector.metric(since), Some(loaded));

    // Mended, with the line that it was about.
    collector.write(&(good + &line("new", &other, 20)));
    collector.reload().await;
    until_read("the new line is read", &other, 5).await;
    let page = collector.page("/healthz");
    assert!(!page.contains("reload_refused"), "{page}");
    assert_eq!(collector.metric(success), Some(1));
    assert!(collector.stop().success());
    assert_eq!(plc.connections(), 1);
    assert_eq!(spooled(&collector).1.len(), 2, "two files were in force");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_of_two_catalogs_is_delivered_after_a_kill() {
    let (mut broker, plc, new) = (
        Broker::start(),
        Plc::start().await,
        Plc::above(1_000_000).await,
    );
    broker.kill();
    let own = line("plc", &plc, 5);
    let mut collector = Collector::new(&broker.url(), &own);
    collector.start();
    until_read("it is read", &plc, 50).await;
    collector.write(&(line("new", &new, 5) + &own));
    collector.reload().await;
    until_read("both are read", &new, 50).await;
    // What is durable by now must not be lost by a kill.
    let (known, known_new) = (plc.served().len(), new.served().len());
    let frames = "fenghuo_collector_frames_spooled_total";
    let before = collector.metric(frames).unwrap();
    until("it is on disk", 20, || {
        collector.metric(frames).unwrap() > before + 1
    })
    .await;
    collector.kill();
    let (numbers, named) = spooled(&collector);
    assert_eq!(named.len(), 2);
    broker.restart();
    let server = Server::start(broker.port);
    collector.start();
    until("all of it has come", 30, || {
        let has = |key, count: usize| server.numbers(key).len() > count;
        has("plc.n", known) && has("new.n", known_new)
    })
    .await;
    assert!(collector.stop().success());
    for (key, base, known) in [("plc.n", 0, known), ("new.n", 1_000_000, known_new)] {
        let mut told = server.numbers(key);
        told.sort_unstable();
        assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "doubled");
        let until_known: Vec<u64> = (base + 1..=base + known as u64).collect();
        assert!(told.starts_with(&until_known), "{key}");
        assert!(numbers[key].iter().all(|n| told.binary_search(n).is_ok()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_early_or_too_often_ends_nothing() {
    let nobody = format!("mqtt://127.0.0.1:{}", free_port());
    let plc = Plc::start().await;
    let mut collector = Collector::new(&nobody, &line("plc", &plc, 20));
    collector.start();
    let spool = collector.dir.path().join("spool");
    until("it starts", 20, || spool.exists()).await;
    for _ in 0..100 {
        collector.hang_up();
    }
    assert!(collector.is_alive());
    until("it is loaded", 20, || collector.reloads().0 > 0).await;
    until_read("it is read", &plc, 10).await;
    assert!(collector.is_alive());
    assert_eq!(plc.connections(), 1);
    collector.hang_up();
    assert!(collector.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_destination_that_is_reached_otherwise_is_connected_anew() {
    let broker = Broker::start();
    let server = Server::start(broker.port);
    let plc = Plc::start().await;
    let own = line("plc", &plc, 10);
    let mut collector = Collector::new(&broker.url(), &own);
    collector.start();
    until("numbers flow", 20, || server.numbers("plc.n").len() > 20).await;
    let connects = |collector: &Collector| {
        collector.metric("fenghuo_collector_link_connects_total{destination=\"server\"}")
    };
    assert_eq!(connects(&collector), Some(1));
    let destination = "[[destination]]\nname = \"server\"";
    let limited = format!("{destination}\nlimit_kbit_s = 80000\nbacklog_percent = 10");
    collector.write_with(destination, &limited, &own);
    collector.reload().await;
    collector.write_with("budget_mb = 64", "budget_mb = 32\nkeep_hours = 1", &own);
    collector.reload().await;
    let before = server.numbers("plc.n").len();
    until("numbers flow", 20, || {
        server.numbers("plc.n").len() > before + 20
    })
    .await;
    assert_eq!(connects(&collector), Some(1));
    let known = format!("{destination}\nusername = \"gw1\"");
    collector.write_with(destination, &known, &own);
    collector.reload().await;
    until("it is connected anew", 20, || {
        connects(&collector) == Some(2)
    })
    .await;
    until("the server sees it", 20, || {
        server.memory.lock().unwrap().online == Some(true)
    })
    .await;
    let last = *plc.served().last().unwrap();
    until("all has come", 20, || {
        server.numbers("plc.n").contains(&last)
    })
    .await;
    assert!(collector.stop().success());
    assert_eq!(plc.connections(), 1);
    let mut told = server.numbers("plc.n");
    told.sort_unstable();
    let all: Vec<u64> = (1..=last).collect();
    assert!(told.starts_with(&all), "lost or doubled");
    // The file and its frames stay as they were: nothing of it makes another catalog.
    assert_eq!(spooled(&collector).1.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_keeps_its_connection_and_what_it_last_told() {
    let (up, devices) = (Broker::start(), Broker::start());
    let server = Server::start(up.port);
    let plc = Plc::start().await;
    let feed = format!(
        "[[mqtt]]\nname = \"devices\"\nurl = \"{}\"\n\
         [[mqtt.topic]]\nfilter = \"a\"\npayload = \"text\"\n\
         [[mqtt.topic.point]]\nkey = \"a\"\nkind = \"level\"\nunit = \"m\"\ntype = \"f64\"\n\
         deadband = 1.0\nheartbeat_ms = 600000\n",
        devices.url()
    );
    let mut collector = Collector::new(&up.url(), &feed);
    collector.start();
    until("connected", 20, || connections(&collector, "devices") == 1).await;
    let told = || server.samples().remove("a").unwrap_or_default();
    say(devices.port, "a", "1");
    until("the value has come", 20, || told().len() == 1).await;
    // All of a feed's points move, and what is told of one of them is another.
    let titled = feed.replace("key = \"a\"\n", "key = \"a\"\ntitle = { zh = \"液位\" }\n");
    collector.write(&(line("plc", &plc, 20) + &titled));
    collector.reload().await;
    until_read("the line is read", &plc, 5).await;
    // Within the deadband of what was told before; then beyond it.
    say(devices.port, "a", "1.5");
    say(devices.port, "a", "3");
    until("the value has come", 20, || told().len() == 2).await;
    let good = |number| Reading::Good(Value::F64(number));
    assert_eq!(told(), [good(1.0), good(3.0)]);
    assert_eq!(connections(&collector, "devices"), 1);
    assert!(collector.log().contains("kept, described anew"));
    // Another deadband: the feed is another, and begins anew.
    let other = titled.replace("deadband = 1.0", "deadband = 0.1");
    collector.write(&(line("plc", &plc, 20) + &other));
    collector.reload().await;
    until("connected anew", 20, || {
        connections(&collector, "devices") == 2
    })
    .await;
    say(devices.port, "a", "3");
    until("the value has come", 20, || told().len() == 3).await;
    assert!(collector.stop().success());
    assert_eq!(plc.connections(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modems_that_are_expected_may_come_and_go() {
    let nobody = format!("mqtt://127.0.0.1:{}", free_port());
    let (one, two) = (free_port(), free_port());
    let (mut stays, mut comes) = (Plc::start().await, Plc::above(1_000_000).await);
    let modem = |name: &str, plc: &Plc, port: u16, id: &str| {
        let called = format!(
            "transport = \"dial_in\"\nlisten = \"127.0.0.1:{port}\"\nregister = \"{id}\"\n\
             framing = \"tcp\""
        );
        line(name, plc, 20).replace(&format!("address = \"{}\"", plc.address), &called)
    };
    let own = modem("stays", &stays, one, "DTU-1");
    let mut collector = Collector::new(&nobody, &own);
    collector.start();
    stays.call(format!("127.0.0.1:{one}"), "DTU-1");
    comes.call(format!("127.0.0.1:{one}"), "DTU-2");
    until_read("the modem is read", &stays, 5).await;
    assert_eq!(comes.served().len(), 0, "it is a stranger");
    // Another modem on the same port.
    collector.write(&(modem("comes", &comes, one, "DTU-2") + &own));
    collector.reload().await;
    until_read("it is read", &comes, 5).await;
    // It moves to a port of its own, which is not listened on later.
    comes.call(format!("127.0.0.1:{two}"), "DTU-2");
    collector.write(&(modem("comes", &comes, two, "DTU-2") + &own));
    collector.reload().await;
    until_read("it is read there", &comes, 5).await;
    collector.write(&own);
    collector.reload().await;
    until("nobody listens there", 20, || {
        std::net::TcpStream::connect(("127.0.0.1", two)).is_err()
    })
    .await;
    until_read("the first goes on", &stays, 5).await;
    assert!(collector.stop().success());
    assert_eq!(stays.connections(), 1);
    let (numbers, _) = spooled(&collector);
    assert_whole(&numbers["stays.n"], &stays, 1);
    assert_whole(&numbers["comes.n"], &comes, 3);
}
