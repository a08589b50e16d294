//! One that fails must not cost the others: units that end the connection, dead slaves,
//! blocks that are never answered, and a device that refuses everything for a while.

use std::sync::OnceLock;
use std::time::Instant;

use super::*;

/// What was read, and what is said of it.
async fn watched(line: Line, span: Duration) -> (BTreeMap<u32, Vec<Reading>>, Vec<String>) {
    let status = Status::default();
    let readings = collect_with(line, span, &status).await;
    let problems = status.health.report().1;
    (
        readings,
        problems
            .into_iter()
            .map(|it| it.subject + ": " + &it.en)
            .collect(),
    )
}

async fn served(script: Script, framing: Framing) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (address, tokio::spawn(device(listener, script, framing)))
}

fn good(readings: &BTreeMap<u32, Vec<Reading>>, point: u32) -> usize {
    let readings = readings.get(&point).into_iter().flatten();
    readings.filter(|it| it.value().is_some()).count()
}

#[tokio::test]
async fn a_connection_that_is_ended_counts_against_the_unit_that_was_asked() {
    let script: Script = |_, asked| match asked.unit() {
        1 => vec![(0, asked.answer())],
        _ => Vec::new(),
    };
    let three = [100, 300, 500];
    let (address, device) = served(script, Framing::Tcp).await;
    let units = vec![unit(1, &three), unit(2, &FAR), unit(3, &FAR)];
    let mut line = line(address, units);
    line.timeout = Duration::from_millis(250);
    let (readings, problems) = watched(line, Duration::from_secs(3)).await;
    device.abort();
    for point in 100..103 {
        let (good, all) = (good(&readings, point), readings[&point].len());
        assert!(
            good > 100 && good * 20 >= all * 19,
            "{good} of {all} of {point}"
        );
    }
    for point in [200, 301] {
        assert_eq!(good(&readings, point), 0);
        assert!(readings[&point].len() > 100);
        assert!(
            readings[&point]
                .iter()
                .all(|it| it.reason() == Some(Reason::NotConnected))
        );
    }
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems.iter().all(|it| it.contains("ends the connection")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn a_block_that_is_never_answered_is_lost_alone() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let script: Script = |_, asked| {
        if asked.start == FAR[1] {
            ASKED.fetch_add(1, Ordering::Relaxed);
            return vec![(200, Vec::new())];
        }
        vec![(0, asked.answer())]
    };
    let (address, device) = served(script, Framing::Tcp).await;
    let span = Duration::from_secs(8);
    let mut one = unit(1, &[FAR[1], FAR[0], 900]);
    one.interval_ms = 100;
    let mut line = line(address, vec![one]);
    // Long enough for a loaded machine: nothing else is to be late here.
    line.timeout = Duration::from_millis(250);
    let (readings, problems) = watched(line, span).await;
    device.abort();
    for point in [101, 102] {
        let (good, all) = (good(&readings, point), readings[&point].len());
        assert!(
            good > 50 && good * 4 >= all * 3,
            "{good} of {all} of {point}"
        );
    }
    assert_eq!(good(&readings, 100), 0);
    assert!(readings[&100].len() > 50, "{}", readings[&100].len());
    assert!(problems.is_empty(), "the unit answers: {problems:?}");
    // At once twice, and then after 1, 2 and 4 s, although each time-out costs the connection.
    let asked = ASKED.load(Ordering::Relaxed);
    assert!((3..=6).contains(&asked), "asked for {asked} times");
}

#[tokio::test]
async fn dead_slaves_do_not_starve_the_live_ones_and_come_back() {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let script: Script = |_, asked| {
        let begun = BEGUN.get_or_init(Instant::now);
        let is_back = asked.unit() >= 22 && begun.elapsed() > Duration::from_secs(6);
        if asked.unit() < 10 || is_back {
            return vec![(0, asked.answer())];
        }
        vec![(0, Vec::new())]
    };
    let (address, device) = served(script, Framing::Rtu).await;
    let slow = |id| {
        let mut unit = unit(id, &[7]);
        unit.interval_ms = 100;
        unit
    };
    let units = [1, 2].into_iter().chain(10..25).map(slow).collect();
    let mut line = line(address.clone(), units);
    line.way.port = Port::Tcp {
        address,
        framing: Framing::Rtu,
    };
    let (readings, problems) = watched(line, Duration::from_secs(14)).await;
    device.abort();
    for point in [100, 200] {
        let good = good(&readings, point);
        // All but those that a loaded machine answers late.
        assert!(good >= 110, "{good} of 140 of {point}");
    }
    for point in [1_000, 2_100] {
        assert_eq!(good(&readings, point), 0);
        let told = readings[&point].len();
        assert!(told >= 100, "{told} of 140 of {point}");
    }
    for point in [2_200, 2_300, 2_400] {
        assert!(good(&readings, point) > 0, "{point} does not come back");
    }
    assert_eq!(problems.len(), 12, "{problems:?}");
}

#[tokio::test]
async fn blocks_that_were_refused_for_a_while_are_whole_again() {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    static SPLIT: AtomicUsize = AtomicUsize::new(0);
    // Another program is loaded; register 30 is never there.
    let script: Script = |_, asked| {
        let since = BEGUN.get_or_init(Instant::now).elapsed().as_millis();
        if since > 7_000 {
            ASKED.fetch_add(1, Ordering::Relaxed);
        }
        let is_away = (1_000..2_000).contains(&since);
        if is_away && asked.count == 1 {
            SPLIT.fetch_add(1, Ordering::Relaxed);
        }
        let has_bad = (asked.start..asked.start + asked.count).contains(&30);
        if is_away || has_bad {
            return vec![(0, asked.exception(2))];
        }
        vec![(0, asked.answer())]
    };
    let (address, device) = served(script, Framing::Tcp).await;
    let addresses: Vec<u16> = (0..60).collect();
    let mut one = unit(1, &addresses);
    one.interval_ms = 100;
    let (readings, _) = watched(line(address, vec![one]), Duration::from_secs(9)).await;
    device.abort();
    assert!(SPLIT.load(Ordering::Relaxed) >= 59, "it was split");
    // 20 cycles; a bad register in the middle leaves a part on each level.
    let asked = ASKED.load(Ordering::Relaxed);
    assert!(asked <= 20 * 8, "{asked} requests in 20 cycles");
    for (point, address) in (100..).zip(&addresses) {
        let (good, all) = (good(&readings, point), readings[&point].len());
        let is_bad = *address == 30;
        assert!((good == 0) == is_bad, "{good} of {all} of {address}");
        assert!(is_bad || good * 2 > all, "{good} of {all} of {address}");
    }
}

#[tokio::test]
async fn a_unit_that_refuses_everything_is_named() {
    let script: Script = |_, asked| {
        let code = if asked.unit() == 1 { 4 } else { 2 };
        match asked.unit() {
            3 if asked.start == FAR[0] => vec![(0, asked.answer())],
            _ => vec![(0, asked.exception(code))],
        }
    };
    let (address, device) = served(script, Framing::Tcp).await;
    let units = vec![unit(1, &FAR), unit(2, &FAR), unit(3, &FAR)];
    let (_, problems) = watched(line(address, units), Duration::from_millis(600)).await;
    device.abort();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0].starts_with("plc/1: ") && problems[0].contains("device_failure"),
        "{problems:?}"
    );
    assert!(
        problems[1].starts_with("plc/2: ") && problems[1].contains("illegal_address"),
        "{problems:?}"
    );
}

/// It was made for one read, and is silent at any other: also at what proves a line.
#[tokio::test]
async fn a_device_that_answers_only_one_read_is_read() {
    let script: Script = |number, asked| {
        let is_known = (asked.function, asked.start, asked.count) == (3, 7, 1);
        if !is_known || number == 40 {
            return vec![(0, Vec::new())];
        }
        vec![(0, asked.answer())]
    };
    let (address, device) = served(script, Framing::Rtu).await;
    let mut one = unit(1, &[7]);
    one.interval_ms = 100;
    let mut line = line(address.clone(), vec![one]);
    line.way.port = Port::Tcp {
        address,
        framing: Framing::Rtu,
    };
    let (readings, _) = watched(line, Duration::from_secs(32)).await;
    device.abort();
    let (good, all) = (good(&readings, 100), readings[&100].len());
    assert!(good >= 60, "{good} of {all}");
}

/// Nobody can say whose the bytes are; who looks at the line can.
#[tokio::test]
async fn a_line_on_which_bytes_come_unasked_three_times_is_suspect() {
    let twice: Script = |number, asked| strange(asked, [10, 30].contains(&number));
    let thrice: Script = |number, asked| strange(asked, [10, 30, 50].contains(&number));
    for (script, is_suspect) in [(twice, false), (thrice, true)] {
        let (address, device) = served(script, Framing::Rtu).await;
        let mut line = line(address.clone(), vec![unit(1, &[7])]);
        line.way.port = Port::Tcp {
            address,
            framing: Framing::Rtu,
        };
        let (readings, problems) = watched(line, Duration::from_millis(3_500)).await;
        device.abort();
        assert!(good(&readings, 100) > 60, "{}", good(&readings, 100));
        let said = problems.iter().filter(|it| {
            it.starts_with("plc: bytes came again and again on source plc that nobody asked for")
        });
        assert_eq!(said.count(), usize::from(is_suspect), "{problems:?}");
    }
}

/// The reply, and perhaps some bytes behind it.
fn strange(asked: &Asked, is_it: bool) -> Vec<(u64, Vec<u8>)> {
    let mut steps = vec![(0, asked.answer())];
    if is_it {
        steps.push((5, vec![0x55, 0xaa]));
    }
    steps
}
