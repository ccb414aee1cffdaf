//! The planner's own periods. Those that users set are in [`UpgradePolicy`](crate::performer::UpgradePolicy).

use std::time::Duration;

/// How long an instance that was ready once may be unhealthy before it counts as hung.
pub const HUNG_AFTER: Duration = Duration::from_secs(30);

/// An instance that was there for so long after it first became ready ends a row of failures.
pub const STABLE_AFTER: Duration = Duration::from_secs(120);

/// The delay after the second failure in a row; the first is followed by a restart at once.
pub const BACK_OFF_BASE: Duration = Duration::from_secs(1);

/// The longest delay between two tries.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(300);

/// A start that is not observed after this long counts as never carried out, and is asked for again under a new name.
/// Until then it counts as an instance, so that an observation that lags does not make a second one.
pub const START_SEEN_WITHIN: Duration = Duration::from_secs(5);

/// A plan that comes later than this after a ready deadline was not made by somebody who watched: the executor was
/// down, the platform did not answer, or the clock jumped. The revision is granted the whole time again.
pub const UNWATCHED_AFTER: Duration = Duration::from_secs(30);

/// How often that is granted to one trial.
pub const MAX_EXTENSIONS: u8 = 3;

/// Starts of one revision that may be under way at once without having been observed.
pub const MAX_UNSEEN_STARTS: usize = 32;

/// The delay after so many failures in a row: nothing, 1 s, 2 s, 4 s … 300 s.
pub(super) fn back_off(failures: u32) -> Duration {
    if failures <= 1 {
        return Duration::ZERO;
    }
    // Beyond 2^9 s the maximum holds anyway.
    BACK_OFF_BASE.saturating_mul(1 << (failures - 2).min(9)).min(BACK_OFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_its_maximum() {
        let seconds: Vec<u64> = (0..=12).map(|failures| back_off(failures).as_secs()).collect();
        assert_eq!(seconds, [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(back_off(u32::MAX), BACK_OFF_MAX);
    }
}
