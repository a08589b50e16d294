//! What is told of a line and its units while a scripted device answers, or does not.

use super::super::super::super::state::SILENT_MS;
use super::*;

const UP: Reading = Reading::Good(Value::Bool(true));
const DOWN: Reading = Reading::Good(Value::Bool(false));
const UNKNOWN: Reading = Reading::Bad(Reason::NotConnected);

/// Long enough for a unit that never answered to be told as silent, and for a heartbeat.
const SILENCE: Duration = Duration::from_millis(SILENT_MS + 1_500);

/// The readings without those that only repeat the one before.
fn changes(readings: &[Reading]) -> Vec<Reading> {
    let mut changes = readings.to_vec();
    changes.dedup();
    changes
}

#[tokio::test]
async fn each_unit_of_a_live_line_is_told_for_itself() {
    let script: Script = |number, asked| match asked.head[6] {
        1 => vec![(0, asked.answer())],
        2 => vec![(200, Vec::new())],
        // An exception is an answer..
        3 => vec![(0, asked.exception(4))],
        // .. but not the device's, when it is the gateway's in between.
        _ => vec![(0, asked.exception(10 + u8::from(number % 2 == 0)))],
    };
    let units = (1..=4).map(|id| unit(id, &FAR)).collect();
    let readings = collect(units, script, SILENCE).await;
    let told = |unit| changes(&readings[&state_of(unit)]);
    assert_eq!(told(1), [UP]);
    assert_eq!(told(2), [UNKNOWN, DOWN]);
    assert_eq!(told(3), [UP]);
    assert_eq!(told(4), [UNKNOWN, DOWN]);
    // Each time-out costs the connection, which is open again at once.
    let line = &readings[&LINE];
    assert_eq!(line[..], [UP, UP], "at its change, and by the heartbeat");
}

#[tokio::test]
async fn single_failures_change_no_state() {
    let script: Script = |number, asked| match number % 4 {
        2 => vec![(90, asked.answer())],
        3 => Vec::new(),
        _ => vec![(0, asked.answer())],
    };
    let span = Duration::from_secs(2);
    let readings = collect(vec![unit(1, &FAR)], script, span).await;
    let (_, reasons) = judge(&readings, &FAR);
    assert_eq!(reasons, [Reason::Timeout, Reason::NotConnected]);
    assert_eq!(changes(&readings[&LINE]), [UP]);
    assert_eq!(changes(&readings[&state_of(1)]), [UP]);
}

#[tokio::test]
async fn a_refused_line_makes_its_units_unknown() {
    let line = line(nobody().await, vec![unit(1, &FAR), unit(2, &FAR)]);
    let readings = collect_from(line, Duration::from_millis(400)).await;
    assert_eq!(readings[&LINE], [DOWN], "once, until the heartbeat");
    assert_eq!(readings[&state_of(1)], [UNKNOWN]);
    assert_eq!(readings[&state_of(2)], [UNKNOWN]);
}

/// The heartbeat does not wait for a request whose time-out is longer.
#[tokio::test]
async fn the_heartbeat_goes_on_while_a_request_hangs() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let script: Script = |number, asked| {
        let wait = if number == 1 { 0 } else { 60_000 };
        vec![(wait, asked.answer())]
    };
    let device = tokio::spawn(device(listener, script, Framing::Tcp));
    let mut line = line(address, vec![unit(1, &FAR)]);
    line.timeout = Duration::from_secs(60);
    let readings = collect_from(line, SILENCE).await;
    device.abort();
    assert_eq!(readings[&100].len(), 1, "the second request hangs");
    assert_eq!(readings[&LINE], [UP, UP]);
    assert_eq!(readings[&state_of(1)], [UP, UP]);
}
