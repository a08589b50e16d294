//! The order of samples within a frame. That of frames is proved with whole engines.

use fenghuo_model::{Reading, Reason};

use super::*;

fn frame(times: &[i64]) -> Held {
    let sample = |(index, time): (u32, &i64)| {
        let time = Timestamp::from_millis(*time);
        let reading = Reading::Bad(Reason::Timeout);
        (index, Sample { time, reading })
    };
    Held {
        epoch: 1,
        seq: 1,
        epoch_first: 1,
        watermark: Timestamp::default(),
        catalog: CatalogId([0; 16]),
        is_known: true,
        slots: Arc::from([]),
        samples: (0..).zip(times).map(sample).collect(),
        clock_step_ms: 0,
        hopped_ms: 0,
    }
}

#[test]
fn what_stands_in_order_is_left_alone() {
    assert_eq!(frame(&[]).by_time(), None);
    assert_eq!(frame(&[5]).by_time(), None);
    assert_eq!(frame(&[-3, 5, 5, 9]).by_time(), None);
}

#[test]
fn samples_of_one_instant_stay_as_they_stand() {
    assert_eq!(frame(&[9, 5, 9, 5]).by_time(), Some(vec![1, 3, 0, 2]));
}

#[test]
fn counting_and_sorting_give_the_same_order() {
    let counted = i64::try_from(COUNTED_MS).unwrap();
    let scattered = |at: i64, span: i64| at * 7_919 % span;
    for span in [7, 1_000, counted, counted + 1, 100 * counted] {
        let times: Vec<_> = (0..500).map(|at| scattered(at, span) - 300).collect();
        let frame = frame(&times);
        assert_eq!(frame.by_time(), Some(frame.sort()), "{span}");
    }
    let ends = frame(&[i64::MAX, 0, i64::MIN]);
    assert_eq!(ends.by_time(), Some(vec![2, 1, 0]));
}
