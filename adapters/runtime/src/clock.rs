use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hourglass_core::Timestamp;
use hourglass_core::ports::Clock;

/// The system's wall clock, and tokio's monotonic timer.
///
/// [`Clock::sleep`] needs a tokio runtime with its timer enabled by the time that the future is polled.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioClock;

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        // Before 1970 there is no operator table to be early for: such a clock reads as the epoch.
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::EPOCH + since_epoch
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        // Made inside the future: the timer starts when it is first polled, in whatever runtime polls it.
        async move { tokio::time::sleep(duration).await }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_clock_in_milliseconds() {
        let before = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let now = u128::from(TokioClock.now().as_millis());
        let after = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        assert!((before..=after).contains(&now), "{before} {now} {after}");
    }

    #[tokio::test(start_paused = true)]
    async fn sleeps_monotonic_time() {
        let began = tokio::time::Instant::now();
        TokioClock.sleep(Duration::from_secs(90)).await;
        assert_eq!(began.elapsed(), Duration::from_secs(90));
    }
}
