//! What must hold after any trouble, whatever it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fenghuo_e2e::collector::Collector;
use fenghuo_e2e::log;
use fenghuo_e2e::server::Server;
use fenghuo_uplink::frame::GapReason;

/// Empties the spools of stopped collectors: a last run of each has nothing to read.
pub fn drain(collectors: &mut [Collector], broker: u16) {
    let nothing = format!(
        "[[mqtt]]\nname = \"none\"\nurl = \"mqtt://127.0.0.1:{broker}\"\n[[mqtt.topic]]\n\
         filter = \"none\"\n[[mqtt.topic.point]]\nkey = \"none\"\nkind = \"other\"\n\
         pointer = \"\"\ntype = \"f64\"\n"
    );
    for collector in &mut *collectors {
        collector.configure(&nothing);
        collector.start();
    }
    for collector in collectors {
        collector.wait_delivered();
        collector.stop();
    }
}

/// Checks that the first frame of each run but the first of these collectors says that something
/// may be missing. Answers how many do. A run may have further epochs: nothing is missing there.
pub fn gaps(data: &Path, collectors: &[&Collector]) -> usize {
    let mut first: BTreeMap<(String, u64), (u64, Vec<GapReason>)> = BTreeMap::new();
    for logged in log::frames(data) {
        let head = logged.frame.head;
        let epoch = first.entry((logged.gateway.clone(), head.epoch));
        let epoch = epoch.or_insert((u64::MAX, Vec::new()));
        if head.seq < epoch.0 {
            *epoch = (head.seq, logged.gaps());
        }
    }
    let mut gaps = 0;
    for collector in collectors {
        let gateway = &collector.gateway;
        // A run that was killed before its first commit has no frame to say anything.
        let spooled = (1..=collector.runs()).map(|run| collector.spooled_in(run));
        let epochs = spooled.filter_map(|frames| Some(frames.first()?.epoch));
        for epoch in epochs.skip(1) {
            let Some((seq, why)) = first.get(&(gateway.clone(), epoch)) else {
                panic!("{gateway}: {epoch} is not in the log")
            };
            assert!(
                why.contains(&GapReason::Restart),
                "{gateway} {epoch} began at {seq} without a gap: {why:?}"
            );
            gaps += 1;
        }
    }
    gaps
}

/// Checks that the journal has each alarm event once. Answers how many raised an alarm.
pub fn events(server: &Server) -> usize {
    let (mut after, mut raised) = ("0.0".to_owned(), 0);
    let mut seen = BTreeSet::new();
    loop {
        let page = server.api(&format!("/api/v1/events?after={after}&limit=1000"));
        let page = page.as_array().unwrap();
        let Some(last) = page.last() else { break };
        after = last["event"].as_str().unwrap().to_owned();
        for event in page {
            assert!(
                seen.insert(event["event"].to_string()),
                "{event} comes twice"
            );
            raised += usize::from(event["transition"] == "raise");
        }
    }
    println!(
        "{} alarm events, {raised} of them raised an alarm",
        seen.len()
    );
    raised
}
