//! A small seeded generator (SplitMix64), so that one seed gives one story everywhere.
//!
//! Good enough for noise on a trend; never for secrets. Its noise is bounded: no draw is
//! further than three standard deviations away, which is what keeps a simulated sensor in
//! its range for ever.

/// A seeded stream of numbers.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// Starts a stream; equal seeds give equal streams.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not including, 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Bell-shaped noise with mean 0 and deviation 1, never outside -3..3: the sum of
    /// three even draws from -1..1, each with variance 1/3.
    pub fn noise(&mut self) -> f64 {
        (0..3).map(|_| self.unit().mul_add(2.0, -1.0)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_one_stream_and_sane_noise() {
        let (mut a, mut b) = (Rng::new(7), Rng::new(7));
        let draws: Vec<f64> = (0..20_000).map(|_| a.noise()).collect();
        assert!(draws.iter().all(|x| *x == b.noise() && x.abs() <= 3.0));
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.05, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.1, "variance {variance}");
    }
}
