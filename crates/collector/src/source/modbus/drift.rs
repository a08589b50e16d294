//! The drift guard: notices when a register no longer holds what the map says. Pure.
//!
//! PLC programs are changed by people who do not know who reads them. Three changes look like
//! nothing a process does, and each makes a point's values uncertain with the reason "suspect
//! mapping"; they are still delivered and judged, because a wrong suspicion must not hide an
//! alarm:
//!
//! - **scale**: after [`STEADY`] readings of one size, a number is a power of ten times as
//!   large, within [`NEAR`], and stays of that size;
//! - **swap**: two neighbours of one read take each other's values at once, within [`NEAR`],
//!   where their values were clearly different;
//! - **freeze**: a number that was noisy (it turned [`TURNS`] times, and changed at every other
//!   reading) has not changed for [`FREEZE_TIMES`] times its usual pause, and not for
//!   [`FREEZE_MS`].
//!
//! States are no numbers: a pair of limit switches swaps with each stroke, and a pump rests.
//! So do numbers at zero, or of less than [`STEPS`] steps of their register: what is nothing,
//! or a few counts, is of no size that could change.
//!
//! A suspicion ends when the old state returns, when the numbers go a way of their own (a
//! process did move), or after [`FORGET_MS`]: what nobody mended by then is how it is. It is
//! on only where `drift_guard = true` stands, because a concentration may well rise tenfold.

use fenghuo_model::{Reading, Reason};

use super::decode::Decode;
use super::decode::raw::Sort;

/// Readings of one size before anything is suspected.
pub const STEADY: u32 = 10;
/// How near "the same" is, as a part of the number.
pub const NEAR: f64 = 0.02;
/// Turns up or down after which a number is known to be noisy.
pub const TURNS: u32 = 20;
/// Steps of a register below which its rounding hides what a number is.
pub const STEPS: f64 = 20.0;
/// How many of its usual pauses a number may rest.
pub const FREEZE_TIMES: u64 = 60;
/// Shortest rest that counts as frozen.
pub const FREEZE_MS: u64 = 300_000;
/// How long something is suspected at most.
pub const FORGET_MS: u64 = 3_600_000;

/// What is suspected of a register.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Suspicion {
    /// It holds its number times a power of ten.
    Scale(f64),
    /// It holds its neighbour's number; this was its own.
    Swap(f64),
    /// It does not change any more.
    Freeze,
}

impl Suspicion {
    /// Its name in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scale(_) => "its scale",
            Self::Swap(_) => "a swap with its neighbour",
            Self::Freeze => "it does not change any more",
        }
    }
}

/// A point that is a number, and can be guarded.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Guarded {
    /// By how much it changes when its register does, where that is known.
    step: f64,
}

impl Guarded {
    /// `None` for states, names and texts.
    #[must_use]
    pub fn of(decode: &Decode) -> Option<Self> {
        let is_whole = match decode.raw.sort() {
            Sort::Bool | Sort::Text => return None,
            Sort::Unsigned | Sort::Signed => decode.scale.is_none(),
            Sort::Float => false,
        };
        let factor = decode.linear.map_or(1.0, |(factor, _)| factor.abs());
        let step = if is_whole { factor } else { 0.0 };
        decode.names.is_none().then_some(Self { step })
    }

    /// Whether it has a size at all.
    fn has_size(self, number: f64) -> bool {
        number != 0.0 && number.abs() >= self.step * STEPS
    }
}

#[derive(Clone, Debug)]
struct Memory {
    guarded: Guarded,
    last: f64,
    /// Readings of the size of `last`, without a break.
    steady: u32,
    first_at: u64,
    changed_at: u64,
    /// Up to its last change.
    readings: u32,
    /// Since then.
    still: u32,
    changes: u32,
    /// How often it went up after it went down, or down after up.
    turns: u32,
    goes_up: bool,
    suspect: Option<(Suspicion, u64)>,
}

impl Memory {
    const fn new(guarded: Guarded, number: f64, now: u64) -> Self {
        Self {
            guarded,
            last: number,
            steady: 1,
            first_at: now,
            changed_at: now,
            readings: 0,
            still: 0,
            changes: 0,
            turns: 0,
            goes_up: false,
            suspect: None,
        }
    }

    fn is_settled(&self) -> bool {
        self.steady >= STEADY && self.suspect.is_none() && self.guarded.has_size(self.last)
    }

    fn is_frozen(&self, now: u64) -> bool {
        let pause = (self.changed_at - self.first_at) / u64::from(self.changes.max(1));
        self.turns >= TURNS
            && self.changes >= self.readings / 2
            && self.guarded.has_size(self.last)
            && now - self.changed_at >= FREEZE_MS.max(pause * FREEZE_TIMES)
    }

    /// Ends a suspicion that the number speaks against.
    fn relent(&mut self, number: f64, now: u64) {
        let Some((suspicion, since)) = self.suspect else {
            return;
        };
        let holds = match suspicion {
            Suspicion::Scale(old) => {
                !same_size(number, old)
                    && power_of_ten(self.last, old).is_some()
                    && same_size(number, self.last)
            }
            Suspicion::Swap(old) => !near(number, old) && same_size(number, self.last),
            Suspicion::Freeze => number.to_bits() == self.last.to_bits(),
        };
        if !holds || now - since >= FORGET_MS {
            *self = Self::new(self.guarded, number, now);
        }
    }

    fn learn(&mut self, number: f64, now: u64) {
        if !same_size(number, self.last) {
            let suspect = self.suspect;
            *self = Self::new(self.guarded, number, now);
            self.suspect = suspect;
            return;
        }
        self.steady = self.steady.saturating_add(1);
        if number.to_bits() != self.last.to_bits() {
            let goes_up = number > self.last;
            self.turns = self
                .turns
                .saturating_add(u32::from(goes_up != self.goes_up));
            self.goes_up = goes_up;
            self.changes = self.changes.saturating_add(1);
            self.changed_at = now;
            // How noisy it was, up to its last change.
            self.readings = self.readings.saturating_add(self.still + 1);
            self.still = 0;
        } else {
            self.still = self.still.saturating_add(1);
        }
        self.last = number;
    }
}

/// Within [`NEAR`] of one another.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= NEAR * a.abs().max(b.abs())
}

/// Within half and double of one another, and of one sign.
fn same_size(a: f64, b: f64) -> bool {
    if a == 0.0 || b == 0.0 {
        return a == b;
    }
    (0.5..=2.0).contains(&(a / b))
}

/// The power of ten, but not 1, by which a number is larger than another.
fn power_of_ten(number: f64, old: f64) -> Option<i32> {
    [-3, -2, -1, 1, 2, 3]
        .into_iter()
        .find(|power| near(number, old * 10_f64.powi(*power)))
}

/// The guard of one unit.
#[derive(Clone, Debug)]
pub struct Drift {
    guarded: Vec<Option<Guarded>>,
    points: Vec<Option<Memory>>,
}

impl Drift {
    /// For these points.
    #[must_use]
    pub fn new(guarded: impl Iterator<Item = Option<Guarded>>) -> Self {
        let guarded: Vec<_> = guarded.collect();
        Self {
            points: vec![None; guarded.len()],
            guarded,
        }
    }

    /// Looks at the readings of one read, by ascending address, and makes those uncertain that
    /// are suspect. Answers what is suspected anew.
    pub fn look(&mut self, now: u64, readings: &mut [(usize, Reading)]) -> Vec<(usize, Suspicion)> {
        let numbers = readings.iter();
        let numbers = numbers.map(|(at, it)| self.guarded[*at].and_then(|_| number(it)));
        let numbers: Vec<Option<f64>> = numbers.collect();
        let mut found = Vec::new();
        for (place, (at, _)) in readings.iter().enumerate() {
            let Some(number) = numbers[place] else {
                continue;
            };
            if let Some(memory) = &mut self.points[*at] {
                memory.relent(number, now);
                if let Some(suspicion) = Self::alone(memory, number, now) {
                    memory.suspect = Some((suspicion, now));
                    found.push((*at, suspicion));
                }
            }
        }
        for place in 1..readings.len() {
            let pair = [readings[place - 1].0, readings[place].0];
            if let (Some(a), Some(b)) = (numbers[place - 1], numbers[place]) {
                found.extend(self.swapped(pair, [a, b], now));
            }
        }
        for (place, (at, reading)) in readings.iter_mut().enumerate() {
            let (Some(number), Some(guarded)) = (numbers[place], self.guarded[*at]) else {
                continue;
            };
            let memory = self.points[*at].get_or_insert_with(|| Memory::new(guarded, number, now));
            memory.learn(number, now);
            if memory.suspect.is_some()
                && let Reading::Good(value) = reading
            {
                *reading = Reading::Uncertain(value.clone(), Reason::SuspectMapping);
            }
        }
        found
    }

    fn alone(memory: &Memory, number: f64, now: u64) -> Option<Suspicion> {
        if memory.suspect.is_some() {
            return None;
        }
        let has_size = memory.is_settled() && memory.guarded.has_size(number);
        if has_size && power_of_ten(number, memory.last).is_some() {
            return Some(Suspicion::Scale(memory.last));
        }
        let rests = number.to_bits() == memory.last.to_bits();
        (rests && memory.is_frozen(now)).then_some(Suspicion::Freeze)
    }

    fn swapped(&mut self, at: [usize; 2], now_hold: [f64; 2], now: u64) -> Vec<(usize, Suspicion)> {
        let [Some(a), Some(b)] = at.map(|at| self.points[at].as_ref()) else {
            return Vec::new();
        };
        let differ = (a.last - b.last).abs() > 0.2 * a.last.abs().max(b.last.abs());
        let crossed = near(now_hold[0], b.last) && near(now_hold[1], a.last);
        if !(a.is_settled() && b.is_settled() && differ && crossed) {
            return Vec::new();
        }
        let old = [a.last, b.last];
        let suspicions = [0, 1].map(|side| (at[side], Suspicion::Swap(old[side])));
        for (at, suspicion) in suspicions {
            if let Some(memory) = &mut self.points[at] {
                memory.suspect = Some((suspicion, now));
                // From here on the numbers of the neighbour are its own.
                memory.last = now_hold[usize::from(at != suspicions[0].0)];
            }
        }
        suspicions.into()
    }
}

fn number(reading: &Reading) -> Option<f64> {
    reading.value()?.as_f64()
}

#[cfg(test)]
mod tests {
    use fenghuo_model::Value;

    use super::*;

    /// Reads once a second; answers the uncertain ones of the last read, and all that was found.
    struct Bench {
        drift: Drift,
        now: u64,
        found: Vec<(usize, &'static str)>,
    }

    impl Bench {
        fn new(points: usize) -> Self {
            Self {
                drift: Drift::new((0..points).map(|_| Some(Guarded { step: 0.001 }))),
                now: 0,
                found: Vec::new(),
            }
        }

        fn read(&mut self, numbers: &[f64]) -> Vec<usize> {
            self.now += 1_000;
            let good = |number: &f64| Reading::Good(Value::F64(*number));
            let mut readings: Vec<_> = numbers.iter().map(good).enumerate().collect();
            let found = self.drift.look(self.now, &mut readings);
            self.found
                .extend(found.iter().map(|(at, it)| (*at, it.as_str())));
            let uncertain = readings.iter().filter(|(_, it)| it.reason().is_some());
            uncertain.map(|(at, _)| *at).collect()
        }

        fn settle(&mut self, numbers: &[f64]) {
            for at in 0..30 {
                let noise = 1.0 + f64::from(at % 5) * 0.002;
                let numbers: Vec<f64> = numbers.iter().map(|number| number * noise).collect();
                assert!(self.read(&numbers).is_empty());
            }
        }
    }

    #[test]
    fn a_register_that_jumps_tenfold_is_suspect_until_it_is_back() {
        let mut bench = Bench::new(1);
        bench.settle(&[21.0]);
        assert_eq!(bench.read(&[211.0]), [0]);
        assert_eq!(bench.read(&[230.0]), [0], "it stays of that size");
        assert!(bench.read(&[21.5]).is_empty());
        assert_eq!(bench.found, [(0, "its scale")]);
    }

    #[test]
    fn a_process_that_moves_is_not_suspect() {
        let mut bench = Bench::new(1);
        bench.settle(&[10.0]);
        for number in [20.0, 45.0, 100.0, 180.0, 3.0, 0.0, 90.0] {
            assert!(bench.read(&[number]).is_empty(), "{number}");
        }
        // Ten times as much by chance, and then on its own way.
        bench.settle(&[10.0]);
        assert_eq!(bench.read(&[100.9]), [0]);
        assert!(bench.read(&[260.0]).is_empty());
    }

    #[test]
    fn neighbours_that_swap_are_both_suspect() {
        let mut bench = Bench::new(3);
        bench.settle(&[3.0, 80.0, 500.0]);
        assert_eq!(bench.read(&[80.3, 3.01, 501.0]), [0, 1]);
        assert_eq!(bench.read(&[81.0, 3.0, 502.0]), [0, 1]);
        assert!(bench.read(&[3.0, 80.0, 500.0]).is_empty());
        let swap = "a swap with its neighbour";
        assert_eq!(bench.found, [(0, swap), (1, swap)]);
        // Two of the same size cannot be told apart.
        let mut bench = Bench::new(2);
        bench.settle(&[5.0, 5.05]);
        assert!(bench.read(&[5.05, 5.0]).is_empty());
    }

    #[test]
    fn one_that_used_to_change_and_rests_is_suspect() {
        let mut bench = Bench::new(2);
        for at in 0..60 {
            bench.read(&[7.0 + f64::from(at * 7 % 5) * 0.01, 1.0]);
        }
        let mut first = None;
        for at in 0..400 {
            if !bench.read(&[7.5, 1.0]).is_empty() {
                first.get_or_insert(at);
            }
        }
        assert_eq!(first, Some(300), "five minutes after its last change");
        assert!(bench.read(&[7.6, 1.0]).is_empty());
        assert_eq!(bench.found, [(0, "it does not change any more")]);
    }

    #[test]
    fn what_rests_at_zero_or_a_few_counts_is_not_suspect() {
        let mut bench = Bench::new(3);
        for at in 0..2_000_u32 {
            // Nothing, a few counts of the register, and a ramp that ends.
            let few = f64::from(3 + at % 2 * 27) * 0.001;
            let ramp = f64::from(at.min(500)) * 0.02 + 5.0;
            let uncertain = bench.read(&[0.0, if at % 40 < 20 { 0.003 } else { few }, ramp]);
            assert!(uncertain.is_empty(), "{uncertain:?} at {at}");
        }
        // A pump that ran, and rests.
        let mut bench = Bench::new(1);
        bench.settle(&[35.0]);
        bench.settle(&[35.0]);
        for _ in 0..500 {
            assert!(bench.read(&[0.0]).is_empty());
        }
        // Lead and lag change places.
        let mut bench = Bench::new(2);
        bench.settle(&[0.0, 80.0]);
        assert!(bench.read(&[80.0, 0.0]).is_empty());
    }

    #[test]
    fn states_names_and_texts_are_not_guarded() {
        use std::sync::Arc;

        use super::super::decode::{Order, Raw};

        let plain = |raw| Decode::plain(raw, Order::default());
        let mut named = plain(Raw::U16);
        named.names = Some(Arc::default());
        for decode in [plain(Raw::Bool), plain(Raw::Bit(3)), named] {
            assert_eq!(Guarded::of(&decode), None, "{decode:?}");
        }
        let mut scaled = plain(Raw::I16);
        scaled.linear = Some((-0.1, 4.0));
        assert_eq!(Guarded::of(&scaled), Some(Guarded { step: 0.1 }));
        assert_eq!(Guarded::of(&plain(Raw::F32)), Some(Guarded { step: 0.0 }));
        // A pair of limit switches.
        let mut drift = Drift::new([None, None].into_iter());
        for now in 0..40 {
            let state = |on| Reading::Good(Value::Bool(on));
            let mut readings = [(0, state(now < 20)), (1, state(now >= 20))];
            assert!(drift.look(now * 1_000, &mut readings).is_empty());
            assert!(readings.iter().all(|(_, it)| it.reason().is_none()));
        }
    }

    #[test]
    fn a_suspicion_is_forgotten_in_the_end() {
        let mut bench = Bench::new(1);
        bench.settle(&[21.0]);
        assert_eq!(bench.read(&[210.0]), [0]);
        bench.now += FORGET_MS;
        assert!(bench.read(&[210.0]).is_empty());
    }

    #[test]
    fn what_has_no_number_is_left_alone() {
        let mut drift = Drift::new([None, None].into_iter());
        let mut readings = [
            (0, Reading::Bad(Reason::Timeout)),
            (1, Reading::Good(Value::Bool(true))),
        ];
        assert!(drift.look(1, &mut readings).is_empty());
        assert_eq!(readings[0].1, Reading::Bad(Reason::Timeout));
    }
}
