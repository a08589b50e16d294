//! What receivers may say, and what is wrong with it.

use super::settings;
use crate::plan::{Flood, SEVERE};
use crate::rule::RuleSet;

#[test]
fn a_receiver_reads_as_written() {
    let text = "
        [[receiver]]
        name = 'duty-room'
        role = 'duty'
        carriers = ['sms', 'voice']
        select = { enterprise = 'oil' }
        at_least = 'yellow'
        tier = 2
        at_once = 'red'
        group_by = ['enterprise', 'area']
        wait = '30s'
        repeat = '30m'
        returned = false
        settle = '1m'
        quiet = { calendar = 'night', below = 'orange' }
        flood = { over = 20, under = 8 }
        [[calendar]]
        id = 'night'
        from = '22:00'
        to = '06:00'";
    let receiver = settings(text).receivers.remove(0);
    assert_eq!(receiver.severities.len(), 3);
    assert_eq!(
        (receiver.wait_ms, receiver.repeat_ms),
        (30_000, Some(1_800_000))
    );
    assert_eq!((receiver.tier, receiver.settle_ms), (2, 60_000));
    assert_eq!(receiver.quiet.unwrap().below, SEVERE);
    let usual = Flood::default();
    let flood = receiver.flood.unwrap();
    assert_eq!(
        (flood.over, flood.under, flood.span_ms),
        (20, 8, usual.span_ms)
    );
}

#[test]
fn every_problem_has_its_place() {
    let text = "[[receiver]]
name = 'a b'
carriers = []
colour = 'red'
[[receiver]]
name = 'x'
carriers = ['sms', 'sms']
select = { kind = 'level' }
severities = ['pink']
tier = 4
at_once = 'red'
wait = '1h'
repeat = '1s'
quiet = { calendar = 'nowhere', below = 'red' }
flood = { over = 3, under = 9 }
[[receiver]]
name = 'y'
carriers = 'sms'
at_least = 'yellow'
severities = ['red']
[[receiver]]
name = 'y'
carriers = 'sms'
[[receiver]]
name = 'y'
carriers = 'sms'";
    let faults = RuleSet::parse(&[("n.toml".to_owned(), text.to_owned())]).unwrap_err();
    for (line, word) in [
        (2, "letters, digits"),
        (1, "1 to 16 carriers"),
        (4, "unknown key"),
        (7, "stands twice"),
        (8, "no `kind`"),
        (9, "`severities` are"),
        (10, "from 0 to 3"),
        (11, "tier 0"),
        (12, "`wait` must be from 0 s to 600 s"),
        (13, "`repeat` must be from"),
        (14, "`below` must be"),
        (14, "no calendar `nowhere`"),
        (15, "fewer raises"),
        (20, "either"),
        (24, "receiver `y` stands twice"),
    ] {
        let found = faults
            .iter()
            .any(|it| it.line == line && it.what.contains(word));
        assert!(found, "no fault at line {line} about {word}: {faults:#?}");
    }
}

#[test]
fn a_calendar_may_stand_in_a_later_file() {
    let receiver =
        "[[receiver]]\nname = 'x'\ncarriers = 'sms'\nquiet = { calendar = 'n', below = 'yellow' }";
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let files = [file("a", receiver), file("b", "[[calendar]]\nid = 'n'")];
    assert!(RuleSet::parse(&files).is_ok());
}

/// The shipped example with its keys uncommented.
#[test]
fn the_example_reads() {
    let text = include_str!("../../../../../config/notify.toml");
    let uncommented = text.lines().filter_map(|line| {
        let line = line.strip_prefix("# ")?;
        let key = line.split_once('=').map_or("", |(key, _)| key.trim_end());
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        let is_toml = line.starts_with("[[") || !key.is_empty() && key.chars().all(plain);
        is_toml.then_some(line)
    });
    let text: Vec<_> = uncommented.collect();
    let receivers = settings(&text.join("\n")).receivers;
    let names: Vec<_> = receivers.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["duty-room", "shift-head", "county-duty"]);
    assert_eq!(receivers[0].flood, Some(Flood::default()));
    assert_eq!(receivers[0].settle_ms, crate::plan::settings::SETTLE_MS);
}
