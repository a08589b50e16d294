use super::*;

fn today() -> i64 {
    reckoning::EARLIEST + 86_400_000 * 700
}

#[test]
fn a_step_is_told_once_with_the_first_watermark_that_shows_it() {
    let clock = ReadClock::start_at(today(), None);
    let before = clock.mark();
    assert_eq!(before.steps, []);
    clock.compare_at(today() + 60_000, clock.elapsed());
    let mark = clock.mark();
    let [step] = mark.steps[..] else {
        panic!("{mark:?}");
    };
    assert!((59_000..=60_000).contains(&step.by));
    assert!(mark.watermark.as_millis() >= before.watermark.as_millis() + step.by);
    assert!(step.at <= mark.watermark.as_millis());
    // Ages do not see it.
    let passed = mark.steady.as_millis() - before.steady.as_millis();
    assert!((0..10_000).contains(&passed));
    assert_eq!(clock.mark().steps, []);
}

#[test]
fn many_steps_that_no_frame_told_are_few_and_their_sum_is_right() {
    let clock = ReadClock::start_at(today(), None);
    let begin = clock.mark();
    for step in 1..=100 {
        clock.compare_at(today() + step * 60_000, clock.elapsed());
    }
    let end = clock.mark();
    assert_eq!(end.steps.len(), STEPS_MAX);
    let moved: i64 = end.steps.iter().map(|step| step.by).sum();
    let steady = end.steady.as_millis() - begin.steady.as_millis();
    assert_eq!(
        end.watermark.as_millis() - begin.watermark.as_millis(),
        moved + steady
    );
}

#[test]
fn the_machines_own_clock_is_taken_as_it_is() {
    let clock = ReadClock::start(None);
    assert!((clock.now().as_millis() - wall()).abs() < 5_000);
    assert_eq!(clock.compare(), clock.standing());
    assert_eq!(clock.doubtful(), None);
}
