use super::*;
use crate::event::{Cause, Said, Step, Unshelved};
use fenghuo_model::Severity;

pub fn raised() -> Raised {
    Raised {
        severity: Severity::Red,
        rule_version: "v".into(),
        op: None,
        limit: None,
        unit: None,
        seen: None,
        deciding: Vec::new(),
        retrospective: false,
        latch: false,
        shelve_ms: 3_600_000,
        realarm_ms: None,
        first_out: None,
        planned: None,
        repeated: false,
    }
}

fn said(by: &str) -> Said {
    Said {
        by: by.to_owned(),
        comment: String::new(),
    }
}

fn acknowledge() -> Transition {
    Transition::Acknowledge {
        by: "a".to_owned(),
        comment: String::new(),
    }
}

fn shelve() -> Transition {
    Transition::Shelve {
        said: said("a"),
        until: Timestamp::from_millis(1_000),
        one_shot: false,
    }
}

fn unshelve() -> Transition {
    Transition::Unshelve {
        said: said("a"),
        why: Unshelved::Person,
    }
}

fn suppress() -> Transition {
    Transition::Suppress { by: "x".to_owned() }
}

fn ask_out() -> Transition {
    Transition::AskOut(Box::new(OutOfService {
        asked: said("a"),
        permit: "P1".to_owned(),
        until: Timestamp::from_millis(1_000),
    }))
}

const fn unwatch(latched: bool) -> Transition {
    let why = Unwatched::Rule;
    Transition::Unwatch { why, latched }
}

/// The transitions of an alarm's life.
fn of_life() -> Vec<Transition> {
    let amend = Transition::Amend {
        raised_at: None,
        returned_at: None,
    };
    vec![
        Transition::Raise(Box::new(raised())),
        Transition::Return,
        Transition::Latch,
        acknowledge(),
        Transition::Realarm,
        Transition::Reset(said("a")),
        Transition::Hold(Hold::Break),
        Transition::Release,
        amend,
        Transition::Promote,
        Transition::Merge(EventId::default()),
        Transition::Dismiss,
        unwatch(false),
        unwatch(true),
    ]
}

/// The transitions that lay a cover over it or take one away.
fn of_covers() -> Vec<Transition> {
    vec![
        shelve(),
        unshelve(),
        suppress(),
        Transition::Unsuppress,
        ask_out(),
        Transition::TakeOut(said("b")),
        Transition::PutBack(said("a")),
    ]
}

const LIVES: [Life; 6] = [
    Life::Normal,
    Life::Unacknowledged,
    Life::Acknowledged,
    Life::ReturnedUnacknowledged,
    Life::LatchedUnacknowledged,
    Life::LatchedAcknowledged,
];

/// The standard's letters.
fn letter(state: State) -> char {
    let at = State::ALL.iter().position(|other| *other == state).unwrap();
    "ABCDEFGHI".chars().nth(at).unwrap()
}

fn rows(places: impl Iterator<Item = Place>, transitions: &[Transition]) -> String {
    let row = |place: Place| {
        let after = transitions
            .iter()
            .map(|transition| place.after(transition))
            .map(|after| after.map_or('.', |after| letter(after.state())));
        let cells: Vec<String> = after.map(String::from).collect();
        format!("{}  {}", letter(place.state()), cells.join(" "))
    };
    places.map(row).collect::<Vec<_>>().join("\n")
}

fn trimmed(table: &str) -> String {
    let lines = table.trim().lines().map(str::trim);
    lines.collect::<Vec<_>>().join("\n")
}

/// The table of an uncovered alarm, as a reader can check it: rows are states by the
/// standard's letters, columns transitions in the order of `of_life`; `.` cannot happen.
#[test]
fn the_transition_table() {
    const TABLE: &str = "
        A  B . . . . . . . A . . . . .
        B  . D E C . . B B B B A D D E
        C  . A F . B . C C C C A A A F
        D  B . . A . . . . D . . . . .
        E  B . . F . . . . E . . . . .
        F  B . . . . A . . F . . . . .";
    let places = LIVES.into_iter().map(|life| Place {
        life,
        ..Place::default()
    });
    assert_eq!(rows(places, &of_life()), trimmed(TABLE));
}

/// Rows: normal, shelved, suppressed, out of service, then shelved and suppressed, shelved
/// and out, suppressed and out, all three.
#[test]
fn the_table_of_covers() {
    const TABLE: &str = "
        A  G . H . A I A
        G  . A H . G I G
        H  H . . A H I H
        I  . . I . . . A
        H  . H . G H I H
        I  . I I . . . G
        I  . . . I . . H
        I  . I . I . . H";
    let covers = [
        (false, false, false),
        (true, false, false),
        (false, true, false),
        (false, false, true),
        (true, true, false),
        (true, false, true),
        (false, true, true),
        (true, true, true),
    ];
    let places = covers.into_iter().map(|(shelved, suppressed, out)| Place {
        life: Life::Normal,
        shelved,
        suppressed,
        out,
    });
    assert_eq!(rows(places, &of_covers()), trimmed(TABLE));
}

/// Whatever the life underneath, a cover hides it and gives it back as it is then.
#[test]
fn a_cover_gives_back_what_lives_underneath() {
    for life in LIVES {
        let place = Place {
            life,
            ..Place::default()
        };
        let shelved = place.after(&shelve()).unwrap();
        assert_eq!(shelved.state(), State::Shelved);
        assert_eq!(shelved.after(&unshelve()).unwrap(), place);
    }
    let up = Place {
        life: Life::Unacknowledged,
        shelved: true,
        ..Place::default()
    };
    // What came and went on the shelf is nobody's to acknowledge; a latch stays one.
    assert_eq!(up.after(&Transition::Return).unwrap().life, Life::Normal);
    let latched = up.after(&Transition::Latch).unwrap();
    assert_eq!(latched.life, Life::LatchedUnacknowledged);
    assert_eq!(up.after(&unwatch(false)).unwrap().life, Life::Normal);
    assert_eq!(up.after(&unwatch(true)), Some(latched));
    assert_eq!(up.after(&Transition::Realarm), None);
}

fn key() -> AlarmKey {
    AlarmKey {
        rule: "r".into(),
        level: "l".into(),
        subject: Subject::Point("oil/gw1/T".parse().unwrap()),
    }
}

/// A book, and one alarm to be changed.
#[derive(Default)]
struct Desk {
    book: Book,
    events: u64,
}

impl Desk {
    /// Applies one transition; whether it could happen.
    fn does(&mut self, transition: Transition) -> bool {
        self.events += 1;
        let id = EventId {
            position: self.events,
            ordinal: 0,
        };
        let known = self.book.newest(&key(), false);
        let event = Event {
            id,
            occurrence: known.map_or(id, |alarm| alarm.occurrence),
            alarm: key(),
            at: self.book.now,
            transition,
        };
        self.book.apply(&event).is_ok()
    }

    /// What became due until this second of the server's clock.
    fn due(&mut self, second: i64) -> Vec<&'static str> {
        self.book.now = Timestamp::from_millis(second * 1_000);
        let mut done = Vec::new();
        while let Some((_, transition)) = self.book.next_due() {
            done.push(transition.as_str());
            assert!(self.does(transition));
        }
        done
    }

    fn alarm(&self) -> Option<&Alarm> {
        self.book.newest(&key(), false)
    }
}

#[test]
fn an_impossible_event_changes_nothing() {
    let mut desk = Desk::default();
    assert!(!desk.does(Transition::Return));
    assert!(!desk.does(Transition::TakeOut(said("b"))));
    assert!(desk.book.is_empty());
    assert!(desk.does(Transition::Raise(Box::new(raised()))));
    let before = desk.book.clone();
    assert!(!desk.does(Transition::Raise(Box::new(raised()))));
    assert!(!desk.does(Transition::Reset(said("a"))));
    assert_eq!(desk.book, before);
}

#[test]
fn a_shelved_alarm_comes_back_in_time() {
    let mut desk = Desk::default();
    assert!(desk.does(shelve()));
    assert!(desk.does(Transition::Raise(Box::new(raised()))));
    assert_eq!(desk.alarm().unwrap().state, State::Shelved);
    assert_eq!(desk.due(0), Vec::<&str>::new());
    assert_eq!(desk.due(1), ["unshelve"]);
    assert_eq!(desk.alarm().unwrap().state, State::Unacknowledged);
}

#[test]
fn out_of_service_takes_two_persons_and_ends_with_its_permit() {
    let mut desk = Desk::default();
    assert!(desk.does(ask_out()));
    assert_eq!(desk.alarm().unwrap().state, State::Normal);
    assert!(
        !desk.does(Transition::TakeOut(said("a"))),
        "the same person"
    );
    assert!(desk.does(Transition::TakeOut(said("b"))));
    assert_eq!(desk.alarm().unwrap().state, State::OutOfService);
    assert_eq!(desk.due(2), ["put_back_in_service"]);
    assert!(desk.book.is_empty());
}

#[test]
fn a_latched_alarm_is_seen_before_it_is_reset() {
    let mut desk = Desk::default();
    assert!(desk.does(Transition::Raise(Box::new(raised()))));
    assert!(desk.does(Transition::Latch));
    assert!(!desk.does(Transition::Reset(said("a"))));
    assert!(desk.does(acknowledge()));
    assert!(desk.does(Transition::Reset(said("a"))));
    assert!(desk.book.is_empty());
}

fn with_loop() -> Desk {
    let mut desk = Desk::default();
    let duty = Duty {
        acknowledge_ms: Some(10_000),
        cause_ms: Some(60_000),
        verify_ms: Some(20_000),
        close_by_person: true,
        second_person: true,
    };
    desk.book.closed_loop.duties.insert(Severity::Red, duty);
    assert!(desk.does(Transition::Raise(Box::new(raised()))));
    desk
}

#[test]
fn each_step_of_the_closed_loop_has_its_time() {
    let mut desk = with_loop();
    assert_eq!(desk.due(10), ["overdue"]);
    assert_eq!(desk.due(19), Vec::<&str>::new());
    // The server stood still: the highest tier at once, and no further one.
    assert_eq!(desk.due(500), ["overdue"]);
    let overdue = desk.alarm().unwrap().case.as_ref().unwrap().overdue;
    assert_eq!(overdue, Some((Step::Acknowledge, TIERS)));
    assert_eq!(desk.due(5_000), Vec::<&str>::new());
    assert!(desk.does(acknowledge()));
    let cause = Transition::State {
        said: said("a"),
        cause: Cause::True,
    };
    assert!(desk.does(cause));
    let verify = |accepted| Transition::Verify {
        said: said("county"),
        accepted,
    };
    assert_eq!(desk.due(5_019), Vec::<&str>::new());
    assert_eq!(desk.due(5_020), ["overdue"]);
    assert!(desk.does(verify(true)));
    assert!(!desk.does(verify(true)));
}

#[test]
fn a_case_is_closed_by_another_person_when_all_is_said() {
    let mut desk = with_loop();
    let close = |by| Transition::Close(said(by));
    assert!(desk.does(acknowledge()));
    assert!(desk.does(Transition::Return));
    assert_eq!(desk.alarm().unwrap().state, State::Normal);
    assert!(!desk.does(close("b")), "no cause is stated");
    let cause = Transition::State {
        said: said("a"),
        cause: Cause::SensorFault,
    };
    assert!(desk.does(cause.clone()));
    let refused = Transition::Verify {
        said: said("county"),
        accepted: false,
    };
    assert!(desk.does(refused));
    assert!(desk.does(cause));
    let verify = Transition::Verify {
        said: said("county"),
        accepted: true,
    };
    assert!(desk.does(verify));
    assert!(!desk.does(close("a")), "who stated the cause");
    assert!(desk.does(close("b")));
    assert!(desk.book.is_empty());
}

#[test]
fn an_acknowledged_alarm_is_to_be_seen_again() {
    let mut desk = Desk::default();
    let mut raise = raised();
    raise.realarm_ms = Some(30_000);
    assert!(desk.does(Transition::Raise(Box::new(raise))));
    assert!(desk.does(acknowledge()));
    assert_eq!(desk.due(29), Vec::<&str>::new());
    assert_eq!(desk.due(30), ["realarm"]);
    assert_eq!(desk.alarm().unwrap().state, State::Unacknowledged);
}

#[test]
fn what_is_raised_again_and_again_counts_as_worse() {
    let mut book = Book::default();
    book.closed_loop.repeat = 3;
    let mut count = |hour: i64| {
        book.now = Timestamp::from_millis(hour * 3_600_000);
        book.repeats(&key(), Severity::Orange)
    };
    let found = [0, 1, 2, 24, 60].map(&mut count);
    assert_eq!(found, [false, false, true, true, false]);
}
