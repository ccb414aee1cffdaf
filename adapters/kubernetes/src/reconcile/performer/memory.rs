use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hourglass_core::lifecycle::{History, Instance, Waiting};
use hourglass_core::performer::InstanceName;
use tokio::time::Instant;

use crate::cache::Key;

/// What is known of a Performer and stands nowhere else. Losing it costs seconds, never a wrong step.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    /// Of which object of that name.
    pub(super) uid: Box<str>,
    /// What was planned last, and what was durable then: while that is durable, planning goes on from here.
    pub(super) planned: Option<(History, History)>,
    /// Instances whose pods the API server did not take.
    pub(super) never_started: BTreeMap<InstanceName, Instance>,
    /// What was waited for when that was last told.
    pub(super) waiting: Option<Waiting>,
    /// What the API server would not take, apart from pods.
    pub(super) blocked: Option<Waiting>,
    /// Since when the status could say more than it does.
    pub(super) unsaid_since: Option<Instant>,
    /// Whether this is the first look in a term: what another operator was about to do is not under way any more.
    pub(super) first_look: bool,
}

impl Memory {
    fn is_empty(&self) -> bool {
        self.never_started.is_empty()
            && self.waiting.is_none()
            && self.blocked.is_none()
            && self.unsaid_since.is_none()
            && self.planned.as_ref().is_none_or(|(planned, durable)| planned == durable)
    }
}

/// The memories of all Performers. One is with at most one worker at a time, because a key is.
#[derive(Debug, Default)]
pub(super) struct Memories {
    all: Mutex<HashMap<Key, Memory>>,
}

impl Memory {
    fn of_a_new_term() -> Self {
        Self { first_look: true, ..Self::default() }
    }
}

impl Memories {
    pub(super) fn take(&self, key: &Key) -> Memory {
        self.lock().remove(key).unwrap_or_default()
    }

    pub(super) fn put(&self, key: Key, memory: Memory) {
        if !memory.is_empty() {
            self.lock().insert(key, memory);
        }
    }

    /// Forgets everything, since what was only in memory belonged to another term.
    pub(super) fn begin_term(&self, keys: &[Key]) {
        let mut all = self.lock();
        all.clear();
        all.extend(keys.iter().map(|key| (key.clone(), Memory::of_a_new_term())));
    }

    /// How many Performers are on their way somewhere.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Memory>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
