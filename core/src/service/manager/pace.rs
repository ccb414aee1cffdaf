use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::ports::Clock;

/// Exponential delays between attempts that fail, without jitter: each performer has its own, and a test must be able
/// to tell when the next attempt comes.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, failures: 0 }
    }

    /// Notes a failure and says how long to wait before the next attempt.
    pub(super) fn failed(&mut self) -> Duration {
        let delay = self.first.saturating_mul(2u32.saturating_pow(self.failures)).min(self.most);
        self.failures = self.failures.saturating_add(1);
        delay
    }

    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// Waits for `work`, but not longer than `limit`; `None` where it took longer. Its outcome is then unknown.
pub(super) async fn within<T>(clock: &dyn Clock, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), clock.sleep(limit)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_limit_and_begin_again() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
        let delays: Vec<_> = (0..4).map(|_| backoff.failed().as_millis()).collect();
        assert_eq!(delays, [100, 200, 350, 350]);
        for _ in 0..100 {
            backoff.failed();
        }
        backoff.succeeded();
        assert_eq!(backoff.failed().as_millis(), 100);
    }
}
