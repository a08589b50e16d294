use proptest::prelude::*;

use super::*;

mod naive;

const BAD: Hold = Hold::Reading(Reason::Timeout);
const STATS: [Stat; 8] = [
    Stat::Min,
    Stat::Max,
    Stat::Mean,
    Stat::Deviation,
    Stat::Quantile(0.5),
    Stat::Quantile(0.95),
    Stat::Sum,
    Stat::Delta,
];

fn spec(stat: Stat, span: Span, tumbling: bool) -> Window {
    Window {
        stat,
        span,
        tumbling,
        missing: 0.5,
    }
}

fn now(ms: i64, reading: Answer, fresh: bool) -> Now {
    Now {
        at: Timestamp::from_millis(ms),
        reading,
        fresh,
    }
}

fn feed(memory: &mut Memory, spec: &Window, samples: &[(i64, f64)]) -> Seen {
    let mut seen = Seen::Unknown(Hold::Break);
    for (at, value) in samples {
        seen = memory.see(spec, &now(*at, Ok((*value, false)), true));
    }
    seen
}

const LEARNING: Seen = Seen::Unknown(Hold::Learning);

#[test]
fn each_statistic_of_a_few_numbers() {
    let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
    let samples: Vec<_> = (0..).map(|at| at * 10).zip(values).collect();
    let expected = [2.0, 9.0, 5.0, 2.0, 4.5, 8.3, 40.0, 7.0];
    for (stat, expected) in STATS.into_iter().zip(expected) {
        for tumbling in [false, true] {
            let mut memory = Memory::default();
            let spec = spec(stat, Span::Samples(8), tumbling);
            assert_eq!(feed(&mut memory, &spec, &samples[..7]), LEARNING);
            let Seen::Number(number, false) = feed(&mut memory, &spec, &samples[7..]) else {
                panic!("{stat:?} is not a number");
            };
            assert!((number - expected).abs() < 1e-12, "{stat:?}: {number}");
        }
    }
}

#[test]
fn a_window_of_time_excludes_its_begin_and_moves_by_time_alone() {
    let mut memory = Memory::default();
    let spec = spec(Stat::Sum, Span::Time(100), false);
    assert_eq!(feed(&mut memory, &spec, &[(0, 1.0), (50, 2.0)]), LEARNING);
    assert_eq!(memory.due(&spec), Some(Timestamp::from_millis(100)));
    let mut time = |at| memory.see(&spec, &now(at, Ok((2.0, false)), false));
    assert_eq!(time(99), LEARNING);
    assert_eq!(time(100), Seen::Number(2.0, false));
    assert_eq!(memory.due(&spec), Some(Timestamp::from_millis(150)));
    let seen = memory.see(&spec, &now(150, Ok((2.0, false)), false));
    assert_eq!(seen, LEARNING, "no sample falls into it");
    assert_eq!(memory.due(&spec), None);
}

#[test]
fn a_tumbling_window_of_time_is_aligned_and_changes_at_its_end() {
    let mut memory = Memory::default();
    let spec = spec(Stat::Mean, Span::Time(100), true);
    assert_eq!(
        feed(&mut memory, &spec, &[(150, 9.0), (199, 9.0)]),
        LEARNING
    );
    assert_eq!(memory.due(&spec), Some(Timestamp::from_millis(200)));
    // The first was not watched from its begin.
    assert_eq!(
        feed(&mut memory, &spec, &[(200, 1.0), (299, 3.0)]),
        LEARNING
    );
    assert_eq!(
        feed(&mut memory, &spec, &[(300, 5.0)]),
        Seen::Number(2.0, false)
    );
    let bad = memory.see(&spec, &now(350, Err(BAD), true));
    assert_eq!(bad, Seen::Number(2.0, false), "only the end changes it");
    let time = memory.see(&spec, &now(400, Err(BAD), false));
    assert_eq!(time, Seen::Number(5.0, false));
    let time = memory.see(&spec, &now(650, Err(BAD), false));
    assert_eq!(time, LEARNING, "the last whole one had no samples");
}

#[test]
fn missing_samples_count_by_their_share() {
    let mut memory = Memory::default();
    let spec = spec(Stat::Mean, Span::Samples(4), false);
    feed(&mut memory, &spec, &[(0, 1.0), (1, 3.0)]);
    memory.see(&spec, &now(2, Err(BAD), true));
    let half = memory.see(&spec, &now(3, Err(Hold::Break), true));
    assert_eq!(half, Seen::Number(2.0, false));
    let more = memory.see(&spec, &now(4, Err(BAD), true));
    assert_eq!(more, Seen::Unknown(BAD));
    let doubtful = memory.see(&spec, &now(5, Ok((7.0, true)), true));
    assert_eq!(doubtful, Seen::Unknown(BAD));
    assert_eq!(
        feed(&mut memory, &spec, &[(6, 9.0)]),
        Seen::Number(8.0, true)
    );
}

#[test]
fn an_outlier_leaves_without_a_trace() {
    for (stat, expected) in STATS
        .into_iter()
        .zip([0.1, 0.1, 0.1, 0.0, 0.1, 0.1, 0.2, 0.0])
    {
        let spec = spec(stat, Span::Samples(2), false);
        let mut memory = Memory::default();
        feed(&mut memory, &spec, &[(0, 0.1), (1, -1.7e308)]);
        let huge = feed(&mut memory, &spec, &[(2, 1.7e308)]);
        let overflows = matches!(stat, Stat::Delta | Stat::Deviation);
        assert_eq!(
            huge == Seen::Unknown(Hold::Reading(Reason::NotANumber)),
            overflows
        );
        let seen = feed(&mut memory, &spec, &[(3, 0.1), (4, 0.1)]);
        assert_eq!(seen, Seen::Number(expected, false), "{stat:?}");
    }
}

#[test]
fn a_set_clock_moves_a_sliding_window_and_breaks_a_tumbling_one() {
    let mut memory = Memory::default();
    let sliding = spec(Stat::Sum, Span::Time(100), false);
    feed(&mut memory, &sliding, &[(0, 1.0), (60, 2.0), (120, 4.0)]);
    memory.shift(-100);
    assert_eq!(
        feed(&mut memory, &sliding, &[(50, 8.0)]),
        Seen::Number(14.0, false)
    );
    let tumbling = spec(Stat::Sum, Span::Time(100), true);
    let mut memory = Memory::default();
    feed(&mut memory, &tumbling, &[(0, 1.0)]);
    memory.shift(10);
    assert_eq!(feed(&mut memory, &tumbling, &[(100, 2.0)]), LEARNING);
    assert_eq!(
        feed(&mut memory, &tumbling, &[(200, 2.0)]),
        Seen::Number(2.0, false)
    );
    memory.forget(&tumbling);
    assert_eq!(memory, Memory::default());
}

#[test]
fn an_absence_leaves_the_last_samples_and_begins_a_time_anew() {
    let last = spec(Stat::Quantile(0.5), Span::Samples(3), false);
    let mut memory = Memory::default();
    feed(&mut memory, &last, &[(0, 1.0), (10, 2.0), (20, 9.0)]);
    memory.forget(&last);
    assert_eq!(
        feed(&mut memory, &last, &[(900, 3.0)]),
        Seen::Number(3.0, false)
    );
    let minute = spec(Stat::Mean, Span::Time(100), false);
    let mut memory = Memory::default();
    feed(&mut memory, &minute, &[(0, 1.0), (100, 2.0)]);
    memory.forget(&minute);
    assert_eq!(feed(&mut memory, &minute, &[(150, 3.0)]), LEARNING);
}

#[test]
fn memory_is_bounded_under_a_flood_and_the_numbers_hold() {
    for (stat, minutes) in [(Stat::Mean, 60), (Stat::Max, 2), (Stat::Quantile(0.5), 2)] {
        let spec = spec(stat, Span::Time(60_000), false);
        let mut memory = Memory::default();
        for at in 0..minutes * 60_000 {
            let seen = memory.see(&spec, &now(at, Ok((at as f64, false)), true));
            assert!(memory.queue.len() <= CELLS_MAX);
            assert!(memory.sorted.len() <= memory.queue.len());
            if at < 60_000 {
                continue;
            }
            let Seen::Number(number, false) = seen else {
                panic!("{seen:?}");
            };
            let middle = if stat == Stat::Max { 0.0 } else { 30_000.0 };
            let error = at as f64 - number - middle;
            assert!(error.abs() < 60.0, "{stat:?} is {error} off");
        }
    }
}

#[test]
fn a_hostile_rhythm_stays_within_the_bound() {
    let spec = spec(Stat::Quantile(0.9), Span::Time(60_000), false);
    let mut memory = Memory::default();
    let (mut at, mut most) = (0, 0);
    for burst in 0..8_000 {
        // Crowds at one instant, a steady trickle, then a silence in which some leave.
        let crowd = if burst % 1_000 == 0 { 3_000 } else { 2 };
        for _ in 0..crowd {
            memory.see(&spec, &now(at, Ok((f64::from(burst), false)), true));
        }
        at += if burst % 3_000 == 2_999 { 59_000 } else { 30 };
        most = most.max(memory.queue.len());
        assert!(memory.sorted.len() <= memory.queue.len());
    }
    assert!((4_000..=CELLS_MAX).contains(&most), "{most}");
}

#[derive(Clone, Debug)]
struct Step {
    gap: i64,
    reading: Answer,
    fresh: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = prop_oneof![8 => -100.0..100.0f64, 1 => Just(1e12), 1 => Just(5.0)];
    let reading = prop_oneof![
        6 => (value, prop::bool::weighted(0.05)).prop_map(Ok),
        1 => Just(Err(BAD)),
        1 => Just(Err(Hold::Break)),
    ];
    let gap = prop_oneof![8 => 0..30i64, 1 => -5..500i64];
    let step = (gap, reading, prop::bool::weighted(0.8)).prop_map(|(gap, reading, fresh)| Step {
        gap,
        reading,
        fresh,
    });
    prop::collection::vec(step, 1..250)
}

fn specs() -> impl Strategy<Value = Window> {
    let stat = (0..STATS.len()).prop_map(|at| STATS[at]);
    let span = prop_oneof![
        (1..600u64).prop_map(Span::Time),
        (2..40u32).prop_map(Span::Samples)
    ];
    (stat, span, any::<bool>()).prop_map(|(stat, span, tumbling)| spec(stat, span, tumbling))
}

fn play(steps: &[Step]) -> Vec<Now> {
    let (mut at, mut last) = (1_000, Err(BAD));
    let mut nows = Vec::new();
    for step in steps {
        at += step.gap;
        if step.fresh {
            last = step.reading;
        }
        nows.push(now(at, last, step.fresh));
    }
    nows
}

/// Equal but for rounding: the order of addition differs.
fn near(seen: Seen, expected: Seen) -> bool {
    match (seen, expected) {
        (Seen::Number(a, doubt), Seen::Number(b, sure)) => {
            doubt == sure && (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3)
        }
        (seen, expected) => seen == expected,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn it_sees_what_the_definition_says(steps in steps(), spec in specs()) {
        let mut memory = Memory::default();
        let mut naive = naive::Naive::default();
        for now in play(&steps) {
            let (seen, expected) = (memory.see(&spec, &now), naive.see(&spec, &now));
            prop_assert!(near(seen, expected), "{spec:?} {now:?}: {seen:?}, not {expected:?}");
            let due = memory.due(&spec);
            prop_assert!(due.is_none_or(|due| due.as_millis() > naive.at));
        }
    }

    #[test]
    fn nothing_changes_before_it_is_due(steps in steps(), spec in specs()) {
        let mut memory = Memory::default();
        let mut last: Option<(Seen, Option<Timestamp>)> = None;
        for now in play(&steps) {
            let seen = memory.see(&spec, &now);
            if let Some((before, due)) = last.filter(|_| !now.fresh) {
                let early = due.is_none_or(|due| now.at < due);
                prop_assert!(!early || seen == before, "{seen:?}, not {before:?}");
            }
            last = Some((seen, memory.due(&spec)));
        }
    }

    #[test]
    fn a_snapshot_goes_on_the_same(steps in steps(), spec in specs(), cut in 0..250usize) {
        let (mut whole, mut kept) = (Memory::default(), Memory::default());
        for (count, now) in play(&steps).into_iter().enumerate() {
            if count == cut {
                kept = postcard::from_bytes(&postcard::to_stdvec(&kept).unwrap()).unwrap();
            }
            prop_assert_eq!(kept.see(&spec, &now), whole.see(&spec, &now));
        }
        prop_assert_eq!(kept, whole);
    }

    #[test]
    fn a_join_of_sliding_windows_is_one(
        steps in steps(), spec in specs(), cut in 0..100usize, meet in 0..250usize,
    ) {
        let spec = Window { tumbling: false, ..spec };
        let (mut whole, mut older, mut newer) =
            (Memory::default(), Memory::default(), Memory::default());
        let meet = meet.max(cut + 1);
        for (count, now) in play(&steps).into_iter().enumerate() {
            let expected = whole.see(&spec, &now);
            if count == meet {
                newer.join(&spec, std::mem::take(&mut older));
            }
            if count < cut {
                older.see(&spec, &now);
                continue;
            }
            let seen = newer.see(&spec, &now);
            if count >= meet {
                prop_assert!(near(seen, expected), "{seen:?}, not {expected:?}");
            }
        }
    }
}

#[test]
fn tumbling_windows_join_where_none_has_ended_since() {
    let spec = spec(Stat::Sum, Span::Time(100), true);
    let older = || {
        let mut memory = Memory::default();
        feed(&mut memory, &spec, &[(0, 1.0), (100, 2.0), (140, 4.0)]);
        memory
    };
    let mut same = Memory::default();
    feed(&mut same, &spec, &[(150, 8.0)]);
    same.join(&spec, older());
    assert_eq!(
        feed(&mut same, &spec, &[(160, 16.0)]),
        Seen::Number(1.0, false)
    );
    assert_eq!(
        feed(&mut same, &spec, &[(200, 32.0)]),
        Seen::Number(30.0, false)
    );
    let mut next = Memory::default();
    feed(&mut next, &spec, &[(210, 8.0)]);
    next.join(&spec, older());
    assert_eq!(
        feed(&mut next, &spec, &[(220, 8.0)]),
        Seen::Number(6.0, false)
    );
    let mut later = Memory::default();
    feed(&mut later, &spec, &[(150, 8.0), (200, 1.0)]);
    later.join(&spec, older());
    assert_eq!(feed(&mut later, &spec, &[(290, 1.0)]), LEARNING);
    assert_eq!(
        feed(&mut later, &spec, &[(300, 1.0)]),
        Seen::Number(2.0, false)
    );
}
