use std::time::Duration;

use crate::address::Address;

/// How a submission ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskOutcome {
    /// A performer ran it and it was signed.
    Executed,
    /// Its recorded answer was signed again.
    Replayed,
    /// It joined one that was already running.
    Joined,
    /// It was refused for good, with this stable reason.
    Refused(&'static str),
    /// It failed in a way that a retry may mend, with this stable reason.
    Failed(&'static str),
}

/// Takes measurements of tasks. Cheap, never blocks, never fails.
pub trait TaskMetrics: Send + Sync + 'static {
    /// A submission ended. `avs` is `None` where the submission named none that we serve, so that strangers cannot
    /// make up labels.
    fn finished(&self, avs: Option<&Address>, outcome: TaskOutcome, took: Duration);

    /// Tasks of an AVS that are running or queued now.
    fn in_flight(&self, avs: &Address, count: usize);
}
