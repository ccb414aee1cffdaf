use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;

use super::record::{Invalid, Scope};
use crate::connection::Resource;

/// What is followed, and how.
pub(super) struct Source {
    pub(super) client: Client,
    pub(super) resource: Resource,
    pub(super) scope: Scope,
    pub(super) options: WatchOptions,
    pub(super) health: WatchHealth,
}

/// How lists and watches are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchOptions {
    /// Objects in a page.
    pub page: u32,
    /// How long a page may take.
    pub list_timeout: Duration,
    /// How long a watch may take to begin.
    pub open_timeout: Duration,
    /// How long the server is asked to keep a watch open; a quarter less now and then.
    pub watch_time: Duration,
    /// A watch on which nothing came for so long, not even the bookmark that servers send every minute, is taken for
    /// dead.
    pub silent_for: Duration,
    /// A list is made anew after so long, in case that an event was lost on the way.
    pub relist: Duration,
    /// The delay after the first failure.
    pub first_delay: Duration,
    /// The longest delay.
    pub longest_delay: Duration,
    /// For how long a server that says less than it did is not believed.
    pub believe_older_after: Duration,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            page: 500,
            list_timeout: Duration::from_secs(60),
            open_timeout: Duration::from_secs(15),
            watch_time: Duration::from_secs(300),
            silent_for: Duration::from_secs(90),
            relist: Duration::from_secs(1800),
            first_delay: Duration::from_millis(250),
            longest_delay: Duration::from_secs(30),
            believe_older_after: Duration::from_secs(20),
        }
    }
}

/// What is known of a watch, for readiness and metrics. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct WatchHealth {
    shared: Arc<HealthState>,
}

#[derive(Debug, Default)]
struct HealthState {
    following: AtomicBool,
    lists: AtomicU64,
    invalid: AtomicU64,
    failures: AtomicU64,
    problem: Mutex<Option<String>>,
}

impl WatchHealth {
    /// Whether it is connected, as far as is known.
    pub fn is_following(&self) -> bool {
        self.shared.following.load(Ordering::Relaxed)
    }

    /// Complete lists so far.
    pub fn lists(&self) -> u64 {
        self.shared.lists.load(Ordering::Relaxed)
    }

    /// Failures so far.
    pub fn failures(&self) -> u64 {
        self.shared.failures.load(Ordering::Relaxed)
    }

    /// Objects so far that could not be read.
    pub fn invalid_objects(&self) -> u64 {
        self.shared.invalid.load(Ordering::Relaxed)
    }

    /// What keeps it from following, for people.
    pub fn problem(&self) -> Option<String> {
        self.shared.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn watching(&self) {
        self.shared.following.store(true, Ordering::Relaxed);
        *self.shared.problem.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn invalid(&self, invalid: &Invalid) {
        self.shared.invalid.fetch_add(1, Ordering::Relaxed);
        let Invalid { namespace, name, problem, .. } = invalid;
        tracing::warn!(%namespace, %name, %problem, "an object cannot be read and is left as it was");
    }

    pub(super) fn listed(&self) {
        self.shared.lists.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, problem: String) {
        self.shared.following.store(false, Ordering::Relaxed);
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        *self.shared.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
    }
}
