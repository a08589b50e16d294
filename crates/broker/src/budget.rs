//! A bounded amount that is taken and given back by itself.
//!
//! A message's payload owns its charges, so whatever way it leaves the broker (sent and
//! acknowledged, expired, its session gone), the room comes back when its last copy is freed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// An amount of bytes or messages that may be out at a time.
#[derive(Debug)]
pub(crate) struct Budget {
    out: AtomicUsize,
    max: usize,
}

impl Budget {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            out: AtomicUsize::new(0),
            max,
        })
    }

    /// Takes `amount`; `None` when it does not fit.
    pub(crate) fn take(self: &Arc<Self>, amount: usize) -> Option<Charge> {
        let fits = |out: usize| out.checked_add(amount).filter(|sum| *sum <= self.max);
        self.out
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .ok()?;
        Some(Charge {
            budget: Arc::clone(self),
            amount,
        })
    }

    #[cfg(test)]
    pub(crate) fn out(&self) -> usize {
        self.out.load(Ordering::Relaxed)
    }
}

/// An amount that is out; given back on drop.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<Budget>,
    amount: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.out.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

struct Paid<const N: usize> {
    bytes: Bytes,
    _charges: [Charge; N],
}

impl<const N: usize> AsRef<[u8]> for Paid<N> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The same bytes, holding the charges until their last clone is dropped.
pub(crate) fn paid<const N: usize>(bytes: Bytes, charges: [Charge; N]) -> Bytes {
    Bytes::from_owner(Paid {
        bytes,
        _charges: charges,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_back_with_the_last_copy() {
        let budget = Budget::new(10);
        let bytes = paid(Bytes::from_static(b""), [budget.take(6).unwrap()]);
        let copy = bytes.clone();
        assert!(budget.take(5).is_none());
        drop(bytes);
        assert_eq!(budget.out(), 6);
        drop(copy);
        assert_eq!(budget.out(), 0);
        assert!(budget.take(usize::MAX).is_none());
        assert!(budget.take(10).is_some());
    }
}
