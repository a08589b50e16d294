use super::*;

/// 2026-11-23T00:00:00Z.
const TODAY: i64 = 1_795_392_000_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
const YEAR: i64 = 365 * DAY;

/// A machine: what its wall clock shows, its time since the start, and its reckoning, looked
/// at once a second.
struct Machine {
    reckoning: Reckoning,
    wall: i64,
    elapsed: i64,
    /// Whether its system keeps it by a source of time.
    is_synced: bool,
    steps: Vec<i64>,
}

impl Machine {
    fn boot(wall: i64, floor: Option<i64>) -> Self {
        Self {
            reckoning: Reckoning::start(wall, floor),
            wall,
            elapsed: 0,
            is_synced: false,
            steps: Vec::new(),
        }
    }

    /// A second at a time; the read clock must not go back but by a step that says so.
    fn run(&mut self, seconds: i64) {
        for _ in 0..seconds {
            let before = self.read();
            self.wall += 1_000;
            self.elapsed += 1_000;
            let seen = self.reckoning.look(self.wall, self.is_synced, self.elapsed);
            let by = match seen {
                Seen::Stepped { at, by } => {
                    assert_eq!(at, self.read());
                    assert!(by.abs() > STEP_MS);
                    self.steps.push(by);
                    by
                }
                Seen::Held { .. } | Seen::Same => 0,
            };
            assert_eq!(self.read(), before + 1_000 + by);
        }
    }

    fn set(&mut self, wall: i64) {
        self.wall = wall;
        self.run(1);
    }

    fn read(&self) -> i64 {
        self.reckoning.read(self.elapsed)
    }

    fn is_doubted(&self) -> bool {
        self.reckoning.standing().is_doubted
    }

    /// The next run, after so long without power.
    fn reboot(&self, wall: i64) -> Self {
        Self::boot(wall, Some(self.read()))
    }
}

#[test]
fn a_boot_in_1970_is_in_doubt_until_the_clock_is_set_in_several_steps_and_a_restart() {
    let mut first = Machine::boot(0, None);
    assert_eq!(first.read(), EARLIEST, "no sample is written in 1970");
    first.run(120);
    assert!(first.is_doubted() && first.reckoning.standing().is_nonsense);
    let begin = EARLIEST;
    assert_eq!(
        first.reckoning.doubtful(first.elapsed),
        Some(begin..=first.read())
    );

    // Still wrong, and again; a restart between.
    first.set(1_000_000);
    assert!(first.steps.is_empty() && first.is_doubted());
    let mut second = first.reboot(5_000);
    assert!(second.read() > first.read() && second.is_doubted());
    second.run(30);
    let before = second.read();
    second.set(TODAY - YEAR);
    assert_eq!(second.steps.len(), 1);
    assert!(!second.is_doubted() && second.read() == TODAY - YEAR + 1_000);
    // What was read before and is still on its way is in doubt; what is read now is not.
    let span = second.reckoning.doubtful(second.elapsed).unwrap();
    assert!(span.contains(&before) && span.contains(&(before - 29_000)));
    second.set(TODAY);
    assert_eq!(second.steps.len(), 2);
    assert_eq!((second.read(), second.is_doubted()), (second.wall, false));
    // Its sum is exact: samples read before can be placed by it.
    assert_eq!(
        before + 2_000 + second.steps.iter().sum::<i64>(),
        second.read()
    );
}

#[test]
fn a_boot_at_the_last_shutdown_goes_on_after_the_last_watermark() {
    let mut machine = Machine::boot(TODAY - 2 * 3_600_000, Some(TODAY));
    assert_eq!(machine.read(), TODAY + 1);
    assert!(
        machine.is_doubted(),
        "the wall clock lies two hours before what was recorded"
    );
    machine.run(600);
    assert!(machine.steps.is_empty() && machine.is_doubted());
    machine.set(TODAY + DAY);
    assert_eq!((machine.steps.len(), machine.is_doubted()), (1, false));
    assert_eq!(machine.read(), machine.wall);
}

#[test]
fn what_was_set_wrong_at_boot_does_not_pull_the_clock_below_an_earlier_run() {
    let mut machine = Machine::boot(0, Some(TODAY));
    machine.run(5);
    machine.set(TODAY - DAY);
    machine.run(3_600);
    assert!(machine.steps.is_empty() && machine.is_doubted());
    machine.set(TODAY + 2 * DAY);
    assert_eq!((machine.steps.len(), machine.is_doubted()), (1, false));
}

#[test]
fn a_wrong_future_at_boot_is_not_followed_and_not_kept() {
    let mut machine = Machine::boot(TODAY + 73 * YEAR, Some(TODAY));
    assert_eq!(machine.read(), TODAY + 1);
    assert!(machine.is_doubted());
    machine.run(60);
    machine.set(TODAY + DAY);
    assert_eq!(
        (machine.read(), machine.is_doubted()),
        (machine.wall, false)
    );
    // A spool that holds such a watermark already does not hold the clock.
    let machine = Machine::boot(TODAY, Some(TODAY + 73 * YEAR));
    assert_eq!((machine.read(), machine.is_doubted()), (TODAY, false));
}

#[test]
fn a_plausible_future_is_followed_and_left_again_when_the_clock_was_set_back() {
    let mut machine = Machine::boot(TODAY + 3 * YEAR, None);
    machine.run(60);
    assert!(!machine.is_doubted(), "nothing shows that it is wrong");
    machine.set(TODAY);
    assert!(machine.is_doubted() && machine.steps.is_empty());
    machine.run(300);
    // Another step: it is not settled yet.
    machine.set(machine.wall + 5_000);
    machine.run(SETTLE_MS / 1_000 - 1);
    assert!(machine.steps.is_empty());
    machine.run(1);
    assert_eq!((machine.steps.len(), machine.is_doubted()), (1, false));
    assert!(machine.steps[0] < -YEAR);
    assert_eq!(machine.read(), machine.wall);
    // Years later nothing reminds of that.
    machine.run(2 * STRAGGLER_MS / 1_000);
    assert_eq!(machine.reckoning.doubtful(machine.elapsed), None);
}

#[test]
fn a_restart_in_a_plausible_future_recovers_when_the_clock_is_set_again() {
    let mut future = Machine::boot(TODAY + YEAR, None);
    future.run(10);
    let mut machine = future.reboot(TODAY);
    assert!(machine.is_doubted() && machine.read() > future.read());
    machine.run(3_600);
    assert!(
        machine.steps.is_empty(),
        "nobody set it while it was watched"
    );
    machine.set(machine.wall + 2_000);
    machine.run(SETTLE_LONG_MS / 1_000);
    assert_eq!((machine.steps.len(), machine.is_doubted()), (1, false));
    assert_eq!(machine.read(), machine.wall);
}

/// Ten years ahead, and nobody comes by: the network sets the clock while the collector is not
/// running.
#[test]
fn a_restart_in_a_plausible_future_recovers_by_itself_where_the_clock_is_synchronised() {
    let mut future = Machine::boot(TODAY + 10 * YEAR, None);
    future.run(10);
    let mut machine = future.reboot(TODAY);
    let begin = machine.read();
    machine.run(60);
    machine.is_synced = true;
    machine.run(1_800);
    // It is not, for a moment, and is set once more by a little.
    machine.is_synced = false;
    machine.run(1);
    machine.is_synced = true;
    machine.set(machine.wall + 2_000);
    machine.run(SYNCED_MS / 1_000 - 1);
    assert!(machine.steps.is_empty() && machine.is_doubted());
    assert!(machine.read() > future.read());
    machine.run(1);
    assert_eq!((machine.steps.len(), machine.is_doubted()), (1, false));
    assert_eq!(machine.read(), machine.wall);
    let doubtful = machine.reckoning.doubtful(machine.elapsed).unwrap();
    assert!(
        doubtful.contains(&begin),
        "all that was read meanwhile is in doubt"
    );
    // The next run starts from there, and nothing reminds of it.
    let next = machine.reboot(machine.wall + MINUTE);
    assert_eq!(
        (next.read(), next.is_doubted()),
        (machine.wall + MINUTE, false)
    );
}

/// A clock that nobody keeps is no witness, however long it is left alone.
#[test]
fn a_clock_that_boots_behind_is_not_followed_back_unless_it_is_kept() {
    let mut machine = Machine::boot(TODAY - YEAR, Some(TODAY));
    machine.run(30 * 3_600);
    assert!(machine.steps.is_empty() && machine.is_doubted());
    assert!(machine.read() > TODAY);
}

#[test]
fn a_little_back_is_held_and_said_once() {
    let mut machine = Machine::boot(TODAY, None);
    machine.wall -= MINUTE;
    machine.elapsed += 1_000;
    machine.wall += 1_000;
    let seen = machine.reckoning.look(machine.wall, false, machine.elapsed);
    assert_eq!(seen, Seen::Held { at: machine.read() });
    assert_eq!(machine.reckoning.standing().ahead, MINUTE);
    assert!(!machine.is_doubted());
    let again = machine
        .reckoning
        .look(machine.wall + 1_000, false, machine.elapsed + 1_000);
    assert_eq!(again, Seen::Same);
    machine.elapsed += 1_000;
    machine.wall += 1_000;
    machine.set(machine.wall + MINUTE);
    assert_eq!(machine.reckoning.standing().ahead, 0);
    assert!(machine.steps.is_empty());
}

#[test]
fn nonsense_in_a_good_run_changes_nothing() {
    let mut machine = Machine::boot(TODAY, None);
    machine.run(10);
    machine.set(0);
    machine.run(100);
    let standing = machine.reckoning.standing();
    assert!(standing.is_nonsense && !standing.is_doubted);
    assert_eq!(machine.read(), TODAY + 111_000);
    machine.set(TODAY + 112_000 - 1_000);
    assert!(!machine.reckoning.standing().is_nonsense && machine.steps.is_empty());
}

#[test]
fn small_differences_are_left_alone() {
    let mut machine = Machine::boot(TODAY, None);
    machine.set(machine.wall + 900);
    machine.set(machine.wall - 1_800);
    assert!(machine.steps.is_empty() && machine.reckoning.standing().ahead == 0);
}

proptest::proptest! {
    /// Whatever is done to the wall clock, restarts included: the read clock goes back only by
    /// a step that says so, and never out of the plausible span; and a wall clock that is right
    /// and ahead of every watermark is always followed.
    #[test]
    fn any_history_of_clocks(
        boots in proptest::collection::vec(
            (proptest::sample::select(vec![0, TODAY - YEAR, TODAY, TODAY + YEAR, TODAY + 73 * YEAR]),
             proptest::collection::vec((-2 * YEAR..80 * YEAR, 1_i64..90), 0..6)),
            1..5),
    ) {
        let mut floor: Option<i64> = None;
        for (wall, sets) in boots {
            let mut machine = Machine::boot(wall, floor);
            if let Some(floor) = floor {
                proptest::prop_assert!(machine.read() > floor);
            }
            for (offset, seconds) in sets {
                machine.set((TODAY + offset).max(0));
                machine.run(seconds);
                proptest::prop_assert!((EARLIEST..=LATEST + DAY).contains(&machine.read()));
            }
            floor = Some(machine.read());
        }
        let late = floor.unwrap_or(0) + MINUTE;
        if late <= LATEST {
            let mut machine = Machine::boot(0, floor);
            machine.set(late);
            proptest::prop_assert_eq!((machine.read(), machine.is_doubted()), (machine.wall, false));
        }
    }
}
