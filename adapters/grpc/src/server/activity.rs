use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// What a connection has been doing: how many calls run, and since when none does.
///
/// A call counts while it is being answered. Its answer then has the idle timeout to get through, so that a client that
/// never reads, or watches for ever, does not hold a connection open.
pub(crate) struct Activity {
    running: AtomicUsize,
    opened: Instant,
    /// Milliseconds after `opened` at which a call last began or ended.
    last: AtomicU64,
}

/// A call that runs until this is dropped.
pub(crate) struct Running(Arc<Activity>);

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { running: AtomicUsize::new(0), opened: Instant::now(), last: AtomicU64::new(0) })
    }

    pub(crate) fn begin(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::AcqRel);
        Running(Arc::clone(self))
    }

    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    /// When the last call ended, or the connection was opened.
    pub(crate) fn idle_since(&self) -> Instant {
        self.opened + Duration::from_millis(self.last.load(Ordering::Acquire))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last.fetch_max(now, Ordering::AcqRel);
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}
