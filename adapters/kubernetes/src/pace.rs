//! How fast something is tried again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Exponential delays with jitter, for one thing that is tried again and again.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Delays that begin at about `first` and double up to about `longest`.
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// Counts a failure and says how long to wait before the next try.
    pub(crate) fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        jittered(delay(self.first, self.longest, self.failures))
    }

    /// Begins again.
    pub(crate) const fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// The delay after so many failures in a row, without jitter: `first`, doubled by each further failure, at most
/// `longest`.
pub(crate) fn delay(first: Duration, longest: Duration, failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    first.saturating_mul(1 << doublings).min(longest)
}

/// Between three quarters of a duration and the whole of it, so that many who wait do not come back at once.
pub(crate) fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(1.0 - random_fraction() / 4.0)
}

/// A number from 0 to 1, good enough to spread waits.
fn random_fraction() -> f64 {
    // Every `RandomState` has other keys; hashing nothing with them is a random number.
    let bits = RandomState::new().build_hasher().finish() >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let fraction = bits as f64 / (1_u64 << 53) as f64;
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest_and_begins_again() {
        let (first, longest) = (Duration::from_millis(250), Duration::from_secs(30));
        let millis: Vec<u128> = (0..10).map(|n| delay(first, longest, n).as_millis()).collect();
        assert_eq!(millis, [250, 250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(delay(first, longest, u32::MAX), longest);
        let mut backoff = Backoff::new(first, longest);
        for expected in [250, 500, 1000] {
            let waits = backoff.failed().as_millis();
            assert!((expected * 3 / 4..=expected).contains(&waits), "{waits} of {expected}");
        }
        backoff.succeeded();
        assert!(backoff.failed() <= first);
    }

    #[test]
    fn jitter_differs() {
        let waits: std::collections::BTreeSet<_> = (0..50).map(|_| jittered(Duration::from_secs(1))).collect();
        assert!(waits.len() > 25, "{waits:?}");
    }
}
