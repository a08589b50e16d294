//! Nothing that was spooled is lost or doubled, whoever is killed.

use std::time::Duration;

use fenghuo_uplink::frame::GapReason;
use fenghuo_uplink::receipt::Again;

use crate::broker::Broker;
use crate::collector::{Collector, counter};
use crate::plc::Plc;
use crate::server::{Server, until};

/// The client library drops, silently, all that is queued when a session is not resumed.
/// Under load, with the broker killed again and again, every number still arrives once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_number_arrives_once_through_broker_kills() {
    let (mut broker, plc) = (Broker::start(), Plc::start().await);
    let server = Server::start(broker.port);
    let mut collector = Collector::new(&broker.url(), &counter(&plc.address, 2));
    collector.start();
    for _ in 0..4 {
        let before = server.numbers("n").len();
        until("numbers flow", 20, || {
            server.numbers("n").len() > before + 100
        })
        .await;
        broker.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        broker.restart();
    }
    let before = server.numbers("n").len();
    until("numbers flow again", 20, || {
        server.numbers("n").len() > before + 100
    })
    .await;
    assert!(collector.stop().success());
    // What the last second could not deliver waits in the spool for the next run.
    collector.start();
    let last = plc.served().len();
    until("the rest has come", 20, || plc.served().len() > last + 10).await;
    until("nothing waits", 20, || {
        collector
            .metric("fenghuo_collector_frames_pending")
            .is_some_and(|n| n < 3)
    })
    .await;
    assert!(collector.stop().success());
    let (served, mut got) = (plc.served(), server.numbers("n"));
    got.sort_unstable();
    let doubled = got.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert_eq!(doubled, 0);
    // An answer that was under way at a stop was served and never read: one for each stop.
    // What the second stop's last second did not deliver is still in the spool.
    let settled = &served[..last];
    let missing = settled.iter().filter(|n| got.binary_search(n).is_err());
    let missing: Vec<_> = missing.collect();
    assert!(missing.len() <= 1, "{missing:?}");
    assert!(server.gaps().contains(&GapReason::Restart));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_collector_loses_only_its_last_reads_and_says_so() {
    let (broker, plc) = (Broker::start(), Plc::start().await);
    let server = Server::start(broker.port);
    let mut collector = Collector::new(&broker.url(), &counter(&plc.address, 5));
    let mut kills = 0;
    for _ in 0..5 {
        collector.start();
        let before = server.numbers("n").len();
        until("numbers flow", 20, || {
            server.numbers("n").len() > before + 30
        })
        .await;
        collector.kill();
        kills += 1;
    }
    collector.start();
    let last = plc.served().len();
    until("all of it has come", 20, || {
        server
            .numbers("n")
            .last()
            .is_some_and(|n| *n > last as u64 + 5)
    })
    .await;
    assert!(collector.stop().success());
    let mut got = server.numbers("n");
    got.sort_unstable();
    assert!(
        got.windows(2).all(|pair| pair[0] < pair[1]),
        "none is doubled"
    );
    let missing = plc.served()[..last]
        .iter()
        .filter(|n| got.binary_search(n).is_err())
        .count();
    // A flush interval of 20 ms and its write hold about ten reads of 5 ms.
    assert!(missing <= kills * 40, "{missing} lost by {kills} kills");
    let restarts = server
        .gaps()
        .iter()
        .filter(|why| **why == GapReason::Restart)
        .count();
    assert_eq!(restarts, kills);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_without_broker_is_quick_and_keeps_everything() {
    let (mut broker, plc) = (Broker::start(), Plc::start().await);
    broker.kill();
    let mut collector = Collector::new(&broker.url(), &counter(&plc.address, 5));
    collector.start();
    until("the PLC is read", 20, || plc.served().len() > 100).await;
    until("health says so", 5, || {
        collector.page("/healthz").contains("destination_down")
    })
    .await;
    let begin = std::time::Instant::now();
    assert!(collector.stop().success());
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    let served = plc.served().len();
    broker.restart();
    let server = Server::start(broker.port);
    collector.start();
    let missing = || {
        let got = server.numbers("n");
        plc.served()[..served]
            .iter()
            .filter(|n| !got.contains(n))
            .count()
    };
    // The answer that was under way at the stop was served and never read.
    until("everything has come", 20, || missing() <= 1).await;
    assert!(collector.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_frame_becomes_a_dead_letter_and_a_gap() {
    let (broker, plc) = (Broker::start(), Plc::start().await);
    let server = Server::start(broker.port);
    server.memory.lock().unwrap().refuse = vec![5];
    let mut collector = Collector::new(&broker.url(), &counter(&plc.address, 20));
    collector.start();
    until("the gap is told", 20, || {
        server.gaps().contains(&GapReason::Refused)
    })
    .await;
    until("frames go on", 20, || {
        collector
            .metric("fenghuo_collector_frames_pending")
            .is_some_and(|n| n < 3)
    })
    .await;
    assert_eq!(
        collector.metric("fenghuo_collector_frames_refused_total"),
        Some(1)
    );
    assert!(collector.page("/healthz").contains("\"refused\""));
    assert!(collector.stop().success());
    let memory = server.memory.lock().unwrap();
    assert!(memory.frames.iter().all(|frame| frame.head.seq != 5));
    assert_eq!(memory.online, Some(false));
}

/// What a server refused and takes since it was mended comes when it asks for the period.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_frame_comes_when_the_period_is_asked_for() {
    let (broker, plc) = (Broker::start(), Plc::start().await);
    let server = Server::start(broker.port);
    server.memory.lock().unwrap().refuse = vec![5];
    let mut collector = Collector::new(&broker.url(), &counter(&plc.address, 20));
    collector.start();
    until("the gap is told", 20, || {
        let seqs = seqs(&server);
        let has_both = seqs.contains(&4) && seqs.contains(&6);
        has_both && server.gaps().contains(&GapReason::Refused)
    })
    .await;
    assert!(!seqs(&server).contains(&5));
    {
        let mut memory = server.memory.lock().unwrap();
        let head = |seq: u64| {
            let mut frames = memory.frames.iter();
            let frame = frames.find(|frame| frame.head.seq == seq).unwrap();
            frame.head.watermark.as_millis()
        };
        let (from, until) = (head(4), head(6));
        memory.again = Some(Again {
            id: 77,
            from,
            until,
        });
    }
    until("it comes", 20, || seqs(&server).contains(&5)).await;
    until("the request is over", 20, || {
        server.memory.lock().unwrap().again.is_none()
    })
    .await;
    assert!(collector.stop().success());
    let seqs = seqs(&server);
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "doubled");
}

/// A server that lost its log names another one; all that is still spooled is offered again,
/// also what the old log had receipted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_server_gets_what_is_still_here() {
    let (broker, plc) = (Broker::start(), Plc::start().await);
    let server = Server::start(broker.port);
    let mut collector = Collector::new(&broker.url(), &counter(&plc.address, 20));
    collector.start();
    until("numbers flow", 20, || server.numbers("n").len() > 20).await;
    until("receipts flow", 20, || {
        let pending = collector.metric("fenghuo_collector_frames_pending");
        let receipted = collector.metric("fenghuo_collector_frames_receipted_total");
        pending.is_some_and(|n| n < 3) && receipted.is_some_and(|n| n > 20)
    })
    .await;
    {
        let mut memory = server.memory.lock().unwrap();
        memory.is_mute = true;
    }
    let kept = plc.served().len() as u64 + 1;
    until("frames wait", 20, || plc.served().len() as u64 > kept + 20).await;
    drop(server);
    let server = Server::start(broker.port);
    server.memory.lock().unwrap().log_id = [2; 16];
    let until_number = plc.served().len() as u64;
    until("the new server has them", 30, || {
        let got = server.numbers("n");
        (1..until_number).all(|number| got.contains(&number))
    })
    .await;
    assert!(collector.stop().success());
    let mut got = server.numbers("n");
    got.sort_unstable();
    assert!(got.windows(2).all(|pair| pair[0] < pair[1]), "doubled");
    let hello = server.memory.lock().unwrap().hellos[0].clone();
    assert_eq!(hello.log_id, Some([1; 16]), "{hello:?}");
}

/// What the old server was told is missing, a new one has to be told too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_server_is_told_what_is_missing() {
    let (broker, plc) = (Broker::start(), Plc::start().await);
    let server = Server::start(broker.port);
    server.memory.lock().unwrap().refuse = vec![5];
    let mut collector = Collector::new(&broker.url(), &counter(&plc.address, 20));
    collector.start();
    until("the gap is told", 20, || {
        server.gaps().contains(&GapReason::Refused)
    })
    .await;
    let told = *seqs(&server).last().unwrap();
    until("that is receipted", 20, || {
        let pending = collector.metric("fenghuo_collector_frames_pending");
        seqs(&server).last() > Some(&(told + 50)) && pending.is_some_and(|n| n < 3)
    })
    .await;
    drop(server);
    let server = Server::start(broker.port);
    server.memory.lock().unwrap().log_id = [2; 16];
    until("the new one is told", 30, || {
        server.gaps().contains(&GapReason::Refused)
    })
    .await;
    assert!(collector.stop().success());
    assert!(seqs(&server).contains(&4) && !seqs(&server).contains(&5));
}

/// A plant's server and a county's, each behind a broker of its own.
struct Two {
    county_broker: Broker,
    _plant_broker: Broker,
    plant: Server,
    county: Server,
    collector: Collector,
    environment: [(&'static str, String); 1],
}

impl Two {
    fn start(plc: &Plc) -> Self {
        let (plant_broker, county_broker) = (Broker::start(), Broker::start());
        let plant = Server::start(plant_broker.port);
        let county = Server::start(county_broker.port);
        county.memory.lock().unwrap().log_id = [2; 16];
        let destinations = format!(
            "[[destination]]\nname = \"plant\"\nurl = \"{}\"\n\
             [[destination]]\nname = \"county\"\nurl = \"mqtt://127.0.0.1:1\"\n",
            plant_broker.url()
        );
        let url = county_broker.url();
        let mut two = Self {
            collector: Collector::with(&destinations, &counter(&plc.address, 20)),
            environment: [("FENGHUO_COLLECTOR_DESTINATION__COUNTY__URL", url)],
            county_broker,
            _plant_broker: plant_broker,
            plant,
            county,
        };
        two.start_collector();
        two
    }

    fn start_collector(&mut self) {
        let environment = self.environment.clone();
        let environment = environment
            .iter()
            .map(|(key, value)| (*key, value.as_str()));
        let environment: Vec<_> = environment.collect();
        self.collector.start_with(&environment);
    }

    fn pending(&self, name: &str) -> i64 {
        let gauge = format!("fenghuo_collector_frames_pending{{destination=\"{name}\"}}");
        self.collector.metric(&gauge).unwrap_or(-1)
    }
}

fn seqs(server: &Server) -> Vec<u64> {
    let memory = server.memory.lock().unwrap();
    let mut seqs: Vec<u64> = memory.frames.iter().map(|frame| frame.head.seq).collect();
    seqs.sort_unstable();
    seqs
}

/// Each gets everything once, on receipts of its own. One that is away holds nothing back but
/// room on the disk; what one refuses is the other's all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_destinations_get_everything_each_on_its_own_receipts() {
    let plc = Plc::start().await;
    let mut two = Two::start(&plc);
    until("both have numbers", 20, || {
        two.plant.numbers("n").len() > 20 && two.county.numbers("n").len() > 20
    })
    .await;
    two.county_broker.kill();
    until("frames wait for one of them only", 20, || {
        two.pending("county") > 50 && (0..5).contains(&two.pending("plant"))
    })
    .await;
    let refused = seqs(&two.plant).last().unwrap() + 20;
    two.county.memory.lock().unwrap().refuse = vec![refused];
    two.collector.kill();
    two.start_collector();
    two.county_broker.restart();
    until("the refusal is told", 30, || {
        two.county.gaps().contains(&GapReason::Refused)
    })
    .await;
    let last = *plc.served().last().unwrap();
    until("both have all", 30, || {
        let servers = [&two.plant, &two.county];
        servers.iter().all(|it| it.numbers("n").contains(&last))
    })
    .await;
    until("the page shows both", 10, || {
        let page = two.collector.page("/healthz");
        ["plant", "county"].iter().all(|name| {
            let shown = format!("\"name\":\"{name}\",\"up\":true");
            page.contains(&shown)
        })
    })
    .await;
    assert!(two.collector.stop().success());
    assert!(!two.plant.gaps().contains(&GapReason::Refused));
    let (at_plant, at_county) = (seqs(&two.plant), seqs(&two.county));
    let end = *at_plant.last().unwrap().min(at_county.last().unwrap());
    let all = |but: u64| (1..=end).filter(move |seq| *seq != but);
    assert!(all(0).eq(at_plant.into_iter().filter(|seq| *seq <= end)));
    assert!(all(refused).eq(at_county.into_iter().filter(|seq| *seq <= end)));
}

/// A bit that flipped on disk costs its own frame and nothing else, and is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_frame_is_not_sent_and_leaves_a_gap() {
    let (mut broker, plc) = (Broker::start(), Plc::start().await);
    broker.kill();
    let mut collector = Collector::new(&broker.url(), &counter(&plc.address, 20));
    collector.start();
    until("the PLC is read", 20, || plc.served().len() > 30).await;
    assert!(collector.stop().success());
    let file = rusqlite::Connection::open(collector.dir.path().join("spool/spool.db")).unwrap();
    let damaged: i64 = file
        .query_row("SELECT min(position) + 3 FROM entry", [], |row| row.get(0))
        .unwrap();
    let body: Vec<u8> = file
        .query_row(
            "SELECT body FROM entry WHERE position = ?1",
            [damaged],
            |row| row.get(0),
        )
        .unwrap();
    let flipped: Vec<u8> = body
        .iter()
        .enumerate()
        .map(|(at, b)| b ^ u8::from(at == 9))
        .collect();
    file.execute(
        "UPDATE entry SET body = ?1 WHERE position = ?2",
        (flipped, damaged),
    )
    .unwrap();
    drop(file);
    broker.restart();
    let server = Server::start(broker.port);
    collector.start();
    until("the gap is told", 20, || {
        server.gaps().contains(&GapReason::Corrupt)
    })
    .await;
    until("nothing waits", 20, || {
        collector
            .metric("fenghuo_collector_frames_pending")
            .is_some_and(|n| n < 3)
    })
    .await;
    assert_eq!(
        collector.metric("fenghuo_collector_frames_corrupt_total"),
        Some(1)
    );
    assert!(collector.stop().success());
    let memory = server.memory.lock().unwrap();
    let mut seqs: Vec<u64> = memory.frames.iter().map(|frame| frame.head.seq).collect();
    seqs.sort_unstable();
    let all = 1..=*seqs.last().unwrap();
    let missing: Vec<u64> = all.filter(|seq| seqs.binary_search(seq).is_err()).collect();
    assert_eq!(missing, [damaged.unsigned_abs()]);
}

/// Frames whose catalog is damaged can never be delivered; they are told and hold up nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_catalog_holds_up_no_other_frames() {
    let (mut broker, plc) = (Broker::start(), Plc::start().await);
    broker.kill();
    let mut collector = Collector::new(&broker.url(), &counter(&plc.address, 20));
    collector.start();
    until("the PLC is read", 20, || plc.served().len() > 60).await;
    assert!(collector.stop().success());
    let file = rusqlite::Connection::open(collector.dir.path().join("spool/spool.db")).unwrap();
    let last: i64 = file
        .query_row("SELECT max(position) FROM entry", [], |row| row.get(0))
        .unwrap();
    file.execute(
        "UPDATE mark SET value = x'00' WHERE key LIKE 'catalog/%'",
        [],
    )
    .unwrap();
    drop(file);
    let text = std::fs::read_to_string(collector.file()).unwrap();
    let other = text.replace("interval_ms = 20", "interval_ms = 25");
    assert_ne!(text, other);
    std::fs::write(collector.file(), other).unwrap();
    broker.restart();
    let server = Server::start(broker.port);
    collector.start();
    until("nothing waits", 30, || {
        let pending = collector.metric("fenghuo_collector_frames_pending");
        seqs(&server).len() > 20 && pending.is_some_and(|n| n < 3)
    })
    .await;
    let corrupt = collector.metric("fenghuo_collector_frames_corrupt_total");
    assert_eq!(corrupt, Some(last));
    until("the gap is told", 20, || {
        server.gaps().contains(&GapReason::Corrupt)
    })
    .await;
    assert!(seqs(&server).iter().all(|seq| *seq > last.unsigned_abs()));
    assert!(collector.stop().success());
}

/// Whoever looks for the fault must know on which side of the broker it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_server_behind_its_broker_is_told_from_a_silent_broker() {
    let (mut broker, plc) = (Broker::start(), Plc::start().await);
    let mut collector = Collector::new(&broker.url(), &counter(&plc.address, 20));
    collector.start();
    let says = |words: &'static str| {
        let collector = &collector;
        move || collector.page("/healthz").contains(words)
    };
    until(
        "the server is missed",
        30,
        says("no server answers behind it"),
    )
    .await;
    broker.kill();
    until(
        "the broker is missed",
        20,
        says("destination server does not answer"),
    )
    .await;
    assert!(collector.stop().success());
}
