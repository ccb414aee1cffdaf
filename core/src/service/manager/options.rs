use std::time::Duration;

/// Limits and intervals of a manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagerOptions {
    /// How many performers there may be; more are refused. `performer_config.max_performers`.
    pub max_performers: usize,
    /// How long one call of the runtime or the store may take before it counts as failed with an unknown outcome.
    pub call_timeout: Duration,
    /// How many calls of the runtime run at once, over all performers. Each performer has at most one; choose it not
    /// smaller than the number of performers, or those that hang delay the others.
    pub concurrent_calls: usize,
    /// Every performer is looked at that often, even if nothing tells of a change.
    pub resync: Duration,
    /// The platform is searched that often for instances of ours that belong to no performer.
    pub orphan_search: Duration,
    /// The delay after a first failure; it doubles with every further one in a row.
    pub first_backoff: Duration,
    /// The longest such delay.
    pub longest_backoff: Duration,
    /// An observation that nothing contradicts is good for so long when only health or load has changed. A busy
    /// performer changes its load hundreds of times a second; asking the platform each time would be its heaviest user.
    pub observation_age: Duration,
}

impl Default for ManagerOptions {
    fn default() -> Self {
        Self {
            max_performers: 50,
            call_timeout: Duration::from_secs(30),
            concurrent_calls: 128,
            resync: Duration::from_secs(30),
            orphan_search: Duration::from_secs(60),
            first_backoff: Duration::from_millis(100),
            longest_backoff: Duration::from_secs(30),
            observation_age: Duration::from_secs(1),
        }
    }
}

/// What becomes of performers when the executor ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShutdownPolicy {
    /// They keep running and are adopted by the next start.
    #[default]
    LeaveRunning,
    /// They are drained and stopped. What is wanted stays as it is: the next start starts them again.
    StopAll,
}
