//! The two things that make a number look measured: it follows with a lag, and it wanders.
//!
//! Both are discretised exactly, so that a long step is as stable as many short ones.

use crate::rng::Rng;

/// A value that follows its target like a first-order system.
#[derive(Debug, Clone, Copy)]
pub struct Lag(f64);

impl Lag {
    /// Settled at `value`.
    #[must_use]
    pub const fn at(value: f64) -> Self {
        Self(value)
    }

    /// Moves towards `target` for `dt` seconds with time constant `tau_s`.
    pub fn follow(&mut self, target: f64, tau_s: f64, dt: f64) {
        self.0 += (target - self.0) * (1.0 - (-dt / tau_s).exp());
    }

    /// Where it stands.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }
}

/// Slow random drift with mean 0 and deviation 1, never outside -3..3.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wander(f64);

impl Wander {
    /// Drifts for `dt` seconds; what was forgotten after `tau_s` is made up by new noise.
    pub fn drift(&mut self, rng: &mut Rng, tau_s: f64, dt: f64) -> f64 {
        let kept = (-dt / tau_s).exp();
        let fresh = kept.mul_add(-kept, 1.0).sqrt();
        self.0 = self.0.mul_add(kept, fresh * rng.noise()).clamp(-3.0, 3.0);
        self.0
    }

    /// Where it stands.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_step_equals_many_short_ones() {
        let (mut long, mut short) = (Lag::at(0.0), Lag::at(0.0));
        long.follow(10.0, 20.0, 20.0);
        for _ in 0..200 {
            short.follow(10.0, 20.0, 0.1);
        }
        assert!((long.value() - short.value()).abs() < 1e-9);
        assert!((long.value() - 6.321).abs() < 0.001);
    }
}
