//! Stories: what happens, second by second, and who is told what.

use std::collections::BTreeMap;
use std::fmt::Write;

use fenghuo_model::{GatewayKey, PointRef, Severity};

use super::*;
use crate::alarm::{ClosedLoop, Duty};
use crate::event::{Event, Hold, OutOfService, Raised, Said, Unshelved};
use crate::rule::RuleSet;
use crate::{AlarmKey, Book, State, Subject};

mod calls;
mod ends;
mod hours;
mod property;
mod setting;

/// A planner beside a book of alarms. Commands are `second verb point ..`; each second there
/// is a tick before them. A point `xN` stands in area `x`, and those of area `c` belong to
/// the enterprise `coal`.
pub(super) struct Story {
    pub planner: Planner,
    book: Book,
    labels: BTreeMap<PointRef, BTreeMap<String, String>>,
    position: u64,
    second: i64,
    /// Show every event twice.
    pub echo: bool,
    pub told: Vec<Notice>,
}

/// A Monday, midnight in China.
const BEGIN_MS: i64 = 1_795_363_200_000;

pub(super) fn settings(text: &str) -> Settings {
    let set = RuleSet::parse(&[("site.toml".to_owned(), text.to_owned())]).unwrap();
    Settings::new(&set, &["sms".to_owned()])
}

/// Runs a story and shows its notices, one a line.
pub(super) fn told(receivers: &str, story: &str) -> String {
    let mut run = Story::new(&settings(receivers));
    for line in story.lines() {
        run.line(line);
    }
    run.show()
}

/// Compares what was told with what is expected, whatever the indentation.
#[track_caller]
pub(super) fn check(receivers: &str, story: &str, expected: &str) {
    let lines = expected.trim().lines().map(str::trim);
    let expected: Vec<_> = lines.collect();
    let found = told(receivers, story);
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "\n{found}");
}

impl Story {
    pub fn new(settings: &Settings) -> Self {
        let mut planner = Planner::default();
        planner.configure(settings);
        let duty = Duty {
            acknowledge_ms: Some(60_000),
            ..Duty::default()
        };
        let duties = Severity::ALL.map(|severity| (severity, duty));
        let mut book = Book::default();
        book.closed_loop = ClosedLoop {
            duties: duties.into_iter().collect(),
            repeat: 0,
        };
        Self {
            planner,
            book,
            labels: BTreeMap::new(),
            position: 0,
            second: -1,
            echo: false,
            told: Vec::new(),
        }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(BEGIN_MS + self.second * 1_000)
    }

    pub fn run_to(&mut self, second: i64) {
        while self.second < second {
            self.second += 1;
            self.position += 1;
            self.planner.entry(self.position);
            self.planner.tick(self.now(), &mut self.told);
        }
    }

    /// The server stands still until then.
    pub fn skip_to(&mut self, second: i64) {
        self.second = second;
        self.position += 1;
        self.planner.entry(self.position);
        self.planner.started(self.now());
    }

    fn line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let Some(second) = words.next() else {
            return;
        };
        let words: Vec<_> = words.collect();
        let second = second.parse().unwrap();
        if words == ["started"] {
            self.skip_to(second);
            return;
        }
        self.run_to(second);
        if !words.is_empty() {
            self.act(&words);
        }
    }

    pub fn act(&mut self, words: &[&str]) {
        match words {
            ["silence", id, label, seconds] => {
                let (name, value) = label.split_once('=').unwrap();
                let select = [(name.to_owned(), vec![value.to_owned()])];
                let ms = seconds.parse::<u64>().unwrap() * 1_000;
                let silence = Silence {
                    id: (*id).to_owned(),
                    select: crate::rule::Select(select.into_iter().collect()),
                    from: self.now(),
                    until: self.now().plus(std::time::Duration::from_millis(ms)),
                };
                assert!(self.planner.silence(&silence));
            }
            ["unsilence", id] => self.planner.unsilence(id),
            ["snapshot"] => self.snapshot(),
            _ => assert!(self.change(words), "impossible: {words:?}"),
        }
    }

    pub fn snapshot(&mut self) {
        let bytes = postcard::to_stdvec(&self.planner).unwrap();
        let back: Planner = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(back, self.planner);
        self.planner = back;
    }

    /// An alarm event, if the table knows it.
    pub fn change(&mut self, words: &[&str]) -> bool {
        let (verb, name) = (words[0], words[1]);
        let key = self.key(name);
        let retrospective = words.contains(&"retro") || verb == "promote" || verb == "merge";
        let known = self.book.newest(&key, retrospective);
        let known = known.map(|alarm| alarm.occurrence);
        let transition = transition(verb, &words[2..], self.now());
        self.position += 1;
        let id = EventId {
            position: self.position,
            ordinal: 0,
        };
        let event = Event {
            id,
            occurrence: known.unwrap_or(id),
            alarm: key,
            at: self.now(),
            transition,
        };
        self.book.now = self.now();
        let Ok(alarm) = self.book.apply(&event) else {
            return false;
        };
        let change = Change { event, alarm };
        let labels = &self.labels;
        for _ in 0..=usize::from(self.echo) {
            self.planner
                .event(&change, |point| labels.get(point), &mut self.told);
        }
        true
    }

    fn key(&mut self, name: &str) -> AlarmKey {
        let area = &name[..1];
        let enterprise = if area == "c" { "coal" } else { "oil" };
        let point: PointRef = PointRef {
            gateway: format!("{enterprise}/gw").parse::<GatewayKey>().unwrap(),
            key: fenghuo_model::PointKey::new(name).unwrap(),
        };
        let labels = [("area".to_owned(), area.to_owned())];
        self.labels
            .insert(point.clone(), labels.into_iter().collect());
        AlarmKey {
            rule: "r".into(),
            level: "H".into(),
            subject: Subject::Point(point),
        }
    }

    pub fn show(&self) -> String {
        let mut text = String::new();
        for notice in &self.told {
            let second = notice.at.since(Timestamp::from_millis(BEGIN_MS)).as_secs();
            let (who, kind) = (&notice.receiver, notice.kind.as_str());
            write!(text, "{second} {who} {kind}").unwrap();
            for line in &notice.alarms {
                write!(text, " {}", show_line(line)).unwrap();
            }
            if notice.more > 0 {
                write!(text, " +{}", notice.more).unwrap();
            }
            text.push('\n');
        }
        text
    }
}

fn show_line(line: &Line) -> String {
    let Subject::Point(point) = &line.alarm.subject else {
        panic!("stories are about points");
    };
    let about = match line.about {
        About::Called => "called".to_owned(),
        About::Fleeting => "fleeting".to_owned(),
        About::Repeated => "repeated".to_owned(),
        About::Overdue { step, tier } => format!("{}:{tier}", step.as_str()),
        About::Returned => "returned".to_owned(),
    };
    let times = match line.times {
        0 | 1 => String::new(),
        times => format!("*{times}"),
    };
    format!("{}={about}{times}", point.key.as_str())
}

fn severity(word: &str) -> Severity {
    let all = Severity::ALL.into_iter();
    let mut found = all.filter(|severity| severity.as_str() == word);
    found.next().unwrap()
}

fn raised(words: &[&str]) -> Raised {
    Raised {
        severity: severity(words[0]),
        rule_version: "v".into(),
        op: None,
        limit: None,
        unit: None,
        seen: None,
        deciding: Vec::new(),
        retrospective: words.contains(&"retro"),
        latch: false,
        shelve_ms: 1,
        realarm_ms: None,
        first_out: None,
        planned: words.contains(&"planned").then(|| "drill".to_owned()),
        repeated: words.contains(&"repeated"),
    }
}

fn transition(verb: &str, words: &[&str], now: Timestamp) -> Transition {
    let said = Said {
        by: "li".to_owned(),
        comment: String::new(),
    };
    match verb {
        "raise" => Transition::Raise(Box::new(raised(words))),
        "return" => Transition::Return,
        "latch" => Transition::Latch,
        "ack" => Transition::Acknowledge {
            by: said.by,
            comment: said.comment,
        },
        "realarm" => Transition::Realarm,
        "shelve" => Transition::Shelve {
            said,
            until: now,
            one_shot: false,
        },
        "unshelve" => Transition::Unshelve {
            said,
            why: Unshelved::Person,
        },
        "suppress" => Transition::Suppress { by: "p".to_owned() },
        "unsuppress" => Transition::Unsuppress,
        "askout" => Transition::AskOut(Box::new(OutOfService {
            asked: said,
            permit: "7".to_owned(),
            until: now,
        })),
        "takeout" => Transition::TakeOut(Said::default()),
        "putback" => Transition::PutBack(said),
        "orphan" => Transition::Hold(Hold::Source),
        "hold" => Transition::Hold(Hold::Break),
        "release" => Transition::Release,
        "promote" => Transition::Promote,
        "planover" => Transition::PlanOver {
            booking: "drill".to_owned(),
        },
        "merge" => Transition::Merge(EventId::default()),
        "close" => Transition::Close(said),
        "overdue" => Transition::Overdue {
            step: Step::Acknowledge,
            tier: words[0].parse().unwrap(),
        },
        other => panic!("unknown verb {other}"),
    }
}

/// A state that stories never leave behind.
#[test]
fn a_story_can_be_told() {
    let mut story = Story::new(&Settings::plain(&["sms".to_owned()]));
    story.line("1 raise a1 yellow");
    assert_eq!(story.told[0].alarms[0].state, State::Unacknowledged);
    assert_eq!(story.told[0].carriers, ["sms"]);
    assert_eq!(story.told[0].raises, [0, 1, 0, 0]);
}
