use super::*;
use fenghuo_model::Severity;

fn raised() -> Raised {
    Raised {
        severity: Severity::Red,
        rule_version: "v".into(),
        op: None,
        limit: None,
        unit: None,
        deciding: Vec::new(),
        retrospective: false,
    }
}

fn every_transition() -> Vec<Transition> {
    vec![
        Transition::Raise(Box::new(raised())),
        Transition::Return,
        Transition::Acknowledge {
            by: "a".to_owned(),
            comment: String::new(),
        },
        Transition::Hold(Hold::Break),
        Transition::Release,
        Transition::Amend {
            raised_at: None,
            returned_at: None,
        },
        Transition::Promote,
        Transition::Merge(EventId::default()),
    ]
}

/// The whole table, as a reader can check it: rows are states, columns transitions in the
/// order of `every_transition`; `.` cannot happen.
#[test]
fn the_transition_table() {
    const TABLE: &str = "
        N  U . . . . . . .
        U  . R A U U U U N
        A  . N . A A A A N
        R  U . N . . R . .";
    let letter = |state: State| match state {
        State::Normal => "N",
        State::Unacknowledged => "U",
        State::Acknowledged => "A",
        State::ReturnedUnacknowledged => "R",
    };
    let states = [
        State::Normal,
        State::Unacknowledged,
        State::Acknowledged,
        State::ReturnedUnacknowledged,
    ];
    for (state, row) in states.into_iter().zip(TABLE.trim().lines()) {
        let found: Vec<_> = every_transition()
            .iter()
            .map(|transition| state.after(transition).map_or(".", letter))
            .collect();
        assert_eq!(
            format!("{}  {}", letter(state), found.join(" ")),
            row.trim()
        );
    }
}

#[test]
fn an_impossible_event_changes_nothing() {
    let mut book = Book::default();
    let event = Event {
        id: EventId {
            position: 3,
            ordinal: 0,
        },
        occurrence: EventId {
            position: 1,
            ordinal: 0,
        },
        alarm: AlarmKey {
            rule: "r".into(),
            level: "l".into(),
            subject: Subject::Gateway("a/b".parse().unwrap()),
        },
        at: Timestamp::from_millis(5),
        transition: Transition::Return,
    };
    let error = book.apply(&event).unwrap_err();
    assert_eq!(error.state, None);
    assert_eq!(book, Book::default());
}
