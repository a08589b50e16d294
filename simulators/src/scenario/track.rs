//! One knob's settings over the loop: steps and ramps, in order, without overlap.

/// One change.
#[derive(Debug, Clone, Copy)]
struct Move {
    at: f64,
    over: f64,
    to: f64,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Track {
    normal: f64,
    moves: Vec<Move>,
}

impl Track {
    /// A knob that stays at `normal`.
    #[must_use]
    pub const fn new(normal: f64) -> Self {
        Self {
            normal,
            moves: Vec::new(),
        }
    }

    /// Adds a change that starts at `at` and takes `over` seconds; `false` when it starts
    /// before the one before it has ended.
    #[must_use]
    pub fn push(&mut self, at: f64, over: f64, to: f64) -> bool {
        let free = self
            .moves
            .last()
            .is_none_or(|last| at >= last.at + last.over);
        if free {
            self.moves.push(Move { at, over, to });
        }
        free
    }

    /// Where the knob stands at `t` seconds of the loop.
    #[must_use]
    pub fn at(&self, t: f64) -> f64 {
        let mut value = self.normal;
        for change in &self.moves {
            if t < change.at {
                break;
            }
            let share = (t - change.at) / change.over;
            // A step has `over` 0 and so a share that is not below 1 (or is NaN).
            value = if share < 1.0 {
                (change.to - value).mul_add(share, value)
            } else {
                change.to
            };
        }
        value
    }

    /// When the last change has ended, and where.
    #[must_use]
    pub fn end(&self) -> (f64, f64) {
        let last = self.moves.last();
        last.map_or((0.0, self.normal), |last| (last.at + last.over, last.to))
    }
}
